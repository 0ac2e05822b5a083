//! Which connection a segment is for: a table from hashes of four-tuples to places.
//!
//! The hash is keyed with a secret of the stack, so that nobody outside can choose tuples that collide. Entries lie in the
//! order of their hashes (linear probing in Robin Hood's manner), so that a search ends after a few neighbours whether it finds
//! something or not; nothing that reaches the wire depends on that order.

use crate::tcp::tcb::Tuple;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::hash::Hasher;
use core::net::IpAddr;
use siphasher::sip::SipHasher13;

/// Where something that has a tuple is kept: a kind of entry, and its number among those.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// A connection with a TCB.
    Connection(u32),
    /// A half-open one without.
    HalfOpen(u32),
    /// One in TIME-WAIT without.
    TimeWait(u32),
}

/// Key of the hash, and its last result: an event asks for one tuple several times, and the next event often for the same.
#[derive(Debug, Clone)]
pub(super) struct Key {
    keys: (u64, u64),
    last: RefCell<Option<(Tuple, u32)>>,
}

impl Key {
    pub(super) const fn new(first: u64, second: u64) -> Self {
        Self { keys: (first, second), last: RefCell::new(None) }
    }

    /// The hash of a tuple.
    pub(super) fn hash(&self, tuple: &Tuple) -> u32 {
        let mut last = self.last.borrow_mut();
        if let Some((last, hash)) = &*last
            && last == tuple
        {
            return *hash;
        }
        let hash = self.compute(tuple);
        *last = Some((*tuple, hash));
        hash
    }

    fn compute(&self, tuple: &Tuple) -> u32 {
        let mut octets = [0; 36];
        let mut len = 0;
        for socket in [tuple.local, tuple.remote] {
            let mut put = |bytes: &[u8]| {
                octets[len..len + bytes.len()].copy_from_slice(bytes);
                len += bytes.len();
            };
            match socket.ip() {
                IpAddr::V4(v4) => put(&v4.octets()),
                IpAddr::V6(v6) => put(&v6.octets()),
            }
            put(&socket.port().to_be_bytes());
        }
        let mut hasher = SipHasher13::new_with_keys(self.keys.0, self.keys.1);
        hasher.write(&octets[..len]);
        hasher.finish() as u32
    }
}

/// A place in four octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Packed(u32);

impl Packed {
    pub(super) const fn from(place: Place) -> Self {
        Self(match place {
            Place::Connection(number) => number * 3,
            Place::HalfOpen(number) => number * 3 + 1,
            Place::TimeWait(number) => number * 3 + 2,
        })
    }

    pub(super) const fn unpack(self) -> Place {
        let number = self.0 / 3;
        match self.0 % 3 {
            0 => Place::Connection(number),
            1 => Place::HalfOpen(number),
            _ => Place::TimeWait(number),
        }
    }
}

/// In no use by a place: numbers are smaller.
const NOBODY: Packed = Packed(u32::MAX);

#[derive(Debug, Clone, Copy)]
struct Slot {
    hash: u32,
    place: Packed,
}

const EMPTY: Slot = Slot { hash: 0, place: NOBODY };

impl Slot {
    const fn is_empty(self) -> bool {
        self.place.0 == NOBODY.0
    }
}

/// The table.
#[derive(Debug, Default)]
pub(super) struct Demux {
    slots: Vec<Slot>,
    len: usize,
}

impl Demux {
    /// The place under `hash` that `is_it` says yes to.
    pub(super) fn find(&self, hash: u32, mut is_it: impl FnMut(Place) -> bool) -> Option<Place> {
        self.position(hash, |place| is_it(place.unpack())).map(|at| self.slots[at].place.unpack())
    }

    /// Adds a place. The caller knows that its tuple is not there yet.
    pub(super) fn insert(&mut self, hash: u32, place: Place) {
        if (self.len + 1) * 8 > self.slots.len() * 7 {
            self.resize((self.slots.len() + self.slots.len() / 2).max(8));
        }
        self.len += 1;
        self.put(Slot { hash, place: Packed::from(place) });
    }

    /// Takes a place out. Whether it was there.
    pub(super) fn remove(&mut self, hash: u32, place: Place) -> bool {
        let Some(mut at) = self.position(hash, |other| other == Packed::from(place)) else { return false };
        // What was pushed on by this one moves back.
        loop {
            let next = self.after(at);
            let slot = self.slots[next];
            if slot.is_empty() || self.distance(next, slot.hash) == 0 {
                break;
            }
            self.slots[at] = slot;
            at = next;
        }
        self.slots[at] = EMPTY;
        self.len -= 1;
        if self.slots.len() > 64 && self.len * 8 < self.slots.len() {
            self.resize(self.len * 2);
        }
        true
    }

    /// As new, in the memory of before unless that is large.
    pub(super) fn emptied(mut self) -> Self {
        if self.slots.len() > 64 {
            return Self::default();
        }
        self.slots.fill(EMPTY);
        Self { len: 0, ..self }
    }

    fn position(&self, hash: u32, mut is_it: impl FnMut(Packed) -> bool) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let mut at = self.home(hash);
        let mut distance = 0;
        loop {
            let slot = self.slots[at];
            if slot.is_empty() || self.distance(at, slot.hash) < distance {
                return None;
            }
            if slot.hash == hash && is_it(slot.place) {
                return Some(at);
            }
            at = self.after(at);
            distance += 1;
        }
    }

    /// Where entries of this hash begin.
    const fn home(&self, hash: u32) -> usize {
        ((hash as u64 * self.slots.len() as u64) >> 32) as usize
    }

    const fn after(&self, at: usize) -> usize {
        if at + 1 == self.slots.len() { 0 } else { at + 1 }
    }

    /// How far behind its home an entry of this hash lies at `at`.
    const fn distance(&self, at: usize, hash: u32) -> usize {
        let home = self.home(hash);
        if at >= home { at - home } else { at + self.slots.len() - home }
    }

    fn put(&mut self, mut slot: Slot) {
        let mut at = self.home(slot.hash);
        let mut distance = 0;
        while !self.slots[at].is_empty() {
            let there = self.distance(at, self.slots[at].hash);
            if there < distance {
                core::mem::swap(&mut self.slots[at], &mut slot);
                distance = there;
            }
            at = self.after(at);
            distance += 1;
        }
        self.slots[at] = slot;
    }

    fn resize(&mut self, slots: usize) {
        let mut fresh = Vec::new();
        fresh.reserve_exact(slots);
        fresh.resize(slots, EMPTY);
        let old = core::mem::replace(&mut self.slots, fresh);
        for slot in old.into_iter().filter(|slot| !slot.is_empty()) {
            self.put(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use alloc::collections::BTreeMap;

    #[test]
    fn places_pack_and_unpack() {
        for number in [0, 1, 2, 1 << 24] {
            for place in [Place::Connection(number), Place::HalfOpen(number), Place::TimeWait(number)] {
                assert_eq!(Packed::from(place).unpack(), place);
            }
        }
    }

    #[test]
    fn random_inserts_and_removes_agree_with_a_map() {
        // Miri is some hundred times slower than the machine.
        let (seeds, numbers) = if cfg!(miri) { (1, 200) } else { (20, 2000) };
        for seed in 0..seeds {
            let mut random = Random::new(seed);
            let mut demux = Demux::default();
            let mut model: BTreeMap<u32, u32> = BTreeMap::new();
            for number in 0..numbers {
                // Few hashes, so that entries crowd and share them.
                let hash = ((random.next_u32() % 97) << 25) | (random.next_u32() % 2);
                if !random.next_u32().is_multiple_of(3) {
                    demux.insert(hash, Place::Connection(number));
                    model.insert(number, hash);
                } else if let Some((&number, &hash)) = model.iter().nth(random.next_u32() as usize % model.len().max(1))
                {
                    assert!(demux.remove(hash, Place::Connection(number)));
                    assert!(!demux.remove(hash, Place::Connection(number)));
                    model.remove(&number);
                }
                assert_eq!(demux.len, model.len());
            }
            for (&number, &hash) in &model {
                let place = Place::Connection(number);
                assert_eq!(demux.find(hash, |other| other == place), Some(place));
            }
            for (number, hash) in model {
                assert!(demux.remove(hash, Place::Connection(number)), "seed {seed}");
            }
            assert!(demux.slots.len() <= 64, "the table shrinks");
        }
    }
}
