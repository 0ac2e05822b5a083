//! Calls that move octets.

use super::shared;
use crate::memory::{self, length, returned};
use crate::shared::{Outcome, Shared};
use halfopen_engine::call::SysCall;
use nix::libc::{self, c_int, c_uint, c_void, cmsghdr, iovec, loff_t, msghdr, size_t, sockaddr, socklen_t, ssize_t};
use std::net::SocketAddr;

/// `TCP_CM_INQ`, the kind of a control message; `TCP_INQ`, the option that asks for it, has the same number.
pub(super) const TCP_INQ: c_int = 36;

/// Octets and the value of the call, which are not the same with `MSG_TRUNC`.
fn receive(shared: &Shared, live: c_int, len: usize, flags: c_int) -> Outcome<(Vec<u8>, ssize_t)> {
    let fd = shared.socket(live)?;
    let (value, data) = shared.call(&SysCall::Receive { fd, len, flags })?;
    Ok((data, length(value)))
}

/// Sends octets, to an address if there is one, which may be of no family that is known. One call that takes less than all of them has found the buffer full.
fn transmit(
    shared: &Shared,
    live: c_int,
    data: Vec<u8>,
    flags: c_int,
    to: Option<Option<SocketAddr>>,
) -> Outcome<ssize_t> {
    let fd = shared.socket(live)?;
    if flags & libc::MSG_FASTOPEN != 0 && to.is_some_and(|to| to.is_none()) {
        // As on Linux for an address that is none.
        return Err(libc::EOPNOTSUPP);
    }
    let to = to.flatten();
    let asked = data.len() as i64;
    let outcome = shared.call(&SysCall::Send { fd, data, flags, to }).map(|(value, _)| value);
    if outcome.map_or_else(|errno| errno == libc::EAGAIN, |sent| sent < asked) {
        shared.with(|world| world.descriptors.epolls_mut().for_each(|epoll| epoll.starved(live)));
    }
    outcome.map(length)
}

/// # Safety
/// `userdata` is the table's; `buffer` is null or has room for `len` octets.
pub(super) unsafe extern "C" fn read(userdata: *mut c_void, live: c_int, buffer: *mut c_void, len: size_t) -> ssize_t {
    // SAFETY: the caller's promises.
    unsafe { recv(userdata, live, buffer, len, 0) }
}

/// # Safety
/// `userdata` is the table's; `vector` points to `count` buffers with room for their lengths.
pub(super) unsafe extern "C" fn readv(
    userdata: *mut c_void,
    live: c_int,
    vector: *const iovec,
    count: c_int,
) -> ssize_t {
    // SAFETY: the caller's promises.
    unsafe {
        let shared = shared(userdata);
        returned(memory::vector(vector, usize::try_from(count).unwrap_or(0)).and_then(|buffers| {
            let (octets, value) = receive(&shared, live, room(&buffers), 0)?;
            memory::scatter(&octets, &buffers).map(|()| value)
        }))
    }
}

/// # Safety
/// `userdata` is the table's; `buffer` is null or has room for `len` octets.
pub(super) unsafe extern "C" fn recv(
    userdata: *mut c_void,
    live: c_int,
    buffer: *mut c_void,
    len: size_t,
    flags: c_int,
) -> ssize_t {
    // SAFETY: the caller's promise.
    let shared = unsafe { shared(userdata) };
    // Nothing is lost when there is nowhere to put it: the kernel finds the fault before it takes octets off the queue.
    let flags_or_peek = if buffer.is_null() { flags | libc::MSG_PEEK } else { flags };
    let outcome = receive(&shared, live, len, flags_or_peek).and_then(|(octets, value)| {
        // SAFETY: the caller's promise.
        unsafe { memory::write(&octets, buffer, len) }.map(|()| value)
    });
    returned(outcome)
}

/// # Safety
/// As [`recv`]; `from` and `from_len` are null, or `from` has room for `*from_len` octets.
pub(super) unsafe extern "C" fn recvfrom(
    userdata: *mut c_void,
    live: c_int,
    buffer: *mut c_void,
    len: size_t,
    flags: c_int,
    _from: *mut sockaddr,
    from_len: *mut socklen_t,
) -> ssize_t {
    // SAFETY: the caller's promises.
    unsafe {
        if !from_len.is_null() {
            // A stream's octets have no address, on Linux either.
            from_len.write(0);
        }
        recv(userdata, live, buffer, len, flags)
    }
}

/// # Safety
/// `userdata` is the table's; `message` is valid, with all that it points to.
pub(super) unsafe extern "C" fn recvmsg(
    userdata: *mut c_void,
    live: c_int,
    message: *mut msghdr,
    flags: c_int,
) -> ssize_t {
    // SAFETY: the caller's promises.
    unsafe {
        let shared = shared(userdata);
        let Some(message) = message.as_mut() else { return returned(Err(libc::EFAULT)) };
        returned(memory::vector(message.msg_iov, message.msg_iovlen).and_then(|buffers| {
            let (octets, value) = receive(&shared, live, room(&buffers), flags)?;
            memory::scatter(&octets, &buffers)?;
            message.msg_namelen = 0;
            message.msg_flags = 0;
            let inq = shared.with(|world| world.descriptors.socket(live)).is_ok_and(|socket| socket.inq);
            if inq && !message.msg_control.is_null() {
                let left = inq_of(&shared, live)?;
                control(message, left);
            } else {
                message.msg_controllen = 0;
            }
            Ok(value)
        }))
    }
}

/// Octets left to read, the end of the stream counting as one.
fn inq_of(shared: &Shared, live: c_int) -> Outcome<c_int> {
    let fd = shared.socket(live)?;
    let (_, data) = shared.call(&SysCall::Ioctl { fd, request: libc::FIONREAD, value: 0 })?;
    let left = data.first_chunk().map_or(0, |octets| c_int::from_ne_bytes(*octets));
    let ended = || shared.with(|world| world.seen(live)).ready & libc::POLLRDHUP as u32 != 0;
    Ok(if left == 0 && ended() { 1 } else { left })
}

/// Puts the one control message there is, or says that it did not fit.
///
/// # Safety
/// `msg_control` has room for `msg_controllen` octets.
unsafe fn control(message: &mut msghdr, left: c_int) {
    let data = size_of::<c_int>() as c_uint;
    // SAFETY: pure arithmetic.
    let (space, len) = unsafe { (libc::CMSG_SPACE(data) as usize, libc::CMSG_LEN(data) as usize) };
    if message.msg_controllen < space {
        message.msg_flags |= libc::MSG_CTRUNC;
        message.msg_controllen = 0;
        return;
    }
    message.msg_controllen = space;
    // SAFETY: there is room for a header and an int.
    unsafe {
        let header: *mut cmsghdr = libc::CMSG_FIRSTHDR(message);
        (*header).cmsg_len = len;
        (*header).cmsg_level = libc::IPPROTO_TCP;
        (*header).cmsg_type = TCP_INQ;
        libc::CMSG_DATA(header).cast::<c_int>().write_unaligned(left);
    }
}

/// # Safety
/// `userdata` is the table's; `buffer` is null or points to `len` octets.
pub(super) unsafe extern "C" fn write(
    userdata: *mut c_void,
    live: c_int,
    buffer: *const c_void,
    len: size_t,
) -> ssize_t {
    // SAFETY: the caller's promises.
    unsafe { send(userdata, live, buffer, len, 0) }
}

/// # Safety
/// `userdata` is the table's; `vector` points to `count` valid buffers.
pub(super) unsafe extern "C" fn writev(
    userdata: *mut c_void,
    live: c_int,
    vector: *const iovec,
    count: c_int,
) -> ssize_t {
    // SAFETY: the caller's promises.
    unsafe {
        let shared = shared(userdata);
        let octets =
            memory::vector(vector, usize::try_from(count).unwrap_or(0)).and_then(|buffers| memory::gather(&buffers));
        returned(octets.and_then(|octets| transmit(&shared, live, octets, 0, None)))
    }
}

/// # Safety
/// `userdata` is the table's; `buffer` is null or points to `len` octets.
pub(super) unsafe extern "C" fn send(
    userdata: *mut c_void,
    live: c_int,
    buffer: *const c_void,
    len: size_t,
    flags: c_int,
) -> ssize_t {
    // SAFETY: the caller's promises.
    unsafe { sendto(userdata, live, buffer, len, flags, std::ptr::null(), 0) }
}

/// # Safety
/// As [`send`]; `to` is null or points to `to_len` octets.
pub(super) unsafe extern "C" fn sendto(
    userdata: *mut c_void,
    live: c_int,
    buffer: *const c_void,
    len: size_t,
    flags: c_int,
    to: *const sockaddr,
    to_len: socklen_t,
) -> ssize_t {
    // SAFETY: the caller's promises.
    unsafe {
        let shared = shared(userdata);
        let octets = memory::read(buffer, len);
        let to = memory::read_address(to, to_len);
        returned(octets.and_then(|octets| transmit(&shared, live, octets, flags, to?)))
    }
}

/// # Safety
/// `userdata` is the table's; `message` is valid, with all that it points to.
pub(super) unsafe extern "C" fn sendmsg(
    userdata: *mut c_void,
    live: c_int,
    message: *const msghdr,
    flags: c_int,
) -> ssize_t {
    // SAFETY: the caller's promises.
    unsafe {
        let shared = shared(userdata);
        let Some(message) = message.as_ref() else { return returned(Err(libc::EFAULT)) };
        let octets = memory::vector(message.msg_iov, message.msg_iovlen).and_then(|buffers| memory::gather(&buffers));
        let to = memory::read_address(message.msg_name.cast(), message.msg_namelen);
        returned(octets.and_then(|octets| transmit(&shared, live, octets, flags, to?)))
    }
}

fn room(buffers: &[iovec]) -> usize {
    buffers.iter().map(|buffer| buffer.iov_len).sum()
}

/// A pipe is the kernel's.
///
/// # Safety
/// `ends` has room for two ints.
pub(super) unsafe extern "C" fn pipe(_userdata: *mut c_void, ends: *mut c_int) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { libc::pipe(ends) }
}

/// Between the kernel's pipes and the stack's sockets nothing is spliced.
///
/// # Safety
/// None is needed: nothing is read or written.
pub(super) unsafe extern "C" fn splice(
    _userdata: *mut c_void,
    _from: c_int,
    _from_at: *mut loff_t,
    _to: c_int,
    _to_at: *mut loff_t,
    _len: size_t,
    _flags: c_uint,
) -> ssize_t {
    eprintln!("halfopen: unsupported: splice");
    returned(Err(libc::ENOSYS))
}
