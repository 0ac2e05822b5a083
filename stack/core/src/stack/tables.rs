//! Where connections are kept, and the bookkeeping that an entry's coming, going and waiting takes.

use super::Stack;
use super::connection::{Connection, ConnectionId};
use super::deadlines::{Armed, Entries, Standing};
use super::demux::Place;
use super::slab::Slab;
use crate::tcp::tcb::Tuple;
use crate::time::Instant;
use alloc::boxed::Box;

/// Connections that have a TCB.
#[derive(Debug, Default)]
pub(super) struct Connections {
    slab: Slab<Box<Connection>>,
    serial: u32,
}

impl Connections {
    pub(super) fn get(&self, id: &ConnectionId) -> Option<&Connection> {
        self.slab.get(id.number).filter(|connection| connection.serial == id.serial).map(|connection| &**connection)
    }

    pub(super) fn get_mut(&mut self, id: &ConnectionId) -> Option<&mut Connection> {
        let connection = self.slab.get_mut(id.number)?;
        (connection.serial == id.serial).then_some(&mut **connection)
    }

    /// Every connection, in no order that means anything.
    pub(super) fn iter(&self) -> impl Iterator<Item = (ConnectionId, &Connection)> {
        self.slab.iter().map(|(number, connection)| (ConnectionId { number, serial: connection.serial }, &**connection))
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Connection> {
        self.iter().map(|(_, connection)| connection)
    }

    fn id_of(&self, number: u32) -> Option<ConnectionId> {
        self.slab.get(number).map(|connection| ConnectionId { number, serial: connection.serial })
    }
}

/// The entries with deadlines, as the wheel sees them.
struct Timed<'a> {
    connections: &'a mut Connections,
}

impl Entries for Timed<'_> {
    fn judge(&mut self, place: Place, at: Instant, stamp: u32) -> Standing {
        match place {
            Place::Connection(number) => {
                self.connections.slab.get_mut(number).map_or(Standing::Stale, |entry| entry.armed.judge(at, stamp))
            }
        }
    }

    fn has(&self, place: Place, stamp: u32) -> bool {
        match place {
            Place::Connection(number) => self.connections.slab.get(number).is_some_and(|entry| entry.armed.has(stamp)),
        }
    }
}

impl Stack {
    /// Where the tuple is in use.
    pub(super) fn find(&self, tuple: &Tuple) -> Option<Place> {
        self.demux.find(self.demux_key.hash(tuple), |place| match place {
            Place::Connection(number) => {
                self.connections.slab.get(number).is_some_and(|connection| connection.tcb.tuple == *tuple)
            }
        })
    }

    /// The connection that has the tuple.
    pub(super) fn find_connection(&self, tuple: &Tuple) -> Option<ConnectionId> {
        let Place::Connection(number) = self.find(tuple)?;
        self.connections.id_of(number)
    }

    /// The connection in a place, which is in use.
    pub(super) fn connection_at(&self, number: u32) -> ConnectionId {
        let Some(id) = self.connections.id_of(number) else { unreachable!("a place without connection") };
        id
    }

    /// Enters a connection into the tables.
    ///
    /// # Panics
    /// When its tuple is in use.
    pub(super) fn add_connection(&mut self, mut connection: Box<Connection>) -> ConnectionId {
        let tuple = connection.tcb.tuple;
        assert!(self.find(&tuple).is_none(), "{tuple:?} is in use");
        self.connections.serial = self.connections.serial.wrapping_add(1);
        connection.serial = self.connections.serial;
        let serial = connection.serial;
        let number = self.connections.slab.insert(connection);
        self.demux.insert(self.demux_key.hash(&tuple), Place::Connection(number));
        ConnectionId { number, serial }
    }

    /// Segments do not find the connection any more.
    pub(super) fn hide_connection(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id)
            && !core::mem::replace(&mut connection.hidden, true)
        {
            let hash = self.demux_key.hash(&connection.tcb.tuple);
            self.demux.remove(hash, Place::Connection(id.number));
        }
    }

    /// Takes a connection out of the tables.
    pub(super) fn remove_connection(&mut self, id: ConnectionId) {
        self.hide_connection(id);
        if let Some(connection) = self.connections.slab.remove(id.number) {
            self.deadlines.forget(&connection.armed);
        }
        self.tidy_deadlines();
    }

    /// Sets when a connection's earliest timer is due.
    pub(super) fn arm_connection(&mut self, id: ConnectionId, deadline: Option<Instant>) {
        if let Some(connection) = self.connections.get_mut(&id) {
            self.deadlines.set(&mut connection.armed, Place::Connection(id.number), deadline);
            self.tidy_deadlines();
        }
    }

    /// Leaves the earliest deadline at the front.
    pub(super) fn tidy_deadlines(&mut self) {
        self.deadlines.tidy(&mut Timed { connections: &mut self.connections });
    }

    /// Takes the deadline at the front, which is due, off the wheel.
    pub(super) fn fire(&mut self, place: Place) {
        let mut nobody = Armed::default();
        let armed = match place {
            Place::Connection(number) => {
                self.connections.slab.get_mut(number).map_or(&mut nobody, |connection| &mut connection.armed)
            }
        };
        self.deadlines.fire(armed);
    }
}
