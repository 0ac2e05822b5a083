//! CLOSE call (RFC 9293 3.10.4): half of it is `shutdown`, all of it is `close`.

use super::abort;
use super::emit;
use super::output::{self, Push};
use super::state::State;
use super::tcb::{Fin, Tcb};
use crate::host::Fx;
use crate::rules;
use core::time::Duration;

impl Tcb {
    /// The user sends no more: FIN goes out after what was sent before. A second time it changes nothing.
    pub(crate) fn close_sending(&mut self, fx: &mut Fx<'_>) {
        let state = self.state();
        fx.cite_in(rules::CLOSE, state);
        match state {
            State::SynReceived | State::Established => {
                self.fin = Fin::Queued;
                self.enter(State::FinWait1, fx);
            }
            State::CloseWait => {
                self.fin = Fin::Queued;
                self.enter(State::LastAck, fx);
            }
            State::SynSent => {
                fx.cite(rules::CLOSE_SYN_SENT);
                self.enter(State::Closed, fx);
            }
            State::FinWait1
            | State::FinWait2
            | State::Closing
            | State::LastAck
            | State::TimeWait
            | State::Closed
            | State::Listen => return,
        }
        if fx.config().segment_trains {
            // Nothing is held back any more, not even what the window cuts short.
            output::send_text(self, Push::NotHeldBack, fx);
        }
        output::after_event(self, fx);
    }

    /// The user is gone. Text that it has not read, or a linger time of zero, makes it an ABORT (3.6.1).
    pub(crate) fn close(&mut self, fx: &mut Fx<'_>) {
        self.user.closed = true;
        let config = fx.config();
        if config.mini_sockets && self.state() == State::TimeWait {
            // Its socket has nothing to do with it any more.
            return;
        }
        let resets_late = config.shut_reading_resets && matches!(self.state(), State::Closing | State::LastAck);
        let unread = self.incoming.len() > 0;
        let lingers_not = self.user.options.linger == Some(Duration::ZERO);
        if unread || lingers_not {
            if unread {
                fx.cite(rules::CLOSE_UNREAD);
                fx.host.counters.tcp_abort_on_close += 1;
                if resets_late && self.fin != Fin::Queued {
                    emit::abort(self, fx);
                }
            } else {
                fx.host.counters.tcp_abort_on_data += 1;
            }
            abort::abort(self, fx);
            return;
        }
        if self.lingers_not_in_fin_wait_2() && self.state() == State::FinWait2 {
            fx.host.counters.tcp_abort_on_linger += 1;
            abort::abort(self, fx);
            return;
        }
        self.close_sending(fx);
        self.limit_fin_wait_2(fx);
    }

    /// Whether the user wants no FIN-WAIT-2 behind `close` (`TCP_LINGER2`).
    pub(crate) fn lingers_not_in_fin_wait_2(&self) -> bool {
        self.user.closed && self.user.options.rare().linger2.is_some_and(|seconds| seconds < 0)
    }
}
