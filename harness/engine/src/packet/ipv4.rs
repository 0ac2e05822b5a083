//! IPv4 headers (RFC 791).

use super::{DecodeError, checksum::Sum, u16_at, u32_at};
use std::net::Ipv4Addr;

/// An IPv4 header, every field as on the wire. The header length is that of `options`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ipv4 {
    /// Type of service: DSCP and ECN.
    pub tos: u8,
    /// Octets of the datagram, as the field says.
    pub total_len: u16,
    /// Identification.
    pub id: u16,
    /// Flags (3 bits) and fragment offset.
    pub fragment: u16,
    /// Time to live.
    pub ttl: u8,
    /// Protocol.
    pub protocol: u8,
    /// Header checksum.
    pub checksum: u16,
    /// Source.
    pub src: Ipv4Addr,
    /// Destination.
    pub dst: Ipv4Addr,
    /// Option area; a multiple of four octets.
    pub options: Vec<u8>,
}

/// Don't Fragment, in [`Ipv4::fragment`].
pub const DONT_FRAGMENT: u16 = 0x4000;
/// More Fragments.
pub const MORE_FRAGMENTS: u16 = 0x2000;

impl Ipv4 {
    /// A header without options, length and checksum still to be filled in.
    pub fn new(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8) -> Self {
        let (tos, total_len, id, checksum, options) = (0, 0, 0, 0, Vec::new());
        Self { tos, total_len, id, fragment: DONT_FRAGMENT, ttl: 64, protocol, checksum, src, dst, options }
    }

    /// The header and its length.
    pub(super) fn decode(octets: &[u8]) -> Result<(Self, usize), DecodeError> {
        let words = octets[0] & 0x0f;
        if words < 5 {
            return Err(DecodeError::HeaderLength(words));
        }
        let header = usize::from(words) * 4;
        if octets.len() < header {
            return Err(DecodeError::Short(octets.len()));
        }
        let ip = Self {
            tos: octets[1],
            total_len: u16_at(octets, 2),
            id: u16_at(octets, 4),
            fragment: u16_at(octets, 6),
            ttl: octets[8],
            protocol: octets[9],
            checksum: u16_at(octets, 10),
            src: u32_at(octets, 12).into(),
            dst: u32_at(octets, 16).into(),
            options: octets[20..header].to_vec(),
        };
        Ok((ip, header))
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.fixed(self.checksum));
        out.extend_from_slice(&self.options);
    }

    fn fixed(&self, checksum: u16) -> [u8; 20] {
        let mut octets = [0; 20];
        octets[0] = 0x40 | (5 + self.options.len() / 4) as u8 & 0x0f;
        octets[1] = self.tos;
        octets[2..4].copy_from_slice(&self.total_len.to_be_bytes());
        octets[4..6].copy_from_slice(&self.id.to_be_bytes());
        octets[6..8].copy_from_slice(&self.fragment.to_be_bytes());
        octets[8] = self.ttl;
        octets[9] = self.protocol;
        octets[10..12].copy_from_slice(&checksum.to_be_bytes());
        octets[12..16].copy_from_slice(&self.src.octets());
        octets[16..20].copy_from_slice(&self.dst.octets());
        octets
    }

    /// The checksum that the header should have.
    pub fn computed(&self) -> u16 {
        Sum::default().plus(&self.fixed(0)).plus(&self.options).value()
    }

    /// The checksum that the octets of a header should have, whatever its fields say.
    pub(crate) fn checksum_of(header: &[u8]) -> u16 {
        Sum::default().plus(&header[..10]).plus(&[0, 0]).plus(&header[12..]).value()
    }

    pub(crate) fn complete(&mut self, payload: usize) {
        self.total_len = (20 + self.options.len() + payload) as u16;
        self.checksum = self.computed();
    }

    /// A fragment, first or later.
    pub fn is_fragment(&self) -> bool {
        self.fragment & 0x3fff != 0
    }
}
