//! TCP headers (RFC 9293 3.1).

use super::{checksum::Sum, u16_at, u32_at};

/// Control bits, as in [`Tcp::flags`].
pub mod flag {
    /// No more data from sender.
    pub const FIN: u16 = 0x001;
    /// Synchronize sequence numbers.
    pub const SYN: u16 = 0x002;
    /// Reset the connection.
    pub const RST: u16 = 0x004;
    /// Push function.
    pub const PSH: u16 = 0x008;
    /// Acknowledgment field is significant.
    pub const ACK: u16 = 0x010;
    /// Urgent pointer field is significant.
    pub const URG: u16 = 0x020;
    /// ECN-Echo (RFC 3168).
    pub const ECE: u16 = 0x040;
    /// Congestion window reduced (RFC 3168).
    pub const CWR: u16 = 0x080;
    /// Accurate ECN (RFC 9768), formerly a reserved bit.
    pub const AE: u16 = 0x100;
}

/// A TCP segment, every field as on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tcp {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// SEG.SEQ
    pub seq: u32,
    /// Acknowledgment number field, whatever the ACK bit says.
    pub ack: u32,
    /// Data offset in words, as the field says; `options` and `payload` are split there where that is possible.
    pub data_offset: u8,
    /// The three bits between data offset and AE.
    pub reserved: u8,
    /// Control bits.
    pub flags: u16,
    /// Window field, not scaled.
    pub window: u16,
    /// Checksum.
    pub checksum: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// Option area as octets.
    pub options: Vec<u8>,
    /// Text.
    pub payload: Vec<u8>,
}

impl Tcp {
    /// `None` for fewer octets than the fixed header has. A data offset that points outside counts as 5.
    pub(super) fn decode(octets: &[u8]) -> Option<Self> {
        if octets.len() < 20 {
            return None;
        }
        let data_offset = octets[12] >> 4;
        let header = usize::from(data_offset) * 4;
        let header = if (20..=octets.len()).contains(&header) { header } else { 20 };
        let bits = u16_at(octets, 12);
        Some(Self {
            src_port: u16_at(octets, 0),
            dst_port: u16_at(octets, 2),
            seq: u32_at(octets, 4),
            ack: u32_at(octets, 8),
            data_offset,
            reserved: (bits >> 9 & 7) as u8,
            flags: bits & 0x1ff,
            window: u16_at(octets, 14),
            checksum: u16_at(octets, 16),
            urgent: u16_at(octets, 18),
            options: octets[20..header].to_vec(),
            payload: octets[header..].to_vec(),
        })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.fixed(self.checksum));
        out.extend_from_slice(&self.options);
        out.extend_from_slice(&self.payload);
    }

    pub(super) fn fixed(&self, checksum: u16) -> [u8; 20] {
        let mut octets = [0; 20];
        octets[0..2].copy_from_slice(&self.src_port.to_be_bytes());
        octets[2..4].copy_from_slice(&self.dst_port.to_be_bytes());
        octets[4..8].copy_from_slice(&self.seq.to_be_bytes());
        octets[8..12].copy_from_slice(&self.ack.to_be_bytes());
        let bits = u16::from(self.data_offset) << 12 | u16::from(self.reserved & 7) << 9 | self.flags & 0x1ff;
        octets[12..14].copy_from_slice(&bits.to_be_bytes());
        octets[14..16].copy_from_slice(&self.window.to_be_bytes());
        octets[16..18].copy_from_slice(&checksum.to_be_bytes());
        octets[18..20].copy_from_slice(&self.urgent.to_be_bytes());
        octets
    }

    pub(super) fn sum(&self, pseudo: Sum) -> Sum {
        // An option area of odd length (a script can ask for one) must not shift the words of the payload.
        let sum = pseudo.plus(&self.fixed(0));
        if self.options.len().is_multiple_of(2) {
            return sum.plus(&self.options).plus(&self.payload);
        }
        let mut rest = self.options.clone();
        rest.extend_from_slice(&self.payload);
        sum.plus(&rest)
    }

    /// The data offset that header and options come to.
    pub fn true_offset(&self) -> usize {
        5 + self.options.len() / 4
    }

    /// Has this control bit.
    pub fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }
}
