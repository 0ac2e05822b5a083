//! CUBIC as Linux computes it: the same curve as RFC 9438, in whole segments and milliseconds, looked at once per tick and, while the window
//! stays as it is, at most 32 times a second. In between the window grows by a segment for every `count` that arrive.

use super::Growth;
use crate::time::Instant;
use core::time::Duration;

/// A window that stays as it is leaves the pace as it is for so many milliseconds.
const PACE_HOLDS: u64 = 31;
/// Segments for one of growth where no congestion event has told of the path.
const UNKNOWN_PACE: u32 = 20;
/// The slowest pace above the curve, and the fastest, in segments per segment of growth: a factor of the window, and a number.
const SLOWEST: u32 = 100;
const FASTEST: u32 = 2;
/// Eighths of the window in segments that the Reno-friendly window needs for one of growth.
const FRIENDLY: u32 = 15;
/// C in 2^40ths, with time in 1024ths of a second.
const C: u128 = 410;
/// 1 + beta, in 2048ths.
const CONVERGENCE: (u64, u64) = (1741, 2048);
/// Round trips are not measured so long after congestion avoidance began.
const QUIET: u64 = 1000;

/// What it remembers. Windows are segments, times milliseconds of the stack's clock.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Segments {
    /// Window before the last congestion event; 0 when there was none, or a timeout since.
    last_max: u32,
    /// Of the last look at the curve.
    window: u32,
    at: u64,
    /// The present stage of congestion avoidance.
    epoch: Option<Epoch>,
    /// Segments for one of growth.
    count: u32,
    /// Segments that arrived since the last growth.
    arrived: u32,
    /// The smallest round trip.
    least: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq)]
struct Epoch {
    start: u64,
    /// K, in 1024ths of a second.
    k: u64,
    /// The plateau.
    origin: u32,
    /// Segments that arrived for the Reno-friendly window, and that window.
    acked: u32,
    friendly: u32,
}

fn millis(at: Instant) -> u64 {
    at.0 / 1000
}

impl Segments {
    /// A congestion event at a window.
    pub(super) fn event(&mut self, window: u32) {
        let converged = (u64::from(window) * CONVERGENCE.0 / CONVERGENCE.1) as u32;
        self.last_max = if window < self.last_max { converged } else { window };
        self.epoch = None;
        self.arrived = 0;
    }

    /// Text goes out after `idle` with nothing in flight.
    pub(super) fn idled(&mut self, idle: Duration, now: Instant) {
        if let Some(epoch) = &mut self.epoch {
            epoch.start = (epoch.start + idle.as_millis() as u64).min(millis(now));
        }
    }

    /// An ACK has measured a round trip.
    pub(super) fn measured(&mut self, growth: &Growth) {
        let young = self.epoch.as_ref().is_some_and(|epoch| millis(growth.now) - epoch.start < QUIET);
        if let (Some(sample), false) = (growth.sample, young) {
            self.least = Some(self.least.map_or(sample, |least| least.min(sample)));
        }
    }

    /// An ACK in congestion avoidance of a window of `window` segments: by how many it grows.
    pub(super) fn avoid(&mut self, window: u32, segments: u32, now: Instant) -> u32 {
        self.look(window, segments, millis(now));
        let count = self.count.max(FASTEST);
        let mut grown = 0;
        // What has gathered at a slower pace counts for one.
        if self.arrived >= count {
            (self.arrived, grown) = (0, 1);
        }
        self.arrived += segments;
        grown += self.arrived / count;
        self.arrived %= count;
        grown
    }

    /// Looks at the curve, if it is time to.
    fn look(&mut self, window: u32, segments: u32, now: u64) {
        if let Some(epoch) = &mut self.epoch {
            epoch.acked += segments;
        }
        let known = self.epoch.is_some();
        if self.window == window && now - self.at <= PACE_HOLDS && self.count > 0 {
            return;
        }
        if !(known && now == self.at) {
            (self.window, self.at) = (window, now);
            let last_max = self.last_max;
            let epoch = self.epoch.get_or_insert_with(|| Epoch::begin(window, last_max, segments, now));
            let target = epoch.target(now, self.least);
            self.count = match target.checked_sub(window) {
                Some(gap) if gap > 0 => window / gap,
                Some(_) | None => SLOWEST.saturating_mul(window),
            };
            if last_max == 0 {
                self.count = self.count.min(UNKNOWN_PACE);
            }
        }
        if let Some(epoch) = &mut self.epoch {
            self.count = self.count.min(epoch.friendly_pace(window)).max(FASTEST);
        }
    }
}

impl Epoch {
    fn begin(window: u32, last_max: u32, segments: u32, now: u64) -> Self {
        let rise = last_max.saturating_sub(window);
        let k = super::cubic::cube_root((u128::from(rise) << 40) / C);
        Self { start: now, k, origin: last_max.max(window), acked: segments, friendly: window }
    }

    /// Where the curve is a smallest round trip from now.
    fn target(&self, now: u64, least: Option<Duration>) -> u32 {
        let t = now - self.start + least.map_or(0, |least| (least.as_micros() as u64).div_ceil(1000));
        let t = (t << 10) / 1000;
        let offset = u128::from(t.abs_diff(self.k).min(1 << 24));
        let rise = ((C * offset.pow(3)) >> 40).min(u128::from(u32::MAX / 2)) as u32;
        if t < self.k { self.origin.saturating_sub(rise) } else { self.origin.saturating_add(rise) }
    }

    /// The pace that leads to the Reno-friendly window, if that is ahead.
    fn friendly_pace(&mut self, window: u32) -> u32 {
        let step = (window.saturating_mul(FRIENDLY) >> 3).max(1);
        if self.acked > step {
            let steps = (self.acked - 1) / step;
            self.acked -= steps * step;
            self.friendly += steps;
        }
        match self.friendly.checked_sub(window) {
            Some(ahead) if ahead > 0 => window / ahead,
            Some(_) | None => u32::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn without_an_event_a_segment_is_gained_for_twenty_until_reno_is_faster() {
        // A window of 7 after a timeout, its ACKs in bursts: as packetdrill's cubic-rto-ss-ca-cwnd-bump has it on Linux 6.18.
        let mut cubic = Segments::default();
        let at = [0, 98, 100, 102, 104, 106, 108, 110, 208, 211, 213, 215, 217, 219, 221];
        let grown: Vec<u32> = at.iter().map(|ms| cubic.avoid(7, 1, Instant(1_000_000 + ms * 1000))).collect();
        assert_eq!(grown, [0; 15]);
        assert_eq!(cubic.avoid(7, 1, Instant(1_319_000)), 1, "15 arrived, and Reno would be at 8");
    }

    #[test]
    fn window_returns_to_its_plateau_in_k() {
        // K of RFC 9438 4.2 for 100 segments: cbrt(30 / 0.4) s.
        let mut cubic = Segments::default();
        cubic.event(100);
        let (mut window, mut now) = (70, 1_000_000);
        let end = now + 4_217_000;
        while now < end {
            let segments = window;
            for _ in 0..segments {
                now += 100_000 / u64::from(segments);
                window += cubic.avoid(window, 1, Instant(now));
            }
        }
        assert!((98..=102).contains(&window), "{window}");
    }

    #[test]
    fn second_event_below_the_plateau_converges_faster() {
        let mut cubic = Segments::default();
        for (window, expected) in [(100, 100), (80, 68), (90, 90)] {
            cubic.event(window);
            assert_eq!(cubic.last_max, expected);
        }
    }
}
