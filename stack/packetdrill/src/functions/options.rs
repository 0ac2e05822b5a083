//! Socket options, `fcntl`, `ioctl`.

use super::shared;
use super::sockets::int;
use super::transfer::TCP_INQ;
use crate::memory::{self, returned};
use crate::shared::{Outcome, Shared};
use crate::tcp_info;
use halfopen_engine::call::SysCall;
use nix::libc::{self, c_int, c_ulong, c_void, socklen_t};

/// `TCP_CC_INFO`
const TCP_CC_INFO: c_int = 26;
/// `SO_MEMINFO`: nine counts, of which the stack has the sizes of the two buffers.
const SO_MEMINFO: c_int = 55;
const MEMINFO_RCVBUF: usize = 1;
const MEMINFO_SNDBUF: usize = 3;
const MEMINFO_COUNTS: usize = 9;

/// # Safety
/// `userdata` is the table's; `value` points to `len` octets.
pub(super) unsafe extern "C" fn setsockopt(
    userdata: *mut c_void,
    live: c_int,
    level: c_int,
    name: c_int,
    value: *const c_void,
    len: socklen_t,
) -> c_int {
    // SAFETY: the caller's promises.
    let (shared, value) = unsafe { (shared(userdata), memory::read(value, len as usize)) };
    returned(value.and_then(|value| {
        let fd = shared.socket(live)?;
        if (level, name) == (libc::IPPROTO_TCP, TCP_INQ) {
            return set_inq(&shared, live, &value);
        }
        int(&shared, &SysCall::SetSockOpt { fd, level, name, value })
    }))
}

/// `TCP_INQ` changes what `recvmsg` hands out, which the stack knows nothing of.
fn set_inq(shared: &Shared, live: c_int, value: &[u8]) -> Outcome<c_int> {
    let on = value.first_chunk().map(|octets| c_int::from_ne_bytes(*octets)).ok_or(libc::EINVAL)?;
    if !(0..=1).contains(&on) {
        return Err(libc::EINVAL);
    }
    shared.with(|world| {
        if let Some(socket) = world.descriptors.socket_mut(live) {
            socket.inq = on == 1;
        }
    });
    Ok(0)
}

/// # Safety
/// `userdata` is the table's; `len` is valid, `value` has room for `*len` octets.
pub(super) unsafe extern "C" fn getsockopt(
    userdata: *mut c_void,
    live: c_int,
    level: c_int,
    name: c_int,
    value: *mut c_void,
    len: *mut socklen_t,
) -> c_int {
    // SAFETY: the caller's promises.
    unsafe { get(&shared(userdata), live, level, name, value, len) }
}

/// # Safety
/// `len` is valid, `value` has room for `*len` octets.
pub(crate) unsafe fn get(
    shared: &Shared,
    live: c_int,
    level: c_int,
    name: c_int,
    value: *mut c_void,
    len: *mut socklen_t,
) -> c_int {
    if len.is_null() {
        return returned(Err(libc::EFAULT));
    }
    // SAFETY: not null, so valid.
    let room = unsafe { len.read() } as usize;
    let outcome = octets(shared, live, level, name, room).and_then(|mut octets| {
        octets.truncate(room);
        // SAFETY: the caller's promises.
        unsafe {
            len.write(octets.len() as socklen_t);
            memory::write(&octets, value, room)
        }
    });
    returned(outcome.map(|()| 0))
}

/// The value of an option as Linux lays it out.
fn octets(shared: &Shared, live: c_int, level: c_int, name: c_int, room: usize) -> Outcome<Vec<u8>> {
    let fd = shared.socket(live)?;
    let read = |level, name, len| shared.call(&SysCall::GetSockOpt { fd, level, name, len }).map(|(_, data)| data);
    match (level, name) {
        (libc::IPPROTO_TCP, libc::TCP_INFO) => Ok(tcp_info::encode(&shared.with(|world| world.tcp_info(fd)))),
        // As on Linux for an algorithm that has nothing to tell.
        (libc::IPPROTO_TCP, TCP_CC_INFO) => Ok(Vec::new()),
        (libc::IPPROTO_TCP, TCP_INQ) => {
            let inq = shared.with(|world| world.descriptors.socket(live))?.inq;
            Ok(c_int::from(inq).to_ne_bytes().to_vec())
        }
        (libc::SOL_SOCKET, SO_MEMINFO) => {
            let mut counts = vec![0; MEMINFO_COUNTS * size_of::<u32>()];
            for (at, option) in [(MEMINFO_RCVBUF, libc::SO_RCVBUF), (MEMINFO_SNDBUF, libc::SO_SNDBUF)] {
                let size = read(libc::SOL_SOCKET, option, size_of::<u32>())?;
                counts[4 * at..4 * at + size.len()].copy_from_slice(&size);
            }
            Ok(counts)
        }
        _ => read(level, name, room),
    }
}

/// # Safety
/// `userdata` is the table's.
pub(super) unsafe extern "C" fn fcntl(userdata: *mut c_void, live: c_int, cmd: c_int, arg: c_ulong) -> c_int {
    // SAFETY: the caller's promise.
    let shared = unsafe { shared(userdata) };
    if !shared.with(|world| world.descriptors.is_ours(live)) {
        // SAFETY: the kernel checks what it is given.
        return unsafe { libc::fcntl(live, cmd, arg) };
    }
    // What a caller with two arguments leaves in the third means nothing.
    let arg = arg as c_int;
    returned(shared.socket(live).and_then(|fd| int(&shared, &SysCall::Fcntl { fd, cmd, arg })))
}

/// # Safety
/// `userdata` is the table's; `value` is valid for the requests that have one.
pub(super) unsafe extern "C" fn ioctl(
    userdata: *mut c_void,
    live: c_int,
    request: c_ulong,
    value: *mut c_int,
) -> c_int {
    // SAFETY: the caller's promise.
    let shared = unsafe { shared(userdata) };
    // SAFETY: the caller's promise; of the requests there are this one sets something.
    let given = if request == libc::FIONBIO { unsafe { value.as_ref() } } else { None };
    let given = given.copied().unwrap_or(0);
    let outcome = shared.socket(live).and_then(|fd| shared.call(&SysCall::Ioctl { fd, request, value: given }));
    returned(outcome.and_then(|(returned, data)| {
        // SAFETY: the caller's promise.
        unsafe { memory::write(&data, value.cast(), size_of::<c_int>()) }?;
        Ok(returned as c_int)
    }))
}
