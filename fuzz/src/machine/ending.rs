//! After the last event: the liveness phase, or a peer that falls silent; and in both nothing is left.

use super::Watch;
use super::world::World;
use crate::datagram::{ACK, FIN, before};
use crate::pattern;
use crate::program::Ending;
use halfopen_stack::{State, Vitals};
use std::time::Duration;

/// Rounds of the liveness phase beside those that text takes: each brings a segment both ways, or a timer.
const MOST_ROUNDS: u32 = 400;

/// How long a segment and its answer take, when both arrive.
const ROUND_TRIP: Duration = Duration::from_millis(1);

/// Rounds after which a connection is at rest for which the host has nothing left to bring: what goes on is text of the peer, of which a
/// program may have left out a megabyte. A round that moves nothing counts for eight; some are needed for an acknowledgment that waits.
const REST: u32 = 32;

/// Timers that may fire after everything is closed: those of a keep-alive that looks every second whether the connection is idle, for
/// the half hour that the last retransmissions take, on each connection of a program.
const MOST_LAST_TIMERS: u32 = 20_000;

/// The longest gap in the peer's text that it fills in. A program leaves out a megabyte by one number: to bring that along takes as long as a hundred
/// programs, so it happens in one set-up of [`LONG_GAPS`].
const LONGEST_GAP: u32 = 1 << 15;

/// One of so many seeds of a host has a peer that fills every gap.
const LONG_GAPS: u8 = 16;

/// The smallest segment that text is cut into (the floor of `tcp_min_snd_mss`, less options).
pub(crate) const LEAST_SEGMENT: u32 = 24;

/// What a turn of the liveness phase was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// There is nothing more to do.
    Idle,
    /// Only a timer brings more.
    Waits,
    /// Something new arrived.
    Moves,
}

/// Octets that the honest peer sends at once, in the beginning.
const PIECE: u32 = 1000;

impl<W: Watch> World<'_, W> {
    pub(super) fn end(&mut self) {
        self.judge.event("end");
        self.loses = [0; 2];
        for peer in self.peers.iter_mut() {
            (peer.holds, peer.held, peer.twice) = (false, None, false);
        }
        if self.setup.ending == Ending::Cooperative {
            self.liveness();
        }
        self.close_all();
        if !self.is_over() {
            self.forget();
        }
    }

    /// O79: faults have stopped, the peer is honest. What was written arrives.
    fn liveness(&mut self) {
        // A round brings a segment, and a recovery without SACK not more than one.
        let segments = |world: &Self, at| world.missing(at).map_or(0, |octets| octets / LEAST_SEGMENT);
        let rounds = MOST_ROUNDS + 2 * (0..4).map(|at| segments(self, at)).sum::<u32>();
        let mut idle = [0; 4];
        for round in 0..rounds {
            let mut turn = Turn::Idle;
            for (at, idle) in idle.iter_mut().enumerate().filter(|(_, idle)| **idle < REST) {
                // In the end the peer keeps its text back while the host owes some: an ACK for each piece may take all rounds before the host's timeout.
                let silent = round > rounds / 4 && self.missing(at).is_some();
                let one = self.round(at, if silent { 0 } else { PIECE << (*idle / 4).min(4) });
                if self.is_over() {
                    return;
                }
                let weight = if one == Turn::Moves { 1 } else { 8 };
                *idle = if self.may_rest(at) { *idle + weight } else { 0 };
                turn = if *idle < REST { turn.max(one) } else { turn };
            }
            let soon = self.now + ROUND_TRIP;
            match (turn, self.stack.poll_at()) {
                (Turn::Idle, _) => return,
                // Nothing is lost any more: an answer comes before a timer that waits for it.
                (Turn::Moves, _) | (Turn::Waits, None) => self.wait(soon),
                (Turn::Waits, Some(at)) => self.wait(at),
            }
            if self.is_over() {
                return;
            }
        }
        for at in 0..4 {
            if let Some(missing) = self.missing(at) {
                let oracle = if self.judge.lines[at].lied { 93 } else { 79 };
                (self.judge.at, self.judge.before) = (Some(at as u8), self.vitals(at).copied());
                self.judge.fail(oracle, format_args!("{missing} octets have not arrived after {rounds} rounds"));
            }
        }
    }

    /// Whether a connection waits for nothing of the host. Before it is open a timer has the next word.
    fn may_rest(&self, at: usize) -> bool {
        let opens = self.state(at).is_some_and(|state| matches!(state, State::SynSent | State::SynReceived));
        !opens && self.missing(at).is_none()
    }

    /// What the host still has to bring to the peer, in a state in which it can.
    fn missing(&self, at: usize) -> Option<u32> {
        let vitals = self.vitals(at)?;
        let sends = !matches!(vitals.state, State::TimeWait | State::SynReceived);
        (sends && (vitals.una != vitals.nxt || vitals.unsent > 0))
            .then(|| vitals.unsent + vitals.nxt.0.wrapping_sub(vitals.una.0))
    }

    /// One turn of one connection, with so many octets of the peer's text at the most.
    fn round(&mut self, at: usize, most: u32) -> Turn {
        if at < 2 && self.sockets[at].is_none() && self.state(at).is_some() {
            self.accept();
        }
        if self.sockets[at].is_some_and(|socket| !socket.over && !socket.shut_read) {
            self.receive(at, 16_000, false);
        }
        let Some(vitals) = self.vitals(at).copied() else { return Turn::Idle };
        let (now, setup) = (self.micros(), self.setup);
        let peer = &mut self.peers[at];
        if peer.host_iss != Some(vitals.iss.0) {
            // The peer never heard the SYN of this incarnation: it will come again, or time out.
            let opening = matches!(vitals.state, State::SynSent | State::SynReceived);
            return if opening { Turn::Waits } else { Turn::Idle };
        }
        if vitals.state != State::SynSent {
            peer.has_told(vitals.una.0);
        }
        if vitals.state == State::SynSent {
            let octets = peer.syn(true, now, setup);
            self.comes(at, octets);
            return Turn::Waits;
        }
        let expected = peer.host_acked.unwrap_or(peer.next);
        let end = peer.fin.unwrap_or(peer.next);
        let received = peer.received();
        let gap = if before(expected, end) { end.wrapping_sub(expected) } else { 0 };
        let fills = gap <= LONGEST_GAP || setup.seed.is_multiple_of(LONG_GAPS);
        let text = if fills { gap.min(most) } else { 0 };
        let nothing_new = text == 0 && vitals.una.0 == received;
        let waits = self.missing(at).is_some();
        if nothing_new && !waits {
            return Turn::Idle;
        }
        let peer = &mut self.peers[at];
        let payload = if vitals.rcv_fin { &[][..] } else { pattern::sent(expected, text as usize) };
        // A window counts if its segment is not older than the last that counted: an end that is alive sends its windows from where it is.
        let seq = if payload.is_empty() && before(expected, vitals.wl1.0) { vitals.wl1.0 } else { expected };
        let octets = peer.honest(ACK, seq, payload, 65_535, now, setup);
        self.comes(at, octets);
        if !payload.is_empty() && !self.is_over() && before(seq, vitals.wl1.0) {
            let octets = self.peers[at].honest(ACK, vitals.wl1.0, &[], 65_535, now, setup);
            self.comes(at, octets);
        }
        // While the host owes text, only that counts: the peer's may go on for longer than a timeout takes.
        let heard = self.peers[at].received() != received;
        let moved = |now: &Vitals| now.una != vitals.una || heard || !waits && now.rcv_nxt != vitals.rcv_nxt;
        if self.vitals(at).is_none_or(moved) { Turn::Moves } else { Turn::Waits }
    }

    fn close_all(&mut self) {
        for at in 0..4 {
            if !self.is_over() {
                self.close(at, false);
            }
        }
        if !self.is_over() {
            self.close_listener();
        }
    }

    /// O97: the peer of a connection says goodbye or nothing; the host forgets.
    fn forget(&mut self) {
        if self.setup.ending == Ending::Cooperative {
            for at in 0..4 {
                self.goodbye(at);
                if self.is_over() {
                    return;
                }
            }
        }
        let mut timers = 0;
        while let Some(at) = self.stack.poll_at() {
            self.fire(at);
            timers += 1;
            if timers > MOST_LAST_TIMERS {
                self.judge.fail(81, format_args!("no end of timers after everything was closed"));
            }
            if self.is_over() {
                return;
            }
        }
        if let Some(left) = self.stack.connections().next() {
            self.judge
                .fail(97, format_args!("a connection in {} is left after everything was closed", left.state.name()));
        }
    }

    /// The peer acknowledges the host's FIN and sends its own.
    fn goodbye(&mut self, at: usize) {
        for _ in 0..4 {
            let Some(vitals) = self.vitals(at).copied() else { return };
            if matches!(vitals.state, State::TimeWait | State::SynReceived | State::SynSent) {
                return;
            }
            let (now, setup) = (self.micros(), self.setup);
            let peer = &mut self.peers[at];
            let seq = peer.host_acked.unwrap_or(peer.next);
            let fin = !vitals.rcv_fin && until_end(peer.fin.unwrap_or(peer.next), seq);
            let octets = peer.honest(if fin { ACK | FIN } else { ACK }, seq, &[], 65_535, now, setup);
            self.comes(at, octets);
            if self.is_over() {
                return;
            }
        }
    }
}

/// Whether everything up to `end` has been acknowledged.
fn until_end(end: u32, acked: u32) -> bool {
    !before(acked, end)
}
