//! USER TIMEOUT (RFC 9293 3.10.8). It runs while something is unacknowledged or kept back by a closed window, and only if
//! the user set it (`TCP_USER_TIMEOUT`) or the peer told one (RFC 5482): sockets do not have the five minutes of RFC 9293 3.9.1.1.

use crate::host::Fx;
use crate::rules;
use crate::tcp::tcb::Tcb;
use crate::tcp::timers::Timer;

pub(crate) fn expire(tcb: &mut Tcb, fx: &mut Fx<'_>) {
    fx.cite_in(rules::USER_TIMEOUT, tcb.state());
    tcb.give_up(fx);
}

impl Tcb {
    /// Starts the timer when something begins to wait; progress stops it.
    pub(crate) fn user_timeout_arm(&mut self, fx: &Fx<'_>) {
        let timeout = self.user_timeout(fx);
        let waits = !self.queue.is_empty() || self.timers.runs(Timer::Persist);
        if timeout.is_zero() || !waits {
            self.timers.stop(Timer::User);
        } else if !self.timers.runs(Timer::User) {
            self.timers.set(Timer::User, fx.now + timeout);
        }
    }
}
