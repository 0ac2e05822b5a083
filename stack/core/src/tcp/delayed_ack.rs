//! When to acknowledge (RFC 9293 3.8.6.3; RFC 5681 4.2), after a fixed delay or at the peer's pace as Linux estimates it.

use super::emit;
use super::tcb::Tcb;
use super::timers::Timer;
use crate::config::AckPace;
use crate::host::Fx;
use crate::rules;
use crate::time::{Instant, Sometime};
use core::time::Duration;

/// How much an ACK is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// Not at all.
    None,
    /// It may wait for company.
    Delayed,
    /// At the end of this event.
    Now,
}

/// Segments below this size do not count as full ones, however small the peer's are (RFC 9293 3.8.6.3 names 536).
const SMALLEST_FULL: u32 = 536;

/// The least segment that fills more than half of the memory that Linux takes for one of up to the usual MTU, and for much smaller ones: from
/// then on it offers more of its buffer.
const WELL_FILLED: u32 = 1_160;

/// So many such segments unread, and the window does not grow any more.
const MOST_UNREAD: u32 = 4;

/// Least estimate of the peer's pace, and the delay before there is one (Linux).
const LEAST_PACE: Duration = Duration::from_millis(40);

/// A tick of Linux's clock, with 1000 a second.
const TICK: Duration = Duration::from_millis(1);

/// Longest delay of an ACK that nobody seems to wait for (Linux).
const MOST_PACE: Duration = Duration::from_millis(500);

/// As `MOST_PACE` in an exchange of messages.
const MOST_IN_EXCHANGE: Duration = Duration::from_millis(200);

/// State of delayed acknowledgment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DelayedAck {
    need: Need,
    /// `Now` for no other reason than that the connection is young.
    by_quick: bool,
    /// The largest segment seen: what the peer sends when it sends full ones.
    pub(crate) full: u32,
    /// Segments left that are acknowledged without delay.
    pub(crate) quick: u32,
    /// Text goes out soon after text came in: an exchange of messages, where delaying ACKs pays ("pingpong" in Linux).
    pub(crate) exchange: bool,
    /// Something small came since the last ACK: the peer may wait for an answer.
    pushed: bool,
    /// The estimate of the peer's pace, milliseconds ("ato" in Linux).
    pace: u16,
    /// When text last arrived.
    last: Sometime,
    /// A segment has passed all checks at this event.
    passed: bool,
    /// One of them was not what Linux's fast path expects.
    odd: bool,
}

impl DelayedAck {
    pub(crate) const fn new(quick: u32) -> Self {
        Self {
            need: Need::None,
            by_quick: false,
            full: SMALLEST_FULL,
            quick,
            exchange: false,
            pushed: false,
            pace: 0,
            last: Sometime::NEVER,
            passed: false,
            odd: false,
        }
    }

    pub(crate) const fn need(&self) -> Need {
        self.need
    }

    /// An ACK is wanted at the end of this event.
    pub(crate) const fn now(&mut self) {
        self.need = Need::Now;
        self.by_quick = false;
    }

    /// A segment has passed all checks. `predicted`: it is what Linux's fast path expects.
    pub(crate) const fn passed(&mut self, predicted: bool) {
        self.passed = true;
        self.odd |= !predicted;
    }

    /// The event is over.
    pub(crate) const fn event_ends(&mut self) {
        (self.passed, self.odd) = (false, false);
    }

    pub(crate) const fn cancel(&mut self) {
        self.need = Need::None;
        self.pushed = false;
    }

    fn pace(&self) -> Duration {
        Duration::from_millis(self.pace.into()).max(LEAST_PACE)
    }

    fn set_pace(&mut self, pace: Duration, rto: Duration) {
        self.pace = pace.min(rto).as_millis().min(u128::from(u16::MAX)) as u16;
    }

    /// Text has come: how the estimate follows it, and whether ACKs are to be quick for a while. `quick`: how many.
    fn estimate(&mut self, now: Instant, rto: Duration, quick: u32) {
        let pace = self.pace();
        match self.last.get().map(|last| now.since(last)) {
            None => {
                self.quick = self.quick.max(quick);
                self.set_pace(LEAST_PACE, rto);
            }
            Some(gap) if gap <= LEAST_PACE / 2 => self.set_pace(pace / 2 + LEAST_PACE / 2, rto),
            Some(gap) if gap < pace => self.set_pace(pace / 2 + gap, rto),
            // The peer has paused so long that it begins with a small window again.
            Some(gap) if gap > rto => self.quick = self.quick.max(quick),
            Some(_) => {}
        }
    }
}

impl Tcb {
    /// Text in order was taken; `octets` of it in this segment.
    pub(crate) fn text_taken(&mut self, octets: u32, fx: &mut Fx<'_>) {
        let estimated = fx.config().ack_pace == AckPace::Estimated;
        if estimated {
            let quick = self.quick_acks(fx.config().quick_acks);
            self.delayed_ack.estimate(fx.now, self.rto.timeout(), quick);
            self.delayed_ack.pushed |= octets < self.delayed_ack.full;
        }
        let most = self.rcv.mss.saturating_sub(if estimated { self.timestamps.octets() } else { 0 });
        self.delayed_ack.full = self.delayed_ack.full.max(octets).min(most.max(SMALLEST_FULL));
        self.delayed_ack.last = Sometime::at(fx.now);
        let unacknowledged = self.rcv.last_ack_sent.distance(self.rcv.nxt);
        let quick = self.delayed_ack.quick > 0 && !self.delayed_ack.exchange;
        self.delayed_ack.quick -= u32::from(quick);
        if unacknowledged >= 2 * self.delayed_ack.full {
            fx.cite(rules::ACK_EVERY_SECOND);
            self.delayed_ack.now();
        } else if estimated && unacknowledged > self.delayed_ack.full && self.offers_more() {
            self.delayed_ack.now();
        } else if quick && self.delayed_ack.need != Need::Now {
            (self.delayed_ack.need, self.delayed_ack.by_quick) = (Need::Now, true);
        } else {
            self.delayed_ack.need = self.delayed_ack.need.max(Need::Delayed);
        }
    }

    /// Segments that are acknowledged without delay, `most` or those of half of the window.
    fn quick_acks(&self, most: u32) -> u32 {
        match self.rcv.wnd() / (2 * self.delayed_ack.full) {
            0 => 2,
            segments => segments.min(most.max(2)),
        }
    }

    /// The peer sends again what has come, or hears of congestion: it wants to know at once what arrives (Linux), and this is no exchange.
    pub(crate) fn acknowledge_quickly(&mut self, most: u32) {
        if most > 0 {
            self.delayed_ack.quick = self.delayed_ack.quick.max(self.quick_acks(most));
            self.delayed_ack.exchange = false;
            self.delayed_ack.set_pace(LEAST_PACE, self.rto.timeout());
        }
    }

    /// Whether the window grows with what arrives, as Linux has it of a buffer that nobody has set the size of.
    fn offers_more(&self) -> bool {
        let full = self.delayed_ack.full;
        let unread = self.incoming.len() as u32;
        full >= WELL_FILLED && unread <= MOST_UNREAD * full && self.user.options.rcv_buf.is_none()
    }

    /// The peer's FIN was taken in ESTABLISHED. Linux expects an answer of the user that takes the ACK along, and waits for it as long as
    /// for text: until the next tick of its clock, if none has come.
    pub(crate) fn fin_taken(&mut self, fx: &Fx<'_>) {
        if fx.config().fin_ack_waits {
            if self.delayed_ack.by_quick {
                self.delayed_ack.need = Need::Delayed;
            }
            self.delayed_ack.need = self.delayed_ack.need.max(Need::Delayed);
            self.delayed_ack.exchange = true;
        } else {
            self.delayed_ack.now();
        }
    }

    /// The ACK of the peer's SYN,ACK waits for the text of a writer who waits for the handshake; what is answered that soon
    /// is an exchange.
    pub(crate) fn delay_first_ack(&mut self, fx: &Fx<'_>) {
        self.delayed_ack.need = Need::Delayed;
        self.delayed_ack.last = Sometime::at(fx.now);
    }

    /// Text goes out; soon after text came in, that is an exchange.
    pub(crate) fn text_sent(&mut self, fx: &Fx<'_>) {
        let soon = match fx.config().ack_pace {
            AckPace::Fixed => self.user.options.delayed_ack(fx.config()),
            AckPace::Estimated => self.delayed_ack.pace(),
        };
        if self.delayed_ack.last.get().is_some_and(|last| fx.now.since(last) < soon) {
            match fx.config().ack_pace {
                AckPace::Fixed => self.delayed_ack.quick = 0,
                AckPace::Estimated => self.delayed_ack.exchange = true,
            }
        }
    }

    /// How long an ACK may wait now.
    fn ack_delay(&self, fx: &Fx<'_>) -> Duration {
        let longest = self.user.options.delayed_ack(fx.config());
        if fx.config().ack_pace == AckPace::Fixed {
            return longest;
        }
        let state = &self.delayed_ack;
        if state.pace == 0 && self.rcv.fin && fx.config().fin_ack_waits {
            return TICK;
        }
        let mut pace = state.pace();
        if pace > LEAST_PACE {
            let most = if state.exchange || state.pushed { MOST_IN_EXCHANGE } else { MOST_PACE };
            let round_trip = self.rto.srtt().map_or(most, |srtt| srtt.max(LEAST_PACE));
            pace = pace.min(most).min(round_trip);
        }
        pace.min(longest)
    }

    /// Starts the timer for an ACK that waits. The timer of an earlier one runs on (MUST-40 is for the oldest).
    pub(crate) fn delay_ack(&mut self, fx: &mut Fx<'_>) {
        let delay = self.ack_delay(fx);
        let DelayedAck { passed, odd, quick, exchange, .. } = self.delayed_ack;
        match self.timers.deadline(Timer::DelayedAck) {
            None => {
                fx.cite(rules::ACK_DELAYED);
                self.timers.set(Timer::DelayedAck, fx.now + delay);
            }
            // About to go off: with a segment it may as well go now; and if ACKs are quick, it waited for text that has not come (Linux).
            Some(at)
                if passed
                    && fx.config().ack_pace == AckPace::Estimated
                    && (at <= fx.now + delay / 4 || delay == TICK || odd && quick > 0 && !exchange) =>
            {
                emit::ack(self, fx);
            }
            Some(at) => self.timers.set(Timer::DelayedAck, at.min(fx.now + delay)),
        }
    }

    /// The timer went off: no text of ours has taken the ACK along. The estimate was too short, or it is no exchange.
    pub(crate) fn delayed_ack_timeout(&mut self, fx: &mut Fx<'_>) {
        let rto = self.rto.timeout();
        if core::mem::take(&mut self.delayed_ack.exchange) {
            self.delayed_ack.set_pace(LEAST_PACE, rto);
        } else {
            let pace = self.delayed_ack.pace();
            self.delayed_ack.set_pace(pace * 2, rto);
        }
        emit::ack(self, fx);
    }

    /// The user has read everything: a peer that seems to wait for an answer gets its ACK, if no text is to be expected
    /// that could take it along (Linux).
    pub(crate) fn all_read(&mut self, fx: &mut Fx<'_>) {
        let state = &self.delayed_ack;
        let waits = state.pushed && !state.exchange && self.timers.runs(Timer::DelayedAck);
        if fx.config().ack_pace == AckPace::Estimated && waits {
            emit::ack(self, fx);
        }
    }
}
