//! Runs that are over, read back from their JSON lines ([`crate::jsonl`]), so that every report can be made of them later.

use crate::jsonl::VERSION;
use crate::record::{FinalVerdict, Record, RunInfo, Summary};
use halfopen_engine::outcome::{Entry, FieldDiff, Lane, Lateness, Mark, Mismatch, MismatchKind, Outcome, Verdict};
use halfopen_engine::sut::ClockKind;
use halfopen_script::FileId;
use halfopen_script::ast::Level;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A run that is over.
#[derive(Debug, Clone)]
pub struct StoredRun {
    /// What was the same for every test.
    pub info: RunInfo,
    /// The tests, in the stable order.
    pub records: Vec<Record>,
    /// Totals; `None` when the run broke off before them.
    pub summary: Option<Summary>,
}

/// Why a line cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct BadLine {
    /// 1-based.
    pub line: usize,
    /// What is wrong.
    pub fault: String,
}

impl StoredRun {
    /// Reads JSON lines. A last line that was cut short, as that of a run that was killed, is passed over.
    ///
    /// # Errors
    /// A line that is no test and no summary of this schema; or no line at all.
    pub fn parse(text: &str) -> Result<Self, BadLine> {
        let (mut first, mut records, mut totals) = (None, Vec::new(), None);
        let whole = text.ends_with('\n');
        let lines = text.lines().count();
        for (index, line) in text.lines().enumerate() {
            let fault = |fault: String| BadLine { line: index + 1, fault };
            match read(line) {
                Ok(Line::Test(test)) => {
                    first.get_or_insert_with(|| test.info());
                    records.push(test.record(records.len()));
                }
                Ok(Line::Summary(summary)) => totals = Some(summary),
                Err(_) if index + 1 == lines && !whole && index > 0 => {}
                Err(other) => return Err(fault(other)),
            }
        }
        let mut info = match (&totals, first) {
            (Some(totals), _) => totals.info(),
            (None, Some(first)) => first,
            (None, None) => return Err(BadLine { line: 1, fault: "no test and no summary".into() }),
        };
        let summary = totals.map(|totals| totals.summary(&records));
        info.tests = records.len() + summary.as_ref().map_or(0, |summary| summary.not_run);
        Ok(Self { info, records, summary })
    }

    /// Totals, of what there is when the run broke off.
    pub fn totals(&self) -> Summary {
        self.summary.clone().unwrap_or_else(|| counted(&self.records))
    }
}

fn counted(records: &[Record]) -> Summary {
    let mut summary = Summary::default();
    records.iter().for_each(|record| summary.add(record));
    summary
}

enum Line {
    Test(Box<TestLine>),
    Summary(SummaryBody),
}

/// What every line has: the version of the schema, and which of the two it is.
#[derive(Deserialize)]
struct Kind {
    v: u32,
    test: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct SummaryLine {
    summary: SummaryBody,
}

fn read(line: &str) -> Result<Line, String> {
    let kind: Kind = serde_json::from_str(line).map_err(|fault| fault.to_string())?;
    if kind.v != VERSION {
        return Err(format!("schema {} is not known here, only {VERSION}", kind.v));
    }
    let read = match kind.test {
        Some(_) => serde_json::from_str(line).map(|test| Line::Test(Box::new(test))),
        None => serde_json::from_str(line).map(|line: SummaryLine| Line::Summary(line.summary)),
    };
    read.map_err(|fault| fault.to_string())
}

#[derive(Deserialize)]
struct TestLine {
    test: String,
    variant: serde_json::Map<String, serde_json::Value>,
    sut: String,
    runner: String,
    profile: Option<String>,
    verdict: FinalVerdict,
    level: Option<String>,
    rules: Vec<String>,
    wall_us: u64,
    virtual_us: i64,
    attempts: u32,
    lateness: Option<Lateness>,
    mismatch: Option<StoredMismatch>,
    reason: Option<String>,
    expectation: Option<String>,
    seed: u64,
    artifacts: Artifacts,
    #[serde(default)]
    detail: Detail,
}

#[derive(Deserialize)]
struct Artifacts {
    pcap: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Detail {
    file: String,
    sentence: String,
    again: String,
    exchange: Vec<Step>,
    snapshot: Vec<String>,
}

#[derive(Deserialize)]
struct Step {
    at_us: i64,
    line: Option<u32>,
    fixture: Option<String>,
    lane: Lane,
    text: String,
    #[serde(default)]
    mark: Mark,
    #[serde(default)]
    cited: Vec<String>,
}

#[derive(Deserialize)]
struct StoredMismatch {
    kind: MismatchKind,
    line: Option<u32>,
    expected: String,
    got: String,
    fields: Vec<FieldDiff>,
    cited: Option<String>,
    cited_line: Option<u32>,
    timing: bool,
    packetdrill: Option<String>,
}

#[derive(Deserialize)]
struct SummaryBody {
    sut: String,
    runner: String,
    version: String,
    profile: Option<String>,
    clock: ClockKind,
    seed: u64,
    not_run: usize,
    stale: Vec<String>,
    wall_us: u64,
    exit: u8,
}

impl SummaryBody {
    fn info(&self) -> RunInfo {
        RunInfo {
            sut: self.sut.clone(),
            runner: self.runner.clone(),
            version: self.version.clone(),
            profile: self.profile.clone(),
            clock: self.clock,
            tests: 0,
            seed: self.seed,
        }
    }

    fn summary(self, records: &[Record]) -> Summary {
        let wall = Duration::from_micros(self.wall_us);
        Summary { stale: self.stale, not_run: self.not_run, wall, exit: self.exit, ..counted(records) }
    }
}

impl TestLine {
    /// What a test tells of its run, for one that has no summary.
    fn info(&self) -> RunInfo {
        RunInfo {
            sut: self.sut.clone(),
            runner: self.runner.clone(),
            version: String::new(),
            profile: self.profile.clone(),
            clock: if self.lateness.is_some() { ClockKind::Real } else { ClockKind::Virtual },
            tests: 0,
            seed: self.seed,
        }
    }

    fn record(self, index: usize) -> Record {
        let Detail { file, sentence, again, exchange, snapshot } = self.detail;
        let (trace, fixtures) = trace(exchange);
        let text = |value: serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let outcome = Outcome {
            verdict: before_expectations(self.verdict),
            mismatch: self.mismatch.map(mismatch),
            reason: self.reason,
            trace,
            snapshot,
            elapsed: self.virtual_us,
            lateness: self.lateness.unwrap_or_default(),
        };
        Record {
            index,
            test: self.test,
            variant: self.variant.into_iter().map(|(axis, label)| (axis, text(label))).collect(),
            file,
            fixtures,
            rules: self.rules,
            level: self.level.as_deref().and_then(level),
            sentence,
            verdict: self.verdict,
            outcome,
            wall: Duration::from_micros(self.wall_us),
            attempts: self.attempts,
            expectation: self.expectation,
            capture: self.artifacts.pcap,
            again,
        }
    }
}

/// The exchange without its octets, and the names of the fixtures that its lines stand in.
fn trace(steps: Vec<Step>) -> (Vec<Entry>, BTreeMap<FileId, String>) {
    let mut names: Vec<String> = Vec::new();
    let mut number = |name: String| {
        let known = names.iter().position(|other| *other == name);
        let index = known.unwrap_or_else(|| {
            names.push(name);
            names.len() - 1
        });
        index as FileId
    };
    let entries = steps.into_iter().map(|step| Entry {
        at: step.at_us,
        line: step.line,
        file: step.fixture.map(&mut number),
        lane: step.lane,
        text: step.text,
        octets: Vec::new(),
        cited: step.cited.into_iter().map(kept).collect(),
        mark: step.mark,
    });
    let entries = entries.collect();
    (entries, names.into_iter().enumerate().map(|(index, name)| (index as FileId, name)).collect())
}

fn mismatch(stored: StoredMismatch) -> Mismatch {
    let StoredMismatch { kind, line, expected, got, fields, cited, cited_line, timing, packetdrill } = stored;
    Mismatch {
        kind,
        span: None,
        line,
        expected,
        got,
        fields,
        cited: cited.map(kept),
        cited_line,
        timing,
        packetdrill: packetdrill.map(kept),
    }
}

/// Rule ids live as long as the process: in a run they are constants of the stack, and reports are written for those. Each is kept once,
/// however many lines have it.
fn kept(text: String) -> &'static str {
    static KEPT: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    match kept.get(text.as_str()) {
        Some(known) => known,
        None => {
            let new: &'static str = text.leak();
            kept.insert(new);
            new
        }
    }
}

/// The verdict of the engine that comes closest; reports show the final one.
fn before_expectations(verdict: FinalVerdict) -> Verdict {
    match verdict {
        FinalVerdict::Pass | FinalVerdict::Xpass => Verdict::Pass,
        FinalVerdict::Nonstrict => Verdict::Nonstrict,
        FinalVerdict::Xfail | FinalVerdict::Fail | FinalVerdict::Flaky => Verdict::Fail,
        FinalVerdict::Unsupported => Verdict::Unsupported,
        FinalVerdict::Inconclusive => Verdict::Inconclusive,
        FinalVerdict::Error => Verdict::Error,
    }
}

fn level(word: &str) -> Option<Level> {
    match word {
        "must" => Some(Level::Must),
        "should" => Some(Level::Should),
        "may" => Some(Level::May),
        _ => None,
    }
}
