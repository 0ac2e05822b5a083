//! Programs from a seed, for smoke tests, mutators and simulations without an engine.

use super::edges;
use super::{At, Ending, Event, Iss, MOST_EVENTS, Profile, Program, Segment, Setup};
use super::{Damage, Half, Icmp, Name, Odd, Ref, Sack, Stamps, Way};

/// SplitMix64: the same numbers on every machine.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Numbers that depend on `seed` alone.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `limit`; 0 when that is 0.
    pub const fn below(&mut self, limit: usize) -> usize {
        if limit == 0 { 0 } else { (self.next() % limit as u64) as usize }
    }

    /// True once in `times`.
    pub const fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of `values`.
    pub fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }
}

/// A program: it opens a connection more often than not, and goes on with what comes.
#[must_use]
pub fn program(random: &mut Random) -> Program {
    let setup = setup(random);
    let length = 1 + random.below(MOST_EVENTS);
    let mut events = Vec::with_capacity(length);
    let main = At::new(random.one_of(&[0, 0, 2, 2, 1, 3]));
    if !random.one_in(4) {
        events.push(Event::Open { at: main });
    }
    while events.len() < length {
        let at = if random.one_in(6) { At::new(random.next() as u8) } else { main };
        events.push(event(random, at));
    }
    Program { setup, events }
}

fn setup(random: &mut Random) -> Setup {
    Setup {
        profile: random.one_of(&[Profile::Rfc9293, Profile::Rfc9293, Profile::Rfc793, Profile::Linux]),
        v6: random.one_in(4),
        timestamps: random.one_in(2),
        sack: random.one_in(2),
        shift: random.one_of(&[16, 0, 3, 7, 14, 15]),
        mss: random.one_of(&[Some(1460), Some(1460), Some(536), Some(100), Some(1), Some(0), Some(65_535), None]),
        receive_buffer: random.one_of(&[36, 36, 36, 128, 128, 128, 0, 0, 0, 1 << 14]),
        send_buffer: random.one_of(&[0, 0, 36, 128]),
        no_delay: random.one_in(3),
        iss: random.one_of(&[Iss::Plain, Iss::Plain, Iss::BelowWrap, Iss::BelowHalf]),
        backlog: random.one_of(&[0, 1, 2, 2]),
        seed: random.next() as u8,
        ending: if random.one_in(8) { Ending::Silent } else { Ending::Cooperative },
    }
}

/// Any event about the connection `at`.
pub fn event(random: &mut Random, at: At) -> Event {
    match random.below(32) {
        0..=4 => Event::Segment { at, segment: segment(random) },
        5..=7 => Event::Text { at, length: text(random) },
        8..=11 => Event::Acknowledge { at, window: random.one_of(edges::WINDOWS) },
        12 => Event::Syn { at, ack: random.one_in(2) },
        13 => Event::Fin { at },
        14 => Event::Reset { at },
        15 => Event::Open { at },
        16 => Event::Again { at, back: random.one_of(&[0, 0, 0, 1, 2, 5]) },
        17 => Event::Hold { at },
        18 => {
            Event::Lose { way: random.one_of(&[Way::ToHost, Way::ToPeer]), count: random.one_of(&[1, 1, 1, 2, 4, 16]) }
        }
        19 => Event::Icmp { at, error: icmp(random), quoted: random.one_of(&[0, 0, 200]), forged: random.one_in(4) },
        20 => Event::Wait { micros: random.one_of(edges::MICROS) },
        21 => Event::WaitForTimer {},
        22 => random.one_of(&[Event::WaitForTimer {}, Event::WaitLong { seconds: 61 }, Event::Duplicate { at }]),
        23 => Event::Accept {},
        24 => Event::Connect { at },
        25 | 26 => {
            // What fills a window and more is the application's to write: it goes out only as the peer lets it.
            let length = if random.one_in(4) { random.one_of(edges::LENGTHS) } else { text(random) };
            Event::Send { at, length, more: random.one_in(8), urgent: random.one_in(16) }
        }
        27 | 28 => Event::Receive { at, length: random.one_of(edges::LENGTHS), peek: random.one_in(8) },
        29 => Event::Shutdown { at, half: random.one_of(&[Half::Write, Half::Write, Half::Read, Half::Both]) },
        30 => random.one_of(&[
            Event::Close { at },
            Event::Close { at },
            Event::Abort { at },
            Event::CloseListener {},
            Event::Listen { backlog: 1 },
        ]),
        _ => Event::Option { at, name: name(random), value: random.one_of(edges::OPTION_VALUES) },
    }
}

/// Any segment, mostly one that the host has to take seriously.
pub fn segment(random: &mut Random) -> Segment {
    let often = |random: &mut Random| random.one_in(3);
    Segment {
        flags: random.one_of(edges::FLAGS),
        seq: reference(random),
        ack: reference(random),
        window: random.one_of(edges::WINDOWS),
        length: if often(random) { text(random) } else { 0 },
        urgent: random.one_of(edges::LENGTHS),
        stamps: if random.one_in(6) { stamps(random) } else { Stamps::Negotiated },
        odd: if random.one_in(10) { odd(random) } else { Odd::None },
        sacks: if random.one_in(5) { [sack(random), sack(random)] } else { [Sack::default(); 2] },
        damage: if random.one_in(12) { damage(random) } else { Damage::None },
        ecn: random.one_of(&[0, 0, 0, 1, 2, 3]),
    }
}

/// Octets of text: mostly few, because a checksum is all that long text costs more; often about a segment, sometimes more than a window.
pub fn text(random: &mut Random) -> u16 {
    match random.below(16) {
        0..=10 => random.one_of(edges::SHORT),
        11..=14 => random.one_of(edges::SEGMENTS),
        _ => random.one_of(edges::LENGTHS),
    }
}

/// A number near something that matters.
pub fn reference(random: &mut Random) -> Ref {
    let offset = random.one_of(edges::OFFSETS);
    match random.below(16) {
        0..=7 => Ref::Next(offset),
        8..=10 => Ref::Acknowledged(offset),
        11 | 12 => Ref::Edge(offset),
        13 => Ref::First(offset),
        14 => Ref::Far(random.below(64) as u8),
        _ => Ref::Absolute(random.one_of(&[0, 1, u32::MAX, 1 << 31])),
    }
}

pub(super) fn stamps(random: &mut Random) -> Stamps {
    random.one_of(&[
        Stamps::Negotiated,
        Stamps::Opposite,
        Stamps::Old(1),
        Stamps::Old(1000),
        Stamps::Ahead(1),
        Stamps::Ahead(60_000),
        Stamps::WrongEcho,
    ])
}

pub(super) fn odd(random: &mut Random) -> Odd {
    random.one_of(&[
        Odd::Mss(0),
        Odd::Mss(1),
        Odd::Mss(1460),
        Odd::Shift(15),
        Odd::Shift(2),
        Odd::SackPermitted,
        Odd::Unknown(0),
        Odd::Unknown(8),
        Odd::ZeroLength,
        Odd::TooLong,
        Odd::AfterEnd,
        Odd::Padding,
        Odd::FastOpen,
    ])
}

fn sack(random: &mut Random) -> Sack {
    Sack { from: random.one_of(edges::OFFSETS), octets: random.one_of(edges::LENGTHS) }
}

pub(super) fn damage(random: &mut Random) -> Damage {
    random.one_of(&[
        Damage::None,
        Damage::Checksum,
        Damage::ShortOffset,
        Damage::LongOffset,
        Damage::Truncated,
        Damage::Source(0),
        Damage::Source(1),
        Damage::Source(2),
        Damage::Destination(0),
        Damage::Destination(1),
        Damage::Trailer,
        Damage::Reserved,
    ])
}

fn icmp(random: &mut Random) -> Icmp {
    random.one_of(&[
        Icmp::Network,
        Icmp::Host,
        Icmp::Port,
        Icmp::Protocol,
        Icmp::TooBig(0),
        Icmp::TooBig(68),
        Icmp::TooBig(600),
        Icmp::TooBig(1280),
        Icmp::TooBig(1400),
        Icmp::Time,
        Icmp::Quench,
        Icmp::Parameter,
    ])
}

pub(super) fn name(random: &mut Random) -> Name {
    random.one_of(edges::NAMES)
}
