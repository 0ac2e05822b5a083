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
    /// `connect` with the family AF_UNSPEC, which dissolves what the socket is connected to.
    Disconnect { fd: i32 },
    /// `read`, `recv`, `recvfrom`: `len` octets of room.
    Receive { fd: i32, len: usize, flags: i32 },
    /// `recvmsg`, `readv`, and every other call that reads into other than one buffer. `control` octets of room for control data.
    /// The reply is a [`Reply::Message`].
    ReceiveMessage { fd: i32, rooms: Vec<Room>, control: usize, flags: i32 },
    /// `write`, `send`, `sendto` with one buffer. `to` as given to `sendto`.
    Send { fd: i32, data: Vec<u8>, flags: i32, to: Option<SocketAddr> },
    /// `sendmsg`, `writev`, and every other call that writes from other than one buffer, with control data, or to other than an
    /// IP address.
    SendMessage { fd: i32, parts: Vec<Part>, flags: i32, to: Option<Target>, control: Vec<Control> },
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
    /// `ioctl(fd, request, &value)`: the int comes back as data.
    Ioctl { fd: i32, request: u64, value: i32 },
    /// `poll`: `(fd, events)`; the reply's data is one `revents` (i16, native order) per entry.
    Poll { fds: Vec<(i32, i16)>, timeout_ms: i32 },
    /// `epoll_create`: the reply is the new descriptor.
    EpollCreate { size: i32 },
    /// `epoll_ctl`; `event` is events and data, `None` for a null pointer.
    EpollControl { fd: i32, op: i32, target: i32, event: Option<(u32, u64)> },
    /// `epoll_wait`: the reply's data is 12 octets per event, events (u32) and data (u64), native order.
    EpollWait { fd: i32, most: i32, timeout_ms: i32 },
    /// `open`: the reply is the new descriptor.
    Open { path: String, flags: i32 },
    /// `pipe`: the reply's data is the end to read and the end to write (i32, native order).
    Pipe,
    /// `splice`; offsets are `None` for a null pointer.
    Splice { from: i32, from_offset: Option<i64>, to: i32, to_offset: Option<i64>, len: usize, flags: u32 },
    /// `sendfile`; the reply's data is what it moved, so that the other side can be compared with it.
    SendFile { to: i32, from: i32, offset: Option<i64>, len: usize },
    /// libcap's `cap_set_flag` and `cap_set_proc`: sets or clears a capability in one of the three sets.
    CapSet { set: i32, capability: i32, on: bool },
}

/// Room for a part of what a message brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Octets.
    pub len: usize,
    /// The pointer is NULL.
    pub null: bool,
}

/// A part of a message that is sent. Each is an allocation of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The octets.
    pub data: Vec<u8>,
    /// The pointer is NULL; `data` only says how many octets it is said to lead to.
    pub null: bool,
}

/// Where a message is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// An address.
    Address(SocketAddr),
    /// An address structure of family AF_UNSPEC.
    Unspecified,
}

/// One element of a message's control data (`struct cmsghdr`).
///
/// The times of SCM_TIMESTAMPING are the SUT's clock since [`crate::sut::Sut::start`]; one that is absent is zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// `cmsg_level`.
    pub level: i32,
    /// `cmsg_type`.
    pub kind: i32,
    /// `cmsg_data` in the host's layout.
    pub data: Vec<u8>,
}

impl SysCall {
    /// The descriptor that a call is about; `None` for one that has none, or has several of equal rank.
    pub fn fd(&self) -> Option<i32> {
        match self {
            Self::Socket { .. }
            | Self::Poll { .. }
            | Self::EpollCreate { .. }
            | Self::Open { .. }
            | Self::Pipe
            | Self::CapSet { .. } => None,
            Self::Bind { fd, .. }
            | Self::Listen { fd, .. }
            | Self::Accept { fd }
            | Self::Connect { fd, .. }
            | Self::Disconnect { fd }
            | Self::Receive { fd, .. }
            | Self::ReceiveMessage { fd, .. }
            | Self::Send { fd, .. }
            | Self::SendMessage { fd, .. }
            | Self::Shutdown { fd, .. }
            | Self::Close { fd }
            | Self::SetSockOpt { fd, .. }
            | Self::GetSockOpt { fd, .. }
            | Self::Fcntl { fd, .. }
            | Self::Ioctl { fd, .. }
            | Self::EpollControl { fd, .. }
            | Self::EpollWait { fd, .. }
            | Self::Splice { from: fd, .. }
            | Self::SendFile { to: fd, .. } => Some(*fd),
        }
    }

    /// The second descriptor of a call that has two.
    pub fn other_fd(&self) -> Option<i32> {
        if let Self::EpollControl { target: fd, .. } | Self::Splice { to: fd, .. } | Self::SendFile { from: fd, .. } =
            self
        {
            return Some(*fd);
        }
        None
    }
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
    /// `recvmsg` returned.
    Message {
        /// Return value.
        value: i64,
        /// Octets it delivered.
        data: Vec<u8>,
        /// `msg_flags`.
        flags: i32,
        /// Control data, in order.
        control: Vec<Control>,
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
