//! Who uses which local port, so that `bind` and `connect` need not look at every socket and connection.

use super::address::Claim;
use crate::random::Random;
use crate::tcp::ports::Perturbation;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

/// How a socket shares its local socket with others (Linux's rules).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sharing {
    /// `SO_REUSEADDR`
    pub(super) address: bool,
    /// `SO_REUSEPORT`
    pub(super) port: bool,
}

/// Connections of one local socket.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    connections: u32,
    /// Of these, how many share by `SO_REUSEADDR`, and how many by `SO_REUSEPORT`.
    share_address: u32,
    share_port: u32,
}

/// Ports in use.
#[derive(Debug)]
pub(super) struct PortTable {
    /// Sockets that were bound, by `bind` or `listen`.
    sockets: BTreeMap<u16, Vec<i32>>,
    /// Connections, those in TIME-WAIT too, by local socket.
    connections: BTreeMap<(u16, IpAddr), Held>,
    pub(super) perturbation: Perturbation,
    /// For the choices that Linux leaves to chance.
    pub(super) random: Random,
    /// The counter of RFC 6056 3.3.3.
    pub(super) counter: u32,
}

impl PortTable {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            sockets: BTreeMap::new(),
            connections: BTreeMap::new(),
            perturbation: Perturbation::default(),
            random: Random::new(seed ^ 0x706f_7274),
            counter: 0,
        }
    }

    /// A socket has the port from now on.
    pub(super) fn hold(&mut self, fd: i32, port: u16) {
        self.sockets.entry(port).or_default().push(fd);
    }

    /// The socket does not have the port any more.
    pub(super) fn release(&mut self, fd: i32, port: u16) {
        if let Some(fds) = self.sockets.get_mut(&port) {
            fds.retain(|held| *held != fd);
            if fds.is_empty() {
                self.sockets.remove(&port);
            }
        }
    }

    /// The sockets that have the port.
    pub(super) fn holders(&self, port: u16) -> &[i32] {
        self.sockets.get(&port).map_or(&[], Vec::as_slice)
    }

    /// A connection has the local socket from now on.
    pub(super) fn enter(&mut self, local: SocketAddr, sharing: Sharing) {
        let held = self.connections.entry((local.port(), local.ip())).or_default();
        held.connections += 1;
        held.share_address += u32::from(sharing.address);
        held.share_port += u32::from(sharing.port);
    }

    /// A connection that [`PortTable::enter`]ed with the same sharing is gone.
    pub(super) fn leave(&mut self, local: SocketAddr, sharing: Sharing) {
        let key = (local.port(), local.ip());
        if let Some(held) = self.connections.get_mut(&key) {
            held.connections -= 1;
            held.share_address -= u32::from(sharing.address);
            held.share_port -= u32::from(sharing.port);
            if held.connections == 0 {
                self.connections.remove(&key);
            }
        }
    }

    /// Whether a connection with a local socket in the claim does not share it with a socket that shares like this.
    pub(super) fn is_held(&self, claim: Claim, port: u16, sharing: Sharing) -> bool {
        let first = IpAddr::from([0; 4]);
        self.connections.range((port, first)..).take_while(|((at, _), _)| *at == port).any(|((_, address), held)| {
            let shared = (sharing.address && held.share_address == held.connections)
                || (sharing.port && held.share_port == held.connections);
            claim.covers(*address) && !shared
        })
    }
}
