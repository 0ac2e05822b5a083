//! Reports of text that arrived twice (RFC 2883 4).

use super::md5;
use super::reports;
use super::segment_tree::Held;
use super::tcb::Tcb;
use crate::config::Config;
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
use crate::wire::tcp::{MOST_OCTETS, SackBlocks, Segment};
use alloc::boxed::Box;

/// Octets of headers without options.
const IPV4: usize = 20;
const IPV6: usize = 40;
const TCP: usize = 20;

impl Tcb {
    /// `left` to `right` have arrived once more. Of one segment the first such part is reported; where blocks are remembered, what was noted
    /// last.
    pub(crate) fn note_duplicate(&mut self, left: SeqNum, right: SeqNum, fx: &Fx<'_>) {
        if self.sack && fx.config().tcp_dsack && left.lt(right) {
            if fx.config().sack_keeps_blocks {
                self.duplicate = None;
            }
            self.duplicate.get_or_insert_with(|| Box::new((left, right)));
        }
    }

    /// Whether an ACK has SACK blocks.
    pub(crate) fn wants_sack_blocks(&self, config: &Config) -> bool {
        let held =
            if config.sack_counts_controls { !self.reassembly.holds_nothing() } else { !self.reassembly.is_empty() };
        let held = held || !self.reassembly.remembered().is_empty();
        self.sack && (self.duplicate.is_some() || held)
    }

    /// Octets of all SACK blocks that are due, where every segment makes room for them.
    pub(crate) fn sack_reserve(&self, config: &Config) -> u32 {
        if !config.sack_shortens_text || !self.wants_sack_blocks(config) {
            return 0;
        }
        let room = MOST_OCTETS as u32 - self.timestamps.octets() - if self.md5 { md5::OCTETS } else { 0 };
        let held = self.blocks_held(4, config).len() as u32;
        4 + 8 * (held + u32::from(self.duplicate.is_some())).min((room - 4) / 8)
    }

    /// What a SACK block can report of a segment that begins before RCV.NXT: its text, in Linux also its SYN and FIN.
    pub(crate) fn note_duplicate_segment(&mut self, seg: &Segment<'_>, fx: &Fx<'_>) {
        let (from, to) = if fx.config().sack_counts_controls {
            (seg.seq, seg.end())
        } else {
            let text = seg.seq.plus(u32::from(seg.flags.syn()));
            (text, text.plus(seg.payload.len() as u32))
        };
        // Of nothing there is nothing to tell, also where its number is as far before RCV.NXT as behind it; nor of what ends that far away.
        if from != to && from.lt(self.rcv.nxt) {
            self.note_duplicate(from, to.earlier(self.rcv.nxt), fx);
        }
    }

    /// At most `most` blocks of what is held.
    fn blocks_held(&self, most: usize, config: &Config) -> SackBlocks {
        if !config.sack_keeps_blocks {
            return self.reassembly.sack_blocks(most, config.sack_counts_controls);
        }
        let mut blocks = SackBlocks::default();
        for (left, right) in self.reassembly.remembered().iter().take(most) {
            blocks.push(*left, *right);
        }
        blocks
    }

    /// A segment ahead of RCV.NXT, where blocks are remembered.
    pub(crate) fn remember_block(&mut self, seg: &Segment<'_>, fx: &Fx<'_>) {
        let text = seg.seq.plus(seg.payload.len() as u32);
        let end = if fx.config().sack_counts_controls { seg.end() } else { text };
        if seg.seq != end
            && let Some((left, right)) = self.reassembly.remember(self.held(seg, end))
        {
            self.note_duplicate(left, right, fx);
        }
    }

    fn held(&self, seg: &Segment<'_>, end: SeqNum) -> Held {
        let header = if self.tuple.remote.ip().is_ipv4() { IPV4 } else { IPV6 };
        let datagram = header + TCP + seg.options.octets() + seg.payload.len();
        Held { seq: seg.seq, end, fin: seg.flags.fin(), room: reports::room_behind(datagram as u32) }
    }

    /// Text in order has come up to `nxt`, where blocks are remembered: what waited may have been part of it.
    pub(crate) fn remember_taken(&mut self, nxt: SeqNum, fx: &Fx<'_>) {
        let duplicate = self.duplicate.take().map(|duplicate| *duplicate);
        let duplicate = self.reassembly.remember_taken(nxt, duplicate);
        self.duplicate = duplicate.filter(|_| self.sack && fx.config().tcp_dsack).map(Box::new);
    }

    /// At most `most` blocks for an ACK: first the duplicate, which is reported once, then the run that holds it, then as
    /// RFC 2018 4 has it.
    pub(crate) fn sack_blocks(&mut self, most: usize, fx: &mut Fx<'_>) -> SackBlocks {
        let (with_fin, keeps) = (fx.config().sack_counts_controls, fx.config().sack_keeps_blocks);
        let held = self.blocks_held(most, fx.config());
        let Some((left, right)) = self.duplicate.take_if(|_| most > 0).map(|duplicate| *duplicate) else { return held };
        fx.cite(rules::DSACK_SENT);
        let mut blocks = SackBlocks::default();
        blocks.push(left, right);
        let ahead = most > 1 && left.ge(self.rcv.nxt);
        if let Some((left, right)) = self.reassembly.around(left, right, with_fin).filter(|_| ahead && !keeps) {
            blocks.push(left, right);
        }
        for block in held.iter() {
            let listed = blocks.iter().skip(1).any(|listed| listed == block);
            if blocks.len() < most && !listed {
                blocks.push(block.left, block.right);
            }
        }
        blocks
    }
}
