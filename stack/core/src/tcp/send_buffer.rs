//! Octets that the user has sent and the peer has not acknowledged.

use crate::pool::Pool;
use crate::seq::SeqNum;
use alloc::collections::VecDeque;

/// The send queue. Octet 0 has sequence number `base`.
#[derive(Debug, Clone, PartialEq)]
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

    pub(crate) fn push(&mut self, octets: &[u8], rings: &mut Pool) {
        rings.lend(&mut self.octets);
        self.octets.extend(octets);
    }

    /// Drops what lies below `una`.
    pub(crate) fn acknowledge(&mut self, una: SeqNum, rings: &mut Pool) {
        if una.gt(self.base) && !self.octets.is_empty() {
            let octets = (self.base.distance(una) as usize).min(self.octets.len());
            self.octets.drain(..octets);
            self.base = self.base.plus(octets as u32);
            rings.reclaim(&mut self.octets);
        }
    }

    /// `len` octets from `seq` on, in two pieces: the ring may begin anew between them.
    ///
    /// # Panics
    /// When the buffer does not hold them.
    pub(crate) fn pieces(&self, seq: SeqNum, len: u32) -> (&[u8], &[u8]) {
        if len == 0 {
            return (&[], &[]);
        }
        let start = self.base.distance(seq) as usize;
        let end = start + len as usize;
        let (head, tail) = self.octets.as_slices();
        if end <= head.len() {
            (&head[start..end], &[])
        } else if start >= head.len() {
            (&tail[start - head.len()..end - head.len()], &[])
        } else {
            (&head[start..], &tail[..end - head.len()])
        }
    }

    pub(crate) fn clear(&mut self) {
        self.base = self.end();
        self.octets = VecDeque::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_found_by_sequence_number_across_wraps() {
        let mut rings = Pool::new(1000);
        let mut buffer = SendBuffer::new(SeqNum(u32::MAX - 1));
        for round in 0..10_u32 {
            let start = SeqNum(u32::MAX - 1).plus(round * 4);
            buffer.push(&[round as u8, 1, 2, 3], &mut rings);
            let (head, tail) = buffer.pieces(start, 4);
            assert_eq!([head, tail].concat(), [round as u8, 1, 2, 3]);
            buffer.acknowledge(start.plus(2), &mut rings);
            assert_eq!((buffer.len(), buffer.end()), (2, start.plus(4)));
        }
    }
}
