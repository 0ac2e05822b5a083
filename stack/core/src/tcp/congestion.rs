//! Congestion control: slow start, congestion avoidance and fast retransmit of RFC 5681, fast recovery of RFC 6582
//! (NewReno), limited transmit of RFC 3042. All numbers are octets.
//!
//! Absent: recovery from SACK information (RFC 6675), PRR (RFC 6937), CUBIC (RFC 9438).

use crate::config::{Config, InitialWindow};
use crate::seq::SeqNum;

/// What a duplicate ACK calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duplicate {
    /// Nothing; new data may go out by limited transmit.
    Count,
    /// The segment at SND.UNA is to be sent again now.
    Retransmit,
    /// Another segment has left the network.
    Inflate,
}

/// Phase of loss recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// None.
    Open,
    /// Fast recovery, until `recover` is acknowledged.
    Recovery,
    /// After a timeout, until `recover` is acknowledged.
    Loss,
}

/// cwnd, ssthresh and the state of recovery.
#[derive(Debug, Clone)]
pub(crate) struct Congestion {
    pub(crate) cwnd: u32,
    pub(crate) ssthresh: u32,
    smss: u32,
    /// Octets acknowledged in congestion avoidance since cwnd last grew (RFC 5681 3.1).
    acked: u32,
    phase: Phase,
    /// SND.NXT when recovery began (RFC 6582 3.2); duplicates below it start nothing.
    recover: Option<SeqNum>,
    pub(crate) duplicates: u32,
    /// The most octets in flight since SND.UNA passed `peak_until`.
    peak: u32,
    peak_until: Option<SeqNum>,
}

impl Congestion {
    pub(crate) const fn new(smss: u32) -> Self {
        Self {
            cwnd: smss,
            ssthresh: u32::MAX,
            smss,
            acked: 0,
            phase: Phase::Open,
            recover: None,
            duplicates: 0,
            peak: 0,
            peak_until: None,
        }
    }

    /// The initial window, when the segment size is known. `syn_losses`: timeouts of the SYN or SYN,ACK.
    pub(crate) fn start(&mut self, smss: u32, syn_losses: u32, config: &Config) {
        self.smss = smss;
        self.cwnd = if syn_losses >= config.syn_losses_for_small_window { smss } else { initial_window(smss, config) };
    }

    /// The path takes smaller segments now. The window keeps its octets (RFC 8201 5.4 lets it).
    pub(crate) const fn set_smss(&mut self, smss: u32) {
        self.smss = smss;
    }

    pub(crate) const fn in_recovery(&self) -> bool {
        matches!(self.phase, Phase::Recovery)
    }

    pub(crate) const fn in_loss(&self) -> bool {
        matches!(self.phase, Phase::Loss)
    }

    /// Octets that may be in flight. The first two duplicates let out one new segment each (RFC 3042 2).
    pub(crate) fn allowance(&self) -> u32 {
        match self.phase {
            Phase::Open => self.cwnd.saturating_add(self.duplicates.min(2) * self.smss),
            Phase::Recovery | Phase::Loss => self.cwnd,
        }
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

    /// `acked` octets were acknowledged, up to `una`. `true`: a partial ACK, so the next segment is lost as well (RFC 6582
    /// 3.2 step 3).
    pub(crate) fn ack(&mut self, una: SeqNum, acked: u32) -> bool {
        self.duplicates = 0;
        let full = self.recover.is_none_or(|recover| una.ge(recover));
        match self.phase {
            Phase::Recovery if !full => {
                // Deflate by what was acknowledged, and add a segment back for the one that is sent again.
                self.cwnd = self.cwnd.saturating_sub(acked);
                if acked >= self.smss {
                    self.cwnd += self.smss;
                }
                self.cwnd = self.cwnd.max(self.smss);
                return true;
            }
            Phase::Recovery => {
                self.phase = Phase::Open;
                self.cwnd = self.ssthresh;
                self.acked = 0;
                return false;
            }
            Phase::Loss if full => self.phase = Phase::Open,
            Phase::Loss | Phase::Open => {}
        }
        if self.is_limiting() {
            self.grow(acked);
        }
        false
    }

    /// RFC 5681 3.1, equations 2 and 3.
    fn grow(&mut self, acked: u32) {
        if self.cwnd < self.ssthresh {
            self.cwnd = self.cwnd.saturating_add(acked.min(self.smss));
        } else {
            self.acked = self.acked.saturating_add(acked);
            if self.acked >= self.cwnd {
                self.acked -= self.cwnd;
                self.cwnd = self.cwnd.saturating_add(self.smss);
            }
        }
    }

    /// A duplicate ACK of `una` with `flight` octets unacknowledged (RFC 5681 3.2, RFC 6582 3.2).
    pub(crate) fn duplicate(&mut self, una: SeqNum, nxt: SeqNum, flight: u32, config: &Config) -> Duplicate {
        self.duplicates += 1;
        match self.phase {
            Phase::Recovery => {
                self.cwnd = self.cwnd.saturating_add(self.smss);
                Duplicate::Inflate
            }
            Phase::Open | Phase::Loss if self.duplicates == config.tcp_reordering => {
                // Duplicates of what a recovery has already sent again start no other one.
                if self.recover.is_some_and(|recover| una.lt(recover)) {
                    return Duplicate::Count;
                }
                self.ssthresh = self.half_of(flight);
                self.cwnd = self.ssthresh.saturating_add(config.tcp_reordering.saturating_mul(self.smss));
                self.recover = Some(nxt);
                self.phase = Phase::Recovery;
                Duplicate::Retransmit
            }
            Phase::Open | Phase::Loss => Duplicate::Count,
        }
    }

    /// RFC 5681 3.1, equation 4.
    fn half_of(&self, flight: u32) -> u32 {
        (flight / 2).max(2 * self.smss)
    }

    /// The retransmission timer went off (RFC 5681 3.1). `repeated`: for a segment that it went off for before.
    pub(crate) fn timeout(&mut self, nxt: SeqNum, flight: u32, repeated: bool) {
        if !repeated {
            self.ssthresh = self.half_of(flight);
        }
        self.cwnd = self.smss;
        self.acked = 0;
        self.duplicates = 0;
        self.recover = Some(nxt);
        self.phase = Phase::Loss;
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
        congestion.ack(SeqNum(1000), 1000);
        assert_eq!(congestion.cwnd, 5000);
        congestion.ack(SeqNum(3000), 2000);
        assert_eq!(congestion.cwnd, 6000, "never more than SMSS per ACK");
        congestion.note_flight(SeqNum(10_000), SeqNum(12_000));
        congestion.ack(SeqNum(11_000), 1000);
        assert_eq!(congestion.cwnd, 6000, "an unused window does not grow");
        congestion.ssthresh = 6000;
        congestion.note_flight(SeqNum(12_000), SeqNum(18_000));
        for una in [5000, 6000, 7000, 8000, 9000] {
            congestion.ack(SeqNum(una), 1000);
            assert_eq!(congestion.cwnd, 6000);
        }
        congestion.ack(SeqNum(10_000), 1000);
        assert_eq!(congestion.cwnd, 7000);
    }

    #[test]
    fn three_duplicates_retransmit_and_a_full_ack_deflates() {
        let config = Config::rfc9293();
        let mut congestion = started(1000);
        congestion.cwnd = 10_000;
        let duplicate = |congestion: &mut Congestion| congestion.duplicate(SeqNum(0), SeqNum(10_000), 10_000, &config);
        assert_eq!(duplicate(&mut congestion), Duplicate::Count);
        assert_eq!(congestion.allowance(), 11_000);
        assert_eq!(duplicate(&mut congestion), Duplicate::Count);
        assert_eq!(congestion.allowance(), 12_000);
        assert_eq!(duplicate(&mut congestion), Duplicate::Retransmit);
        assert_eq!((congestion.ssthresh, congestion.cwnd), (5000, 8000));
        assert_eq!(duplicate(&mut congestion), Duplicate::Inflate);
        assert_eq!(congestion.cwnd, 9000);
        assert!(congestion.ack(SeqNum(2000), 2000), "partial");
        assert_eq!(congestion.cwnd, 8000);
        assert!(!congestion.ack(SeqNum(10_000), 8000), "full");
        assert_eq!(congestion.cwnd, 5000);
        assert!(!congestion.in_recovery());
    }

    #[test]
    fn timeout_leaves_one_segment_and_halves_the_flight_once() {
        let mut congestion = started(1000);
        congestion.timeout(SeqNum(8000), 8000, false);
        assert_eq!((congestion.cwnd, congestion.ssthresh), (1000, 4000));
        congestion.timeout(SeqNum(8000), 8000, true);
        assert_eq!((congestion.cwnd, congestion.ssthresh), (1000, 4000));
        congestion.timeout(SeqNum(8000), 1000, false);
        assert_eq!(congestion.ssthresh, 2000, "never below two segments");
    }

    #[test]
    fn duplicates_below_recover_start_no_second_recovery() {
        let config = Config::rfc9293();
        let mut congestion = started(1000);
        congestion.timeout(SeqNum(8000), 8000, false);
        for _ in 0..5 {
            assert_eq!(congestion.duplicate(SeqNum(1000), SeqNum(9000), 8000, &config), Duplicate::Count);
        }
    }
}
