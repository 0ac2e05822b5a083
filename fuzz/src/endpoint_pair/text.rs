//! The text of both sides: what is at a place is a function of side and place, so that octets out of place show.
//!
//! The function repeats after a prime number of octets, so that nothing that is off by a power of two looks right.

use std::sync::LazyLock;

const PERIOD: usize = 65_521;
/// Longest piece that is asked for at once.
pub(super) const MOST_OCTETS: usize = 1 << 16;

static TEXT: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| [table(167), table(197)]);

fn table(factor: usize) -> Vec<u8> {
    let octet = |place: usize| ((place ^ place >> 7).wrapping_mul(factor) >> 3) as u8;
    (0..PERIOD + MOST_OCTETS).map(|place| octet(place % PERIOD)).collect()
}

/// What this side writes from this offset of its stream on.
pub(super) fn text(side: usize, offset: u32, octets: usize) -> &'static [u8] {
    &TEXT[side][offset as usize % PERIOD..][..octets]
}
