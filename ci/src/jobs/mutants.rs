//! Seeded bugs: each is put into a copy of the reference stack, and the programs of the target `state_machine` look for it.
//!
//! `fuzz/mutants/seeded.toml` names them. The copy lies below the target folder and is built there, one bug after the other, so that each
//! costs one build of the stack. A bug whose text is no longer in the stack is a fault of the list.

use super::End;
use crate::step::{self, Fault};
use clap::Args;
use serde::Deserialize;
use std::fs;
use std::path::Path;

/// What is asked of the job.
#[derive(Debug, Clone, Args)]
pub(crate) struct Asked {
    /// Only the bugs of these numbers
    #[arg(long, value_delimiter = ',', value_name = "N")]
    only: Vec<u32>,
    /// How long each is looked for
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

#[derive(Debug, Deserialize)]
struct List {
    mutant: Vec<Mutant>,
}

#[derive(Debug, Deserialize)]
struct Mutant {
    number: u32,
    name: String,
    file: String,
    find: String,
    replace: String,
}

/// Runs the bugs that are asked for, and prints a table.
pub(crate) fn mutants(asked: &Asked) -> Result<End, Fault> {
    let text = read(&step::root().join("fuzz/mutants/seeded.toml"))?;
    let list: List = toml::from_str(&text).map_err(|fault| format!("fuzz/mutants/seeded.toml: {fault}"))?;
    let chosen: Vec<&Mutant> =
        list.mutant.iter().filter(|mutant| asked.only.is_empty() || asked.only.contains(&mutant.number)).collect();
    if chosen.is_empty() {
        return Err("no seeded bug has one of these numbers".to_owned());
    }
    let folder = step::target_dir()?.join("ci").join("mutants");
    let tree = folder.join("tree");
    copy(&tree)?;
    if let Some(found) = Some(hunt(&tree, &folder, 10)?).filter(|found| !found.starts_with("none")) {
        return Err(format!("the stack without a seeded bug: {found}"));
    }
    let mut rows = Vec::new();
    for mutant in &chosen {
        let file = tree.join("stack/core/src").join(&mutant.file);
        let good = read(&file)?;
        if good.matches(&mutant.find).count() != 1 {
            return Err(format!("bug {}: its text is not once in {}", mutant.number, mutant.file));
        }
        write(&file, &good.replacen(&mutant.find, &mutant.replace, 1))?;
        let found = hunt(&tree, &folder, asked.seconds);
        write(&file, &good)?;
        rows.push((mutant, found?));
    }
    println!("\n| bug | what it does | found by | seconds | state | event |\n|---|---|---|---|---|---|");
    let mut killed = 0;
    for (mutant, found) in &rows {
        let words: Vec<&str> = found.split(' ').collect();
        let word = |index: usize| words.get(index).copied().unwrap_or("-");
        killed += usize::from(word(0) != "none");
        println!("| {} | {} | {} | {} | {} | {} |", mutant.number, mutant.name, word(0), word(1), word(2), word(3));
    }
    Ok(End::Good(format!("{killed} of {} seeded bugs found within {} s each", rows.len(), asked.seconds)))
}

/// The tracked files of the workspace, as they are.
fn copy(tree: &Path) -> Result<(), Fault> {
    let mut git = step::command("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    for file in step::captured(&mut git)?.lines() {
        let (from, to) = (step::root().join(file), tree.join(file));
        if !from.is_file() {
            continue;
        }
        let octets = fs::read(&from).map_err(|fault| format!("{}: {fault}", from.display()))?;
        if fs::read(&to).is_ok_and(|there| there == octets) {
            // Untouched, so that cargo does not build it anew.
            continue;
        }
        let parent = to.parent().unwrap_or(tree);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&to, octets))
            .map_err(|fault| format!("{}: {fault}", to.display()))?;
    }
    Ok(())
}

/// Builds the copy and lets it look: the line that it prints.
fn hunt(tree: &Path, folder: &Path, seconds: u32) -> Result<String, Fault> {
    let mut cargo = step::cargo(&["run", "-q", "--release", "-p", "halfopen-fuzz", "--example", "hunt", "--"]);
    cargo.arg(seconds.to_string()).arg(tree.join("fuzz/corpus/state_machine"));
    cargo.current_dir(tree).env("CARGO_TARGET_DIR", folder.join("target"));
    cargo.envs([
        ("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true"),
        ("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true"),
        ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
    ]);
    let line = step::captured(&mut cargo)?.trim().to_owned();
    println!("{line}");
    Ok(line)
}

fn read(file: &Path) -> Result<String, Fault> {
    fs::read_to_string(file).map_err(|fault| format!("{}: {fault}", file.display()))
}

fn write(file: &Path, text: &str) -> Result<(), Fault> {
    fs::write(file, text).map_err(|fault| format!("{}: {fault}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change of the stack must not take a bug off the list in silence.
    #[test]
    fn every_bug_has_its_place_in_the_stack() {
        let root = step::root();
        let list: List = toml::from_str(&read(&root.join("fuzz/mutants/seeded.toml")).unwrap()).unwrap();
        assert!(list.mutant.len() >= 20);
        for mutant in list.mutant {
            let text = read(&root.join("stack/core/src").join(&mutant.file)).unwrap();
            assert_eq!(text.matches(&mutant.find).count(), 1, "bug {}: {}", mutant.number, mutant.name);
            assert_ne!(mutant.find, mutant.replace);
        }
    }
}
