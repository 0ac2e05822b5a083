//! `getsockopt`, `system` and `socket` for a process into which this object is preloaded.
//!
//! packetdrill reads `TCP_INFO` for its `%{ }%` blocks with libc's `getsockopt`, not through the table. Preloaded
//! (`LD_PRELOAD`), this one goes before libc's: descriptors of the stack are answered by the stack, all others by the kernel.
//! So does `system`, through which scripts' commands run: `ip tcp_metrics flush` is for the stack too.
//!
//! `socket` is for packetdrill on the kernel: with `HALFOPEN_TCP_CONGESTION=cubic` in the environment each TCP socket gets that congestion
//! control, which many kernels refuse to a network namespace and give to a socket.

use crate::functions;
use crate::shared::Shared;
use nix::libc::{self, c_int, c_void, socklen_t};
use std::collections::BTreeMap;
use std::ffi::{CStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// All stacks.
static STACKS: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());

/// Who has a live descriptor.
static OWNERS: Mutex<BTreeMap<c_int, Arc<Shared>>> = Mutex::new(BTreeMap::new());

/// A stack is there.
pub(crate) fn add(stack: &Arc<Shared>) {
    STACKS.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(stack));
}

pub(crate) fn register(live: c_int, owner: &Arc<Shared>) {
    OWNERS.lock().unwrap_or_else(PoisonError::into_inner).insert(live, Arc::clone(owner));
}

pub(crate) fn forget(live: c_int) {
    OWNERS.lock().unwrap_or_else(PoisonError::into_inner).remove(&live);
}

/// Forgets all descriptors of one owner.
pub(crate) fn forget_all(owner: &Arc<Shared>) {
    OWNERS.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, shared| !Arc::ptr_eq(shared, owner));
}

/// As libc's.
///
/// # Safety
/// As for libc's: `value` has room for `*len` octets.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn getsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *mut c_void,
    len: *mut socklen_t,
) -> c_int {
    let owner = OWNERS.lock().unwrap_or_else(PoisonError::into_inner).get(&fd).cloned();
    match owner {
        // SAFETY: the caller's promise is handed on.
        Some(shared) => unsafe { functions::options::get(&shared, fd, level, name, value, len) },
        // SAFETY: the kernel checks the pointers.
        None => unsafe { libc::syscall(libc::SYS_getsockopt, fd, level, name, value, len) as c_int },
    }
}

/// As libc's: runs a command in a shell and yields its status, or -1 when there is no shell. Signals to the process count for it too
/// meanwhile.
///
/// # Safety
/// As for libc's: `line` is null or a C string.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn system(line: *const c_char) -> c_int {
    if line.is_null() {
        return 1;
    }
    // SAFETY: the caller's promise.
    let line = unsafe { CStr::from_ptr(line) };
    // What the shell starts has no use for this object.
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(std::ffi::OsStr::from_bytes(line.to_bytes())).env_remove("LD_PRELOAD");
    let status = shell.status();
    for shared in stacks() {
        shared.with(|world| world.command(&line.to_string_lossy()));
    }
    status.map_or(-1, |status| status.into_raw())
}

/// As libc's.
///
/// # Safety
/// As for libc's: none.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    // SAFETY: numbers only.
    let fd = unsafe { libc::syscall(libc::SYS_socket, domain, kind, protocol) as c_int };
    let stream = kind & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) == libc::SOCK_STREAM;
    if fd >= 0
        && stream
        && matches!(domain, libc::AF_INET | libc::AF_INET6)
        && let Some(name) = std::env::var_os("HALFOPEN_TCP_CONGESTION")
    {
        let (octets, len) = (name.as_bytes().as_ptr().cast(), name.len() as socklen_t);
        // SAFETY: the octets live until the call returns. A kernel without it leaves the socket as it was.
        unsafe { libc::setsockopt(fd, libc::IPPROTO_TCP, libc::TCP_CONGESTION, octets, len) };
    }
    fd
}

/// Each stack.
fn stacks() -> Vec<Arc<Shared>> {
    STACKS.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade).collect()
}
