//! Text that arrived ahead of RCV.NXT, in sequence order (RFC 9293 3.10.7.4, SHLD-31), and what SACK says of it (RFC 2018).
//!
//! Of text that arrives twice the first arrival stands, so only new octets are stored.

use super::reports::Reports;
use super::segment_tree::Held;
use super::steps::Steps;
use crate::seq::SeqNum;
use crate::wire::tcp::SackBlocks;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// One run of octets without a gap.
#[derive(Debug, Clone, PartialEq)]
struct Run {
    start: SeqNum,
    octets: Vec<u8>,
    /// Higher is later: when the run last grew.
    touched: u64,
}

impl Run {
    fn end(&self) -> SeqNum {
        self.start.plus(self.octets.len() as u32)
    }
}

/// FINs that are kept at the most: a peer has one, and whoever sends more is not to be remembered for ever.
const MOST_FINS: usize = 32;

/// What waits: runs in sequence order, none touching another.
#[derive(Debug, Clone, Default, PartialEq)]
struct Waiting {
    runs: Vec<Run>,
    arrivals: u64,
    /// Sequence numbers of FINs that came ahead of text, of which only Linux keeps more than one, and when they came, counted as
    /// `Run::touched`.
    fins: Vec<(SeqNum, u64)>,
    /// What was reported of it, where that is remembered.
    reports: Reports,
    /// Runs that were looked at.
    steps: Steps,
}

/// The reassembly queue, which is there only while something waits.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Reassembly(Option<Box<Waiting>>);

impl Reassembly {
    fn runs(&self) -> &[Run] {
        self.0.as_deref().map_or(&[], |waiting| &waiting.runs)
    }

    /// The runs, each counted as it is looked at.
    fn walk(&self) -> impl Iterator<Item = &Run> {
        self.runs().iter().inspect(|_| self.count(1))
    }

    /// Runs that wait.
    pub(crate) fn len(&self) -> usize {
        self.runs().len()
    }

    /// Runs that were looked at since something waits.
    pub(crate) fn steps(&self) -> u32 {
        self.0.as_ref().map_or(0, |waiting| waiting.steps.count())
    }

    fn count(&self, runs: usize) {
        if let Some(waiting) = &self.0 {
            waiting.steps.add(runs);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.runs().is_empty()
    }

    /// Whether neither text nor a FIN waits.
    pub(crate) fn holds_nothing(&self) -> bool {
        self.0.as_ref().is_none_or(|waiting| waiting.runs.is_empty() && waiting.fins.is_empty())
    }

    /// A segment ahead of RCV.NXT, for the blocks that are remembered. What of it has come before.
    pub(crate) fn remember(&mut self, segment: Held) -> Option<(SeqNum, SeqNum)> {
        self.0.get_or_insert_default().reports.arrived(segment)
    }

    /// A segment in order has brought RCV.NXT to `nxt`, for the blocks that are remembered. `duplicate`, with what of it came before.
    pub(crate) fn remember_taken(
        &mut self,
        nxt: SeqNum,
        duplicate: Option<(SeqNum, SeqNum)>,
    ) -> Option<(SeqNum, SeqNum)> {
        match &mut self.0 {
            Some(waiting) => waiting.reports.taken(nxt, duplicate),
            None => duplicate,
        }
    }

    /// The number behind the segment with FIN that was taken last, for connections whose blocks are remembered.
    pub(crate) fn remembered_fin_end(&self) -> Option<SeqNum> {
        self.0.as_ref()?.reports.fin_end()
    }

    /// RCV.NXT is `nxt`: what lies below it is not reported any more.
    pub(crate) fn forget_below(&mut self, nxt: SeqNum) {
        let nothing = self.holds_nothing();
        if let Some(waiting) = &mut self.0 {
            waiting.reports.forget_below(nxt);
        }
        if nothing {
            self.0 = None;
        }
    }

    /// The blocks that are remembered, the last one first.
    pub(crate) fn remembered(&self) -> &[(SeqNum, SeqNum)] {
        self.0.as_deref().map_or(&[], |waiting| waiting.reports.blocks())
    }

    /// What is not held any more goes; what was reported of it stays until [`Self::forget_below`].
    fn shrink(&mut self) {
        if self.holds_nothing() && self.remembered().is_empty() {
            self.0 = None;
        }
    }

    /// Octets held.
    #[cfg(test)]
    fn octets(&self) -> usize {
        self.runs().iter().map(|run| run.octets.len()).sum()
    }

    /// Start and end (exclusive) of what is held, in sequence order.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (SeqNum, SeqNum)> {
        self.walk().map(|run| (run.start, run.end()))
    }

    /// The first part of `left` to `right` that is held.
    pub(crate) fn overlap(&self, left: SeqNum, right: SeqNum) -> Option<(SeqNum, SeqNum)> {
        let (start, end) = self.ranges().find(|(start, end)| start.lt(right) && end.gt(left))?;
        Some((start.later(left), end.earlier(right)))
    }

    /// As [`Self::overlap`], with the numbers of FINs that wait.
    pub(crate) fn overlap_with_fins(&self, left: SeqNum, right: SeqNum) -> Option<(SeqNum, SeqNum)> {
        let ranges = self.ranges_with_fin();
        let parts = ranges.iter().filter(|(start, end, _)| start.lt(right) && end.gt(left));
        let first = parts.reduce(|one, two| if two.0.lt(one.0) { two } else { one })?;
        Some((first.0.later(left), first.1.earlier(right)))
    }

    /// What is held with the number of a FIN that waits, and when each part last grew.
    fn ranges_with_fin(&self) -> Vec<(SeqNum, SeqNum, u64)> {
        let mut ranges: Vec<_> = self.walk().map(|run| (run.start, run.end(), run.touched)).collect();
        for (fin, when) in self.0.iter().flat_map(|waiting| &waiting.fins) {
            let (mut start, mut end, mut touched) = (*fin, fin.plus(1), *when);
            // Text may lie on both sides of it, and over it.
            ranges.retain(|(left, right, when)| {
                let apart = right.lt(start) || left.gt(end);
                if !apart {
                    (start, end, touched) = (start.earlier(*left), end.later(*right), touched.max(*when));
                }
                apart
            });
            ranges.push((start, end, touched));
        }
        ranges
    }

    /// The end of the last of what waits, a FIN included.
    pub(crate) fn end(&self) -> Option<SeqNum> {
        self.ranges_with_fin().into_iter().map(|(_, end, _)| end).reduce(SeqNum::later)
    }

    /// The run that holds `left` to `right`. `with_fin`: the number of a FIN is like text.
    pub(crate) fn around(&self, left: SeqNum, right: SeqNum, with_fin: bool) -> Option<(SeqNum, SeqNum)> {
        if with_fin {
            let ranges = self.ranges_with_fin();
            return ranges.iter().find(|(start, end, _)| start.le(left) && end.ge(right)).map(|(a, b, _)| (*a, *b));
        }
        self.ranges().find(|(start, end)| start.le(left) && end.ge(right))
    }

    /// Keeps a FIN for when the text before it has come. The first one stands, unless `several` may.
    pub(crate) fn insert_fin(&mut self, at: SeqNum, several: bool) {
        let waiting = self.0.get_or_insert_default();
        if !waiting.fins.is_empty() && !several || waiting.fins.len() == MOST_FINS {
            return;
        }
        waiting.arrivals += 1;
        waiting.fins.retain(|(fin, _)| *fin != at);
        waiting.fins.push((at, waiting.arrivals));
    }

    /// Forgets the first FIN below `nxt`, whose number text has taken, and names its place.
    pub(crate) fn take_covered_fin(&mut self, nxt: SeqNum) -> Option<SeqNum> {
        self.take_fin(|fin| fin.lt(nxt))
    }

    /// Forgets the first FIN from `seq` on and below `end`, and names its place.
    pub(crate) fn take_fin_within(&mut self, seq: SeqNum, end: SeqNum) -> Option<SeqNum> {
        self.take_fin(|fin| fin.ge(seq) && fin.lt(end))
    }

    fn take_fin(&mut self, which: impl Fn(SeqNum) -> bool) -> Option<SeqNum> {
        let fins = &mut self.0.as_deref_mut()?.fins;
        let found = fins.iter().map(|(fin, _)| *fin).filter(|fin| which(*fin)).reduce(SeqNum::earlier);
        fins.retain(|(fin, _)| Some(*fin) != found);
        self.shrink();
        found
    }

    /// Whether a FIN waits exactly at `nxt`.
    pub(crate) fn fin_at(&self, nxt: SeqNum) -> bool {
        self.0.as_ref().is_some_and(|waiting| waiting.fins.iter().any(|(fin, _)| *fin == nxt))
    }

    /// Keeps the octets of `text`, which begins at `seq`, that are not held yet. All numbers lie within one window.
    pub(crate) fn insert(&mut self, seq: SeqNum, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        let Waiting { runs, arrivals, steps, .. } = &mut **self.0.get_or_insert_default();
        *arrivals += 1;
        let end = seq.plus(text.len() as u32);
        // Runs that the text overlaps or touches become one with it.
        let first = runs.iter().position(|run| run.end().ge(seq)).unwrap_or(runs.len());
        let after = runs.iter().rposition(|run| run.start.le(end)).map_or(first, |last| last + 1).max(first);
        steps.add(runs.len() + after - first);
        let mut merged = Run { start: seq, octets: Vec::new(), touched: *arrivals };
        let mut at = seq;
        for run in runs.drain(first..after) {
            if merged.octets.is_empty() && run.start.le(at) {
                merged.start = run.start;
            } else {
                let from = seq.distance(at) as usize;
                let to = seq.distance(run.start) as usize;
                merged.octets.extend_from_slice(&text[from..to]);
            }
            at = run.end();
            merged.octets.extend_from_slice(&run.octets);
        }
        if at.lt(end) {
            merged.octets.extend_from_slice(&text[seq.distance(at) as usize..]);
        }
        runs.insert(first, merged);
    }

    /// Takes the octets that follow `nxt` without a gap, dropping what lies below it.
    pub(crate) fn take(&mut self, nxt: SeqNum) -> Option<Vec<u8>> {
        let mut taken = None;
        if let Some(Waiting { runs, steps, .. }) = self.0.as_deref_mut() {
            while taken.is_none() && runs.first().is_some_and(|run| run.start.le(nxt)) {
                steps.add(1);
                let mut run = runs.remove(0);
                if run.end().gt(nxt) {
                    run.octets.drain(..run.start.distance(nxt) as usize);
                    taken = Some(run.octets);
                }
            }
        }
        self.shrink();
        taken
    }

    /// At most `most` SACK blocks, the run that grew last first (RFC 2018 4). `with_fin`: the number of a FIN is like text.
    pub(crate) fn sack_blocks(&self, most: usize, with_fin: bool) -> SackBlocks {
        if with_fin {
            let mut ranges = self.ranges_with_fin();
            ranges.sort_by_key(|(.., touched)| core::cmp::Reverse(*touched));
            let mut blocks = SackBlocks::default();
            for (left, right, _) in ranges.into_iter().take(most) {
                blocks.push(left, right);
            }
            return blocks;
        }
        let mut runs: Vec<&Run> = self.walk().collect();
        runs.sort_by_key(|run| core::cmp::Reverse(run.touched));
        let mut blocks = SackBlocks::default();
        for run in runs.into_iter().take(most) {
            blocks.push(run.start, run.end());
        }
        blocks
    }

    pub(crate) fn clear(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use alloc::vec;

    /// One slot per octet: the naive model.
    struct Model {
        base: SeqNum,
        slots: Vec<Option<u8>>,
        taken: usize,
    }

    impl Model {
        fn insert(&mut self, offset: usize, text: &[u8]) {
            for (slot, octet) in self.slots[offset..].iter_mut().zip(text) {
                slot.get_or_insert(*octet);
            }
        }

        fn take(&mut self) -> Vec<u8> {
            let run: Vec<u8> = self.slots[self.taken..].iter().map_while(|slot| *slot).collect();
            self.taken += run.len();
            run
        }

        fn held(&self) -> usize {
            self.slots[self.taken..].iter().flatten().count()
        }
    }

    #[test]
    fn random_overlapping_segments_agree_with_the_naive_model() {
        // Miri is some hundred times slower than the machine.
        for seed in 0..if cfg!(miri) { 4 } else { 500 } {
            let mut random = Random::new(seed);
            // Begins near the wrap of sequence numbers.
            let base = SeqNum(0_u32.wrapping_sub(100));
            let mut model = Model { base, slots: vec![None; 300], taken: 0 };
            let mut reassembly = Reassembly::default();
            for _ in 0..40 {
                let offset = model.taken + random.next_u32() as usize % (280 - model.taken.min(270));
                let length = 1 + random.next_u32() as usize % 20;
                let length = length.min(300_usize.saturating_sub(offset));
                if length == 0 {
                    continue;
                }
                // Contents differ between overlapping arrivals, so that it shows which one stood.
                let text: Vec<u8> = (0..length).map(|_| random.next_u32() as u8).collect();
                model.insert(offset, &text);
                reassembly.insert(base.plus(offset as u32), &text);
                assert_eq!(reassembly.octets(), model.held(), "seed {seed}");
                for pair in reassembly.runs().windows(2) {
                    assert!(pair[0].end().lt(pair[1].start), "seed {seed}: runs touch");
                }
                if random.next_u32().is_multiple_of(3) {
                    let nxt = model.base.plus(model.taken as u32);
                    assert_eq!(reassembly.take(nxt).unwrap_or_default(), model.take(), "seed {seed}");
                }
            }
        }
    }

    #[test]
    fn sack_names_the_latest_run_first() {
        let mut reassembly = Reassembly::default();
        reassembly.insert(SeqNum(100), &[0; 10]);
        reassembly.insert(SeqNum(300), &[0; 10]);
        reassembly.insert(SeqNum(200), &[0; 10]);
        reassembly.insert(SeqNum(310), &[0; 5]);
        let blocks: Vec<(u32, u32)> =
            reassembly.sack_blocks(3, false).iter().map(|block| (block.left.0, block.right.0)).collect();
        assert_eq!(blocks, [(300, 315), (200, 210), (100, 110)]);
        assert_eq!(reassembly.sack_blocks(1, false).len(), 1);
    }
}
