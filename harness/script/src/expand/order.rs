//! What follows what: the first event, times that run backwards, how branches begin.

use crate::ast::{Action, Direction, Event, Span, Time};
use crate::diagnostics::Diagnostic;
use crate::print::events::seconds;
use crate::test::{Step, Test};

/// The time after which the next event comes, as far as the script fixes it, and where that was said.
#[derive(Debug, Clone, Copy)]
struct Clock {
    micros: i64,
    span: Option<Span>,
}

/// Checks the order of a test's steps.
pub(super) fn check(steps: &[Step], faults: &mut Vec<Diagnostic>) {
    if let Some(Step::Event(first)) = steps.first() {
        let start = advance(0, &first.time);
        if start != 0 {
            let message = format!("the first event is at {} s", seconds(start));
            let fault = Diagnostic::new("first-time", message, first.span);
            faults.push(fault.help("a test begins at time 0: write `0` or `+0`"));
            // Everything after it would be late too.
            return;
        }
    }
    run(steps, Clock { micros: 0, span: None }, faults);
}

fn run(steps: &[Step], mut clock: Clock, faults: &mut Vec<Diagnostic>) -> Clock {
    for step in steps {
        clock = match step {
            Step::Event(event) => one(event, clock, faults),
            Step::Any(branches) => {
                let ends: Vec<Clock> = branches.iter().map(|branch| run(branch, clock, faults)).collect();
                ends.into_iter().min_by_key(|end| end.micros).unwrap_or(clock)
            }
        };
    }
    clock
}

fn one(event: &Event, clock: Clock, faults: &mut Vec<Diagnostic>) -> Clock {
    let micros = advance(clock.micros, &event.time);
    if micros < clock.micros {
        let message = format!("time runs backwards: {} s comes after {} s", seconds(micros), seconds(clock.micros));
        let mut fault = Diagnostic::new("time-backwards", message, event.span);
        fault.secondary.extend(clock.span.map(|span| (span, format!("this is at {} s", seconds(clock.micros)))));
        faults.push(fault.help("`+0.5` counts from the previous event, `0.5` from the start"));
        return clock;
    }
    Clock { micros, span: Some(event.span) }
}

/// The earliest time of an event, after one at `from`.
fn advance(from: i64, time: &Time) -> i64 {
    match time {
        Time::Absolute(at) | Time::AbsoluteRange(at, _) | Time::Blocking { relative: false, start: at, .. } => {
            at.offset
        }
        Time::Relative(after) | Time::RelativeRange(after, _) | Time::Blocking { relative: true, start: after, .. } => {
            from.saturating_add(after.offset)
        }
        Time::AnyTime => from,
    }
}

/// A branch begins with what the SUT does or does not do.
pub(super) fn branch(steps: &[Step], any: Span, faults: &mut Vec<Diagnostic>) {
    let (fits, span) = match steps.first() {
        None => (false, any),
        Some(Step::Any(_)) => (true, any),
        Some(Step::Event(event)) => (silent(event) || outbound(event), event.span),
    };
    if !fits {
        let what = if steps.is_empty() { "an empty branch" } else { "this" };
        let message = format!("{what} does not tell the branches of `any` apart");
        let fault = Diagnostic::new("any", message, span);
        faults.push(fault.expecting(["a packet from the SUT at the beginning of a branch", "`silent`"]));
    }
}

/// At most one branch is silence.
pub(super) fn branches(branches: &[Vec<Step>], any: Span, faults: &mut Vec<Diagnostic>) {
    let begins_silent = |branch: &&Vec<Step>| matches!(branch.first(), Some(Step::Event(event)) if silent(event));
    if branches.iter().filter(begins_silent).count() > 1 {
        let message = "two branches of this `any` begin with silence";
        faults.push(Diagnostic::new("any", message, any).help("nothing tells them apart"));
    }
}

fn silent(event: &Event) -> bool {
    matches!(event.action, Action::Silent)
}

fn outbound(event: &Event) -> bool {
    matches!(&event.action, Action::Packet(packet) if packet.direction == Direction::Outbound)
}

/// Microseconds that the scripted times sum to: about how long the test takes on a real clock.
pub fn duration_hint(test: &Test) -> i64 {
    duration(&test.steps, 0)
}

fn duration(steps: &[Step], from: i64) -> i64 {
    steps.iter().fold(from, |time, step| match step {
        Step::Event(event) => latest(time, &event.time).max(time),
        Step::Any(branches) => branches.iter().map(|branch| duration(branch, time)).max().unwrap_or(time),
    })
}

/// The latest time at which an event is over.
fn latest(from: i64, time: &Time) -> i64 {
    match time {
        Time::AbsoluteRange(_, to) | Time::Blocking { relative: false, end: to, .. } => to.offset,
        Time::RelativeRange(_, to) | Time::Blocking { relative: true, end: to, .. } => from.saturating_add(to.offset),
        Time::Absolute(_) | Time::Relative(_) | Time::AnyTime => advance(from, time),
    }
}
