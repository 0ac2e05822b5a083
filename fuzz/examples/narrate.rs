//! `cargo run -p halfopen-fuzz --example narrate FILE...|SEED...`: a program of `state_machine`, and what comes of it.

use halfopen_fuzz::datagram::{self, Content};
use halfopen_fuzz::machine::{self, Made, Watch};
use halfopen_fuzz::oracles::judge::Flags;
use halfopen_fuzz::program::random::{Random, program};
use halfopen_fuzz::program::{Event, Program};

struct Printer;

impl Watch for Printer {
    fn event(&mut self, event: &Event) {
        println!("{event:?}");
    }

    fn datagram_in(&mut self, at: u64, octets: &[u8]) {
        line(at, '<', octets);
    }

    fn datagram_out(&mut self, at: u64, octets: &[u8]) {
        line(at, '>', octets);
    }

    fn call(&mut self, at: u64, call: &Made<'_>) {
        println!("    {:.6} {call:?}", at as f64 / 1e6);
    }
}

fn line(at: u64, direction: char, octets: &[u8]) {
    print!("    {:.6} {direction} ", at as f64 / 1e6);
    match datagram::read(octets) {
        Content::Segment(seg) => println!(
            "{} > {} {} {}:{}({}) ack {} win {} {:?}",
            seg.src_port,
            seg.dst_port,
            Flags(seg.flags),
            seg.seq,
            seg.text_end(),
            seg.payload.len(),
            seg.ack,
            seg.window,
            seg.options
        ),
        other @ (Content::Icmp | Content::Fault(_)) => println!("{other:?} {octets:02x?}"),
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    assert!(!words.is_empty(), "usage: narrate FILE...|SEED...");
    for word in words {
        let program = match word.parse() {
            Ok(seed) => program(&mut Random::new(seed)),
            Err(_) => Program::decode(&std::fs::read(&word).expect("a readable file")).expect("a program"),
        };
        println!("{word}: {:?}", program.setup);
        match machine::run(&program, &mut Printer).violation {
            Some(violation) => println!("{violation}"),
            None => println!("nothing is violated"),
        }
    }
}
