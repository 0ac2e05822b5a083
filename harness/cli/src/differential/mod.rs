//! `halfopen fuzz diff`: the reference stack and the kernel with the same programs, on several threads.

pub mod kernel;

use crate::clock;
use crate::expect::Expectations;
use halfopen_fuzz::differential::pool::Pool;
use halfopen_fuzz::differential::reference::{self, Reference};
use halfopen_fuzz::differential::{Comparison, Divergence, Lane, Trace, compare, play, timed};
use halfopen_fuzz::program::Program;
use halfopen_sut::SutError;
use halfopen_sut::linux::pooled::largest_buffers;
use kernel::Kernel;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Programs between two looks at the clock and at the others.
const BLOCK: u64 = 64;
/// The same of the slow lane, each of whose programs takes a second.
const SLOW_BLOCK: u64 = 1;
/// One job in so many has programs that wait four times as long.
const LONGER: u16 = 8;
/// How often a divergence has to be seen again before it counts: of the fast lane more often, for races that the kernel loses once in fifty
/// runs. One that has shown by then is looked at no longer.
const AGAIN: usize = 10;
const AGAIN_FAST: usize = 100;

/// What a campaign shall do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Decides every program of every job.
    pub seed: u64,
    /// How long at most.
    pub time: Duration,
    /// Programs of each job at most.
    pub programs: Option<u64>,
    /// Threads, each with a namespace of its own.
    pub jobs: u16,
    /// What kind of programs.
    pub lane: Lane,
}

/// A divergence, the first program that showed it, and how many did.
#[derive(Debug, Clone)]
pub struct Found {
    /// The difference.
    pub divergence: Divergence,
    /// The program.
    pub program: Program,
    /// Programs with the same key.
    pub count: u64,
}

/// What has been done so far.
#[derive(Debug, Default)]
pub struct Tally {
    /// Programs that were compared.
    pub programs: u64,
    /// Those without a difference.
    pub equal: u64,
    /// Those that were compared up to an event at which the two peers say different things.
    pub parted: u64,
    /// Those that differ in a way that is known, by the entry's place in the list.
    pub explained: BTreeMap<usize, u64>,
    /// Those in which the kernel differs from itself: what it measures of time decides.
    pub unsteady: u64,
    /// Runs on the kernel that were taken again because they took too long.
    pub slow: u64,
    /// Cells of state, event and state; features; programs kept, of all jobs.
    pub sizes: (usize, usize, usize),
    /// By key.
    pub found: BTreeMap<String, Found>,
}

/// Both hosts of a thread.
#[derive(Debug)]
pub struct Pair {
    /// What kind of programs they run.
    lane: Lane,
    /// In this process.
    pub reference: Reference,
    /// In a namespace of this thread.
    pub kernel: Kernel,
}

impl Pair {
    /// Moves this thread into a namespace.
    pub fn enter(lane: Lane) -> Result<Self, SutError> {
        let kernel = Kernel::enter()?;
        let mut config = reference::config(largest_buffers()?);
        config.memory_of_unit = kernel.memory_of_unit()?;
        Ok(Self { lane, reference: Reference::of(config), kernel })
    }

    /// Where the two differ, if they do so every time.
    pub fn divergence(&mut self, program: &mut Program) -> Result<Comparison, SutError> {
        let trace = self.play(program);
        self.against(program, &trace, &|_| false)
    }

    /// Runs a program on the reference stack, which decides how long its waits are.
    pub fn play(&mut self, program: &mut Program) -> Trace {
        let trace = play(program, &mut self.reference);
        timed::settled(program, &trace);
        trace
    }

    /// `known`: whether a difference counts as it is, and need not be asked for again.
    fn against(
        &mut self,
        program: &Program,
        trace: &Trace,
        known: &dyn Fn(&Divergence) -> bool,
    ) -> Result<Comparison, SutError> {
        let other = self.kernel.run(program, self.lane)?;
        let found = compare(program, trace, &other);
        match &found {
            Comparison::Differs(divergence) if !known(divergence) => {}
            Comparison::Differs(_) | Comparison::Equal | Comparison::Parted(_) => return Ok(found),
        }
        let mut unsteady = None;
        let most = if self.lane == Lane::Fast { AGAIN_FAST } else { AGAIN };
        for turn in 0..most {
            if turn >= AGAIN && unsteady.is_some() {
                break;
            }
            let again = self.kernel.run(program, self.lane)?;
            let now = compare(program, trace, &again);
            if !matches!(now, Comparison::Differs(_)) {
                // Whatever it was, the kernel does as the reference too: this host was late.
                return Ok(now);
            }
            if let Comparison::Differs(mut second) = compare(program, &other, &again) {
                second.kind = format!("unsteady {}", second.kind);
                unsteady = Some(second);
            }
        }
        Ok(unsteady.map_or(found, Comparison::Differs))
    }
}

/// Runs programs until the time or their number is up.
pub fn campaign(
    plan: &Plan,
    known: &Expectations,
    tell: &mut dyn FnMut(&Tally, Duration),
) -> Result<(Tally, Duration), SutError> {
    let (tally, stop) = (Mutex::new(Tally::default()), AtomicBool::new(false));
    let started = clock::now();
    let results = thread::scope(|scope| {
        let jobs: Vec<_> = (0..plan.jobs)
            .map(|job| {
                let (tally, stop) = (&tally, &stop);
                scope.spawn(move || {
                    let result = one((plan, known), job, started, tally, stop);
                    if result.is_err() {
                        stop.store(true, Ordering::Relaxed);
                    }
                    result
                })
            })
            .collect();
        while jobs.iter().any(|job| !job.is_finished()) {
            thread::park_timeout(Duration::from_millis(500));
            tell(&tally.lock().expect("no job panics with the lock"), started.elapsed());
        }
        jobs.into_iter().map(|job| job.join().expect("a job does not panic")).collect::<Vec<_>>()
    });
    results.into_iter().collect::<Result<(), _>>()?;
    Ok((tally.into_inner().expect("no job panics with the lock"), started.elapsed()))
}

/// The entry that explains a divergence.
pub fn explained(known: &Expectations, divergence: &Divergence) -> Option<usize> {
    known.differences().iter().position(|difference| difference.explains(divergence))
}

fn one(
    (plan, known): (&Plan, &Expectations),
    job: u16,
    started: Instant,
    all: &Mutex<Tally>,
    stop: &AtomicBool,
) -> Result<(), SutError> {
    // What comes after seconds is worth a few of the jobs.
    let lane = match plan.lane {
        Lane::Slow { most } if job % LONGER == LONGER - 1 => Lane::Slow { most: 4 * most },
        lane @ (Lane::Fast | Lane::Slow { .. }) => lane,
    };
    let mut pair = Pair::enter(lane)?;
    let block = if plan.lane == Lane::Fast { BLOCK } else { SLOW_BLOCK };
    let mut pool = Pool::new(plan.seed.wrapping_add(u64::from(job) << 32));
    let mut done = 0;
    let mut sizes = (0, 0, 0);
    while started.elapsed() < plan.time && !stop.load(Ordering::Relaxed) {
        let count = plan.programs.map_or(block, |most| block.min(most - done));
        if count == 0 {
            break;
        }
        let (mut found, mut parted, mut unsteady): (Vec<Found>, u64, u64) = (Vec::new(), 0, 0);
        let mut explained_by: BTreeMap<usize, u64> = BTreeMap::new();
        for _ in 0..count {
            let mut program = pool.draw(lane);
            let trace = pair.play(&mut program);
            pool.learn(&program, &trace);
            match pair.against(&program, &trace, &|found| explained(known, found).is_some())? {
                Comparison::Equal => {}
                Comparison::Parted(_) => parted += 1,
                Comparison::Differs(divergence) => match explained(known, &divergence) {
                    Some(entry) => *explained_by.entry(entry).or_default() += 1,
                    None if divergence.kind.starts_with("unsteady ") => unsteady += 1,
                    None => found.push(Found { divergence: *divergence, program, count: 1 }),
                },
            }
        }
        done += count;
        let mut all = all.lock().expect("no job panics with the lock");
        all.programs += count;
        all.unsteady += unsteady;
        all.equal += count - parted - unsteady - found.len() as u64 - explained_by.values().sum::<u64>();
        for (entry, count) in explained_by {
            *all.explained.entry(entry).or_default() += count;
        }
        all.parted += parted;
        all.slow += std::mem::take(&mut pair.kernel.slow);
        let now = pool.sizes();
        all.sizes = (all.sizes.0 + now.0 - sizes.0, all.sizes.1 + now.1 - sizes.1, all.sizes.2 + now.2 - sizes.2);
        sizes = now;
        for one in found {
            all.found.entry(one.divergence.key()).and_modify(|known| known.count += 1).or_insert(one);
        }
    }
    Ok(())
}
