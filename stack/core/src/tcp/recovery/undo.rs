//! Taking back a reduction that proves needless: by timestamps (Eifel detection, RFC 3522), by D-SACK reports of every
//! retransmission (RFC 3708), by F-RTO (RFC 5682).

use super::{Phase, machine};
use crate::host::Fx;
use crate::seq::SeqNum;
use crate::tcp::congestion::Saved;
use crate::tcp::tcb::Tcb;
use crate::tcp::timestamps::is_at_or_after;
use crate::time::Instant;
use crate::wire::tcp::Segment;

/// What is kept for it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Undo {
    /// SND.UNA when the reduction began; `None` once it was taken back, or when it must not be.
    pub(crate) from: Option<SeqNum>,
    /// Retransmissions that no D-SACK has reported; `None` before the first.
    outstanding: Option<u32>,
    /// When the first retransmission was sent.
    pub(crate) first: Option<Instant>,
    /// The window before.
    pub(crate) saved: Option<Saved>,
}

impl Undo {
    /// From `una` on, with `outstanding` retransmissions in the network already.
    pub(crate) fn start(&mut self, una: SeqNum, outstanding: u32, saved: Option<Saved>) {
        self.from = Some(una);
        self.outstanding = (outstanding > 0).then_some(outstanding);
        self.saved = saved;
    }

    /// A segment was sent again.
    pub(crate) fn repeated(&mut self, now: Instant) {
        self.first.get_or_insert(now);
        self.outstanding = Some(self.outstanding.unwrap_or(0) + 1);
    }

    /// The peer has reported `segments` duplicates that end at `end`.
    pub(crate) fn duplicate_reported(&mut self, end: SeqNum, segments: u32) {
        if let (Some(outstanding), Some(from)) = (&mut self.outstanding, self.from)
            && end.gt(from)
        {
            *outstanding = outstanding.saturating_sub(segments);
        }
    }

    /// Every retransmission was a duplicate.
    fn all_duplicates(&self) -> bool {
        self.from.is_some() && self.outstanding == Some(0)
    }
}

/// Whether `seg` answers what was sent before the first retransmission: it echoes a timestamp from before. With nothing sent
/// again there is nothing else that it could answer.
fn answers_original(tcb: &Tcb, seg: &Segment<'_>) -> bool {
    let Some(episode) = &tcb.recovery.episode else { return false };
    match (episode.undo.first, seg.options.timestamps.filter(|_| tcb.timestamps.enabled)) {
        (Some(first), Some(option)) => option.ecr != 0 && !is_at_or_after(option.ecr, tcb.timestamps.clock(first)),
        (None, _) => tcb.sack || tcb.snd.una.lt(tcb.recovery.high.unwrap_or(tcb.snd.una)),
        (Some(_), None) => false,
    }
}

fn is_pending(tcb: &Tcb, fx: &Fx<'_>) -> bool {
    fx.config().undo_reductions && tcb.recovery.episode.as_ref().is_some_and(|episode| episode.undo.from.is_some())
}

/// Whether some retransmission may still be reported as a duplicate.
pub(super) fn is_open(tcb: &Tcb) -> bool {
    let undo = tcb.recovery.episode.as_ref().map(|episode| &episode.undo);
    undo.is_some_and(|undo| {
        undo.from.is_some() && undo.saved.is_some() && undo.outstanding.is_some_and(|left| left > 0)
    })
}

fn all_duplicates(tcb: &Tcb) -> bool {
    tcb.recovery.episode.as_ref().is_some_and(|episode| episode.undo.all_duplicates())
}

/// Takes the reduction back. `unmark`: what is taken for lost is not.
fn take_back(tcb: &mut Tcb, unmark: bool) {
    if unmark {
        tcb.queue.unmark_lost();
    }
    if let Some(episode) = &mut tcb.recovery.episode {
        if let Some(saved) = episode.undo.saved.take() {
            tcb.congestion.undo(&saved);
        }
        episode.undo.from = None;
        episode.undo.outstanding = None;
    }
    tcb.recovery.rack.look_again();
}

/// Everything before the phase began is acknowledged. Whether the reduction was taken back.
pub(crate) fn at_the_end(tcb: &mut Tcb, seg: &Segment<'_>, fx: &Fx<'_>) -> bool {
    if is_pending(tcb, fx) && (all_duplicates(tcb) || answers_original(tcb, seg)) {
        take_back(tcb, false);
        return true;
    }
    tcb.recovery.rack.recovery_ends();
    false
}

/// D-SACK has reported every retransmission. Whether the reduction was taken back.
pub(crate) fn by_duplicates(tcb: &mut Tcb, fx: &Fx<'_>) -> bool {
    let needless = is_pending(tcb, fx) && all_duplicates(tcb);
    if needless {
        take_back(tcb, false);
    }
    needless
}

/// During fast recovery a part was acknowledged. `Some(true)`: the original was only late, and while retransmissions are
/// out nothing more is to be taken for lost. `Some(false)`: the reduction was taken back.
pub(crate) fn on_partial(tcb: &mut Tcb, seg: &Segment<'_>, prior_una: SeqNum, fx: &Fx<'_>) -> Option<bool> {
    if !is_pending(tcb, fx) || !answers_original(tcb, seg) {
        return None;
    }
    let high = tcb.queue.runs().highest().unwrap_or(tcb.snd.una);
    super::reordering::seen(tcb, prior_una, high, &fx.host.config);
    if tcb.queue.retransmitted() > 0 {
        return Some(true);
    }
    take_back(tcb, true);
    Some(false)
}

/// After a timeout. `proven`: F-RTO has seen the original arrive. Whether the timeout was taken back.
pub(crate) fn of_timeout(tcb: &mut Tcb, seg: &Segment<'_>, proven: bool, fx: &Fx<'_>) -> bool {
    let pending = tcb.recovery.episode.as_ref().is_some_and(|episode| episode.undo.from.is_some());
    let needless = proven && pending || is_pending(tcb, fx) && (all_duplicates(tcb) || answers_original(tcb, seg));
    if needless {
        take_back(tcb, true);
        tcb.rto.progress();
        if tcb.sack || proven && !machine::is_held(tcb, fx) {
            tcb.recovery.phase = Phase::Open;
        }
    }
    needless
}
