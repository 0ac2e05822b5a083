//! RFC 6298, with the gains of RFC 7323 G for several samples a round trip, in fractions of a nanosecond: exact but for what falls below 2^-56 of one, so that it shows where the stack's integers
//! lose more than they must.

/// Fractional bits.
const BITS: u32 = 56;
/// Clock granularity G, microseconds: the stack's timestamp clock.
const G: u64 = 1000;
/// What the stack may be off, nanoseconds. It drops what is below one at each step, of which seven eighths and three quarters
/// stay: at most 8, and then 12; with gains that are so many times smaller, as many times more.
const SRTT_OFF: u64 = 8;
const RTTVAR_OFF: u64 = 12;

/// Nanoseconds, with fractional bits.
type Nanos = u128;

const fn of_micros(micros: u64) -> Nanos {
    (micros as Nanos * 1000) << BITS
}

/// SRTT, RTTVAR and RTO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rto {
    estimate: Option<(Nanos, Nanos)>,
    rto: Nanos,
    /// Doublings since it was computed: each doubles the microsecond that the stack may be off.
    doublings: u32,
    /// The most samples of a round trip that the gains were divided by.
    samples: u64,
    bounds: [u64; 2],
}

impl Rto {
    /// 2.1: a second; with the bounds of 2.4 and 2.5, microseconds.
    pub(super) const fn new(bounds: [u64; 2]) -> Self {
        Self { estimate: None, rto: of_micros(1_000_000), doublings: 0, samples: 1, bounds }
    }

    /// 2.2 and 2.3 with a round trip of so many microseconds, one of `samples` (RFC 7323 G).
    pub(super) fn measured(mut self, micros: u64, samples: u64) -> Self {
        let (four, eight) = (4 * u128::from(samples), 8 * u128::from(samples));
        self.samples = self.samples.max(samples);
        let r = of_micros(micros);
        let (srtt, rttvar) = match self.estimate {
            None => (r, r / 2),
            Some((srtt, rttvar)) => {
                (srtt / eight * (eight - 1) + r / eight, rttvar / four * (four - 1) + srtt.abs_diff(r) / four)
            }
        };
        (self.estimate, self.doublings) = (Some((srtt, rttvar)), 0);
        let rto = srtt + of_micros(G).max(4 * rttvar);
        self.rto = rto.clamp(of_micros(self.bounds[0]), of_micros(self.bounds[1]));
        self
    }

    /// 5.5
    pub(super) fn back_off(&mut self) {
        self.rto = (2 * self.rto).min(of_micros(self.bounds[1]));
        self.doublings += 1;
    }

    /// The retransmission timeout, microseconds.
    pub(super) const fn micros(&self) -> u64 {
        ((self.rto >> BITS) / 1000) as u64
    }

    /// What the stack's timeout may be off, microseconds.
    pub(super) const fn off(&self) -> u64 {
        // In nanoseconds: what is below a microsecond grows with each doubling, too.
        let once = 1000 + self.samples * (SRTT_OFF + 4 * RTTVAR_OFF);
        (once << if self.doublings > 10 { 10 } else { self.doublings }) / 1000
    }

    /// Whether the stack's numbers (nanoseconds; the timeout in microseconds) are these.
    pub(super) fn is(&self, srtt: Option<u64>, rttvar: u64, rto: u64) -> bool {
        let near = |exact: Nanos, got: u64, off: u64| ((exact >> BITS) as u64).abs_diff(got) <= off;
        let estimated = match (self.estimate, srtt) {
            (Some((exact, deviation)), Some(srtt)) => {
                near(exact, srtt, SRTT_OFF * self.samples) && near(deviation, rttvar, RTTVAR_OFF * self.samples)
            }
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        estimated && self.micros().abs_diff(rto) <= self.off()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_is_that_of_the_text() {
        // 100 ms, then 180 ms: SRTT 110 ms, RTTVAR 3/4 * 50 + 1/4 * 80 = 57.5 ms, RTO 340 ms.
        let rto = Rto::new([1000, 60_000_000]).measured(100_000, 1);
        assert!(rto.is(Some(100_000_000), 50_000_000, 300_000), "{rto:?}");
        let rto = rto.measured(180_000, 1);
        assert!(rto.is(Some(110_000_000), 57_500_000, 340_000), "{rto:?}");
        assert!(!rto.is(Some(110_000_100), 57_500_000, 340_000), "{rto:?}");
        let mut bounded = Rto::new([1_000_000, 120_000_000]).measured(1, 1);
        assert_eq!(bounded.micros(), 1_000_000);
        for seconds in [2, 4, 8, 16, 32, 64, 120, 120] {
            bounded.back_off();
            assert_eq!(bounded.micros(), seconds * 1_000_000);
        }
    }
}
