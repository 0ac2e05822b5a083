//! A SUT that is none: it plays the SUT's side of the very script that it is given, right or wrong on demand. For tests of the harness.
//!
//! It learns of the script through [`Sut::announce`], which a SUT worth testing does not look at.

mod behaviour;
mod play;

pub use behaviour::{Behaviour, Rules, SpecError};

use crate::call::{Reply, SysCall};
use crate::packet::Datagram;
use crate::sut::{ClockKind, Description, Evidence, Happening, Micros, Setup, Sut, SutError};
use halfopen_script::test::Test;
use play::Play;
use std::collections::BTreeMap;

/// What is done to a datagram before it leaves the fake.
#[derive(Debug, Clone, Copy)]
pub enum Tamper {
    /// It is changed; lengths and checksums stay as they were.
    Change(fn(&mut Datagram)),
    /// It never leaves.
    Omit,
    /// It leaves this much later; negative: earlier.
    Late(Micros),
    /// It leaves as it should, and once more this much later.
    Again(Micros),
}

/// A SUT that plays along. Its clock is virtual, or counts as real without any waiting.
#[derive(Debug)]
pub struct FakeSut {
    description: Description,
    rules: Rules,
    /// By place among the datagrams that the script expects, from 0.
    tampers: BTreeMap<usize, Tamper>,
    /// Replies instead of the scripted ones, by place among the calls, from 0.
    replies: BTreeMap<usize, Reply>,
    /// What `%{ }%` blocks see.
    info: Vec<(String, i64)>,
    /// Its option layout is its own affair.
    own_layout: bool,
    /// No call blocks.
    hasty: bool,
    /// How long each call takes, in microseconds.
    slow: Micros,
    /// Played instead of the test that is announced.
    other: Option<Test>,
    /// Executions by test id: a flaky one fails the first.
    runs: BTreeMap<String, u32>,
    behaviour: Behaviour,
    play: Play,
    /// Everything that was injected in the last test but its control.
    injected: Vec<Vec<u8>>,
}

impl FakeSut {
    /// A fake that does to each test what the first fitting rule says.
    pub fn new(clock: ClockKind, rules: Rules) -> Self {
        let description = Description {
            name: "fake".into(),
            runner: "sim".into(),
            version: String::new(),
            clock,
            params: vec![("time_wait".into(), 60_000_000)],
        };
        Self {
            description,
            rules,
            tampers: BTreeMap::new(),
            replies: BTreeMap::new(),
            info: Vec::new(),
            own_layout: false,
            hasty: false,
            slow: 0,
            other: None,
            runs: BTreeMap::new(),
            behaviour: Behaviour::Pass,
            play: Play::default(),
            injected: Vec::new(),
        }
    }

    /// A fake that does what every script says, on a virtual clock.
    pub fn passing() -> Self {
        Self::new(ClockKind::Virtual, Rules::default())
    }

    /// Tampers with the n-th datagram (from 0) that the script expects.
    #[must_use]
    pub fn tamper(mut self, index: usize, tamper: Tamper) -> Self {
        self.tampers.insert(index, tamper);
        self
    }

    /// Answers the n-th call (from 0) like this.
    #[must_use]
    pub fn reply(mut self, index: usize, reply: Reply) -> Self {
        self.replies.insert(index, reply);
        self
    }

    /// Lays its options out as it likes.
    #[must_use]
    pub fn own_option_layout(mut self) -> Self {
        self.own_layout = true;
        self
    }

    /// Takes this many microseconds for each call.
    #[must_use]
    pub fn slow_calls(mut self, micros: Micros) -> Self {
        self.slow = micros;
        self
    }

    /// Plays this test whatever test is announced.
    #[must_use]
    pub fn playing(mut self, test: Test) -> Self {
        self.other = Some(test);
        self
    }

    /// Values for `%{ }%` blocks.
    #[must_use]
    pub fn info(mut self, values: &[(&str, i64)]) -> Self {
        self.info = values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        self
    }

    /// Returns from every call at once, also from those that the script declares to block.
    #[must_use]
    pub fn hasty(mut self) -> Self {
        self.hasty = true;
        self
    }

    /// Every datagram that the last test's script had injected, in order.
    pub fn injected(&self) -> &[Vec<u8>] {
        &self.injected
    }

    /// Dies, when that is what this test's fake does.
    fn mortal(&self) -> Result<(), SutError> {
        match self.behaviour {
            Behaviour::Crash => Err(SutError::Broken("the fake crashed, as it was told to".into())),
            Behaviour::Panic => panic!("the fake panicked, as it was told to"),
            Behaviour::Pass
            | Behaviour::Fail
            | Behaviour::Hang
            | Behaviour::Flake
            | Behaviour::Late
            | Behaviour::Lossy
            | Behaviour::Lacks
            | Behaviour::Refuses => Ok(()),
        }
    }
}

impl Sut for FakeSut {
    fn describe(&self) -> &Description {
        &self.description
    }

    fn has_own_option_layout(&self) -> bool {
        self.own_layout
    }

    fn announce(&mut self, test: &Test) {
        let id = test.id.to_string();
        let runs = self.runs.entry(id.clone()).or_default();
        *runs += 1;
        self.behaviour = match (self.rules.of(&id), *runs) {
            (Behaviour::Flake, 1) => Behaviour::Late,
            (Behaviour::Flake, _) => Behaviour::Pass,
            (behaviour, _) => behaviour,
        };
        let mut tampers = self.tampers.clone();
        if self.behaviour == Behaviour::Fail {
            tampers.insert(0, Tamper::Change(behaviour::spoil));
        }
        if self.behaviour == Behaviour::Late {
            tampers.insert(0, Tamper::Late(300_000));
        }
        self.play = Play::new(self.other.as_ref().unwrap_or(test), tampers, self.replies.clone());
        (self.play.mute, self.play.hasty) = (self.behaviour == Behaviour::Hang, self.hasty);
        self.injected.clear();
    }

    fn start(&mut self, setup: &Setup) -> Result<(), SutError> {
        if self.behaviour == Behaviour::Lacks {
            return Err(SutError::Unsupported("the fake lacks it, as it was told to".into()));
        }
        if self.behaviour == Behaviour::Refuses {
            return Err(SutError::Environment("the fake cannot start, as it was told".into()));
        }
        self.play.addresses(setup.local.0, setup.remote.0);
        Ok(())
    }

    fn now(&mut self) -> Micros {
        self.play.now
    }

    fn inject(&mut self, datagram: &[u8]) -> Result<Micros, SutError> {
        self.mortal()?;
        if !play::is_control(datagram) {
            self.injected.push(datagram.to_vec());
        }
        self.play.inject(datagram);
        Ok(self.play.now)
    }

    fn next(&mut self, deadline: Micros) -> Result<Happening, SutError> {
        self.mortal()?;
        Ok(self.play.next(deadline))
    }

    fn call(&mut self, call: &SysCall) -> Result<Reply, SutError> {
        self.mortal()?;
        let reply = self.play.call(call);
        self.play.now += self.slow;
        Ok(reply)
    }

    fn command(&mut self, line: &str) -> Result<(), SutError> {
        match line.trim() {
            "false" => Err(SutError::Environment("`false` ended with status 1".into())),
            "unsupported" => Err(SutError::Unsupported("command `unsupported`".into())),
            _ => Ok(()),
        }
    }

    fn tcp_info(&mut self, _: i32) -> Result<Vec<(String, i64)>, SutError> {
        Ok(self.info.clone())
    }

    fn citations(&mut self) -> Vec<&'static str> {
        std::mem::take(&mut self.play.cited)
    }

    fn finish(&mut self) -> Result<Evidence, SutError> {
        let dropped = u64::from(self.behaviour == Behaviour::Lossy);
        Ok(Evidence { captured: self.play.emitted as u64, dropped, absent: 0, tickless: 0 })
    }
}
