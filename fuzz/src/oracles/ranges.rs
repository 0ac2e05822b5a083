//! Sets of sequence numbers, few, whose buffer lives as long as a machine, so that following a connection allocates nothing.

use crate::datagram::{before, until};

const MOST: usize = 24;

/// Disjoint ranges, from the lowest on. They span less than half the circle of numbers, or there is no order.
#[derive(Debug, Clone, Default)]
pub struct Ranges {
    held: Vec<(u32, u32)>,
    /// There were more than fit, or numbers too far apart: nothing certain can be said.
    pub vague: bool,
}

impl Ranges {
    /// No numbers.
    pub fn clear(&mut self) {
        self.held.clear();
        self.vague = false;
    }

    /// The ranges.
    #[must_use]
    pub fn iter(&self) -> &[(u32, u32)] {
        &self.held
    }

    /// Adds `from` up to `to`.
    pub fn add(&mut self, from: u32, to: u32) {
        if from == to {
            return;
        }
        // What comes in order only lengthens the last range, most of the time.
        if let Some((left, right)) = self.held.last_mut()
            && *right == from
            && before(*left, to)
            && before(*right, to)
        {
            *right = to;
            return;
        }
        let (mut from, mut to) = (from, to);
        self.held.retain(|(left, right)| {
            if before(*right, from) || before(to, *left) {
                return true;
            }
            from = if before(*left, from) { *left } else { from };
            to = if before(to, *right) { *right } else { to };
            false
        });
        if self.held.len() == MOST {
            self.vague = true;
            return;
        }
        let place = self.held.iter().position(|(left, _)| before(from, *left)).unwrap_or(self.held.len());
        self.held.insert(place, (from, to));
    }

    /// How far the numbers go on from `from` without a gap.
    #[must_use]
    pub fn contiguous(&self, from: u32) -> u32 {
        let covering = self.iter().iter().find(|(left, right)| until(*left, from) && !before(*right, from));
        covering.map_or(from, |(_, right)| *right)
    }

    /// Whether all from `from` up to `to` are there.
    #[must_use]
    pub fn cover(&self, from: u32, to: u32) -> bool {
        !before(self.contiguous(from), to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_merge_and_keep_their_order() {
        for base in [0, u32::MAX - 25, (1 << 31) - 25] {
            let mut ranges = Ranges::default();
            let at = |offset: u32| base.wrapping_add(offset);
            for (from, to) in [(10, 20), (40, 50), (0, 5), (30, 40), (19, 25), (60, 60)] {
                ranges.add(at(from), at(to));
            }
            assert_eq!(ranges.iter(), [(at(0), at(5)), (at(10), at(25)), (at(30), at(50))]);
            assert_eq!(ranges.contiguous(at(0)), at(5));
            assert_eq!(ranges.contiguous(at(7)), at(7));
            assert!(ranges.cover(at(31), at(50)) && !ranges.cover(at(24), at(31)));
            assert!(!ranges.vague);
        }
    }

    #[test]
    fn too_many_ranges_are_vague() {
        let mut ranges = Ranges::default();
        for index in 0..30 {
            ranges.add(index * 10, index * 10 + 1);
        }
        assert!(ranges.vague);
    }
}
