//! `cargo run --release -p halfopen-fuzz --example speed [SEEDS [FIRST]]`: programs from seeds, how many a second on one core, and what
//! they found.

use halfopen_fuzz::machine::{Machine, Nobody};
use halfopen_fuzz::oracles::Violation;
use halfopen_fuzz::program::random::{Random, program};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[expect(clippy::disallowed_methods, reason = "what is measured is time")]
fn main() {
    let number = |index: usize| std::env::args().nth(index).and_then(|word| word.parse::<u64>().ok());
    let (seeds, first) = (number(1).unwrap_or(100_000), number(2).unwrap_or(0));
    let programs: Vec<_> = (first..first + seeds).map(|seed| program(&mut Random::new(seed))).collect();
    let events: usize = programs.iter().map(|program| program.events.len()).sum();
    let mut found: BTreeMap<_, (u64, u64, Violation)> = BTreeMap::new();
    let mut machine = Machine::default();
    let mut panics = Vec::new();
    let begin = std::time::Instant::now();
    for (seed, program) in (first..).zip(&programs) {
        match catch_unwind(AssertUnwindSafe(|| machine.run(program, &mut Nobody))) {
            Ok(outcome) => {
                if let Some(violation) = outcome.violation {
                    found.entry(violation.key()).or_insert((0, seed, violation)).0 += 1;
                }
            }
            Err(_) => {
                panics.push(seed);
                machine = Machine::default();
            }
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    for (count, seed, violation) in found.values() {
        println!("{count} times, first by seed {seed}: {violation}");
    }
    println!("{} panics: {:?}", panics.len(), &panics[..panics.len().min(10)]);
    println!(
        "{:.0} programs/s, {:.1} events each, {seconds:.2} s",
        seeds as f64 / seconds,
        events as f64 / seeds as f64
    );
}
