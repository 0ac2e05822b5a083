//! Captures on disk: `DIR/<path of the id>@<variant>.pcapng`, each written whole or not at all.

use crate::clock;
use halfopen_report::pcapng::{Title, capture};
use halfopen_report::record::{FinalVerdict, Record};
use std::path::{Component, Path, PathBuf};
use std::{fs, io, process};

/// When a capture is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Keep {
    /// Of tests that are not as they should be
    Fail,
    /// Of every test
    Always,
    /// Of none
    Never,
}

/// Folder below which runs without `--out` put their captures.
const DEFAULT: &str = "target/halfopen";

/// Writes captures, and makes the folder with the first one.
#[derive(Debug)]
pub struct Captures {
    folder: PathBuf,
    /// Link to the newest run, beside the folder; only for runs without `--out`.
    latest: Option<PathBuf>,
    keep: Keep,
    ready: bool,
    sut: String,
}

impl Captures {
    /// Captures go to `out`, or to a new folder below `target/halfopen`.
    pub fn new(out: Option<&Path>, keep: Keep, sut: &str) -> Self {
        let run = format!("{}-{}", clock::stamp(), process::id());
        let (folder, latest) = match out {
            Some(out) => (out.to_path_buf(), None),
            None => (Path::new(DEFAULT).join(run), Some(Path::new(DEFAULT).join("latest"))),
        };
        Self { folder, latest, keep, ready: false, sut: sut.to_string() }
    }

    /// Writes the capture of a record if it is to be kept, and says where.
    pub fn write(&mut self, record: &Record) -> io::Result<Option<String>> {
        let wanted = match self.keep {
            Keep::Always => true,
            Keep::Never => false,
            Keep::Fail => match record.verdict {
                FinalVerdict::Fail
                | FinalVerdict::Error
                | FinalVerdict::Flaky
                | FinalVerdict::Nonstrict
                | FinalVerdict::Inconclusive => true,
                FinalVerdict::Pass | FinalVerdict::Xfail | FinalVerdict::Xpass | FinalVerdict::Unsupported => false,
            },
        };
        let packets = record.outcome.trace.iter().any(|entry| !entry.octets.is_empty());
        if !wanted || !packets && self.keep != Keep::Always {
            return Ok(None);
        }
        self.prepare()?;
        let file = self.folder.join(name(record));
        let comment = format!("{} {}", record.test, record.verdict);
        let octets = capture(Title { interface: &self.sut, comment: &comment }, &record.outcome.trace);
        write_whole(&file, &octets)?;
        Ok(Some(file.display().to_string()))
    }

    /// Makes the folder, and turns the link to it.
    fn prepare(&mut self) -> io::Result<()> {
        if self.ready {
            return Ok(());
        }
        fs::create_dir_all(&self.folder)?;
        if let (Some(latest), Some(run)) = (&self.latest, self.folder.file_name()) {
            // A new link under another name takes the place of the old one in one step.
            let new = self.folder.with_extension("link");
            std::os::unix::fs::symlink(run, &new)?;
            fs::rename(&new, latest)?;
        }
        self.ready = true;
        Ok(())
    }
}

/// The file of a test: its id's folders, then `name@variant.pcapng`. Brackets would need quotes in a shell.
fn name(record: &Record) -> PathBuf {
    let (path, variant) = record.test.split_once('[').unwrap_or((&record.test, ""));
    let parts = Path::new(path).components().filter(|part| matches!(part, Component::Normal(_)));
    let mut file: PathBuf = parts.collect();
    let variant = variant.trim_end_matches(']');
    let last = file.file_name().map(|last| last.to_string_lossy().into_owned()).unwrap_or_default();
    file.set_file_name(format!("{}@{variant}.pcapng", last.strip_suffix(".pkt").unwrap_or(&last)));
    file
}

/// Writes beside and renames: a run that is killed leaves no half of a file under its name.
fn write_whole(file: &Path, octets: &[u8]) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let partial = file.with_file_name(format!(".{name}.partial-{}", process::id()));
    fs::write(&partial, octets)?;
    fs::rename(&partial, file)
}
