//! `cargo run -p halfopen-fuzz --example matrix [FOLDER [DRAWN]]`: which event met which state, in the programs of a folder and in as many
//! drawn ones, and why the cells that stay empty do.

use halfopen_fuzz::coverage::{KINDS, Matrix, UNREACHABLE};
use halfopen_fuzz::machine;
use halfopen_fuzz::program::random::{Random, program};
use halfopen_fuzz::program::{Event, Program};
use halfopen_stack::State;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let folder =
        words.first().cloned().unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/state_machine").into());
    let drawn: u64 = words.get(1).and_then(|word| word.parse().ok()).unwrap_or(2000);
    let mut matrix = Matrix::default();
    for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
        if let Ok(program) = Program::decode(&std::fs::read(entry.path()).expect("a readable file")) {
            machine::run(&program, &mut matrix);
        }
    }
    for seed in 0..drawn {
        machine::run(&program(&mut Random::new(seed)), &mut matrix);
    }
    print!("{:16}", "");
    let states: Vec<State> = State::ALL.into_iter().filter(|state| *state != State::Listen).collect();
    for state in &states {
        print!("{:>13}", state.name());
    }
    println!();
    let (mut full, mut empty) = (0, 0);
    for kind in 0..KINDS {
        print!("{:16}", Event::KINDS.get(kind).map_or("end", |(_, kind)| kind));
        for state in &states {
            let count = matrix.count(*state, kind);
            (full, empty) = if count > 0 { (full + 1, empty) } else { (full, empty + 1) };
            print!("{:>13}", if count > 0 { count.to_string() } else { ".".to_owned() });
        }
        println!();
    }
    println!("\n{full} cells of {}; empty for good:", full + empty);
    for (what, why) in UNREACHABLE {
        println!("  {what}: {why}");
    }
}
