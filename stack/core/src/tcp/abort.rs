//! ABORT call (RFC 9293 3.10.5).

use super::emit;
use super::state::State;
use super::tcb::{Fin, Tcb};
use crate::host::Fx;
use crate::rules;

/// There are more connections without a socket than `tcp_max_orphans` allows: this one is reset, in whatever state.
pub(crate) fn out_of_orphans(tcb: &mut Tcb, fx: &mut Fx<'_>) {
    fx.host.counters.tcp_abort_on_memory += 1;
    emit::abort(tcb, fx);
    tcb.enter(State::Closed, fx);
}

/// Ends the connection at once, with a reset where the RFC has one.
pub(crate) fn abort(tcb: &mut Tcb, fx: &mut Fx<'_>) {
    let state = tcb.state();
    fx.cite_in(rules::ABORT, state);
    match state {
        State::Closed | State::Listen => return,
        State::SynSent => fx.cite(rules::SYN_SENT_ABORT),
        State::SynReceived | State::Established | State::FinWait1 | State::FinWait2 | State::CloseWait => {
            emit::abort(tcb, fx);
        }
        // The RFC comes here when the FIN is out; before that it is still in the state that has a reset (3.10.4).
        State::Closing | State::LastAck if tcb.fin == Fin::Queued => emit::abort(tcb, fx),
        State::Closing | State::LastAck | State::TimeWait => {}
    }
    tcb.enter(State::Closed, fx);
}
