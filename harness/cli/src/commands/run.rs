//! `halfopen run`

use super::filter;
use crate::admission::Crowd;
use crate::again;
use crate::args::{Compat, RunArgs};
use crate::captures::Captures;
use crate::clock;
use crate::compat::Foreign;
use crate::expect::Expectations;
use crate::fault::{AS_EXPECTED, DRIFT, ENVIRONMENT, FAILED, Fault, INCONCLUSIVE, USAGE};
use crate::folder::{self, Parameters};
use crate::output::Reports;
use crate::repeats::{Said, again, alike, confirmed, most_alike, moved, only_ticks, said, undecided};
use crate::schedule::{Finished, Flow, Work, run_all};
use crate::select::{Case, Selection, select};
use crate::specs::Specs;
use crate::suite::Suite;
use crate::sut::Opener;
use halfopen_engine::RunOptions;
use halfopen_engine::outcome::Verdict;
use halfopen_engine::sut::{ClockKind, Description, Micros};
use halfopen_report::Reporter;
use halfopen_report::record::{FinalVerdict, Record, RunInfo, Summary};
use halfopen_script::duration_hint;
use halfopen_script::test::Test;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io, thread};

/// Tests at once on a real clock, where they mostly sleep, at most.
const MOST: usize = 64;

/// How often a test is run among the others, before it is repeated among few and then alone.
const IN_CROWD: usize = 3;
/// How many are few, attempt by attempt: mostly it was the machine that was late, not the crowd.
const FEW: [usize; 4] = [6, 6, 6, 2];
/// A late pass of a longer test is believed, and three late failures alike; microseconds.
const BRIEF: Micros = 1_000_000;

/// Runs the selected tests and reports them.
pub fn run(args: &RunArgs, specs: Option<&Path>) -> Result<u8, Fault> {
    run_watched(args, specs, None)
}

/// Runs the selected tests and reports them, to one more reporter too.
pub fn run_watched(args: &RunArgs, specs: Option<&Path>, watcher: Option<Box<dyn Reporter>>) -> Result<u8, Fault> {
    let began = clock::now();
    let named = specs;
    let specs = Specs::locate(named)?;
    let mut suite = Suite::load(&specs);
    suite.foreign = Foreign::new(&args.select);
    suite.adapters = args.sut.adapters.clone();
    let selection = select(&mut suite, &args.select.select, &filter(&args.select, &args.sut.sut))?;
    let opener = Opener::new(&args.sut)?;
    let sut = opener.describe()?;
    let tests = expand(&mut suite, &selection, &sut)?;
    let expectations = expectations(args, &specs, &suite, &selection)?;
    let work = work(args, tests, &suite, &selection.cases, opener, sut.clock);

    let info = RunInfo {
        sut: sut.name.clone(),
        runner: sut.runner.clone(),
        version: sut.version.clone(),
        profile: args.sut.profile.clone(),
        clock: sut.clock,
        tests: work.tests.len(),
        seed: args.seed,
    };
    let mut reports = Reports::open(args)?;
    watcher.into_iter().for_each(|watcher| reports.push(watcher));
    let folder = folder::begin(args, &Parameters::new(args, named, &specs, &info))?;
    let folder = folder.map(|begun| {
        reports.push(begun.results);
        begun.path
    });
    reports.start(&info)?;
    let mut session = Session {
        args,
        specs: named,
        suite: &suite,
        cases: &selection.cases,
        expectations: &expectations,
        captures: Captures::new(folder, args.pcap, &info),
        reports,
        summary: Summary::default(),
        open: BTreeMap::new(),
        fault: None,
        clock: sut.clock,
        stopped: false,
    };
    session.parallel(&work, &sut);
    session.repeat(&work);
    session.finish(&selection, began.elapsed())
}

/// Makes every selected test. A fault in any of them stops the run before it begins.
fn expand(suite: &mut Suite, selection: &Selection, sut: &Description) -> Result<Vec<Test>, Fault> {
    let mut faults = Vec::new();
    for script in &selection.broken {
        faults.extend(suite.scripts[*script].faults.clone());
    }
    let mut tests = Vec::with_capacity(selection.cases.len());
    for case in &selection.cases {
        match suite.expand(case.script, &case.variant, &sut.params) {
            Ok(test) => tests.push(test),
            Err(found) => faults.extend(found),
        }
    }
    if faults.is_empty() { Ok(tests) } else { Err(suite.script_fault(faults)) }
}

/// The expectation file, with the entries marked that speak of a test of the suite.
fn expectations(args: &RunArgs, specs: &Specs, suite: &Suite, selection: &Selection) -> Result<Expectations, Fault> {
    let own = args.sut.adapters.expectations(&args.sut.sut);
    let expectations = match args.expect.as_deref().or(own.filter(|path| path.exists())) {
        Some(path) => {
            let shown = path.display().to_string();
            let text = fs::read_to_string(path)
                .map_err(|fault| Fault::Environment(format!("cannot read {shown}: {fault}")))?;
            Expectations::parse(&shown, &text)?
        }
        None => {
            let path = format!("expect/{}.toml", args.sut.sut);
            match specs.text(&path) {
                Some(text) => Expectations::parse(&specs.display(&path), text)?,
                None => Expectations::default(),
            }
        }
    };
    if !expectations.entries().is_empty() {
        let scripts = suite.scripts.iter().filter(|script| script.is_for(&args.sut.sut));
        for script in scripts {
            script.variants.iter().for_each(|variant| expectations.mark(&script.test_id(variant)));
        }
        selection.cases.iter().for_each(|case| expectations.mark(&case.id));
    }
    Ok(expectations)
}

fn work(args: &RunArgs, tests: Vec<Test>, suite: &Suite, cases: &[Case], opener: Opener, clock: ClockKind) -> Work {
    let bound = |test: &Test| match clock {
        ClockKind::Virtual => args.patience,
        // Twice the script's time: waits for what never comes may lie on the way.
        ClockKind::Real => args.patience + 2 * hint(test),
    };
    let bounds = tests.iter().map(bound).collect();
    let lenient = args.select.compat == Some(Compat::Packetdrill);
    let congestion_control = args.congestion_control.clone();
    let options = RunOptions { seed: args.seed, lenient, congestion_control, ..RunOptions::default() };
    // Absolute, as the threads that go there go on to the next folder from there.
    let folder = |case: &Case| {
        let folder = suite.scripts[case.script].folder.as_deref()?;
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        folder.canonicalize().ok()
    };
    let folders = cases.iter().map(folder).collect();
    // With --fail-fast a worker waits until its result has been looked at.
    let ahead = if args.fail_fast { 0 } else { 1024 };
    Work { tests: tests.into(), sources: Arc::new(suite.sources.clone()), opener, options, bounds, folders, ahead }
}

/// The longest first: otherwise it would run on when all others are done.
fn longest_first(work: &Work, mut order: Vec<usize>) -> Vec<usize> {
    order.sort_by_key(|test| Reverse(hint(&work.tests[*test])));
    order
}

/// How long the script says the test takes.
fn hint(test: &Test) -> Duration {
    Duration::from_micros(duration_hint(test).max(0).unsigned_abs())
}

/// The attempts at a test so far, and what each says.
#[derive(Default)]
struct Attempts {
    said: Vec<Said>,
    made: Vec<Finished>,
}

impl Attempts {
    /// A test that missed by a tick and passes when the harness is late has passed by that.
    fn doubted(&self, said: Said, finished: &Finished) -> Said {
        if said == Said::Settled && only_ticks(&self.said) && moved(&finished.outcome) { Said::Luck } else { said }
    }

    /// Late or not, the last two failed in the same way, or three of them did that take long.
    fn confirmed(&self) -> bool {
        let outcomes: Vec<_> = self.made.iter().map(|finished| &finished.outcome).collect();
        let twice = matches!(outcomes.as_slice(), [.., before, last] if confirmed(before, last));
        let long = outcomes.last().is_some_and(|last| last.elapsed > BRIEF);
        twice || long && most_alike(&outcomes).is_some()
    }
}

/// A run under way.
struct Session<'a> {
    args: &'a RunArgs,
    /// The specs folder, when one was named.
    specs: Option<&'a Path>,
    suite: &'a Suite,
    cases: &'a [Case],
    expectations: &'a Expectations,
    captures: Captures,
    reports: Reports,
    summary: Summary,
    /// The attempts at tests that are to be repeated.
    open: BTreeMap<usize, Attempts>,
    /// The first report or capture that could not be written.
    fault: Option<io::Error>,
    clock: ClockKind,
    /// The failure has come that ends the run.
    stopped: bool,
}

impl Session<'_> {
    /// Every test once, as many at a time as is good for the clock.
    fn parallel(&mut self, work: &Work, sut: &Description) {
        let mut order: Vec<usize> = (0..work.tests.len()).collect();
        if let Some(longest) = self.longest(sut) {
            let fits = |test: &usize| hint(&work.tests[*test]) <= longest;
            let (fitting, long): (Vec<usize>, Vec<usize>) = order.into_iter().partition(fits);
            order = fitting;
            for test in long {
                let takes = hint(&work.tests[test]).as_secs();
                let reason =
                    format!("takes {takes} s on a real clock, more than the {} of --longest", longest.as_secs());
                self.settle(Finished::unsupported(test, reason), 1, None);
            }
        }
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let jobs = self.args.jobs.map(usize::from);
        let crowd = match sut.clock {
            ClockKind::Virtual => Crowd::Fixed(jobs.unwrap_or(cores)),
            ClockKind::Real => {
                order = longest_first(work, order);
                Crowd::Punctual { most: jobs.unwrap_or(MOST), cores }
            }
        };
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        run_all(work, order, crowd, |finished| {
            if self.clock == ClockKind::Real {
                let test = finished.test;
                let flow = self.take(finished);
                let repeated = self.open.get(&test).is_some_and(|attempts| attempts.made.len() >= IN_CROWD);
                return if repeated { Flow::Continue } else { flow };
            }
            // On a virtual clock results are reported in order, whichever thread was faster.
            waiting.insert(finished.test, finished);
            let mut flow = Flow::Continue;
            while let Some(finished) = waiting.remove(&next) {
                next += 1;
                if self.take(finished) == Flow::Stop {
                    flow = Flow::Stop;
                }
            }
            flow
        });
        for finished in waiting.into_values() {
            self.take(finished);
        }
    }

    /// The most that a test may take, where that matters.
    fn longest(&self, sut: &Description) -> Option<Duration> {
        match sut.clock {
            ClockKind::Virtual => None,
            ClockKind::Real => {
                self.args.longest.or_else(|| (sut.name == "reference").then_some(Duration::from_secs(60)))
            }
        }
    }

    /// A result: the test is to be run again, or all its attempts come to a verdict.
    fn take(&mut self, finished: Finished) -> Flow {
        let test = finished.test;
        let mut attempts = self.open.remove(&test).unwrap_or_default();
        let said = attempts.doubted(self.said(&finished), &finished);
        attempts.said.push(said);
        attempts.made.push(finished);
        // Who asks for so many attempts gets them: a test that passes at last is flaky, however it failed before.
        let settled = self.args.retries.is_none() && attempts.confirmed();
        if !settled && again(&attempts.said, self.args.retries) {
            self.open.insert(test, attempts);
            return Flow::Again;
        }
        self.conclude(attempts)
    }

    fn said(&self, finished: &Finished) -> Said {
        let (verdict, _) = self.expectations.judge(&self.cases[finished.test].id, &finished.outcome);
        // Scripts written for packetdrill count on the kernel's ticks, and what is repeated must not take long.
        let doubt = self.args.select.compat.is_some() && finished.outcome.elapsed <= BRIEF;
        said(verdict, &finished.outcome, self.clock, doubt)
    }

    /// Repeats what is to be repeated: among few at first, then one test at a time with nothing beside it.
    fn repeat(&mut self, work: &Work) {
        for crowd in FEW.into_iter().chain(std::iter::repeat(1)) {
            if self.open.is_empty() || self.stopped {
                return;
            }
            let order = longest_first(work, self.open.keys().copied().collect());
            run_all(work, order, Crowd::Fixed(crowd), |finished| match self.take(finished) {
                Flow::Again | Flow::Continue => Flow::Continue,
                Flow::Stop => Flow::Stop,
            });
        }
    }

    /// What all attempts of a test come to.
    fn conclude(&mut self, Attempts { said, mut made }: Attempts) -> Flow {
        let attempts = made.len() as u32;
        let (last, ended) = match (made.pop(), said.last()) {
            (Some(last), Some(ended)) => (last, *ended),
            (_, _) => unreachable!("a test is repeated that was run"),
        };
        let failed = said.iter().position(|one| matches!(one, Said::Time | Said::Tick | Said::Failed));
        match (ended, failed) {
            // The kernel's tick was all that was against it.
            (Said::Settled | Said::Luck, Some(_)) if only_ticks(&said) => self.settle(last, attempts, None),
            (Said::Settled | Said::Luck, Some(failed)) if last.outcome.verdict == Verdict::Pass => {
                let failed = made.swap_remove(failed);
                // It fails no run, so neither does a change of mind: what came at last counts.
                let nonstrict = failed.outcome.verdict == Verdict::Nonstrict;
                let (finished, verdict) = if nonstrict { (last, None) } else { (failed, Some(FinalVerdict::Flaky)) };
                self.settle(finished, attempts, verdict)
            }
            (Said::Nothing, _) if made.last().is_some_and(|before| !alike(&before.outcome, &last.outcome)) => {
                made.push(last);
                let outcomes: Vec<_> = made.iter().map(|finished| &finished.outcome).collect();
                let common = most_alike(&outcomes);
                let mut chosen = made.swap_remove(common.unwrap_or(attempts as usize - 1));
                if common.is_none() {
                    chosen.outcome = undecided(chosen.outcome, attempts);
                }
                self.settle(chosen, attempts, None)
            }
            (_, _) => self.settle(last, attempts, None),
        }
    }

    /// A verdict is final: count it, keep its capture, report it.
    fn settle(&mut self, finished: Finished, attempts: u32, verdict: Option<FinalVerdict>) -> Flow {
        let case = &self.cases[finished.test];
        self.summary.script_errors += usize::from(finished.script_fault);
        let mut record =
            record(self.suite, case, self.expectations, finished, again::command(self.args, self.specs, case));
        record.attempts = attempts;
        record.verdict = verdict.unwrap_or(record.verdict);
        match self.captures.write(&record) {
            Ok(capture) => record.capture = capture,
            Err(fault) => self.note(fault),
        }
        self.summary.add(&record);
        if let Err(fault) = self.reports.record(&record) {
            self.note(fault);
        }
        self.stopped |= self.args.fail_fast && record.verdict.is_failure();
        if self.stopped { Flow::Stop } else { Flow::Continue }
    }

    fn note(&mut self, fault: io::Error) {
        self.fault.get_or_insert(fault);
    }

    /// The summary, and the exit code.
    fn finish(mut self, selection: &Selection, wall: Duration) -> Result<u8, Fault> {
        self.summary.wall = wall;
        self.summary.not_run = self.cases.len() - self.summary.total();
        // A user's own expectation file speaks of scripts that this run may not have been given.
        if !selection.foreign {
            self.summary.stale = self.expectations.stale();
        }
        self.summary.exit = if self.fault.is_some() { ENVIRONMENT } else { exit(&self.summary) };
        self.reports.finish(&self.summary)?;
        match self.fault {
            Some(fault) => Err(Fault::Output(fault)),
            None => Ok(self.summary.exit),
        }
    }
}

/// The report of one execution.
pub fn record(
    suite: &Suite,
    case: &Case,
    expectations: &Expectations,
    mut finished: Finished,
    again: String,
) -> Record {
    let script = &suite.scripts[case.script];
    let (verdict, mut expectation) = expectations.judge(&case.id, &finished.outcome);
    if verdict == FinalVerdict::Unsupported && finished.outcome.verdict != Verdict::Unsupported {
        finished.outcome.reason = expectation.take();
    }
    let family = ("family".to_string(), case.variant.family.to_string());
    let span = finished.outcome.mismatch.as_ref().and_then(|mismatch| mismatch.span);
    let files = finished.outcome.trace.iter().filter_map(|entry| entry.file).filter(|file| *file != script.file);
    let stem = |file| Path::new(suite.sources.name(file)).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let fixtures = files.filter_map(|file| Some((file, stem(file)?))).collect();
    Record {
        index: finished.test,
        test: case.id.clone(),
        variant: std::iter::once(family).chain(case.variant.labels.iter().cloned()).collect(),
        file: span.map_or_else(|| script.shown.clone(), |span| suite.sources.name(span.file).to_string()),
        fixtures,
        rules: script.rules().into_iter().map(str::to_string).collect(),
        level: script.level(),
        sentence: script.sentence().to_string(),
        verdict,
        outcome: finished.outcome,
        wall: finished.wall,
        attempts: 1,
        expectation,
        capture: None,
        again,
    }
}

/// The exit code that the counts come to: environment before scripts before failures before
/// drift before inconclusive.
fn exit(summary: &Summary) -> u8 {
    let any = |verdict| summary.count(verdict) > 0;
    if summary.count(FinalVerdict::Error) > summary.script_errors {
        ENVIRONMENT
    } else if summary.script_errors > 0 {
        USAGE
    } else if any(FinalVerdict::Fail) || any(FinalVerdict::Flaky) {
        FAILED
    } else if any(FinalVerdict::Xpass) || !summary.stale.is_empty() {
        DRIFT
    } else if any(FinalVerdict::Inconclusive) {
        INCONCLUSIVE
    } else {
        AS_EXPECTED
    }
}
