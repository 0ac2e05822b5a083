//! `halfopen fuzz sim`

use crate::args::{CanaryArg, FuzzFormat, SimArgs};
use crate::clock;
use crate::fault::Fault;
use crate::simulation::{self, Found, Tally};
use halfopen_fuzz::endpoint_pair;
use halfopen_fuzz::endpoint_pair::parameters::Canary;
use serde_json::json;
use std::io::{self, IsTerminal, Write};
use std::thread::available_parallelism;
use std::time::Duration;

/// Runs seeds, and returns the exit code.
pub fn sim(args: &SimArgs) -> Result<u8, Fault> {
    simulation::expect_panics();
    match args.seed {
        Some(seed) => one(seed, args),
        None => many(args),
    }
}

fn canary(args: &SimArgs) -> Option<Canary> {
    args.canary.map(|canary| match canary {
        CanaryArg::Oracle => Canary::Oracle,
        CanaryArg::Liveness => Canary::Liveness,
        CanaryArg::Crash => Canary::Crash,
    })
}

fn one(seed: u64, args: &SimArgs) -> Result<u8, Fault> {
    let mut out = io::stdout().lock();
    if args.verbose {
        let (_, dice) = endpoint_pair::of_seed(seed);
        let parameters = simulation::parameters(seed, canary(args));
        write!(out, "{parameters}")?;
        let mut failed = Ok(());
        let mut line = |line: endpoint_pair::Line<'_>| {
            if failed.is_ok() && !matches!(line, endpoint_pair::Line::Met(..)) {
                failed = writeln!(out, "{line}");
            }
        };
        // Should it crash, the panic says so behind the last line, and the second run below tells which sort it is.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            endpoint_pair::play(&parameters, dice, Some(&mut line))
        }));
        failed?;
    }
    match simulation::run(seed, true, canary(args)) {
        Ok(outcome) => {
            let (trace, datagrams) = (outcome.trace, outcome.datagrams);
            let seconds = outcome.virtual_us as f64 / 1e6;
            match args.format {
                FuzzFormat::Human => writeln!(
                    out,
                    "seed {seed}: no finding; trace {trace:016x}, {datagrams} datagrams in {seconds} s of virtual time"
                )?,
                FuzzFormat::Json => writeln!(
                    out,
                    "{}",
                    json!({"v": 1, "seed": seed, "kind": null, "trace": format!("{trace:016x}"), "datagrams": datagrams, "virtual_us": outcome.virtual_us})
                )?,
            }
            Ok(crate::fault::AS_EXPECTED)
        }
        Err(found) => {
            print(&mut out, &found, args.format)?;
            Ok(found.sort.exit())
        }
    }
}

fn many(args: &SimArgs) -> Result<u8, Fault> {
    let jobs = args.jobs.map_or_else(|| available_parallelism().map_or(1, usize::from), usize::from);
    let mut out = io::stdout().lock();
    let (mut err, live) = (io::stderr(), io::stderr().is_terminal());
    let started = clock::now();
    let mut failed = Ok(());
    let seeds = args.first..args.first.saturating_add(args.seeds);
    let tally = simulation::campaign(seeds, jobs, args.findings, canary(args), &mut |tally, found| {
        if live {
            let rate = tally.seeds as f64 / started.elapsed().as_secs_f64().max(1e-3);
            let _ = write!(err, "\r\x1b[K");
            if found.is_none() {
                let _ =
                    write!(err, "{} of {} seeds  {rate:.0}/s  {} findings", tally.seeds, args.seeds, tally.findings);
            }
        }
        if let (Some(found), true) = (found, failed.is_ok()) {
            failed = print(&mut out, found, args.format);
        }
    });
    if live {
        let _ = write!(err, "\r\x1b[K");
    }
    failed?;
    summary(&mut out, args, jobs, &tally, started.elapsed())?;
    Ok(tally.exit())
}

/// A finding, with all that repeats it.
fn print(out: &mut impl Write, found: &Found, format: FuzzFormat) -> io::Result<()> {
    let Found { seed, sort, oracle, text, parameters, outcome } = found;
    let again = format!("halfopen fuzz sim --seed {seed} -v");
    let trace = outcome.as_ref().map(|outcome| format!("{:016x}", outcome.trace));
    match format {
        FuzzFormat::Json => writeln!(
            out,
            "{}",
            json!({
                "v": 1, "seed": seed, "kind": sort.name(), "oracle": oracle, "text": text,
                "parameters": parameters.to_string(), "trace": trace, "again": again, "script": format!("halfopen fuzz min --seed {seed}"),
                "datagrams": outcome.as_ref().map(|outcome| outcome.datagrams),
                "virtual_us": outcome.as_ref().map(|outcome| outcome.virtual_us),
            })
        ),
        FuzzFormat::Human => {
            writeln!(out, "FAIL seed {seed}  {} {oracle}", sort.name())?;
            for line in text.lines().chain([""]).chain(parameters.to_string().lines()) {
                writeln!(out, "     {line}")?;
            }
            if let (Some(trace), Some(outcome)) = (trace, outcome) {
                let seconds = outcome.virtual_us as f64 / 1e6;
                writeln!(out, "     trace {trace}, {} datagrams in {seconds} s of virtual time", outcome.datagrams)?;
            }
            writeln!(out, "     again  {again}\n     script halfopen fuzz min --seed {seed}\n")
        }
    }
}

fn summary(out: &mut impl Write, args: &SimArgs, jobs: usize, tally: &Tally, wall: Duration) -> io::Result<()> {
    let rate = tally.seeds as f64 / wall.as_secs_f64().max(1e-6);
    if args.format == FuzzFormat::Json {
        let summary = json!({
            "first": args.first, "seeds": tally.seeds, "findings": tally.findings, "jobs": jobs,
            "kind": tally.worst.map(simulation::Sort::name), "trace": format!("{:016x}", tally.trace),
            "datagrams": tally.datagrams, "virtual_us": tally.virtual_us, "wall_us": wall.as_micros() as u64,
        });
        return writeln!(out, "{}", json!({"v": 1, "summary": summary}));
    }
    let findings = match tally.findings {
        0 => "no finding".to_string(),
        1 => "1 finding".to_string(),
        many => format!("{many} findings"),
    };
    writeln!(out, "{} seeds from {}: {findings}; trace {:016x}", tally.seeds, args.first, tally.trace)?;
    writeln!(
        out,
        "{} datagrams, {:.0} h of virtual time, {:.1} s from a well network to the end at most",
        tally.datagrams,
        tally.virtual_us as f64 / 3.6e9,
        tally.slowest_us as f64 / 1e6
    )?;
    writeln!(out, "{:.1} s, {rate:.0} seeds/s, {:.0} for each of {jobs} jobs", wall.as_secs_f64(), rate / jobs as f64)
}
