//! What the network and the oracles must know of a datagram, without taking it apart for every one of millions.

use halfopen_engine::packet::tcp::flag;
use std::fmt;

/// Header fields at their fixed places. Both stacks send IPv4 without options and IPv6 without extension headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Glance {
    /// Octets of the IP header.
    pub(crate) header: usize,
    /// SEG.SEQ, SEG.ACK and the window of a TCP segment; `None`: something else.
    pub(crate) segment: Option<Segment>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) flags: u16,
    pub(crate) window: u16,
    pub(crate) text: usize,
}

impl Segment {
    pub(crate) const fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// It takes no sequence number.
    pub(crate) const fn is_bare(&self) -> bool {
        self.text == 0 && !self.has(flag::SYN) && !self.has(flag::FIN)
    }
}

/// `None`: not as either stack sends them.
pub(crate) fn glance(octets: &[u8]) -> Option<Glance> {
    let (header, protocol) = match octets.first()? {
        0x45 => (20, *octets.get(9)?),
        first if first >> 4 == 6 => (40, *octets.get(6)?),
        _ => return None,
    };
    if protocol != 6 {
        return Some(Glance { header, segment: None });
    }
    let tcp = octets.get(header..header + 20)?;
    let word = |at: usize| u32::from_be_bytes([tcp[at], tcp[at + 1], tcp[at + 2], tcp[at + 3]]);
    let offset = usize::from(tcp[12] >> 4) * 4;
    let text = octets.len().checked_sub(header + offset)?;
    let flags = u16::from_be_bytes([tcp[12] & 1, tcp[13]]);
    let window = u16::from_be_bytes([tcp[14], tcp[15]]);
    Some(Glance { header, segment: Some(Segment { seq: word(4), ack: word(8), flags, window, text }) })
}

/// A datagram by what it asks of a connection, to count and to fold findings by.
pub(crate) fn event(octets: &[u8]) -> &'static str {
    let Some(glance) = glance(octets) else { return "damaged" };
    let Some(segment) = glance.segment else { return "icmp" };
    match (segment.has(flag::RST), segment.has(flag::SYN), segment.has(flag::FIN)) {
        (true, ..) => "reset",
        (_, true, _) if segment.has(flag::ACK) => "syn-ack",
        (_, true, _) => "syn",
        (_, _, true) => "fin",
        _ if segment.text > 0 => "text",
        _ => "ack",
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = [
            (flag::FIN, "F"),
            (flag::SYN, "S"),
            (flag::RST, "R"),
            (flag::PSH, "P"),
            (flag::ACK, "."),
            (flag::URG, "U"),
            (flag::ECE, "E"),
            (flag::CWR, "W"),
        ];
        for (_, letter) in letters.iter().filter(|(flag, _)| self.has(*flag)) {
            f.write_str(letter)?;
        }
        let end = self.seq.wrapping_add(self.text as u32);
        write!(f, " {}:{end}({})", self.seq, self.text)?;
        if self.has(flag::ACK) {
            write!(f, " ack {}", self.ack)?;
        }
        write!(f, " win {}", self.window)
    }
}
