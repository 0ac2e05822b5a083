//! How close the `linux` profile of the reference stack is to Linux: packetdrill's scripts on it, each that does not pass with its reason.
//! The page `docs/linux-profile.md` is made of what they came to and of `ci/linux-profile.toml`, which says why.

use super::{End, conformance};
use crate::step::{self, Fault};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use wildmatch::WildMatch;

const REASONS: &str = "ci/linux-profile.toml";
const PAGE: &str = "docs/linux-profile.md";
/// All scripts in all families take no longer than this.
const BUDGET: Duration = Duration::from_secs(2);

/// What is asked for.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Asked {
    /// Folder of scripts, searched to the bottom
    #[arg(long)]
    scripts: PathBuf,
    /// `halfopen` to run, instead of one built here
    #[arg(long)]
    halfopen: Option<PathBuf>,
    /// Write the page instead of holding it against what came out
    #[arg(long)]
    write: bool,
}

/// The reasons.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reasons {
    entry: Vec<Entry>,
}

/// Runs that do not pass, for one reason.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Globs over ids below the folder, `close/a.pkt[v4]`.
    tests: Vec<String>,
    verdict: Verdict,
    /// What the run says, among other things.
    says: String,
    /// What Linux 6.18 makes of the same run, where that is known.
    linux: Option<String>,
    /// Why, in a line.
    why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Pass,
    Fail,
    Unsupported,
    Error,
}

/// As much of a JSON line as is needed.
#[derive(Debug, Deserialize)]
struct Line {
    test: Option<String>,
    verdict: Option<Verdict>,
    reason: Option<String>,
    mismatch: Option<Mismatch>,
}

#[derive(Debug, Deserialize)]
struct Mismatch {
    line: Option<u32>,
    expected: String,
    got: String,
}

/// One run.
#[derive(Debug, PartialEq, Eq)]
struct Run {
    /// Path below the folder, with the family in brackets.
    id: String,
    verdict: Verdict,
    said: String,
}

/// Runs them, prints the table, and writes or checks the page.
pub(crate) fn likeness(asked: &Asked) -> Result<End, Fault> {
    let given = |path: PathBuf| fs::canonicalize(&path).map_err(|error| format!("{}: {error}", path.display()));
    let program = asked.halfopen.clone().map_or_else(conformance::build, given)?;
    let lines = step::scratch("likeness")?.join("lines.jsonl");
    let mut command = step::command(&program);
    command.args([
        "run",
        "--sut",
        "reference",
        "--profile",
        "linux",
        "--compat",
        "packetdrill",
        "--pcap",
        "never",
        "-q",
    ]);
    command.arg("--format").arg(format!("jsonl={}", lines.display())).arg(&asked.scripts).stdout(Stdio::null());
    let start = now();
    // The exit code is no matter: the lines tell.
    step::status(&mut command)?;
    let took = now() - start;
    let read = |file: &Path| fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()));
    let runs = runs(&asked.scripts, &read(&lines)?)?;
    let reasons = Reasons::parse(&read(&step::root().join(REASONS))?)?;
    let page = page(&runs, &reasons)?;
    println!("{page}");
    let path = step::root().join(PAGE);
    if asked.write {
        fs::write(&path, &page).map_err(|error| format!("{PAGE}: {error}"))?;
    } else if read(&path)? != page {
        return Err(format!("{PAGE} is out of date: again with --write"));
    }
    if took > BUDGET {
        return Err(format!("{} runs took {:.2} s, more than {} s", runs.len(), took.as_secs_f64(), BUDGET.as_secs()));
    }
    let passed = runs.iter().filter(|run| run.verdict == Verdict::Pass).count();
    Ok(End::Good(format!("{passed} of {} runs pass, in {:.2} s", runs.len(), took.as_secs_f64())))
}

/// The runs of JSON lines, in their order.
fn runs(folder: &Path, text: &str) -> Result<Vec<Run>, Fault> {
    let mut runs = Vec::new();
    for line in text.lines() {
        let line: Line = serde_json::from_str(line).map_err(|error| format!("JSON lines of halfopen: {error}"))?;
        let (Some(test), Some(verdict)) = (line.test, line.verdict) else { continue };
        let id = Path::new(&test).strip_prefix(folder).map_or_else(|_| test.clone(), |path| path.display().to_string());
        let said = line.mismatch.map(|mismatch| {
            let place = mismatch.line.map_or_else(String::new, |line| format!("line {line}: "));
            format!("{place}expected {}, got {}", mismatch.expected, mismatch.got)
        });
        runs.push(Run { id, verdict, said: said.or(line.reason).unwrap_or_default() });
    }
    if runs.is_empty() { Err("no script was run".to_owned()) } else { Ok(runs) }
}

impl Reasons {
    fn parse(text: &str) -> Result<Self, Fault> {
        let reasons: Self = toml::from_str(text).map_err(|error| format!("{REASONS}: {error}"))?;
        match reasons.entry.iter().find(|entry| entry.why.is_empty() || entry.says.is_empty()) {
            Some(entry) => Err(format!("{REASONS}: {:?} says nothing or not why", entry.tests)),
            None => Ok(reasons),
        }
    }
}

impl Entry {
    fn speaks_of(&self, run: &Run) -> bool {
        let named = self.tests.iter().any(|glob| WildMatch::new(glob).matches(&run.id));
        named && self.verdict == run.verdict && run.said.contains(&self.says)
    }
}

/// The page. Every run that does not pass has a reason, and every reason a run.
fn page(runs: &[Run], reasons: &Reasons) -> Result<String, Fault> {
    let reason_of = |run: &Run| reasons.entry.iter().position(|entry| entry.speaks_of(run));
    let mut of_entry: BTreeMap<usize, Vec<&Run>> = BTreeMap::new();
    let mut unknown = Vec::new();
    for run in runs.iter().filter(|run| run.verdict != Verdict::Pass) {
        match reason_of(run) {
            Some(index) => of_entry.entry(index).or_default().push(run),
            None => unknown.push(format!("{:?} {}: {}", run.verdict, run.id, run.said)),
        }
    }
    let idle = reasons.entry.iter().enumerate().filter(|(index, _)| !of_entry.contains_key(index));
    let stale: Vec<String> = idle.map(|(_, entry)| format!("nothing is as {:?} say", entry.tests)).collect();
    let faults = [unknown, stale].concat();
    if !faults.is_empty() {
        return Err(format!("{REASONS} does not fit what came out:\n  {}", faults.join("\n  ")));
    }
    let mut page = format!("{INTRODUCTION}\n{}", table(runs));
    for (verdict, title) in [
        (Verdict::Fail, "What fails"),
        (Verdict::Unsupported, "What the stack declares not to have"),
        (Verdict::Error, "Errors"),
    ] {
        let listed: Vec<_> = of_entry.iter().filter(|(index, _)| reasons.entry[**index].verdict == verdict).collect();
        if !listed.is_empty() {
            let _ = write!(page, "\n## {title}\n\n| runs | says | reason | Linux 6.18 |\n|---|---|---|---|\n");
        }
        for (index, runs) in listed {
            let entry = &reasons.entry[*index];
            let linux = entry.linux.as_deref().unwrap_or("");
            let _ = writeln!(page, "| {} | {} | {} | {linux} |", names(runs), code(&entry.says), entry.why);
        }
    }
    Ok(page)
}

const INTRODUCTION: &str = "# How close the `linux` profile is to Linux\n\n\
    The scripts of [google/packetdrill](https://github.com/google/packetdrill) for TCP (`gtests/net/tcp` at commit 2c4001c, not part of this repository) on the\n\
    reference stack, on its virtual clock, as packetdrill's own runner runs and judges them ([compat.md](compat.md)):\n\n\
    ```\nhalfopen run FOLDER --sut reference --profile linux --compat packetdrill\n```\n\n\
    `cargo ci linux-profile --scripts FOLDER` makes this page, and fails when a run does not pass for which `ci/linux-profile.toml` has no reason,\n\
    when a reason has no run, and when all of it takes more than 2 s. Many scripts hold a kernel that is years older than Linux 6.18, or one with another\n\
    tick; where Linux 6.18 itself is known to fail a run, the last column says so.\n";

/// Verdicts by folder.
fn table(runs: &[Run]) -> String {
    let mut folders: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for run in runs {
        let folder = run.id.rsplit_once('/').map_or(".", |(folder, _)| folder);
        let counts = folders.entry(folder).or_default();
        counts[match run.verdict {
            Verdict::Pass => 0,
            Verdict::Fail | Verdict::Error => 1,
            Verdict::Unsupported => 2,
        }] += 1;
    }
    let mut text = "| folder | pass | fail | unsupported |\n|---|---|---|---|\n".to_owned();
    let mut all = [0; 3];
    for (folder, [pass, fail, unsupported]) in &folders {
        let _ = writeln!(text, "| `{folder}` | {pass} | {fail} | {unsupported} |");
        all = [all[0] + pass, all[1] + fail, all[2] + unsupported];
    }
    let share = |count: usize| format!("{count} ({:.1} %)", 100.0 * count as f64 / runs.len() as f64);
    let _ = writeln!(text, "| **all {}** | {} | {} | {} |", runs.len(), share(all[0]), share(all[1]), share(all[2]));
    text
}

/// Ids of runs, those of one script together.
fn names(runs: &[&Run]) -> String {
    let mut scripts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for run in runs {
        let (script, family) = run.id.trim_end_matches(']').rsplit_once('[').unwrap_or((&run.id, ""));
        scripts.entry(script.trim_end_matches(".pkt")).or_default().push(family);
    }
    let name = |(script, families): (&&str, &Vec<&str>)| format!("`{script}` {}", families.join(" "));
    scripts.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// As code in a table.
fn code(text: &str) -> String {
    let quoted = if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") };
    quoted.replace('|', "\\|").replace('\n', " ")
}

#[expect(clippy::disallowed_methods, reason = "CI measures programs from outside; no SUT's clock is involved")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = concat!(
        r#"{"v":1,"test":"d/a/b.pkt[v4]","verdict":"pass","reason":null,"mismatch":null}"#,
        "\n",
        r#"{"v":1,"test":"d/a/c.pkt[v4]","verdict":"fail","mismatch":{"line":7,"expected":"x","got":"y"}}"#,
        "\n",
        r#"{"v":1,"test":"d/a/c.pkt[v6]","verdict":"fail","mismatch":{"line":7,"expected":"x","got":"y"}}"#,
        "\n",
        r#"{"v":1,"test":"d/c.pkt[v6]","verdict":"unsupported","reason":"no `pipe`"}"#,
        "\n",
        r#"{"v":1,"summary":{}}"#,
    );

    fn made(reasons: &str) -> Result<String, Fault> {
        page(&runs(Path::new("d"), LINES)?, &Reasons::parse(reasons)?)
    }

    #[test]
    fn page_has_every_run_that_does_not_pass_with_its_reason() {
        let reasons = "[[entry]]\ntests = ['a/*']\nverdict = 'fail'\nsays = 'got y'\nlinux = 'fails too'\nwhy = 'because'\n\
            [[entry]]\ntests = ['c.pkt[[]v6]', 'c.pkt*']\nverdict = 'unsupported'\nsays = '`pipe`'\nwhy = 'no pipes'\n";
        let page = made(reasons).expect("fits");
        for line in [
            "| `a` | 1 | 2 | 0 |",
            "| **all 4** | 1 (25.0 %) | 2 (50.0 %) | 1 (25.0 %) |",
            "| `a/c` v4 v6 | `got y` | because | fails too |",
            "| `c` v6 | `` `pipe` `` | no pipes |  |",
        ] {
            assert!(page.lines().any(|one| one == line), "{line}\n{page}");
        }
        let stale = format!("{reasons}[[entry]]\ntests = ['a/b*']\nverdict = 'fail'\nsays = 'z'\nwhy = 'once'\n");
        assert!(made(&stale).is_err_and(|fault| fault.contains("nothing is as [\"a/b*\"] say")));
        assert!(
            made(&reasons.replace("got y", "got z")).is_err_and(|fault| fault.contains("Fail a/c.pkt[v4]: line 7"))
        );
        assert!(made(&reasons.replace("because", "")).is_err());
    }

    #[test]
    fn committed_reasons_are_well_formed() {
        let text = fs::read_to_string(step::root().join(REASONS)).expect("there");
        Reasons::parse(&text).expect("well-formed");
    }
}
