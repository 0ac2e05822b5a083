//! `cargo run -p halfopen-fuzz --example hunt SECONDS [FOLDER [FILE]]`: looks for the first program that violates an oracle, drawn or mutated
//! from the seeds in FOLDER. Prints `O53 0.12 ESTABLISHED segment`, or `none`; a panic of the stack is `panic 0.12`. FILE is where the
//! program goes.

use halfopen_fuzz::program::Program;
use halfopen_fuzz::program::mutate::{cross_over, mutate};
use halfopen_fuzz::program::random::{Random, program};
use halfopen_fuzz::state_machine::violation;
use std::panic::catch_unwind;
use std::time::Duration;

#[expect(clippy::disallowed_methods, reason = "what is measured is the time to a finding")]
fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let seconds = words.first().and_then(|word| word.parse().ok()).expect("usage: hunt SECONDS [FOLDER]");
    let seeds: Vec<Program> = words.get(1).map_or_else(Vec::new, |folder| {
        let mut files: Vec<_> =
            std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()).collect();
        files.sort();
        files.iter().filter_map(|file| Program::decode(&std::fs::read(file).ok()?).ok()).collect()
    });
    std::panic::set_hook(Box::new(|_| {}));
    let begin = std::time::Instant::now();
    let mut count = 0;
    while begin.elapsed() < Duration::from_secs(seconds) {
        let mut random = Random::new(count);
        let drawn = match (seeds.get(count as usize), seeds.is_empty() || random.one_in(2)) {
            (Some(seed), _) => seed.clone(),
            (None, true) => program(&mut random),
            (None, false) => {
                let mut one = seeds[random.below(seeds.len())].clone();
                if random.one_in(4) {
                    one = cross_over(&one, &seeds[random.below(seeds.len())], random.next());
                }
                for _ in 0..=random.below(4) {
                    mutate(&mut one, random.next());
                }
                one
            }
        };
        count += 1;
        let keep = || {
            if let Some(file) = words.get(2) {
                std::fs::write(file, drawn.encode()).expect("a file that may be written");
            }
        };
        let after = || begin.elapsed().as_secs_f64();
        match catch_unwind(|| violation(&drawn)) {
            Ok(Some(found)) => {
                keep();
                println!("O{} {:.2} {} {} programs {count}", found.oracle, after(), found.state, found.event);
                return;
            }
            Ok(None) => {}
            Err(_) => {
                keep();
                println!("panic {:.2} - - programs {count}", after());
                return;
            }
        }
    }
    println!("none {seconds} - - programs {count}");
}
