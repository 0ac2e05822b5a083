//! Runs the steps of a test, one after the other.

use crate::calling::Pending;
use crate::calls::Descriptors;
use crate::compose::compose;
use crate::exchange::{Arrived, Exchange, Place, Woken};
use crate::mapping::Mapping;
use crate::outcome::{FieldDiff, Lane, Mark, Mismatch, MismatchKind};
use crate::packet::Body;
use crate::setup::Plan;
use crate::stop::Stop;
use crate::sut::{ClockKind, Micros};
use crate::timing::Due;
use crate::view::see;
use halfopen_script::Sources;
use halfopen_script::ast::{Action, Direction, Event, Packet, Span};
use halfopen_script::code::Interpreter;
use halfopen_script::print::events::seconds;
use halfopen_script::test::Step;

/// After the last line the SUT must be silent for this long.
const LINGER: Micros = 10_000;

/// A test that is being run.
pub(crate) struct Run<'a> {
    pub(crate) sources: &'a Sources,
    pub(crate) plan: &'a Plan,
    pub(crate) exchange: Exchange<'a>,
    pub(crate) mapping: Mapping,
    pub(crate) fds: Descriptors,
    /// End of the previous event; relative times count from here.
    pub(crate) base: Micros,
    /// Where [`Self::base`] would be if the harness's own turns took no time: what they cause may come from here on.
    pub(crate) nominal: Micros,
    /// Scripted time of the previous event when it was a packet to the SUT: the next one chains to that, so that lateness does not add up.
    pub(crate) chain: Option<Micros>,
    /// The blocking call that has not returned.
    pub(crate) pending: Option<Pending<'a>>,
    /// The verdict rests on the SUT sending nothing.
    pub(crate) silence: bool,
    /// Segments that came as expected.
    pub(crate) matched: u32,
    pub(crate) interpreter: Interpreter,
}

impl<'a> Run<'a> {
    pub(crate) fn new(sources: &'a Sources, plan: &'a Plan, exchange: Exchange<'a>) -> Self {
        Self {
            sources,
            plan,
            exchange,
            mapping: Mapping::new(plan),
            fds: Descriptors::default(),
            base: 0,
            nominal: 0,
            chain: None,
            pending: None,
            silence: false,
            matched: 0,
            interpreter: Interpreter::new(),
        }
    }

    /// Runs every step, waits for what is still pending, and sees that nothing comes after the end.
    pub(crate) fn whole(&mut self, steps: &'a [Step]) -> Result<(), Stop> {
        self.steps(steps)?;
        self.exchange.place = None;
        self.settle()?;
        if self.plan.lenient {
            return Ok(());
        }
        let end = self.exchange.now().max(self.base) + LINGER;
        match self.take(end)? {
            Some(arrived) => {
                let why = "it looks at nothing after the last line";
                Err(self.unexpected(&arrived, None, "nothing after the last line").forgiven(Some(why)))
            }
            None => Ok(()),
        }
    }

    pub(crate) fn steps(&mut self, steps: &'a [Step]) -> Result<(), Stop> {
        for (index, step) in steps.iter().enumerate() {
            match step {
                Step::Event(event) => self.event(event, &steps[index + 1..])?,
                Step::Any(branches) => {
                    self.chain = None;
                    self.alternatives(branches)?;
                }
            }
        }
        Ok(())
    }

    fn event(&mut self, event: &'a Event, rest: &[Step]) -> Result<(), Stop> {
        self.exchange.place = self.place(event.span);
        let chain = self.chain.take();
        match &event.action {
            Action::Packet(packet) => match packet.direction {
                Direction::Inbound => self.inbound(event, packet, chain, rest),
                Direction::Outbound => self.outbound(event, packet),
            },
            Action::Call(call) => self.call(event, call, rest),
            Action::Command(command) => {
                self.start(event, rest)?;
                self.command(command)?;
                self.base = self.exchange.now();
                Ok(())
            }
            Action::Code(code) => {
                self.start(event, rest)?;
                self.code(event, code)
            }
            Action::Silent => self.silent(event),
        }
    }

    pub(crate) fn place(&self, span: Span) -> Option<Place> {
        Some(Place { file: span.file, line: self.sources.line_col(span).0 })
    }

    /// Waits until an event of the harness's own is due.
    pub(crate) fn start(&mut self, event: &Event, rest: &[Step]) -> Result<Due, Stop> {
        let due = Due::new(&event.time, self.base);
        self.until(due, rest)?;
        Ok(due)
    }

    fn until(&mut self, due: Due, rest: &[Step]) -> Result<(), Stop> {
        while self.exchange.now() < due.from {
            match self.exchange.wait(due.from, &self.mapping)? {
                Woken::Deadline => break,
                Woken::Returned(at, reply) => self.returned(at, reply)?,
                Woken::Datagram => self.premature(due.from, rest)?,
            }
        }
        if due.interval > 0 {
            self.nominal = due.from;
        }
        let late = self.exchange.turn(due.from);
        let slack = self.plan.tolerance.of(due.interval);
        // `+0` means at once: what the harness itself needs for that is no lateness.
        if late <= slack || due.interval == 0 && !due.overdue {
            return Ok(());
        }
        let line = self.exchange.place.map_or(0, |place| place.line);
        let what = format!("line {line} was due at {} and could begin only {} later", seconds(due.from), seconds(late));
        Err(match self.exchange.clock {
            ClockKind::Real => Stop::Inconclusive(format!("host too slow: {what}")),
            ClockKind::Virtual => Stop::Error(what),
        })
    }

    /// A datagram that came while the harness waits for its own turn, too early for whatever the script expects next.
    fn premature(&mut self, turn: Micros, rest: &[Step]) -> Result<(), Stop> {
        let Some(at) = self.exchange.queue.back().map(|arrived| arrived.at) else { return Ok(()) };
        let next = rest.iter().find_map(|step| match step {
            Step::Any(_) => Some(None),
            Step::Event(Event { action: Action::Packet(packet), time, .. })
                if packet.direction == Direction::Outbound =>
            {
                Some(Some(Due::new(time, turn)))
            }
            Step::Event(_) => None,
        });
        // After the last line, and where several things may come, it is judged when its turn comes.
        let Some(Some(due)) = next else { return Ok(()) };
        if due.any || self.plan.lenient || at >= due.from - self.plan.tolerance.of(due.interval) {
            return Ok(());
        }
        let arrived = self.exchange.queue.pop_back().expect("there is one at the back");
        let line = self.exchange.place.map(|place| place.line);
        let before = line.map_or_else(String::new, |line| format!(" before line {line}"));
        Err(self.unexpected(&arrived, line, &format!("nothing{before}, which is due at {}", seconds(turn))))
    }

    /// A segment that packetdrill would not look at, where that is asked for.
    fn is_left(&self, arrived: &Arrived) -> bool {
        self.plan.lenient && matches!(&arrived.datagram.body, Body::Tcp(tcp) if self.mapping.is_left(tcp))
    }

    /// The next datagram, at most until a time on the script's clock.
    pub(crate) fn take(&mut self, limit: Micros) -> Result<Option<Arrived>, Stop> {
        loop {
            if let Some(arrived) = self.exchange.queue.pop_front() {
                if self.is_left(&arrived) {
                    continue;
                }
                return Ok(Some(arrived));
            }
            match self.exchange.wait(limit, &self.mapping)? {
                Woken::Deadline => return Ok(None),
                Woken::Returned(at, reply) => self.returned(at, reply)?,
                Woken::Datagram => {}
            }
        }
    }

    fn inbound(&mut self, event: &Event, packet: &Packet, chain: Option<Micros>, rest: &[Step]) -> Result<(), Stop> {
        let due = Due::new(&event.time, chain.unwrap_or(self.base));
        self.until(due, rest)?;
        let composed = compose(&mut self.mapping, packet)?;
        let octets = composed.octets;
        let (at, cited) = self.exchange.inject(&octets)?;
        if let (Some(index), Body::Tcp(tcp)) = (composed.connection, &composed.datagram.body) {
            self.mapping.sent(index, tcp);
        }
        self.fds.urgent.extend(composed.urgent.into_iter().flatten());
        let entry = self.exchange.record(at, Lane::Peer, text(packet));
        (entry.octets, entry.cited) = (octets, cited);
        (self.base, self.chain) = (at, Some(due.from));
        Ok(())
    }

    fn silent(&mut self, event: &Event) -> Result<(), Stop> {
        let due = Due::new(&event.time, self.base);
        self.silence = true;
        let line = self.exchange.place.map(|place| place.line);
        self.exchange.record(due.to, Lane::Note, format!("silent until {}", seconds(due.to)));
        if let Some(arrived) = self.quiet(due.to)? {
            return Err(self.unexpected(&arrived, line, &format!("silence until {}", seconds(due.to))));
        }
        (self.base, self.nominal) = (due.to, due.to);
        Ok(())
    }

    /// Waits in silence; what comes before the end is handed back, what comes at the end waits for its line.
    pub(crate) fn quiet(&mut self, end: Micros) -> Result<Option<Arrived>, Stop> {
        if !self.exchange.queue.is_empty() {
            return Ok(self.exchange.queue.pop_front());
        }
        while self.exchange.now() < end {
            match self.exchange.wait(end, &self.mapping)? {
                Woken::Deadline => break,
                Woken::Returned(at, reply) => self.returned(at, reply)?,
                Woken::Datagram => {
                    let early = self.exchange.queue.front().is_some_and(|arrived| arrived.at < end);
                    return Ok(if early { self.exchange.queue.pop_front() } else { None });
                }
            }
        }
        Ok(None)
    }

    pub(crate) fn command(&mut self, command: &str) -> Result<(), Stop> {
        let at = self.exchange.now();
        self.exchange.record(at, Lane::Note, format!("`{command}`"));
        let result = self.exchange.sut(|sut| sut.command(command));
        self.exchange.turned();
        Ok(result?)
    }

    /// A datagram that no line expects.
    pub(crate) fn unexpected(&mut self, arrived: &Arrived, line: Option<u32>, expected: &str) -> Stop {
        let seen = see(&self.mapping, &self.fds.written, &arrived.datagram, None);
        let got = text(&seen.packet);
        self.got(arrived, got.clone());
        let fields = seen.faults.into_iter().map(|(_, field)| field).collect();
        self.mismatch(MismatchKind::Unexpected, None, line, expected.to_owned(), got, fields)
    }

    /// Records what came instead of what was expected.
    pub(crate) fn got(&mut self, arrived: &Arrived, got: String) {
        let entry = self.exchange.record(arrived.at, Lane::Stack, got);
        (entry.octets, entry.cited) = (arrived.octets.clone(), arrived.cited.clone());
        (entry.line, entry.mark) = (None, Mark::Got);
    }

    /// Records what was expected and did not come as such.
    pub(crate) fn expected(&mut self, at: Micros, lane: Lane, expected: String) {
        self.exchange.record(at, lane, expected).mark = Mark::Expected;
    }

    pub(crate) fn mismatch(
        &self,
        kind: MismatchKind,
        span: Option<Span>,
        line: Option<u32>,
        expected: String,
        got: String,
        fields: Vec<FieldDiff>,
    ) -> Stop {
        let (cited, cited_line) = self.exchange.cited.map_or((None, None), |(rule, line)| (Some(rule), line));
        let line = span.map_or(line, |span| self.place(span).map(|place| place.line));
        // On a virtual clock nothing is late by accident.
        let timing =
            matches!(kind, MismatchKind::Time | MismatchKind::Blocking) && self.exchange.clock == ClockKind::Real;
        Stop::Mismatch(Box::new(Mismatch {
            kind,
            span,
            line,
            expected,
            got,
            fields,
            cited,
            cited_line,
            timing,
            packetdrill: None,
        }))
    }
}

/// A packet line without its direction, which the lane shows.
pub(crate) fn text(packet: &Packet) -> String {
    let mut text = packet.to_string();
    text.drain(..2);
    text
}
