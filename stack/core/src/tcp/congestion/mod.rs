//! The congestion window: slow start and the loss window of RFC 5681, its validation (RFC 7661), and the algorithm that
//! grows it outside recovery and says how far one congestion event reduces it. All numbers are octets.
//!
//! Who finds losses, and what the window is while they are repaired, is [`super::recovery`].
//!
//! Absent: CUBIC (RFC 9438).

mod reno;

use crate::config::{Config, InitialWindow};
use crate::seq::SeqNum;
use crate::time::Instant;
use core::time::Duration;
use reno::Reno;

/// An ACK's progress, as far as it concerns the window.
#[derive(Debug, Clone, Copy)]
#[allow(dead_code, reason = "what CUBIC will ask for")]
pub(crate) struct Growth {
    /// Octets that were acknowledged for the first time, selectively or not.
    pub(crate) acked: u32,
    pub(crate) now: Instant,
    pub(crate) srtt: Option<Duration>,
}

/// Congestion avoidance, and the reduction that belongs to it.
#[derive(Debug, Clone)]
enum Algorithm {
    Reno(Reno),
}

/// What an undone reduction returns to.
#[allow(dead_code, reason = "for undo, which comes next")]
#[derive(Debug, Clone)]
pub(crate) struct Saved {
    cwnd: u32,
    ssthresh: u32,
}

/// cwnd, ssthresh and what their algorithm remembers.
#[derive(Debug, Clone)]
pub(crate) struct Congestion {
    pub(crate) cwnd: u32,
    pub(crate) ssthresh: u32,
    /// Congestion events so far, modulo 256: what CWR tells the peer of (RFC 3168 6.1.2).
    pub(crate) reductions: u8,
    smss: u32,
    algorithm: Algorithm,
    /// The most octets in flight since SND.UNA passed `peak_until`.
    peak: u32,
    peak_until: Option<SeqNum>,
}

impl Congestion {
    pub(crate) const fn new(smss: u32) -> Self {
        Self {
            cwnd: smss,
            ssthresh: u32::MAX,
            reductions: 0,
            smss,
            algorithm: Algorithm::Reno(Reno::new()),
            peak: 0,
            peak_until: None,
        }
    }

    /// The initial window, when the segment size is known. `syn_losses`: timeouts of the SYN or SYN,ACK.
    pub(crate) fn start(&mut self, smss: u32, syn_losses: u32, config: &Config) {
        self.smss = smss;
        self.cwnd = if syn_losses >= config.syn_losses_for_small_window { smss } else { initial_window(smss, config) };
    }

    pub(crate) const fn smss(&self) -> u32 {
        self.smss
    }

    /// The path takes smaller segments now. The window keeps its octets (RFC 8201 5.4 lets it).
    pub(crate) const fn set_smss(&mut self, smss: u32) {
        self.smss = smss;
    }

    /// An ACK is about to advance SND.UNA from `una`, with everything up to `nxt` sent.
    pub(crate) fn note_flight(&mut self, una: SeqNum, nxt: SeqNum) {
        let flight = una.distance(nxt);
        if self.peak_until.is_none_or(|until| una.ge(until)) {
            self.peak = flight;
            self.peak_until = Some(nxt);
        } else {
            self.peak = self.peak.max(flight);
        }
    }

    /// Whether the window was in use. One that the sender does not fill is not shown to be safe and does not grow
    /// (RFC 7661); slow start may run ahead by twice what was in flight.
    const fn is_limiting(&self) -> bool {
        if self.cwnd < self.ssthresh {
            self.cwnd < self.peak.saturating_mul(2)
        } else {
            self.peak.saturating_add(self.smss) > self.cwnd
        }
    }

    /// An ACK outside recovery: RFC 5681 3.1, equations 2 and 3.
    pub(crate) fn grow(&mut self, growth: &Growth) {
        if !self.is_limiting() {
            return;
        }
        if self.cwnd < self.ssthresh {
            self.cwnd = self.cwnd.saturating_add(growth.acked.min(self.smss));
            return;
        }
        match &mut self.algorithm {
            Algorithm::Reno(reno) => reno.avoid(&mut self.cwnd, self.smss, growth),
        }
    }

    /// One congestion event, whatever its cause, with `flight` octets unacknowledged: the new ssthresh. The window itself
    /// is left to recovery, which brings it there.
    pub(crate) fn reduction(&mut self, flight: u32, _now: Instant) -> u32 {
        self.reductions = self.reductions.wrapping_add(1);
        match &mut self.algorithm {
            Algorithm::Reno(_) => self.ssthresh = reno::half_of(flight, self.smss),
        }
        self.ssthresh
    }

    /// The window that recovery has arrived at. What avoidance has counted belonged to the one before.
    pub(crate) const fn settle(&mut self, cwnd: u32) {
        self.cwnd = cwnd;
        match &mut self.algorithm {
            Algorithm::Reno(reno) => reno.reset(),
        }
    }

    /// The retransmission timer went off (RFC 5681 3.1). `repeated`: for a segment that it went off for before.
    pub(crate) fn timeout(&mut self, flight: u32, repeated: bool, now: Instant) {
        if !repeated {
            self.reduction(flight, now);
        }
        self.settle(self.smss);
    }

    /// What [`Congestion::undo`] needs to take back the next reduction.
    #[allow(dead_code, reason = "for undo, which comes next")]
    pub(crate) const fn save(&self) -> Saved {
        Saved { cwnd: self.cwnd, ssthresh: self.ssthresh }
    }

    /// The reduction since `saved` proved needless.
    #[allow(dead_code, reason = "for undo, which comes next")]
    pub(crate) fn undo(&mut self, saved: &Saved) {
        self.cwnd = self.cwnd.max(saved.cwnd);
        self.ssthresh = self.ssthresh.max(saved.ssthresh);
    }

    /// Nothing was sent for a whole timeout (RFC 5681 4.1).
    pub(crate) fn restart_after_idle(&mut self, config: &Config) {
        self.cwnd = self.cwnd.min(initial_window(self.smss, config));
    }
}

/// IW (RFC 5681 3.1, or a number of segments).
fn initial_window(smss: u32, config: &Config) -> u32 {
    match config.initial_window {
        InitialWindow::Segments(segments) => segments.saturating_mul(smss),
        InitialWindow::Rfc5681 if smss > 2190 => 2 * smss,
        InitialWindow::Rfc5681 if smss > 1095 => 3 * smss,
        InitialWindow::Rfc5681 => 4 * smss,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(smss: u32) -> Congestion {
        let mut congestion = Congestion::new(smss);
        congestion.start(smss, 0, &Config::rfc9293());
        congestion
    }

    fn acked(acked: u32) -> Growth {
        Growth { acked, now: Instant(0), srtt: None }
    }

    #[test]
    fn initial_window_depends_on_the_segment_size_and_on_lost_syns() {
        let table = [
            (Config::rfc9293(), 2191, 0, 2 * 2191),
            (Config::rfc9293(), 2190, 0, 3 * 2190),
            (Config::rfc9293(), 1096, 0, 3 * 1096),
            (Config::rfc9293(), 1095, 0, 4 * 1095),
            (Config::rfc9293(), 1460, 1, 1460),
            (Config::linux(), 1460, 0, 14_600),
            (Config::linux(), 1460, 1, 14_600),
            (Config::linux(), 1460, 2, 1460),
        ];
        for (config, smss, syn_losses, expected) in table {
            let mut congestion = Congestion::new(smss);
            congestion.start(smss, syn_losses, &config);
            assert_eq!(congestion.cwnd, expected, "smss {smss}, {syn_losses} lost");
        }
    }

    #[test]
    fn slow_start_grows_by_a_segment_per_ack_and_avoidance_by_one_per_window() {
        let mut congestion = started(1000);
        assert_eq!(congestion.cwnd, 4000);
        congestion.note_flight(SeqNum(0), SeqNum(4000));
        congestion.grow(&acked(1000));
        assert_eq!(congestion.cwnd, 5000);
        congestion.grow(&acked(2000));
        assert_eq!(congestion.cwnd, 6000, "never more than SMSS per ACK");
        congestion.note_flight(SeqNum(10_000), SeqNum(12_000));
        congestion.grow(&acked(1000));
        assert_eq!(congestion.cwnd, 6000, "an unused window does not grow");
        congestion.ssthresh = 6000;
        congestion.note_flight(SeqNum(12_000), SeqNum(18_000));
        for _ in 0..5 {
            congestion.grow(&acked(1000));
            assert_eq!(congestion.cwnd, 6000);
        }
        congestion.grow(&acked(1000));
        assert_eq!(congestion.cwnd, 7000);
    }

    #[test]
    fn timeout_leaves_one_segment_and_halves_the_flight_once() {
        let mut congestion = started(1000);
        congestion.timeout(8000, false, Instant(0));
        assert_eq!((congestion.cwnd, congestion.ssthresh), (1000, 4000));
        congestion.timeout(8000, true, Instant(0));
        assert_eq!((congestion.cwnd, congestion.ssthresh), (1000, 4000));
        congestion.timeout(1000, false, Instant(0));
        assert_eq!(congestion.ssthresh, 2000, "never below two segments");
    }

    #[test]
    fn undo_returns_to_what_was_saved() {
        let mut congestion = started(1000);
        congestion.cwnd = 9000;
        let saved = congestion.save();
        congestion.timeout(8000, false, Instant(0));
        congestion.undo(&saved);
        assert_eq!((congestion.cwnd, congestion.ssthresh), (9000, u32::MAX));
    }
}
