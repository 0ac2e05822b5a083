//! When to acknowledge (RFC 9293 3.8.6.3; RFC 5681 4.2).

use super::tcb::Tcb;
use super::timers::Timer;
use crate::host::Fx;
use crate::rules;
use crate::time::Instant;

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

/// State of delayed acknowledgment.
#[derive(Debug, Clone)]
pub(crate) struct DelayedAck {
    need: Need,
    /// The largest segment seen: what the peer sends when it sends full ones.
    pub(crate) full: u32,
    /// Segments left that are acknowledged without delay.
    pub(crate) quick: u32,
    /// When text last arrived.
    last: Option<Instant>,
}

impl DelayedAck {
    pub(crate) const fn new(quick: u32) -> Self {
        Self { need: Need::None, full: SMALLEST_FULL, quick, last: None }
    }

    pub(crate) const fn need(&self) -> Need {
        self.need
    }

    /// An ACK is wanted at the end of this event.
    pub(crate) const fn now(&mut self) {
        self.need = Need::Now;
    }

    pub(crate) const fn cancel(&mut self) {
        self.need = Need::None;
    }
}

impl Tcb {
    /// Text in order was taken; `octets` of it in this segment.
    pub(crate) fn text_taken(&mut self, octets: u32, fx: &mut Fx<'_>) {
        self.delayed_ack.full = self.delayed_ack.full.max(octets).min(self.rcv.mss.max(SMALLEST_FULL));
        self.delayed_ack.last = Some(fx.now);
        let unacknowledged = self.rcv.last_ack_sent.distance(self.rcv.nxt);
        if self.delayed_ack.quick > 0 {
            self.delayed_ack.quick -= 1;
            self.delayed_ack.now();
        } else if unacknowledged >= 2 * self.delayed_ack.full {
            fx.cite(rules::ACK_EVERY_SECOND);
            self.delayed_ack.now();
        } else {
            self.delayed_ack.need = self.delayed_ack.need.max(Need::Delayed);
        }
    }

    /// Text goes out soon after text came in: an exchange of messages, where delaying ACKs pays.
    pub(crate) fn text_sent(&mut self, fx: &Fx<'_>) {
        if self.delayed_ack.last.is_some_and(|last| fx.now.since(last) < self.user.options.delayed_ack(fx.config())) {
            self.delayed_ack.quick = 0;
        }
    }

    /// Starts the timer for an ACK that waits. The timer of an earlier one runs on (MUST-40 is for the oldest).
    pub(crate) fn delay_ack(&mut self, fx: &mut Fx<'_>) {
        if !self.timers.runs(Timer::DelayedAck) {
            fx.cite(rules::ACK_DELAYED);
            let delay = self.user.options.delayed_ack(fx.config());
            self.timers.set(Timer::DelayedAck, fx.now + delay);
        }
    }
}
