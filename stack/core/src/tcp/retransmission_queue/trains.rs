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

    /// Takes trains of segments with more than `most` octets of text for lost (a smaller path MTU), each as one segment that is cut anew when it goes
    /// again.
    pub(crate) fn mark_larger_trains_lost(&mut self, most: u32) {
        let mut index = 0;
        while let Some(&first) = self.segments.get(index) {
            let size = first.text + if index == 0 { self.marks().cut } else { 0 };
            // What is left of a train may be less than a segment of it was.
            let rest = self.segments.range(index..index + self.train_from(index)).map(|sent| sent.text).sum();
            let size = if first.psh == Psh::No { size.min(rest) } else { size };
            if size > most && !first.sacked {
                self.join_train(index);
                self.mark_lost(index);
            }
            index += self.train_from(index);
        }
    }

    /// What is left at `seq` of a train that goes again in parts counts in segments of `size` from now on.
    pub(crate) fn count_rest(&mut self, seq: SeqNum, size: u32) {
        let mut index = self.index_of(seq);
        while self.segments.get(index).is_some_and(|rest| rest.waits() && rest.text > size) {
            self.cut(index, size);
            index += 1;
        }
    }

    /// The first train that waits is one segment again, if it was counted in larger ones than `size`.
    pub(crate) fn join_rest(&mut self, size: u32) {
        let Some(from) = self.marks().waits_from else { return };
        let index = self.index_of(from);
        if self.segments.get(index).is_some_and(|first| first.waits() && first.text > size) {
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
