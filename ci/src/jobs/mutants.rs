//! Seeded bugs: all are put into a copy of the reference stack, each to be switched on, and the fuzz targets look for one after the other,
//! in turns, on one core.
//!
//! `fuzz/mutants/seeded.toml` names them. The copy lies below the target folder and is built there once ([`switches`]). A bug whose text is no
//! longer in the stack is a fault of the list. What violates an oracle with the bug switched off too is no sign of the bug. What came out is kept in `fuzz/mutants/results.toml`, of which `docs/seeded-bugs.md` is made.

mod page;
mod switches;

use super::End;
use crate::step::{self, Fault};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The list.
const LIST: &str = "fuzz/mutants/seeded.toml";
/// What came out.
const RESULTS: &str = "fuzz/mutants/results.toml";
/// What the oracles are.
const ORACLES: &str = "docs/fuzzing.md";
/// The page.
const PAGE: &str = "docs/seeded-bugs.md";

/// What is asked of the job.
#[derive(Debug, Clone, Args)]
pub(crate) struct Asked {
    /// Only the bugs of these numbers
    #[arg(long, value_delimiter = ',', value_name = "N")]
    only: Vec<u32>,
    /// Only bugs without a result, and those that were not found
    #[arg(long)]
    missing: bool,
    /// Only write the page of what came out before
    #[arg(long)]
    page: bool,
    /// How long each is looked for
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

/// The bugs, and those of the histories that this stack cannot have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    mutant: Vec<Mutant>,
    #[serde(default)]
    absent: Vec<Absent>,
}

/// A bug: in words, and as an edit of one file of the stack.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutant {
    number: u32,
    name: String,
    /// The oracles that ought to find it; any may.
    oracles: Vec<String>,
    file: String,
    find: String,
    replace: String,
}

/// A bug that does not apply.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Absent {
    number: u32,
    name: String,
    why: String,
}

/// What came out, by number.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Results {
    /// How long each was looked for.
    seconds: u32,
    #[serde(default)]
    result: Vec<Found>,
}

/// What came out of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Found {
    number: u32,
    /// `none` for one that was not found.
    oracle: String,
    seconds: f64,
    target: String,
    state: String,
    event: String,
    /// Inputs that were tried.
    inputs: u64,
}

impl Found {
    fn is_kill(&self) -> bool {
        self.oracle != "none"
    }

    /// From the line of the example `hunt`.
    fn read(number: u32, line: &str) -> Result<Self, Fault> {
        let words: Vec<&str> = line.split(' ').collect();
        let (&[oracle, seconds, target, state, event, inputs], true) = (words.as_slice(), words.len() == 6) else {
            return Err(format!("the hunt says `{line}`"));
        };
        let bad = |what: &str| format!("the hunt says `{line}`: {what}");
        Ok(Self {
            number,
            oracle: oracle.to_owned(),
            seconds: seconds.parse().map_err(|_| bad(seconds))?,
            target: target.to_owned(),
            state: state.to_owned(),
            event: event.to_owned(),
            inputs: inputs.parse().map_err(|_| bad(inputs))?,
        })
    }
}

/// Runs the bugs that are asked for, and writes the table.
pub(crate) fn mutants(asked: &Asked) -> Result<End, Fault> {
    let list: List = from_toml(LIST)?;
    let mut results: Results =
        if step::root().join(RESULTS).is_file() { from_toml(RESULTS)? } else { Results::default() };
    if asked.page {
        write_page(&list, &results)?;
        return Ok(End::Good(PAGE.to_owned()));
    }
    results.seconds = asked.seconds;
    let open = |number| !results.result.iter().any(|found| found.number == number && found.is_kill());
    let chosen: Vec<&Mutant> = list
        .mutant
        .iter()
        .filter(|mutant| asked.only.is_empty() || asked.only.contains(&mutant.number))
        .filter(|mutant| !asked.missing || open(mutant.number))
        .collect();
    if chosen.is_empty() {
        return Err("no seeded bug is asked for".to_owned());
    }
    let bench = Bench::new(&list)?;
    for mutant in &chosen {
        let found = bench.hunt(mutant, asked.seconds)?;
        println!("{} {}: {} {:.2} s {}", mutant.number, mutant.name, found.oracle, found.seconds, found.target);
        results.result.retain(|other| other.number != mutant.number);
        results.result.push(found);
        results.result.sort_by_key(|found| found.number);
        let text = toml::to_string(&results).map_err(|fault| format!("{RESULTS}: {fault}"))?;
        write(&step::root().join(RESULTS), &format!("# Written by `cargo ci mutants`.\n{text}"))?;
        write_page(&list, &results)?;
    }
    let killed = chosen.iter().filter(|mutant| !open_in(&results, mutant.number)).count();
    Ok(End::Good(format!("{killed} of {} seeded bugs found within {} s each; {PAGE}", chosen.len(), asked.seconds)))
}

fn write_page(list: &List, results: &Results) -> Result<(), Fault> {
    let oracles = read(&step::root().join(ORACLES))?;
    write(&step::root().join(PAGE), &page::page(list, results, &oracles))
}

fn open_in(results: &Results, number: u32) -> bool {
    !results.result.iter().any(|found| found.number == number && found.is_kill())
}

/// The targets that look, in turns.
const HUNTERS: [&str; 6] =
    ["state_machine", "endpoint_pair", "reassembly", "retransmission", "segment_parser", "listener"];

/// The copy of the workspace with all bugs in it, each to be switched on, and the hunter.
struct Bench {
    folder: PathBuf,
    program: PathBuf,
    hunters: Vec<String>,
}

impl Bench {
    fn new(list: &List) -> Result<Self, Fault> {
        let folder = step::target_dir()?.join("ci").join("mutants");
        let tree = folder.join("tree");
        let mut changed = BTreeMap::new();
        for bug in &list.mutant {
            changed.entry(format!("stack/core/src/{}", bug.file)).or_insert_with(Vec::new).push(bug);
        }
        copy(&tree, &|file, text| match (changed.get(file), file) {
            (Some(bugs), _) => switches::switched(text, bugs).map(Some),
            (None, "stack/core/src/lib.rs") => Ok(Some(format!("{text}{}", switches::SWITCH))),
            (None, "fuzz/examples/hunt.rs") => {
                let [from, to] = switches::SETTER;
                if text.contains(from) { Ok(Some(text.replace(from, to))) } else { Err(format!("{file}: no `{from}`")) }
            }
            (None, _) => Ok(None),
        })?;
        let program = build(&tree, &folder.join("target"))?;
        let known = |name: &str| step::root().join("fuzz/corpus").join(name).is_dir();
        let hunters = HUNTERS.into_iter().filter(|name| known(name)).map(str::to_owned).collect();
        Ok(Self { folder, program, hunters })
    }

    /// Looks for a bug.
    fn hunt(&self, mutant: &Mutant, seconds: u32) -> Result<Found, Fault> {
        let mut hunt = step::command(&self.program);
        hunt.arg(seconds.to_string()).arg(step::root().join("fuzz"));
        hunt.arg("--bug").arg(mutant.number.to_string());
        hunt.arg("--keep").arg(self.folder.join(format!("found-{}", mutant.number))).args(&self.hunters);
        Found::read(mutant.number, step::captured(&mut hunt)?.trim())
    }
}

/// Builds the copy: quick to build and with every assertion, not quick to run.
fn build(tree: &Path, target: &Path) -> Result<PathBuf, Fault> {
    let mut cargo = step::cargo(&["build", "-q", "--release", "-p", "halfopen-fuzz", "--example", "hunt"]);
    cargo.current_dir(tree).env("CARGO_TARGET_DIR", target).env("RUSTFLAGS", "-Awarnings");
    cargo.envs([
        ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
        ("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true"),
        ("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true"),
        ("CARGO_PROFILE_RELEASE_INCREMENTAL", "true"),
        ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
    ]);
    step::succeed(&mut cargo)?;
    Ok(target.join("release/examples/hunt"))
}

/// What becomes of a file of the copy; `None`: nothing.
type Change<'a> = dyn Fn(&str, &str) -> Result<Option<String>, Fault> + 'a;

/// The tracked files of the workspace, each changed as asked.
fn copy(tree: &Path, change: &Change<'_>) -> Result<(), Fault> {
    let mut git = step::command("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    for file in step::captured(&mut git)?.lines() {
        let (from, to) = (step::root().join(file), tree.join(file));
        if !from.is_file() {
            continue;
        }
        let mut octets = fs::read(&from).map_err(|fault| format!("{}: {fault}", from.display()))?;
        if let Ok(text) = std::str::from_utf8(&octets)
            && let Some(other) = change(file, text)?
        {
            octets = other.into_bytes();
        }
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

fn from_toml<T: serde::de::DeserializeOwned>(file: &str) -> Result<T, Fault> {
    toml::from_str(&read(&step::root().join(file))?).map_err(|fault| format!("{file}: {fault}"))
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
        let list: List = from_toml(LIST).unwrap();
        for mutant in &list.mutant {
            let text = read(&step::root().join("stack/core/src").join(&mutant.file)).unwrap();
            assert_eq!(text.matches(&mutant.find).count(), 1, "bug {}: {}", mutant.number, mutant.name);
            assert_ne!(mutant.find, mutant.replace);
            assert!(!mutant.oracles.is_empty(), "bug {} is expected to be found by nothing", mutant.number);
        }
    }

    #[test]
    fn every_bug_can_be_switched() {
        let list: List = from_toml(LIST).unwrap();
        for mutant in &list.mutant {
            let text = read(&step::root().join("stack/core/src").join(&mutant.file)).unwrap();
            let switched = switches::switched(&text, &[mutant]).unwrap();
            assert!(switched.contains(&mutant.replace), "bug {}", mutant.number);
        }
    }

    #[test]
    fn every_number_is_there_once() {
        let list: List = from_toml(LIST).unwrap();
        let mut numbers: Vec<u32> = list.mutant.iter().map(|mutant| mutant.number).collect();
        numbers.extend(list.absent.iter().map(|absent| absent.number));
        numbers.sort_unstable();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
        assert!((1..=88).all(|number| numbers.contains(&number)), "{numbers:?}");
    }

    #[test]
    fn the_page_is_of_the_list_and_the_results() {
        let (list, results): (List, Results) = (from_toml(LIST).unwrap(), from_toml(RESULTS).unwrap());
        let oracles = read(&step::root().join(ORACLES)).unwrap();
        let page = page::page(&list, &results, &oracles);
        assert_eq!(read(&step::root().join(PAGE)).unwrap(), page, "`cargo ci mutants --page` writes it");
    }
}
