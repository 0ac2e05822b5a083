//! A remote socket: what it sends, and what it has been told.

use super::RETRIES;
use halfopen_engine::packet::Tcp;
use halfopen_engine::packet::tcp::flag;
use halfopen_stack::State;
use std::net::{IpAddr, SocketAddr};

/// The clock of RFC 9293 3.4.1: a number each four microseconds.
const TICK: u64 = 4;

/// A remote socket.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) remote: SocketAddr,
    /// Its descriptor, once accepted.
    pub(super) fd: Option<i32>,
    /// The number of its next octet.
    pub(super) next: u32,
    irs: u32,
    /// That number before the event.
    pub(super) before: u32,
    /// The number after what it has seen of the stack's.
    seen: u32,
    /// ISS of the last SYN,ACK, how often its timer has repeated it, when that timer began, and how long it took the last time.
    iss: Option<u32>,
    repeats: u32,
    last: u64,
    distance: u64,
    /// It has acknowledged that SYN,ACK.
    pub(super) shaken: bool,
    /// Handshakes that were completed and not accepted: what dies in the queue is accepted dead.
    pub(super) waiting: u32,
    /// Octets that nobody has read.
    pub(super) unread: u32,
    /// When TIME-WAIT began, or began anew.
    pub(super) time_wait: u64,
    /// ISS less the clock.
    pub(super) offset: Option<u32>,
    /// The connection in TIME-WAIT that its last SYN reopened.
    former: Option<Former>,
}

/// The numbers of a connection in TIME-WAIT, which is to come back if the SYN that reopened it proves old (RFC 9293 3.6.1, MAY-2).
#[derive(Debug, Clone, Copy)]
struct Former {
    next: u32,
    irs: u32,
    seen: u32,
    iss: Option<u32>,
}

impl Peer {
    pub(super) fn new(index: u8) -> Self {
        Self {
            remote: SocketAddr::from(([198, 51, 100, 2 + index / 2], 5000 + u16::from(index % 2))),
            fd: None,
            next: 1000,
            irs: 1000,
            before: 1000,
            seen: 0,
            iss: None,
            repeats: 0,
            last: 0,
            distance: 0,
            shaken: false,
            waiting: 0,
            unread: 0,
            time_wait: 0,
            offset: None,
            former: None,
        }
    }

    /// Its address as on the wire.
    pub(super) fn host(remote: SocketAddr) -> [u8; 4] {
        match remote.ip() {
            IpAddr::V4(host) => host.octets(),
            IpAddr::V6(_) => unreachable!("remote sockets are IPv4"),
        }
    }

    fn segment(&self, seq: u32, ack: u32, flags: u16) -> Tcp {
        Tcp { seq, ack, flags, window: 8000, ..Tcp::default() }
    }

    /// A SYN: a new one, the last one again, or an old one.
    pub(super) fn syn(&mut self, choice: u32) -> Tcp {
        let seq = match choice % 4 {
            0 | 1 => self.next.wrapping_add(100_000),
            2 => self.irs,
            _ => self.next.wrapping_sub(1000),
        };
        self.segment(seq, 0, flag::SYN)
    }

    /// An ACK of what it has seen, or of something near.
    pub(super) fn ack(&mut self, choice: u32) -> Tcp {
        let off = match choice % 8 {
            0..=5 => 0,
            6 => 1,
            _ => u32::MAX,
        };
        self.segment(self.next, self.seen.wrapping_add(off), flag::ACK)
    }

    pub(super) fn rst(&mut self, choice: u32) -> Tcp {
        let off = [0, 0, 1, 100_000][choice as usize % 4];
        self.segment(self.next.wrapping_add(off), 0, flag::RST)
    }

    pub(super) fn text(&mut self) -> Tcp {
        Tcp { payload: vec![7; 10], ..self.segment(self.next, self.seen, flag::ACK | flag::PSH) }
    }

    pub(super) fn fin(&mut self) -> Tcp {
        self.segment(self.next, self.seen, flag::ACK | flag::FIN)
    }

    pub(super) fn syn_ack(&mut self, choice: u32) -> Tcp {
        self.segment(self.next.wrapping_add(choice), self.seen, flag::SYN | flag::ACK)
    }

    /// Where CLOSE in a state has to lead, with a FIN; none where it leads elsewhere: text that nobody has read draws a RST (RFC 9293 3.6.1).
    pub(super) fn closes(&self, state: Option<State>) -> Option<State> {
        match state {
            Some(State::Established) if self.unread == 0 => Some(State::FinWait1),
            Some(State::CloseWait) if self.unread == 0 => Some(State::LastAck),
            _ => None,
        }
    }

    /// The timer has repeated the SYN,ACK.
    pub(super) fn repeated(&mut self, now: u64) {
        self.repeats += 1;
        assert!(self.repeats <= RETRIES, "O63: SYN,ACK number {}", self.repeats);
        let distance = now - self.last;
        assert!(distance >= self.distance, "O63: after {distance} us, before that after {} us", self.distance);
        (self.last, self.distance) = (now, distance);
    }

    /// The timer of the SYN,ACK begins anew: its next distance counts from here.
    pub(super) const fn restarted(&mut self, now: u64) {
        self.last = now;
    }

    /// The stack has sent this, in answer to what met it in state `from` or by a `timer`.
    pub(super) fn hears(&mut self, tcp: &Tcp, from: Option<State>, now: u64, clocked: bool, timer: bool) {
        if tcp.has(flag::RST) {
            return;
        }
        if tcp.has(flag::SYN) {
            assert!(tcp.has(flag::ACK), "O12: a SYN of a listener without ACK");
            if self.iss != Some(tcp.seq) {
                assert!(!timer, "O63: the timer sends another ISS");
                self.fresh(tcp, from, now, clocked);
            }
        }
        let end = tcp.seq.wrapping_add(tcp.payload.len() as u32);
        let end = end.wrapping_add(u32::from(tcp.has(flag::SYN)) + u32::from(tcp.has(flag::FIN)));
        if tcp.has(flag::SYN) || crate::wire::before(self.seen, end) {
            self.seen = end;
        }
    }

    /// A SYN,ACK with a number of its own.
    fn fresh(&mut self, tcp: &Tcp, from: Option<State>, now: u64, clocked: bool) {
        if from == Some(State::TimeWait) {
            let above = crate::wire::before(self.seen.wrapping_sub(1), tcp.seq);
            assert!(above, "O69: ISS {} does not lie above {}, which the old connection sent", tcp.seq, self.seen);
        }
        let offset = tcp.seq.wrapping_sub((now / TICK) as u32);
        if clocked && from.is_none() {
            if let Some(known) = self.offset {
                // A connection that gave way may have moved the number on.
                let ahead = offset.wrapping_sub(known).cast_signed();
                assert!(
                    (0..1 << 24).contains(&ahead),
                    "O102: the offset of one pair of sockets moves from {known} to {offset}"
                );
            }
            self.offset = Some(offset);
        }
        let former = Former { next: self.next, irs: self.irs, seen: self.seen, iss: self.iss };
        self.former = (from == Some(State::TimeWait)).then_some(former);
        (self.iss, self.repeats, self.last, self.distance, self.shaken) = (Some(tcp.seq), 0, now, 0, false);
        self.next = tcp.ack;
        self.irs = tcp.ack.wrapping_sub(1);
        self.unread = 0;
    }

    /// It has sent this, which led from one state to another.
    pub(super) fn has_sent(&mut self, tcp: &Tcp, from: Option<State>, to: Option<State>, now: u64, cookies: bool) {
        let off = self.iss.map_or(u32::MAX, |iss| tcp.ack.wrapping_sub(iss.wrapping_add(1)));
        // A cookie bears the segment size and the peer's number in the clear: what lies as far from another number is a cookie too, and so are
        // its neighbours, with another size.
        let ahead = tcp.seq.wrapping_sub(self.irs.wrapping_add(1));
        let cookie = cookies && self.iss.is_some() && off.wrapping_sub(ahead).cast_signed().unsigned_abs() < 4;
        let right = tcp.has(flag::ACK) && !tcp.has(flag::RST) && (off == 0 || cookie);
        self.waiting += u32::from(right && !self.shaken);
        self.shaken |= right;
        if tcp.has(flag::SYN) && from == Some(State::TimeWait) && to == Some(State::SynReceived) {
            let above = !crate::wire::before(tcp.seq, self.before);
            assert!(above, "O69: a SYN at {} takes the place of a connection that ended at {}", tcp.seq, self.before);
            assert_eq!(self.irs, tcp.seq, "O69: the connection that took its place has other numbers");
        }
        if !matches!(
            to,
            Some(
                State::Established
                    | State::FinWait1
                    | State::FinWait2
                    | State::CloseWait
                    | State::Closing
                    | State::TimeWait
            )
        ) {
            return;
        }
        if tcp.seq == self.next && !tcp.has(flag::SYN) && !tcp.has(flag::RST) {
            let taken =
                matches!(to, Some(State::Established | State::FinWait1 | State::FinWait2)) || tcp.has(flag::FIN);
            if taken && from != to || matches!(from, Some(State::Established | State::FinWait1 | State::FinWait2)) {
                let octets = tcp.payload.len() as u32 + u32::from(tcp.has(flag::FIN));
                self.next = self.next.wrapping_add(octets);
                self.unread += tcp.payload.len() as u32;
            }
        }
        if tcp.has(flag::FIN) && from == Some(State::TimeWait) && to == Some(State::TimeWait) {
            self.time_wait = now;
        }
    }

    /// Whether a reset of its half-open connection leads back to TIME-WAIT, for what is left of its time.
    pub(super) fn returns(&self, now: u64, time_wait: u64) -> bool {
        self.former.is_some() && now < self.time_wait + time_wait
    }

    /// The SYN that reopened TIME-WAIT has proved old: the numbers are those of the connection before, and its time goes on.
    pub(super) fn returned(&mut self) {
        let Some(Former { next, irs, seen, iss }) = self.former.take() else {
            panic!("O65: back to TIME-WAIT, where it never was")
        };
        (self.next, self.irs, self.seen, self.iss, self.shaken) = (next, irs, seen, iss, true);
    }

    /// It has no connection any more.
    pub(super) fn gone(&mut self) {
        self.former = None;
        self.shaken = false;
        self.unread = 0;
    }
}

/// Figure 5 of RFC 9293, with what leads to CLOSED and what a SYN makes of TIME-WAIT; `None` is CLOSED. One event may take two edges.
pub(super) fn is_edge(from: Option<State>, to: Option<State>) -> bool {
    use State::{CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, SynReceived, TimeWait};
    let Some(to) = to else { return true };
    let Some(from) = from else {
        // From a SYN; from an ACK with a cookie, and a FIN may come with it.
        return matches!(to, SynReceived | Established | CloseWait);
    };
    from == to
        || matches!(
            (from, to),
            (SynReceived, Established | CloseWait)
                | (Established, CloseWait | FinWait1)
                | (FinWait1, FinWait2 | Closing | TimeWait)
                | (FinWait2 | Closing, TimeWait)
                | (CloseWait, LastAck)
                | (TimeWait, SynReceived)
                // The SYN that reopened it proved old (MAY-2).
                | (SynReceived, TimeWait)
        )
}
