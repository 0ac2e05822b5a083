//! Why a datagram was refused.

use core::fmt;

/// The first fault of a datagram, outermost header first. Always the sender's or the network's, never the caller's.
///
/// `pointer` counts octets from the start of the IP header, as the pointer of an ICMP parameter problem does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Malformed {
    /// No octets at all.
    Empty,
    /// The version is neither 4 nor 6.
    Version {
        /// As found.
        version: u8,
    },
    /// Fewer octets than the fixed IP header.
    IpTruncated {
        /// Octets there are.
        octets: usize,
    },
    /// The IPv4 header length is below 5 words or beyond the total length.
    HeaderLength {
        /// In words of four octets.
        words: u8,
    },
    /// The IPv4 total length, or the IPv6 payload length with its header, exceeds what arrived.
    TotalLength {
        /// Octets the header claims, header included.
        claimed: usize,
        /// Octets that arrived.
        arrived: usize,
    },
    /// The IPv4 header checksum does not verify.
    IpChecksum,
    /// The source address is one that no host has: multicast or limited broadcast (RFC 1122 3.2.1.3, RFC 4291 2.7).
    SourceAddress,
    /// The datagram is one fragment of several: it means nothing before the others are there.
    Fragment {
        /// Offset of this fragment in octets.
        offset: u16,
        /// Other fragments follow.
        more: bool,
    },
    /// An IPv4 option whose length is below 2 or beyond the header, or a source route of impossible shape.
    Ipv4Option {
        /// Where the option's fault stands.
        pointer: u32,
    },
    /// An IPv4 source route with hops left: a router's business (RFC 1122 3.3.5), and this is a host.
    SourceRoute {
        /// Where the option starts.
        pointer: u32,
    },
    /// An IPv6 extension header, or an option in one, reaches beyond the payload.
    ExtensionTruncated {
        /// Where the length at fault stands.
        pointer: u32,
    },
    /// An IPv6 option that is not known and whose type forbids skipping it (RFC 8200 4.2).
    Ipv6Option {
        /// Option type, the action in its two highest bits: 1 discard, 2 report, 3 report unless to a multicast address.
        kind: u8,
        /// Where the option starts.
        pointer: u32,
    },
    /// An IPv6 routing header with segments left. No routing type is implemented (RFC 8200 4.4, RFC 5095).
    RoutingHeader {
        /// Where the routing type stands.
        pointer: u32,
    },
    /// More IPv6 extension headers than any honest sender uses.
    ExtensionChain {
        /// Where the first header too many starts.
        pointer: u32,
    },
    /// The chain of IPv6 headers ends in No Next Header (RFC 8200 4.7).
    NoNextHeader,
    /// Neither TCP nor this family's ICMP, or an IPv6 header where it may not stand.
    Protocol {
        /// Protocol or next header number.
        protocol: u8,
        /// Where that number stands.
        pointer: u32,
    },
    /// Fewer octets than the fixed TCP header.
    TcpTruncated {
        /// Octets there are.
        octets: usize,
    },
    /// The TCP data offset is below 5 words or beyond the segment.
    DataOffset {
        /// In words of four octets.
        words: u8,
    },
    /// The TCP checksum does not verify (RFC 9293 MUST-3).
    TcpChecksum,
    /// Fewer octets than the ICMP header.
    IcmpTruncated {
        /// Octets there are.
        octets: usize,
    },
    /// The ICMP checksum does not verify.
    IcmpChecksum,
    /// An ICMP error quotes less than an IP header and the eight octets after it.
    QuoteTruncated,
    /// An ICMP error quotes something that cannot be an IP header of its own family.
    QuoteHeader,
    /// An ICMP error quotes a fragment other than the first: it has no ports.
    QuoteFragment,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty => write!(f, "empty datagram"),
            Self::Version { version } => write!(f, "IP version {version}"),
            Self::IpTruncated { octets } => write!(f, "IP header cut off after {octets} octets"),
            Self::HeaderLength { words } => write!(f, "IPv4 header length of {words} words"),
            Self::TotalLength { claimed, arrived } => {
                write!(f, "IP header claims {claimed} octets, {arrived} arrived")
            }
            Self::IpChecksum => write!(f, "wrong IPv4 header checksum"),
            Self::SourceAddress => write!(f, "source address of no host"),
            Self::Fragment { offset, more } => write!(f, "fragment at octet {offset}, more: {more}"),
            Self::Ipv4Option { pointer } => write!(f, "malformed IPv4 option at octet {pointer}"),
            Self::SourceRoute { pointer } => write!(f, "unfinished IPv4 source route at octet {pointer}"),
            Self::ExtensionTruncated { pointer } => write!(f, "IPv6 extension length at octet {pointer} too great"),
            Self::Ipv6Option { kind, pointer } => write!(f, "unknown IPv6 option {kind:#04x} at octet {pointer}"),
            Self::RoutingHeader { pointer } => {
                write!(f, "IPv6 routing header with segments left, type at octet {pointer}")
            }
            Self::ExtensionChain { pointer } => write!(f, "too many IPv6 extension headers, next at octet {pointer}"),
            Self::NoNextHeader => write!(f, "IPv6 datagram without upper layer"),
            Self::Protocol { protocol, pointer } => write!(f, "protocol {protocol} named at octet {pointer}"),
            Self::TcpTruncated { octets } => write!(f, "TCP header cut off after {octets} octets"),
            Self::DataOffset { words } => write!(f, "TCP data offset of {words} words"),
            Self::TcpChecksum => write!(f, "wrong TCP checksum"),
            Self::IcmpTruncated { octets } => write!(f, "ICMP header cut off after {octets} octets"),
            Self::IcmpChecksum => write!(f, "wrong ICMP checksum"),
            Self::QuoteTruncated => write!(f, "ICMP error quotes too little"),
            Self::QuoteHeader => write!(f, "ICMP error does not quote an IP header"),
            Self::QuoteFragment => write!(f, "ICMP error quotes a fragment without ports"),
        }
    }
}

impl core::error::Error for Malformed {}

#[cfg(test)]
mod tests {
    use crate::wire::ip::{self, Header};
    use crate::wire::tcp::{self, Segment};
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;
    use core::net::IpAddr;

    /// The datagram of an empty segment with octets of it changed, and the IPv4 header's checksum made right if asked.
    fn changed(v6: bool, changes: &[(usize, u8)], right: bool) -> Vec<u8> {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let (src, dst) = if v6 { ("2001:db8::1", "2001:db8::2") } else { ("192.0.2.1", "192.0.2.2") };
        let mut datagram = tcp::emit(&Header::new(address(src), address(dst)), &Segment::default());
        for (at, octet) in changes {
            datagram[*at] = *octet;
        }
        if right {
            datagram[10..12].fill(0);
            let sum = crate::wire::checksum::checksum(&datagram[..20]);
            datagram[10..12].copy_from_slice(&sum);
        }
        datagram
    }

    /// Whether it is IPv6, changes, whether the header's checksum is made right, octets kept; and the words.
    type Row<'a> = (bool, &'a [(usize, u8)], bool, usize, &'a str);

    /// What is said of a datagram.
    fn said(datagram: &[u8]) -> String {
        let parsed = match ip::parse(datagram) {
            Ok(parsed) => parsed,
            Err(fault) => return fault.to_string(),
        };
        tcp::parse(parsed.src, parsed.dst, parsed.payload).map_or_else(|fault| fault.to_string(), |_| String::new())
    }

    #[test]
    fn each_fault_is_said_with_its_place() {
        let table: [Row<'_>; 17] = [
            (false, &[], false, 40, ""),
            (false, &[], false, 0, "empty datagram"),
            (false, &[(0, 0x55)], false, 40, "IP version 5"),
            (false, &[], false, 12, "IP header cut off after 12 octets"),
            (false, &[(0, 0x44)], false, 40, "IPv4 header length of 4 words"),
            (false, &[], false, 39, "IP header claims 40 octets, 39 arrived"),
            (false, &[(8, 1)], false, 40, "wrong IPv4 header checksum"),
            (false, &[(12, 224)], true, 40, "source address of no host"),
            (false, &[(6, 0x20), (7, 2)], true, 40, "fragment at octet 16, more: true"),
            (false, &[(9, 17)], true, 40, "protocol 17 named at octet 9"),
            (false, &[(3, 30)], true, 40, "TCP header cut off after 10 octets"),
            (false, &[(32, 0x40)], false, 40, "TCP data offset of 4 words"),
            (false, &[(20, 1)], false, 40, "wrong TCP checksum"),
            (true, &[(6, 59)], false, 60, "IPv6 datagram without upper layer"),
            (true, &[(6, 60), (41, 9)], false, 60, "IPv6 extension length at octet 41 too great"),
            (true, &[(6, 60), (40, 6), (42, 0x80)], false, 60, "unknown IPv6 option 0x80 at octet 42"),
            (true, &[(6, 43), (40, 6), (43, 1)], false, 60, "IPv6 routing header with segments left, type at octet 42"),
        ];
        for (v6, changes, right, kept, words) in table {
            let datagram = changed(v6, changes, right);
            assert_eq!(said(&datagram[..kept]), words, "{changes:?}");
        }
    }
}
