//! One timer for what is in flight: the retransmission timeout (RFC 6298 5), or in its place, because it comes sooner, the
//! tail loss probe or the end of RACK's reordering window (RFC 8985 5.4, 7.2, 8).

use super::probe;
use crate::host::Fx;
use crate::tcp::tcb::Tcb;
use crate::tcp::timers::Timer;
use core::num::NonZeroU32;
use core::time::Duration;

/// What the timer stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// RFC 6298.
    Timeout,
    /// RFC 8985 7.
    Probe,
    /// RFC 8985 6.2.
    Reordering,
}

/// What the timer stands for, and what the event under way asks of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Watch {
    pub(crate) purpose: Purpose,
    /// Something was acknowledged: it starts anew.
    pub(crate) restart: bool,
    /// New text was sent.
    pub(crate) sent: bool,
    /// RACK wants to look again after this time, microseconds.
    pub(crate) reorder_in: Option<NonZeroU32>,
    /// F-RTO wants new text to go first.
    pub(crate) new_text_first: bool,
    /// It was set by who has found out that the peer reneges.
    pub(crate) set: bool,
}

impl Watch {
    pub(super) const fn new() -> Self {
        Self {
            purpose: Purpose::Timeout,
            restart: false,
            sent: false,
            reorder_in: None,
            new_text_first: false,
            set: false,
        }
    }
}

impl Tcb {
    /// Sets the timer at the end of an event: it runs while anything is in flight (RFC 6298 5.1, 5.2). A lone zero-window
    /// probe has a timer of its own.
    pub(crate) fn retransmission_arm(&mut self, fx: &Fx<'_>) {
        let watch = &mut self.recovery.watch;
        let restart = core::mem::take(&mut watch.restart);
        let sent = core::mem::take(&mut watch.sent);
        let reorder_in = watch.reorder_in.take();
        let set = core::mem::take(&mut watch.set);
        if self.queue.is_empty() || self.timers.runs(Timer::Persist) {
            self.watch_for(Purpose::Timeout, None, fx);
            return;
        }
        if set {
            return;
        }
        if let Some(wait) = reorder_in {
            let wait = Duration::from_micros(wait.get().into()) + fx.config().timer_slack;
            self.watch_for(Purpose::Reordering, Some(wait), fx);
        } else if restart || !self.timers.runs(Timer::Retransmission) {
            let rto = self.within_user_timeout(self.rto.timeout(), self.rto.first_retransmission(), fx);
            self.arm(rto, fx);
        } else if sent {
            let left = self.until_timeout(fx);
            match probe::timeout(self, left, fx.config()) {
                Some(wait) => self.watch_for(Purpose::Probe, Some(wait), fx),
                None if self.recovery.watch.purpose == Purpose::Probe => {
                    self.watch_for(Purpose::Timeout, Some(left), fx);
                }
                None => {}
            }
        }
    }

    fn arm(&mut self, rto: Duration, fx: &Fx<'_>) {
        match probe::timeout(self, rto, fx.config()) {
            Some(wait) => self.watch_for(Purpose::Probe, Some(wait), fx),
            None => self.watch_for(Purpose::Timeout, Some(rto), fx),
        }
    }

    /// The timer goes on as the retransmission timeout, counted from now.
    pub(crate) fn watch_for_whole_timeout(&mut self, fx: &Fx<'_>) {
        self.recovery.watch.sent = false;
        self.watch_for(Purpose::Timeout, Some(self.rto.timeout()), fx);
    }

    /// The timer goes on as the retransmission timeout, counted from when the front was last sent.
    pub(crate) fn watch_for_timeout(&mut self, fx: &Fx<'_>) {
        let wait = self.until_timeout(fx);
        self.watch_for(Purpose::Timeout, Some(wait), fx);
    }

    fn watch_for(&mut self, purpose: Purpose, wait: Option<Duration>, fx: &Fx<'_>) {
        self.recovery.watch.purpose = purpose;
        match wait {
            Some(wait) => self.timers.set(Timer::Retransmission, fx.now + wait),
            None => self.timers.stop(Timer::Retransmission),
        }
    }

    /// Whether the front has waited for as long as its timeout is by now.
    pub(crate) fn has_timed_out(&self, fx: &Fx<'_>) -> bool {
        self.queue.front().is_some_and(|front| fx.now.since(front.at) >= self.rto.timeout())
    }

    /// Time until the front's timeout; a microsecond when it should have gone off already.
    fn until_timeout(&self, fx: &Fx<'_>) -> Duration {
        let rto = self.rto.timeout();
        match self.queue.front() {
            Some(front) => rto.saturating_sub(fx.now.since(front.at)).max(Duration::from_micros(1)),
            None => rto,
        }
    }
}
