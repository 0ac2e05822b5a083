//! What a host lacks for tests of its kernel, and which tests that makes untestable.

mod demand;
mod page;

pub use demand::Demand;
pub use page::page;

use crate::fault::{AS_EXPECTED, MISSING};
use halfopen_report::text::count;
use halfopen_sut::linux::probe::{Host, Kernel, Lateness, Privilege};
use serde::Serialize;

/// A timer that is later than this, once in a hundred times, makes tests wait for each other or run again; microseconds.
const LATE: i64 = 1000;

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is there.
    Ok,
    /// It is there, and could be better.
    Poor,
    /// It is not there. No test of the selection needs it, or those that do are `unsupported`.
    Absent,
    /// It is not there, and without it no test of the kernel runs.
    Missing,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Which part of the page.
    pub part: &'static str,
    /// What.
    pub name: String,
    /// How it stands.
    pub state: State,
    /// In a few words.
    pub detail: String,
    /// Tests of the selection that cannot run without it.
    pub untestable: Vec<String>,
}

/// Everything about a host.
#[derive(Debug, Clone, Serialize)]
pub struct Report<'a> {
    /// Version of this form.
    pub v: u32,
    /// What was found.
    pub host: &'a Host,
    /// What that means.
    pub checks: Vec<Check>,
    /// Tests that were asked about.
    pub selected: usize,
    /// Those of them that can run here.
    pub testable: usize,
    /// The exit code.
    pub exit: u8,
}

/// The parts of the page, in order.
pub const PARTS: [&str; 4] = ["Runner", "Clock", "Kernel", "Programs"];

/// Says what a host has and lacks for the tests that a demand stands for.
pub fn diagnose<'a>(host: &'a Host, demand: &Demand) -> Report<'a> {
    let mut checks = runner(host, demand);
    checks.extend(clock(host));
    if let Some(kernel) = &host.kernel {
        checks.extend(features(kernel, demand));
    }
    checks.push(programs(host));
    let mut lost: Vec<&String> = checks.iter().flat_map(|check| &check.untestable).collect();
    lost.sort_unstable();
    lost.dedup();
    let testable = demand.tests() - lost.len();
    let missing = checks.iter().any(|check| check.state == State::Missing);
    let exit = if missing { MISSING } else { AS_EXPECTED };
    Report { v: 1, host, selected: demand.tests(), testable, exit, checks }
}

fn check(part: &'static str, name: &str, state: State, detail: impl Into<String>) -> Check {
    Check { part, name: name.to_owned(), state, detail: detail.into(), untestable: Vec::new() }
}

fn runner(host: &Host, demand: &Demand) -> Vec<Check> {
    let need = |name: &str, found: &Result<(), String>, good: &str| match found {
        Ok(()) => check(PARTS[0], name, State::Ok, good),
        Err(why) => check(PARTS[0], name, State::Missing, why),
    };
    let privilege = match &host.privilege {
        Ok(Privilege::Capabilities) => check(PARTS[0], "privilege", State::Ok, "CAP_SYS_ADMIN and CAP_NET_ADMIN"),
        Ok(Privilege::UserNamespace) => check(PARTS[0], "privilege", State::Ok, "root of a user namespace of its own"),
        Err(why) => check(PARTS[0], "privilege", State::Missing, why),
    };
    let mut whole = need("namespace of a test", &host.runner, "made with its TUN device, and dropped");
    if host.runner.is_err() {
        whole.untestable = demand.all();
        // What is missing is said above.
        if privilege.state == State::Missing || host.tun.is_err() {
            "for want of the above".clone_into(&mut whole.detail);
        }
    }
    vec![privilege, need("/dev/net/tun", &host.tun, "can be opened"), whole]
}

fn clock(host: &Host) -> Vec<Check> {
    let timers = match host.lateness {
        Some(Lateness { median, p99, worst, timers }) => {
            let state = if p99 > LATE { State::Poor } else { State::Ok };
            let words = if p99 > LATE { "; tests by real time will be repeated, or inconclusive" } else { "" };
            let detail = format!("late by {median} us (half), {p99} us (99 %), {worst} us (worst of {timers}){words}");
            check(PARTS[1], "timers", state, detail)
        }
        None => check(PARTS[1], "timers", State::Poor, "could not be measured"),
    };
    let tick = match host.tick {
        Some(tick) if tick > 0 => {
            let (ms, hz) = (tick as f64 / 1e6, 1e9 / tick as f64);
            let state = if tick > 4_000_000 { State::Poor } else { State::Ok };
            let detail = format!(
                "{ms:.0} ms (HZ={hz:.0}): the kernel's own timers are up to that late, and an eighth of their time"
            );
            check(PARTS[1], "tick of the kernel", state, detail)
        }
        Some(_) | None => check(PARTS[1], "tick of the kernel", State::Poor, "unknown"),
    };
    let priority = match host.realtime {
        true => check(PARTS[1], "real-time priority", State::Ok, "permitted"),
        false => check(PARTS[1], "real-time priority", State::Poor, "refused: a busy host makes tests late"),
    };
    let cores = format!("{}, 32 tests at a time by default", count(host.cores, "core"));
    vec![timers, tick, priority, check(PARTS[1], "cores", State::Ok, cores)]
}

fn features(kernel: &Kernel, demand: &Demand) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut feature = |name: &str, there: bool, good: &str, absent: &str, untestable: Vec<String>| {
        let state = if there { State::Ok } else { State::Absent };
        let (detail, untestable) = if there { (good, Vec::new()) } else { (absent, untestable) };
        checks.push(Check { untestable, ..check(PARTS[2], name, state, detail) });
    };
    feature("IPv6", kernel.ipv6, "sockets and addresses", "not in this kernel, or switched off", demand.ipv6());
    for name in demand.congestion_controls() {
        let wide = kernel.namespace_wide.contains(&name);
        let there = wide || kernel.per_socket.contains(&name);
        let good = if wide { "for a namespace" } else { "on each socket; refused to a namespace" };
        let named = format!("congestion control {name}");
        feature(&named, there, good, "refused to a namespace and to a socket", demand.of_congestion_control(&name));
    }
    for (kind, what) in [("pfifo", "queue of packetdrill's scripts"), ("fq", "queue that paces (sch_fq)")] {
        let there = kernel.qdiscs.iter().any(|known| known == kind);
        feature(&format!("qdisc {kind}"), there, what, what, demand.of_words(&["qdisc", kind]));
    }
    let options = [("TCP_MD5SIG", "signed segments (RFC 2385)"), ("TCP_AO", "authentication option (RFC 5925)")];
    for (option, what) in options {
        feature(option, kernel.options.iter().any(|known| known == option), what, what, demand.of_words(&[option]));
    }
    let asked = demand.sysctls();
    let lacking = asked.iter().filter(|setting| !kernel.sysctls.contains(setting));
    let (accurate, lacking): (Vec<&String>, Vec<&String>) = lacking.partition(|setting| is_accurate_ecn(setting));
    let ecn = kernel.sysctls.iter().any(|known| known == "net.ipv4.tcp_ecn=3");
    let untestable = accurate.iter().flat_map(|setting| demand.of_sysctl(setting)).collect();
    feature("accurate ECN", ecn && accurate.is_empty(), "tcp_ecn=3 is accepted", "tcp_ecn=3 is refused", untestable);
    if lacking.is_empty() {
        feature("sysctls", true, &format!("all {} settings of tests", asked.len()), "", Vec::new());
    }
    for setting in lacking {
        let what = if setting.contains('=') { "refused" } else { "no such sysctl" };
        feature(setting, false, "", what, demand.of_sysctl(setting));
    }
    checks
}

/// RFC 9768: 3 and above, in kernels that have it.
fn is_accurate_ecn(setting: &str) -> bool {
    let value = setting.strip_prefix("net.ipv4.tcp_ecn=");
    value.and_then(|value| value.parse::<i64>().ok()).is_some_and(|value| value >= 3)
}

/// None of them is needed: the usual commands of scripts are carried out without a program.
fn programs(host: &Host) -> Check {
    let found = if host.programs.is_empty() { "none".to_owned() } else { host.programs.join(", ") };
    let absent: Vec<&str> = PROGRAMS.into_iter().filter(|name| !host.programs.iter().any(|p| p == name)).collect();
    let absent = if absent.is_empty() { String::new() } else { format!("; not here: {}", absent.join(", ")) };
    check(PARTS[3], "for what scripts start", State::Ok, format!("{found}{absent}; the usual commands need no program"))
}

/// Programs that scripts start, and those that people hold beside a capture or a verdict.
pub const PROGRAMS: [&str; 9] = ["sh", "ip", "tc", "ethtool", "nstat", "ss", "python3", "tshark", "packetdrill"];

#[cfg(test)]
mod tests;
