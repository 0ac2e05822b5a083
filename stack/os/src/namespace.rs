//! In which network namespace this process is: the machine's own is not to be changed by accident.

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::sys::stat::{Mode, fstat, stat};
use std::fs;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

/// Number of the user namespace that every machine begins with, a constant of the kernel.
const FIRST_USER_NAMESPACE: u64 = 0xefff_fffd;
/// `NS_GET_USERNS` of ioctl_ns(2).
const NS_GET_USERNS: libc::c_ulong = 0xb701;
const NET: &str = "/proc/self/ns/net";

/// Whose the network namespace of the calling process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespace {
    /// Process 1 has it too: the machine's, or the container's, own.
    Machine,
    /// One that somebody made: process 1 has another, or an ancestor has, or it belongs to a user namespace that was made.
    Made,
    /// Nothing that may be looked at tells.
    Unknown,
}

/// Looks at the calling process's namespace.
///
/// # Errors
/// Without `/proc`.
pub fn ours() -> Result<Namespace, Errno> {
    let ours = identity(NET)?;
    if let Ok(first) = identity("/proc/1/ns/net") {
        return Ok(if first == ours { Namespace::Machine } else { Namespace::Made });
    }
    let mut process = std::process::id();
    while let Some(parent) = parent_of(process) {
        if identity(&format!("/proc/{parent}/ns/net")).is_ok_and(|theirs| theirs != ours) {
            return Ok(Namespace::Made);
        }
        process = parent;
    }
    let owner = owner()?;
    let made = owner == identity("/proc/self/ns/user")? && owner.1 != FIRST_USER_NAMESPACE;
    Ok(if made { Namespace::Made } else { Namespace::Unknown })
}

fn identity(path: &str) -> Result<(u64, u64), Errno> {
    stat(path).map(|stat| (stat.st_dev, stat.st_ino))
}

fn parent_of(process: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()?;
    (parent != 0).then_some(parent)
}

/// The user namespace that our network namespace belongs to.
fn owner() -> Result<(u64, u64), Errno> {
    let net = open(NET, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    // SAFETY: NS_GET_USERNS takes no argument and returns a new descriptor.
    let fd = Errno::result(unsafe { libc::ioctl(net.as_raw_fd(), NS_GET_USERNS) })?;
    // SAFETY: the call has just made this descriptor for us alone.
    let owner = unsafe { OwnedFd::from_raw_fd(fd) };
    fstat(&owner).map(|stat| (stat.st_dev, stat.st_ino))
}
