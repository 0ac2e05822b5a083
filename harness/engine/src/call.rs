//! System calls as the engine hands them to a SUT: typed, script descriptors already mapped to the SUT's own.

use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// A system call, with the arguments of the manual page of the same name. `fd` is the SUT's descriptor. Numbers of levels, options and flags are Linux's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the arguments of the manual pages")]
pub enum SysCall {
    /// `socket(domain, type|flags, protocol)`; the engine has put the test's family into `domain`.
    Socket { domain: i32, kind: i32, protocol: i32 },
    /// `bind`
    Bind { fd: i32, addr: SocketAddr },
    /// `listen`
    Listen { fd: i32, backlog: i32 },
    /// `accept`: the reply is the new descriptor.
    Accept { fd: i32 },
    /// `connect`
    Connect { fd: i32, addr: SocketAddr },
    /// `read`, `recv`, `recvfrom`, `readv`, `recvmsg` without control data: `len` octets of room.
    Receive { fd: i32, len: usize, flags: i32 },
    /// `write`, `send`, `sendto`, `writev`, `sendmsg` without control data. `to` as given to `sendto`.
    Send { fd: i32, data: Vec<u8>, flags: i32, to: Option<SocketAddr> },
    /// `shutdown`
    Shutdown { fd: i32, how: i32 },
    /// `close`
    Close { fd: i32 },
    /// `setsockopt`: the value as octets in the host's layout.
    SetSockOpt { fd: i32, level: i32, name: i32, value: Vec<u8> },
    /// `getsockopt`: `len` octets of room.
    GetSockOpt { fd: i32, level: i32, name: i32, len: usize },
    /// `fcntl(fd, cmd, arg)`
    Fcntl { fd: i32, cmd: i32, arg: i32 },
    /// `ioctl(fd, request, &int)`: the int comes back as data.
    Ioctl { fd: i32, request: u64 },
    /// `poll`: `(fd, events)`; the reply's data is one `revents` (i16, native order) per entry.
    Poll { fds: Vec<(i32, i16)>, timeout_ms: i32 },
}

/// What a call came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// It returned.
    Done {
        /// Return value; -1 with an errno.
        value: i64,
        /// Linux's errno number when `value` is -1, otherwise 0.
        errno: i32,
        /// Octets it delivered: payload, option value, `revents`.
        data: Vec<u8>,
    },
    /// It blocks.
    Pending,
}

impl Reply {
    /// A call that returned `value` and no octets.
    pub fn value(value: i64) -> Self {
        Self::Done { value, errno: 0, data: Vec::new() }
    }

    /// A call that failed.
    pub fn errno(errno: i32) -> Self {
        Self::Done { value: -1, errno, data: Vec::new() }
    }

    /// A call that delivered octets; its value is their number.
    pub fn data(data: Vec<u8>) -> Self {
        Self::Done { value: data.len() as i64, errno: 0, data }
    }
}
