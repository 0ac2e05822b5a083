//! Datagrams as oracles read and the peer writes them: into and out of buffers that live as long as a run, because a program has to
//! cost microseconds. It shares no line with the stack's codec, and knows no more than the fuzz targets need.

use crate::program::Damage;

/// FIN.
pub const FIN: u8 = 0x01;
/// SYN.
pub const SYN: u8 = 0x02;
/// RST.
pub const RST: u8 = 0x04;
/// PSH.
pub const PSH: u8 = 0x08;
/// ACK.
pub const ACK: u8 = 0x10;
/// URG.
pub const URG: u8 = 0x20;

/// The options of a segment. What came twice counts as it came last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Kind 2.
    pub mss: Option<u16>,
    /// Kind 3.
    pub shift: Option<u8>,
    /// Kind 4.
    pub sack_permitted: bool,
    /// Kind 8: TSval and TSecr.
    pub stamps: Option<(u32, u32)>,
    /// Kind 5: left and right edges.
    pub sacks: [(u32, u32); 4],
    /// How many of them there are.
    pub sack_count: u8,
    /// Octets of all of them, padding included.
    pub octets: u8,
    /// There are others.
    pub others: bool,
    /// What is wrong with them.
    pub fault: Option<&'static str>,
}

/// A segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seg<'a> {
    /// It came in IPv6.
    pub v6: bool,
    /// The ECN field of the datagram.
    pub ecn: u8,
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// SEG.SEQ.
    pub seq: u32,
    /// SEG.ACK.
    pub ack: u32,
    /// Control bits, FIN lowest.
    pub flags: u8,
    /// The window as on the wire.
    pub window: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// Options.
    pub options: Options,
    /// Text.
    pub payload: &'a [u8],
}

impl Seg<'_> {
    /// Whether any of these control bits is set.
    #[must_use]
    pub const fn has(&self, flags: u8) -> bool {
        self.flags & flags != 0
    }

    /// SEG.LEN: text, and one for SYN and FIN each.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.payload.len() as u32 + self.has(SYN) as u32 + self.has(FIN) as u32
    }

    /// Whether it takes no sequence numbers.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number after its last.
    #[must_use]
    pub const fn end(&self) -> u32 {
        self.seq.wrapping_add(self.len())
    }

    /// Where its text begins.
    #[must_use]
    pub const fn text(&self) -> u32 {
        self.seq.wrapping_add(self.has(SYN) as u32)
    }

    /// Where its text ends.
    #[must_use]
    pub const fn text_end(&self) -> u32 {
        self.text().wrapping_add(self.payload.len() as u32)
    }
}

/// `a < b` modulo 2^32 (RFC 9293 3.4).
#[must_use]
pub const fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

/// `a =< b`.
#[must_use]
pub const fn until(a: u32, b: u32) -> bool {
    a == b || before(a, b)
}

/// What a datagram is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content<'a> {
    /// TCP.
    Segment(Seg<'a>),
    /// An ICMP message.
    Icmp,
    /// Neither, or malformed: what is wrong.
    Fault(&'static str),
}

fn be16(octets: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([octets[at], octets[at + 1]])
}

fn be32(octets: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]])
}

/// The ones' complement sum of octets in the order of the machine, not folded: RFC 1071 gives the same in any order of octets, and the machine's own
/// takes no instruction. What is summed in pieces is even in all of them but the last.
fn sum(octets: &[u8]) -> u64 {
    let (words, rest) = octets.as_chunks::<8>();
    let mut sum = 0_u64;
    for word in words {
        let word = u64::from_ne_bytes(*word);
        // No datagram has the 2^31 words that this takes to overflow; asked each time, it would be as much work as the sum.
        sum = sum.wrapping_add(word & 0xffff_ffff).wrapping_add(word >> 32);
    }
    let (halves, rest) = rest.as_chunks::<2>();
    for half in halves {
        sum = sum.wrapping_add(u64::from(u16::from_ne_bytes(*half)));
    }
    if let [last] = rest {
        sum = sum.wrapping_add(u64::from(u16::from_ne_bytes([*last, 0])));
    }
    sum
}

fn fold(mut sum: u64) -> u16 {
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// The sum of the pseudo-header: the addresses of both ends as the header has them, the protocol, and the octets behind the header.
fn pseudo(header: &[u8], protocol: u8, length: usize) -> u64 {
    let addresses = if header.len() == 40 { &header[8..40] } else { &header[12..20] };
    sum(addresses) + u64::from(u16::from(protocol).to_be()) + u64::from((length as u16).to_be())
}

/// Reads a datagram that was sent. Lengths and checksums have to be right.
#[must_use]
pub fn read(datagram: &[u8]) -> Content<'_> {
    read_as(datagram, true)
}

/// As [`read`]; if not `strict`, reserved bits may be set.
#[must_use]
pub fn read_as(datagram: &[u8], strict: bool) -> Content<'_> {
    match parts(datagram) {
        Ok((header, protocol)) => match protocol {
            6 => segment(datagram, header, strict).map_or_else(Content::Fault, Content::Segment),
            1 | 58 => Content::Icmp,
            _ => Content::Fault("neither TCP nor ICMP"),
        },
        Err(fault) => Content::Fault(fault),
    }
}

/// The segment of a datagram that the peer has just made, with this damage: of what is right nothing is verified again, of what is
/// damaged only the ports and the control bits matter.
#[must_use]
pub fn own(datagram: &[u8], damage: Damage) -> Seg<'_> {
    if damage.is_fatal() {
        return read_ports(datagram);
    }
    let (header, length) = if datagram[0] >> 4 == 6 {
        (40, 40 + usize::from(be16(datagram, 4)))
    } else {
        (20, usize::from(be16(datagram, 2)))
    };
    fields(&datagram[..length], header)
}

/// The source port, SEG.SEQ and SEG.ACK of a segment, whatever is wrong with it.
#[must_use]
pub fn port_and_numbers(datagram: &[u8]) -> Option<(u16, u32, u32)> {
    let header = match datagram.first()? >> 4 {
        4 if *datagram.get(9)? == 6 => usize::from(datagram[0] & 15) * 4,
        6 if *datagram.get(6)? == 6 => 40,
        _ => return None,
    };
    let octets = datagram.get(header..header + 12)?;
    Some((be16(octets, 0), be32(octets, 4), be32(octets, 8)))
}

/// Octets of the IP header, and the protocol.
fn parts(datagram: &[u8]) -> Result<(usize, u8), &'static str> {
    match datagram.first().map(|first| first >> 4) {
        Some(4) if datagram.len() >= 20 => {
            let header = usize::from(datagram[0] & 15) * 4;
            if header < 20 || datagram.len() < header {
                return Err("an IPv4 header length that cannot be");
            }
            if usize::from(be16(datagram, 2)) != datagram.len() {
                return Err("a total length that is not that of the datagram");
            }
            if fold(sum(&datagram[..header])) != 0xffff {
                return Err("a wrong checksum of the IPv4 header");
            }
            Ok((header, datagram[9]))
        }
        Some(6) if datagram.len() >= 40 => {
            if usize::from(be16(datagram, 4)) + 40 != datagram.len() {
                return Err("a payload length that is not that of the datagram");
            }
            Ok((40, datagram[6]))
        }
        _ => Err("no datagram"),
    }
}

fn segment(datagram: &[u8], header: usize, strict: bool) -> Result<Seg<'_>, &'static str> {
    let tcp = &datagram[header..];
    if tcp.len() < 20 {
        return Err("a segment without a whole header");
    }
    let offset = usize::from(tcp[12] >> 4) * 4;
    if offset < 20 || offset > tcp.len() {
        return Err("a data offset that cannot be");
    }
    // The lowest is AE of RFC 9768, which is a flag.
    if strict && tcp[12] & 0x0e != 0 {
        return Err("reserved bits");
    }
    if fold(sum(tcp) + pseudo(&datagram[..header], 6, tcp.len())) != 0xffff {
        return Err("a wrong checksum");
    }
    Ok(fields(datagram, header))
}

/// The fields of a segment whose lengths are right.
fn fields(datagram: &[u8], header: usize) -> Seg<'_> {
    let tcp = &datagram[header..];
    let Some((fixed, rest)) = tcp.split_first_chunk::<20>() else { unreachable!("a whole header") };
    let (list, payload) = rest.split_at(usize::from(fixed[12] >> 4) * 4 - 20);
    let v6 = datagram[0] >> 4 == 6;
    Seg {
        v6,
        ecn: if v6 { datagram[1] >> 4 & 3 } else { datagram[1] & 3 },
        src_port: be16(fixed, 0),
        dst_port: be16(fixed, 2),
        seq: be32(fixed, 4),
        ack: be32(fixed, 8),
        flags: fixed[13],
        window: be16(fixed, 14),
        urgent: be16(fixed, 18),
        options: options(list),
        payload,
    }
}

/// Reads a list of options.
#[must_use]
pub fn options(list: &[u8]) -> Options {
    let mut options = Options { octets: list.len() as u8, ..Options::default() };
    let mut rest = list;
    while let Some((&kind, behind)) = rest.split_first() {
        match kind {
            0 => {
                if behind.iter().any(|octet| *octet != 0) {
                    options.fault = Some("octets behind the end of the options that are not zero");
                }
                break;
            }
            1 => rest = behind,
            _ => {
                let Some(&length) = behind.first() else {
                    options.fault = Some("an option without length");
                    break;
                };
                if length < 2 || usize::from(length) > rest.len() {
                    options.fault = Some("an option whose length cannot be");
                    break;
                }
                let (option, next) = rest.split_at(length.into());
                options.take(kind, &option[2..]);
                rest = next;
            }
        }
    }
    options
}

impl Options {
    fn take(&mut self, kind: u8, data: &[u8]) {
        match (kind, data.len()) {
            (2, 2) => self.mss = Some(be16(data, 0)),
            (3, 1) => self.shift = Some(data[0]),
            (4, 0) => self.sack_permitted = true,
            (8, 8) => self.stamps = Some((be32(data, 0), be32(data, 4))),
            (5, 8 | 16 | 24 | 32) => {
                for (index, block) in data.chunks_exact(8).enumerate() {
                    self.sacks[index] = (be32(block, 0), be32(block, 4));
                }
                self.sack_count = (data.len() / 8) as u8;
            }
            (2..=5 | 8, _) => self.fault = Some("an option of a known kind with a length that it cannot have"),
            _ => self.others = true,
        }
    }
}

/// Address of the host.
pub const HOST_V4: [u8; 4] = [10, 0, 0, 1];
/// Address of the peer.
pub const PEER_V4: [u8; 4] = [10, 0, 0, 2];

/// An address of fd00::/16 by its last octet.
#[must_use]
pub const fn v6(last: u8) -> [u8; 16] {
    let mut address = [0; 16];
    (address[0], address[15]) = (0xfd, last);
    address
}

/// What goes into a datagram beside text: everything that [`Seg`] has, and the list of options as it is.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    /// Header and text.
    pub seg: Seg<'a>,
    /// A multiple of four octets.
    pub options: &'a [u8],
    /// What is to be wrong with it.
    pub damage: Damage,
}

/// Writes a segment of the peer in place of what `out` holds.
pub fn write(out: &mut Vec<u8>, draft: &Draft<'_>) {
    let seg = &draft.seg;
    let length = 20 + draft.options.len() + seg.payload.len();
    // All that is not text.
    let mut head = [0; 100];
    let start = ip(&mut head, seg.v6, 6, length, seg.ecn, draft.damage);
    let (header, tcp) = head.split_at_mut(start);
    let tcp = &mut tcp[..20 + draft.options.len()];
    let words = if draft.damage == Damage::ShortOffset {
        4
    } else if draft.damage == Damage::LongOffset {
        // Beyond the segment, unless there is more text than any header can hold.
        15.min(length / 4 + 1) as u8
    } else {
        5 + (draft.options.len() / 4) as u8
    };
    let reserved = if draft.damage == Damage::Reserved { 0x0e } else { 0 };
    tcp[..2].copy_from_slice(&seg.src_port.to_be_bytes());
    tcp[2..4].copy_from_slice(&seg.dst_port.to_be_bytes());
    tcp[4..8].copy_from_slice(&seg.seq.to_be_bytes());
    tcp[8..12].copy_from_slice(&seg.ack.to_be_bytes());
    (tcp[12], tcp[13]) = (words << 4 | reserved, seg.flags);
    tcp[14..16].copy_from_slice(&seg.window.to_be_bytes());
    tcp[18..20].copy_from_slice(&seg.urgent.to_be_bytes());
    tcp[20..].copy_from_slice(draft.options);
    let checksum = !fold(sum(tcp) + sum(seg.payload) + pseudo(header, 6, length));
    tcp[16..18].copy_from_slice(&checksum.to_ne_bytes());
    let end = start + tcp.len();
    out.clear();
    out.reserve(end + seg.payload.len());
    out.extend_from_slice(&head[..end]);
    out.extend_from_slice(seg.payload);
    if draft.damage == Damage::Checksum {
        out[start + 16] ^= 0x55;
    } else if draft.damage == Damage::Truncated {
        truncate(out, start);
    } else if draft.damage == Damage::Trailer {
        out.extend_from_slice(&[0xaa; 7]);
    }
}

/// Fills in the checksum of what begins at `start`.
fn checksum(out: &mut [u8], start: usize, protocol: u8, at: usize) {
    let (header, rest) = out.split_at_mut(start);
    let total = if protocol == 1 { sum(rest) } else { sum(rest) + pseudo(header, protocol, rest.len()) };
    rest[at..at + 2].copy_from_slice(&(!fold(total)).to_ne_bytes());
}

/// The datagram ends inside the TCP header, and says so.
fn truncate(out: &mut Vec<u8>, start: usize) {
    out.truncate(start + 14);
    let v6 = start == 40;
    let length = (if v6 { out.len() - 40 } else { out.len() }) as u16;
    let at = if v6 { 4 } else { 2 };
    out[at..at + 2].copy_from_slice(&length.to_be_bytes());
    if !v6 {
        header_checksum(out);
    }
}

/// The header checksum of IPv4, anew.
pub(crate) fn header_checksum(out: &mut [u8]) {
    out[10..12].fill(0);
    let sum = fold(sum(&out[..20]));
    out[10..12].copy_from_slice(&(!sum).to_ne_bytes());
}

/// Writes an IP header before so many octets. Its own.
fn ip(head: &mut [u8; 100], in_v6: bool, protocol: u8, length: usize, ecn: u8, damage: Damage) -> usize {
    if in_v6 {
        let (src, dst) = ends_v6(damage);
        let [high, low] = (length as u16).to_be_bytes();
        head[..8].copy_from_slice(&[0x60, ecn << 4, 0, 0, high, low, protocol, 64]);
        head[8..24].copy_from_slice(&src);
        head[24..40].copy_from_slice(&dst);
        40
    } else {
        let (src, dst) = ends_v4(damage);
        let [high, low] = ((length + 20) as u16).to_be_bytes();
        head[..12].copy_from_slice(&[0x45, ecn, high, low, 0, 0, 0x40, 0, 64, protocol, 0, 0]);
        head[12..16].copy_from_slice(&src);
        head[16..20].copy_from_slice(&dst);
        header_checksum(head);
        20
    }
}

fn ends_v4(damage: Damage) -> ([u8; 4], [u8; 4]) {
    if let Damage::Source(which) = damage {
        ([[0, 0, 0, 0], [255, 255, 255, 255], [224, 0, 0, 1], HOST_V4][usize::from(which % 4)], HOST_V4)
    } else if let Damage::Destination(which) = damage {
        (PEER_V4, [[255, 255, 255, 255], [224, 0, 0, 1], [10, 0, 0, 77]][usize::from(which % 3)])
    } else {
        (PEER_V4, HOST_V4)
    }
}

fn ends_v6(damage: Damage) -> ([u8; 16], [u8; 16]) {
    let mut multicast = [0; 16];
    (multicast[0], multicast[1], multicast[15]) = (0xff, 0x02, 1);
    if let Damage::Source(which) = damage {
        ([[0; 16], multicast, multicast, v6(1)][usize::from(which % 4)], v6(1))
    } else if let Damage::Destination(which) = damage {
        (v6(2), [multicast, multicast, v6(77)][usize::from(which % 3)])
    } else {
        (v6(2), v6(1))
    }
}

/// Writes an ICMP error of the peer's side of the network about a datagram of the host.
pub fn write_icmp(out: &mut Vec<u8>, in_v6: bool, kind: u8, code: u8, rest: u32, quoted: &[u8]) {
    let protocol = if in_v6 { 58 } else { 1 };
    let mut head = [0; 100];
    let start = ip(&mut head, in_v6, protocol, 8 + quoted.len(), 0, Damage::None);
    out.clear();
    out.extend_from_slice(&head[..start]);
    out.extend_from_slice(&[kind, code, 0, 0]);
    out.extend_from_slice(&rest.to_be_bytes());
    out.extend_from_slice(quoted);
    checksum(out, start, protocol, 2);
}

/// The ports and control bits of a segment that is damaged, as far as they are there.
#[must_use]
pub fn read_ports(datagram: &[u8]) -> Seg<'_> {
    let v6 = datagram[0] >> 4 == 6;
    let tcp = &datagram[if v6 { 40 } else { 20 }..];
    let flags = tcp.get(13).copied().unwrap_or(0);
    Seg { v6, src_port: be16(tcp, 0), dst_port: be16(tcp, 2), flags, ..Seg::default() }
}

/// What is wrong with a datagram of the peer's, as far as it decides what becomes of it.
#[must_use]
pub fn damage_of(datagram: &[u8]) -> Damage {
    let v6 = datagram[0] >> 4 == 6;
    let ours = if v6 { (v6_ends(), 8, 16) } else { (v4_ends(), 12, 4) };
    let ((peer, host), start, width) = ours;
    if datagram[start..start + width] != peer[..width] {
        return Damage::Source(0);
    }
    if datagram[start + width..start + 2 * width] != host[..width] {
        return Damage::Destination(0);
    }
    let length = if v6 { be16(datagram, 4) + 40 } else { be16(datagram, 2) };
    match read_as(&datagram[..usize::from(length).min(datagram.len())], false) {
        Content::Fault(_) => Damage::Checksum,
        Content::Segment(_) | Content::Icmp => Damage::None,
    }
}

fn v6_ends() -> ([u8; 16], [u8; 16]) {
    (v6(2), v6(1))
}

fn v4_ends() -> ([u8; 16], [u8; 16]) {
    let wide = |short: [u8; 4]| {
        let mut wide = [0; 16];
        wide[..4].copy_from_slice(&short);
        wide
    };
    (wide(PEER_V4), wide(HOST_V4))
}

/// The list of options of a datagram that holds a whole segment.
#[must_use]
pub fn raw_options(datagram: &[u8]) -> &[u8] {
    let header = if datagram[0] >> 4 == 6 { 40 } else { 20 };
    let offset = usize::from(datagram[header + 12] >> 4) * 4;
    datagram.get(header + 20..header + offset.max(20)).unwrap_or(&[])
}

/// A damaged datagram of the peer with its addresses and checksums as they would be right. Of a data offset that is wrong nobody knows
/// the right one: there are then no options.
#[must_use]
pub fn mended(datagram: &[u8]) -> Vec<u8> {
    let mut out = datagram.to_vec();
    let v6 = out[0] >> 4 == 6;
    let header = if v6 { 40 } else { 20 };
    if v6 {
        out[8..24].copy_from_slice(&v6_ends().0);
        out[24..40].copy_from_slice(&v6_ends().1);
    } else {
        out[12..16].copy_from_slice(&PEER_V4);
        out[16..20].copy_from_slice(&HOST_V4);
        header_checksum(&mut out);
    }
    if out.len() < header + 20 {
        return out;
    }
    let offset = usize::from(out[header + 12] >> 4) * 4;
    if offset < 20 || offset > out.len() - header {
        out[header + 12] = 5 << 4 | out[header + 12] & 15;
    }
    out[header + 16..header + 18].fill(0);
    checksum(&mut out, header, 6, 16);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use halfopen_engine::packet::Datagram;

    #[test]
    fn what_is_written_is_read_and_the_harness_agrees() {
        let list = [1, 1, 8, 10, 0, 0, 0, 5, 0, 0, 0, 9];
        for v6 in [false, true] {
            for length in 0..50 {
                let text = vec![0x5a; length];
                let seg = Seg {
                    v6,
                    src_port: 7,
                    dst_port: 9,
                    seq: u32::MAX - 3,
                    ack: 77,
                    flags: ACK | PSH,
                    window: 500,
                    options: options(&list),
                    payload: &text,
                    ..Seg::default()
                };
                let mut out = Vec::new();
                write(&mut out, &Draft { seg, options: &list, damage: Damage::None });
                assert_eq!(read(&out), Content::Segment(seg));
                assert_eq!(own(&out, Damage::None), seg);
                let datagram = Datagram::decode(&out).expect("a datagram");
                assert_eq!(datagram.checksum(), datagram.computed());
                assert_eq!(datagram.encode(), out);
            }
        }
    }

    #[test]
    fn damage_is_seen() {
        let seg = Seg { flags: ACK, payload: b"text", ..Seg::default() };
        for v6 in [false, true] {
            for damage in [Damage::Checksum, Damage::ShortOffset, Damage::LongOffset, Damage::Truncated] {
                let mut out = Vec::new();
                write(&mut out, &Draft { seg: Seg { v6, ..seg }, options: &[], damage });
                assert!(matches!(read(&out), Content::Fault(_)), "{damage:?}");
            }
        }
    }

    #[test]
    fn options_are_read() {
        let table: [(&[u8], Options); 6] = [
            (&[2, 4, 5, 0xb4], Options { mss: Some(1460), ..Options::default() }),
            (&[1, 3, 3, 7], Options { shift: Some(7), ..Options::default() }),
            (&[4, 2, 1, 1], Options { sack_permitted: true, ..Options::default() }),
            (&[0, 0, 0, 0], Options::default()),
            (&[253, 4, 1, 2], Options { others: true, ..Options::default() }),
            (
                &[8, 4, 1, 2],
                Options {
                    fault: Some("an option of a known kind with a length that it cannot have"),
                    ..Options::default()
                },
            ),
        ];
        for (list, expected) in table {
            assert_eq!(options(list), Options { octets: list.len() as u8, ..expected }, "{list:?}");
        }
    }
}
