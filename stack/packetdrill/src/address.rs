//! `sockaddr_in` and `sockaddr_in6` as octets.

use nix::libc::{AF_INET, AF_INET6};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// Octets of the larger of the two.
pub(crate) const LARGEST: usize = 28;

/// Reads an address; `None` when it is of neither family or cut short.
pub(crate) fn read(octets: &[u8]) -> Option<SocketAddr> {
    let family = i32::from(u16::from_ne_bytes(octets.first_chunk().copied()?));
    let port = u16::from_be_bytes([*octets.get(2)?, *octets.get(3)?]);
    if family == AF_INET {
        let ip: [u8; 4] = octets.get(4..8)?.try_into().ok()?;
        Some(SocketAddr::new(Ipv4Addr::from(ip).into(), port))
    } else if family == AF_INET6 {
        let ip: [u8; 16] = octets.get(8..24)?.try_into().ok()?;
        Some(SocketAddr::new(Ipv6Addr::from(ip).into(), port))
    } else {
        None
    }
}

/// Writes an address.
pub(crate) fn write(address: SocketAddr) -> Vec<u8> {
    let family = if address.is_ipv4() { AF_INET } else { AF_INET6 };
    let mut octets = (family as u16).to_ne_bytes().to_vec();
    octets.extend(address.port().to_be_bytes());
    match address {
        SocketAddr::V4(v4) => {
            octets.extend(v4.ip().octets());
            octets.extend([0; 8]);
        }
        SocketAddr::V6(v6) => {
            octets.extend(v6.flowinfo().to_ne_bytes());
            octets.extend(v6.ip().octets());
            octets.extend(v6.scope_id().to_ne_bytes());
        }
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive() {
        for text in ["192.0.2.1:8080", "[2001:db8::1]:8080"] {
            let address: SocketAddr = text.parse().expect("an address");
            assert_eq!(read(&write(address)), Some(address));
        }
        assert_eq!(read(&[0; 16]), None, "AF_UNSPEC");
        assert_eq!(read(&[2, 0, 1]), None, "cut short");
    }
}
