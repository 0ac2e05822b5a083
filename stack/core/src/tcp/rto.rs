//! The retransmission timeout (RFC 6298).

use crate::config::{Config, RtoFloor};
use crate::socket::Options;
use crate::time::Instant;
use core::time::Duration;

/// Clock granularity G: what the timestamp clock can resolve.
const G: Duration = Duration::from_millis(1);

/// SRTT, RTTVAR, RTO, and how often the front of the queue was sent again.
#[derive(Debug, Clone)]
pub(crate) struct Rto {
    srtt: Option<Duration>,
    rttvar: Duration,
    rto: Duration,
    /// Doublings since the last sample.
    pub(crate) backoff: u32,
    /// Timeouts since the last progress.
    pub(crate) retransmits: u32,
    /// When the first of them happened.
    pub(crate) first_retransmission: Option<Instant>,
    /// Lower bound, in microseconds, and upper bound, in milliseconds: the stack's when the connection was made, or the
    /// socket's own.
    min_us: u32,
    max_ms: u32,
}

impl Rto {
    /// RFC 6298 2.1.
    pub(crate) const fn new(config: &Config) -> Self {
        Self {
            srtt: None,
            rttvar: Duration::ZERO,
            rto: config.rto_initial,
            backoff: 0,
            retransmits: 0,
            first_retransmission: None,
            min_us: config.tcp_rto_min_us,
            max_ms: config.tcp_rto_max_ms,
        }
    }

    /// Takes over the bounds that the socket has of its own.
    pub(crate) fn bound(&mut self, options: &Options, config: &Config) {
        self.min_us = options.rare().rto_min_us.unwrap_or(config.tcp_rto_min_us);
        self.max_ms = options.rare().rto_max_ms.unwrap_or(config.tcp_rto_max_ms);
        self.rto = self.rto.min(self.max());
    }

    const fn min(&self) -> Duration {
        Duration::from_micros(self.min_us as u64)
    }

    const fn max(&self) -> Duration {
        Duration::from_millis(self.max_ms as u64)
    }

    /// That of a SYN, which another form of the connection has kept.
    pub(crate) const fn of_syn(mut self, rto: Duration, backoff: u32, retransmits: u32) -> Self {
        self.rto = rto;
        self.backoff = backoff;
        self.retransmits = retransmits;
        self
    }

    /// RTO as it is now, doublings included.
    pub(crate) const fn timeout(&self) -> Duration {
        self.rto
    }

    pub(crate) const fn srtt(&self) -> Option<Duration> {
        self.srtt
    }

    pub(crate) const fn rttvar(&self) -> Duration {
        self.rttvar
    }

    /// A round-trip sample R' (RFC 6298 2.2, 2.3). Ends the backoff (5.7).
    pub(crate) fn sample(&mut self, r: Duration, config: &Config) {
        match self.srtt {
            None => {
                self.srtt = Some(r);
                self.rttvar = r / 2;
            }
            Some(srtt) => {
                self.rttvar = (self.rttvar * 3 + srtt.abs_diff(r)) / 4;
                self.srtt = Some((srtt * 7 + r) / 8);
            }
        }
        self.backoff = 0;
        self.rto = self.estimate(config);
    }

    /// RFC 6298 2.2 to 2.5: SRTT + max(G, K*RTTVAR) within the bounds.
    fn estimate(&self, config: &Config) -> Duration {
        let srtt = self.srtt.unwrap_or(config.rto_initial);
        let variance = (self.rttvar * 4).max(G);
        let rto = match config.rto_floor {
            RtoFloor::Timeout => (srtt + variance).max(self.min()),
            RtoFloor::Variance => srtt + variance.max(self.min()),
        };
        rto.min(self.max())
    }

    /// RFC 6298 5.5: doubles the timeout. `linear`: counts, but leaves it as it is.
    pub(crate) fn back_off(&mut self, now: Instant, linear: bool) {
        self.retransmits += 1;
        self.first_retransmission.get_or_insert(now);
        if !linear {
            self.backoff += 1;
            self.rto = (self.rto * 2).min(self.max());
        }
    }

    /// Something new was acknowledged. The timeout stays backed off until a sample is taken.
    pub(crate) const fn progress(&mut self) {
        self.retransmits = 0;
        self.first_retransmission = None;
    }

    /// The handshake is over. RFC 6298 5.7: 3 s for data if the SYN had to be repeated and nothing was measured.
    pub(crate) fn handshake_done(&mut self, syn_repeated: bool, config: &Config) {
        if self.srtt.is_none() {
            self.backoff = 0;
            self.rto = if syn_repeated { config.rto_after_syn_loss } else { config.rto_initial };
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
            rto.sample(ms(sample), &config);
            assert_eq!(rto.srtt().map(|srtt| srtt.as_micros()), Some(srtt), "after {sample} ms");
            assert_eq!(rto.rttvar().as_micros(), rttvar, "after {sample} ms");
            assert_eq!(rto.timeout().as_micros(), timeout, "after {sample} ms");
        }
    }

    #[test]
    fn lower_bound_is_on_the_timeout_or_on_the_variance() {
        for (config, expected) in [(Config::rfc9293(), 1_000), (Config::linux(), 210)] {
            let mut rto = Rto::new(&config);
            rto.sample(ms(10), &config);
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
        rto.sample(ms(100), &config);
        assert_eq!(rto.timeout(), ms(1000));
        assert_eq!(rto.backoff, 0);
    }
}
