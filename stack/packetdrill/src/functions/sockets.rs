//! Calls that make and unmake connections.

use super::shared;
use crate::descriptors::{Object, Socket};
use crate::memory::{self, returned};
use crate::preload;
use crate::shared::{Outcome, Shared};
use halfopen_engine::call::SysCall;
use nix::libc::{self, c_int, c_void, sockaddr, socklen_t};
use std::net::SocketAddr;
use std::sync::Arc;

/// Makes a call whose value is an int.
pub(super) fn int(shared: &Shared, call: &SysCall) -> Outcome<c_int> {
    shared.call(call).map(|(value, _)| c_int::try_from(value).unwrap_or(c_int::MAX))
}

/// Makes a call that yields a socket.
fn opened(shared: &Arc<Shared>, call: &SysCall) -> Outcome<c_int> {
    let fd = int(shared, call)?;
    shared.open(Object::Socket(Socket { fd, inq: false }))
}

/// # Safety
/// `userdata` is the table's.
pub(super) unsafe extern "C" fn socket(userdata: *mut c_void, domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    // SAFETY: the caller's promise.
    let shared = unsafe { shared(userdata) };
    returned(opened(&shared, &SysCall::Socket { domain, kind, protocol }))
}

/// An address that a call needs.
fn needed(address: Outcome<Option<Option<SocketAddr>>>) -> Outcome<SocketAddr> {
    address?.flatten().ok_or(libc::EAFNOSUPPORT)
}

/// # Safety
/// `userdata` is the table's; `address` points to `len` octets.
pub(super) unsafe extern "C" fn bind(
    userdata: *mut c_void,
    live: c_int,
    address: *const sockaddr,
    len: socklen_t,
) -> c_int {
    // SAFETY: the caller's promises.
    let (shared, address) = unsafe { (shared(userdata), memory::read_address(address, len)) };
    let outcome = shared.socket(live).and_then(|fd| int(&shared, &SysCall::Bind { fd, addr: needed(address)? }));
    returned(outcome)
}

/// # Safety
/// `userdata` is the table's.
pub(super) unsafe extern "C" fn listen(userdata: *mut c_void, live: c_int, backlog: c_int) -> c_int {
    // SAFETY: the caller's promise.
    let shared = unsafe { shared(userdata) };
    returned(shared.socket(live).and_then(|fd| int(&shared, &SysCall::Listen { fd, backlog })))
}

/// # Safety
/// `userdata` is the table's; `address` and `len` are null, or `address` has room for `*len` octets.
pub(super) unsafe extern "C" fn accept(
    userdata: *mut c_void,
    live: c_int,
    address: *mut sockaddr,
    len: *mut socklen_t,
) -> c_int {
    // SAFETY: the caller's promise.
    let shared = unsafe { shared(userdata) };
    let outcome = shared.socket(live).and_then(|fd| opened(&shared, &SysCall::Accept { fd }));
    if let Ok(live) = outcome
        && let Some(peer) = shared.with(|world| world.peer(live))
    {
        // SAFETY: the caller's promise. There is nothing to fault: null means that nobody asks.
        let _ = unsafe { memory::write_address(peer, address, len) };
    }
    returned(outcome)
}

/// # Safety
/// `userdata` is the table's; `address` points to `len` octets.
pub(super) unsafe extern "C" fn connect(
    userdata: *mut c_void,
    live: c_int,
    address: *const sockaddr,
    len: socklen_t,
) -> c_int {
    // SAFETY: the caller's promises.
    let (shared, address) = unsafe { (shared(userdata), memory::read_address(address, len)) };
    let outcome = shared.socket(live).and_then(|fd| int(&shared, &SysCall::Connect { fd, addr: needed(address)? }));
    returned(outcome)
}

/// # Safety
/// `userdata` is the table's.
pub(super) unsafe extern "C" fn shutdown(userdata: *mut c_void, live: c_int, how: c_int) -> c_int {
    // SAFETY: the caller's promise.
    let shared = unsafe { shared(userdata) };
    returned(shared.socket(live).and_then(|fd| int(&shared, &SysCall::Shutdown { fd, how })))
}

/// Closes the stack's socket and the descriptor that stands for it; a descriptor of another kind is the kernel's.
///
/// # Safety
/// `userdata` is the table's.
pub(super) unsafe extern "C" fn close(userdata: *mut c_void, live: c_int) -> c_int {
    // SAFETY: the caller's promise.
    let shared = unsafe { shared(userdata) };
    let removed = shared.with(|world| {
        world.descriptors.epolls_mut().for_each(|epoll| epoll.forget(live));
        world.descriptors.remove(live)
    });
    preload::forget(live);
    let outcome = match removed {
        Some(Object::Socket(socket)) => {
            let closed = int(&shared, &SysCall::Close { fd: socket.fd });
            memory::close(live).and(closed)
        }
        Some(Object::Epoll(_)) | None => memory::close(live),
    };
    returned(outcome)
}
