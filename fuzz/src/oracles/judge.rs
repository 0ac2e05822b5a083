//! The judge: told what happens, step by step. A step is one stimulus (a datagram, a call, a timer) and all that the host sends because
//! of it.

use super::line::Line;
use super::{Violation, arrival, calls, leaving, variables};
use crate::datagram::{self, ACK, Content, FIN, RST, SYN, Seg};
use crate::program::Damage;
use halfopen_stack::{Config, State, Vitals};
use std::fmt;

/// Connections that are followed.
pub const LINES: usize = 4;

/// Octets of the largest datagram.
const MTU: usize = 1500;

/// What the hash of a run begins with.
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;

/// What the SUT has chosen where the RFCs leave a choice; what the oracles take for granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    /// RFC 5961 3 and 4.
    pub challenge_acks: bool,
    /// RFC 5961 5.
    pub ack_range_check: bool,
    /// An ACK of what was never sent is answered in ESTABLISHED.
    pub answer_future_acks: bool,
    /// What was acknowledged at all bounds the range of RFC 5961 5.2.
    pub ack_range_of_acknowledged: bool,
    /// A segment without ACK is dropped, and in SYN-RECEIVED a wrong ACK reset, whatever the sequence number is.
    pub ack_before_numbers: bool,
    /// ACKs in answer to what is invalid are rationed.
    pub rationed: bool,
    /// Segments without timestamps are dropped once they were agreed on.
    pub require_timestamps: bool,
    /// 2MSL, microseconds.
    pub time_wait: u64,
    /// Recovery, Nagle, initial window and timeouts are the RFCs', not Linux's.
    pub plain: bool,
    /// A RST for an aborted connection carries an ACK.
    pub abort_with_ack: bool,
    /// Least retransmission timeout, microseconds.
    pub rto_min: u64,
    /// Greatest retransmission timeout, microseconds.
    pub rto_max: u64,
    /// The listener may answer with cookies.
    pub cookies: bool,
}

impl Choices {
    /// Those of the reference stack with this configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            challenge_acks: config.challenge_acks,
            ack_range_check: config.ack_range_check,
            answer_future_acks: config.answer_future_acks,
            ack_range_of_acknowledged: config.ack_range_of_acknowledged,
            ack_before_numbers: config.drop_without_ack_first && config.half_open_ack_first,
            rationed: config.tcp_invalid_ratelimit > 0,
            require_timestamps: config.require_timestamps,
            time_wait: config.time_wait.as_micros() as u64,
            plain: !config.segment_trains,
            abort_with_ack: config.abort_with_ack,
            rto_min: config.tcp_rto_min_us.into(),
            rto_max: u64::from(config.tcp_rto_max_ms) * 1000,
            cookies: config.tcp_syncookies > 0,
        }
    }
}

/// A segment that left in this step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Out {
    /// Connection.
    pub at: u8,
    /// Control bits.
    pub flags: u8,
    /// SEG.SEQ.
    pub seq: u32,
    /// SEG.ACK.
    pub ack: u32,
    /// Octets of text.
    pub text: u32,
    /// Octets of it, and of FIN, that were never sent before.
    pub new: u32,
    /// The window in octets.
    pub window: u32,
    /// It came from a port of an earlier connection, or belongs to no incarnation that was seen to begin.
    pub stray: bool,
}

impl Out {
    /// Whether any of these control bits is set.
    #[must_use]
    pub const fn has(&self, flags: u8) -> bool {
        self.flags & flags != 0
    }
}

/// An ACK that is neither SYN nor RST.
#[derive(Debug, Clone, Copy)]
pub struct Acknowledges {
    /// SEG.SEQ.
    pub seq: u32,
    /// Where its text and FIN end.
    pub end: u32,
    /// SEG.ACK.
    pub ack: u32,
    /// SEG.WND.
    pub window: u16,
    /// TSecr.
    pub echo: Option<u32>,
}

/// What a step begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cause {
    /// Nothing: the beginning.
    #[default]
    Nothing,
    /// A segment arrives.
    Segment,
    /// An ICMP error arrives.
    Icmp,
    /// Time has passed.
    Timer,
    /// A call.
    Call,
}

/// The judge.
#[derive(Debug)]
pub struct Judge {
    /// What the SUT has chosen.
    pub choices: Choices,
    /// The connections.
    pub lines: [Line; LINES],
    /// What was found first.
    pub violation: Option<Violation>,
    /// Kind of the event.
    pub kind: &'static str,
    /// Time of the step, microseconds.
    pub now: u64,
    /// What has left in this step.
    pub outs: Vec<Out>,
    /// What the step began with.
    pub cause: Cause,
    /// The connection that the step is about.
    pub at: Option<u8>,
    /// The variables of that connection before the step.
    pub before: Option<Vitals>,
    /// Octets written to all sockets, and the calls that did so.
    pub written: (u64, u32),
    /// Connections that were begun.
    pub begun: u32,
    /// The MTU of the link.
    pub mtu: usize,
    /// Somebody listens.
    pub listening: bool,
    /// Hash of all that has left, for comparisons of runs; the peer's numbers count relative to these.
    pub hash: u64,
    /// Where the peer's numbers began.
    pub origins: [u32; LINES],
    /// The SUT shows its variables.
    pub transparent: bool,
    /// The ACK that arrived in this step, which may bring a SYN cookie back.
    pub acknowledges: Option<Acknowledges>,
    /// The segment that is due in this step, for scripts of findings.
    pub due: Option<(u8, u32, u32)>,
}

impl Judge {
    /// One that has seen nothing.
    #[must_use]
    pub fn new(choices: Choices) -> Self {
        Self {
            choices,
            lines: Default::default(),
            violation: None,
            kind: "begin",
            now: 0,
            outs: Vec::with_capacity(64),
            cause: Cause::Nothing,
            at: None,
            before: None,
            written: (0, 0),
            begun: 0,
            mtu: MTU,
            listening: true,
            hash: BASIS,
            origins: [0; LINES],
            transparent: true,
            acknowledges: None,
            due: None,
        }
    }

    /// As new, with the buffers of before; in place, because it is large and a program short.
    pub fn reset(&mut self, choices: Choices) {
        self.lines.iter_mut().for_each(Line::reset);
        self.outs.clear();
        self.choices = choices;
        (self.violation, self.before, self.acknowledges, self.due) = (None, None, None, None);
        (self.kind, self.now, self.cause, self.at) = ("begin", 0, Cause::Nothing, None);
        (self.written, self.begun, self.mtu, self.origins) = ((0, 0), 0, MTU, [0; LINES]);
        (self.listening, self.transparent, self.hash) = (true, true, BASIS);
    }

    /// An oracle does not hold.
    #[cold]
    pub fn fail(&mut self, oracle: u8, text: fmt::Arguments<'_>) {
        if self.violation.is_none() {
            let vitals = self.before.or_else(|| self.line().and_then(|line| line.vitals));
            let state =
                vitals.map_or(if self.transparent { "CLOSED" } else { "unknown" }, |vitals| vitals.state.name());
            self.violation = Some(Violation { oracle, state, event: self.kind, text: text.to_string(), due: self.due });
        }
    }

    fn line(&self) -> Option<&Line> {
        self.at.map(|at| &self.lines[usize::from(at)])
    }

    /// An event begins.
    pub fn event(&mut self, kind: &'static str) {
        self.kind = kind;
    }

    /// A step begins.
    pub fn step(&mut self, cause: Cause, at: Option<u8>, now: u64) {
        self.outs.clear();
        (self.cause, self.at, self.now) = (cause, at, now);
        (self.before, self.due, self.acknowledges) = (self.line().and_then(|line| line.vitals), None, None);
    }

    /// A segment of the peer reaches the host in this step.
    pub fn arrives(&mut self, seg: &Seg<'_>, damage: Damage) {
        arrival::note(self, seg, damage);
    }

    /// A segment that is for no connection that either side has opened: the peer's port, and one where nobody is.
    pub fn stray(&mut self, at: usize, seg: &Seg<'_>, damage: Damage) {
        let before = self.before.take();
        arrival::judge(self, at, seg, damage, None, None);
        self.before = before;
    }

    /// A datagram has left the host. Its segment, if it is one, for whoever it reaches.
    pub fn leaves<'a>(&mut self, octets: &'a [u8]) -> Option<Seg<'a>> {
        if octets.len() > self.mtu {
            self.fail(99, format_args!("a datagram of {} octets", octets.len()));
        }
        match datagram::read(octets) {
            Content::Segment(seg) => {
                leaving::segment(self, &seg);
                return Some(seg);
            }
            Content::Icmp => {}
            Content::Fault(fault) => self.fail(99, format_args!("{fault}")),
        }
        None
    }

    /// The step is over. `arrived`: the segment that began it. `vitals`: the variables of a connection now, which has this port of the host.
    pub fn finish(
        &mut self,
        arrived: Option<(&Seg<'_>, Damage)>,
        mut vitals: impl FnMut(usize, u16) -> Option<Vitals>,
    ) {
        self.bounded();
        if let Some(at) = self.at.map(usize::from) {
            let after = self.lines[at].host_port.and_then(|port| vitals(at, port));
            self.settle(at, after, arrived);
            return;
        }
        for at in 0..LINES {
            // What concerns no single connection, a timer or a call of a listener's, makes none.
            if let Some(port) = self.lines[at].host_port
                && self.lines[at].vitals.is_some()
            {
                self.before = self.lines[at].vitals;
                let after = vitals(at, port);
                self.settle(at, after, None);
            }
        }
    }

    fn settle(&mut self, at: usize, after: Option<Vitals>, arrived: Option<(&Seg<'_>, Damage)>) {
        let pre = self.before;
        let (pre, now) = (pre.as_ref(), after.as_ref());
        if let (Some(vitals), Some((_, window))) = (now, &mut self.lines[at].first_flight)
            && vitals.state != State::SynSent
        {
            // `TCP_MAXSEG` may have come between: the window was that of larger segments. The peer's SYN has come.
            *window = leaving::initial_window(vitals.smss, self.choices.plain).max(*window);
        }
        if self.choices.cookies
            && pre.is_none()
            && now.is_some()
            && let Some(back) = self.acknowledges.take()
        {
            self.lines[at].cookie(&back);
        }
        if let Some((seg, damage)) = arrived {
            arrival::judge(self, at, seg, damage, pre, now);
        }
        variables::compare(self, at, pre, now);
        self.lines[at].vitals = after;
    }

    /// O82: segments of a step.
    fn bounded(&mut self) {
        let most = 8 + 2 * u64::from(self.begun) + u64::from(self.written.1) + self.written.0 / 16;
        if self.outs.len() as u64 > most {
            let tiny = self.lines.iter().any(|line| line.core.is_some_and(|core| core.mss.is_some_and(|mss| mss < 48)));
            self.fail(
                if tiny { 90 } else { 82 },
                format_args!("{} segments in one step, {most} at the most", self.outs.len()),
            );
        }
    }

    /// What a call has given.
    pub fn call(&mut self, call: &calls::Call<'_>) {
        calls::judge(self, call);
    }

    /// What this step has drawn. Text that waited may go along with it; and after a report of a smaller path, of which a connection may learn at its
    /// next event only, what no longer fits, and what the window of smaller segments has room for (RFC 1191 6.4).
    pub fn answers(&self, at: usize) -> impl Iterator<Item = &Out> {
        let cut = self.lines[at].icmp;
        self.outs_of(at).filter(move |out| out.new == 0 && !(cut && (out.text > 0 || out.has(FIN))))
    }

    /// The answer of this step, if there is one only.
    #[must_use]
    pub fn only_answer(&self, at: usize) -> Option<Out> {
        let mut outs = self.answers(at);
        let first = outs.next().copied()?;
        outs.next().is_none().then_some(first)
    }

    /// What has left for a connection in this step.
    pub fn outs_of(&self, at: usize) -> impl Iterator<Item = &Out> {
        self.outs.iter().filter(move |out| usize::from(out.at) == at)
    }

    /// Mixes into the hash of the run.
    pub fn mix(&mut self, value: u64) {
        self.hash = (self.hash ^ value).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
    }
}

/// Control bits as scripts have them.
#[derive(Debug, Clone, Copy)]
pub struct Flags(pub u8);

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (flag, letter) in
            [(SYN, 'S'), (FIN, 'F'), (RST, 'R'), (0x08, 'P'), (ACK, '.'), (0x20, 'U'), (0x40, 'E'), (0x80, 'W')]
        {
            if self.0 & flag != 0 {
                write!(f, "{letter}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judge_that_is_reset_is_as_new() {
        let choices = || Choices::of(&Config::rfc9293());
        let mut judge = Judge::new(choices());
        judge.event("text");
        judge.step(Cause::Segment, Some(1), 77);
        judge.lines[1].host_port = Some(8080);
        let seg = Seg { src_port: 40_001, dst_port: 8080, flags: SYN, seq: 5, ..Seg::default() };
        judge.arrives(&seg, Damage::None);
        judge.mix(3);
        judge.fail(1, format_args!("anything"));
        (judge.mtu, judge.listening, judge.transparent, judge.begun, judge.written) = (9, false, false, 2, (3, 4));
        (judge.origins, judge.due) = ([6; LINES], Some((1, 2, 3)));
        judge.lines[1].sent.add(1, 5);
        judge.reset(choices());
        assert_eq!(format!("{judge:?}"), format!("{:?}", Judge::new(choices())));
    }
}
