//! IPv6 headers (RFC 8200 3, 4).
//!
//! No surprises from extension headers: hop-by-hop options (first only), destination options, a routing header without
//! segments left and the fragment header of a datagram in one piece are skipped; everything else is refused by name.

use super::icmp::Quoted;
use super::ip::{Datagram, Header, PROTOCOL_ICMPV6, PROTOCOL_TCP};
use super::{Malformed, u16_at};
use core::net::Ipv6Addr;

/// Octets of the fixed header.
pub const HEADER: usize = 40;

/// Where the next header number stands in the fixed header.
const NEXT_HEADER_POINTER: usize = 6;

/// RFC 8200 4.1 knows at most six extension headers in one datagram; destination options may stand twice.
const MOST_EXTENSIONS: usize = 8;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const NO_NEXT_HEADER: u8 = 59;
const DESTINATION_OPTIONS: u8 = 60;

const PAD1: u8 = 0;
const PADN: u8 = 1;
const ROUTER_ALERT: u8 = 5;

/// Parses a datagram whose version is 6.
///
/// # Errors
/// The first fault.
pub fn parse(octets: &[u8]) -> Result<Datagram<'_>, Malformed> {
    if octets.len() < HEADER {
        return Err(Malformed::IpTruncated { octets: octets.len() });
    }
    let total = HEADER + usize::from(u16_at(octets, 4));
    if total > octets.len() {
        return Err(Malformed::TotalLength { claimed: total, arrived: octets.len() });
    }
    let src = address_at(octets, 8);
    if src.is_multicast() {
        return Err(Malformed::SourceAddress);
    }
    let upper = walk_extensions(&octets[..total])?;
    let traffic_class = octets[0] << 4 | octets[1] >> 4;
    Ok(Datagram {
        src: src.into(),
        dst: address_at(octets, 24).into(),
        protocol: upper.protocol,
        hop_limit: octets[7],
        dscp: traffic_class >> 2,
        ecn: traffic_class & 3,
        source_routed: false,
        payload: &octets[upper.at..total],
    })
}

fn address_at(octets: &[u8], at: usize) -> Ipv6Addr {
    let mut address = [0; 16];
    address.copy_from_slice(&octets[at..at + 16]);
    Ipv6Addr::from(address)
}

/// What stands behind the extension headers.
pub(super) struct Upper {
    pub(super) protocol: u8,
    /// Where it starts.
    pub(super) at: usize,
}

/// Follows the chain of next headers through a datagram of exactly its claimed length.
fn walk_extensions(octets: &[u8]) -> Result<Upper, Malformed> {
    let mut pointer = NEXT_HEADER_POINTER;
    let mut at = HEADER;
    for count in 0..=MOST_EXTENSIONS {
        let next = octets[pointer];
        match next {
            PROTOCOL_TCP | PROTOCOL_ICMPV6 => return Ok(Upper { protocol: next, at }),
            NO_NEXT_HEADER => return Err(Malformed::NoNextHeader),
            HOP_BY_HOP if at == HEADER => {}
            ROUTING | FRAGMENT | DESTINATION_OPTIONS => {}
            // Hop-by-hop options elsewhere count as unrecognized (RFC 8200 4).
            protocol => return Err(Malformed::Protocol { protocol, pointer: pointer as u32 }),
        }
        if count == MOST_EXTENSIONS {
            break;
        }
        let extension = extension_at(octets, at, next)?;
        match next {
            ROUTING if extension[3] != 0 => return Err(Malformed::RoutingHeader { pointer: at as u32 + 2 }),
            FRAGMENT => whole_datagram(extension)?,
            HOP_BY_HOP | DESTINATION_OPTIONS => walk_options(extension, at)?,
            _ => {}
        }
        pointer = at;
        at += extension.len();
    }
    Err(Malformed::ExtensionChain { pointer: at as u32 })
}

/// The octets of the extension header at `at`, at least eight.
fn extension_at(octets: &[u8], at: usize, kind: u8) -> Result<&[u8], Malformed> {
    let fault = Malformed::ExtensionTruncated { pointer: at as u32 + 1 };
    // The fragment header has a reserved octet where the others have their length.
    let units = if kind == FRAGMENT { 0 } else { usize::from(*octets.get(at + 1).ok_or(fault)?) };
    octets.get(at..at + 8 * (units + 1)).ok_or(fault)
}

/// A fragment header with offset 0 and no more to follow is a whole datagram and is processed as one (RFC 8200 4.5).
fn whole_datagram(extension: &[u8]) -> Result<(), Malformed> {
    let field = u16_at(extension, 2);
    let (offset, more) = (field & !7, field & 1 != 0);
    if offset == 0 && !more { Ok(()) } else { Err(Malformed::Fragment { offset, more }) }
}

/// Skips options by the rule in their type (RFC 8200 4.2). `start` is where the extension header stands.
fn walk_options(extension: &[u8], start: usize) -> Result<(), Malformed> {
    let mut at = 2;
    while at < extension.len() {
        let kind = extension[at];
        if kind == PAD1 {
            at += 1;
            continue;
        }
        let fault = Malformed::ExtensionTruncated { pointer: (start + at + 1) as u32 };
        let end = at + 2 + usize::from(*extension.get(at + 1).ok_or(fault)?);
        if end > extension.len() {
            return Err(fault);
        }
        if !matches!(kind, PADN | ROUTER_ALERT) && kind >> 6 != 0 {
            return Err(Malformed::Ipv6Option { kind, pointer: (start + at) as u32 });
        }
        at = end;
    }
    Ok(())
}

/// The header octets of an outgoing datagram.
pub(super) fn header(header: &Header, src: Ipv6Addr, dst: Ipv6Addr, protocol: u8, payload: usize) -> [u8; HEADER] {
    let length = u16::try_from(payload).expect("an IPv6 datagram has at most 65,535 octets of payload");
    let traffic_class = u32::from(header.dscp << 2 | header.ecn & 3);
    let first = 6 << 28 | traffic_class << 20 | header.flow_label & 0xf_ffff;
    let mut octets = [0; HEADER];
    octets[0..4].copy_from_slice(&first.to_be_bytes());
    octets[4..6].copy_from_slice(&length.to_be_bytes());
    octets[6] = protocol;
    octets[7] = header.hop_limit;
    octets[8..24].copy_from_slice(&src.octets());
    octets[24..40].copy_from_slice(&dst.octets());
    octets
}

/// Source and destination as the fixed header has them; `None` when it is cut off.
pub(super) fn fixed_addresses(octets: &[u8]) -> Option<(Ipv6Addr, Ipv6Addr)> {
    (octets.len() >= HEADER).then(|| (address_at(octets, 8), address_at(octets, 24)))
}

/// Where the fragment header of a datagram is named, and where it stands; `None`: it has none.
pub(super) fn fragment_header(octets: &[u8]) -> Option<(usize, usize)> {
    let (mut named, mut at) = (NEXT_HEADER_POINTER, HEADER);
    loop {
        match *octets.get(named)? {
            FRAGMENT => return Some((named, at)),
            kind @ (HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS) => {
                named = at;
                at += extension_at(octets, at, kind).ok()?.len();
            }
            _ => return None,
        }
    }
}

/// Whether what follows a fragment header, which says that it is `protocol`, holds every header down to that of TCP or ICMP.
/// What other protocols have for a header is not known here: any octet of it will do.
pub(super) fn is_header_chain(mut protocol: u8, octets: &[u8]) -> bool {
    let mut at = 0;
    while matches!(protocol, HOP_BY_HOP | ROUTING | FRAGMENT | DESTINATION_OPTIONS) {
        let Ok(extension) = extension_at(octets, at, protocol) else { return false };
        protocol = extension[0];
        at += extension.len();
    }
    let least = match protocol {
        PROTOCOL_TCP => 20,
        PROTOCOL_ICMPV6 => 8,
        _ => 1,
    };
    octets.len() >= at + least
}

/// What stands behind the extension headers of a datagram that may be cut or refused: no rule is applied.
///
/// # Errors
/// [`Malformed::QuoteTruncated`] when the chain does not end in `octets`, [`Malformed::QuoteFragment`] when a fragment
/// header tells that the upper layer's header is elsewhere.
pub(super) fn upper_layer(octets: &[u8]) -> Result<Upper, Malformed> {
    let mut protocol = *octets.get(NEXT_HEADER_POINTER).ok_or(Malformed::QuoteTruncated)?;
    let mut at = HEADER;
    while matches!(protocol, HOP_BY_HOP | ROUTING | FRAGMENT | DESTINATION_OPTIONS) {
        let extension = extension_at(octets, at, protocol).map_err(|_| Malformed::QuoteTruncated)?;
        if protocol == FRAGMENT && u16_at(extension, 2) & !7 != 0 {
            return Err(Malformed::QuoteFragment);
        }
        protocol = extension[0];
        at += extension.len();
    }
    Ok(Upper { protocol, at })
}

/// Octets of the datagram by its own header, without limit when the header is cut off.
pub(super) fn claimed_octets(octets: &[u8]) -> usize {
    if octets.len() < HEADER { usize::MAX } else { HEADER + usize::from(u16_at(octets, 4)) }
}

/// The head of a datagram that an ICMP error quotes, cut anywhere.
pub(super) fn parse_quote(octets: &[u8]) -> Result<Quoted<'_>, Malformed> {
    let (src, dst) = fixed_addresses(octets).ok_or(Malformed::QuoteTruncated)?;
    if octets[0] >> 4 != 6 {
        return Err(Malformed::QuoteHeader);
    }
    let Upper { protocol, at } = upper_layer(octets)?;
    let total = HEADER + usize::from(u16_at(octets, 4));
    Ok(Quoted { src: src.into(), dst: dst.into(), protocol, total, payload: &octets[at..] })
}

#[cfg(test)]
mod tests;
