//! The clock of a test: `CLOCK_MONOTONIC` since its start; the kernel's packet stamps are converted from `CLOCK_REALTIME`.

use halfopen_engine::sut::Micros;
use nix::sys::time::TimeValLike as _;
use nix::time::{ClockId, clock_gettime};

/// A reading that takes longer than this between its two clocks was preempted; nanoseconds.
const PREEMPTED: i64 = 5_000;

/// Zero is the start of the test.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// `CLOCK_MONOTONIC` at 0, nanoseconds.
    base: i64,
    /// Time of the last packet, on this clock; stamps never run backwards.
    last: Micros,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { base: monotonic(), last: 0 }
    }

    pub(super) fn now(&self) -> Micros {
        self.since(monotonic())
    }

    /// A `CLOCK_MONOTONIC` reading on this clock.
    pub(super) fn since(&self, monotonic: i64) -> Micros {
        (monotonic - self.base).div_euclid(1000)
    }

    /// A `CLOCK_REALTIME` stamp of the recent past on this clock.
    ///
    /// The offset between the clocks is read anew each time, so that a step of the host's time moves at most the packets that
    /// are under way, and those no further than between the packet before and now.
    pub(super) fn stamp(&mut self, realtime: i64) -> Micros {
        let (offset, now) = offset();
        let at = self.since(realtime - offset);
        self.last = at.clamp(self.last, self.since(now).max(self.last));
        self.last
    }
}

/// `CLOCK_REALTIME` minus `CLOCK_MONOTONIC`, and the latter; nanoseconds.
fn offset() -> (i64, i64) {
    let mut best = (i64::MAX, 0, 0);
    for _ in 0..4 {
        let before = monotonic();
        let real = nanoseconds(ClockId::CLOCK_REALTIME);
        let after = monotonic();
        best = best.min((after - before, real - before.midpoint(after), after));
        if best.0 < PREEMPTED {
            break;
        }
    }
    (best.1, best.2)
}

/// `CLOCK_MONOTONIC` in nanoseconds.
pub(super) fn monotonic() -> i64 {
    nanoseconds(ClockId::CLOCK_MONOTONIC)
}

fn nanoseconds(clock: ClockId) -> i64 {
    clock_gettime(clock).expect("Linux has this clock").num_nanoseconds()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_lie_between_the_last_one_and_now() {
        let mut clock = Clock::start();
        let real = nanoseconds(ClockId::CLOCK_REALTIME);
        let first = clock.stamp(real);
        assert!((0..1_000_000).contains(&first), "{first}");
        assert_eq!(clock.stamp(real - 5_000_000_000), first, "never backwards");
        let late = clock.stamp(real + 3_600_000_000_000);
        assert!(late <= clock.now(), "never in the future");
    }
}
