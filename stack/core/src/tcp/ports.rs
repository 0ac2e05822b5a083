//! Ephemeral ports (RFC 6056).
//!
//! The search starts at an offset that depends on the destination and a secret, moved on by a counter, so that ports to one
//! destination follow each other while an outsider cannot tell the next one.

use super::isn::Secret;
use crate::random::Random;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

/// Label of port offsets in [`Secret::hash`].
const PORT: u8 = 2;

/// Counters of the double hash (TABLE_LENGTH of RFC 6056 3.3.4).
const COUNTERS: usize = 1024;

/// Linux moves on by a random number of ports below this.
const MOST_STEPS: u32 = 8;

/// F of RFC 6056: the offset of a destination.
pub(crate) fn offset(secret: &Secret, local: IpAddr, remote: SocketAddr) -> u64 {
    secret.hash(PORT, SocketAddr::new(local, 0), remote)
}

fn count((first, last): (u16, u16)) -> u32 {
    u32::from(last) - u32::from(first) + 1
}

/// The first port of `range` (first and last) that `is_free` accepts, from the offset on and round the range once
/// (RFC 6056 3.3.3). `remote` is `None` for a port that is chosen before there is a destination. `None`: all are taken.
pub(crate) fn hashed(
    secret: &Secret,
    counter: &mut u32,
    range: (u16, u16),
    local: IpAddr,
    remote: Option<SocketAddr>,
    mut is_free: impl FnMut(u16) -> bool,
) -> Option<u16> {
    let remote = remote.unwrap_or(SocketAddr::new(local, 0));
    let offset = offset(secret, local, remote) as u32;
    for _ in 0..count(range) {
        let port = range.0 + (offset.wrapping_add(*counter) % count(range)) as u16;
        *counter = counter.wrapping_add(1);
        if is_free(port) {
            return Some(port);
        }
    }
    None
}

/// The counters of RFC 6056 3.3.4, random at first; none before the first use.
#[derive(Debug, Clone, Default)]
pub(crate) struct Perturbation {
    /// What each counter begins with, one number after the other: few of them are ever asked for.
    drawn: Option<Random>,
    /// How far each has come since.
    moved: Vec<u32>,
}

impl Perturbation {
    /// A port for the destination with this hash: G is its lower half, F the upper one. With `parity` ports of the parity of
    /// the range's first one go before the others, as Linux leaves those to `bind`.
    pub(crate) fn choose(
        &mut self,
        hash: u64,
        random: &mut Random,
        range: (u16, u16),
        parity: bool,
        is_free: impl FnMut(u16) -> bool,
    ) -> Option<u16> {
        let drawn = self.drawn.get_or_insert_with(|| {
            let drawn = random.clone();
            *random = drawn.ahead(COUNTERS as u64);
            drawn
        });
        self.moved.resize(COUNTERS, 0);
        let index = hash as usize % COUNTERS;
        let first = drawn.ahead(index as u64).next_u64() as u32;
        let moved = &mut self.moved[index];
        let start = first.wrapping_add(*moved).wrapping_add((hash >> 32) as u32);
        let (port, passed) = scan(range, start, parity, 0, is_free)?;
        let step = if parity { 2 } else { 1 };
        let chance = random.next_u64() as u32 % MOST_STEPS * step;
        *moved = moved.wrapping_add(passed.max(chance) + step);
        Some(port)
    }
}

/// A port for `bind`, before there is a destination: from a random place on. With `parity` ports of the other parity than the
/// range's first one go first, as `connect` has those; with `shares` (`SO_REUSEADDR`) the lower half of the range goes first.
pub(crate) fn random(
    random: &mut Random,
    range: (u16, u16),
    parity: bool,
    shares: bool,
    mut is_free: impl FnMut(u16) -> bool,
) -> Option<u16> {
    let all = count(range);
    let half = range.0 + ((all >> 2) << 1) as u16;
    let parts =
        if shares && all >= 4 { [Some((range.0, half - 1)), Some((half, range.1))] } else { [Some(range), None] };
    parts.into_iter().flatten().find_map(|part| {
        let start = random.next_u64() as u32;
        scan(part, start, parity, 1, &mut is_free).map(|(port, _)| port)
    })
}

/// The first free port from `start` on, and how many ports were passed. With `parity` those at even distance from the
/// range's first port, or with `odd` = 1 those at odd distance, go before the others; an odd one out at the end of the range
/// is never taken then, as in Linux.
fn scan(
    range: (u16, u16),
    start: u32,
    parity: bool,
    odd: u32,
    mut is_free: impl FnMut(u16) -> bool,
) -> Option<(u16, u32)> {
    let all = count(range);
    if !parity || all == 1 {
        let at = |passed: u32| range.0 + (start.wrapping_add(passed) % all) as u16;
        return (0..all).map(|passed| (at(passed), passed)).find(|(port, _)| is_free(*port));
    }
    let pairs = all / 2;
    for distance in [odd, 1 - odd] {
        let at = |passed: u32| range.0 + ((start / 2).wrapping_add(passed) % pairs * 2 + distance) as u16;
        if let Some(passed) = (0..pairs).find(|passed| is_free(at(*passed))) {
            return Some((at(passed), 2 * passed));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    const RANGE: (u16, u16) = (5000, 5009);

    fn all_of(mut next: impl FnMut(&[u16]) -> Option<u16>) -> Vec<u16> {
        let mut taken = vec![];
        while let Some(port) = next(&taken) {
            assert!(!taken.contains(&port), "{port} twice");
            taken.push(port);
        }
        taken
    }

    #[test]
    fn every_port_of_the_range_is_found_once_and_then_none() {
        let secret = Secret::draw(&mut Random::new(7));
        let local = IpAddr::from([192, 0, 2, 1]);
        let remote = SocketAddr::from(([198, 51, 100, 1], 80));
        let mut counter = 0;
        let mut taken =
            all_of(|taken| hashed(&secret, &mut counter, RANGE, local, Some(remote), |port| !taken.contains(&port)));
        taken.sort_unstable();
        assert_eq!(taken, (5000..=5009).collect::<Vec<u16>>());
    }

    #[test]
    fn connect_takes_one_parity_first_and_bind_the_other() {
        let mut random_numbers = Random::new(3);
        let mut perturbation = Perturbation::default();
        let connect =
            all_of(|taken| perturbation.choose(77, &mut random_numbers, RANGE, true, |port| !taken.contains(&port)));
        let bind = all_of(|taken| random(&mut random_numbers, RANGE, true, false, |port| !taken.contains(&port)));
        for (name, ports, first) in [("connect", &connect, 0), ("bind", &bind, 1)] {
            assert_eq!(ports.len(), 10, "{name}");
            assert!(ports[..5].iter().all(|port| port % 2 == first), "{name}: {ports:?}");
        }
    }

    #[test]
    fn counters_are_the_numbers_that_were_next_in_their_order() {
        let mut random = Random::new(11);
        let mut plain = random.clone();
        let drawn: Vec<u32> = (0..COUNTERS).map(|_| plain.next_u64() as u32).collect();
        let mut perturbation = Perturbation::default();
        let range = (0, u16::MAX);
        for index in [5, 0, COUNTERS - 1] {
            let port = perturbation.choose(index as u64, &mut random, range, false, |_| true);
            assert_eq!(port, Some(drawn[index] as u16), "{index}");
            assert_eq!(random.clone().next_u64(), {
                plain.next_u64();
                plain.clone().next_u64()
            });
        }
    }

    #[test]
    fn a_socket_that_shares_is_bound_in_the_lower_half_first() {
        let mut random_numbers = Random::new(3);
        let ports = all_of(|taken| random(&mut random_numbers, RANGE, true, true, |port| !taken.contains(&port)));
        assert!(ports[..4].iter().all(|port| *port < 5004), "{ports:?}");
        assert_eq!(ports.len(), 10);
    }

    #[test]
    fn a_range_of_one_port_will_do() {
        let mut random_numbers = Random::new(3);
        for parity in [false, true] {
            assert_eq!(random(&mut random_numbers, (9, 9), parity, true, |_| true), Some(9));
            assert_eq!(Perturbation::default().choose(1, &mut random_numbers, (9, 9), parity, |_| true), Some(9));
        }
    }
}
