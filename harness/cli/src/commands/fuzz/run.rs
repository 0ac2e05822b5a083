//! `halfopen fuzz run`

use crate::args::{FuzzRunArgs, SanitizerArg};
use crate::campaign::log::{Entry, Log};
use crate::campaign::page::{Matrix, page};
use crate::campaign::{self, Plan};
use crate::fault::{AS_EXPECTED, CRASH, FINDING, Fault};
use crate::fuzzed::targets;
use crate::simulation;
use halfopen_fuzz::told::teller;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::thread::available_parallelism;

/// Runs a campaign, and returns the exit code.
pub fn run(args: &FuzzRunArgs) -> Result<u8, Fault> {
    let known: Vec<&str> = targets().iter().map(|target| target.name).chain(["canary"]).collect();
    if !known.contains(&args.target.as_str()) {
        return Err(Fault::Usage(format!("no target `{}`; there are {}", args.target, known.join(", "))));
    }
    let shells = campaign::shells()?;
    let folder = match &args.out {
        Some(folder) => folder.clone(),
        None => shells.join("../../target/fuzz"),
    };
    let plan = Plan {
        target: args.target.clone(),
        time: args.time,
        jobs: args.jobs.unwrap_or_else(|| available_parallelism().map_or(1, |cores| cores.get() as u16)),
        sanitizer: match args.sanitizer {
            SanitizerArg::None => "none",
            SanitizerArg::Address => "address",
        },
        shells,
        folder: folder.join(&args.target),
    };
    fs::create_dir_all(&plan.folder)?;
    // Findings are asked again in this process what they die of.
    simulation::expect_panics();
    let log = campaign::run(&plan, &mut |entry| tell(entry))?;
    if args.minimise {
        let (before, after) = campaign::minimise(&plan)?;
        println!("corpus: {before} inputs, {after} that cover as much");
    }
    finish(&plan, &log)
}

/// A line for people as it happens.
fn tell(entry: &Entry) {
    let mut err = io::stderr().lock();
    let _ = match entry {
        Entry::Start(_) => Ok(()),
        Entry::Progress(of) => writeln!(
            err,
            "{:>6} s  {:>12} executions  {:>8}/s  coverage {:>6}  features {:>6}  corpus {:>5}",
            of.seconds, of.executions, of.per_second, of.coverage, of.features, of.corpus
        ),
        Entry::Finding(of) => {
            let oracle = if of.oracle.is_empty() { "crash" } else { &of.oracle };
            writeln!(err, "FAIL {oracle} after {} s: {}\n     {}", of.seconds, of.file, of.text)
        }
    };
}

fn finish(plan: &Plan, log: &Log) -> Result<u8, Fault> {
    let matrix = matrix(plan);
    let index = plan.folder.join("index.html");
    fs::write(&index, page(&plan.target, &log.entries, matrix.as_ref()))?;
    let last = log.progress().last();
    let findings: Vec<_> = log.findings().collect();
    let mut out = io::stdout().lock();
    if let Some(last) = last {
        let rate = last.executions / last.seconds.max(1);
        let jobs = u64::from(plan.jobs);
        writeln!(
            out,
            "{}: {} executions in {} s, {rate}/s, {}/s for each of {jobs} jobs; coverage {}, features {}, corpus {}",
            plan.target,
            last.executions,
            last.seconds,
            rate / jobs.max(1),
            last.coverage,
            last.features,
            last.corpus
        )?;
    }
    let word = if findings.len() == 1 { "finding" } else { "findings" };
    writeln!(out, "{} {word}; {}", findings.len(), index.display())?;
    for finding in &findings {
        let shells = plan.shells.display();
        let artifact = plan.folder.join("artifacts").join(&finding.file);
        let again = format!("cargo fuzz run -s none --fuzz-dir {shells} {} {}", plan.target, artifact.display());
        writeln!(out, "again  {again}")?;
        if plan.target == "state_machine" || teller(&plan.target).is_some() {
            writeln!(out, "script halfopen fuzz min --target {} {}", plan.target, artifact.display())?;
        }
    }
    Ok(match findings.iter().map(|finding| finding.oracle.is_empty()).max() {
        None => AS_EXPECTED,
        Some(true) => CRASH,
        Some(false) => FINDING,
    })
}

/// State by event, of targets that tell it, over the corpus and the committed seeds.
fn matrix(plan: &Plan) -> Option<Matrix> {
    let (_, met) = halfopen_fuzz::MATRICES.iter().find(|(name, _)| *name == plan.target)?;
    let mut matrix = Matrix::new();
    let committed = plan.shells.join("../corpus").join(&plan.target);
    for folder in [plan.folder.join("corpus"), committed] {
        for octets in inputs(&folder) {
            met(&octets, &mut |state, event| {
                *matrix.entry((state.to_string(), event.to_string())).or_default() += 1;
            });
        }
    }
    Some(matrix)
}

fn inputs(folder: &Path) -> impl Iterator<Item = Vec<u8>> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| fs::read(entry.path()).ok())
}
