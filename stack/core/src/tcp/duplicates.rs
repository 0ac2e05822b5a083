//! Reports of text that arrived twice (RFC 2883 4).

use super::tcb::Tcb;
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
use crate::wire::tcp::SackBlocks;
use alloc::boxed::Box;

impl Tcb {
    /// `left` to `right` have arrived once more. Of one segment the first such part is reported.
    pub(crate) fn note_duplicate(&mut self, left: SeqNum, right: SeqNum, fx: &Fx<'_>) {
        if self.sack && fx.config().tcp_dsack && left.lt(right) {
            self.duplicate.get_or_insert_with(|| Box::new((left, right)));
        }
    }

    /// At most `most` blocks for an ACK: first the duplicate, which is reported once, then the run that holds it, then as
    /// RFC 2018 4 has it.
    pub(crate) fn sack_blocks(&mut self, most: usize, fx: &mut Fx<'_>) -> SackBlocks {
        let held = self.reassembly.sack_blocks(most);
        let Some((left, right)) = self.duplicate.take_if(|_| most > 0).map(|duplicate| *duplicate) else { return held };
        fx.cite(rules::DSACK_SENT);
        let mut blocks = SackBlocks::default();
        blocks.push(left, right);
        if let Some((left, right)) = self.reassembly.around(left, right).filter(|_| most > 1) {
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
