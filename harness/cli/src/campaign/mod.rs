//! A fuzz target under libFuzzer for a while: started, watched, logged, its findings read, its corpus kept for the next time.
//!
//! Everything lies in one folder for each target: `corpus/` (what the engine learnt; the committed seeds are read beside it),
//! `artifacts/` (inputs that failed), `log.jsonl`, `index.html`. A second campaign goes on where the first one ended.

pub mod log;
pub mod page;

use crate::clock;
use crate::fault::Fault;
use crate::simulation;
use halfopen_fuzz::finding::oracle_of;
use log::{Entry, Finding, Log, Progress, Start};
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Seconds after which an input counts as hanging.
const HANGS: u32 = 20;
/// Megabytes that a target may take.
const MEMORY: u32 = 2048;

/// What ASan is told where the user says nothing: no pointer of safe code outlives its frame, and looking for one halves the rate.
const ASAN_OPTIONS: (&str, &str) = ("ASAN_OPTIONS", "detect_stack_use_after_return=0");

/// What a campaign is told.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The target's name.
    pub target: String,
    /// How long.
    pub time: Duration,
    /// Processes at once.
    pub jobs: u16,
    /// `none` or `address`.
    pub sanitizer: &'static str,
    /// The package of the shells.
    pub shells: PathBuf,
    /// Where everything lies.
    pub folder: PathBuf,
}

impl Plan {
    fn sub(&self, name: &str) -> Result<PathBuf, Fault> {
        let folder = self.folder.join(name);
        let failed = |why| Fault::Environment(format!("{}: {why}", folder.display()));
        fs::create_dir_all(&folder).map_err(failed)?;
        // cargo-fuzz runs elsewhere.
        folder.canonicalize().map_err(failed)
    }

    /// The seeds in the repository.
    fn committed(&self) -> Option<PathBuf> {
        let folder = self.shells.parent()?.join("corpus").join(&self.target);
        folder.canonicalize().ok()
    }

    /// What the target asks of the engine in `fuzz/engine/`, which ClusterFuzz reads too, as libFuzzer's flags.
    fn engine_options(&self) -> Result<Vec<String>, Fault> {
        let Some(folder) = self.shells.parent().map(|fuzz| fuzz.join("engine")) else { return Ok(Vec::new()) };
        let file = folder.join(&self.target).with_extension("options");
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Fault::Environment(format!("{}: {error}", file.display()))),
        };
        Ok(flags(&text, &folder))
    }

    fn cargo_fuzz(&self, word: &str) -> Command {
        let mut command = Command::new("cargo");
        if self.sanitizer != "none" {
            command.arg("+nightly");
        }
        if std::env::var_os(ASAN_OPTIONS.0).is_none() {
            command.envs([ASAN_OPTIONS]);
        }
        // What comparisons see costs half of the time, and finds nothing here that mutators of programs and dictionaries do not.
        command.args(["fuzz", word, "--no-trace-compares", "--sanitizer", self.sanitizer, "--fuzz-dir"]);
        command.arg(&self.shells).arg(&self.target);
        command.stdin(Stdio::null());
        command
    }
}

/// The lines of an options file as flags: `-max_len=512`, and a dictionary by its path.
fn flags(text: &str, folder: &Path) -> Vec<String> {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let flag = |(key, value): (&str, &str)| match (key.trim(), value.trim()) {
        ("dict", name) => format!("-dict={}", folder.join(name).display()),
        (key, value) => format!("-{key}={value}"),
    };
    pairs.map(flag).collect()
}

/// The package of the shells: below the current folder or one above it.
pub fn shells() -> Result<PathBuf, Fault> {
    let here = std::env::current_dir()?;
    here.ancestors()
        .map(|folder| folder.join("fuzz/fuzz_targets"))
        .find(|folder| folder.join("Cargo.toml").is_file())
        .ok_or_else(|| Fault::Environment("no fuzz/fuzz_targets here or above: campaigns need the source tree".into()))
}

/// Runs a campaign, telling of progress and findings.
pub fn run(plan: &Plan, tell: &mut dyn FnMut(&Entry)) -> Result<Log, Fault> {
    let artifacts = plan.sub("artifacts")?;
    let learned = plan.sub("corpus")?;
    let mut log = Log::open(&plan.folder.join("log.jsonl"))?;
    let mut known = files(&artifacts);
    build(plan)?;
    let commit = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output().ok();
    let commit = commit.filter(|output| output.status.success()).map(|output| output.stdout).unwrap_or_default();
    let start = Start {
        target: plan.target.clone(),
        commit: String::from_utf8_lossy(&commit).trim().to_string(),
        at: clock::stamp(),
        jobs: plan.jobs,
        sanitizer: plan.sanitizer.to_string(),
        seconds: plan.time.as_secs(),
    };
    log.add(Entry::Start(start))?;
    let mut command = plan.cargo_fuzz("run");
    command.arg(&learned).args(plan.committed()).arg("--");
    command.arg(format!("-fork={}", plan.jobs)).args(["-ignore_crashes=1", "-ignore_timeouts=1", "-ignore_ooms=1"]);
    command.arg(format!("-max_total_time={}", plan.time.as_secs().max(1)));
    command.arg(format!("-timeout={HANGS}")).arg(format!("-rss_limit_mb={MEMORY}"));
    command.arg(format!("-artifact_prefix={}/", artifacts.display())).args(plan.engine_options()?);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(not_started)?;
    let lines = BufReader::new(child.stderr.take().ok_or_else(|| Fault::Environment("no pipe".into()))?);
    let mut last = Vec::new();
    for line in lines.split(b'\n') {
        let line = String::from_utf8_lossy(&line?).trim().to_string();
        if let Some(progress) = Progress::parse(&line) {
            for file in files(&artifacts).difference(&known) {
                let finding = finding(plan, file, progress.seconds);
                tell(&finding);
                log.add(finding)?;
            }
            known = files(&artifacts);
            let entry = Entry::Progress(progress);
            tell(&entry);
            log.add(entry)?;
        } else {
            last.push(line);
            last.drain(..last.len().saturating_sub(20));
        }
    }
    let status = child.wait()?;
    let seconds = log.progress().last().map_or(plan.time.as_secs(), |progress| progress.seconds);
    for file in files(&artifacts).difference(&known) {
        let finding = finding(plan, file, seconds);
        tell(&finding);
        log.add(finding)?;
    }
    if log.progress().next().is_none() {
        return Err(Fault::Environment(format!("the engine ended ({status}) and said:\n{}", last.join("\n"))));
    }
    Ok(log)
}

fn not_started(why: std::io::Error) -> Fault {
    Fault::Environment(format!("cargo fuzz does not start: {why}; `cargo install cargo-fuzz` gets it"))
}

fn build(plan: &Plan) -> Result<(), Fault> {
    let status = plan.cargo_fuzz("build").stdout(Stdio::null()).status().map_err(not_started)?;
    if status.success() { Ok(()) } else { Err(Fault::Environment(format!("cargo fuzz build: {status}"))) }
}

/// Files in a folder.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect()
}

/// What an artifact fails of: the plain function is asked, in this process, and if it is content the engine, which has debug assertions.
fn finding(plan: &Plan, file: &Path, seconds: u64) -> Entry {
    let text = match fs::read(file) {
        Ok(octets) if !is_slow(file) => said(&plan.target, &octets).unwrap_or_else(|| engine_said(plan, file)),
        Ok(_) => "the engine calls it slow or large".to_string(),
        Err(why) => why.to_string(),
    };
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Entry::Finding(Finding { file: name, seconds, oracle: oracle_of(&text).to_string(), text })
}

/// An input that takes long would hold this process too.
fn is_slow(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("timeout-") || name.starts_with("oom-")
}

/// What a target says of an input, `None` if it is content.
fn said(target: &str, octets: &[u8]) -> Option<String> {
    let targets = crate::fuzzed::targets().into_iter().map(|target| (target.name, target.run));
    let mut all = targets.chain([("canary", halfopen_fuzz::canary::run as fn(&[u8]))]);
    let Some((_, run)) = all.find(|(name, _)| *name == target) else { return Some("no such target".into()) };
    panic::catch_unwind(AssertUnwindSafe(|| run(octets))).err().map(|_| simulation::last_panic())
}

/// What the engine says of one input.
fn engine_said(plan: &Plan, file: &Path) -> String {
    let output = plan.cargo_fuzz("run").arg(file).args(["--", &format!("-timeout={HANGS}")]).output();
    match output {
        Ok(output) if output.status.success() => "it does not fail again".to_string(),
        Ok(output) => cause(&String::from_utf8_lossy(&output.stderr)),
        Err(why) => not_started(why).to_string(),
    }
}

/// What a program that died of a panic or a sanitizer said of it: the words of the panic with their place, or the sanitizer's sentence.
fn cause(said: &str) -> String {
    let mut lines = said.lines().skip_while(|line| !line.contains(" panicked at "));
    if let Some(place) = lines.next().and_then(|line| line.split(" panicked at ").nth(1)) {
        let is_over = |line: &str| ["note: ", "stack backtrace:", "=="].iter().any(|start| line.starts_with(start));
        let words: Vec<_> = lines.take_while(|line| !is_over(line)).collect();
        return format!("{} ({})", words.join("\n"), place.trim_end_matches(':'));
    }
    let sentence = said.lines().find(|line| line.contains("ERROR: "));
    sentence.unwrap_or("it fails in the engine, without a word").to_string()
}

/// Keeps of the corpus what covers as much with fewer and smaller inputs. How many there were, and are.
pub fn minimise(plan: &Plan) -> Result<(usize, usize), Fault> {
    let learned = plan.sub("corpus")?;
    let before = files(&learned).len();
    let fresh = plan.folder.join("corpus.min");
    let _ = fs::remove_dir_all(&fresh);
    let fresh = plan.sub("corpus.min")?;
    let mut command = plan.cargo_fuzz("run");
    command.args([&fresh, &learned]).args(plan.committed()).args(["--", "-merge=1"]);
    let output = command.output().map_err(not_started)?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Fault::Environment(format!("the merge ends with {}:\n{text}", output.status)));
    }
    // Only a whole new corpus takes the place of the old one.
    fs::remove_dir_all(&learned)?;
    fs::rename(&fresh, &learned)?;
    Ok((before, files(&learned).len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asan_is_told_what_safe_code_does_not_need_unless_the_user_tells_it_something() {
        let time = Duration::from_secs(1);
        let (shells, folder) = (PathBuf::from("shells"), PathBuf::from("folder"));
        let plan = Plan { target: "canary".into(), time, jobs: 1, sanitizer: "address", shells, folder };
        let command = plan.cargo_fuzz("run");
        let told = command.get_envs().find(|(name, _)| *name == "ASAN_OPTIONS").and_then(|(_, value)| value);
        let expected = std::env::var_os("ASAN_OPTIONS").is_none().then(|| "detect_stack_use_after_return=0".as_ref());
        assert_eq!(told, expected);
    }

    #[test]
    fn options_of_the_engine_are_flags() {
        let folder = Path::new("fuzz/engine");
        let text = "[libfuzzer]\nmax_len = 512\ndict = words.dict\n";
        assert_eq!(flags(text, folder), ["-max_len=512", "-dict=fuzz/engine/words.dict"]);
        let shells = shells().expect("the tests run in the source tree");
        let time = Duration::from_secs(1);
        for target in ["state_machine", "script_parser"] {
            let (shells, folder) = (shells.clone(), PathBuf::from("folder"));
            let plan = Plan { target: target.into(), time, jobs: 1, sanitizer: "none", shells, folder };
            let told = plan.engine_options().expect("its options are read");
            assert!(told.iter().any(|flag| flag.starts_with("-max_len=")), "{target}: {told:?}");
        }
    }

    #[test]
    fn the_canary_says_what_it_died_of() {
        simulation::expect_panics();
        let told = said("canary", halfopen_fuzz::canary::MAGIC).expect("its magic input fails");
        assert!(told.starts_with("assertion"), "{told}");
        assert_eq!(said("canary", b""), None);
        assert_eq!(said("sparrow", b"").as_deref(), Some("no such target"));
    }

    #[test]
    fn cause_is_what_the_panic_or_the_sanitizer_says() {
        let panic = "INFO: Seed: 1\n\nthread '<unnamed>' (7) panicked at stack/core/src/seq.rs:8:13:\nO9: a\n  b\n";
        for rest in ["note: run with", "stack backtrace:\n   0: main", "==7== ERROR: libFuzzer: deadly signal", ""] {
            assert_eq!(cause(&format!("{panic}{rest}")), "O9: a\n  b (stack/core/src/seq.rs:8:13)");
        }
        let sanitizer = "INFO: Seed: 1\n==7==ERROR: AddressSanitizer: heap-use-after-free on address\n";
        assert_eq!(cause(sanitizer), "==7==ERROR: AddressSanitizer: heap-use-after-free on address");
        assert_eq!(cause("Killed"), "it fails in the engine, without a word");
    }
}
