//! Network namespaces of the calling thread, and what this host permits.

use super::environment;
use super::sysctl;
use halfopen_engine::sut::SutError;
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::stat;
use nix::unistd::{getegid, geteuid};
use std::fs;
use std::sync::OnceLock;

/// Device and inode of a namespace: its identity.
pub(super) type Identity = (u64, u64);

const THREAD: &str = "/proc/thread-self/ns/net";

/// The namespace that the process was in when this was first asked: the host's, which is never changed.
fn host() -> Result<Identity, SutError> {
    static HOST: OnceLock<Identity> = OnceLock::new();
    if let Some(identity) = HOST.get() {
        return Ok(*identity);
    }
    let identity = identity("/proc/self/ns/net")?;
    Ok(*HOST.get_or_init(|| identity))
}

fn identity(path: &str) -> Result<Identity, SutError> {
    let stat = stat(path).map_err(|errno| environment(path, errno))?;
    Ok((stat.st_dev, stat.st_ino))
}

/// Remembers which namespace is the host's. To be called before the first [`enter`].
pub(super) fn remember_host() -> Result<(), SutError> {
    host().map(|_| ())
}

/// Moves the calling thread into a new network namespace; the one it was in is left to its other users, if there are any.
pub(super) fn enter() -> Result<Identity, SutError> {
    let host = host()?;
    let before = identity(THREAD)?;
    unshare(CloneFlags::CLONE_NEWNET).map_err(|errno| SutError::Environment(refused(errno)))?;
    let after = identity(THREAD)?;
    assert!(after != before && after != host, "the thread is still in namespace {before:?} after unshare");
    Ok(after)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "errnos are an open set")]
fn refused(errno: Errno) -> String {
    let hint = match errno {
        Errno::EPERM => {
            "it needs CAP_SYS_ADMIN: run as root, or permit user namespaces (user.max_user_namespaces, \
             kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns; in a container also its seccomp \
             profile)"
        }
        Errno::ENOSPC => "the limit user.max_net_namespaces is reached",
        Errno::ENOMEM => "the host has too little memory",
        _ => "the kernel may lack CONFIG_NET_NS",
    };
    format!("making a network namespace is refused ({errno}): {hint}")
}

/// Whether this host can run the kernel as a SUT: makes a namespace with a TUN device, on a thread of its own, and drops it.
///
/// # Errors
/// One plain sentence about what is missing.
pub fn available() -> Result<(), String> {
    let probe = || -> Result<(), SutError> {
        remember_host()?;
        enter()?;
        sysctl::write("net/ipv4/ip_forward", "0")?;
        super::device::Tun::create(false, None).map(drop)
    };
    std::thread::scope(|scope| scope.spawn(probe).join().expect("the probe does not panic")).map_err(|error| {
        let error = error.to_string();
        let hint = if !fs::exists("/dev/net/tun").unwrap_or(false) {
            "; there is no /dev/net/tun: load the module `tun`, in a container give it the device"
        } else if error.starts_with("/dev/net/tun") {
            "; /dev/net/tun must be readable and writable for this user"
        } else if error.contains("EROFS") {
            "; /proc/sys must be writable, in a container run it privileged"
        } else {
            ""
        };
        error + hint
    })
}

/// Makes the process root of a user namespace of its own unless it may make network namespaces already.
///
/// The kernel permits this to a process with a single thread only: to be called first thing in `main`.
///
/// # Errors
/// One plain sentence about what the host refuses.
#[expect(clippy::wildcard_enum_match_arm, reason = "errnos are an open set")]
pub fn enter_user_namespace() -> Result<(), String> {
    if has_capabilities() {
        return Ok(());
    }
    let (user, group) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER).map_err(|errno| match errno {
        Errno::EINVAL => "a user namespace can be entered only while the process has one thread".to_owned(),
        Errno::EPERM | Errno::ENOSPC => format!(
            "making a user namespace is refused ({errno}): see the sysctls user.max_user_namespaces, \
             kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns, or run as root"
        ),
        _ => format!("making a user namespace is refused ({errno})"),
    })?;
    let write = |path: &str, text: String| fs::write(path, text).map_err(|error| format!("{path}: {error}"));
    write("/proc/self/setgroups", "deny".to_owned())?;
    write("/proc/self/uid_map", format!("0 {user} 1"))?;
    write("/proc/self/gid_map", format!("0 {group} 1"))
}

/// CAP_SYS_ADMIN for the namespace, CAP_NET_ADMIN for what is in it.
pub(super) fn has_capabilities() -> bool {
    const NEEDED: u64 = 1 << 21 | 1 << 12;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).is_some_and(|set| set & NEEDED == NEEDED)
}
