//! A program of events against one stack on a virtual clock.
//!
//! The input decodes into set-up and events ([`program`]): segments whose numbers are relative to the connection, socket
//! calls, ICMP errors, time. At the end everything is closed and the peer falls silent. Oracles, after every event:
//! - nothing panics;
//! - what goes out is well-formed, by the harness's codec (`outgoing`);
//! - each connection's own numbers hold: acknowledgments do not go back, text is what the application wrote, where it
//!   wrote it, and nothing follows a FIN (`tracker`);
//! - a segment with RST draws no RST, one with a wrong checksum draws nothing;
//! - what the application reads is what the peer sent, in order;
//! - one event causes a bounded number of datagrams; after [`Stack::advance`] no timer is due; when everything is closed
//!   the stack falls silent;
//! - the same program gives the same datagrams at the same times.
//!
//! The oracles are permissive: they ask what every profile of the stack must hold, whatever the segments were.
//!
//! [`Stack::advance`]: halfopen_stack::Stack::advance

mod narration;
mod outgoing;
mod pattern;
mod peer;
pub mod program;
mod tracker;
mod world;

use narration::Line;
use program::Program;

/// Runs a program.
///
/// # Panics
/// When an oracle is violated.
pub fn run(octets: &[u8]) {
    let program = Program::decode(octets);
    // A second run costs as much as the first: one program in sixteen has to do, chosen by its octets.
    if octets.iter().fold(0_u8, |sum, octet| sum.wrapping_add(*octet)).is_multiple_of(16) {
        let first = exchange(&program);
        assert!(exchange(&program) == first, "the same program gave another exchange");
    } else {
        world::play(&program, &mut |_| {});
    }
}

/// Every datagram that goes out, and when.
fn exchange(program: &Program) -> Vec<(u64, Vec<u8>)> {
    let mut exchange = Vec::new();
    world::play(program, &mut |line| {
        if let Line::Out(at, octets) = line {
            exchange.push((at, octets.to_vec()));
        }
    });
    exchange
}

/// Runs a program once and prints what happens as it happens, relative numbers left absolute, up to the violated oracle.
///
/// # Panics
/// As [`run`].
pub fn narrate(octets: &[u8]) {
    let program = Program::decode(octets);
    println!("{:?}", program.setup);
    world::play(&program, &mut |line| println!("{line}"));
}
