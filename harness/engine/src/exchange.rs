//! The SUT as the engine uses it: what arrives is queued, what is done is recorded, nothing waits without end.

use crate::call::{Reply, SysCall};
use crate::mapping::Mapping;
use crate::outcome::{Entry, Lane, Lateness, Mark};
use crate::packet::{Body, Datagram, Ip, Ipv4};
use crate::stop::Stop;
use crate::sut::{ClockKind, Happening, Micros, Sut};
use crate::view::{Concern, concern};
use halfopen_script::FileId;
use std::cell::Cell;
use std::collections::VecDeque;
use std::net::Ipv4Addr;

/// A datagram of the SUT that the script has to say something about.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    /// On the script's clock.
    pub(crate) at: Micros,
    pub(crate) octets: Vec<u8>,
    pub(crate) datagram: Datagram,
    pub(crate) cited: Vec<&'static str>,
}

/// Why a wait ended.
#[derive(Debug)]
pub(crate) enum Woken {
    /// A datagram is at the back of the queue.
    Datagram,
    /// The pending call returned.
    Returned(Micros, Reply),
    /// The deadline passed.
    Deadline,
}

/// More than any test has: a SUT that goes on beyond this will not stop.
const HAPPENINGS: u64 = 1_000_000;

/// A line of the script or of a fixture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: FileId,
    pub(crate) line: u32,
}

pub(crate) struct Exchange<'a> {
    sut: &'a mut dyn Sut,
    pub(crate) clock: ClockKind,
    /// The SUT's clock when the script began.
    pub(crate) origin: Micros,
    /// A method of the SUT is running: a panic now is the SUT's.
    inside: &'a Cell<bool>,
    pub(crate) queue: VecDeque<Arrived>,
    trace: &'a mut Vec<Entry>,
    /// Last rule that the SUT cited, and the line that was being run.
    pub(crate) cited: Option<(&'static str, Option<u32>)>,
    /// Line that is being run.
    pub(crate) place: Option<Place>,
    /// Datagrams that were not judged.
    ignored: u64,
    happenings: u64,
    /// How late the harness was up to now.
    pub(crate) lateness: Lateness,
    /// When its last turn ended.
    turned: Micros,
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(sut: &'a mut dyn Sut, inside: &'a Cell<bool>, trace: &'a mut Vec<Entry>) -> Self {
        let clock = sut.describe().clock;
        let (queue, cited, place) = (VecDeque::new(), None, None);
        Self {
            sut,
            clock,
            origin: 0,
            inside,
            queue,
            trace,
            cited,
            place,
            ignored: 0,
            happenings: 0,
            lateness: Lateness::default(),
            turned: 0,
        }
    }

    /// Lets the SUT do something. While it does, a panic is its own.
    pub(crate) fn sut<T>(&mut self, act: impl FnOnce(&mut dyn Sut) -> T) -> T {
        self.inside.set(true);
        let result = act(self.sut);
        self.inside.set(false);
        result
    }

    /// The script begins now.
    pub(crate) fn begin(&mut self) -> Result<(), Stop> {
        self.sut(|sut| sut.align())?;
        self.origin = self.sut(|sut| sut.now());
        Ok(())
    }

    /// Time since the script began.
    pub(crate) fn now(&mut self) -> Micros {
        self.sut(|sut| sut.now()) - self.origin
    }

    /// A turn of the harness, due at a time on the script's clock, begins: how much later. What was due before the turn before it
    /// ended, as a segment of the SUT came early or during a long call, is late only since then.
    pub(crate) fn turn(&mut self, due: Micros) -> Micros {
        let now = self.now();
        self.lateness.turns = self.lateness.turns.max(now - due.max(self.turned));
        now - due
    }

    /// A turn has ended.
    pub(crate) fn turned(&mut self) {
        self.turned = self.now();
    }

    pub(crate) fn inject(&mut self, octets: &[u8]) -> Result<(Micros, Vec<&'static str>), Stop> {
        let at = self.sut(|sut| sut.inject(octets))? - self.origin;
        self.turned();
        Ok((at, self.citations()))
    }

    pub(crate) fn call(&mut self, call: &SysCall) -> Result<(Reply, Vec<&'static str>), Stop> {
        let reply = self.sut(|sut| sut.call(call))?;
        self.turned();
        Ok((reply, self.citations()))
    }

    fn citations(&mut self) -> Vec<&'static str> {
        let cited = self.sut(|sut| sut.citations());
        if let Some(last) = cited.last() {
            self.cited = Some((last, self.place.map(|place| place.line)));
        }
        cited
    }

    /// Waits for the next datagram that is judged, the end of the pending call, or the deadline on the script's clock.
    pub(crate) fn wait(&mut self, deadline: Micros, mapping: &Mapping) -> Result<Woken, Stop> {
        loop {
            self.happenings += 1;
            if self.happenings > HAPPENINGS {
                return Err(Stop::Broken(format!(
                    "the SUT sends without end: {} datagrams are not judged",
                    self.ignored
                )));
            }
            let until = deadline + self.origin;
            match self.sut(|sut| sut.next(until))? {
                Happening::Deadline => {
                    self.citations();
                    return Ok(Woken::Deadline);
                }
                Happening::Returned { at, reply } => {
                    self.citations();
                    return Ok(Woken::Returned(at - self.origin, reply));
                }
                Happening::Datagram { at, octets } => {
                    let cited = self.citations();
                    if self.clock == ClockKind::Real {
                        let sight = self.now() + self.origin - at;
                        self.lateness.sight = self.lateness.sight.max(sight);
                    }
                    let datagram = Datagram::decode(&octets).unwrap_or_else(|_| nonsense(&octets));
                    match concern(&datagram, mapping) {
                        Concern::Ignored => self.ignored += 1,
                        Concern::Judged => {
                            self.queue.push_back(Arrived { at: at - self.origin, octets, datagram, cited });
                            return Ok(Woken::Datagram);
                        }
                    }
                }
            }
        }
    }

    pub(crate) fn record(&mut self, at: Micros, lane: Lane, text: String) -> &mut Entry {
        let (line, file) = (self.place.map(|place| place.line), self.place.map(|place| place.file));
        let (octets, cited) = (Vec::new(), Vec::new());
        self.trace.push(Entry { at, line, file, lane, text, octets, cited, mark: Mark::Ok });
        self.trace.last_mut().expect("an entry was pushed just now")
    }
}

/// Octets that are no IP datagram at all, in a form that every comparison refuses.
fn nonsense(octets: &[u8]) -> Datagram {
    let ip = Ipv4::new(Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED, crate::packet::protocol::TCP);
    Datagram { ip: Ip::V4(ip), body: Body::Other(octets.to_vec()), trailer: Vec::new(), outer: Vec::new() }
}
