//! The descriptors of a test: which ones it has, which call of it blocks, and how they all are closed.

use super::calls::{Checked, option, set_option, status_flags};
use super::sysctl;
use super::worker::{Completion, Worker};
use halfopen_engine::call::{Reply, SysCall};
use halfopen_engine::sut::SutError;
use nix::libc;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::BorrowedFd;

/// How long a pending call may take to return once its socket is shut down; nanoseconds.
const RETURNS_WITHIN: i64 = 2_000_000;

/// The descriptors and the calls on them.
#[derive(Debug)]
pub(super) struct Sockets {
    worker: Worker,
    /// Descriptor to address family.
    open: BTreeMap<i32, i32>,
    pending: Option<Pending>,
    /// Set on each new socket, when the namespace could not be told.
    congestion_control: Option<String>,
    /// A socket was closed by the script and may live on in the kernel.
    orphans: bool,
}

#[derive(Debug)]
struct Pending {
    call: SysCall,
    completion: Option<Completion>,
}

impl Sockets {
    pub(super) fn new() -> Result<Self, SutError> {
        Ok(Self {
            worker: Worker::spawn()?,
            open: BTreeMap::new(),
            pending: None,
            congestion_control: None,
            orphans: false,
        })
    }

    /// Begins a test, which sets this congestion control on each of its sockets.
    pub(super) fn start(&mut self, congestion_control: Option<String>) {
        debug_assert!(self.open.is_empty() && self.pending.is_none());
        self.congestion_control = congestion_control;
    }

    /// Whether the descriptor is one of the test.
    pub(super) fn owns(&self, fd: i32) -> bool {
        self.open.contains_key(&fd)
    }

    /// Makes a call: here when it cannot block, otherwise on the worker.
    pub(super) fn call(&mut self, call: &SysCall) -> Result<Reply, SutError> {
        if let Some(pending) = &self.pending {
            return Err(SutError::Environment(format!("a call is made while another blocks: {:?}", pending.call)));
        }
        if fd_of(call).is_some_and(|fd| !self.owns(fd)) {
            // It may be a descriptor of the harness, or of another test.
            return Ok(Reply::errno(libc::EBADF));
        }
        let checked = Checked::new(self.adapted(call))?;
        let call = checked.call().clone();
        if !may_block(&call) {
            let reply = checked.perform();
            self.keep_account(&call, &reply);
            return Ok(reply);
        }
        match self.worker.submit(checked)? {
            Some(completion) => {
                self.keep_account(&call, &completion.reply);
                Ok(completion.reply)
            }
            None => {
                self.pending = Some(Pending { call, completion: None });
                Ok(Reply::Pending)
            }
        }
    }

    /// The call with its addresses in the socket's family and without descriptors of others.
    fn adapted(&self, call: &SysCall) -> SysCall {
        let mut call = call.clone();
        match &mut call {
            SysCall::Bind { fd, addr } | SysCall::Connect { fd, addr } | SysCall::Send { fd, to: Some(addr), .. } => {
                if self.open.get(fd) == Some(&libc::AF_INET6) {
                    *addr = mapped(*addr);
                }
            }
            SysCall::Poll { fds, .. } => {
                // A number that no process has: poll() then says POLLNVAL, as for any closed descriptor.
                fds.iter_mut()
                    .filter(|(fd, _)| *fd >= 0 && !self.open.contains_key(fd))
                    .for_each(|(fd, _)| *fd = i32::MAX);
            }
            SysCall::Send { to: None, .. }
            | SysCall::Socket { .. }
            | SysCall::Listen { .. }
            | SysCall::Accept { .. }
            | SysCall::Receive { .. }
            | SysCall::Shutdown { .. }
            | SysCall::Close { .. }
            | SysCall::SetSockOpt { .. }
            | SysCall::GetSockOpt { .. }
            | SysCall::Fcntl { .. }
            | SysCall::Ioctl { .. } => {}
        }
        call
    }

    /// Notes which descriptors a call made or closed.
    fn keep_account(&mut self, call: &SysCall, reply: &Reply) {
        let Reply::Done { value, .. } = reply else { return };
        let Ok(value) = i32::try_from(*value) else { return };
        match call {
            SysCall::Socket { domain, .. } if value >= 0 => {
                self.open.insert(value, *domain);
                if let Some(name) = &self.congestion_control {
                    // Refused for what is not TCP, where it means nothing.
                    set_option(value, libc::IPPROTO_TCP, libc::TCP_CONGESTION, name.as_bytes());
                }
            }
            SysCall::Accept { fd } | SysCall::Fcntl { fd, cmd: libc::F_DUPFD | libc::F_DUPFD_CLOEXEC, .. }
                if value >= 0 =>
            {
                self.open.insert(value, self.open.get(fd).copied().unwrap_or(libc::AF_INET));
            }
            SysCall::Close { fd } => {
                // Linux frees the descriptor even when close() reports an error.
                self.open.remove(fd);
                self.orphans = true;
            }
            SysCall::Socket { .. }
            | SysCall::Bind { .. }
            | SysCall::Listen { .. }
            | SysCall::Accept { .. }
            | SysCall::Connect { .. }
            | SysCall::Receive { .. }
            | SysCall::Send { .. }
            | SysCall::Shutdown { .. }
            | SysCall::SetSockOpt { .. }
            | SysCall::GetSockOpt { .. }
            | SysCall::Fcntl { .. }
            | SysCall::Ioctl { .. }
            | SysCall::Poll { .. } => {}
        }
    }

    /// Descriptor that becomes readable when the pending call returns.
    pub(super) fn event(&self) -> Option<BorrowedFd<'_>> {
        self.pending.as_ref().filter(|pending| pending.completion.is_none()).map(|_| self.worker.event())
    }

    /// When the pending call returned, on `CLOCK_MONOTONIC`; `None` when there is none or it still blocks.
    pub(super) fn returned(&mut self) -> Option<i64> {
        let pending = self.pending.as_mut()?;
        if pending.completion.is_none() {
            pending.completion = self.worker.take();
        }
        pending.completion.as_ref().map(|completion| completion.at)
    }

    /// The reply of the pending call that has [`returned`](Self::returned).
    pub(super) fn take_reply(&mut self) -> Option<Reply> {
        let pending = self.pending.take_if(|pending| pending.completion.is_some())?;
        let reply = pending.completion?.reply;
        self.keep_account(&pending.call, &reply);
        Some(reply)
    }

    /// A script set the congestion control of the namespace, with this result. Where the namespace may not choose that one,
    /// sockets made from now on do.
    pub(super) fn congestion_control_set(&mut self, name: &str, result: Result<(), SutError>) -> Result<(), SutError> {
        if result.is_ok() {
            self.congestion_control = None;
            return Ok(());
        }
        if !can_set_congestion_control(name) {
            return result;
        }
        for &fd in self.open.keys() {
            set_option(fd, libc::IPPROTO_TCP, libc::TCP_CONGESTION, name.as_bytes());
        }
        self.congestion_control = Some(name.to_owned());
        Ok(())
    }

    /// Ends the pending call and closes everything.
    ///
    /// Connections are aborted: otherwise the kernel would go on sending for minutes, and keep the namespace for that.
    pub(super) fn finish(&mut self) -> Result<(), SutError> {
        let unblocked = self.unblock();
        for (fd, _) in std::mem::take(&mut self.open) {
            let abort = libc::linger { l_onoff: 1, l_linger: 0 };
            let octets = [abort.l_onoff.to_ne_bytes(), abort.l_linger.to_ne_bytes()].concat();
            set_option(fd, libc::SOL_SOCKET, libc::SO_LINGER, &octets);
            let close = Checked::new(SysCall::Close { fd }).map(|close| close.perform());
            debug_assert!(matches!(close, Ok(Reply::Done { errno: 0, .. })), "{close:?}");
        }
        if std::mem::take(&mut self.orphans) {
            // What the script closed gives up at its next timer. Too late to change what a test sees.
            let _ = sysctl::set("net/ipv4/tcp_orphan_retries", "1");
        }
        unblocked
    }

    fn unblock(&mut self) -> Result<(), SutError> {
        let Some(pending) = self.pending.take() else { return Ok(()) };
        let completion = match pending.completion {
            Some(completion) => completion,
            None => {
                if let Some(fd) = fd_of(&pending.call) {
                    // Errors are welcome: then the signal has to do it.
                    let _ = Checked::new(SysCall::Shutdown { fd, how: libc::SHUT_RDWR }).map(|call| call.perform());
                }
                match self.worker.take_within(RETURNS_WITHIN) {
                    Some(completion) => completion,
                    None => self.worker.interrupt()?,
                }
            }
        };
        self.keep_account(&pending.call, &completion.reply);
        Ok(())
    }
}

/// The descriptor a call is about; `None` for `socket` and `poll`.
fn fd_of(call: &SysCall) -> Option<i32> {
    match call {
        SysCall::Socket { .. } | SysCall::Poll { .. } => None,
        SysCall::Bind { fd, .. }
        | SysCall::Listen { fd, .. }
        | SysCall::Accept { fd }
        | SysCall::Connect { fd, .. }
        | SysCall::Receive { fd, .. }
        | SysCall::Send { fd, .. }
        | SysCall::Shutdown { fd, .. }
        | SysCall::Close { fd }
        | SysCall::SetSockOpt { fd, .. }
        | SysCall::GetSockOpt { fd, .. }
        | SysCall::Fcntl { fd, .. }
        | SysCall::Ioctl { fd, .. } => Some(*fd),
    }
}

/// Whether the kernel might put the caller to sleep.
fn may_block(call: &SysCall) -> bool {
    let blocking = |fd: &i32| status_flags(*fd).is_ok_and(|flags| flags & libc::O_NONBLOCK == 0);
    match call {
        SysCall::Accept { fd } | SysCall::Connect { fd, .. } => blocking(fd),
        SysCall::Receive { fd, flags, .. } | SysCall::Send { fd, flags, .. } => {
            flags & libc::MSG_DONTWAIT == 0 && blocking(fd)
        }
        // linger: onoff, seconds. O_NONBLOCK does not matter to it.
        SysCall::Close { fd } => option(*fd, libc::SOL_SOCKET, libc::SO_LINGER, size_of::<libc::linger>())
            .is_ok_and(|linger| linger.chunks(4).all(|word| word.iter().any(|octet| *octet != 0))),
        SysCall::Poll { timeout_ms, .. } => *timeout_ms != 0,
        SysCall::Socket { .. }
        | SysCall::Bind { .. }
        | SysCall::Listen { .. }
        | SysCall::Shutdown { .. }
        | SysCall::SetSockOpt { .. }
        | SysCall::GetSockOpt { .. }
        | SysCall::Fcntl { .. }
        | SysCall::Ioctl { .. } => false,
    }
}

/// The address as an IPv6 socket takes it.
fn mapped(addr: SocketAddr) -> SocketAddr {
    match addr.ip() {
        IpAddr::V4(v4) => {
            SocketAddr::new(IpAddr::V6(Ipv6Addr::from_bits(0xffff << 32 | u128::from(v4.to_bits()))), addr.port())
        }
        IpAddr::V6(_) => addr,
    }
}

/// Whether a socket of this namespace could have this congestion control.
fn can_set_congestion_control(name: &str) -> bool {
    let socket = SysCall::Socket { domain: libc::AF_INET, kind: libc::SOCK_STREAM, protocol: 0 };
    let Ok(Reply::Done { value, errno: 0, .. }) = Checked::new(socket).map(|call| call.perform()) else { return false };
    let fd = value as i32;
    let set = set_option(fd, libc::IPPROTO_TCP, libc::TCP_CONGESTION, name.as_bytes()) == 0;
    let _ = Checked::new(SysCall::Close { fd }).map(|call| call.perform());
    set
}
