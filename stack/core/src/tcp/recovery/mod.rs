//! Loss detection and recovery: fast retransmit of RFC 5681, fast recovery of RFC 6582 (NewReno), limited transmit of
//! RFC 3042. It says what is lost, and sets the congestion window while a reduction is under way; outside of that
//! [`super::congestion`] has it.
//!
//! Absent: recovery from SACK information (RFC 6675), PRR (RFC 6937).

use super::congestion::{Congestion, Growth};
use crate::config::Config;
use crate::seq::SeqNum;
use crate::time::Instant;

/// Phase of recovery, by Linux's names and in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Nothing is amiss.
    Open,
    /// Duplicate ACKs have come, not enough for a recovery.
    Disorder,
    /// The window is reduced for a reason other than a loss, until `high` is acknowledged.
    Cwr,
    /// Fast recovery, until `high` is acknowledged.
    Recovery,
    /// After a timeout, until `high` is acknowledged.
    Loss,
}

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

/// State of recovery.
#[derive(Debug, Clone)]
pub(crate) struct Recovery {
    phase: Phase,
    /// SND.NXT when the phase began: `recover` of RFC 6582 3.2. Duplicates below it start nothing.
    high: Option<SeqNum>,
    /// Duplicate ACKs since SND.UNA last advanced.
    pub(crate) duplicates: u32,
}

impl Recovery {
    pub(crate) const fn new() -> Self {
        Self { phase: Phase::Open, high: None, duplicates: 0 }
    }

    pub(crate) const fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether losses are being mended.
    pub(crate) const fn is_recovering(&self) -> bool {
        matches!(self.phase, Phase::Recovery | Phase::Loss)
    }

    /// Octets that may be in flight. The first two duplicates let out one new segment each (RFC 3042 2).
    pub(crate) fn allowance(&self, window: &Congestion) -> u32 {
        match self.phase {
            Phase::Open | Phase::Disorder => window.cwnd.saturating_add(self.duplicates.min(2) * window.smss()),
            Phase::Cwr | Phase::Recovery | Phase::Loss => window.cwnd,
        }
    }

    /// SND.UNA has advanced to `una`. `true`: a partial ACK, so the next segment is lost as well (RFC 6582 3.2 step 3).
    pub(crate) fn ack(&mut self, window: &mut Congestion, una: SeqNum, growth: &Growth) -> bool {
        self.duplicates = 0;
        let full = self.high.is_none_or(|high| una.ge(high));
        match self.phase {
            Phase::Recovery if !full => {
                // Deflate by what was acknowledged, and add a segment back for the one that is sent again.
                let smss = window.smss();
                let mut cwnd = window.cwnd.saturating_sub(growth.acked);
                if growth.acked >= smss {
                    cwnd = cwnd.saturating_add(smss);
                }
                window.cwnd = cwnd.max(smss);
                return true;
            }
            Phase::Recovery | Phase::Cwr if full => {
                self.phase = Phase::Open;
                window.settle(window.ssthresh);
                return false;
            }
            Phase::Recovery | Phase::Cwr => return false,
            Phase::Loss if full => self.phase = Phase::Open,
            Phase::Disorder => self.phase = Phase::Open,
            Phase::Loss | Phase::Open => {}
        }
        window.grow(growth);
        false
    }

    /// A duplicate ACK of `una` with `nxt` the next number to send (RFC 5681 3.2, RFC 6582 3.2).
    pub(crate) fn duplicate(
        &mut self,
        window: &mut Congestion,
        una: SeqNum,
        nxt: SeqNum,
        now: Instant,
        config: &Config,
    ) -> Duplicate {
        self.duplicates += 1;
        match self.phase {
            Phase::Recovery => {
                window.cwnd = window.cwnd.saturating_add(window.smss());
                return Duplicate::Inflate;
            }
            Phase::Open => self.phase = Phase::Disorder,
            Phase::Disorder | Phase::Cwr | Phase::Loss => {}
        }
        // Duplicates of what a recovery has already sent again start no other one.
        let again = self.phase != Phase::Cwr && self.high.is_some_and(|high| una.lt(high));
        if self.duplicates != config.tcp_reordering || again {
            return Duplicate::Count;
        }
        if self.phase != Phase::Cwr {
            window.reduction(una.distance(nxt), now);
        }
        let inflated = window.ssthresh.saturating_add(config.tcp_reordering.saturating_mul(window.smss()));
        window.cwnd = inflated;
        self.high = Some(nxt);
        self.phase = Phase::Recovery;
        Duplicate::Retransmit
    }

    /// A sign of congestion that is no loss (RFC 3168 6.1.2; a full queue of the host): one reduction per window of data.
    /// Whether this one reduced the window.
    #[allow(dead_code, reason = "ECN will call it")]
    pub(crate) fn congestion(&mut self, window: &mut Congestion, una: SeqNum, nxt: SeqNum, now: Instant) -> bool {
        match self.phase {
            Phase::Open | Phase::Disorder => {
                let ssthresh = window.reduction(una.distance(nxt), now);
                window.settle(window.cwnd.min(ssthresh));
                self.high = Some(nxt);
                self.phase = Phase::Cwr;
                true
            }
            Phase::Cwr | Phase::Recovery | Phase::Loss => false,
        }
    }

    /// The retransmission timer went off (RFC 5681 3.1). `repeated`: for a segment that it went off for before.
    pub(crate) fn timeout(&mut self, window: &mut Congestion, una: SeqNum, nxt: SeqNum, repeated: bool, now: Instant) {
        window.timeout(una.distance(nxt), repeated, now);
        self.duplicates = 0;
        self.high = Some(nxt);
        self.phase = Phase::Loss;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CongestionControl;

    fn started() -> (Recovery, Congestion) {
        let mut window = Congestion::new(1000, CongestionControl::Reno, &Config::rfc9293());
        window.start(1000, 0, &Config::rfc9293());
        (Recovery::new(), window)
    }

    fn acked(acked: u32) -> Growth {
        Growth { acked, now: Instant(0), srtt: None, sample: None, una: SeqNum(0), nxt: SeqNum(0) }
    }

    #[test]
    fn three_duplicates_retransmit_and_a_full_ack_deflates() {
        let config = Config::rfc9293();
        let (mut recovery, mut window) = started();
        window.cwnd = 10_000;
        let duplicate = |recovery: &mut Recovery, window: &mut Congestion| {
            recovery.duplicate(window, SeqNum(0), SeqNum(10_000), Instant(0), &config)
        };
        assert_eq!(duplicate(&mut recovery, &mut window), Duplicate::Count);
        assert_eq!(recovery.allowance(&window), 11_000);
        assert_eq!(duplicate(&mut recovery, &mut window), Duplicate::Count);
        assert_eq!(recovery.allowance(&window), 12_000);
        assert_eq!(duplicate(&mut recovery, &mut window), Duplicate::Retransmit);
        assert_eq!((window.ssthresh, window.cwnd), (5000, 8000));
        assert_eq!(duplicate(&mut recovery, &mut window), Duplicate::Inflate);
        assert_eq!(window.cwnd, 9000);
        assert!(recovery.ack(&mut window, SeqNum(2000), &acked(2000)), "partial");
        assert_eq!(window.cwnd, 8000);
        assert!(!recovery.ack(&mut window, SeqNum(10_000), &acked(8000)), "full");
        assert_eq!((window.cwnd, recovery.phase()), (5000, Phase::Open));
    }

    #[test]
    fn duplicates_below_recover_start_no_second_recovery() {
        let config = Config::rfc9293();
        let (mut recovery, mut window) = started();
        recovery.timeout(&mut window, SeqNum(0), SeqNum(8000), false, Instant(0));
        for _ in 0..5 {
            let outcome = recovery.duplicate(&mut window, SeqNum(1000), SeqNum(9000), Instant(0), &config);
            assert_eq!(outcome, Duplicate::Count);
        }
    }

    #[test]
    fn congestion_reduces_once_per_window_of_data() {
        let (mut recovery, mut window) = started();
        window.cwnd = 10_000;
        assert!(recovery.congestion(&mut window, SeqNum(0), SeqNum(10_000), Instant(0)));
        assert_eq!((window.cwnd, window.ssthresh), (5000, 5000));
        assert!(!recovery.congestion(&mut window, SeqNum(1000), SeqNum(10_000), Instant(0)));
        assert!(!recovery.ack(&mut window, SeqNum(10_000), &acked(9000)));
        assert_eq!(recovery.phase(), Phase::Open);
        assert!(recovery.congestion(&mut window, SeqNum(10_000), SeqNum(16_000), Instant(0)));
        assert_eq!(window.cwnd, 3000);
    }
}
