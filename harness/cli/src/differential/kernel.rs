//! The kernel of this host as a host of programs.

use crate::clock;
use halfopen_fuzz::datagram::{HOST_V4, PEER_V4, v6};
use halfopen_fuzz::differential::reference::{ABSENT, PARAMETERS};
use halfopen_fuzz::differential::{Divergence, Host, Lane, Trace, Waited, option, play, script};
use halfopen_fuzz::program::{Name, Program, Setup};
use halfopen_fuzz::script::Entry;
use halfopen_sut::SutError;
use halfopen_sut::linux::pooled::{Ends, Pooled};
use std::time::{Duration, Instant};

/// A run that takes longer is taken again: the kernel's shortest timer, that of a delayed ACK, may have fired.
const MOST: Duration = Duration::from_millis(25);
/// How often, before the host counts as too slow.
const TRIES: u32 = 20;

/// A namespace of this thread, and another when its addresses are used up.
#[derive(Debug)]
pub struct Kernel {
    pooled: Pooled,
    /// Something was done since the device had nothing more to say.
    moved: bool,
    /// What the program's clock last said, in microseconds, and when.
    clock: (u64, Instant),
    /// What it said first, and when.
    first: Option<(u64, Instant)>,
    /// Runs that were taken again.
    pub slow: u64,
}

impl Kernel {
    /// Moves this thread into a namespace.
    pub fn enter() -> Result<Self, SutError> {
        Ok(Self { pooled: namespace()?, moved: true, clock: (0, clock::now()), first: None, slow: 0 })
    }

    /// See [`Pooled::memory_of_unit`].
    pub fn memory_of_unit(&self) -> Result<u32, SutError> {
        self.pooled.memory_of_unit()
    }

    /// Runs a program of a lane; one that waits for nothing in less time than a timer takes.
    pub fn run(&mut self, program: &Program, lane: Lane) -> Result<Trace, SutError> {
        for _ in 0..TRIES {
            if !self.pooled.next_exchange() {
                // The old one goes with its last descriptor, which is its device's.
                self.pooled = namespace()?;
                self.pooled.next_exchange();
            }
            let started = clock::now();
            let trace = play(program, self);
            if lane != Lane::Fast || started.elapsed() < MOST {
                return Ok(trace);
            }
            self.slow += 1;
        }
        Err(SutError::Environment(format!(
            "this host is too busy: {TRIES} runs of a program took more than {MOST:?} each"
        )))
    }
}

impl Kernel {
    /// The exchange of a divergence as a script.
    pub fn script(&mut self, program: &Program, found: &Divergence) -> (String, Vec<Entry>) {
        if !self.pooled.next_exchange()
            && let Ok(pooled) = namespace()
        {
            self.pooled = pooled;
            self.pooled.next_exchange();
        }
        script(program, found, self)
    }
}

fn namespace() -> Result<Pooled, SutError> {
    let ends = Ends { host: (HOST_V4, v6(1)), peer: (PEER_V4, v6(2)) };
    let paths: Vec<(String, &str)> =
        PARAMETERS.iter().chain(ABSENT).map(|(name, value)| (name.replace('.', "/"), *value)).collect();
    let parameters: Vec<(&str, &str)> = paths.iter().map(|(path, value)| (path.as_str(), *value)).collect();
    Pooled::enter(ends, &parameters)
}

impl Host for Kernel {
    fn begin(&mut self, _setup: &Setup) {
        (self.moved, self.first) = (true, None);
    }

    fn at(&mut self, micros: u64) {
        self.clock = (micros, clock::now());
        self.first.get_or_insert(self.clock);
    }

    /// A wait ends late, and what a program does in no time takes some.
    fn ahead(&self) -> Option<u64> {
        let ((micros, now), (first, since)) = (self.clock, self.first?);
        Some((now.duration_since(since).as_micros() as u64).saturating_sub(micros - first))
    }

    fn arrives(&mut self, datagram: &mut [u8]) {
        // What TUN refuses the kernel has not seen, and the comparison shows it.
        self.moved = true;
        let _ = self.pooled.inject(datagram);
    }

    fn leaves(&mut self, out: &mut Vec<u8>) -> bool {
        // All that the kernel sends it sends before a call returns.
        if !self.moved {
            return false;
        }
        let Some(octets) = self.pooled.outgoing() else {
            self.moved = false;
            return false;
        };
        out.clear();
        out.extend_from_slice(octets);
        true
    }

    fn wait(&mut self, until: u64, out: &mut Vec<u8>) -> Waited {
        let (then, since) = self.clock;
        let most = Duration::from_micros(until.saturating_sub(then));
        loop {
            self.moved = true;
            let passed = since.elapsed();
            if self.leaves(out) {
                return Waited::Left(until.min(then + passed.as_micros() as u64));
            }
            if passed >= most {
                return Waited::Over(until);
            }
            self.pooled.await_outgoing(most - passed);
        }
    }

    fn socket(&mut self, v6: bool) -> Result<i32, i32> {
        self.pooled.socket(v6)
    }

    fn option(&mut self, fd: i32, name: Name, value: u16) -> Result<(), i32> {
        self.moved = true;
        let (word, value) = option(name, value);
        self.pooled.set(fd, word, value)
    }

    fn linger_zero(&mut self, fd: i32) -> Result<(), i32> {
        self.moved = true;
        self.pooled.linger_zero(fd)
    }

    fn bind(&mut self, fd: i32, v6: bool, port: u16) -> Result<(), i32> {
        self.pooled.set(fd, "SO_REUSEADDR", 1)?;
        self.pooled.bind(fd, v6, port)
    }

    fn listen(&mut self, fd: i32, backlog: i32) -> Result<(), i32> {
        self.moved = true;
        self.pooled.listen(fd, backlog)
    }

    fn accept(&mut self, fd: i32) -> Result<(i32, u16), i32> {
        self.moved = true;
        self.pooled.accept(fd)
    }

    fn connect(&mut self, fd: i32, v6: bool, port: u16) -> Result<(), i32> {
        self.moved = true;
        self.pooled.connect(fd, v6, port)
    }

    fn send(&mut self, fd: i32, data: &[u8], more: bool, urgent: bool) -> Result<usize, i32> {
        self.moved = true;
        self.pooled.send(fd, data, more, urgent)
    }

    fn recv(&mut self, fd: i32, room: &mut [u8], peek: bool) -> Result<usize, i32> {
        self.moved = true;
        self.pooled.recv(fd, room, peek)
    }

    fn shutdown(&mut self, fd: i32, how: i32) -> Result<(), i32> {
        self.moved = true;
        self.pooled.shutdown(fd, how)
    }

    fn close(&mut self, fd: i32) -> Result<(), i32> {
        self.moved = true;
        self.pooled.close(fd)
    }

    fn state(&mut self, fd: i32) -> u8 {
        self.pooled.state(fd).unwrap_or(0)
    }
}
