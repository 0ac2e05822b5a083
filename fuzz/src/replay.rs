//! Seeds and regressions through the plain functions.

use crate::{ELSEWHERE, TARGETS, canary};
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Files below a folder of this crate, by name; none when there is no such folder.
pub(crate) fn files(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut files);
    files.sort();
    files
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

/// Runs a target over files and names the file that it dies of.
fn replay(run: fn(&[u8]), files: &[PathBuf]) {
    for file in files {
        let octets = fs::read(file).expect("a readable file");
        assert!(catch_unwind(|| run(&octets)).is_ok(), "{}: the finding is printed above", file.display());
    }
}

#[test]
fn seeds_violate_no_oracle() {
    for target in TARGETS {
        let seeds = files(&format!("corpus/{}", target.name));
        assert!(!seeds.is_empty(), "{} has no seeds", target.name);
        replay(target.run, &seeds);
    }
}

#[test]
fn what_was_found_once_stays_fixed() {
    for target in TARGETS {
        replay(target.run, &files(&format!("regressions/{}", target.name)));
    }
    for file in files("regressions") {
        let known = |name: &str| file.iter().any(|part| part == name);
        let mut names = TARGETS.iter().map(|target| target.name).chain(ELSEWHERE);
        assert!(names.any(known), "{} belongs to no target", file.display());
    }
}

/// The scripts of the suite are seeds too: the best ones that the parser can have.
#[test]
fn the_suite_violates_no_oracle() {
    let scripts: Vec<PathBuf> =
        files("../specs").into_iter().filter(|file| file.extension().is_some_and(|end| end == "pkt")).collect();
    assert!(!scripts.is_empty());
    replay(crate::script_parser::run, &scripts);
}

/// Every shell has its function, and every function its shell.
#[test]
fn shells_and_functions_match() {
    let shells: Vec<String> = files("fuzz_targets")
        .iter()
        .filter(|file| file.extension().is_some_and(|end| end == "rs"))
        .map(|file| file.file_stem().expect("a file name").to_string_lossy().into_owned())
        .collect();
    let mut functions: Vec<&str> =
        TARGETS.iter().map(|target| target.name).chain(ELSEWHERE).chain(["canary"]).collect();
    functions.sort_unstable();
    assert_eq!(shells, functions);
}

#[test]
fn the_canary_dies_of_its_magic_input_and_of_nothing_less() {
    assert!(catch_unwind(|| canary::run(canary::MAGIC)).is_err());
    for length in 0..canary::MAGIC.len() {
        canary::run(&canary::MAGIC[..length]);
        let mut other = *canary::MAGIC;
        other[length] ^= 1;
        canary::run(&other);
    }
}
