//! Two endpoints of the reference stack over a hostile network.
//!
//! A run is drawn ([`parameters`]) and then played in four parts:
//! 1. The network loses, repeats, holds, damages and marks datagrams, is cut, changes its MTU and sends ICMP errors, while both
//!    applications write, read and change their minds. Safety: what is read is a prefix of what was written, exactly once (O39,
//!    O41, O43, O49); what goes out is what was written, where it was written (O9); acknowledgments do not go back (O3).
//! 2. The network gets well. Liveness: what was written arrives, within [`PATIENCE`] (O79), unless each ACK is outside of the window that it
//!    meets and draws another, for good, as RFC 9293 3.10.7.4 has it. Then, without a word of the
//!    applications, both fall silent (O83), and no timer runs that has nothing to wait for (O74).
//! 3. Both close. Everything is over within [`PATIENCE`] and the longest timers of a closed connection (O79).
//! 4. Nothing is left: no connection, no descriptor, no timer (O97).
//!
//! All the time: a timer that is not due sends nothing (O80), one that fires makes time go on (O81), and no event causes a storm
//! (O82). The same run gives the same datagrams at the same times (O98), whose fingerprint is [`Outcome::trace`].
//!
//! Permissive where a connection may rightly die: in a run that is `lethal` an error ends the judgement of liveness, and
//! silence and memory are left. Absent: a path that swallows what is too big without a word, Fast Open with a cookie, more than one connection.

mod application;
mod ends;
pub(crate) mod glance;
mod network;
pub mod parameters;
mod text;

use crate::dice::Dice;
use crate::finding::{Finding, hold};
use crate::told::{Host, Keeping};
use application::Application;
use glance::glance;
use halfopen_engine::packet::tcp::flag;
use halfopen_stack::{Domain, Errno, Instant, State};
pub use network::Fate;
use network::Network;
use parameters::{Canary, Parameters, Side};
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// How long a well network and willing applications may need: five of the longest retransmission timeouts. The first may have
/// begun just before the network got well; the others are for what else was lost.
pub const PATIENCE: Duration = Duration::from_secs(600);
/// How long a closed connection may take to vanish: FIN-WAIT-2 and TIME-WAIT, and the last retransmissions where it may die.
const LONGEST_END: Duration = Duration::from_secs(3600);
/// Time without any event that counts as silence: longer than any retransmission or probe waits.
const SILENCE: Duration = Duration::from_secs(300);
/// Events without the passing of time.
const MOST_AT_ONCE: u32 = 200;
/// Bare segments that one event may cause.
const MOST_BARE: u32 = 16;
/// Events of one part of a run, at most.
const MOST_EVENTS: u32 = 60_000;

/// Octets as a run; the coverage-guided target.
///
/// # Panics
/// When an oracle is violated.
pub fn run(octets: &[u8]) {
    let mut dice = Dice::of_octets(octets);
    let parameters = Parameters::draw(&mut dice);
    if let Some(finding) = play(&parameters, dice, None).finding {
        panic!("{finding}\n{parameters}");
    }
}

/// Plays choices and keeps what happens to both stacks.
///
/// # Errors
/// The oracle that is violated.
pub fn kept(mut dice: Dice<'_>, _events: usize, keeping: &[Keeping<'_>; 2]) -> Result<(), Finding> {
    let parameters = Parameters::draw(&mut dice);
    play_on(&parameters, dice, None, keeping).finding.map_or(Ok(()), Err)
}

/// What met which state in the run of these octets.
pub fn met(octets: &[u8], tell: &mut dyn FnMut(&str, &str)) {
    let mut dice = Dice::of_octets(octets);
    let parameters = Parameters::draw(&mut dice);
    let mut observe = |line: Line<'_>| {
        if let Line::Met(state, event) = line {
            tell(&state.to_string(), event);
        }
    };
    play(&parameters, dice, Some(&mut observe));
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Fingerprint of every datagram with its time and side, and of what became of it.
    pub trace: u64,
    /// Datagrams that were sent.
    pub datagrams: u32,
    /// Microseconds that passed for the stacks.
    pub virtual_us: u64,
    /// Microseconds from when the network was well to when everything had arrived and was closed.
    pub recovery_us: u64,
    /// The oracle that was violated.
    pub finding: Option<Finding>,
}

/// What a seed draws, from its first choice on.
#[must_use]
pub fn dice_of(seed: u64) -> Dice<'static> {
    Dice::of_seed(seed)
}

/// A seed's run.
#[must_use]
pub fn of_seed(seed: u64) -> (Parameters, Dice<'static>) {
    let mut dice = dice_of(seed);
    (Parameters::draw(&mut dice), dice)
}

/// Something to see of a run.
#[derive(Debug, Clone, Copy)]
pub enum Line<'a> {
    /// A datagram: when, microseconds; whose; its octets; what became of it.
    Datagram(u64, usize, &'a [u8], Fate),
    /// A part of the run begins.
    Part(u64, &'static str),
    /// A datagram, or time, meets a connection in this state.
    Met(State, &'static str),
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Datagram(at, side, octets, fate) => {
                write!(f, "{:>5}.{:06} {} ", at / 1_000_000, at % 1_000_000, ["A >", "B <"][*side])?;
                match glance(octets).and_then(|glance| glance.segment) {
                    Some(segment) => write!(f, "{segment}")?,
                    None => write!(f, "{} octets", octets.len())?,
                }
                if *fate == Fate::Sent { Ok(()) } else { write!(f, "  {}", format!("{fate:?}").to_lowercase()) }
            }
            Self::Met(state, event) => write!(f, "      {state} meets {event}"),
            Self::Part(at, name) => write!(f, "{:>5}.{:06} -- {name}", at / 1_000_000, at % 1_000_000),
        }
    }
}

/// Who looks on.
pub type Observer<'a> = &'a mut dyn FnMut(Line<'_>);

/// What is known of the segments of one side.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    iss: Option<u32>,
    ack: Option<u32>,
}

/// Everything in a run.
struct World<'a> {
    run: &'a Parameters,
    dice: Dice<'a>,
    observe: Option<Observer<'a>>,
    stacks: [Host; 2],
    sides: [Application; 2],
    seen: [Seen; 2],
    network: Network,
    buffer: Vec<u8>,
    now: Instant,
    /// Events since time last passed.
    at_once: u32,
    datagrams: u32,
    trace: u64,
    /// ACKs draw ACKs, and nothing else happens.
    at_war: bool,
}

/// Plays a run to its end, or to the first oracle that is violated.
pub fn play<'a>(run: &'a Parameters, dice: Dice<'a>, observe: Option<Observer<'a>>) -> Outcome {
    play_on(run, dice, observe, &Default::default())
}

fn play_on<'a>(
    run: &'a Parameters,
    dice: Dice<'a>,
    observe: Option<Observer<'a>>,
    keeping: &[Keeping<'_>; 2],
) -> Outcome {
    let mut world = World::new(run, dice, observe, keeping);
    let mut recovery_us = 0;
    let finding = world.play(&mut recovery_us).err();
    let World { trace, datagrams, now, .. } = world;
    Outcome { trace, datagrams, virtual_us: now.0, recovery_us, finding }
}

impl<'a> World<'a> {
    fn new(run: &'a Parameters, dice: Dice<'a>, observe: Option<Observer<'a>>, keeping: &[Keeping<'_>; 2]) -> Self {
        let stacks = [0, 1].map(|side| {
            let Side { profile, seed, .. } = run.sides[side];
            let mut stack = Host::new(profile, run.config(side), seed, &keeping[side]);
            stack.add_address(address(run, side));
            stack
        });
        Self {
            run,
            dice,
            observe,
            stacks,
            sides: Default::default(),
            seen: Default::default(),
            network: Network::default(),
            buffer: Vec::new(),
            now: Instant(0),
            at_once: 0,
            datagrams: 0,
            trace: 0,
            at_war: false,
        }
    }

    fn play(&mut self, recovery_us: &mut u64) -> Result<(), Finding> {
        self.open()?;
        assert!(self.run.canary != Some(Canary::Crash), "broken on purpose");
        self.tell("the network is hostile");
        let mut events = 0;
        while self.now.0 < self.run.well_at && events < self.run.well_after {
            events += 1;
            if !self.step(false)? {
                break;
            }
        }
        self.tell("the network is well");
        self.network.well = true;
        let well = self.now;
        for side in 0..2 {
            self.uncork(side);
            self.collect(side)?;
        }
        if self.arrives(well)? {
            self.falls_silent()?;
            if !self.at_war {
                self.tell("both close");
                let closing = self.now;
                self.ends(closing)?;
                *recovery_us = self.now.0 - well.0;
            }
        }
        if self.at_war {
            return Ok(());
        }
        self.tell("nothing is to be left");
        self.vanishes()
    }

    fn open(&mut self) -> Result<(), Finding> {
        let domain = if self.run.v6 { Domain::Inet6 } else { Domain::Inet };
        for side in 0..2 {
            let (stack, local) = (&mut self.stacks[side], address(self.run, side));
            let fd = stack.socket(self.now, domain).expect("a socket");
            stack.bind(fd, local).expect("a free port");
            if side == 1 && !self.run.simultaneous {
                self.sides[side].listener = Some(fd);
                self.prepare(side, fd);
                self.stacks[side].listen(self.now, fd, 4).expect("a free port");
            } else {
                self.sides[side].fd = Some(fd);
                self.prepare(side, fd);
                let opened = self.connect(side, fd);
                assert_eq!(opened, Err(Errno::EINPROGRESS), "an active OPEN");
            }
        }
        (0..2).try_for_each(|side| self.collect(side))
    }

    /// An active OPEN, which may take text along.
    fn connect(&mut self, side: usize, fd: i32) -> Result<(), Errno> {
        let (plan, remote) = (self.run.sides[side], address(self.run, 1 - side));
        let octets = plan.write.min(plan.octets) as usize;
        // Crossing SYNs with text are RFC 7413's to leave out.
        if !plan.opens_fast() || self.run.simultaneous || octets == 0 {
            return self.stacks[side].connect(self.now, fd, remote);
        }
        let taken = self.stacks[side].send_fast_open(self.now, fd, text::text(side, 0, octets), remote)?;
        self.sides[side].written = taken as u32;
        Err(Errno::EINPROGRESS)
    }

    fn tell(&mut self, name: &'static str) {
        if let Some(observe) = &mut self.observe {
            observe(Line::Part(self.now.0, name));
        }
    }

    /// The next event. `false`: nothing will ever happen again.
    fn step(&mut self, prompt: bool) -> Result<bool, Finding> {
        let timers = self.stacks.each_ref().map(|stack| stack.poll_at());
        let wakes = self.sides.each_ref().map(|side| (!prompt).then_some(Instant(side.next)));
        let events = timers.into_iter().chain(wakes).chain([self.network.next()]);
        let Some(at) = events.flatten().min() else { return Ok(false) };
        let late = timers.into_iter().flatten().find(|at| *at < self.now);
        hold!("O81", late.is_none(), "a timer was due at {late:?}, it is {} us", self.now.0);
        let at = at.max(self.now);
        self.at_once = if at == self.now { self.at_once + 1 } else { 0 };
        hold!("O81", self.at_once < MOST_AT_ONCE, "time stands still");
        self.now = at;
        for side in 0..2 {
            self.tick(side)?;
        }
        while let Some((to, octets)) = self.network.arrival(at) {
            self.meet(to, glance::event(&octets));
            self.stacks[to].receive(at, &octets, address(self.run, 1 - to));
            self.network.recycle(octets);
            self.collect(to)?;
        }
        for side in 0..2 {
            if prompt {
                self.act_promptly(side)?;
            } else if self.sides[side].next <= at.0 {
                self.act(side)?;
            }
        }
        Ok(true)
    }

    /// Tells who looks on what comes to a stack's connection.
    fn meet(&mut self, side: usize, event: &'static str) {
        if let Some(observe) = &mut self.observe {
            let none = if self.sides[side].listener.is_some() { State::Listen } else { State::Closed };
            let state = self.stacks[side].connections().next().map_or(none, |connection| connection.state);
            observe(Line::Met(state, event));
        }
    }

    /// Time comes to a stack.
    fn tick(&mut self, side: usize) -> Result<(), Finding> {
        let stack = &self.stacks[side];
        let due = stack.poll_at().is_some_and(|at| at <= self.now);
        if due {
            self.meet(side, "timer");
        }
        let stack = &mut self.stacks[side];
        stack.advance(self.now);
        if due {
            let next = stack.poll_at();
            hold!("O81", next.is_none_or(|next| next > self.now), "a timer that fired is due again at once");
            return self.collect(side);
        }
        let mut buffer = self.network.buffer();
        let sent = self.stacks[side].transmit_into(self.now, &mut buffer);
        hold!("O80", !sent, "something is sent although no timer was due");
        self.network.recycle(buffer);
        Ok(())
    }

    /// Takes what a stack sends, judges it, and gives it to the network.
    fn collect(&mut self, side: usize) -> Result<(), Finding> {
        let mut bare = 0;
        loop {
            let mut octets = self.network.buffer();
            if !self.stacks[side].transmit_into(self.now, &mut octets) {
                self.network.recycle(octets);
                return Ok(());
            }
            self.datagrams += 1;
            let Some(seen) = glance(&octets) else {
                return Err(Finding::oracle("O99", format_args!("a datagram of no known form: {octets:02x?}")));
            };
            if let Some(segment) = seen.segment {
                bare += u32::from(segment.is_bare());
                self.judge(side, &segment, &octets)?;
            }
            hold!("O82", bare <= MOST_BARE, "one event causes {bare} segments without text");
            fingerprint(&mut self.trace, self.now.0 << 1 | side as u64, &octets);
            // As it was sent: the network may change it.
            let copy = self.observe.is_some().then(|| octets.clone());
            self.dice.event();
            let fate = self.network.send(side, octets, &seen, self.now, self.run, &mut self.dice);
            self.trace ^= fate as u64;
            if let (Some(observe), Some(copy)) = (&mut self.observe, copy) {
                observe(Line::Datagram(self.now.0, side, &copy, fate));
            }
        }
    }

    /// Own numbers of a side: text is what was written there (O9), acknowledgments do not go back (O3), one ISS (O11).
    fn judge(&mut self, side: usize, segment: &glance::Segment, octets: &[u8]) -> Result<(), Finding> {
        if segment.has(flag::RST) {
            return Ok(());
        }
        let seen = &mut self.seen[side];
        if segment.has(flag::SYN) {
            if let Some(iss) = seen.iss.filter(|iss| *iss != segment.seq) {
                // An old SYN may open anew what is over.
                let over = self.run.lethal || self.sides[side].shut;
                hold!("O11", over, "a SYN at {} after one at {iss}", segment.seq);
                *seen = Seen::default();
            }
            seen.iss = Some(segment.seq);
        }
        if segment.has(flag::ACK) {
            let back = seen.ack.is_some_and(|known| segment.ack.wrapping_sub(known).cast_signed() < 0);
            hold!("O3", !back, "acknowledgments go back from {:?}: {segment}", seen.ack);
            seen.ack = Some(segment.ack);
        }
        let Some(iss) = seen.iss.filter(|_| segment.text > 0) else { return Ok(()) };
        let start = segment.seq.wrapping_add(u32::from(segment.has(flag::SYN)));
        let offset = start.wrapping_sub(iss.wrapping_add(1));
        let written = self.sides[side].written;
        let end = u64::from(offset) + segment.text as u64;
        // The call that wrote it has not returned yet.
        let limit = u64::from(written.max(self.run.sides[side].octets));
        hold!("O7", end <= limit, "octets {offset}:{end} were never written: {segment}");
        let right = octets[octets.len() - segment.text..] == *text::text(side, offset, segment.text);
        hold!("O9", right, "octets {offset}:{end} are not those that were written there: {segment}");
        Ok(())
    }
}

/// Where a side is.
fn address(run: &Parameters, side: usize) -> SocketAddr {
    let (v4, v6) = ([[192, 0, 2, 1], [192, 0, 2, 2]][side], [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1 + side as u16]);
    let port = [5000, 80][side];
    if run.v6 { SocketAddr::from((v6, port)) } else { SocketAddr::from((v4, port)) }
}

/// Eight octets at a time: a run hashes a hundred thousand of them.
fn fingerprint(trace: &mut u64, what: u64, octets: &[u8]) {
    let mut mix = |word: u64| *trace = (trace.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    mix(what);
    let mut words = octets.chunks_exact(8);
    for word in &mut words {
        mix(u64::from_le_bytes(word.try_into().expect("eight octets")));
    }
    words.remainder().iter().for_each(|octet| mix(u64::from(*octet)));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `halfopen fuzz sim` found once, by seed; changes of what is drawn give a seed another run.
    #[test]
    fn seeds_that_were_found_once_stay_fixed() {
        // ACKs that draw ACKs beside a TIME-WAIT; text of a Fast Open that is too large for the path.
        for seed in [194_243, 763_407] {
            let (run, dice) = of_seed(seed);
            assert_eq!(play(&run, dice, None).finding, None, "seed {seed}");
        }
    }
}
