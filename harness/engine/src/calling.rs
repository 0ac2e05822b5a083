//! Events that are no packets: system calls, `%{ }%` blocks.

use crate::call::{Reply, SysCall};
use crate::calls::ancillary::Clocks;
use crate::calls::result::{Returned, as_pending, as_returned, check};
use crate::calls::{Lowered, lower};
use crate::exchange::{Place, Woken};
use crate::outcome::{FieldDiff, Lane, Mark, MismatchKind};
use crate::steps::Run;
use crate::stop::Stop;
use crate::sut::Micros;
use crate::timing::{Due, blocking_end};
use halfopen_script::ast::{Call, Event, Span};
use halfopen_script::print::events::seconds;
use halfopen_script::symbols;
use halfopen_script::test::Step;
use std::cell::RefCell;

/// A call that was made and has not been compared yet.
pub(crate) struct Pending<'a> {
    call: &'a Call,
    lowered: Lowered<'a>,
    span: Span,
    place: Option<Place>,
    /// When it has to return, for a call that is declared to block.
    end: Option<Due>,
}

/// What names begin with in `%{ }%` blocks that stand for values of the socket under test.
const OF_A_SOCKET: [&str; 7] = ["tcpi_", "SK_MEMINFO_", "bbr_", "dctcp_", "tcpv_", "tcp_rtt", "tcp_minrtt"];

impl<'a> Run<'a> {
    pub(crate) fn call(&mut self, event: &'a Event, call: &'a Call, rest: &[Step]) -> Result<(), Stop> {
        // One call at a time: the one that blocks has to return first, and relative times count from there.
        if let Some(at) = self.settle()? {
            self.base = self.base.max(at);
            self.exchange.place = self.place(event.span);
        }
        let origin = self.base;
        let due = self.start(event, rest)?;
        let lowered = lower(call, &self.fds, self.plan)?;
        let end = blocking_end(&event.time, origin);
        let end = end.map(|end| Due {
            from: end,
            to: end,
            any: false,
            interval: (end - due.from).max(0),
            overdue: false,
            lead: 0,
        });
        if let Some(fd) = lowered.connects().filter(|fd| self.fds.under_test != Some(*fd)) {
            // A connect that goes on in the background fails with EINPROGRESS and is the socket under test all the same.
            (self.fds.under_test, self.mapping.leaving) = (Some(fd), true);
            self.mapping.udp.connects();
        }
        let began = self.exchange.now();
        let (reply, cited) = self.exchange.call(&lowered.call)?;
        let at = self.exchange.now();
        // What comes behind a call that blocks counts from where it began: how long it takes to be seen asleep is the harness's affair.
        self.base = if end.is_some() && matches!(reply, Reply::Pending) { began } else { at };
        let place = self.exchange.place;
        let blocks = end.is_some();
        let pending = Pending { call, lowered, span: event.span, place, end };
        if let Some(returned) = Returned::of(reply) {
            let entries = self.compare_call(&pending, at, returned)?;
            entries.cited = cited;
            return Ok(());
        }
        self.exchange.record(at, Lane::Call, as_pending(call)).cited = cited;
        self.pending = Some(pending);
        if blocks { Ok(()) } else { self.at_once() }
    }

    /// A call that is not declared to block may take what a real clock tolerates.
    fn at_once(&mut self) -> Result<(), Stop> {
        let limit = self.exchange.now() + self.plan.tolerance.of(0);
        while self.pending.is_some() {
            match self.exchange.wait(limit, &self.mapping)? {
                Woken::Datagram => {}
                Woken::Returned(at, reply) => {
                    self.returned(at, reply)?;
                    self.base = self.base.max(at);
                }
                Woken::Deadline => return Err(self.blocked("a result at once")),
            }
        }
        Ok(())
    }

    /// The pending call returned.
    pub(crate) fn returned(&mut self, at: Micros, reply: Reply) -> Result<(), Stop> {
        let Some(pending) = self.pending.take() else {
            return Err(Stop::Error("the SUT's adapter reports the end of a call that was not pending".into()));
        };
        let Some(returned) = Returned::of(reply) else {
            return Err(Stop::Error("the SUT's adapter reports a call that returned as pending".into()));
        };
        let place = std::mem::replace(&mut self.exchange.place, pending.place);
        self.compare_call(&pending, at, returned)?;
        self.exchange.place = place;
        Ok(())
    }

    /// Waits for the pending call, if there is one: when it returned.
    pub(crate) fn settle(&mut self) -> Result<Option<Micros>, Stop> {
        let Some(pending) = &self.pending else { return Ok(None) };
        let tolerance = self.plan.tolerance;
        let limit = pending.end.map_or(0, |end| end.to + tolerance.of(end.interval) + tolerance.grace());
        while self.pending.is_some() {
            match self.exchange.wait(limit, &self.mapping)? {
                Woken::Datagram => {}
                Woken::Returned(at, reply) => {
                    self.returned(at, reply)?;
                    return Ok(Some(at));
                }
                Woken::Deadline => return Err(self.blocked("its return")),
            }
        }
        Ok(None)
    }

    /// The pending call did not return in time.
    fn blocked(&mut self, wanted: &str) -> Stop {
        let pending = self.pending.take().expect("only asked for when a call is pending");
        self.exchange.place = pending.place;
        let (at, expected) = (self.exchange.now(), pending.call.to_string());
        let due = pending.end.map_or(at, |end| end.from);
        self.expected(due, Lane::Call, expected.clone());
        let got = format!("blocked at {}", seconds(at));
        let entry = self.exchange.record(at, Lane::Call, as_pending(pending.call));
        (entry.mark, entry.line) = (Mark::Got, None);
        let wanted = pending.end.map_or_else(|| wanted.to_owned(), |end| format!("{wanted} at {}", seconds(end.from)));
        let field = FieldDiff { field: "blocking".into(), expected: wanted, got: got.clone() };
        self.mismatch(MismatchKind::Blocking, Some(pending.span), None, expected, got, vec![field])
    }

    /// Compares a result; the entry that records it comes back when it is as scripted.
    fn compare_call(
        &mut self,
        pending: &Pending<'a>,
        at: Micros,
        returned: Returned,
    ) -> Result<&mut crate::outcome::Entry, Stop> {
        let call = pending.call;
        let clocks = Clocks { origin: self.exchange.origin, tolerance: self.plan.tolerance };
        let mut result = check(call, &pending.lowered, &returned, &mut self.fds, clocks)?;
        // packetdrill counts the octets that are read, and does not look at them.
        let unseen = matches!(result, Some((MismatchKind::Payload, _)));
        result = result.filter(|_| !(unseen && self.plan.lenient));
        if matches!(pending.lowered.call, SysCall::Listen { .. }) && returned.value == 0 {
            self.mapping.listens();
        }
        let time = pending.end.and_then(|end| end.judge(at, self.plan.tolerance));
        if result.is_none() && time.is_none() {
            return Ok(self.exchange.record(at, Lane::Call, call.to_string()));
        }
        let forgiven = (unseen && time.is_none()).then_some("it does not look at the octets that are read");
        let (kind, mut fields) = result.unwrap_or((MismatchKind::Time, Vec::new()));
        fields.extend(time);
        let (expected, got) = (call.to_string(), as_returned(call, &returned, &fields));
        self.expected(pending.end.map_or(at, |end| end.from), Lane::Call, expected.clone());
        let entry = self.exchange.record(at, Lane::Call, got.clone());
        (entry.mark, entry.line) = (Mark::Got, None);
        Err(self.mismatch(kind, Some(pending.span), None, expected, got, fields).forgiven(forgiven))
    }

    /// Evaluates a block with the values that the socket under test has now.
    pub(crate) fn code(&mut self, event: &Event, code: &str) -> Result<(), Stop> {
        let at = self.exchange.now();
        let values = match self.fds.under_test.or(self.fds.newest) {
            // Blocks that only compute need no socket.
            Some(fd) if OF_A_SOCKET.iter().any(|name| code.contains(name)) => {
                self.exchange.sut(|sut| sut.tcp_info(fd))?
            }
            Some(_) | None => Vec::new(),
        };
        // `isn_1` is the SUT's first ISN, `tsval_1` the first TSval of a SYN.
        let isn = |name: &str| {
            let (of, place) = name.rsplit_once('_')?;
            let values = match of {
                "isn" => &self.mapping.isns,
                "tsval" => &self.mapping.tsvals,
                _ => return None,
            };
            let place: usize = place.parse().ok()?;
            values.get(place.checked_sub(1)?).map(|value| i64::from(*value))
        };
        let untold = RefCell::new(None);
        let lookup = |name: &str| {
            if let Some(isn) = isn(name) {
                return Some(isn);
            }
            let value = values.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
            if value.is_none() && !values.is_empty() && OF_A_SOCKET.iter().any(|prefix| name.starts_with(prefix)) {
                // The constants of such names are places in a structure, not what stands there.
                untold.replace(Some(name.to_owned()));
                return None;
            }
            value.or_else(|| symbols::value(name))
        };
        self.base = at;
        let result = self.interpreter.run(code, &lookup);
        if let Some(name) = untold.take() {
            return Err(Stop::Unsupported(format!("the SUT does not tell `{name}`")));
        }
        let shown = code.trim();
        match result {
            Ok(printed) => {
                self.exchange.record(at, Lane::Note, format!("%{{ {shown} }}%"));
                for line in printed {
                    self.exchange.record(at, Lane::Note, line);
                }
                Ok(())
            }
            Err(error) if error.assertion => {
                let expected = shown.to_owned();
                self.exchange.record(at, Lane::Note, format!("%{{ {shown} }}%")).mark = Mark::Expected;
                Err(self.mismatch(MismatchKind::Assertion, Some(event.span), None, expected, error.message, Vec::new()))
            }
            Err(error) => Err(Stop::Error(format!("%{{ }}% block: {}", error.message))),
        }
    }
}
