//! Linux's socket calls over those of [`PolledStack`]: descriptors, calls that block, `errno`.

use super::options::{Refusal, int, set};
use super::sut::Running;
use super::{PolledStack, Settings, State};
use crate::numbers::*;
use crate::reference::described;
use halfopen_engine::call::{Reply, SysCall};
use halfopen_engine::sut::{Micros, SutError};
use halfopen_stack::Errno;
use std::net::SocketAddr;

/// The least descriptor: a script's process has three already.
const FIRST: i32 = 3;

/// What the user holds.
#[derive(Debug)]
pub(super) struct Descriptor<H> {
    pub(super) role: Role<H>,
    /// The state of the connection when it was last looked at.
    pub(super) state: State,
    /// The peer's FIN has come.
    pub(super) finished: bool,
    /// Why the connection ended, until the user has been told.
    pub(super) error: Option<Errno>,
    nonblocking: bool,
    local: Option<SocketAddr>,
    settings: Settings,
    /// `SO_LINGER` with no time to linger: `close` is an ABORT.
    aborts: bool,
    /// `shutdown` of the direction.
    pub(super) shut_read: bool,
    pub(super) shut_write: bool,
    /// `connect` has said that the connection is there.
    connected: bool,
}

/// What a descriptor is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role<H> {
    Fresh,
    Listener(H),
    Connection(H),
}

/// The call that blocks.
#[derive(Debug)]
pub(super) struct Pending {
    call: SysCall,
    /// Octets that it has sent.
    sent: usize,
    /// When it gives up by itself.
    pub(super) until: Option<Micros>,
}

/// One attempt at a call.
pub(super) enum Attempt {
    Done(Reply),
    /// It would block.
    Wait,
}

pub(super) type Outcome = Result<Attempt, Refusal>;

impl<H> Descriptor<H> {
    fn new(role: Role<H>, nonblocking: bool, settings: Settings) -> Self {
        Self {
            role,
            state: State::Closed,
            finished: false,
            error: None,
            nonblocking,
            local: None,
            settings,
            aborts: false,
            shut_read: false,
            shut_write: false,
            connected: false,
        }
    }
}

impl<S: PolledStack> Running<S> {
    /// Makes a call.
    pub(super) fn call(&mut self, call: &SysCall) -> Result<Reply, SutError> {
        // Who looks at a socket is in nobody's way.
        if let Some(pending) = &self.pending
            && !matches!(call, SysCall::GetSockOpt { .. })
        {
            return Err(SutError::Environment(format!("a call is made while another blocks: {:?}", pending.call)));
        }
        let mut pending = Pending { call: call.clone(), sent: 0, until: None };
        if let SysCall::Poll { timeout_ms, .. } = call {
            // A negative timeout is none.
            pending.until = u32::try_from(*timeout_ms).ok().map(|ms| self.now + 1000 * Micros::from(ms));
        }
        match self.attempt(&mut pending) {
            Ok(Attempt::Wait) if self.blocks(call) => {
                self.pending = Some(pending);
                Ok(Reply::Pending)
            }
            Ok(Attempt::Wait) => Ok(given_up(&pending)),
            other => ended(other),
        }
    }

    /// Tries the pending call again; its reply when it no longer blocks.
    pub(super) fn retry(&mut self) -> Result<Option<Reply>, SutError> {
        let Some(mut pending) = self.pending.take() else { return Ok(None) };
        match self.attempt(&mut pending) {
            Ok(Attempt::Wait) if pending.until.is_none_or(|until| until > self.now) => {
                self.pending = Some(pending);
                Ok(None)
            }
            Ok(Attempt::Wait) => Ok(Some(given_up(&pending))),
            other => ended(other).map(Some),
        }
    }

    /// The state of what a descriptor stands for.
    pub(super) fn state(&mut self, fd: i32) -> Option<State> {
        match self.descriptors.get(&fd)?.role {
            Role::Fresh => Some(State::Closed),
            Role::Listener(socket) | Role::Connection(socket) => Some(self.stack.status(socket).state),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "few calls can")]
    fn blocks(&self, call: &SysCall) -> bool {
        let blocking = |fd: &i32| self.descriptors.get(fd).is_some_and(|descriptor| !descriptor.nonblocking);
        match call {
            SysCall::Accept { fd } | SysCall::Connect { fd, .. } => blocking(fd),
            SysCall::Receive { fd, flags, .. } | SysCall::Send { fd, flags, .. } => {
                flags & MSG_DONTWAIT == 0 && blocking(fd)
            }
            SysCall::Poll { timeout_ms, .. } => *timeout_ms != 0,
            _ => false,
        }
    }

    fn attempt(&mut self, pending: &mut Pending) -> Outcome {
        let value = match &pending.call {
            SysCall::Socket { domain, kind, protocol } => self.socket(*domain, *kind, *protocol)?,
            SysCall::Bind { fd, addr } => self.bind(*fd, *addr)?,
            SysCall::Listen { fd, backlog } => self.listen(*fd, *backlog)?,
            SysCall::Accept { fd } => return self.accept(*fd),
            SysCall::Connect { fd, addr } => return self.connect(*fd, *addr),
            SysCall::Receive { fd, len, flags } => return self.receive(*fd, *len, *flags),
            SysCall::Send { .. } => return self.send(pending),
            SysCall::Shutdown { fd, how } => self.shutdown(*fd, *how)?,
            SysCall::Close { fd } => self.close(*fd)?,
            SysCall::SetSockOpt { fd, level, name, value } => self.set_option(*fd, *level, *name, value)?,
            SysCall::GetSockOpt { fd, level, name, .. } => return self.get_option(*fd, *level, *name),
            SysCall::Fcntl { fd, cmd, arg } => {
                let descriptor = self.descriptor(*fd)?;
                match *cmd {
                    F_GETFL => O_RDWR | if descriptor.nonblocking { O_NONBLOCK } else { 0 },
                    F_SETFL => {
                        descriptor.nonblocking = arg & O_NONBLOCK != 0;
                        0
                    }
                    // There is no exec() here, so the one flag there is means nothing.
                    F_GETFD | F_SETFD => 0,
                    other => return Err(Refusal::Absent(format!("fcntl command {other}"))),
                }
            }
            SysCall::Ioctl { fd, request, value } => return self.ioctl(*fd, *request, *value),
            SysCall::Poll { fds, .. } => {
                let fds = fds.clone();
                return self.poll(&fds);
            }
            SysCall::Disconnect { .. } => return absent("connect() to AF_UNSPEC"),
            SysCall::ReceiveMessage { .. } => return absent("recvmsg() or readv()"),
            SysCall::SendMessage { .. } => return absent("sendmsg() or writev()"),
            SysCall::EpollCreate { .. } | SysCall::EpollControl { .. } | SysCall::EpollWait { .. } => {
                return absent("epoll");
            }
            SysCall::Open { .. } => return absent("open()"),
            SysCall::Pipe => return absent("pipe()"),
            SysCall::Splice { .. } => return absent("splice()"),
            SysCall::SendFile { .. } => return absent("sendfile()"),
            SysCall::CapSet { .. } => return absent("capabilities"),
        };
        Ok(Attempt::Done(Reply::value(value.into())))
    }

    pub(super) fn descriptor(&mut self, fd: i32) -> Result<&mut Descriptor<S::Socket>, Errno> {
        self.descriptors.get_mut(&fd).ok_or(Errno::EBADF)
    }

    fn add(&mut self, descriptor: Descriptor<S::Socket>) -> i32 {
        let fd = (FIRST..).find(|fd| !self.descriptors.contains_key(fd)).expect("scripts open few descriptors");
        self.descriptors.insert(fd, descriptor);
        fd
    }

    fn socket(&mut self, domain: i32, kind: i32, protocol: i32) -> Result<i32, Refusal> {
        let stream = kind & !(SOCK_NONBLOCK | SOCK_CLOEXEC) == SOCK_STREAM && [0, IPPROTO_TCP].contains(&protocol);
        if !stream || ![AF_INET, AF_INET6].contains(&domain) {
            let what = format!("socket of domain {domain}, type {kind:#x} and protocol {protocol}");
            return Err(Refusal::Absent(what));
        }
        Ok(self.add(Descriptor::new(Role::Fresh, kind & SOCK_NONBLOCK != 0, Settings::default())))
    }

    /// It is only remembered: the stack hears of it when the socket is opened.
    fn bind(&mut self, fd: i32, addr: SocketAddr) -> Result<i32, Refusal> {
        let port = |local: &SocketAddr| local.port() == addr.port() && addr.port() != 0;
        if self.descriptors.iter().any(|(other, one)| *other != fd && one.local.as_ref().is_some_and(port)) {
            return Err(Refusal::Absent("bind() that knows of the ports of other sockets".to_owned()));
        }
        let descriptor = self.descriptor(fd)?;
        if descriptor.local.is_some() {
            return Err(Errno::EINVAL.into());
        }
        descriptor.local = Some(addr);
        Ok(0)
    }

    fn listen(&mut self, fd: i32, backlog: i32) -> Result<i32, Refusal> {
        let descriptor = self.descriptors.get_mut(&fd).ok_or(Errno::EBADF)?;
        match descriptor.role {
            Role::Listener(_) => return Ok(0),
            Role::Connection(_) => return Err(Errno::EINVAL.into()),
            Role::Fresh => {}
        }
        let local = descriptor.local.ok_or_else(|| Refusal::Absent("listen() on a port of its own choice".into()))?;
        let backlog = usize::try_from(backlog).unwrap_or(0).max(1);
        descriptor.role = Role::Listener(self.stack.listen(local, backlog, &descriptor.settings)?);
        Ok(0)
    }

    fn accept(&mut self, fd: i32) -> Outcome {
        let descriptor = self.descriptors.get(&fd).ok_or(Errno::EBADF)?;
        let Role::Listener(listener) = descriptor.role else { return Err(Errno::EINVAL.into()) };
        let Some(socket) = self.stack.accept(listener) else { return Ok(Attempt::Wait) };
        let mut accepted = Descriptor::new(Role::Connection(socket), false, descriptor.settings.clone());
        accepted.state = self.stack.status(socket).state;
        accepted.finished = accepted.state.has_fin();
        accepted.connected = true;
        Ok(Attempt::Done(Reply::value(self.add(accepted).into())))
    }

    fn connect(&mut self, fd: i32, remote: SocketAddr) -> Outcome {
        let descriptor = self.descriptors.get_mut(&fd).ok_or(Errno::EBADF)?;
        match descriptor.role {
            Role::Listener(_) => Err(Errno::EISCONN.into()),
            Role::Fresh => {
                let socket = self.stack.connect(descriptor.local, remote, &descriptor.settings)?;
                (descriptor.role, descriptor.state) = (Role::Connection(socket), self.stack.status(socket).state);
                if descriptor.nonblocking { Err(Errno::EINPROGRESS.into()) } else { Ok(Attempt::Wait) }
            }
            Role::Connection(_) if descriptor.connected => Err(Errno::EISCONN.into()),
            Role::Connection(_) => {
                if descriptor.state.is_opening() {
                    return if descriptor.nonblocking { Err(Errno::EALREADY.into()) } else { Ok(Attempt::Wait) };
                }
                if descriptor.state == State::Closed {
                    // The socket may try again.
                    descriptor.role = Role::Fresh;
                    return Err(descriptor.error.take().unwrap_or(Errno::ECONNABORTED).into());
                }
                descriptor.connected = true;
                Ok(Attempt::Done(Reply::value(0)))
            }
        }
    }

    fn receive(&mut self, fd: i32, len: usize, flags: i32) -> Outcome {
        known_flags(flags, MSG_DONTWAIT | MSG_NOSIGNAL)?;
        let descriptor = self.descriptors.get_mut(&fd).ok_or(Errno::EBADF)?;
        let Role::Connection(socket) = descriptor.role else { return Err(Errno::ENOTCONN.into()) };
        if self.stack.status(socket).readable > 0 {
            let mut room = vec![0; len];
            let count = self.stack.receive(socket, &mut room);
            room.truncate(count);
            return Ok(Attempt::Done(Reply::data(room)));
        }
        if let Some(error) = descriptor.error.take() {
            return Err(error.into());
        }
        let ended = descriptor.finished || descriptor.shut_read || descriptor.state == State::Closed;
        Ok(if ended { Attempt::Done(Reply::data(Vec::new())) } else { Attempt::Wait })
    }

    fn send(&mut self, pending: &mut Pending) -> Outcome {
        // An address given for a stream is ignored, as on Linux.
        let SysCall::Send { fd, data, flags, to: _ } = &pending.call else { unreachable!("the caller looked") };
        known_flags(*flags, MSG_DONTWAIT | MSG_NOSIGNAL)?;
        let descriptor = self.descriptors.get_mut(fd).ok_or(Errno::EBADF)?;
        let Role::Connection(socket) = descriptor.role else { return Err(Errno::EPIPE.into()) };
        if pending.sent > 0 && descriptor.state == State::Closed {
            return Ok(Attempt::Done(Reply::value(pending.sent as i64)));
        }
        if let Some(error) = descriptor.error.take() {
            return Err(error.into());
        }
        if descriptor.shut_write || descriptor.state == State::Closed {
            return Err(Errno::EPIPE.into());
        }
        if descriptor.state.is_opening() {
            return Ok(Attempt::Wait);
        }
        pending.sent += self.stack.send(socket, &data[pending.sent..]);
        let all = pending.sent == data.len();
        Ok(if all { Attempt::Done(Reply::value(pending.sent as i64)) } else { Attempt::Wait })
    }

    fn shutdown(&mut self, fd: i32, how: i32) -> Result<i32, Refusal> {
        const READ: i32 = 0;
        const WRITE: i32 = 1;
        const BOTH: i32 = 2;
        if !(READ..=BOTH).contains(&how) {
            return Err(Errno::EINVAL.into());
        }
        let descriptor = self.descriptors.get_mut(&fd).ok_or(Errno::EBADF)?;
        let Role::Connection(socket) = descriptor.role else { return Err(Errno::ENOTCONN.into()) };
        if descriptor.state == State::Closed {
            return Err(Errno::ENOTCONN.into());
        }
        descriptor.shut_read |= how != WRITE;
        if how != READ && !descriptor.shut_write {
            descriptor.shut_write = true;
            self.stack.close(socket);
        }
        Ok(0)
    }

    fn close(&mut self, fd: i32) -> Result<i32, Refusal> {
        let descriptor = self.descriptors.remove(&fd).ok_or(Errno::EBADF)?;
        match descriptor.role {
            Role::Fresh => {}
            Role::Connection(socket) if descriptor.aborts => self.stack.abort(socket),
            Role::Connection(socket) | Role::Listener(socket) => {
                if !descriptor.shut_write {
                    self.stack.close(socket);
                }
                self.stack.forget(socket);
            }
        }
        Ok(0)
    }

    fn set_option(&mut self, fd: i32, level: i32, name: i32, value: &[u8]) -> Result<i32, Refusal> {
        let descriptor = self.descriptors.get_mut(&fd).ok_or(Errno::EBADF)?;
        match (level, name) {
            // Nobody is in the way of a test's sockets but the test.
            (SOL_SOCKET, SO_REUSEADDR | SO_REUSEPORT) => {
                int(value)?;
            }
            (SOL_SOCKET, SO_LINGER) => {
                let (on, seconds) = (int(value)? != 0, int(value.get(4..).unwrap_or_default())?);
                if on && seconds != 0 {
                    return Err(Refusal::Absent("close() that lingers (SO_LINGER)".to_owned()));
                }
                descriptor.aborts = on;
            }
            option => {
                set(&mut descriptor.settings, S::OPTIONS, option, value)?;
                if let Role::Connection(socket) = descriptor.role {
                    self.stack.configure(socket, &descriptor.settings);
                }
            }
        }
        Ok(0)
    }

    fn get_option(&mut self, fd: i32, level: i32, name: i32) -> Outcome {
        let descriptor = self.descriptor(fd)?;
        let value = match (level, name) {
            (SOL_SOCKET, SO_ERROR) => descriptor.error.take().map_or(0, Errno::number),
            (SOL_SOCKET, SO_ACCEPTCONN) => i32::from(matches!(descriptor.role, Role::Listener(_))),
            (SOL_SOCKET, SO_TYPE) => SOCK_STREAM,
            (SOL_SOCKET, SO_PROTOCOL) => IPPROTO_TCP,
            _ => return Err(Refusal::Absent(format!("getsockopt({})", described(level, name)))),
        };
        Ok(Attempt::Done(Reply::Done { value: 0, errno: 0, data: value.to_ne_bytes().to_vec() }))
    }

    fn ioctl(&mut self, fd: i32, request: u64, value: i32) -> Outcome {
        let descriptor = self.descriptors.get_mut(&fd).ok_or(Errno::EBADF)?;
        let count = match (request, descriptor.role) {
            (FIONBIO, _) => {
                descriptor.nonblocking = value != 0;
                return Ok(Attempt::Done(Reply::Done { value: 0, errno: 0, data: value.to_ne_bytes().to_vec() }));
            }
            (SIOCINQ | SIOCOUTQ, Role::Fresh | Role::Listener(_)) => return Err(Errno::EINVAL.into()),
            (SIOCINQ, Role::Connection(socket)) => self.stack.status(socket).readable,
            (SIOCOUTQ, Role::Connection(socket)) => self.stack.status(socket).unacknowledged,
            (other, _) => return Err(Refusal::Absent(format!("ioctl {other:#x}"))),
        };
        let data = i32::try_from(count).unwrap_or(i32::MAX).to_ne_bytes().to_vec();
        Ok(Attempt::Done(Reply::Done { value: 0, errno: 0, data }))
    }
}

impl From<SutError> for Refusal {
    fn from(error: SutError) -> Self {
        Self::Stack(error)
    }
}

/// The reply of a call that waits no longer.
fn ended(outcome: Outcome) -> Result<Reply, SutError> {
    match outcome {
        Ok(Attempt::Done(reply)) => Ok(reply),
        Ok(Attempt::Wait) => unreachable!("the caller waits"),
        Err(Refusal::Errno(errno)) => Ok(Reply::errno(errno.number())),
        Err(Refusal::Absent(what)) => Err(SutError::Unsupported(format!("the stack has no {what}"))),
        Err(Refusal::Stack(error)) => Err(error),
    }
}

/// What a call returns that may wait no longer.
fn given_up(pending: &Pending) -> Reply {
    if let SysCall::Poll { fds, .. } = &pending.call {
        Reply::Done { value: 0, errno: 0, data: vec![0; 2 * fds.len()] }
    } else if pending.sent > 0 {
        Reply::value(pending.sent as i64)
    } else {
        Reply::errno(Errno::EAGAIN.number())
    }
}

fn known_flags(flags: i32, known: i32) -> Result<(), Refusal> {
    match flags & !known {
        0 => Ok(()),
        unknown => {
            let name = halfopen_script::symbols::name_of("MSG_", unknown.into());
            Err(Refusal::Absent(name.map_or_else(|| format!("flag {unknown:#x} of send and recv"), str::to_owned)))
        }
    }
}

/// There is no method for this call.
fn absent(what: &str) -> Outcome {
    Err(Refusal::Absent(what.to_owned()))
}
