//! A segment with an acceptable ACK, from its report to the congestion window (RFC 9293 3.10.7.4, fifth check; RFC 6298 3;
//! RFC 5681; RFC 6675 5).

use super::machine;
use super::{Phase, Reduction, probe, reordering, scoreboard};
use crate::config::{Config, RttEstimator};
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
use crate::tcp::congestion::Growth;
use crate::tcp::retransmission_queue::{Acknowledged, Sent, Tally};
use crate::tcp::segment_arrives::Arriving;
use crate::tcp::segment_arrives::other_states::updates_window;
use crate::tcp::tcb::Tcb;
use crate::tcp::timers::Timer;
use crate::time::Instant;
use core::time::Duration;

/// Samples of a round trip that are told apart in its weight.
const MOST_SAMPLES: u32 = 1 << 16;

/// What one segment says about what is in flight.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    /// SND.UNA as it was.
    pub(crate) prior_una: SeqNum,
    /// SND.UNA advanced.
    pub(crate) advanced: bool,
    /// A duplicate ACK as RFC 5681 2 has it.
    pub(crate) duplicate: bool,
    /// Segments that SND.UNA passed.
    pub(crate) acked: u32,
    /// What is now known to have arrived and was not before.
    pub(crate) delivered: Tally,
    /// A SACK block reported something new.
    pub(crate) sacked: bool,
    /// Text that was never sent again, of before the phase began, has arrived.
    pub(crate) original: bool,
    /// Text that was never sent again has arrived after text above it: from here on.
    pub(crate) reordered: Option<SeqNum>,
    /// A retransmission of a lost segment was reported.
    pub(crate) lost_repaired: bool,
    /// A D-SACK block was taken.
    pub(crate) dsack: bool,
    /// It was about the tail loss probe.
    pub(crate) dsack_of_probe: bool,
    /// More is taken for lost than before.
    pub(crate) found_lost: bool,
    /// A retransmission is taken for lost.
    pub(crate) lost_again: bool,
    /// Fast recovery began.
    pub(crate) entered: bool,
    /// A reduction came to its end.
    pub(crate) ended: bool,
    /// It tells of a mark that nothing was reduced for.
    pub(crate) marked: bool,
    /// The round trip that it shows.
    pub(crate) sample: Option<Duration>,
    /// When the first segment that a block reported was sent.
    pub(crate) first_sacked: Option<Instant>,
    /// When the last segment that arrived at its first transmission was sent.
    pub(crate) last_sent: Option<Instant>,
}

impl Progress {
    /// Whether SND.UNA advanced, and by a segment at least, or our SYN, where that counts.
    fn passes_segments(&self, tcb: &Tcb, config: &Config) -> bool {
        self.advanced && (self.acked > 0 || self.prior_una == tcb.snd.iss || config.restart_rto_on_part_of_segment)
    }

    /// `sent` has arrived and was never sent again; the phase began at `high`.
    pub(super) fn note_original(&mut self, sent: &Sent, high: Option<SeqNum>) {
        self.original |= high.is_some_and(|high| sent.end().le(high));
    }
}

/// A segment whose ACK lies between SND.UNA and SND.NXT. `marked`: it tells of congestion that nothing was reduced for.
pub(crate) fn arrives(tcb: &mut Tcb, arriving: &Arriving<'_>, marked: bool, fx: &mut Fx<'_>) {
    let seg = &arriving.seg;
    let advanced = seg.ack.gt(tcb.snd.una);
    let mut progress = Progress { prior_una: tcb.snd.una, advanced, marked, ..Progress::default() };
    let idle = tcb.queue.is_empty();
    // RFC 5681 2: what counts as a duplicate. Answers to zero-window probes look the same and tell of no loss.
    let same_window = match fx.config().duplicate_has_no_news {
        true => !updates_window(tcb, tcb.snd.una, arriving, fx),
        false => arriving.wnd == tcb.snd.wnd,
    };
    progress.duplicate = seg.ack == tcb.snd.una && !idle && arriving.len == 0 && same_window && tcb.snd.wnd > 0;
    let before = tcb.queue.runs().highest().unwrap_or(tcb.snd.una);
    take_blocks(tcb, arriving, &mut progress, fx);
    if idle && progress.dsack && fx.config().ece_needs_flight {
        // What is reported as a duplicate was in flight.
        progress.marked = tcb.ecn_feedback(seg, fx);
    }
    // With SACK a duplicate is what reports something new (RFC 6675 2); D-SACK tells of no loss.
    progress.duplicate &= !progress.dsack;
    // The loss of a path probe is no sign of congestion (RFC 4821 7.6.2).
    progress.duplicate = progress.duplicate && !tcb.path_probe_lost(fx);
    let removed = if progress.advanced { advance(tcb, seg.ack, &mut progress, fx) } else { Acknowledged::default() };
    note_reordering(tcb, before, &progress, fx);
    progress.sample = measure(tcb, arriving, &removed, &progress, fx);
    probe::acknowledged(tcb, seg.ack, &progress, fx);
    if !idle || progress.dsack {
        machine::arrives(tcb, seg, &mut progress, fx);
    }
    if progress.passes_segments(tcb, fx.config()) && !idle {
        tcb.recovery.watch.restart = machine::restarts_timer(tcb, fx);
    }
    tcb.account_delivered(seg, &progress, fx.now);
    adjust_window(tcb, arriving, &progress, fx);
}

/// A segment whose ACK is old: it was overtaken, but what it reports still counts (RFC 6675 5).
pub(crate) fn arrives_late(tcb: &mut Tcb, arriving: &Arriving<'_>, fx: &mut Fx<'_>) {
    let mut progress = Progress { prior_una: tcb.snd.una, ..Progress::default() };
    let before = tcb.queue.runs().highest().unwrap_or(tcb.snd.una);
    take_blocks(tcb, arriving, &mut progress, fx);
    if progress.sacked || progress.dsack {
        note_reordering(tcb, before, &progress, fx);
        machine::arrives(tcb, &arriving.seg, &mut progress, fx);
        tcb.account_delivered(&arriving.seg, &progress, fx.now);
        if tcb.reduction(fx.config()) != Reduction::Proportional {
            // Linux's window follows the acknowledgments that are not old.
            adjust_window(tcb, arriving, &progress, fx);
        }
    }
}

fn take_blocks(tcb: &mut Tcb, arriving: &Arriving<'_>, progress: &mut Progress, fx: &mut Fx<'_>) {
    let blocks = &arriving.seg.options.sack;
    if tcb.sack && !blocks.is_empty() {
        scoreboard::take(tcb, blocks, arriving.seg.ack, progress, fx);
    }
}

/// SND.UNA advances to `ack`.
fn advance(tcb: &mut Tcb, ack: SeqNum, progress: &mut Progress, fx: &mut Fx<'_>) -> Acknowledged {
    let octets = tcb.snd.una.distance(ack);
    tcb.note_flight(fx.config());
    let (recovery, sack) = (&mut tcb.recovery, tcb.sack);
    let high = recovery.high;
    let mut known = 0;
    let mut cut = recovery.front_cut;
    let mut removed = tcb.queue.acknowledge_each(ack, |sent| {
        let was_cut = core::mem::take(&mut cut);
        if sent.sacked {
            known += sent.len();
            return;
        }
        recovery.rack.arrived(sent, fx.now);
        if !sent.repeated {
            progress.note_original(sent, high);
            // Linux keeps the number that a lone segment began with, so that its rest seems to come late.
            let seq = if was_cut { sent.seq.minus(1) } else { sent.seq };
            progress.reordered = Some(progress.reordered.map_or(seq, |low| low.earlier(seq)));
            progress.last_sent = progress.last_sent.max(Some(sent.at));
        }
    });
    recovery.front_cut = removed.cut.map_or(cut, |text| cut || text < tcb.congestion.smss());
    if removed.cut.is_some() && fx.config().segment_trains {
        let fewer = tcb.queue.recount_front();
        removed.segments += fewer;
        removed.delivered += fewer;
    }
    // Without SACK nobody can tell the original of one segment from the retransmission of the next.
    progress.original &= sack || !removed.any_repeated;
    progress.acked = removed.segments;
    progress.delivered.octets += octets.saturating_sub(known);
    progress.delivered.segments += if sack {
        removed.delivered
    } else {
        // The duplicates stood for segments that are acknowledged now.
        removed.segments.saturating_sub(recovery.duplicates).max(u32::from(removed.segments > 0))
    };
    tcb.snd.una = ack;
    tcb.outgoing.acknowledge(ack, &mut fx.host.rings);
    tcb.totals.bytes_acked += u64::from(octets);
    tcb.path_acknowledged(fx);
    if tcb.snd.up.is_some_and(|up| ack.ge(up)) {
        tcb.snd.up = None;
    }
    tcb.rto.progress();
    tcb.recovery.path_answers();
    tcb.timers.stop(Timer::User);
    removed
}

fn note_reordering(tcb: &mut Tcb, before: SeqNum, progress: &Progress, fx: &Fx<'_>) {
    // Only what was reported by an earlier ACK was overtaken.
    if let Some(low) = progress.reordered.filter(|low| tcb.sack && low.lt(before)) {
        let highest = tcb.queue.runs().highest().unwrap_or(before).later(before);
        reordering::seen(tcb, low, highest, fx.config());
    }
}

/// RFC 6298 3, RFC 7323 4: a round trip from what was sent once, or from an echo.
fn measure(
    tcb: &mut Tcb,
    arriving: &Arriving<'_>,
    removed: &Acknowledged,
    progress: &Progress,
    fx: &mut Fx<'_>,
) -> Option<Duration> {
    if !progress.advanced && progress.first_sacked.is_none() {
        return None;
    }
    if let Some(last) = progress.last_sent.filter(|_| !removed.any_repeated || progress.first_sacked.is_some()) {
        tcb.recovery.rack.measured(fx.now.since(last), fx.now);
    }
    let by_time =
        removed.sample_since.or(progress.first_sacked.filter(|_| fx.config().rtt_estimator == RttEstimator::Linux));
    let by_time = by_time.map(|since| fx.now.since(since));
    let echoed =
        || tcb.timestamps.round_trip(&arriving.seg, fx.now).filter(|_| progress.passes_segments(tcb, fx.config()));
    let sample = by_time.or_else(echoed);
    match sample {
        Some(sample) => {
            let flight = progress.prior_una.distance(tcb.snd.nxt);
            let expected = expected_samples(tcb, flight, fx);
            tcb.rto.sample(sample, expected, tcb.snd.una, tcb.snd.nxt, fx.config());
        }
        None if progress.advanced => fx.cite(rules::KARN),
        None => {}
    }
    sample
}

/// Samples that a round trip with `flight` octets brings: one without timestamps, else one for every second segment, as
/// ACKs are delayed (RFC 7323 G).
fn expected_samples(tcb: &Tcb, flight: u32, fx: &mut Fx<'_>) -> u32 {
    if !tcb.timestamps.enabled {
        return 1;
    }
    let expected = flight.div_ceil(tcb.smss(fx.config()).saturating_mul(2).max(1)).clamp(1, MOST_SAMPLES);
    if expected > 1 {
        fx.cite(rules::RTT_HISTORY);
    }
    expected
}

/// Linux: where segments are known to come out of order, what the peer reports grows the window as what it acknowledges does.
fn grows_by_reports(tcb: &Tcb, progress: &Progress, fx: &Fx<'_>) -> bool {
    let config = fx.config();
    config.window_in_segments && progress.sacked && tcb.recovery.reordering > config.tcp_reordering
}

/// Who has the window: the reduction under way, or its growth. The ACK that ends a reduction grows nothing but in Linux.
fn adjust_window(tcb: &mut Tcb, arriving: &Arriving<'_>, progress: &Progress, fx: &mut Fx<'_>) {
    if tcb.recovery.is_reducing() {
        machine::reduce_on_ack(tcb, progress, fx);
    } else if (!progress.ended || fx.config().window_in_segments)
        && (progress.advanced || grows_by_reports(tcb, progress, fx))
    {
        let config = fx.config();
        let acked = if config.window_in_segments {
            progress.delivered.segments.saturating_mul(tcb.smss(config))
        } else {
            progress.prior_una.distance(arriving.seg.ack)
        };
        if !progress.advanced {
            tcb.note_flight(config);
        }
        if tcb.recovery.phase() <= Phase::Disorder {
            fx.cite(tcb.congestion.growth_rule());
        }
        let growth = Growth {
            acked,
            now: fx.now,
            srtt: tcb.rto.srtt(),
            sample: progress.sample,
            una: tcb.snd.una,
            nxt: tcb.snd.nxt,
        };
        tcb.congestion.grow(&growth, fx.config());
    }
}
