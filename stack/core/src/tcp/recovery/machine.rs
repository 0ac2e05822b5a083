//! The phases of recovery and the events that lead from one to another (RFC 5681 3.2, RFC 6582 3.2, RFC 6675 5, RFC 8985 6,
//! with Linux's order of questions).

use super::acknowledgment::Progress;
use super::proportional::{Arrived, Proportional};
use super::undo::Undo;
use super::{Episode, Phase, Reduction, forward_rto, probe, rack, reordering, timer, undo};
use crate::config::Config;
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
use crate::tcp::recovery::forward_rto::Outcome;
use crate::tcp::tcb::Tcb;
use crate::tcp::timers::Timer;
use crate::wire::tcp::Segment;
use alloc::boxed::Box;
use core::time::Duration;

/// What an ACK leads to, after the scoreboard has taken its report.
pub(super) fn arrives(tcb: &mut Tcb, seg: &Segment<'_>, progress: &mut Progress, fx: &mut Fx<'_>) {
    if progress.advanced && reneges(tcb, fx) {
        return;
    }
    leave(tcb, seg, progress, fx);
    match tcb.recovery.phase {
        Phase::Recovery if is_held(tcb, fx) => {}
        Phase::Recovery => in_recovery(tcb, seg, progress, fx),
        Phase::Loss => in_loss(tcb, seg, progress, fx),
        Phase::Open | Phase::Disorder | Phase::Cwr => in_calm(tcb, progress, fx),
    }
    if progress.marked && tcb.recovery.phase < Phase::Cwr && !fx.config().ece_waits_for_cwr {
        // The repair of a loss ends, and in Linux the same ACK may begin a reduction.
        let _: bool = congestion(tcb, seg.ack, fx);
    }
}

/// The peer acknowledges up to text that it had reported: it has dropped what it reported (RFC 2018 8). A timeout soon
/// finds out; until then the reports stand.
fn reneges(tcb: &mut Tcb, fx: &mut Fx<'_>) -> bool {
    if tcb.queue.front().is_none_or(|front| !front.sacked) {
        return false;
    }
    fx.cite(rules::SACK_RENEGED);
    let wait = tcb.rto.srtt().map_or(Duration::ZERO, |srtt| srtt / 2).max(Duration::from_millis(10));
    tcb.recovery.watch.purpose = timer::Purpose::Timeout;
    tcb.timers.set(Timer::Retransmission, fx.now + wait.min(tcb.rto.timeout()));
    tcb.recovery.watch.set = true;
    true
}

/// Whether each duplicate stands for a segment that has arrived, as in Linux without SACK.
fn stand_for_segments(tcb: &Tcb, fx: &Fx<'_>) -> bool {
    !tcb.sack && tcb.reduction(fx.config()) == Reduction::Proportional
}

/// Whether `ack` is of something above what was sent when the phase began, so that CWR has reached the peer (RFC 3168 6.1.2).
fn is_beyond(tcb: &Tcb, ack: SeqNum) -> bool {
    tcb.recovery.high.is_none_or(|high| ack.gt(high))
}

fn end_cwr(tcb: &mut Tcb, fx: &Fx<'_>) {
    if tcb.reduction(fx.config()) == Reduction::Proportional {
        end_reduction(tcb);
    }
    tcb.recovery.phase = Phase::Open;
}

/// Whether the phase lasts until something above what was sent when it began is acknowledged, as in Linux: without SACK duplicates of before
/// look like those of a new loss.
pub(super) fn is_held(tcb: &Tcb, fx: &Fx<'_>) -> bool {
    stand_for_segments(tcb, fx) && tcb.recovery.high == Some(tcb.snd.una)
}

/// The ends of phases that last until `high` is acknowledged.
fn leave(tcb: &mut Tcb, seg: &Segment<'_>, progress: &mut Progress, fx: &mut Fx<'_>) {
    if !tcb.recovery.is_over(tcb.snd.una) {
        return;
    }
    match tcb.recovery.phase {
        Phase::Cwr if is_beyond(tcb, tcb.snd.una) => {
            end_cwr(tcb, fx);
            progress.ended = true;
        }
        Phase::Recovery => {
            tcb.recovery.duplicates = 0;
            let taken_back = undo::at_the_end(tcb, seg, fx);
            if is_held(tcb, fx) {
                return;
            }
            if !taken_back {
                end_reduction(tcb);
                if tcb.reduction(fx.config()) == Reduction::Inflated {
                    // RFC 6582 3.2 step 3: no more than what is in flight and a segment, lest a burst follow.
                    let smss = tcb.congestion.smss();
                    let most = tcb.flight().max(smss).saturating_add(smss);
                    tcb.congestion.settle(tcb.congestion.cwnd.min(most));
                }
            }
            tcb.recovery.phase = Phase::Open;
            progress.ended = true;
        }
        Phase::Open | Phase::Disorder | Phase::Cwr | Phase::Loss => {}
    }
}

/// The window is where the reduction leads.
pub(super) fn end_reduction(tcb: &mut Tcb) {
    if tcb.congestion.ssthresh < u32::MAX {
        tcb.congestion.settle(tcb.congestion.ssthresh);
    }
}

fn in_recovery(tcb: &mut Tcb, seg: &Segment<'_>, progress: &mut Progress, fx: &mut Fx<'_>) {
    if progress.advanced {
        if !tcb.sack {
            fx.cite(rules::PARTIAL_ACK);
        }
        match undo::on_partial(tcb, seg, progress.prior_una, fx) {
            Some(true) => return,
            Some(false) => calm(tcb),
            None => {}
        }
        forget_duplicates(tcb, progress, fx);
    } else {
        count_duplicate(tcb, progress, fx);
    }
    if undo::by_duplicates(tcb, fx) {
        calm(tcb);
    }
    identify(tcb, progress, fx);
    if tcb.recovery.phase != Phase::Recovery && progress.found_lost {
        progress.entered = true;
        enter_recovery(tcb, fx);
    }
}

fn in_loss(tcb: &mut Tcb, seg: &Segment<'_>, progress: &mut Progress, fx: &mut Fx<'_>) {
    let over = tcb.recovery.is_over(tcb.snd.una);
    let mut taken_back = progress.advanced && undo::of_timeout(tcb, seg, false, fx);
    if !taken_back {
        match forward_rto::judge(tcb, seg, progress, fx) {
            Outcome::Doubtful => {
                tcb.recovery.watch.new_text_first = true;
            }
            Outcome::Spurious => taken_back = true,
            Outcome::Conventional if over => {
                undo::at_the_end(tcb, seg, fx);
                if is_held(tcb, fx) {
                    return;
                }
                tcb.recovery.phase = Phase::Open;
                tcb.recovery.episode = None;
            }
            Outcome::Conventional | Outcome::Awaited => {}
        }
    }
    if progress.advanced {
        tcb.recovery.duplicates = 0;
    } else if progress.duplicate && (!stand_for_segments(tcb, fx) || is_beyond(tcb, tcb.snd.nxt)) {
        // Linux counts those that new text may have drawn.
        tcb.recovery.duplicates += 1;
    }
    if !tcb.sack && !taken_back {
        return;
    }
    identify(tcb, progress, fx);
    let calm = tcb.recovery.phase < Phase::Recovery;
    if progress.found_lost && (calm || progress.lost_again) {
        progress.entered = true;
        enter_recovery(tcb, fx);
    }
}

fn in_calm(tcb: &mut Tcb, progress: &mut Progress, fx: &mut Fx<'_>) {
    if progress.advanced {
        forget_duplicates(tcb, progress, fx);
    }
    count_duplicate(tcb, progress, fx);
    if tcb.recovery.phase <= Phase::Disorder {
        undo::by_duplicates(tcb, fx);
    }
    identify(tcb, progress, fx);
    if progress.found_lost {
        progress.entered = true;
        enter_recovery(tcb, fx);
    } else if tcb.recovery.phase != Phase::Cwr {
        calm(tcb);
    }
}

/// Octets after a recovery within which a D-SACK still tells of it: a segment may arrive windows late.
const MOST_LATE: u32 = 1 << 17;

/// Open or Disorder, as the scoreboard has it.
pub(super) fn calm(tcb: &mut Tcb) {
    let amiss = tcb.sacked() > 0 || tcb.queue.lost() > 0 || tcb.queue.retransmitted() > 0;
    let was = tcb.recovery.phase;
    tcb.recovery.phase = if amiss { Phase::Disorder } else { Phase::Open };
    if was > Phase::Disorder {
        tcb.recovery.high = Some(tcb.snd.nxt);
    }
    // A D-SACK may still show that the last reduction was needless, until what was sent after it, and some more, is acknowledged.
    let late = if undo::is_open(tcb) { MOST_LATE } else { 0 };
    let settled = tcb.recovery.high.is_none_or(|high| tcb.snd.una.gt(high.plus(late)));
    if tcb.recovery.phase == Phase::Open && settled {
        tcb.recovery.episode = None;
    }
}

/// SND.UNA has advanced: duplicates of what it left behind mean nothing any more. When they are counted as segments, one ACK
/// fills one hole and the rest of what it acknowledges are they.
fn forget_duplicates(tcb: &mut Tcb, progress: &Progress, fx: &Fx<'_>) {
    let counted = stand_for_segments(tcb, fx);
    if counted && progress.acked > 0 {
        tcb.recovery.duplicates = tcb.recovery.duplicates.saturating_sub(progress.acked - 1);
        reordering::seen_by_duplicates(tcb, progress.acked, fx.config());
    }
    if !counted || tcb.recovery.phase < Phase::Recovery {
        tcb.recovery.duplicates = 0;
    }
}

fn count_duplicate(tcb: &mut Tcb, progress: &mut Progress, fx: &Fx<'_>) {
    let counts = if tcb.sack { progress.sacked && !progress.advanced } else { progress.duplicate };
    if !counts {
        return;
    }
    tcb.recovery.duplicates += 1;
    if stand_for_segments(tcb, fx) {
        let before = tcb.recovery.duplicates - 1;
        reordering::seen_by_duplicates(tcb, 0, fx.config());
        progress.delivered.segments += tcb.recovery.duplicates.saturating_sub(before);
        progress.delivered.octets += tcb.recovery.duplicates.saturating_sub(before) * tcb.congestion.smss();
    }
}

/// Looks for losses by what the connection has: duplicates, SACK blocks, times.
fn identify(tcb: &mut Tcb, progress: &mut Progress, fx: &mut Fx<'_>) {
    if tcb.queue.is_empty() {
        return;
    }
    let again = tcb.queue.retransmitted();
    progress.found_lost |= if !tcb.sack {
        by_duplicates(tcb, progress)
    } else if fx.config().rack() {
        rack::detect_after_ack(tcb, fx)
    } else {
        by_reports(tcb, fx)
    };
    progress.lost_again |= tcb.queue.retransmitted() < again;
}

/// RFC 6582 3.2: the front, on the third duplicate and on each partial ACK.
fn by_duplicates(tcb: &mut Tcb, progress: &Progress) -> bool {
    let recovery = &tcb.recovery;
    let due = match recovery.phase {
        Phase::Recovery => progress.advanced,
        Phase::Open | Phase::Disorder | Phase::Cwr => recovery.duplicates >= recovery.reordering,
        // Duplicates of what a timeout sends again start no recovery.
        Phase::Loss => false,
    };
    due && tcb.queue.front().is_some_and(|front| !front.lost) && {
        tcb.queue.mark_front_lost();
        true
    }
}

/// RFC 6675 5 steps 1 and 2: everything that IsLost, and the front on the third duplicate.
fn by_reports(tcb: &mut Tcb, fx: &mut Fx<'_>) -> bool {
    let threshold = tcb.recovery.reordering;
    let edge = tcb.queue.runs().lost_below(threshold, tcb.smss(fx.config()));
    let mut found = edge.is_some_and(|edge| tcb.queue.mark_lost_below(edge));
    let front_missing = tcb.queue.front().is_some_and(|front| !front.lost && !front.sacked);
    if tcb.recovery.phase < Phase::Recovery && tcb.recovery.duplicates >= threshold && front_missing {
        tcb.queue.mark_front_lost();
        found = true;
    }
    if found {
        fx.cite(rules::IS_LOST);
    }
    found
}

/// One congestion event: ssthresh comes down, and the window follows as [`Reduction`] has it.
pub(super) fn reduce(tcb: &mut Tcb, fx: &mut Fx<'_>) {
    begin(tcb);
    fx.cite(tcb.congestion.reduction_rule());
    let flight = flight(tcb);
    tcb.congestion.reduction(flight, fx.now);
}

/// FlightSize. Text that limited transmit let out does not count (RFC 5681 3.2 step 2).
fn flight(tcb: &Tcb) -> u32 {
    tcb.flight().min(tcb.congestion.cwnd)
}

/// Keeps what the window was, for PRR and undo.
fn begin(tcb: &mut Tcb) {
    let saved = tcb.congestion.save();
    let prior = tcb.congestion.cwnd;
    let mut undo = Undo::default();
    if tcb.recovery.phase != Phase::Open {
        undo.first = tcb.recovery.episode.as_ref().and_then(|episode| episode.undo.first);
    }
    undo.start(tcb.snd.una, probe::outstanding(tcb), Some(saved));
    tcb.recovery.episode = Some(Box::new(Episode {
        proportional: Proportional::new(prior),
        undo,
        doubtful: false,
        rescued: false,
        partly_acknowledged: false,
    }));
    tcb.recovery.high = Some(tcb.snd.nxt);
    tcb.recovery.probe = None;
}

fn enter_recovery(tcb: &mut Tcb, fx: &mut Fx<'_>) {
    fx.cite(rules::FAST_RETRANSMIT);
    if tcb.recovery.phase == Phase::Cwr {
        // The window is on its way down already; that is not taken back.
        let (una, out) = (tcb.snd.una, probe::outstanding(tcb));
        if let Some(episode) = &mut tcb.recovery.episode {
            episode.undo.start(una, out, None);
        }
    } else {
        reduce(tcb, fx);
    }
    let reduction = tcb.reduction(fx.config());
    let window = &mut tcb.congestion;
    match reduction {
        Reduction::Inflated => {
            let inflation = tcb.recovery.reordering.saturating_mul(window.smss());
            window.settle(window.ssthresh.saturating_add(inflation));
        }
        Reduction::Pipe => window.settle(window.ssthresh),
        Reduction::Proportional => fx.cite(rules::PROPORTIONAL),
    }
    tcb.recovery.phase = Phase::Recovery;
}

/// A sign of congestion that is no loss (RFC 3168 6.1.2): one reduction per window of data. `ack`, which is not taken yet, may be of the next
/// window. Whether it is one now.
pub(crate) fn congestion(tcb: &mut Tcb, ack: SeqNum, fx: &mut Fx<'_>) -> bool {
    if tcb.recovery.phase == Phase::Cwr && is_beyond(tcb, ack) {
        end_cwr(tcb, fx);
    }
    match tcb.recovery.phase {
        Phase::Open | Phase::Disorder => {
            fx.cite(rules::ECN_REDUCE);
            // A mark, other than a loss, may leave one segment alone (RFC 9438 4.6, RFC 3168 6.1.2).
            let least = tcb.congestion.reduced(tcb.congestion.cwnd).max(tcb.congestion.smss());
            reduce(tcb, fx);
            if let Some(episode) = &mut tcb.recovery.episode {
                episode.undo = Undo::default();
            }
            if tcb.reduction(fx.config()) != Reduction::Proportional {
                let window = &mut tcb.congestion;
                window.settle(window.cwnd.min(window.ssthresh).min(least));
            }
            tcb.recovery.phase = Phase::Cwr;
            true
        }
        Phase::Cwr | Phase::Recovery | Phase::Loss => false,
    }
}

/// Whether an ACK that advances starts the retransmission timer anew. In the recovery of RFC 6582 3.2 the first partial ACK does and
/// no other, so that many losses end in a timeout.
pub(super) fn restarts_timer(tcb: &mut Tcb, fx: &Fx<'_>) -> bool {
    if tcb.recovery.phase != Phase::Recovery || tcb.reduction(fx.config()) != Reduction::Inflated {
        return true;
    }
    tcb.recovery.episode.as_mut().is_none_or(|episode| !core::mem::replace(&mut episode.partly_acknowledged, true))
}

/// The window on an ACK while a reduction is under way.
pub(super) fn reduce_on_ack(tcb: &mut Tcb, progress: &Progress, fx: &Fx<'_>) {
    let config = fx.config();
    match tcb.reduction(config) {
        Reduction::Pipe => {}
        Reduction::Inflated if progress.entered || tcb.recovery.phase != Phase::Recovery => {}
        Reduction::Inflated if progress.advanced => {
            // RFC 6582 3.2 step 3: deflate by what was acknowledged, and add a segment back for the one that is sent again.
            let acked = progress.prior_una.distance(tcb.snd.una);
            let smss = tcb.congestion.smss();
            let window = tcb.congestion.cwnd.saturating_sub(acked) + if acked >= smss { smss } else { 0 };
            tcb.congestion.cwnd = window.max(smss);
        }
        Reduction::Inflated => {
            if progress.duplicate {
                tcb.congestion.cwnd = tcb.congestion.cwnd.saturating_add(tcb.congestion.smss());
            }
        }
        Reduction::Proportional => proportionally(tcb, progress, fx),
    }
}

fn proportionally(tcb: &mut Tcb, progress: &Progress, fx: &Fx<'_>) {
    let config = fx.config();
    let smss = tcb.smss(config);
    let in_segments = config.window_in_segments;
    let delivered = if in_segments { progress.delivered.segments * smss } else { progress.delivered.octets };
    if delivered == 0 {
        return;
    }
    let arrived = Arrived {
        ssthresh: tcb.congestion.ssthresh,
        in_flight: tcb.in_flight(config),
        delivered,
        safe: progress.advanced && !progress.found_lost,
        smss,
        unit: tcb.window_unit(config),
    };
    if let Some(episode) = &mut tcb.recovery.episode {
        tcb.congestion.cwnd = episode.proportional.arrived(&arrived);
    }
}

/// RACK's reordering window is over (RFC 8985 6.2 step 5).
pub(crate) fn reordering_expires(tcb: &mut Tcb, fx: &mut Fx<'_>) {
    let found = rack::detect(tcb, fx);
    if found.lost && tcb.recovery.phase != Phase::Recovery {
        enter_recovery(tcb, fx);
        if tcb.reduction(fx.config()) == Reduction::Proportional {
            let arrived = Progress {
                delivered: crate::tcp::retransmission_queue::Tally { segments: 1, octets: 1 },
                found_lost: true,
                ..Progress::default()
            };
            proportionally(tcb, &arrived, fx);
        }
    }
    match found.wait {
        Some(wait) => tcb.recovery.watch.reorder_in = Some(wait),
        None => tcb.watch_for_timeout(fx),
    }
}

/// The retransmission timer went off (RFC 5681 3.1, RFC 6675 5.1, RFC 5682 2.1 step 1). `repeated`: for a segment that it
/// went off for before.
pub(crate) fn timeout(tcb: &mut Tcb, repeated: bool, fx: &mut Fx<'_>) {
    mark_lost(tcb, fx);
    let was = tcb.recovery.phase;
    let new = was < Phase::Recovery;
    let config = &fx.host.config;
    let doubtful = config.tcp_frto != 0 && (new || repeated);
    let again = if config.timeout_reduces_once {
        !(was <= Phase::Disorder || tcb.recovery.is_over(tcb.snd.una) || (was == Phase::Loss && !repeated))
    } else {
        repeated
    };
    if !again {
        begin(tcb);
    }
    let flight = flight(tcb);
    tcb.congestion.timeout(flight, again, fx.now);
    if tcb.sack && fx.config().rack() {
        let in_flight = tcb.in_flight(fx.config());
        tcb.congestion.cwnd = in_flight.saturating_add(tcb.congestion.smss());
    }
    let learned = fx.config().tcp_reordering;
    if was <= Phase::Disorder && tcb.sacked() >= learned {
        tcb.recovery.reordering = tcb.recovery.reordering.min(learned);
    }
    tcb.recovery.duplicates = 0;
    tcb.recovery.high = Some(tcb.snd.nxt);
    tcb.recovery.phase = Phase::Loss;
    tcb.recovery.probe = None;
    if let Some(episode) = &mut tcb.recovery.episode {
        episode.doubtful = doubtful;
    }
}

/// What a timeout takes for lost: everything that is not reported, and with RACK not what was sent a moment ago. If the
/// front is reported, the peer has dropped what it had reported, and all of it is lost (RFC 2018 8, RFC 6675 5.1).
fn mark_lost(tcb: &mut Tcb, fx: &Fx<'_>) {
    if tcb.queue.front().is_some_and(|front| front.sacked) {
        tcb.queue.forget_sacks();
        tcb.queue.mark_all_lost();
        return;
    }
    if !fx.config().rack() {
        // What was reported before decides nothing any more (RFC 2018 5.1, RFC 6675 5.1).
        tcb.queue.forget_sacks();
    }
    if tcb.sack && fx.config().rack() {
        let (rack, una, now) = (&tcb.recovery.rack, tcb.snd.una, fx.now);
        tcb.queue.mark_lost_if(|sent| sent.seq == una || rack::is_overdue(rack, sent, now));
    } else {
        tcb.queue.mark_all_lost();
    }
}

/// Something must be sent again for a reason that is no congestion (a smaller path MTU): no other recovery starts meanwhile.
pub(crate) fn repair(tcb: &mut Tcb, config: &Config) {
    if tcb.recovery.phase != Phase::Loss {
        if !config.slow_start_on_smaller_path {
            tcb.congestion.begin_anew(tcb.recovery.is_reducing());
        }
        tcb.recovery.phase = Phase::Loss;
        tcb.recovery.high = Some(tcb.snd.nxt);
        tcb.recovery.episode = None;
    }
    if !tcb.sack {
        tcb.recovery.duplicates = tcb.most_arrived().min(tcb.recovery.duplicates);
    }
}
