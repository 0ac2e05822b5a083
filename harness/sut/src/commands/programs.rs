//! The programs that scripts start, by their arguments.

use super::{Command, Files, Offload, Qdisc, Queue, Setting};

/// The device of a test.
const DEVICE: &str = "tun0";

/// What a command does; `None` for an unknown program, or arguments that are not known.
pub(super) fn command(words: &[String], files: &Files<'_>) -> Option<Command> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (program, arguments) = words.split_first()?;
    let base = program.rsplit('/').next()?;
    match base {
        "sysctl" => settings(arguments).map(Command::Set),
        "set_sysctls.py" => {
            files(program)?;
            existing(arguments).map(Command::SetExisting)
        }
        "sysctl_restore_${PPID}.sh" if *program == "/tmp/sysctl_restore_${PPID}.sh" && arguments.is_empty() => {
            Some(Command::Restore((*program).to_owned()))
        }
        "ip" => matches!(arguments, ["tcp_metrics" | "tcpmetrics", "flush", "all"]).then_some(Command::FlushMetrics),
        "tc" => qdisc(arguments).map(Command::Qdisc),
        "ethtool" => offloads(arguments).map(Command::Offload),
        _ => None,
    }
}

/// `sysctl [-q] [-w] [-e] NAME=VALUE...`
fn settings(arguments: &[&str]) -> Option<Vec<Setting>> {
    let mut settings = Vec::new();
    let mut ignore = false;
    for argument in arguments {
        match argument.strip_prefix('-') {
            Some("-quiet" | "-write") => {}
            Some("-ignore") => ignore = true,
            Some(flags) if !flags.is_empty() && flags.chars().all(|c| "qwe".contains(c)) => {
                ignore |= flags.contains('e');
            }
            Some(_) => return None,
            None => {
                let (name, value) = argument.split_once('=')?;
                settings.push(setting(name.trim(), value.trim())?);
            }
        }
    }
    settings.iter_mut().for_each(|setting| setting.optional = ignore);
    (!settings.is_empty()).then_some(settings)
}

/// A parameter by its name; whichever of `.` and `/` comes first separates.
fn setting(name: &str, value: &str) -> Option<Setting> {
    if name.is_empty() {
        return None;
    }
    let swap = |c| match c {
        '.' => '/',
        '/' => '.',
        other => other,
    };
    let path = match name.find(['.', '/']) {
        Some(at) if name[at..].starts_with('/') => name.to_owned(),
        Some(_) | None => name.chars().map(swap).collect(),
    };
    Some(Setting { path, value: value.to_owned(), optional: false })
}

/// `set_sysctls.py PATH=VALUE...`
fn existing(arguments: &[&str]) -> Option<Vec<Setting>> {
    let one = |argument: &&str| {
        let mut parts = argument.split('=');
        let path = parts.next()?.strip_prefix("/proc/sys/")?;
        // A shell sees the value again, so one that is more than a value is for it.
        let value = parts.next().filter(|value| !value.contains(['$', '`', '"', '\\']))?;
        Some(Setting { path: path.to_owned(), value: value.to_owned(), optional: false })
    };
    arguments.iter().map(one).collect()
}

/// `tc qdisc add|replace dev tun0 root pfifo [limit N]`, `... root fq`, `tc qdisc del dev tun0 root`
fn qdisc(arguments: &[&str]) -> Option<Qdisc> {
    let ["qdisc", verb, "dev", DEVICE, "root", rest @ ..] = arguments else { return None };
    let queue = || {
        Some(match rest {
            ["pfifo"] => Queue::Pfifo { limit: None },
            ["pfifo", "limit", limit] => Queue::Pfifo { limit: Some(limit.parse().ok()?) },
            ["fq"] => Queue::Fq,
            _ => return None,
        })
    };
    match *verb {
        "add" => queue().map(Qdisc::Add),
        "replace" => queue().map(Qdisc::Replace),
        "del" | "delete" if rest.is_empty() => Some(Qdisc::Delete),
        _ => None,
    }
}

/// `ethtool -K tun0 gso|tso on|off ...`
fn offloads(arguments: &[&str]) -> Option<Vec<(Offload, bool)>> {
    let ["-K" | "--features" | "--offload", DEVICE, features @ ..] = arguments else { return None };
    let (pairs, []) = features.as_chunks::<2>() else { return None };
    let one = |[name, state]: &[&str; 2]| {
        let offload = match *name {
            "gso" => Offload::Gso,
            "tso" => Offload::Tso,
            _ => return None,
        };
        match *state {
            "on" => Some((offload, true)),
            "off" => Some((offload, false)),
            _ => None,
        }
    };
    if pairs.is_empty() { None } else { pairs.iter().map(one).collect() }
}
