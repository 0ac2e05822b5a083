//! Runs tests on threads. A SUT that crashes or hangs costs its test, not the run.

use crate::admission::{Crowd, Gate, LOOK, Meter};
use crate::clock;
use crate::sut::Opener;
use crate::watched::Watched;
use halfopen_engine::outcome::{Lateness, Mismatch, MismatchKind, Outcome, Verdict};
use halfopen_engine::{RunOptions, run_caught};
use halfopen_script::Sources;
use halfopen_script::test::Test;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Once};
use std::thread;
use std::time::{Duration, Instant};

/// What every worker shares.
#[derive(Clone)]
pub struct Work {
    /// The tests, in stable order.
    pub tests: Arc<[Test]>,
    /// The texts that they came from.
    pub sources: Arc<Sources>,
    /// How a worker gets its SUT.
    pub opener: Opener,
    /// Options of the engine.
    pub options: RunOptions,
    /// How long a test may take on this machine's clock, by index.
    pub bounds: Arc<[Duration]>,
    /// Where the backtick commands of a test start, by index; `None` leaves that to the SUT.
    pub folders: Arc<[Option<PathBuf>]>,
    /// Results that may wait for their receiver while workers go on.
    pub ahead: usize,
}

/// A test came to an end.
#[derive(Debug)]
pub struct Finished {
    /// Index into [`Work::tests`].
    pub test: usize,
    /// What it came to.
    pub outcome: Outcome,
    /// An `error` is the script's fault, not the environment's.
    pub script_fault: bool,
    /// How long it took on this machine's clock.
    pub wall: Duration,
}

impl Finished {
    /// A test that is not run at all, and why.
    pub fn unsupported(test: usize, reason: String) -> Self {
        let outcome = Outcome { verdict: Verdict::Unsupported, ..error(reason) };
        Self { test, outcome, script_fault: false, wall: Duration::ZERO }
    }
}

/// What the receiver of results wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// More.
    Continue,
    /// More, and this test once more, behind those that wait.
    Again,
    /// No test that has not begun yet.
    Stop,
}

enum Message {
    Began { worker: usize, test: usize, at: Instant },
    Ended { worker: usize, finished: Box<Finished> },
    Left { worker: usize },
}

/// Runs tests in the order given, so many at a time, and hands each result over as it comes.
pub fn run_all(work: &Work, order: Vec<usize>, crowd: Crowd, mut each: impl FnMut(Finished) -> Flow) {
    let gate = Arc::new(Gate::new(order, crowd));
    let (sender, receiver) = sync_channel(work.ahead);
    let looks = matches!(crowd, Crowd::Punctual { .. }).then(clock::now);
    let meter = Arc::default();
    let mut pool = Pool { work, gate: &gate, meter: &meter, sender, running: BTreeMap::new(), workers: 0, looks };
    pool.grow(gate.wanted());
    while !pool.running.is_empty() {
        if let Some(finished) = pool.wait(&receiver) {
            let test = finished.test;
            match each(finished) {
                Flow::Continue => {}
                Flow::Again => gate.push(test),
                Flow::Stop => gate.close(),
            }
        }
        // A worker may have left before its test came back.
        pool.grow(gate.wanted());
        pool.look();
    }
}

struct Pool<'a> {
    work: &'a Work,
    gate: &'a Arc<Gate>,
    meter: &'a Arc<Meter>,
    sender: SyncSender<Message>,
    /// Workers that are neither gone nor given up, with the test each is in.
    running: BTreeMap<usize, Option<(usize, Instant)>>,
    workers: usize,
    /// When the meter was last read, if it is.
    looks: Option<Instant>,
}

impl Pool<'_> {
    /// Starts workers until there are so many.
    fn grow(&mut self, wanted: usize) {
        while self.running.len() < wanted {
            self.spawn();
        }
    }

    /// Reads the meter, when it is time.
    fn look(&mut self) {
        let Some(last) = self.looks else { return };
        let now = clock::now();
        if now >= last + LOOK {
            self.looks = Some(now);
            self.grow(self.gate.look(self.meter));
        }
    }

    /// Starts a worker. It is not joined: one whose SUT hangs never ends.
    fn spawn(&mut self) {
        let worker = self.workers;
        self.workers += 1;
        self.running.insert(worker, None);
        let (work, gate, sender) = (self.work.clone(), Arc::clone(self.gate), self.sender.clone());
        let meter = Arc::clone(self.meter);
        let thread = thread::Builder::new().name(format!("worker {worker}"));
        thread
            .spawn(move || labour(worker, &work, &gate, &meter, &sender))
            .expect("this process can have another thread");
    }

    /// The next result; `None` when something else happened.
    fn wait(&mut self, receiver: &Receiver<Message>) -> Option<Finished> {
        let bound = |test: usize, at: Instant| at + self.work.bounds[test];
        let earliest = self.running.values().flatten().map(|(test, at)| bound(*test, *at)).min();
        let timeout = earliest.map_or(Duration::from_secs(1), |at| at.saturating_duration_since(clock::now()));
        let timeout = if self.looks.is_some() { timeout.min(LOOK) } else { timeout };
        match receiver.recv_timeout(timeout) {
            Ok(Message::Began { worker, test, at }) => {
                self.running.entry(worker).and_modify(|state| *state = Some((test, at)));
                None
            }
            Ok(Message::Ended { worker, finished }) => {
                // A worker that was given up has had its verdict.
                *self.running.get_mut(&worker)? = None;
                Some(*finished)
            }
            Ok(Message::Left { worker }) => {
                self.running.remove(&worker);
                None
            }
            Err(RecvTimeoutError::Timeout) => self.give_up(),
            Err(RecvTimeoutError::Disconnected) => unreachable!("the pool keeps a sender"),
        }
    }

    /// Gives up the worker that is longest over its bound, and starts another in its place.
    fn give_up(&mut self) -> Option<Finished> {
        let now = clock::now();
        let overdue = |(worker, state): (&usize, &Option<(usize, Instant)>)| {
            let (test, at) = (*state)?;
            (now >= at + self.work.bounds[test]).then_some((*worker, test, at))
        };
        let (worker, test, at) = self.running.iter().find_map(overdue)?;
        self.running.remove(&worker);
        self.gate.give_up(worker);
        self.grow(self.gate.wanted());
        let wall = now.saturating_duration_since(at);
        let got = format!("nothing for {:.0} s: the SUT hangs", wall.as_secs_f64());
        Some(Finished { test, outcome: broken(got, "the test comes to an end"), script_fault: false, wall })
    }
}

/// A worker's life: take a test, run it, tell.
fn labour(worker: usize, work: &Work, gate: &Gate, meter: &Arc<Meter>, sender: &SyncSender<Message>) {
    watch_panics();
    let mut sut = None;
    while let Some(test) = gate.enter(worker) {
        let at = clock::now();
        // Nobody listens when the run is over: then there is nothing left to do either.
        let _ = sender.send(Message::Began { worker, test, at });
        let (outcome, script_fault) = attempt(&mut sut, meter, work, &work.tests[test], work.folders[test].as_deref());
        let wall = clock::now().saturating_duration_since(at);
        let finished = Box::new(Finished { test, outcome, script_fault, wall });
        let _ = sender.send(Message::Ended { worker, finished });
        gate.leave(worker);
    }
    // The SUT goes before the worker is counted out, so that its namespace is gone when the run ends.
    let _ = panic::catch_unwind(AssertUnwindSafe(|| drop(sut)));
    let _ = sender.send(Message::Left { worker });
}

/// Runs one test, and says whether an error of it is the script's. After a panic the next test gets a fresh SUT.
fn attempt(
    sut: &mut Option<Watched>,
    meter: &Arc<Meter>,
    work: &Work,
    test: &Test,
    folder: Option<&Path>,
) -> (Outcome, bool) {
    if sut.is_none() {
        match panic::catch_unwind(AssertUnwindSafe(|| work.opener.open())) {
            Ok(Ok(opened)) => *sut = Some(Watched::new(opened, Arc::clone(meter))),
            Ok(Err(fault)) => return (error(fault.to_string()), false),
            Err(_) => return (error("the SUT crashed before the test".into()), false),
        }
    }
    if let Some(fault) = folder.and_then(|folder| work.opener.work_in(folder).err()) {
        return (error(fault.to_string()), false);
    }
    let opened = sut.as_mut().expect("just opened");
    PANICKED.set(None);
    let mut outcome = run_caught(test, &work.sources, opened, &work.options);
    let refused = opened.refused();
    let Some(place) = PANICKED.take() else {
        let script_fault = outcome.verdict == Verdict::Error && !refused;
        return (outcome, script_fault);
    };
    // The engine has told whose fault it was, not where. The SUT is in no known state any more.
    let gone = sut.take();
    let _ = panic::catch_unwind(AssertUnwindSafe(|| drop(gone)));
    match &mut outcome.mismatch {
        Some(mismatch) => mismatch.got += &place,
        None => outcome.reason = outcome.reason.map(|reason| reason + &place),
    }
    (outcome, false)
}

thread_local! {
    /// This thread runs tests: its panics are outcomes.
    static WORKER: Cell<bool> = const { Cell::new(false) };
    /// Where this thread last panicked: ` at file:line`.
    static PANICKED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps the panics of workers for their outcomes; other threads panic as ever.
fn watch_panics() {
    static HOOK: Once = Once::new();
    WORKER.set(true);
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !WORKER.get() {
                return usual(info);
            }
            let place = info.location().map(|at| format!(" at {}:{}", at.file(), at.line()));
            PANICKED.set(Some(place.unwrap_or_default()));
        }));
    });
}

fn error(reason: String) -> Outcome {
    Outcome {
        verdict: Verdict::Error,
        mismatch: None,
        reason: Some(reason),
        trace: Vec::new(),
        snapshot: Vec::new(),
        elapsed: 0,
        lateness: Lateness::default(),
    }
}

fn broken(got: String, expected: &str) -> Outcome {
    let mismatch = Mismatch {
        kind: MismatchKind::Broken,
        span: None,
        line: None,
        expected: expected.to_string(),
        got,
        fields: Vec::new(),
        cited: None,
        cited_line: None,
        timing: false,
        packetdrill: None,
    };
    Outcome {
        verdict: Verdict::Fail,
        mismatch: Some(mismatch),
        reason: None,
        trace: Vec::new(),
        snapshot: Vec::new(),
        elapsed: 0,
        lateness: Lateness::default(),
    }
}
