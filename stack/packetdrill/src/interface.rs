//! The table of functions, laid out as packetdrill has it: 33 pointers in this order.
//!
//! `fcntl` and `ioctl` are variadic in C, with at most one more argument, an int or a pointer to one. They are declared with
//! that argument fixed: on the ABIs that this crate is built for, a caller passes it in the same register either way, and a
//! caller that leaves it out leaves a value that no command without an argument looks at.

use nix::libc::{
    c_int, c_longlong, c_uint, c_ulong, c_void, epoll_event, iovec, loff_t, msghdr, nfds_t, pollfd, size_t, sockaddr,
    socklen_t, ssize_t, timeval, useconds_t,
};

type Ud = *mut c_void;

/// The table.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
#[expect(
    missing_docs,
    reason = "the fields are the calls of the manual pages, with the table's userdata before the arguments"
)]
pub struct Interface {
    pub userdata: Ud,
    pub free: unsafe extern "C" fn(Ud),
    pub socket: unsafe extern "C" fn(Ud, c_int, c_int, c_int) -> c_int,
    pub bind: unsafe extern "C" fn(Ud, c_int, *const sockaddr, socklen_t) -> c_int,
    pub listen: unsafe extern "C" fn(Ud, c_int, c_int) -> c_int,
    pub accept: unsafe extern "C" fn(Ud, c_int, *mut sockaddr, *mut socklen_t) -> c_int,
    pub connect: unsafe extern "C" fn(Ud, c_int, *const sockaddr, socklen_t) -> c_int,
    pub read: unsafe extern "C" fn(Ud, c_int, *mut c_void, size_t) -> ssize_t,
    pub readv: unsafe extern "C" fn(Ud, c_int, *const iovec, c_int) -> ssize_t,
    pub recv: unsafe extern "C" fn(Ud, c_int, *mut c_void, size_t, c_int) -> ssize_t,
    pub recvfrom: unsafe extern "C" fn(Ud, c_int, *mut c_void, size_t, c_int, *mut sockaddr, *mut socklen_t) -> ssize_t,
    pub recvmsg: unsafe extern "C" fn(Ud, c_int, *mut msghdr, c_int) -> ssize_t,
    pub write: unsafe extern "C" fn(Ud, c_int, *const c_void, size_t) -> ssize_t,
    pub writev: unsafe extern "C" fn(Ud, c_int, *const iovec, c_int) -> ssize_t,
    pub send: unsafe extern "C" fn(Ud, c_int, *const c_void, size_t, c_int) -> ssize_t,
    pub sendto: unsafe extern "C" fn(Ud, c_int, *const c_void, size_t, c_int, *const sockaddr, socklen_t) -> ssize_t,
    pub sendmsg: unsafe extern "C" fn(Ud, c_int, *const msghdr, c_int) -> ssize_t,
    pub fcntl: unsafe extern "C" fn(Ud, c_int, c_int, c_ulong) -> c_int,
    pub ioctl: unsafe extern "C" fn(Ud, c_int, c_ulong, *mut c_int) -> c_int,
    pub close: unsafe extern "C" fn(Ud, c_int) -> c_int,
    pub shutdown: unsafe extern "C" fn(Ud, c_int, c_int) -> c_int,
    pub getsockopt: unsafe extern "C" fn(Ud, c_int, c_int, c_int, *mut c_void, *mut socklen_t) -> c_int,
    pub setsockopt: unsafe extern "C" fn(Ud, c_int, c_int, c_int, *const c_void, socklen_t) -> c_int,
    pub poll: unsafe extern "C" fn(Ud, *mut pollfd, nfds_t, c_int) -> c_int,
    /// Hands the stack a datagram. 0, or -1.
    pub netdev_send: unsafe extern "C" fn(Ud, *const c_void, size_t) -> c_int,
    /// Waits for the stack's next datagram: its octets, their number (at first the room; 0 when none came), its time.
    pub netdev_receive: unsafe extern "C" fn(Ud, *mut c_void, *mut size_t, *mut c_longlong) -> c_int,
    pub usleep: unsafe extern "C" fn(Ud, useconds_t) -> c_int,
    pub gettimeofday: unsafe extern "C" fn(Ud, *mut timeval, *mut c_void) -> c_int,
    pub epoll_create: unsafe extern "C" fn(Ud, c_int) -> c_int,
    pub epoll_ctl: unsafe extern "C" fn(Ud, c_int, c_int, c_int, *mut epoll_event) -> c_int,
    pub epoll_wait: unsafe extern "C" fn(Ud, c_int, *mut epoll_event, c_int, c_int) -> c_int,
    pub pipe: unsafe extern "C" fn(Ud, *mut c_int) -> c_int,
    pub splice: unsafe extern "C" fn(Ud, c_int, *mut loff_t, c_int, *mut loff_t, size_t, c_uint) -> ssize_t,
}

const _: () = assert!(size_of::<Interface>() == 33 * size_of::<usize>(), "the table is 33 pointers");
