//! CUBIC (RFC 9438): the window as a cubic function of the time since the last congestion event. All in integers: octets,
//! microseconds, and fractions that are carried over.
//!
//! C is 0.4 segments per second cubed, beta 0.7. Fast convergence is on (RFC 9438 4.7).

use super::Growth;
use crate::time::Instant;
use core::time::Duration;

/// C as a fraction.
const C: (u128, u128) = (2, 5);
/// beta as a fraction.
pub(super) const BETA: (u32, u32) = (7, 10);
/// (1 + beta) / 2, the reduction of `W_max` by fast convergence.
const CONVERGENCE: (u64, u64) = (17, 20);
/// 3 (1 - beta) / (1 + beta): segments per round trip of the Reno-friendly window until it is back at `cwnd_prior` (4.3).
const ALPHA: (u64, u64) = (9, 17);

/// Microseconds of a second, cubed.
const SECOND_CUBED: u128 = 1_000_000_000_000_000_000;

/// What CUBIC remembers between congestion events.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Cubic {
    /// `W_max`, octets; 0 when no event told: at first, and after a timeout (4.8).
    w_max: u32,
    /// cwnd before the last event: `cwnd_prior`.
    prior: u32,
    /// The present stage of congestion avoidance.
    epoch: Option<Epoch>,
}

/// A stage of congestion avoidance.
#[derive(Debug, Clone, PartialEq)]
struct Epoch {
    /// Its beginning, moved on by the times in which the window was not in use (5.8).
    start: Instant,
    /// K: from the beginning to `w_max`.
    k: Duration,
    /// `W_max` of this stage.
    w_max: u32,
    /// `W_est`.
    w_est: u32,
    /// Growth of `W_est` and of cwnd below an octet, times the divisors in [`Epoch::grow`].
    est_part: u64,
    part: u64,
    /// The last ACK.
    seen: Instant,
}

impl Cubic {
    /// A congestion event at `cwnd` (4.6, 4.7).
    pub(super) fn event(&mut self, cwnd: u32) {
        self.w_max = if cwnd < self.w_max { (u64::from(cwnd) * CONVERGENCE.0 / CONVERGENCE.1) as u32 } else { cwnd };
        self.prior = cwnd;
        self.epoch = None;
    }

    /// An ACK that finds the window not in use: its time does not count.
    pub(super) fn unused(&mut self, now: Instant) {
        if let Some(epoch) = &mut self.epoch {
            epoch.start += now.since(epoch.seen);
            epoch.seen = now;
        }
    }

    /// An ACK in congestion avoidance (4.2 - 4.5).
    pub(super) fn avoid(&mut self, cwnd: &mut u32, smss: u32, growth: &Growth) {
        let (w_max, prior) = (self.w_max, self.prior);
        let epoch = self.epoch.get_or_insert_with(|| Epoch::begin(*cwnd, w_max, smss, growth.now));
        epoch.seen = growth.now;
        epoch.grow(cwnd, prior, smss, growth);
    }
}

impl Epoch {
    fn begin(cwnd: u32, w_max: u32, smss: u32, now: Instant) -> Self {
        let k = match w_max.checked_sub(cwnd) {
            Some(gap) if gap > 0 => time_to_rise(gap, smss),
            Some(_) | None => Duration::ZERO,
        };
        Self { start: now, k, w_max: w_max.max(cwnd), w_est: cwnd, est_part: 0, part: 0, seen: now }
    }

    fn grow(&mut self, cwnd: &mut u32, prior: u32, smss: u32, growth: &Growth) {
        let (window, acked) = (u64::from(*cwnd), u64::from(growth.acked));
        // One more fraction of a segment per window (4.3, Figure 4).
        let (segments, of) = if self.w_est < prior { ALPHA } else { (1, 1) };
        self.est_part = self.est_part.saturating_add(acked * u64::from(smss) * segments / of);
        self.w_est = self.w_est.saturating_add((self.est_part / window) as u32);
        self.est_part %= window;

        let t = growth.now.since(self.start);
        if self.window(t, smss) < self.w_est {
            *cwnd = (*cwnd).max(self.w_est);
            return;
        }
        // Where the curve will be a round trip from now, by at most half as much again.
        let target = self.window(t + growth.srtt.unwrap_or_default(), smss);
        let target = target.clamp(*cwnd, cwnd.saturating_add(*cwnd / 2));
        self.part = self.part.saturating_add(u64::from(target - *cwnd) * acked);
        *cwnd = cwnd.saturating_add((self.part / window) as u32);
        self.part %= window;
    }

    /// `W_cubic(t)` of Figure 1, octets.
    fn window(&self, t: Duration, smss: u32) -> u32 {
        let distance = self.k.abs_diff(t).as_micros().min(1 << 32);
        let rise = distance.pow(3) * u128::from(smss) * C.0 / (C.1 * SECOND_CUBED);
        let rise = rise.min(u128::from(u32::MAX)) as u32;
        if t >= self.k { self.w_max.saturating_add(rise) } else { self.w_max.saturating_sub(rise) }
    }
}

/// K of Figure 2: the time in which the curve rises by `gap` octets to its plateau.
fn time_to_rise(gap: u32, smss: u32) -> Duration {
    let cube = u128::from(gap) * SECOND_CUBED * C.1 / C.0 / u128::from(smss.max(1));
    Duration::from_micros(cube_root(cube))
}

/// The largest number whose cube is at most `of`, which is below 2^126.
pub(super) fn cube_root(of: u128) -> u64 {
    let mut root: u128 = 0;
    for bit in (0..42).rev() {
        let candidate = root | 1 << bit;
        if candidate * candidate * candidate <= of {
            root = candidate;
        }
    }
    root as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seq::SeqNum;

    const SMSS: u32 = 1448;

    fn growth(acked: u32, now: Instant, rtt: Duration) -> Growth {
        Growth { acked, now, srtt: Some(rtt), sample: Some(rtt), una: SeqNum(0), nxt: SeqNum(0) }
    }

    /// The formulas of RFC 9438 4.2, in segments and seconds.
    fn k(w_max: f64, cwnd: f64) -> f64 {
        ((w_max - cwnd) / 0.4).cbrt()
    }

    fn w_cubic(t: f64, k: f64, w_max: f64) -> f64 {
        0.4 * (t - k).powi(3) + w_max
    }

    #[test]
    fn cube_roots_are_exact() {
        assert_eq!(cube_root(0), 0);
        for root in [1_u64, 2, 3, 10, 999, 123_456, 1 << 32, (1 << 41) + 12_345, (1 << 42) - 1] {
            let cube = u128::from(root).pow(3);
            assert_eq!([cube_root(cube - 1), cube_root(cube), cube_root(cube + 1)], [root - 1, root, root]);
        }
    }

    #[test]
    fn curve_is_that_of_the_rfc() {
        for segments in [10_u32, 100, 1000, 20_000] {
            for smss in [536, 1448, 8948] {
                let (w_max, cwnd) = (segments * smss, segments * smss / 10 * 7);
                let epoch = Epoch::begin(cwnd, w_max, smss, Instant(0));
                let expected_k = k(f64::from(w_max) / f64::from(smss), f64::from(cwnd) / f64::from(smss));
                assert!((epoch.k.as_secs_f64() - expected_k).abs() < 2e-6, "K {:?} {expected_k}", epoch.k);
                for tenths in 0..400 {
                    let t = f64::from(tenths) / 10.0;
                    let expected = w_cubic(t, expected_k, f64::from(segments)) * f64::from(smss);
                    let got = f64::from(epoch.window(Duration::from_secs_f64(t), smss));
                    let tolerance = 2.0 + expected.abs() * 1e-6;
                    assert!((got - expected.max(0.0)).abs() < tolerance, "t {t}: {got} {expected}");
                }
            }
        }
    }

    /// Acknowledges whole windows, a round trip each, for `seconds`; the window at the end.
    fn run(cubic: &mut Cubic, cwnd: &mut u32, seconds: f64, rtt: Duration, start: Instant) -> Instant {
        let (mut now, end) = (start, start + Duration::from_secs_f64(seconds));
        while now < end {
            let segments = *cwnd / SMSS;
            for segment in 0..segments {
                now = start.max(now) + rtt / segments;
                let _ = segment;
                cubic.avoid(cwnd, SMSS, &growth(SMSS, now, rtt));
            }
        }
        now
    }

    #[test]
    fn window_follows_the_curve_to_its_plateau_and_beyond() {
        let rtt = Duration::from_millis(100);
        let mut cubic = Cubic::default();
        let full = 1000 * SMSS;
        cubic.event(full);
        let mut cwnd = full / 10 * 7;
        let expected_k = k(1000.0, 700.0);
        let mut now = Instant(0);
        let mut at = 0.0;
        for share in [0.25, 0.5, 0.75, 1.0, 1.25, 1.5] {
            now = run(&mut cubic, &mut cwnd, expected_k * share - at, rtt, now);
            at = (now - Duration::ZERO).0 as f64 / 1e6;
            let expected = w_cubic(at, expected_k, 1000.0);
            let got = f64::from(cwnd) / f64::from(SMSS);
            assert!(
                (got - expected).abs() < expected * 0.02,
                "at {at:.2} s: {got:.1} segments, {expected:.1} expected"
            );
        }
    }

    #[test]
    fn small_windows_grow_as_reno_would() {
        // With a short round trip the curve is flatter than Reno's line, which is followed (4.3).
        let rtt = Duration::from_millis(10);
        let mut cubic = Cubic::default();
        cubic.event(20 * SMSS);
        let mut cwnd = 14 * SMSS;
        run(&mut cubic, &mut cwnd, 0.1, rtt, Instant(0));
        let expected = 14.0 + 10.0 * 9.0 / 17.0;
        let got = f64::from(cwnd) / f64::from(SMSS);
        assert!((got - expected).abs() < 1.0, "{got:.2} segments, {expected:.2} expected");
    }

    #[test]
    fn second_event_below_the_plateau_converges_faster() {
        let mut cubic = Cubic::default();
        cubic.event(100 * SMSS);
        assert_eq!(cubic.w_max, 100 * SMSS);
        cubic.event(80 * SMSS);
        assert_eq!(cubic.w_max, 68 * SMSS);
        cubic.event(90 * SMSS);
        assert_eq!(cubic.w_max, 90 * SMSS);
    }

    #[test]
    fn unused_time_does_not_count() {
        let rtt = Duration::from_millis(100);
        let grown = |pause: Duration| {
            let mut cubic = Cubic::default();
            cubic.event(100 * SMSS);
            let mut cwnd = 70 * SMSS;
            let now = run(&mut cubic, &mut cwnd, 1.0, rtt, Instant(0));
            cubic.unused(now + pause);
            run(&mut cubic, &mut cwnd, 1.0, rtt, now + pause);
            cwnd
        };
        assert_eq!(grown(Duration::ZERO), grown(Duration::from_secs(100)));
    }
}
