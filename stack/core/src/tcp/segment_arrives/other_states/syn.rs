//! Fourth, check the SYN bit (RFC 9293 3.10.7.4, RFC 5961 4.2). The SYN is inside the window: the first check has answered
//! others.

use super::{Arriving, CONTINUE, Flow, RETURN};
use crate::errno::Errno;
use crate::host::Fx;
use crate::rules;
use crate::tcp::challenge_ack;
use crate::tcp::state::State;
use crate::tcp::tcb::{Origin, Tcb};

pub(super) fn check(tcb: &mut Tcb, arriving: &Arriving<'_>, fx: &mut Fx<'_>) -> Flow {
    let seg = &arriving.seg;
    if !seg.flags.syn() {
        return CONTINUE;
    }
    let state = tcb.state();
    if state == State::SynReceived {
        if tcb.origin == Origin::Passive && !tcb.is_fast_open_child() {
            // The RFC's words: back to LISTEN, and nothing is said of a reply. Stacks differ (a reset, a challenge ACK).
            fx.cite(rules::SYN_PASSIVE);
            tcb.enter(State::Listen, fx);
            return RETURN;
        }
        fx.cite(rules::SYN_ACTIVE);
    }
    if fx.config().challenge_acks {
        fx.cite_in(rules::SYN, state);
        challenge_ack::challenge(tcb, fx);
    } else {
        fx.cite_in(rules::SYN_793, state);
        fx.reset_in_reply(tcb.tuple.remote.ip(), tcb.tuple.local.ip(), seg);
        tcb.fail(Errno::ECONNRESET, fx);
    }
    RETURN
}
