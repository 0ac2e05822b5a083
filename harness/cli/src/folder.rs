//! The folder of a run: `run.json` (its parameters), `results.jsonl` (its results), and captures. Enough to report, replay and compare it.

use crate::again;
use crate::args::RunArgs;
use crate::clock;
use crate::fault::Fault;
use crate::specs::{Root, Specs};
use halfopen_engine::sut::ClockKind;
use halfopen_report::Reporter;
use halfopen_report::jsonl::JsonLines;
use halfopen_report::record::RunInfo;
use halfopen_report::stored::StoredRun;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::{env, process};

/// Folder below which runs without `--out` have theirs.
const DEFAULT: &str = "target/halfopen";
/// Link to the newest of them.
const LATEST: &str = "latest";
const PARAMETERS: &str = "run.json";
const RESULTS: &str = "results.jsonl";
/// Version of the schema of `run.json`.
const VERSION: u32 = 1;
/// Stands for the id of a test in [`Parameters::repeat`].
const TEST: &str = "{test}";

/// What a run was started with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters {
    /// Version of the schema.
    pub v: u32,
    /// When it began: UTC, as `20260131T120000Z`.
    pub started: String,
    /// Version of this program, with the commit that it was built from.
    pub halfopen: String,
    /// The command line as it was given.
    pub command: Vec<String>,
    /// The command that runs one of its tests under the same conditions; `{test}` stands for the id.
    pub repeat: Vec<String>,
    /// The folder in which it ran.
    pub folder: PathBuf,
    /// The tests came from here.
    pub specs: SpecsFrom,
    /// Who was tested.
    pub sut: Tested,
    /// Seed of everything random.
    pub seed: u64,
    /// Number of tests selected.
    pub tests: usize,
}

/// Where the tests of a run came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecsFrom {
    /// The folder; none when it was the copy in the binary.
    pub folder: Option<PathBuf>,
    /// Of all texts: equal specs have equal digests.
    pub digest: String,
}

/// Who was tested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tested {
    /// Name of the SUT.
    pub name: String,
    /// How it was reached.
    pub runner: String,
    /// What it says of its version.
    pub version: String,
    /// Its configuration by name, when one was asked for.
    pub profile: Option<String>,
    /// Whose clock the times are on.
    pub clock: ClockKind,
}

impl Parameters {
    /// Those of a run that is about to begin.
    pub fn new(args: &RunArgs, named: Option<&Path>, specs: &Specs, info: &RunInfo) -> Self {
        let families: Vec<_> =
            args.select.family.iter().map(|family| halfopen_script::test::Family::from(*family).to_string()).collect();
        let folder = match &specs.root {
            Root::Folder(folder) => Some(folder.clone()),
            Root::Embedded => None,
        };
        Self {
            v: VERSION,
            started: clock::stamp(),
            halfopen: crate::VERSION.to_string(),
            command: env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
            repeat: again::words(args, named, TEST, &families.join(",")),
            folder: env::current_dir().unwrap_or_default(),
            specs: SpecsFrom { folder, digest: format!("{:016x}", specs.digest()) },
            sut: Tested {
                name: info.sut.clone(),
                runner: info.runner.clone(),
                version: info.version.clone(),
                profile: info.profile.clone(),
                clock: info.clock,
            },
            seed: info.seed,
            tests: info.tests,
        }
    }

    /// The command that runs one test again.
    pub fn repeat(&self, test: &str) -> Vec<String> {
        self.repeat.iter().map(|word| if word == TEST { test.to_string() } else { word.clone() }).collect()
    }
}

/// Where a run may have its folder that is not to become the newest.
pub fn fresh() -> PathBuf {
    Path::new(DEFAULT).join(format!("{}-{}", clock::stamp(), process::id()))
}

/// Removes the oldest of the folders that runs made below `target/halfopen`, but for so many. What another process still writes stays, and
/// so does whatever does not have a name that a run chose.
fn prune(keep: usize) -> io::Result<()> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(DEFAULT)? {
        let entry = entry?;
        // Not of a link: what it points to is somebody else's.
        if entry.file_type()?.is_dir() && entry.file_name().to_str().is_some_and(is_chosen) {
            folders.push(entry.path());
        }
    }
    // The time stands first in a name.
    folders.sort();
    let old = folders.len().saturating_sub(keep);
    folders.iter().take(old).filter(|folder| !is_written(folder)).try_for_each(fs::remove_dir_all)
}

/// Whether a name is one of [`fresh`]: `20260131T120000Z-4711`.
fn is_chosen(name: &str) -> bool {
    let Some((time, process)) = name.split_once('-') else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    let Some((day, clock)) = time.strip_suffix('Z').and_then(|time| time.split_once('T')) else { return false };
    day.len() == 8 && clock.len() == 6 && digits(day) && digits(clock) && digits(process)
}

/// Whether the process that made it is still there.
fn is_written(folder: &Path) -> bool {
    let process = folder.to_str().and_then(|name| name.rsplit_once('-')).map(|(_, process)| process);
    process.is_some_and(|process| Path::new("/proc").join(process).exists())
}

/// A folder for a run that begins.
#[derive(Debug)]
struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes `out`, or a new folder below `target/halfopen` to which `latest` points from then on.
    fn create(out: Option<&Path>) -> io::Result<Self> {
        if let Some(out) = out {
            fs::create_dir_all(out)?;
            return Ok(Self { path: out.to_path_buf() });
        }
        let path = fresh();
        fs::create_dir_all(&path)?;
        // A new link under another name takes the place of the old one in one step.
        let new = path.with_extension("link");
        std::os::unix::fs::symlink(path.file_name().unwrap_or_default(), &new)?;
        fs::rename(&new, Path::new(DEFAULT).join(LATEST))?;
        Ok(Self { path })
    }

    /// Writes the parameters, and opens the file of the results.
    fn begin(&self, parameters: &Parameters) -> io::Result<File> {
        let text = serde_json::to_string_pretty(parameters)?;
        fs::write(self.path.join(PARAMETERS), text + "\n")?;
        File::create(self.path.join(RESULTS))
    }
}

/// The folder of a run under way.
pub struct Begun {
    /// Where it is.
    pub path: PathBuf,
    /// Writes the results there.
    pub results: Box<dyn Reporter>,
}

/// Begins the folder of a run, and the reporter that writes its results there. None with `--no-out`, and where the usual place cannot be
/// written: what was not asked for by name must not fail a run.
pub fn begin(args: &RunArgs, parameters: &Parameters) -> Result<Option<Begun>, Fault> {
    if args.no_out {
        return Ok(None);
    }
    let begun = RunFolder::create(args.out.as_deref()).and_then(|folder| {
        let results = BufWriter::with_capacity(1 << 16, folder.begin(parameters)?);
        Ok((folder, results))
    });
    if begun.is_ok()
        && args.out.is_none()
        && let Err(fault) = prune(usize::from(args.keep_runs))
    {
        let _ = writeln!(anstream::stderr(), "note: old runs stay in {DEFAULT}: {fault}");
    }
    match (begun, &args.out) {
        (Ok((folder, results)), _) => {
            let reporter = match parameters.sut.clock {
                // It is over before anybody could look.
                ClockKind::Virtual => JsonLines::at_the_end(results),
                ClockKind::Real => JsonLines::new(results),
            };
            Ok(Some(Begun { path: folder.path, results: Box::new(reporter) }))
        }
        (Err(fault), Some(out)) => Err(Fault::Environment(format!("cannot write {}: {fault}", out.display()))),
        (Err(fault), None) => {
            let _ = writeln!(anstream::stderr(), "note: this run is not kept: cannot write {DEFAULT}: {fault}");
            Ok(None)
        }
    }
}

/// A run that is over, as it lies on disk.
#[derive(Debug)]
pub struct Finished {
    /// How the user named it.
    pub name: String,
    /// Its folder, or its file of JSON lines.
    pub path: PathBuf,
    /// Its results.
    pub run: StoredRun,
    /// Its parameters; none for a file of JSON lines.
    pub parameters: Option<Parameters>,
}

impl Finished {
    /// Reads a run by its folder, its file of JSON lines, its name below `target/halfopen`, or `latest`.
    pub fn read(name: &str) -> Result<Self, Fault> {
        let below = Path::new(DEFAULT).join(name);
        let path = [PathBuf::from(name), below].into_iter().find(|path| path.exists());
        let path = path.ok_or_else(|| Fault::Usage(missing(name)))?;
        let is_folder = path.is_dir();
        let results = if is_folder { path.join(RESULTS) } else { path.clone() };
        let shown = results.display();
        let text =
            fs::read_to_string(&results).map_err(|fault| Fault::Usage(format!("cannot read {shown}: {fault}")))?;
        let run = StoredRun::parse(&text).map_err(|fault| Fault::Usage(format!("{shown}: {fault}")))?;
        let parameters = if is_folder { Some(parameters(&path)?) } else { None };
        Ok(Self { name: name.to_string(), path, run, parameters })
    }

    /// Where a capture of it lies: as it was written, or beside the results when the folder has been moved since.
    pub fn capture(&self, recorded: &str) -> Option<PathBuf> {
        let recorded = Path::new(recorded);
        if recorded.exists() {
            return Some(recorded.to_path_buf());
        }
        let parts: Vec<_> = recorded.components().collect();
        let tails = (1..parts.len()).map(|from| self.path.join(parts[from..].iter().collect::<PathBuf>()));
        tails.into_iter().find(|path| path.is_file())
    }
}

fn parameters(folder: &Path) -> Result<Parameters, Fault> {
    let path = folder.join(PARAMETERS);
    let shown = path.display();
    let text = fs::read_to_string(&path).map_err(|fault| Fault::Usage(format!("cannot read {shown}: {fault}")))?;
    let parameters: Parameters =
        serde_json::from_str(&text).map_err(|fault| Fault::Usage(format!("{shown}: {fault}")))?;
    match parameters.v {
        VERSION => Ok(parameters),
        other => Err(Fault::Usage(format!("{shown}: schema {other} is not known here, only {VERSION}"))),
    }
}

/// Says which runs there are.
fn missing(name: &str) -> String {
    let mut known: Vec<String> = fs::read_dir(DEFAULT)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|run| Path::new(DEFAULT).join(run).join(RESULTS).is_file())
        .collect();
    known.sort();
    let text =
        format!("no run `{name}`: neither a folder of one, nor a file of JSON lines, nor a name below {DEFAULT}");
    match known.as_slice() {
        [] => text,
        known => format!("{text}\n  there are: {}", known[known.len().saturating_sub(5)..].join(" ")),
    }
}
