//! Calls that look: readiness, queues, STATUS, `TCP_INFO`, addresses.

use super::Stack;
use super::connection::Connection;
use super::demux::Place;
use super::sockets::Kind;
use crate::errno::Errno;
use crate::seq::SeqNum;
use crate::socket::{Readiness, Snapshot, Status, Summary, TcpInfo, Vitals};
use crate::tcp::State;
use crate::tcp::tcb::Fin;
use crate::tcp::tcb::Tuple;
use core::net::SocketAddr;

impl Stack {
    /// What `poll` would report.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn readiness(&self, fd: i32) -> Result<Readiness, Errno> {
        let socket = self.sockets.socket(fd)?;
        let connection = match &socket.kind {
            Kind::Fresh if socket.deferred.is_some() => {
                return Ok(Readiness { writable: true, ..Readiness::default() });
            }
            Kind::Fresh => {
                let error = socket.error.is_some();
                return Ok(Readiness { writable: true, hangup: true, error, ..Readiness::default() });
            }
            Kind::Listening(listener) => {
                return Ok(Readiness { readable: !listener.queue.is_empty(), ..Readiness::default() });
            }
            Kind::Connected { id, .. } => self.connections.get(id).ok_or(Errno::EBADF)?,
        };
        let tcb = &connection.tcb;
        let state = tcb.state();
        let opening = matches!(state, State::SynSent | State::SynReceived) && !tcb.is_fast_open_child();
        let shut_write = tcb.fin != Fin::None || state == State::Closed;
        let ended = tcb.at_end();
        Ok(Readiness {
            readable: ended || !opening && tcb.is_worth_reading(),
            writable: !opening && (shut_write || tcb.is_worth_writing(&self.host.config)),
            error: tcb.user.error.is_some(),
            hangup: state == State::Closed || (shut_write && ended),
            rdhup: ended,
            priority: !opening && !tcb.rcv.up_read && tcb.urgent_mark().is_some_and(|mark| mark < tcb.incoming.len()),
        })
    }

    /// `SIOCINQ`: octets that can be read, up to the urgent one.
    ///
    /// # Errors
    /// `EBADF`; `EINVAL` on a listener.
    pub fn inq(&self, fd: i32) -> Result<usize, Errno> {
        self.queue(fd, |connection| connection.tcb.readable_to_mark())
    }

    /// `SIOCOUTQ`: octets that are not acknowledged, a FIN counting as one.
    ///
    /// # Errors
    /// `EBADF`; `EINVAL` on a listener.
    pub fn outq(&self, fd: i32) -> Result<usize, Errno> {
        self.queue(fd, |connection| match connection.tcb.state() {
            State::SynSent | State::SynReceived => 0,
            State::Closed
            | State::Listen
            | State::Established
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait
            | State::Closing
            | State::LastAck
            | State::TimeWait => connection.tcb.unacknowledged(),
        })
    }

    /// `SIOCOUTQNSD`: octets that were not sent yet, a FIN counting as one.
    ///
    /// # Errors
    /// `EBADF`; `EINVAL` on a listener.
    pub fn outq_not_sent(&self, fd: i32) -> Result<usize, Errno> {
        self.queue(fd, |connection| {
            let tcb = &connection.tcb;
            tcb.unsent() as usize + usize::from(tcb.fin == Fin::Queued)
        })
    }

    /// `SIOCATMARK`: whether the next octet is the urgent one.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn at_mark(&self, fd: i32) -> Result<bool, Errno> {
        self.sockets.socket(fd)?;
        Ok(self.connection_of(fd).is_some_and(|connection| connection.tcb.urgent_mark() == Some(0)))
    }

    fn queue(&self, fd: i32, len: impl Fn(&super::Connection) -> usize) -> Result<usize, Errno> {
        match self.sockets.socket(fd)?.kind {
            Kind::Listening(_) => Err(Errno::EINVAL),
            Kind::Fresh => Ok(0),
            Kind::Connected { .. } => Ok(self.connection_of(fd).map_or(0, len)),
        }
    }

    /// STATUS (RFC 9293 3.10.6).
    ///
    /// # Errors
    /// `EBADF`.
    pub fn status(&self, fd: i32) -> Result<Status, Errno> {
        let socket = self.sockets.socket(fd)?;
        if let Some(connection) = self.connection_of(fd) {
            return Ok(connection.tcb.status());
        }
        let zero = SeqNum(0);
        Ok(Status {
            state: if matches!(socket.kind, Kind::Listening(_)) { State::Listen } else { State::Closed },
            local: socket.local,
            remote: None,
            snd_una: zero,
            snd_nxt: zero,
            snd_wnd: 0,
            iss: zero,
            rcv_nxt: zero,
            rcv_wnd: 0,
            irs: zero,
            unacknowledged: 0,
            unread: 0,
            urgent: false,
        })
    }

    /// All variables of the socket's connection. `None`: it has none.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn snapshot(&self, fd: i32) -> Result<Option<Snapshot>, Errno> {
        self.sockets.socket(fd)?;
        Ok(self.connection_of(fd).map(|connection| self.snapshot_of(connection)))
    }

    /// All variables of every connection, those without socket too: in the order in which they were made, and then what is
    /// half-open or in TIME-WAIT.
    pub fn snapshots(&self) -> impl Iterator<Item = Snapshot> + '_ {
        let kept = self.kept_tcbs().map(|(tcb, holder)| tcb.snapshot(holder, self.now, &self.host.config));
        self.connections.values().map(|connection| self.snapshot_of(connection)).chain(kept)
    }

    /// Every connection in one line each, in the order of [`Stack::snapshots`].
    pub fn connections(&self) -> impl Iterator<Item = Summary> + '_ {
        let kept = self.kept_tcbs().map(|(tcb, holder)| tcb.summary(holder));
        self.connections.values().map(|connection| connection.tcb.summary(connection.owner.holder())).chain(kept)
    }

    /// The variables of the connection between these two sockets, as they were seen by the latest event, without allocation. `None`:
    /// there is none that a segment would find.
    #[must_use]
    pub fn vitals(&self, local: SocketAddr, remote: SocketAddr) -> Option<Vitals> {
        let config = &self.host.config;
        match self.find(&Tuple { local, remote })? {
            Place::Connection(number) => {
                self.connections.at(number).map(|connection| connection.tcb.vitals(self.now, config))
            }
            Place::HalfOpen(number) => {
                self.half_open.get(number).map(|waiting| self.half_open_tcb(waiting).vitals(self.now, config))
            }
            Place::TimeWait(number) => {
                self.time_wait.get(number).map(|entry| entry.tcb(&self.host).vitals(self.now, config))
            }
        }
    }

    fn snapshot_of(&self, connection: &Connection) -> Snapshot {
        connection.tcb.snapshot(connection.owner.holder(), self.now, &self.host.config)
    }

    /// `TCP_INFO`. For a listener `unacked` is the length of its accept queue, as in Linux.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn tcp_info(&self, fd: i32) -> Result<TcpInfo, Errno> {
        let socket = self.sockets.socket(fd)?;
        if let Some(connection) = self.connection_of(fd) {
            return Ok(connection.tcb.tcp_info(self.now, &self.host.config));
        }
        Ok(match &socket.kind {
            Kind::Listening(listener) => TcpInfo {
                state: u64::from(State::Listen.linux_number()),
                unacked: listener.queue.len() as u64,
                ..TcpInfo::default()
            },
            Kind::Fresh | Kind::Connected { .. } => {
                TcpInfo { state: u64::from(State::Closed.linux_number()), ..TcpInfo::default() }
            }
        })
    }

    /// `getsockname`: the local socket, once there is one.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn local_address(&self, fd: i32) -> Result<Option<SocketAddr>, Errno> {
        let socket = self.sockets.socket(fd)?;
        Ok(socket.local.map(|local| socket.shown(local)))
    }

    /// `getpeername`.
    ///
    /// # Errors
    /// `EBADF`; `ENOTCONN` without connection, in SYN-SENT and in TIME-WAIT.
    pub fn remote_address(&self, fd: i32) -> Result<SocketAddr, Errno> {
        let socket = self.sockets.socket(fd)?;
        self.connection_of(fd)
            .filter(|connection| !matches!(connection.tcb.state(), State::Closed | State::SynSent | State::TimeWait))
            .map(|connection| socket.shown(connection.tcb.tuple.remote))
            .ok_or(Errno::ENOTCONN)
    }
}
