//! One reference stack, its sockets, four connections of the peer, the network between them, and the clock: what runs a program and has
//! every step judged.
//!
//! A [`Machine`] is made once and runs many programs; its buffers live on. What happens can be watched ([`Watch`]), and watching costs
//! nothing when nobody does.

mod calls;
pub(crate) mod ending;
mod peer;
mod world;

pub use calls::option;
pub use peer::{CLOSED, LISTENING, Peer};

use crate::oracles::Violation;
use crate::oracles::judge::{Choices, Judge};
use crate::program::{Event, Program, Setup};
use halfopen_stack::{Config, Instant, Stack, State};
use std::cell::Cell;
use world::World;

/// Somebody to whom a run is told as it happens. Times are microseconds.
pub trait Watch {
    /// An event begins.
    fn event(&mut self, _event: &Event) {}
    /// A datagram reaches the host.
    fn datagram_in(&mut self, _at: u64, _octets: &[u8]) {}
    /// A datagram leaves the host.
    fn datagram_out(&mut self, _at: u64, _octets: &[u8]) {}
    /// A call was made.
    fn call(&mut self, _at: u64, _call: &Made<'_>) {}
    /// The events are over: what follows ends the run.
    fn over(&mut self) {}
    /// A step has led a connection from one state to another.
    fn step(&mut self, _kind: &'static str, _from: Option<State>, _to: Option<State>) {}
}

/// A call that was made, as a script would have it. Errors are Linux's numbers.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "the calls' own words")]
pub enum Made<'a> {
    Socket { fd: i32 },
    Accept { fd: i32, result: Result<i32, i32> },
    Connect { fd: i32, port: u16, result: Result<(), i32> },
    Send { fd: i32, octets: usize, more: bool, urgent: bool, result: Result<usize, i32> },
    Receive { fd: i32, octets: usize, peek: bool, result: Result<usize, i32>, read: &'a [u8] },
    Shutdown { fd: i32, how: &'static str, result: Result<(), i32> },
    Close { fd: i32 },
    Option { fd: i32, name: &'static str, value: i64, result: Result<(), i32> },
    Listen { fd: i32, backlog: i32 },
}

/// Nobody.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

impl Watch for Nobody {}

/// What a run has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What was found first.
    pub violation: Option<Violation>,
    /// A hash of all that left the host, and when.
    pub hash: u64,
}

/// Runs programs, one after the other.
#[derive(Debug)]
pub struct Machine {
    stack: Stack,
    judge: Judge,
    peers: [Peer; 4],
    buffers: world::Buffers,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            stack: Stack::new(Config::rfc9293(), 0),
            judge: Judge::new(Choices::of(&Config::rfc9293())),
            peers: Default::default(),
            buffers: Default::default(),
        }
    }
}

/// The configuration of a set-up.
#[must_use]
pub fn config(setup: &Setup) -> Config {
    setup.profile.beginning()
}

impl Machine {
    /// Runs a program to its end, or to the first violation.
    pub fn run(&mut self, program: &Program, watch: &mut impl Watch) -> Outcome {
        self.run_as(config(&program.setup), program, watch)
    }

    /// As [`Machine::run`], on a host of another configuration than the set-up's.
    pub fn run_as(&mut self, config: Config, program: &Program, watch: &mut impl Watch) -> Outcome {
        let mut world = World::new(self, config, &program.setup, watch);
        for event in &program.events {
            world.event(event);
            if world.is_over() {
                break;
            }
        }
        if !world.is_over() {
            world.watch.over();
            world.end();
        }
        let judge = &mut self.judge;
        Outcome { violation: judge.violation.take(), hash: judge.hash }
    }
}

thread_local! {
    static MACHINE: Cell<Option<Box<Machine>>> = const { Cell::new(None) };
}

/// Runs a program on this thread's machine.
pub fn run(program: &Program, watch: &mut impl Watch) -> Outcome {
    // A panic of the stack leaves the machine behind in any state: the next run begins with another.
    let mut machine = MACHINE.take().unwrap_or_default();
    let outcome = machine.run(program, watch);
    MACHINE.set(Some(machine));
    outcome
}

/// The clock before the first event.
const BEGINNING: Instant = Instant(1_000_000);
