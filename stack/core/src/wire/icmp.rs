//! ICMP for IPv4 (RFC 792, RFC 1122 3.2.2) and for IPv6 (RFC 4443), as far as TCP and a pinging neighbour need it.
//!
//! Errors are read down to the ports and sequence number of the segment that they quote. Source quench is recognized so
//! that it can be discarded by rule (RFC 6633 4, RFC 9293 3.9.2.2); redirects, router and neighbour discovery are
//! reported by number and otherwise left alone.

mod answer;
mod numbers;
#[cfg(test)]
mod tests;

pub use answer::{Withheld, answer, echo_reply, emit_echo, emit_error, problem_of};
pub(crate) use numbers::INCOMPLETE_HEADER_CHAIN;

use super::checksum::{self, Checksum};
use super::ip::{Datagram, PROTOCOL_ICMPV6, PROTOCOL_TCP};
use super::{Malformed, ipv4, ipv6, u16_at, u32_at};
use crate::seq::SeqNum;
use core::net::IpAddr;

/// Octets before the quoted datagram or the echo's data.
const HEADER: usize = 8;

/// What an ICMP datagram says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// Something happened to a datagram of ours, or is said to have.
    Error(Error<'a>),
    /// Echo request.
    EchoRequest(Echo<'a>),
    /// Echo reply.
    EchoReply(Echo<'a>),
    /// Source quench of IPv4: to be discarded (RFC 9293 MUST-55).
    SourceQuench,
    /// Anything else.
    Other {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
    },
}

/// An echo request or reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Echo<'a> {
    /// Tells one pinging process from another.
    pub identifier: u16,
    /// Tells one request from another.
    pub sequence: u16,
    /// Returned as it came.
    pub data: &'a [u8],
}

/// An error and the datagram that met it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error<'a> {
    /// What happened.
    pub problem: Problem,
    /// To what.
    pub quoted: Quoted<'a>,
}

/// What an ICMP error reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// IPv4 destination unreachable, code 4 excepted.
    UnreachableV4(UnreachableV4),
    /// IPv6 destination unreachable.
    UnreachableV6(UnreachableV6),
    /// IPv4 fragmentation needed (RFC 1191 4), or IPv6 packet too big.
    PacketTooBig {
        /// Octets that the next hop takes; 0 from an IPv4 router that does not tell.
        mtu: u32,
    },
    /// Time exceeded.
    TimeExceeded(TimeExceeded),
    /// Parameter problem.
    ParameterProblem {
        /// IPv4: 0 the pointer tells, 1 an option is missing. IPv6: 0 field, 1 next header, 2 option.
        code: u8,
        /// Octet of the quoted datagram at fault; 8 bits in IPv4.
        pointer: u32,
    },
}

/// Codes of IPv4 destination unreachable (RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnreachableV4 {
    /// 0
    Network,
    /// 1
    Host,
    /// 2
    Protocol,
    /// 3
    Port,
    /// 5
    SourceRouteFailed,
    /// 6
    NetworkUnknown,
    /// 7
    HostUnknown,
    /// 8
    SourceHostIsolated,
    /// 9
    NetworkProhibited,
    /// 10
    HostProhibited,
    /// 11
    NetworkForService,
    /// 12
    HostForService,
    /// 13
    CommunicationProhibited,
    /// 14
    HostPrecedence,
    /// 15
    PrecedenceCutoff,
    /// A code without meaning.
    Other(u8),
}

/// Codes of IPv6 destination unreachable (RFC 4443 3.1, RFC 6550 20.14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnreachableV6 {
    /// 0
    NoRoute,
    /// 1
    Prohibited,
    /// 2
    BeyondScope,
    /// 3
    Address,
    /// 4
    Port,
    /// 5
    SourcePolicy,
    /// 6
    RejectRoute,
    /// 7
    SourceRoutingHeader,
    /// A code without meaning.
    Other(u8),
}

/// Codes of time exceeded, the same for both families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeExceeded {
    /// 0: time to live or hop limit.
    Transit,
    /// 1: fragment reassembly.
    Reassembly,
    /// A code without meaning.
    Other(u8),
}

/// The head of the datagram that an error is about. Nothing of it is verified: whoever sent the error chose these octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quoted<'a> {
    /// Its source: this host, when the error is for us.
    pub src: IpAddr,
    /// Its destination: the peer.
    pub dst: IpAddr,
    /// What it carried.
    pub protocol: u8,
    /// Octets of the whole datagram, as its header tells.
    pub total: usize,
    /// What is quoted of its payload, at least eight octets; more may have been there.
    pub payload: &'a [u8],
}

/// What the first eight octets of a quoted segment tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotedSegment {
    /// Source port: ours.
    pub src_port: u16,
    /// Destination port: the peer's.
    pub dst_port: u16,
    /// SEG.SEQ, which has to be within SND.UNA and SND.NXT for the error to be believed (RFC 5927 4.1).
    pub seq: SeqNum,
}

impl Quoted<'_> {
    /// Ports and sequence number, when it is TCP.
    #[must_use]
    pub fn segment(&self) -> Option<QuotedSegment> {
        (self.protocol == PROTOCOL_TCP && self.payload.len() >= 8).then(|| QuotedSegment {
            src_port: u16_at(self.payload, 0),
            dst_port: u16_at(self.payload, 2),
            seq: SeqNum(u32_at(self.payload, 4)),
        })
    }
}

/// Parses what a datagram of [`super::ip::PROTOCOL_ICMP`] or [`PROTOCOL_ICMPV6`] carries.
///
/// # Errors
/// [`Malformed::IcmpTruncated`], [`Malformed::IcmpChecksum`], and for errors the quote's faults.
pub fn parse<'a>(datagram: &Datagram<'a>) -> Result<Message<'a>, Malformed> {
    let octets = datagram.payload;
    if octets.len() < HEADER {
        return Err(Malformed::IcmpTruncated { octets: octets.len() });
    }
    match datagram.dst {
        IpAddr::V4(_) => parse_v4(octets),
        IpAddr::V6(_) => {
            let mut sum =
                Checksum::pseudo_header(datagram.src, datagram.dst, PROTOCOL_ICMPV6, datagram.payload.len() as u32);
            sum.add(octets);
            if sum.verifies() { parse_v6(octets) } else { Err(Malformed::IcmpChecksum) }
        }
    }
}

fn parse_v4(octets: &[u8]) -> Result<Message<'_>, Malformed> {
    if !checksum::verifies(octets) {
        return Err(Malformed::IcmpChecksum);
    }
    let (kind, code, field) = (octets[0], octets[1], u32_at(octets, 4));
    let problem = match kind {
        numbers::ECHO_REPLY_V4 => return Ok(Message::EchoReply(echo(octets))),
        numbers::ECHO_REQUEST_V4 => return Ok(Message::EchoRequest(echo(octets))),
        numbers::SOURCE_QUENCH_V4 => return Ok(Message::SourceQuench),
        numbers::UNREACHABLE_V4 if code == numbers::FRAGMENTATION_NEEDED => {
            Problem::PacketTooBig { mtu: field & 0xffff }
        }
        numbers::UNREACHABLE_V4 => Problem::UnreachableV4(UnreachableV4::from_code(code)),
        numbers::TIME_EXCEEDED_V4 => Problem::TimeExceeded(TimeExceeded::from_code(code)),
        numbers::PARAMETER_PROBLEM_V4 => Problem::ParameterProblem { code, pointer: field >> 24 },
        _ => return Ok(Message::Other { kind, code }),
    };
    Ok(Message::Error(Error { problem, quoted: with_ports(ipv4::parse_quote(&octets[HEADER..])?)? }))
}

fn parse_v6(octets: &[u8]) -> Result<Message<'_>, Malformed> {
    let (kind, code, field) = (octets[0], octets[1], u32_at(octets, 4));
    let problem = match kind {
        numbers::ECHO_REPLY_V6 => return Ok(Message::EchoReply(echo(octets))),
        numbers::ECHO_REQUEST_V6 => return Ok(Message::EchoRequest(echo(octets))),
        numbers::UNREACHABLE_V6 => Problem::UnreachableV6(UnreachableV6::from_code(code)),
        numbers::PACKET_TOO_BIG_V6 => Problem::PacketTooBig { mtu: field },
        numbers::TIME_EXCEEDED_V6 => Problem::TimeExceeded(TimeExceeded::from_code(code)),
        numbers::PARAMETER_PROBLEM_V6 => Problem::ParameterProblem { code, pointer: field },
        _ => return Ok(Message::Other { kind, code }),
    };
    Ok(Message::Error(Error { problem, quoted: with_ports(ipv6::parse_quote(&octets[HEADER..])?)? }))
}

fn echo(octets: &[u8]) -> Echo<'_> {
    Echo { identifier: u16_at(octets, 4), sequence: u16_at(octets, 6), data: &octets[HEADER..] }
}

/// Every error quotes at least eight octets behind the IP header (RFC 792; RFC 4443 2.4(c) asks for far more).
fn with_ports(quoted: Quoted<'_>) -> Result<Quoted<'_>, Malformed> {
    if quoted.payload.len() < 8 { Err(Malformed::QuoteTruncated) } else { Ok(quoted) }
}
