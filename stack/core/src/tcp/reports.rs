//! What Linux remembers of segments ahead of RCV.NXT to report them (`Config::sack_keeps_blocks`): four SACK blocks, which change as
//! segments come, and the segments that it holds, by which it knows a duplicate.
//!
//! A segment is appended to one that ends where it begins, if it is met and there is room behind its text; else it is held on its own,
//! also where it overlaps others in part. What of it was there already is what the search for its place meets.

use super::segment_tree::{Held, LEFT, RIGHT, SegmentTree};
use crate::seq::SeqNum;
use alloc::vec::Vec;

/// Blocks that are remembered.
const MOST_BLOCKS: usize = 4;

/// Memory that a datagram is held in, less what the kernel keeps of it to itself: the smallest that takes it is used.
const MEMORY: [u32; 4] = [256, 704, 1728, 3776];

/// Octets before the datagram in it.
const BEFORE: u32 = 64;

type Part = (SeqNum, SeqNum);

/// Octets that can be appended to a datagram of so many.
pub(crate) fn room_behind(datagram: u32) -> u32 {
    let used = BEFORE + datagram;
    MEMORY.into_iter().find(|memory| *memory >= used).map_or(0, |memory| memory - used)
}

/// Blocks and segments, each with the first number and the one behind it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Reports {
    /// The one that changed last first. What fell off the end is not reported again unless it comes again.
    blocks: Vec<Part>,
    held: SegmentTree,
    /// The number behind the segment with FIN that was taken last. More may have been appended to it.
    fin_end: Option<SeqNum>,
}

/// `part` with `other`, if they overlap or touch.
fn joined(part: Part, other: Part) -> Option<Part> {
    (other.0.le(part.1) && part.0.le(other.1)).then(|| (part.0.earlier(other.0), part.1.later(other.1)))
}

/// Of several duplicates those that touch the first are told.
fn extend(duplicate: &mut Option<Part>, part: Part) {
    *duplicate = duplicate.map_or(Some(part), |first| joined(first, part).or(Some(first)));
}

impl Reports {
    /// The blocks, the one that changed last first.
    pub(crate) fn blocks(&self) -> &[Part] {
        &self.blocks
    }

    /// A segment ahead of RCV.NXT. What of it has come before.
    pub(crate) fn arrived(&mut self, new: Held) -> Option<Part> {
        let duplicate = self.hold(new);
        self.report((new.seq, new.end));
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

    fn hold(&mut self, new: Held) -> Option<Part> {
        if let Some(last) = self.held.outermost(RIGHT) {
            if self.append(last, new) {
                return None;
            }
            if new.seq.ge(self.held.held(last).end) {
                self.insert(new, Some(last), RIGHT, &mut None);
                return None;
            }
        }
        let mut duplicate = None;
        let (mut parent, mut side, mut at) = (None, LEFT, self.held.root());
        while let Some(node) = at {
            let old = self.held.held(node);
            side = if new.seq.lt(old.seq) { LEFT } else { RIGHT };
            if side == RIGHT && new.seq.lt(old.end) {
                if new.end.le(old.end) {
                    return Some((new.seq, new.end));
                }
                if new.seq == old.seq {
                    // It takes the place of the shorter one.
                    self.held.set(node, new);
                    extend(&mut duplicate, (old.seq, old.end));
                    self.swallow(node, &mut duplicate);
                    return duplicate;
                }
                duplicate = Some((new.seq, old.end));
            } else if side == RIGHT && self.append(node, new) {
                // What it covers then is told when it is taken.
                return duplicate;
            }
            (parent, at) = (at, self.held.child(node, side));
        }
        self.insert(new, parent, side, &mut duplicate);
        duplicate
    }

    /// Whether the text of `new` was put behind that of a segment that ends where it begins.
    fn append(&mut self, node: u8, new: Held) -> bool {
        let old = self.held.held(node);
        let text = new.seq.distance(new.end) - u32::from(new.fin);
        if old.end != new.seq || text > old.room {
            return false;
        }
        self.held.set(node, Held { end: new.end, fin: old.fin || new.fin, room: old.room - text, ..old });
        true
    }

    fn insert(&mut self, new: Held, parent: Option<u8>, side: usize, duplicate: &mut Option<Part>) {
        if !self.held.is_full() {
            let node = self.held.insert(new, parent, side);
            self.swallow(node, duplicate);
        }
    }

    /// What lies within a segment that has just come goes.
    fn swallow(&mut self, node: u8, duplicate: &mut Option<Part>) {
        let end = self.held.held(node).end;
        while let Some(next) = self.held.next(node) {
            let old = self.held.held(next);
            if old.seq.ge(end) {
                return;
            }
            extend(duplicate, (old.seq, old.end.earlier(end)));
            if end.lt(old.end) {
                return;
            }
            self.held.remove(next);
        }
    }

    /// A segment in order has brought RCV.NXT to `nxt`, and what waits behind it is taken, up to a FIN. `duplicate`, with what of the
    /// segment was there already.
    pub(crate) fn taken(&mut self, nxt: SeqNum, mut duplicate: Option<Part>) -> Option<Part> {
        let mut reached = nxt;
        while let Some(first) = self.held.outermost(LEFT) {
            let old = self.held.held(first);
            if old.seq.gt(reached) {
                break;
            }
            if old.seq.lt(nxt) {
                extend(&mut duplicate, (old.seq, old.end.earlier(nxt)));
            }
            self.held.remove(first);
            if old.end.gt(reached) {
                reached = old.end;
                if old.fin {
                    self.fin_end = Some(reached);
                    break;
                }
            }
        }
        duplicate
    }

    /// The number behind the segment with FIN that was taken last.
    pub(crate) const fn fin_end(&self) -> Option<SeqNum> {
        self.fin_end
    }

    /// RCV.NXT is `nxt`.
    pub(crate) fn forget_below(&mut self, nxt: SeqNum) {
        self.taken(nxt, None);
        self.blocks.retain(|block| block.0.gt(nxt));
        if self.held.root().is_none() {
            self.blocks.clear();
        }
    }
}
