//! On which silences of the SUT the verdict of a test rests: derived from its steps, so that no declaration can go stale.
//!
//! A silence shows nothing by itself: a SUT that has died, and a capture that has lost what came, are silent too. What the engine makes of it
//! stands in docs/script-language.md, "Silence and its evidence".

use crate::ast::{Action, Direction, Event, Span, Time};
use crate::test::{Step, Test};

/// One silence that a test relies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// What sort.
    pub kind: SilenceKind,
    /// The line that asks for it: `silent`, the line before which nothing may come, or the last line after which nothing may come.
    pub span: Span,
    /// How long, in microseconds; 0 at the end, where the engine's own patience counts.
    pub micros: i64,
}

/// Sorts of silences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SilenceKind {
    /// A `silent` line.
    Said,
    /// A `silent` branch of `any`: only if it is taken.
    Either,
    /// The harness waits before an event of its own, and nothing may come meanwhile.
    Gap,
    /// A segment is due later than at once, and nothing may come before it. That it comes shows that the SUT was there.
    Until,
    /// After the last segment from the SUT the script does something more, to which nothing may come.
    End,
}

impl SilenceKind {
    /// Its word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Said => "silent",
            Self::Either => "either",
            Self::Gap => "gap",
            Self::Until => "until",
            Self::End => "end",
        }
    }

    /// Nothing that the script itself expects shows that the SUT was there: a control has to. (That of `Either` is made when it is taken.)
    pub fn needs_control(self) -> bool {
        match self {
            Self::Said | Self::Gap | Self::End => true,
            Self::Either | Self::Until => false,
        }
    }
}

/// The silences of a test, in the order of its lines.
pub fn silences(test: &Test) -> Vec<Silence> {
    let mut walk = Walk { now: 0, begun: false, found: Vec::new() };
    walk.steps(&test.steps);
    let mut found = walk.found;
    found.extend(tail(&test.steps).map(|span| Silence { kind: SilenceKind::End, span, micros: 0 }));
    found
}

struct Walk {
    /// The script's clock.
    now: i64,
    /// The SUT has been given something that it may answer.
    begun: bool,
    found: Vec<Silence>,
}

impl Walk {
    fn steps(&mut self, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Event(event) => self.event(event),
                Step::Any(branches) => self.any(branches),
            }
        }
    }

    fn event(&mut self, event: &Event) {
        let micros = self.wait(&event.time);
        self.now += micros;
        let kind = match &event.action {
            Action::Silent => SilenceKind::Said,
            Action::Packet(packet) if packet.direction == Direction::Outbound => SilenceKind::Until,
            Action::Packet(_) | Action::Call(_) | Action::Command(_) | Action::Code(_) => SilenceKind::Gap,
        };
        if micros > 0 && (self.begun || kind == SilenceKind::Said) {
            self.found.push(Silence { kind, span: event.span, micros });
        }
        self.begun |= stimulates(event);
    }

    fn any(&mut self, branches: &[Vec<Step>]) {
        let (from, begun) = (self.now, self.begun);
        let mut end = from;
        for branch in branches {
            (self.now, self.begun) = (from, begun);
            let first = self.found.len();
            self.steps(branch);
            // How long the SUT has to be silent for this branch to be the one is known when it is taken.
            let begins = matches!(branch.first(), Some(Step::Event(Event { action: Action::Silent, .. })));
            if let Some(silence) = self.found.get_mut(first).filter(|_| begins) {
                silence.kind = SilenceKind::Either;
            }
            end = end.max(self.now);
        }
        (self.now, self.begun) = (end, true);
    }

    /// How long after the previous event this one begins, at least.
    fn wait(&self, time: &Time) -> i64 {
        let micros = match time {
            Time::Absolute(at) | Time::AbsoluteRange(at, _) | Time::Blocking { relative: false, start: at, .. } => {
                at.offset - self.now
            }
            Time::Relative(wait)
            | Time::RelativeRange(wait, _)
            | Time::Blocking { relative: true, start: wait, .. } => wait.offset,
            Time::AnyTime => 0,
        };
        micros.max(0)
    }
}

/// Calls after which a stack sends nothing, whatever it is.
const QUIET_CALLS: [&str; 14] = [
    "socket",
    "bind",
    "listen",
    "getsockopt",
    "getsockname",
    "getpeername",
    "fcntl",
    "ioctl",
    "poll",
    "epoll_create",
    "epoll_ctl",
    "epoll_wait",
    "open",
    "pipe",
];

/// The SUT may send something because of it.
fn stimulates(event: &Event) -> bool {
    match &event.action {
        Action::Packet(packet) => packet.direction == Direction::Inbound,
        Action::Call(call) => !QUIET_CALLS.contains(&call.name.node.as_str()),
        Action::Command(_) | Action::Code(_) | Action::Silent => false,
    }
}

/// The last event that may make the SUT send something, unless a segment from the SUT comes after it.
fn tail(steps: &[Step]) -> Option<Span> {
    for step in steps.iter().rev() {
        match step {
            Step::Event(event) if stimulates(event) => return Some(event.span),
            Step::Event(event) if is_outbound(event) => return None,
            Step::Event(_) => {}
            Step::Any(branches) => {
                if let Some(span) = branches.iter().find_map(|branch| tail(branch)) {
                    return Some(span);
                }
                let answers =
                    |branch: &Vec<Step>| branch.iter().any(|step| matches!(step, Step::Event(e) if is_outbound(e)));
                // A branch without a segment is silence: what it is about stands before it, and the silence is its own.
                if branches.iter().all(answers) {
                    return None;
                }
            }
        }
    }
    None
}

fn is_outbound(event: &Event) -> bool {
    matches!(&event.action, Action::Packet(packet) if packet.direction == Direction::Outbound)
}
