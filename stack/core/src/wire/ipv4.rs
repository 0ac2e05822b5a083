//! IPv4 headers (RFC 791 3.1, RFC 1122 3.2.1).
//!
//! Options are walked, so that a malformed one is found, and then skipped. The exception is the source route, which
//! changes who the datagram is for: with hops left it is refused, completed it is reported. Fragments are refused by name: [`super::fragment`] reads them.

use super::icmp::Quoted;
use super::ip::{Datagram, Header, PROTOCOL_ICMP, PROTOCOL_TCP};
use super::{Malformed, checksum, u16_at};
use core::net::Ipv4Addr;

/// Octets of a header without options.
pub const HEADER: usize = 20;

const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;
const OFFSET: u16 = 0x1fff;

const END_OF_OPTIONS: u8 = 0;
const NO_OPERATION: u8 = 1;
const LOOSE_SOURCE_ROUTE: u8 = 131;
const STRICT_SOURCE_ROUTE: u8 = 137;

/// Where the protocol stands in the header.
const PROTOCOL_POINTER: u32 = 9;

/// Parses a datagram whose version is 4.
///
/// # Errors
/// The first fault.
pub fn parse(octets: &[u8]) -> Result<Datagram<'_>, Malformed> {
    let (header, payload) = split(octets)?;
    if !checksum::verifies(header) {
        return Err(Malformed::IpChecksum);
    }
    let src = address_at(header, 12);
    if src.is_multicast() || src.is_broadcast() {
        return Err(Malformed::SourceAddress);
    }
    let source_routed = walk_options(header)?;
    let fragment = u16_at(header, 6);
    if fragment & (MORE_FRAGMENTS | OFFSET) != 0 {
        return Err(Malformed::Fragment { offset: (fragment & OFFSET) * 8, more: fragment & MORE_FRAGMENTS != 0 });
    }
    let protocol = header[9];
    if protocol != PROTOCOL_TCP && protocol != PROTOCOL_ICMP {
        return Err(Malformed::Protocol { protocol, pointer: PROTOCOL_POINTER });
    }
    Ok(Datagram {
        src: src.into(),
        dst: address_at(header, 16).into(),
        protocol,
        hop_limit: header[8],
        dscp: header[1] >> 2,
        ecn: header[1] & 3,
        source_routed,
        payload,
    })
}

/// Header and payload, by the header's own lengths.
fn split(octets: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    if octets.len() < HEADER {
        return Err(Malformed::IpTruncated { octets: octets.len() });
    }
    let words = octets[0] & 0xf;
    let header = 4 * usize::from(words);
    let total = usize::from(u16_at(octets, 2));
    if header < HEADER || header > octets.len() {
        return Err(Malformed::HeaderLength { words });
    }
    if total > octets.len() {
        return Err(Malformed::TotalLength { claimed: total, arrived: octets.len() });
    }
    if header > total {
        return Err(Malformed::HeaderLength { words });
    }
    Ok((&octets[..header], &octets[header..total]))
}

fn address_at(octets: &[u8], at: usize) -> Ipv4Addr {
    Ipv4Addr::new(octets[at], octets[at + 1], octets[at + 2], octets[at + 3])
}

/// Whether there is a completed source route.
fn walk_options(header: &[u8]) -> Result<bool, Malformed> {
    let mut source_routed = false;
    let mut at = HEADER;
    while at < header.len() {
        match header[at] {
            END_OF_OPTIONS => break,
            NO_OPERATION => at += 1,
            kind => {
                let fault = Malformed::Ipv4Option { pointer: at as u32 };
                let length = usize::from(*header.get(at + 1).ok_or(fault)?);
                if length < 2 || at + length > header.len() {
                    return Err(fault);
                }
                if kind == LOOSE_SOURCE_ROUTE || kind == STRICT_SOURCE_ROUTE {
                    // The pointer is relative to the option, from 1, and passes the length when the route is done.
                    let next_hop = usize::from(*header[at..at + length].get(2).ok_or(fault)?);
                    if next_hop < 4 {
                        return Err(fault);
                    }
                    if next_hop <= length {
                        return Err(Malformed::SourceRoute { pointer: at as u32 });
                    }
                    source_routed = true;
                }
                at += length;
            }
        }
    }
    Ok(source_routed)
}

/// The header octets of an outgoing datagram.
pub(super) fn header(header: &Header, src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, payload: usize) -> [u8; HEADER] {
    let total = u16::try_from(HEADER + payload).expect("an IPv4 datagram has at most 65,535 octets");
    let mut octets = [0; HEADER];
    octets[0] = 0x45;
    octets[1] = header.dscp << 2 | header.ecn & 3;
    octets[2..4].copy_from_slice(&total.to_be_bytes());
    octets[4..6].copy_from_slice(&header.identification.to_be_bytes());
    octets[6..8].copy_from_slice(&(if header.dont_fragment { DONT_FRAGMENT } else { 0 }).to_be_bytes());
    octets[8] = header.hop_limit;
    octets[9] = protocol;
    octets[12..16].copy_from_slice(&src.octets());
    octets[16..20].copy_from_slice(&dst.octets());
    let sum = checksum::checksum(&octets);
    octets[10..12].copy_from_slice(&sum);
    octets
}

/// Source and destination as the fixed header has them; `None` when it is cut off.
pub(super) fn fixed_addresses(octets: &[u8]) -> Option<(Ipv4Addr, Ipv4Addr)> {
    (octets.len() >= HEADER).then(|| (address_at(octets, 12), address_at(octets, 16)))
}

/// Fragment offset, in units of eight octets. The caller has checked that the fixed header is there.
pub(super) fn fragment_offset(octets: &[u8]) -> u16 {
    u16_at(octets, 6) & OFFSET
}

/// Octets of the datagram by its own header, without limit when the header is cut off.
pub(super) fn claimed_octets(octets: &[u8]) -> usize {
    if octets.len() < HEADER { usize::MAX } else { usize::from(u16_at(octets, 2)).max(HEADER) }
}

/// The head of a datagram that an ICMP error quotes. Routers have changed and cut it: no length or checksum is believed.
pub(super) fn parse_quote(octets: &[u8]) -> Result<Quoted<'_>, Malformed> {
    let (src, dst) = fixed_addresses(octets).ok_or(Malformed::QuoteTruncated)?;
    let header = 4 * usize::from(octets[0] & 0xf);
    if octets[0] >> 4 != 4 || header < HEADER {
        return Err(Malformed::QuoteHeader);
    }
    if fragment_offset(octets) != 0 {
        return Err(Malformed::QuoteFragment);
    }
    let payload = octets.get(header..).ok_or(Malformed::QuoteTruncated)?;
    let total = usize::from(u16_at(octets, 2));
    Ok(Quoted { src: src.into(), dst: dst.into(), protocol: octets[9], total, payload })
}

#[cfg(test)]
mod tests;
