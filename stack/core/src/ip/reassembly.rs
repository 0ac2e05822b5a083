//! Datagrams from their pieces (RFC 791 3.2, RFC 8200 4.5, RFC 1122 3.3.2; the ECN field by RFC 3168 5.3).
//!
//! Pieces that overlap end the datagram in either family: RFC 8200 4.5 wants it, and in IPv4, where RFC 791 would let the later octets
//! count, overlaps serve to get past filters only (RFC 3128). An exact repetition of a piece is let pass.
//!
//! Bounded: so many datagrams, so many octets; the oldest gives way. Nothing is searched: the tables are short.

use crate::time::Instant;
use crate::wire::fragment::{self, Fragment};
use crate::wire::icmp::{self, Problem};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

/// Datagrams that are waited for at a time.
const MOST_DATAGRAMS: usize = 64;
/// Octets of all their pieces.
const MOST_OCTETS: usize = 1 << 19;
/// What a piece costs besides its octets.
const PIECE: usize = 64;
/// What a datagram carries at most.
const MOST_PAYLOAD: usize = u16::MAX as usize;

/// ECN fields (RFC 3168 5).
const NOT_ECT: u8 = 0;
const CE: u8 = 3;

/// What tells datagrams apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    src: IpAddr,
    dst: IpAddr,
    identification: u32,
    /// Of IPv4 only: pieces of an IPv6 datagram need not agree on it.
    protocol: u8,
}

/// A datagram of which something is missing.
#[derive(Debug)]
struct Pieces {
    key: Key,
    until: Instant,
    /// The datagram that brought the piece at offset 0, as it came.
    first: Option<Vec<u8>>,
    /// What the datagram carries, once the last piece has told.
    total: Option<usize>,
    /// By offset; they do not overlap.
    parts: BTreeMap<usize, Vec<u8>>,
    /// Octets in `parts`.
    held: usize,
    /// Bit n: a piece had the ECN field n.
    ecn: u8,
}

/// What becomes of a piece.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is kept, or was not worth it.
    Waits,
    /// It was the last that was missing: the datagram.
    Whole(Vec<u8>),
    /// Its sender has to hear of it.
    Report(Problem),
}

/// The datagrams of which pieces have come.
#[derive(Debug, Default)]
pub(crate) struct Reassembly {
    /// Oldest first; each is waited for as long as the others of its family.
    datagrams: Vec<Pieces>,
}

impl Reassembly {
    /// Takes a piece. `datagram` is what brought it; the pieces that are missing are waited for until `patience` after the first one.
    pub(crate) fn add(&mut self, now: Instant, patience: Duration, datagram: &[u8]) -> Outcome {
        let Some(piece) = fragment::parse(datagram) else { return Outcome::Waits };
        if let Some(outcome) = nonsense(&piece) {
            return outcome;
        }
        let v6 = piece.dst.is_ipv6();
        let protocol = if v6 { 0 } else { piece.protocol };
        let key = Key { src: piece.src, dst: piece.dst, identification: piece.identification, protocol };
        self.make_room(datagram.len());
        let index = self.datagrams.iter().position(|pieces| pieces.key == key).unwrap_or_else(|| {
            let until = now + patience;
            let (first, total, parts) = (None, None, BTreeMap::new());
            self.datagrams.push(Pieces { key, until, first, total, parts, held: 0, ecn: 0 });
            self.datagrams.len() - 1
        });
        match self.datagrams[index].add(&piece, datagram) {
            Fit::Overlaps => {
                self.datagrams.remove(index);
                Outcome::Waits
            }
            Fit::Waits => Outcome::Waits,
            Fit::Complete => self.datagrams.remove(index).join().map_or(Outcome::Waits, Outcome::Whole),
        }
    }

    /// Lets the oldest go until so many octets more can be kept, and one datagram more.
    fn make_room(&mut self, octets: usize) {
        let mut held: usize = self.datagrams.iter().map(Pieces::cost).sum();
        while !self.datagrams.is_empty() && (self.datagrams.len() >= MOST_DATAGRAMS || held + octets > MOST_OCTETS) {
            held -= self.datagrams.remove(0).cost();
        }
    }

    /// When the first of them is given up.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.datagrams.iter().map(|pieces| pieces.until).min()
    }

    /// Gives up one whose time has come: the datagram with its first piece, about which the sender is told (RFC 792, RFC 4443
    /// 3.3), if that one came.
    pub(crate) fn give_up(&mut self, now: Instant) -> Option<Vec<u8>> {
        let index = self.datagrams.iter().position(|pieces| pieces.until <= now)?;
        self.datagrams.remove(index).first
    }
}

/// A piece that cannot be one of a datagram.
fn nonsense(piece: &Fragment<'_>) -> Option<Outcome> {
    let v6 = piece.dst.is_ipv6();
    let report = |pointer: usize| {
        let problem = Problem::ParameterProblem { code: 0, pointer: pointer as u32 };
        Some(if v6 { Outcome::Report(problem) } else { Outcome::Waits })
    };
    if piece.more && !piece.payload.len().is_multiple_of(8) {
        // RFC 8200 4.5: the payload length is at fault.
        return report(4);
    }
    if piece.offset + piece.payload.len() > MOST_PAYLOAD {
        // RFC 8200 4.5: the offset is.
        return report(piece.header_at + 2);
    }
    if piece.lacks_headers() {
        return Some(Outcome::Report(Problem::ParameterProblem { code: icmp::INCOMPLETE_HEADER_CHAIN, pointer: 0 }));
    }
    piece.payload.is_empty().then_some(Outcome::Waits)
}

/// How a piece goes with those before it.
enum Fit {
    Overlaps,
    Waits,
    Complete,
}

impl Pieces {
    fn add(&mut self, piece: &Fragment<'_>, datagram: &[u8]) -> Fit {
        let end = piece.offset + piece.payload.len();
        if self.parts.get(&piece.offset).is_some_and(|part| part == piece.payload) {
            return Fit::Waits;
        }
        let before = self.parts.range(..end).next_back().map_or(0, |(at, part)| at + part.len());
        let last = self.parts.last_key_value().map_or(0, |(at, part)| at + part.len());
        let beyond = self.total.is_some_and(|total| end > total || !piece.more && end != total);
        if before > piece.offset || beyond || !piece.more && last > end {
            return Fit::Overlaps;
        }
        if !piece.more {
            self.total = Some(end);
        }
        if piece.offset == 0 {
            self.first = Some(datagram.to_vec());
        }
        self.ecn |= 1 << piece.ecn;
        self.held += piece.payload.len();
        self.parts.insert(piece.offset, piece.payload.to_vec());
        // Without overlaps all is there when as much is there as there is.
        if self.total == Some(self.held) { Fit::Complete } else { Fit::Waits }
    }

    /// The datagram, unless its pieces disagree on what it is.
    fn join(self) -> Option<Vec<u8>> {
        let first = fragment::parse(self.first.as_deref()?)?;
        let ecn = joined_ecn(self.ecn, first.ecn)?;
        fragment::whole(&first, ecn, self.parts.into_values().flatten())
    }

    fn cost(&self) -> usize {
        self.held + self.parts.len() * PIECE + self.first.as_ref().map_or(0, Vec::len) + size_of::<Self>()
    }
}

/// The ECN field of the whole (RFC 3168 5.3): CE when a piece met congestion, and nothing when another one of them says that the
/// transport does not know of ECN.
fn joined_ecn(seen: u8, first: u8) -> Option<u8> {
    let had = |field: u8| seen & 1 << field != 0;
    match (had(CE), had(NOT_ECT)) {
        (true, true) => None,
        (true, false) => Some(CE),
        (false, true) => Some(NOT_ECT),
        (false, false) => Some(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ip::{self, Header};
    use alloc::vec;

    const NOW: Instant = Instant(0);
    const PATIENCE: Duration = Duration::from_secs(60);

    /// A piece of a datagram of 32 words of four octets with identification 7, from one word to another.
    fn piece(v6: bool, from: usize, to: usize, ecn: u8) -> Vec<u8> {
        let (from, to) = (from * 4, to * 4);
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let (src, dst) = if v6 { ("2001:db8::1", "2001:db8::2") } else { ("192.0.2.1", "192.0.2.2") };
        let mut header = Header::new(address(src), address(dst));
        (header.identification, header.dont_fragment, header.ecn) = (7, false, ecn);
        let payload: Vec<u8> = (from..to).map(|octet| octet as u8).collect();
        let more = u16::from(to < 128);
        if v6 {
            let [a, b] = (from as u16 | more).to_be_bytes();
            let mut extended = vec![6, 0, a, b, 0, 0, 0, 7];
            extended.extend(payload);
            return ip::emit(&header, 44, &extended);
        }
        let mut datagram = ip::emit(&header, 6, &payload);
        datagram[6..8].copy_from_slice(&((from as u16 / 8) | (more << 13)).to_be_bytes());
        datagram
    }

    /// What came of pieces, each `(from, to, ecn)`.
    fn joined(v6: bool, pieces: &[(usize, usize, u8)]) -> (Reassembly, Option<Vec<u8>>) {
        let mut reassembly = Reassembly::default();
        let mut whole = None;
        for (from, to, ecn) in pieces {
            match reassembly.add(NOW, PATIENCE, &piece(v6, *from, *to, *ecn)) {
                Outcome::Whole(datagram) => whole = Some(datagram),
                Outcome::Waits => {}
                Outcome::Report(problem) => panic!("{problem:?}"),
            }
        }
        (reassembly, whole)
    }

    #[test]
    fn pieces_make_a_datagram_in_any_order() {
        for v6 in [false, true] {
            for pieces in [
                vec![(0, 16, 0), (16, 32, 0)],
                vec![(16, 32, 0), (0, 16, 0)],
                vec![(8, 24, 0), (24, 32, 0), (0, 8, 0)],
                vec![(0, 16, 0), (0, 16, 0), (16, 32, 0)],
            ] {
                let (left, whole) = joined(v6, &pieces);
                let whole = whole.unwrap_or_else(|| panic!("{pieces:?}"));
                let parsed = ip::parse(&whole).expect("a datagram");
                assert_eq!(parsed.payload, (0..128).collect::<Vec<u8>>(), "{pieces:?}");
                assert_eq!(left.deadline(), None, "{pieces:?}");
            }
        }
    }

    #[test]
    fn overlaps_and_contradictions_end_the_datagram() {
        for v6 in [false, true] {
            for pieces in [
                vec![(0, 16, 0), (8, 24, 0), (24, 32, 0)],
                vec![(0, 24, 0), (8, 16, 0), (24, 32, 0)],
                vec![(8, 16, 0), (0, 24, 0), (24, 32, 0)],
                vec![(0, 16, 0), (16, 32, 3)],
            ] {
                assert_eq!(joined(v6, &pieces).1, None, "{pieces:?}");
            }
        }
    }

    #[test]
    fn a_mark_on_a_piece_marks_the_whole() {
        for (first, second, whole) in [(2, 2, 2), (2, 3, 3), (3, 1, 3), (1, 1, 1), (0, 0, 0), (0, 2, 0)] {
            for v6 in [false, true] {
                let datagram = joined(v6, &[(0, 16, first), (16, 32, second)]).1.expect("a datagram");
                assert_eq!(ip::parse(&datagram).expect("a datagram").ecn, whole, "{first} {second}");
            }
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut reassembly = Reassembly::default();
        for number in 0..1000_u16 {
            let mut datagram = piece(false, 0, 16, 0);
            datagram[4..6].copy_from_slice(&number.to_be_bytes());
            reassembly.add(NOW, PATIENCE, &datagram);
        }
        assert_eq!(reassembly.datagrams.len(), MOST_DATAGRAMS);
        assert_eq!(reassembly.datagrams[0].key.identification, 1000 - MOST_DATAGRAMS as u32);
    }

    #[test]
    fn the_sender_of_a_first_piece_is_told_when_the_others_do_not_come() {
        for (from, told) in [(0, true), (16, false)] {
            let mut reassembly = Reassembly::default();
            let sent = piece(true, from, from + 16, 0);
            reassembly.add(NOW, PATIENCE, &sent);
            assert_eq!(reassembly.deadline(), Some(NOW + PATIENCE));
            assert_eq!(reassembly.give_up(NOW + PATIENCE), told.then_some(sent));
            assert_eq!(reassembly.deadline(), None);
        }
    }
}
