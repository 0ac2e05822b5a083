//! Buffers that were used and will be used again: a busy stack does not allocate, an idle connection holds none.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Empty buffers of one kind, the last used first: it is the one that the cache still holds.
#[derive(Debug)]
pub(crate) struct Pool {
    spare: Vec<Vec<u8>>,
    /// Octets that they hold together, and may hold at most.
    octets: usize,
    most: usize,
}

impl Pool {
    /// An empty pool that keeps at most this many octets.
    pub(crate) const fn new(most: usize) -> Self {
        Self { spare: Vec::new(), octets: 0, most }
    }

    /// An empty buffer, of any capacity.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let buffer = self.spare.pop().unwrap_or_default();
        self.octets -= buffer.capacity();
        buffer
    }

    /// Keeps a buffer for later, if there is room; its octets are forgotten.
    pub(crate) fn put(&mut self, mut buffer: Vec<u8>) {
        let octets = self.octets + buffer.capacity();
        if buffer.capacity() > 0 && octets <= self.most {
            buffer.clear();
            self.octets = octets;
            self.spare.push(buffer);
        }
    }

    /// Gives `ring` a buffer if it has none.
    pub(crate) fn lend(&mut self, ring: &mut VecDeque<u8>) {
        if ring.capacity() == 0 {
            *ring = self.take().into();
        }
    }

    /// Takes the buffer of `ring` back if it is empty.
    pub(crate) fn reclaim(&mut self, ring: &mut VecDeque<u8>) {
        if ring.is_empty() {
            self.put(core::mem::take(ring).into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_empty_and_their_octets_are_bounded() {
        let mut pool = Pool::new(100);
        assert_eq!(pool.take().capacity(), 0);
        for octets in [60, 30, 20, 0] {
            let mut buffer = Vec::with_capacity(octets);
            buffer.resize(octets, 7);
            pool.put(buffer);
        }
        // The third would have been too much, the fourth is none.
        for octets in [30, 60, 0] {
            let buffer = pool.take();
            assert_eq!((buffer.len(), buffer.capacity()), (0, octets));
        }
        assert_eq!(pool.octets, 0);
    }

    #[test]
    fn ring_keeps_its_buffer_while_it_holds_something() {
        let mut pool = Pool::new(100);
        pool.put(Vec::with_capacity(50));
        let mut ring = VecDeque::new();
        pool.lend(&mut ring);
        assert_eq!(ring.capacity(), 50);
        ring.push_back(1);
        pool.reclaim(&mut ring);
        assert_eq!(ring, [1]);
        ring.pop_front();
        pool.reclaim(&mut ring);
        assert_eq!((ring.capacity(), pool.octets), (0, 50));
    }
}
