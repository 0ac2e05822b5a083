//! What the jobs share that start google/packetdrill: its scripts, the command line of its own runner, and what it says of a failure.

use crate::step::Fault;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

/// Lines that say nothing about the stack: what a namespace is not allowed to set, the script and the segment that were
/// compared, the lines of Python above the one that failed.
const NOISE: &[&str] = &["sysctl: ", "script packet:", "actual packet:", "Traceback", "  File", "    "];

/// How packetdrill's runner runs a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    V4,
    Mapped,
    V6,
}

impl Family {
    /// Those that its runner runs a script of this name in.
    pub(crate) fn of(name: &str) -> &'static [Self] {
        match name {
            _ if name.ends_with("v6.pkt") => &[Self::V6],
            _ if name.ends_with("v4.pkt") => &[Self::V4, Self::Mapped],
            _ => &[Self::V4, Self::Mapped, Self::V6],
        }
    }

    /// By its word in a test id.
    pub(crate) fn named(word: &str) -> Option<Self> {
        [Self::V4, Self::Mapped, Self::V6].into_iter().find(|family| family.to_string() == word)
    }

    /// Version and symbols that its runner gives.
    pub(crate) fn words(self) -> &'static [&'static str] {
        const COOKIE: &str = "-DTFO_COOKIE=3021b9d889017eeb";
        const CODE: &str = "-DCODE=host_unreachable";
        const LEVEL: [&str; 2] = ["-DCMSG_LEVEL_IP=SOL_IP", "-DCMSG_LEVEL_IP=SOL_IPV6"];
        const TYPE: [&str; 2] = ["-DCMSG_TYPE_RECVERR=IP_RECVERR", "-DCMSG_TYPE_RECVERR=IPV6_RECVERR"];
        match self {
            Self::V4 => &["--ip_version=ipv4", COOKIE, CODE, LEVEL[0], TYPE[0]],
            Self::Mapped => &["--ip_version=ipv4-mapped-ipv6", COOKIE, CODE, LEVEL[1], TYPE[1]],
            Self::V6 => &["--ip_version=ipv6", "--mtu=1520", "-DTFO_COOKIE=c1d1e9742a47a9bc", LEVEL[1], TYPE[1]],
        }
    }

    /// Addresses of the stack.
    pub(crate) fn local(self) -> &'static [&'static str] {
        match self {
            Self::V4 | Self::Mapped => {
                &["--local_ip=192.168.0.1", "--gateway_ip=192.168.0.1", "--netmask_ip=255.255.0.0"]
            }
            Self::V6 => &["--local_ip=fd3d:0a0b:17d6::1", "--gateway_ip=fd3d:0a0b:17d6:8888::1"],
        }
    }

    /// Address of the peer.
    pub(crate) fn remote(self) -> &'static str {
        match self {
            Self::V4 | Self::Mapped => "--remote_ip=192.0.2.1",
            Self::V6 => "--remote_ip=fd3d:fa7b:d17d::1",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V4 => "v4",
            Self::Mapped => "mapped",
            Self::V6 => "v6",
        })
    }
}

/// All scripts below a folder whose path contains a word, in order.
///
/// # Errors
/// When a folder cannot be read, or there is none.
pub(crate) fn find(folder: &Path, only: &str) -> Result<Vec<PathBuf>, Fault> {
    let mut scripts = Vec::new();
    below(folder, &mut scripts)?;
    scripts.retain(|script| script.to_string_lossy().contains(only));
    scripts.sort();
    if scripts.is_empty() { Err("no script was found".to_owned()) } else { Ok(scripts) }
}

fn below(folder: &Path, to: &mut Vec<PathBuf>) -> Result<(), Fault> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            below(&path, to)?;
        } else if path.extension().is_some_and(|extension| extension == "pkt") {
            to.push(path);
        }
    }
    Ok(())
}

/// Why a script failed, in one line.
pub(crate) fn fault_of(output: &Output) -> Option<String> {
    if output.status.success() {
        return None;
    }
    let text = [String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout)].concat();
    let telling = |line: &&str| !line.trim().is_empty() && !NOISE.iter().any(|noise| line.starts_with(noise));
    let said: Vec<&str> = text.lines().filter(telling).take(2).collect();
    Some(if said.is_empty() { output.status.to_string() } else { said.join("; ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_go_by_the_name_of_the_script() {
        assert_eq!(Family::of("a.pkt").len(), 3);
        assert_eq!(Family::of("mtu/basic-v4.pkt"), [Family::V4, Family::Mapped]);
        assert_eq!(Family::of("icmp-ipv6.pkt"), [Family::V6]);
        assert_eq!(Family::named("mapped"), Some(Family::Mapped));
        assert_eq!(Family::named("ipx"), None);
    }
}
