//! Protection against wrapped sequence numbers (RFC 7323 5), and segments that lack the option (RFC 7323 3.2).

use super::challenge_ack;
use super::tcb::Tcb;
use super::timestamps::is_at_or_after;
use crate::host::Fx;
use crate::rules;
use crate::wire::tcp::Segment;
use core::ops::ControlFlow;

/// `Break`: the segment is old and was answered by an ACK, or lacks the option and is dropped. Resets are exempt.
pub(crate) fn check(tcb: &mut Tcb, seg: &Segment<'_>, fx: &mut Fx<'_>) -> ControlFlow<()> {
    if !tcb.timestamps.enabled || seg.flags.rst() {
        return ControlFlow::Continue(());
    }
    match (seg.options.timestamps, tcb.timestamps.recent(fx.now)) {
        (Some(option), Some(recent)) if !is_at_or_after(option.val, recent) => {
            fx.cite(rules::PAWS_DROP);
            // It may be a duplicate as well, whatever its timestamp says (RFC 2883 4.3).
            let end = seg.seq.plus(seg.payload.len() as u32);
            tcb.note_duplicate(seg.seq, end.earlier(tcb.rcv.nxt), fx);
            challenge_ack::answer_invalid(tcb, seg, fx);
            ControlFlow::Break(())
        }
        (None, _) if fx.config().require_timestamps => {
            fx.cite(rules::TIMESTAMP_MISSING);
            ControlFlow::Break(())
        }
        (Some(_) | None, _) => ControlFlow::Continue(()),
    }
}
