//! Local sockets: what may be bound, and which port is taken when the user names none.

use super::Stack;
use super::demux::Place;
use super::sockets::Kind;
use crate::errno::Errno;
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
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
        if !address.ip().is_unspecified() && !self.host.is_ours(address.ip()) {
            return Err(Errno::EADDRNOTAVAIL);
        }
        let has_port = match socket.kind {
            Kind::Fresh => socket.local.is_some(),
            Kind::Listening(_) => true,
            // As in Linux a dead connection has given back a port that nobody named.
            Kind::Connected { .. } => socket.port_named || !self.is_over(fd),
        };
        if has_port {
            return Err(Errno::EINVAL);
        }
        let reuse = socket.options.reuse_addr;
        let port = match address.port() {
            0 => self.free_port(fd, address.ip()).ok_or(Errno::EADDRINUSE)?,
            port if self.conflicts(fd, SocketAddr::new(address.ip(), port), reuse) => return Err(Errno::EADDRINUSE),
            port => port,
        };
        let socket = self.sockets.socket_mut(fd)?;
        socket.local = Some(SocketAddr::new(address.ip(), port));
        socket.port_named = address.port() != 0;
        Ok(())
    }

    /// Whether the socket's connection has run its course: for its user TIME-WAIT is no different from CLOSED.
    pub(super) fn is_over(&self, fd: i32) -> bool {
        self.connection_of(fd)
            .is_some_and(|connection| matches!(connection.tcb.state(), State::Closed | State::TimeWait))
    }

    /// A port that nothing on an overlapping address uses.
    pub(super) fn free_port(&mut self, fd: i32, address: IpAddr) -> Option<u16> {
        let mut counter = self.port_counter;
        let range = self.sockets.socket(fd).ok()?.options.port_range(&self.host.config);
        let port = ports::ephemeral(&self.host.port_secret, &mut counter, range, address, None, |port| {
            !self.conflicts(fd, SocketAddr::new(address, port), false)
        });
        self.port_counter = counter;
        self.host.cite(rules::PORT_CHOSEN);
        port
    }

    /// Whether `local` is taken for socket `fd`: by a socket, or by a connection without one, on an overlapping address,
    /// unless both sides allow reuse and nobody listens (Linux's rules for `SO_REUSEADDR`).
    fn conflicts(&self, fd: i32, local: SocketAddr, reuse: bool) -> bool {
        let overlaps = |other: SocketAddr| {
            other.port() == local.port()
                && other.is_ipv4() == local.is_ipv4()
                && (other.ip() == local.ip() || other.ip().is_unspecified() || local.ip().is_unspecified())
        };
        let by_socket = self.sockets.iter().any(|(other, socket)| {
            other != fd
                && socket.local.is_some_and(overlaps)
                && !(reuse && socket.options.reuse_addr && !matches!(socket.kind, Kind::Listening(_)))
        });
        by_socket || self.holds(overlaps, reuse)
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
            Some(address) => address,
            None => {
                self.host.cite(rules::OPEN_ADDRESS_CHOSEN);
                self.host.address_for(remote.ip()).ok_or(Errno::ENETUNREACH)?
            }
        };
        let tuple = |port| Tuple { local: SocketAddr::new(address, port), remote };
        let port = match bound.map(|bound| bound.port()).filter(|port| *port != 0) {
            Some(port) => port,
            None => {
                let mut counter = self.port_counter;
                let range = self.sockets.socket(fd)?.options.port_range(&self.host.config);
                let port =
                    ports::ephemeral(&self.host.port_secret, &mut counter, range, address, Some(remote), |port| {
                        let listened = self.sockets.iter().any(|(_, socket)| {
                            matches!(socket.kind, Kind::Listening(_) | Kind::Fresh)
                                && socket.local.is_some_and(|local| local.port() == port)
                        });
                        !listened && self.is_available(&tuple(port), now)
                    });
                self.port_counter = counter;
                self.host.cite(rules::PORT_CHOSEN);
                port.ok_or(Errno::EADDRNOTAVAIL)?
            }
        };
        let tuple = tuple(port);
        if !self.is_available(&tuple, now) {
            return Err(Errno::EADDRNOTAVAIL);
        }
        Ok((tuple, self.take_over(&tuple, now)))
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
                        tcb.time_wait_since.filter(|_| tcb.state() == State::TimeWait && tcb.timestamps.enabled);
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
