//! Points in time as the caller counts them.

use core::fmt;
use core::ops::{Add, AddAssign, Sub};
use core::time::Duration;

/// Microseconds from an origin of the caller's choice. The stack reads no clock: each event brings its `now`.
///
/// Arithmetic saturates: an instant beyond the end of time never comes, which is what a timer set that far means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(pub u64);

impl Instant {
    /// The origin.
    pub const ORIGIN: Self = Self(0);

    /// Microseconds since the origin.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the origin.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0 / 1_000
    }

    /// Time from `earlier` to `self`; zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// An instant, or none, in the octets of one: of an `Option<Instant>` half would say which it is. The end of time, which never
/// comes, stands for none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sometime(Instant);

impl Sometime {
    /// None.
    pub(crate) const NEVER: Self = Self(Instant(u64::MAX));

    pub(crate) const fn at(at: Instant) -> Self {
        Self(at)
    }

    pub(crate) fn get(self) -> Option<Instant> {
        (self != Self::NEVER).then_some(self.0)
    }
}

impl Default for Sometime {
    fn default() -> Self {
        Self::NEVER
    }
}

impl From<Option<Instant>> for Sometime {
    fn from(at: Option<Instant>) -> Self {
        at.map_or(Self::NEVER, Self)
    }
}

impl fmt::Debug for Sometime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(micros))
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// As [`Instant::since`].
    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let table = [
            (Instant(5) + Duration::from_micros(7), Instant(12)),
            (Instant(u64::MAX - 1) + Duration::from_secs(1), Instant(u64::MAX)),
            (Instant(0) + Duration::MAX, Instant(u64::MAX)),
            (Instant(5) - Duration::from_micros(7), Instant(0)),
            (Instant(9) - Duration::from_micros(7), Instant(2)),
        ];
        for (got, expected) in table {
            assert_eq!(got, expected);
        }
    }

    #[test]
    fn difference_is_never_negative() {
        assert_eq!(Instant(10) - Instant(4), Duration::from_micros(6));
        assert_eq!(Instant(4).since(Instant(10)), Duration::ZERO);
        assert_eq!((Instant(3_999).millis(), Instant(3_999).micros()), (3, 3_999));
    }
}
