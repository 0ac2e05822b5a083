//! What happens in a run, for people.

use super::program::Event;
use halfopen_engine::packet::options::{self, RawOption};
use halfopen_engine::packet::tcp::flag;
use halfopen_engine::packet::{Body, Datagram, Tcp};
use std::fmt;

/// One line of a run.
#[derive(Debug)]
pub(super) enum Line<'a> {
    Event(&'a Event),
    In(u64, &'a [u8]),
    Out(u64, &'a [u8]),
    Call(String),
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(event) => write!(f, "{event:?}"),
            Self::In(at, octets) => datagram(f, *at, '<', octets),
            Self::Out(at, octets) => datagram(f, *at, '>', octets),
            Self::Call(text) => write!(f, "    {text}"),
        }
    }
}

fn datagram(f: &mut fmt::Formatter<'_>, at: u64, direction: char, octets: &[u8]) -> fmt::Result {
    write!(f, "    {}.{:06} {direction} ", at / 1_000_000, at % 1_000_000)?;
    match Datagram::decode(octets).map(|datagram| datagram.body) {
        Ok(Body::Tcp(tcp)) => write!(f, "{}", Shown(&tcp)),
        other => write!(f, "{other:?}"),
    }
}

/// A segment without its text: ports, flags, `seq:end(length)`, acknowledgment, window, options as octets.
pub(super) struct Shown<'a>(pub(super) &'a Tcp);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        segment(f, self.0)
    }
}

fn segment(f: &mut fmt::Formatter<'_>, tcp: &Tcp) -> fmt::Result {
    write!(f, "{} > {} ", tcp.src_port, tcp.dst_port)?;
    let letters = [
        (flag::FIN, 'F'),
        (flag::SYN, 'S'),
        (flag::RST, 'R'),
        (flag::PSH, 'P'),
        (flag::URG, 'U'),
        (flag::ECE, 'E'),
        (flag::CWR, 'W'),
        (flag::ACK, '.'),
    ];
    for (_, letter) in letters.iter().filter(|(flag, _)| tcp.has(*flag)) {
        write!(f, "{letter}")?;
    }
    let end = tcp.seq.wrapping_add(tcp.payload.len() as u32);
    write!(f, " {}:{end}({}) ack {} win {}", tcp.seq, tcp.payload.len(), tcp.ack, tcp.window)?;
    for option in options::iter(&tcp.options).filter(|option| *option != RawOption::Nop) {
        match option {
            RawOption::Known { kind, data } => write!(f, " {kind}:{data:?}")?,
            RawOption::Eol | RawOption::Nop | RawOption::Malformed(_) => write!(f, " {option:?}")?,
        }
    }
    Ok(())
}
