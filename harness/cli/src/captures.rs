//! Captures on disk: `DIR/<path of the id>@<variant>.pcapng`, each written whole or not at all.

use halfopen_report::pcapng::capture;
use halfopen_report::record::{FinalVerdict, Record, RunInfo};
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

/// Writes captures into the folder of a run.
#[derive(Debug)]
pub struct Captures {
    /// None when the run has no folder.
    folder: Option<PathBuf>,
    keep: Keep,
    run: RunInfo,
}

impl Captures {
    /// Captures of a run go to its folder.
    pub fn new(folder: Option<PathBuf>, keep: Keep, run: &RunInfo) -> Self {
        Self { folder, keep, run: run.clone() }
    }

    /// Writes the capture of a record if it is to be kept, and says where.
    pub fn write(&self, record: &Record) -> io::Result<Option<String>> {
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
        let Some(folder) = self.folder.as_ref().filter(|_| wanted && (packets || self.keep == Keep::Always)) else {
            return Ok(None);
        };
        let file = folder.join(name(record));
        write_whole(&file, &capture(record, &self.run))?;
        Ok(Some(file.display().to_string()))
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
