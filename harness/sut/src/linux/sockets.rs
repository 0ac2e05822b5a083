//! The descriptors of a test: which ones it has, which call of it blocks, and how they all are closed.

use super::calls::{Checked, option, set_option, status_flags};
use super::messages::Buffers;
use super::objects::{self, Capabilities};
use super::seat::Seat;
use super::sysctl;
use super::worker::{Completion, Worker};
use halfopen_engine::call::{Reply, SysCall, Target};
use halfopen_engine::sut::SutError;
use nix::libc;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::BorrowedFd;
use std::sync::Arc;

/// How long a pending call may take to return once its socket is shut down; nanoseconds.
const RETURNS_WITHIN: i64 = 2_000_000;

/// The descriptors and the calls on them.
#[derive(Debug)]
pub(super) struct Sockets {
    worker: Worker,
    /// Descriptor to address family; `None` for what is no socket.
    open: BTreeMap<i32, Option<i32>>,
    pending: Option<Pending>,
    /// What the kernel may still send from (MSG_ZEROCOPY).
    lasting: Vec<Arc<Buffers>>,
    /// What this thread could do before the script changed it.
    capabilities: Option<Capabilities>,
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
            lasting: Vec::new(),
            capabilities: None,
            congestion_control: None,
            orphans: false,
        })
    }

    /// Has the calls that may block made on this processor.
    pub(super) fn sit(&self, seat: &Seat) {
        seat.take(self.worker.tid());
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
        if [call.fd(), call.other_fd()].into_iter().flatten().any(|fd| !self.owns(fd)) {
            // It may be a descriptor of the harness, or of another test.
            return Ok(Reply::errno(libc::EBADF));
        }
        let socket = call.fd().is_some_and(|fd| self.is_socket(fd));
        let checked = Checked::new(self.adapted(call), socket)?;
        let call = checked.call().clone();
        self.lasting.extend(checked.lasting());
        if matches!(call, SysCall::CapSet { .. }) {
            return self.cap_set(call, &checked);
        }
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

    fn is_socket(&self, fd: i32) -> bool {
        matches!(self.open.get(&fd), Some(Some(_)))
    }

    /// Capabilities are those of a thread, and the script's calls are made by two.
    fn cap_set(&mut self, call: SysCall, here: &Checked) -> Result<Reply, SutError> {
        self.capabilities.get_or_insert_with(objects::capabilities);
        let reply = here.perform();
        let there = self.worker.submit(Checked::new(call, false)?)?;
        match there {
            Some(completion) if completion.reply == reply => Ok(reply),
            there => Err(SutError::Environment(format!(
                "cap_set came to {reply:?} here and to {there:?} on the other thread"
            ))),
        }
    }

    /// The call with its addresses in the socket's family and without descriptors of others.
    fn adapted(&self, call: &SysCall) -> SysCall {
        let mut call = call.clone();
        if let SysCall::Bind { fd, addr }
        | SysCall::Connect { fd, addr }
        | SysCall::Send { fd, to: Some(addr), .. }
        | SysCall::SendMessage { fd, to: Some(Target::Address(addr)), .. } = &mut call
            && self.open.get(fd) == Some(&Some(libc::AF_INET6))
        {
            *addr = mapped(*addr);
        }
        if let SysCall::Poll { fds, .. } = &mut call {
            // A number that no process has: poll() then says POLLNVAL, as for any closed descriptor.
            fds.iter_mut().filter(|(fd, _)| *fd >= 0 && !self.open.contains_key(fd)).for_each(|(fd, _)| *fd = i32::MAX);
        }
        call
    }

    /// Notes which descriptors a call made or closed.
    #[expect(clippy::wildcard_enum_match_arm, reason = "few calls make or close one")]
    fn keep_account(&mut self, call: &SysCall, reply: &Reply) {
        let Reply::Done { value, data, .. } = reply else { return };
        let Ok(value) = i32::try_from(*value) else { return };
        match call {
            SysCall::Socket { domain, .. } if value >= 0 => {
                self.open.insert(value, Some(*domain));
                if let Some(name) = &self.congestion_control {
                    // Refused for what is not TCP, where it means nothing.
                    set_option(value, libc::IPPROTO_TCP, libc::TCP_CONGESTION, name.as_bytes());
                }
            }
            SysCall::Accept { fd } | SysCall::Fcntl { fd, cmd: libc::F_DUPFD | libc::F_DUPFD_CLOEXEC, .. }
                if value >= 0 =>
            {
                self.open.insert(value, self.open.get(fd).copied().unwrap_or(Some(libc::AF_INET)));
            }
            SysCall::Close { fd } => {
                // Linux frees the descriptor even when close() reports an error.
                self.open.remove(fd);
                self.orphans = true;
            }
            SysCall::EpollCreate { .. } | SysCall::Open { .. } if value >= 0 => {
                self.open.insert(value, None);
            }
            SysCall::Pipe => {
                let ends = data.chunks_exact(4).map(|end| i32::from_ne_bytes([end[0], end[1], end[2], end[3]]));
                self.open.extend(ends.map(|end| (end, None)));
            }
            _ => {}
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
        for &fd in self.open.keys().filter(|fd| self.is_socket(**fd)) {
            set_option(fd, libc::IPPROTO_TCP, libc::TCP_CONGESTION, name.as_bytes());
        }
        self.congestion_control = Some(name.to_owned());
        Ok(())
    }

    /// Ends the pending call and closes everything.
    ///
    /// Connections are aborted: otherwise the kernel would go on sending for minutes, and keep the namespace for that.
    pub(super) fn finish(&mut self) -> Result<(), SutError> {
        let unblocked = self.unblock().and_then(|()| self.restore_capabilities());
        for (fd, _) in std::mem::take(&mut self.open) {
            let abort = libc::linger { l_onoff: 1, l_linger: 0 };
            let octets = [abort.l_onoff.to_ne_bytes(), abort.l_linger.to_ne_bytes()].concat();
            set_option(fd, libc::SOL_SOCKET, libc::SO_LINGER, &octets);
            let close = Checked::new(SysCall::Close { fd }, true).map(|close| close.perform());
            debug_assert!(matches!(close, Ok(Reply::Done { errno: 0, .. })), "{close:?}");
        }
        // What the kernel has not sent yet it has pinned; nobody receives it any more.
        self.lasting.clear();
        if std::mem::take(&mut self.orphans) {
            // What the script closed gives up at its next timer. Too late to change what a test sees.
            let _ = sysctl::set("net/ipv4/tcp_orphan_retries", "1");
        }
        unblocked
    }

    /// Gives both threads back what they could do.
    fn restore_capabilities(&mut self) -> Result<(), SutError> {
        let Some(before) = self.capabilities.take() else { return Ok(()) };
        objects::set_capabilities(&before);
        // The other thread had the same; what differs now is what the script changed.
        for (word, sets) in before.iter().enumerate() {
            for (set, bit) in [0, 2].into_iter().flat_map(|set| (0..32).map(move |bit| (set, bit))) {
                let (capability, on) = ((32 * word + bit) as i32, sets[set] & 1 << bit != 0);
                let call = SysCall::CapSet { set: set as i32, capability, on };
                self.worker.submit(Checked::new(call, false)?)?;
            }
        }
        Ok(())
    }

    fn unblock(&mut self) -> Result<(), SutError> {
        let Some(pending) = self.pending.take() else { return Ok(()) };
        let completion = match pending.completion {
            Some(completion) => completion,
            None => {
                if let Some(fd) = pending.call.fd() {
                    // Errors are welcome: then the signal has to do it.
                    let _ =
                        Checked::new(SysCall::Shutdown { fd, how: libc::SHUT_RDWR }, true).map(|call| call.perform());
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

/// Whether the kernel might put the caller to sleep.
#[expect(clippy::wildcard_enum_match_arm, reason = "few calls can")]
fn may_block(call: &SysCall) -> bool {
    let blocking = |fd: &i32| status_flags(*fd).is_ok_and(|flags| flags & libc::O_NONBLOCK == 0);
    match call {
        // What is there already is not waited for: the way through another thread would cost a third of a millisecond.
        SysCall::Accept { fd } => blocking(fd) && !readable(*fd),
        SysCall::Receive { fd, flags, .. } | SysCall::ReceiveMessage { fd, flags, .. }
            if flags & libc::MSG_WAITALL == 0 && readable(*fd) =>
        {
            false
        }
        SysCall::Connect { fd, .. } | SysCall::SendFile { to: fd, .. } => blocking(fd),
        SysCall::Receive { fd, flags, .. }
        | SysCall::ReceiveMessage { fd, flags, .. }
        | SysCall::Send { fd, flags, .. }
        | SysCall::SendMessage { fd, flags, .. } => {
            // Nobody waits at the error queue.
            flags & (libc::MSG_DONTWAIT | libc::MSG_ERRQUEUE) == 0 && blocking(fd)
        }
        SysCall::Splice { from, to, .. } => blocking(from) || blocking(to),
        // linger: onoff, seconds. O_NONBLOCK does not matter to it.
        SysCall::Close { fd } => option(*fd, libc::SOL_SOCKET, libc::SO_LINGER, size_of::<libc::linger>())
            .is_ok_and(|linger| linger.chunks(4).all(|word| word.iter().any(|octet| *octet != 0))),
        SysCall::Poll { timeout_ms, .. } | SysCall::EpollWait { timeout_ms, .. } => *timeout_ms != 0,
        _ => false,
    }
}

/// Whether reading or accepting would find something, if only an error. Nobody else uses a test's descriptors.
fn readable(fd: i32) -> bool {
    let mut entry = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: there is one entry.
    let ready = unsafe { libc::poll(&raw mut entry, 1, 0) };
    ready == 1 && entry.revents & libc::POLLIN != 0
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
    let Ok(Reply::Done { value, errno: 0, .. }) = Checked::new(socket, true).map(|call| call.perform()) else {
        return false;
    };
    let fd = value as i32;
    let set = set_option(fd, libc::IPPROTO_TCP, libc::TCP_CONGESTION, name.as_bytes()) == 0;
    let _ = Checked::new(SysCall::Close { fd }, true).map(|call| call.perform());
    set
}
