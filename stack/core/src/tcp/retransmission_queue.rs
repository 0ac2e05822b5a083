//! Segments that were sent and not entirely acknowledged, in sequence order (RFC 9293 3.4, 3.10.8), each with what the
//! sender knows of it: the scoreboard of RFC 6675 2.
//!
//! A segment is found by binary search, and what is in flight is counted as marks change, so that no event walks the queue
//! without need.

use crate::seq::SeqNum;
use crate::time::Instant;
use alloc::collections::VecDeque;

/// One segment as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) seq: SeqNum,
    /// Octets of text.
    pub(crate) text: u32,
    /// When it was last sent.
    pub(crate) at: Instant,
    pub(crate) syn: bool,
    pub(crate) fin: bool,
    pub(crate) psh: bool,
    /// It was sent more than once, so an ACK of it gives no round-trip sample (Karn, RFC 6298 3).
    pub(crate) repeated: bool,
    /// The peer has reported it in a SACK block.
    pub(crate) sacked: bool,
    /// It is taken for lost. It stays so when it is sent again: what is gone is the copy before.
    pub(crate) lost: bool,
    /// A retransmission of it is in the network.
    pub(crate) again: bool,
    /// It is a zero-window probe; sent again, it may grow to a whole segment.
    pub(crate) probe: bool,
}

impl Sent {
    /// `text` octets from `seq` on.
    pub(crate) const fn text(seq: SeqNum, text: u32, at: Instant) -> Self {
        Self {
            seq,
            text,
            at,
            syn: false,
            fin: false,
            psh: false,
            repeated: false,
            sacked: false,
            lost: false,
            again: false,
            probe: false,
        }
    }

    /// A SYN or SYN,ACK.
    pub(crate) const fn syn(iss: SeqNum, at: Instant) -> Self {
        Self { syn: true, ..Self::text(iss, 0, at) }
    }

    /// SEG.LEN.
    pub(crate) const fn len(&self) -> u32 {
        self.text + self.syn as u32 + self.fin as u32
    }

    pub(crate) const fn end(&self) -> SeqNum {
        self.seq.plus(self.len())
    }

    /// Whether it is to be sent again.
    const fn waits(&self) -> bool {
        self.lost && !self.again && !self.sacked
    }
}

/// A number of segments and of their octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) segments: u32,
    pub(crate) octets: u32,
}

impl Tally {
    const fn add(&mut self, counted: bool, octets: u32) {
        if counted {
            self.segments += 1;
            self.octets += octets;
        }
    }

    const fn remove(&mut self, counted: bool, octets: u32) {
        if counted {
            self.segments -= 1;
            self.octets -= octets;
        }
    }
}

/// What an acknowledgment removed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Acknowledged {
    /// When the oldest removed segment was sent, if none of the removed was sent twice.
    pub(crate) sample_since: Option<Instant>,
    /// Whether a segment that was sent twice is among the removed.
    pub(crate) any_repeated: bool,
}

/// The queue.
#[derive(Debug, Clone, Default)]
pub(crate) struct RetransmissionQueue {
    segments: VecDeque<Sent>,
    /// All of it.
    out: Tally,
    sacked: Tally,
    lost: Tally,
    again: Tally,
    /// No segment below waits to be sent again.
    none_waits_below: SeqNum,
}

impl RetransmissionQueue {
    pub(crate) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.segments.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Sent> {
        self.segments.iter()
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

    /// Segments that are taken for lost, sent again since or not.
    pub(crate) const fn lost(&self) -> u32 {
        self.lost.segments
    }

    /// Segments of which a retransmission is in the network.
    pub(crate) const fn retransmitted(&self) -> u32 {
        self.again.segments
    }

    /// What is in flight: each segment that is neither selectively acknowledged nor taken for lost, and each retransmission
    /// (Pipe of RFC 6675 4).
    pub(crate) const fn pipe(&self) -> Tally {
        Tally {
            segments: self.out.segments - self.sacked.segments - self.lost.segments + self.again.segments,
            octets: self.out.octets - self.sacked.octets - self.lost.octets + self.again.octets,
        }
    }

    pub(crate) fn push(&mut self, sent: Sent) {
        debug_assert!(self.segments.back().is_none_or(|last| last.end() == sent.seq), "a gap in the queue");
        if self.segments.is_empty() {
            self.none_waits_below = sent.seq;
        }
        self.count(&sent);
        self.segments.push_back(sent);
    }

    fn count(&mut self, sent: &Sent) {
        let octets = sent.len();
        self.out.add(true, octets);
        self.sacked.add(sent.sacked, octets);
        self.lost.add(sent.lost, octets);
        self.again.add(sent.again, octets);
    }

    fn uncount(&mut self, sent: &Sent) {
        let octets = sent.len();
        self.out.remove(true, octets);
        self.sacked.remove(sent.sacked, octets);
        self.lost.remove(sent.lost, octets);
        self.again.remove(sent.again, octets);
    }

    /// Index of the first segment that ends above `seq`.
    fn index_of(&self, seq: SeqNum) -> usize {
        self.segments.partition_point(|sent| sent.end().le(seq))
    }

    /// Changes one segment; every change of a counted mark or of a length passes here.
    fn change(&mut self, index: usize, change: impl FnOnce(&mut Sent)) {
        let before = self.segments[index];
        self.uncount(&before);
        change(&mut self.segments[index]);
        let after = self.segments[index];
        self.count(&after);
        if after.waits() {
            self.none_waits_below = self.none_waits_below.earlier(after.seq);
        }
    }

    /// Removes what lies below `una` entirely, and trims a segment that it ends in.
    pub(crate) fn acknowledge(&mut self, una: SeqNum) -> Acknowledged {
        let mut removed = Acknowledged::default();
        while let Some(&front) = self.segments.front() {
            if front.end().gt(una) {
                if front.seq.lt(una) {
                    let octets = front.seq.distance(una);
                    self.change(0, |front| {
                        front.text -= octets - u32::from(front.syn);
                        front.syn = false;
                        front.seq = una;
                    });
                }
                break;
            }
            removed.any_repeated |= front.repeated;
            removed.sample_since.get_or_insert(front.at);
            self.uncount(&front);
            self.segments.pop_front();
        }
        if removed.any_repeated {
            removed.sample_since = None;
        }
        self.none_waits_below = self.none_waits_below.later(una);
        removed
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

    fn mark_lost_if(&mut self, is_lost: impl Fn(&Sent) -> bool) {
        for index in 0..self.segments.len() {
            if is_lost(&self.segments[index]) {
                self.mark_lost(index);
            }
        }
    }

    /// The first segment that waits to be sent again, cut to `most` octets of text; the rest waits as a segment of its own.
    pub(crate) fn first_lost(&mut self, most: u32) -> Option<Sent> {
        if self.lost.segments == 0 {
            return None;
        }
        let from = self.index_of(self.none_waits_below);
        let Some(index) = (from..self.segments.len()).find(|index| self.segments[*index].waits()) else {
            self.none_waits_below = self.segments.back()?.end();
            return None;
        };
        self.none_waits_below = self.segments[index].seq;
        if self.segments[index].text > most {
            self.cut(index, most);
        }
        self.segments.get(index).copied()
    }

    /// Makes two segments of one, `text` octets in the first.
    fn cut(&mut self, index: usize, text: u32) {
        let whole = self.segments[index];
        self.change(index, |head| {
            head.text = text;
            head.fin = false;
            head.psh = false;
        });
        let head = self.segments[index];
        let tail = Sent { seq: head.end(), text: whole.text - text, syn: false, ..whole };
        self.count(&tail);
        self.segments.insert(index + 1, tail);
    }

    /// The segment at `seq` is sent again now.
    pub(crate) fn repeated(&mut self, seq: SeqNum, now: Instant) {
        let index = self.index_of(seq);
        if self.segments.get(index).is_some_and(|sent| sent.seq == seq) {
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
                back.psh = psh;
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
            assert!(!sent.waits() || sent.seq.ge(self.none_waits_below), "{} waits unseen", sent.seq);
        }
        assert_eq!(
            (self.out, self.sacked, self.lost, self.again),
            (counted.out, counted.sacked, counted.lost, counted.again)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(seq: u32, text: u32) -> Sent {
        Sent::text(SeqNum(seq), text, Instant(u64::from(seq)))
    }

    #[test]
    fn acknowledgment_inside_a_segment_trims_it() {
        let mut queue = RetransmissionQueue::default();
        queue.push(Sent { syn: true, ..sent(10, 5) });
        queue.push(Sent { fin: true, ..sent(16, 4) });
        assert_eq!(queue.acknowledge(SeqNum(13)).sample_since, None);
        assert_eq!(queue.front(), Some(&Sent { seq: SeqNum(13), text: 3, at: Instant(10), ..sent(13, 3) }));
        assert_eq!(queue.acknowledge(SeqNum(20)).sample_since, Some(Instant(10)));
        assert_eq!(queue.front().map(Sent::len), Some(1), "the FIN is left");
        assert_eq!(queue.pipe(), Tally { segments: 1, octets: 1 });
        queue.check();
    }

    #[test]
    fn repeated_segment_gives_no_sample() {
        let mut queue = RetransmissionQueue::default();
        queue.push(sent(0, 10));
        queue.push(Sent { repeated: true, ..sent(10, 10) });
        let acknowledged = queue.acknowledge(SeqNum(20));
        assert_eq!(acknowledged.sample_since, None);
        assert!(acknowledged.any_repeated);
    }

    #[test]
    fn lost_segment_is_cut_to_the_segment_size() {
        let mut queue = RetransmissionQueue::default();
        queue.push(Sent { fin: true, psh: true, ..sent(0, 10) });
        queue.mark_all_lost();
        let head = queue.first_lost(4);
        assert_eq!(head.map(|head| (head.text, head.fin, head.psh)), Some((4, false, false)));
        assert_eq!(
            queue.back().map(|tail| (tail.seq, tail.text, tail.fin, tail.psh)),
            Some((SeqNum(4), 6, true, true))
        );
        assert_eq!(queue.pipe(), Tally::default());
        queue.check();
    }

    #[test]
    fn lost_segments_leave_the_pipe_and_their_retransmissions_enter_it() {
        let mut queue = RetransmissionQueue::default();
        for seq in 0..5 {
            queue.push(sent(seq * 10, 10));
        }
        queue.mark_all_lost();
        assert_eq!(queue.pipe().segments, 0);
        for seq in [0, 10] {
            assert_eq!(queue.first_lost(10).map(|sent| sent.seq), Some(SeqNum(seq)));
            queue.repeated(SeqNum(seq), Instant(100));
            queue.check();
        }
        assert_eq!(queue.pipe(), Tally { segments: 2, octets: 20 });
        queue.mark_front_lost();
        assert_eq!(queue.first_lost(10).map(|sent| sent.seq), Some(SeqNum(0)), "lost once more");
        queue.acknowledge(SeqNum(15));
        assert_eq!(queue.first_lost(10).map(|sent| sent.seq), Some(SeqNum(20)));
        assert_eq!(queue.pipe(), Tally { segments: 1, octets: 5 });
        queue.check();
    }
}
