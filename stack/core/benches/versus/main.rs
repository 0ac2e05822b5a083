//! The stack next to smoltcp and etherparse: the same work, in one run, round by round in turn.
//!
//! `cargo bench -p halfopen-stack --bench versus` prints a table. The goal of each row is to be at least as quick as the
//! other: a ratio of times, ours to theirs, of at most 1. A row is the median of its rounds; the ratio is the median of
//! the rounds' ratios, so that a machine whose speed drifts does not move it. Words on the command line select rows.
//!
//! What is alike: octets in and out, checksums of IP and TCP computed and verified by both, buffers of the same size,
//! datagrams in recycled buffers, the user's octets copied in and out, no timestamps (smoltcp has none by default).

mod bulk;
mod handshake;
mod parse;
mod peer;
mod pipe;
mod rounds;
mod smoltcp_host;
mod syn_to_rst;

use halfopen_stack::Stack;

fn main() {
    // `cargo bench` adds a flag of its own; `cargo test --benches` another, and wants no measurement.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    if std::env::args().any(|word| word == "--test") {
        return;
    }
    let selected = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    rounds::head();
    for (name, rows) in [
        ("parse", parse::rows as fn()),
        ("syn-to-rst", syn_to_rst::rows),
        ("handshake", handshake::rows),
        ("bulk-1500", || bulk::rows(1500)),
        // The MTU of smoltcp's loopback device.
        ("bulk-65535", || bulk::rows(65_535)),
    ] {
        if selected(name) {
            rows();
        }
    }
    if selected("sizes") {
        println!("\noctets of state, buffers not counted");
        for (name, octets) in Stack::sizes() {
            println!("{octets:>8}  {name}");
        }
    }
}
