//! Tunables by the names that Linux's `sysctl` has for them.

use super::{Config, ConfigError, CongestionControl, FastOpenKeys};
use alloc::vec::Vec;
use core::ops::RangeInclusive;
use core::time::Duration;

/// Mechanisms that the stack lacks: the value that switches each off is accepted, any other is not.
const ABSENT: &[(&str, &[&str])] = &[
    ("net.ipv4.tcp_retrans_collapse", &["0"]),
    ("net.ipv4.tcp_autocorking", &["0"]),
    ("net.ipv4.tcp_shrink_window", &["0"]),
    ("net.ipv4.tcp_no_metrics_save", &["1"]),
    ("net.ipv4.tcp_no_ssthresh_metrics_save", &["1"]),
];

impl Config {
    /// Sets a tunable by its `sysctl` name, e.g. `net.ipv4.tcp_synack_retries`.
    ///
    /// # Errors
    /// [`ConfigError::Unknown`] for a name that the stack does not have, [`ConfigError::Value`] for a bad value.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        let value = value.trim();
        if let Some((_, off)) = ABSENT.iter().find(|(absent, _)| *absent == name) {
            return if off.contains(&value) { Ok(()) } else { Err(ConfigError::Unknown) };
        }
        match name.strip_prefix("net.ipv4.").or_else(|| name.strip_prefix("net.ipv6.")) {
            Some(name) => self.set_count(name, value).or_else(|error| match error {
                ConfigError::Unknown => self.set_other(name, value),
                ConfigError::Value => Err(error),
            }),
            None => match name.strip_prefix("net.core.") {
                Some(name) => self.set_core(name, value),
                None => Err(ConfigError::Unknown),
            },
        }
    }

    /// Tunables that are one plain number.
    fn set_count(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        let any = || 0..=u32::MAX;
        let octet = || 0..=255;
        let (field, range): (&mut u32, RangeInclusive<u32>) = match name {
            "tcp_syn_retries" => (&mut self.tcp_syn_retries, 1..=127),
            "tcp_syn_linear_timeouts" => (&mut self.tcp_syn_linear_timeouts, octet()),
            "tcp_synack_retries" => (&mut self.tcp_synack_retries, octet()),
            "tcp_max_syn_backlog" => (&mut self.tcp_max_syn_backlog, any()),
            "tcp_app_win" => (&mut self.tcp_app_win, 0..=31),
            "tcp_syncookies" => (&mut self.tcp_syncookies, 0..=2),
            "tcp_max_orphans" => (&mut self.tcp_max_orphans, any()),
            "tcp_fastopen_blackhole_timeout_sec" => (&mut self.tcp_fastopen_blackhole_timeout_sec, any()),
            "tcp_rto_min_us" => (&mut self.tcp_rto_min_us, 1..=i32::MAX.unsigned_abs()),
            "tcp_rto_max_ms" => (&mut self.tcp_rto_max_ms, 1000..=120_000),
            "tcp_mtu_probing" => (&mut self.tcp_mtu_probing, 0..=2),
            "tcp_base_mss" => (&mut self.tcp_base_mss, any()),
            "tcp_mtu_probe_floor" => (&mut self.tcp_mtu_probe_floor, any()),
            "tcp_probe_interval" => (&mut self.tcp_probe_interval, any()),
            "tcp_probe_threshold" => (&mut self.tcp_probe_threshold, any()),
            "auto_flowlabels" => (&mut self.auto_flowlabels, 0..=3),
            "tcp_retries1" => (&mut self.tcp_retries1, octet()),
            "tcp_retries2" => (&mut self.tcp_retries2, octet()),
            "tcp_orphan_retries" => (&mut self.tcp_orphan_retries, octet()),
            "tcp_reordering" => (&mut self.tcp_reordering, 1..=300),
            "tcp_ecn" => (&mut self.tcp_ecn, 0..=5),
            "tcp_ecn_option" => (&mut self.tcp_ecn_option, 0..=3),
            "tcp_min_tso_segs" => (&mut self.tcp_min_tso_segs, 1..=65_535),
            "tcp_tso_win_divisor" => (&mut self.tcp_tso_win_divisor, octet()),
            "tcp_max_reordering" => (&mut self.tcp_max_reordering, 1..=i32::MAX.unsigned_abs()),
            "tcp_frto" => (&mut self.tcp_frto, octet()),
            "tcp_recovery" => (&mut self.tcp_recovery, 0..=7),
            "tcp_early_retrans" => (&mut self.tcp_early_retrans, 0..=4),
            "tcp_timestamps" => (&mut self.tcp_timestamps, 0..=2),
            "tcp_min_snd_mss" => (&mut self.tcp_min_snd_mss, 48..=65_535),
            "tcp_challenge_ack_limit" => (&mut self.tcp_challenge_ack_limit, 1..=u32::MAX),
            "tcp_invalid_ratelimit" => (&mut self.tcp_invalid_ratelimit, any()),
            "tcp_notsent_lowat" => (&mut self.tcp_notsent_lowat, any()),
            "tcp_tw_reuse" => (&mut self.tcp_tw_reuse, 0..=2),
            "tcp_tw_reuse_delay" => (&mut self.tcp_tw_reuse_delay, any()),
            "tcp_max_tw_buckets" => (&mut self.tcp_max_tw_buckets, any()),
            "tcp_keepalive_time" => (&mut self.tcp_keepalive_time, 1..=i32::MAX.unsigned_abs()),
            "tcp_keepalive_intvl" => (&mut self.tcp_keepalive_intvl, 1..=i32::MAX.unsigned_abs()),
            "tcp_keepalive_probes" => (&mut self.tcp_keepalive_probes, 1..=255),
            "route.min_pmtu" => (&mut self.min_pmtu, 68..=65_535),
            _ => return Err(ConfigError::Unknown),
        };
        let number = number(value)?;
        if !range.contains(&number) {
            return Err(ConfigError::Value);
        }
        *field = number;
        Ok(())
    }

    /// Tunables of other shapes.
    fn set_other(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        match name {
            "tcp_fastopen" => self.tcp_fastopen = bits(value)?,
            "tcp_fastopen_key" => self.tcp_fastopen_key = Some(keys(value)?),
            "tcp_abort_on_overflow" => self.tcp_abort_on_overflow = switch(value)?,
            "tcp_slow_start_after_idle" => self.tcp_slow_start_after_idle = switch(value)?,
            "tcp_congestion_control" => {
                self.tcp_congestion_control = CongestionControl::by_name(value).ok_or(ConfigError::Unknown)?;
            }
            "tcp_ecn_fallback" => self.tcp_ecn_fallback = switch(value)?,
            "tcp_window_scaling" => self.tcp_window_scaling = switch(value)?,
            "tcp_dsack" => self.tcp_dsack = switch(value)?,
            "tcp_thin_linear_timeouts" => self.tcp_thin_linear_timeouts = switch(value)?,
            "tcp_moderate_rcvbuf" => self.tcp_moderate_rcvbuf = switch(value)?,
            "tcp_sack" => self.tcp_sack = switch(value)?,
            "tcp_rfc1337" => self.tcp_rfc1337 = switch(value)?,
            "tcp_user_timeout_option" => self.user_timeout_option = switch(value)?,
            "tcp_stdurg" => self.tcp_stdurg = switch(value)?,
            "route.mtu_expires" => self.mtu_expires = Duration::from_secs(number(value)?.into()),
            "ipfrag_time" => self.ipfrag_time = Duration::from_secs(number(value)?.into()),
            "ip6frag_time" => self.ip6frag_time = Duration::from_secs(number(value)?.into()),
            "tcp_fin_timeout" => self.tcp_fin_timeout = Duration::from_secs(number(value)?.into()),
            "tcp_rmem" => self.tcp_rmem = triple(value)?,
            "tcp_wmem" => self.tcp_wmem = triple(value)?,
            "tcp_adv_win_scale" => {
                let shift: i32 = value.parse().map_err(|_| ConfigError::Value)?;
                self.tcp_adv_win_scale =
                    if (-31..=31).contains(&shift) { shift } else { return Err(ConfigError::Value) };
            }
            "ip_local_reserved_ports" => self.ip_local_reserved_ports = port_list(value)?,
            "ip_local_port_range" => self.ip_local_port_range = ports(value)?,
            "ip_default_ttl" => {
                self.ip_default_ttl = match number(value)? {
                    ttl @ 1..=255 => ttl as u8,
                    _ => return Err(ConfigError::Value),
                };
            }
            _ => return Err(ConfigError::Unknown),
        }
        Ok(())
    }

    /// Tunables below `net.core`.
    fn set_core(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        let field = match name {
            "somaxconn" => &mut self.somaxconn,
            "rmem_max" => &mut self.rmem_max,
            "wmem_max" => &mut self.wmem_max,
            _ => return Err(ConfigError::Unknown),
        };
        *field = number(value)?;
        Ok(())
    }
}

fn number(value: &str) -> Result<u32, ConfigError> {
    value.parse().map_err(|_| ConfigError::Value)
}

fn switch(value: &str) -> Result<bool, ConfigError> {
    number(value).map(|number| number != 0)
}

/// A number, hexadecimal behind `0x`.
fn bits(value: &str) -> Result<u32, ConfigError> {
    match value.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).map_err(|_| ConfigError::Value),
        None => number(value),
    }
}

/// One or two Fast Open keys, each four hexadecimal words, e.g. `a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4`. Each word is stored
/// lowest octet first.
fn keys(value: &str) -> Result<FastOpenKeys, ConfigError> {
    let key = |text: &str| -> Result<[u8; 16], ConfigError> {
        let mut words = text.split('-');
        let mut key = [0; 16];
        for four in key.chunks_exact_mut(4) {
            let word = words.next().ok_or(ConfigError::Value)?;
            let word = u32::from_str_radix(word.trim(), 16).map_err(|_| ConfigError::Value)?;
            four.copy_from_slice(&word.to_le_bytes());
        }
        if words.next().is_some() { Err(ConfigError::Value) } else { Ok(key) }
    };
    match value.split_once(',') {
        Some((primary, backup)) => Ok(FastOpenKeys { primary: key(primary)?, backup: Some(key(backup)?) }),
        None => Ok(FastOpenKeys { primary: key(value)?, backup: None }),
    }
}

/// Three numbers that do not decrease.
fn triple(value: &str) -> Result<[u32; 3], ConfigError> {
    let mut words = value.split_whitespace();
    let mut next = || words.next().ok_or(ConfigError::Value).and_then(number);
    let triple = [next()?, next()?, next()?];
    let ordered = triple[0] <= triple[1] && triple[1] <= triple[2];
    if ordered && words.next().is_none() { Ok(triple) } else { Err(ConfigError::Value) }
}

/// First and last port.
fn ports(value: &str) -> Result<(u16, u16), ConfigError> {
    let mut words = value.split_whitespace();
    let mut next =
        || words.next().ok_or(ConfigError::Value).and_then(|word| word.parse::<u16>().map_err(|_| ConfigError::Value));
    let range = (next()?, next()?);
    if range.0 > 0 && range.0 <= range.1 && words.next().is_none() { Ok(range) } else { Err(ConfigError::Value) }
}

/// `8080,9000-9100`, or nothing.
fn port_list(value: &str) -> Result<Vec<(u16, u16)>, ConfigError> {
    let port = |word: &str| word.trim().parse::<u16>().map_err(|_| ConfigError::Value);
    let range = |word: &str| {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let range = (port(first)?, port(last)?);
        if range.0 <= range.1 { Ok(range) } else { Err(ConfigError::Value) }
    };
    value.split(',').filter(|word| !word.trim().is_empty()).map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tunables_are_set_by_name() {
        let mut config = Config::rfc9293();
        let table = [
            ("net.ipv4.tcp_synack_retries", "2", Ok(())),
            ("net.ipv4.tcp_synack_retries", "256", Err(ConfigError::Value)),
            ("net.ipv4.tcp_synack_retries", "two", Err(ConfigError::Value)),
            ("net.ipv4.tcp_rmem", "4096 8192 16384", Ok(())),
            ("net.ipv4.tcp_rmem", "4096 16384 8192", Err(ConfigError::Value)),
            ("net.ipv4.ip_local_port_range", "5000 5001", Ok(())),
            ("net.ipv4.tcp_syncookies", "0", Ok(())),
            ("net.ipv4.tcp_syncookies", "3", Err(ConfigError::Value)),
            ("net.core.somaxconn", "1", Ok(())),
            ("net.ipv4.tcp_nonsense", "1", Err(ConfigError::Unknown)),
            ("kernel.panic", "1", Err(ConfigError::Unknown)),
        ];
        for (name, value, expected) in table {
            assert_eq!(config.set(name, value), expected, "{name} = {value}");
        }
        assert_eq!(config.tcp_synack_retries, 2);
        assert_eq!(config.tcp_rmem, [4096, 8192, 16384]);
        assert_eq!(config.ip_local_port_range, (5000, 5001));
        assert_eq!(config.somaxconn, 1);
    }
}
