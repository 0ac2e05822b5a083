//! `recvmsg` and `sendmsg`, and the calls whose buffer is NULL.

use super::calls::{Attempt, Calls, Outcome, Then};
use super::numbers::*;
use super::options::{Refusal, absent};
use halfopen_engine::call::{Control, Reply, Room, SysCall, Target};
use halfopen_stack::socket::{OptionName, RecvFlags, SendFlags};
use halfopen_stack::{Errno, Instant, Stack};

/// Octets of `struct cmsghdr`.
const HEADER: usize = 16;

/// The call that does the work of another, and what its reply becomes; or the end of it.
pub(super) enum Rewritten {
    Call(SysCall, Then),
    Ended(Outcome),
}

impl Calls {
    /// Messages and files in terms of octets.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other call is what it is")]
    pub(super) fn rewrite(&mut self, stack: &mut Stack, at: Instant, call: &SysCall) -> Rewritten {
        match call {
            SysCall::ReceiveMessage { fd, rooms, control, flags } => {
                self.rewrite_receive(stack, at, *fd, rooms, *control, *flags)
            }
            SysCall::SendMessage { control, .. } if !control.is_empty() => {
                Rewritten::Ended(Err(Refusal::Absent(absent("control data of sendmsg"))))
            }
            SysCall::SendMessage { fd, parts, flags, to, .. } => {
                let data: Vec<u8> = parts.iter().flat_map(|part| part.data.iter().copied()).collect();
                if flags & MSG_FASTOPEN != 0 && *to == Some(Target::Unspecified) {
                    return Rewritten::Ended(Err(Errno::EOPNOTSUPP.into()));
                }
                let to = match to {
                    Some(Target::Address(address)) => Some(*address),
                    Some(Target::Unspecified) | None => None,
                };
                let null = parts.iter().any(|part| part.null && !part.data.is_empty());
                if let Some(to) = to.filter(|_| null && flags & MSG_FASTOPEN != 0) {
                    // The SYN goes without the text that cannot be had.
                    let opened = stack.send_fast_open(at, *fd, &[], self.address(*fd, to));
                    return Rewritten::Ended(Err(opened.err().unwrap_or(Errno::EINPROGRESS).into()));
                }
                if null {
                    return Rewritten::Ended(send_nothing(stack, at, *fd, parts[0].null));
                }
                Rewritten::Call(SysCall::Send { fd: *fd, data, flags: *flags, to }, Then::Plain)
            }
            SysCall::SendFile { to, from, offset, len } => match self.objects.file_from(*from, *offset, *len) {
                Ok(data) => {
                    let then = Then::Moved { from: *from, data: data.clone(), explicit: offset.is_some() };
                    Rewritten::Call(SysCall::Send { fd: *to, data, flags: 0, to: None }, then)
                }
                // A socket that is there, and no file.
                Err(_) if self.check(*from).is_ok() => Rewritten::Ended(Err(Errno::EINVAL.into())),
                Err(errno) => Rewritten::Ended(Err(errno.into())),
            },
            other => Rewritten::Call(other.clone(), Then::Plain),
        }
    }

    fn rewrite_receive(
        &mut self,
        stack: &mut Stack,
        at: Instant,
        fd: i32,
        rooms: &[Room],
        control: usize,
        flags: i32,
    ) -> Rewritten {
        let len = rooms.iter().map(|room| room.len).sum();
        if flags & MSG_ERRQUEUE != 0 && !self.objects.has(fd) {
            let waiting = self.descriptor_mut(fd).and_then(|descriptor| {
                descriptor.zero_copy.update(stack, fd);
                descriptor.zero_copy.take(descriptor.domain, control)
            });
            return Rewritten::Ended(waiting.map_or_else(|| error_queue(stack, fd), |reply| Ok(Attempt::Done(reply))));
        }
        if rooms.iter().all(|room| !room.null) {
            return Rewritten::Call(SysCall::Receive { fd, len, flags }, Then::Message { fd, control });
        }
        if rooms.iter().any(|room| !room.null) {
            return Rewritten::Ended(Err(Refusal::Absent(absent("reads into buffers of which some are NULL"))));
        }
        // What there is stays where it is: the kernel finds the fault before it takes octets off the queue.
        let peek = RecvFlags { peek: true, oob: flags & MSG_OOB != 0, trunc: false };
        Rewritten::Ended(match stack.recv(at, fd, &mut vec![0; len], peek) {
            Ok(0) => Ok(Attempt::Done(Reply::value(0))),
            Ok(_) => Err(Errno::EFAULT.into()),
            Err(Errno::EAGAIN) if !self.check(fd).is_ok_and(|descriptor| descriptor.nonblocking) => {
                Err(Refusal::Absent(absent("a read into NULL that waits")))
            }
            Err(errno) => Err(errno.into()),
        })
    }

    /// What `recvmsg` says of octets that were read.
    pub(super) fn message(stack: &mut Stack, reply: Reply, fd: i32, room: usize, oob: bool) -> Reply {
        let Reply::Done { value, errno: 0, data } = reply else { return reply };
        let mut flags = if oob { MSG_OOB } else { 0 };
        let mut control = Vec::new();
        if stack.option(fd, OptionName::Inq) == Ok(1) {
            let left = stack.inq(fd).unwrap_or(0);
            // The end of the stream counts as one octet.
            let ended = left == 0 && stack.readiness(fd).is_ok_and(|readiness| readiness.rdhup);
            let left = i32::try_from(left).unwrap_or(i32::MAX) + i32::from(ended);
            let data = left.to_ne_bytes().to_vec();
            let (elements, cut) = element(Control { level: IPPROTO_TCP, kind: TCP_INQ, data }, room);
            control = elements;
            flags |= cut;
        }
        Reply::Message { value, data, flags, control }
    }
}

/// An element of control data as far as there is room for it, and the flag that says so.
pub(super) fn element(mut element: Control, room: usize) -> (Vec<Control>, i32) {
    if room >= HEADER + element.data.len() {
        return (vec![element], 0);
    }
    element.data.truncate(room.saturating_sub(HEADER));
    (if room < HEADER { Vec::new() } else { vec![element] }, MSG_CTRUNC)
}

/// The error queue without notifications. Only IP_RECVERR puts something there that this stack could have.
fn error_queue(stack: &mut Stack, fd: i32) -> Outcome {
    match stack.option(fd, OptionName::RecvErr) {
        Ok(0) => Err(Errno::EAGAIN.into()),
        Ok(_) => Err(Refusal::Absent(absent("error queue for IP_RECVERR"))),
        Err(errno) => Err(errno.into()),
    }
}

/// A send from NULL comes as far as a send of nothing, and then finds the fault.
fn send_nothing(stack: &mut Stack, at: Instant, fd: i32, first: bool) -> Outcome {
    if !first {
        return Err(Refusal::Absent(absent("writes from buffers of which some are NULL")));
    }
    let flags = SendFlags { more: false, nosignal: true, oob: false, eor: false };
    match stack.send(at, fd, &[], flags) {
        Ok(_) => Err(Errno::EFAULT.into()),
        Err(errno) => Err(errno.into()),
    }
}
