//! Octets as programs: the byte form, the mutators and crossover, which an engine trusts with everything it has learnt.
//!
//! Oracles: decoding is total behind a known version, and refuses every other one; what is encoded is decoded to the same and is encoded
//! to the same octets; a program is no longer than what it may be; mutated and crossed programs are programs, the same for the same
//! seed, and fit into the room that they get.

use crate::program::codec::VERSION;
use crate::program::mutate::{cross_over, mutate, mutate_octets, store};
use crate::program::{MOST_EVENTS, Malformed, Program};

/// Octets that one event takes at the most.
const MOST_OCTETS: usize = 64;

/// Feeds octets to the codec.
///
/// # Panics
/// When an oracle is violated.
pub fn run(octets: &[u8]) {
    let decoded = Program::decode(octets);
    match octets.first() {
        None => assert_eq!(decoded, Err(Malformed::Empty)),
        Some(&version) if version != VERSION => assert_eq!(decoded, Err(Malformed::Version(version))),
        Some(_) => {
            let program = decoded.expect("a known version");
            stable(&program);
            // The last octets choose what is done with it.
            let seed = octets.iter().rev().take(8).fold(0, |sum, octet| sum << 8 | u64::from(*octet));
            changes(&program, octets, seed);
        }
    }
}

fn stable(program: &Program) {
    let encoded = program.encode();
    assert!(program.events.len() <= MOST_EVENTS, "{} events", program.events.len());
    assert!(encoded.len() <= 1 + (1 + MOST_EVENTS) * MOST_OCTETS, "{} octets", encoded.len());
    let again = Program::decode(&encoded).expect("our own octets");
    assert_eq!(&again, program, "what was encoded means something else");
    assert_eq!(again.encode(), encoded, "the octets are not stable");
}

fn changes(program: &Program, octets: &[u8], seed: u64) {
    let mutated = |mut one: Program| {
        mutate(&mut one, seed);
        one
    };
    let one = mutated(program.clone());
    assert_eq!(one, mutated(program.clone()), "the same seed mutates to something else");
    stable(&one);
    let child = cross_over(program, &one, seed);
    assert_eq!(child, cross_over(program, &one, seed), "the same seed crosses to something else");
    stable(&child);
    let mut room = octets.to_vec();
    let most = room.len();
    if let Some(length) = mutate_octets(&mut room, most, most, seed as u32) {
        assert!(length <= most, "{length} octets in room for {most}");
        stable(&Program::decode(&room[..length]).expect("a program"));
    }
    let mut small = vec![0; (seed % 64) as usize];
    let most = small.len();
    if let Some(length) = store(program, &mut small, most) {
        stable(&Program::decode(&small[..length]).expect("a program"));
    }
}
