//! The host, its sockets, four connections of the peer, and the clock.

use super::narration::Line;
use super::narration::Shown;
use super::outgoing::{self, Outgoing};
use super::pattern;
use super::peer::{self, LISTENING, Peer, addresses};
use super::program::{Event, Program, Setup};
use halfopen_engine::packet::Tcp;
use halfopen_engine::packet::tcp::flag;
use halfopen_stack::{
    Config, Domain, Errno, Instant, OptionName, RecvFlags, SendFlags, Shutdown, SocketOption, Stack, Status,
};
use std::net::SocketAddr;
use std::time::Duration;

const MTU: usize = 1500;

/// Time that each event takes: enough for the clock of initial sequence numbers (RFC 9293 3.4.1) to tick, so that two
/// incarnations of a connection differ.
const TICK: Duration = Duration::from_micros(10);

/// Octets of text in a full segment, at the least: a path MTU of 68 less headers and timestamps.
const LEAST_TEXT: usize = 68 - 52;

/// Timers that may fire after everything is closed: those of a keep-alive that looks every second whether the
/// connection is idle, for the half hour that the last retransmissions take, on each connection of a program.
const MOST_LAST_TIMERS: usize = 100_000;

/// A descriptor, and how far its stream has come.
#[derive(Debug)]
struct Descriptor {
    fd: i32,
    /// Index of the peer's connection; `None` for the listener.
    at: Option<usize>,
    written: u32,
    read: u32,
}

struct World<'a> {
    setup: &'a Setup,
    stack: Stack,
    now: Instant,
    peers: [Peer; 4],
    open: Vec<Descriptor>,
    /// Octets written to all sockets: a bound on how much can be in flight.
    written: u32,
    /// Calls that did so: each may have made a segment of its own.
    writes: usize,
    /// Connections that were begun, by either side: timers of all of them may be due at once.
    begun: usize,
    tell: &'a mut dyn FnMut(Line<'_>),
}

/// Runs a program to its end, telling what happens.
pub(super) fn play(program: &Program, tell: &mut dyn FnMut(Line<'_>)) {
    let mut world = World::new(&program.setup, tell);
    for event in &program.events {
        (world.tell)(Line::Event(event));
        world.event(event);
        world.wait(world.now + TICK);
    }
    (world.tell)(Line::Call("everything is closed".to_owned()));
    world.end();
}

impl<'a> World<'a> {
    fn new(setup: &'a Setup, tell: &'a mut dyn FnMut(Line<'_>)) -> Self {
        let config = match setup.profile {
            1 => Config::rfc793(),
            2 => Config::linux(),
            _ => Config::rfc9293(),
        };
        let mut stack = Stack::new(config, setup.seed.into());
        stack.add_address(addresses(setup.v6).0);
        let peers = [0, 1, 2, 3].map(|index| Peer::new(index, setup));
        let mut world = Self {
            setup,
            stack,
            now: Instant(1_000_000),
            peers,
            open: Vec::new(),
            written: 0,
            writes: 0,
            begun: 0,
            tell,
        };
        world.stack.advance(world.now);
        let fd = world.socket();
        world.stack.bind(fd, SocketAddr::new(addresses(setup.v6).0, LISTENING)).expect("a free port");
        world.stack.listen(fd, 2).expect("a bound socket");
        world.open.push(Descriptor { fd, at: None, written: 0, read: 0 });
        world
    }

    fn socket(&mut self) -> i32 {
        let domain = if self.setup.v6 { Domain::Inet6 } else { Domain::Inet };
        let fd = self.stack.socket(domain).expect("a free descriptor");
        let mut set = |option| self.stack.set_option(self.now, fd, option).expect("an option of every socket");
        set(SocketOption::NoDelay(self.setup.no_delay));
        if let Some(octets) = self.setup.receive_buffer {
            set(SocketOption::RcvBuf(octets));
        }
        fd
    }

    fn event(&mut self, event: &Event) {
        let now = self.now.micros();
        let setup = self.setup;
        match *event {
            Event::Segment(at, draft) => {
                let octets = self.peers[at].draft(&draft, now, setup);
                self.arrives(&octets, draft.broken);
            }
            Event::Text(at, length) => {
                let octets = self.peers[at].text(usize::from(length) * 5, now, setup);
                self.arrives(&octets, false);
            }
            Event::AcknowledgeAll(at, window) => {
                let octets = self.peers[at].acknowledgment(window, now, setup);
                self.arrives(&octets, false);
            }
            Event::Syn(at, ack) => {
                let octets = self.peers[at].syn(ack, now, setup);
                self.arrives(&octets, false);
            }
            Event::End(at, rst) => {
                let octets = self.peers[at].end(rst, now, setup);
                self.arrives(&octets, false);
            }
            Event::Again(at, damage) => {
                if let Some(octets) = self.peers[at].sent.clone() {
                    self.arrives(&if damage { peer::damaged(octets) } else { octets }, damage);
                }
            }
            Event::Icmp(at, which) => {
                if let Some(octets) = self.peers[at].icmp(which, setup) {
                    (self.tell)(Line::In(now, &octets));
                    self.stack.receive(self.now, &octets);
                    self.settle();
                }
            }
            Event::Wait(span) => self.wait(self.now + Duration::from_micros(span.0)),
            Event::WaitForTimer => {
                if let Some(at) = self.stack.poll_at() {
                    self.wait(at);
                }
            }
            Event::Send(..)
            | Event::Receive(..)
            | Event::Shutdown(..)
            | Event::Close(..)
            | Event::Accept
            | Event::Connect(_)
            | Event::Option(..) => self.call(event),
        }
    }

    /// A datagram of the peer arrives. A `broken` one must leave no trace.
    fn arrives(&mut self, octets: &[u8], broken: bool) {
        let stimulus = peer::segment_of(octets);
        (self.tell)(Line::In(self.now.micros(), octets));
        self.begun += usize::from(stimulus.has(flag::SYN));
        self.stack.receive(self.now, octets);
        for answer in self.settle() {
            assert!(!broken, "a wrong checksum draws {}", Shown(&answer));
            let both = answer.has(flag::RST) && stimulus.has(flag::RST);
            assert!(!both, "RST answers RST: {}, {}", Shown(&stimulus), Shown(&answer));
        }
    }

    /// Takes what goes out and checks it. The segments.
    fn settle(&mut self) -> Vec<Tcp> {
        let most = 8 + 2 * self.begun + self.writes + self.written as usize / LEAST_TEXT;
        let mut segments = Vec::new();
        let mut count = 0;
        while let Some(octets) = self.stack.transmit() {
            count += 1;
            assert!(count <= most, "more than {most} datagrams at one event");
            (self.tell)(Line::Out(self.now.micros(), &octets));
            if let Outgoing::Segment(tcp) = outgoing::read(&octets, MTU) {
                self.leaves(&tcp, &octets);
                segments.push(tcp);
            }
        }
        if let Some(at) = self.stack.poll_at() {
            assert!(at >= self.now, "a timer in the past: {at:?} before {:?}", self.now);
        }
        segments
    }

    fn leaves(&mut self, tcp: &Tcp, octets: &[u8]) {
        let peer = self.peers.iter_mut().find(|peer| peer.port == tcp.dst_port);
        let peer = peer.unwrap_or_else(|| panic!("a segment to nobody: {}", Shown(tcp)));
        peer.hears(tcp, octets, self.setup);
    }

    /// Steps from timer to timer until `then`.
    fn wait(&mut self, then: Instant) {
        let mut steps = 0;
        while let Some(at) = self.stack.poll_at().filter(|at| *at <= then) {
            self.fire(at);
            steps += 1;
            // The shortest interval that repeats is that of keep-alives and probes, a second and more.
            assert!(steps <= 40_000, "{steps} timers until {then:?}");
        }
        self.now = then;
        self.stack.advance(then);
        assert!(self.settle().is_empty(), "segments without an event");
    }

    fn fire(&mut self, at: Instant) {
        self.now = at;
        self.stack.advance(at);
        assert!(self.stack.poll_at().is_none_or(|next| next > at), "a timer is due after it fired");
        self.settle();
    }

    /// Closes everything; the peer falls silent; so must the host, and forget.
    fn end(&mut self) {
        while let Some(descriptor) = self.open.pop() {
            self.stack.close(self.now, descriptor.fd).expect("an open descriptor");
            self.settle();
            assert_eq!(self.stack.close(self.now, descriptor.fd), Err(Errno::EBADF));
        }
        let mut timers = 0;
        while let Some(at) = self.stack.poll_at() {
            self.fire(at);
            timers += 1;
            assert!(timers <= MOST_LAST_TIMERS, "no end of timers after everything was closed");
        }
        for at in 0..self.peers.len() {
            let octets = self.peers[at].acknowledgment(super::program::Window(1), self.now.micros(), self.setup);
            (self.tell)(Line::In(self.now.micros(), &octets));
            self.stack.receive(self.now, &octets);
            let answers = self.settle();
            let one_reset = matches!(&answers[..], [answer] if answer.has(flag::RST));
            assert!(one_reset, "something is left of a closed connection: {answers:?}");
        }
    }
}

/// Socket calls.
impl World<'_> {
    fn call(&mut self, event: &Event) {
        match *event {
            Event::Accept => self.accept(),
            Event::Connect(at) => self.connect(2 + at % 2),
            Event::Send(on, length, more, oob) => self.on(on, |world, index| world.send(index, length, more, oob)),
            Event::Receive(on, length, peek) => self.on(on, |world, index| world.receive(index, length, peek)),
            Event::Shutdown(on, how) => self.on(on, |world, index| {
                let how = [Shutdown::Write, Shutdown::Read, Shutdown::Both, Shutdown::Write][usize::from(how & 3)];
                known(world.stack.shutdown(world.now, world.open[index].fd, how));
            }),
            Event::Close(on, abort) => self.on(on, |world, index| world.close(index, abort)),
            Event::Option(on, name, value) => self.on(on, |world, index| {
                known(world.stack.set_option(world.now, world.open[index].fd, option(name, value)));
                known(world.stack.option(world.open[index].fd, OptionName::Error));
            }),
            Event::Segment(..)
            | Event::Text(..)
            | Event::AcknowledgeAll(..)
            | Event::Wait(_)
            | Event::WaitForTimer
            | Event::Syn(..)
            | Event::End(..)
            | Event::Icmp(..)
            | Event::Again(..) => unreachable!("{event:?} is no call"),
        }
        self.settle();
    }

    /// Runs `call` on one of the open descriptors, if there is any.
    fn on(&mut self, which: usize, call: impl FnOnce(&mut Self, usize)) {
        if !self.open.is_empty() {
            // From the last: what was opened last is what a program wants to use.
            let index = self.open.len() - 1 - which % self.open.len();
            call(self, index);
        }
    }

    fn accept(&mut self) {
        let Some(listener) = self.open.iter().find(|descriptor| descriptor.at.is_none()) else { return };
        let result = self.stack.accept(self.now, listener.fd);
        (self.tell)(Line::Call(format!("accept() = {result:?}")));
        let Some((fd, remote)) = known(result) else { return };
        let at = self.peers.iter().position(|peer| peer.address(self.setup) == remote).expect("a known peer");
        self.open.push(Descriptor { fd, at: Some(at), written: 0, read: 0 });
    }

    fn connect(&mut self, at: usize) {
        let remote = self.peers[at].address(self.setup);
        let known_fd = self.open.iter().find(|descriptor| descriptor.at == Some(at)).map(|descriptor| descriptor.fd);
        let fd = known_fd.unwrap_or_else(|| {
            let fd = self.socket();
            self.open.push(Descriptor { fd, at: Some(at), written: 0, read: 0 });
            fd
        });
        self.begun += 1;
        let result = self.stack.connect(self.now, fd, remote);
        (self.tell)(Line::Call(format!("connect({fd}) = {result:?}")));
        known(result);
    }

    fn status(&self, index: usize) -> Option<Status> {
        self.stack.status(self.open[index].fd).ok()
    }

    fn send(&mut self, index: usize, length: u8, more: bool, oob: bool) {
        let fd = self.open[index].fd;
        let length = if length < 128 { u32::from(length) } else { u32::from(length - 120) * 64 };
        let data = pattern::written(self.open[index].written, length as usize);
        let writable = self.stack.readiness(fd).expect("an open descriptor").writable;
        let status = self.status(index);
        let result = self.stack.send(self.now, fd, data, SendFlags { more, oob, ..SendFlags::default() });
        assert!(result != Err(Errno::EAGAIN) || !writable || length == 0, "writable, and EAGAIN");
        (self.tell)(Line::Call(format!("send({fd}, {length}) = {result:?}")));
        let Some(taken) = known(result) else { return };
        assert!(taken <= data.len());
        self.open[index].written += taken as u32;
        self.written += taken as u32;
        self.writes += 1;
        // What the tracker follows is this connection, unless the peer has begun another on the same ports.
        if let (Some(at), Some(status)) = (self.open[index].at, status)
            && let Some(tracker) = &mut self.peers[at].tracker
            && tracker.iss == status.iss.0
        {
            tracker.written = self.open[index].written;
        }
    }

    fn receive(&mut self, index: usize, length: u8, peek: bool) {
        let fd = self.open[index].fd;
        let mut buffer = vec![0; usize::from(length) * 16];
        let readable = self.stack.readiness(fd).expect("an open descriptor").readable;
        let status = self.status(index);
        let result = self.stack.recv(self.now, fd, &mut buffer, RecvFlags { peek, ..RecvFlags::default() });
        assert!(result != Err(Errno::EAGAIN) || !readable || buffer.is_empty(), "readable, and EAGAIN");
        (self.tell)(Line::Call(format!("recv({fd}, {}) = {result:?}", buffer.len())));
        let Some(taken) = known(result) else { return };
        let (Some(at), Some(status)) = (self.open[index].at, status) else { return };
        if !self.peers[at].urged {
            let first = status.irs.0.wrapping_add(1).wrapping_add(self.open[index].read);
            let right = buffer[..taken] == *pattern::sent(first, taken);
            assert!(right, "what is read is not what the peer sent from {first} on: {:?}", &buffer[..taken]);
        }
        if !peek {
            self.open[index].read += taken as u32;
        }
    }

    fn close(&mut self, index: usize, abort: bool) {
        let fd = self.open.remove(index).fd;
        if abort {
            known(self.stack.set_option(self.now, fd, SocketOption::Linger(Some(Duration::ZERO))));
        }
        assert_eq!(self.stack.close(self.now, fd), Ok(()));
    }
}

/// The value of a call on an open descriptor, whose errors are the stack's business except one.
fn known<T: std::fmt::Debug>(result: Result<T, Errno>) -> Option<T> {
    assert!(!matches!(result, Err(Errno::EBADF)), "an open descriptor is unknown");
    result.ok()
}

fn option(name: u8, value: u8) -> SocketOption {
    let (on, number) = (value & 1 != 0, u32::from(value));
    match name % 17 {
        0 => SocketOption::NoDelay(on),
        1 => SocketOption::Cork(on),
        2 => SocketOption::KeepAlive(on),
        3 => SocketOption::KeepIdle(1 + number),
        4 => SocketOption::KeepIntvl(1 + number),
        5 => SocketOption::KeepCnt(1 + number % 16),
        6 => SocketOption::UserTimeout(Duration::from_millis(100 * u64::from(number))),
        7 => SocketOption::SndBuf(64 * number),
        8 => SocketOption::RcvBuf(64 * number),
        9 => SocketOption::MaxSeg(48 + 8 * u16::from(value)),
        10 => SocketOption::Linger2(i32::from(value.cast_signed())),
        11 => SocketOption::QuickAck(on),
        12 => SocketOption::WindowClamp(64 * number),
        13 => SocketOption::Ttl(value),
        14 => SocketOption::RecvErr(on),
        15 => SocketOption::SynCnt(1 + number % 8),
        _ => SocketOption::RcvLowat(number),
    }
}
