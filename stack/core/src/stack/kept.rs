//! Half-open connections and those in TIME-WAIT, which are kept without a TCB ([`crate::tcp::compact`]): each event builds
//! one, and what it leaves is stored back or becomes a connection.

use super::Stack;
use super::connection::{Connection, ConnectionId, Owner};
use super::deadlines::Armed;
use super::demux::Place;
use super::port_table::Sharing;
use crate::host::Fx;
use crate::rules;
use crate::socket::Holder;
use crate::tcp::State;
use crate::tcp::compact::{HalfOpen, TimeWait};
use crate::tcp::segment_arrives::{self, Verdict};
use crate::tcp::tcb::{Tcb, Totals, Tuple};
use crate::time::Instant;
use crate::wire::tcp::Segment;

/// A half-open connection and its place among the deadlines.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) entry: HalfOpen,
    pub(super) armed: Armed,
}

impl Stack {
    /// A listener has answered a SYN: `tcb` is in SYN-RECEIVED.
    pub(super) fn insert_half_open(&mut self, tcb: Tcb, fd: i32) {
        match HalfOpen::of(&tcb, fd, &self.host) {
            Some(entry) => {
                tcb.check();
                debug_assert!(
                    self.keeps_all(&entry, &tcb),
                    "an entry of the SYN cache has no place for something in {tcb:?}"
                );
                if let Some(listener) = self.sockets.listener_mut(fd) {
                    listener.comes(entry.is_young());
                }
                assert!(self.find(&tcb.tuple).is_none(), "{:?} is in use", tcb.tuple);
                let number = self.half_open.insert(Waiting { entry, armed: Armed::default() });
                self.demux.insert(self.demux_key.hash(&tcb.tuple), Place::HalfOpen(number));
                self.arm_half_open(number, tcb.timers.earliest());
            }
            None => {
                self.insert(tcb, Owner::Listener { fd, queued: false });
            }
        }
    }

    /// Whether the block that `entry` makes is the one that it was made of, but for what counts and what no rule reads.
    fn keeps_all(&self, entry: &HalfOpen, tcb: &Tcb) -> bool {
        let mut original = tcb.clone();
        let mut made = entry.tcb(original.user.options.clone(), tcb.timers.earliest(), &self.host);
        for tcb in [&mut original, &mut made] {
            tcb.totals = Totals::default();
            tcb.snd.wl2 = tcb.snd.una;
        }
        original == made
    }

    fn arm_half_open(&mut self, number: u32, deadline: Option<Instant>) {
        if let Some(waiting) = self.half_open.get_mut(number) {
            self.deadlines.set(&mut waiting.armed, Place::HalfOpen(number), deadline);
        }
        self.tidy_deadlines();
    }

    /// A half-open connection as a TCB.
    pub(super) fn half_open_tcb(&self, Waiting { entry, armed }: &Waiting) -> Tcb {
        let listener = self.sockets.get(entry.listener);
        let options = listener.map_or(&self.host.default_options, |socket| &socket.options);
        entry.tcb(options.clone(), armed.deadline(), &self.host)
    }

    /// Acts on a half-open connection, in a connection's place: most that come here stay there.
    pub(super) fn with_half_open<R>(
        &mut self,
        number: u32,
        now: Instant,
        event: impl FnOnce(&mut Tcb, &mut Fx<'_>) -> R,
    ) -> R {
        self.see(now);
        let Some(waiting) = self.half_open.get(number) else { unreachable!("a place without entry") };
        let fd = waiting.entry.listener;
        let queues = self.queues_of(fd);
        let owner = Owner::Listener { fd, queued: false };
        let id = self.connections.enter(Connection::new(self.half_open_tcb(waiting), owner));
        let mut fx = Fx::new(now, &mut self.host);
        fx.queues = queues;
        let Some(Connection { tcb, .. }) = self.connections.get_mut(&id) else { panic!("{id:?} is gone") };
        let result = event(tcb, &mut fx);
        self.settle_half_open(number, id);
        result
    }

    /// Stores back what an event has left, or makes it a connection, or forgets it.
    fn settle_half_open(&mut self, number: u32, id: ConnectionId) {
        let Some(Connection { tcb, .. }) = self.connections.get_mut(&id) else { panic!("{id:?} is gone") };
        let Some(waiting) = self.half_open.get_mut(number) else { unreachable!("a place without entry") };
        let fd = waiting.entry.listener;
        match HalfOpen::of(tcb, fd, &self.host) {
            Some(entry) => {
                tcb.check();
                if waiting.entry.is_young()
                    && !entry.is_young()
                    && let Some(listener) = self.sockets.listener_mut(fd)
                {
                    listener.ages();
                }
                waiting.entry = entry;
                let earliest = tcb.timers.earliest();
                self.connections.discard(id);
                self.arm_half_open(number, earliest);
            }
            None => {
                tcb.queue.release();
                let returns = tcb.state() == State::Listen;
                let stays = tcb.state().has_a_peer() || tcb.user.was_established;
                let reopened = self.remove_half_open(number);
                if let Some(entry) = reopened.filter(|_| returns) {
                    self.return_to_time_wait(entry);
                }
                if stays {
                    self.admit(id);
                } else {
                    self.connections.discard(id);
                }
            }
        }
    }

    /// Takes an entry out of the tables. What it reopened, if that is to come back.
    pub(super) fn remove_half_open(&mut self, number: u32) -> Option<TimeWait> {
        let Waiting { entry, armed } = self.half_open.remove(number)?;
        let tuple = entry.ends.tuple(&self.host.addresses);
        self.demux.remove(self.demux_key.hash(&tuple), Place::HalfOpen(number));
        self.deadlines.forget(&armed);
        if let Some(listener) = self.sockets.listener_mut(entry.listener) {
            listener.goes(entry.is_young());
        }
        self.tidy_deadlines();
        self.reopened.remove(&tuple)
    }

    /// Keeps a connection in TIME-WAIT, which nobody holds, as an entry. Whether one has room for all of it.
    pub(super) fn keep_time_wait(&mut self, id: ConnectionId) -> bool {
        let now = self.now;
        let Some(connection) = self.connections.get(&id) else { return false };
        let tuple = connection.tcb.tuple;
        // What RFC 7323 5.5 calls outdated stays so in a TCB.
        let timestamps = &connection.tcb.timestamps;
        if timestamps.enabled && timestamps.recent(now).is_none() {
            return false;
        }
        let Some(entry) = TimeWait::of(&connection.tcb, &self.host) else { return false };
        self.remove_connection(id);
        self.insert_time_wait(tuple, entry);
        true
    }

    /// Enters a TIME-WAIT into the tables.
    fn insert_time_wait(&mut self, tuple: Tuple, entry: TimeWait) {
        self.ports.enter(tuple.local, Sharing { address: entry.reuse_addr(), port: false });
        let number = self.time_wait.insert(entry);
        self.demux.insert(self.demux_key.hash(&tuple), Place::TimeWait(number));
        self.enter_time_wait(number);
    }

    /// The SYN that reopened a connection in TIME-WAIT has proved old, because the peer has reset what it made: back to
    /// TIME-WAIT for the rest of its time (RFC 9293 3.6.1, MAY-2).
    fn return_to_time_wait(&mut self, entry: TimeWait) {
        let tuple = entry.ends.tuple(&self.host.addresses);
        if entry.deadline() <= self.now || self.find(&tuple).is_some() {
            return;
        }
        self.host.cite(rules::TIME_WAIT_REOPEN);
        self.host.time_waits += 1;
        self.insert_time_wait(tuple, entry);
    }

    /// What is to come back if the SYN that reopens it proves old.
    fn reopened_entry(&self, place: Place) -> Option<TimeWait> {
        if !self.host.config.time_wait_returns {
            return None;
        }
        match place {
            Place::Connection(number) => {
                self.connections.get(&self.connection_at(number)).and_then(|old| TimeWait::of(&old.tcb, &self.host))
            }
            Place::HalfOpen(_) => None,
            Place::TimeWait(number) => self.time_wait.get(number).copied(),
        }
    }

    /// Gives the entry a new item among the deadlines.
    fn enter_time_wait(&mut self, number: u32) {
        if let Some(entry) = self.time_wait.get_mut(number) {
            entry.stamp = self.deadlines.enter(entry.deadline(), Place::TimeWait(number));
        }
        self.tidy_deadlines();
    }

    /// Acts on a connection in TIME-WAIT.
    pub(super) fn with_time_wait<R>(
        &mut self,
        number: u32,
        now: Instant,
        event: impl FnOnce(&mut Tcb, &mut Fx<'_>) -> R,
    ) -> R {
        self.see(now);
        let Some(entry) = self.time_wait.get(number) else { unreachable!("a place without entry") };
        let mut tcb = entry.tcb(&self.host);
        let listener_behind = self.sockets.listening_on(tcb.tuple.local, || 0).is_some();
        let mut fx = Fx::new(now, &mut self.host);
        fx.listener_behind = listener_behind;
        let result = event(&mut tcb, &mut fx);
        self.settle_time_wait(number, &tcb);
        result
    }

    fn settle_time_wait(&mut self, number: u32, tcb: &Tcb) {
        tcb.check();
        let entry = TimeWait::of(tcb, &self.host);
        let (Some(entry), Some(old)) = (entry, self.time_wait.get_mut(number)) else {
            assert!(tcb.state() == State::Closed, "{}: no entry for it", tcb.state());
            self.remove_time_wait(number);
            return;
        };
        let (before, stamp) = (old.deadline(), old.stamp);
        *old = entry;
        old.stamp = stamp;
        if stamp == 0 || entry.deadline() < before {
            if stamp != 0 {
                self.deadlines.forget_one();
            }
            self.enter_time_wait(number);
        } else {
            self.tidy_deadlines();
        }
    }

    /// Takes an entry out of the tables.
    pub(super) fn remove_time_wait(&mut self, number: u32) {
        let Some(entry) = self.time_wait.remove(number) else { return };
        let tuple = entry.ends.tuple(&self.host.addresses);
        self.ports.leave(tuple.local, Sharing { address: entry.reuse_addr(), port: false });
        self.demux.remove(self.demux_key.hash(&tuple), Place::TimeWait(number));
        if entry.stamp != 0 {
            self.deadlines.forget_one();
        }
        self.host.time_waits -= 1;
        self.tidy_deadlines();
    }

    /// What is kept without TCB, as TCBs, and who has it.
    pub(super) fn kept_tcbs(&self) -> impl Iterator<Item = (Tcb, Holder)> + '_ {
        let half_open = self
            .half_open
            .iter()
            .map(|(_, waiting)| (self.half_open_tcb(waiting), Holder::HalfOpen(waiting.entry.listener)));
        half_open.chain(self.time_wait.iter().map(|(_, entry)| (entry.tcb(&self.host), Holder::Nobody)))
    }

    /// Deletes what has a tuple, without a word to anybody.
    pub(super) fn delete_place(&mut self, place: Place) {
        match place {
            Place::Connection(number) => self.delete(self.connection_at(number)),
            Place::HalfOpen(number) => {
                self.remove_half_open(number);
            }
            Place::TimeWait(number) => self.remove_time_wait(number),
        }
    }

    /// Acts on whatever has a tuple.
    pub(super) fn with_place<R>(
        &mut self,
        place: Place,
        now: Instant,
        event: impl FnOnce(&mut Tcb, &mut Fx<'_>) -> R,
    ) -> R {
        match place {
            Place::Connection(number) => self.with(self.connection_at(number), now, event),
            Place::HalfOpen(number) => self.with_half_open(number, now, event),
            Place::TimeWait(number) => self.with_time_wait(number, now, event),
        }
    }

    /// 3.10.7.3 and 3.10.7.4.
    pub(super) fn segment_for(&mut self, place: Place, tuple: Tuple, now: Instant, seg: &Segment<'_>) {
        let (verdict, old) = self.with_place(place, now, |tcb, fx| {
            let old = tcb.snd.nxt;
            (segment_arrives::on_connection(tcb, seg, fx), old)
        });
        match verdict {
            Verdict::Done | Verdict::Refused => {}
            Verdict::Reopen => {
                let place = self.find(&tuple);
                let entry = place.and_then(|place| self.reopened_entry(place));
                if let Some(place) = place {
                    self.delete_place(place);
                }
                self.segment_for_nobody(tuple, Some(old), now, seg);
                if let (Some(entry), Some(Place::HalfOpen(_))) = (entry, self.find(&tuple)) {
                    self.reopened.insert(tuple, entry);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::sockets::Socket;
    use core::mem::size_of;

    #[test]
    fn entries_are_as_small_as_promised() {
        // With an item of the wheel (16, a tenth more for growth) and a slot of the table (8, at most half as much more and
        // an eighth free).
        let in_all = |octets: usize| octets + 18 + 14;
        assert!(in_all(size_of::<Option<Waiting>>()) <= 160, "{} octets half-open", size_of::<Option<Waiting>>());
        assert!(in_all(size_of::<Option<TimeWait>>()) <= 96, "{} octets in TIME-WAIT", size_of::<Option<TimeWait>>());
        // A connection that is idle has a socket, and a slot of the table that finds it.
        let idle = size_of::<Option<Connection>>() + size_of::<Option<Socket>>() + 14;
        assert!(idle <= 984, "{idle} octets an idle connection");
    }
}
