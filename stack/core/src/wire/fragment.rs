//! Datagrams in pieces, as octets (RFC 791 3.1, RFC 8200 4.5): what a piece says of itself, and the whole from its pieces.

use super::{checksum, ip, ipv4, ipv6, u16_at, u32_at};
use alloc::vec::Vec;
use core::net::IpAddr;

const MORE_FRAGMENTS_V4: u16 = 0x2000;
const OFFSET_V4: u16 = 0x1fff;

/// One piece of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// Source.
    pub src: IpAddr,
    /// Destination, of the same family.
    pub dst: IpAddr,
    /// What all pieces of the datagram have in common; 16 bits in IPv4.
    pub identification: u32,
    /// What the datagram carries: part of what tells datagrams apart in IPv4, and in IPv6 the header after the fragment header.
    pub protocol: u8,
    /// ECN field.
    pub ecn: u8,
    /// Where it belongs, in octets of what the datagram carries.
    pub offset: usize,
    /// Others follow it.
    pub more: bool,
    /// What it carries.
    pub payload: &'a [u8],
    /// The headers before the payload; of IPv6 those before the fragment header.
    pub headers: &'a [u8],
    /// Where the fragment header stands; of IPv6 only.
    pub header_at: usize,
    /// Where the header before it names it; of IPv6 only.
    named_at: usize,
}

/// Reads a datagram that [`ip::parse`] refuses as [`super::Malformed::Fragment`].
#[must_use]
pub fn parse(octets: &[u8]) -> Option<Fragment<'_>> {
    if octets.first()? >> 4 == 4 { parse_v4(octets) } else { parse_v6(octets) }
}

fn parse_v4(octets: &[u8]) -> Option<Fragment<'_>> {
    let (src, dst) = ipv4::fixed_addresses(octets)?;
    let (headers, total) = (4 * usize::from(octets[0] & 0xf), usize::from(u16_at(octets, 2)));
    let field = u16_at(octets, 6);
    Some(Fragment {
        src: src.into(),
        dst: dst.into(),
        identification: u16_at(octets, 4).into(),
        protocol: octets[9],
        ecn: octets[1] & 3,
        offset: usize::from(field & OFFSET_V4) * 8,
        more: field & MORE_FRAGMENTS_V4 != 0,
        payload: octets.get(headers..total)?,
        headers: octets.get(..headers)?,
        header_at: 0,
        named_at: 0,
    })
}

fn parse_v6(octets: &[u8]) -> Option<Fragment<'_>> {
    let (src, dst) = ipv6::fixed_addresses(octets)?;
    let total = ipv6::HEADER + usize::from(u16_at(octets, 4));
    let (named_at, at) = ipv6::fragment_header(octets)?;
    let header = octets.get(at..at + 8)?;
    let field = u16_at(header, 2);
    Some(Fragment {
        src: src.into(),
        dst: dst.into(),
        identification: u32_at(header, 4),
        protocol: header[0],
        ecn: octets[1] >> 4 & 3,
        offset: usize::from(field & !7),
        more: field & 1 != 0,
        payload: octets.get(at + 8..total)?,
        headers: &octets[..at],
        header_at: at,
        named_at,
    })
}

impl Fragment<'_> {
    /// It is the first of an IPv6 packet, and some header stands in another one (RFC 8200 4.5, RFC 7112).
    #[must_use]
    pub fn lacks_headers(&self) -> bool {
        self.dst.is_ipv6() && self.offset == 0 && !ipv6::is_header_chain(self.protocol, self.payload)
    }
}

/// The whole datagram: the headers of the piece at offset 0, `ecn`, and all that was carried. `None`: no datagram is that long.
#[must_use]
pub fn whole(first: &Fragment<'_>, ecn: u8, payload: impl Iterator<Item = u8>) -> Option<Vec<u8>> {
    let mut datagram = first.headers.to_vec();
    datagram.extend(payload);
    let octets = datagram.len();
    match first.dst {
        IpAddr::V4(_) => {
            datagram[1] = datagram[1] & !3 | ecn;
            datagram[2..4].copy_from_slice(&u16::try_from(octets).ok()?.to_be_bytes());
            datagram[6..8].fill(0);
            datagram[10..12].fill(0);
            let sum = checksum::checksum(&datagram[..first.headers.len()]);
            datagram[10..12].copy_from_slice(&sum);
        }
        IpAddr::V6(_) => {
            datagram[1] = datagram[1] & !0x30 | ecn << 4;
            datagram[4..6].copy_from_slice(&u16::try_from(octets - ip::header_octets(first.dst)).ok()?.to_be_bytes());
            datagram[first.named_at] = first.protocol;
        }
    }
    Some(datagram)
}
