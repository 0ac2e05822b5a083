//! google/packetdrill and `halfopen run --compat packetdrill` on the same machine, kernel and scripts: a table of verdicts, and what both
//! cost. Neither the program nor the scripts are part of this repository.
//!
//! Every script runs in the families of packetdrill's own runner, with the command line of that runner, several times under each tool. A
//! run that packetdrill decides alike each time must be decided so here, or `ci/packetdrill-differs.toml` says why not.

pub(crate) mod cost;
mod here;
mod known;
mod peer;
mod table;

use super::End;
use super::scripts::{self, Family};
use crate::step::{self, Fault};
use cost::Cost;
use known::Known;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What is asked for.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Asked {
    /// The program of google/packetdrill
    #[arg(long)]
    packetdrill: PathBuf,
    /// Folder of scripts, searched to the bottom
    #[arg(long)]
    scripts: PathBuf,
    /// Only these families: v4, mapped, v6
    #[arg(long, value_delimiter = ',', value_parser = family)]
    families: Vec<Family>,
    /// Only scripts whose path contains this
    #[arg(long, default_value = "")]
    only: String,
    /// How often each tool runs each script
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=20))]
    repeat: u16,
    /// Runs of packetdrill at a time; more than 2 change its verdicts
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=2))]
    parallel: u16,
    /// Congestion control of every socket under packetdrill, where the kernel refuses a namespace to choose; the scripts want cubic
    #[arg(long, default_value = "cubic")]
    congestion_control: String,
    /// Take packetdrill's verdicts from a file that `--json` wrote
    #[arg(long, value_name = "FILE")]
    verdicts: Option<PathBuf>,
    /// A binary of halfopen; without it one is built
    #[arg(long, value_name = "PROGRAM")]
    halfopen: Option<PathBuf>,
    /// Write every run as a line of JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the table as Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

fn family(word: &str) -> Result<Family, String> {
    Family::named(word).ok_or_else(|| "v4, mapped and v6 are known".to_owned())
}

/// One script in one family.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Case {
    /// Path below the folder.
    pub(crate) script: String,
    pub(crate) family: Family,
}

/// What one tool made of a case, each time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Verdicts {
    /// `pass`, `fail` and the others.
    pub(crate) words: Vec<String>,
    /// What the last one that did not pass said.
    pub(crate) said: String,
}

impl Verdicts {
    /// Adds one more; `said` when it is no pass.
    pub(crate) fn add(&mut self, word: &str, said: Option<String>) {
        self.words.push(word.to_owned());
        self.said = said.unwrap_or_else(|| std::mem::take(&mut self.said));
    }

    /// Whether it passed, when it did or did not each time.
    pub(crate) fn decided(&self) -> Option<bool> {
        let first = self.words.first()? == "pass";
        self.words.iter().all(|word| (word == "pass") == first).then_some(first)
    }
}

/// How the two stand to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Decided alike; passed or not.
    Same(bool),
    /// packetdrill did not decide alike each time.
    Undecided,
    /// They differ, and this is why.
    Known(String),
    /// They differ.
    Differs,
}

/// A line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) case: Case,
    pub(crate) packetdrill: Verdicts,
    pub(crate) here: Verdicts,
    pub(crate) standing: Standing,
}

/// Runs both, prints the table.
pub(crate) fn compat(asked: &Asked) -> Result<End, Fault> {
    let known = Known::read(&step::root().join("ci/packetdrill-differs.toml"))?;
    let cases = cases(asked)?;
    let (packetdrill, their) = match &asked.verdicts {
        Some(file) => (table::read(file)?, None),
        None => peer::run(asked, &cases).map(|(verdicts, costs)| (verdicts, Some(costs)))?,
    };
    let (here, our) = here::run(asked, &cases)?;
    let rows = rows(&cases, &packetdrill, &here, &known)?;
    table::print(&rows);
    cost::print(their.as_deref(), &our, cases.len());
    if let Some(file) = &asked.json {
        write(file, &table::json(&rows))?;
    }
    if let Some(file) = &asked.markdown {
        write(file, &table::markdown(&rows, their.as_deref(), &our, &note(&rows)))?;
    }
    for unused in known.unused(&rows) {
        println!("no longer needed in ci/packetdrill-differs.toml, by these runs: {unused}");
    }
    Ok(end(&rows))
}

/// Every script in its families.
fn cases(asked: &Asked) -> Result<Vec<Case>, Fault> {
    let mut cases = Vec::new();
    for script in scripts::find(&asked.scripts, &asked.only)? {
        let name = script.strip_prefix(&asked.scripts).unwrap_or(&script).display().to_string();
        let wanted = |family: &&Family| asked.families.is_empty() || asked.families.contains(family);
        let families = Family::of(&name).iter().filter(wanted);
        cases.extend(families.map(|family| Case { script: name.clone(), family: *family }));
    }
    if cases.is_empty() { Err("no script runs in these families".to_owned()) } else { Ok(cases) }
}

/// Puts the verdicts side by side.
fn rows(
    cases: &[Case],
    packetdrill: &BTreeMap<Case, Verdicts>,
    here: &BTreeMap<Case, Verdicts>,
    known: &Known,
) -> Result<Vec<Row>, Fault> {
    let of = |tool: &BTreeMap<Case, Verdicts>, name: &str, case: &Case| {
        let verdicts = tool.get(case).filter(|verdicts| !verdicts.words.is_empty()).cloned();
        verdicts.ok_or_else(|| format!("{name} has no verdict on {} [{}]", case.script, case.family))
    };
    let row = |case: &Case| {
        let (packetdrill, here) = (of(packetdrill, "packetdrill", case)?, of(here, "halfopen", case)?);
        let standing = match (packetdrill.decided(), here.decided()) {
            (None, _) => Standing::Undecided,
            (Some(theirs), Some(ours)) if theirs == ours => Standing::Same(ours),
            (Some(theirs), _) => {
                known.reason(case, theirs).map_or(Standing::Differs, |why| Standing::Known(why.to_owned()))
            }
        };
        Ok(Row { case: case.clone(), packetdrill, here, standing })
    };
    cases.iter().map(row).collect()
}

fn end(rows: &[Row]) -> End {
    let differs = rows.iter().any(|row| row.standing == Standing::Differs);
    if differs { End::Differs(note(rows)) } else { End::Good(note(rows)) }
}

/// What it comes to, in a line.
fn note(rows: &[Row]) -> String {
    let count = |wanted: fn(&Standing) -> bool| rows.iter().filter(|row| wanted(&row.standing)).count();
    format!(
        "{} runs: {} alike ({} pass), {} differ for a known reason, {} not decided alike by packetdrill itself, {} differ",
        rows.len(),
        count(|standing| matches!(standing, Standing::Same(_))),
        count(|standing| *standing == Standing::Same(true)),
        count(|standing| matches!(standing, Standing::Known(_))),
        count(|standing| *standing == Standing::Undecided),
        count(|standing| *standing == Standing::Differs),
    )
}

fn write(file: &Path, text: &str) -> Result<(), Fault> {
    fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(script: &str) -> Case {
        Case { script: script.to_owned(), family: Family::V4 }
    }

    fn verdicts(words: &[&str]) -> Verdicts {
        Verdicts { words: words.iter().map(|word| (*word).to_owned()).collect(), said: String::new() }
    }

    #[test]
    fn what_packetdrill_decides_must_be_decided_alike() {
        let known = "[[difference]]\nscript = 'k*.pkt'\npacketdrill = 'fail'\nreason = 'r'\nproof = 'p'\n";
        let known = Known::parse("t", known).expect("well-formed");
        let table: [(&str, &[&str], &[&str], Standing); 7] = [
            ("a.pkt", &["pass", "pass"], &["pass", "pass"], Standing::Same(true)),
            ("b.pkt", &["fail", "fail"], &["fail", "unsupported"], Standing::Same(false)),
            ("c.pkt", &["pass", "fail"], &["fail", "fail"], Standing::Undecided),
            ("d.pkt", &["pass", "pass"], &["pass", "fail"], Standing::Differs),
            ("e.pkt", &["fail", "fail"], &["pass", "pass"], Standing::Differs),
            ("k.pkt", &["fail", "fail"], &["pass", "pass"], Standing::Known("r".to_owned())),
            // The entry speaks of a run that packetdrill fails.
            ("k2.pkt", &["pass", "pass"], &["fail", "fail"], Standing::Differs),
        ];
        let cases: Vec<Case> = table.iter().map(|(script, ..)| case(script)).collect();
        let theirs = table.iter().map(|(script, words, ..)| (case(script), verdicts(words))).collect();
        let ours = table.iter().map(|(script, _, words, _)| (case(script), verdicts(words))).collect();
        let rows = rows(&cases, &theirs, &ours, &known).expect("every case has verdicts");
        for (row, (script, .., standing)) in rows.iter().zip(&table) {
            assert_eq!(row.standing, *standing, "{script}");
        }
        assert!(matches!(end(&rows), End::Differs(note) if note.contains("3 differ")), "{:?}", end(&rows));
        assert!(matches!(end(&rows[..2]), End::Good(_)));
        assert!(known.unused(&rows).is_empty());
        assert_eq!(known.unused(&rows[..2]).len(), 1);
    }

    #[test]
    fn a_case_without_a_verdict_is_a_fault() {
        let known = Known::parse("t", "").expect("well-formed");
        let theirs = [(case("a.pkt"), verdicts(&["pass"]))].into();
        let fault = rows(&[case("a.pkt")], &theirs, &BTreeMap::new(), &known).expect_err("no verdict of ours");
        assert!(fault.contains("halfopen has no verdict on a.pkt"), "{fault}");
    }
}
