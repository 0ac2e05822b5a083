//! Seeds of `reassembly`: segments in order, and what a generator draws, at most as many events as are played.

use super::Seed;

/// Set-up, and four or five choices for each event.
const OCTETS: usize = 260;

pub(super) fn seeds() -> Vec<Seed> {
    super::drawn(OCTETS)
}
