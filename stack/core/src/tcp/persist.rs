//! Zero-window probes (RFC 9293 3.8.6.1), and the sender's override of silly-window avoidance (3.8.6.2.1), which share a
//! timer: both are for text that waits while nothing is in flight.

use super::emit;
use super::output;
use super::retransmission_queue::Sent;
use super::tcb::{Fin, Tcb};
use super::timers::Timer;
use crate::config::{Config, ZeroWindowProbe};
use crate::host::Fx;
use crate::rules;
use crate::wire::tcp::{Flags, Segment};
use core::time::Duration;

/// State of probing.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Persist {
    /// Doublings of the interval.
    backoff: u32,
    /// Probes since the peer was last heard of.
    pub(crate) unanswered: u32,
}

impl Tcb {
    /// Whether text or FIN waits.
    fn waits(&self) -> bool {
        self.may_transmit() && (self.unsent() > 0 || self.fin == Fin::Queued)
    }

    /// Whether all that is in flight is a probe.
    fn only_probe_in_flight(&self) -> bool {
        self.queue.iter().all(|sent| sent.probe)
    }

    /// Starts or stops the timer as the queues and the window ask.
    pub(crate) fn persist_arm(&mut self, fx: &mut Fx<'_>) {
        let probing = self.snd.wnd == 0 && !self.queue.is_empty() && self.only_probe_in_flight();
        if (self.waits() && self.queue.is_empty()) || probing {
            if !self.timers.runs(Timer::Persist) {
                let interval = self.persist_interval(fx);
                self.timers.set(Timer::Persist, fx.now + interval);
            }
        } else {
            self.timers.stop(Timer::Persist);
            if core::mem::take(&mut self.persist.backoff) > 0 {
                self.rto.probing_ends();
            }
        }
    }

    /// The retransmission timeout, doubled with each probe (SHLD-29, SHLD-30). Text that waits behind an open window, for
    /// company or for more window, has a time of its own.
    fn persist_interval(&self, fx: &Fx<'_>) -> Duration {
        let rto = self.rto.timeout();
        if self.snd.wnd > 0 {
            let held_back = fx.config().override_timeout.filter(|_| !self.ecn_waits());
            return held_back.unwrap_or(rto);
        }
        let interval = rto.saturating_mul(1 << self.persist.backoff.min(16)).min(fx.config().rto_max());
        self.within_user_timeout(interval, self.rto.first_retransmission(), fx)
    }

    /// The persist timer went off.
    pub(crate) fn persist_timeout(&mut self, fx: &mut Fx<'_>) {
        if self.snd.wnd > 0 {
            // Silly-window avoidance or Nagle held the text back long enough.
            fx.cite(rules::SWS_OVERRIDE);
            self.ecn_waited();
            self.push();
            output::send_text(self, output::Push::Override, fx);
            return;
        }
        if self.persist_exhausted(fx) {
            fx.cite(rules::R2);
            self.give_up(fx);
            return;
        }
        fx.cite(rules::ZERO_WINDOW_PROBE);
        self.rto.note(fx.now);
        self.persist.backoff = self.persist.backoff.max(self.backoff_kept(fx.config())) + 1;
        self.persist.unanswered += 1;
        match fx.config().zero_window_probe {
            ZeroWindowProbe::Empty => {
                // That urgent data waits is said where it can be taken.
                let una = self.snd.una;
                if self.snd.up.is_some_and(|up| up.gt(una) && una.distance(up) <= u32::from(u16::MAX)) {
                    emit::empty(self, una, fx);
                }
                emit::empty(self, una.minus(1), fx);
            }
            ZeroWindowProbe::Octet => self.probe_with_octet(fx),
        }
        let interval = self.persist_interval(fx);
        self.timers.set(Timer::Persist, fx.now + interval);
    }

    /// MUST-37: a peer that answers keeps the connection, one that does not is given up like any other.
    fn persist_exhausted(&self, fx: &Fx<'_>) -> bool {
        let config = fx.config();
        let limit =
            if self.user.closed { config.orphan_retries().unwrap_or(config.tcp_retries2) } else { config.tcp_retries2 };
        self.persist.unanswered >= limit || self.user_timeout_is_over(self.rto.first_retransmission(), fx)
    }

    /// Sends the next octet, or FIN, beyond the window; the same one again if it is out already.
    fn probe_with_octet(&mut self, fx: &mut Fx<'_>) {
        if let Some(&sent) = self.queue.front() {
            emit::again(self, sent, false, fx);
            return;
        }
        let text = self.unsent().min(1);
        let fin = text == 0;
        let sent = Sent { fin, probe: true, ..Sent::text(self.snd.nxt, text, fx.now) };
        if fin {
            self.fin = Fin::Sent(self.snd.nxt);
        }
        let flags = if fin { Flags::FIN | Flags::ACK } else { Flags::ACK };
        emit::text(self, sent.seq, sent.text, flags, fx);
        self.queue.push(sent);
        self.snd.nxt = sent.end();
    }

    /// Doublings of retransmissions that those of probes go on from.
    fn backoff_kept(&self, config: &Config) -> u32 {
        if config.probes_keep_backoff { self.rto.backoff } else { 0 }
    }

    /// The peer was heard of, with `seg`, which may be text alone: Linux's fast path then looks at no acknowledgment.
    pub(crate) fn persist_answered(&mut self, seg: &Segment<'_>, alone: bool, fx: &Fx<'_>) {
        self.persist.unanswered = 0;
        if fx.config().acks_restart_probes && !alone && self.queue.is_empty() && seg.ack.ge(self.snd.una) {
            // Where something waits still it is set anew.
            self.timers.stop(Timer::Persist);
            self.persist.backoff = self.persist.backoff.max(self.backoff_kept(fx.config()));
        }
    }
}
