//! Sixth, check the URG bit (RFC 9293 3.10.7.4, 3.8.5).

use super::{Arriving, CONTINUE, Flow};
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
use crate::tcp::state::State;
use crate::tcp::tcb::Tcb;

pub(super) fn check(tcb: &mut Tcb, arriving: &Arriving<'_>, fx: &mut Fx<'_>) -> Flow {
    let seg = &arriving.seg;
    if !seg.flags.urg() {
        return CONTINUE;
    }
    let state = tcb.state();
    fx.cite_in(rules::URG, state);
    match state {
        State::Established | State::FinWait1 | State::FinWait2 => {
            if note_urgent(tcb, seg.seq, seg.urgent, fx) {
                fx.cite(rules::URGENT_NOTIFIED);
            }
        }
        State::CloseWait | State::Closing | State::LastAck if fx.config().urgent_behind_fin => {
            note_urgent(tcb, seg.seq, seg.urgent, fx);
        }
        // The peer has sent its FIN: nothing can be urgent.
        State::CloseWait | State::Closing | State::LastAck | State::TimeWait => {}
        State::Closed | State::Listen | State::SynSent | State::SynReceived => {
            unreachable!("{state} does not reach the sixth check")
        }
    }
    CONTINUE
}

/// `RCV.UP <- max(RCV.UP, SEG.UP)`. Whether the user learns something new: a pointer that moved, ahead of what was read.
/// The pointer may lie anywhere; one that is behind what was read, or outside any window, says nothing.
pub(crate) fn note_urgent(tcb: &mut Tcb, seq: SeqNum, urgent: u16, fx: &mut Fx<'_>) -> bool {
    let urgent = if fx.config().urgent_zero_is_one { urgent.max(1) } else { urgent };
    let up = seq.plus(u32::from(urgent) + u32::from(fx.config().tcp_stdurg));
    let read = tcb.rcv.nxt.minus(tcb.incoming.len() as u32);
    let least = if fx.config().urgent_is_ahead { tcb.rcv.nxt } else { read };
    if up.le(least) || tcb.rcv.up.is_some_and(|known| up.le(known)) {
        return false;
    }
    if tcb.urgent_is_next() {
        // The user stands before the urgent octet of before, which does not become part of the stream.
        tcb.incoming.consume(1, &mut fx.host.rings);
    }
    (tcb.rcv.up, tcb.rcv.up_read) = (Some(up), false);
    true
}
