//! System calls as a script states them, on real descriptors.
//!
//! These are the C library's functions and not `nix`'s: a script may pass what a typed wrapper refuses, and the kernel's
//! answer to exactly that is what is tested. Two flags are added that no socket call can observe: close-on-exec, for the
//! commands of other tests, and MSG_NOSIGNAL, for the harness itself.

use super::messages::{self, Buffers};
use super::objects;
use halfopen_engine::call::{Part, Reply, SysCall, Target};
use halfopen_engine::sut::SutError;
use nix::errno::Errno;
use nix::libc::{self, c_int, c_void, socklen_t};
use nix::sys::socket::{SockaddrLike as _, SockaddrStorage};
use std::net::SocketAddr;
use std::sync::Arc;

/// Room that a script may ask for in one call; more is an error of the script.
const LARGEST: usize = 256 << 20;

const SIOCOUTQNSD: u64 = 0x894b;
const SIOCATMARK: u64 = 0x8905;

/// A call whose arguments the harness has checked: descriptors belong to the test, addresses fit the socket.
#[derive(Debug)]
pub(super) struct Checked {
    call: SysCall,
    /// What a message consists of; shared with whoever has to keep it.
    buffers: Option<Arc<Buffers>>,
    /// The descriptor is a socket.
    socket: bool,
}

impl Checked {
    /// Takes the descriptors' ownership as checked. `socket`: whether the one that the call is about is a socket.
    ///
    /// # Errors
    /// `Unsupported` for what cannot be done safely with a number in place of a pointer.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the calls that need a check are the ones to list")]
    pub(super) fn new(call: SysCall, socket: bool) -> Result<Self, SutError> {
        match &call {
            SysCall::Receive { len, .. } | SysCall::GetSockOpt { len, .. } | SysCall::SendFile { len, .. } => {
                check_room(*len)?;
            }
            SysCall::ReceiveMessage { rooms, .. } => {
                check_room(rooms.iter().map(|room| room.len).fold(0, usize::saturating_add))?;
            }
            SysCall::Fcntl { cmd, arg, .. } => check_fcntl(*cmd, *arg)?,
            SysCall::Ioctl { request, .. } => check_ioctl(*request)?,
            SysCall::Open { path, flags } => objects::check_open(path, *flags)?,
            SysCall::CapSet { set, capability, .. } => objects::check_capability(*set, *capability)?,
            _ => {}
        }
        let call = match call {
            SysCall::Send { fd, data, flags, to } if flags & libc::MSG_ZEROCOPY != 0 => {
                let to = to.map(Target::Address);
                SysCall::SendMessage { fd, parts: vec![Part { data, null: false }], flags, to, control: Vec::new() }
            }
            other => other,
        };
        let buffers =
            if let SysCall::SendMessage { parts, .. } = &call { Some(Arc::new(Buffers::new(parts))) } else { None };
        Ok(Self { call, buffers, socket })
    }

    /// The call.
    pub(super) fn call(&self) -> &SysCall {
        &self.call
    }

    /// What the kernel goes on reading after the call.
    pub(super) fn lasting(&self) -> Option<Arc<Buffers>> {
        let lasts = matches!(self.call, SysCall::SendMessage { flags, .. } if flags & libc::MSG_ZEROCOPY != 0);
        self.buffers.clone().filter(|_| lasts)
    }

    /// Makes the call on this thread and waits as long as it takes.
    pub(super) fn perform(&self) -> Reply {
        match &self.call {
            SysCall::Socket { domain, kind, protocol } => {
                // SAFETY: takes numbers only.
                returned(unsafe { libc::socket(*domain, *kind | libc::SOCK_CLOEXEC, *protocol) }.into())
            }
            SysCall::Bind { fd, addr } => {
                let addr = SockaddrStorage::from(*addr);
                // SAFETY: `addr` is a socket address of `len()` octets.
                returned(unsafe { libc::bind(*fd, addr.as_ptr(), addr.len()) }.into())
            }
            // SAFETY: takes numbers only.
            SysCall::Listen { fd, backlog } => returned(unsafe { libc::listen(*fd, *backlog) }.into()),
            SysCall::Accept { fd } => {
                // SAFETY: null pointers say that the peer's address is not wanted.
                let accepted =
                    unsafe { libc::accept4(*fd, std::ptr::null_mut(), std::ptr::null_mut(), libc::SOCK_CLOEXEC) };
                returned(accepted.into())
            }
            SysCall::Connect { fd, addr } => {
                let addr = SockaddrStorage::from(*addr);
                // SAFETY: `addr` is a socket address of `len()` octets.
                returned(unsafe { libc::connect(*fd, addr.as_ptr(), addr.len()) }.into())
            }
            SysCall::Disconnect { fd } => messages::disconnect(*fd),
            SysCall::Receive { fd, len, flags } => receive(*fd, *len, *flags, self.socket),
            SysCall::ReceiveMessage { fd, rooms, control, flags } => {
                messages::receive(*fd, rooms, *control, *flags, self.socket)
            }
            SysCall::Send { fd, data, flags, to } => send(*fd, data, *flags, *to, self.socket),
            SysCall::SendMessage { fd, flags, to, control, .. } => {
                let buffers = self.buffers.as_ref().expect("a message has its buffers since it was checked");
                messages::send(*fd, buffers, *flags, *to, control, self.socket)
            }
            // SAFETY: takes numbers only.
            SysCall::Shutdown { fd, how } => returned(unsafe { libc::shutdown(*fd, *how) }.into()),
            // SAFETY: the descriptor belongs to the test and to nobody else in the process.
            SysCall::Close { fd } => returned(unsafe { libc::close(*fd) }.into()),
            SysCall::SetSockOpt { fd, level, name, value } => returned(set_option(*fd, *level, *name, value).into()),
            SysCall::GetSockOpt { fd, level, name, len } => match option(*fd, *level, *name, *len) {
                Ok(data) => Reply::Done { value: 0, errno: 0, data },
                Err(errno) => Reply::errno(errno as i32),
            },
            // SAFETY: `check_fcntl` admits only commands whose argument is a number.
            SysCall::Fcntl { fd, cmd, arg } => returned(unsafe { libc::fcntl(*fd, close_on_exec(*cmd), *arg) }.into()),
            SysCall::Ioctl { fd, request, value } => ioctl(*fd, *request, *value),
            SysCall::Poll { fds, timeout_ms } => poll(fds, *timeout_ms),
            SysCall::EpollCreate { size } => objects::epoll_create(*size),
            SysCall::EpollControl { fd, op, target, event } => objects::epoll_control(*fd, *op, *target, *event),
            SysCall::EpollWait { fd, most, timeout_ms } => objects::epoll_wait(*fd, *most, *timeout_ms),
            SysCall::Open { path, flags } => objects::open(path, *flags),
            SysCall::Pipe => objects::pipe(),
            SysCall::Splice { .. } => objects::splice(&self.call),
            SysCall::SendFile { to, from, offset, len } => objects::send_file(*to, *from, *offset, *len),
            SysCall::CapSet { set, capability, on } => objects::cap_set(*set, *capability, *on),
        }
    }
}

fn returned(value: i64) -> Reply {
    if value < 0 { Reply::errno(Errno::last_raw()) } else { Reply::value(value) }
}

fn check_room(octets: usize) -> Result<(), SutError> {
    if octets > LARGEST {
        return Err(SutError::Unsupported(format!("a call with {octets} octets of room")));
    }
    Ok(())
}

fn check_fcntl(cmd: c_int, arg: c_int) -> Result<(), SutError> {
    match cmd {
        libc::F_SETFL if arg & libc::O_ASYNC != 0 => {
            Err(SutError::Unsupported("O_ASYNC would send its signals to the harness".to_owned()))
        }
        libc::F_GETFL | libc::F_SETFL | libc::F_GETFD | libc::F_SETFD | libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => Ok(()),
        _ => Err(SutError::Unsupported(format!("fcntl command {cmd}"))),
    }
}

fn close_on_exec(cmd: c_int) -> c_int {
    if cmd == libc::F_DUPFD { libc::F_DUPFD_CLOEXEC } else { cmd }
}

/// Only requests that read or write one int: any other size would be taken from beyond its end.
fn check_ioctl(request: u64) -> Result<(), SutError> {
    let known = [libc::FIONREAD, libc::TIOCOUTQ, libc::FIONBIO, SIOCATMARK, SIOCOUTQNSD];
    if known.contains(&request) { Ok(()) } else { Err(SutError::Unsupported(format!("ioctl request {request:#x}"))) }
}

fn receive(fd: c_int, len: usize, flags: c_int, socket: bool) -> Reply {
    let mut room = vec![0u8; len];
    let length = if socket {
        // SAFETY: `room` has `len` octets.
        unsafe { libc::recv(fd, room.as_mut_ptr().cast(), len, flags) }
    } else {
        // SAFETY: `room` has `len` octets.
        unsafe { libc::read(fd, room.as_mut_ptr().cast(), len) }
    };
    if length < 0 {
        return Reply::errno(Errno::last_raw());
    }
    // MSG_TRUNC tells how much there was, and on TCP copies nothing.
    let copied = if flags & libc::MSG_TRUNC == 0 { length.cast_unsigned().min(len) } else { 0 };
    room.truncate(copied);
    Reply::Done { value: length as i64, errno: 0, data: room }
}

fn send(fd: c_int, data: &[u8], flags: c_int, to: Option<SocketAddr>, socket: bool) -> Reply {
    if !socket {
        // SAFETY: `data` lives until the call returns.
        return returned(unsafe { libc::write(fd, data.as_ptr().cast(), data.len()) } as i64);
    }
    let to = to.map(SockaddrStorage::from);
    let (address, length) = to.as_ref().map_or((std::ptr::null(), 0), |to| (to.as_ptr(), to.len()));
    let flags = flags | libc::MSG_NOSIGNAL;
    // SAFETY: `data` and the address live until the call returns; a null address has length 0.
    returned(unsafe { libc::sendto(fd, data.as_ptr().cast(), data.len(), flags, address, length) } as i64)
}

/// `setsockopt`; 0 or -1 with errno set.
pub(super) fn set_option(fd: c_int, level: c_int, name: c_int, value: &[u8]) -> c_int {
    // SAFETY: `value` has as many octets as stated. No TCP or IP option keeps a pointer to it.
    unsafe { libc::setsockopt(fd, level, name, value.as_ptr().cast::<c_void>(), value.len() as socklen_t) }
}

/// `getsockopt` with `len` octets of room.
pub(super) fn option(fd: c_int, level: c_int, name: c_int, len: usize) -> Result<Vec<u8>, Errno> {
    let mut value = vec![0u8; len];
    let mut length = len as socklen_t;
    // SAFETY: `value` has `length` octets.
    let result = unsafe { libc::getsockopt(fd, level, name, value.as_mut_ptr().cast(), &mut length) };
    Errno::result(result)?;
    value.truncate(length as usize);
    Ok(value)
}

/// The file status flags.
pub(super) fn status_flags(fd: c_int) -> Result<c_int, Errno> {
    // SAFETY: F_GETFL takes no argument.
    Errno::result(unsafe { libc::fcntl(fd, libc::F_GETFL) })
}

fn ioctl(fd: c_int, request: u64, value: c_int) -> Reply {
    let mut value = value;
    // SAFETY: `check_ioctl` admits only requests that read or write one int.
    let result = unsafe { libc::ioctl(fd, request, &raw mut value) };
    if result < 0 {
        return Reply::errno(Errno::last_raw());
    }
    Reply::Done { value: result.into(), errno: 0, data: value.to_ne_bytes().to_vec() }
}

fn poll(fds: &[(i32, i16)], timeout_ms: c_int) -> Reply {
    let mut entries: Vec<libc::pollfd> =
        fds.iter().map(|&(fd, events)| libc::pollfd { fd, events, revents: 0 }).collect();
    // SAFETY: `entries` has as many elements as stated.
    let ready = unsafe { libc::poll(entries.as_mut_ptr(), entries.len() as libc::nfds_t, timeout_ms) };
    if ready < 0 {
        return Reply::errno(Errno::last_raw());
    }
    let revents = entries.iter().flat_map(|entry| entry.revents.to_ne_bytes()).collect();
    Reply::Done { value: ready.into(), errno: 0, data: revents }
}
