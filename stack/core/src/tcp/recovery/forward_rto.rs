//! F-RTO (RFC 5682): whether a timeout was needless is seen by sending new text before the rest of the old.

use super::acknowledgment::Progress;
use super::{Phase, undo};
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
use crate::tcp::tcb::{Fin, Tcb};
use crate::wire::tcp::Segment;

/// What follows an ACK after a timeout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The loss was real, or nobody asked.
    Conventional,
    /// Not known yet: nothing is to be sent again.
    Doubtful,
    /// Not known yet, and nothing is to be sent: the retransmission is not acknowledged.
    Awaited,
    /// The timeout was needless and is taken back.
    Spurious,
}

/// An ACK in the phase after a timeout (RFC 5682 2.1, and 3.1 with SACK).
pub(crate) fn judge(tcb: &mut Tcb, seg: &Segment<'_>, progress: &Progress, fx: &mut Fx<'_>) -> Outcome {
    if !is_doubtful(tcb) {
        return Outcome::Conventional;
    }
    let high = tcb.recovery.high.unwrap_or(tcb.snd.una);
    let believed = fx.config().frto_believes_reports || tcb.snd.nxt.gt(high) && !reports_beyond(tcb, high);
    if believed && progress.original && undo::of_timeout(tcb, seg, true, fx) {
        fx.cite(rules::FRTO_SPURIOUS);
        return Outcome::Spurious;
    }
    if tcb.snd.nxt.gt(high) {
        // Step 3: new text is out; a duplicate shows that what precedes it is missing.
        if progress.sacked || progress.duplicate {
            settle(tcb);
            return Outcome::Conventional;
        }
        return Outcome::Doubtful;
    }
    if tcb.sack && !progress.advanced {
        // Step 2: the scoreboard has taken what was reported.
        return Outcome::Awaited;
    }
    if progress.advanced && tcb.snd.una.lt(high) {
        // Step 2.b: the timeout is in doubt; new text, if there is any that may go.
        tcb.recovery.high = Some(tcb.snd.nxt);
        let edge = tcb.snd.una.plus(tcb.snd.wnd);
        // In Linux FIN is new too.
        let fin = tcb.fin == Fin::Queued && fx.config().segment_trains;
        if (tcb.unsent() > 0 || fin) && edge.gt(tcb.snd.nxt) {
            fx.cite(rules::FRTO_NEW_DATA);
            return Outcome::Doubtful;
        }
    }
    if progress.advanced || progress.duplicate || progress.sacked {
        settle(tcb);
    }
    Outcome::Conventional
}

/// With SACK: whether something that was sent after the timeout is acknowledged or reported (RFC 5682 3.1 step 3a).
fn reports_beyond(tcb: &Tcb, high: SeqNum) -> bool {
    tcb.sack && (tcb.snd.una.gt(high) || tcb.queue.runs().highest().is_some_and(|highest| highest.gt(high)))
}

/// Whether a timeout is in doubt.
pub(crate) fn is_doubtful(tcb: &Tcb) -> bool {
    tcb.recovery.phase == Phase::Loss && tcb.recovery.episode.as_ref().is_some_and(|episode| episode.doubtful)
}

/// The loss was real.
pub(crate) fn settle(tcb: &mut Tcb) {
    if let Some(episode) = &mut tcb.recovery.episode {
        episode.doubtful = false;
    }
}

/// New text had its turn. If none could go, nothing will tell, and the old goes again.
pub(crate) fn sent_first(tcb: &mut Tcb) {
    if is_doubtful(tcb) && !holds_back(tcb) {
        settle(tcb);
    }
}

/// Whether retransmissions wait for the outcome: text beyond the timeout's is out.
pub(crate) fn holds_back(tcb: &Tcb) -> bool {
    is_doubtful(tcb) && tcb.recovery.high.is_some_and(|high| tcb.snd.nxt.gt(high))
}
