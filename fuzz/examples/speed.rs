//! `cargo run --release -p halfopen-fuzz --example speed [TARGET [SECONDS]]`: inputs of a target, how many a second on one core without
//! an engine, and what they found. `cargo ci fuzz-bench` runs it in several builds, and an engine beside it.
//!
//! The inputs are the seeds and regressions of the target, each as it is and with an octet changed, and of the two targets whose inputs
//! can be drawn 2,000 drawn ones instead: programs for `state_machine`, seeds for `sim`, which is `endpoint_pair` as `halfopen fuzz sim` runs it.
//! Time is that of the processor, where Linux tells it, so that a busy machine makes nothing slow.

use halfopen_fuzz::oracles::Violation;
use halfopen_fuzz::program::Program;
use halfopen_fuzz::program::random::{Random, program};
use halfopen_fuzz::{TARGETS, endpoint_pair, state_machine};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

/// Inputs that are drawn.
const DRAWN: u64 = 2000;

/// What one execution came to: nothing, or what was found.
type Run = Box<dyn Fn(&[u8]) -> Option<String>>;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let name = words.first().map_or("state_machine", String::as_str);
    let seconds: f64 = words.get(1).map_or(5.0, |word| word.parse().expect("usage: speed [TARGET [SECONDS]]"));
    let (inputs, run) = inputs(name);
    assert!(!inputs.is_empty(), "no inputs of {name}");
    std::panic::set_hook(Box::new(|_| {}));
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    let mut count = 0;
    let begin = used();
    let mut took = 0.0;
    while took < seconds {
        for input in &inputs {
            match catch_unwind(AssertUnwindSafe(|| run(input))) {
                Ok(None) => {}
                Ok(Some(what)) => *found.entry(what).or_default() += 1,
                Err(panic) => {
                    let text = panic.downcast_ref::<String>().map_or("panic", String::as_str);
                    *found.entry(text.lines().next().unwrap_or("").to_owned()).or_default() += 1;
                }
            }
            count += 1;
            if count % 64 == 0 {
                took = (used() - begin).as_secs_f64();
                if took >= seconds {
                    break;
                }
            }
        }
    }
    took = (used() - begin).as_secs_f64();
    for (what, times) in &found {
        println!("{times} times: {what}");
    }
    let octets: usize = inputs.iter().map(Vec::len).sum();
    let events: usize = inputs.iter().filter_map(|input| Program::decode(input).ok()).map(|one| one.events.len()).sum();
    let mean = |sum: usize| sum as f64 / inputs.len() as f64;
    let length = match name {
        "state_machine" => format!("{:.1} events", mean(events)),
        "sim" => "drawn".to_owned(),
        _ => format!("{:.0} octets", mean(octets)),
    };
    let build = if cfg!(debug_assertions) { "debug assertions" } else { "none" };
    println!("speed: {name} | {:.0} | {count} | {took:.2} | {length} | {build}", f64::from(count) / took);
}

/// The inputs of a target, and what runs one.
fn inputs(name: &str) -> (Vec<Vec<u8>>, Run) {
    match name {
        "state_machine" => {
            let drawn = (0..DRAWN).map(|seed| program(&mut Random::new(seed)).encode()).collect();
            let key = |found: Violation| format!("O{} in {} at {}", found.oracle, found.state, found.event);
            (drawn, Box::new(move |octets| state_machine::violation(&Program::decode(octets).ok()?).map(key)))
        }
        "sim" => {
            let seeds = (0..DRAWN).map(|seed| seed.to_le_bytes().to_vec()).collect();
            (
                seeds,
                Box::new(|octets| {
                    let (run, dice) = endpoint_pair::of_seed(u64::from_le_bytes(octets.try_into().ok()?));
                    endpoint_pair::play(&run, dice, None).finding.map(|finding| finding.to_string())
                }),
            )
        }
        _ => {
            let target = TARGETS.iter().find(|target| target.name == name);
            let target = *target.unwrap_or_else(|| panic!("no target {name}; there are sim and {TARGETS:?}"));
            (
                kept(name),
                Box::new(move |octets| {
                    (target.run)(octets);
                    None
                }),
            )
        }
    }
}

/// What is committed of a target's inputs, and each of them with an octet changed.
fn kept(name: &str) -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    for folder in ["corpus", "regressions"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(name);
        let mut files: Vec<_> =
            std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        files.sort();
        inputs.extend(files.iter().filter_map(|file| std::fs::read(file).ok()));
    }
    let mut random = Random::new(0);
    for index in 0..inputs.len() {
        let mut changed: Vec<u8> = inputs[index].clone();
        let place = random.below(changed.len());
        if let Some(octet) = changed.get_mut(place) {
            *octet ^= random.next() as u8;
        }
        inputs.push(changed);
    }
    inputs
}

/// Time that this thread has used.
fn used() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|text| text.split(' ').next()?.parse().ok());
    nanos.map_or_else(elapsed, Duration::from_nanos)
}

/// Time on the wall, where nothing better is known.
fn elapsed() -> Duration {
    std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
}
