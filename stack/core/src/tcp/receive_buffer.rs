//! Text in order that the user has not read, with the place of the urgent mark.

use crate::pool::Pool;
use alloc::collections::VecDeque;

/// The receive queue.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReceiveBuffer {
    octets: VecDeque<u8>,
    size: u32,
}

impl ReceiveBuffer {
    pub(crate) const fn new(size: u32) -> Self {
        Self { octets: VecDeque::new(), size }
    }

    /// Octets it is meant to hold.
    pub(crate) const fn size(&self) -> u32 {
        self.size
    }

    /// Changes the size; what is held beyond it stays.
    pub(crate) const fn set_size(&mut self, size: u32) {
        self.size = size;
    }

    pub(crate) fn len(&self) -> usize {
        self.octets.len()
    }

    /// Octets that still fit.
    pub(crate) fn room(&self) -> u32 {
        self.size.saturating_sub(self.octets.len() as u32)
    }

    pub(crate) fn push(&mut self, text: &[u8], rings: &mut Pool) {
        rings.lend(&mut self.octets);
        self.octets.extend(text);
    }

    /// Copies up to `to.len()` octets from `from` behind the front on, leaving them there.
    pub(crate) fn peek(&self, from: usize, to: &mut [u8]) -> usize {
        let (head, tail) = self.octets.as_slices();
        let tail = &tail[from.saturating_sub(head.len()).min(tail.len())..];
        let head = &head[from.min(head.len())..];
        let first = head.len().min(to.len());
        to[..first].copy_from_slice(&head[..first]);
        let second = tail.len().min(to.len() - first);
        to[first..first + second].copy_from_slice(&tail[..second]);
        first + second
    }

    /// Drops `octets` from the front.
    pub(crate) fn consume(&mut self, octets: usize, rings: &mut Pool) {
        if octets == self.octets.len() {
            self.octets.clear();
            rings.reclaim(&mut self.octets);
        } else {
            self.octets.drain(..octets);
        }
    }

    /// The octet at `index` from the front.
    pub(crate) fn at(&self, index: usize) -> Option<u8> {
        self.octets.get(index).copied()
    }
}
