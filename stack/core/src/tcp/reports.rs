//! What Linux remembers of segments ahead of RCV.NXT to report them (`Config::sack_keeps_blocks`): four SACK blocks, which change as
//! segments come, and the segments that it holds, by which it knows a duplicate.

use crate::seq::SeqNum;
use alloc::vec::Vec;

/// Blocks that are remembered.
const MOST_BLOCKS: usize = 4;

/// Octets that Linux appends to a segment in any case. More do not always find room there: what it does then depends on how the kernel was
/// built.
const APPENDED: u32 = 64;

/// Segments that are remembered; a peer that sends more in pieces hears of fewer duplicates.
const MOST_SEGMENTS: usize = 64;

type Part = (SeqNum, SeqNum);

/// Blocks and segments, each with the first number and the one behind it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Reports {
    /// The one that changed last first. What fell off the end is not reported again unless it comes again.
    blocks: Vec<Part>,
    /// In sequence order, and when each came. One that begins where another ends is part of that one.
    segments: Vec<(SeqNum, SeqNum, u32)>,
    arrivals: u32,
}

/// `part` with `other`, if they overlap or touch.
fn joined(part: Part, other: Part) -> Option<Part> {
    (other.0.le(part.1) && part.0.le(other.1)).then(|| (part.0.earlier(other.0), part.1.later(other.1)))
}

impl Reports {
    /// The blocks, the one that changed last first.
    pub(crate) fn blocks(&self) -> &[Part] {
        &self.blocks
    }

    /// A segment `seq` to `end`. What of it has come before.
    pub(crate) fn arrived(&mut self, seq: SeqNum, end: SeqNum) -> Option<Part> {
        let duplicate = self.keep(seq, end);
        self.report((seq, end));
        duplicate
    }

    /// The first block that it joins goes to the front, and takes in those that it has come to touch.
    fn report(&mut self, new: Part) {
        let found = self.blocks.iter().enumerate().find_map(|(at, block)| joined(*block, new).map(|block| (at, block)));
        if let Some((at, block)) = found {
            self.blocks.remove(at);
            let mut front = block;
            self.blocks.retain(|block| joined(front, *block).inspect(|block| front = *block).is_none());
            self.blocks.insert(0, front);
        } else {
            self.blocks.truncate(MOST_BLOCKS - 1);
            self.blocks.insert(0, new);
        }
    }

    fn keep(&mut self, seq: SeqNum, end: SeqNum) -> Option<Part> {
        self.arrivals = self.arrivals.wrapping_add(1);
        let mut duplicate: Option<Part> = None;
        // Of several parts those that touch the first are told.
        let mut tell =
            |part: Part| duplicate = duplicate.map_or(Some(part), |first| joined(first, part).or(Some(first)));
        // The last one that begins no later.
        let mut at = self.segments.iter().take_while(|segment| segment.0.le(seq)).count();
        // Where one ends and another begins, the older one is asked first (it stands higher in Linux's tree).
        if at > 1
            && let [one, two] = &mut self.segments[at - 2..at]
            && one.1 == seq
            && two.0 == seq
            && one.2 < two.2
            && seq.distance(end) <= APPENDED
        {
            one.1 = end;
            return None;
        }
        if let Some(before) = at.checked_sub(1).map(|index| &mut self.segments[index]) {
            if before.1.gt(seq) {
                if end.le(before.1) {
                    return Some((seq, end));
                }
                if before.0 == seq {
                    // It takes the place of the shorter one.
                    tell((before.0, before.1));
                    self.segments.remove(at - 1);
                    at -= 1;
                } else {
                    tell((seq, before.1));
                }
            } else if before.1 == seq {
                // What it covers then is told when it is taken.
                before.1 = end;
                return None;
            }
        }
        while let Some(next) = self.segments.get(at).copied().filter(|next| next.0.lt(end)) {
            tell((next.0, next.1.earlier(end)));
            if end.lt(next.1) {
                break;
            }
            self.segments.remove(at);
        }
        if self.segments.len() < MOST_SEGMENTS {
            self.segments.insert(at, (seq, end, self.arrivals));
        }
        duplicate
    }

    /// RCV.NXT is `nxt`.
    pub(crate) fn forget_below(&mut self, nxt: SeqNum) {
        self.segments.retain(|segment| segment.0.gt(nxt));
        self.blocks.retain(|block| block.0.gt(nxt));
    }
}
