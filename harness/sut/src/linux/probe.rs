//! What this host has of all that tests of its kernel can need: `halfopen doctor`.
//!
//! Everything is tried rather than read off a version: in a namespace of its own, by the very code that runs tests.

use super::calls::set_option;
use super::{Linux, clock, netns, priority, sysctl};
use halfopen_engine::sut::{Setup, Sut};
use halfopen_script::test::Family;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::sys::time::{TimeSpec, TimeValLike as _};
use nix::time::{ClockId, ClockNanosleepFlags, clock_nanosleep};
use serde::{Deserialize, Serialize};
use std::fs;
use std::net::IpAddr;
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::thread;

/// Nobody, or why not.
pub type Finding = Result<(), String>;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Kernel release.
    pub release: String,
    /// Machine, as the kernel has it.
    pub machine: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Root or the capabilities; or a user namespace, or why it is refused.
    pub privilege: Result<Privilege, String>,
    /// `/dev/net/tun` can be opened.
    pub tun: Finding,
    /// A namespace with a TUN device in it, made as for a test.
    pub runner: Finding,
    /// Real-time priority can be had.
    pub realtime: bool,
    /// Of timers at the present load.
    pub lateness: Option<Lateness>,
    /// Nanoseconds between two ticks of the kernel.
    pub tick: Option<i64>,
    /// What the kernel has in a namespace; nothing is known when there can be none.
    pub kernel: Option<Kernel>,
    /// Programs of `asked` that the path has.
    pub programs: Vec<String>,
}

/// By what right tests of the kernel run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Privilege {
    /// `CAP_SYS_ADMIN` and `CAP_NET_ADMIN`, as root has them.
    Capabilities,
    /// Root of a user namespace of its own.
    UserNamespace,
}

/// How late timers are, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lateness {
    /// Half are less late.
    pub median: i64,
    /// 99 of 100 are less late.
    pub p99: i64,
    /// The latest.
    pub worst: i64,
    /// How many were measured.
    pub timers: usize,
}

/// What the kernel has, in a namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kernel {
    /// IPv6 sockets and addresses.
    pub ipv6: bool,
    /// Congestion controls that the namespace can be given.
    pub namespace_wide: Vec<String>,
    /// Those that a socket can be given all the same.
    pub per_socket: Vec<String>,
    /// Queueing disciplines, of those asked for.
    pub qdiscs: Vec<String>,
    /// `NAME=VALUE`, of those asked for, that it takes.
    pub sysctls: Vec<String>,
    /// Socket options, of those asked for.
    pub options: Vec<String>,
}

/// What to look for besides.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// `NAME`, which has to exist, or `NAME=VALUE`, which has to be taken.
    pub sysctls: Vec<String>,
    /// Congestion controls.
    pub congestion_controls: Vec<String>,
    /// Programs.
    pub programs: Vec<String>,
}

/// Queueing disciplines that scripts have.
const QDISCS: [&str; 2] = ["pfifo", "fq"];
/// Socket options that a kernel may be built without: level is that of TCP.
const OPTIONS: [(&str, i32); 2] = [("TCP_MD5SIG", 14), ("TCP_AO", 38)];
/// Timers that are measured, each of a millisecond.
const TIMERS: usize = 200;

/// Tries everything. To be called while the process has one thread; it may then be in a user namespace.
pub fn host(asked: &Asked) -> Host {
    let read = |path: &str| fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default();
    let capable = netns::has_capabilities();
    let privilege = match capable {
        true => Ok(Privilege::Capabilities),
        false => netns::enter_user_namespace().map(|()| Privilege::UserNamespace),
    };
    let runner = privilege.clone().map(|_| ()).and_then(|()| netns::available());
    let kernel = runner.is_ok().then(|| in_thread(|| kernel(asked))).flatten();
    Host {
        release: read("/proc/sys/kernel/osrelease"),
        machine: std::env::consts::ARCH.to_owned(),
        cores: thread::available_parallelism().map_or(1, usize::from),
        privilege,
        tun: tun(),
        runner,
        realtime: in_thread(priority::raises),
        lateness: in_thread(lateness),
        tick: clock::tick().ok(),
        kernel,
        programs: asked.programs.iter().filter(|name| in_path(name)).cloned().collect(),
    }
}

/// A thread that nothing remains of: it may have changed its namespace or priority.
fn in_thread<T: Send>(act: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(act).join().expect("a probe does not panic"))
}

fn tun() -> Finding {
    let path = "/dev/net/tun";
    match fs::OpenOptions::new().read(true).write(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{path}: {error}")),
    }
}

/// How late the calling thread wakes, with the priority that tests have.
fn lateness() -> Option<Lateness> {
    priority::raise();
    let mut late = Vec::with_capacity(TIMERS);
    for _ in 0..TIMERS {
        let until = clock::monotonic() + 1_000_000;
        let flags = ClockNanosleepFlags::TIMER_ABSTIME;
        clock_nanosleep(ClockId::CLOCK_MONOTONIC, flags, &TimeSpec::nanoseconds(until)).ok()?;
        late.push((clock::monotonic() - until) / 1000);
    }
    late.sort_unstable();
    let at = |permille: usize| late[(late.len() - 1) * permille / 1000];
    Some(Lateness { median: at(500), p99: at(990), worst: at(1000), timers: late.len() })
}

/// Looks at everything from a test of its own.
fn kernel(asked: &Asked) -> Option<Kernel> {
    let mut sut = Linux::new().ok()?;
    let ipv6 = sut.start(&setup(Family::V6)).is_ok();
    sut.start(&setup(Family::V4)).ok()?;
    let mut takes = |line: String| sut.command(&line).is_ok();
    let qdiscs = QDISCS.iter().filter(|kind| takes(format!("tc qdisc replace dev tun0 root {kind}")));
    let qdiscs = qdiscs.map(|kind| (*kind).to_owned()).collect();
    let (mut namespace_wide, mut per_socket) = (Vec::new(), Vec::new());
    for name in &asked.congestion_controls {
        if sysctl::set("net/ipv4/tcp_congestion_control", name).is_ok() {
            namespace_wide.push(name.clone());
        } else if has_option(libc::TCP_CONGESTION, name.as_bytes()) {
            per_socket.push(name.clone());
        }
    }
    let taken = |setting: &&String| match setting.split_once('=') {
        Some((name, value)) => sysctl::set(&name.replace('.', "/"), value).is_ok(),
        None => sysctl::exists(&setting.replace('.', "/")),
    };
    let sysctls = asked.sysctls.iter().filter(taken).cloned().collect();
    let options = OPTIONS.iter().filter(|(_, name)| has_option(*name, &[])).map(|(word, _)| (*word).to_owned());
    Some(Kernel { ipv6, namespace_wide, per_socket, qdiscs, sysctls, options: options.collect() })
}

/// Whether a TCP socket knows an option, and takes this value if it is one.
fn has_option(name: i32, value: &[u8]) -> bool {
    let Ok(fd) = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None) else { return false };
    let set = set_option(fd.as_raw_fd(), libc::IPPROTO_TCP, name, value) == 0;
    set || value.is_empty() && Errno::last() != Errno::ENOPROTOOPT
}

fn setup(family: Family) -> Setup {
    let (local, remote, gateway, prefix) = match family {
        Family::V4 | Family::V4Mapped => ([192, 168, 0, 2].into(), [192, 0, 2, 1].into(), [192, 168, 0, 1].into(), 24),
        Family::V6 => {
            let address = |last| IpAddr::from([0xfd3d, 0xfa7b, 0xd17d, 0, 0, 0, 0, last]);
            (address(2), IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]), address(1), 64)
        }
    };
    Setup {
        family,
        local: (local, prefix),
        remote: (remote, prefix),
        gateway,
        mtu: 1500,
        offload: false,
        train: None,
        seed: 0,
        profile: None,
    }
}

fn in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| is_program(&folder.join(program)))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
