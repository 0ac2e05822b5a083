//! Socket calls of a program.

use super::world::{Socket, World};
use super::{Made, Watch};
use crate::oracles::calls::Call;
use crate::oracles::judge::Cause;
use crate::pattern;
use crate::program::{Event, Half, Name};
use halfopen_stack::{Errno, OptionName, RecvFlags, SendFlags, Shutdown, SocketOption, State, Vitals};
use std::time::Duration;

fn number<T: Copy>(result: Result<T, Errno>) -> Result<T, i32> {
    result.map_err(Errno::number)
}

impl<W: Watch> World<'_, W> {
    pub(super) fn application(&mut self, event: &Event) {
        match *event {
            Event::Accept {} => self.accept(),
            Event::Connect { at } if at.is_active() => self.connect(at.index()),
            Event::Connect { .. } => {}
            Event::Send { at, length, more, urgent } => self.send(at.index(), length, more, urgent),
            Event::Receive { at, length, peek } => self.receive(at.index(), length.into(), peek),
            Event::Shutdown { at, half } => self.shutdown(at.index(), half),
            Event::Close { at } => self.close(at.index(), false),
            Event::Abort { at } => self.close(at.index(), true),
            Event::Option { at, name, value } => self.option(at.index(), name, value),
            Event::CloseListener {} => self.close_listener(),
            Event::Listen { backlog } => self.listen(backlog.min(8)),
            Event::Segment { .. }
            | Event::Text { .. }
            | Event::Acknowledge { .. }
            | Event::Syn { .. }
            | Event::Fin { .. }
            | Event::Reset { .. }
            | Event::Open { .. }
            | Event::Again { .. }
            | Event::Hold { .. }
            | Event::Lose { .. }
            | Event::Icmp { .. }
            | Event::Duplicate { .. }
            | Event::Wait { .. }
            | Event::WaitForTimer {}
            | Event::WaitLong { .. } => unreachable!("no call"),
        }
    }

    fn call_step(&mut self, at: Option<usize>) {
        self.judge.step(Cause::Call, at.map(|at| at as u8), self.now.micros());
    }

    pub(super) fn accept(&mut self) {
        let Some(listener) = self.listener else { return };
        let established = |state| matches!(state, State::Established | State::CloseWait);
        let waiting =
            (0..2).filter(|at| self.sockets[*at].is_none() && self.state(*at).is_some_and(established)).count();
        self.call_step(None);
        let result = self.stack.accept(self.now, listener);
        self.watch.call(self.now.micros(), &Made::Accept { fd: listener, result: number(result.map(|(fd, _)| fd)) });
        self.judge.call(&Call::Accept { waiting, backlog: self.backlog });
        if let Ok((fd, remote)) = result {
            let Some(at) = (0..2).find(|at| self.peers[*at].port == remote.port()) else {
                return self.judge.fail(103, format_args!("accept gives a connection of {remote}"));
            };
            if let Some(old) = self.sockets[at].take() {
                // The connection of before is gone from the wire; its socket is the application's to close.
                let _ = self.stack.close(self.now, old.fd);
                self.transmit();
            }
            self.sockets[at] = Some(Socket { fd, written: 0, read: 0, shut_read: false, over: false });
            let line = &mut self.judge.lines[at];
            line.no_delay |= self.setup.no_delay;
        }
        self.transmit();
        self.finish(None);
    }

    pub(super) fn connect(&mut self, at: usize) {
        let remote = self.remote(at);
        let fd = match self.sockets[at] {
            Some(socket) => socket.fd,
            None => {
                let fd = self.new_socket();
                self.sockets[at] = Some(Socket { fd, written: 0, read: 0, shut_read: false, over: false });
                self.judge.lines[at].no_delay |= self.setup.no_delay;
                fd
            }
        };
        self.call_step(Some(at));
        self.judge.begun += 1;
        let result = self.stack.connect(self.now, fd, remote);
        self.watch.call(self.now.micros(), &Made::Connect { fd, port: remote.port(), result: number(result) });
        // Another incarnation: its stream begins anew.
        if result == Err(Errno::EINPROGRESS)
            && let Some(socket) = &mut self.sockets[at]
        {
            (socket.written, socket.read) = (0, 0);
        }
        self.transmit();
        self.finish(None);
    }

    fn send(&mut self, at: usize, length: u16, more: bool, urgent: bool) {
        let Some(socket) = self.sockets[at] else { return };
        self.call_step(Some(at));
        let fd = socket.fd;
        let asked = usize::from(length).min(16_000);
        let data = pattern::written(socket.written, asked);
        let writable = self.stack.readiness(fd).is_ok_and(|readiness| readiness.writable);
        let iss = self.stack.status(fd).ok().map(|status| status.iss.0).filter(|iss| *iss != 0);
        let own = self.is_of_socket(fd);
        // The tracker has to know before the segments go out.
        let follows = self.judge.lines[at].core.is_some_and(|core| Some(core.iss) == iss);
        let result = self.stack.send(self.now, fd, data, SendFlags { more, oob: urgent, ..SendFlags::default() });
        self.watch.call(self.now.micros(), &Made::Send { fd, octets: asked, more, urgent, result: number(result) });
        if let Ok(taken) = result {
            let taken = taken.min(asked) as u32;
            if let Some(socket) = &mut self.sockets[at] {
                socket.written += taken;
            }
            self.judge.written.0 += u64::from(taken);
            self.judge.written.1 += 1;
            if follows && let Some(core) = &mut self.judge.lines[at].core {
                core.written = socket.written + taken;
            }
        } else if let Some(socket) = &mut self.sockets[at] {
            // It was told of the connection's error.
            socket.over |= result != Err(Errno::EAGAIN);
        }
        self.transmit();
        self.finish(None);
        self.judge.call(&Call::Send { at, own, asked, result, writable });
    }

    pub(super) fn receive(&mut self, at: usize, length: usize, peek: bool) {
        let Some(socket) = self.sockets[at] else { return };
        self.call_step(Some(at));
        let fd = socket.fd;
        let mut buffer = std::mem::take(&mut self.buffers.text);
        if buffer.len() < length {
            buffer.resize(length, 0);
        }
        let text = &mut buffer[..length];
        let readable = self.stack.readiness(fd).is_ok_and(|readiness| readiness.readable);
        let waiting = self.stack.inq(fd).unwrap_or(0);
        let status = self.stack.status(fd).ok();
        let own = self.is_of_socket(fd);
        let irs = status.filter(|status| status.remote.is_some()).map(|status| status.irs.0);
        let result = self.stack.recv(self.now, fd, text, RecvFlags { peek, ..RecvFlags::default() });
        let read = &text[..result.map_or(0, |taken| taken.min(length))];
        self.watch.call(self.now.micros(), &Made::Receive { fd, octets: length, peek, result: number(result), read });
        self.transmit();
        self.finish(None);
        self.judge.call(&Call::Receive {
            at,
            own,
            irs,
            read: socket.read,
            octets: text,
            asked: length,
            peek,
            result,
            readable: (readable, waiting),
            shut: socket.shut_read || socket.over,
        });
        if let Some(socket) = &mut self.sockets[at] {
            match result {
                Ok(taken) if !peek => {
                    socket.read += taken as u32;
                    socket.over |= taken == 0 && length > 0;
                }
                Err(errno) if errno != Errno::EAGAIN => socket.over = true,
                Ok(_) | Err(_) => {}
            }
        }
        self.buffers.text = buffer;
    }

    fn shutdown(&mut self, at: usize, half: Half) {
        let Some(socket) = &mut self.sockets[at] else { return };
        socket.shut_read |= half != Half::Write;
        let fd = socket.fd;
        self.call_step(Some(at));
        let (how, word) = match half {
            Half::Write => (Shutdown::Write, "SHUT_WR"),
            Half::Read => (Shutdown::Read, "SHUT_RD"),
            Half::Both => (Shutdown::Both, "SHUT_RDWR"),
        };
        let result = self.stack.shutdown(self.now, fd, how);
        self.watch.call(self.now.micros(), &Made::Shutdown { fd, how: word, result: number(result) });
        self.transmit();
        self.finish(None);
        if half != Half::Read && self.is_of_socket(fd) {
            self.judge.call(&Call::Shutdown { at, result });
        }
    }

    /// Whether the connection that segments find belongs to the socket: an old socket may outlive its connection.
    fn is_of_socket(&self, fd: i32) -> bool {
        let status = self.stack.status(fd);
        // The same SYN cookie twice makes two connections with one ISS, of which only one is alive.
        let is = |before: Vitals| status.is_ok_and(|status| before.iss == status.iss && before.state == status.state);
        self.judge.before.is_some_and(is)
    }

    pub(super) fn close(&mut self, at: usize, abort: bool) {
        let Some(socket) = self.sockets[at].take() else { return };
        let fd = socket.fd;
        self.call_step(Some(at));
        let known = self.is_of_socket(fd);
        if abort {
            let result = number(self.stack.set_option(self.now, fd, SocketOption::Linger(Some(Duration::ZERO))));
            self.watch.call(self.now.micros(), &Made::Option { fd, name: "SO_LINGER", value: 0, result });
        }
        let result = self.stack.close(self.now, fd);
        self.watch.call(self.now.micros(), &Made::Close { fd });
        self.transmit();
        self.finish(None);
        if result != Ok(()) || self.stack.close(self.now, fd) != Err(Errno::EBADF) {
            self.judge.fail(103, format_args!("close gives {result:?}, or leaves the descriptor open"));
        }
        if known {
            self.judge.call(&Call::Close { at, abort });
        }
    }

    pub(super) fn close_listener(&mut self) {
        let Some(fd) = self.listener.take() else { return };
        self.call_step(None);
        let _ = self.stack.close(self.now, fd);
        self.watch.call(self.now.micros(), &Made::Close { fd });
        self.judge.listening = false;
        self.transmit();
        self.finish(None);
        for at in 0..2 {
            if self.state(at) == Some(State::SynReceived) {
                self.judge.fail(71, format_args!("a half-open connection is left of a listener that closed"));
            }
        }
    }

    fn option(&mut self, at: usize, name: Name, value: u16) {
        let Some(socket) = self.sockets[at] else { return };
        self.call_step(Some(at));
        let (option, word) = option(name, value);
        let line = &mut self.judge.lines[at];
        line.no_delay |= matches!(name, Name::NoDelay);
        line.keep_alive |= matches!(name, Name::KeepAlive);
        line.tuned |= !matches!(name, Name::NoDelay | Name::QuickAck | Name::Ttl | Name::OobInline);
        let result = number(self.stack.set_option(self.now, socket.fd, option));
        let _ = self.stack.option(socket.fd, OptionName::Error);
        let value = crate::differential::option(name, value).1.into();
        self.watch.call(self.now.micros(), &Made::Option { fd: socket.fd, name: word, value, result });
        self.transmit();
        self.finish(None);
    }
}

/// An option of a program with a value that Linux takes, and its name.
#[must_use]
pub fn option(name: Name, value: u16) -> (SocketOption, &'static str) {
    let (on, number) = (value != 0, u32::from(value));
    match name {
        Name::NoDelay => (SocketOption::NoDelay(on), "TCP_NODELAY"),
        Name::Cork => (SocketOption::Cork(on), "TCP_CORK"),
        Name::KeepAlive => (SocketOption::KeepAlive(on), "SO_KEEPALIVE"),
        Name::KeepIdle => (SocketOption::KeepIdle(number.max(1)), "TCP_KEEPIDLE"),
        Name::KeepIntvl => (SocketOption::KeepIntvl(number.max(1)), "TCP_KEEPINTVL"),
        Name::KeepCnt => (SocketOption::KeepCnt(number.clamp(1, 127)), "TCP_KEEPCNT"),
        Name::UserTimeout => (SocketOption::UserTimeout(Duration::from_millis(number.into())), "TCP_USER_TIMEOUT"),
        Name::SndBuf => (SocketOption::SndBuf(number), "SO_SNDBUF"),
        Name::RcvBuf => (SocketOption::RcvBuf(number), "SO_RCVBUF"),
        Name::MaxSeg => (SocketOption::MaxSeg(value.max(88)), "TCP_MAXSEG"),
        Name::Linger2 => (SocketOption::Linger2(i32::from(value.cast_signed())), "TCP_LINGER2"),
        Name::QuickAck => (SocketOption::QuickAck(on), "TCP_QUICKACK"),
        Name::WindowClamp => (SocketOption::WindowClamp(number), "TCP_WINDOW_CLAMP"),
        Name::Ttl => (SocketOption::Ttl((value as u8).max(1)), "IP_TTL"),
        Name::RecvErr => (SocketOption::RecvErr(on), "IP_RECVERR"),
        Name::SynCnt => (SocketOption::SynCnt(number.clamp(1, 127)), "TCP_SYNCNT"),
        Name::RcvLowat => (SocketOption::RcvLowat(number), "SO_RCVLOWAT"),
        Name::OobInline => (SocketOption::OobInline(on), "SO_OOBINLINE"),
        Name::DeferAccept => (SocketOption::DeferAccept(i32::from(value)), "TCP_DEFER_ACCEPT"),
        Name::NotSentLowAt => (SocketOption::NotSentLowAt(number), "TCP_NOTSENT_LOWAT"),
    }
}
