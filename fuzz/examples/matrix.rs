//! `cargo run -p halfopen-fuzz --example matrix [DRAWN [FOLDER...]]`: which event met which state in the seeds and regressions of
//! `state_machine` (or the programs of other folders) and in as many drawn programs, where each state led, and why the cells that stay empty do.
//!
//! Exit code 1: a cell is reached that is said to be unreachable. A cell without a reason may be empty because too few programs were drawn.

use halfopen_fuzz::coverage::{Cell, Matrix, UNREACHABLE, kind_name};
use halfopen_fuzz::program::Program;
use halfopen_fuzz::program::random::{Random, program};
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let drawn: u64 = words.first().map_or(2000, |word| word.parse().expect("usage: matrix [DRAWN [FOLDER...]]"));
    let kept = ["corpus", "regressions"].map(|sort| format!("{}/{sort}/state_machine", env!("CARGO_MANIFEST_DIR")));
    let folders = if words.len() > 1 { &words[1..] } else { &kept[..] };
    let (mut matrix, mut programs) = (Matrix::default(), 0);
    for entry in folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("a folder").flatten()) {
        if let Ok(program) = Program::decode(&std::fs::read(entry.path()).expect("a readable file")) {
            matrix.add(&program);
            programs += 1;
        }
    }
    for seed in 0..drawn {
        matrix.add(&program(&mut Random::new(seed)));
    }
    println!(
        "{programs} programs that are kept and {drawn} that are drawn: steps by event and state before it\n\n{matrix}"
    );
    println!("Cells without a count (.), and why no program fills them:");
    for known in UNREACHABLE {
        println!("{known}");
    }
    let (contradictions, unexplained) = (matrix.contradictions(), matrix.unexplained());
    list("reached, and said to be unreachable", &contradictions);
    list("not reached by these programs", &unexplained);
    if contradictions.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn list(what: &str, cells: &[Cell]) {
    for (kind, state) in cells {
        println!("{what}: {} in {}", kind_name(*kind), state.name());
    }
}
