//! `cargo run -p halfopen-fuzz --example hunt SECONDS FUZZ_FOLDER [--bug N] [--seed N] [--keep FILE] [--all FOLDER] [TARGET...]`: looks for the
//! first input that violates an oracle. The targets take turns by time, `state_machine` every other turn; inputs are drawn, or mutated from the
//! seeds in FUZZ_FOLDER/corpus. Prints `O53 0.12 state_machine ESTABLISHED segment 815`, the last being how many inputs were tried, or `none`.
//!
//! `--bug`: in the copy that `cargo ci mutants` makes, the seeded bug that is looked for; elsewhere there are none. What violates an oracle without
//! the bug too is no sign of it. `--seed`: other inputs, 0 unless told. The input is written to the file after `--keep`. `--all`: goes on after a
//! finding; the first input of each kind (oracle, state, event), made small, is written to the folder, and the last line counts
//! all findings.

use halfopen_fuzz::TARGETS;
use halfopen_fuzz::finding::oracle_of;
use halfopen_fuzz::minimise::minimise;
use halfopen_fuzz::program::Program;
use halfopen_fuzz::program::mutate::{cross_over, mutate};
use halfopen_fuzz::program::random::{Random, program};
use halfopen_fuzz::state_machine::violation;
use halfopen_fuzz::told::teller;
use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long a target looks before the next one does.
const TURN: Duration = Duration::from_millis(100);
/// Runs that a finding is made smaller with, at the most.
const TRIES: u32 = 5000;
/// The target that takes every other turn.
const MAIN: &str = "state_machine";

/// The text of the last panic.
static SAID: Mutex<String> = Mutex::new(String::new());

/// What an input violates: oracle, state, event.
type Found = [String; 3];

fn main() {
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.payload_as_str().unwrap_or_default();
        if let Ok(mut said) = SAID.lock() {
            text.clone_into(&mut said);
        }
    }));
    let asked = Asked::read(std::env::args().skip(1).collect());
    println!("{}", hunt(&asked.expect("usage: hunt SECONDS FUZZ_FOLDER [--bug N] [--keep FILE] [TARGET...]")));
}

/// The stack of this tree has no bug to switch on; `cargo ci mutants` writes another body into its copy.
fn switch_on(_bug: u32) {}

struct Asked {
    seconds: u64,
    folder: PathBuf,
    bug: u32,
    seed: u64,
    keep: Option<PathBuf>,
    all: Option<PathBuf>,
    targets: Vec<String>,
}

impl Asked {
    fn read(words: Vec<String>) -> Option<Self> {
        let mut words = words.into_iter();
        let seconds = words.next()?.parse().ok()?;
        let folder = words.next()?.into();
        let mut asked = Self { seconds, folder, bug: 0, seed: 0, keep: None, all: None, targets: Vec::new() };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--bug" => asked.bug = words.next()?.parse().ok()?,
                "--seed" => asked.seed = words.next()?.parse().ok()?,
                "--all" => asked.all = Some(words.next()?.into()),
                "--keep" => asked.keep = Some(words.next()?.into()),
                _ => asked.targets.push(word),
            }
        }
        if asked.targets.is_empty() {
            asked.targets = TARGETS.iter().map(|target| target.name.to_owned()).collect();
        }
        Some(asked)
    }

    /// Whether the input violates an oracle without the bug, too.
    fn is_known(&self, target: &str, octets: &[u8]) -> bool {
        if self.bug == 0 {
            return false;
        }
        switch_on(0);
        let known = judge(target, octets).is_some();
        switch_on(self.bug);
        known
    }
}

#[expect(clippy::disallowed_methods, reason = "what is measured is the time to a finding")]
fn hunt(asked: &Asked) -> String {
    let others: Vec<&String> = asked.targets.iter().filter(|target| *target != MAIN).collect();
    let main = asked.targets.iter().find(|target| *target == MAIN);
    let turns: Vec<&String> = match main {
        Some(main) if others.is_empty() => vec![main],
        Some(main) => others.iter().flat_map(|other| [main, *other]).collect(),
        None => others,
    };
    let mut seeds: Vec<Seeds> =
        asked.targets.iter().map(|target| Seeds::read(&asked.folder, target, asked.seed)).collect();
    let (begin, mut tried, mut known) = (Instant::now(), 0_u64, Known::default());
    switch_on(asked.bug);
    for turn in 0.. {
        let target = turns[turn % turns.len()];
        let seeds = seeds.iter_mut().find(|seeds| seeds.target == *target).expect("every target has seeds");
        let turn = Instant::now();
        while turn.elapsed() < TURN {
            let octets = seeds.next();
            tried += 1;
            let Some(found) = judge(target, &octets) else { continue };
            if asked.is_known(target, &octets) {
                continue;
            }
            let [oracle, state, event] = &found;
            let line = || format!("{oracle} {:.2} {target} {state} {event} {tried}", begin.elapsed().as_secs_f64());
            if let Some(folder) = &asked.all {
                if known.is_new(&found) {
                    println!("{}", line());
                    let name = found.join("-").replace(' ', "_");
                    std::fs::create_dir_all(folder).expect("a folder");
                    std::fs::write(folder.join(format!("{target}-{name}")), small(target, octets)).expect("a folder");
                }
                continue;
            }
            if let Some(file) = &asked.keep {
                std::fs::write(file, &octets).expect("a writable file");
            }
            return line();
        }
        if begin.elapsed() >= Duration::from_secs(asked.seconds) {
            break;
        }
    }
    if known.count > 0 {
        return format!("{} findings of {} kinds, {tried} inputs", known.count, known.kinds.len());
    }
    format!("none {} - - - {tried}", asked.seconds)
}

/// The findings of a hunt that goes on.
#[derive(Default)]
struct Known {
    kinds: BTreeSet<Found>,
    count: u64,
}

impl Known {
    fn is_new(&mut self, found: &Found) -> bool {
        self.count += 1;
        self.kinds.insert(found.clone())
    }
}

/// What violates the same in the same state, as small as it gets; programs that panic, and inputs of targets that cannot be told, are left as they are.
fn small(target: &str, octets: Vec<u8>) -> Vec<u8> {
    if target != MAIN {
        let Some(teller) = teller(target) else { return octets };
        let first = teller.tell(&octets);
        return if first.found.is_some() { teller.minimise(&first, TRIES) } else { octets };
    }
    let made = catch_unwind(|| {
        let program = Program::decode(&octets).ok()?;
        let first = violation(&program)?;
        Some(minimise(&program, &first, &mut violation).0.encode())
    });
    made.ok().flatten().unwrap_or(octets)
}

fn judge(target: &str, octets: &[u8]) -> Option<Found> {
    let dash = || "-".to_owned();
    if target == MAIN {
        let program = Program::decode(octets).ok()?;
        return match catch_unwind(|| violation(&program)) {
            Ok(found) => {
                found.map(|found| [format!("O{}", found.oracle), found.state.to_owned(), found.event.to_owned()])
            }
            Err(_) => Some(["panic".to_owned(), dash(), dash()]),
        };
    }
    let run = TARGETS.iter().find(|known| known.name == target).expect("a known target").run;
    catch_unwind(|| run(octets)).err().map(|_| {
        let said = SAID.lock().map(|said| said.clone()).unwrap_or_default();
        let oracle = oracle_of(&said).to_owned();
        let told = teller(target).and_then(|teller| teller.tell(octets).found);
        let (state, event) = told.map_or((dash(), dash()), |found| (found.state.to_owned(), found.event.to_owned()));
        [if oracle.is_empty() { "model".to_owned() } else { oracle }, state, event]
    })
}

/// The seeds of a target, and what is made of them.
struct Seeds {
    target: String,
    seeds: Vec<Vec<u8>>,
    begin: u64,
    count: u64,
}

impl Seeds {
    fn read(folder: &Path, target: &str, seed: u64) -> Self {
        let mut files: Vec<_> = ["corpus", "regressions"]
            .iter()
            .filter_map(|sort| std::fs::read_dir(folder.join(sort).join(target)).ok())
            .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
            .collect();
        files.sort();
        let seeds = files.iter().filter_map(|file| std::fs::read(file).ok()).collect();
        Self { target: target.to_owned(), seeds, begin: seed << 40, count: 0 }
    }

    /// The seeds as they are, then others.
    fn next(&mut self) -> Vec<u8> {
        let mut random = Random::new(self.begin + self.count);
        let seed = self.seeds.get(self.count as usize);
        self.count += 1;
        match seed {
            Some(seed) => seed.clone(),
            None if self.target == MAIN => self.program(&mut random).encode(),
            None => self.octets(&mut random),
        }
    }

    fn any(&self, random: &mut Random) -> &[u8] {
        &self.seeds[random.below(self.seeds.len())]
    }

    fn program(&self, random: &mut Random) -> Program {
        if self.seeds.is_empty() || random.one_in(2) {
            return program(random);
        }
        let seed = |random: &mut Random| Program::decode(self.any(random)).unwrap_or_default();
        let mut one = seed(random);
        if random.one_in(4) {
            one = cross_over(&one, &seed(random), random.next());
        }
        for _ in 0..=random.below(4) {
            mutate(&mut one, random.next());
        }
        one
    }

    fn octets(&self, random: &mut Random) -> Vec<u8> {
        if self.seeds.is_empty() || random.one_in(2) {
            let length = random.below(400);
            return (0..length).map(|_| random.next() as u8).collect();
        }
        let mut octets = self.any(random).to_vec();
        for _ in 0..=random.below(8) {
            let at = random.below(octets.len() + 1);
            match random.below(4) {
                0 => octets.insert(at, random.next() as u8),
                1 if at < octets.len() => drop(octets.remove(at)),
                _ if at < octets.len() => octets[at] = random.next() as u8,
                _ => octets.push(random.next() as u8),
            }
        }
        octets
    }
}
