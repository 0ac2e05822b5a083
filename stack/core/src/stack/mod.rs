//! One host: addresses, connections, sockets, timers.

mod address;
mod bind;
mod calls;
mod connection;
mod deadlines;
mod demux;
mod fast_open;
mod fetch;
mod icmp;
mod input;
mod kept;
mod md5;
mod observe;
mod options;
mod port_table;
mod queued;
mod sizes;
mod slab;
mod sockets;
mod tables;
mod transfer;

pub use calls::Lingering;

use crate::config::Config;
use crate::counters::Counters;
use crate::host::Host;
use crate::tcp::compact::TimeWait;
use crate::tcp::tcb::Tuple;
use crate::tcp::timeouts;
use crate::time::Instant;
use crate::wire::ip;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use connection::Connection;
use core::net::IpAddr;
use deadlines::Deadlines;
use demux::{Demux, Key};
use kept::Waiting;
use port_table::PortTable;
use queued::Queued;
use slab::Slab;
use sockets::Sockets;
use tables::Connections;

/// A TCP/IP host that is driven from outside.
///
/// The driver
/// - hands in datagrams with [`Stack::receive`], or several at once with [`Stack::receive_queued`], and makes socket calls,
///   each with the present time, which never goes back;
/// - after each of these takes what is to be sent with [`Stack::transmit`] until it returns `None`;
/// - calls [`Stack::advance`] when the time of [`Stack::poll_at`] has come. Timers that are due fire in the order of their
///   deadlines, each as if the time were exactly its deadline.
///
/// Nothing blocks: where a Linux socket would, a call fails with `EAGAIN` (or `EINPROGRESS`), and the driver repeats it when
/// [`Stack::readiness`] says so. Equal seeds and equal inputs give equal octets.
///
/// # Panics
/// Any method panics when an invariant of a connection does not hold: a defect of the stack, never of its inputs.
#[derive(Debug)]
pub struct Stack {
    host: Host,
    connections: Connections,
    half_open: Slab<Waiting>,
    time_wait: Slab<TimeWait>,
    /// What a SYN has reopened whose connection is half-open yet, where it is to come back if the SYN proves old.
    reopened: BTreeMap<Tuple, TimeWait>,
    /// What segments can arrive for.
    demux: Demux,
    demux_key: Key,
    /// The earliest deadline of each entry that has one.
    deadlines: Deadlines,
    sockets: Sockets,
    ports: PortTable,
    queued: Queued,
    /// The latest time that an event brought.
    now: Instant,
}

impl Stack {
    /// A stack without addresses. `seed` decides everything random: initial sequence numbers, ports, timestamp offsets.
    #[must_use]
    pub fn new(config: Config, seed: u64) -> Self {
        let host = Host::new(config, seed);
        Self {
            demux_key: Key::new(host.table_secret.0, host.table_secret.1),
            host,
            connections: Connections::default(),
            half_open: Slab::default(),
            time_wait: Slab::default(),
            reopened: BTreeMap::new(),
            demux: Demux::default(),
            deadlines: Deadlines::default(),
            sockets: Sockets::default(),
            ports: PortTable::new(seed),
            queued: Queued::No,
            now: Instant::ORIGIN,
        }
    }

    /// Makes this stack what [`Stack::new`] would make, in the memory that it has: for whoever runs many of them, each for a moment. Whatever was
    /// before makes no difference to what it does.
    pub fn renew(&mut self, config: Config, seed: u64) {
        let old = core::mem::replace(self, Self::new(config, seed));
        self.host.take_over(old.host);
        self.connections = old.connections.emptied();
        self.half_open = old.half_open.emptied();
        self.time_wait = old.time_wait.emptied();
        self.demux = old.demux.emptied();
        self.deadlines = old.deadlines.emptied();
        self.sockets = old.sockets.emptied();
    }

    /// The choices in force.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.host.config
    }

    /// The choices, to change for what happens from now on. What a connection took over when it was made stays.
    pub const fn config_mut(&mut self) -> &mut Config {
        &mut self.host.config
    }

    /// Gives the host one more address. What it sends to an address of its own comes back to it, within
    /// [`Stack::transmit`]; one of a loop (127.0.0.1, ::1) is of use for nothing else.
    pub fn add_address(&mut self, address: IpAddr) {
        if !self.host.is_ours(address) {
            self.host.addresses.push(address);
        }
    }

    /// Sets the MTU, octets of the largest datagram, for connections made from now on. At first 1500.
    pub const fn set_mtu(&mut self, octets: usize) {
        self.host.mtu = octets as u32;
    }

    /// The next datagram to send, in order. `None`: there is none.
    pub fn transmit(&mut self) -> Option<Vec<u8>> {
        while let Some(datagram) = self.host.next_datagram() {
            if !self.is_to_itself(&datagram) {
                return Some(datagram);
            }
            self.loop_back(datagram);
        }
        None
    }

    fn is_to_itself(&self, datagram: &[u8]) -> bool {
        ip::destination(datagram).is_some_and(|to| self.host.is_ours(to))
    }

    /// What the stack sends to an address of its own it receives at once.
    fn loop_back(&mut self, datagram: Vec<u8>) {
        self.take_in(self.now, &datagram, true);
        self.host.recycle(datagram);
    }

    /// As [`Stack::transmit`], without allocation: the next datagram takes the place of what `datagram` holds, whose buffer
    /// is used for a later one. Whether there was one; if not, `datagram` stays as it is.
    pub fn transmit_into(&mut self, datagram: &mut Vec<u8>) -> bool {
        if !self.host.has_datagrams() {
            return false;
        }
        let Some(next) = self.transmit() else { return false };
        self.host.recycle(core::mem::replace(datagram, next));
        true
    }

    /// When the next timer is due. `None`: no timer runs.
    #[must_use]
    pub fn poll_at(&self) -> Option<Instant> {
        let timer = self.deadlines.first().map(|(at, _)| at);
        timer.into_iter().chain(self.host.reassembly.deadline()).min()
    }

    /// Fires every timer that is due at or before `now`.
    pub fn advance(&mut self, now: Instant) {
        while let Some(at) = self.poll_at().filter(|at| *at <= now) {
            self.see(at);
            let Some((_, place)) = self.deadlines.first().filter(|(due, _)| *due == at) else {
                self.give_up_pieces(at);
                continue;
            };
            self.fire(place);
            self.with_place(place, at, |tcb, fx| {
                while let Some(timer) = tcb.timers.take_due(at) {
                    timeouts::expire(tcb, timer, fx);
                }
            });
        }
        self.deadlines.turn(now);
        self.see(now);
    }

    /// Ids of the rules applied since the last call, in order ([`crate::rules`]). Of more than 512 the oldest are lost.
    pub fn citations(&mut self) -> Vec<&'static str> {
        self.host.citations()
    }

    /// What was received, sent and dropped.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.host.counters
    }

    /// Time passes.
    fn see(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }
}
