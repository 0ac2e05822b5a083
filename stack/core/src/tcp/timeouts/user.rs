//! USER TIMEOUT (RFC 9293 3.10.8). It runs while something is unacknowledged or kept back by a closed window, and only if
//! the user set it (`TCP_USER_TIMEOUT`) or the peer told one (RFC 5482): sockets do not have the five minutes of RFC 9293 3.9.1.1.

use crate::host::Fx;
use crate::rules;
use crate::tcp::tcb::Tcb;
use crate::tcp::timers::Timer;
use crate::time::Instant;
use core::time::Duration;

/// Linux's shortest timeout, two of its ticks.
const SHORTEST: Duration = Duration::from_millis(8);

pub(crate) fn expire(tcb: &mut Tcb, fx: &mut Fx<'_>) {
    fx.cite_in(rules::USER_TIMEOUT, tcb.state());
    tcb.give_up(fx);
}

impl Tcb {
    /// Starts the timer when something begins to wait; progress stops it.
    pub(crate) fn user_timeout_arm(&mut self, fx: &Fx<'_>) {
        let timeout = self.user_timeout(fx);
        let waits = !self.queue.is_empty() || self.timers.runs(Timer::Persist);
        if timeout.is_zero() || !waits || fx.config().user_timeout_of_retries {
            self.timers.stop(Timer::User);
        } else if !self.timers.runs(Timer::User) {
            self.timers.set(Timer::User, fx.now + timeout);
        }
    }

    /// How long it still lasts when something goes again, and went so at `first`; `None`: no limit, or no such timeout as Linux's.
    fn user_timeout_left(&self, first: Option<Instant>, fx: &Fx<'_>) -> Option<Duration> {
        let timeout = self.user_timeout(fx);
        if timeout.is_zero() || !fx.config().user_timeout_of_retries {
            return None;
        }
        first.map(|first| timeout.saturating_sub(fx.now.since(first)))
    }

    /// Whether what is due now is too late for it.
    pub(crate) fn user_timeout_is_over(&self, first: Option<Instant>, fx: &Fx<'_>) -> bool {
        self.user_timeout_left(first, fx).is_some_and(|left| left.is_zero())
    }

    /// Not to wait for longer than it lasts.
    pub(crate) fn within_user_timeout(&self, wait: Duration, first: Option<Instant>, fx: &Fx<'_>) -> Duration {
        self.user_timeout_left(first, fx).map_or(wait, |left| wait.min(left.max(SHORTEST)))
    }
}
