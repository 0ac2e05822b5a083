//! Backtick commands as far as a stack without a kernel, a device and a shell can do them.
//!
//! What a script asks for itself has to be had, or it is `unsupported` with the word: a parameter that the stack lacks, a command that is
//! not known. What a shell script beside it sets for all of them (`defaults.sh`) may be lacking, as it may in a kernel.

use super::options::absent;
use crate::commands::{Command, Program, Qdisc, Queue, Setting, executable};
use halfopen_engine::sut::SutError;
use halfopen_stack::config::ConfigError;
use halfopen_stack::{Stack, State};
use std::collections::BTreeMap;

/// What `nstat` showed last, by counter: it tells what came since.
#[derive(Debug, Default)]
pub(crate) struct Shown(BTreeMap<&'static str, u64>);

/// Does what a command line asks for. It fails where the shell would: a script's last command decides.
pub(crate) fn perform(stack: &mut Stack, shown: &mut Shown, line: &str) -> Result<(), SutError> {
    let program = Program::read(line, &executable);
    for command in program.demands() {
        demand(stack, command)?;
    }
    program.run(&mut |command| match command {
        Command::Set(settings) | Command::SetExisting(settings) => set(stack, settings),
        Command::FlushMetrics => {
            stack.forget_destinations();
            Ok(())
        }
        Command::Shell(text) => Shell::of(text).ok_or_else(|| no_shell(text))?.run(stack, shown),
        Command::Restore(_) | Command::Qdisc(_) | Command::Offload(_) => device(command),
    })
}

/// The stack ends with the test, so that there is nothing to restore; its device is a queue without limit and without offloads.
fn device(command: &Command) -> Result<(), SutError> {
    match command {
        Command::Qdisc(Qdisc::Add(queue) | Qdisc::Replace(queue)) => match queue {
            Queue::Pfifo { limit: None } => Ok(()),
            Queue::Pfifo { limit: Some(limit) } => Err(absent(&format!("queue of at most {limit} datagrams (pfifo)"))),
            Queue::Fq => Err(absent("pacing (tc qdisc fq)")),
        },
        Command::Offload(offloads) if offloads.iter().any(|(_, on)| *on) => Err(absent("offloads (ethtool)")),
        Command::Qdisc(Qdisc::Delete)
        | Command::Offload(_)
        | Command::Restore(_)
        | Command::Set(_)
        | Command::SetExisting(_)
        | Command::FlushMetrics
        | Command::Shell(_) => Ok(()),
    }
}

/// Whether the stack has what a script itself asks for.
fn demand(stack: &Stack, command: &Command) -> Result<(), SutError> {
    match command {
        Command::Set(settings) | Command::SetExisting(settings) => {
            let mut trial = stack.config().clone();
            let unknown = |setting: &&Setting| {
                !setting.optional && trial.set(&setting.name(), &setting.value) == Err(ConfigError::Unknown)
            };
            match settings.iter().find(unknown) {
                Some(setting) => Err(absent(&format!("sysctl {}={}", setting.name(), setting.value))),
                None => Ok(()),
            }
        }
        Command::Shell(text) if Shell::of(text).is_none() => Err(no_shell(text)),
        Command::Shell(_) | Command::FlushMetrics | Command::Restore(_) => Ok(()),
        Command::Qdisc(_) | Command::Offload(_) => device(command),
    }
}

fn no_shell(text: &str) -> SutError {
    absent(&format!("shell for `{text}`"))
}

/// Sets each tunable; the first refusal is told.
fn set(stack: &mut Stack, settings: &[Setting]) -> Result<(), SutError> {
    let one = |setting: &Setting| match stack.config_mut().set(&setting.name(), &setting.value) {
        Err(ConfigError::Unknown) if setting.optional => Ok(()),
        Err(ConfigError::Unknown) => Err(absent(&format!("sysctl {}={}", setting.name(), setting.value))),
        Err(ConfigError::Value) => Err(absent(&format!("value `{}` of sysctl {}", setting.value, setting.name()))),
        Ok(()) => Ok(()),
    };
    let results: Vec<_> = settings.iter().map(one).collect();
    results.into_iter().collect()
}

/// What scripts look up with a shell, and the stack can tell: `nstat`, `/proc/net/tcp`, a parameter of CUBIC.
#[derive(Debug, PartialEq, Eq)]
enum Shell<'a> {
    /// Lines of a table, through `grep`s for these texts; without any it only has to be shown.
    Look(Table, Vec<&'a str>),
    /// `hystart_detect`, which is 3 where HyStart looks for both of its signs: the stack looks for both or none.
    HyStart(bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Table {
    /// `nstat`
    Counters,
    /// `/proc/net/tcp` and `/proc/net/tcp6`
    Sockets,
}

impl<'a> Shell<'a> {
    /// Reads a line; `None` for what is not known.
    fn of(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_suffix("/dev/null").and_then(|rest| rest.trim_end().strip_suffix('>')).unwrap_or(text);
        if let Some(value) = text.strip_prefix("echo ") {
            let (value, file) = value.split_once('>')?;
            let known = file.trim() == "/sys/module/tcp_cubic/parameters/hystart_detect";
            return match value.trim() {
                "0" if known => Some(Self::HyStart(false)),
                "3" if known => Some(Self::HyStart(true)),
                _ => None,
            };
        }
        let mut parts = text.split('|').map(str::trim);
        let (table, mut patterns) = match parts.next()? {
            "nstat" => (Table::Counters, Vec::new()),
            first => {
                let (pattern, files) = grep(first)?;
                let known = |file: &str| matches!(file, "/proc/net/tcp" | "/proc/net/tcp6");
                (!files.is_empty() && files.split_whitespace().all(known)).then_some((Table::Sockets, vec![pattern]))?
            }
        };
        for part in parts {
            let (pattern, "") = grep(part)? else { return None };
            patterns.push(pattern);
        }
        Some(Self::Look(table, patterns))
    }

    fn run(&self, stack: &mut Stack, shown: &mut Shown) -> Result<(), SutError> {
        match self {
            Self::HyStart(on) => {
                stack.config_mut().hystart = *on;
                Ok(())
            }
            Self::Look(table, patterns) => {
                let lines = match table {
                    Table::Counters => shown.since(stack),
                    Table::Sockets => sockets(stack),
                };
                let found = lines.iter().any(|line| patterns.iter().all(|pattern| line.contains(pattern)));
                let missing = || format!("no line of {table:?} has {}", patterns.join(" and "));
                if patterns.is_empty() || found { Ok(()) } else { Err(SutError::Environment(missing())) }
            }
        }
    }
}

/// The pattern and the files of a `grep` for plain text.
fn grep(command: &str) -> Option<(&str, &str)> {
    let rest = command.strip_prefix("grep")?.trim_start();
    let (pattern, files) = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?,
        None => rest.split_once(' ').unwrap_or((rest, "")),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | ':' | '_');
    (!pattern.is_empty() && pattern.chars().all(plain)).then_some((pattern, files.trim()))
}

impl Shown {
    /// The counters that grew since the last look, as `nstat` prints them.
    fn since(&mut self, stack: &Stack) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, value) in stack.counters().iter() {
            let before = self.0.insert(name, value).unwrap_or(0);
            if value > before {
                lines.push(format!("{name} {}", value - before));
            }
        }
        lines
    }
}

/// Ports and states of the sockets, in the columns of `/proc/net/tcp`; the addresses are left out.
fn sockets(stack: &Stack) -> Vec<String> {
    let listening = (0..1024).filter_map(|fd| stack.status(fd).ok()).filter(|status| status.state == State::Listen);
    let listening = listening.filter_map(|status| Some((status.local?.port(), 0, status.state)));
    let connected = stack.connections().map(|one| (one.local.port(), one.remote.port(), one.state));
    listening
        .chain(connected)
        .map(|(local, remote, state)| format!(" :{local:04X} :{remote:04X} {:02X} ", state.linux_number()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use halfopen_stack::{Config, Domain};
    use rstest::rstest;

    fn told(line: &str) -> String {
        let mut stack = Stack::new(Config::linux(), 1);
        stack.add_address("192.0.2.9".parse().expect("an address"));
        let fd = stack.socket(Domain::Inet).expect("a socket");
        stack.bind(fd, "192.0.2.9:8080".parse().expect("a socket address")).expect("bound");
        stack.listen(fd, 1).expect("listens");
        let mut shown = Shown::default();
        match perform(&mut stack, &mut shown, line) {
            Ok(()) => "done".to_owned(),
            Err(SutError::Unsupported(why)) => why,
            Err(SutError::Environment(why) | SutError::Broken(why)) => format!("failed: {why}"),
        }
    }

    #[rstest]
    #[case("sysctl -q net.ipv4.tcp_ecn=0", "done")]
    #[case(
        "sysctl -q net.ipv4.tcp_ecn=0; true_or_not",
        "the reference stack has no shell for `sysctl -q net.ipv4.tcp_ecn=0; true_or_not`"
    )]
    #[case("sysctl -q net.ipv4.tcp_nowhere=7", "the reference stack has no sysctl net.ipv4.tcp_nowhere=7")]
    #[case(
        "sysctl -q net.ipv4.tcp_nowhere=7; sysctl -q net.ipv4.tcp_ecn=0",
        "the reference stack has no sysctl net.ipv4.tcp_nowhere=7"
    )]
    #[case("sysctl -e -q net.ipv4.tcp_nowhere=7", "done")]
    #[case("sysctl net.ipv4.tcp_nowhere=7 || ip tcp_metrics flush all", "done")]
    #[case("tc qdisc add dev tun0 root pfifo", "done")]
    #[case(
        "tc qdisc add dev tun0 root fq\nsysctl net.ipv4.tcp_ecn=0",
        "the reference stack has no pacing (tc qdisc fq)"
    )]
    #[case(
        "tc qdisc replace dev tun0 root pfifo limit 0",
        "the reference stack has no queue of at most 0 datagrams (pfifo)"
    )]
    #[case("ethtool -K tun0 tso off gso off", "done")]
    #[case("ethtool -K tun0 tso on", "the reference stack has no offloads (ethtool)")]
    #[case("nstat > /dev/null", "done")]
    #[case("nstat | grep TcpExtOutOfWindowIcmps > /dev/null", "failed: no line of Counters has TcpExtOutOfWindowIcmps")]
    #[case("grep \" 0A \" /proc/net/tcp /proc/net/tcp6 | grep \":1F90\"", "done")]
    #[case("grep \" 01 \" /proc/net/tcp | grep \":1F90\"", "failed: no line of Sockets has  01  and :1F90")]
    #[case("grep \"0.*\" /proc/net/tcp", "the reference stack has no shell for `grep \"0.*\" /proc/net/tcp`")]
    #[case("echo 3 > /sys/module/tcp_cubic/parameters/hystart_detect", "done")]
    #[case(
        "echo 1 > /sys/module/tcp_cubic/parameters/hystart_detect",
        "the reference stack has no shell for `echo 1 > /sys/module/tcp_cubic/parameters/hystart_detect`"
    )]
    fn what_a_script_asks_for_is_done_or_named(#[case] line: &str, #[case] expected: &str) {
        assert_eq!(told(line), expected);
    }
}
