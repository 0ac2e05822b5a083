//! ICMP (RFC 792) and ICMPv6 (RFC 4443) messages.

use super::{Datagram, Ip, checksum::Sum, protocol, u16_at, u32_at};
use std::net::IpAddr;

/// An ICMP or ICMPv6 message, every field as on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Icmp {
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// Checksum.
    pub checksum: u16,
    /// The four octets after the checksum: MTU, gateway, pointer, identifier and sequence number.
    pub rest: u32,
    /// What follows; for errors the beginning of the datagram that they are about.
    pub body: Vec<u8>,
}

/// What an ICMP error says of the datagram that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quoted {
    /// Its source.
    pub src: IpAddr,
    /// Its destination.
    pub dst: IpAddr,
    /// Its protocol.
    pub protocol: u8,
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// TCP sequence number, when the quotation goes that far.
    pub seq: Option<u32>,
    /// UDP length field, when the quotation goes that far.
    pub udp_len: Option<u16>,
}

impl Icmp {
    pub(super) fn decode(octets: &[u8]) -> Option<Self> {
        (octets.len() >= 8).then(|| Self {
            kind: octets[0],
            code: octets[1],
            checksum: u16_at(octets, 2),
            rest: u32_at(octets, 4),
            body: octets[8..].to_vec(),
        })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.fixed(self.checksum));
        out.extend_from_slice(&self.body);
    }

    fn fixed(&self, checksum: u16) -> [u8; 8] {
        let mut octets = [0; 8];
        octets[0] = self.kind;
        octets[1] = self.code;
        octets[2..4].copy_from_slice(&checksum.to_be_bytes());
        octets[4..8].copy_from_slice(&self.rest.to_be_bytes());
        octets
    }

    pub(super) fn sum(&self, pseudo: Sum) -> Sum {
        pseudo.plus(&self.fixed(0)).plus(&self.body)
    }

    /// The datagram that an error quotes; `None` when too little of it is there.
    pub fn quoted(&self) -> Option<Quoted> {
        let datagram = Datagram::decode_one(&self.body).ok()?;
        let header = datagram.ip.header_len();
        let protocol = match &datagram.ip {
            Ip::V4(ip) => ip.protocol,
            Ip::V6(ip) => ip.next_header,
        };
        // A quotation is usually cut off, so the transport header is read octet by octet.
        let transport = self.body.get(header..)?;
        let ports = transport.get(..4)?;
        let seq = (protocol == protocol::TCP && transport.len() >= 8).then(|| u32_at(transport, 4));
        let udp_len = (protocol == protocol::UDP && transport.len() >= 6).then(|| u16_at(transport, 4));
        let (src_port, dst_port) = (u16_at(ports, 0), u16_at(ports, 2));
        Some(Quoted { src: datagram.ip.src(), dst: datagram.ip.dst(), protocol, src_port, dst_port, seq, udp_len })
    }
}
