//! Keep-alives (RFC 9293 3.8.4): off unless asked for, without garbage octet.

use super::emit;
use super::state::State;
use super::tcb::Tcb;
use super::timers::Timer;
use crate::host::Fx;
use crate::rules;
use core::time::Duration;

/// Probes since the peer was last heard of.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct KeepAlive {
    pub(crate) unanswered: u32,
}

impl Tcb {
    /// Whether keep-alives make sense in this state.
    fn keeps_alive(&self) -> bool {
        match self.state() {
            State::Established
            | State::CloseWait
            | State::FinWait1
            | State::FinWait2
            | State::Closing
            | State::LastAck => self.user.options.keep_alive,
            State::Closed | State::Listen | State::SynSent | State::SynReceived | State::TimeWait => false,
        }
    }

    /// The idle time before the first keep-alive, longer than a user timeout that the peer has asked for (RFC 5482 4.2).
    fn keep_idle(&self, fx: &Fx<'_>) -> Duration {
        let idle =
            Duration::from_secs(self.user.options.rare().keep_idle.unwrap_or(fx.config().tcp_keepalive_time).into());
        let adopted =
            self.user.options.user_timeout.is_zero().then(|| self.user_timeout(fx)).filter(|time| !time.is_zero());
        adopted.map_or(idle, |adopted| idle.max(adopted + Duration::from_secs(1)))
    }

    /// Something arrived, or the option changed: the idle time starts anew.
    pub(crate) fn keep_alive_restart(&mut self, fx: &Fx<'_>) {
        self.keep_alive.unanswered = 0;
        if self.keeps_alive() {
            self.timers.set(Timer::KeepAlive, fx.now + self.keep_idle(fx));
        } else {
            self.timers.stop(Timer::KeepAlive);
        }
    }

    /// The keep-alive timer went off.
    pub(crate) fn keep_alive_timeout(&mut self, fx: &mut Fx<'_>) {
        if !self.keeps_alive() {
            return;
        }
        if !self.queue.is_empty() || self.unsent() > 0 {
            // MUST-26: text in flight is its own probe.
            self.timers.set(Timer::KeepAlive, fx.now + self.keep_idle(fx));
            return;
        }
        let config = fx.config();
        let most = self.user.options.rare().keep_cnt.unwrap_or(config.tcp_keepalive_probes);
        let interval = self.user.options.rare().keep_intvl.unwrap_or(config.tcp_keepalive_intvl);
        let user_timeout = self.user.options.user_timeout;
        let idle = self.totals.last_segment.get().map_or(Duration::ZERO, |at| fx.now.since(at));
        let given_up = if user_timeout.is_zero() {
            self.keep_alive.unanswered >= most
        } else {
            self.keep_alive.unanswered > 0 && idle >= user_timeout
        };
        if given_up {
            fx.cite(rules::KEEP_ALIVE_DEAD);
            emit::abort(self, fx);
            self.give_up(fx);
            return;
        }
        fx.cite(rules::KEEP_ALIVE_PROBE);
        self.keep_alive.unanswered += 1;
        emit::empty(self, self.snd.nxt.minus(1), fx);
        self.timers.set(Timer::KeepAlive, fx.now + Duration::from_secs(interval.into()));
    }
}
