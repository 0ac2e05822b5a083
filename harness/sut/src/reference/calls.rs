//! Linux's socket calls over the stack's non-blocking ones: descriptors' flags, blocking, numbers.

use super::numbers::*;
use super::options::{Refusal, absent, decode, described, encode, md5_key, named};
use halfopen_engine::call::{Reply, SysCall};
use halfopen_engine::sut::{Micros, SutError};
use halfopen_stack::socket::{Domain, RecvFlags, SendFlags, Shutdown};
use halfopen_stack::{Errno, Instant, Lingering, OptionName, Stack, State};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// What the kernel keeps about a descriptor and the stack does not.
#[derive(Debug, Clone, Copy)]
struct Descriptor {
    nonblocking: bool,
    /// As the script gave it.
    domain: i32,
}

/// Descriptors, and the call that blocks.
#[derive(Debug)]
pub(crate) struct Calls {
    descriptors: BTreeMap<i32, Descriptor>,
    pending: Option<Pending>,
}

/// A call that blocks, tried again after each event.
#[derive(Debug)]
struct Pending {
    call: SysCall,
    /// Octets that it has moved so far.
    done: Vec<u8>,
    sent: usize,
    /// It has opened the connection that it waits for.
    opened: bool,
    /// When it gives up by itself.
    until: Option<Micros>,
    /// What a `close` waits for.
    lingering: Option<Lingering>,
}

/// One attempt at a call.
enum Attempt {
    Done(Reply),
    /// It would block.
    Wait,
}

type Outcome = Result<Attempt, Refusal>;

impl Calls {
    pub(crate) fn new() -> Self {
        Self { descriptors: BTreeMap::new(), pending: None }
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
        let mut pending =
            Pending { call: call.clone(), done: Vec::new(), sent: 0, opened: false, until: None, lingering: None };
        if let SysCall::Poll { timeout_ms, .. } = call {
            // A negative timeout is none.
            pending.until = u32::try_from(*timeout_ms).ok().map(|ms| now + 1000 * Micros::from(ms));
        }
        match self.attempt(stack, now, at, &mut pending) {
            Ok(Attempt::Done(reply)) => Ok(reply),
            Ok(Attempt::Wait) if self.may_block(call) => {
                self.pending = Some(pending);
                Ok(Reply::Pending)
            }
            Ok(Attempt::Wait) => Ok(given_up(&pending)),
            Err(Refusal::Errno(errno)) => Ok(Reply::errno(errno.number())),
            Err(Refusal::Absent(error)) => Err(error),
        }
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
        match self.attempt(stack, now, at, &mut pending) {
            Ok(Attempt::Done(reply)) => Ok(Some(reply)),
            Ok(Attempt::Wait) if pending.until.is_some_and(|until| until <= now) => Ok(Some(given_up(&pending))),
            Ok(Attempt::Wait) => {
                self.pending = Some(pending);
                Ok(None)
            }
            Err(Refusal::Errno(errno)) => Ok(Some(Reply::errno(errno.number()))),
            Err(Refusal::Absent(error)) => Err(error),
        }
    }

    /// When the pending call gives up by itself.
    pub(crate) fn gives_up_at(&self) -> Option<Micros> {
        self.pending.as_ref().and_then(|pending| pending.until)
    }

    fn may_block(&self, call: &SysCall) -> bool {
        let blocking = |fd: &i32| self.descriptors.get(fd).is_some_and(|descriptor| !descriptor.nonblocking);
        match call {
            SysCall::Accept { fd } | SysCall::Connect { fd, .. } => blocking(fd),
            SysCall::Receive { fd, flags, .. } | SysCall::Send { fd, flags, .. } => {
                flags & MSG_DONTWAIT == 0 && blocking(fd)
            }
            SysCall::Poll { timeout_ms, .. } => *timeout_ms != 0,
            // SO_LINGER waits whatever O_NONBLOCK says.
            SysCall::Close { .. } => true,
            SysCall::Socket { .. }
            | SysCall::Bind { .. }
            | SysCall::Listen { .. }
            | SysCall::Disconnect { .. }
            | SysCall::ReceiveMessage { .. }
            | SysCall::SendMessage { .. }
            | SysCall::Shutdown { .. }
            | SysCall::SetSockOpt { .. }
            | SysCall::GetSockOpt { .. }
            | SysCall::Fcntl { .. }
            | SysCall::Ioctl { .. }
            | SysCall::EpollCreate { .. }
            | SysCall::EpollControl { .. }
            | SysCall::EpollWait { .. }
            | SysCall::Open { .. }
            | SysCall::Pipe
            | SysCall::Splice { .. }
            | SysCall::SendFile { .. }
            | SysCall::CapSet { .. } => false,
        }
    }

    fn attempt(&mut self, stack: &mut Stack, now: Micros, at: Instant, pending: &mut Pending) -> Outcome {
        let value = match &pending.call {
            SysCall::Socket { domain, kind, protocol } => self.socket(stack, *domain, *kind, *protocol)?,
            SysCall::Bind { fd, addr } => stack.bind(*fd, self.address(*fd, *addr)).map(|()| 0)?,
            SysCall::Listen { fd, backlog } => stack.listen(*fd, *backlog).map(|()| 0)?,
            SysCall::Accept { fd } => match stack.accept(at, *fd) {
                Ok((accepted, _)) => {
                    let domain = self.descriptors.get(fd).map_or(AF_INET, |listener| listener.domain);
                    self.descriptors.insert(accepted, Descriptor { nonblocking: false, domain });
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
                    let Some(lingering) = stack.close_lingering(at, *fd)? else {
                        return Ok(Attempt::Done(Reply::value(0)));
                    };
                    let wait = lingering.until.since(at).as_micros();
                    pending.until = Some(now.saturating_add(Micros::try_from(wait).unwrap_or(Micros::MAX)));
                    pending.lingering = Some(lingering);
                    return Ok(Attempt::Wait);
                }
            },
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
            SysCall::Poll { fds, .. } => return Ok(poll(stack, fds)),
            SysCall::Disconnect { .. } => return Err(Refusal::Absent(absent("connect to AF_UNSPEC"))),
            SysCall::ReceiveMessage { .. } => return Err(Refusal::Absent(absent("recvmsg"))),
            SysCall::SendMessage { .. } => return Err(Refusal::Absent(absent("sendmsg"))),
            SysCall::EpollCreate { .. } | SysCall::EpollControl { .. } | SysCall::EpollWait { .. } => {
                return Err(Refusal::Absent(absent("epoll")));
            }
            SysCall::Open { .. } | SysCall::Pipe | SysCall::Splice { .. } | SysCall::SendFile { .. } => {
                return Err(Refusal::Absent(absent("files and pipes")));
            }
            SysCall::CapSet { .. } => return Err(Refusal::Absent(absent("capabilities"))),
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
        self.descriptors.insert(fd, Descriptor { nonblocking: kind & SOCK_NONBLOCK != 0, domain });
        Ok(fd)
    }

    /// The address as the socket takes it: scripts write IPv4 for what an IPv6 socket wants mapped.
    fn address(&self, fd: i32, addr: SocketAddr) -> SocketAddr {
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

    fn check(&self, fd: i32) -> Result<Descriptor, Errno> {
        self.descriptors.get(&fd).copied().ok_or(Errno::EBADF)
    }

    fn get_option(&self, stack: &mut Stack, fd: i32, level: i32, name: i32, room: usize) -> Outcome {
        let descriptor = self.check(fd)?;
        let data = match (level, name) {
            (SOL_SOCKET, SO_TYPE) => SOCK_STREAM.to_ne_bytes().to_vec(),
            (SOL_SOCKET, SO_PROTOCOL) => IPPROTO_TCP.to_ne_bytes().to_vec(),
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

/// What a call returns that may wait no longer.
fn given_up(pending: &Pending) -> Reply {
    if let SysCall::Poll { fds, .. } = &pending.call {
        Reply::Done { value: 0, errno: 0, data: vec![0; 2 * fds.len()] }
    } else if pending.lingering.is_some() {
        Reply::value(0)
    } else if pending.sent > 0 {
        Reply::value(pending.sent as i64)
    } else if !pending.done.is_empty() {
        Reply::data(pending.done.clone())
    } else {
        Reply::errno(Errno::EAGAIN.number())
    }
}

fn receive(stack: &mut Stack, at: Instant, pending: &mut Pending) -> Outcome {
    let SysCall::Receive { fd, len, flags } = pending.call else { unreachable!("the caller looked") };
    known_flags(flags, MSG_OOB | MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL)?;
    let recv = RecvFlags { peek: flags & MSG_PEEK != 0, oob: flags & MSG_OOB != 0, trunc: flags & MSG_TRUNC != 0 };
    // A blocking reader waits for SO_RCVLOWAT octets, or with MSG_WAITALL for all.
    let target = match flags & MSG_WAITALL {
        0 => usize::try_from(stack.option(fd, OptionName::RcvLowat)?).unwrap_or(usize::MAX).min(len),
        _ => len,
    };
    loop {
        if recv.peek {
            pending.done.clear();
        }
        let mut room = vec![0; len - pending.done.len()];
        match stack.recv(at, fd, &mut room, recv) {
            Ok(count) if recv.oob => return Ok(Attempt::Done(Reply::data(room[..count].to_vec()))),
            Ok(count) => {
                let ended = count == 0 || stack.readiness(fd)?.rdhup;
                if recv.peek && count < target && !ended {
                    pending.done.extend_from_slice(&room[..count]);
                    return Ok(Attempt::Wait);
                }
                // MSG_TRUNC counts and copies nothing.
                pending.sent += if recv.trunc { count } else { 0 };
                pending.done.extend_from_slice(if recv.trunc { &[] } else { &room[..count] });
                let all = pending.done.len().max(pending.sent);
                if count == 0 || recv.peek || recv.trunc || all >= target {
                    return Ok(Attempt::Done(received(pending)));
                }
            }
            Err(Errno::EAGAIN) => return Ok(Attempt::Wait),
            // What was read is delivered first; the error stays for the next call.
            Err(_) if !pending.done.is_empty() => return Ok(Attempt::Done(received(pending))),
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn received(pending: &mut Pending) -> Reply {
    match pending.sent {
        0 => Reply::data(std::mem::take(&mut pending.done)),
        counted => Reply::value(counted as i64),
    }
}

/// Whether the connection is still being opened.
fn is_opening(stack: &Stack, fd: i32) -> bool {
    stack.status(fd).is_ok_and(|status| status.state == State::SynSent)
}

/// A call that blocks waits for the connection that it has opened; text that the SYN did not take goes with the ACK.
fn wait_for_handshake(stack: &mut Stack, fd: i32, pending: &mut Pending, all: bool) -> Outcome {
    pending.opened = true;
    if !all {
        stack.await_handshake(fd)?;
    }
    Ok(Attempt::Wait)
}

fn send(stack: &mut Stack, at: Instant, pending: &mut Pending, waits: bool) -> Outcome {
    // An address given for a stream is ignored, as on Linux.
    let SysCall::Send { fd, data, flags, to: _ } = &pending.call else { unreachable!("the caller looked") };
    known_flags(*flags, MSG_OOB | MSG_EOR | MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL | MSG_FASTOPEN)?;
    let flags = SendFlags {
        more: flags & MSG_MORE != 0,
        nosignal: flags & MSG_NOSIGNAL != 0,
        oob: flags & MSG_OOB != 0,
        eor: flags & MSG_EOR != 0,
    };
    let fd = *fd;
    match stack.send(at, fd, &data[pending.sent..], flags) {
        Ok(count) => {
            pending.sent += count;
            let all = pending.sent >= data.len();
            if waits && is_opening(stack, fd) {
                return wait_for_handshake(stack, fd, pending, all);
            }
            pending.opened = false;
            Ok(if all { Attempt::Done(Reply::value(pending.sent as i64)) } else { Attempt::Wait })
        }
        Err(Errno::EAGAIN) => Ok(Attempt::Wait),
        // The first call on a socket whose `connect` waited for text.
        Err(Errno::EINPROGRESS) if waits => wait_for_handshake(stack, fd, pending, false),
        Err(_) if pending.sent > 0 && !pending.opened => Ok(Attempt::Done(Reply::value(pending.sent as i64))),
        Err(errno) => Err(errno.into()),
    }
}

/// `MSG_FASTOPEN`: the call opens the connection; one that blocks waits for it, then sends what the SYN did not take.
fn send_fast_open(
    stack: &mut Stack,
    at: Instant,
    pending: &mut Pending,
    fd: i32,
    to: SocketAddr,
    waits: bool,
) -> Outcome {
    let SysCall::Send { data, .. } = &pending.call else { unreachable!("the caller looked") };
    match stack.send_fast_open(at, fd, &data[pending.sent..], to) {
        Ok(taken) if pending.opened => {
            pending.sent += taken;
            let all = pending.sent >= data.len();
            Ok(if all { Attempt::Done(Reply::value(pending.sent as i64)) } else { Attempt::Wait })
        }
        Err(Errno::EAGAIN) => Ok(Attempt::Wait),
        Ok(taken) if waits => {
            pending.sent = taken;
            let all = pending.sent >= data.len();
            wait_for_handshake(stack, fd, pending, all)
        }
        Ok(taken) => Ok(Attempt::Done(Reply::value(taken as i64))),
        Err(Errno::EINPROGRESS) if waits => wait_for_handshake(stack, fd, pending, false),
        Err(Errno::EALREADY) if pending.opened => Ok(Attempt::Wait),
        Err(errno) => Err(errno.into()),
    }
}

fn known_flags(flags: i32, known: i32) -> Result<(), Refusal> {
    match flags & !known {
        0 => Ok(()),
        unknown => {
            let name = halfopen_script::symbols::name_of("MSG_", unknown.into());
            Err(Refusal::Absent(absent(
                &name.map_or_else(|| format!("flag {unknown:#x} of send and recv"), str::to_owned),
            )))
        }
    }
}

fn poll(stack: &Stack, fds: &[(i32, i16)]) -> Attempt {
    let revents: Vec<i16> = fds.iter().map(|&(fd, events)| if fd < 0 { 0 } else { ready(stack, fd, events) }).collect();
    let value = revents.iter().filter(|revents| **revents != 0).count() as i64;
    if value == 0 {
        return Attempt::Wait;
    }
    let data = revents.iter().flat_map(|revents| revents.to_ne_bytes()).collect();
    Attempt::Done(Reply::Done { value, errno: 0, data })
}

fn ready(stack: &Stack, fd: i32, events: i16) -> i16 {
    let Ok(readiness) = stack.readiness(fd) else { return POLLNVAL };
    // Errors and hang-ups are told whether asked for or not.
    let table = [
        (readiness.readable, (POLLIN | POLLRDNORM) & events),
        (readiness.writable, (POLLOUT | POLLWRNORM) & events),
        (readiness.priority, POLLPRI & events),
        (readiness.rdhup, POLLRDHUP & events),
        (readiness.error, POLLERR),
        (readiness.hangup, POLLHUP),
    ];
    table.iter().filter(|(is, _)| *is).fold(0, |all, (_, bits)| all | bits)
}
