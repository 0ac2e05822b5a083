//! When timers are due, over all connections: a hierarchical wheel whose slots are small heaps.
//!
//! A slot of the lowest level is about a millisecond wide, one of each level above 64 times as wide as those below. Time
//! that enters a slot of a level spreads its items over the level below, so that an item moves a few times at most, however
//! many there are; inside a slot a heap keeps the order, exact to the microsecond. What is due at the same instant comes in
//! the order in which it was entered.
//!
//! Items are not taken out when a deadline moves: each carries a stamp, and [`Deadlines::tidy`] drops those whose stamp is
//! not its entry's any more as they come to the front, or all at once when they are more than the others.

use super::demux::{Packed, Place};
use crate::time::Instant;
use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// Width of a slot of the lowest level: 2^10 microseconds.
const LOWEST: u32 = 10;
/// Slots of a level: 2^6.
const BITS: u32 = 6;

/// No deadline: the end of time never comes.
const NEVER: Instant = Instant(u64::MAX);

/// One entry's place among the deadlines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Armed {
    /// When the entry's earliest timer is due.
    deadline: Instant,
    /// When the item that stands for it comes up, at the deadline or before.
    queued: Instant,
    stamp: u32,
}

impl Default for Armed {
    fn default() -> Self {
        Self { deadline: NEVER, queued: NEVER, stamp: 0 }
    }
}

/// What an entry says of an item that came to the front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is due when it says.
    Due,
    /// The deadline has moved there.
    Later(Instant),
    /// It stands for nothing any more.
    Stale,
}

/// The entries that have deadlines.
pub(super) trait Entries {
    /// What an item of `place` is, which comes up at `at`. The entry takes note of what becomes of it.
    fn judge(&mut self, place: Place, at: Instant, stamp: u32) -> Standing;

    /// Whether the item with this stamp stands for the entry at `place`.
    fn has(&self, place: Place, stamp: u32) -> bool;
}

impl Armed {
    /// When the entry's earliest timer is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        (self.deadline != NEVER).then_some(self.deadline)
    }

    /// As [`Entries::judge`] asks.
    pub(super) fn judge(&mut self, at: Instant, stamp: u32) -> Standing {
        if !self.has(stamp) {
            return Standing::Stale;
        }
        if self.deadline == at {
            return Standing::Due;
        }
        self.queued = self.deadline;
        self.deadline().map_or(Standing::Stale, Standing::Later)
    }

    /// As [`Entries::has`] asks.
    pub(super) fn has(&self, stamp: u32) -> bool {
        self.queued != NEVER && self.stamp == stamp
    }

    /// Its item is off the wheel.
    pub(super) fn fired(&mut self) {
        self.queued = NEVER;
    }
}

/// Ordered by time, then by entry into the wheel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Item {
    at: Instant,
    stamp: u32,
    place: Packed,
}

/// Most hosts have few deadlines, so that only slots that hold something have a heap.
#[derive(Debug, Default)]
struct Level {
    /// Bit n: slot n holds something.
    occupied: u64,
    /// The heaps of these slots, in their order.
    heaps: Vec<Heap>,
}

type Heap = BinaryHeap<Reverse<Item>>;

impl Level {
    /// Whether the slot holds something, and where its heap stands or would stand.
    const fn find(&self, slot: usize) -> (bool, usize) {
        let before = self.occupied & ((1 << slot) - 1);
        (self.occupied >> slot & 1 == 1, before.count_ones() as usize)
    }

    /// Takes the heap of a slot out.
    fn take(&mut self, slot: usize) -> Option<Heap> {
        let (there, rank) = self.find(slot);
        self.occupied &= !(1 << slot);
        there.then(|| self.heaps.remove(rank))
    }

    /// The heap of a slot, which begins as what `fresh` gives.
    fn heap(&mut self, slot: usize, fresh: impl FnOnce() -> Heap) -> &mut Heap {
        let (there, rank) = self.find(slot);
        if !there {
            self.occupied |= 1 << slot;
            self.heaps.insert(rank, fresh());
        }
        &mut self.heaps[rank]
    }
}

/// All deadlines.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    levels: Vec<Level>,
    /// How far time has turned the wheel, microseconds. Nothing is due before.
    turned: u64,
    /// Of the latest item.
    stamp: u32,
    len: usize,
    /// Items that are known to stand for nothing.
    stale: usize,
    /// A heap that became empty, for the next slot that needs one.
    spare: Heap,
}

impl Deadlines {
    /// The earliest deadline. Exact after [`Deadlines::tidy`].
    pub(super) fn first(&self) -> Option<(Instant, Place)> {
        self.front().map(|item| (item.at, item.place.unpack()))
    }

    fn front(&self) -> Option<&Item> {
        let heap = self.levels.iter().find_map(|level| level.heaps.first())?;
        heap.peek().map(|Reverse(item)| item)
    }

    /// Sets the deadline of an entry.
    pub(super) fn set(&mut self, armed: &mut Armed, place: Place, deadline: Option<Instant>) {
        let at = deadline.unwrap_or(NEVER);
        armed.deadline = at;
        // An item that comes up before the deadline is put off then.
        if at < armed.queued {
            self.stale += usize::from(armed.queued != NEVER);
            armed.stamp = self.enter(at, place);
            armed.queued = at;
        }
    }

    /// Enters an item: its stamp, which is never 0.
    pub(super) fn enter(&mut self, at: Instant, place: Place) -> u32 {
        self.stamp = self.stamp.wrapping_add(1).max(1);
        self.insert(Item { at, stamp: self.stamp, place: Packed::from(place) });
        self.stamp
    }

    /// An entry goes.
    pub(super) fn forget(&mut self, armed: &Armed) {
        self.stale += usize::from(armed.queued != NEVER);
    }

    /// An item stands for nothing any more.
    pub(super) const fn forget_one(&mut self) {
        self.stale += 1;
    }

    /// Takes out the first item, which is due: time has come as far.
    pub(super) fn fire(&mut self) {
        if let Some(&Item { at, .. }) = self.front() {
            self.turn(at);
            self.pop();
        }
    }

    /// Leaves at the front what is due first. Follows every change.
    pub(super) fn tidy(&mut self, entries: &mut impl Entries) {
        if self.stale > 64 + self.len / 2 {
            self.sweep(entries);
        }
        while let Some(&item) = self.front() {
            match entries.judge(item.place.unpack(), item.at, item.stamp) {
                Standing::Due => return,
                Standing::Later(at) => {
                    self.pop();
                    self.insert(Item { at, ..item });
                }
                Standing::Stale => {
                    self.pop();
                    self.stale = self.stale.saturating_sub(1);
                }
            }
        }
    }

    /// Drops every item that stands for nothing.
    fn sweep(&mut self, entries: &impl Entries) {
        self.len = 0;
        self.stale = 0;
        for level in &mut self.levels {
            let mut left = level.occupied;
            level.heaps.retain_mut(|heap| {
                let slot = left & left.wrapping_neg();
                left &= !slot;
                heap.retain(|Reverse(item)| entries.has(item.place.unpack(), item.stamp));
                heap.shrink_to_fit();
                self.len += heap.len();
                if heap.is_empty() {
                    level.occupied &= !slot;
                }
                !heap.is_empty()
            });
        }
    }

    /// Time has come to `now`, or to the first deadline if that is earlier.
    pub(super) fn turn(&mut self, now: Instant) {
        // Inside a slot the wheel stands still, as the heap keeps the order.
        if now.micros() <= self.turned || (now.micros() ^ self.turned) >> LOWEST == 0 {
            return;
        }
        let to = self.first().map_or(now, |(at, _)| at.min(now)).micros();
        if to <= self.turned {
            return;
        }
        let entered = (to ^ self.turned) >> LOWEST;
        self.turned = to;
        if entered == 0 {
            return;
        }
        let highest = ((63 - entered.leading_zeros()) / BITS) as usize;
        for level in (1..=highest.min(self.levels.len().saturating_sub(1))).rev() {
            if let Some(mut items) = self.levels[level].take(slot_at(to, level)) {
                self.len -= items.len();
                for Reverse(item) in items.drain() {
                    self.insert(item);
                }
                self.keep(items);
            }
        }
    }

    fn insert(&mut self, item: Item) {
        // A deadline that has passed is due at once.
        let at = item.at.micros().max(self.turned);
        let ahead = (at ^ self.turned) >> LOWEST;
        let level = if ahead == 0 { 0 } else { ((63 - ahead.leading_zeros()) / BITS) as usize };
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Level::default);
        }
        let heap = self.levels[level].heap(slot_at(at, level), || core::mem::take(&mut self.spare));
        if heap.len() == heap.capacity() {
            // An eighth more, not twice as much: there may be a million of them.
            heap.reserve_exact((heap.len() / 8).max(4));
        }
        heap.push(Reverse(item));
        self.len += 1;
    }

    fn pop(&mut self) {
        let Some(level) = self.levels.iter_mut().find(|level| level.occupied != 0) else { return };
        level.heaps[0].pop();
        self.len -= 1;
        if level.heaps[0].is_empty()
            && let Some(empty) = level.take(level.occupied.trailing_zeros() as usize)
        {
            self.keep(empty);
        }
    }

    /// Keeps an empty heap, unless it has more room than a slot gets at first: it lies idle.
    fn keep(&mut self, empty: Heap) {
        if empty.capacity() <= 4 {
            self.spare = empty;
        }
    }

    /// As new, with the buffers of before.
    pub(super) fn emptied(mut self) -> Self {
        self.levels.iter_mut().for_each(|level| {
            level.occupied = 0;
            level.heaps.clear();
        });
        Self { levels: self.levels, spare: self.spare, ..Self::default() }
    }
}

const fn slot_at(micros: u64, level: usize) -> usize {
    let shift = LOWEST + BITS * level as u32;
    if shift > 63 { 0 } else { (micros >> shift) as usize % (1 << BITS) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn number_of(place: Place) -> usize {
        match place {
            Place::Connection(number) | Place::HalfOpen(number) | Place::TimeWait(number) => number as usize,
        }
    }

    impl Entries for Vec<Armed> {
        fn judge(&mut self, place: Place, at: Instant, stamp: u32) -> Standing {
            self[number_of(place)].judge(at, stamp)
        }

        fn has(&self, place: Place, stamp: u32) -> bool {
            self[number_of(place)].has(stamp)
        }
    }

    #[test]
    fn first_deadline_is_the_least_whatever_moves() {
        // Miri is some hundred times slower than the machine.
        let (seeds, rounds) = if cfg!(miri) { (1, 100) } else { (30, 2000) };
        for seed in 0..seeds {
            let mut random = Random::new(seed);
            let mut deadlines = Deadlines::default();
            let mut entries = alloc::vec![Armed::default(); 50];
            let mut now = 0;
            for _ in 0..rounds {
                let number = random.next_u32() % 50;
                // From the same instant to the end of time.
                let at = match random.next_u32() % 8 {
                    0 => None,
                    1 => Some(Instant(u64::MAX)),
                    2 => Some(Instant(now)),
                    width => Some(Instant(now + random.next_u64() % (1 << (width * 6)))),
                };
                deadlines.set(&mut entries[number as usize], Place::Connection(number), at);
                deadlines.tidy(&mut entries);
                let least = entries.iter().filter_map(Armed::deadline).min();
                assert_eq!(deadlines.first().map(|(at, _)| at), least, "seed {seed}");
                now += random.next_u64() % (1 << (random.next_u32() % 24));
                while let Some((at, place)) = deadlines.first().filter(|(at, _)| at.micros() <= now) {
                    let armed = &mut entries[number_of(place)];
                    assert_eq!(armed.deadline(), Some(at), "seed {seed}");
                    deadlines.fire();
                    armed.fired();
                    deadlines.set(armed, place, None);
                    deadlines.tidy(&mut entries);
                }
                deadlines.turn(Instant(now));
            }
            assert!(deadlines.len <= 50 + 64 + deadlines.len / 2, "seed {seed}: {} items of 50 entries", deadlines.len);
        }
    }

    #[test]
    fn equal_deadlines_come_in_the_order_in_which_they_were_set() {
        let mut deadlines = Deadlines::default();
        let mut entries = alloc::vec![Armed::default(); 4];
        let at = |number: u32| Instant(if number == 2 { 70_000 } else { 5_000_000 });
        for number in [3, 1, 2, 0] {
            deadlines.set(&mut entries[number as usize], Place::Connection(number), Some(at(number)));
            // Time passes in between, so that they enter the wheel at different levels.
            deadlines.turn(Instant(60_000 * u64::from(4 - number)));
        }
        let mut order = Vec::new();
        while let Some((_, place)) = deadlines.first() {
            order.push(number_of(place));
            deadlines.fire();
            entries[number_of(place)].fired();
            deadlines.tidy(&mut entries);
        }
        assert_eq!(order, [2, 3, 1, 0]);
    }
}
