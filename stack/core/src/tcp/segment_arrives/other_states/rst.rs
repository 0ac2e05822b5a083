//! Second, check the RST bit (RFC 9293 3.10.7.4, RFC 5961 3.2).

use super::{Arriving, CONTINUE, Flow, RETURN};
use crate::config::Acceptable;
use crate::errno::Errno;
use crate::host::Fx;
use crate::rules;
use crate::tcp::challenge_ack;
use crate::tcp::state::State;
use crate::tcp::tcb::{Origin, Tcb};
use crate::wire::tcp::Segment;

pub(super) fn check(tcb: &mut Tcb, arriving: &Arriving<'_>, fx: &mut Fx<'_>) -> Flow {
    let seg = &arriving.seg;
    if !seg.flags.rst() {
        return CONTINUE;
    }
    let state = tcb.state();
    if seg.seq != tcb.rcv.nxt && !is_believed_elsewhere(tcb, seg, fx) {
        if fx.config().acceptable == Acceptable::Table && !seg.seq.in_window(tcb.rcv.nxt, tcb.rcv.wnd()) {
            // Text behind it reached into the window; the reset itself does not.
            fx.cite_in(rules::SEQ_UNACCEPTABLE_RST, state);
            return RETURN;
        }
        if fx.config().challenge_acks {
            fx.cite_in(rules::RST_IN_WINDOW, state);
            challenge_ack::challenge(tcb, fx);
            return RETURN;
        }
        fx.cite_in(rules::RST_IN_WINDOW_793, state);
    }
    reset(tcb, fx);
    RETURN
}

/// Where Linux believes a reset apart from RCV.NXT: at the peer's FIN, and where the last of the text that waits ends (RFC 5961 3.2).
fn is_believed_elsewhere(tcb: &Tcb, seg: &Segment<'_>, fx: &Fx<'_>) -> bool {
    let behind = fx.config().acceptable == Acceptable::Linux && tcb.sack;
    is_at_fin(tcb, seg, fx) || (behind && tcb.reassembly.end() == Some(seg.seq))
}

/// Whether the reset has the number of the peer's FIN, as some stacks send it behind their FIN; Linux takes it.
pub(super) fn is_at_fin(tcb: &Tcb, seg: &Segment<'_>, fx: &Fx<'_>) -> bool {
    fx.config().acceptable == Acceptable::Linux
        && matches!(tcb.state(), State::CloseWait | State::LastAck | State::Closing)
        && seg.seq == tcb.rcv.nxt.minus(1)
}

/// The same of any segment: what is no reset is not one.
pub(super) fn is_reset_at_fin(tcb: &Tcb, seg: &Segment<'_>, fx: &Fx<'_>) -> bool {
    seg.flags.rst() && is_at_fin(tcb, seg, fx)
}

/// A valid reset, by state.
fn reset(tcb: &mut Tcb, fx: &mut Fx<'_>) {
    let state = tcb.state();
    match state {
        State::SynReceived if tcb.is_fast_open_child() => {
            // It is in use: the user can read what the SYN brought, and hears of the reset.
            fx.cite(rules::RST_PASSIVE);
            tcb.fail(Errno::ECONNRESET, fx);
        }
        State::SynReceived if tcb.origin == Origin::Passive => {
            fx.cite(rules::RST_PASSIVE);
            tcb.enter(State::Listen, fx);
        }
        State::SynReceived => {
            fx.cite(rules::RST_ACTIVE);
            let late = fx.config().late_reset_is_error;
            tcb.fail(if late { Errno::ECONNRESET } else { Errno::ECONNREFUSED }, fx);
        }
        State::Established | State::FinWait1 | State::FinWait2 => {
            fx.cite_in(rules::RST, state);
            tcb.fail(Errno::ECONNRESET, fx);
        }
        State::CloseWait => {
            // The user has read, or can read, all that the peer sent: what fails is sending (as Linux reports it).
            fx.cite_in(rules::RST, state);
            tcb.fail(Errno::EPIPE, fx);
        }
        State::TimeWait if fx.config().tcp_rfc1337 => fx.cite(rules::TIME_WAIT_RST_IGNORED),
        State::Closing | State::LastAck if fx.config().late_reset_is_error => {
            fx.cite_in(rules::RST, state);
            tcb.fail(Errno::ECONNRESET, fx);
        }
        State::Closing | State::LastAck | State::TimeWait => {
            fx.cite_in(rules::RST, state);
            tcb.enter(State::Closed, fx);
        }
        State::Closed | State::Listen | State::SynSent => unreachable!("{state} is not among the other states"),
    }
}
