//! Programs that are worth another look: those at which the reference stack did something that it had not done before.

use super::Lane;
use super::trace::{Fnv, Item, Trace};
use crate::datagram::ACK;
use crate::program::mutate::{cross_over, mutate};
use crate::program::random::{Random, program};
use crate::program::{MOST_EVENTS, Program};
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

/// Programs that are kept; the oldest go.
const MOST: usize = 20_000;

/// Draws programs, and learns from what became of them. The same seed draws the same ones.
#[derive(Debug)]
pub struct Pool {
    random: Random,
    kept: Vec<Program>,
    features: BTreeSet<u64>,
    cells: BTreeSet<u64>,
}

impl Pool {
    /// A pool without programs.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), kept: Vec::new(), features: BTreeSet::new(), cells: BTreeSet::new() }
    }

    /// The next program of a lane: drawn, or made of one or two that were kept.
    pub fn draw(&mut self, lane: Lane) -> Program {
        let random = &mut self.random;
        let mut one = if self.kept.is_empty() || random.one_in(3) {
            program(random)
        } else {
            let mut one = self.kept[random.below(self.kept.len())].clone();
            if random.one_in(4) {
                one = cross_over(&one, &self.kept[random.below(self.kept.len())], random.next());
            }
            for _ in 0..=random.below(3) {
                mutate(&mut one, random.next());
            }
            one
        };
        lane.fit(&mut one);
        one.events.truncate(MOST_EVENTS);
        one
    }

    /// Keeps a program whose run has something new. Whether it has.
    pub fn learn(&mut self, program: &Program, trace: &Trace) -> bool {
        let mut new = false;
        for step in &trace.steps {
            let mut cell = Fnv::default();
            (step.state, step.kind, step.after).hash(&mut cell);
            new |= self.cells.insert(cell.finish());
            for item in &step.items {
                let mut feature = cell;
                class(item).hash(&mut feature);
                new |= self.features.insert(feature.finish());
            }
        }
        if new {
            if self.kept.len() == MOST {
                self.kept.remove(0);
            }
            self.kept.push(program.clone());
        }
        new
    }

    /// Cells of state, event and state that were seen; features of what was done in them; programs that are kept.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize, usize) {
        (self.cells.len(), self.features.len(), self.kept.len())
    }
}

/// What is new about an item, and what is not: numbers count by size alone.
fn class(item: &Item) -> (u8, u64, u64, bool) {
    let size = |number: u32| u64::from(u32::BITS - number.leading_zeros()) / 4;
    match item {
        Item::Segment(seg) => {
            let options = [seg.mss.is_some(), seg.shift.is_some(), seg.sack_permitted, seg.echo.is_some()];
            let options = options.iter().fold(0, |sum, is| sum << 1 | u64::from(*is)) << 4 | seg.sacks.len() as u64;
            (
                seg.flags,
                size(seg.length) << 8 | u64::from(seg.window > 0),
                options,
                seg.flags & ACK != 0 && seg.seq == 0,
            )
        }
        Item::Other(protocol, kind) => (*protocol, u64::from(*kind), 1 << 32, false),
        Item::Call(name, result, _) => {
            let value =
                result.map_or_else(|errno| 1 << 16 | u64::from(errno.unsigned_abs()), |value| size(value as u32));
            (name.len() as u8, value, 2 << 32, false)
        }
        Item::State(state) => (*state, 0, 3 << 32, false),
    }
}
