//! `cargo run -p halfopen-fuzz --example write DIR FIRST COUNT`: drawn programs as scripts of their whole exchange, and as octets.

use halfopen_fuzz::program::random::{Random, program};
use halfopen_fuzz::script::script;
use std::path::Path;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, first, count] = &words[..] else { panic!("usage: write DIR FIRST COUNT") };
    let (first, count): (u64, u64) = (first.parse().expect("a number"), count.parse().expect("a number"));
    for seed in first..first + count {
        let program = program(&mut Random::new(seed));
        let file = |end: &str| Path::new(folder).join(format!("{seed}.{end}"));
        std::fs::write(file("bin"), program.encode()).expect("a writable folder");
        std::fs::write(file("pkt"), script(&program).0).expect("a writable folder");
    }
}
