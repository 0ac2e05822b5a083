//! A test's option lines and the defaults of packetdrill: addresses, ports, tolerances.

use crate::stop::Stop;
use crate::sut::{ClockKind, Setup};
use crate::timing::Tolerance;
use halfopen_script::test::{Family, Test};
use std::net::IpAddr;
use std::str::FromStr;

/// How a run is made.
#[derive(Debug, Clone, PartialEq)]
pub struct RunOptions {
    /// Seed of the ports of the harness and of everything random in an in-process SUT.
    pub seed: u64,
    /// Least tolerance on a real clock in microseconds, unless the script sets it.
    pub tolerance_usecs: i64,
    /// Factor on the tolerances of a real clock, for slow hosts.
    pub time_scale: f64,
    /// As packetdrill judges: segments of connections that the script has left, and what comes after the last line, are not looked at;
    /// with the segmentation offload that its device has; and with its tolerance on a virtual clock too.
    pub lenient: bool,
    /// Congestion control that the SUT begins with; `None` leaves it its own.
    pub congestion_control: Option<String>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self { seed: 0x5eed, tolerance_usecs: 4000, time_scale: 1.0, lenient: false, congestion_control: None }
    }
}

/// What the option lines come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) setup: Setup,
    /// Local port of portless passive connections.
    pub(crate) bind_port: u16,
    /// Remote port that `connect(fd, ..., ...)` means.
    pub(crate) connect_port: u16,
    /// Remote port of portless passive connections.
    pub(crate) remote_port: u16,
    pub(crate) tolerance: Tolerance,
    /// See [`RunOptions::lenient`].
    pub(crate) lenient: bool,
    /// See [`crate::sut::Sut::has_own_option_layout`].
    pub(crate) any_layout: bool,
    /// A scripted segment is one datagram, even when it is longer than any datagram can be.
    pub(crate) strict_segments: bool,
    /// Microseconds per tick of the SUT's timestamps; 0: TSval is not checked.
    pub(crate) ts_tick: i64,
    /// Key of `md5 valid` (RFC 2385).
    pub(crate) md5_secret: Option<Vec<u8>>,
    /// A TSecr that the SUT never sent as TSval is computed from the first one.
    pub(crate) ts_ecr_scaled: bool,
}

/// First of the remote ports that seeds choose from; none of the usual literals in scripts is among them.
const REMOTE_PORTS: (u64, u64) = (50_000, 10_000);

impl Plan {
    /// Reads the option lines.
    pub(crate) fn new(test: &Test, options: &RunOptions, clock: ClockKind) -> Result<Self, Stop> {
        let mut plan = Self::defaults(test.id.family, options, clock);
        for (name, value) in &test.options {
            plan.option(name, value, test.id.family)?;
        }
        let asked = test.header.fields.iter().find(|field| field.key.node == "profile");
        plan.setup.profile = asked.and_then(|field| field.words.first()).map(|word| word.node.clone());
        plan.setup.gateway = beside(plan.setup.gateway, plan.setup.local.0);
        Ok(plan)
    }

    fn defaults(family: Family, options: &RunOptions, clock: ClockKind) -> Self {
        let v4 = |d: [u8; 4]| IpAddr::from(d);
        let (local, remote, gateway, mtu) = match family {
            Family::V4 | Family::V4Mapped => {
                ((v4([192, 168, 0, 2]), 16), (v4([192, 0, 2, 1]), 24), v4([192, 168, 0, 1]), 1500)
            }
            Family::V6 => {
                let local = IpAddr::from([0xfd3d, 0xfa7b, 0xd17d, 0, 0, 0, 0, 2]);
                let remote = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]);
                // 20 octets more than for IPv4, as the header has: the MSS stays 1460.
                ((local, 48), (remote, 32), IpAddr::from([0xfd3d, 0xfa7b, 0xd17d, 0x8888, 0, 0, 0, 0]), 1520)
            }
        };
        let scaled = |n: i64| (n as f64 * options.time_scale) as i64;
        let (first, count) = REMOTE_PORTS;
        Self {
            setup: Setup {
                family,
                local,
                remote,
                gateway,
                mtu,
                offload: options.lenient,
                train: None,
                seed: options.seed,
                profile: None,
            },
            bind_port: 8080,
            connect_port: 8080,
            remote_port: (first + options.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) % count) as u16,
            tolerance: Tolerance {
                clock,
                always: options.lenient,
                micros: scaled(options.tolerance_usecs),
                permille: scaled(125),
            },
            lenient: options.lenient,
            any_layout: false,
            strict_segments: false,
            ts_tick: 0,
            ts_ecr_scaled: false,
            md5_secret: None,
        }
    }

    fn option(&mut self, name: &str, value: &str, family: Family) -> Result<(), Stop> {
        match name {
            "ip_version" => ip_version(value, family)?,
            "local_ip" => self.setup.local.0 = self.address(name, value)?,
            "remote_ip" => self.setup.remote = self.remote(name, value)?,
            "gateway_ip" => self.setup.gateway = self.address(name, value)?,
            "netmask_ip" => self.setup.local.1 = prefix(name, value)?,
            "mtu" => self.setup.mtu = number(name, value)?,
            "mss" => (self.setup.train, self.setup.offload) = (Some(number(name, value)?), true),
            "bind_port" => self.bind_port = number(name, value)?,
            "connect_port" => self.connect_port = number(name, value)?,
            "tolerance_usecs" => self.tolerance.micros = number(name, value)?,
            "tolerance_percent" => self.tolerance.permille = (10.0 * number::<f64>(name, value)?) as i64,
            "tcp_ts_tick_usecs" => self.ts_tick = number(name, value)?,
            "tcp_md5_secret" => self.md5_secret = Some(value.into()),
            "tcp_ts_ecr_scaled" => self.ts_ecr_scaled = flag(value),
            "strict_segments" => self.strict_segments = flag(value),
            // They change what packetdrill prints or frees, or were used up when names were resolved.
            "define" | "verbose" | "debug" | "send_omit_free" => {}
            _ => return Err(Stop::Unsupported(format!("option --{name}"))),
        }
        Ok(())
    }

    /// `ADDRESS/LENGTH`, the route to whom it is in; an address alone is a route to one host, which scripts change by that name.
    fn remote(&self, name: &str, value: &str) -> Result<(IpAddr, u8), Stop> {
        let (address, length) = value.split_once('/').map_or((value, None), |(address, len)| (address, Some(len)));
        let address = self.address(name, address)?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let length: u8 = length.map_or(Ok(whole), |length| number(name, length))?;
        if length > whole {
            return Err(Stop::Error(format!("--{name}={value}: the prefix is longer than the address")));
        }
        Ok((address, length))
    }

    fn address(&self, name: &str, value: &str) -> Result<IpAddr, Stop> {
        let address: IpAddr = number(name, value)?;
        if address.is_ipv4() != self.setup.local.0.is_ipv4() {
            return Err(Stop::Unsupported(format!("--{name}={value} in a test of family {}", self.setup.family)));
        }
        Ok(address)
    }
}

/// The gateway, or its neighbour when a script has given its address to the SUT itself.
fn beside(gateway: IpAddr, local: IpAddr) -> IpAddr {
    match gateway {
        _ if gateway != local => gateway,
        IpAddr::V4(v4) => IpAddr::from((v4.to_bits() ^ 3).to_be_bytes()),
        IpAddr::V6(v6) => IpAddr::from((v6.to_bits() ^ 3).to_be_bytes()),
    }
}

fn ip_version(value: &str, family: Family) -> Result<(), Stop> {
    let wanted = match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
        Family::V4Mapped => "ipv4-mapped-ipv6",
    };
    if value == wanted {
        return Ok(());
    }
    Err(Stop::Unsupported(format!("--ip_version={value} in a test of family {family}")))
}

/// An option line alone, or with a value that is not 0, is set.
fn flag(value: &str) -> bool {
    !matches!(value, "0" | "false")
}

fn number<T: FromStr>(name: &str, value: &str) -> Result<T, Stop> {
    value.parse().map_err(|_| Stop::Error(format!("--{name}: `{value}` does not fit")))
}

/// A netmask as a prefix length.
fn prefix(name: &str, value: &str) -> Result<u8, Stop> {
    let mask: std::net::Ipv4Addr = number(name, value)?;
    let ones = mask.to_bits().leading_ones();
    if mask.to_bits().count_ones() != ones {
        return Err(Stop::Error(format!("--{name}: {value} is no netmask")));
    }
    Ok(ones as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use halfopen_script::{ast::Header, test::TestId};

    fn plan(family: Family, lines: &[(&str, &str)]) -> Result<Plan, Stop> {
        let id = TestId { path: "t".into(), family, labels: vec![] };
        let options = lines.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let test = Test { id, header: Header::default(), options, init: None, steps: vec![], cleanup: None };
        Plan::new(&test, &RunOptions::default(), ClockKind::Real)
    }

    #[test]
    fn defaults_are_those_of_packetdrill() {
        let v4 = plan(Family::V4, &[]).unwrap();
        assert_eq!(
            (v4.setup.local.0.to_string(), v4.setup.remote.0.to_string()),
            ("192.168.0.2".into(), "192.0.2.1".into())
        );
        assert_eq!((v4.bind_port, v4.connect_port, v4.setup.mtu), (8080, 8080, 1500));
        assert!((50_000..60_000).contains(&v4.remote_port));
        let v6 = plan(Family::V6, &[]).unwrap();
        assert_eq!((v6.setup.local.0.to_string(), v6.setup.mtu), ("fd3d:fa7b:d17d::2".into(), 1520));
        assert_eq!(plan(Family::V4Mapped, &[]).unwrap().setup.local, v4.setup.local);
    }

    #[test]
    fn options_are_honoured_or_named() {
        let set = [
            ("mtu", "1400"),
            ("tolerance_usecs", "9000"),
            ("netmask_ip", "255.255.255.0"),
            ("strict_segments", ""),
            ("mss", "1000"),
            ("verbose", ""),
        ];
        let changed = plan(Family::V4, &set).unwrap();
        assert_eq!((changed.setup.train, changed.setup.offload), (Some(1000), true));
        assert_eq!(
            (changed.setup.mtu, changed.tolerance.micros, changed.setup.local.1, changed.strict_segments),
            (1400, 9000, 24, true)
        );
        for (name, value, word) in [
            ("wire_server", "", "--wire_server"),
            ("non_fatal", "packet", "--non_fatal"),
            ("ip_version", "ipv6", "--ip_version=ipv6"),
            ("local_ip", "2001:db8::7", "--local_ip"),
        ] {
            let Err(Stop::Unsupported(why)) = plan(Family::V4, &[(name, value)]) else { panic!("{name}") };
            assert!(why.contains(word), "{why}");
        }
        let moved = plan(Family::V4, &[("local_ip", "192.168.0.1")]).unwrap().setup;
        assert_eq!(
            (moved.local.0.to_string(), moved.gateway.to_string()),
            ("192.168.0.1".into(), "192.168.0.2".into())
        );
        let remote = |value: &str| plan(Family::V4, &[("remote_ip", value)]).map(|plan| plan.setup.remote);
        assert_eq!(remote("10.0.0.1"), Ok(([10, 0, 0, 1].into(), 32)));
        assert_eq!(remote("10.0.0.1/8"), Ok(([10, 0, 0, 1].into(), 8)));
        assert!(remote("10.0.0.1/33").is_err() && remote("10.0.0.1/x").is_err());
        assert!(matches!(plan(Family::V4, &[("mtu", "many")]), Err(Stop::Error(_))));
        assert!(matches!(plan(Family::V4, &[("netmask_ip", "255.0.255.0")]), Err(Stop::Error(_))));
    }
}
