//! RACK: a segment is lost if one that was sent sufficiently later has arrived (RFC 8985 6).

use crate::config::Config;
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
use crate::tcp::recovery::{Phase, Recovery};
use crate::tcp::retransmission_queue::{Judgement, Sent};
use crate::tcp::tcb::Tcb;
use crate::time::Instant;
use alloc::boxed::Box;
use core::num::NonZeroU32;
use core::time::Duration;

/// `tcp_recovery`: losses are found by time.
const DETECT: u32 = 1;
/// `tcp_recovery`: the reordering window is a quarter of the smallest round trip and never more.
const STATIC_WINDOW: u32 = 2;
/// `tcp_recovery`: duplicates beyond the threshold do not close the reordering window.
const NO_DUPLICATES: u32 = 4;

/// How long a round trip stays the smallest one, seconds (RFC 8985 6.2 step 1 leaves it open; Linux: 300 s).
const SMALLEST_LASTS: u32 = 300;

/// Recoveries that a widened reordering window outlives (RFC 8985 6.2 step 4).
const PERSISTENCE: u8 = 16;

/// RACK's variables per connection (RFC 8985 5.2). Times are microseconds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rack {
    smallest: u32,
    /// In seconds.
    smallest_since: u32,
    /// Made when the first segment arrives.
    latest: Option<Box<Latest>>,
}

/// What is known once a segment has arrived.
#[derive(Debug, Clone, PartialEq)]
struct Latest {
    /// When the segment was sent that was sent last of those that have arrived.
    at: Instant,
    end: SeqNum,
    /// The round trip of the last that arrived.
    rtt: u32,
    /// reo_wnd_mult
    multiple: u8,
    /// reo_wnd_persist
    persist: u8,
    /// A segment has arrived since losses were last looked for.
    advanced: bool,
    /// dsack_round
    round: Option<SeqNum>,
}

impl Rack {
    pub(crate) const fn new() -> Self {
        Self { smallest: u32::MAX, smallest_since: 0, latest: None }
    }

    /// The smallest round trip of the last minutes.
    pub(crate) const fn smallest(&self) -> Option<Duration> {
        if self.smallest == u32::MAX { None } else { Some(Duration::from_micros(self.smallest as u64)) }
    }

    /// A round trip was measured (RFC 8985 6.2 step 1).
    pub(crate) fn measured(&mut self, rtt: Duration, now: Instant) {
        let (rtt, seconds) = (micros(rtt), (now.0 / 1_000_000) as u32);
        if rtt <= self.smallest || seconds.wrapping_sub(self.smallest_since) > SMALLEST_LASTS {
            self.smallest = rtt;
            self.smallest_since = seconds;
        }
    }

    /// `sent` has arrived (RFC 8985 6.2 step 2).
    pub(crate) fn arrived(&mut self, sent: &Sent, now: Instant) {
        let rtt = micros(now.since(sent.at));
        // Sooner than possible: the original has arrived, not the retransmission.
        if sent.repeated && rtt < self.smallest {
            return;
        }
        let (at, end) = (sent.at, sent.end());
        let first = || Box::new(Latest { at, end, rtt, multiple: 1, persist: 0, advanced: true, round: None });
        let latest = self.latest.get_or_insert_with(first);
        latest.advanced = true;
        latest.rtt = rtt;
        if is_sent_after((at, end), (latest.at, latest.end)) {
            (latest.at, latest.end) = (at, end);
        }
    }

    /// A reduction proved needless: losses are to be looked for again.
    pub(crate) fn look_again(&mut self) {
        if let Some(latest) = &mut self.latest {
            latest.advanced = true;
        }
    }

    /// A recovery is over. The wide window outlives some of them.
    pub(crate) fn recovery_ends(&mut self) {
        if let Some(latest) = &mut self.latest {
            latest.persist = latest.persist.saturating_sub(1);
            if latest.persist == 0 {
                latest.multiple = 1;
            }
        }
    }

    /// The peer has reported a duplicate that a fast retransmission caused: the window was too narrow (RFC 8985 6.2 step 4).
    /// Once per round trip.
    pub(crate) fn duplicate(&mut self, una: SeqNum, nxt: SeqNum, config: &Config) {
        let Some(latest) = &mut self.latest else { return };
        if config.tcp_recovery & STATIC_WINDOW != 0 || latest.round.is_some_and(|round| una.lt(round)) {
            return;
        }
        latest.round = Some(nxt);
        latest.multiple = latest.multiple.saturating_add(1);
        latest.persist = PERSISTENCE;
    }
}

fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

/// RACK_sent_after: of two segments sent at one instant the one with the higher number is the later.
fn is_sent_after(a: (Instant, SeqNum), b: (Instant, SeqNum)) -> bool {
    a.0 > b.0 || (a.0 == b.0 && a.1.gt(b.1))
}

impl Config {
    pub(crate) const fn rack(&self) -> bool {
        self.tcp_recovery & DETECT != 0
    }
}

impl Recovery {
    /// RACK_update_reo_wnd (RFC 8985 6.2 step 4): microseconds.
    fn reordering_window(&self, sacked: u32, srtt: Option<Duration>, config: &Config) -> u32 {
        if self.reordering_seen == 0 {
            if self.phase >= Phase::Recovery {
                return 0;
            }
            if sacked >= self.reordering && config.tcp_recovery & NO_DUPLICATES == 0 {
                return 0;
            }
        }
        let smallest = if self.rack.smallest == u32::MAX { 0 } else { self.rack.smallest };
        let multiple = self.rack.latest.as_ref().map_or(1, |latest| latest.multiple);
        (smallest / 4).saturating_mul(u32::from(multiple)).min(srtt.map_or(u32::MAX, micros))
    }
}

/// What RACK_detect_loss found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    /// Some segment is lost.
    pub(crate) lost: bool,
    /// The longest time after which another would be, microseconds.
    pub(crate) wait: Option<NonZeroU32>,
}

/// RACK_detect_loss (RFC 8985 6.2 step 5).
pub(crate) fn detect(tcb: &mut Tcb, fx: &mut Fx<'_>) -> Found {
    let Some(rack) = &tcb.recovery.rack.latest else { return Found { lost: false, wait: None } };
    let window = tcb.recovery.reordering_window(tcb.sacked(), tcb.rto.srtt(), fx.config());
    let latest = (rack.at, rack.end);
    let after = u64::from(rack.rtt) + u64::from(window);
    let now = fx.now;
    let mut wait = 0;
    let lost = tcb.queue.judge(|sent| {
        if !is_sent_after(latest, (sent.at, sent.end())) {
            return if sent.repeated { Judgement::Stays } else { Judgement::Enough };
        }
        let age = now.0.saturating_sub(sent.at.0);
        if age >= after {
            Judgement::Lost
        } else {
            wait = wait.max(after - age);
            Judgement::Stays
        }
    });
    if lost {
        fx.cite(rules::RACK_DETECT);
    }
    Found { lost, wait: NonZeroU32::new(u32::try_from(wait).unwrap_or(u32::MAX)) }
}

/// RACK_detect_loss after an ACK, if it delivered something. Sets the timer for what may be lost soon.
pub(crate) fn detect_after_ack(tcb: &mut Tcb, fx: &mut Fx<'_>) -> bool {
    let advanced = tcb.recovery.rack.latest.as_mut().map(|latest| core::mem::take(&mut latest.advanced));
    if advanced != Some(true) {
        return false;
    }
    let found = detect(tcb, fx);
    tcb.recovery.watch.reorder_in = found.wait;
    found.lost
}

/// Whether a timeout takes `sent` for lost: with RACK only what could have been acknowledged (RFC 8985 6.3).
pub(crate) fn is_overdue(rack: &Rack, sent: &Sent, now: Instant) -> bool {
    now.0.saturating_sub(sent.at.0) >= u64::from(rack.latest.as_ref().map_or(0, |latest| latest.rtt))
}
