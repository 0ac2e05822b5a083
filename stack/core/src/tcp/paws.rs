//! Protection against wrapped sequence numbers (RFC 7323 5), and segments that lack the option (RFC 7323 3.2).

use super::challenge_ack;
use super::segment_arrives::Arriving;
use super::segment_arrives::other_states::updates_window;
use super::tcb::Tcb;
use super::timestamps::is_at_or_after;
use crate::host::Fx;
use crate::rules;
use crate::wire::tcp::Segment;
use core::ops::ControlFlow;

/// `Break`: the segment is old and was answered by an ACK, or lacks the option and is dropped. Resets are exempt.
pub(crate) fn check(tcb: &mut Tcb, arriving: &Arriving<'_>, fx: &mut Fx<'_>) -> ControlFlow<()> {
    let seg = &arriving.seg;
    if !tcb.timestamps.enabled || seg.flags.rst() {
        return ControlFlow::Continue(());
    }
    let tolerance = u32::from(fx.config().paws_spares_acks);
    match (seg.options.timestamps, tcb.timestamps.recent(fx.now)) {
        (Some(option), Some(recent)) if !is_at_or_after(option.val.wrapping_add(tolerance), recent) => {
            match spared(tcb, arriving, recent.wrapping_sub(option.val), fx) {
                Spared::No => {}
                Spared::Dropped => {
                    fx.cite(rules::PAWS_DROP);
                    return ControlFlow::Break(());
                }
                Spared::Taken => return ControlFlow::Continue(()),
            }
            fx.cite(rules::PAWS_DROP);
            if !seg.flags.syn() || !fx.config().sack_counts_controls {
                // It may be a duplicate as well, whatever its timestamp says (RFC 2883 4.3).
                tcb.note_duplicate_segment(seg, fx);
            }
            if seg.seq.lt(tcb.rcv.nxt) && seg.len() > 0 {
                tcb.acknowledge_quickly(fx.config().quick_acks);
            }
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

/// What becomes of an ACK that is too old.
enum Spared {
    /// It is like any other segment.
    No,
    /// It is dropped in silence.
    Dropped,
    /// It counts, as if it were not old.
    Taken,
}

/// Old ACKs are common where packets are reordered, so that Linux neither answers one of before RCV.NXT nor minds one that says nothing
/// new and is not older than a retransmission timeout and a fifth. `age`: by how much its timestamp is behind, milliseconds.
fn spared(tcb: &Tcb, arriving: &Arriving<'_>, age: u32, fx: &Fx<'_>) -> Spared {
    let seg = &arriving.seg;
    if !fx.config().paws_spares_acks || !seg.flags.ack() || arriving.len > 0 {
        return Spared::No;
    }
    if seg.seq != tcb.rcv.nxt {
        return if seg.seq.lt(tcb.rcv.nxt) { Spared::Dropped } else { Spared::No };
    }
    let repeats = seg.ack == tcb.snd.una && !updates_window(tcb, tcb.snd.una, arriving, fx);
    let most = tcb.rto.timeout().as_millis() * 6 / 5;
    if repeats && u128::from(age) <= most { Spared::Taken } else { Spared::No }
}

/// Whether a segment is older than what has come, which for once counts of a reset too (Linux's mini sockets).
pub(crate) fn is_stale(tcb: &Tcb, seg: &Segment<'_>, fx: &Fx<'_>) -> bool {
    let recent = tcb.timestamps.recent(fx.now).filter(|_| tcb.timestamps.enabled);
    matches!((seg.options.timestamps, recent), (Some(option), Some(recent)) if !is_at_or_after(option.val, recent))
}
