//! What a peer has reported in SACK blocks: runs of sequence numbers, in order, none touching another (RFC 6675 2).

use crate::seq::SeqNum;
use alloc::vec::Vec;

/// The runs, each from its first number to the one after its last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Runs(Vec<(SeqNum, SeqNum)>);

impl Runs {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// The number after the highest reported one.
    pub(crate) fn highest(&self) -> Option<SeqNum> {
        self.0.last().map(|run| run.1)
    }

    /// Index of the first run that ends at or above `seq`.
    fn index_of(&self, seq: SeqNum) -> usize {
        self.0.partition_point(|run| run.1.lt(seq))
    }

    /// The run that `seq` lies in; an empty one at `seq` if it lies in none.
    pub(crate) fn around(&self, seq: SeqNum) -> (SeqNum, SeqNum) {
        let index = self.0.partition_point(|run| run.1.le(seq));
        self.0.get(index).copied().filter(|run| run.0.le(seq)).unwrap_or((seq, seq))
    }

    /// Adds `left` to `right`. The parts of it that were not there before.
    pub(crate) fn insert(&mut self, left: SeqNum, right: SeqNum) -> Vec<(SeqNum, SeqNum)> {
        let mut fresh = Vec::new();
        let first = self.index_of(left);
        let mut after = first;
        let (mut start, mut end, mut at) = (left, right, left);
        while let Some(run) = self.0.get(after).filter(|run| run.0.le(right)) {
            if run.0.gt(at) {
                fresh.push((at, run.0));
            }
            at = at.later(run.1);
            start = start.earlier(run.0);
            end = end.later(run.1);
            after += 1;
        }
        if at.lt(right) {
            fresh.push((at, right));
        }
        self.0.splice(first..after, [(start, end)]);
        fresh
    }

    /// Forgets what lies below `una`.
    pub(crate) fn drop_below(&mut self, una: SeqNum) {
        let gone = self.0.partition_point(|run| run.1.le(una));
        if gone > 0 {
            self.0.drain(..gone);
        }
        if let Some(run) = self.0.first_mut() {
            run.0 = run.0.later(una);
        }
    }

    /// Below which number everything that is not reported is lost (IsLost of RFC 6675 4): `threshold` runs lie above it, or
    /// more than `threshold - 1` segments of `smss` octets.
    pub(crate) fn lost_below(&self, threshold: u32, smss: u32) -> Option<SeqNum> {
        let (mut runs, mut octets) = (0, 0);
        for run in self.0.iter().rev() {
            runs += 1;
            octets += run.0.distance(run.1);
            if runs >= threshold || octets > (threshold - 1).saturating_mul(smss) {
                return Some(run.0);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    type Numbers = (u32, u32);

    fn seq(runs: &[Numbers]) -> Vec<(SeqNum, SeqNum)> {
        runs.iter().map(|run| (SeqNum(run.0), SeqNum(run.1))).collect()
    }

    #[test]
    fn insertion_joins_and_tells_what_is_new() {
        let mut runs = Runs::default();
        let table: [(Numbers, &[Numbers], &[Numbers]); 6] = [
            ((10, 20), &[(10, 20)], &[(10, 20)]),
            ((30, 40), &[(30, 40)], &[(10, 20), (30, 40)]),
            ((10, 20), &[], &[(10, 20), (30, 40)]),
            ((20, 25), &[(20, 25)], &[(10, 25), (30, 40)]),
            ((5, 50), &[(5, 10), (25, 30), (40, 50)], &[(5, 50)]),
            ((60, 61), &[(60, 61)], &[(5, 50), (60, 61)]),
        ];
        for (block, fresh, all) in table {
            assert_eq!(runs.insert(SeqNum(block.0), SeqNum(block.1)), seq(fresh), "{block:?}");
            assert_eq!(runs.0, seq(all), "{block:?}");
        }
        assert_eq!(runs.around(SeqNum(7)), (SeqNum(5), SeqNum(50)));
        assert_eq!(runs.around(SeqNum(50)), (SeqNum(50), SeqNum(50)));
        runs.drop_below(SeqNum(20));
        assert_eq!(runs.0, seq(&[(20, 50), (60, 61)]));
        runs.drop_below(SeqNum(50));
        assert_eq!((runs.0.as_slice(), runs.highest()), (seq(&[(60, 61)]).as_slice(), Some(SeqNum(61))));
    }

    #[test]
    fn random_blocks_agree_with_one_mark_per_octet() {
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let base = SeqNum(0_u32.wrapping_sub(64));
            let mut marks = [false; 128];
            let mut runs = Runs::default();
            for _ in 0..30 {
                let left = random.next_u32() % 120;
                let right = left + 1 + random.next_u32() % 8;
                let fresh = runs.insert(base.plus(left), base.plus(right));
                let mut new = 0;
                for at in left..right {
                    new += u32::from(!core::mem::replace(&mut marks[at as usize], true));
                }
                assert_eq!(fresh.iter().map(|part| part.0.distance(part.1)).sum::<u32>(), new, "seed {seed}");
                let held: u32 = runs.0.iter().map(|run| run.0.distance(run.1)).sum();
                assert_eq!(held as usize, marks.iter().filter(|mark| **mark).count(), "seed {seed}");
                assert!(runs.0.windows(2).all(|pair| pair[0].1.lt(pair[1].0)), "seed {seed}: runs touch");
            }
        }
    }

    #[test]
    fn lost_is_what_lies_below_three_runs_or_more_than_two_segments() {
        // Runs, and below what everything else is lost with DupThresh 3 and 1000 octets per segment (RFC 6675 4).
        let table: [(&[Numbers], Option<u32>); 6] = [
            (&[(1000, 2000)], None),
            (&[(1000, 3000)], None),
            (&[(1000, 3001)], Some(1000)),
            (&[(1000, 1001), (2000, 2001)], None),
            (&[(1000, 1001), (2000, 2001), (3000, 3001)], Some(1000)),
            (&[(1000, 2000), (5000, 8000)], Some(5000)),
        ];
        for (blocks, expected) in table {
            let runs = Runs(seq(blocks));
            assert_eq!(runs.lost_below(3, 1000), expected.map(SeqNum), "{blocks:?}");
        }
    }
}
