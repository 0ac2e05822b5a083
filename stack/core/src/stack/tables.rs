//! Where connections are kept, and the bookkeeping that an entry's coming, going and waiting takes.

use super::Stack;
use super::connection::{Connection, ConnectionId};
use super::deadlines::{Entries, Standing};
use super::demux::Place;
use super::kept::Waiting;
use super::slab::Slab;
use crate::tcp::compact::TimeWait;
use crate::tcp::tcb::Tuple;
use crate::time::Instant;
use alloc::vec::Vec;

/// Connections that have a TCB.
#[derive(Debug, Default)]
pub(super) struct Connections {
    slab: Slab<Connection>,
    serial: u32,
}

impl Connections {
    pub(super) fn get(&self, id: &ConnectionId) -> Option<&Connection> {
        self.slab.get(id.number).filter(|connection| connection.serial == id.serial)
    }

    pub(super) fn get_mut(&mut self, id: &ConnectionId) -> Option<&mut Connection> {
        let connection = self.slab.get_mut(id.number)?;
        (connection.serial == id.serial).then_some(connection)
    }

    /// Every connection, in the order in which they were made.
    pub(super) fn iter(&self) -> impl Iterator<Item = (ConnectionId, &Connection)> {
        let mut all: Vec<(ConnectionId, &Connection)> = Vec::new();
        for (number, connection) in self.slab.iter() {
            all.push((ConnectionId { number, serial: connection.serial }, connection));
        }
        all.sort_unstable_by_key(|(id, _)| id.serial);
        all.into_iter()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Connection> {
        self.iter().map(|(_, connection)| connection)
    }

    /// Gives a connection a place, where segments do not find it yet.
    pub(super) fn enter(&mut self, mut connection: Connection) -> ConnectionId {
        self.serial = self.serial.wrapping_add(1);
        connection.serial = self.serial;
        ConnectionId { number: self.slab.insert(connection), serial: self.serial }
    }

    /// Drops what [`Connections::enter`] has entered and nothing else knows of.
    pub(super) fn discard(&mut self, id: ConnectionId) {
        self.slab.discard(id.number);
    }

    /// As new, in the memory of before.
    pub(super) fn emptied(self) -> Self {
        Self { slab: self.slab.emptied(), serial: 0 }
    }

    /// The connection in a place.
    pub(super) fn at(&self, number: u32) -> Option<&Connection> {
        self.slab.get(number)
    }

    fn id_of(&self, number: u32) -> Option<ConnectionId> {
        self.slab.get(number).map(|connection| ConnectionId { number, serial: connection.serial })
    }
}

/// The entries with deadlines, as the wheel sees them.
struct Timed<'a> {
    connections: &'a mut Connections,
    half_open: &'a mut Slab<Waiting>,
    time_wait: &'a mut Slab<TimeWait>,
}

impl Entries for Timed<'_> {
    fn judge(&mut self, place: Place, at: Instant, stamp: u32) -> Standing {
        let standing = match place {
            Place::Connection(number) => {
                self.connections.slab.get_mut(number).map(|entry| entry.armed.judge(at, stamp))
            }
            Place::HalfOpen(number) => self.half_open.get_mut(number).map(|entry| entry.armed.judge(at, stamp)),
            Place::TimeWait(number) => self.time_wait.get(number).map(|entry| match entry.deadline() {
                _ if entry.stamp != stamp => Standing::Stale,
                deadline if deadline == at => Standing::Due,
                deadline => Standing::Later(deadline),
            }),
        };
        standing.unwrap_or(Standing::Stale)
    }

    fn has(&self, place: Place, stamp: u32) -> bool {
        let has = match place {
            Place::Connection(number) => self.connections.slab.get(number).map(|entry| entry.armed.has(stamp)),
            Place::HalfOpen(number) => self.half_open.get(number).map(|entry| entry.armed.has(stamp)),
            Place::TimeWait(number) => self.time_wait.get(number).map(|entry| entry.stamp == stamp),
        };
        has.unwrap_or(false)
    }
}

impl Stack {
    /// Where the tuple is in use.
    pub(super) fn find(&self, tuple: &Tuple) -> Option<Place> {
        let addresses = &self.host.addresses;
        let is_it = |place| match place {
            Place::Connection(number) => self.connections.slab.get(number).map(|entry| entry.tcb.tuple == *tuple),
            Place::HalfOpen(number) => {
                self.half_open.get(number).map(|waiting| waiting.entry.ends.is(tuple, addresses))
            }
            Place::TimeWait(number) => self.time_wait.get(number).map(|entry| entry.ends.is(tuple, addresses)),
        };
        self.demux.find(self.demux_key.hash(tuple), |place| is_it(place).unwrap_or(false))
    }

    /// The connection in a place, which is in use.
    pub(super) fn connection_at(&self, number: u32) -> ConnectionId {
        let Some(id) = self.connections.id_of(number) else { unreachable!("a place without connection") };
        id
    }

    /// Segments find the connection from now on.
    ///
    /// # Panics
    /// When its tuple is in use.
    pub(super) fn show_connection(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get(&id) else { panic!("{id:?} is gone") };
        let (tuple, sharing) = (connection.tcb.tuple, connection.sharing);
        assert!(self.find(&tuple).is_none(), "{tuple:?} is in use");
        self.demux.insert(self.demux_key.hash(&tuple), Place::Connection(id.number));
        self.ports.enter(tuple.local, sharing);
    }

    /// Segments do not find the connection any more.
    pub(super) fn hide_connection(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id)
            && !core::mem::replace(&mut connection.hidden, true)
        {
            let tuple = connection.tcb.tuple;
            self.ports.leave(tuple.local, connection.sharing);
            self.demux.remove(self.demux_key.hash(&tuple), Place::Connection(id.number));
        }
    }

    /// Takes a connection out of the tables.
    pub(super) fn remove_connection(&mut self, id: ConnectionId) {
        self.hide_connection(id);
        if let Some(connection) = self.connections.slab.get(id.number) {
            self.deadlines.forget(&connection.armed);
            self.connections.slab.discard(id.number);
        }
        self.tidy_deadlines();
    }

    /// Sets when a connection's earliest timer is due.
    pub(super) fn arm_connection(&mut self, id: ConnectionId, deadline: Option<Instant>) {
        if let Some(connection) = self.connections.get_mut(&id)
            && connection.armed.deadline() != deadline
        {
            self.deadlines.set(&mut connection.armed, Place::Connection(id.number), deadline);
            self.tidy_deadlines();
        }
    }

    /// Leaves the earliest deadline at the front.
    pub(super) fn tidy_deadlines(&mut self) {
        let Self { connections, half_open, time_wait, .. } = self;
        self.deadlines.tidy(&mut Timed { connections, half_open, time_wait });
    }

    /// Takes the deadline at the front, which is due, off the wheel.
    pub(super) fn fire(&mut self, place: Place) {
        self.deadlines.fire();
        match place {
            Place::Connection(number) => {
                if let Some(connection) = self.connections.slab.get_mut(number) {
                    connection.armed.fired();
                }
            }
            Place::HalfOpen(number) => {
                if let Some(waiting) = self.half_open.get_mut(number) {
                    waiting.armed.fired();
                }
            }
            Place::TimeWait(number) => {
                if let Some(entry) = self.time_wait.get_mut(number) {
                    entry.stamp = 0;
                }
            }
        }
    }
}
