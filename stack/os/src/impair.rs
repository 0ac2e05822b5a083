//! A link that is worse than the device: loss, duplication, reordering, corruption, delay, rate, drawn from a seed. Pure.
//!
//! It stands between stack and link, on datagrams; ARP and neighbour discovery are spared. One value is one direction.

use core::str::FromStr;
use core::time::Duration;
use halfopen_stack::Instant;
use std::collections::{BTreeMap, VecDeque};

/// Datagrams that may overtake one that was held back, at most.
const MOST_OVERTAKING: u64 = 4;
/// How long a datagram is held back if nothing overtakes it.
const HOLD: Duration = Duration::from_millis(2);

/// What is done to datagrams. Probabilities are in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Impairment {
    /// Dropped.
    pub loss: u32,
    /// Sent twice.
    pub dup: u32,
    /// Held back until up to four later ones have passed, or for 2 ms.
    pub reorder: u32,
    /// One bit is turned over.
    pub corrupt: u32,
    /// Added to each.
    pub delay: Duration,
    /// Up to this much is added on top, drawn for each; so datagrams overtake each other.
    pub jitter: Duration,
    /// Octets in a second; 0 is no limit.
    pub rate: u64,
    /// Datagrams that may wait for rate and delay; those beyond are dropped. 0 is 1000.
    pub limit: u32,
    /// Seed of the draws.
    pub seed: u64,
}

/// Why a text is no impairment. The caller is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no impairment: loss=1%, dup=1%, reorder=1%, corrupt=0.1%, delay=5ms, jitter=1ms, rate=10mbit, limit=1000 and seed=7 are"
)]
pub struct BadImpairment(String);

impl FromStr for Impairment {
    type Err = BadImpairment;

    fn from_str(text: &str) -> Result<Self, BadImpairment> {
        let mut value = Self::default();
        for part in text.split(',') {
            value.set(part).ok_or_else(|| BadImpairment(part.to_owned()))?;
        }
        Ok(value)
    }
}

impl Impairment {
    fn set(&mut self, part: &str) -> Option<()> {
        let (name, value) = part.split_once('=')?;
        match name {
            "loss" => self.loss = millionths(value)?,
            "dup" => self.dup = millionths(value)?,
            "reorder" => self.reorder = millionths(value)?,
            "corrupt" => self.corrupt = millionths(value)?,
            "delay" => self.delay = duration(value)?,
            "jitter" => self.jitter = duration(value)?,
            "rate" => self.rate = octets_per_second(value)?,
            "limit" => self.limit = value.parse().ok()?,
            "seed" => self.seed = value.parse().ok()?,
            _ => return None,
        }
        Some(())
    }
}

fn millionths(text: &str) -> Option<u32> {
    let percent: f64 = text.strip_suffix('%')?.parse().ok()?;
    (0.0..=100.0).contains(&percent).then(|| (percent * 10_000.0).round() as u32)
}

fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?);
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()
}

fn octets_per_second(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?);
    let bits = match unit {
        "bit" => 1.0,
        "kbit" => 1e3,
        "mbit" => 1e6,
        "gbit" => 1e9,
        _ => return None,
    };
    let rate = number.parse::<f64>().ok()? * bits / 8.0;
    (rate >= 1.0).then_some(rate as u64)
}

/// What was done, in datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    /// Taken in.
    pub offered: u64,
    /// Lost, by chance.
    pub lost: u64,
    /// Doubled.
    pub doubled: u64,
    /// Held back.
    pub reordered: u64,
    /// Changed.
    pub corrupted: u64,
    /// Lost because the queue was full.
    pub overflowed: u64,
}

/// A datagram that others overtake.
#[derive(Debug)]
struct Held {
    /// How many may still pass.
    passing: u64,
    until: Instant,
    datagram: Vec<u8>,
}

/// One direction.
#[derive(Debug)]
pub struct Impairer {
    what: Impairment,
    random: u64,
    counts: Counts,
    held: Vec<Held>,
    /// What waits for its time; the number keeps those of one time in order.
    waiting: BTreeMap<(Instant, u64), Vec<u8>>,
    number: u64,
    /// When the link has sent what it has.
    free_at: Instant,
    ready: VecDeque<Vec<u8>>,
}

impl Impairer {
    /// A direction; `stream` makes the draws of two with one seed differ.
    #[must_use]
    pub fn new(what: Impairment, stream: u64) -> Self {
        Self {
            random: what.seed ^ stream.wrapping_mul(0xd1b5_4a32_d192_ed03),
            what,
            counts: Counts::default(),
            held: Vec::new(),
            waiting: BTreeMap::new(),
            number: 0,
            free_at: Instant::ORIGIN,
            ready: VecDeque::new(),
        }
    }

    /// What was done so far.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes a datagram.
    pub fn offer(&mut self, mut datagram: Vec<u8>, now: Instant) {
        self.counts.offered += 1;
        if self.happens(self.what.loss) {
            self.counts.lost += 1;
            return;
        }
        if self.happens(self.what.corrupt) && !datagram.is_empty() {
            let bit = self.draw() % (8 * datagram.len() as u64);
            datagram[(bit / 8) as usize] ^= 1 << (bit % 8);
            self.counts.corrupted += 1;
        }
        if self.happens(self.what.dup) {
            self.counts.doubled += 1;
            self.pass(datagram.clone(), now);
        }
        if self.happens(self.what.reorder) {
            self.counts.reordered += 1;
            let passing = 1 + self.draw() % MOST_OVERTAKING;
            self.held.push(Held { passing, until: now + HOLD, datagram });
            return;
        }
        self.pass(datagram, now);
        self.held.iter_mut().for_each(|held| held.passing -= 1);
        self.release(now, |held| held.passing == 0);
    }

    /// What may go on its way now, in order.
    pub fn take(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.release(now, |held| held.until <= now);
        if let Some(datagram) = self.ready.pop_front() {
            return Some(datagram);
        }
        let first = self.waiting.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(first.remove())
    }

    /// When the next datagram may go.
    #[must_use]
    pub fn poll_at(&self) -> Option<Instant> {
        if !self.ready.is_empty() {
            return Some(Instant::ORIGIN);
        }
        let waiting = self.waiting.first_key_value().map(|((at, _), _)| *at);
        waiting.into_iter().chain(self.held.iter().map(|held| held.until)).min()
    }

    fn release(&mut self, now: Instant, over: impl Fn(&Held) -> bool) {
        while let Some(at) = self.held.iter().position(&over) {
            let held = self.held.remove(at);
            self.pass(held.datagram, now);
        }
    }

    /// Rate and delay.
    fn pass(&mut self, datagram: Vec<u8>, now: Instant) {
        let Impairment { delay, jitter, rate, limit, .. } = self.what;
        if delay.is_zero() && jitter.is_zero() && rate == 0 {
            self.ready.push_back(datagram);
            return;
        }
        if self.waiting.len() as u64 >= u64::from(if limit == 0 { 1000 } else { limit }) {
            self.counts.overflowed += 1;
            return;
        }
        let mut at = now;
        if let Some(micros) = (datagram.len() as u64 * 1_000_000).checked_div(rate) {
            self.free_at = self.free_at.max(now) + Duration::from_micros(micros);
            at = self.free_at;
        }
        let jitter = match jitter.as_micros() as u64 {
            0 => 0,
            most => self.draw() % (most + 1),
        };
        self.number += 1;
        self.waiting.insert((at + delay + Duration::from_micros(jitter), self.number), datagram);
    }

    fn happens(&mut self, millionths: u32) -> bool {
        millionths > 0 && self.draw() % 1_000_000 < u64::from(millionths)
    }

    /// Vigna's SplitMix64.
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests;
