//! Segments that were sent and not entirely acknowledged, in sequence order (RFC 9293 3.4, 3.10.8), each with what the
//! sender knows of it: the scoreboard of RFC 6675 2.
//!
//! A segment is found by binary search, and what is in flight is counted as marks change, so that no event walks the queue
//! without need.

mod sent;
mod trains;

pub(crate) use sent::{Psh, Sent, Tally};

use super::runs::Runs;
use super::steps::Steps;
use crate::seq::SeqNum;
use crate::time::Instant;
use alloc::boxed::Box;
use alloc::collections::VecDeque;

/// What an acknowledgment removed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Acknowledged {
    /// When the oldest removed segment was sent, if none of the removed was sent twice.
    pub(crate) sample_since: Option<Instant>,
    /// Whether a segment that was sent twice is among the removed.
    pub(crate) any_repeated: bool,
    /// Segments that were removed.
    pub(crate) segments: u32,
    /// The acknowledgment ends inside a segment: the octets that it had.
    pub(crate) cut: Option<u32>,
    /// Segments among them that no SACK block had reported before.
    pub(crate) delivered: u32,
}

/// What is to become of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It is lost.
    Lost,
    /// It is not, or not yet.
    Stays,
    /// It is not, and none above it.
    Enough,
}

/// The queue.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct RetransmissionQueue {
    segments: VecDeque<Sent>,
    /// All of it.
    out: Tally,
    /// Kept while some segment is marked.
    marks: Option<Box<Marks>>,
}

/// What is known of segments beyond that they were sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Marks {
    sacked: Tally,
    lost: Tally,
    again: Tally,
    /// No segment below waits to be sent again; none at all if there is no number.
    waits_from: Option<SeqNum>,
    /// What the peer has reported in SACK blocks above SND.UNA.
    runs: Runs,
    /// Octets of the first segment's text that were acknowledged, but for those with the end of another of its train.
    cut: u32,
    /// Segments that were looked at one by one.
    steps: Steps,
}

impl RetransmissionQueue {
    pub(crate) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.segments.len()
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Sent> {
        self.segments.iter().inspect(|_| self.looked_at(1))
    }

    /// Segments that were looked at one by one since one is marked.
    pub(crate) fn steps(&self) -> u32 {
        self.marks().steps.count()
    }

    fn looked_at(&self, segments: usize) {
        if let Some(marks) = &self.marks {
            marks.steps.add(segments);
        }
    }

    pub(crate) fn front(&self) -> Option<&Sent> {
        self.segments.front()
    }

    /// The last segment.
    pub(crate) fn back(&self) -> Option<&Sent> {
        self.segments.back()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Segments that the peer has reported in SACK blocks.
    pub(crate) fn sacked(&self) -> u32 {
        self.marks().sacked.segments
    }

    /// What the peer has reported in SACK blocks.
    pub(crate) fn runs(&self) -> &Runs {
        &self.marks().runs
    }

    fn marks(&self) -> &Marks {
        static NONE: Marks = Marks {
            sacked: Tally { segments: 0, octets: 0 },
            lost: Tally { segments: 0, octets: 0 },
            again: Tally { segments: 0, octets: 0 },
            waits_from: None,
            runs: Runs::new(),
            cut: 0,
            steps: Steps::new(),
        };
        self.marks.as_deref().unwrap_or(&NONE)
    }

    /// An empty queue gives its memory back: after the handshake it may stay empty for long.
    pub(crate) fn release(&mut self) {
        if self.segments.is_empty() {
            self.segments.shrink_to_fit();
        }
    }

    /// Segments that are taken for lost, sent again since or not.
    pub(crate) fn lost(&self) -> u32 {
        self.marks().lost.segments
    }

    /// Segments of which a retransmission is in the network.
    pub(crate) fn retransmitted(&self) -> u32 {
        self.marks().again.segments
    }

    /// What is in flight: each segment that is neither selectively acknowledged nor taken for lost, and each retransmission
    /// (Pipe of RFC 6675 4).
    pub(crate) fn pipe(&self) -> Tally {
        let Marks { sacked, lost, again, .. } = self.marks();
        Tally {
            segments: self.out.segments - sacked.segments - lost.segments + again.segments,
            octets: self.out.octets - sacked.octets - lost.octets + again.octets,
        }
    }

    pub(crate) fn push(&mut self, sent: Sent) {
        debug_assert!(self.segments.back().is_none_or(|last| last.end() == sent.seq), "a gap in the queue");
        self.count(&sent);
        self.segments.push_back(sent);
    }

    fn count(&mut self, sent: &Sent) {
        let octets = sent.len();
        self.out.add(true, octets);
        if sent.is_marked() {
            let marks = self.marks.get_or_insert_default();
            marks.sacked.add(sent.sacked, octets);
            marks.lost.add(sent.lost, octets);
            marks.again.add(sent.again, octets);
            if sent.waits() {
                marks.waits_from = Some(marks.waits_from.map_or(sent.seq, |from| from.earlier(sent.seq)));
            }
        }
    }

    fn uncount(&mut self, sent: &Sent) {
        let octets = sent.len();
        self.out.remove(true, octets);
        if let Some(marks) = self.marks.as_mut().filter(|_| sent.is_marked()) {
            marks.sacked.remove(sent.sacked, octets);
            marks.lost.remove(sent.lost, octets);
            marks.again.remove(sent.again, octets);
        }
    }

    /// Index of the first segment that ends above `seq`.
    fn index_of(&self, seq: SeqNum) -> usize {
        self.segments.partition_point(|sent| sent.end().le(seq))
    }

    /// Changes one segment; every change of a counted mark or of a length passes here.
    fn change(&mut self, index: usize, change: impl FnOnce(&mut Sent)) {
        self.looked_at(1);
        let before = self.segments[index];
        self.uncount(&before);
        change(&mut self.segments[index]);
        let after = self.segments[index];
        self.count(&after);
    }

    /// Removes what lies below `una` entirely, and trims a segment that it ends in. `visit` sees each removed segment.
    pub(crate) fn acknowledge_each(&mut self, una: SeqNum, mut visit: impl FnMut(&Sent)) -> Acknowledged {
        let mut removed = Acknowledged::default();
        let mut train_goes_on = false;
        while let Some(&front) = self.segments.front() {
            if front.end().gt(una) {
                if front.seq.lt(una) {
                    let octets = front.seq.distance(una);
                    removed.cut = Some(front.text);
                    if !(front.syn || train_goes_on && front.psh != Psh::No) {
                        self.note_cut(octets);
                    }
                    self.change(0, |front| {
                        front.text -= octets - u32::from(front.syn);
                        front.syn = false;
                        front.seq = una;
                    });
                }
                break;
            }
            removed.any_repeated |= front.repeated;
            // A segment that a SACK block has reported gave its sample then.
            if !front.sacked {
                removed.sample_since.get_or_insert(front.at);
                removed.delivered += 1;
            }
            removed.segments += 1;
            self.forget_cut();
            train_goes_on = front.psh == Psh::No;
            self.looked_at(1);
            visit(&front);
            self.uncount(&front);
            self.segments.pop_front();
        }
        if removed.any_repeated {
            removed.sample_since = None;
        }
        if let Some(marks) = &mut self.marks {
            marks.waits_from = marks.waits_from.map(|from| from.later(una));
            marks.runs.drop_below(una);
            if self.segments.is_empty() {
                self.marks = None;
            }
        }
        removed
    }

    /// As [`RetransmissionQueue::acknowledge_each`], for whom the segments do not matter.
    pub(crate) fn acknowledge(&mut self, una: SeqNum) -> Acknowledged {
        self.acknowledge_each(una, |_| {})
    }

    /// The peer has reported `left` to `right`. `visit` sees each segment that is covered now and was not before, as it was
    /// before. A segment counts once all of it is covered.
    pub(crate) fn sack(&mut self, left: SeqNum, right: SeqNum, mut visit: impl FnMut(&Sent)) {
        let mut runs = core::mem::take(&mut self.marks.get_or_insert_default().runs);
        for (from, to) in runs.insert(left, right) {
            let run = runs.around(from);
            let mut index = self.index_of(from);
            self.looked_at(1);
            while let Some(&sent) = self.segments.get(index).filter(|sent| sent.seq.lt(to)) {
                self.looked_at(1);
                if !sent.sacked && sent.seq.ge(run.0) && sent.end().le(run.1) {
                    visit(&sent);
                    self.change(index, |sent| {
                        sent.sacked = true;
                        // A retransmission of what was not lost is still on its way.
                        sent.again &= !sent.lost;
                        sent.lost = false;
                    });
                }
                index += 1;
            }
        }
        self.marks.get_or_insert_default().runs = runs;
    }

    /// The retransmission of a segment that the peer has reported has arrived as well (D-SACK): none is in the network.
    pub(crate) fn repeated_arrived(&mut self, left: SeqNum, right: SeqNum, mut visit: impl FnMut(&Sent)) {
        let mut index = self.index_of(left);
        while let Some(&sent) = self.segments.get(index).filter(|sent| sent.end().le(right)) {
            self.looked_at(1);
            if sent.seq.ge(left) && sent.repeated {
                visit(&sent);
                self.change(index, |sent| sent.again &= sent.lost);
            }
            index += 1;
        }
    }

    /// What the peer has reported does not count any more (RFC 2018 8, RFC 6675 5.1). That it was reported once is remembered as if it
    /// had been sent twice: when it arrives nobody can tell, so that it measures no round trip (Karn), and a second report of it
    /// is no sign that a timeout was needless (RFC 5682 3.1 step 3a asks for text that was not reported before).
    pub(crate) fn forget_sacks(&mut self) {
        if let Some(marks) = &mut self.marks {
            marks.runs = Runs::default();
        }
        if self.sacked() == 0 {
            return;
        }
        for index in 0..self.segments.len() {
            self.change(index, |sent| {
                sent.repeated |= sent.sacked;
                sent.sacked = false;
            });
        }
    }

    /// Nothing is lost after all.
    pub(crate) fn unmark_lost(&mut self) {
        if self.lost() > 0 {
            for index in 0..self.segments.len() {
                self.change(index, |sent| sent.lost = false);
            }
        }
    }

    /// Takes every segment below `edge` that is not reported and not yet taken for lost for lost. Whether there was one.
    pub(crate) fn mark_lost_below(&mut self, edge: SeqNum) -> bool {
        let mut found = false;
        let mut index = 0;
        while let Some(sent) = self.segments.get(index).filter(|sent| sent.end().le(edge)) {
            self.looked_at(1);
            if sent.sacked {
                index = self.index_of(self.runs().around(sent.seq).1).max(index + 1);
                continue;
            }
            if !sent.lost {
                self.mark_lost(index);
                found = true;
            }
            index += 1;
        }
        found
    }

    /// Asks `judge` of each segment that is in the network, from the lowest on, until it says that those above need no
    /// question. Runs that the peer has reported are stepped over.
    pub(crate) fn judge(&mut self, mut judge: impl FnMut(&Sent) -> Judgement) -> bool {
        let mut found = false;
        let mut index = 0;
        while let Some(&sent) = self.segments.get(index) {
            self.looked_at(1);
            if sent.sacked {
                index = self.index_of(self.runs().around(sent.seq).1).max(index + 1);
                continue;
            }
            if !sent.waits() {
                match judge(&sent) {
                    Judgement::Lost => {
                        self.mark_lost(index);
                        found = true;
                    }
                    Judgement::Stays => {}
                    Judgement::Enough => return found,
                }
            }
            index += 1;
        }
        found
    }

    /// The first segment that is neither reported nor lost nor in the network a second time, and lies below `edge`: what
    /// RFC 6675's NextSeg sends by its third rule.
    pub(crate) fn first_in_hole(&self, edge: SeqNum) -> Option<Sent> {
        self.iter().take_while(|sent| sent.end().le(edge)).find(|sent| !sent.sacked && !sent.again).copied()
    }

    /// The last segment that is not reported.
    pub(crate) fn last_missing(&self) -> Option<Sent> {
        self.iter().rfind(|sent| !sent.sacked).copied()
    }

    fn mark_lost(&mut self, index: usize) {
        self.change(index, |sent| {
            if !sent.sacked {
                sent.lost = true;
                sent.again = false;
            }
        });
    }

    /// Takes every segment for lost (a timeout).
    pub(crate) fn mark_all_lost(&mut self) {
        for index in 0..self.segments.len() {
            self.mark_lost(index);
        }
    }

    /// Takes the front for lost (a fast retransmission).
    pub(crate) fn mark_front_lost(&mut self) {
        if !self.segments.is_empty() {
            self.mark_lost(0);
        }
    }

    /// Takes segments with more than `most` octets of text for lost (a smaller path MTU).
    pub(crate) fn mark_larger_lost(&mut self, most: u32) {
        self.mark_lost_if(|sent| sent.text > most);
    }

    /// Takes zero-window probes for lost: the window is open, so they may go again with more.
    pub(crate) fn mark_probes_lost(&mut self) {
        self.mark_lost_if(|sent| sent.probe);
    }

    /// Takes segments of which `is_lost` holds for lost.
    pub(crate) fn mark_lost_if(&mut self, is_lost: impl Fn(&Sent) -> bool) {
        self.looked_at(self.segments.len());
        for index in 0..self.segments.len() {
            if is_lost(&self.segments[index]) {
                self.mark_lost(index);
            }
        }
    }

    /// The first segment that waits to be sent again, cut to `most` octets of text; the rest waits as a segment of its own.
    pub(crate) fn first_lost(&mut self, most: u32) -> Option<Sent> {
        let index = self.first_waiting()?;
        if self.segments[index].text > most {
            self.cut(index, most);
        }
        self.segments.get(index).copied()
    }

    fn first_waiting(&mut self) -> Option<usize> {
        let from = self.index_of(self.marks().waits_from?);
        let found = (from..self.segments.len()).find(|index| self.segments[*index].waits());
        self.looked_at(found.unwrap_or(self.segments.len()) - from + 1);
        self.marks.as_mut()?.waits_from = found.map(|index| self.segments[index].seq);
        found
    }

    /// Makes two segments of one, `text` octets in the first.
    fn cut(&mut self, index: usize, text: u32) {
        let whole = self.segments[index];
        self.change(index, |head| {
            head.text = text;
            head.fin = false;
            head.psh = Psh::No;
        });
        let head = self.segments[index];
        let tail = Sent { seq: head.end(), text: whole.text - text, syn: false, ..whole };
        self.count(&tail);
        self.segments.insert(index + 1, tail);
    }

    /// The last segment, cut so that it has at most `most` octets of text.
    pub(crate) fn cut_back(&mut self, most: u32) -> Option<Sent> {
        let index = self.segments.len().checked_sub(1)?;
        let text = self.segments[index].text;
        if text > most {
            self.cut(index, (text - 1) / most * most);
        }
        self.back().copied()
    }

    /// Whether the segment that begins at `seq` waits to be sent again.
    pub(crate) fn waits_at(&self, seq: SeqNum) -> bool {
        let next = self.segments.get(self.index_of(seq));
        next.is_some_and(|next| next.seq == seq && next.waits())
    }

    /// Whether the front went again and something behind it waits to, since [`RetransmissionQueue::first_lost`] looked.
    pub(crate) fn waits_behind_front(&self) -> bool {
        let waits = self.marks.as_ref().is_some_and(|marks| marks.waits_from.is_some());
        waits && self.segments.front().is_some_and(|front| front.again)
    }

    /// A train of segments ends with the one at `seq`, from now on.
    pub(crate) fn end_train(&mut self, seq: SeqNum) {
        let index = self.index_of(seq);
        if let Some(sent) = self.segments.get_mut(index).filter(|sent| sent.psh == Psh::No) {
            sent.psh = Psh::Train;
        }
    }

    /// The segment at `seq` is sent again now.
    pub(crate) fn repeated(&mut self, seq: SeqNum, now: Instant) {
        let index = self.index_of(seq);
        if self.segments.get(index).is_some_and(|sent| sent.seq == seq) {
            if index == 0 {
                self.forget_cut();
            }
            self.change(index, |sent| {
                sent.at = now;
                sent.repeated = true;
                sent.again = true;
            });
        }
    }

    /// Adds `octets` to the last segment, which was a probe and is an ordinary one from now on.
    pub(crate) fn grow_back(&mut self, octets: u32, psh: bool) {
        if let Some(index) = self.segments.len().checked_sub(1) {
            self.change(index, |back| {
                back.text += octets;
                back.psh = if psh { Psh::Text } else { Psh::No };
                back.probe = false;
            });
        }
    }

    /// Asserts that the counts are those of the segments. It walks the queue, so tests call it.
    #[cfg(test)]
    pub(crate) fn check(&self) {
        let mut counted = Self::default();
        for sent in &self.segments {
            counted.count(sent);
            let seen = self.marks().waits_from.is_some_and(|from| sent.seq.ge(from));
            assert!(!sent.waits() || seen, "{} waits unseen", sent.seq);
        }
        let tallies = |queue: &Self| (queue.out, queue.marks().sacked, queue.marks().lost, queue.marks().again);
        assert_eq!(tallies(self), tallies(&counted));
    }
}

#[cfg(test)]
mod tests;
