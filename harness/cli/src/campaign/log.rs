//! The log of a target's campaigns: JSON, an object a line, appended to.

use crate::fault::Fault;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

/// A campaign begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Target.
    pub target: String,
    /// Commit of the source tree, empty when git does not say.
    pub commit: String,
    /// UTC, as `20260131T120000Z`.
    pub at: String,
    /// Processes.
    pub jobs: u16,
    /// `none`, `address`.
    pub sanitizer: String,
    /// How long it is to last.
    pub seconds: u64,
}

/// How far the engine has come, counted from the start of the campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Seconds.
    pub seconds: u64,
    /// Executions.
    pub executions: u64,
    /// Executions per second, all processes together.
    pub per_second: u64,
    /// Edges of code that were reached.
    pub coverage: u64,
    /// Features: edges with how often they were taken, and extra counters.
    pub features: u64,
    /// Inputs in the corpus.
    pub corpus: u64,
}

/// An input that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its name below `artifacts/`.
    pub file: String,
    /// When, counted from the start of the campaign.
    pub seconds: u64,
    /// The oracle that it violates; empty for a crash.
    pub oracle: String,
    /// What the target says of it.
    pub text: String,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Entry {
    /// A campaign begins.
    Start(Start),
    /// It goes on.
    Progress(Progress),
    /// It has found something.
    Finding(Finding),
}

impl Progress {
    /// From a line that libFuzzer writes when it runs jobs:
    /// `#4096: cov: 101 ft: 202 corp: 30 exec/s: 1000 oom/timeout/crash: 0/0/0 time: 4s job: 3 dft_time: 0`
    pub fn parse(line: &str) -> Option<Self> {
        let (executions, rest) = line.strip_prefix('#')?.split_once(": ")?;
        let words: Vec<&str> = rest.split_whitespace().collect();
        let value = |name: &str| -> Option<u64> {
            let at = words.iter().position(|word| *word == name)?;
            words.get(at + 1)?.trim_end_matches('s').parse().ok()
        };
        Some(Self {
            executions: executions.parse().ok()?,
            coverage: value("cov:")?,
            features: value("ft:")?,
            corpus: value("corp:")?,
            per_second: value("exec/s:")?,
            seconds: value("time:")?,
        })
    }
}

/// All lines, and the file that they go to.
#[derive(Debug)]
pub struct Log {
    file: File,
    /// Every line, those of earlier campaigns first.
    pub entries: Vec<Entry>,
    /// How many there were before this campaign.
    before: usize,
}

impl Log {
    /// Reads what is there, and goes on behind it. A line that was cut off by a kill is passed over.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        let failed = |why| Fault::Environment(format!("{}: {why}", path.display()));
        let text = fs::read_to_string(path).unwrap_or_default();
        let entries: Vec<Entry> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
        if !text.is_empty() && !text.ends_with('\n') {
            writeln!(file)?;
        }
        Ok(Self { file, before: entries.len(), entries })
    }

    /// Adds a line.
    pub fn add(&mut self, entry: Entry) -> Result<(), Fault> {
        let line = serde_json::to_string(&entry).map_err(std::io::Error::from)?;
        writeln!(self.file, "{line}")?;
        self.entries.push(entry);
        Ok(())
    }

    fn of_this_campaign(&self) -> &[Entry] {
        &self.entries[self.before..]
    }

    /// Progress of this campaign.
    pub fn progress(&self) -> impl Iterator<Item = &Progress> {
        self.of_this_campaign().iter().filter_map(|entry| match entry {
            Entry::Progress(progress) => Some(progress),
            Entry::Start(_) | Entry::Finding(_) => None,
        })
    }

    /// Findings of this campaign.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.of_this_campaign().iter().filter_map(|entry| match entry {
            Entry::Finding(finding) => Some(finding),
            Entry::Start(_) | Entry::Progress(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_engine_are_progress_or_nothing() {
        let line = "#4096: cov: 101 ft: 202 corp: 30 exec/s: 1000 oom/timeout/crash: 0/0/0 time: 4s job: 3 dft_time: 0";
        let expected =
            Progress { seconds: 4, executions: 4096, per_second: 1000, coverage: 101, features: 202, corpus: 30 };
        assert_eq!(Progress::parse(line), Some(expected));
        for other in ["", "INFO: -fork=2: fuzzing in separate process(s)", "#12 INITED cov: 1", "#x: cov: 1 ft: 2"] {
            assert_eq!(Progress::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_log_goes_on_behind_a_line_that_was_cut_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log.jsonl");
        let entry = |seconds| {
            Entry::Progress(Progress { seconds, executions: 1, per_second: 1, coverage: 1, features: 1, corpus: 1 })
        };
        Log::open(&path).and_then(|mut log| log.add(entry(1))).expect("a log");
        fs::write(&path, fs::read_to_string(&path).expect("text") + "{\"kind\":\"prog").expect("a file");
        let mut log = Log::open(&path).expect("a log");
        assert_eq!((log.entries.len(), log.progress().count()), (1, 0));
        log.add(entry(2)).expect("a line");
        assert_eq!(log.progress().map(|progress| progress.seconds).collect::<Vec<_>>(), [2]);
        assert_eq!(Log::open(&path).expect("a log").entries, [entry(1), entry(2)]);
    }
}
