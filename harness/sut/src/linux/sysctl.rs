//! Kernel parameters of the calling thread's network namespace, written without a program; and their baseline.

use super::environment;
use halfopen_engine::sut::SutError;
use halfopen_script::test::Family;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{close, write as write_octets};

/// The congestion control that every test begins with: that of a kernel as released, not the host's choice.
pub(super) const CONGESTION_CONTROL: &str = "cubic";

/// Sets one parameter, named by its path below `/proc/sys`.
///
/// # Errors
/// `Unsupported`, with the name, when it does not exist, is not one of the namespace, or refuses the value.
#[expect(clippy::wildcard_enum_match_arm, reason = "errnos are an open set")]
pub(super) fn write(path: &str, value: &str) -> Result<(), SutError> {
    let name = || path.replace('/', ".");
    set(path, value).map_err(|errno| match errno {
        // Also what the kernel says of a value that names something it does not have.
        Errno::ENOENT if !exists(path) => SutError::Unsupported(format!("this kernel has no sysctl {}", name())),
        Errno::EROFS => environment(&format!("sysctl {}", name()), errno),
        _ => SutError::Unsupported(format!("this kernel refuses sysctl {}={value} ({errno})", name())),
    })
}

/// Whether it can be written at all; what is outside `net` belongs to the whole host.
fn file(path: &str) -> Result<String, Errno> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if !path.starts_with("net/") || path.contains("..") || !path.chars().all(plain) {
        return Err(Errno::EXDEV);
    }
    Ok(format!("/proc/sys/{path}"))
}

/// Whether this namespace has the parameter.
pub(super) fn exists(path: &str) -> bool {
    file(path).is_ok_and(|file| std::fs::exists(file).unwrap_or(false))
}

/// Sets one parameter; the kernel's own refusal comes back.
pub(super) fn set(path: &str, value: &str) -> Result<(), Errno> {
    let fd = open(file(path)?.as_str(), OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    let written = write_octets(&fd, value.as_bytes());
    close(fd)?;
    match written? {
        length if length == value.len() => Ok(()),
        _ => Err(Errno::EIO),
    }
}

/// Gives a fresh namespace its baseline. Returns whether the congestion control could be set for the namespace; if not, it has
/// to be set on each socket.
pub(super) fn baseline(family: Family, kernel: (u32, u32)) -> Result<bool, SutError> {
    write("net/ipv4/tcp_no_metrics_save", "1")?;
    write("net/ipv4/tcp_rmem", &format!("4096 131072 {}", rmem_max(kernel)))?;
    write("net/ipv4/tcp_wmem", "4096 16384 4194304")?;
    match family {
        // A kernel without IPv6 has nothing to switch off.
        Family::V4 | Family::V4Mapped => match set("net/ipv6/conf/default/disable_ipv6", "1") {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(errno) => return Err(environment("sysctl net.ipv6.conf.default.disable_ipv6", errno)),
        },
        Family::V6 => write("net/ipv6/conf/default/addr_gen_mode", "1")?,
    }
    Ok(set("net/ipv4/tcp_congestion_control", CONGESTION_CONTROL).is_ok())
}

/// Largest receive buffer of a kernel as released, on a host with memory enough; it decides the window scale of a SYN.
fn rmem_max(kernel: (u32, u32)) -> u32 {
    if kernel >= (6, 16) { 32 << 20 } else { 6 << 20 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("net/ipv4/tcp_ecn", Ok("/proc/sys/net/ipv4/tcp_ecn"))]
    #[case("net/ipv4/conf/a.b/rp_filter", Ok("/proc/sys/net/ipv4/conf/a.b/rp_filter"))]
    #[case("kernel/panic", Err(Errno::EXDEV))]
    #[case("net/../kernel/panic", Err(Errno::EXDEV))]
    #[case("net/ipv4/tcp_ecn\0", Err(Errno::EXDEV))]
    fn names_outside_the_namespace_are_refused(#[case] path: &str, #[case] expected: Result<&str, Errno>) {
        assert_eq!(file(path).as_deref().map_err(|e| *e), expected);
    }
}
