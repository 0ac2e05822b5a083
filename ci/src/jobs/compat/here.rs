//! Runs `halfopen run --compat packetdrill` and reads its JSON lines.

use super::{Asked, Case, Cost, Verdicts};
use crate::jobs::conformance;
use crate::jobs::scripts::Family;
use crate::step::{self, Fault};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Stdio;

/// As much of a line as is needed here.
#[derive(Debug, Deserialize)]
struct Line {
    /// A summary has none.
    test: Option<String>,
    verdict: Option<String>,
    reason: Option<String>,
    mismatch: Option<Mismatch>,
}

#[derive(Debug, Deserialize)]
struct Mismatch {
    line: Option<u32>,
    kind: String,
    expected: String,
    got: String,
}

/// Every case, as often as asked.
pub(super) fn run(asked: &Asked, cases: &[Case]) -> Result<(BTreeMap<Case, Verdicts>, Vec<Cost>), Fault> {
    let program = asked.halfopen.clone().map_or_else(conformance::build, |path| {
        fs::canonicalize(&path).map_err(|error| format!("{}: {error}", path.display()))
    })?;
    let out = step::scratch("compat")?;
    let mut verdicts: BTreeMap<Case, Verdicts> = BTreeMap::new();
    let mut costs = Vec::new();
    for number in 1..=asked.repeat {
        println!("halfopen, {} runs, time {number} of {}", cases.len(), asked.repeat);
        let lines = out.join(format!("{number}.jsonl"));
        let ((), cost) = Cost::of(|| pass(asked, cases, &program, &lines))?;
        costs.push(cost);
        let text = fs::read_to_string(&lines).map_err(|error| format!("{}: {error}", lines.display()))?;
        for (case, word, said) in read(&asked.scripts, &text)? {
            verdicts.entry(case).or_default().add(&word, said);
        }
    }
    Ok((verdicts, costs))
}

/// One run of the program over all cases. Its exit code is no matter: the lines tell.
fn pass(asked: &Asked, cases: &[Case], program: &Path, lines: &Path) -> Result<(), Fault> {
    let mut command = step::command(program);
    command.args(["run", "--sut", "linux", "--compat", "packetdrill", "--pcap", "never", "--quiet"]);
    command.arg("--format").arg(format!("jsonl={}", lines.display()));
    if !asked.families.is_empty() {
        let families: Vec<String> = asked.families.iter().map(Family::to_string).collect();
        command.arg(format!("--family={}", families.join(",")));
    }
    if asked.only.is_empty() {
        command.arg(&asked.scripts);
    } else {
        let scripts: BTreeSet<&str> = cases.iter().map(|case| case.script.as_str()).collect();
        command.args(scripts.into_iter().map(|script| asked.scripts.join(script)));
    }
    step::status(command.stdout(Stdio::null())).map(|_| ())
}

/// Case, verdict, and what was said of one that did not pass.
fn read(scripts: &Path, text: &str) -> Result<Vec<(Case, String, Option<String>)>, Fault> {
    let mut found = Vec::new();
    for line in text.lines() {
        let line: Line = serde_json::from_str(line).map_err(|error| format!("JSON lines of halfopen: {error}"))?;
        let (Some(test), Some(verdict)) = (&line.test, &line.verdict) else { continue };
        let case = case(scripts, test).ok_or_else(|| format!("halfopen ran a test that was not asked for: {test}"))?;
        let said = line.mismatch.as_ref().map(Mismatch::text).or(line.reason);
        found.push((case, verdict.clone(), said.filter(|_| verdict != "pass")));
    }
    Ok(found)
}

impl Mismatch {
    fn text(&self) -> String {
        let Self { line, kind, expected, got } = self;
        let line = line.map_or_else(String::new, |line| format!("line {line}: "));
        format!("{line}{kind}: expected {expected}, got {got}")
    }
}

/// The case of a test id: `FOLDER/a/b.pkt[v4]`.
fn case(scripts: &Path, test: &str) -> Option<Case> {
    let (path, variant) = test.strip_suffix(']')?.rsplit_once('[')?;
    let script = Path::new(path).strip_prefix(scripts).ok()?.display().to_string();
    Some(Case { script, family: Family::named(variant)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_cases_with_their_verdicts() {
        let text = concat!(
            r#"{"v":1,"test":"d/a/b.pkt[v4]","verdict":"pass","reason":null,"mismatch":null}"#,
            "\n",
            r#"{"v":1,"test":"d/c.pkt[mapped]","verdict":"fail","mismatch":{"line":7,"kind":"time","expected":"x","got":"y"}}"#,
            "\n",
            r#"{"v":1,"test":"d/c.pkt[v6]","verdict":"unsupported","reason":"`pipe`"}"#,
            "\n",
            r#"{"v":1,"summary":{}}"#,
        );
        let found = read(Path::new("d"), text).expect("well-formed");
        let case = |script: &str, family| Case { script: script.to_owned(), family };
        let expected = [
            (case("a/b.pkt", Family::V4), "pass".to_owned(), None),
            (case("c.pkt", Family::Mapped), "fail".to_owned(), Some("line 7: time: expected x, got y".to_owned())),
            (case("c.pkt", Family::V6), "unsupported".to_owned(), Some("`pipe`".to_owned())),
        ];
        assert_eq!(found, expected);
        assert!(read(Path::new("e"), text).is_err());
        assert!(read(Path::new("d"), "{").is_err());
    }
}
