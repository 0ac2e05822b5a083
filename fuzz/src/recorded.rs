//! An exchange that was recorded, as a program: what a conformance script made of the peer and of the application becomes events.
//!
//! Numbers become relative to what the peer of a program knows; the first SYN of the peer says which options the program has; time that
//! passed between two steps becomes a wait. What the event language cannot say is left out and counted, or makes the whole of it
//! unfit ([`Unfit`]).

use crate::datagram;
use crate::program::{
    At, Damage, Event, Half, Icmp, MOST_EVENTS, Name, Odd, Program, Ref, Sack, Segment, Setup, Stamps,
};
use halfopen_engine::packet::options::{self, RawOption, kind};
use halfopen_engine::packet::tcp::flag;
use halfopen_engine::packet::{Body, Datagram, Ip, Tcp};
use std::fmt;

/// A step of a recorded exchange.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    /// A datagram of the peer.
    In(&'a [u8]),
    /// A datagram of the host.
    Out(&'a [u8]),
    /// A call as scripts have it, `write(4, ..., 1000) = 1000`.
    Call(&'a str),
}

/// Why an exchange is no program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unfit {
    /// Nothing that a program could say happens.
    Empty,
    /// More than two connections from either side.
    Connections,
    /// More events than a program has.
    Events,
    /// A datagram that no event sends: a fragment, another protocol.
    Datagram,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "nothing happens that an event could say",
            Self::Connections => "more than two connections from either side",
            Self::Events => "more events than a program has",
            Self::Datagram => "a datagram that no event sends",
        })
    }
}

/// A program, and how much of the exchange it leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The program.
    pub program: Program,
    /// Calls and commands that no event says.
    pub left_out: u32,
}

/// Shorter times are those that a program gives each event anyway.
const LEAST_WAIT: i64 = 1000;

/// Turns an exchange into a program. Times are microseconds.
///
/// # Errors
/// [`Unfit`]
pub fn program(steps: &[(i64, Step<'_>)]) -> Result<Recorded, Unfit> {
    let mut recorder = Recorder::default();
    recorder.program.setup = setup(steps);
    for (at, step) in steps {
        if matches!(step, Step::In(_) | Step::Call(_)) {
            recorder.wait(*at);
        }
        match step {
            Step::In(octets) => recorder.arrives(octets)?,
            Step::Out(octets) => recorder.leaves(octets),
            Step::Call(text) => recorder.call(text)?,
        }
        if recorder.program.events.len() > MOST_EVENTS {
            return Err(Unfit::Events);
        }
    }
    let Recorder { program, left_out, .. } = recorder;
    if program.events.is_empty() { Err(Unfit::Empty) } else { Ok(Recorded { program, left_out }) }
}

/// What the peer's first SYN offers.
fn setup(steps: &[(i64, Step<'_>)]) -> Setup {
    let mut setup = Setup { timestamps: false, sack: false, shift: 16, mss: None, ..Setup::default() };
    let first = steps.iter().find_map(|(_, step)| match step {
        Step::In(octets) => segment(octets).filter(|(_, tcp)| tcp.has(flag::SYN)),
        Step::Out(_) | Step::Call(_) => None,
    });
    setup.v6 =
        steps.iter().any(|(_, step)| matches!(step, Step::In(octets) if octets.first().is_some_and(|o| o >> 4 == 6)));
    for option in first.iter().flat_map(|(_, tcp)| options::iter(&tcp.options)) {
        match option {
            RawOption::Known { kind: kind::MSS, data: [a, b] } => setup.mss = Some(u16::from_be_bytes([*a, *b])),
            RawOption::Known { kind: kind::WINDOW_SCALE, data: [shift] } => setup.shift = (*shift).min(15),
            RawOption::Known { kind: kind::SACK_PERMITTED, .. } => setup.sack = true,
            RawOption::Known { kind: kind::TIMESTAMPS, .. } => setup.timestamps = true,
            RawOption::Eol | RawOption::Nop | RawOption::Known { .. } | RawOption::Malformed(_) => {}
        }
    }
    setup
}

/// A datagram that holds a segment.
fn segment(octets: &[u8]) -> Option<(Ip, Tcp)> {
    match Datagram::decode(octets) {
        Ok(Datagram { ip, body: Body::Tcp(tcp), .. }) => Some((ip, tcp)),
        Ok(_) | Err(_) => None,
    }
}

/// One connection as both ends have used it.
#[derive(Debug, Clone, Copy, Default)]
struct Line {
    /// The peer's port.
    port: u16,
    index: u8,
    /// Its first number, the next one, and those of the host.
    peer: Option<(u32, u32)>,
    host: Option<(u32, u32)>,
}

#[derive(Debug, Default)]
struct Recorder {
    program: Program,
    lines: Vec<Line>,
    /// Descriptors of connections, and of the listener.
    files: Vec<(i32, u8)>,
    listener: Option<i32>,
    accepted: u8,
    connected: u8,
    now: i64,
    left_out: u32,
}

impl Recorder {
    fn push(&mut self, event: Event) {
        self.program.events.push(event);
    }

    fn wait(&mut self, at: i64) {
        let passed = at - self.now;
        if passed < LEAST_WAIT {
            return;
        }
        self.now = at;
        match u32::try_from(passed) {
            Ok(micros) => self.push(Event::Wait { micros }),
            Err(_) => self.push(Event::WaitLong { seconds: u16::try_from(passed / 1_000_000).unwrap_or(u16::MAX) }),
        }
    }

    /// The connection of the peer's port; `active`: the host has opened it.
    fn line(&mut self, port: u16, active: bool) -> Result<usize, Unfit> {
        if let Some(known) = self.lines.iter().position(|line| line.port == port) {
            return Ok(known);
        }
        let of_its_kind = self.lines.iter().filter(|line| (line.index >= 2) == active).count() as u8;
        if of_its_kind >= 2 {
            return Err(Unfit::Connections);
        }
        let index = of_its_kind + if active { 2 } else { 0 };
        self.lines.push(Line { port, index, ..Line::default() });
        Ok(self.lines.len() - 1)
    }

    fn arrives(&mut self, octets: &[u8]) -> Result<(), Unfit> {
        let Some((_, tcp)) = segment(octets) else { return self.icmp(octets) };
        let which = self.line(tcp.src_port, false)?;
        let line = self.lines[which];
        let len = tcp.payload.len() as u32;
        let (syn, fin) = (u32::from(tcp.has(flag::SYN)), u32::from(tcp.has(flag::FIN)));
        let first = tcp.seq.wrapping_add(syn);
        let (_, next) = line.peer.unwrap_or((tcp.seq, tcp.seq.wrapping_add(syn)));
        let (_, heard) = line.host.unwrap_or_default();
        let ack = if tcp.has(flag::ACK) { near(tcp.ack, heard, line.host.map(|host| host.0)) } else { Ref::Next(0) };
        // What an event sends with SYN it numbers by the octet behind it.
        let seq =
            if line.peer.is_none() { Ref::First(syn as i16) } else { near(first, next, line.peer.map(|peer| peer.0)) };
        let segment = Segment {
            flags: tcp.flags as u8,
            seq,
            ack,
            window: tcp.window,
            length: tcp.payload.len().min(usize::from(u16::MAX)) as u16,
            urgent: tcp.urgent,
            damage: if matches!(datagram::read_as(octets, false), datagram::Content::Fault(_)) {
                Damage::Checksum
            } else {
                Damage::None
            },
            ..self.with_options(&tcp)
        };
        let end = first.wrapping_add(len + fin);
        let line = &mut self.lines[which];
        let (iss, next) = line.peer.unwrap_or((tcp.seq, end));
        line.peer = Some((iss, if datagram::before(next, end) { end } else { next }));
        let at = At::new(line.index);
        self.push(Event::Segment { at, segment });
        Ok(())
    }

    fn with_options(&self, tcp: &Tcp) -> Segment {
        let mut segment = Segment::default();
        let (mut stamps, mut blocks) = (false, 0);
        for option in options::iter(&tcp.options) {
            match option {
                RawOption::Known { kind: kind::TIMESTAMPS, .. } => stamps = true,
                RawOption::Known { kind: kind::SACK, data } => {
                    for block in data.chunks_exact(8).take(segment.sacks.len()) {
                        let edge =
                            |at: usize| u32::from_be_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
                        let from = edge(0).wrapping_sub(tcp.ack) as i32;
                        let octets = edge(4).wrapping_sub(edge(0));
                        if let (Ok(from), Ok(octets)) = (i16::try_from(from), u16::try_from(octets)) {
                            segment.sacks[blocks] = Sack { from, octets };
                            blocks += 1;
                        }
                    }
                }
                RawOption::Known { kind: 253.., data } => segment.odd = Odd::Unknown(data.len().min(8) as u8),
                RawOption::Malformed(_) => segment.odd = Odd::ZeroLength,
                RawOption::Eol | RawOption::Nop | RawOption::Known { .. } => {}
            }
        }
        if stamps != self.program.setup.timestamps {
            segment.stamps = Stamps::Opposite;
        }
        segment
    }

    fn icmp(&mut self, octets: &[u8]) -> Result<(), Unfit> {
        let Ok(Datagram { ip, body: Body::Icmp(icmp), .. }) = Datagram::decode(octets) else {
            return Err(Unfit::Datagram);
        };
        let v6 = matches!(ip, Ip::V6(_));
        let error = match (icmp.kind, icmp.code, v6) {
            (3, 0, false) | (1, 0, true) => Icmp::Network,
            (3, 1, false) | (1, 3, true) => Icmp::Host,
            (3, 2, false) | (4, 1, true) => Icmp::Protocol,
            (3, 3, false) | (1, 4, true) => Icmp::Port,
            (3, 4, false) | (2, 0, true) => Icmp::TooBig(1280),
            (11, _, false) | (3, _, true) => Icmp::Time,
            (12, _, false) | (4, _, true) => Icmp::Parameter,
            _ => Icmp::Quench,
        };
        let Some(line) = self.lines.last() else { return Err(Unfit::Datagram) };
        let at = At::new(line.index);
        self.push(Event::Icmp { at, error, quoted: 0, forged: false });
        Ok(())
    }

    fn leaves(&mut self, octets: &[u8]) {
        let Some((_, tcp)) = segment(octets) else { return };
        let active = tcp.has(flag::SYN) && !tcp.has(flag::ACK);
        let Ok(which) = self.line(tcp.dst_port, active) else { return };
        let line = &mut self.lines[which];
        let controls = u32::from(tcp.has(flag::SYN)) + u32::from(tcp.has(flag::FIN));
        let end = tcp.seq.wrapping_add(tcp.payload.len() as u32 + controls);
        let (iss, next) = line.host.unwrap_or((tcp.seq, end));
        line.host = Some((iss, if datagram::before(next, end) { end } else { next }));
    }

    fn call(&mut self, text: &str) -> Result<(), Unfit> {
        let Some((name, rest)) = text.split_once('(') else {
            self.left_out += 1;
            return Ok(());
        };
        let words: Vec<&str> = rest.split([',', ')', '=']).map(str::trim).collect();
        let number = |at: usize| words.get(at).and_then(|word| word.trim_matches(['[', ']']).parse::<i64>().ok());
        let file = number(0).unwrap_or(-1) as i32;
        let result =
            text.rsplit_once('=').and_then(|(_, result)| result.split_whitespace().next()?.parse::<i64>().ok());
        let at = self.files.iter().rev().find(|(known, _)| *known == file).map(|(_, index)| At::new(*index));
        let length = number(2).or(result).unwrap_or(0).clamp(0, u16::MAX.into()) as u16;
        let event = match (name.trim(), at) {
            ("listen", _) => {
                let backlog = number(1).unwrap_or(1).clamp(0, 8) as u8;
                if self.listener.replace(file).is_none() && self.program.events.is_empty() {
                    self.program.setup.backlog = backlog;
                    return Ok(());
                }
                Event::Listen { backlog }
            }
            ("accept" | "accept4", _) => {
                if let Some(new) = result.filter(|new| *new >= 0) {
                    self.files.push((new as i32, self.accepted.min(1)));
                    self.accepted += 1;
                }
                Event::Accept {}
            }
            ("connect", Some(at)) => Event::Connect { at },
            ("connect", None) => {
                if self.connected >= 2 {
                    return Err(Unfit::Connections);
                }
                let index = 2 + self.connected;
                self.connected += 1;
                self.files.push((file, index));
                Event::Connect { at: At::new(index) }
            }
            ("write" | "send" | "sendto" | "sendmsg" | "writev", Some(at)) => {
                Event::Send { at, length, more: text.contains("MSG_MORE"), urgent: text.contains("MSG_OOB") }
            }
            ("read" | "recv" | "recvfrom" | "recvmsg" | "readv", Some(at)) => {
                Event::Receive { at, length, peek: text.contains("MSG_PEEK") }
            }
            ("shutdown", Some(at)) => {
                let half = match words.get(1) {
                    Some(&"SHUT_RD") => Half::Read,
                    Some(&"SHUT_RDWR") => Half::Both,
                    Some(_) | None => Half::Write,
                };
                Event::Shutdown { at, half }
            }
            ("close", Some(at)) => Event::Close { at },
            ("close", None) if self.listener == Some(file) => {
                self.listener = None;
                Event::CloseListener {}
            }
            // Every program's listener has it.
            ("setsockopt", _) if text.contains("SO_REUSEADDR") => return Ok(()),
            ("setsockopt", Some(at)) => match words.get(2).and_then(|word| option(word)) {
                Some(name) => {
                    Event::Option { at, name, value: number(3).unwrap_or(1).clamp(0, u16::MAX.into()) as u16 }
                }
                None => return self.leave_out(),
            },
            // What asks only, and what a program has done before its first event.
            ("socket" | "bind" | "getsockopt" | "getsockname" | "getpeername" | "poll" | "fcntl" | "ioctl", _) => {
                return Ok(());
            }
            _ => return self.leave_out(),
        };
        self.push(event);
        Ok(())
    }

    fn leave_out(&mut self) -> Result<(), Unfit> {
        self.left_out += 1;
        Ok(())
    }
}

/// A number by the nearest that both sides know.
fn near(number: u32, next: u32, first: Option<u32>) -> Ref {
    let from = |base: u32| i16::try_from(number.wrapping_sub(base) as i32).ok();
    match (from(next), first.and_then(from)) {
        (Some(offset), _) => Ref::Next(offset),
        (None, Some(offset)) => Ref::First(offset),
        (None, None) => far(number.wrapping_sub(next)),
    }
}

/// The power of two that is nearest.
fn far(ahead: u32) -> Ref {
    let (distance, behind) = if ahead < 1 << 31 { (ahead, 0) } else { (ahead.wrapping_neg(), 32) };
    Ref::Far(behind + distance.checked_ilog2().unwrap_or(0) as u8)
}

fn option(name: &str) -> Option<Name> {
    Some(match name {
        "TCP_NODELAY" => Name::NoDelay,
        "TCP_CORK" => Name::Cork,
        "SO_KEEPALIVE" => Name::KeepAlive,
        "TCP_KEEPIDLE" => Name::KeepIdle,
        "TCP_KEEPINTVL" => Name::KeepIntvl,
        "TCP_KEEPCNT" => Name::KeepCnt,
        "TCP_USER_TIMEOUT" => Name::UserTimeout,
        "SO_SNDBUF" => Name::SndBuf,
        "SO_RCVBUF" => Name::RcvBuf,
        "TCP_MAXSEG" => Name::MaxSeg,
        "TCP_LINGER2" => Name::Linger2,
        "TCP_QUICKACK" => Name::QuickAck,
        "TCP_WINDOW_CLAMP" => Name::WindowClamp,
        "IP_TTL" => Name::Ttl,
        "IP_RECVERR" => Name::RecvErr,
        "TCP_SYNCNT" => Name::SynCnt,
        "SO_RCVLOWAT" => Name::RcvLowat,
        "SO_OOBINLINE" => Name::OobInline,
        "TCP_DEFER_ACCEPT" => Name::DeferAccept,
        "TCP_NOTSENT_LOWAT" => Name::NotSentLowAt,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::random::{Random, program as drawn};
    use crate::script::{self, Entry};

    /// What a program does, recorded, is a program that does the same to the same connection, up to what is left out.
    #[test]
    fn what_a_program_does_can_be_recorded() {
        let mut fit = 0;
        for seed in 0..200 {
            let (_, entries, _) = script::script(&drawn(&mut Random::new(seed)));
            let steps: Vec<(i64, Step<'_>)> = entries
                .iter()
                .filter_map(|entry| match entry {
                    Entry::In(at, octets, _) | Entry::Icmp(at, octets, _) => Some((*at as i64, Step::In(octets))),
                    Entry::Out(at, octets) => Some((*at as i64, Step::Out(octets))),
                    Entry::Call(..) | Entry::Lost(..) => None,
                })
                .collect();
            if let Ok(recorded) = program(&steps) {
                assert_eq!(Program::decode(&recorded.program.encode()), Ok(recorded.program), "seed {seed}");
                fit += 1;
            }
        }
        assert!(fit > 20, "{fit} of 200 fit");
    }

    #[test]
    fn numbers_are_relative_and_calls_are_events() {
        let syn = [
            0x45, 0, 0, 44, 0, 1, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0x13, 0x88, 0, 80, 0, 0, 0, 9, 0,
            0, 0, 0, 0x60, 2, 0xff, 0xff, 0, 0, 0, 0, 2, 4, 5, 0xb4,
        ];
        let steps = [
            (0, Step::Call("socket(..., SOCK_STREAM, IPPROTO_TCP) = 3")),
            (0, Step::Call("listen(3, 5) = 0")),
            (0, Step::In(&syn)),
            (2_000_000, Step::Call("accept(3, ..., ...) = 4")),
            (2_000_000, Step::Call("write(4, ..., 1000) = 1000")),
            (2_000_000, Step::Call("shutdown(4, SHUT_RD) = 0")),
            (2_000_000, Step::Call("splice(4) = 0")),
        ];
        let Recorded { program, left_out } = program(&steps).expect("a program");
        let at = At::new(0);
        let events = [
            Event::Wait { micros: 2_000_000 },
            Event::Accept {},
            Event::Send { at, length: 1000, more: false, urgent: false },
            Event::Shutdown { at, half: Half::Read },
        ];
        assert_eq!((program.setup.backlog, program.setup.mss, left_out), (5, Some(1460), 1));
        assert!(matches!(
            program.events[0],
            Event::Segment { segment: Segment { flags: 2, seq: Ref::First(1), .. }, .. }
        ));
        assert_eq!(program.events[1..], events);
    }
}
