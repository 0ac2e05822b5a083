//! How many ICMP errors go out (RFC 4443 2.4(f), RFC 1812 4.3.2.8): a bucket of tokens, so that nobody makes this host send
//! more than a trickle of them, and a trace of a path still gets its answers at once.

use crate::time::Instant;

/// Errors at once after a pause (RFC 4443 2.4(f) has ten for a host).
const BURST: u64 = 10;
/// Microseconds until there may be one more: ten in a second.
const INTERVAL: u64 = 100_000;

/// The errors that may go out.
#[derive(Debug, Clone, Default)]
pub(crate) struct ErrorLimit {
    /// Until when those sent so far last, in microseconds.
    spent: u64,
}

impl ErrorLimit {
    /// Whether an error may go out at `now`; if so, it is counted.
    pub(crate) fn admits(&mut self, now: Instant) -> bool {
        let now = now.micros();
        let spent = self.spent.max(now) + INTERVAL;
        let admitted = spent <= now + BURST * INTERVAL;
        if admitted {
            self.spent = spent;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_errors_at_once_and_ten_in_a_second() {
        let mut limit = ErrorLimit::default();
        let mut sent = |at: u64, asked: u32| (0..asked).filter(|_| limit.admits(Instant(at))).count();
        for (at, asked, admitted) in
            [(0, 15, 10), (99_999, 1, 0), (100_000, 2, 1), (600_000, 9, 5), (60_000_000, 20, 10)]
        {
            assert_eq!(sent(at, asked), admitted, "{asked} at {at}");
        }
    }
}
