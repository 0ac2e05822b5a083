//! Sequence numbers modulo 2^32 (RFC 9293 3.4).
//!
//! There is no `PartialOrd`: comparison modulo 2^32 is not transitive, so neither a sort nor a `max` over more than two
//! numbers means anything. `lt` and `gt` both hold between numbers exactly 2^31 apart; windows stay below 2^30
//! (RFC 7323 2.3), so that no valid comparison meets this case.

use core::fmt;
use core::ops::{Add, AddAssign, Sub};

/// A sequence or acknowledgment number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SeqNum(pub u32);

impl SeqNum {
    /// `self < other`.
    #[inline]
    #[must_use]
    pub const fn lt(self, other: Self) -> bool {
        (self.0.wrapping_sub(other.0) as i32) < 0
    }

    /// `self =< other`.
    #[inline]
    #[must_use]
    pub const fn le(self, other: Self) -> bool {
        self.0 == other.0 || self.lt(other)
    }

    /// `self > other`.
    #[inline]
    #[must_use]
    pub const fn gt(self, other: Self) -> bool {
        other.lt(self)
    }

    /// `self >= other`.
    #[inline]
    #[must_use]
    pub const fn ge(self, other: Self) -> bool {
        other.le(self)
    }

    /// `low =< self =< high` going forward from `low`. Exact over the whole circle, unlike `ge` and `le` together.
    #[inline]
    #[must_use]
    pub const fn between(self, low: Self, high: Self) -> bool {
        low.distance(self) <= low.distance(high)
    }

    /// `left =< self < left + size`: in a window of `size` octets, none when `size` is 0.
    #[inline]
    #[must_use]
    pub const fn in_window(self, left: Self, size: u32) -> bool {
        left.distance(self) < size
    }

    /// The number `octets` further on.
    #[inline]
    #[must_use]
    pub const fn plus(self, octets: u32) -> Self {
        Self(self.0.wrapping_add(octets))
    }

    /// The number `octets` back.
    #[inline]
    #[must_use]
    pub const fn minus(self, octets: u32) -> Self {
        Self(self.0.wrapping_sub(octets))
    }

    /// Octets from `self` forward to `to`, modulo 2^32: `iss.distance(snd_nxt)` is what was sent.
    #[inline]
    #[must_use]
    pub const fn distance(self, to: Self) -> u32 {
        to.0.wrapping_sub(self.0)
    }

    /// The later of two.
    #[inline]
    #[must_use]
    pub const fn later(self, other: Self) -> Self {
        if self.lt(other) { other } else { self }
    }

    /// The earlier of two.
    #[inline]
    #[must_use]
    pub const fn earlier(self, other: Self) -> Self {
        if other.lt(self) { other } else { self }
    }
}

impl Add<u32> for SeqNum {
    type Output = Self;

    #[inline]
    fn add(self, octets: u32) -> Self {
        self.plus(octets)
    }
}

impl AddAssign<u32> for SeqNum {
    #[inline]
    fn add_assign(&mut self, octets: u32) {
        *self = self.plus(octets);
    }
}

impl Sub<u32> for SeqNum {
    type Output = Self;

    #[inline]
    fn sub(self, octets: u32) -> Self {
        self.minus(octets)
    }
}

impl fmt::Debug for SeqNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for SeqNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests;
