//! The clock of a host: `CLOCK_MONOTONIC` in microseconds.

use halfopen_stack::Instant;
use nix::sys::time::TimeValLike as _;
use nix::time::{ClockId, clock_gettime};

/// Monotonic time, counted so that it was `origin` when the clock was started.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// `CLOCK_MONOTONIC` at the origin, nanoseconds.
    base: i64,
    origin: u64,
}

impl Clock {
    /// Starts at `origin` now.
    #[must_use]
    pub fn start(origin: Instant) -> Self {
        Self { base: monotonic(), origin: origin.micros() }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Instant {
        Instant(self.origin + ((monotonic() - self.base) / 1000).unsigned_abs())
    }

    /// Nanoseconds from now until `at`; 0 when it has come.
    #[must_use]
    pub fn until(&self, at: Instant) -> i64 {
        let due = at.micros().saturating_sub(self.origin).saturating_mul(1000);
        i64::try_from(due).unwrap_or(i64::MAX).saturating_sub(monotonic() - self.base).max(0)
    }
}

/// `CLOCK_MONOTONIC` in nanoseconds.
#[must_use]
pub fn monotonic() -> i64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).expect("Linux has this clock").num_nanoseconds()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_is_due_is_not_waited_for() {
        let clock = Clock::start(Instant(5_000_000));
        let now = clock.now();
        assert!(now >= Instant(5_000_000) && now < Instant(15_000_000));
        assert_eq!((clock.until(now), clock.until(Instant(0))), (0, 0));
        let later = clock.until(now + Duration::from_secs(100));
        assert!((90_000_000_000..=100_000_000_000).contains(&later), "{later}");
        assert!(clock.until(Instant(u64::MAX)) > 0);
    }
}
