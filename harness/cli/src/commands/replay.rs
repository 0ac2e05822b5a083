//! `halfopen replay`: a test of a stored run, run again with its seed, SUT, runner, profile and options.

use super::run::run_watched;
use crate::args::{Cli, Command, RunArgs, RunReplayArgs};
use crate::fault::{AS_EXPECTED, DIFFERS, Fault};
use crate::folder::{Finished, Parameters, fresh};
use clap::Parser;
use halfopen_report::Reporter;
use halfopen_report::compare::{Change, change};
use halfopen_report::record::{Record, RunInfo, Summary};
use std::cell::RefCell;
use std::env;
use std::io::{self, Write};
use std::path::PathBuf;
use std::rc::Rc;

/// Runs it, and says whether it came to the same: exit code 0, or 7.
pub fn replay(args: &RunReplayArgs) -> Result<u8, Fault> {
    let (name, test) = args.what.split_once("::").ok_or_else(|| {
        Fault::Usage(format!("`{}` is no RUN::TEST, e.g. 'latest::rfc9293/3.10.7.1/closed[v4]'", args.what))
    })?;
    let finished = Finished::read(name)?;
    let parameters = finished.parameters.as_ref().ok_or_else(|| {
        Fault::Usage(format!(
            "{} is no folder of a run: JSON lines alone do not say how it was run",
            finished.path.display()
        ))
    })?;
    let before = find(&finished, test)?;
    let out = std::path::absolute(args.out.clone().unwrap_or_else(fresh))?;
    go_to(parameters);
    let (run, specs) = arguments(args, parameters, &before.test, out)?;
    let seen = Rc::new(RefCell::new(None));
    let code = run_watched(&run, specs.as_deref(), Some(Box::new(Watcher(Rc::clone(&seen)))))?;
    let Some(after) = seen.take() else {
        // Nothing was reported: the exit code says why.
        return Ok(code);
    };
    told(name, before, &after)
}

/// The record of a test in a run.
fn find<'a>(finished: &'a Finished, test: &str) -> Result<&'a Record, Fault> {
    let records = &finished.run.records;
    if let Some(record) = records.iter().find(|record| record.test == test) {
        return Ok(record);
    }
    let near: Vec<&str> =
        records.iter().filter(|record| record.script() == test).map(|record| record.test.as_str()).collect();
    Err(match near.as_slice() {
        [] => Fault::Nothing(format!("run `{}` has no test `{test}`", finished.name)),
        [one] => return Ok(records.iter().find(|record| record.test == *one).expect("it was just found")),
        [first, ..] => {
            Fault::Usage(format!("`{test}` is {} tests of run `{}`: {first} ...", near.len(), finished.name))
        }
    })
}

/// Paths of the run are those of its folder. Elsewhere, on another machine say, they are those of this one.
fn go_to(parameters: &Parameters) {
    if parameters.folder.is_dir() {
        let _ = env::set_current_dir(&parameters.folder);
    }
}

/// The arguments of the run, for one test.
fn arguments(
    args: &RunReplayArgs,
    parameters: &Parameters,
    test: &str,
    out: PathBuf,
) -> Result<(Box<RunArgs>, Option<PathBuf>), Fault> {
    let words = parameters.repeat(test);
    let cli = Cli::try_parse_from(&words)
        .map_err(|fault| Fault::Usage(format!("this version does not know the options of that run: {fault}")))?;
    let Command::Run(mut run) = cli.command else {
        return Err(Fault::Usage(format!("`{}` runs no test", words.join(" "))));
    };
    run.seed = parameters.seed;
    run.sut.adapters = args.adapters.clone();
    run.out = Some(out);
    // A runner is of its SUT.
    if let Some(sut) = &args.sut {
        run.sut.sut.clone_from(sut);
        run.sut.runner = None;
    }
    if let Some(runner) = &args.runner {
        run.sut.runner = Some(runner.clone());
    }
    Ok((run, cli.specs))
}

/// Says whether a test came to the same.
fn told(name: &str, before: &Record, after: &Record) -> Result<u8, Fault> {
    let mut out = anstream::stdout().lock();
    let told = |record: &Record| format!("{} {}", record.verdict, record.why()).trim_end().to_string();
    match change(before, after, |_, _| None) {
        None => {
            writeln!(out, "As in {name}: {}", told(after))?;
            Ok(AS_EXPECTED)
        }
        Some(Change { parts, .. }) => {
            writeln!(out, "Not as in {name}:\n  was  {}\n  is   {}", told(before), told(after))?;
            if let Some(parts) = parts {
                super::compare::parting(&mut out, &parts, ["was", "is "])?;
            }
            Ok(DIFFERS)
        }
    }
}

/// Keeps the one record of a run.
struct Watcher(Rc<RefCell<Option<Record>>>);

impl Reporter for Watcher {
    fn start(&mut self, _: &RunInfo) -> io::Result<()> {
        Ok(())
    }

    fn record(&mut self, record: &Record) -> io::Result<()> {
        *self.0.borrow_mut() = Some(record.clone());
        Ok(())
    }

    fn finish(&mut self, _: &Summary) -> io::Result<()> {
        Ok(())
    }
}
