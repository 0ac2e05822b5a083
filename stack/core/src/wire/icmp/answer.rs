//! What this host sends by ICMP: echo replies, and errors to those who may have one.

use super::numbers::{self, first_octets_v4, first_octets_v6};
use super::{Echo, HEADER, Problem, UnreachableV4};
use crate::wire::checksum::Checksum;
use crate::wire::ip::{self, Datagram, Header, PROTOCOL_ICMP, PROTOCOL_ICMPV6};
use crate::wire::{Malformed, ipv4, ipv6};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

/// An error with its quote stays within what every host takes: 576 octets in IPv4 (RFC 1812 4.3.2.3).
const MOST_OCTETS_V4: usize = 576;
/// The minimum MTU of IPv6 (RFC 4443 2.4(c)).
const MOST_OCTETS_V6: usize = 1280;

/// Why no error may be sent about a datagram (RFC 1122 3.2.2, RFC 4443 2.4(e)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Withheld {
    /// It is shorter than an IP header.
    NoHeader,
    /// It is itself an ICMP error or a redirect.
    AboutError,
    /// It went to a multicast or broadcast address.
    ToMany,
    /// It is a fragment other than the first.
    LaterFragment,
    /// Its source is no single host.
    FromNobody,
}

/// The problem that a host reports when it refuses `datagram` for `fault`; `None` for those it discards in silence.
#[must_use]
pub fn problem_of(fault: Malformed, datagram: &[u8]) -> Option<Problem> {
    let v4 = datagram.first().is_some_and(|first| first >> 4 == 4);
    match fault {
        // RFC 1122 3.2.2.1; RFC 8200 4.
        Malformed::Protocol { .. } if v4 => Some(Problem::UnreachableV4(UnreachableV4::Protocol)),
        Malformed::Protocol { pointer, .. } => {
            Some(Problem::ParameterProblem { code: numbers::UNKNOWN_NEXT_HEADER, pointer })
        }
        // RFC 1122 3.2.2.5.
        Malformed::Ipv4Option { pointer } => Some(Problem::ParameterProblem { code: 0, pointer }),
        // RFC 1122 3.3.5.
        Malformed::SourceRoute { .. } => Some(Problem::UnreachableV4(UnreachableV4::SourceRouteFailed)),
        // RFC 8200 4.2: the action stands in the type.
        Malformed::Ipv6Option { kind, pointer } => {
            let to_many = ipv6::fixed_addresses(datagram).is_some_and(|(_, dst)| dst.is_multicast());
            let reported = kind >> 6 == 2 || kind >> 6 == 3 && !to_many;
            reported.then_some(Problem::ParameterProblem { code: numbers::UNKNOWN_OPTION, pointer })
        }
        // RFC 8200 4.4, RFC 4443 3.4.
        Malformed::RoutingHeader { pointer } | Malformed::ExtensionTruncated { pointer } => {
            Some(Problem::ParameterProblem { code: 0, pointer })
        }
        Malformed::Empty
        | Malformed::Version { .. }
        | Malformed::IpTruncated { .. }
        | Malformed::HeaderLength { .. }
        | Malformed::TotalLength { .. }
        | Malformed::IpChecksum
        | Malformed::SourceAddress
        | Malformed::Fragment { .. }
        | Malformed::ExtensionChain { .. }
        | Malformed::NoNextHeader
        | Malformed::TcpTruncated { .. }
        | Malformed::DataOffset { .. }
        | Malformed::TcpChecksum
        | Malformed::IcmpTruncated { .. }
        | Malformed::IcmpChecksum
        | Malformed::QuoteTruncated
        | Malformed::QuoteHeader
        | Malformed::QuoteFragment => None,
    }
}

/// The error that `host` sends about the received octets of `datagram`, whose header is whole but may be at fault.
///
/// # Errors
/// The rule that forbids it.
///
/// # Panics
/// When `host` or `problem` is not of the datagram's family.
pub fn answer(problem: Problem, datagram: &[u8], host: IpAddr) -> Result<Vec<u8>, Withheld> {
    let src = match datagram.first().map(|first| first >> 4) {
        Some(4) => recipient_v4(datagram)?.into(),
        Some(6) => recipient_v6(problem, datagram)?,
        Some(_) | None => return Err(Withheld::NoHeader),
    };
    Ok(emit_error(&Header::new(host, src), problem, datagram))
}

fn recipient_v4(datagram: &[u8]) -> Result<Ipv4Addr, Withheld> {
    let (src, dst) = ipv4::fixed_addresses(datagram).ok_or(Withheld::NoHeader)?;
    if ipv4::fragment_offset(datagram) != 0 {
        return Err(Withheld::LaterFragment);
    }
    if datagram[9] == PROTOCOL_ICMP {
        let kind = datagram.get(4 * usize::from(datagram[0] & 0xf));
        // A type cut off may have been any.
        if kind.is_none_or(|kind| is_error_v4(*kind)) {
            return Err(Withheld::AboutError);
        }
    }
    if !ip::is_single_host(dst.into()) {
        return Err(Withheld::ToMany);
    }
    if ip::is_single_host(src.into()) { Ok(src) } else { Err(Withheld::FromNobody) }
}

fn is_error_v4(kind: u8) -> bool {
    matches!(
        kind,
        numbers::UNREACHABLE_V4
            | numbers::SOURCE_QUENCH_V4
            | numbers::REDIRECT_V4
            | numbers::TIME_EXCEEDED_V4
            | numbers::PARAMETER_PROBLEM_V4
    )
}

fn recipient_v6(problem: Problem, datagram: &[u8]) -> Result<IpAddr, Withheld> {
    let (src, dst) = ipv6::fixed_addresses(datagram).ok_or(Withheld::NoHeader)?;
    if let Ok(ipv6::Upper { protocol: PROTOCOL_ICMPV6, at }) = ipv6::upper_layer(datagram) {
        let kind = datagram.get(at);
        if kind.is_none_or(|kind| *kind < numbers::FIRST_INFORMATIONAL_V6 || *kind == numbers::REDIRECT_V6) {
            return Err(Withheld::AboutError);
        }
    }
    if dst.is_multicast() && !may_answer_multicast(problem) {
        return Err(Withheld::ToMany);
    }
    if ip::is_single_host(src.into()) { Ok(src.into()) } else { Err(Withheld::FromNobody) }
}

/// The two exceptions of RFC 4443 2.4(e.3).
fn may_answer_multicast(problem: Problem) -> bool {
    match problem {
        Problem::PacketTooBig { .. } => true,
        Problem::ParameterProblem { code, .. } => code == numbers::UNKNOWN_OPTION,
        Problem::UnreachableV4(_) | Problem::UnreachableV6(_) | Problem::TimeExceeded(_) => false,
    }
}

/// Emits an error that quotes as much of `datagram` as may be quoted. No rule is applied: [`answer`] does that.
///
/// # Panics
/// When `problem` is not of the header's family, and as [`Header::begin`].
#[must_use]
pub fn emit_error(header: &Header, problem: Problem, datagram: &[u8]) -> Vec<u8> {
    let ((kind, code, field), most, claimed) = match header.dst {
        IpAddr::V4(_) => (first_octets_v4(problem), MOST_OCTETS_V4, ipv4::claimed_octets(datagram)),
        IpAddr::V6(_) => (first_octets_v6(problem), MOST_OCTETS_V6, ipv6::claimed_octets(datagram)),
    };
    // What follows the datagram in its frame is padding and is not quoted.
    let quoted = datagram.len().min(claimed).min(most - header.octets() - HEADER);
    emit(header, kind, code, field, &datagram[..quoted])
}

/// The reply to an echo request, from the address it was sent to. `None`: that address is not one host's, or nobody
/// asked (RFC 1122 3.2.2.6 lets a host ignore such requests).
#[must_use]
pub fn echo_reply(request: &Datagram<'_>, echo: &Echo<'_>) -> Option<Vec<u8>> {
    (ip::is_single_host(request.dst) && ip::is_single_host(request.src)).then(|| {
        let mut header = Header::answering(request);
        // RFC 1122 3.2.2.9: the reply to an echo has the request's type of service.
        header.dscp = request.dscp;
        emit_echo(&header, echo, true)
    })
}

/// Emits an echo request, or a reply.
///
/// # Panics
/// As [`Header::begin`].
#[must_use]
pub fn emit_echo(header: &Header, echo: &Echo<'_>, reply: bool) -> Vec<u8> {
    let kind = match (header.dst, reply) {
        (IpAddr::V4(_), false) => numbers::ECHO_REQUEST_V4,
        (IpAddr::V4(_), true) => numbers::ECHO_REPLY_V4,
        (IpAddr::V6(_), false) => numbers::ECHO_REQUEST_V6,
        (IpAddr::V6(_), true) => numbers::ECHO_REPLY_V6,
    };
    let ([a, b], [c, d]) = (echo.identifier.to_be_bytes(), echo.sequence.to_be_bytes());
    emit(header, kind, 0, [a, b, c, d], echo.data)
}

fn emit(header: &Header, kind: u8, code: u8, field: [u8; 4], rest: &[u8]) -> Vec<u8> {
    let length = HEADER + rest.len();
    let (protocol, mut sum) = match header.dst {
        IpAddr::V4(_) => (PROTOCOL_ICMP, Checksum::default()),
        IpAddr::V6(_) => {
            (PROTOCOL_ICMPV6, Checksum::pseudo_header(header.src, header.dst, PROTOCOL_ICMPV6, length as u32))
        }
    };
    let mut datagram = header.begin(protocol, length);
    let start = datagram.len();
    datagram.extend_from_slice(&[kind, code, 0, 0]);
    datagram.extend_from_slice(&field);
    datagram.extend_from_slice(rest);
    sum.add(&datagram[start..]);
    datagram[start + 2..start + 4].copy_from_slice(&sum.finish());
    datagram
}
