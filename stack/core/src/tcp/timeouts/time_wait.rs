//! TIME-WAIT TIMEOUT (RFC 9293 3.10.8), and the end of FIN-WAIT-2 after CLOSE, for which the RFC has no timer and forbids
//! none.

use crate::host::Fx;
use crate::rules;
use crate::tcp::state::State;
use crate::tcp::tcb::Tcb;

pub(crate) fn expire(tcb: &mut Tcb, fx: &mut Fx<'_>) {
    fx.cite(rules::TIME_WAIT_TIMEOUT);
    fx.host.counters.tw += 1;
    tcb.enter(State::Closed, fx);
}

/// The peer has not closed in time. It is not told: its next segment draws a reset.
pub(crate) fn fin_wait_2_expires(tcb: &mut Tcb, fx: &mut Fx<'_>) {
    tcb.enter(State::Closed, fx);
}
