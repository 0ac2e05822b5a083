//! Local sockets: what may be bound, and which port is taken when the user names none.

use super::Stack;
use super::address::on_the_wire;
use super::demux::Place;
use super::port_table::Sharing;
use super::sockets::Kind;
use crate::config::PortSelection;
use crate::errno::Errno;
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
use crate::socket::Domain;
use crate::tcp::State;
use crate::tcp::ports;
use crate::tcp::tcb::Tuple;
use crate::time::Instant;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

impl Stack {
    /// Gives the socket a local address and port. The address may be unspecified, the port 0.
    ///
    /// # Errors
    /// `EBADF`; `EINVAL` when it is bound already; `EAFNOSUPPORT` for an address of the other family; `EADDRNOTAVAIL` for
    /// one that is not this host's; `EADDRINUSE`.
    pub fn bind(&mut self, fd: i32, address: SocketAddr) -> Result<(), Errno> {
        let socket = self.sockets.socket(fd)?;
        if !socket.takes(address.ip()) {
            return Err(Errno::EAFNOSUPPORT);
        }
        let address = on_the_wire(address);
        if address.is_ipv4() && socket.domain == Domain::Inet6 && socket.options.v6_only {
            return Err(Errno::EINVAL);
        }
        if !address.ip().is_unspecified() && !self.host.is_ours(address.ip()) && !socket.options.rare().free_bind {
            return Err(Errno::EADDRNOTAVAIL);
        }
        let has_port = match socket.kind {
            Kind::Fresh => socket.local.is_some_and(|local| local.port() != 0),
            Kind::Listening(_) => true,
            // As in Linux a dead connection has given back a port that nobody named.
            Kind::Connected { .. } => socket.port_named || !self.is_over(fd),
        };
        if has_port {
            return Err(Errno::EINVAL);
        }
        let port = match address.port() {
            0 if socket.options.rare().bind_address_no_port => 0,
            0 => self.free_port(fd, address.ip()).ok_or(Errno::EADDRINUSE)?,
            _ if self.conflicts(fd, address) => return Err(Errno::EADDRINUSE),
            port => port,
        };
        self.hold_port(fd, SocketAddr::new(address.ip(), port));
        self.sockets.socket_mut(fd)?.port_named = address.port() != 0;
        Ok(())
    }

    /// Gives a socket its local socket.
    pub(super) fn hold_port(&mut self, fd: i32, local: SocketAddr) {
        self.release_port(fd);
        if let Ok(socket) = self.sockets.socket_mut(fd) {
            socket.local = Some(local);
            socket.holds_port = local.port() != 0;
            if socket.holds_port {
                self.ports.hold(fd, local.port());
            }
        }
    }

    /// Takes a socket out of the table of ports.
    pub(super) fn release_port(&mut self, fd: i32) {
        if let Ok(socket) = self.sockets.socket_mut(fd)
            && core::mem::take(&mut socket.holds_port)
            && let Some(local) = socket.local
        {
            self.ports.release(fd, local.port());
        }
    }

    /// Whether the socket's connection has run its course: for its user TIME-WAIT is no different from CLOSED.
    pub(super) fn is_over(&self, fd: i32) -> bool {
        self.connection_of(fd)
            .is_some_and(|connection| matches!(connection.tcb.state(), State::Closed | State::TimeWait))
    }

    /// A port that nothing on an overlapping address uses.
    pub(super) fn free_port(&mut self, fd: i32, address: IpAddr) -> Option<u16> {
        let options = &self.sockets.socket(fd).ok()?.options;
        let own_range = options.rare().local_port_range != (0, 0);
        let range = options.port_range(&self.host.config);
        let shares = options.reuse_addr;
        let mut counter = self.ports.counter;
        let mut random = self.ports.random.clone();
        let is_free = |port| !self.host.config.is_reserved(port) && !self.conflicts(fd, SocketAddr::new(address, port));
        let port = match self.host.config.port_selection {
            PortSelection::Hash => ports::hashed(&self.host.port_secret, &mut counter, range, address, None, is_free),
            PortSelection::DoubleHash => ports::random(&mut random, range, !own_range, shares, is_free),
        };
        (self.ports.counter, self.ports.random) = (counter, random);
        self.host.cite(rules::PORT_CHOSEN);
        port
    }

    /// Whether `local` is taken for socket `fd`: by a socket, or by a connection, on an overlapping address, unless both
    /// sides allow reuse of the address and nobody listens, or both that of the port (Linux's rules).
    pub(super) fn conflicts(&self, fd: i32, local: SocketAddr) -> bool {
        let Ok(socket) = self.sockets.socket(fd) else { return false };
        let claim = socket.claim(local.ip());
        let sharing = Sharing { address: socket.options.reuse_addr, port: socket.options.reuse_port };
        let by_socket = self.ports.holders(local.port()).iter().any(|&other| {
            let Some(other_socket) = self.sockets.get(other).filter(|_| other != fd) else { return false };
            let listens = matches!(other_socket.kind, Kind::Listening(_));
            let shared = (sharing.address && other_socket.options.reuse_addr && !listens)
                || (sharing.port && other_socket.options.reuse_port);
            !shared && other_socket.local.is_some_and(|held| other_socket.claim(held.ip()).overlaps(claim))
        });
        by_socket || self.ports.is_held(claim, local.port(), sharing)
    }

    /// A tuple for an active OPEN from socket `fd` to `remote`, and the least ISS if it takes over one in TIME-WAIT. Ports
    /// are shared between destinations: only the whole tuple has to be free.
    pub(super) fn tuple_for(
        &mut self,
        fd: i32,
        remote: SocketAddr,
        now: Instant,
    ) -> Result<(Tuple, Option<SeqNum>), Errno> {
        let bound = self.sockets.socket(fd)?.local;
        let address = match bound.map(|bound| bound.ip()).filter(|address| !address.is_unspecified()) {
            Some(address) if address.is_ipv4() != remote.is_ipv4() => return Err(Errno::ENETUNREACH),
            Some(address) => address,
            None => {
                self.host.cite(rules::OPEN_ADDRESS_CHOSEN);
                self.host.address_for(remote.ip()).ok_or(Errno::ENETUNREACH)?
            }
        };
        let tuple = |port| Tuple { local: SocketAddr::new(address, port), remote };
        let port = match bound.map(|bound| bound.port()).filter(|port| *port != 0) {
            Some(port) => port,
            None => self.port_for(fd, address, remote, now).ok_or(Errno::EADDRNOTAVAIL)?,
        };
        let tuple = tuple(port);
        if !self.is_available(&tuple, now) {
            return Err(Errno::EADDRNOTAVAIL);
        }
        Ok((tuple, self.take_over(&tuple, now)))
    }

    /// A port for a connection from `address` to `remote`: one that no socket was bound to, with which the tuple is free.
    fn port_for(&mut self, fd: i32, address: IpAddr, remote: SocketAddr, now: Instant) -> Option<u16> {
        let options = &self.sockets.socket(fd).ok()?.options;
        let own_range = options.rare().local_port_range != (0, 0);
        let range = options.port_range(&self.host.config);
        let mut counter = self.ports.counter;
        let mut random = self.ports.random.clone();
        let mut perturbation = core::mem::take(&mut self.ports.perturbation);
        let is_free = |port| {
            !self.host.config.is_reserved(port)
                && self.ports.holders(port).is_empty()
                && self.is_available(&Tuple { local: SocketAddr::new(address, port), remote }, now)
        };
        let port = match self.host.config.port_selection {
            PortSelection::Hash => {
                ports::hashed(&self.host.port_secret, &mut counter, range, address, Some(remote), is_free)
            }
            PortSelection::DoubleHash => {
                let hash = ports::offset(&self.host.port_secret, address, remote);
                perturbation.choose(hash, &mut random, range, !own_range, is_free)
            }
        };
        (self.ports.counter, self.ports.random, self.ports.perturbation) = (counter, random, perturbation);
        self.host.cite(rules::PORT_CHOSEN);
        port
    }

    /// Whether no connection has the tuple, or only one in TIME-WAIT that `tcp_tw_reuse` gives away.
    fn is_available(&self, tuple: &Tuple, now: Instant) -> bool {
        match self.find(tuple) {
            None => true,
            Some(Place::HalfOpen(_)) => false,
            Some(Place::TimeWait(number)) => self
                .time_wait
                .get(number)
                .is_some_and(|entry| entry.timestamps() && self.may_take_over(tuple, entry.since(), now)),
            Some(Place::Connection(number)) => {
                self.connections.get(&self.connection_at(number)).is_some_and(|connection| {
                    let tcb = &connection.tcb;
                    let since =
                        tcb.time_wait_since.get().filter(|_| tcb.state() == State::TimeWait && tcb.timestamps.enabled);
                    since.is_some_and(|since| self.may_take_over(tuple, since, now))
                })
            }
        }
    }

    /// Whether a tuple that is in TIME-WAIT since `since`, with timestamps, may be used again.
    fn may_take_over(&self, tuple: &Tuple, since: Instant, now: Instant) -> bool {
        let config = &self.host.config;
        let allowed = match config.tcp_tw_reuse {
            0 => false,
            1 => true,
            _ => tuple.remote.ip().is_loopback(),
        };
        allowed && now.since(since) > Duration::from_millis(config.tcp_tw_reuse_delay.into())
    }

    /// Deletes the connection in TIME-WAIT that has the tuple. The least ISS of its successor.
    fn take_over(&mut self, tuple: &Tuple, now: Instant) -> Option<SeqNum> {
        let place = self.find(tuple)?;
        let nxt = self.with_place(place, now, |tcb, _| tcb.snd.nxt);
        self.delete_place(place);
        self.host.counters.tw_recycled += 1;
        Some(nxt.plus(u32::from(u16::MAX) + 2))
    }

    /// 3.10.1: what cannot be the remote socket of an active OPEN.
    pub(super) fn check_remote(&mut self, remote: SocketAddr, now: Instant) -> Result<(), Errno> {
        let mut fx = Fx::new(now, &mut self.host);
        if remote.port() == 0 || remote.ip().is_unspecified() {
            fx.cite(rules::OPEN_UNSPECIFIED);
            return Err(Errno::EADDRNOTAVAIL);
        }
        if !crate::wire::ip::is_single_host(remote.ip()) {
            fx.cite(rules::OPEN_BAD_REMOTE);
            return Err(Errno::ENETUNREACH);
        }
        Ok(())
    }
}
