//! Destinations where asking for accurate feedback has failed (RFC 9768 3.1.4.1): SYNs with the flags went unanswered, the plain one was
//! not. One such attempt may have had other causes; after two in a row the next connections begin with a plain SYN, until it is time to try again.

use crate::config::Config;
use crate::time::Instant;
use alloc::collections::BTreeMap;
use core::net::IpAddr;

/// Failures in a row after which the flags are taken for their cause.
const CLEAR: u8 = 2;

/// Destinations remembered; another one takes the place of the least address.
const MOST_DESTINATIONS: usize = 1024;

/// By destination: failures in a row, and when the last one was.
#[derive(Debug, Clone, Default)]
pub(crate) struct Failures(BTreeMap<IpAddr, (u8, Instant)>);

impl Failures {
    /// A handshake that asked is over. `failed`: with a SYN that no longer asked.
    pub(super) fn ended(&mut self, destination: IpAddr, failed: bool, now: Instant) {
        if !failed {
            self.0.remove(&destination);
            return;
        }
        if self.0.len() >= MOST_DESTINATIONS && !self.0.contains_key(&destination) {
            self.0.pop_first();
        }
        let (times, last) = self.0.entry(destination).or_insert((0, now));
        (*times, *last) = (times.saturating_add(1), now);
    }

    /// Whether a SYN to `destination` had better not ask now.
    pub(super) fn persist(&self, destination: IpAddr, now: Instant, config: &Config) -> bool {
        self.0
            .get(&destination)
            .is_some_and(|(times, last)| *times >= CLEAR && now.since(*last) < config.accecn_negative_cache)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    #[test]
    fn two_failures_in_a_row_count_until_they_are_old() {
        let config = Config::rfc9293();
        let (here, there) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let at = |seconds: u64| Instant(seconds * 1_000_000);
        let mut failures = Failures::default();
        failures.ended(here, true, at(0));
        assert!(!failures.persist(here, at(1), &config), "once may be chance");
        failures.ended(here, false, at(1));
        failures.ended(here, true, at(2));
        assert!(!failures.persist(here, at(3), &config), "not in a row");
        failures.ended(here, true, at(4));
        assert!(failures.persist(here, at(5), &config));
        assert!(!failures.persist(there, at(5), &config));
        assert!(!failures.persist(here, at(4) + config.accecn_negative_cache, &config), "long ago");
        assert!(!failures.persist(here, at(5), &Config { accecn_negative_cache: Duration::ZERO, ..config }));
    }
}
