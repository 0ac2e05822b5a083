//! Counts by specification and by verdict, which the Markdown and HTML reports share.

use crate::record::{FinalVerdict, Record, RunInfo};
use crate::text;
use std::collections::BTreeMap;

/// Tests of one specification by verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    counts: BTreeMap<FinalVerdict, usize>,
}

impl Tally {
    /// One more test.
    pub fn add(&mut self, verdict: FinalVerdict) {
        *self.counts.entry(verdict).or_default() += 1;
    }

    /// Number of tests with this verdict.
    pub fn count(&self, verdict: FinalVerdict) -> usize {
        self.counts.get(&verdict).copied().unwrap_or_default()
    }

    /// Number of tests.
    pub fn total(&self) -> usize {
        self.counts.values().sum()
    }
}

/// The specification that an id begins with; scripts from disk have none.
pub fn specification(test: &str) -> &str {
    match test.split_once('/') {
        Some((first, _)) if first.starts_with("rfc") => first,
        Some(_) | None => "scripts",
    }
}

/// Numbers in names count as numbers: `rfc793` before `rfc5961`.
pub fn order(specification: &str) -> (usize, &str) {
    (specification.len(), specification)
}

/// A verdict worth a place of its own in a report: neither as it should be nor out of reach.
pub fn is_notable(verdict: FinalVerdict) -> bool {
    match verdict {
        FinalVerdict::Pass | FinalVerdict::Unsupported | FinalVerdict::Xfail => false,
        FinalVerdict::Nonstrict
        | FinalVerdict::Inconclusive
        | FinalVerdict::Flaky
        | FinalVerdict::Xpass
        | FinalVerdict::Fail
        | FinalVerdict::Error => true,
    }
}

/// `reference 0.1.0 (sim, virtual time), profile linux, seed 7`
pub fn who(run: &RunInfo) -> String {
    let version = if run.version.is_empty() { String::new() } else { format!(" {}", run.version) };
    let profile = run.profile.as_ref().map_or(String::new(), |profile| format!(", profile {profile}"));
    format!("{}{version} ({}, {}){profile}, seed {}", run.sut, run.runner, text::clock(run.clock), run.seed)
}

/// Records by the order of their index, each reduced to what a page says of it.
#[derive(Debug, Default)]
pub struct Page {
    /// Who was tested; set by the start of the run.
    pub run: Option<RunInfo>,
    /// Tests by specification.
    pub tallies: BTreeMap<String, Tally>,
    /// What is worth a place of its own, by index.
    pub notable: BTreeMap<usize, Notable>,
    /// Known failures, by index.
    pub known: BTreeMap<usize, Notable>,
}

/// A test that a page says something about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notable {
    /// Its id.
    pub test: String,
    /// Its verdict.
    pub verdict: FinalVerdict,
    /// Why, in a line.
    pub why: String,
    /// Its exchange, as the report for people draws it, without colours.
    pub drawn: String,
}

impl Page {
    /// Who was tested.
    ///
    /// # Panics
    /// Before the run has started.
    pub fn run(&self) -> &RunInfo {
        self.run.as_ref().expect("start comes before any record")
    }

    /// One more test.
    pub fn add(&mut self, record: &Record) {
        self.tallies.entry(specification(&record.test).to_string()).or_default().add(record.verdict);
        let draw = || Notable {
            test: text::plain(&record.test),
            verdict: record.verdict,
            why: text::plain(&record.why()),
            drawn: text::plain(&crate::ladder::failure(record, self.run())),
        };
        if is_notable(record.verdict) {
            let drawn = draw();
            self.notable.insert(record.index, drawn);
        } else if record.verdict == FinalVerdict::Xfail {
            let drawn = draw();
            self.known.insert(record.index, drawn);
        }
    }

    /// The specifications with their tests, in the order of their numbers.
    pub fn rows(&self) -> Vec<(&str, &Tally)> {
        let mut rows: Vec<(&str, &Tally)> = self.tallies.iter().map(|(name, tally)| (name.as_str(), tally)).collect();
        rows.sort_by_key(|(name, _)| order(name));
        rows
    }

    /// The verdicts that occurred.
    pub fn verdicts(&self) -> Vec<FinalVerdict> {
        let occurred = |verdict: &FinalVerdict| self.tallies.values().any(|tally| tally.count(*verdict) > 0);
        FinalVerdict::ALL.into_iter().filter(occurred).collect()
    }
}
