//! Ethernet frames (RFC 894, RFC 2464): fourteen octets in front of a datagram. VLAN tags are absent.

use core::fmt;
use core::net::Ipv6Addr;

/// Octets of the header.
pub const HEADER: usize = 14;
/// Type of an IPv4 datagram.
pub const TYPE_IPV4: u16 = 0x0800;
/// Type of an ARP packet.
pub const TYPE_ARP: u16 = 0x0806;
/// Type of an IPv6 datagram.
pub const TYPE_IPV6: u16 = 0x86dd;

/// A hardware address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Everybody on the link.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Where frames to an IPv6 multicast address go (RFC 2464 7).
    #[must_use]
    pub const fn of_multicast(address: Ipv6Addr) -> Self {
        let octets = address.octets();
        Self([0x33, 0x33, octets[12], octets[13], octets[14], octets[15]])
    }

    /// A group address, broadcast included.
    #[must_use]
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// A frame that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Destination.
    pub dst: Mac,
    /// Source.
    pub src: Mac,
    /// What it carries.
    pub kind: u16,
    /// The rest, padding included.
    pub payload: &'a [u8],
}

/// Parses a frame. `None`: it is shorter than a header.
#[must_use]
pub fn parse(octets: &[u8]) -> Option<Frame<'_>> {
    let (header, payload) = octets.split_first_chunk::<HEADER>()?;
    let [dst @ .., _, _, _, _, _, _, _, _] = *header;
    let [_, _, _, _, _, _, src @ .., high, low] = *header;
    Some(Frame { dst: Mac(dst), src: Mac(src), kind: u16::from_be_bytes([high, low]), payload })
}

/// The header of a frame.
#[must_use]
pub fn header(dst: Mac, src: Mac, kind: u16) -> [u8; HEADER] {
    let mut octets = [0; HEADER];
    octets[..6].copy_from_slice(&dst.0);
    octets[6..12].copy_from_slice(&src.0);
    octets[12..].copy_from_slice(&kind.to_be_bytes());
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_as_they_were_made() {
        let (dst, src) = (Mac([1, 2, 3, 4, 5, 6]), Mac([7, 8, 9, 10, 11, 12]));
        let mut octets = header(dst, src, TYPE_IPV6).to_vec();
        assert_eq!(octets, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x86, 0xdd]);
        octets.extend([42, 43]);
        assert_eq!(parse(&octets), Some(Frame { dst, src, kind: TYPE_IPV6, payload: &[42, 43] }));
        assert_eq!(parse(&octets[..13]), None);
    }

    #[test]
    fn multicast_has_its_own_frames() {
        let mac = Mac::of_multicast("ff02::1:ff12:3456".parse().expect("an address"));
        assert_eq!((mac.to_string().as_str(), mac.is_group()), ("33:33:ff:12:34:56", true));
        assert!(Mac::BROADCAST.is_group() && !Mac([2, 0, 0, 0, 0, 1]).is_group());
    }
}
