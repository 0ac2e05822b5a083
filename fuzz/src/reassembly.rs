//! The receive queue of the stack against a naive model of it (`model`).
//!
//! Segments whose octets differ wherever they overlap, placed at RCV.NXT, at the window's edge, at the borders of what is held and
//! around the wrap of sequence numbers, some with FIN; the application reads now and then, so that the window closes and
//! opens. After every event: RCV.NXT and what is held are the model's (O4, O5, O92); what is read is octet for octet (O39, O44);
//! the end comes where the FIN was (O41, O43); the right edge never moves to the left (O22); what is out of order or
//! unacceptable is answered at once (O19, O37); SACK blocks are what is held, the latest first (O92).
//!
//! Assumes: the peer does not contradict itself about where its text ends; no urgent data, no timestamps.

mod model;

use crate::dice::Dice;
use crate::finding::Finding;
use crate::program::Profile;
use crate::script::Owed;
use crate::told::{Host, Keeping};
use crate::wire;
use halfopen_engine::packet::Tcp;
use halfopen_engine::packet::options::{self, RawOption, kind};
use halfopen_engine::packet::tcp::flag;
use halfopen_stack::{Domain, Errno, Instant, RecvFlags, SocketOption};
use model::{Came, Model};
use std::net::SocketAddr;

/// Events of one input.
const MOST_EVENTS: usize = 64;
const LONGEST_WAIT: u32 = 1_000_000;

/// Plays an input.
///
/// # Panics
/// When stack and model differ.
pub fn run(octets: &[u8]) {
    let finding = kept(Dice::of_octets(octets), octets.len(), &Default::default());
    assert_eq!(finding, Ok(()));
}

/// Plays choices and keeps what happens to the stack.
///
/// # Panics
/// When stack and model differ.
pub fn kept(mut dice: Dice<'_>, events: usize, keeping: &[Keeping<'_>; 2]) -> Result<(), Finding> {
    let mut play = Play::established(&mut dice, &keeping[0]);
    dice.each_event(events.min(MOST_EVENTS), |dice| play.event(dice));
    play.read(usize::MAX >> 40);
    Ok(())
}

/// One connection, its peer and the model.
struct Play {
    stack: Host,
    fd: i32,
    now: Instant,
    model: Model,
    /// Sequence number of the first octet of text.
    first: u32,
    iss: u32,
    shift: u8,
    sack: bool,
    dsack: bool,
    /// Where the peer's text ends, once it has said so; how far it has sent.
    end: Option<u64>,
    sent: u64,
    /// Distinguishes the octets of one segment from those of the others.
    version: u8,
    addresses: [SocketAddr; 2],
}

impl Play {
    /// Passive open up to ESTABLISHED.
    fn established(dice: &mut Dice<'_>, keeping: &Keeping<'_>) -> Self {
        let profile = if dice.below(2) == 0 { Profile::Rfc9293 } else { Profile::Linux };
        let mut config = profile.beginning();
        config.tcp_invalid_ratelimit = 0;
        let (sack, scale) = (dice.below(2) == 0, dice.below(2) == 1);
        let irs: u32 = dice.one(&[0xffff_ff00, 0xffff_f000, 0x7fff_ff00, 0, 1000, 0xffff_ffff]);
        let addresses: [SocketAddr; 2] = [([192, 0, 2, 1], 80).into(), ([198, 51, 100, 2], 5000).into()];
        let mut stack = Host::new(profile, config, u64::from(dice.below(256)), keeping);
        stack.add_address(addresses[0]);
        let now = Instant(1_000_000);
        let listener = stack.socket(now, Domain::Inet).expect("a socket");
        let buffer = dice.one(&[0, 1152, 2000, 4096, 30_000, 100_000]);
        if buffer > 0 {
            stack.set_option(now, listener, SocketOption::RcvBuf(buffer)).expect("an option");
        }
        stack.bind(listener, addresses[0]).expect("a free port");
        stack.listen(now, listener, 1).expect("a free port");
        let mut options = vec![2, 4, 5, 0xb4];
        if sack {
            options.extend([4, 2, 1, 1]);
        }
        if scale {
            options.extend([1, 3, 3, 0]);
        }
        let dsack = stack.config().tcp_dsack;
        let mut play = Self {
            stack,
            fd: listener,
            now,
            model: Model::default(),
            first: irs.wrapping_add(1),
            iss: 0,
            shift: 0,
            sack,
            dsack,
            end: None,
            sent: 0,
            version: 0,
            addresses,
        };
        play.give(Tcp { seq: irs, flags: flag::SYN, window: 65_535, options, ..Tcp::default() });
        let syn_ack = play.sent().pop().expect("a SYN,ACK");
        play.iss = syn_ack.seq.wrapping_add(1);
        for option in options::iter(&syn_ack.options) {
            if let RawOption::Known { kind: kind::WINDOW_SCALE, data: [shift] } = option {
                play.shift = *shift;
            }
        }
        play.model.edge = u64::from(syn_ack.window);
        play.give(Tcp { flags: flag::ACK, seq: play.first, ack: play.iss, window: 65_535, ..Tcp::default() });
        (play.fd, _) = play.stack.accept(now, listener).expect("an established connection");
        play.judge(None);
        play
    }

    fn give(&mut self, tcp: Tcp) {
        let datagram = wire::datagram(self.addresses[1], self.addresses[0], tcp);
        self.stack.receive(self.now, &datagram, self.addresses[1]);
    }

    /// What the stack sends.
    fn sent(&mut self) -> Vec<Tcp> {
        std::iter::from_fn(|| self.stack.transmit(self.now)).map(|octets| wire::segment(&octets)).collect()
    }

    fn event(&mut self, dice: &mut Dice<'_>) {
        match dice.below(8) {
            0..=5 => self.segment(dice),
            6 => self.read(dice.one(&[1, 100, 1000, 10_000, 200_000])),
            _ => {
                self.now.0 += u64::from(dice.below(LONGEST_WAIT));
                self.stack.advance(self.now);
                self.judge(None);
            }
        }
    }

    /// A place to put a segment: where something begins or ends, and a little off.
    fn place(&self, dice: &mut Dice<'_>) -> i64 {
        let (next, edge) = (self.model.next as i64, self.model.edge as i64);
        let off = i64::from(dice.below(17)) - 8;
        match dice.below(8) {
            0..=1 => next,
            2 => next + off,
            3 => edge + off,
            4..=5 => {
                let borders: Vec<i64> = self.model.held().flat_map(|(start, end)| [start as i64, end as i64]).collect();
                if borders.is_empty() { next + 10 + off } else { dice.one(&borders) + off }
            }
            6 => next + i64::from(dice.below(3000)),
            // Around half the circle, where before and after change places.
            _ => next + dice.one(&[-1000, 70_000, (1 << 31) - 1000, 1 << 20, -(1 << 20)]) + off,
        }
    }

    fn segment(&mut self, dice: &mut Dice<'_>) {
        let mut start = self.place(dice);
        let mut length = dice.one(&[1, 10, 0, 100, 536, 1460, 3]) as i64;
        let mut fin = dice.below(12) == 11;
        if let Some(end) = self.end {
            // What it said about its end stands.
            start = start.min(end as i64);
            length = length.min(end as i64 - start);
            fin &= start + length == end as i64;
        } else if fin && start + length < self.sent as i64 {
            length = self.sent as i64 - start;
            fin = length <= 1460;
            length = length.min(1460);
        }
        if (start + length) - (self.model.next as i64) < 1 << 30 {
            self.sent = self.sent.max((start + length).max(0) as u64);
        } else {
            // Too far ahead to mean anything: a FIN there would end nothing.
            fin = false;
        }
        if fin {
            self.end = Some((start + length) as u64);
        }
        self.version = self.version.wrapping_add(1);
        let octet = |at: i64| (at as u8).wrapping_mul(7) ^ self.version.wrapping_mul(31);
        let text: Vec<u8> = (start..start + length).map(octet).collect();
        let came = self.model.arrives(start, &text, fin);
        let flags = flag::ACK | if fin { flag::FIN } else { 0 };
        let seq = self.first.wrapping_add(start as u32);
        self.give(Tcp { seq, ack: self.iss, flags, window: 65_535, payload: text, ..Tcp::default() });
        self.judge(Some((came, start, length)));
    }

    fn read(&mut self, most: usize) {
        let mut buffer = vec![0; most.min(1 << 20)];
        let readable = self.model.readable();
        assert_eq!(self.stack.inq(self.fd), Ok(readable as usize), "O49");
        let got = self.stack.recv(self.now, self.fd, &mut buffer, RecvFlags::default());
        let expected = self.model.take(buffer.len());
        let (fd, most, octets) = (self.fd, buffer.len(), expected.len());
        if octets > 0 || self.model.ended {
            self.stack.owes_call(|| format!("recv({fd}, ..., {most}, 0) = {octets}"));
        }
        match got {
            Ok(0) => assert!(self.model.ended && readable == 0, "O43: the end of a text that has not ended"),
            Ok(octets) => {
                assert!(buffer[..octets] == expected, "O39: {octets} octets read, others or as many as expected")
            }
            Err(error) => {
                assert_eq!(error, Errno::EAGAIN, "O43");
                assert!(readable == 0 && !self.model.ended, "O43: EAGAIN, {readable} octets are there");
            }
        }
        self.judge(None);
    }

    /// The stack's variables and segments against the model's, after an event. `came`: of a segment from here on, so long.
    fn judge(&mut self, came: Option<(Came, i64, i64)>) {
        let snapshot = self.stack.snapshot(self.fd).expect("a descriptor").expect("a connection");
        let (first, at, seq) = (self.first, self.now.0, self.iss);
        if let Some((Came::Unacceptable | Came::OutOfOrder, ..)) = came {
            let ack = first.wrapping_add(self.model.next as u32);
            let held: Vec<(u64, u64)> = self.model.held().collect();
            let number = |place: u64| first.wrapping_add(place as u32);
            // In which order several runs are reported, and which of them were there before, the model does not know.
            let plain = !self.sack || !self.dsack && held.len() < 2;
            let told = if self.sack { &held[..] } else { &[] };
            let sacks = plain.then(|| told.iter().map(|(start, end)| (number(*start), number(*end))).collect());
            self.stack.owes(self.addresses[1], || vec![Owed { at, flags: flag::ACK as u8, seq, ack, text: 0, sacks }]);
        }
        let place = |seq: u32| i64::from(seq.wrapping_sub(first).cast_signed());
        assert_eq!(place(snapshot.rcv.nxt.0), self.model.next as i64, "O5: RCV.NXT, after {came:?}");
        let held: Vec<(i64, i64)> =
            snapshot.rcv.reassembly.iter().map(|(start, end)| (place(start.0), place(end.0))).collect();
        let model: Vec<(i64, i64)> = self.model.held().map(|(start, end)| (start as i64, end as i64)).collect();
        assert_eq!(held, model, "O92: what is held, after {came:?}");
        let edge = place(snapshot.rcv.nxt.0.wrapping_add(snapshot.rcv.wnd));
        assert!(edge >= self.model.edge as i64, "O22: the edge moves from {} to {edge}", self.model.edge);
        let sent = self.sent();
        if let Some((Came::Unacceptable | Came::OutOfOrder, ..)) = came {
            assert!(!sent.is_empty(), "O37: no answer to {came:?}");
        }
        for tcp in &sent {
            assert_eq!(place(tcp.ack), self.model.next as i64, "O5: the acknowledgment number");
            let told = place(tcp.ack.wrapping_add(u32::from(tcp.window) << self.shift));
            assert!(told <= edge, "O23: the edge told is {told}, the one kept {edge}");
            assert!(
                told >= self.model.edge as i64 - i64::from(self.model.ended),
                "O22: the edge told goes back to {told}"
            );
            self.blocks(tcp, &model, came);
        }
        self.model.edge = edge as u64;
    }

    /// RFC 2018 4: blocks are what is held, the one with the segment that just came first.
    fn blocks(&self, tcp: &Tcp, held: &[(i64, i64)], came: Option<(Came, i64, i64)>) {
        let blocks: Vec<(i64, i64)> = options::iter(&tcp.options)
            .filter_map(|option| match option {
                RawOption::Known { kind: kind::SACK, data } => Some(data),
                RawOption::Known { .. } | RawOption::Eol | RawOption::Nop | RawOption::Malformed(_) => None,
            })
            .flat_map(|data| data.chunks_exact(4))
            .map(|word| {
                let seq = u32::from_be_bytes(word.try_into().expect("four octets"));
                i64::from(seq.wrapping_sub(self.first).cast_signed())
            })
            .collect::<Vec<i64>>()
            .chunks_exact(2)
            .map(|edges| (edges[0], edges[1]))
            .collect();
        assert!(self.sack || blocks.is_empty(), "O86: SACK blocks although they are not permitted");
        // The first one may tell of a duplicate (RFC 2883).
        let duplicate = usize::from(self.dsack && blocks.first().is_some_and(|first| !held.contains(first)));
        for block in &blocks[duplicate..] {
            assert!(held.contains(block), "O92: {block:?} is not one of {held:?}");
        }
        let Some((Came::OutOfOrder, start, length)) = came else { return };
        let around = held.iter().find(|(left, right)| *left <= start && start + length <= *right && length > 0);
        if let (Some(around), true) = (around, self.sack) {
            assert_eq!(blocks.get(duplicate), Some(around), "O92: the latest block first, of {blocks:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As an engine would, without guidance: enough to reach each kind of place.
    #[test]
    fn drawn_inputs_agree_with_the_model() {
        for seed in 0..400 {
            let mut dice = Dice::of_seed(seed);
            let octets: Vec<u8> = (0..300).map(|_| dice.below(256) as u8).collect();
            println!("seed {seed}");
            run(&octets);
        }
    }
}
