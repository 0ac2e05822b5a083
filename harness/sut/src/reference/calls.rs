//! Linux's socket calls over the stack's non-blocking ones: descriptors' flags, blocking, numbers.

use super::messages::Rewritten;
use super::numbers::*;
use super::objects::Objects;
use super::options::{Refusal, absent, decode, described, encode, md5_key, named};
use super::readiness::ready;
use super::transfer::{receive, send, send_fast_open};
use super::zero_copy::ZeroCopy;
use halfopen_engine::call::{Reply, SysCall};
use halfopen_engine::sut::{Micros, SutError};
use halfopen_stack::socket::{Domain, Shutdown};
use halfopen_stack::{Errno, Instant, Lingering, OptionName, Stack};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// What the kernel keeps about a descriptor and the stack does not.
#[derive(Debug, Clone)]
pub(super) struct Descriptor {
    pub(super) nonblocking: bool,
    /// As the script gave it.
    pub(super) domain: i32,
    pub(super) zero_copy: ZeroCopy,
}

/// Descriptors, and the call that blocks.
#[derive(Debug)]
pub(crate) struct Calls {
    descriptors: BTreeMap<i32, Descriptor>,
    pub(super) objects: Objects,
    pending: Option<Pending>,
}

/// A call that blocks, tried again after each event.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) call: SysCall,
    /// Octets that it has moved so far.
    pub(super) done: Vec<u8>,
    pub(super) sent: usize,
    /// It has opened the connection that it waits for.
    pub(super) opened: bool,
    /// When it gives up by itself.
    until: Option<Micros>,
    /// What a `close` waits for.
    lingering: Option<Lingering>,
    then: Then,
}

/// What the reply to a call becomes.
#[derive(Debug, Clone)]
pub(super) enum Then {
    Plain,
    /// A message, with this much room for control data.
    Message {
        fd: i32,
        control: usize,
    },
    /// The octets of a file go with it, from where it stood or from an offset of the call's own.
    Moved {
        from: i32,
        data: Vec<u8>,
        explicit: bool,
    },
}

/// One attempt at a call.
pub(super) enum Attempt {
    Done(Reply),
    /// It would block.
    Wait,
}

pub(super) type Outcome = Result<Attempt, Refusal>;

impl Calls {
    pub(crate) fn new() -> Self {
        Self { descriptors: BTreeMap::new(), objects: Objects::default(), pending: None }
    }

    /// Makes a call at `now`.
    pub(crate) fn call(
        &mut self,
        stack: &mut Stack,
        now: Micros,
        at: Instant,
        call: &SysCall,
    ) -> Result<Reply, SutError> {
        // Who looks at a socket is in nobody's way.
        if let Some(pending) = &self.pending
            && !matches!(call, SysCall::GetSockOpt { .. })
        {
            return Err(SutError::Environment(format!("a call is made while another blocks: {:?}", pending.call)));
        }
        let (call, then) = match self.rewrite(stack, at, call) {
            Rewritten::Call(call, then) => (call, then),
            Rewritten::Ended(outcome) => {
                return self.ended(stack, outcome, &blank(call.clone(), Then::Plain)).map(waits);
            }
        };
        let mut pending = blank(call, then);
        if let SysCall::Poll { timeout_ms, .. } | SysCall::EpollWait { timeout_ms, .. } = &pending.call {
            // A negative timeout is none.
            pending.until = u32::try_from(*timeout_ms).ok().map(|ms| now + 1000 * Micros::from(ms));
        }
        let outcome = self.attempt(stack, now, at, &mut pending);
        if !matches!(outcome, Ok(Attempt::Wait)) {
            return self.ended(stack, outcome, &pending).map(waits);
        }
        if self.may_block(&pending.call) {
            self.pending = Some(pending);
            return Ok(Reply::Pending);
        }
        self.ended(stack, Ok(Attempt::Done(given_up(&pending))), &pending).map(waits)
    }

    /// Tries the pending call again; its reply when it no longer blocks.
    pub(crate) fn retry(&mut self, stack: &mut Stack, now: Micros, at: Instant) -> Result<Option<Reply>, SutError> {
        let Some(mut pending) = self.pending.take() else { return Ok(None) };
        if let SysCall::Send { fd, .. } = pending.call
            && stack.readiness(fd).is_ok_and(|readiness| !readiness.writable)
        {
            // As on Linux a writer sleeps until there is room worth waking it for.
            self.pending = Some(pending);
            return Ok(None);
        }
        let mut outcome = self.attempt(stack, now, at, &mut pending);
        if matches!(outcome, Ok(Attempt::Wait)) {
            if pending.until.is_none_or(|until| until > now) {
                self.pending = Some(pending);
                return Ok(None);
            }
            outcome = Ok(Attempt::Done(given_up(&pending)));
        }
        self.ended(stack, outcome, &pending)
    }

    /// The reply of a call that waits no longer.
    fn ended(&mut self, stack: &mut Stack, outcome: Outcome, pending: &Pending) -> Result<Option<Reply>, SutError> {
        let reply = match outcome {
            Ok(Attempt::Done(reply)) => reply,
            Ok(Attempt::Wait) => return Ok(None),
            Err(Refusal::Errno(errno)) => Reply::errno(errno.number()),
            Err(Refusal::Absent(error)) => return Err(error),
        };
        if let (SysCall::Send { fd, flags, .. }, Reply::Done { value: value @ 0.., .. }) = (&pending.call, &reply)
            && let Some(descriptor) = self.descriptor_mut(*fd)
        {
            descriptor.zero_copy.wrote(value.cast_unsigned(), *flags);
        }
        if let (SysCall::Send { fd, data, .. }, Reply::Done { value, errno, .. }) = (&pending.call, &reply)
            && (*errno == Errno::EAGAIN.number() || (*value >= 0 && (*value as usize) < data.len()))
        {
            // It found too little room, so that room is news to whoever waits for it.
            self.objects.starved(*fd);
        }
        let oob = matches!(&pending.call, SysCall::Receive { flags, .. } if flags & MSG_OOB != 0);
        Ok(Some(match &pending.then {
            Then::Plain => reply,
            Then::Message { fd, control } => Self::message(stack, reply, *fd, *control, oob),
            then @ Then::Moved { .. } => self.moved(reply, then),
        }))
    }

    /// Does what a command says about files; what else it says is returned.
    pub(crate) fn files(&mut self, command: &str) -> String {
        self.objects.files.take(command)
    }

    /// When the pending call gives up by itself.
    pub(crate) fn gives_up_at(&self) -> Option<Micros> {
        self.pending.as_ref().and_then(|pending| pending.until)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "few calls can")]
    fn may_block(&self, call: &SysCall) -> bool {
        let blocking = |fd: &i32| self.descriptors.get(fd).is_some_and(|descriptor| !descriptor.nonblocking);
        match call {
            SysCall::Accept { fd } | SysCall::Connect { fd, .. } => blocking(fd),
            SysCall::Receive { fd, flags, .. } | SysCall::Send { fd, flags, .. } => {
                flags & MSG_DONTWAIT == 0 && (blocking(fd) || self.objects.blocks(*fd))
            }
            SysCall::Splice { from, to, flags, .. } => {
                let may = |fd| blocking(fd) || self.objects.blocks(*fd);
                flags & SPLICE_F_NONBLOCK == 0 && (may(from) || may(to))
            }
            SysCall::Poll { timeout_ms, .. } | SysCall::EpollWait { timeout_ms, .. } => *timeout_ms != 0,
            // SO_LINGER waits whatever O_NONBLOCK says.
            SysCall::Close { .. } => true,
            _ => false,
        }
    }

    #[expect(clippy::too_many_lines, reason = "an arm for each call")]
    fn attempt(&mut self, stack: &mut Stack, now: Micros, at: Instant, pending: &mut Pending) -> Outcome {
        if let Some(outcome) = self.make(&pending.call) {
            return outcome;
        }
        if let Some(fd) = pending.call.fd().filter(|fd| self.objects.has(*fd))
            && !matches!(pending.call, SysCall::Splice { .. })
        {
            return self.on_object(stack, fd, &pending.call);
        }
        let value = match &pending.call {
            SysCall::Socket { domain, kind, protocol } => self.socket(stack, *domain, *kind, *protocol)?,
            SysCall::Bind { fd, addr } => stack.bind(*fd, self.address(*fd, *addr)).map(|()| 0)?,
            SysCall::Listen { fd, backlog } => stack.listen(*fd, *backlog).map(|()| 0)?,
            SysCall::Accept { fd } => match stack.accept(at, *fd) {
                Ok((accepted, _)) => {
                    let listener = self.descriptors.get(fd);
                    let domain = listener.map_or(AF_INET, |listener| listener.domain);
                    let zero_copy = listener.map(|listener| listener.zero_copy.inherited()).unwrap_or_default();
                    self.descriptors.insert(accepted, Descriptor { nonblocking: false, domain, zero_copy });
                    accepted
                }
                Err(Errno::EAGAIN) => return Ok(Attempt::Wait),
                Err(errno) => return Err(errno.into()),
            },
            SysCall::Connect { fd, addr } => return self.connect(stack, at, *fd, *addr),
            SysCall::Receive { .. } => return receive(stack, at, pending),
            SysCall::Send { fd, flags, to: Some(to), .. } if flags & MSG_FASTOPEN != 0 => {
                let waits = self.may_block(&pending.call);
                let (fd, to) = (*fd, self.address(*fd, *to));
                return send_fast_open(stack, at, pending, fd, to, waits);
            }
            SysCall::Send { .. } => {
                let waits = self.may_block(&pending.call);
                return send(stack, at, pending, waits);
            }
            SysCall::Shutdown { fd, how } => {
                let how =
                    [Shutdown::Read, Shutdown::Write, Shutdown::Both].get(usize::try_from(*how).unwrap_or(3)).copied();
                stack.shutdown(at, *fd, how.ok_or(Errno::EINVAL)?).map(|()| 0)?
            }
            SysCall::Close { fd } => match &pending.lingering {
                Some(lingering) if stack.lingers(lingering) => return Ok(Attempt::Wait),
                Some(_) => 0,
                None => {
                    self.descriptors.remove(fd);
                    self.objects.forget(*fd);
                    let Some(lingering) = stack.close_lingering(at, *fd)? else {
                        return Ok(Attempt::Done(Reply::value(0)));
                    };
                    let wait = lingering.until.since(at).as_micros();
                    pending.until = Some(now.saturating_add(Micros::try_from(wait).unwrap_or(Micros::MAX)));
                    pending.lingering = Some(lingering);
                    return Ok(Attempt::Wait);
                }
            },
            SysCall::SetSockOpt { fd, level: SOL_SOCKET, name: SO_ZEROCOPY, value } => {
                let value = value.first_chunk().map(|octets| i32::from_ne_bytes(*octets));
                let on = value.filter(|value| matches!(value, 0 | 1)).ok_or(Errno::EINVAL)?;
                self.descriptors.get_mut(fd).ok_or(Errno::EBADF)?.zero_copy.on = on == 1;
                0
            }
            SysCall::SetSockOpt { fd, level: IPPROTO_TCP, name: TCP_MD5SIG, value } => {
                self.check(*fd)?;
                let (peer, key) = md5_key(value)?;
                stack.set_md5_key(*fd, peer, key).map(|()| 0)?
            }
            SysCall::SetSockOpt { fd, level, name, value } => {
                self.check(*fd)?;
                stack.set_option(at, *fd, decode(*level, *name, value)?).map(|()| 0)?
            }
            SysCall::GetSockOpt { fd, level, name, len } => return self.get_option(stack, *fd, *level, *name, *len),
            SysCall::Fcntl { fd, cmd, arg } => self.fcntl(*fd, *cmd, *arg)?,
            SysCall::Ioctl { fd, request: FIONBIO, value } => {
                self.descriptors.get_mut(fd).ok_or(Errno::EBADF)?.nonblocking = *value != 0;
                let data = value.to_ne_bytes().to_vec();
                return Ok(Attempt::Done(Reply::Done { value: 0, errno: 0, data }));
            }
            SysCall::Ioctl { fd, request, .. } => {
                let count = match *request {
                    SIOCINQ => stack.inq(*fd)?,
                    SIOCOUTQ => stack.outq(*fd)?,
                    SIOCOUTQNSD => stack.outq_not_sent(*fd)?,
                    SIOCATMARK => usize::from(stack.at_mark(*fd)?),
                    other => return Err(Refusal::Absent(absent(&format!("ioctl {other:#x}")))),
                };
                let data = i32::try_from(count).unwrap_or(i32::MAX).to_ne_bytes().to_vec();
                return Ok(Attempt::Done(Reply::Done { value: 0, errno: 0, data }));
            }
            SysCall::Poll { fds, .. } => return Ok(self.poll(stack, fds)),
            SysCall::Disconnect { fd } => stack.disconnect(at, *fd).map(|()| 0)?,
            SysCall::Splice { .. } => return self.splice(stack, at, pending),
            SysCall::EpollControl { fd, .. } | SysCall::EpollWait { fd, .. } => {
                // A socket is no epoll instance.
                self.check(*fd)?;
                return Err(Errno::EINVAL.into());
            }
            SysCall::EpollCreate { .. }
            | SysCall::Open { .. }
            | SysCall::Pipe
            | SysCall::CapSet { .. }
            | SysCall::ReceiveMessage { .. }
            | SysCall::SendMessage { .. }
            | SysCall::SendFile { .. } => unreachable!("made, or rewritten, before"),
        };
        Ok(Attempt::Done(Reply::value(value.into())))
    }

    fn socket(&mut self, stack: &mut Stack, domain: i32, kind: i32, protocol: i32) -> Result<i32, Refusal> {
        if kind & !(SOCK_NONBLOCK | SOCK_CLOEXEC) != SOCK_STREAM || ![0, IPPROTO_TCP].contains(&protocol) {
            return Err(Refusal::Absent(absent(&format!("socket of type {kind:#x} and protocol {protocol}"))));
        }
        let family = match domain {
            AF_INET => Domain::Inet,
            AF_INET6 => Domain::Inet6,
            _ => return Err(Refusal::Absent(absent(&format!("socket of domain {domain}")))),
        };
        let fd = stack.socket(family)?;
        let zero_copy = ZeroCopy::default();
        self.descriptors.insert(fd, Descriptor { nonblocking: kind & SOCK_NONBLOCK != 0, domain, zero_copy });
        Ok(fd)
    }

    /// The address as the socket takes it: scripts write IPv4 for what an IPv6 socket wants mapped.
    pub(super) fn address(&self, fd: i32, addr: SocketAddr) -> SocketAddr {
        let v6 = self.descriptors.get(&fd).is_some_and(|descriptor| descriptor.domain == AF_INET6);
        match addr.ip() {
            IpAddr::V4(v4) if v6 => SocketAddr::new(v4.to_ipv6_mapped().into(), addr.port()),
            IpAddr::V4(_) | IpAddr::V6(_) => addr,
        }
    }

    fn connect(&self, stack: &mut Stack, at: Instant, fd: i32, addr: SocketAddr) -> Outcome {
        let nonblocking = self.descriptors.get(&fd).is_some_and(|descriptor| descriptor.nonblocking);
        match stack.connect(at, fd, self.address(fd, addr)) {
            Ok(()) => Ok(Attempt::Done(Reply::value(0))),
            Err(Errno::EINPROGRESS | Errno::EALREADY) if !nonblocking => Ok(Attempt::Wait),
            Err(errno) => Err(errno.into()),
        }
    }

    pub(super) fn check(&self, fd: i32) -> Result<&Descriptor, Errno> {
        self.descriptors.get(&fd).ok_or(Errno::EBADF)
    }

    pub(super) fn descriptor_mut(&mut self, fd: i32) -> Option<&mut Descriptor> {
        self.descriptors.get_mut(&fd)
    }

    /// POLLERR when a notification waits, and how many there ever were.
    pub(super) fn notified(&mut self, stack: &Stack, fd: i32) -> (i16, u64) {
        let Some(descriptor) = self.descriptors.get_mut(&fd) else { return (0, 0) };
        let waits = descriptor.zero_copy.update(stack, fd);
        (if waits { POLLERR } else { 0 }, descriptor.zero_copy.told)
    }

    fn get_option(&self, stack: &mut Stack, fd: i32, level: i32, name: i32, room: usize) -> Outcome {
        let descriptor = self.check(fd)?;
        let data = match (level, name) {
            (SOL_SOCKET, SO_TYPE) => SOCK_STREAM.to_ne_bytes().to_vec(),
            (SOL_SOCKET, SO_PROTOCOL) => IPPROTO_TCP.to_ne_bytes().to_vec(),
            (SOL_SOCKET, SO_ZEROCOPY) => i32::from(descriptor.zero_copy.on).to_ne_bytes().to_vec(),
            (SOL_SOCKET, SO_DOMAIN) => descriptor.domain.to_ne_bytes().to_vec(),
            _ => {
                let Some(option) = named(level, name) else {
                    return Err(Refusal::Absent(absent(&format!("socket option {}", described(level, name)))));
                };
                match (option, stack.option(fd, option)?) {
                    (OptionName::Mtu, -1) => return Err(Errno::ENOTCONN.into()),
                    (_, value) => encode(option, value, room),
                }
            }
        };
        Ok(Attempt::Done(Reply::Done { value: 0, errno: 0, data }))
    }

    fn poll(&mut self, stack: &Stack, fds: &[(i32, i16)]) -> Attempt {
        let revents = |&(fd, events): &(i32, i16)| match fd {
            ..0 => 0,
            fd if self.objects.has(fd) => self.objects.seen(fd).ready as i16 & (events | POLLERR | POLLHUP),
            fd => ready(stack, fd, events) | self.notified(stack, fd).0,
        };
        let revents: Vec<i16> = fds.iter().map(revents).collect();
        let value = revents.iter().filter(|revents| **revents != 0).count() as i64;
        if value == 0 {
            return Attempt::Wait;
        }
        let data = revents.iter().flat_map(|revents| revents.to_ne_bytes()).collect();
        Attempt::Done(Reply::Done { value, errno: 0, data })
    }

    fn fcntl(&mut self, fd: i32, cmd: i32, arg: i32) -> Result<i32, Refusal> {
        let descriptor = self.descriptors.get_mut(&fd).ok_or(Errno::EBADF)?;
        match cmd {
            F_GETFL => Ok(O_RDWR | if descriptor.nonblocking { O_NONBLOCK } else { 0 }),
            F_SETFL => {
                descriptor.nonblocking = arg & O_NONBLOCK != 0;
                Ok(0)
            }
            // There is no exec() here, so the one flag there is means nothing.
            F_GETFD | F_SETFD => Ok(0),
            _ => Err(Refusal::Absent(absent(&format!("fcntl command {cmd}")))),
        }
    }
}

/// A call that has not done anything yet.
fn blank(call: SysCall, then: Then) -> Pending {
    Pending { call, done: Vec::new(), sent: 0, opened: false, until: None, lingering: None, then }
}

fn waits(reply: Option<Reply>) -> Reply {
    reply.unwrap_or(Reply::Pending)
}

/// What a call returns that may wait no longer.
fn given_up(pending: &Pending) -> Reply {
    if let SysCall::Poll { fds, .. } = &pending.call {
        Reply::Done { value: 0, errno: 0, data: vec![0; 2 * fds.len()] }
    } else if matches!(pending.call, SysCall::EpollWait { .. }) || pending.lingering.is_some() {
        Reply::value(0)
    } else if pending.sent > 0 {
        Reply::value(pending.sent as i64)
    } else if !pending.done.is_empty() {
        Reply::data(pending.done.clone())
    } else {
        Reply::errno(Errno::EAGAIN.number())
    }
}
