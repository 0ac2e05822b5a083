//! A segment that an engine shapes, through four codecs.
//!
//! The harness's codec writes it, with right lengths and checksums. Oracles (O105): the harness reads back what it wrote; the stack
//! and the harness read the same, and what the stack read it emits as octets that read the same ([`crate::segment_parser`]);
//! etherparse and smoltcp read what the stack reads, but for the differences in [`KNOWN`], each with its reason.

mod opinions;
mod spec;

use arbitrary::{Arbitrary, Unstructured};
use halfopen_engine::packet::Datagram;
use opinions::{Options, Read};
pub use spec::SegmentSpec;

/// Whose opinion differs from the stack's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// etherparse
    Etherparse,
    /// smoltcp's wire module
    Smoltcp,
}

/// A difference that is no finding: where it is, and why it is right to leave it.
pub struct Known {
    /// Whose.
    pub who: Who,
    /// Why.
    pub reason: &'static str,
    /// What follows from it for what the stack read.
    change: fn(&Read) -> Change,
}

/// What the other is expected to make of it.
enum Change {
    /// The same.
    None,
    /// This.
    Reads(Read),
    /// It refuses it.
    Refuses,
    /// It may refuse it.
    MayRefuse,
    /// Its options say nothing, if it says so itself.
    MayStop,
}

/// Every known difference.
pub const KNOWN: [Known; 6] = [
    Known {
        who: Who::Etherparse,
        reason: "it reads no option behind the first that it does not know or finds illegal, where RFC 9293 3.2 (MUST-6) has \
                 unknown ones skipped",
        change: |_| Change::MayStop,
    },
    Known {
        who: Who::Smoltcp,
        reason: "it refuses port 0, which RFC 9293 does not mention and RFC 6335 6 reserves",
        change: |read| if read.ports.0 == 0 || read.ports.1 == 0 { Change::Refuses } else { Change::None },
    },
    Known {
        who: Who::Smoltcp,
        reason: "it refuses SYN with FIN or RST, and FIN with RST; RFC 9293 3.10.7 judges them by state",
        change: |read| if (read.flags & 7).count_ones() > 1 { Change::Refuses } else { Change::None },
    },
    Known {
        who: Who::Smoltcp,
        reason: "an option of a wrong length makes it drop the segment, where RFC 9293 3.2 (MUST-7) asks for any way to \
                 be prepared; the stack passes over the option",
        change: |read| if read.options.illegal { Change::MayRefuse } else { Change::None },
    },
    Known {
        who: Who::Smoltcp,
        reason: "a shift above 14 reads as 14 (RFC 7323 2.3), which the stack does when it uses it",
        change: |read| match read.options.scale {
            Some(15..) => {
                Change::Reads(Read { options: Options { scale: Some(14), ..read.options.clone() }, ..read.clone() })
            }
            Some(_) | None => Change::None,
        },
    },
    Known {
        who: Who::Smoltcp,
        reason: "it keeps three SACK blocks, as there is room for no more beside timestamps (RFC 2018 3)",
        change: |read| match read.options.sack.as_slice() {
            [first @ .., _] if first.len() == 3 => Change::Reads(Read {
                options: Options { sack: first.to_vec(), ..read.options.clone() },
                ..read.clone()
            }),
            _ => Change::None,
        },
    },
];

/// Shapes a segment of the octets and reads it four times.
///
/// # Panics
/// When two opinions differ in a way that is not known.
pub fn run(octets: &[u8]) {
    let Ok(spec) = SegmentSpec::arbitrary(&mut Unstructured::new(octets)) else { return };
    let datagram = spec.datagram();
    let written = datagram.encode();
    assert_eq!(Datagram::decode_one(&written).as_ref(), Ok(&datagram), "the harness does not read what it wrote");
    crate::segment_parser::run(&written);
    // An empty option list is all that a host's own address could spoil; the addresses are those of single hosts.
    let Ok(ours) = opinions::stack(&written) else { return };
    compare(Who::Etherparse, &ours, opinions::etherparse(&written));
    compare(Who::Smoltcp, &ours, opinions::smoltcp(&written));
}

/// Applies what is known, in order, and asks for what then remains to be the same.
fn compare(who: Who, ours: &Read, theirs: Result<Read, String>) {
    let mut expected = ours.clone();
    let (mut refuses, mut may_refuse, mut may_stop) = (false, false, false);
    for known in KNOWN.iter().filter(|known| known.who == who) {
        match (known.change)(&expected) {
            Change::None => {}
            Change::Reads(read) => expected = read,
            Change::Refuses => refuses = true,
            Change::MayRefuse => may_refuse = true,
            Change::MayStop => may_stop = true,
        }
    }
    match theirs {
        Ok(theirs) if refuses && !may_refuse => panic!("{who:?} is known to refuse it and reads {theirs:?}"),
        Ok(mut theirs) => {
            if may_stop && theirs.options.illegal {
                (expected.options, theirs.options) = Default::default();
            }
            // What is illegal in options that the other does not know it cannot tell.
            expected.options.illegal = false;
            assert_eq!(expected, theirs, "{who:?} reads something else");
        }
        Err(why) => assert!(refuses || may_refuse, "{who:?} refuses {expected:?}: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    /// As an engine would, without guidance.
    #[test]
    fn drawn_inputs_agree() {
        for seed in 0..3000 {
            let mut dice = Dice::of_seed(seed);
            let octets: Vec<u8> = (0..300).map(|_| dice.below(256) as u8).collect();
            println!("seed {seed}");
            run(&octets);
        }
    }
}
