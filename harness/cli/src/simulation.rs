//! Many seeds of `halfopen_fuzz::endpoint_pair` on several threads, each run watched for crashes and hangs.

use crate::clock;
use crate::fault::{AS_EXPECTED, CRASH, FINDING, STUCK};
use halfopen_fuzz::endpoint_pair::parameters::{Canary, Parameters};
use halfopen_fuzz::endpoint_pair::{self, Outcome};
use halfopen_fuzz::finding::Kind;
use std::cell::RefCell;
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// Seeds that a thread takes at once.
const BLOCK: u64 = 32;
/// Of so many seeds one is run twice, to see whether the two are the same.
const REPEATED: u64 = 64;
/// A run that takes longer than this hangs: the slowest takes some milliseconds.
const HANGS: Duration = Duration::from_secs(60);
/// How often progress is told.
const TICK: Duration = Duration::from_millis(500);

/// Why a seed is a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// Something that must happen does not.
    Liveness,
    /// Something happens that must not.
    Oracle,
    /// The stack panics, or does not come back.
    Crash,
}

impl Sort {
    /// In reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Liveness => "liveness",
            Self::Oracle => "oracle",
            Self::Crash => "crash",
        }
    }

    /// Of a run with findings of this sort and none of a higher one.
    pub const fn exit(self) -> u8 {
        match self {
            Self::Liveness => STUCK,
            Self::Oracle => FINDING,
            Self::Crash => CRASH,
        }
    }
}

/// A seed that is a finding.
#[derive(Debug, Clone)]
pub struct Found {
    /// The seed.
    pub seed: u64,
    /// Of which sort.
    pub sort: Sort,
    /// The oracle, where there is one.
    pub oracle: &'static str,
    /// What was seen.
    pub text: String,
    /// What the seed draws.
    pub parameters: Parameters,
    /// The run up to there; a crash has none.
    pub outcome: Option<Outcome>,
}

/// What runs came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Seeds that were run to their end.
    pub seeds: u64,
    /// Findings among them.
    pub findings: u64,
    /// Datagrams.
    pub datagrams: u64,
    /// Time that passed for the stacks, microseconds.
    pub virtual_us: u64,
    /// The longest that a seed needed after its network was well, microseconds.
    pub slowest_us: u64,
    /// Fingerprint of all of them, whichever thread ran them.
    pub trace: u64,
    /// The highest exit code by precedence, as a sort.
    pub worst: Option<Sort>,
}

impl Tally {
    fn add(&mut self, seed: u64, outcome: &Outcome) {
        self.seeds += 1;
        self.datagrams += u64::from(outcome.datagrams);
        self.virtual_us += outcome.virtual_us;
        self.slowest_us = self.slowest_us.max(outcome.recovery_us);
        self.trace =
            self.trace.wrapping_add((outcome.trace ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23));
    }

    fn join(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.datagrams += other.datagrams;
        self.virtual_us += other.virtual_us;
        self.slowest_us = self.slowest_us.max(other.slowest_us);
        self.trace = self.trace.wrapping_add(other.trace);
    }

    /// The exit code.
    pub fn exit(&self) -> u8 {
        self.worst.map_or(AS_EXPECTED, Sort::exit)
    }
}

/// What a thread has to say.
enum News {
    Done(Tally),
    Found(Box<Found>),
}

thread_local! {
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Panics are findings from here on: they print nothing, and [`Found::text`] tells of them.
pub fn expect_panics() {
    panic::set_hook(Box::new(remember));
}

/// What the last panic of this thread said, once.
pub fn last_panic() -> String {
    PANIC.with_borrow_mut(std::mem::take)
}

/// Keeps what a panic says for the report instead of printing it.
fn remember(info: &PanicHookInfo<'_>) {
    let text = info.payload_as_str().unwrap_or("a panic without words");
    let place = info.location().map_or_else(String::new, |place| format!(" ({}:{})", place.file(), place.line()));
    PANIC.with_borrow_mut(|panic| *panic = format!("{text}{place}"));
}

/// What a seed draws, and what is broken besides.
pub fn parameters(seed: u64, canary: Option<Canary>) -> Parameters {
    Parameters { canary, ..endpoint_pair::of_seed(seed).0 }
}

/// Runs a seed; `twice` asks that a second run is the same.
pub fn run(seed: u64, twice: bool, canary: Option<Canary>) -> Result<Outcome, Box<Found>> {
    let parameters = parameters(seed, canary);
    let once = || {
        let (_, dice) = endpoint_pair::of_seed(seed);
        panic::catch_unwind(AssertUnwindSafe(|| endpoint_pair::play(&parameters, dice, None)))
    };
    let found = |sort, oracle, text, outcome| {
        Err(Box::new(Found { seed, sort, oracle, text, parameters: parameters.clone(), outcome }))
    };
    let Ok(outcome) = once() else {
        return found(Sort::Crash, "", last_panic(), None);
    };
    if let Some(finding) = &outcome.finding {
        let sort = match finding.kind {
            Kind::Oracle => Sort::Oracle,
            Kind::Liveness => Sort::Liveness,
        };
        return found(sort, finding.oracle, finding.text.clone(), Some(outcome));
    }
    if twice && !once().is_ok_and(|again| again == outcome) {
        return found(Sort::Oracle, "O98", "the same seed gave another run".into(), Some(outcome));
    }
    Ok(outcome)
}

/// What the threads share.
struct Shared {
    canary: Option<Canary>,
    next: AtomicU64,
    end: u64,
    stop: AtomicBool,
    /// The seed that each runs, and since when.
    running: Vec<Mutex<Option<(u64, Instant)>>>,
}

impl Shared {
    fn work(&self, job: usize, news: &Sender<News>) {
        loop {
            let from = self.next.fetch_add(BLOCK, Ordering::Relaxed);
            if from >= self.end || self.stop.load(Ordering::Relaxed) {
                return;
            }
            let mut tally = Tally::default();
            for seed in from..self.end.min(from + BLOCK) {
                *self.running[job].lock().expect("no thread dies here") = Some((seed, clock::now()));
                match run(seed, seed.is_multiple_of(REPEATED), self.canary) {
                    Ok(outcome) => tally.add(seed, &outcome),
                    Err(found) => {
                        tally.seeds += 1;
                        let _ = news.send(News::Found(found));
                    }
                }
            }
            *self.running[job].lock().expect("no thread dies here") = None;
            let _ = news.send(News::Done(tally));
        }
    }

    /// A seed that does not come back.
    fn hanging(&self) -> Option<u64> {
        self.running.iter().find_map(|running| {
            let (seed, since) = (*running.lock().expect("no thread dies here"))?;
            (since.elapsed() > HANGS).then_some(seed)
        })
    }
}

/// Runs seeds, `tell`ing of each finding, and of progress now and then.
pub fn campaign(
    seeds: Range<u64>,
    jobs: usize,
    most_findings: u64,
    canary: Option<Canary>,
    tell: &mut dyn FnMut(&Tally, Option<&Found>),
) -> Tally {
    let shared: &'static Shared = Box::leak(Box::new(Shared {
        canary,
        next: AtomicU64::new(seeds.start),
        end: seeds.end,
        stop: AtomicBool::new(false),
        running: (0..jobs).map(|_| Mutex::new(None)).collect(),
    }));
    let (sender, receiver) = mpsc::channel();
    for job in 0..jobs {
        let sender = sender.clone();
        // Not scoped: a thread that hangs must not keep the process.
        thread::spawn(move || shared.work(job, &sender));
    }
    drop(sender);
    listen(&receiver, shared, most_findings, tell)
}

fn listen(
    receiver: &Receiver<News>,
    shared: &Shared,
    most_findings: u64,
    tell: &mut dyn FnMut(&Tally, Option<&Found>),
) -> Tally {
    let mut tally = Tally::default();
    let mut told = clock::now();
    loop {
        let mut found = None;
        match receiver.recv_timeout(TICK) {
            Ok(News::Done(done)) => tally.join(&done),
            Ok(News::Found(one)) => found = Some(one),
            Err(RecvTimeoutError::Disconnected) => return tally,
            Err(RecvTimeoutError::Timeout) => {
                found = shared.hanging().map(|seed| {
                    let parameters = parameters(seed, shared.canary);
                    let text = format!("no end after {} s", HANGS.as_secs());
                    Box::new(Found { seed, sort: Sort::Crash, oracle: "", text, parameters, outcome: None })
                });
            }
        }
        if let Some(found) = found {
            tally.findings += 1;
            tally.worst = tally.worst.max(Some(found.sort));
            tell(&tally, Some(&found));
            if tally.findings >= most_findings || shared.hanging().is_some() {
                shared.stop.store(true, Ordering::Relaxed);
                return tally;
            }
        } else if told.elapsed() >= TICK {
            told = clock::now();
            tell(&tally, None);
        }
    }
}
