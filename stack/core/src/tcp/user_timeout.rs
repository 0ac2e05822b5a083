//! The user timeout option (RFC 5482): each side tells the other for how long it will wait, so that neither gives up while
//! the other still hopes.
//!
//! What this side tells is `TCP_USER_TIMEOUT`; who set that is not moved by what the peer tells (CHANGEABLE is false then).

use super::tcb::Tcb;
use super::timers::Timer;
use crate::host::Fx;
use crate::rules;
use crate::wire::tcp::{Flags, Segment, UserTimeout};
use core::time::Duration;

/// Longest value in seconds; beyond it the option counts minutes.
const MOST_SECONDS: u64 = 0x7fff;

/// Both sides' view, in few octets because every connection has it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct UserTimeouts {
    /// The option is on.
    pub(crate) on: bool,
    /// What the next segment is to tell was told already.
    told: bool,
    /// REMOTE_UTO as the option has it: minutes in the highest bit; 0 is none.
    remote: u16,
}

impl UserTimeouts {
    pub(crate) const fn new(on: bool) -> Self {
        Self { on, told: false, remote: 0 }
    }

    fn remote(self) -> Option<Duration> {
        let value = u64::from(self.remote & 0x7fff);
        (value > 0).then(|| Duration::from_secs(if self.remote & 0x8000 > 0 { 60 * value } else { value }))
    }
}

impl Tcb {
    /// USER_TIMEOUT (RFC 5482 3.1); zero is none.
    pub(crate) fn user_timeout(&self, fx: &Fx<'_>) -> Duration {
        let set = self.user.options.user_timeout;
        match self.user_timeouts.remote() {
            Some(remote) if set.is_zero() => {
                let (least, most) = fx.config().user_timeout_limits;
                // It must not end before the peer can have answered what was sent last (RFC 5482 3.1).
                remote.max(least).min(most).max(self.rto.timeout() + Duration::from_secs(1))
            }
            Some(_) | None => set,
        }
    }

    /// The user has set it: the peer is to hear of that.
    pub(crate) fn user_timeout_set(&mut self) {
        self.user_timeouts.told = false;
    }

    /// The option of the next segment: on SYNs, on the first segment after, and after each change (RFC 5482 3). It gives
    /// way to text; nothing relies on its arrival.
    pub(crate) fn tell_user_timeout(&mut self, flags: Flags, room: usize, fx: &mut Fx<'_>) -> Option<UserTimeout> {
        let set = self.user.options.user_timeout;
        let timeouts = &mut self.user_timeouts;
        if !timeouts.on || set.is_zero() || flags.rst() || room < 4 || (timeouts.told && !flags.syn()) {
            return None;
        }
        fx.cite(rules::USER_TIMEOUT_TOLD);
        timeouts.told = !flags.syn();
        let seconds = set.as_secs() + u64::from(set.subsec_nanos() > 0);
        Some(if seconds > MOST_SECONDS {
            UserTimeout { minutes: true, value: seconds.div_ceil(60).min(MOST_SECONDS) as u16 }
        } else {
            UserTimeout { minutes: false, value: seconds as u16 }
        })
    }

    /// An acceptable segment of the peer may tell its own. 0 is reserved and says nothing.
    pub(crate) fn hear_user_timeout(&mut self, seg: &Segment<'_>, fx: &mut Fx<'_>) {
        let Some(option) = seg.options.user_timeout.filter(|option| option.value > 0) else { return };
        let remote = option.value | if option.minutes { 0x8000 } else { 0 };
        if !self.user_timeouts.on || self.user_timeouts.remote == remote {
            return;
        }
        self.user_timeouts.remote = remote;
        if self.user.options.user_timeout.is_zero() {
            fx.cite(rules::USER_TIMEOUT_ADOPTED);
            // It runs anew, with the new length, at the end of the event.
            self.timers.stop(Timer::User);
        }
    }
}
