//! The byte form: a version, then records of a tag, a length and that many octets.
//!
//! What a reader does not know it passes over: a record of an unknown tag, an event with an unknown number inside, octets behind the
//! last field of a record. What is missing at the end of a record is zero. So a corpus outlives every event and every field that is
//! added, and any octets behind a known version are a program.

use super::{At, Damage, Ending, Event, Half, Icmp, Iss, MOST_EVENTS, Name, Odd, Profile, Program, Ref, Sack, Segment};
use super::{Setup, Stamps, Way};
use std::fmt;

/// The version that this build writes, and the only one there is.
pub const VERSION: u8 = 1;

/// Tag of the record that holds the set-up.
const SETUP: u8 = 0x01;

/// Why octets are no program. Whoever made them is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// No octets at all.
    Empty,
    /// A version that this build does not read.
    Version(u8),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no octets: a program begins with its version"),
            Self::Version(version) => {
                write!(f, "version {version} of the byte form; this build reads version {VERSION}")
            }
        }
    }
}

impl std::error::Error for Malformed {}

impl Program {
    /// The program in these octets.
    ///
    /// # Errors
    /// [`Malformed`]; after a known version there are none.
    pub fn decode(octets: &[u8]) -> Result<Self, Malformed> {
        let (&version, mut rest) = octets.split_first().ok_or(Malformed::Empty)?;
        if version != VERSION {
            return Err(Malformed::Version(version));
        }
        let mut program = Self { events: Vec::with_capacity(MOST_EVENTS), ..Self::default() };
        while let [tag, length, behind @ ..] = rest {
            let (record, next) = behind.split_at(behind.len().min(usize::from(*length)));
            rest = next;
            let mut reader = Reader(record);
            if *tag == SETUP {
                program.setup = Setup::take(&mut reader).unwrap_or(program.setup);
            } else if program.events.len() < MOST_EVENTS {
                program.events.extend(Event::take(*tag, &mut reader));
            }
        }
        Ok(program)
    }

    /// The octets of the program; events beyond [`MOST_EVENTS`] are left out.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        record(&mut out, SETUP, |out| self.setup.put(out));
        for event in self.events.iter().take(MOST_EVENTS) {
            record(&mut out, event.tag(), |out| event.put(out));
        }
        out
    }
}

fn record(out: &mut Vec<u8>, tag: u8, put: impl FnOnce(&mut Vec<u8>)) {
    out.extend([tag, 0]);
    let start = out.len();
    put(out);
    out[start - 1] = (out.len() - start) as u8;
}

/// Octets of a record that were not read yet.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn octet(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }
}

/// A part of a record.
pub(super) trait Field: Sized {
    fn put(&self, out: &mut Vec<u8>);
    /// `None`: a number that no value has.
    fn take(reader: &mut Reader<'_>) -> Option<Self>;
}

macro_rules! integers {
    ($($type:ty)*) => {
        $(impl Field for $type {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend(self.to_le_bytes());
            }

            fn take(reader: &mut Reader<'_>) -> Option<Self> {
                if let Some((octets, rest)) = reader.0.split_first_chunk() {
                    reader.0 = rest;
                    return Some(Self::from_le_bytes(*octets));
                }
                // What is missing is zero.
                let mut octets = [0; size_of::<$type>()];
                octets.fill_with(|| reader.octet());
                Some(Self::from_le_bytes(octets))
            }
        })*
    };
}

integers! { u8 u16 u32 i16 }

impl Field for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn take(reader: &mut Reader<'_>) -> Option<Self> {
        Some(reader.octet() & 1 != 0)
    }
}

impl Field for At {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(self.index() as u8);
    }

    fn take(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self::new(reader.octet()))
    }
}

impl<T: Field> Field for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.is_some()));
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn take(reader: &mut Reader<'_>) -> Option<Self> {
        Some(if bool::take(reader)? { Some(T::take(reader)?) } else { None })
    }
}

impl<T: Field + Copy + Default, const N: usize> Field for [T; N] {
    fn put(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|value| value.put(out));
    }

    fn take(reader: &mut Reader<'_>) -> Option<Self> {
        let mut values = [T::default(); N];
        for value in &mut values {
            *value = T::take(reader)?;
        }
        Some(values)
    }
}

macro_rules! structs {
    ($($name:ident { $($field:ident)* })*) => {
        $(impl Field for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $(self.$field.put(out);)*
            }

            fn take(reader: &mut Reader<'_>) -> Option<Self> {
                Some(Self { $($field: Field::take(reader)?),* })
            }
        })*
    };
}

structs! {
    Setup {
        profile v6 timestamps sack shift mss receive_buffer send_buffer no_delay iss backlog seed ending
    }
    Sack { from octets }
    Segment { flags seq ack window length urgent stamps odd sacks damage ecn }
}

macro_rules! enums {
    ($($name:ident { $($number:literal $variant:ident $(($value:ident))?)* })*) => {
        $(impl Field for $name {
            fn put(&self, out: &mut Vec<u8>) {
                match self { $(Self::$variant $(($value))? => { out.push($number); $($value.put(out);)? })* }
            }

            fn take(reader: &mut Reader<'_>) -> Option<Self> {
                Some(match reader.octet() {
                    $($number => { $(let $value = Field::take(reader)?;)? Self::$variant $(($value))? })*
                    _ => return None,
                })
            }
        })*
    };
}

enums! {
    Profile { 0 Rfc9293 1 Rfc793 2 Linux }
    Iss { 0 Plain 1 BelowWrap 2 BelowHalf }
    Ending { 0 Cooperative 1 Silent }
    Ref { 0 Next(offset) 1 Acknowledged(offset) 2 Edge(offset) 3 First(offset) 4 Far(power) 5 Absolute(number) }
    Stamps { 0 Negotiated 1 Opposite 2 Old(millis) 3 Ahead(millis) 4 WrongEcho }
    Odd {
        0 None 1 Mss(octets) 2 Shift(count) 3 SackPermitted 4 Unknown(octets) 5 ZeroLength 6 TooLong 7 AfterEnd 8 Padding 9 FastOpen
    }
    Damage {
        0 None 1 Checksum 2 ShortOffset 3 LongOffset 4 Truncated 5 Source(which) 6 Destination(which) 7 Trailer 8 Reserved
    }
    Icmp { 0 Network 1 Host 2 Port 3 Protocol 4 TooBig(mtu) 5 Time 6 Quench 7 Parameter }
    Way { 0 ToHost 1 ToPeer }
    Half { 0 Write 1 Read 2 Both }
    Name {
        0 NoDelay 1 Cork 2 KeepAlive 3 KeepIdle 4 KeepIntvl 5 KeepCnt 6 UserTimeout 7 SndBuf 8 RcvBuf 9 MaxSeg 10 Linger2 11 QuickAck
        12 WindowClamp 13 Ttl 14 RecvErr 15 SynCnt 16 RcvLowat 17 OobInline 18 DeferAccept 19 NotSentLowAt
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::random::{Random, program};

    #[test]
    fn what_is_encoded_is_decoded() {
        for seed in 0..5_000 {
            let program = program(&mut Random::new(seed));
            assert_eq!(Program::decode(&program.encode()), Ok(program), "seed {seed}");
        }
    }

    #[test]
    fn any_octets_behind_the_version_are_a_program_whose_octets_are_stable() {
        for seed in 0..5_000 {
            let mut random = Random::new(seed);
            let mut octets = program(&mut random).encode();
            for _ in 0..random.below(20) {
                let at = 1 + random.below(octets.len() - 1);
                octets[at] = random.next() as u8;
            }
            octets.truncate(1 + random.below(octets.len()));
            let program = Program::decode(&octets).expect("a known version");
            assert_eq!(Program::decode(&program.encode()), Ok(program), "seed {seed}");
        }
    }

    #[test]
    fn what_is_unknown_is_passed_over_and_what_is_missing_is_zero() {
        let table: [(&[u8], Result<usize, Malformed>); 8] = [
            (&[], Err(Malformed::Empty)),
            (&[2, 0x30, 0], Err(Malformed::Version(2))),
            (&[1], Ok(0)),
            // accept, an unknown tag, accept
            (&[1, 0x30, 0, 0xf0, 3, 1, 2, 3, 0x30, 0], Ok(2)),
            // A record with more fields than this build knows.
            (&[1, 0x14, 4, 1, 9, 9, 9, 0x30, 0], Ok(2)),
            // `shutdown` of a half that no build knew.
            (&[1, 0x34, 2, 0, 99, 0x30, 0], Ok(1)),
            // Cut off in the middle of a record, and of its head.
            (&[1, 0x32, 9, 0, 5], Ok(1)),
            (&[1, 0x32], Ok(0)),
        ];
        for (octets, events) in table {
            assert_eq!(Program::decode(octets).map(|program| program.events.len()), events, "{octets:?}");
        }
    }

    #[test]
    fn numbers_of_events_are_unique_and_stay() {
        let numbers: Vec<u8> = Event::KINDS.iter().map(|(tag, _)| *tag).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
        // A corpus knows these; a new event gets a new number.
        let first = Event::KINDS.iter().find(|(_, kind)| *kind == "segment");
        assert_eq!(first, Some(&(0x10, "segment")));
        let accept = Program { events: vec![Event::Accept {}], ..Program::default() };
        assert!(accept.encode().ends_with(&[0x30, 0]));
    }
}
