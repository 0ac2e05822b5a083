//! JSON lines: one object per test in the stable order of ids, then one summary object.
//!
//! `{"v":1,"test":ID,"variant":{...},"sut":S,"runner":R,"verdict":V,"level":L,"rules":[...],"wall_us":N,"virtual_us":N,
//! "attempts":N,"lateness":{...},"mismatch":{...}|null,"reason":...,"expectation":...,"artifacts":{...},"detail":{...}}`, then
//! `{"v":1,"summary":{...}}`. `detail` is there for tests that are neither `pass` nor `unsupported`: all that a report shows of one.
//! [`crate::stored`] reads them back.

use crate::Reporter;
use crate::record::{FinalVerdict, Record, RunInfo, Summary};
use halfopen_engine::outcome::{Lane, Lateness, Mark, Mismatch};
use halfopen_engine::sut::ClockKind;
use halfopen_script::ast::Level;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Version of the schema. It rises when a field changes its meaning or goes away, not when one is added.
pub const VERSION: u32 = 1;

/// Writes JSON lines. A record that arrives before its turn waits.
pub struct JsonLines<W> {
    out: W,
    run: Option<RunInfo>,
    next: usize,
    waiting: BTreeMap<usize, String>,
    /// Each line goes out as soon as it is there.
    at_once: bool,
}

#[derive(Serialize)]
struct TestLine<'a> {
    v: u32,
    test: &'a str,
    variant: serde_json::Map<String, serde_json::Value>,
    sut: &'a str,
    runner: &'a str,
    profile: Option<&'a str>,
    verdict: FinalVerdict,
    level: Option<&'static str>,
    rules: &'a [String],
    wall_us: u64,
    virtual_us: i64,
    attempts: u32,
    /// On a real clock only.
    #[serde(skip_serializing_if = "Option::is_none")]
    lateness: Option<Lateness>,
    mismatch: Option<&'a Mismatch>,
    reason: Option<&'a str>,
    expectation: Option<&'a str>,
    seed: u64,
    artifacts: Artifacts<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Detail<'a>>,
}

#[derive(Serialize)]
struct Detail<'a> {
    file: &'a str,
    sentence: &'a str,
    again: &'a str,
    exchange: Vec<Step<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    snapshot: &'a [String],
}

/// A line of the exchange.
#[derive(Serialize)]
struct Step<'a> {
    at_us: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fixture: Option<&'a str>,
    lane: Lane,
    text: &'a str,
    #[serde(skip_serializing_if = "is_ok")]
    mark: Mark,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    cited: &'a [&'static str],
}

fn is_ok(mark: &Mark) -> bool {
    *mark == Mark::Ok
}

#[derive(Serialize)]
struct Artifacts<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pcap: Option<&'a str>,
}

#[derive(Serialize)]
struct SummaryBody<'a> {
    sut: &'a str,
    runner: &'a str,
    version: &'a str,
    profile: Option<&'a str>,
    clock: ClockKind,
    seed: u64,
    tests: usize,
    not_run: usize,
    verdicts: BTreeMap<&'static str, usize>,
    unsupported: &'a BTreeMap<String, usize>,
    stale: &'a [String],
    wall_us: u64,
    virtual_us: i64,
    exit: u8,
}

impl<W: Write> JsonLines<W> {
    /// JSON lines to `out`.
    pub fn new(out: W) -> Self {
        Self { out, run: None, next: 0, waiting: BTreeMap::new(), at_once: true }
    }

    /// JSON lines to `out`, which is flushed when the run is over.
    pub fn at_the_end(out: W) -> Self {
        Self { at_once: false, ..Self::new(out) }
    }

    fn run(&self) -> &RunInfo {
        self.run.as_ref().expect("start comes before any record")
    }
}

/// One test as a JSON object.
pub(crate) fn test_object(run: &RunInfo, record: &Record) -> io::Result<String> {
    let line = TestLine {
        v: VERSION,
        test: &record.test,
        variant: record.variant.iter().map(|(k, v)| (k.clone(), v.clone().into())).collect(),
        sut: &run.sut,
        runner: &run.runner,
        profile: run.profile.as_deref(),
        verdict: record.verdict,
        level: record.level.map(|level| match level {
            Level::Must => "must",
            Level::Should => "should",
            Level::May => "may",
        }),
        rules: &record.rules,
        wall_us: record.wall.as_micros() as u64,
        virtual_us: record.outcome.elapsed,
        attempts: record.attempts,
        lateness: (run.clock == ClockKind::Real).then_some(record.outcome.lateness),
        mismatch: record.outcome.mismatch.as_ref(),
        reason: record.outcome.reason.as_deref(),
        expectation: record.expectation.as_deref(),
        seed: run.seed,
        artifacts: Artifacts { pcap: record.capture.as_deref() },
        detail: detail(record),
    };
    serde_json::to_string(&line).map_err(io::Error::other)
}

/// What a report shows of a test beyond its verdict, when it shows more.
fn detail(record: &Record) -> Option<Detail<'_>> {
    match record.verdict {
        FinalVerdict::Pass | FinalVerdict::Unsupported => return None,
        FinalVerdict::Nonstrict
        | FinalVerdict::Xfail
        | FinalVerdict::Inconclusive
        | FinalVerdict::Flaky
        | FinalVerdict::Xpass
        | FinalVerdict::Fail
        | FinalVerdict::Error => {}
    }
    let steps = record.outcome.trace.iter().map(|entry| Step {
        at_us: entry.at,
        line: entry.line,
        fixture: entry.file.and_then(|file| record.fixtures.get(&file)).map(String::as_str),
        lane: entry.lane,
        text: &entry.text,
        mark: entry.mark,
        cited: &entry.cited,
    });
    Some(Detail {
        file: &record.file,
        sentence: &record.sentence,
        again: &record.again,
        exchange: steps.collect(),
        snapshot: &record.outcome.snapshot,
    })
}

/// The totals as a JSON object.
pub(crate) fn summary_object(run: &RunInfo, summary: &Summary) -> io::Result<String> {
    let body = SummaryBody {
        sut: &run.sut,
        runner: &run.runner,
        version: &run.version,
        profile: run.profile.as_deref(),
        clock: run.clock,
        seed: run.seed,
        tests: summary.total(),
        not_run: summary.not_run,
        verdicts: FinalVerdict::ALL.iter().map(|v| (v.word(), summary.count(*v))).collect(),
        unsupported: &summary.unsupported,
        stale: &summary.stale,
        wall_us: summary.wall.as_micros() as u64,
        virtual_us: summary.simulated,
        exit: summary.exit,
    };
    serde_json::to_string(&body).map_err(io::Error::other)
}

impl<W: Write> Reporter for JsonLines<W> {
    fn start(&mut self, run: &RunInfo) -> io::Result<()> {
        self.run = Some(run.clone());
        Ok(())
    }

    fn record(&mut self, record: &Record) -> io::Result<()> {
        let line = test_object(self.run(), record)?;
        self.waiting.insert(record.index, line);
        while let Some(line) = self.waiting.remove(&self.next) {
            writeln!(self.out, "{line}")?;
            self.next += 1;
        }
        if self.at_once { self.out.flush() } else { Ok(()) }
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        // After --fail-fast there are gaps; what lies beyond them is still in order.
        for line in std::mem::take(&mut self.waiting).into_values() {
            writeln!(self.out, "{line}")?;
        }
        let body = summary_object(self.run(), summary)?;
        writeln!(self.out, "{{\"v\":{VERSION},\"summary\":{body}}}")?;
        self.out.flush()
    }
}
