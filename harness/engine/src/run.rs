//! One test on one SUT: from start to outcome.

use crate::exchange::Exchange;
use crate::outcome::{Entry, Lateness, Mismatch, MismatchKind, Outcome, Verdict};
use crate::setup::{Plan, RunOptions};
use crate::steps::Run;
use crate::stop::Stop;
use crate::sut::{Capability, Evidence, Micros, Sut};
use halfopen_script::ast::Level;
use halfopen_script::test::Test;
use halfopen_script::{Sources, silences};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a test. Whatever happens, the cleanup command and [`Sut::finish`] have run when it returns.
///
/// # Panics
/// When the SUT panics; [`run_caught`] makes a verdict of that.
pub fn run(test: &Test, sources: &Sources, sut: &mut dyn Sut, options: &RunOptions) -> Outcome {
    execute(test, sources, sut, options, &Cell::new(false), &mut Vec::new())
}

/// Runs a test; a panic inside the SUT is a mismatch of kind `broken`, one of the harness an error. After either the SUT is in an unknown
/// state: make a new one.
pub fn run_caught(test: &Test, sources: &Sources, sut: &mut dyn Sut, options: &RunOptions) -> Outcome {
    let (inside, mut trace) = (Cell::new(false), Vec::new());
    let attempt = AssertUnwindSafe(|| execute(test, sources, sut, options, &inside, &mut trace));
    catch_unwind(attempt).unwrap_or_else(|payload| {
        let said = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let said = said.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
        let stop = match inside.get() {
            true => Stop::Broken(format!("the SUT panicked: {said}")),
            false => Stop::Error(format!("the harness panicked: {said}")),
        };
        let elapsed = trace.last().map_or(0, |entry: &Entry| entry.at);
        outcome(test, Err(stop), trace, elapsed)
    })
}

fn execute(
    test: &Test,
    sources: &Sources,
    sut: &mut dyn Sut,
    options: &RunOptions,
    inside: &Cell<bool>,
    trace: &mut Vec<Entry>,
) -> Outcome {
    let clock = sut.describe().clock;
    let (mut elapsed, mut snapshot, mut lateness) = (0, Vec::new(), Lateness::default());
    let result = needs(test, sut).and_then(|()| Plan::new(test, options, clock)).and_then(|mut plan| {
        plan.any_layout = sut.has_own_option_layout();
        sut.announce(test);
        let mut run = Run::new(sources, &plan, Exchange::new(sut, inside, trace));
        run.exchange.sut(|sut| sut.start(&plan.setup))?;
        let chosen = options
            .congestion_control
            .as_ref()
            .map_or(Ok(()), |name| run.command(&format!("sysctl -q net.ipv4.tcp_congestion_control={name}")));
        let result = chosen.and_then(|()| body(test, &mut run));
        let result = result.map_err(|stop| stop.at(run.exchange.place.map(|place| place.line)));
        (elapsed, lateness) = (run.exchange.now(), run.exchange.lateness);
        if matches!(result, Err(Stop::Mismatch(_))) {
            snapshot = run.exchange.sut(|sut| sut.snapshot());
        }
        let cleanup = test.cleanup.as_ref().map_or(Ok(()), |command| {
            run.exchange.place = run.place(command.span);
            run.command(&command.node)
        });
        let evidence = run.exchange.sut(|sut| sut.finish()).map_err(Stop::from);
        if let Ok(evidence) = &evidence {
            (lateness.machine, lateness.ticks) = (evidence.absent, evidence.tickless);
        }
        weigh(result, cleanup, evidence)
    });
    Outcome { snapshot, lateness, ..outcome(test, result, std::mem::take(trace), elapsed) }
}

/// Asks the SUT for what the script needs.
fn needs(test: &Test, sut: &dyn Sut) -> Result<(), Stop> {
    let fields = test.header.fields.iter().filter(|field| field.key.node == "needs");
    for word in fields.flat_map(|field| &field.words) {
        let (name, least) = word.node.split_once(">=").unwrap_or((&word.node, ""));
        let least: Vec<u32> = least.split('.').filter_map(|part| part.parse().ok()).collect();
        let has = match sut.capability(name) {
            Capability::Untold => continue,
            Capability::Lacked => "which this SUT lacks".to_owned(),
            Capability::Version(version) if version < least => {
                let parts: Vec<_> = version.iter().map(u32::to_string).collect();
                format!("and this SUT has {}", parts.join("."))
            }
            Capability::Version(_) => continue,
        };
        return Err(Stop::Unsupported(format!("needs {}, {has}", word.node)));
    }
    Ok(())
}

/// Everything between start and cleanup.
fn body<'a>(test: &'a Test, run: &mut Run<'a>) -> Result<(), Stop> {
    if let Some(command) = &test.init {
        run.exchange.place = run.place(command.span);
        run.command(&command.node)?;
    }
    run.exchange.begin()?;
    run.whole(&test.steps)?;
    if run.silence || !run.plan.lenient && rests_on_silence(test, run.matched) { run.control() } else { Ok(()) }
}

/// Nothing that the script expects shows that the SUT was there all the time. (packetdrill does not look at what comes between the lines.)
fn rests_on_silence(test: &Test, matched: u32) -> bool {
    matched == 0 || silences(test).iter().any(|silence| silence.kind.needs_control())
}

/// What the script came to counts as far as the evidence carries it.
fn weigh(result: Result<(), Stop>, cleanup: Result<(), Stop>, evidence: Result<Evidence, Stop>) -> Result<(), Stop> {
    let dropped = evidence.as_ref().map_or(0, |evidence| evidence.dropped);
    match result {
        Ok(()) | Err(Stop::Mismatch(_)) if dropped > 0 => {
            Err(Stop::Inconclusive(format!("the capture is incomplete: {dropped} datagrams were lost")))
        }
        Ok(()) => cleanup.and(evidence.map(|_| ())),
        Err(stop) => Err(stop),
    }
}

fn outcome(test: &Test, result: Result<(), Stop>, trace: Vec<Entry>, elapsed: Micros) -> Outcome {
    let (verdict, mismatch, reason) = match result {
        Ok(()) => (Verdict::Pass, None, None),
        Err(Stop::Mismatch(mismatch)) => (failed(test), Some(*mismatch), None),
        Err(Stop::Broken(what)) => (Verdict::Fail, Some(broken(&trace, what)), None),
        Err(Stop::Unsupported(what)) => (Verdict::Unsupported, None, Some(what)),
        Err(Stop::Inconclusive(what)) => (Verdict::Inconclusive, None, Some(what)),
        Err(Stop::Error(what)) => (Verdict::Error, None, Some(what)),
    };
    Outcome { verdict, mismatch, reason, trace, snapshot: Vec::new(), elapsed, lateness: Lateness::default() }
}

/// A rule that is no MUST can be broken without the SUT being wrong.
fn failed(test: &Test) -> Verdict {
    match test.header.level.as_ref().map(|level| level.node) {
        Some(Level::Should | Level::May) => Verdict::Nonstrict,
        Some(Level::Must) | None => Verdict::Fail,
    }
}

fn broken(trace: &[Entry], what: String) -> Mismatch {
    let last = trace.iter().rev().find(|entry| entry.line.is_some());
    let cited = trace.iter().rev().find_map(|entry| Some((*entry.cited.last()?, entry.line)));
    Mismatch {
        kind: MismatchKind::Broken,
        span: None,
        line: last.and_then(|entry| entry.line),
        expected: "a SUT that goes on".into(),
        got: what,
        fields: Vec::new(),
        cited: cited.map(|(rule, _)| rule),
        cited_line: cited.and_then(|(_, line)| line),
        timing: false,
        packetdrill: None,
    }
}
