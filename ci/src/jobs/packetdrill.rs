//! google/packetdrill against the reference stack, over somebody's folder of scripts. Neither the program nor the scripts are
//! part of this repository.

use super::End;
use super::scripts::{self, Family};
use crate::step::{self, Fault};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

/// Seconds that a script gets. All of it is packetdrill's own start: the clock of the stack is virtual.
const LIMIT: &str = "30";
/// What `defaults.sh` of packetdrill's scripts needs to find, then the program itself.
const SETUP: &str = r#"ip link set lo up; ip tuntap add tun0 mode tun; ip link set tun0 up
LD_PRELOAD="$0" exec "$@""#;
/// What is asked for.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Asked {
    /// The program
    #[arg(long)]
    packetdrill: PathBuf,
    /// Folder of scripts, searched to the bottom
    #[arg(long)]
    scripts: PathBuf,
    /// Profile of the stack
    #[arg(long, default_value = "linux")]
    profile: String,
    /// Only scripts whose path contains this
    #[arg(long, default_value = "")]
    only: String,
}

/// What a script needs besides a TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Needs {
    /// Nothing: it is judged.
    Nothing,
    /// `%{ }%` blocks, which packetdrill lets see the stack only by way of a preloaded `getsockopt`.
    Code,
    /// A call or a file that only Linux has, or the other address family.
    Linux(&'static str),
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("judged"),
            Self::Code => f.write_str("%{ }%"),
            Self::Linux(what) => write!(f, "Linux: {what}"),
        }
    }
}

/// Words that show what a script needs.
const LINUX: &[(&str, &str)] = &[
    ("ZEROCOPY", "zerocopy"),
    ("sendfile(", "sendfile"),
    ("splice(", "splice"),
    ("MSG_ERRQUEUE", "error queue"),
    ("SO_TIMESTAMPING", "timestamping"),
    ("psp_", "PSP"),
    ("/proc/net/tcp", "/proc/net/tcp"),
    ("ip route", "the kernel's routes"),
    ("ip -6 route", "the kernel's routes"),
];

/// Runs every script, prints a table and the share that passes of those that need nothing else.
pub(crate) fn packetdrill(asked: &Asked) -> Result<End, Fault> {
    step::succeed(&mut step::cargo(&["build", "-p", "halfopen-packetdrill"]))?;
    let object = step::target_dir()?.join("debug/libhalfopen_packetdrill.so");
    let program = fs::canonicalize(&asked.packetdrill).map_err(|e| format!("{}: {e}", asked.packetdrill.display()))?;
    let mut rows = Vec::new();
    for script in &scripts::find(&asked.scripts, &asked.only)? {
        let text = fs::read_to_string(script).map_err(|error| format!("{}: {error}", script.display()))?;
        let name = script.strip_prefix(&asked.scripts).unwrap_or(script).display().to_string();
        let fault = scripts::fault_of(&run(script, &text, &program, &object, &asked.profile)?);
        let verdict = if fault.is_none() { "pass" } else { "FAIL" };
        println!("{verdict}  {:<20} {name}  {}", needs(&name, &text).to_string(), fault.as_deref().unwrap_or_default());
        rows.push((needs(&name, &text), fault.is_none()));
    }
    summary(&rows)
}

/// What a script needs, by what stands outside of its comments.
fn needs(name: &str, text: &str) -> Needs {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let text: String = lines.flat_map(|line| [line, "\n"]).collect();
    if name.ends_with("v6.pkt") {
        return Needs::Linux("IPv6 addresses");
    }
    if let Some((_, what)) = LINUX.iter().find(|(word, _)| text.contains(word)) {
        return Needs::Linux(what);
    }
    if text.contains("%{") { Needs::Code } else { Needs::Nothing }
}

/// Runs one script in a network namespace of its own, in its own folder, because scripts name their neighbours.
fn run(script: &Path, text: &str, program: &Path, object: &Path, profile: &str) -> Result<Output, Fault> {
    let mut command = step::command("timeout");
    command.args(["--kill-after=2", LIMIT, "unshare", "--net", "sh", "-c", SETUP]).arg(object).arg(program);
    command.arg(format!("--so_filename={}", object.display())).arg(format!("--so_flags=profile={profile}"));
    // The names that the runner of packetdrill's own scripts defines, and its addresses, which Fast Open's cookies depend on.
    command.args(Family::V4.words());
    if !text.contains("--local_ip") {
        command.args(Family::V4.local());
    }
    if !text.contains("--remote_ip") {
        command.arg(Family::V4.remote());
    }
    let script = fs::canonicalize(script).map_err(|error| format!("{}: {error}", script.display()))?;
    command.arg(script.file_name().unwrap_or_default()).current_dir(script.parent().unwrap_or(Path::new("/")));
    command.output().map_err(|error| format!("timeout: {error}"))
}

/// The closing lines.
fn summary(rows: &[(Needs, bool)]) -> Result<End, Fault> {
    let of = |wanted: fn(&Needs) -> bool| {
        let rows = rows.iter().filter(|(needs, _)| wanted(needs));
        rows.fold((0, 0), |(passed, all), (_, pass)| (passed + usize::from(*pass), all + 1))
    };
    let (passed, judged) = of(|needs| *needs == Needs::Nothing);
    let (with_code, code) = of(|needs| *needs == Needs::Code);
    let (_, linux) = of(|needs| matches!(needs, Needs::Linux(_)));
    if rows.is_empty() {
        return Err("no script was found".to_owned());
    }
    let share = (100 * passed).checked_div(judged).unwrap_or(0);
    Ok(End::Good(format!(
        "{passed} of {judged} judged scripts pass ({share} %), {with_code} of {code} with %{{ }}%; {linux} need Linux"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_judged_unless_they_need_more() {
        let table = [
            ("a.pkt", "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3", Needs::Nothing),
            ("a.pkt", "// about %{ } and sendfile()", Needs::Nothing),
            ("a.pkt", "+0 %{ assert tcpi_unacked == 1 }%", Needs::Code),
            ("a.pkt", "+0 sendfile(4, 5, [0], 10) = 10\n%{ print(1) }%", Needs::Linux("sendfile")),
            ("basic-v6.pkt", "", Needs::Linux("IPv6 addresses")),
        ];
        for (name, text, expected) in table {
            assert_eq!(needs(name, text), expected, "{text}");
        }
    }

    #[test]
    fn share_is_of_the_judged_ones() {
        let rows =
            [(Needs::Nothing, true), (Needs::Nothing, false), (Needs::Code, true), (Needs::Linux("splice"), false)];
        let note = "1 of 2 judged scripts pass (50 %), 1 of 1 with %{ }%; 1 need Linux";
        assert_eq!(summary(&rows), Ok(End::Good(note.to_owned())));
        assert!(summary(&[]).is_err());
    }
}
