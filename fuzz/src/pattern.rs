//! The text of both sides: what is at a place is a function of the place, so that octets out of place show.
//!
//! The functions repeat after 65,536 octets, more than any window of a run spans.

use std::sync::LazyLock;

const PERIOD: usize = 1 << 16;

/// Longest piece that is asked for at once: what one call can read, and what urgent octets may be left out of it.
const MOST_OCTETS: usize = 1 << 17;

static HOST: LazyLock<Vec<u8>> = LazyLock::new(|| table(167));
static PEER: LazyLock<Vec<u8>> = LazyLock::new(|| table(197));

fn table(factor: usize) -> Vec<u8> {
    let octet = |place: usize| ((place ^ place >> 7).wrapping_mul(factor) >> 3) as u8;
    (0..PERIOD + MOST_OCTETS).map(|place| octet(place % PERIOD)).collect()
}

/// What the application writes from this offset of its stream on.
pub fn written(offset: u32, octets: usize) -> &'static [u8] {
    &HOST[offset as usize % PERIOD..][..octets]
}

/// What the peer sends from this sequence number on, whenever it sends there.
pub fn sent(seq: u32, octets: usize) -> &'static [u8] {
    &PEER[seq as usize % PERIOD..][..octets]
}
