//! Files, pipes, epoll instances and capabilities of a test.

use halfopen_engine::call::{Reply, SysCall};
use halfopen_engine::sut::SutError;
use nix::errno::Errno;
use nix::libc::{self, c_int};
use std::ffi::CString;
use std::os::unix::fs::FileTypeExt as _;

/// Opens only to read: a script writes nothing on the host through the harness.
pub(super) fn check_open(path: &str, flags: c_int) -> Result<(), SutError> {
    if flags & (libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | libc::O_TMPFILE) != libc::O_RDONLY {
        return Err(SutError::Unsupported(format!("open(\"{path}\") other than to read")));
    }
    if std::fs::metadata(path).is_ok_and(|file| file.file_type().is_fifo()) {
        return Err(SutError::Unsupported(format!("open(\"{path}\"), a named pipe")));
    }
    Ok(())
}

pub(super) fn open(path: &str, flags: c_int) -> Reply {
    let Ok(path) = CString::new(path) else { return Reply::errno(libc::ENOENT) };
    // SAFETY: `path` is a string that ends with a zero.
    returned(unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC) }.into())
}

pub(super) fn pipe() -> Reply {
    let mut ends: [c_int; 2] = [0; 2];
    // SAFETY: there is room for two descriptors.
    let result = unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) };
    if result < 0 {
        return Reply::errno(Errno::last_raw());
    }
    Reply::Done { value: 0, errno: 0, data: ends.iter().flat_map(|end| end.to_ne_bytes()).collect() }
}

pub(super) fn splice(call: &SysCall) -> Reply {
    let SysCall::Splice { from, from_offset, to, to_offset, len, flags } = call else {
        unreachable!("the caller looked")
    };
    let (mut from_offset, mut to_offset) = (*from_offset, *to_offset);
    let pointer = |offset: &mut Option<i64>| offset.as_mut().map_or(std::ptr::null_mut(), std::ptr::from_mut);
    let (here, there) = (pointer(&mut from_offset), pointer(&mut to_offset));
    // SAFETY: each offset is null or leads to a `loff_t` that lives until the call returns.
    returned(unsafe { libc::splice(*from, here, *to, there, *len, *flags) } as i64)
}

/// `sendfile`, with the octets that it moves.
pub(super) fn send_file(to: c_int, from: c_int, offset: Option<i64>, len: usize) -> Reply {
    // SAFETY: takes numbers only; what has no position has none to start from.
    let at = offset.unwrap_or_else(|| unsafe { libc::lseek(from, 0, libc::SEEK_CUR) }.max(0));
    let mut data = vec![0u8; len];
    // SAFETY: `data` has `len` octets.
    let there = unsafe { libc::pread(from, data.as_mut_ptr().cast(), len, at) };
    data.truncate(there.max(0).cast_unsigned());
    let mut position = at;
    let pointer = if offset.is_some() { &raw mut position } else { std::ptr::null_mut() };
    // SAFETY: the offset is null or leads to an `off_t` that lives until the call returns.
    let moved = unsafe { libc::sendfile(to, from, pointer, len) };
    if moved < 0 {
        return Reply::errno(Errno::last_raw());
    }
    data.truncate(moved.cast_unsigned());
    Reply::Done { value: moved as i64, errno: 0, data }
}

pub(super) fn epoll_create(size: c_int) -> Reply {
    if size <= 0 {
        // What the kernel says to `epoll_create`, which cannot close on exec.
        return Reply::errno(libc::EINVAL);
    }
    // SAFETY: takes numbers only.
    returned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }.into())
}

pub(super) fn epoll_control(fd: c_int, op: c_int, target: c_int, event: Option<(u32, u64)>) -> Reply {
    let mut event = event.map(|(events, u64)| libc::epoll_event { events, u64 });
    let pointer = event.as_mut().map_or(std::ptr::null_mut(), std::ptr::from_mut);
    // SAFETY: the event is null or lives until the call returns.
    returned(unsafe { libc::epoll_ctl(fd, op, target, pointer) }.into())
}

pub(super) fn epoll_wait(fd: c_int, most: c_int, timeout_ms: c_int) -> Reply {
    // The kernel refuses what is not positive before it looks at the room.
    let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; usize::try_from(most).unwrap_or(0).min(MOST)];
    let most = most.min(MOST as c_int);
    // SAFETY: there is room for as many events as stated.
    let count = unsafe { libc::epoll_wait(fd, events.as_mut_ptr(), most, timeout_ms) };
    if count < 0 {
        return Reply::errno(Errno::last_raw());
    }
    events.truncate(count.cast_unsigned() as usize);
    let octets = |event: &libc::epoll_event| {
        let (bits, data) = (event.events, event.u64);
        [&bits.to_ne_bytes()[..], &data.to_ne_bytes()].concat()
    };
    Reply::Done { value: count.into(), errno: 0, data: events.iter().flat_map(octets).collect() }
}

/// More events than any test has descriptors.
const MOST: usize = 4096;

/// The capabilities of a thread: effective, permitted and inheritable, the lower 32 and the upper 32.
pub(super) type Capabilities = [[u32; 3]; 2];

#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: c_int,
}

/// `_LINUX_CAPABILITY_VERSION_3`.
const CAPABILITY_VERSION: u32 = 0x2008_0522;

pub(super) fn capabilities() -> Capabilities {
    let mut header = CapabilityHeader { version: CAPABILITY_VERSION, pid: 0 };
    let mut sets: Capabilities = [[0; 3]; 2];
    // SAFETY: version 3 writes two structures of three words each, for which there is room.
    unsafe { libc::syscall(libc::SYS_capget, &raw mut header, sets.as_mut_ptr()) };
    sets
}

pub(super) fn set_capabilities(sets: &Capabilities) -> Reply {
    let mut header = CapabilityHeader { version: CAPABILITY_VERSION, pid: 0 };
    // SAFETY: version 3 reads two structures of three words each.
    returned(unsafe { libc::syscall(libc::SYS_capset, &raw mut header, sets.as_ptr()) })
}

/// Only what can be taken back: a permitted capability that is gone is gone from the thread, and with it from the next test.
pub(super) fn check_capability(set: c_int, capability: c_int) -> Result<(), SutError> {
    match set {
        0 | 2 if (0..64).contains(&capability) => Ok(()),
        1 => Err(SutError::Unsupported("CAP_PERMITTED, which a thread cannot get back".to_owned())),
        _ => Err(SutError::Unsupported(format!("capability {capability} of set {set}"))),
    }
}

pub(super) fn cap_set(set: c_int, capability: c_int, on: bool) -> Reply {
    let mut sets = capabilities();
    let (word, bit) = (capability as usize / 32, 1u32 << (capability % 32));
    let place = &mut sets[word][set as usize];
    *place = if on { *place | bit } else { *place & !bit };
    set_capabilities(&sets)
}

fn returned(value: i64) -> Reply {
    if value < 0 { Reply::errno(Errno::last_raw()) } else { Reply::value(value) }
}
