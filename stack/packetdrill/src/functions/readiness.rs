//! `poll` and `epoll`.

use super::shared;
use crate::descriptors::Object;
use crate::memory::returned;
use crate::shared::{Outcome, Shared};
use halfopen_engine::call::SysCall;
use halfopen_sut::epoll::{Epoll, Seen};
use nix::libc::{self, c_int, c_short, c_void, epoll_event, nfds_t, pollfd};

/// # Safety
/// `userdata` is the table's; `fds` points to `count` entries.
pub(super) unsafe extern "C" fn poll(userdata: *mut c_void, fds: *mut pollfd, count: nfds_t, timeout: c_int) -> c_int {
    // SAFETY: the caller's promise.
    let shared = unsafe { shared(userdata) };
    if fds.is_null() {
        return returned(Err(libc::EFAULT));
    }
    // SAFETY: the caller's promise.
    let entries = unsafe { std::slice::from_raw_parts_mut(fds, count as usize) };
    returned(poll_entries(&shared, entries, timeout))
}

fn poll_entries(shared: &Shared, entries: &mut [pollfd], timeout: c_int) -> Outcome<c_int> {
    // A descriptor that is not the stack's is told as one that is not open.
    let number = |live: c_int| if live < 0 { live } else { shared.socket(live).unwrap_or(c_int::MAX) };
    let fds = entries.iter().map(|entry| (number(entry.fd), entry.events)).collect();
    let (value, data) = shared.call(&SysCall::Poll { fds, timeout_ms: timeout })?;
    for (entry, revents) in entries.iter_mut().zip(data.chunks_exact(2)) {
        entry.revents = c_short::from_ne_bytes([revents[0], revents[1]]);
    }
    Ok(value as c_int)
}

/// # Safety
/// `userdata` is the table's.
pub(super) unsafe extern "C" fn epoll_create(userdata: *mut c_void, size: c_int) -> c_int {
    // SAFETY: the caller's promise.
    let shared = unsafe { shared(userdata) };
    if size <= 0 {
        return returned(Err(libc::EINVAL));
    }
    returned(shared.open(Object::Epoll(Epoll::default())))
}

/// # Safety
/// `userdata` is the table's; `event` is null or valid.
pub(super) unsafe extern "C" fn epoll_ctl(
    userdata: *mut c_void,
    epfd: c_int,
    op: c_int,
    live: c_int,
    event: *mut epoll_event,
) -> c_int {
    // SAFETY: the caller's promises.
    let (shared, event) = unsafe { (shared(userdata), event.as_ref().map(|event| (event.events, event.u64))) };
    returned(shared.with(|world| {
        world.descriptors.socket(live)?;
        let epoll = world.descriptors.epoll_mut(epfd)?;
        let (events, data) = match event {
            Some(event) => event,
            None if op == libc::EPOLL_CTL_DEL => (0, 0),
            None => return Err(libc::EFAULT),
        };
        epoll.control(op, live, events, data).map(|()| 0)
    }))
}

/// # Safety
/// `userdata` is the table's; `events` has room for `most` entries.
pub(super) unsafe extern "C" fn epoll_wait(
    userdata: *mut c_void,
    epfd: c_int,
    events: *mut epoll_event,
    most: c_int,
    timeout: c_int,
) -> c_int {
    // SAFETY: the caller's promise.
    let shared = unsafe { shared(userdata) };
    let room = usize::try_from(most).unwrap_or(0);
    if room == 0 {
        return returned(Err(libc::EINVAL));
    }
    returned(reports(&shared, epfd, room, timeout).map(|reports| {
        for (at, &(bits, data)) in reports.iter().enumerate() {
            // SAFETY: at most `most` reports, for which there is room.
            unsafe { events.add(at).write_unaligned(epoll_event { events: bits, u64: data }) };
        }
        reports.len() as c_int
    }))
}

/// What there is to report, after at most `timeout` milliseconds.
fn reports(shared: &Shared, epfd: c_int, room: usize, timeout: c_int) -> Outcome<Vec<(u32, u64)>> {
    let found = look(shared, epfd, room)?;
    if !found.is_empty() || timeout == 0 {
        return Ok(found);
    }
    // It waits for any of the descriptors to be ready at all; an edge of one that is ready already does not wake it.
    let watched = shared.with(|world| world.descriptors.epoll_mut(epfd).map(|epoll| epoll.watched()))?;
    let entry = |&fd: &c_int| pollfd { fd, events: libc::POLLIN | libc::POLLRDHUP | libc::POLLPRI, revents: 0 };
    let mut entries: Vec<pollfd> = watched.iter().map(entry).collect();
    poll_entries(shared, &mut entries, timeout)?;
    look(shared, epfd, room)
}

/// What there is to report now.
fn look(shared: &Shared, epfd: c_int, room: usize) -> Outcome<Vec<(u32, u64)>> {
    shared.with(|world| {
        let watched = world.descriptors.epoll_mut(epfd)?.watched();
        let looked: Vec<(c_int, Seen)> = watched.into_iter().map(|live| (live, world.seen(live))).collect();
        Ok(world.descriptors.epoll_mut(epfd)?.report(&looked, room))
    })
}
