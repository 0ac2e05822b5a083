//! Runs chosen tests to show what comes of them, not to judge a run: for `explain` and the pages of docs/.

use crate::admission::Crowd;
use crate::args::{SEED, SutArgs};
use crate::commands::run::record;
use crate::expect::Expectations;
use crate::fault::Fault;
use crate::schedule::{Finished, Flow, Work, run_all};
use crate::select::Case;
use crate::suite::Suite;
use crate::sut::Opener;
use halfopen_engine::RunOptions;
use halfopen_engine::outcome::Verdict;
use halfopen_engine::sut::{ClockKind, Description};
use halfopen_report::record::Record;
use halfopen_script::duration_hint;
use halfopen_script::test::Test;
use std::sync::Arc;
use std::time::Duration;

/// How often a test on a real clock that did not pass is asked again, alone: a page should not tell of a busy machine.
const REPEATS: usize = 3;

/// Tests at a time on a real clock, where they mostly sleep.
const REAL_CLOCK_THREADS: usize = 16;

/// Who was watched, and what came, in the order of the cases.
#[derive(Debug)]
pub struct Observed {
    /// The SUT.
    pub sut: Description,
    /// A record for each case.
    pub records: Vec<Record>,
}

/// Runs each case once; on a real clock, what does not pass again.
pub fn observe(suite: &mut Suite, cases: &[Case], sut: &SutArgs) -> Result<Observed, Fault> {
    let opener = Opener::new(sut)?;
    let description = opener.describe()?;
    let expectations = expectations(suite, &sut.sut)?;
    let tests: Result<Vec<Test>, _> =
        cases.iter().map(|case| suite.expand(case.script, &case.variant, &description.params)).collect();
    let work = work(tests.map_err(|faults| suite.script_fault(faults))?, suite, opener);
    let mut found: Vec<Option<Finished>> = cases.iter().map(|_| None).collect();
    let threads = if description.clock == ClockKind::Virtual { 1 } else { REAL_CLOCK_THREADS };
    run_all(&work, (0..cases.len()).collect(), Crowd::Fixed(threads), |finished| keep(&mut found, finished));
    if description.clock == ClockKind::Real {
        for _ in 0..REPEATS {
            let again: Vec<usize> = (0..cases.len()).filter(|test| undecided(found[*test].as_ref())).collect();
            run_all(&work, again, Crowd::Fixed(1), |finished| keep(&mut found, finished));
        }
    }
    let records = cases.iter().zip(found).map(|(case, finished)| {
        let finished = finished.expect("run_all hands over a result for each test");
        record(suite, case, &expectations, finished, String::new())
    });
    Ok(Observed { sut: description, records: records.collect() })
}

fn keep(found: &mut [Option<Finished>], finished: Finished) -> Flow {
    let test = finished.test;
    found[test] = Some(finished);
    Flow::Continue
}

/// The machine may be to blame: too slow for the test, or late.
fn undecided(finished: Option<&Finished>) -> bool {
    finished.is_some_and(|finished| match finished.outcome.verdict {
        Verdict::Inconclusive => true,
        Verdict::Fail | Verdict::Nonstrict => finished.outcome.mismatch.as_ref().is_some_and(|m| m.timing),
        Verdict::Pass | Verdict::Unsupported | Verdict::Error => false,
    })
}

fn expectations(suite: &Suite, sut: &str) -> Result<Expectations, Fault> {
    let (specs, path) = (suite.specs(), format!("expect/{sut}.toml"));
    match specs.text(&path) {
        Some(text) => Expectations::parse(&specs.display(&path), text),
        None => Ok(Expectations::default()),
    }
}

fn work(tests: Vec<Test>, suite: &Suite, opener: Opener) -> Work {
    let hint = |test: &Test| Duration::from_micros(duration_hint(test).max(0).unsigned_abs());
    let bounds = tests.iter().map(|test| Duration::from_secs(30) + 2 * hint(test)).collect();
    let folders = tests.iter().map(|_| None).collect();
    let options = RunOptions { seed: SEED, ..RunOptions::default() };
    Work {
        tests: tests.into(),
        sources: Arc::new(suite.sources.clone()),
        opener,
        options,
        bounds,
        folders,
        ahead: 1024,
    }
}
