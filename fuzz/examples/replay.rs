//! `cargo run -p halfopen-fuzz --example replay FOLDER...`: runs the inputs in FOLDER/TARGET of every target, and dies of the first that violates
//! an oracle. Programs of `state_machine` are played on the host of `halfopen fuzz diff` too, where nothing is asked but that it does not panic.

use halfopen_fuzz::TARGETS;
use halfopen_fuzz::differential::play;
use halfopen_fuzz::differential::reference::Reference;
use halfopen_fuzz::program::Program;
use std::path::PathBuf;

/// Limits of buffers, as Linux has them.
const BUFFERS: (u32, u32) = (212_992, 212_992);

fn main() {
    let mut host = Reference::new(BUFFERS);
    for folder in std::env::args_os().skip(1).map(PathBuf::from) {
        for target in TARGETS {
            let Ok(entries) = std::fs::read_dir(folder.join(target.name)) else { continue };
            for entry in entries {
                let octets = std::fs::read(entry.expect("a readable folder").path()).expect("a readable file");
                (target.run)(&octets);
                if target.name == "state_machine"
                    && let Ok(program) = Program::decode(&octets)
                {
                    play(&program, &mut host);
                }
            }
        }
    }
}
