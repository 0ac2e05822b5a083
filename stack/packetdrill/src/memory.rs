//! Reading and writing what a C program points to, and the few calls of libc that nix does not wrap as they are needed here.

use crate::address;
use nix::errno::Errno;
use nix::libc::{self, c_int, c_void, iovec, sockaddr, socklen_t, ssize_t};
use std::net::SocketAddr;

/// Returns as C does: the value, or -1 and `errno`.
pub(crate) fn returned<T: From<i8>>(outcome: Result<T, i32>) -> T {
    outcome.unwrap_or_else(|errno| {
        Errno::from_raw(errno).set();
        T::from(-1)
    })
}

/// A length as calls return it.
pub(crate) fn length(octets: i64) -> ssize_t {
    ssize_t::try_from(octets).unwrap_or(ssize_t::MAX)
}

/// Copies octets in. A null pointer with a length is `EFAULT`, as the kernel has it.
///
/// # Safety
/// `from` is null or points to `len` octets.
pub(crate) unsafe fn read(from: *const c_void, len: usize) -> Result<Vec<u8>, i32> {
    if len == 0 {
        return Ok(Vec::new());
    }
    if from.is_null() {
        return Err(libc::EFAULT);
    }
    // SAFETY: not null, so `len` octets, as the caller promises.
    Ok(unsafe { std::slice::from_raw_parts(from.cast::<u8>(), len) }.to_vec())
}

/// Copies octets out, as many as there is room for.
///
/// # Safety
/// `to` is null or points to room for `room` octets.
pub(crate) unsafe fn write(octets: &[u8], to: *mut c_void, room: usize) -> Result<(), i32> {
    let len = octets.len().min(room);
    if len == 0 {
        return Ok(());
    }
    if to.is_null() {
        return Err(libc::EFAULT);
    }
    // SAFETY: not null, so room for `room` octets, as the caller promises; the octets are this crate's own.
    unsafe { std::ptr::copy_nonoverlapping(octets.as_ptr(), to.cast::<u8>(), len) };
    Ok(())
}

/// Reads an address: `None` for null, `Some(None)` for one that is of neither family.
///
/// # Safety
/// `from` is null or points to `len` octets.
pub(crate) unsafe fn read_address(from: *const sockaddr, len: socklen_t) -> Result<Option<Option<SocketAddr>>, i32> {
    if from.is_null() {
        return Ok(None);
    }
    // SAFETY: handed on. No address is longer.
    let octets = unsafe { read(from.cast(), (len as usize).min(address::LARGEST)) }?;
    Ok(Some(address::read(&octets)))
}

/// Writes an address and its length, where somebody wants them.
///
/// # Safety
/// `len` is null or valid; `to` is null or has room for `*len` octets.
pub(crate) unsafe fn write_address(address: SocketAddr, to: *mut sockaddr, len: *mut socklen_t) -> Result<(), i32> {
    if to.is_null() || len.is_null() {
        return Ok(());
    }
    let octets = address::write(address);
    // SAFETY: not null, so valid, as the caller promises.
    let room = unsafe { len.replace(octets.len() as socklen_t) } as usize;
    // SAFETY: handed on.
    unsafe { write(&octets, to.cast(), room) }
}

/// The buffers of a vector of them.
///
/// # Safety
/// `from` is null or points to `count` entries.
pub(crate) unsafe fn vector(from: *const iovec, count: usize) -> Result<Vec<iovec>, i32> {
    if count == 0 {
        return Ok(Vec::new());
    }
    if from.is_null() {
        return Err(libc::EFAULT);
    }
    // SAFETY: not null, so `count` entries, as the caller promises.
    Ok(unsafe { std::slice::from_raw_parts(from, count) }.to_vec())
}

/// Gathers the octets of all buffers.
///
/// # Safety
/// Each buffer is valid for its length.
pub(crate) unsafe fn gather(buffers: &[iovec]) -> Result<Vec<u8>, i32> {
    let mut octets = Vec::new();
    for buffer in buffers {
        // SAFETY: handed on.
        octets.extend(unsafe { read(buffer.iov_base, buffer.iov_len) }?);
    }
    Ok(octets)
}

/// Fills the buffers in turn.
///
/// # Safety
/// Each buffer has room for its length.
pub(crate) unsafe fn scatter(mut octets: &[u8], buffers: &[iovec]) -> Result<(), i32> {
    for buffer in buffers {
        let (head, rest) = octets.split_at(octets.len().min(buffer.iov_len));
        // SAFETY: handed on.
        unsafe { write(head, buffer.iov_base, buffer.iov_len) }?;
        octets = rest;
    }
    Ok(())
}

/// Opens a descriptor that stands for something else.
pub(crate) fn eventfd() -> Result<c_int, i32> {
    // SAFETY: no pointers.
    check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) })
}

/// Closes a descriptor of the process.
pub(crate) fn close(live: c_int) -> Result<c_int, i32> {
    // SAFETY: no pointers, and the caller has the descriptor.
    check(unsafe { libc::close(live) })
}

/// What libc returned, with its errno.
pub(crate) fn check(value: c_int) -> Result<c_int, i32> {
    if value == -1 { Err(Errno::last_raw()) } else { Ok(value) }
}
