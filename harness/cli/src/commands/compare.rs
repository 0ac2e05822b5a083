//! `halfopen compare`: two runs, or two SUTs, side by side.

use crate::args::{CompareArgs, CompareFormat};
use crate::fault::{AS_EXPECTED, DIFFERS, ENVIRONMENT, Fault, NOTHING, USAGE};
use crate::folder::{Finished, fresh};
use anstyle::Style;
use halfopen_report::compare::{Change, Comparison, Parting, compare as compared};
use halfopen_report::record::Record;
use halfopen_report::segments::segments;
use halfopen_report::tables::who;
use halfopen_report::text::count;
use serde::Serialize;
use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

/// Ids listed at most of the tests that one run alone has.
const LISTED: usize = 10;

/// Says what differs: exit code 7 when anything does.
pub fn compare(args: &CompareArgs, specs: Option<&Path>) -> Result<u8, Fault> {
    let runs = match (args.sut.as_slice(), args.what.as_slice()) {
        ([], [a, b]) => [Finished::read(a)?, Finished::read(b)?],
        ([a, b], select) => {
            let folder = fresh();
            [
                run(a, select, specs, &folder.join(format!("a-{a}")))?,
                run(b, select, specs, &folder.join(format!("b-{b}")))?,
            ]
        }
        ([], _) => return Err(Fault::Usage("two runs are compared, or two SUTs: --sut A --sut B".into())),
        (_, _) => return Err(Fault::Usage("--sut is given twice: --sut A --sut B".into())),
    };
    let of_capture = |which: usize, record: &Record| {
        let path = runs[which].capture(record.capture.as_deref()?)?;
        segments(&fs::read(path).ok()?).ok()
    };
    let found = compared(&runs[0].run.records, &runs[1].run.records, of_capture);
    // A script may be for one SUT only, so two SUTs need not have the same tests.
    let same_sut = runs[0].run.info.sut == runs[1].run.info.sut;
    let differs = !found.changes.is_empty() || same_sut && found.only.iter().any(|only| !only.is_empty());
    let mut out = anstream::stdout().lock();
    match args.format {
        CompareFormat::Human => human(&mut out, &runs, &found)?,
        CompareFormat::Json => json(&mut out, &runs, &found)?,
    }
    out.flush()?;
    Ok(if differs { DIFFERS } else { AS_EXPECTED })
}

/// Runs a selection on a SUT, in a process of its own: a kernel's tests want one with a single thread, and captures of every test
/// show where exchanges part.
fn run(sut: &str, select: &[String], specs: Option<&Path>, path: &Path) -> Result<Finished, Fault> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["run", "--quiet", "--pcap", "always", "--sut", sut]).args(select);
    command.arg("--out").arg(path);
    if let Some(specs) = specs {
        command.arg("--specs").arg(specs);
    }
    let output = command.output()?;
    let code = output.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(ENVIRONMENT);
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim().trim_start_matches("error: ");
    match code {
        USAGE => Err(Fault::Usage(format!("{sut}: {said}"))),
        NOTHING => Err(Fault::Nothing(format!("{sut}: {said}"))),
        ENVIRONMENT if !said.is_empty() => Err(Fault::Environment(format!("{sut}: {said}"))),
        _ => Finished::read(&path.display().to_string()),
    }
}

fn human(out: &mut impl Write, runs: &[Finished; 2], found: &Comparison) -> Result<(), Fault> {
    let bold = Style::new().bold();
    for (letter, finished) in ["a", "b"].iter().zip(runs) {
        let tests = count(finished.run.records.len(), "test");
        let cut = if finished.run.summary.is_none() { ", broken off" } else { "" };
        writeln!(
            out,
            "{bold}{letter}{bold:#}  {}: {tests}{cut}  {}",
            who(&finished.run.info),
            finished.path.display()
        )?;
    }
    writeln!(out)?;
    for Change { test, verdicts: [a, b], why, parts } in &found.changes {
        let verdicts = if a == b { format!("{a}, otherwise") } else { format!("{a} -> {b}") };
        writeln!(out, "{bold}{verdicts}{bold:#}  {test}")?;
        for (letter, why) in ["a", "b"].iter().zip(why).filter(|(_, why)| !why.is_empty()) {
            writeln!(out, "    {letter}  {why}")?;
        }
        if let Some(parts) = parts {
            parting(out, parts, ["a", "b"])?;
        }
    }
    for (letter, only) in ["a", "b"].iter().zip(&found.only).filter(|(_, only)| !only.is_empty()) {
        writeln!(out, "{bold}only in {letter}{bold:#}  {}", count(only.len(), "test"))?;
        only.iter().take(LISTED).try_for_each(|test| writeln!(out, "    {test}"))?;
        if only.len() > LISTED {
            writeln!(out, "    ...")?;
        }
    }
    let verdicts = found.changes.iter().filter(|change| change.verdicts[0] != change.verdicts[1]).count();
    let otherwise = found.changes.len() - verdicts;
    let both = found.same + found.changes.len();
    writeln!(
        out,
        "{} of {} differ: {verdicts} in verdict, {otherwise} in the way they fail",
        found.changes.len(),
        count(both, "test"),
    )?;
    Ok(())
}

/// Where two exchanges part.
pub fn parting(out: &mut impl Write, parts: &Parting, names: [&str; 2]) -> io::Result<()> {
    writeln!(out, "    they part at segment {}:", parts.segment)?;
    for (name, was) in names.iter().zip(&parts.was) {
        writeln!(out, "      {name}  {}", was.as_deref().unwrap_or("nothing more"))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Side<'a> {
    path: String,
    sut: &'a str,
    runner: &'a str,
    version: &'a str,
    profile: Option<&'a str>,
    seed: u64,
    tests: usize,
}

impl<'a> Side<'a> {
    fn new(finished: &'a Finished) -> Self {
        let info = &finished.run.info;
        Self {
            path: finished.path.display().to_string(),
            sut: &info.sut,
            runner: &info.runner,
            version: &info.version,
            profile: info.profile.as_deref(),
            seed: info.seed,
            tests: finished.run.records.len(),
        }
    }
}

#[derive(Serialize)]
struct Page<'a> {
    v: u32,
    runs: [Side<'a>; 2],
    #[serde(flatten)]
    found: &'a Comparison,
}

fn json(out: &mut impl Write, runs: &[Finished; 2], found: &Comparison) -> Result<(), Fault> {
    let page = Page { v: 1, runs: [Side::new(&runs[0]), Side::new(&runs[1])], found };
    serde_json::to_writer_pretty(&mut *out, &page).map_err(io::Error::from)?;
    writeln!(out)?;
    Ok(())
}
