//! The congestion window of RFC 5681, with NewReno (RFC 6582) and limited transmit (RFC 3042), without SACK.
//!
//! Where the texts leave a choice this is the stack's: octets are counted in congestion avoidance (5681 3.1), the window that
//! fast recovery ends with is ssthresh, or a segment more than is in flight (6582 3.2 step 3, first way).

/// Duplicates that make a loss.
const THRESHOLD: u32 = 3;
/// Segments that limited transmit lets out.
const LIMITED: u32 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Slow start or congestion avoidance.
    Open,
    /// Fast recovery, until this place is acknowledged.
    Recovery(u64),
    /// After a timeout, until this place is acknowledged.
    Loss(u64),
}

/// cwnd and ssthresh, octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) cwnd: u64,
    pub(super) ssthresh: u64,
    pub(super) smss: u64,
    pub(super) phase: Phase,
    pub(super) duplicates: u32,
    /// Octets acknowledged in congestion avoidance since cwnd grew.
    counted: u64,
}

impl Window {
    pub(super) const fn new(smss: u64) -> Self {
        let cwnd = Self::initial(smss);
        Self { cwnd, ssthresh: u64::MAX, smss, phase: Phase::Open, duplicates: 0, counted: 0 }
    }

    /// IW (3.1).
    const fn initial(smss: u64) -> u64 {
        let segments = if smss > 2190 {
            2
        } else if smss > 1095 {
            3
        } else {
            4
        };
        segments * smss
    }

    /// RW (4.1): nothing was sent for longer than a timeout, and nothing is in flight.
    pub(super) fn restart(&mut self) {
        self.cwnd = self.cwnd.min(Self::initial(self.smss));
    }

    /// Equation 4.
    fn reduce(&mut self, flight: u64) {
        self.ssthresh = (flight.min(self.cwnd) / 2).max(2 * self.smss);
        self.counted = 0;
    }

    /// An ACK of new text up to `ack`, with everything up to `next` sent.
    pub(super) fn acknowledged(&mut self, ack: u64, octets: u64, next: u64) {
        self.duplicates = 0;
        match self.phase {
            Phase::Recovery(recover) if ack >= recover => {
                let flight = (next - ack).max(self.smss) + self.smss;
                (self.cwnd, self.phase, self.counted) = (self.ssthresh.min(flight), Phase::Open, 0);
            }
            Phase::Recovery(_) => {
                // 6582 3.2 step 3: deflate by what is acknowledged, and add a segment back.
                let back = if octets >= self.smss { self.smss } else { 0 };
                self.cwnd = (self.cwnd.saturating_sub(octets) + back).max(self.smss);
            }
            Phase::Open => self.grow(octets),
            Phase::Loss(recover) => {
                if ack >= recover {
                    self.phase = Phase::Open;
                }
                self.grow(octets);
            }
        }
    }

    fn grow(&mut self, octets: u64) {
        if self.cwnd < self.ssthresh {
            self.cwnd += octets.min(self.smss);
            return;
        }
        self.counted += octets;
        if self.counted >= self.cwnd {
            self.counted -= self.cwnd;
            self.cwnd += self.smss;
        }
    }

    /// A duplicate ACK with so much in flight up to `next`. Whether the first segment goes out again.
    pub(super) fn duplicate(&mut self, una: u64, next: u64) -> bool {
        match self.phase {
            Phase::Open => {
                self.duplicates += 1;
                if self.duplicates < THRESHOLD {
                    return false;
                }
                self.reduce(next - una);
                self.cwnd = self.ssthresh + u64::from(THRESHOLD) * self.smss;
                self.phase = Phase::Recovery(next);
                true
            }
            Phase::Recovery(_) => {
                self.duplicates += 1;
                self.cwnd += self.smss;
                false
            }
            // What a timeout sends again draws duplicates of its own.
            Phase::Loss(_) => false,
        }
    }

    /// The timer went off; `again`: for a segment for which it has before.
    pub(super) fn timeout(&mut self, una: u64, next: u64, again: bool) {
        if !again {
            self.reduce(next - una);
        }
        (self.cwnd, self.counted, self.duplicates) = (self.smss, 0, 0);
        self.phase = Phase::Loss(next);
    }

    /// Octets that may be in flight.
    pub(super) fn admits(&self) -> u64 {
        let limited = if self.phase == Phase::Open { u64::from(self.duplicates.min(LIMITED)) } else { 0 };
        self.cwnd + limited * self.smss
    }
}
