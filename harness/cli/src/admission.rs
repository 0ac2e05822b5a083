//! How many tests run at once on a real clock: as many as the machine can be punctual for.
//!
//! Every wait of every test says by how much it ended late. Where more than a few are late, fewer tests begin from then on; where hardly any
//! is, more do. Tests begin one by one, a little apart, so that what they have in common does not fall together.

use crate::clock;
use halfopen_engine::sut::Micros;
use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// A wait that ends later than this is late: half of what makes a failure doubtful; microseconds.
const LATE: Micros = crate::repeats::LATE / 2;
/// Tests of one run begin at least this far apart.
const APART: Duration = Duration::from_micros(1_700);
/// How often the meter is read.
pub const LOOK: Duration = Duration::from_millis(50);
/// Tests at once for each core: at first, and at least.
const FIRST: usize = 8;
const LEAST: usize = 2;

/// Counts waits, and those that ended late.
#[derive(Debug, Default)]
pub struct Meter {
    waits: AtomicU32,
    late: AtomicU32,
}

impl Meter {
    /// A wait ended this late.
    pub fn note(&self, late: Micros) {
        self.waits.fetch_add(1, Ordering::Relaxed);
        self.late.fetch_add(u32::from(late > LATE), Ordering::Relaxed);
    }

    /// Waits and late ones since the last reading.
    fn read(&self) -> (u32, u32) {
        (self.waits.swap(0, Ordering::Relaxed), self.late.swap(0, Ordering::Relaxed))
    }
}

/// How many tests run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crowd {
    /// So many.
    Fixed(usize),
    /// As many as is good for the clock, at most so many, on a machine of so many cores.
    Punctual {
        /// At most.
        most: usize,
        /// Of the machine.
        cores: usize,
    },
}

/// The number of tests that may run at once, from one reading to the next.
#[derive(Debug, Clone, Copy)]
struct Limit {
    now: usize,
    least: usize,
    most: usize,
}

impl Limit {
    fn new(crowd: Crowd) -> Self {
        match crowd {
            Crowd::Fixed(number) => Self { now: number, least: number, most: number },
            Crowd::Punctual { most, cores } => {
                Self { now: (cores * FIRST).min(most), least: (cores * LEAST).min(most), most }
            }
        }
    }

    /// What a reading makes of it, with so many tests running: down by a quarter where one wait in 50 was late, up by an eighth where not one in 200 was.
    fn read(&mut self, (waits, late): (u32, u32), running: usize) {
        if late * 50 > waits {
            self.now = (self.now.min(running) * 3 / 4).max(self.least);
        } else if late * 200 <= waits && running >= self.now {
            self.now = (self.now + self.now / 8 + 1).min(self.most);
        }
    }
}

/// What waits to be run, and who may.
#[derive(Debug)]
pub struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    queue: VecDeque<usize>,
    running: BTreeSet<usize>,
    /// Workers whose SUT hangs: they get no other test.
    given_up: BTreeSet<usize>,
    limit: Limit,
    /// No test begins any more.
    closed: bool,
    /// How far apart tests begin, and when the next one may.
    apart: Duration,
    next: Option<Instant>,
}

impl Gate {
    /// Tests in this order.
    pub fn new(order: Vec<usize>, crowd: Crowd) -> Self {
        let apart = if matches!(crowd, Crowd::Punctual { .. }) { APART } else { Duration::ZERO };
        let state = State {
            queue: order.into(),
            running: BTreeSet::new(),
            given_up: BTreeSet::new(),
            limit: Limit::new(crowd),
            closed: false,
            apart,
            next: None,
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no worker panics at the gate")
    }

    /// The next test for a worker, when it is its turn; `None` when there is none left for it.
    pub fn enter(&self, worker: usize) -> Option<usize> {
        let mut state = self.state();
        loop {
            if state.queue.is_empty() || state.given_up.contains(&worker) {
                return None;
            }
            if state.running.len() >= state.limit.now {
                state = self.changed.wait(state).expect("no worker panics at the gate");
                continue;
            }
            let now = if state.apart.is_zero() { None } else { Some(clock::now()) };
            if let (Some(now), Some(next)) = (now, state.next)
                && now < next
            {
                state = self.changed.wait_timeout(state, next - now).expect("no worker panics at the gate").0;
                continue;
            }
            state.next = now.map(|now| now + state.apart);
            state.running.insert(worker);
            return state.queue.pop_front();
        }
    }

    /// One more test, behind those that wait; none after the end.
    pub fn push(&self, test: usize) {
        let mut state = self.state();
        if !state.closed {
            state.queue.push_back(test);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// A worker's test is over.
    pub fn leave(&self, worker: usize) {
        self.state().running.remove(&worker);
        self.changed.notify_all();
    }

    /// A worker does not come back.
    pub fn give_up(&self, worker: usize) {
        let mut state = self.state();
        state.running.remove(&worker);
        state.given_up.insert(worker);
        drop(state);
        self.changed.notify_all();
    }

    /// No test begins any more.
    pub fn close(&self) {
        let mut state = self.state();
        state.queue.clear();
        state.closed = true;
        drop(state);
        self.changed.notify_all();
    }

    /// Takes a reading of the meter into account, and says how many workers could have work.
    pub fn look(&self, meter: &Meter) -> usize {
        let mut state = self.state();
        let running = state.running.len();
        state.limit.read(meter.read(), running);
        let wanted = state.limit.now.min(running + state.queue.len());
        drop(state);
        self.changed.notify_all();
        wanted
    }

    /// How many workers could have work.
    pub fn wanted(&self) -> usize {
        let state = self.state();
        state.limit.now.min(state.running.len() + state.queue.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_holds_tests_back_and_punctuality_lets_them_go() {
        let crowd = Crowd::Punctual { most: 40, cores: 2 };
        let run = |readings: &[((u32, u32), usize)]| {
            let mut limit = Limit::new(crowd);
            readings.iter().for_each(|(reading, running)| limit.read(*reading, *running));
            limit.now
        };
        type Readings<'a> = &'a [((u32, u32), usize)];
        #[rustfmt::skip]
        let table: [(Readings<'_>, usize); 9] = [
            (&[],                                    16),
            (&[((1000, 0), 16)],                     19),
            (&[((1000, 5), 16)],                     19),
            // Neither good nor bad.
            (&[((1000, 6), 16)],                     16),
            (&[((1000, 21), 16)],                    12),
            // Who does not use what it may is given no more.
            (&[((1000, 0), 3)],                      16),
            (&[((1000, 21), 8)],                     6),
            (&[((10, 10), 16); 9],                   4),
            (&[((0, 0), 40); 9],                     40),
        ];
        for (readings, expected) in table {
            assert_eq!(run(readings), expected, "{readings:?}");
        }
    }

    #[test]
    fn a_worker_that_was_given_up_makes_room_and_gets_nothing() {
        let gate = Gate::new(vec![7, 8, 9], Crowd::Fixed(1));
        assert_eq!((gate.enter(0), gate.wanted()), (Some(7), 1));
        gate.give_up(0);
        assert_eq!(gate.enter(0), None, "although there are tests left");
        assert_eq!(gate.enter(1), Some(8));
        gate.leave(0);
        gate.leave(1);
        gate.close();
        gate.push(7);
        assert_eq!((gate.enter(1), gate.wanted()), (None, 0));
    }

    #[test]
    fn tests_begin_apart() {
        let gate = Gate::new((0..4).collect(), Crowd::Punctual { most: 8, cores: 1 });
        let began = clock::now();
        (0..4).for_each(|worker| assert_eq!(gate.enter(worker), Some(worker)));
        assert!(clock::now() - began >= 3 * APART, "the first begins at once, each other one later");
    }
}
