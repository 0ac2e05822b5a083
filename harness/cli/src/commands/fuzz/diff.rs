//! `halfopen fuzz diff`

use super::findings::entry;
use crate::args::{DiffArgs, LaneName};
use crate::differential::{self, Found, Pair, Plan, Tally};
use crate::expect::Expectations;
use crate::fault::{AS_EXPECTED, FINDING, Fault};
use crate::register::Register;
use crate::specs::Specs;
use crate::sut::prepare_linux;
use halfopen_fuzz::differential::words::words;
use halfopen_fuzz::differential::{Comparison, Divergence, Lane, Trace, compare};
use halfopen_fuzz::minimise::minimise_by;
use halfopen_fuzz::program::Program;
use halfopen_report::pcapng;
use halfopen_sut::SutError;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

/// Programs of the slow lane for each core at once: nearly all of their time is waiting.
const WAITING: u16 = 24;
/// Microseconds that most programs of the slow lane wait at most.
const SLOW_MOST: u64 = 1_900_000;
/// Runs that a divergence of the slow lane is made smaller with.
const SLOW_TRIES: u32 = 12;

/// Compares, and returns the exit code.
pub(super) fn diff(args: &DiffArgs, specs: Option<&Path>) -> Result<u8, Fault> {
    prepare_linux()?;
    let known = known(specs)?;
    match &args.file {
        Some(file) => {
            let octets = fs::read(file).map_err(|fault| Fault::Usage(format!("{}: {fault}", file.display())))?;
            let program =
                Program::decode(&octets).map_err(|fault| Fault::Usage(format!("{}: {fault}", file.display())))?;
            repeat(&program, args, &known)
        }
        None => many(args, &known),
    }
}

const fn lane(name: LaneName) -> Lane {
    match name {
        LaneName::Fast => Lane::Fast,
        LaneName::Slow => Lane::Slow { most: SLOW_MOST },
    }
}

fn environment(fault: SutError) -> Fault {
    Fault::Environment(format!("the kernel cannot be asked: {fault}"))
}

/// One program, several times: the kernel's traces have to be the same.
fn repeat(program: &Program, args: &DiffArgs, known: &Expectations) -> Result<u8, Fault> {
    let mut out = io::stdout().lock();
    let lane = lane(args.lane);
    let mut pair = Pair::enter(lane).map_err(environment)?;
    let mut program = program.clone();
    pair.play(&mut program);
    let mut traces: Vec<(Trace, u64)> = Vec::new();
    for _ in 0..args.repeat {
        let trace = pair.kernel.run(&program, lane).map_err(environment)?;
        match traces.iter_mut().find(|(known, _)| compare(&program, known, &trace) == Comparison::Equal) {
            Some((_, count)) => *count += 1,
            None => traces.push((trace, 1)),
        }
    }
    let word = if traces.len() == 1 { "trace" } else { "traces" };
    write!(out, "{} runs on the kernel, {} canonical {word}:", args.repeat, traces.len())?;
    for (trace, count) in &traces {
        write!(out, " {:016x} ({count})", trace.hash())?;
    }
    writeln!(out)?;
    if let [(first, _), (second, _), ..] = &traces[..]
        && let Comparison::Differs(unsteady) = compare(&program, first, second)
    {
        writeln!(out, "UNSTEADY, two runs of the kernel: {unsteady}")?;
    }
    let found = pair.divergence(&mut program).map_err(environment)?;
    let mut explained = true;
    match &found {
        Comparison::Equal => writeln!(out, "the reference stack has the same")?,
        Comparison::Parted(at) => {
            writeln!(out, "the reference stack has the same up to event {at}, where the peers part")?
        }
        Comparison::Differs(divergence) => match differential::explained(known, divergence) {
            Some(at) => {
                let difference = &known.differences()[at];
                writeln!(out, "known, {}: {}\n{divergence}", difference.rule, difference.reason)?;
            }
            None => {
                explained = false;
                writeln!(out, "DIVERGENCE {divergence}")?;
            }
        },
    }
    Ok(if explained && traces.len() == 1 { AS_EXPECTED } else { FINDING })
}

fn many(args: &DiffArgs, known: &Expectations) -> Result<u8, Fault> {
    let (lane, cores) = (lane(args.lane), available_parallelism().map_or(1, |cores| cores.get() as u16));
    let jobs = args.jobs.unwrap_or(if lane == Lane::Fast { cores } else { cores * WAITING });
    let plan = Plan { seed: args.seed, time: args.time, programs: args.programs, jobs, lane };
    let (mut err, live) = (io::stderr(), io::stderr().is_terminal());
    // A log has a line a minute, a terminal one that changes.
    let mut minute = 1;
    let (tally, wall) = differential::campaign(&plan, known, &mut |tally, wall| {
        if live {
            let _ = write!(err, "\r\x1b[K{}", line(tally, wall, jobs));
        } else if wall.as_secs() >= 60 * minute {
            minute += 1;
            let _ = writeln!(err, "{}", line(tally, wall, jobs));
        }
    })
    .map_err(environment)?;
    if live {
        let _ = write!(err, "\r\x1b[K");
    }
    let mut out = io::stdout().lock();
    let mut found: Vec<&Found> = tally.found.values().collect();
    found.sort_by_key(|found| std::cmp::Reverse(found.count));
    let mut log = Log::open(args)?;
    log.write(&json!({"v": 1, "start": {"seed": args.seed, "jobs": jobs, "version": crate::VERSION}}))?;
    let mut pair = Pair::enter(lane).map_err(environment)?;
    // Different programs may come to the same when they are small.
    let mut folded: BTreeMap<String, (u64, Program, Divergence)> = BTreeMap::new();
    for found in &found {
        let (program, divergence) = smaller(&mut pair, found, (lane, known));
        folded.entry(divergence.key()).or_insert((0, program, divergence)).0 += found.count;
    }
    let mut folded: Vec<_> = folded.into_values().collect();
    folded.sort_by_key(|(count, ..)| std::cmp::Reverse(*count));
    for (count, program, divergence) in &folded {
        writeln!(out, "DIVERGENCE {count} times: {divergence}")?;
        writeln!(out, "    {:?}", program.setup)?;
        for event in &program.events {
            writeln!(out, "    {}", words(event))?;
        }
        let (script, files) = write(args, &mut pair, program, divergence)?;
        for file in &files {
            writeln!(out, "    {}", file.display())?;
        }
        log.write(&json!({
            "v": 1, "divergence": divergence.key(), "kind": divergence.kind, "state": divergence.state, "event": divergence.event,
            "count": count, "reference": divergence.first().0, "linux": divergence.first().1, "script": script,
        }))?;
    }
    let mut explained: Vec<_> = tally.explained.iter().map(|(at, count)| (count, &known.differences()[*at])).collect();
    explained.sort_by_key(|(count, _)| std::cmp::Reverse(**count));
    for (count, difference) in explained {
        writeln!(out, "{count:>8}  {}  {}", difference.rule, difference.reason)?;
    }
    writeln!(out, "seed {}: {}", args.seed, line(&tally, wall, jobs))?;
    log.write(&json!({"v": 1, "summary": {
        "seed": args.seed, "jobs": jobs, "programs": tally.programs, "equal": tally.equal, "parted": tally.parted,
        "known": tally.explained.values().sum::<u64>(), "unsteady": tally.unsteady, "divergences": folded.len(), "cells": tally.sizes.0,
        "features": tally.sizes.1, "kept": tally.sizes.2, "wall_us": wall.as_micros() as u64,
    }}))?;
    Ok(if tally.found.is_empty() { AS_EXPECTED } else { FINDING })
}

/// Writes a divergence as a program, a script and a capture, if there is a folder for them. The script, and the files.
fn write(
    args: &DiffArgs,
    pair: &mut Pair,
    program: &Program,
    divergence: &Divergence,
) -> Result<(String, Vec<PathBuf>), Fault> {
    let (script, entries) = pair.kernel.script(program, divergence);
    let Some(folder) = &args.out else { return Ok((script, Vec::new())) };
    let trace: Vec<_> = entries.iter().filter_map(entry).collect();
    let capture = pcapng::exchange("linux", &divergence.to_string(), &trace);
    fs::create_dir_all(folder)?;
    let name = divergence.key().replace([' ', '/'], "-");
    let mut files = Vec::new();
    for (end, octets) in [("bin", program.encode()), ("pkt", script.clone().into_bytes()), ("pcapng", capture)] {
        let file = folder.join(format!("{name}.{end}"));
        fs::write(&file, octets).map_err(|fault| Fault::Environment(format!("{}: {fault}", file.display())))?;
        files.push(file);
    }
    Ok((script, files))
}

/// JSON, an object a line.
struct Log(Option<fs::File>);

impl Log {
    fn open(args: &DiffArgs) -> Result<Self, Fault> {
        let Some(path) = &args.log else { return Ok(Self(None)) };
        let file = fs::OpenOptions::new().create(true).append(true).open(path);
        Ok(Self(Some(file.map_err(|fault| Fault::Environment(format!("{}: {fault}", path.display())))?)))
    }

    fn write(&mut self, object: &serde_json::Value) -> io::Result<()> {
        self.0.as_mut().map_or(Ok(()), |file| writeln!(file, "{object}"))
    }
}

/// The entries of the expectation file; each names a rule of the register.
fn known(specs: Option<&Path>) -> Result<Expectations, Fault> {
    let specs = Specs::locate(specs)?;
    let path = "expect/linux.toml";
    let text = specs.text(path).ok_or_else(|| Fault::Environment(format!("no {}", specs.display(path))))?;
    let known = Expectations::parse(&specs.display(path), text)?;
    let register = Register::load(&specs)?;
    for difference in known.differences() {
        if register.rule(&difference.rule).is_none() {
            return Err(Fault::Environment(format!("{}: no rule is named `{}`", difference.place, difference.rule)));
        }
    }
    Ok(known)
}

/// The smallest program with the same difference in the same state, which is not a known one; in the slow lane, as small as it gets in a few tries.
fn smaller(pair: &mut Pair, found: &Found, (lane, known): (Lane, &Expectations)) -> (Program, Divergence) {
    let mut tries = if lane == Lane::Fast { u32::MAX } else { SLOW_TRIES };
    let mut run = |program: &Program| {
        tries = tries.checked_sub(1)?;
        // The set-ups of smaller programs are of other profiles; here there is one.
        let mut program = program.clone();
        lane.fit(&mut program);
        match pair.divergence(&mut program) {
            Ok(Comparison::Differs(divergence)) if differential::explained(known, &divergence).is_none() => {
                Some(*divergence)
            }
            Ok(Comparison::Equal | Comparison::Parted(_) | Comparison::Differs(_)) | Err(_) => None,
        }
    };
    let same = |one: &Divergence, two: &Divergence| one.kind == two.kind && one.state == two.state;
    let (mut program, divergence) = minimise_by(&found.program, &found.divergence, &mut run, same);
    lane.fit(&mut program);
    (program, divergence)
}

fn line(tally: &Tally, wall: Duration, jobs: u16) -> String {
    let rate = tally.programs as f64 / wall.as_secs_f64().max(1e-3);
    let (cells, features, kept) = tally.sizes;
    format!(
        "{} programs in {:.1} s, {rate:.0}/s, {:.0} for each of {jobs} jobs; {} without a difference, {} up to where the peers part, {} with a known difference, {} in which the kernel differs from itself, {} divergences; {cells} cells, {features} features, {kept} kept, {} slow",
        tally.programs,
        wall.as_secs_f64(),
        rate / f64::from(jobs),
        tally.equal,
        tally.parted,
        tally.explained.values().sum::<u64>(),
        tally.unsteady,
        tally.found.len(),
        tally.slow
    )
}
