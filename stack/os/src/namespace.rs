//! In which network namespace this process is: the machine's own is not to be changed by accident.

use nix::errno::Errno;
use nix::sys::stat::stat;

/// Whose the network namespace of the calling process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespace {
    /// Process 1 has it too: the machine's, or the container's, own.
    Machine,
    /// One that somebody made.
    Made,
    /// Process 1 may not be looked at.
    Unknown,
}

/// Looks at the calling process's namespace.
///
/// # Errors
/// Without `/proc`.
pub fn ours() -> Result<Namespace, Errno> {
    let ours = stat("/proc/self/ns/net")?;
    Ok(match stat("/proc/1/ns/net") {
        Ok(first) if (first.st_dev, first.st_ino) == (ours.st_dev, ours.st_ino) => Namespace::Machine,
        Ok(_) => Namespace::Made,
        Err(_) => Namespace::Unknown,
    })
}
