//! Congestion avoidance of RFC 5681 3.1.

use super::Growth;

/// State of congestion avoidance.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reno {
    /// Octets acknowledged since cwnd last grew.
    acked: u32,
}

impl Reno {
    pub(super) const fn new() -> Self {
        Self { acked: 0 }
    }

    pub(super) const fn reset(&mut self) {
        self.acked = 0;
    }

    /// Equation 3 by counting octets: one segment per window acknowledged.
    pub(super) const fn avoid(&mut self, cwnd: &mut u32, smss: u32, growth: &Growth) {
        self.acked = self.acked.saturating_add(growth.acked);
        if self.acked >= *cwnd {
            self.acked -= *cwnd;
            *cwnd = cwnd.saturating_add(smss);
        }
    }
}
