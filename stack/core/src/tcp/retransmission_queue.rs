//! Segments that were sent and not entirely acknowledged, in sequence order (RFC 9293 3.4, 3.10.8).

use crate::seq::SeqNum;
use crate::time::Instant;
use alloc::collections::VecDeque;

/// One segment as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) seq: SeqNum,
    /// Octets of text.
    pub(crate) text: u32,
    pub(crate) syn: bool,
    pub(crate) fin: bool,
    pub(crate) psh: bool,
    /// When it was last sent.
    pub(crate) at: Instant,
    /// It was sent more than once, so an ACK of it gives no round-trip sample (Karn, RFC 6298 3).
    pub(crate) repeated: bool,
    /// It is taken for lost and not sent again since.
    pub(crate) lost: bool,
    /// It is a zero-window probe; sent again, it may grow to a whole segment.
    pub(crate) probe: bool,
}

impl Sent {
    /// A SYN or SYN,ACK.
    pub(crate) const fn syn(iss: SeqNum, at: Instant) -> Self {
        Self { seq: iss, text: 0, syn: true, fin: false, psh: false, at, repeated: false, lost: false, probe: false }
    }

    /// SEG.LEN.
    pub(crate) const fn len(&self) -> u32 {
        self.text + self.syn as u32 + self.fin as u32
    }

    pub(crate) const fn end(&self) -> SeqNum {
        self.seq.plus(self.len())
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

    pub(crate) fn push(&mut self, sent: Sent) {
        debug_assert!(self.segments.back().is_none_or(|last| last.end() == sent.seq), "a gap in the queue");
        self.segments.push_back(sent);
    }

    pub(crate) fn front(&self) -> Option<&Sent> {
        self.segments.front()
    }

    pub(crate) fn clear(&mut self) {
        self.segments.clear();
    }

    /// Octets in flight: sent, neither acknowledged nor taken for lost.
    pub(crate) fn pipe(&self) -> u32 {
        self.segments.iter().filter(|sent| !sent.lost).map(Sent::len).sum()
    }

    /// Segments in flight: sent, neither acknowledged nor taken for lost.
    pub(crate) fn in_flight(&self) -> u32 {
        self.segments.iter().filter(|sent| !sent.lost).count() as u32
    }

    /// Removes what lies below `una` entirely, and trims a segment that it ends in.
    pub(crate) fn acknowledge(&mut self, una: SeqNum) -> Acknowledged {
        let mut removed = Acknowledged::default();
        while let Some(front) = self.segments.front_mut() {
            if front.end().gt(una) {
                if front.seq.lt(una) {
                    let octets = front.seq.distance(una);
                    front.text -= octets - u32::from(front.syn);
                    front.syn = false;
                    front.seq = una;
                }
                break;
            }
            removed.any_repeated |= front.repeated;
            removed.sample_since.get_or_insert(front.at);
            self.segments.pop_front();
        }
        if removed.any_repeated {
            removed.sample_since = None;
        }
        removed
    }

    /// Takes every segment for lost (a timeout).
    pub(crate) fn mark_all_lost(&mut self) {
        for sent in &mut self.segments {
            sent.lost = true;
        }
    }

    /// Takes the front for lost (a fast retransmission).
    pub(crate) fn mark_front_lost(&mut self) {
        if let Some(front) = self.segments.front_mut() {
            front.lost = true;
        }
    }

    /// Takes segments with more than `most` octets of text for lost (a smaller path MTU).
    pub(crate) fn mark_larger_lost(&mut self, most: u32) {
        for sent in self.segments.iter_mut().filter(|sent| sent.text > most) {
            sent.lost = true;
        }
    }

    /// The first segment that is taken for lost, cut to `most` octets of text; the rest stays lost as a segment of its own.
    pub(crate) fn first_lost(&mut self, most: u32) -> Option<&mut Sent> {
        let index = self.segments.iter().position(|sent| sent.lost)?;
        let sent = self.segments[index];
        if sent.text > most {
            let head = Sent { text: most, fin: false, psh: false, ..sent };
            let tail = Sent { seq: head.end(), text: sent.text - most, syn: false, ..sent };
            self.segments[index] = head;
            self.segments.insert(index + 1, tail);
        }
        self.segments.get_mut(index)
    }

    /// The segment at `seq` is sent again now.
    pub(crate) fn repeated(&mut self, seq: SeqNum, now: Instant) {
        if let Some(sent) = self.segments.iter_mut().find(|sent| sent.seq == seq) {
            sent.at = now;
            sent.repeated = true;
            sent.lost = false;
        }
    }

    /// Takes zero-window probes for lost: the window is open, so they may go again with more.
    pub(crate) fn mark_probes_lost(&mut self) {
        for sent in self.segments.iter_mut().filter(|sent| sent.probe) {
            sent.lost = true;
        }
    }

    /// Adds `octets` to the last segment, which was a probe and is an ordinary one from now on.
    pub(crate) fn grow_back(&mut self, octets: u32, psh: bool) {
        if let Some(back) = self.segments.back_mut() {
            back.text += octets;
            back.psh = psh;
            back.probe = false;
        }
    }

    /// The last segment.
    pub(crate) fn back(&self) -> Option<&Sent> {
        self.segments.back()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(seq: u32, text: u32) -> Sent {
        Sent {
            seq: SeqNum(seq),
            text,
            syn: false,
            fin: false,
            psh: false,
            at: Instant(u64::from(seq)),
            repeated: false,
            lost: false,
            probe: false,
        }
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
        assert_eq!(queue.pipe(), 1);
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
        let head = queue.first_lost(4).copied();
        assert_eq!(head.map(|head| (head.text, head.fin, head.psh)), Some((4, false, false)));
        assert_eq!(
            queue.back().map(|tail| (tail.seq, tail.text, tail.fin, tail.psh)),
            Some((SeqNum(4), 6, true, true))
        );
        assert_eq!(queue.pipe(), 0);
    }
}
