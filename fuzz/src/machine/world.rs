//! Events, the network, and the clock.

use super::peer::{LISTENING, Peer};
use super::{BEGINNING, Machine, Made, Watch};
use crate::coverage::TIMER;
use crate::datagram::{self, Seg};
use crate::oracles::judge::{Cause, Choices, Judge};
use crate::program::{Damage, Event, Icmp, Setup, Way};
use halfopen_stack::{Config, Domain, Instant, SocketOption, Stack, State, Vitals};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// Time that each event takes: enough for the clock of initial sequence numbers (RFC 9293 3.4.1) to tick, so that two incarnations of a
/// connection differ.
const TICK: Duration = Duration::from_micros(10);

/// Timers between two events: the shortest interval that repeats is that of keep-alives and probes, a second and more.
const MOST_TIMERS: u32 = 10_000;

/// What outlives a run.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    pub(super) out: Vec<u8>,
    pub(super) text: Vec<u8>,
}

/// A socket of the application, and how far its stream has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Socket {
    pub(super) fd: i32,
    pub(super) written: u32,
    pub(super) read: u32,
    pub(super) shut_read: bool,
    /// It was told of an error or an end.
    pub(super) over: bool,
}

pub(super) struct World<'a, W> {
    pub(super) setup: &'a Setup,
    /// The host's address and the peer's.
    ends: (IpAddr, IpAddr),
    pub(super) stack: &'a mut Stack,
    pub(super) now: Instant,
    pub(super) peers: &'a mut [Peer; 4],
    pub(super) judge: &'a mut Judge,
    pub(super) buffers: &'a mut Buffers,
    pub(super) sockets: [Option<Socket>; 4],
    pub(super) listener: Option<i32>,
    /// The largest backlog that this listener has had: what it has let in stays.
    pub(super) backlog: usize,
    /// Datagrams that are lost, by way.
    pub(super) loses: [u8; 2],
    pub(super) watch: &'a mut W,
}

/// The host's address and the peer's.
pub(super) fn addresses(v6: bool) -> (IpAddr, IpAddr) {
    if v6 {
        (Ipv6Addr::from(datagram::v6(1)).into(), Ipv6Addr::from(datagram::v6(2)).into())
    } else {
        (Ipv4Addr::from(datagram::HOST_V4).into(), Ipv4Addr::from(datagram::PEER_V4).into())
    }
}

impl<'a, W: Watch> World<'a, W> {
    pub(super) fn new(machine: &'a mut Machine, config: Config, setup: &'a Setup, watch: &'a mut W) -> Self {
        machine.judge.reset(Choices::of(&config));
        for (index, peer) in machine.peers.iter_mut().enumerate() {
            peer.reset_to(index, setup);
            machine.judge.origins[index] = peer.iss;
        }
        for at in 0..2 {
            machine.judge.lines[at].host_port = Some(LISTENING);
        }
        let ends = addresses(setup.v6);
        let stack = &mut machine.stack;
        stack.renew(config, setup.seed.into());
        stack.add_address(ends.0);
        stack.advance(BEGINNING);
        let mut world = Self {
            setup,
            ends,
            stack,
            now: BEGINNING,
            peers: &mut machine.peers,
            judge: &mut machine.judge,
            buffers: &mut machine.buffers,
            sockets: [None; 4],
            listener: None,
            backlog: 0,
            loses: [0; 2],
            watch,
        };
        world.listen(setup.backlog.min(8));
        world
    }

    pub(super) fn is_over(&self) -> bool {
        self.judge.violation.is_some()
    }

    pub(super) fn micros(&self) -> u64 {
        self.now.micros()
    }

    pub(super) fn remote(&self, at: usize) -> SocketAddr {
        SocketAddr::new(self.ends.1, self.peers[at].port)
    }

    /// The variables of a connection after the last step, which the judge has asked for: nothing changes between steps.
    pub(super) fn vitals(&self, at: usize) -> Option<&Vitals> {
        self.judge.lines[at].vitals.as_ref()
    }

    pub(super) fn new_socket(&mut self) -> i32 {
        let domain = if self.setup.v6 { Domain::Inet6 } else { Domain::Inet };
        let Ok(fd) = self.stack.socket(domain) else { unreachable!("the stack has descriptors without end") };
        self.watch.call(self.now.micros(), &Made::Socket { fd });
        let mut set = |option, name, value| {
            let result = self.stack.set_option(self.now, fd, option).map_err(|errno| errno.number());
            self.watch.call(self.now.micros(), &Made::Option { fd, name, value, result });
        };
        if self.setup.no_delay {
            set(SocketOption::NoDelay(true), "TCP_NODELAY", 1);
        }
        if self.setup.receive_buffer > 0 {
            let octets = u32::from(self.setup.receive_buffer) * 64;
            set(SocketOption::RcvBuf(octets), "SO_RCVBUF", octets.into());
        }
        if self.setup.send_buffer > 0 {
            let octets = u32::from(self.setup.send_buffer) * 64;
            set(SocketOption::SndBuf(octets), "SO_SNDBUF", octets.into());
        }
        fd
    }

    pub(super) fn listen(&mut self, backlog: u8) {
        if self.listener.is_none() {
            let fd = self.new_socket();
            let address = SocketAddr::new(self.ends.0, LISTENING);
            // After a listener has closed its connections may hold the port.
            let reuse = self.stack.set_option(self.now, fd, SocketOption::ReuseAddr(true));
            if reuse.is_err() || self.stack.bind(fd, address).is_err() {
                let _ = self.stack.close(self.now, fd);
                return;
            }
            (self.listener, self.backlog) = (Some(fd), 0);
        }
        let Some(fd) = self.listener else { return };
        self.backlog = self.backlog.max(backlog.into());
        let backlog = backlog.into();
        if self.stack.listen(fd, backlog).is_ok() {
            self.watch.call(self.now.micros(), &Made::Listen { fd, backlog });
            self.judge.listening = true;
        }
    }

    pub(super) fn event(&mut self, event: &Event) {
        self.watch.event(event);
        self.judge.event(event.kind());
        let (now, setup) = (self.micros(), self.setup);
        match *event {
            Event::Segment { at, segment } => {
                let (octets, damage) = self.peers[at.index()].draft(&segment, now, setup);
                self.travels(at.index(), octets, damage);
            }
            Event::Text { at, length } => {
                let octets = self.peers[at.index()].text(length.into(), now, setup);
                self.travels(at.index(), octets, Damage::None);
            }
            Event::Acknowledge { at, window } => {
                let octets = self.peers[at.index()].acknowledgment(window, now, setup);
                self.travels(at.index(), octets, Damage::None);
            }
            Event::Syn { at, ack } => {
                let octets = self.peers[at.index()].syn(ack, now, setup);
                self.travels(at.index(), octets, Damage::None);
            }
            Event::Fin { at } => {
                let octets = self.peers[at.index()].finish(now, setup);
                self.travels(at.index(), octets, Damage::None);
            }
            Event::Reset { at } => {
                let octets = self.peers[at.index()].abort(now, setup);
                self.travels(at.index(), octets, Damage::None);
            }
            Event::Open { at } => self.open(at.index(), at.is_active()),
            Event::Again { at, back } => {
                let sent = &self.peers[at.index()].sent;
                if let Some((octets, damage)) =
                    sent.len().checked_sub(1 + usize::from(back)).map(|index| sent[index].clone())
                {
                    self.travels(at.index(), octets, damage);
                }
            }
            Event::Hold { at } => self.peers[at.index()].holds = true,
            Event::Duplicate { at } => self.peers[at.index()].twice = true,
            Event::Lose { way, count } => self.loses[way as usize] = count,
            Event::Icmp { at, error, quoted, forged } => {
                if let Some(octets) = self.peers[at.index()].icmp(error, quoted, forged, setup) {
                    self.icmp(at.index(), error, &octets);
                }
            }
            Event::Wait { micros } => self.wait(self.now + Duration::from_micros(micros.into())),
            Event::WaitLong { seconds } => self.wait(self.now + Duration::from_secs(seconds.into())),
            Event::WaitForTimer {} => {
                if let Some(at) = self.stack.poll_at() {
                    self.wait(at);
                }
            }
            Event::Accept {}
            | Event::Connect { .. }
            | Event::Send { .. }
            | Event::Receive { .. }
            | Event::Shutdown { .. }
            | Event::Close { .. }
            | Event::Abort { .. }
            | Event::Option { .. }
            | Event::CloseListener {}
            | Event::Listen { .. } => self.application(event),
        }
        if !self.is_over() {
            self.wait(self.now + TICK);
        }
    }

    /// A whole handshake.
    fn open(&mut self, at: usize, active: bool) {
        if self.vitals(at).is_some() || self.sockets[at].is_some() {
            return;
        }
        let setup = self.setup;
        if active {
            self.connect(at);
            let octets = self.peers[at].syn(true, self.micros(), setup);
            self.travels(at, octets, Damage::None);
        } else {
            let octets = self.peers[at].syn(false, self.micros(), setup);
            self.travels(at, octets, Damage::None);
            let octets = self.peers[at].acknowledgment(65_535, self.micros(), setup);
            self.travels(at, octets, Damage::None);
            self.accept();
        }
    }

    /// A datagram of the peer is on its way.
    pub(super) fn travels(&mut self, at: usize, octets: Vec<u8>, damage: Damage) {
        if self.loses[Way::ToHost as usize] > 0 {
            self.loses[Way::ToHost as usize] -= 1;
            self.peers[at].spare.push(octets);
            return;
        }
        let peer = &mut self.peers[at];
        if std::mem::take(&mut peer.holds) && peer.held.is_none() {
            peer.held = Some((octets, damage));
            return;
        }
        let twice = std::mem::take(&mut peer.twice);
        self.arrives(at, &octets, damage);
        if twice && !self.is_over() {
            self.arrives(at, &octets, damage);
        }
        self.peers[at].spare.push(octets);
        if let Some((late, damage)) = self.peers[at].held.take()
            && !self.is_over()
        {
            self.arrives(at, &late, damage);
            self.peers[at].spare.push(late);
        }
    }

    /// As [`World::arrives`] does, of a datagram that nobody needs any more.
    pub(super) fn comes(&mut self, at: usize, octets: Vec<u8>) {
        self.arrives(at, &octets, Damage::None);
        self.peers[at].spare.push(octets);
    }

    /// A datagram of the peer reaches the host.
    pub(super) fn arrives(&mut self, at: usize, octets: &[u8], damage: Damage) {
        self.watch.datagram_in(self.now.micros(), octets);
        let seg = datagram::own(octets, damage);
        self.judge.step(Cause::Segment, Some(at as u8), self.now.micros());
        let to_line = self.judge.lines[at].host_port == Some(seg.dst_port);
        if to_line {
            self.judge.arrives(&seg, damage);
        }
        self.stack.receive(self.now, octets);
        self.transmit();
        if to_line {
            self.finish(Some((&seg, damage)));
        } else {
            if seg.dst_port == super::peer::CLOSED {
                self.judge.stray(at, &seg, damage);
            }
            self.finish(None);
        }
    }

    fn icmp(&mut self, at: usize, error: Icmp, octets: &[u8]) {
        self.watch.datagram_in(self.now.micros(), octets);
        self.judge.step(Cause::Icmp, Some(at as u8), self.now.micros());
        // The path is that of every connection with this host (RFC 1191 6.4).
        for (index, line) in self.judge.lines.iter_mut().enumerate() {
            line.icmp |= index == at || matches!(error, Icmp::TooBig(_));
        }
        self.stack.receive(self.now, octets);
        self.transmit();
        self.finish(None);
    }

    /// Takes what goes out.
    pub(super) fn transmit(&mut self) {
        while self.stack.transmit_into(&mut self.buffers.out) {
            let octets = &self.buffers.out[..];
            self.watch.datagram_out(self.now.micros(), octets);
            let segment = self.judge.leaves(octets);
            if self.loses[Way::ToPeer as usize] > 0 {
                self.loses[Way::ToPeer as usize] -= 1;
                continue;
            }
            if let Some(seg) = segment
                && let Some(peer) = self.peers.iter_mut().find(|peer| peer.port == seg.dst_port)
            {
                peer.hears(&seg, octets, self.setup);
            }
            if self.judge.violation.is_some() {
                return;
            }
        }
    }

    /// Ends a step.
    pub(super) fn finish(&mut self, arrived: Option<(&Seg<'_>, Damage)>) {
        let (host, remote) = self.ends;
        let (stack, peers) = (&*self.stack, &*self.peers);
        let state = |judge: &Judge, at: usize| judge.lines[at].vitals.as_ref().map(|vitals| vitals.state);
        let at = self.judge.at.map(usize::from);
        let before = self.judge.before.as_ref().map(|before| before.state);
        let mut all = [None; 4];
        if at.is_none() {
            for (at, from) in all.iter_mut().enumerate() {
                *from = state(self.judge, at);
            }
        }
        self.judge.finish(arrived, |at, port| {
            stack.vitals(SocketAddr::new(host, port), SocketAddr::new(remote, peers[at].port))
        });
        if let Some(at) = at {
            self.watch.step(self.judge.kind, before, state(self.judge, at));
            return;
        }
        // What concerns every connection is told of those that it has moved.
        let kind = if self.judge.cause == Cause::Timer { TIMER } else { self.judge.kind };
        for (at, from) in all.into_iter().enumerate() {
            let to = state(self.judge, at);
            if from != to || self.judge.outs_of(at).next().is_some() {
                self.watch.step(kind, from, to);
            }
        }
    }

    /// Steps from timer to timer until `then`.
    pub(super) fn wait(&mut self, then: Instant) {
        let mut steps = 0;
        while let Some(at) = self.stack.poll_at().filter(|at| *at <= then) {
            self.fire(at);
            steps += 1;
            if steps > MOST_TIMERS {
                self.judge.fail(81, format_args!("{steps} timers until {then:?}"));
            }
            if self.is_over() {
                return;
            }
        }
        self.now = then;
        self.stack.advance(then);
        if self.stack.transmit_into(&mut self.buffers.out) {
            self.judge.fail(80, format_args!("a segment without an event"));
        }
    }

    pub(super) fn fire(&mut self, at: Instant) {
        if at < self.now {
            return self.judge.fail(81, format_args!("a timer is due at {at:?}, it is {:?}", self.now));
        }
        self.now = at;
        self.judge.step(Cause::Timer, None, at.micros());
        self.stack.advance(at);
        if self.stack.poll_at().is_some_and(|next| next <= at) {
            self.judge.fail(81, format_args!("a timer is due after it fired"));
        }
        self.transmit();
        self.finish(None);
    }

    pub(super) fn state(&self, at: usize) -> Option<State> {
        self.vitals(at).map(|vitals| vitals.state)
    }
}
