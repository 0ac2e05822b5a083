//! Connections in the stack's tables, and what follows every event of one.

use super::Stack;
use super::deadlines::Armed;
use super::port_table::Sharing;
use super::sockets::Kind;
use crate::errno::Errno;
use crate::host::Fx;
use crate::socket::Holder;
use crate::tcp::State;
use crate::tcp::abort;
use crate::tcp::backlog::Queues;
use crate::tcp::tcb::Tcb;
use crate::time::Instant;
use core::num::NonZeroI32;

/// Names a connection; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConnectionId {
    /// Its place.
    pub(super) number: u32,
    /// Which of those that have had the place.
    pub(super) serial: u32,
}

/// Who has the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The listener with this descriptor: half-open, or waiting in its accept queue.
    Listener {
        fd: i32,
        /// It has reached ESTABLISHED and waits.
        queued: bool,
    },
    /// The socket with this descriptor.
    Socket(i32),
    /// Nobody any more: an orphan that finishes closing.
    Nobody,
}

impl Owner {
    pub(super) const fn holder(self) -> Holder {
        match self {
            Self::Listener { fd, queued: false } => Holder::HalfOpen(fd),
            Self::Listener { fd, queued: true } => Holder::Queued(fd),
            Self::Socket(fd) => Holder::Socket(fd),
            Self::Nobody => Holder::Nobody,
        }
    }
}

/// A TCB and its place in the tables.
///
/// It begins with a line of the cache, so that it lies in as few as possible.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Connection {
    pub(super) tcb: Tcb,
    pub(super) owner: Owner,
    pub(super) serial: u32,
    /// Its entry in the table of deadlines.
    pub(super) armed: Armed,
    /// Segments do not find it: it is in CLOSED, and its tuple free for others.
    pub(super) hidden: bool,
    /// How it stands in the table of ports.
    pub(super) sharing: Sharing,
    /// It is counted among those in TIME-WAIT.
    time_wait: bool,
    /// It is counted among those that close without a socket.
    orphan: bool,
    /// It is counted among its listener's half-open ones whose SYN,ACK was not repeated.
    young: bool,
    /// It is counted among the Fast Opens in SYN-RECEIVED of this listener.
    fast_open_of: Option<NonZeroI32>,
}

impl Connection {
    /// One that is in no table yet.
    pub(super) fn new(tcb: Tcb, owner: Owner) -> Self {
        let sharing = Sharing { address: tcb.user.options.reuse_addr, port: tcb.user.options.reuse_port };
        Self {
            tcb,
            owner,
            serial: 0,
            armed: Armed::default(),
            hidden: false,
            sharing,
            time_wait: false,
            orphan: false,
            young: false,
            fast_open_of: None,
        }
    }
}

impl Stack {
    /// Enters a new connection into the tables.
    ///
    /// # Panics
    /// When its tuple is in use.
    pub(super) fn insert(&mut self, tcb: Tcb, owner: Owner) -> ConnectionId {
        let id = self.connections.enter(Connection::new(tcb, owner));
        self.admit(id);
        id
    }

    /// Enters a connection that has its place into the other tables.
    ///
    /// # Panics
    /// When its tuple is in use.
    pub(super) fn admit(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { panic!("{id:?} is gone") };
        if let Owner::Listener { fd, .. } = connection.owner
            && let Some(listener) = self.sockets.listener_mut(fd)
        {
            connection.young = connection.tcb.rto.retransmits == 0;
            listener.comes(connection.young);
            if connection.tcb.is_fast_open_child() {
                listener.fast_open.begins();
                connection.fast_open_of = NonZeroI32::new(fd);
            }
        }
        self.show_connection(id);
        self.settle(id);
    }

    /// Acts on a connection: everything that happens to one passes here, so that [`Stack::settle`] follows.
    pub(super) fn with<R>(
        &mut self,
        id: ConnectionId,
        now: Instant,
        event: impl FnOnce(&mut Tcb, &mut Fx<'_>) -> R,
    ) -> R {
        self.see(now);
        let Some(connection) = self.connections.get(&id) else { panic!("{id:?} is gone") };
        connection.fetch();
        let state = connection.tcb.state();
        let local = connection.tcb.tuple.local;
        let queues = match connection.owner {
            Owner::Listener { fd, queued: false } => self.queues_of(fd),
            Owner::Listener { queued: true, .. } | Owner::Socket(_) | Owner::Nobody => Queues::default(),
        };
        let listener_behind = state == State::TimeWait && self.sockets.listening_on(local, || 0).is_some();
        let mut fx = Fx::new(now, &mut self.host);
        fx.queues = queues;
        fx.listener_behind = listener_behind;
        let Some(connection) = self.connections.get_mut(&id) else { panic!("{id:?} is gone") };
        let result = event(&mut connection.tcb, &mut fx);
        self.settle(id);
        result
    }

    /// The user has changed how the connection shares its local socket.
    pub(super) fn share_anew(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let options = &connection.tcb.user.options;
        let sharing = Sharing { address: options.reuse_addr, port: options.reuse_port };
        let old = core::mem::replace(&mut connection.sharing, sharing);
        if !connection.hidden {
            let local = connection.tcb.tuple.local;
            self.ports.leave(local, old);
            self.ports.enter(local, sharing);
        }
    }

    /// What follows an event: invariants, the accept queue, the count of TIME-WAITs, the table of deadlines, removal.
    pub(super) fn settle(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let is_time_wait = connection.tcb.state() == State::TimeWait;
        if is_time_wait && !connection.time_wait && self.host.time_waits >= self.host.config.tcp_max_tw_buckets {
            self.host.counters.tcp_time_wait_overflow += 1;
            connection.tcb.enter(State::Closed, &mut Fx::new(self.now, &mut self.host));
        }
        connection.tcb.check();
        let is_time_wait = connection.tcb.state() == State::TimeWait;
        match (connection.time_wait, is_time_wait) {
            (false, true) => self.host.time_waits += 1,
            (true, false) => self.host.time_waits -= 1,
            (true, true) | (false, false) => {}
        }
        connection.time_wait = is_time_wait;
        let closes = matches!(connection.tcb.state(), State::FinWait1 | State::Closing | State::LastAck);
        let is_orphan = connection.owner == Owner::Nobody && closes;
        match (core::mem::replace(&mut connection.orphan, is_orphan), is_orphan) {
            (false, true) => self.host.orphans += 1,
            (true, false) => self.host.orphans -= 1,
            (true, true) | (false, false) => {}
        }
        if connection.young
            && connection.tcb.rto.retransmits > 0
            && connection.tcb.state() == State::SynReceived
            && let Owner::Listener { fd, .. } = connection.owner
            && let Some(listener) = self.sockets.listener_mut(fd)
        {
            connection.young = false;
            listener.ages();
        }
        if let Some(fd) = connection.fast_open_of
            && connection.tcb.state() != State::SynReceived
        {
            connection.fast_open_of = None;
            // Linux counts those that were accepted already, and forgets the others.
            let waits = connection.owner == Owner::Listener { fd: fd.get(), queued: true };
            let reset = connection.tcb.user.error == Some(Errno::ECONNRESET)
                && (!waits || self.host.config.fast_open_waiting_resets_count);
            if let Some(listener) = self.sockets.listener_mut(fd.get()) {
                listener.fast_open.ends(reset, self.now);
            }
        }
        let earliest = connection.tcb.timers.earliest();
        // A connection that is kept as an entry from here on needs no item of its own on the wheel.
        if !(is_time_wait && connection.owner == Owner::Nobody && self.keep_time_wait(id)) {
            self.arm_connection(id, earliest);
        }
        self.settle_owner(id);
    }

    /// The listener's queues, and the end of connections that nobody asks for any more.
    fn settle_owner(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let state = connection.tcb.state();
        let gone = matches!(state, State::Closed | State::Listen);
        // A Fast Open is in use, and can be accepted, from the SYN on.
        let established = connection.tcb.user.was_established || connection.tcb.is_fast_open_child();
        let owner = connection.owner;
        if gone {
            // A socket may hold on to it while another connection has the tuple.
            self.hide_connection(id);
        }
        match owner {
            Owner::Listener { fd, queued: false } => {
                let mut young = false;
                if let Some(connection) = self.connections.get_mut(&id)
                    && (established || gone)
                {
                    young = core::mem::replace(&mut connection.young, false);
                }
                if established && let Some(connection) = self.connections.get_mut(&id) {
                    connection.owner = Owner::Listener { fd, queued: true };
                }
                if let Some(listener) = self.sockets.listener_mut(fd)
                    && (established || gone)
                {
                    listener.goes(young);
                    if established {
                        listener.queue.push_back(id);
                    }
                }
                if gone && !established {
                    self.remove_connection(id);
                }
            }
            // A connection that fails while it waits is still accepted; the error shows then.
            Owner::Listener { queued: true, .. } | Owner::Socket(_) => {}
            Owner::Nobody if gone => {
                self.remove_connection(id);
            }
            Owner::Nobody => {}
        }
    }

    /// The queues of a listener as they stand.
    pub(super) fn queues_of(&self, fd: i32) -> Queues {
        self.sockets.listener(fd).map_or_else(Queues::default, |listener| listener.queues(&self.host.config))
    }

    /// A connection has lost its socket: with too many others like it, it is reset.
    pub(super) fn limit_orphans(&mut self, id: ConnectionId, now: Instant) {
        let is_orphan = self.connections.get(&id).is_some_and(|connection| connection.orphan);
        if is_orphan && self.host.orphans > self.host.config.tcp_max_orphans {
            self.with(id, now, abort::out_of_orphans);
        }
    }

    /// Deletes a connection, in whatever state it is, without a word to anybody.
    pub(super) fn delete(&mut self, id: ConnectionId) {
        let now = self.now;
        if let Some(connection) = self.connections.get_mut(&id) {
            if connection.tcb.state() != State::Closed {
                connection.tcb.enter(State::Closed, &mut Fx::new(now, &mut self.host));
            }
            self.settle(id);
        }
    }

    /// A listener goes: half-open connections vanish, waiting ones are aborted.
    pub(super) fn abandon_children(&mut self, parent: i32, now: Instant) {
        let children: alloc::vec::Vec<(ConnectionId, bool)> = self
            .connections
            .iter()
            .filter_map(|(id, connection)| match connection.owner {
                Owner::Listener { fd, queued } if fd == parent => Some((id, queued)),
                Owner::Listener { .. } | Owner::Socket(_) | Owner::Nobody => None,
            })
            .collect();
        let half_open = self.half_open.iter().filter(|(_, waiting)| waiting.entry.listener == parent);
        for number in half_open.map(|(number, _)| number).collect::<alloc::vec::Vec<u32>>() {
            self.remove_half_open(number);
        }
        for (id, queued) in children {
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.owner = Owner::Nobody;
            }
            if queued {
                self.with(id, now, abort::abort);
            } else {
                self.delete(id);
            }
        }
    }

    /// The connection behind a socket.
    pub(super) fn connection_of(&self, fd: i32) -> Option<&Connection> {
        match self.sockets.get(fd)?.kind {
            Kind::Connected { id, .. } => self.connections.get(&id),
            Kind::Fresh | Kind::Listening(_) => None,
        }
    }
}
