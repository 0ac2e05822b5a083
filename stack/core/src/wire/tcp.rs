//! TCP segments (RFC 9293 3.1).

use super::checksum::Checksum;
pub use super::tcp_options::{
    AccurateEcn, Cookie, MOST_OCTETS, Options, SackBlock, SackBlocks, Timestamps, UserTimeout,
};
use super::{Malformed, ip, tcp_options, u16_at, u32_at};
use crate::seq::SeqNum;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::ops::{BitOr, BitOrAssign};

/// Octets of a header without options.
pub const HEADER: usize = 20;

/// The control bits, numbered as in the header's two octets after the data offset.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(u16);

impl Flags {
    /// No bit.
    pub const NONE: Self = Self(0);
    /// No more data from the sender.
    pub const FIN: Self = Self(0x001);
    /// Synchronize sequence numbers.
    pub const SYN: Self = Self(0x002);
    /// Reset the connection.
    pub const RST: Self = Self(0x004);
    /// Push.
    pub const PSH: Self = Self(0x008);
    /// The acknowledgment field is significant.
    pub const ACK: Self = Self(0x010);
    /// The urgent pointer is significant.
    pub const URG: Self = Self(0x020);
    /// ECN echo (RFC 3168 6.1).
    pub const ECE: Self = Self(0x040);
    /// Congestion window reduced (RFC 3168 6.1).
    pub const CWR: Self = Self(0x080);
    /// Accurate ECN (RFC 9768 3.1), once the nonce sum.
    pub const AE: Self = Self(0x100);

    /// Letters in the order in which packet traces print them.
    const LETTERS: [(Self, char); 9] = [
        (Self::FIN, 'F'),
        (Self::SYN, 'S'),
        (Self::RST, 'R'),
        (Self::PSH, 'P'),
        (Self::URG, 'U'),
        (Self::ECE, 'E'),
        (Self::CWR, 'W'),
        (Self::AE, 'A'),
        (Self::ACK, '.'),
    ];

    /// The nine bits, FIN lowest.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// From bits, FIN lowest; the three reserved ones are dropped.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits & 0x1ff)
    }

    /// Whether every bit of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any bit of `other` is set.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Both sets of bits; `|` in constants.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Without the bits of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// FIN.
    #[must_use]
    pub const fn fin(self) -> bool {
        self.contains(Self::FIN)
    }

    /// SYN.
    #[must_use]
    pub const fn syn(self) -> bool {
        self.contains(Self::SYN)
    }

    /// RST.
    #[must_use]
    pub const fn rst(self) -> bool {
        self.contains(Self::RST)
    }

    /// PSH.
    #[must_use]
    pub const fn psh(self) -> bool {
        self.contains(Self::PSH)
    }

    /// ACK.
    #[must_use]
    pub const fn ack(self) -> bool {
        self.contains(Self::ACK)
    }

    /// URG.
    #[must_use]
    pub const fn urg(self) -> bool {
        self.contains(Self::URG)
    }

    /// ECE.
    #[must_use]
    pub const fn ece(self) -> bool {
        self.contains(Self::ECE)
    }

    /// CWR.
    #[must_use]
    pub const fn cwr(self) -> bool {
        self.contains(Self::CWR)
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Self) {
        *self = self.with(other);
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (flag, letter) in Self::LETTERS {
            if self.contains(flag) {
                write!(f, "{letter}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flags({self})")
    }
}

/// A segment, its numbers absolute and its window unscaled, as on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Segment<'a> {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// SEG.SEQ.
    pub seq: SeqNum,
    /// The acknowledgment field; SEG.ACK when ACK is set, otherwise meaningless.
    pub ack: SeqNum,
    /// Control bits.
    pub flags: Flags,
    /// The window field, before scaling.
    pub window: u16,
    /// The urgent pointer field; SEG.UP when URG is set, otherwise meaningless.
    pub urgent: u16,
    /// Options.
    pub options: Options,
    /// Data.
    pub payload: &'a [u8],
}

impl Segment<'_> {
    /// SEG.LEN: octets of data, SYN and FIN counted (RFC 9293 3.4).
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "SEG.LEN is the RFC's name; a segment is no collection")]
    pub const fn len(&self) -> u32 {
        self.payload.len() as u32 + self.flags.syn() as u32 + self.flags.fin() as u32
    }

    /// The sequence number after the segment's last: SEG.SEQ + SEG.LEN.
    #[must_use]
    pub const fn end(&self) -> SeqNum {
        self.seq.plus(self.len())
    }
}

/// Parses the segment that a datagram from `src` to `dst` carries. Reserved bits are ignored.
///
/// # Errors
/// [`Malformed::TcpTruncated`], [`Malformed::DataOffset`], [`Malformed::TcpChecksum`], in this order.
///
/// # Panics
/// When the addresses are of two families.
pub fn parse(src: IpAddr, dst: IpAddr, octets: &[u8]) -> Result<Segment<'_>, Malformed> {
    if octets.len() < HEADER {
        return Err(Malformed::TcpTruncated { octets: octets.len() });
    }
    let words = octets[12] >> 4;
    let header = 4 * usize::from(words);
    if header < HEADER || header > octets.len() {
        return Err(Malformed::DataOffset { words });
    }
    let mut sum = Checksum::pseudo_header(src, dst, ip::PROTOCOL_TCP, octets.len() as u32);
    sum.add(octets);
    if !sum.verifies() {
        return Err(Malformed::TcpChecksum);
    }
    Ok(Segment {
        src_port: u16_at(octets, 0),
        dst_port: u16_at(octets, 2),
        seq: SeqNum(u32_at(octets, 4)),
        ack: SeqNum(u32_at(octets, 8)),
        flags: Flags::from_bits(u16_at(octets, 12)),
        window: u16_at(octets, 14),
        urgent: u16_at(octets, 18),
        options: tcp_options::parse(&octets[HEADER..header]),
        payload: &octets[header..],
    })
}

/// Emits the datagram that carries `segment`, checksums right, in one allocation of its exact size.
///
/// # Panics
/// As [`ip::Header::begin`].
#[must_use]
pub fn emit(header: &ip::Header, segment: &Segment<'_>) -> Vec<u8> {
    let mut datagram = Vec::new();
    emit_into(&mut datagram, header, segment, &[]);
    datagram
}

/// As [`emit`], in a buffer that is used again. Behind the segment's payload `tail` follows, which is more of it: a ring
/// has its octets in two pieces.
///
/// # Panics
/// As [`ip::Header::begin`].
pub fn emit_into(datagram: &mut Vec<u8>, header: &ip::Header, segment: &Segment<'_>, tail: &[u8]) {
    let options = segment.options.encode();
    let options = options.as_slice();
    let length = HEADER + options.len() + segment.payload.len() + tail.len();
    header.begin_in(datagram, ip::PROTOCOL_TCP, length);
    let start = datagram.len();

    let fixed = fixed_header(segment, options.len());
    datagram.extend_from_slice(&fixed);
    for piece in [options, segment.payload, tail] {
        // Most pieces are empty, and to find that out here is quicker than a call.
        if !piece.is_empty() {
            datagram.extend_from_slice(piece);
        }
    }

    let mut sum = Checksum::pseudo_header(header.src, header.dst, ip::PROTOCOL_TCP, length as u32);
    sum.add(&datagram[start..]);
    datagram[start + 16..start + 18].copy_from_slice(&sum.finish());
}

/// The header without options, its checksum zero.
pub(crate) fn fixed_header(segment: &Segment<'_>, options: usize) -> [u8; HEADER] {
    let offset_and_flags = ((HEADER + options) as u16 / 4) << 12 | segment.flags.bits();
    let mut fixed = [0; HEADER];
    fixed[0..2].copy_from_slice(&segment.src_port.to_be_bytes());
    fixed[2..4].copy_from_slice(&segment.dst_port.to_be_bytes());
    fixed[4..8].copy_from_slice(&segment.seq.0.to_be_bytes());
    fixed[8..12].copy_from_slice(&segment.ack.0.to_be_bytes());
    fixed[12..14].copy_from_slice(&offset_and_flags.to_be_bytes());
    fixed[14..16].copy_from_slice(&segment.window.to_be_bytes());
    fixed[18..20].copy_from_slice(&segment.urgent.to_be_bytes());
    fixed
}

#[cfg(test)]
mod tests;
