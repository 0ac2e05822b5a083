//! Calls that move octets between the script and a connection.

use super::calls::{Attempt, Outcome, Pending};
use super::numbers::*;
use super::options::{Refusal, absent};
use halfopen_engine::call::{Reply, SysCall};
use halfopen_stack::socket::{RecvFlags, SendFlags};
use halfopen_stack::{Errno, Instant, OptionName, Stack, State};
use std::net::SocketAddr;

pub(super) fn receive(stack: &mut Stack, at: Instant, pending: &mut Pending) -> Outcome {
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

pub(super) fn send(stack: &mut Stack, at: Instant, pending: &mut Pending, waits: bool) -> Outcome {
    // An address given for a stream is ignored, as on Linux.
    let SysCall::Send { fd, data, flags, to: _ } = &pending.call else { unreachable!("the caller looked") };
    known_flags(*flags, MSG_OOB | MSG_EOR | MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL | MSG_FASTOPEN | MSG_ZEROCOPY)?;
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
pub(super) fn send_fast_open(
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
