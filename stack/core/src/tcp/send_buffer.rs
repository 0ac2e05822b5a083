//! Octets that the user has sent and the peer has not acknowledged.

use crate::seq::SeqNum;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// The send queue. Octet 0 has sequence number `base`.
#[derive(Debug, Clone)]
pub(crate) struct SendBuffer {
    octets: VecDeque<u8>,
    base: SeqNum,
}

impl SendBuffer {
    /// An empty buffer whose first octet will be `base`.
    pub(crate) const fn new(base: SeqNum) -> Self {
        Self { octets: VecDeque::new(), base }
    }

    pub(crate) fn len(&self) -> usize {
        self.octets.len()
    }

    /// Sequence number after the last octet.
    pub(crate) fn end(&self) -> SeqNum {
        self.base.plus(self.octets.len() as u32)
    }

    pub(crate) fn push(&mut self, octets: &[u8]) {
        self.octets.extend(octets);
    }

    /// Drops what lies below `una`.
    pub(crate) fn acknowledge(&mut self, una: SeqNum) {
        if una.gt(self.base) {
            let octets = (self.base.distance(una) as usize).min(self.octets.len());
            self.octets.drain(..octets);
            self.base = self.base.plus(octets as u32);
        }
    }

    /// Appends `len` octets from `seq` on to `to`.
    ///
    /// # Panics
    /// When the buffer does not hold them.
    pub(crate) fn copy(&self, seq: SeqNum, len: u32, to: &mut Vec<u8>) {
        let start = self.base.distance(seq) as usize;
        let end = start + len as usize;
        let (head, tail) = self.octets.as_slices();
        if start < head.len() {
            to.extend_from_slice(&head[start..end.min(head.len())]);
        }
        if end > head.len() {
            to.extend_from_slice(&tail[start.saturating_sub(head.len())..end - head.len()]);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.base = self.end();
        self.octets.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_found_by_sequence_number_across_wraps() {
        let mut buffer = SendBuffer::new(SeqNum(u32::MAX - 1));
        for round in 0..10_u32 {
            let start = SeqNum(u32::MAX - 1).plus(round * 4);
            buffer.push(&[round as u8, 1, 2, 3]);
            let mut copy = Vec::new();
            buffer.copy(start, 4, &mut copy);
            assert_eq!(copy, [round as u8, 1, 2, 3]);
            buffer.acknowledge(start.plus(2));
            assert_eq!((buffer.len(), buffer.end()), (2, start.plus(4)));
        }
    }
}
