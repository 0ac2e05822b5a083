//! The retransmission timeout (RFC 6298).

use crate::config::{Config, RtoFloor, RttEstimator};
use crate::seq::SeqNum;
use crate::socket::Options;
use crate::time::Instant;
use core::num::NonZeroU64;
use core::time::Duration;

/// Clock granularity G: what the timestamp clock can resolve.
const G: Duration = Duration::from_millis(1);

/// SRTT, RTTVAR, RTO, and how often the front of the queue was sent again.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rto {
    /// SRTT and RTTVAR in nanoseconds.
    srtt: Option<NonZeroU64>,
    rttvar: u64,
    /// Microseconds.
    rto: u32,
    /// Linux's mean deviation and its peak of this round trip, microseconds.
    deviation: u32,
    peak: u32,
    /// SND.NXT when this round trip began.
    round: SeqNum,
    /// Doublings since the last sample.
    pub(crate) backoff: u32,
    /// Timeouts since the last progress.
    pub(crate) retransmits: u32,
    /// The microsecond after the first of them, or after the first probe of a closed window.
    first: Option<NonZeroU64>,
    /// Lower bound, in microseconds, and upper bound, in milliseconds: the stack's when the connection was made, or the
    /// socket's own.
    min_us: u32,
    max_ms: u32,
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Rto {
    /// RFC 6298 2.1.
    pub(crate) const fn new(config: &Config) -> Self {
        Self {
            srtt: None,
            rttvar: 0,
            rto: config.rto_initial.as_micros() as u32,
            deviation: 0,
            peak: 0,
            round: SeqNum(0),
            backoff: 0,
            retransmits: 0,
            first: None,
            min_us: config.tcp_rto_min_us,
            max_ms: config.tcp_rto_max_ms,
        }
    }

    /// Takes over the bounds that the socket has of its own.
    pub(crate) fn bound(&mut self, options: &Options, config: &Config) {
        self.min_us = options.rare().rto_min_us.unwrap_or(config.tcp_rto_min_us);
        self.max_ms = options.rare().rto_max_ms.unwrap_or(config.tcp_rto_max_ms);
        self.rto = self.rto.min(self.most());
    }

    /// The upper bound in microseconds.
    const fn most(&self) -> u32 {
        self.max_ms.saturating_mul(1000)
    }

    const fn min(&self) -> Duration {
        Duration::from_micros(self.min_us as u64)
    }

    const fn max(&self) -> Duration {
        Duration::from_millis(self.max_ms as u64)
    }

    /// That of a SYN, which another form of the connection has kept.
    pub(crate) const fn of_syn(mut self, rto: Duration, backoff: u32, retransmits: u32) -> Self {
        self.rto = rto.as_micros() as u32;
        self.backoff = backoff;
        self.retransmits = retransmits;
        self
    }

    /// When the first timeout, or the first probe, since the last progress was.
    pub(crate) fn first_retransmission(&self) -> Option<Instant> {
        self.first.map(|after| Instant(after.get() - 1))
    }

    /// RTO as it is now, doublings included.
    pub(crate) const fn timeout(&self) -> Duration {
        Duration::from_micros(self.rto as u64)
    }

    pub(crate) fn srtt(&self) -> Option<Duration> {
        self.srtt.map(|srtt| Duration::from_nanos(srtt.get()))
    }

    fn set_srtt(&mut self, srtt: Duration) {
        self.srtt = Some(NonZeroU64::new(nanos(srtt)).unwrap_or(NonZeroU64::MIN));
    }

    pub(crate) const fn rttvar(&self) -> Duration {
        Duration::from_nanos(self.rttvar)
    }

    /// A round-trip sample R' (RFC 6298 2.2, 2.3), with everything between `una` and `nxt` outstanding. Ends the backoff
    /// (5.7). `expected`: samples of this round trip, each of which counts for the less (RFC 7323 4.2, G).
    pub(crate) fn sample(&mut self, r: Duration, expected: u32, una: SeqNum, nxt: SeqNum, config: &Config) {
        match (config.rtt_estimator, self.srtt()) {
            (RttEstimator::Linux, _) => self.sample_as_linux(r, una, nxt),
            (RttEstimator::Rfc6298, None) => {
                self.set_srtt(r);
                self.rttvar = nanos(r / 2);
            }
            (RttEstimator::Rfc6298, Some(srtt)) => {
                let (four, eight) = (4 * expected, 8 * expected);
                self.rttvar = nanos((self.rttvar() * (four - 1) + srtt.abs_diff(r)) / four);
                self.set_srtt((srtt * (eight - 1) + r) / eight);
            }
        }
        self.backoff = 0;
        self.rto = self.estimate(config);
    }

    /// Linux's variant, in its integers: the deviation falls slowly when the round trip gets shorter; RTTVAR is four times
    /// the deviation, never below the floor, rises at once and falls by a quarter of the way once per round trip.
    fn sample_as_linux(&mut self, r: Duration, una: SeqNum, nxt: SeqNum) {
        let floor = self.min_us;
        let r = u32::try_from(r.as_micros()).unwrap_or(u32::MAX / 16).min(u32::MAX / 16);
        let micros = |duration: Duration| u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
        let Some(srtt) = self.srtt() else {
            self.set_srtt(Duration::from_micros(r.into()).max(Duration::from_nanos(125)));
            self.deviation = r * 2;
            self.peak = self.deviation.max(floor);
            self.rttvar = nanos(Duration::from_micros(self.peak.into())) / 4;
            self.round = nxt;
            return;
        };
        let eighths = u32::try_from(srtt.as_nanos() / 125).unwrap_or(u32::MAX);
        let error = i64::from(r) - i64::from(eighths / 8);
        self.set_srtt(Duration::from_nanos((i64::from(eighths) + error).max(1).unsigned_abs() * 125));
        let mut change = error.abs() - i64::from(self.deviation / 4);
        if error < 0 && change > 0 {
            change /= 8;
        }
        self.deviation = (i64::from(self.deviation) + change).max(0) as u32;
        let mut variance = micros(self.rttvar() * 4);
        if self.deviation > self.peak {
            self.peak = self.deviation;
            variance = variance.max(self.peak);
        }
        if una.gt(self.round) {
            if self.peak < variance {
                variance -= (variance - self.peak) / 4;
            }
            self.round = nxt;
            self.peak = floor;
        }
        self.rttvar = nanos(Duration::from_micros(variance.into())) / 4;
    }

    /// RFC 6298 2.2 to 2.5: SRTT + max(G, K*RTTVAR) within the bounds.
    fn estimate(&self, config: &Config) -> u32 {
        let srtt = self.srtt().unwrap_or(config.rto_initial);
        let variance = (self.rttvar() * 4).max(G);
        let rto = match config.rto_floor {
            RtoFloor::Timeout => (srtt + variance).max(self.min()),
            RtoFloor::Variance => srtt + variance.max(self.min()),
        };
        rto.min(self.max()).as_micros() as u32
    }

    /// Whether a SYN has waited as long as `retransmissions` with doubled timeouts, and the wait after the last, take: with
    /// timeouts that stay as they were more retransmissions fit, but the wait is no longer (Linux).
    pub(crate) fn has_waited_for(&self, retransmissions: u32, now: Instant, config: &Config) -> bool {
        let Some(first) = self.first_retransmission() else { return false };
        let initial = config.rto_initial.max(Duration::from_micros(1));
        let doublings = (self.max().as_micros() / initial.as_micros()).checked_ilog2().unwrap_or(0);
        let (doubled, rest) = (retransmissions.min(doublings), retransmissions.saturating_sub(doublings));
        now.since(first) + initial >= initial * ((2 << doubled.min(30)) - 1) + self.max() * rest
    }

    /// RFC 6298 5.5: doubles the timeout. `linear`: counts, but leaves it as it is.
    pub(crate) fn back_off(&mut self, now: Instant, linear: bool) {
        self.retransmits += 1;
        self.note(now);
        if !linear {
            self.backoff += 1;
            self.rto = self.rto.saturating_mul(2).min(self.most());
        }
    }

    /// Something goes again, or a closed window is probed.
    pub(crate) fn note(&mut self, now: Instant) {
        self.first = self.first.or(NonZeroU64::new(now.0.saturating_add(1)));
    }

    /// The window is open again.
    pub(crate) const fn probing_ends(&mut self) {
        if self.retransmits == 0 {
            self.first = None;
        }
    }

    /// RFC 6069 4, step 3 and 4: undoes a doubling. `false`: there is none.
    pub(crate) fn revert(&mut self, config: &Config) -> bool {
        if self.retransmits == 0 || self.backoff == 0 {
            return false;
        }
        self.backoff -= 1;
        self.rto = if self.srtt.is_some() { self.estimate(config) } else { config.rto_initial.as_micros() as u32 };
        self.rto = self.rto.saturating_mul(1 << self.backoff.min(16)).min(self.most());
        true
    }

    /// A timeout of a thin stream: it counts, and starts from the estimate again (Linux).
    pub(crate) fn wait_again(&mut self, now: Instant, config: &Config) {
        self.retransmits += 1;
        self.note(now);
        self.backoff = 0;
        self.rto = self.estimate(config);
    }

    /// Something new was acknowledged. The timeout stays backed off until a sample is taken.
    pub(crate) const fn progress(&mut self) {
        self.retransmits = 0;
        self.first = None;
    }

    /// The handshake is over. RFC 6298 5.7: 3 s for data if the SYN had to be repeated and nothing was measured.
    pub(crate) fn handshake_done(&mut self, syn_repeated: bool, config: &Config) {
        if self.srtt.is_none() {
            self.backoff = 0;
            let rto = if syn_repeated { config.rto_after_syn_loss } else { config.rto_initial };
            self.rto = rto.as_micros() as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn samples_follow_rfc_6298_section_2() {
        let mut config = Config::rfc9293();
        config.tcp_rto_min_us = 1;
        let mut rto = Rto::new(&config);
        assert_eq!(rto.timeout(), ms(1000));
        // R', then SRTT, RTTVAR and RTO in microseconds, worked out by hand.
        let table = [
            (100, 100_000, 50_000, 300_000),
            (100, 100_000, 37_500, 250_000),
            (180, 110_000, 48_125, 302_500),
            (30, 100_000, 56_093, 324_375),
        ];
        for (sample, srtt, rttvar, timeout) in table {
            rto.sample(ms(sample), 1, SeqNum(1), SeqNum(2), &config);
            assert_eq!(rto.srtt().map(|srtt| srtt.as_micros()), Some(srtt), "after {sample} ms");
            assert_eq!(rto.rttvar().as_micros(), rttvar, "after {sample} ms");
            assert_eq!(rto.timeout().as_micros(), timeout, "after {sample} ms");
        }
    }

    #[test]
    fn many_samples_of_a_round_trip_weigh_as_one() {
        let mut config = Config::rfc9293();
        config.tcp_rto_min_us = 1;
        let after = |samples: u32, expected: u32| {
            let mut rto = Rto::new(&config);
            rto.sample(ms(100), 1, SeqNum(1), SeqNum(2), &config);
            for _ in 0..samples {
                rto.sample(ms(180), expected, SeqNum(1), SeqNum(2), &config);
            }
            (rto.srtt().unwrap_or_default().as_millis(), rto.rttvar().as_millis())
        };
        // 100 + 80 / 8, and 50 * 3 / 4 + 80 / 4.
        assert_eq!(after(1, 1), (110, 57));
        assert_eq!(after(10, 10), (109, 55));
        assert_eq!(after(10, 1), (158, 35), "each for a whole one");
    }

    #[test]
    fn lower_bound_is_on_the_timeout_or_on_the_variance() {
        for (config, expected) in [(Config::rfc9293(), 1_000), (Config::linux(), 210)] {
            let mut rto = Rto::new(&config);
            rto.sample(ms(10), 1, SeqNum(1), SeqNum(2), &config);
            assert_eq!(rto.timeout(), ms(expected));
        }
    }

    #[test]
    fn backoff_doubles_up_to_the_bound_and_a_sample_ends_it() {
        let config = Config::rfc9293();
        let mut rto = Rto::new(&config);
        for seconds in [2, 4, 8, 16, 32, 64, 120, 120] {
            rto.back_off(Instant(0), false);
            assert_eq!(rto.timeout(), Duration::from_secs(seconds));
        }
        rto.progress();
        assert_eq!(rto.timeout(), Duration::from_secs(120), "progress alone keeps the backoff");
        rto.sample(ms(100), 1, SeqNum(1), SeqNum(2), &config);
        assert_eq!(rto.timeout(), ms(1000));
        assert_eq!(rto.backoff, 0);
    }
}
