//! Seeds of `endpoint_pair`: a run in which nothing happens, and runs as a generator draws them.

use super::Seed;

/// Octets that a run's parameters take, and some for its network.
const OCTETS: usize = 160;

pub(super) fn seeds() -> Vec<Seed> {
    let more = MORE.into_iter().zip(101..).map(|(name, seed)| (name, super::octets(OCTETS, seed)));
    super::drawn(OCTETS).into_iter().chain([("generated", Vec::new())]).chain(more).collect()
}

/// More runs as drawn: what both stacks and the network do has many kinds.
const MORE: [&str; 36] = [
    "run-01", "run-02", "run-03", "run-04", "run-05", "run-06", "run-07", "run-08", "run-09", "run-10", "run-11",
    "run-12", "run-13", "run-14", "run-15", "run-16", "run-17", "run-18", "run-19", "run-20", "run-21", "run-22",
    "run-23", "run-24", "run-25", "run-26", "run-27", "run-28", "run-29", "run-30", "run-31", "run-32", "run-33",
    "run-34", "run-35", "run-36",
];
