//! The first check, and the edges of the window in the seventh, as Linux has them (`Acceptable::Linux`).
//!
//! It looks at the end of a segment, which may be the last acknowledgment; at its beginning, which may be the right edge; and at what
//! reaches beyond the edge only if something waits to be read. So text is trimmed on the left alone, and behind the checks of ACK.

use super::{Arriving, CONTINUE, Flow, RETURN};
use crate::errno::Errno;
use crate::host::Fx;
use crate::rules;
use crate::tcp::state::State;
use crate::tcp::tcb::Tcb;
use crate::wire::tcp::Segment;

/// The first check.
pub(super) fn is_acceptable(tcb: &Tcb, seg: &Segment<'_>) -> bool {
    let rcv = &tcb.rcv;
    if seg.end().lt(rcv.last_ack_sent) {
        return false;
    }
    // A FIN counts for nothing here.
    let end = seg.end().minus(u32::from(seg.flags.fin()));
    end.le(rcv.edge) || (seg.seq.le(rcv.edge) && tcb.incoming.len() == 0 && !rcv.fin_waits)
}

/// Leaves of a segment what is new, or nothing, and says what was not.
pub(super) fn cut(tcb: &mut Tcb, arriving: &mut Arriving<'_>, fx: &mut Fx<'_>) -> Flow {
    let (seg, state) = (&arriving.seg, tcb.state());
    let (seq, end, nxt) = (seg.seq, seg.end(), tcb.rcv.nxt);
    if seg.len() == 0 {
        return CONTINUE;
    }
    let text_end = end.minus(u32::from(seg.flags.fin()));
    match state {
        State::CloseWait | State::Closing | State::LastAck => {
            if seq.ge(nxt) {
                return CONTINUE;
            }
            if text_end.gt(nxt) {
                return reset(tcb, seg, fx);
            }
        }
        State::FinWait1 | State::FinWait2 => {
            let shut = tcb.user.closed || tcb.user.shut_read;
            if shut && fx.config().shut_reading_resets && text_end.gt(nxt) {
                return reset(tcb, seg, fx);
            }
        }
        State::Established => {}
        State::Closed | State::Listen | State::SynSent | State::SynReceived | State::TimeWait => return CONTINUE,
    }
    if !arriving.predicted {
        // A report that still waits for an ACK is given up for what this segment may have to be reported of.
        tcb.duplicate = None;
    }
    let closed = tcb.rcv.wnd() == 0;
    let bare_fin = seg.flags.fin() && seg.payload.is_empty();
    let drop = if seq == nxt {
        closed && !bare_fin
    } else if end.le(nxt) {
        tcb.note_duplicate_segment(seg, fx);
        true
    } else if seq.ge(tcb.rcv.edge) {
        true
    } else if seq.lt(nxt) {
        tcb.note_duplicate(seq, nxt, fx);
        closed
    } else {
        false
    };
    if drop {
        fx.cite_in(rules::SEQ_UNACCEPTABLE, state);
        tcb.acknowledge_quickly(fx.config().quick_acks);
        tcb.delayed_ack.now();
        return RETURN;
    }
    if seq.lt(nxt) {
        fx.cite(rules::SEQ_STRADDLE);
        arriving.trim_to_new(nxt);
    }
    CONTINUE
}

/// Text that nobody can read.
fn reset(tcb: &mut Tcb, seg: &Segment<'_>, fx: &mut Fx<'_>) -> Flow {
    fx.cite(rules::CLOSE_UNREAD);
    fx.host.counters.tcp_abort_on_data += 1;
    fx.reset_in_reply(tcb.tuple.remote.ip(), tcb.tuple.local.ip(), seg);
    let error = if tcb.state() == State::CloseWait { Errno::EPIPE } else { Errno::ECONNRESET };
    tcb.fail(error, fx);
    RETURN
}
