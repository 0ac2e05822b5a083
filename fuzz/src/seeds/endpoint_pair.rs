//! Seeds of `endpoint_pair`: a run in which nothing happens, and runs as a generator draws them.

use super::Seed;

/// Octets that a run's parameters take, and some for its network.
const OCTETS: usize = 160;

pub(super) fn seeds() -> Vec<Seed> {
    super::drawn(OCTETS).into_iter().chain([("generated", Vec::new())]).collect()
}
