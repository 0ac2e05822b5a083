//! The harness's own packet codec. It shares nothing with the stack's: it can express what no stack would send (a data offset of 3,
//! an option of length 0, a wrong checksum) and judges what a stack does send.
//!
//! [`Datagram::decode`] keeps every field as it is on the wire, consistent or not, so that [`Datagram::encode`] gives the same octets
//! back. [`Datagram::complete`] fills in lengths and checksums; whoever wants a wrong one overwrites it afterwards.

pub mod checksum;
pub mod icmp;
pub mod ipv4;
pub mod ipv6;
pub mod options;
pub mod outer;
mod signature;
pub mod tcp;
pub mod udp;

pub use icmp::{Icmp, Quoted};
pub use ipv4::Ipv4;
pub use ipv6::Ipv6;
pub use options::RawOption;
pub use outer::Layer;
pub use tcp::Tcp;
pub use udp::Udp;

use std::net::IpAddr;

/// Protocol numbers, as IPv4 and IPv6 have them.
pub mod protocol {
    /// ICMP over IPv4.
    pub const ICMP: u8 = 1;
    /// IPv4 in IP (RFC 2003).
    pub const IPV4: u8 = 4;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// IPv6 in IP (RFC 4213).
    pub const IPV6: u8 = 41;
    /// GRE.
    pub const GRE: u8 = 47;
    /// MPLS in IP (RFC 4023).
    pub const MPLS: u8 = 137;
    /// ICMPv6.
    pub const ICMPV6: u8 = 58;
    /// No protocol: "reserved" in the registry, what packetdrill calls `raw`.
    pub const RESERVED: u8 = 255;
}

/// An IP datagram with what it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// Network header.
    pub ip: Ip,
    /// What it carries.
    pub body: Body,
    /// Octets after the end that the IP length field gives.
    pub trailer: Vec<u8>,
    /// Headers around this one, outermost first.
    pub outer: Vec<Layer>,
}

/// A network header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ip {
    /// IPv4.
    V4(Ipv4),
    /// IPv6, with its extension headers.
    V6(Ipv6),
}

/// What a datagram carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A TCP segment.
    Tcp(Tcp),
    /// A UDP datagram.
    Udp(Udp),
    /// An ICMP or ICMPv6 message.
    Icmp(Icmp),
    /// Another protocol, a fragment, or too few octets for the header of the protocol.
    Other(Vec<u8>),
}

/// Why octets are not even the beginning of an IP datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Fewer octets than the fixed IP header has, or than its header length says.
    #[error("{0} octets are too few for an IP header")]
    Short(usize),
    /// The version field is neither 4 nor 6.
    #[error("IP version {0}")]
    Version(u8),
    /// The IPv4 header length field is below 5.
    #[error("IPv4 header length {0}")]
    HeaderLength(u8),
}

impl Ip {
    /// Source address.
    pub fn src(&self) -> IpAddr {
        match self {
            Self::V4(ip) => IpAddr::V4(ip.src),
            Self::V6(ip) => IpAddr::V6(ip.src),
        }
    }

    /// Destination address.
    pub fn dst(&self) -> IpAddr {
        match self {
            Self::V4(ip) => IpAddr::V4(ip.dst),
            Self::V6(ip) => IpAddr::V6(ip.dst),
        }
    }

    /// TTL or hop limit.
    pub fn ttl(&self) -> u8 {
        match self {
            Self::V4(ip) => ip.ttl,
            Self::V6(ip) => ip.hop_limit,
        }
    }

    /// Type of service or traffic class: DSCP and ECN.
    pub fn tos(&self) -> u8 {
        match self {
            Self::V4(ip) => ip.tos,
            Self::V6(ip) => ip.traffic_class,
        }
    }

    /// Octets of header, options and extension headers included.
    pub fn header_len(&self) -> usize {
        match self {
            Self::V4(ip) => 20 + ip.options.len(),
            Self::V6(ip) => 40 + ip.extensions.len(),
        }
    }

    /// Sum of the pseudo-header for a payload of this protocol and length (RFC 9293 3.1, RFC 8200 8.1).
    fn pseudo(&self, protocol: u8, len: usize) -> checksum::Sum {
        let sum = match self {
            Self::V4(ip) => checksum::Sum::default().plus(&ip.src.octets()).plus(&ip.dst.octets()),
            Self::V6(ip) => checksum::Sum::default().plus(&ip.src.octets()).plus(&ip.dst.octets()),
        };
        sum.plus(&(len as u32).to_be_bytes()).plus(&[0, protocol])
    }
}

impl Datagram {
    /// Reads any octets. Only what is not the beginning of an IP datagram at all is refused. Of a datagram in another one it is the
    /// inner one, with the headers around it.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        Self::decode_one(octets).map(outer::peel)
    }

    /// Reads the outermost datagram alone, as a stack does that takes nothing apart that is not for it.
    ///
    /// # Errors
    /// Those of [`Datagram::decode`].
    pub fn decode_one(octets: &[u8]) -> Result<Self, DecodeError> {
        let first = *octets.first().ok_or(DecodeError::Short(0))?;
        let (ip, whole, header, protocol) = match first >> 4 {
            4 => {
                let (ip, header) = Ipv4::decode(octets)?;
                let (end, protocol) = (usize::from(ip.total_len), (!ip.is_fragment()).then_some(ip.protocol));
                (Ip::V4(ip), end, header, protocol)
            }
            6 => {
                let (ip, header, protocol) = Ipv6::decode(octets)?;
                let end = 40 + usize::from(ip.payload_len);
                (Ip::V6(ip), end, header, protocol)
            }
            version => return Err(DecodeError::Version(version)),
        };
        // A length field that lies (too small for the header, too large for the octets) bounds nothing.
        let end = if (header..=octets.len()).contains(&whole) { whole } else { octets.len() };
        let payload = &octets[header..end];
        let body = protocol.and_then(|protocol| Body::decode(&ip, protocol, payload));
        let body = body.unwrap_or_else(|| Body::Other(payload.to_vec()));
        Ok(Self { ip, body, trailer: octets[end..].to_vec(), outer: Vec::new() })
    }

    /// The octets, every field as it stands.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.ip.header_len() + self.body.len() + self.trailer.len());
        outer::encode(&self.outer, &mut out);
        match &self.ip {
            Ip::V4(ip) => ip.encode(&mut out),
            Ip::V6(ip) => ip.encode(&mut out),
        }
        self.body.encode_into(&mut out);
        out.extend_from_slice(&self.trailer);
        out
    }

    /// How many octets that is without the headers around it.
    pub fn octets(&self) -> usize {
        self.ip.header_len() + self.body.len() + self.trailer.len()
    }

    /// Fills in the length fields and checksums of every header.
    pub fn complete(&mut self) {
        let len = self.body.len();
        match &mut self.ip {
            Ip::V4(ip) => ip.complete(len),
            Ip::V6(ip) => ip.payload_len = (ip.extensions.len() + len) as u16,
        }
        if let Body::Tcp(tcp) = &mut self.body {
            tcp.data_offset = ((20 + tcp.options.len()) / 4) as u8;
        }
        if let Body::Udp(udp) = &mut self.body {
            udp.length = len as u16;
        }
        let checksum = self.computed();
        match &mut self.body {
            Body::Tcp(tcp) => tcp.checksum = checksum,
            Body::Udp(udp) => udp.checksum = checksum,
            Body::Icmp(icmp) => icmp.checksum = checksum,
            Body::Other(_) => {}
        }
        if !self.outer.is_empty() {
            outer::complete(self);
        }
    }

    /// The checksum that the transport header should have; 0 for [`Body::Other`].
    pub fn computed(&self) -> u16 {
        let len = self.body.len();
        match &self.body {
            Body::Tcp(tcp) => tcp.sum(self.ip.pseudo(protocol::TCP, len)).value(),
            Body::Udp(udp) => match udp.sum(self.ip.pseudo(protocol::UDP, len)).value() {
                // An all-zero checksum means none (RFC 768), so zero is sent as all ones.
                0 => 0xffff,
                sum => sum,
            },
            Body::Icmp(icmp) => match &self.ip {
                Ip::V4(_) => icmp.sum(checksum::Sum::default()).value(),
                Ip::V6(_) => icmp.sum(self.ip.pseudo(protocol::ICMPV6, len)).value(),
            },
            Body::Other(_) => 0,
        }
    }

    /// The transport checksum as it is on the wire; 0 for [`Body::Other`].
    pub fn checksum(&self) -> u16 {
        match &self.body {
            Body::Tcp(tcp) => tcp.checksum,
            Body::Udp(udp) => udp.checksum,
            Body::Icmp(icmp) => icmp.checksum,
            Body::Other(_) => 0,
        }
    }
}

impl Body {
    fn decode(ip: &Ip, protocol: u8, payload: &[u8]) -> Option<Self> {
        match (protocol, ip) {
            (protocol::TCP, _) => Tcp::decode(payload).map(Self::Tcp),
            (protocol::UDP, _) => Udp::decode(payload).map(Self::Udp),
            (protocol::ICMP, Ip::V4(_)) | (protocol::ICMPV6, Ip::V6(_)) => Icmp::decode(payload).map(Self::Icmp),
            _ => None,
        }
    }

    /// The octets, every field as it stands.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len());
        self.encode_into(&mut out);
        out
    }

    fn encode_into(&self, out: &mut Vec<u8>) {
        match self {
            Self::Tcp(tcp) => tcp.encode(out),
            Self::Udp(udp) => udp.encode(out),
            Self::Icmp(icmp) => icmp.encode(out),
            Self::Other(octets) => out.extend_from_slice(octets),
        }
    }

    /// Octets.
    pub fn len(&self) -> usize {
        match self {
            Self::Tcp(tcp) => 20 + tcp.options.len() + tcp.payload.len(),
            Self::Udp(udp) => 8 + udp.payload.len(),
            Self::Icmp(icmp) => 8 + icmp.body.len(),
            Self::Other(octets) => octets.len(),
        }
    }

    /// It carries nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Two octets at an offset, in network order.
fn u16_at(octets: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([octets[at], octets[at + 1]])
}

/// Four octets at an offset, in network order.
fn u32_at(octets: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]])
}
