//! Entries under small numbers, in chunks: growth moves nothing, and a table that has just grown is not half empty.

use alloc::vec::Vec;

/// Entries of one chunk.
const CHUNK: usize = 256;

/// A table of entries. The number of one that was removed is given out again, last removed first.
#[derive(Debug)]
pub(super) struct Slab<T> {
    chunks: Vec<Vec<Option<T>>>,
    free: Vec<u32>,
    len: usize,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), free: Vec::new(), len: 0 }
    }
}

impl<T> Slab<T> {
    /// Adds an entry: its number.
    pub(super) fn insert(&mut self, entry: T) -> u32 {
        self.len += 1;
        if let Some(number) = self.free.pop() {
            // That it is empty spares the compiler a second copy of the entry.
            if let Some(slot @ None) = self.slot_mut(number) {
                *slot = Some(entry);
            }
            return number;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::new());
        }
        let chunk = self.chunks.len() - 1;
        self.chunks[chunk].push(Some(entry));
        (chunk * CHUNK + self.chunks[chunk].len() - 1) as u32
    }

    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.chunks.get(number as usize / CHUNK)?.get(number as usize % CHUNK)?.as_ref()
    }

    fn slot_mut(&mut self, number: u32) -> Option<&mut Option<T>> {
        self.chunks.get_mut(number as usize / CHUNK)?.get_mut(number as usize % CHUNK)
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.slot_mut(number)?.as_mut()
    }

    /// Takes an entry out. The last one takes the memory of the table with it, but for the first chunk.
    pub(super) fn remove(&mut self, number: u32) -> Option<T> {
        let entry = self.slot_mut(number)?.take()?;
        self.vacated(number);
        Some(entry)
    }

    /// Drops an entry where it is.
    pub(super) fn discard(&mut self, number: u32) {
        if let Some(slot @ Some(_)) = self.slot_mut(number) {
            *slot = None;
            self.vacated(number);
        }
    }

    fn vacated(&mut self, number: u32) {
        self.free.push(number);
        self.len -= 1;
        if self.len == 0 {
            self.chunks.truncate(1);
            self.chunks.iter_mut().for_each(Vec::clear);
            self.free.clear();
            self.free.shrink_to(CHUNK);
        }
    }

    /// As new, in the memory of the first chunk.
    pub(super) fn emptied(mut self) -> Self {
        self.chunks.truncate(1);
        self.chunks.iter_mut().for_each(Vec::clear);
        self.free.clear();
        Self { len: 0, ..self }
    }

    /// Entries with their numbers, in order of these.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        let all = self.chunks.iter().flatten().enumerate();
        all.filter_map(|(number, entry)| Some((number as u32, entry.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_removed_entries_are_given_out_again() {
        let mut slab = Slab::default();
        let numbers: Vec<u32> = (0..600).map(|value| slab.insert(value)).collect();
        assert_eq!(numbers, (0..600).collect::<Vec<u32>>());
        assert_eq!((slab.remove(300), slab.remove(300), slab.remove(7)), (Some(300), None, Some(7)));
        assert_eq!((slab.insert(1000), slab.insert(1001), slab.insert(1002)), (7, 300, 600));
        assert_eq!(slab.get(300), Some(&1001));
        assert_eq!(slab.iter().count(), 601);
        for number in 0..=600 {
            slab.discard(number);
            slab.discard(number);
        }
        assert_eq!((slab.insert(5), slab.chunks.len()), (0, 1));
    }
}
