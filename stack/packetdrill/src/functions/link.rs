//! The link: datagrams without link header, both ways.

use super::shared;
use crate::memory;
use nix::libc::{c_int, c_longlong, c_void, size_t};

/// # Safety
/// `userdata` is the table's; `datagram` points to `len` octets.
pub(super) unsafe extern "C" fn netdev_send(userdata: *mut c_void, datagram: *const c_void, len: size_t) -> c_int {
    // SAFETY: the caller's promises.
    let (shared, octets) = unsafe { (shared(userdata), memory::read(datagram, len)) };
    memory::returned(octets.map(|octets| {
        shared.with(|world| world.inject(&octets));
        0
    }))
}

/// Never -1: packetdrill would ask again for ever. When the stack has nothing more to say the count is 0, which packetdrill
/// takes for a datagram of no octets, and says so.
///
/// # Safety
/// `userdata` is the table's; `count` and `time` are valid, `buffer` has room for `*count` octets.
pub(super) unsafe extern "C" fn netdev_receive(
    userdata: *mut c_void,
    buffer: *mut c_void,
    count: *mut size_t,
    time: *mut c_longlong,
) -> c_int {
    // SAFETY: the caller's promises.
    unsafe {
        let shared = shared(userdata);
        let (at, octets) = shared.with(|world| world.receive()).unwrap_or_else(|| {
            eprintln!("halfopen: the stack sends nothing more");
            (shared.clock(), Vec::new())
        });
        let room = count.replace(octets.len());
        time.write(at);
        memory::returned(memory::write(&octets, buffer, room).map(|()| 0))
    }
}
