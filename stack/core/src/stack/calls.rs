//! Calls that make and unmake connections: `socket`, `listen`, `accept`, `connect`, `shutdown`, `close`.

use super::Stack;
use super::address::{loopback, on_the_wire};
use super::connection::{ConnectionId, Owner};
use super::sockets::{Early, Kind, Socket};
use crate::errno::Errno;
use crate::host::Fx;
use crate::rules;
use crate::socket::{Domain, Shutdown};
use crate::tcp::State;
use crate::tcp::tcb::Tcb;
use crate::tcp::{abort, open};
use crate::time::Instant;
use alloc::sync::Arc;
use core::net::SocketAddr;

/// A `close` that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lingering {
    connection: ConnectionId,
    /// When the wait is over at the latest.
    pub until: Instant,
}

impl Stack {
    /// Makes a TCP socket. The reply is the lowest free descriptor from 3 on.
    ///
    /// # Errors
    /// None at present.
    pub fn socket(&mut self, domain: Domain) -> Result<i32, Errno> {
        Ok(self.sockets.add(Socket {
            domain,
            local: None,
            port_named: false,
            holds_port: false,
            options: self.host.default_options.clone(),
            kind: Kind::Fresh,
            error: None,
            deferred: None,
            early: Early::Nothing,
        }))
    }

    /// Passive OPEN (RFC 9293 3.10.1). On a socket that listens already it changes the backlog.
    ///
    /// # Errors
    /// `EBADF`; `EINVAL` on a connected socket; `EADDRINUSE` when it is not bound and no port is free, or somebody listens
    /// on its local socket.
    pub fn listen(&mut self, fd: i32, backlog: i32) -> Result<(), Errno> {
        let socket = self.sockets.socket(fd)?;
        let local = match (&socket.kind, socket.local) {
            (Kind::Connected { .. }, _) => return Err(Errno::EINVAL),
            (Kind::Listening(_), _) => {
                if let Some(listener) = self.sockets.listener_mut(fd) {
                    listener.set_backlog(backlog);
                }
                return Ok(());
            }
            (Kind::Fresh, Some(local)) if local.port() != 0 => local,
            (Kind::Fresh, local) => {
                let address = local.map_or(socket.unspecified(), |local| local.ip());
                SocketAddr::new(address, self.free_port(fd, address).ok_or(Errno::EADDRINUSE)?)
            }
        };
        // Who could share the local socket so far may not want to with a listener.
        if self.conflicts(fd, local) {
            return Err(Errno::EADDRINUSE);
        }
        self.host.cite(rules::OPEN_PASSIVE);
        self.take_port_with_keys(fd, local.port());
        self.hold_port(fd, local);
        self.sockets.start_listening(fd, local, backlog);
        Ok(())
    }

    /// Takes the oldest established connection out of the accept queue: its descriptor and the remote socket.
    ///
    /// # Errors
    /// `EBADF`; `EINVAL` when the socket does not listen; `EAGAIN` when the queue is empty.
    pub fn accept(&mut self, now: Instant, fd: i32) -> Result<(i32, SocketAddr), Errno> {
        self.see(now);
        let domain = self.sockets.socket(fd)?.domain;
        let listener = self.sockets.listener_mut(fd).ok_or(Errno::EINVAL)?;
        let id = listener.queue.pop_front().ok_or(Errno::EAGAIN)?;
        let Some(connection) = self.connections.get_mut(&id) else { unreachable!("a queued connection is gone") };
        let tuple = connection.tcb.tuple;
        let accepted = self.sockets.add(Socket {
            domain,
            local: Some(tuple.local),
            port_named: false,
            holds_port: false,
            error: None,
            options: connection.tcb.user.options.clone(),
            kind: Kind::Connected { id, connecting: false },
            deferred: None,
            early: Early::Nothing,
        });
        connection.owner = Owner::Socket(accepted);
        Ok((accepted, self.sockets.socket(accepted)?.shown(tuple.remote)))
    }

    /// Active OPEN (RFC 9293 3.10.1). It never completes at once: `EINPROGRESS`, then `EALREADY` while it lasts; then one
    /// call reports the outcome, `Ok` or the error; `EISCONN` from there on.
    ///
    /// # Errors
    /// `EBADF`; those above; `EAFNOSUPPORT` for an address of the other family; `EADDRNOTAVAIL` without remote port or free
    /// local port; `ENETUNREACH` for an address that is no single host's, or without local address of its family.
    pub fn connect(&mut self, now: Instant, fd: i32, remote: SocketAddr) -> Result<(), Errno> {
        self.see(now);
        let socket = self.sockets.socket(fd)?;
        if socket.early == Early::Disconnecting {
            // As in Linux: `shutdown` came before the outcome of `connect` was told.
            return Err(Errno::EINVAL);
        }
        if matches!(socket.kind, Kind::Connected { .. }) {
            return self.connect_again(now, fd);
        }
        if socket.deferred.is_some() {
            return Err(Errno::EISCONN);
        }
        let fast_open: Option<&[u8]> = socket.options.fast_open_connect.then_some(&[]);
        if fast_open.is_some() && self.defers(now, fd, remote)? {
            return Ok(());
        }
        self.open(now, fd, remote, fast_open).map(|_| ())?;
        Err(Errno::EINPROGRESS)
    }

    /// The active OPEN of a socket that is not connected. How much of the text of a Fast Open went on the SYN.
    pub(super) fn open(
        &mut self,
        now: Instant,
        fd: i32,
        remote: SocketAddr,
        fast_open: Option<&[u8]>,
    ) -> Result<usize, Errno> {
        let socket = self.sockets.socket(fd)?;
        if matches!(socket.kind, Kind::Listening(_)) {
            return Err(Errno::EISCONN);
        }
        if !socket.takes(remote.ip()) {
            return Err(Errno::EAFNOSUPPORT);
        }
        let v6_only = socket.options.v6_only;
        let mut remote = on_the_wire(remote);
        if remote.is_ipv4() && v6_only && socket.domain == Domain::Inet6 {
            return Err(Errno::ENETUNREACH);
        }
        if remote.ip().is_unspecified() && self.host.config.connect_any_is_loopback {
            remote.set_ip(loopback(remote.ip()));
        }
        self.check_remote(remote, now)?;
        let (tuple, least_iss) = self.tuple_for(fd, remote, now)?;
        self.open_with_key(fd, tuple.local.port(), remote.ip());
        let options = self.sockets.socket(fd)?.options.clone();
        let early = self.sockets.socket(fd)?.early;
        let (mut tcb, taken) = open::active(tuple, options, least_iss, fast_open, &mut Fx::new(now, &mut self.host));
        tcb.user.shut_read = matches!(early, Early::Shut(Shutdown::Read | Shutdown::Both));
        tcb.user.shut_write = matches!(early, Early::Shut(Shutdown::Write | Shutdown::Both));
        let id = self.insert(tcb, Owner::Socket(fd));
        let socket = self.sockets.socket_mut(fd)?;
        socket.local = Some(tuple.local);
        socket.deferred = None;
        socket.kind = Kind::Connected { id, connecting: true };
        Ok(taken)
    }

    /// `connect` on a socket that has a connection (3.10.1: "connection already exists").
    fn connect_again(&mut self, now: Instant, fd: i32) -> Result<(), Errno> {
        let Kind::Connected { id, connecting } = &mut self.sockets.socket_mut(fd)?.kind else {
            return Err(Errno::EISCONN);
        };
        let Some(connection) = self.connections.get_mut(id) else { unreachable!("a socket's connection is gone") };
        let state = connection.tcb.state();
        Fx::new(now, &mut self.host).cite_in(rules::OPEN_EXISTS, state);
        match state {
            State::SynSent | State::SynReceived => Err(Errno::EALREADY),
            // To the user TIME-WAIT of a small block is the end of the socket's connection.
            State::Closed | State::TimeWait
                if *connecting && (state == State::Closed || self.host.config.mini_sockets) =>
            {
                let error = connection.tcb.user.error.take().unwrap_or(Errno::ECONNABORTED);
                self.separate(fd);
                self.sockets.socket_mut(fd)?.error = None;
                Err(error)
            }
            State::Closed
            | State::Listen
            | State::Established
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait
            | State::Closing
            | State::LastAck
            | State::TimeWait => {
                let first = core::mem::replace(connecting, false);
                if first { Ok(()) } else { Err(Errno::EISCONN) }
            }
        }
    }

    /// `connect` with `AF_UNSPEC`: the connection is aborted, or the listener ends, and the socket may be used anew. A local
    /// port that `bind` named stays.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn disconnect(&mut self, now: Instant, fd: i32) -> Result<(), Errno> {
        self.see(now);
        match self.sockets.socket(fd)?.kind {
            Kind::Fresh => {}
            Kind::Listening(_) => {
                self.abandon_children(fd, now);
                self.sockets.stop_listening(fd);
            }
            Kind::Connected { id, .. } => {
                let ended = self.with(id, now, |tcb, fx| {
                    let state = tcb.state();
                    abort::abort(tcb, fx);
                    state
                });
                self.separate(fd);
                self.sockets.socket_mut(fd)?.error = match ended {
                    State::SynSent
                    | State::SynReceived
                    | State::Established
                    | State::FinWait1
                    | State::FinWait2
                    | State::CloseWait => Some(Errno::ECONNRESET),
                    State::Closed | State::Listen | State::Closing | State::LastAck | State::TimeWait => None,
                };
            }
        }
        Ok(())
    }

    /// Separates a socket from its dead connection; it may connect anew.
    fn separate(&mut self, fd: i32) {
        if self.sockets.get(fd).is_some_and(|socket| !socket.port_named) {
            self.release_port(fd);
        }
        let forgets = self.host.config.max_seg_of_handshake;
        let Ok(socket) = self.sockets.socket_mut(fd) else { return };
        socket.early = Early::Nothing;
        if forgets && socket.options.max_seg.is_some() {
            Arc::make_mut(&mut socket.options).max_seg = None;
        }
        if let Kind::Connected { id, .. } = core::mem::replace(&mut socket.kind, Kind::Fresh) {
            if !socket.port_named {
                socket.local = None;
            }
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.owner = Owner::Nobody;
                if connection.tcb.state() == State::TimeWait {
                    // It goes on without the socket.
                    connection.tcb.user.closed = true;
                    return;
                }
            }
            self.delete(id);
        }
    }

    /// Ends one direction, or both. Sending ends as CLOSE says (RFC 9293 3.10.4), receiving without a word to the peer.
    ///
    /// # Errors
    /// `EBADF`; `ENOTCONN` without connection, and in TIME-WAIT.
    pub fn shutdown(&mut self, now: Instant, fd: i32, how: Shutdown) -> Result<(), Errno> {
        let (read, write) = match how {
            Shutdown::Read => (true, false),
            Shutdown::Write => (false, true),
            Shutdown::Both => (true, true),
        };
        match self.sockets.socket(fd)?.kind {
            Kind::Fresh => {
                if self.host.config.shutdown_is_remembered {
                    let early = &mut self.sockets.socket_mut(fd)?.early;
                    let both = matches!(early, Early::Shut(before) if *before != how);
                    *early = Early::Shut(if both { Shutdown::Both } else { how });
                }
                Err(Errno::ENOTCONN)
            }
            Kind::Listening(_) => {
                if read {
                    self.abandon_children(fd, now);
                    self.sockets.stop_listening(fd);
                }
                Ok(())
            }
            Kind::Connected { id, connecting } => {
                let state = self.connections.get(&id).map_or(State::Closed, |connection| connection.tcb.state());
                match state {
                    State::Closed | State::TimeWait => {
                        if connecting {
                            self.sockets.socket_mut(fd)?.early = Early::Disconnecting;
                        }
                        Err(Errno::ENOTCONN)
                    }
                    // As in Linux whichever direction is meant: there is nothing yet to close in part.
                    State::SynSent => {
                        if write {
                            self.with(id, now, Tcb::close_sending);
                        }
                        self.disconnect(now, fd)?;
                        self.sockets.socket_mut(fd)?.error = Some(Errno::ECONNRESET);
                        Ok(())
                    }
                    State::Listen
                    | State::SynReceived
                    | State::Established
                    | State::FinWait1
                    | State::FinWait2
                    | State::CloseWait
                    | State::Closing
                    | State::LastAck => {
                        let spared = state == State::SynReceived && self.host.config.shutdown_spares_half_open;
                        if connecting && spared {
                            self.sockets.socket_mut(fd)?.early = Early::Disconnecting;
                        }
                        // The outcome of `connect` counts as told (Linux).
                        if let Kind::Connected { connecting, .. } = &mut self.sockets.socket_mut(fd)?.kind
                            && state != State::SynReceived
                        {
                            *connecting = false;
                        }
                        self.with(id, now, |tcb, fx| {
                            tcb.user.shut_read |= read;
                            if state == State::SynReceived && fx.config().shutdown_spares_half_open {
                                tcb.user.shut_write |= write;
                            } else if write {
                                tcb.close_sending(fx);
                            }
                        });
                        Ok(())
                    }
                }
            }
        }
    }

    /// [`Stack::close`], and what it waits for where `SO_LINGER` has a time: the driver of a blocking caller returns when
    /// [`Stack::lingers`] says no, at `until` at the latest. `None`: nothing to wait for.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn close_lingering(&mut self, now: Instant, fd: i32) -> Result<Option<Lingering>, Errno> {
        let socket = self.sockets.socket(fd)?;
        let waits = match (&socket.kind, socket.options.linger) {
            (Kind::Connected { id, .. }, Some(time)) => Some(Lingering { connection: *id, until: now + time }),
            (Kind::Connected { .. } | Kind::Fresh | Kind::Listening(_), _) => None,
        };
        self.close(now, fd)?;
        Ok(waits.filter(|waits| self.lingers(waits)))
    }

    /// Whether the connection still has text or a FIN to bring to the peer, and the time is not over.
    #[must_use]
    pub fn lingers(&self, lingering: &Lingering) -> bool {
        let closing = |state| matches!(state, State::FinWait1 | State::Closing | State::LastAck);
        self.now < lingering.until
            && self.connections.get(&lingering.connection).is_some_and(|connection| closing(connection.tcb.state()))
    }

    /// CLOSE, or ABORT when text is unread or the linger time is zero (RFC 9293 3.10.4, 3.10.5, 3.6.1). The descriptor is
    /// free at once; the connection goes on by itself. A listener's connections that were not accepted are aborted.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn close(&mut self, now: Instant, fd: i32) -> Result<(), Errno> {
        self.see(now);
        match self.sockets.socket(fd)?.kind {
            Kind::Fresh => {}
            Kind::Listening(_) => {
                self.host.cite(rules::CLOSE_LISTEN);
                self.abandon_children(fd, now);
            }
            Kind::Connected { id, .. } => {
                if let Some(connection) = self.connections.get_mut(&id) {
                    connection.owner = Owner::Nobody;
                }
                self.with(id, now, |tcb, fx| tcb.close(fx));
                self.limit_orphans(id, now);
            }
        }
        self.release_port(fd);
        self.sockets.remove(fd);
        Ok(())
    }
}
