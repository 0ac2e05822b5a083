//! One test's result with everything a report says about it, and the totals of a run.

use halfopen_engine::outcome::{self, Mismatch, Outcome};
use halfopen_engine::sut::{ClockKind, Micros};
use halfopen_script::FileId;
use halfopen_script::ast::Level;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The verdict after expectations and retries: what a report shows and the exit code follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FinalVerdict {
    /// The SUT did what the script says.
    Pass,
    /// A SHOULD or MAY is not met.
    Nonstrict,
    /// It failed in the way that the expectation file says.
    Xfail,
    /// The SUT declared that it lacks what the script needs.
    Unsupported,
    /// The evidence carries no verdict.
    Inconclusive,
    /// It failed and then passed when repeated.
    Flaky,
    /// It passed, against the expectation file.
    Xpass,
    /// The SUT did not do what the script says.
    Fail,
    /// Script or environment is at fault.
    Error,
}

impl FinalVerdict {
    /// Every verdict, in the order in which a summary lists them.
    pub const ALL: [Self; 9] = [
        Self::Pass,
        Self::Nonstrict,
        Self::Xfail,
        Self::Unsupported,
        Self::Inconclusive,
        Self::Flaky,
        Self::Xpass,
        Self::Fail,
        Self::Error,
    ];

    /// The word, as JSON has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Nonstrict => "nonstrict",
            Self::Xfail => "xfail",
            Self::Unsupported => "unsupported",
            Self::Inconclusive => "inconclusive",
            Self::Flaky => "flaky",
            Self::Xpass => "xpass",
            Self::Fail => "fail",
            Self::Error => "error",
        }
    }

    /// Its exchange is worth printing without being asked for.
    pub fn is_failure(self) -> bool {
        match self {
            Self::Fail | Self::Error | Self::Flaky => true,
            Self::Pass | Self::Nonstrict | Self::Xfail | Self::Xpass | Self::Unsupported | Self::Inconclusive => false,
        }
    }
}

impl From<outcome::Verdict> for FinalVerdict {
    fn from(verdict: outcome::Verdict) -> Self {
        match verdict {
            outcome::Verdict::Pass => Self::Pass,
            outcome::Verdict::Fail => Self::Fail,
            outcome::Verdict::Nonstrict => Self::Nonstrict,
            outcome::Verdict::Inconclusive => Self::Inconclusive,
            outcome::Verdict::Unsupported => Self::Unsupported,
            outcome::Verdict::Error => Self::Error,
        }
    }
}

impl fmt::Display for FinalVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// What is the same for every test of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunInfo {
    /// SUT, e.g. `linux`.
    pub sut: String,
    /// Runner, e.g. `tun`.
    pub runner: String,
    /// Version that the SUT gives, e.g. the kernel release.
    pub version: String,
    /// Profile, when one was asked for.
    pub profile: Option<String>,
    /// Whose clock the times are on.
    pub clock: ClockKind,
    /// Number of tests selected.
    pub tests: usize,
    /// Seed of the run.
    pub seed: u64,
}

/// One test's result.
#[derive(Debug, Clone)]
pub struct Record {
    /// Place in the stable order of the run, from 0.
    pub index: usize,
    /// The test's id.
    pub test: String,
    /// Parts of the id's brackets by name: `family`, then the axes in order.
    pub variant: Vec<(String, String)>,
    /// Path of the file that the mismatch points into (a fixture, perhaps), otherwise of the script.
    pub file: String,
    /// Fixtures that lines of the trace stand in, by the file that an entry names.
    pub fixtures: BTreeMap<FileId, String>,
    /// Rules, when the script has a header.
    pub rules: Vec<String>,
    /// Level, when the script has a header.
    pub level: Option<Level>,
    /// Expected behaviour in a sentence; may be empty.
    pub sentence: String,
    /// Verdict after expectations and retries.
    pub verdict: FinalVerdict,
    /// What the last execution that decided the verdict came to; for `flaky`, the one that failed.
    pub outcome: Outcome,
    /// Time it took, on this machine's clock.
    pub wall: Duration,
    /// Executions.
    pub attempts: u32,
    /// Why a failure was expected (and its reference), or why an expected failure is none.
    pub expectation: Option<String>,
    /// Path of the capture, when one was written.
    pub capture: Option<String>,
    /// The command that repeats the test.
    pub again: String,
}

impl Record {
    /// Why it is not a plain pass, in one line: what the expectation file says, what differs, or the reason. Empty for a pass.
    pub fn why(&self) -> String {
        let expectation = || self.expectation.clone().unwrap_or_default();
        let found = || self.outcome.mismatch.as_ref().map_or_else(|| self.reason(), difference);
        match self.verdict {
            FinalVerdict::Pass => String::new(),
            FinalVerdict::Xfail | FinalVerdict::Xpass => expectation(),
            FinalVerdict::Unsupported | FinalVerdict::Inconclusive | FinalVerdict::Error => self.reason(),
            FinalVerdict::Fail | FinalVerdict::Nonstrict => found(),
            FinalVerdict::Flaky => format!("passed when repeated; before: {}", found()),
        }
    }

    fn reason(&self) -> String {
        let lines = self.outcome.reason.iter().flat_map(|reason| reason.lines());
        lines.map(str::trim).collect::<Vec<_>>().join(" ")
    }

    /// The script's id: the test's without its variant.
    pub fn script(&self) -> &str {
        self.test.split_once('[').map_or(&self.test, |(script, _)| script)
    }
}

/// `line 6: flags expected ., got R; seq expected 1, got 0`
fn difference(mismatch: &Mismatch) -> String {
    let place = mismatch.line.map_or("after the script: ".into(), |line| format!("line {line}: "));
    let fields: Vec<_> =
        mismatch.fields.iter().map(|f| format!("{} expected {}, got {}", f.field, f.expected, f.got)).collect();
    match fields.is_empty() {
        true => format!("{place}expected {}, got {}", mismatch.expected, mismatch.got),
        false => place + &fields.join("; "),
    }
}

/// Totals of a run.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Number of tests by verdict; only those that occurred.
    pub counts: BTreeMap<FinalVerdict, usize>,
    /// MUST tests that passed, and MUST tests that came to pass, fail or nonstrict.
    pub must: (usize, usize),
    /// The same for SHOULD.
    pub should: (usize, usize),
    /// Number of `error` tests that are the script's fault, not the environment's.
    pub script_errors: usize,
    /// Number of `unsupported` tests by reason.
    pub unsupported: BTreeMap<String, usize>,
    /// Expectations that matched no test of the suite, one line each.
    pub stale: Vec<String>,
    /// Tests that were selected and not run, after `--fail-fast`.
    pub not_run: usize,
    /// Time the run took, on this machine's clock.
    pub wall: Duration,
    /// Time on the SUT's clock, all tests added up.
    pub simulated: Micros,
    /// The exit code that these results come to.
    pub exit: u8,
}

impl Summary {
    /// Counts one record.
    pub fn add(&mut self, record: &Record) {
        *self.counts.entry(record.verdict).or_default() += 1;
        self.simulated += record.outcome.elapsed;
        if record.verdict == FinalVerdict::Unsupported {
            let reason = record.outcome.reason.clone().unwrap_or_else(|| "no reason given".into());
            *self.unsupported.entry(reason).or_default() += 1;
        }
        let met = match record.verdict {
            FinalVerdict::Pass | FinalVerdict::Xpass => true,
            FinalVerdict::Fail | FinalVerdict::Nonstrict | FinalVerdict::Xfail | FinalVerdict::Flaky => false,
            FinalVerdict::Unsupported | FinalVerdict::Inconclusive | FinalVerdict::Error => return,
        };
        let tally = match record.level {
            Some(Level::Must) => &mut self.must,
            Some(Level::Should) => &mut self.should,
            Some(Level::May) | None => return,
        };
        tally.0 += usize::from(met);
        tally.1 += 1;
    }

    /// Number of tests with this verdict.
    pub fn count(&self, verdict: FinalVerdict) -> usize {
        self.counts.get(&verdict).copied().unwrap_or_default()
    }

    /// Number of tests reported.
    pub fn total(&self) -> usize {
        self.counts.values().sum()
    }
}
