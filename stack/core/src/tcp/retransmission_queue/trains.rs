//! Trains of segments that were handed down in one piece (Linux), when the path takes less.

use super::{Psh, RetransmissionQueue, Sent};
use crate::seq::SeqNum;

impl RetransmissionQueue {
    /// `octets` of the first segment's text were acknowledged, which is not the end of a train whose beginning was as well: it still counts for
    /// as large as it was, until it goes again.
    pub(super) fn note_cut(&mut self, octets: u32) {
        self.marks.get_or_insert_default().cut += octets;
    }

    /// There is another first segment, or it has gone again.
    pub(super) fn forget_cut(&mut self) {
        if let Some(marks) = &mut self.marks {
            marks.cut = 0;
        }
    }

    /// Takes trains of segments with more than `most` octets of text for lost (a smaller path MTU). Each counts for the segments that it had, until it
    /// goes again.
    pub(crate) fn mark_larger_trains_lost(&mut self, most: u32) {
        let mut index = 0;
        while let Some(&first) = self.segments.get(index) {
            let size = first.text + if index == 0 { self.marks().cut } else { 0 };
            // What is left of a train may be less than a segment of it was.
            let train = index..index + self.train_from(index);
            let rest = self.segments.range(train.clone()).map(|sent| sent.text).sum();
            let size = if first.psh == Psh::No { size.min(rest) } else { size };
            index = train.end;
            if size > most && !first.sacked {
                train.for_each(|part| self.mark_lost(part));
            }
        }
    }

    /// An ACK has ended inside the first segment: what is left of its train is cut anew into segments as large as that was. Returns by how many
    /// they have become fewer.
    pub(crate) fn recount_front(&mut self) -> u32 {
        let Some(&front) = self.segments.front() else { return 0 };
        let train = self.train_from(0);
        let alike = |part: &Sent| (part.lost, part.again) == (front.lost, front.again);
        if train < 2 || front.sacked || !self.segments.range(..train).all(alike) {
            return 0;
        }
        let largest = self.segments.range(..train).map(|part| part.text).max().unwrap_or(0);
        let (size, before) = (largest.max(front.text + self.marks().cut), self.segments.len());
        self.join_train(0);
        self.cut_all(0, size);
        self.forget_cut();
        // None is larger than `size`, so they are no more than they were.
        (before - self.segments.len()) as u32
    }

    /// Makes segments of `size` octets and a smaller one of the segment at `index`.
    fn cut_all(&mut self, mut index: usize, size: u32) {
        while self.segments[index].text > size {
            self.cut(index, size);
            index += 1;
        }
    }

    /// What is left at `seq` of a train that goes again in parts counts in segments of `size` from now on.
    pub(crate) fn count_rest(&mut self, seq: SeqNum, size: u32) {
        let index = self.index_of(seq);
        let is_cut = |part: &Sent| part.text == size;
        if self.segments.get(index).is_some_and(|rest| rest.waits() && !is_cut(rest)) || self.has_larger(index, size) {
            self.join_train(index);
            self.cut_all(index, size);
        }
    }

    /// Whether a segment of the train that waits at `index` is larger than `size`. Those behind the first, which may be what is left of one,
    /// are alike, but for the last: two looks tell.
    fn has_larger(&self, index: usize, size: u32) -> bool {
        let mut parts = self.segments.range(index.min(self.segments.len())..).take(2).take_while(|part| part.waits());
        let Some(first) = parts.next() else { return false };
        first.text > size || first.psh == Psh::No && parts.next().is_some_and(|second| second.text > size)
    }

    /// Makes one segment of the first train that waits, if one of its segments is larger than `size`: it is cut anew.
    pub(crate) fn join_waiting(&mut self, size: u32) {
        if let Some(index) = self.first_waiting()
            && self.has_larger(index, size)
        {
            self.join_train(index);
        }
    }

    /// Segments of the train that begins with this one.
    fn train_from(&self, index: usize) -> usize {
        let first = self.segments[index];
        let alike = |next: &&Sent| next.sacked == first.sacked && next.waits() == first.waits();
        let train = self.segments.range(index..).take_while(alike);
        let ends = train.clone().position(|sent| sent.syn || sent.psh != Psh::No);
        ends.map_or(train.count(), |last| last + 1)
    }

    /// Makes one segment of them.
    fn join_train(&mut self, index: usize) {
        for _ in 1..self.train_from(index) {
            let Some(next) = self.segments.remove(index + 1) else { return };
            self.uncount(&next);
            self.change(index, |whole| {
                whole.text += next.text;
                (whole.fin, whole.psh) = (next.fin, next.psh);
                whole.repeated |= next.repeated;
            });
        }
    }
}
