//! Fuzz targets for what the tool itself reads: blocks and commands of scripts, captures, stored runs, data files.
//!
//! They are here and not beside the others because `halfopen-fuzz` is a dependency of this crate. Shells, corpora and regressions lie
//! where the others' do; `cargo test -p halfopen` replays them.

mod data_files;
mod evaluator;
mod pcapng_reader;
mod stored_runs;

use halfopen_fuzz::Target;

/// The targets of this crate.
pub const TARGETS: [Target; 4] = [
    Target {
        name: "data_files",
        about: "TOML: registers, expectations, claims and data of pages are read or refused with a line",
        run: data_files::run,
    },
    Target {
        name: "evaluator",
        about: "text: blocks of code and backtick commands end, in bounds; sums are the same in both",
        run: evaluator::run,
    },
    Target {
        name: "pcapng_reader",
        about: "a capture: it is read or refused, and what is written is read",
        run: pcapng_reader::run,
    },
    Target {
        name: "stored_runs",
        about: "JSON lines: a run is read or refused with a line; every report of it is made, and read again",
        run: stored_runs::run,
    },
];

/// Every target, this crate's and the others, by name.
pub fn targets() -> Vec<Target> {
    let mut all: Vec<Target> = halfopen_fuzz::TARGETS.into_iter().chain(TARGETS).collect();
    all.sort_by_key(|target| target.name);
    all
}

/// The target of this name.
///
/// # Panics
/// When there is none: shells name them.
pub fn target(name: &str) -> Target {
    let found = TARGETS.into_iter().find(|target| target.name == name);
    found.unwrap_or_else(|| panic!("no target `{name}`"))
}
