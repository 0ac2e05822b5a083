//! The stack, its clock, its datagrams, and the call that blocks.

use crate::descriptors::Descriptors;
use crate::flags::Flags;
use crate::tunables::Tunables;
use halfopen_engine::call::{Reply, SysCall};
use halfopen_engine::sut::{Happening, Micros, Setup, Sut, SutError};
use halfopen_script::test::Family;
use halfopen_sut::epoll::Seen;
use halfopen_sut::reference::Reference;
use nix::libc::{self, c_int};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What `gettimeofday` says at first, microseconds: an ordinary date.
const EPOCH: Micros = 1_000_000_000_000_000;
/// How far the clock jumps in search of a datagram or of the end of a call: a day, more than any timer of TCP.
const PATIENCE: Micros = 86_400_000_000;
/// Octets of the largest datagram: packetdrill's TUN device has Ethernet's MTU, whatever the family.
const MTU: u32 = 1500;

/// Everything behind one table of functions.
#[derive(Debug)]
pub(crate) struct World {
    flags: Flags,
    sut: Reference,
    started: bool,
    /// Time that passed before the stack was started.
    before: Micros,
    /// What the stack has been told of the namespace's tunables.
    tunables: Tunables,
    /// Datagrams that left the stack and were not asked for yet, with their times.
    outbound: VecDeque<(Micros, Vec<u8>)>,
    /// The end of the call that blocks.
    returned: Option<(Micros, Reply)>,
    /// A call that blocked has ended, and its thread has not asked for the time since.
    pub(crate) ended: bool,
    /// Counts calls from outside.
    pub(crate) activity: u64,
    pub(crate) descriptors: Descriptors,
}

impl World {
    pub(crate) fn new(flags: Flags) -> Self {
        let now = Tunables::read();
        // The linux profile is what the namespace says; another one is what it says itself until a script says otherwise.
        let tunables = if flags.profile == "linux" { now.of_the_machine() } else { now };
        let sut = Reference::with_config(flags.config.clone(), &flags.profile);
        Self {
            flags,
            sut,
            started: false,
            before: 0,
            tunables,
            outbound: VecDeque::new(),
            returned: None,
            ended: false,
            activity: 0,
            descriptors: Descriptors::default(),
        }
    }

    /// Microseconds as `gettimeofday` tells them.
    pub(crate) fn clock(&mut self) -> Micros {
        EPOCH + self.before + if self.started { self.sut.now() } else { 0 }
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, micros: Micros) {
        if self.started {
            let until = self.sut.now() + micros;
            while self.happen(until) {}
        } else {
            self.before += micros;
        }
    }

    /// Takes in what happens next, until then at the latest; whether anything did.
    fn happen(&mut self, until: Micros) -> bool {
        match self.sut.next(until) {
            Ok(Happening::Datagram { at, octets }) => self.outbound.push_back((EPOCH + self.before + at, octets)),
            Ok(Happening::Returned { at, reply }) => {
                self.returned = Some((EPOCH + self.before + at, reply));
                self.ended = true;
            }
            Ok(Happening::Deadline) => return false,
            Err(error) => fatal(&error),
        }
        true
    }

    /// Gives the stack a datagram.
    pub(crate) fn inject(&mut self, datagram: &[u8]) {
        if let Some(destination) = destination(datagram) {
            self.know(destination);
        }
        self.tune();
        if let Err(error) = self.sut.inject(datagram) {
            fatal(&error);
        }
        self.pass(0);
    }

    /// The next datagram, however long it takes. `None`: there will be none.
    pub(crate) fn receive(&mut self) -> Option<(Micros, Vec<u8>)> {
        if self.started {
            let until = self.sut.now() + PATIENCE;
            while self.outbound.is_empty() && self.happen(until) {}
        }
        self.outbound.pop_front()
    }

    /// Makes a call on the stack's own descriptors.
    pub(crate) fn call(&mut self, call: &SysCall) -> Reply {
        if let SysCall::Socket { domain, .. } = call {
            self.start_for(*domain);
        }
        if let SysCall::Bind { addr, .. } = call
            && !addr.ip().is_unspecified()
        {
            self.know(addr.ip());
        }
        if !self.started {
            return Reply::errno(libc::EBADF);
        }
        self.tune();
        let reply = self.sut.call(call).unwrap_or_else(|error| match error {
            SutError::Unsupported(why) | SutError::Environment(why) => {
                eprintln!("halfopen: unsupported: {why}");
                Reply::errno(libc::ENOSYS)
            }
            SutError::Broken(_) => fatal(&error),
        });
        self.pass(0);
        reply
    }

    /// The end of the call that blocked, once it is there.
    pub(crate) fn take_returned(&mut self) -> Option<(Micros, Reply)> {
        self.returned.take()
    }

    /// Lets time pass until the call that blocks returns, or nothing happens any more.
    pub(crate) fn pass_until_returned(&mut self) {
        let until = self.sut.now() + PATIENCE;
        while self.returned.is_none() && self.happen(until) {}
    }

    /// A command of the script ran. What it changes elsewhere than in `/proc/sys` is told here.
    pub(crate) fn command(&mut self, line: &str) {
        if self.started
            && line.contains("tcp_metrics flush")
            && let Err(error) = self.sut.forget_destinations()
        {
            fatal(&error);
        }
    }

    /// What a socket is like, for `epoll`.
    pub(crate) fn seen(&mut self, live: c_int) -> Seen {
        let Ok(socket) = self.descriptors.socket(live) else { return Seen { ready: 0, received: 0, errors: 0 } };
        let events = libc::POLLIN | libc::POLLOUT | libc::POLLPRI | libc::POLLRDHUP;
        let ready = match self.call(&SysCall::Poll { fds: vec![(socket.fd, events)], timeout_ms: 0 }) {
            Reply::Done { data, .. } => data.first_chunk().map_or(0, |octets| u16::from_ne_bytes(*octets).into()),
            Reply::Pending | Reply::Message { .. } => unreachable!("a poll that may not wait"),
        };
        let info = self.tcp_info(socket.fd);
        let received = info.iter().find(|(name, _)| name == "tcpi_bytes_received").map_or(0, |(_, octets)| *octets);
        Seen { ready, received: received.cast_unsigned(), errors: 0 }
    }

    /// The remote socket of a connection.
    pub(crate) fn peer(&mut self, live: c_int) -> Option<SocketAddr> {
        let socket = self.descriptors.socket(live).ok()?;
        self.sut.peer(socket.fd).ok()
    }

    /// `TCP_INFO` of a socket of the stack; empty when there is none.
    pub(crate) fn tcp_info(&mut self, fd: i32) -> Vec<(String, i64)> {
        self.sut.tcp_info(fd).unwrap_or_default()
    }

    /// A socket is asked for before anybody has said which address the stack has. It gets one of packetdrill's network, and
    /// the one that packetdrill means once that shows.
    fn start_for(&mut self, domain: i32) {
        if self.started {
            return;
        }
        let family = if domain == libc::AF_INET { Family::V4 } else { self.flags.family.unwrap_or(Family::V6) };
        let local = match family {
            Family::V4 | Family::V4Mapped => IpAddr::V4(Ipv4Addr::new(192, 168, 0, 2)),
            Family::V6 => IpAddr::V6(Ipv6Addr::new(0xfd3d, 0xfa7b, 0xd17d, 0, 0, 0, 0, 2)),
        };
        self.start(family, local);
    }

    /// `address` is the stack's.
    fn know(&mut self, address: IpAddr) {
        let address = address.to_canonical();
        if self.started {
            if let Err(error) = self.sut.add_address(address) {
                fatal(&error);
            }
        } else {
            self.start(if address.is_ipv4() { Family::V4 } else { Family::V6 }, address);
        }
    }

    fn start(&mut self, family: Family, local: IpAddr) {
        // Only a stack with routes would care for the rest.
        let setup = Setup {
            family,
            local: (local, 32),
            remote: (local, 32),
            gateway: local,
            mtu: MTU,
            seed: self.flags.seed,
            offload: false,
            train: None,
            profile: None,
        };
        if let Err(error) = self.sut.start(&setup) {
            fatal(&error);
        }
        self.started = true;
    }

    /// Tells the stack what has changed in the namespace. It has not every tunable of Linux.
    fn tune(&mut self) {
        let now = Tunables::read();
        for (name, value) in now.changes(&self.tunables) {
            // A value that it refuses leaves it as it is, like one of a mechanism that it lacks.
            let _ = self.sut.tune(&name, &value);
        }
        self.tunables = now;
    }
}

/// The destination address of a datagram.
fn destination(datagram: &[u8]) -> Option<IpAddr> {
    match datagram.first()? >> 4 {
        4 => datagram.get(16..20)?.first_chunk::<4>().map(|octets| IpAddr::from(*octets)),
        6 => datagram.get(24..40)?.first_chunk::<16>().map(|octets| IpAddr::from(*octets)),
        _ => None,
    }
}

/// The stack is broken: nothing that follows would mean anything.
fn fatal(error: &SutError) -> ! {
    eprintln!("halfopen: {error}");
    std::process::exit(1)
}
