//! The part of IP that TCP sees, the same for both families.

use super::{Malformed, ipv4, ipv6};
use alloc::vec::Vec;
use core::net::IpAddr;

/// ICMP for IPv4.
pub const PROTOCOL_ICMP: u8 = 1;
/// TCP.
pub const PROTOCOL_TCP: u8 = 6;
/// ICMP for IPv6.
pub const PROTOCOL_ICMPV6: u8 = 58;

/// A datagram that arrived whole and concerns a protocol of this stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Source: an address that a host can have, or the unspecified address.
    pub src: IpAddr,
    /// Destination, of the same family.
    pub dst: IpAddr,
    /// [`PROTOCOL_TCP`], or ICMP of the family.
    pub protocol: u8,
    /// Time to live or hop limit.
    pub hop_limit: u8,
    /// Differentiated services codepoint, six bits.
    pub dscp: u8,
    /// ECN field, two bits: 0 Not-ECT, 1 ECT(1), 2 ECT(0), 3 CE.
    pub ecn: u8,
    /// It came by an IPv4 source route, completed here (RFC 9293 3.9.2.1).
    pub source_routed: bool,
    /// What the protocol carries, link padding removed.
    pub payload: &'a [u8],
}

/// Parses a datagram of either family.
///
/// # Errors
/// The first fault. [`super::icmp::problem_of`] tells whether the sender should hear of it.
pub fn parse(octets: &[u8]) -> Result<Datagram<'_>, Malformed> {
    match octets.first() {
        None => Err(Malformed::Empty),
        Some(first) => match first >> 4 {
            4 => ipv4::parse(octets),
            6 => ipv6::parse(octets),
            version => Err(Malformed::Version { version }),
        },
    }
}

/// The destination in the fixed header of a datagram that may be refused for anything behind it; `None` when even that
/// is cut off.
#[must_use]
pub fn destination(octets: &[u8]) -> Option<IpAddr> {
    match octets.first()? >> 4 {
        4 => ipv4::fixed_addresses(octets).map(|(_, dst)| dst.into()),
        6 => ipv6::fixed_addresses(octets).map(|(_, dst)| dst.into()),
        _ => None,
    }
}

/// The header of an outgoing datagram. `src` and `dst` decide the family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Source.
    pub src: IpAddr,
    /// Destination, of the same family.
    pub dst: IpAddr,
    /// Time to live or hop limit.
    pub hop_limit: u8,
    /// Differentiated services codepoint, six bits.
    pub dscp: u8,
    /// ECN field, two bits.
    pub ecn: u8,
    /// IPv4 identification. Nothing reads it while `dont_fragment` is set (RFC 6864 4.1).
    pub identification: u16,
    /// IPv4 don't-fragment bit.
    pub dont_fragment: bool,
    /// IPv6 flow label, 20 bits.
    pub flow_label: u32,
}

impl Header {
    /// Hop limit 64, not ECN-capable, don't fragment.
    #[must_use]
    pub const fn new(src: IpAddr, dst: IpAddr) -> Self {
        Self { src, dst, hop_limit: 64, dscp: 0, ecn: 0, identification: 0, dont_fragment: true, flow_label: 0 }
    }

    /// The header of an answer from `datagram`'s destination to its source.
    #[must_use]
    pub const fn answering(datagram: &Datagram<'_>) -> Self {
        Self::new(datagram.dst, datagram.src)
    }

    /// Octets of this header on the wire.
    #[must_use]
    pub const fn octets(&self) -> usize {
        header_octets(self.dst)
    }

    /// Begins a datagram: the header, with room for `payload` octets to follow.
    ///
    /// # Panics
    /// When the addresses are of two families, or the datagram would exceed 65,535 octets of IPv4 or of IPv6 payload:
    /// the caller's segments are limited by an MTU.
    #[must_use]
    pub fn begin(&self, protocol: u8, payload: usize) -> Vec<u8> {
        let mut datagram = Vec::new();
        self.begin_in(&mut datagram, protocol, payload);
        datagram
    }

    /// As [`Header::begin`], in a buffer that is used again; what it holds goes.
    ///
    /// # Panics
    /// As [`Header::begin`].
    pub fn begin_in(&self, datagram: &mut Vec<u8>, protocol: u8, payload: usize) {
        datagram.clear();
        datagram.reserve_exact(self.octets() + payload);
        match (self.src, self.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                datagram.extend_from_slice(&ipv4::header(self, src, dst, protocol, payload));
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                datagram.extend_from_slice(&ipv6::header(self, src, dst, protocol, payload));
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {
                panic!("{} and {} are two families", self.src, self.dst)
            }
        }
    }
}

/// Octets of an IP header without options or extensions, for datagrams to `dst`.
#[must_use]
pub const fn header_octets(dst: IpAddr) -> usize {
    match dst {
        IpAddr::V4(_) => ipv4::HEADER,
        IpAddr::V6(_) => ipv6::HEADER,
    }
}

/// Emits a datagram.
///
/// # Panics
/// As [`Header::begin`].
#[must_use]
pub fn emit(header: &Header, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut datagram = header.begin(protocol, payload.len());
    datagram.extend_from_slice(payload);
    datagram
}

/// Whether `address` can be one host's: not unspecified, multicast, limited broadcast or reserved (RFC 1122 3.2.1.3,
/// RFC 4291 2.4). A subnet's broadcast address cannot be told from a host's without the prefix.
#[must_use]
pub fn is_single_host(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.octets()[0] != 0 && v4.octets()[0] < 224,
        IpAddr::V6(v6) => !v6.is_unspecified() && !v6.is_multicast(),
    }
}
