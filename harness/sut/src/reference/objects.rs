//! Descriptors that are no sockets: epoll instances, pipes and files, all in memory.
//!
//! A file exists only if a command of the script made it ([`Files`]); nothing of the host is opened.

use super::calls::{Attempt, Calls, Outcome, Pending, Then};
use super::files::Files;
use super::numbers::*;
use super::options::{Refusal, absent};
use super::readiness;
use crate::epoll::{Epoll, Seen};
use halfopen_engine::call::{Reply, SysCall};
use halfopen_stack::socket::{RecvFlags, SendFlags};
use halfopen_stack::{Errno, Instant, Stack};
use std::collections::{BTreeMap, VecDeque};

/// Numbers of such descriptors begin here, far above those of sockets.
const FIRST: i32 = 1 << 20;
/// Octets that a pipe holds, as on Linux.
const PIPE_SIZE: usize = 65_536;

/// What a descriptor stands for.
#[derive(Debug)]
enum Object {
    Epoll(Epoll),
    /// An end of a pipe, by the pipe's place.
    End {
        pipe: usize,
        writes: bool,
        nonblocking: bool,
    },
    File {
        octets: Vec<u8>,
        position: usize,
    },
}

#[derive(Debug, Default)]
struct Pipe {
    held: VecDeque<u8>,
    /// Octets that ever went in.
    written: u64,
    /// The end to read, and the end to write, are closed.
    closed: [bool; 2],
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Objects {
    open: BTreeMap<i32, Object>,
    opened: i32,
    pipes: Vec<Pipe>,
    pub(super) files: Files,
}

impl Objects {
    /// Whether the descriptor is one of these.
    pub(super) fn has(&self, fd: i32) -> bool {
        self.open.contains_key(&fd)
    }

    fn add(&mut self, object: Object) -> i32 {
        let fd = FIRST + self.opened;
        self.opened += 1;
        self.open.insert(fd, object);
        fd
    }

    /// A read would find nothing, or a write no room.
    pub(super) fn blocks(&self, fd: i32) -> bool {
        matches!(self.open.get(&fd), Some(Object::End { nonblocking: false, .. }))
    }

    /// A call on `fd` found too little room to send.
    pub(super) fn starved(&mut self, fd: i32) {
        self.epolls().for_each(|epoll| epoll.starved(fd));
    }

    /// A descriptor is closed, whatever it is.
    pub(super) fn forget(&mut self, fd: i32) {
        self.epolls().for_each(|epoll| epoll.forget(fd));
        if let Some(Object::End { pipe, writes, .. }) = self.open.remove(&fd) {
            self.pipes[pipe].closed[usize::from(writes)] = true;
        }
    }

    fn epolls(&mut self) -> impl Iterator<Item = &mut Epoll> {
        self.open.values_mut().filter_map(|object| if let Object::Epoll(epoll) = object { Some(epoll) } else { None })
    }

    fn epoll(&mut self, fd: i32) -> Result<&mut Epoll, Errno> {
        match self.open.get_mut(&fd) {
            Some(Object::Epoll(epoll)) => Ok(epoll),
            Some(Object::End { .. } | Object::File { .. }) => Err(Errno::EINVAL),
            None => Err(Errno::EBADF),
        }
    }

    /// The pipe of which this is the end to read (`writes` false) or to write.
    fn pipe(&mut self, fd: i32, writes: bool) -> Result<&mut Pipe, Errno> {
        match self.open.get(&fd) {
            Some(Object::End { pipe, writes: end, .. }) if *end == writes => Ok(&mut self.pipes[*pipe]),
            Some(Object::End { .. }) => Err(Errno::EBADF),
            Some(Object::Epoll(_) | Object::File { .. }) => Err(Errno::EINVAL),
            None => Err(Errno::EBADF),
        }
    }

    /// Bits of `poll`, and octets that ever came.
    pub(super) fn seen(&self, fd: i32) -> Seen {
        let (ready, received) = match self.open.get(&fd) {
            Some(Object::End { pipe, writes: false, .. }) => {
                let pipe = &self.pipes[*pipe];
                let readable = if pipe.held.is_empty() { 0 } else { POLLIN | POLLRDNORM };
                (readable | if pipe.closed[1] { POLLHUP } else { 0 }, pipe.written)
            }
            Some(Object::End { pipe, writes: true, .. }) => {
                let pipe = &self.pipes[*pipe];
                let writable = if pipe.held.len() < PIPE_SIZE { POLLOUT | POLLWRNORM } else { 0 };
                (writable | if pipe.closed[0] { POLLERR } else { 0 }, 0)
            }
            Some(Object::File { .. }) => (POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM, 0),
            Some(Object::Epoll(_)) | None => (0, 0),
        };
        Seen { ready: u32::from(ready.cast_unsigned()), received, errors: 0 }
    }

    /// What `sendfile` would send from here.
    pub(super) fn file_from(&self, fd: i32, offset: Option<i64>, len: usize) -> Result<Vec<u8>, Errno> {
        match self.open.get(&fd) {
            Some(Object::File { octets, position }) => {
                let from = offset.map_or(Ok(*position), usize::try_from).map_err(|_| Errno::EINVAL)?;
                Ok(octets.iter().skip(from).take(len).copied().collect())
            }
            Some(Object::Epoll(_) | Object::End { .. }) => Err(Errno::EINVAL),
            None => Err(Errno::EBADF),
        }
    }

    /// A file was read up to here by a call without an offset of its own.
    pub(super) fn advance(&mut self, fd: i32, octets: usize) {
        if let Some(Object::File { position, .. }) = self.open.get_mut(&fd) {
            *position += octets;
        }
    }

    fn read(&mut self, fd: i32, len: usize) -> Outcome {
        if let Some(Object::File { .. }) = self.open.get(&fd) {
            let data = self.file_from(fd, None, len)?;
            self.advance(fd, data.len());
            return Ok(Attempt::Done(Reply::data(data)));
        }
        let pipe = self.pipe(fd, false)?;
        if pipe.held.is_empty() && !pipe.closed[1] {
            return Ok(Attempt::Wait);
        }
        Ok(Attempt::Done(Reply::data(pipe.held.drain(..len.min(pipe.held.len())).collect())))
    }

    fn write(&mut self, fd: i32, data: &[u8]) -> Outcome {
        if let Some(Object::File { .. }) = self.open.get(&fd) {
            // Files are opened to read.
            return Err(Errno::EBADF.into());
        }
        let pipe = self.pipe(fd, true)?;
        if pipe.closed[0] {
            return Err(Errno::EPIPE.into());
        }
        let taken = data.len().min(PIPE_SIZE - pipe.held.len());
        if taken == 0 && !data.is_empty() {
            return Ok(Attempt::Wait);
        }
        pipe.held.extend(&data[..taken]);
        pipe.written += taken as u64;
        Ok(Attempt::Done(Reply::value(taken as i64)))
    }

    fn set_nonblocking(&mut self, fd: i32, on: bool) {
        if let Some(Object::End { nonblocking, .. }) = self.open.get_mut(&fd) {
            *nonblocking = on;
        }
    }

    fn status_flags(&self, fd: i32) -> i32 {
        match self.open.get(&fd) {
            Some(Object::End { writes, nonblocking, .. }) => {
                i32::from(*writes) | if *nonblocking { O_NONBLOCK } else { 0 }
            }
            Some(Object::Epoll(_)) => O_RDWR,
            Some(Object::File { .. }) | None => 0,
        }
    }
}

impl Calls {
    /// A call that makes one of these.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other call makes none")]
    pub(super) fn make(&mut self, call: &SysCall) -> Option<Outcome> {
        let reply = match call {
            SysCall::EpollCreate { size } if *size <= 0 => return Some(Err(Errno::EINVAL.into())),
            SysCall::EpollCreate { .. } => Reply::value(self.objects.add(Object::Epoll(Epoll::default())).into()),
            SysCall::Open { path, flags } => {
                let Some(octets) = self.objects.files.octets(path).cloned() else {
                    return Some(Err(Refusal::Absent(absent(&format!(
                        "file `{path}`: no command of the script made it"
                    )))));
                };
                if *flags & O_ACCMODE != 0 {
                    return Some(Err(Refusal::Absent(absent(&format!("open(\"{path}\") other than to read")))));
                }
                Reply::value(self.objects.add(Object::File { octets, position: 0 }).into())
            }
            SysCall::Pipe => {
                let pipe = self.objects.pipes.len();
                self.objects.pipes.push(Pipe::default());
                let mut end = |writes| self.objects.add(Object::End { pipe, writes, nonblocking: false });
                let ends = [end(false), end(true)];
                Reply::Done { value: 0, errno: 0, data: ends.iter().flat_map(|fd| fd.to_ne_bytes()).collect() }
            }
            SysCall::CapSet { .. } => return Some(Err(Refusal::Absent(absent("capabilities")))),
            _ => return None,
        };
        Some(Ok(Attempt::Done(reply)))
    }

    /// A call on one of these.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other call is for sockets")]
    pub(super) fn on_object(&mut self, stack: &mut Stack, fd: i32, call: &SysCall) -> Outcome {
        let value = match call {
            SysCall::Receive { len, flags: 0, .. } => return self.objects.read(fd, *len),
            SysCall::Send { data, flags: 0, to: None, .. } => return self.objects.write(fd, data),
            SysCall::Close { .. } => {
                self.objects.forget(fd);
                0
            }
            SysCall::Fcntl { cmd: F_GETFL, .. } => self.objects.status_flags(fd),
            SysCall::Fcntl { cmd: F_SETFL, arg, .. } => {
                self.objects.set_nonblocking(fd, arg & O_NONBLOCK != 0);
                0
            }
            SysCall::Fcntl { cmd: F_GETFD | F_SETFD, .. } => 0,
            SysCall::Ioctl { request: FIONBIO, value, .. } => {
                self.objects.set_nonblocking(fd, *value != 0);
                return Ok(Attempt::Done(Reply::Done { value: 0, errno: 0, data: value.to_ne_bytes().to_vec() }));
            }
            SysCall::EpollControl { op, target, event, .. } => {
                if !self.objects.has(*target) && self.check(*target).is_err() {
                    return Err(Errno::EBADF.into());
                }
                if matches!(self.objects.open.get(target), Some(Object::File { .. })) {
                    return Err(Errno::EPERM.into());
                }
                let epoll = self.objects.epoll(fd)?;
                let Some((events, data)) = event.or((*op == crate::epoll::DELETE).then_some((0, 0))) else {
                    return Err(Errno::EFAULT.into());
                };
                let reply = epoll.control(*op, *target, events, data);
                return Ok(Attempt::Done(reply.map_or_else(Reply::errno, |()| Reply::value(0))));
            }
            SysCall::EpollWait { most, .. } => return self.epoll_wait(stack, fd, *most),
            SysCall::Fcntl { .. } | SysCall::Ioctl { .. } => {
                return Err(Refusal::Absent(absent("that request for a descriptor that is no socket")));
            }
            _ => return Err(Errno::ENOTSOCK.into()),
        };
        Ok(Attempt::Done(Reply::value(value.into())))
    }

    fn epoll_wait(&mut self, stack: &Stack, fd: i32, most: i32) -> Outcome {
        let epoll = self.objects.epoll(fd)?;
        let Some(room) = usize::try_from(most).ok().filter(|room| *room > 0) else { return Err(Errno::EINVAL.into()) };
        let watched = epoll.watched();
        let mut looked: Vec<(i32, Seen)> = Vec::new();
        for fd in watched {
            let mut seen = if self.objects.has(fd) { self.objects.seen(fd) } else { readiness::seen(stack, fd) };
            let (error, errors) = self.notified(stack, fd);
            seen.ready |= u32::from(error.cast_unsigned());
            seen.errors = errors;
            looked.push((fd, seen));
        }
        let reports = self.objects.epoll(fd)?.report(&looked, room);
        if reports.is_empty() {
            return Ok(Attempt::Wait);
        }
        let octets = |(events, data): &(u32, u64)| [&events.to_ne_bytes()[..], &data.to_ne_bytes()].concat();
        let data = reports.iter().flat_map(octets).collect();
        Ok(Attempt::Done(Reply::Done { value: reports.len() as i64, errno: 0, data }))
    }

    /// Between a pipe and a socket, or two pipes.
    pub(super) fn splice(&mut self, stack: &mut Stack, at: Instant, pending: &Pending) -> Outcome {
        let SysCall::Splice { from, from_offset, to, to_offset, len, flags } = &pending.call else {
            unreachable!("the caller looked")
        };
        let (from, to) = (*from, *to);
        if [from, to].iter().any(|fd| !self.objects.has(*fd) && self.check(*fd).is_err()) {
            return Err(Errno::EBADF.into());
        }
        if from_offset.is_some() || to_offset.is_some() {
            // Neither a pipe nor a stream has a position: ESPIPE, which the stack has no other use for.
            return Ok(Attempt::Done(Reply::errno(ESPIPE)));
        }
        if self.objects.has(from) {
            let pipe = self.objects.pipe(from, false)?;
            if pipe.held.is_empty() {
                return Ok(if pipe.closed[1] { Attempt::Done(Reply::value(0)) } else { Attempt::Wait });
            }
            let data: Vec<u8> = pipe.held.iter().take(*len).copied().collect();
            let attempt = if self.objects.has(to) {
                self.objects.write(to, &data)?
            } else {
                let more = flags & SPLICE_F_MORE != 0;
                match stack.send(at, to, &data, SendFlags { more, nosignal: true, oob: false, eor: false }) {
                    Ok(count) => Attempt::Done(Reply::value(count as i64)),
                    Err(Errno::EAGAIN) => Attempt::Wait,
                    Err(errno) => return Err(errno.into()),
                }
            };
            if let Attempt::Done(Reply::Done { value, .. }) = &attempt {
                self.objects.pipe(from, false)?.held.drain(..(*value).max(0) as usize);
            }
            return Ok(attempt);
        }
        let room = PIPE_SIZE - self.objects.pipe(to, true)?.held.len();
        if stack.at_mark(from)? {
            // An urgent octet is not spliced, and nothing is beyond it.
            return Ok(Attempt::Done(Reply::value(0)));
        }
        let mut data = vec![0; room.min(*len)];
        match stack.recv(at, from, &mut data, RecvFlags { peek: false, oob: false, trunc: false }) {
            Ok(count) => self.objects.write(to, &data[..count]),
            Err(Errno::EAGAIN) => Ok(Attempt::Wait),
            Err(errno) => Err(errno.into()),
        }
    }

    /// What a call that sent from a file came to, with the octets that it moved.
    pub(super) fn moved(&mut self, reply: Reply, then: &Then) -> Reply {
        let Then::Moved { from, data, explicit } = then else { return reply };
        let Reply::Done { value, errno: 0, .. } = reply else { return reply };
        let count = (value.max(0) as usize).min(data.len());
        if !explicit {
            self.objects.advance(*from, count);
        }
        Reply::Done { value, errno: 0, data: data[..count].to_vec() }
    }
}
