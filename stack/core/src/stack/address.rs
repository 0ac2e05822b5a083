//! Addresses as sockets see them: families, IPv4 in IPv6's clothes (RFC 4291 2.5.5.2, RFC 3493 3.7), and what overlaps.

use super::sockets::Socket;
use crate::socket::Domain;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What a socket claims: an address of one family, or with `dual` those of both.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub(super) address: IpAddr,
    pub(super) dual: bool,
}

impl Claim {
    /// Whether the claim covers an address.
    pub(super) fn covers(self, address: IpAddr) -> bool {
        if self.address.is_ipv4() == address.is_ipv4() {
            self.address == address || self.address.is_unspecified()
        } else {
            self.dual && self.address.is_unspecified()
        }
    }

    /// Whether two claims have an address in common.
    pub(super) fn overlaps(self, other: Self) -> bool {
        self.covers(other.address) || other.covers(self.address)
    }
}

impl Socket {
    pub(super) const fn unspecified(&self) -> IpAddr {
        match self.domain {
            Domain::Inet => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Domain::Inet6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    }

    /// Whether addresses of this family belong to the socket's domain.
    pub(super) const fn takes(&self, address: IpAddr) -> bool {
        match self.domain {
            Domain::Inet => address.is_ipv4(),
            Domain::Inet6 => address.is_ipv6(),
        }
    }

    /// Whether the socket may use IPv4, too.
    pub(super) fn is_dual(&self) -> bool {
        matches!(self.domain, Domain::Inet6) && !self.options.v6_only
    }

    /// What the socket claims when it is bound to this address.
    pub(super) fn claim(&self, address: IpAddr) -> Claim {
        Claim { address, dual: self.is_dual() }
    }

    /// The address as the socket's user writes it.
    pub(super) fn shown(&self, address: SocketAddr) -> SocketAddr {
        match (self.domain, address.ip()) {
            (Domain::Inet6, IpAddr::V4(v4)) => SocketAddr::new(IpAddr::V6(v4.to_ipv6_mapped()), address.port()),
            (Domain::Inet, _) | (Domain::Inet6, IpAddr::V6(_)) => address,
        }
    }
}

/// The address that datagrams carry for what the user wrote: IPv4 for an IPv4-mapped one.
pub(super) fn on_the_wire(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// The address of a loop of the same family.
pub(super) const fn loopback(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    }
}
