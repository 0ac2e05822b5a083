//! What a host was given, sent and was called in a run of choices, in a script's words and with a script's ports.

use super::moved;
use crate::datagram::{self, Content};
use crate::endpoint_pair::glance;
use crate::machine::{Made, Watch};
use crate::program::{Damage, Icmp, Profile};
use crate::script::{Due, Entry, Recorder};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// On which host a run is to be played that was found on another.
#[derive(Debug, Clone, Copy)]
pub struct Elsewhere<'a> {
    /// Its profile.
    pub profile: Profile,
    /// Parameters that it has beside those of the run, by their names for `sysctl`.
    pub parameters: &'a [(&'a str, &'a str)],
}

/// What is kept of a run.
#[derive(Debug, Default)]
pub struct Diary {
    /// What happened, in order.
    pub(super) recorder: Recorder,
    /// How much of it comes before what the last stimulus drew.
    pub(super) before: usize,
    /// Its profile, and the lines of a script that set it up.
    pub(super) conditions: (&'static str, String),
    /// The key that it signs with.
    pub(super) key: Option<String>,
    pub(super) v6: bool,
    /// State of the connection before the last stimulus, and of which kind that was.
    pub(super) state: &'static str,
    pub(super) event: &'static str,
    /// What an oracle waits for while it judges.
    pub(super) due: Option<Due>,
    /// A call that had nothing to give: it is told only if nothing comes behind it.
    pub(super) fruitless: Option<Entry>,
    /// Counts stimuli of all hosts of a run: the one with the last is the one that is judged.
    pub(super) turn: u64,
    /// Judged whoever had the last.
    pub(super) blamed: bool,
    /// Remote sockets, in the order in which they came; whether the host connects.
    remotes: Vec<SocketAddr>,
    active: bool,
    /// Fragments, by their number.
    pieces: BTreeMap<u32, Vec<Piece>>,
}

/// A fragment: where its octets stand, whether more follow, and the datagram's header as it would be without.
#[derive(Debug)]
struct Piece {
    at: usize,
    more: bool,
    header: Vec<u8>,
    octets: Vec<u8>,
}

impl Diary {
    /// Something happens to the host: what is kept behind this is what it draws.
    fn stimulus(&mut self, state: &'static str, event: &'static str) {
        (self.state, self.event, self.due, self.fruitless) = (state, event, None, None);
        self.before = self.recorder.entries.len();
    }

    fn keep(&mut self, entry: Entry) {
        self.recorder.entries.push(entry);
        self.before = self.recorder.entries.len();
    }

    /// The script's port of a remote socket.
    pub(super) fn port(&mut self, remote: SocketAddr) -> u16 {
        let at = self.remotes.iter().position(|known| *known == remote).unwrap_or_else(|| {
            self.remotes.push(remote);
            self.remotes.len() - 1
        });
        (if self.active { 50_002 } else { 40_000 }) + at as u16
    }

    pub(super) fn connects(&mut self) {
        self.active = true;
    }

    /// Time comes to the host, and a timer of it is due.
    pub(super) fn timer(&mut self, state: &'static str) {
        self.stimulus(state, "timer");
    }

    /// A datagram comes from the one to the other.
    pub(super) fn arrives(&mut self, at: u64, octets: &[u8], [from, to]: [SocketAddr; 2], state: &'static str) {
        self.stimulus(state, glance::event(octets));
        let whole = without_trailer(octets);
        match self.joined(whole) {
            Joined::No => {
                let entry = self.entry(at, whole, [from, to]);
                self.keep(entry);
            }
            Joined::Part => self.keep(Entry::Lost(at, "one of the fragments of a datagram")),
            Joined::Whole(whole) => {
                let entry = self.entry(at, &whole, [from, to]);
                self.keep(entry);
            }
        }
    }

    fn entry(&mut self, at: u64, octets: &[u8], [from, to]: [SocketAddr; 2]) -> Entry {
        let v4 = octets.first().is_some_and(|first| first >> 4 == 4);
        let header = if v4 { 20 } else { 40 };
        if octets.get(if v4 { 9 } else { 6 }).is_some_and(|protocol| [1, 58].contains(protocol)) {
            let port = self.port(from);
            return match (error(octets, header), moved::error(octets, port)) {
                (Some(error), Some(octets)) => Entry::Icmp(at, octets, error),
                (Some(_), None) | (None, _) => Entry::Lost(at, "an ICMP message"),
            };
        }
        let damage = match datagram::read_as(octets, false) {
            Content::Segment(_) => Damage::None,
            Content::Fault("a wrong checksum") => Damage::Checksum,
            Content::Fault(_) | Content::Icmp => return Entry::Lost(at, "a damaged datagram"),
        };
        if !stands_between(octets, header, [from, to]) {
            return Entry::Lost(at, "a datagram with damaged addresses");
        }
        let port = self.port(from);
        match moved::segment(octets, true, port) {
            Some(octets) => Entry::In(at, octets, damage),
            None => Entry::Lost(at, "a damaged datagram"),
        }
    }

    /// The host sends something.
    pub(super) fn leaves(&mut self, at: u64, octets: &[u8], to: SocketAddr) {
        let port = self.port(to);
        if let Some(octets) = moved::segment(octets, false, port) {
            self.recorder.datagram_out(at, &octets);
        }
    }

    /// A call.
    pub(super) fn call(&mut self, at: u64, made: &Made<'_>, state: &'static str) {
        const EAGAIN: i32 = 11;
        self.stimulus(state, word(made));
        let fruitless = matches!(
            made,
            Made::Accept { result: Err(EAGAIN), .. }
                | Made::Receive { result: Err(EAGAIN), .. }
                | Made::Send { result: Err(EAGAIN), .. }
        );
        self.recorder.call(at, made);
        self.before = self.recorder.entries.len();
        if fruitless {
            self.fruitless = self.recorder.entries.pop();
            self.before -= 1;
        }
    }

    /// A call in these words.
    pub(super) fn words(&mut self, at: u64, words: String, event: &'static str, state: &'static str) {
        self.stimulus(state, event);
        self.keep(Entry::Call(at, words));
    }

    /// Takes fragments, and gives the datagram that they make.
    fn joined(&mut self, octets: &[u8]) -> Joined {
        let Some((number, piece)) = fragment(octets) else { return Joined::No };
        let pieces = self.pieces.entry(number).or_default();
        pieces.push(piece);
        let (Some(first), Some(last)) =
            (pieces.iter().find(|piece| piece.at == 0 && piece.more), pieces.iter().find(|piece| !piece.more))
        else {
            return Joined::Part;
        };
        if first.octets.len() != last.at {
            return Joined::Part;
        }
        let mut whole = [&first.header[..], &first.octets, &last.octets].concat();
        if whole[0] >> 4 == 4 {
            let length = whole.len() as u16;
            whole[2..4].copy_from_slice(&length.to_be_bytes());
            datagram::header_checksum(&mut whole);
        } else {
            let length = whole.len() as u16 - 40;
            whole[4..6].copy_from_slice(&length.to_be_bytes());
        }
        self.pieces.remove(&number);
        Joined::Whole(whole)
    }
}

enum Joined {
    /// It is no fragment.
    No,
    /// Others are missing.
    Part,
    Whole(Vec<u8>),
}

/// The number of a fragmented datagram, and the fragment.
fn fragment(octets: &[u8]) -> Option<(u32, Piece)> {
    let be16 = |at: usize| Some(u16::from_be_bytes([*octets.get(at)?, *octets.get(at + 1)?]));
    if octets.first()? >> 4 == 4 {
        let field = be16(6)?;
        if field & 0x3fff == 0 {
            return None;
        }
        let mut header = octets.get(..20)?.to_vec();
        header[6..8].fill(0);
        let at = usize::from(field & 0x1fff) * 8;
        return Some((be16(4)?.into(), Piece { at, more: field & 0x2000 != 0, header, octets: octets[20..].to_vec() }));
    }
    if *octets.get(6)? != 44 {
        return None;
    }
    let mut header = octets.get(..40)?.to_vec();
    header[6] = *octets.get(40)?;
    let (field, number) = (be16(42)?, u32::from(be16(44)?) << 16 | u32::from(be16(46)?));
    Some((number, Piece { at: usize::from(field & !7), more: field & 1 != 0, header, octets: octets[48..].to_vec() }))
}

/// As much of it as its header says.
fn without_trailer(octets: &[u8]) -> &[u8] {
    let be16 = |at: usize| octets.get(at..at + 2).map(|field| usize::from(u16::from_be_bytes([field[0], field[1]])));
    let length = match octets.first().map(|first| first >> 4) {
        Some(4) => be16(2),
        Some(6) => be16(4).map(|length| length + 40),
        Some(_) | None => None,
    };
    length.and_then(|length| octets.get(..length)).unwrap_or(octets)
}

/// Whether the datagram is from the one to the other.
fn stands_between(octets: &[u8], header: usize, ends: [SocketAddr; 2]) -> bool {
    let width = if header == 20 { 4 } else { 16 };
    let at = |index: usize| header - 2 * width + index * width;
    let ip = |index: usize| match ends[index].ip() {
        std::net::IpAddr::V4(ip) => octets[at(index)..][..width] == ip.octets(),
        std::net::IpAddr::V6(ip) => octets[at(index)..][..width] == ip.octets(),
    };
    let port = |index: usize| octets[header + 2 * index..][..2] == ends[index].port().to_be_bytes();
    (0..2).all(|index| ip(index) && port(index))
}

/// The error, where the script has words for it or for its like.
fn error(octets: &[u8], header: usize) -> Option<Icmp> {
    let (kind, code) = (*octets.get(header)?, *octets.get(header + 1)?);
    let rest = octets.get(header + 4..header + 8)?;
    let mtu = u32::from_be_bytes([rest[0], rest[1], rest[2], rest[3]]) as u16;
    Some(match (kind, code, header == 20) {
        (3, 0, true) | (1, 0, false) => Icmp::Network,
        (3, 1, true) | (1, 3, false) => Icmp::Host,
        (3, 2, true) => Icmp::Protocol,
        (3, 3, true) | (1, 4, false) => Icmp::Port,
        (3, 4, true) | (2, 0, false) => Icmp::TooBig(mtu),
        (4, 0, true) => Icmp::Quench,
        (11, _, true) | (3, _, false) => Icmp::Time,
        _ => return None,
    })
}

/// A call by its name.
fn word(made: &Made<'_>) -> &'static str {
    match made {
        Made::Socket { .. } => "socket",
        Made::Accept { .. } => "accept",
        Made::Connect { .. } => "connect",
        Made::Send { .. } => "send",
        Made::Receive { .. } => "receive",
        Made::Shutdown { .. } => "shutdown",
        Made::Close { .. } => "close",
        Made::Option { .. } => "option",
        Made::Listen { .. } => "listen",
    }
}
