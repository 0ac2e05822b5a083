//! The congestion window: slow start and the loss window of RFC 5681, its validation (RFC 7661), and the algorithm that
//! grows it outside recovery and says how far one congestion event reduces it. All numbers are octets.
//!
//! Who finds losses, and what the window is while they are repaired, is [`super::recovery`].
//!
//! Absent: moderation of the window after a burst of ACKs (what Linux once did), HyStart++ (RFC 9406; Linux's HyStart is
//! here).

mod cubic;
mod cubic_segments;
mod hystart;
mod reno;

use crate::config::{Config, CongestionControl, InitialWindow, ReductionOf};
use crate::rules;
use crate::seq::SeqNum;
use crate::time::Instant;
use alloc::boxed::Box;
use core::time::Duration;
use cubic::Cubic;
use cubic_segments::Segments;
use hystart::HyStart;
use reno::Reno;

/// An ACK's progress, as far as it concerns the window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Growth {
    /// Octets that were acknowledged for the first time, selectively or not.
    pub(crate) acked: u32,
    pub(crate) now: Instant,
    pub(crate) srtt: Option<Duration>,
    /// The round trip that this ACK measured.
    pub(crate) sample: Option<Duration>,
    /// SND.UNA after it, and SND.NXT.
    pub(crate) una: SeqNum,
    pub(crate) nxt: SeqNum,
}

/// Congestion avoidance, and the reduction that belongs to it.
#[derive(Debug, Clone, PartialEq)]
enum Algorithm {
    Reno(Reno),
    /// Made when first needed, so that a connection that sends nothing does not pay for it.
    Cubic(Option<Box<(Cubic, HyStart, Segments)>>),
}

impl Algorithm {
    const fn new(control: CongestionControl) -> Self {
        match control {
            CongestionControl::Reno => Self::Reno(Reno::new()),
            CongestionControl::Cubic => Self::Cubic(None),
        }
    }
}

/// What an undone reduction returns to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Saved {
    cwnd: u32,
    ssthresh: u32,
    reductions: u8,
    algorithm: Algorithm,
}

/// Rounds of a window that begins or restarts a connection.
const FIRST_ROUNDS: u8 = 2;

/// Of a connection that was acknowledged nothing yet.
const NO_ROUND: u8 = u8::MAX;

/// Octets in such a window up to which a loss says nothing against windows as large as RFC 6928's.
const MOST_OF_RFC_3390: u32 = 4096;

/// cwnd, ssthresh and what their algorithm remembers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Congestion {
    pub(crate) cwnd: u32,
    pub(crate) ssthresh: u32,
    /// Congestion events so far, modulo 256: what CWR tells the peer of (RFC 3168 6.1.2).
    pub(crate) reductions: u8,
    smss: u32,
    algorithm: Algorithm,
    /// Of [`Config`], as the connection found it.
    reduction_of: ReductionOf,
    /// 255: as many as are acknowledged.
    slow_start_segments: u8,
    /// The most octets in flight since SND.UNA passed `peak_until`.
    peak: u32,
    peak_until: SeqNum,
    /// SND.NXT when the window was last full.
    limited_until: SeqNum,
    /// Whether it was full within the last window of data.
    was_limited: bool,
    /// Whether what is acknowledged now was in flight when the window was full.
    limited: bool,
    /// Rounds that the initial or restart window still takes: one until its first ACK, one until its last. [`NO_ROUND`]: there
    /// was no ACK yet, and so there is no `peak_until`. Flags stand apart from their numbers to keep a connection small.
    first_rounds: u8,
    /// A loss was met in such a window: the next restart window is that of RFC 3390 (RFC 6928 2).
    small_restart: bool,
}

impl Congestion {
    pub(crate) const fn new(smss: u32, control: CongestionControl, config: &Config) -> Self {
        Self {
            cwnd: smss,
            ssthresh: u32::MAX,
            reductions: 0,
            smss,
            algorithm: Algorithm::new(control),
            reduction_of: config.reduction_of,
            slow_start_segments: if config.slow_start_segments > 255 { 255 } else { config.slow_start_segments as u8 },
            peak: 0,
            peak_until: SeqNum(0),
            limited_until: SeqNum(0),
            was_limited: false,
            limited: false,
            first_rounds: NO_ROUND,
            small_restart: false,
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

    /// The path takes smaller segments now, or the user wants them (`TCP_MAXSEG`). The window keeps its octets (RFC 8201 5.4 lets it),
    /// unless it is the initial one, which was a number of segments: it comes down with them, lest a burst of small ones follow
    /// (RFC 5681 3.1). Larger segments find a window of one at least. `in_segments`: windows are numbers of segments, and stay so.
    pub(crate) fn set_smss(&mut self, smss: u32, in_segments: bool) {
        let scaled = |octets: u32| (u64::from(octets) * u64::from(smss) / u64::from(self.smss)) as u32;
        let untouched = self.first_rounds == NO_ROUND && self.ssthresh == u32::MAX;
        if in_segments || (untouched && smss < self.smss) {
            self.cwnd = scaled(self.cwnd);
        }
        if in_segments {
            self.peak = scaled(self.peak);
            self.ssthresh = if self.ssthresh == u32::MAX { u32::MAX } else { scaled(self.ssthresh) };
        }
        self.cwnd = self.cwnd.max(smss);
        self.smss = smss;
    }

    /// An ACK is about to advance SND.UNA from `una`, with everything up to `nxt` sent: `flight` octets, as the window counts them.
    pub(crate) fn note_flight(&mut self, una: SeqNum, nxt: SeqNum, flight: u32) {
        self.limited = self.was_limited && una.lt(self.limited_until);
        self.was_limited = self.limited;
        if self.first_rounds == NO_ROUND || una.ge(self.peak_until) {
            self.first_rounds = match self.first_rounds {
                NO_ROUND => FIRST_ROUNDS - 1,
                rounds => rounds.saturating_sub(1),
            };
            self.peak = flight;
            self.peak_until = nxt;
        } else {
            self.peak = self.peak.max(flight);
        }
    }

    /// The same as Linux has it, which looks when something is sent, or waits for the window because that is `full`: `flight` octets are out, from
    /// `una` to `nxt`.
    pub(crate) fn note_use(&mut self, (una, nxt): (SeqNum, SeqNum), flight: u32, full: bool) {
        if full || una.ge(self.peak_until) || !self.was_limited && flight > self.peak {
            (self.was_limited, self.peak, self.peak_until) = (full, flight, nxt);
        }
    }

    /// The window is full, with everything up to `nxt` sent.
    pub(crate) const fn note_limited(&mut self, nxt: SeqNum) {
        self.limited_until = nxt;
        self.was_limited = true;
    }

    /// Whether the window was in use. One that the sender does not fill is not shown to be safe and does not grow
    /// (RFC 7661); slow start may run ahead by twice what was in flight.
    const fn is_limiting(&self, config: &Config) -> bool {
        if config.window_in_segments {
            return self.was_limited || self.cwnd < self.ssthresh && self.cwnd < self.peak.saturating_mul(2);
        }
        if self.limited {
            return true;
        }
        if self.cwnd < self.ssthresh {
            self.cwnd < self.peak.saturating_mul(2)
        } else {
            self.peak.saturating_add(self.smss) > self.cwnd
        }
    }

    /// The algorithm.
    pub(crate) const fn control(&self) -> CongestionControl {
        match self.algorithm {
            Algorithm::Reno(_) => CongestionControl::Reno,
            Algorithm::Cubic(_) => CongestionControl::Cubic,
        }
    }

    /// Another algorithm from here on; it begins without memory.
    pub(crate) fn set_control(&mut self, control: CongestionControl) {
        if control != self.control() {
            self.algorithm = Algorithm::new(control);
        }
    }

    /// An ACK outside recovery: RFC 5681 3.1, equations 2 and 3, or what takes their place.
    pub(crate) fn grow(&mut self, growth: &Growth, config: &Config) {
        let mut growth = *growth;
        let slow_start = self.cwnd < self.ssthresh;
        if let Algorithm::Cubic(state) = &mut self.algorithm
            && config.cubic_in_segments
        {
            state.get_or_insert_default().2.measured(&growth);
        }
        if let Algorithm::Cubic(state) = &mut self.algorithm
            && slow_start
            && config.hystart
        {
            let (_, hystart, _) = &mut **state.get_or_insert_default();
            if hystart.ends_slow_start(&growth, self.cwnd, self.smss) {
                self.ssthresh = self.cwnd;
            }
        }
        if !self.is_limiting(config) {
            if let Algorithm::Cubic(Some(state)) = &mut self.algorithm {
                state.0.unused(growth.now);
            }
            return;
        }
        if self.cwnd < self.ssthresh {
            growth.acked = self.slow_start(growth.acked);
            if growth.acked == 0 {
                return;
            }
        }
        match &mut self.algorithm {
            Algorithm::Reno(reno) => reno.avoid(&mut self.cwnd, self.smss, &growth),
            Algorithm::Cubic(state) if config.cubic_in_segments => {
                let (window, acked) = (self.cwnd / self.smss, growth.acked / self.smss);
                let grown = state.get_or_insert_default().2.avoid(window, acked, growth.now);
                self.cwnd = self.cwnd.saturating_add(grown.saturating_mul(self.smss));
            }
            Algorithm::Cubic(state) => state.get_or_insert_default().0.avoid(&mut self.cwnd, self.smss, &growth),
        }
    }

    /// The rule by which [`Congestion::grow`] grows the window now.
    pub(crate) const fn growth_rule(&self) -> &'static str {
        match self.algorithm {
            _ if self.cwnd < self.ssthresh => rules::SLOW_START,
            Algorithm::Reno(_) => rules::CONGESTION_AVOIDANCE,
            Algorithm::Cubic(_) => rules::CUBIC_INCREASE,
        }
    }

    /// The rule by which [`Congestion::reduction`] reduces it.
    pub(crate) const fn reduction_rule(&self) -> &'static str {
        match self.algorithm {
            Algorithm::Reno(_) => rules::HALF_OF_FLIGHT,
            Algorithm::Cubic(_) => rules::CUBIC_DECREASE,
        }
    }

    /// Slow start with `acked` octets: what it leaves for congestion avoidance. Where an ACK counts for no more than a
    /// segment nothing is left, and the window may pass ssthresh by less than that (RFC 5681 3.1).
    fn slow_start(&mut self, acked: u32) -> u32 {
        let most = match self.slow_start_segments {
            u8::MAX => u32::MAX,
            segments => u32::from(segments).saturating_mul(self.smss),
        };
        if self.slow_start_segments == 1 {
            self.cwnd = self.cwnd.saturating_add(acked.min(most));
            return 0;
        }
        let grown = acked.min(most).min(self.ssthresh - self.cwnd);
        self.cwnd += grown;
        acked.min(most) - grown
    }

    /// What a congestion event leaves of `octets`.
    pub(crate) fn reduced(&self, octets: u32) -> u32 {
        match &self.algorithm {
            Algorithm::Reno(_) => octets / 2,
            Algorithm::Cubic(_) => (u64::from(octets) * u64::from(cubic::BETA.0) / u64::from(cubic::BETA.1)) as u32,
        }
    }

    /// One congestion event, whatever its cause, with `flight` octets unacknowledged: the new ssthresh. The window itself
    /// is left to recovery, which brings it there.
    pub(crate) fn reduction(&mut self, flight: u32, _now: Instant) -> u32 {
        self.reductions = self.reductions.wrapping_add(1);
        self.small_restart |= self.first_rounds > 0 && flight.max(self.peak) > MOST_OF_RFC_3390;
        let of = match self.reduction_of {
            ReductionOf::Flight => flight,
            // Whole segments, as Linux counts.
            ReductionOf::Window => self.cwnd,
        };
        let reduced = self.reduced(of);
        if let Algorithm::Cubic(state) = &mut self.algorithm {
            let (octets, _, segments) = &mut **state.get_or_insert_default();
            octets.event(self.cwnd);
            segments.event(self.cwnd / self.smss);
        }
        let whole = match self.reduction_of {
            ReductionOf::Flight => reduced,
            ReductionOf::Window => reduced - reduced % self.smss,
        };
        self.ssthresh = whole.max(2 * self.smss);
        self.ssthresh
    }

    /// The window that recovery has arrived at. What avoidance has counted belonged to the one before.
    pub(crate) const fn settle(&mut self, cwnd: u32) {
        self.cwnd = cwnd;
        match &mut self.algorithm {
            Algorithm::Reno(reno) => reno.reset(),
            // Its stage ended with the congestion event.
            Algorithm::Cubic(_) => {}
        }
    }

    /// The retransmission timer went off (RFC 5681 3.1). `repeated`: for a segment that it went off for before.
    pub(crate) fn timeout(&mut self, flight: u32, repeated: bool, now: Instant) {
        if !repeated {
            self.reduction(flight, now);
        }
        self.forget();
        self.settle(self.smss);
    }

    /// What is lost on a smaller path goes again, which Linux takes for the state behind a timeout: CUBIC has no memory there, and ssthresh is
    /// three quarters of the window at the least, unless a reduction goes on.
    pub(crate) fn begin_anew(&mut self, reducing: bool) {
        self.forget();
        if !reducing && self.ssthresh < u32::MAX {
            let segments = self.cwnd / self.smss;
            self.ssthresh = self.ssthresh.max((segments / 2 + segments / 4) * self.smss);
        }
    }

    fn forget(&mut self) {
        if let Algorithm::Cubic(Some(state)) = &mut self.algorithm {
            **state = (Cubic::default(), HyStart::default(), Segments::default());
        }
    }

    /// What [`Congestion::undo`] needs to take back the next reduction.
    pub(crate) fn save(&self) -> Saved {
        Saved {
            cwnd: self.cwnd,
            ssthresh: self.ssthresh,
            reductions: self.reductions,
            algorithm: self.algorithm.clone(),
        }
    }

    /// The reduction since `saved` proved needless. The algorithm goes on where it was (RFC 9438 4.9), and no CWR tells of
    /// the reduction.
    pub(crate) fn undo(&mut self, saved: &Saved) {
        self.cwnd = self.cwnd.max(saved.cwnd);
        self.ssthresh = self.ssthresh.max(saved.ssthresh);
        self.reductions = saved.reductions;
        self.algorithm.clone_from(&saved.algorithm);
    }

    /// Nothing was sent for `idle`, which is more than a timeout (RFC 5681 4.1).
    pub(crate) fn restart_after_idle(&mut self, idle: Duration, rto: Duration, config: &Config) {
        let window = if self.small_restart && config.restart_window_falls_back {
            rfc_5681_window(self.smss)
        } else {
            initial_window(self.smss, config)
        };
        if self.first_rounds != NO_ROUND {
            self.first_rounds = FIRST_ROUNDS;
        }
        let restart = self.cwnd.min(window);
        if !config.idle_halves_window {
            self.cwnd = restart;
            return;
        }
        // RFC 2861: half for each timeout, and ssthresh remembers three quarters of what was.
        self.ssthresh = self.ssthresh.max(self.cwnd / 2 + self.cwnd / 4);
        let timeouts = idle.as_micros() / rto.as_micros().max(1);
        let halved = self.cwnd.checked_shr(timeouts.min(32) as u32).unwrap_or(0);
        self.cwnd = halved.max(restart);
    }

    /// Data goes out again after `idle` with nothing in flight: time in which CUBIC's curve does not run (RFC 9438 5.8).
    pub(crate) fn idled(&mut self, idle: Duration, now: Instant) {
        if let Algorithm::Cubic(Some(state)) = &mut self.algorithm {
            state.0.unused(now);
            state.2.idled(idle, now);
        }
    }
}

/// IW (RFC 5681 3.1, or a number of segments).
fn initial_window(smss: u32, config: &Config) -> u32 {
    match config.initial_window {
        InitialWindow::Segments(segments) => segments.saturating_mul(smss),
        InitialWindow::Rfc5681 => rfc_5681_window(smss),
    }
}

/// The window of RFC 5681 3.1, which is that of RFC 3390.
const fn rfc_5681_window(smss: u32) -> u32 {
    match smss {
        2191.. => 2 * smss,
        1096.. => 3 * smss,
        _ => 4 * smss,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(smss: u32) -> Congestion {
        let config = Config::rfc9293();
        let mut congestion = Congestion::new(smss, CongestionControl::Reno, &config);
        congestion.start(smss, 0, &config);
        congestion
    }

    fn acked(acked: u32) -> Growth {
        Growth { acked, now: Instant(0), srtt: None, sample: None, una: SeqNum(0), nxt: SeqNum(0) }
    }

    #[test]
    fn what_a_smaller_path_has_lost_leaves_cubic_no_memory() {
        let config = Config::linux();
        for (anew, expected) in [(true, 11_000), (false, 10_000)] {
            let mut congestion = Congestion::new(1000, CongestionControl::Cubic, &config);
            congestion.start(1000, 0, &config);
            congestion.reduction(10_000, Instant(0));
            if anew {
                congestion.begin_anew(true);
            }
            congestion.note_use((SeqNum(0), SeqNum(10_000)), 10_000, true);
            for _ in 0..2 {
                congestion.grow(&acked(10_000), &config);
            }
            assert_eq!((congestion.cwnd, congestion.ssthresh), (expected, 7000));
        }
        let mut congestion = started(1000);
        (congestion.cwnd, congestion.ssthresh) = (10_000, 5000);
        congestion.begin_anew(false);
        assert_eq!(congestion.ssthresh, 7000);
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
            let mut congestion = Congestion::new(smss, CongestionControl::Reno, &config);
            congestion.start(smss, syn_losses, &config);
            assert_eq!(congestion.cwnd, expected, "smss {smss}, {syn_losses} lost");
        }
    }

    #[test]
    fn slow_start_grows_by_a_segment_per_ack_and_avoidance_by_one_per_window() {
        let config = Config::rfc9293();
        let mut congestion = started(1000);
        assert_eq!(congestion.cwnd, 4000);
        congestion.note_flight(SeqNum(0), SeqNum(4000), 4000);
        congestion.grow(&acked(1000), &config);
        assert_eq!(congestion.cwnd, 5000);
        congestion.grow(&acked(2000), &config);
        assert_eq!(congestion.cwnd, 6000, "never more than SMSS per ACK");
        congestion.note_flight(SeqNum(10_000), SeqNum(12_000), 2000);
        congestion.grow(&acked(1000), &config);
        assert_eq!(congestion.cwnd, 6000, "an unused window does not grow");
        congestion.ssthresh = 6000;
        congestion.note_flight(SeqNum(12_000), SeqNum(18_000), 6000);
        for _ in 0..5 {
            congestion.grow(&acked(1000), &config);
            assert_eq!(congestion.cwnd, 6000);
        }
        congestion.grow(&acked(1000), &config);
        assert_eq!(congestion.cwnd, 7000);
    }

    #[test]
    fn slow_start_of_linux_grows_by_all_that_is_acknowledged() {
        let config = Config::linux();
        let mut congestion = Congestion::new(1000, CongestionControl::Reno, &config);
        congestion.cwnd = 300_000;
        congestion.note_flight(SeqNum(0), SeqNum(300_000), 300_000);
        congestion.grow(&acked(300_000), &config);
        assert_eq!(congestion.cwnd, 600_000);
    }

    #[test]
    fn initial_window_comes_down_with_the_segment_size_and_holds_a_segment_when_it_rises() {
        let mut congestion = started(1000);
        congestion.set_smss(88, false);
        assert_eq!(congestion.cwnd, 4 * 88);
        congestion.set_smss(1000, false);
        assert_eq!(congestion.cwnd, 1000);
        congestion.note_flight(SeqNum(0), SeqNum(1000), 1000);
        congestion.set_smss(88, false);
        assert_eq!(congestion.cwnd, 1000, "a window that was in use keeps its octets");
    }

    #[test]
    fn windows_of_segments_stay_so_with_another_segment_size() {
        let mut congestion = started(1000);
        congestion.note_flight(SeqNum(0), SeqNum(1000), 1000);
        congestion.set_smss(500, true);
        assert_eq!((congestion.cwnd, congestion.ssthresh, congestion.peak), (2000, u32::MAX, 500));
        congestion.ssthresh = 1000;
        congestion.set_smss(1000, true);
        assert_eq!((congestion.cwnd, congestion.ssthresh, congestion.peak), (4000, 2000, 1000));
    }

    #[test]
    fn loss_in_a_large_initial_window_makes_the_restart_window_small() {
        let second = Duration::from_secs(1);
        let restarted = |falls_back, lost_at: Option<u32>| {
            let config = Config {
                initial_window: InitialWindow::Segments(10),
                restart_window_falls_back: falls_back,
                ..Config::rfc9293()
            };
            let mut congestion = Congestion::new(1000, CongestionControl::Reno, &config);
            congestion.start(1000, 0, &config);
            // The initial window in two ACKs, then windows of ten.
            for round in 0..4 {
                let una = if round == 0 { 0 } else { 10_000 * round - 5000 };
                congestion.note_flight(SeqNum(una), SeqNum(10_000 * (round + 1)), 10_000 * (round + 1) - una);
                if lost_at == Some(round) {
                    congestion.reduction(10_000, Instant(0));
                }
            }
            congestion.cwnd = 20_000;
            congestion.restart_after_idle(second * 10, second, &config);
            congestion.cwnd
        };
        assert_eq!(restarted(true, None), 10_000);
        assert_eq!(restarted(true, Some(0)), 4000);
        assert_eq!(restarted(true, Some(3)), 10_000, "a loss later on");
        assert_eq!(restarted(false, Some(0)), 10_000);
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
