//! Rounds in turn, medians, ratios.

use nix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Rounds of each row: odd, so that the median is one of them.
const ROUNDS: usize = 151;
/// About how long one contender works in one round.
const ROUND: Duration = Duration::from_millis(1);

/// One that does the work.
pub(crate) struct Contender<'a> {
    pub(crate) name: &'static str,
    /// Does the work so many times.
    pub(crate) work: Box<dyn FnMut(u64) + 'a>,
}

impl<'a> Contender<'a> {
    /// From something that does the work once.
    pub(crate) fn new(name: &'static str, mut once: impl FnMut() + 'a) -> Self {
        let work = Box::new(move |times| (0..times).for_each(|_| once()));
        Self { name, work }
    }
}

/// How a row is shown.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    /// Time of one piece of work.
    Time,
    /// Octets that one piece of work moves, for a rate.
    Octets(u64),
}

/// The head of the table.
pub(crate) fn head() {
    println!("{:<46} {:>14} {:>12} {:>16}  ratio of times", "the same work", "halfopen", "", "");
}

/// Lets `ours` and each of `theirs` work in turn; prints a row for each of theirs.
pub(crate) fn compare(what: &str, unit: Unit, ours: Contender<'_>, theirs: Vec<Contender<'_>>) {
    let mut contenders = vec![ours];
    contenders.extend(theirs);
    let times: Vec<u64> = contenders.iter_mut().map(calibrate).collect();
    let mut nanos = vec![Vec::new(); contenders.len()];
    for round in 0..ROUNDS {
        for turn in 0..contenders.len() {
            // Who comes first changes, so that no one always finds the cache as the same other left it.
            let index = (round + turn) % contenders.len();
            let took = time(&mut contenders[index], times[index]);
            nanos[index].push(took.as_secs_f64() * 1e9 / times[index] as f64);
        }
    }
    for (contender, theirs) in contenders.iter().zip(&nanos).skip(1) {
        let ratio = median(nanos[0].iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect());
        let (ours, theirs) = (median(nanos[0].clone()), median(theirs.clone()));
        let met = if ratio <= 1.0 { "met" } else { "MISSED" };
        println!("{what:<46} {:>14} {:>12} {:>16}  {ratio:.2}", shown(unit, ours), contender.name, shown(unit, theirs));
        println!("goal: {what}, next to {} | {ratio:.2} | 1.00 | {met}", contender.name);
    }
}

/// How often the contender works in one round.
fn calibrate(contender: &mut Contender<'_>) -> u64 {
    let mut times = 1;
    loop {
        let took = time(contender, times);
        if took >= ROUND {
            return times;
        }
        times *= if took * 10 < ROUND { 8 } else { 2 };
    }
}

/// Time that this thread was on a processor: what else the machine does is not counted.
fn time(contender: &mut Contender<'_>, times: u64) -> Duration {
    let now = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("threads have a clock"));
    let start = now();
    (contender.work)(times);
    now() - start
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn shown(unit: Unit, nanos: f64) -> String {
    match unit {
        Unit::Time => format!("{nanos:.1} ns"),
        Unit::Octets(octets) => format!("{:.2} Gbit/s", octets as f64 * 8.0 / nanos),
    }
}
