//! Connections in the two states that a server has by the million, in a tenth of a TCB's octets: SYN-RECEIVED before the
//! handshake ends (the SYN cache of RFC 4987 3.4) and TIME-WAIT after everybody has gone.
//!
//! An entry holds what the rules of RFC 9293 3.10.7.4 can ask about in its state. For each event a TCB is built from it, the rules
//! are applied to that, and what they leave is stored back: there is one text of the rules. A connection that has more to
//! remember than an entry holds, such as text that came with its SYN, keeps its TCB.

mod half_open;
mod time_wait;

pub(crate) use half_open::HalfOpen;
pub(crate) use time_wait::TimeWait;

use super::tcb::Tuple;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::num::NonZeroU16;

/// A four-tuple in 22 octets: the local address is the number of one of the host's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ends {
    remote: [u8; 16],
    remote_port: u16,
    local_port: NonZeroU16,
    local: u16,
}

impl Ends {
    /// `None` when the local socket is none of this host's.
    fn new(tuple: &Tuple, addresses: &[IpAddr]) -> Option<Self> {
        let local = addresses.iter().position(|address| *address == tuple.local.ip())?;
        Some(Self {
            remote: sixteen(tuple.remote.ip()),
            remote_port: tuple.remote.port(),
            local_port: NonZeroU16::new(tuple.local.port())?,
            local: u16::try_from(local).ok()?,
        })
    }

    /// The tuple.
    pub(crate) fn tuple(&self, addresses: &[IpAddr]) -> Tuple {
        let local = addresses[usize::from(self.local)];
        let remote = match local {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::new(self.remote[0], self.remote[1], self.remote[2], self.remote[3])),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from(self.remote)),
        };
        Tuple {
            local: SocketAddr::new(local, self.local_port.get()),
            remote: SocketAddr::new(remote, self.remote_port),
        }
    }

    /// Whether this is `tuple`.
    pub(crate) fn is(&self, tuple: &Tuple, addresses: &[IpAddr]) -> bool {
        self.remote_port == tuple.remote.port()
            && self.local_port.get() == tuple.local.port()
            && self.remote == sixteen(tuple.remote.ip())
            && addresses[usize::from(self.local)] == tuple.local.ip()
    }
}

/// An address in the octets of an IPv6 one. The family is that of the local address.
fn sixteen(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => {
            let mut octets = [0; 16];
            octets[..4].copy_from_slice(&v4.octets());
            octets
        }
        IpAddr::V6(v6) => v6.octets(),
    }
}
