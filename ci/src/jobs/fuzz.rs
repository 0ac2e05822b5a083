//! Every fuzz target, for a short while. On the stable compiler, hence without a sanitizer: coverage guides all the same,
//! and what is fuzzed is free of `unsafe`, so that the targets' own oracles are what finds faults.

use super::End;
use crate::step::{self, Fault};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::{self, available_parallelism};

/// The package of the shells.
const FUZZ_DIR: &str = "fuzz/fuzz_targets";
/// The release of cargo-fuzz whose command line this is.
const CARGO_FUZZ: &str = "0.13.2";
/// The target that hides a fault on purpose. A fuzzer that does not find it finds nothing.
const CANARY: &str = "canary";
/// The canary is found within a second or so; this is for a slow machine.
const CANARY_SECONDS: u32 = 60;

/// Builds all, and runs each.
pub(crate) fn fuzz(seconds: u32) -> Result<End, Fault> {
    if !step::answers("cargo-fuzz", &["--version"]) {
        step::succeed(&mut step::cargo(&["install", "cargo-fuzz", "--locked", "--version", CARGO_FUZZ]))?;
    }
    let targets = targets()?;
    if !targets.iter().any(|target| target == CANARY) {
        return Err(format!("no target `{CANARY}` among {targets:?}"));
    }
    step::succeed(&mut step::cargo(&["fuzz", "build", "--fuzz-dir", FUZZ_DIR, "--sanitizer", "none"]))?;
    let scratch = step::scratch("fuzz")?;
    let mut faults = Vec::new();
    // One for each core.
    for some in targets.chunks(available_parallelism().map_or(1, usize::from)) {
        let each =
            |target: &'_ String| findings(target, if target == CANARY { CANARY_SECONDS } else { seconds }, &scratch);
        let found: Vec<_> = thread::scope(|scope| {
            let runs: Vec<_> = some.iter().map(|target| scope.spawn(move || each(target))).collect();
            runs.into_iter().map(|run| run.join().expect("a run does not panic")).collect()
        });
        for (target, found) in some.iter().zip(found) {
            match (target == CANARY, found?.as_slice()) {
                (true, []) => faults.push(format!("{target}: not found within {CANARY_SECONDS} s")),
                (false, [first, ..]) => faults.push(format!("{target}: {}", first.display())),
                (true, [_, ..]) | (false, []) => {}
            }
        }
    }
    if faults.is_empty() {
        Ok(End::Good(format!("{} targets, canary found", targets.len())))
    } else {
        Err(faults.join("; "))
    }
}

/// The targets that cargo-fuzz knows.
fn targets() -> Result<Vec<String>, Fault> {
    let mut targets = Vec::new();
    let status = step::stream(&mut step::cargo(&["fuzz", "list", "--fuzz-dir", FUZZ_DIR]), |line| {
        targets.push(line.trim().to_owned());
    })?;
    if status.success() { Ok(targets) } else { Err(format!("cargo fuzz list: {status}")) }
}

/// Runs one target; returns the inputs that broke it.
///
/// What the fuzzer learns goes to the scratch folder: the corpus in the repository is read and not written.
///
/// # Errors
/// A run that ends badly without a finding, e.g. because the target does not start.
fn findings(target: &str, seconds: u32, scratch: &Path) -> Result<Vec<PathBuf>, Fault> {
    let folder = |sort: &str| -> Result<PathBuf, Fault> {
        let path = scratch.join(target).join(sort);
        fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(path)
    };
    let (learned, artifacts) = (folder("corpus")?, folder("artifacts")?);
    let kept = step::root().join("fuzz").join("corpus").join(target);
    let mut command = step::cargo(&["fuzz", "run", "--fuzz-dir", FUZZ_DIR, "--sanitizer", "none", target]);
    command.arg(learned);
    if kept.is_dir() {
        command.arg(kept);
    }
    command.arg("--").arg(format!("-max_total_time={seconds}")).arg("-print_final_stats=1");
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    if target == CANARY {
        println!("The next failure is the one that is hidden there to be found.");
        command.env("RUST_BACKTRACE", "0");
    }
    let status = step::status_apart(&mut command)?;
    let entries = fs::read_dir(&artifacts).map_err(|error| format!("{}: {error}", artifacts.display()))?;
    let mut found: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    found.sort();
    match (status.success(), found.is_empty()) {
        (true, true) | (false, false) => Ok(found),
        (false, true) => Err(format!("{target}: {status}, without a finding")),
        (true, false) => Err(format!("{target}: {status}, yet it left {}", found[0].display())),
    }
}
