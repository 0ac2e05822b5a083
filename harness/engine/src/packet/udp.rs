//! UDP headers (RFC 768).

use super::{checksum::Sum, u16_at};

/// A UDP datagram, every field as on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Udp {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Length field.
    pub length: u16,
    /// Checksum.
    pub checksum: u16,
    /// Payload.
    pub payload: Vec<u8>,
}

impl Udp {
    pub(super) fn decode(octets: &[u8]) -> Option<Self> {
        (octets.len() >= 8).then(|| Self {
            src_port: u16_at(octets, 0),
            dst_port: u16_at(octets, 2),
            length: u16_at(octets, 4),
            checksum: u16_at(octets, 6),
            payload: octets[8..].to_vec(),
        })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.fixed(self.checksum));
        out.extend_from_slice(&self.payload);
    }

    fn fixed(&self, checksum: u16) -> [u8; 8] {
        let mut octets = [0; 8];
        for (index, field) in [self.src_port, self.dst_port, self.length, checksum].iter().enumerate() {
            octets[index * 2..index * 2 + 2].copy_from_slice(&field.to_be_bytes());
        }
        octets
    }

    pub(super) fn sum(&self, pseudo: Sum) -> Sum {
        pseudo.plus(&self.fixed(0)).plus(&self.payload)
    }
}
