//! JSON lines: one object per test in the stable order of ids, then one summary object.
//!
//! `{"v":1,"test":ID,"variant":{...},"sut":S,"runner":R,"verdict":V,"level":L,"rules":[...],"wall_us":N,"virtual_us":N,
//! "attempts":N,"lateness":{...},"mismatch":{...}|null,"reason":...,"expectation":...,"artifacts":{...}}`, then `{"v":1,"summary":{...}}`.

use crate::Reporter;
use crate::record::{FinalVerdict, Record, RunInfo, Summary};
use halfopen_engine::outcome::{Lateness, Mismatch};
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
}

#[derive(Serialize)]
struct Artifacts<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pcap: Option<&'a str>,
}

#[derive(Serialize)]
struct SummaryLine<'a> {
    v: u32,
    summary: SummaryBody<'a>,
}

#[derive(Serialize)]
struct SummaryBody<'a> {
    sut: &'a str,
    runner: &'a str,
    version: &'a str,
    profile: Option<&'a str>,
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
        Self { out, run: None, next: 0, waiting: BTreeMap::new() }
    }

    fn run(&self) -> &RunInfo {
        self.run.as_ref().expect("start comes before any record")
    }

    fn render(&self, record: &Record) -> io::Result<String> {
        let run = self.run();
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
        };
        serde_json::to_string(&line).map_err(io::Error::other)
    }
}

impl<W: Write> Reporter for JsonLines<W> {
    fn start(&mut self, run: &RunInfo) -> io::Result<()> {
        self.run = Some(run.clone());
        Ok(())
    }

    fn record(&mut self, record: &Record) -> io::Result<()> {
        let line = self.render(record)?;
        self.waiting.insert(record.index, line);
        while let Some(line) = self.waiting.remove(&self.next) {
            writeln!(self.out, "{line}")?;
            self.next += 1;
        }
        self.out.flush()
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        // After --fail-fast there are gaps; what lies beyond them is still in order.
        for line in std::mem::take(&mut self.waiting).into_values() {
            writeln!(self.out, "{line}")?;
        }
        let run = self.run();
        let body = SummaryBody {
            sut: &run.sut,
            runner: &run.runner,
            version: &run.version,
            profile: run.profile.as_deref(),
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
        let line = serde_json::to_string(&SummaryLine { v: VERSION, summary: body }).map_err(io::Error::other)?;
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }
}
