//! The script's descriptors and the SUT's own, and how far each one's stream has come.

use super::number;
use crate::pattern::{self, Stream};
use crate::stop::Stop;
use std::collections::{BTreeMap, VecDeque};

/// How far the two streams of a descriptor have come, in octets.
#[derive(Debug, Clone, Copy, Default)]
struct Position {
    written: u64,
    read: u64,
}

/// A descriptor that is no socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Other {
    /// A file or an epoll instance: what it holds is not the script's to know.
    Opaque,
    /// An end of a pipe, by its number.
    Pipe(usize),
}

/// Every descriptor of a test.
#[derive(Debug, Clone, Default)]
pub(crate) struct Descriptors {
    /// The SUT's by the script's.
    live: BTreeMap<i64, i32>,
    positions: BTreeMap<i32, Position>,
    others: BTreeMap<i32, Other>,
    /// What each pipe holds.
    pipes: Vec<VecDeque<u8>>,
    /// The last socket that was accepted or connected, while it is open.
    pub(crate) under_test: Option<i32>,
    /// The last socket that was made, while it is open.
    pub(crate) newest: Option<i32>,
    /// Texts that the script has written itself, with their stream offsets.
    pub(crate) written: Vec<(u64, Vec<u8>)>,
    /// Stream offsets of octets sent as urgent: they may be missing from what is read in line.
    pub(crate) urgent: Vec<u64>,
}

impl Descriptors {
    /// The SUT's descriptor. `errno` is what the line expects: a closed descriptor can be asked for to see EBADF.
    pub(crate) fn live(&self, script: i64, errno: Option<&str>) -> Result<i32, Stop> {
        match self.live.get(&script) {
            Some(live) => Ok(*live),
            None if errno == Some(number::EBADF) || script < 0 => Ok(-1),
            None => Err(Stop::Error(format!("descriptor {script} is not open in this script"))),
        }
    }

    pub(crate) fn open(&mut self, script: i64, live: i32) {
        self.live.insert(script, live);
        self.positions.insert(live, Position::default());
    }

    /// A file or an epoll instance.
    pub(crate) fn open_other(&mut self, script: i64, live: i32) {
        self.open(script, live);
        self.others.insert(live, Other::Opaque);
    }

    /// A pipe: the end to read and the end to write.
    pub(crate) fn open_pipe(&mut self, script: [i64; 2], live: [i32; 2]) {
        for (script, live) in script.into_iter().zip(live) {
            self.open(script, live);
            self.others.insert(live, Other::Pipe(self.pipes.len()));
        }
        self.pipes.push(VecDeque::new());
    }

    /// Whether the descriptor is no socket.
    pub(crate) fn is_other(&self, live: i32) -> bool {
        self.others.contains_key(&live)
    }

    fn pipe(&mut self, live: i32) -> Option<&mut VecDeque<u8>> {
        match self.others.get(&live)? {
            Other::Pipe(index) => self.pipes.get_mut(*index),
            Other::Opaque => None,
        }
    }

    /// Octets were read from what is no socket: place, wanted and got of the first that is not what a pipe held.
    pub(crate) fn read_other(&mut self, live: i32, data: &[u8]) -> Option<(usize, Option<u8>, Option<u8>)> {
        let pipe = self.pipe(live)?;
        let held: Vec<u8> = pipe.drain(..data.len().min(pipe.len())).collect();
        let index = (0..data.len()).find(|index| held.get(*index) != data.get(*index))?;
        Some((index, held.get(index).copied(), data.get(index).copied()))
    }

    /// Octets went from one descriptor to another without passing through the script: those of a socket are its stream's, those
    /// of a pipe what went into it, those of a file the SUT has to tell (`told`).
    pub(crate) fn moved(&mut self, from: i32, to: i32, octets: u64, told: &[u8]) {
        let len = octets as usize;
        let data = if let Some(pipe) = self.pipe(from) {
            pipe.drain(..len.min(pipe.len())).collect()
        } else if self.is_other(from) {
            told.to_vec()
        } else {
            let position = self.positions.entry(from).or_default();
            let at = position.read;
            position.read += octets;
            pattern::fill(Stream::ToStack, at, len)
        };
        self.wrote(to, &data, len);
    }

    pub(crate) fn close(&mut self, script: i64) {
        if let Some(live) = self.live.remove(&script) {
            self.positions.remove(&live);
            self.others.remove(&live);
            self.under_test = self.under_test.filter(|fd| *fd != live);
            self.newest = self.newest.filter(|fd| *fd != live);
        }
    }

    /// Stream offset of the next octet that a write on this descriptor sends.
    pub(crate) fn write_offset(&self, live: i32) -> u64 {
        self.positions.get(&live).map_or(0, |position| position.written)
    }

    /// A write took this many octets of `data`; texts that are not the pattern are remembered.
    pub(crate) fn wrote(&mut self, live: i32, data: &[u8], taken: usize) {
        let offset = self.write_offset(live);
        let taken = &data[..taken.min(data.len())];
        if let Some(pipe) = self.pipe(live) {
            pipe.extend(taken);
            self.positions.entry(live).or_default().written += taken.len() as u64;
            return;
        }
        if self.is_other(live) {
            return;
        }
        if pattern::difference(Stream::FromStack, offset, taken).is_some() {
            self.written.push((offset, taken.to_vec()));
        }
        self.positions.entry(live).or_default().written += taken.len() as u64;
    }

    /// Octets delivered by a read: the index of the first that is not the stream's. `peek` leaves them in the stream.
    pub(crate) fn read(&mut self, live: i32, data: &[u8], peek: bool) -> Option<(usize, u64)> {
        let position = self.positions.entry(live).or_default();
        let mut at = position.read;
        for (index, got) in data.iter().enumerate() {
            // An urgent octet is delivered out of band, unless the application asked for it in line.
            let right = |at| pattern::octet(Stream::ToStack, at) == *got;
            if !right(at) && self.urgent.contains(&at) && right(at + 1) {
                at += 1;
            }
            if !right(at) {
                return Some((index, at));
            }
            at += 1;
        }
        if !peek {
            position.read = at;
        }
        None
    }

    /// A read delivered this many octets and did not show them (MSG_TRUNC).
    pub(crate) fn skip(&mut self, live: i32, octets: u64) {
        self.positions.entry(live).or_default().read += octets;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(from: u64, len: usize) -> Vec<u8> {
        pattern::fill(Stream::ToStack, from, len)
    }

    #[test]
    fn reads_must_be_the_stream_in_order() {
        let mut fds = Descriptors::default();
        fds.open(4, 9);
        assert_eq!(fds.read(9, &stream(0, 10), true), None);
        assert_eq!(fds.read(9, &stream(0, 10), false), None);
        assert_eq!(fds.read(9, &stream(0, 3), false), Some((0, 10)));
        assert_eq!(fds.read(9, &stream(10, 3), false), None);
        fds.skip(9, 7);
        let mut spoilt = stream(20, 5);
        spoilt[4] ^= 1;
        assert_eq!(fds.read(9, &spoilt, false), Some((4, 24)));
    }

    #[test]
    fn an_urgent_octet_may_be_in_line_or_not() {
        for in_line in [false, true] {
            let mut fds = Descriptors::default();
            fds.open(4, 9);
            fds.urgent = vec![3, 4];
            let mut data = stream(0, 8);
            if !in_line {
                data.remove(3);
            }
            assert_eq!(fds.read(9, &data, false), None, "{in_line}");
            assert_eq!(fds.read(9, &stream(8, 2), false), None, "{in_line}");
        }
    }

    #[test]
    fn a_pipe_holds_what_went_into_it() {
        let mut fds = Descriptors::default();
        fds.open(4, 9);
        fds.open_pipe([5, 6], [10, 11]);
        fds.moved(9, 11, 5, &[]);
        fds.wrote(11, b"xy", 2);
        let mut held = stream(0, 5);
        held.extend(b"xy");
        assert_eq!(fds.read_other(10, &held[..4]), None);
        assert_eq!(fds.read(9, &stream(5, 3), false), None, "the stream goes on behind what was moved");
        // The fifth octet of the stream is the first of what the other connection is sent.
        fds.open(7, 12);
        fds.moved(10, 12, 2, &[]);
        assert_eq!(fds.written, [(0, vec![held[4], b'x'])]);
        assert_eq!(fds.write_offset(12), 2);
        assert_eq!(fds.read_other(10, b"zz"), Some((0, Some(b'y'), Some(b'z'))));
        assert_eq!(fds.read_other(10, b"z"), Some((0, None, Some(b'z'))));
    }

    #[test]
    fn what_a_file_sends_is_what_the_sut_says_of_it() {
        let mut fds = Descriptors::default();
        fds.open(4, 9);
        fds.open_other(5, 10);
        fds.moved(10, 9, 3, &[0, 0, 0]);
        assert_eq!(fds.written, [(0, vec![0, 0, 0])]);
        assert_eq!(fds.read_other(10, b"whatever"), None);
    }

    #[test]
    fn descriptors_are_known_until_closed() {
        let mut fds = Descriptors::default();
        fds.open(3, 12);
        assert_eq!(fds.live(3, None), Ok(12));
        fds.close(3);
        assert!(matches!(fds.live(3, None), Err(Stop::Error(why)) if why.contains("descriptor 3")));
        assert_eq!((fds.live(3, Some("EBADF")), fds.live(-1, None)), (Ok(-1), Ok(-1)));
    }
}
