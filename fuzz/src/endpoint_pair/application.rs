//! The program at each end: it writes, reads, closes, and judges what its calls return.

use super::text::{MOST_OCTETS, text};
use super::{World, address};
use crate::finding::{Finding, hold};
use halfopen_stack::{Errno, RecvFlags, SendFlags, Shutdown, SocketOption, State};
use std::time::Duration;

/// How far it has come.
#[derive(Debug, Default)]
pub(super) struct Application {
    /// Its connection, from `connect` or `accept` to `close`.
    pub(super) fd: Option<i32>,
    pub(super) listener: Option<i32>,
    /// Octets that the stack took.
    pub(super) written: u32,
    /// Octets that the stack gave.
    pub(super) read: u32,
    /// It has said that it writes no more.
    pub(super) shut: bool,
    /// It has seen the end of the other's text.
    pub(super) ended: bool,
    /// What the connection died of.
    pub(super) error: Option<Errno>,
    /// It has closed before everything was said.
    pub(super) left: bool,
    corked: bool,
    /// When it acts next, microseconds.
    pub(super) next: u64,
}

impl World<'_> {
    /// One action of an application that takes its time.
    pub(super) fn act(&mut self, side: usize) -> Result<(), Finding> {
        let plan = self.run.sides[side];
        self.dice.event();
        let think = if plan.think > 0 { self.dice.below(plan.think) } else { 0 };
        self.sides[side].next = self.now.0 + 1 + u64::from(think);
        let Some(fd) = self.connection(side) else { return Ok(()) };
        match self.dice.below(16) {
            0..=5 => self.write(side, fd).map(|_| ())?,
            6..=12 => self.read(side, fd).map(|_| ())?,
            13 => self.change(side, fd),
            14 if self.run.lethal && self.dice.below(8) == 0 => self.leave(side, fd),
            _ if self.sides[side].written == plan.octets && self.dice.below(4) == 0 => self.shut(side, fd),
            _ => {}
        }
        self.collect(side)
    }

    /// Everything that it can do at once.
    pub(super) fn act_promptly(&mut self, side: usize) -> Result<(), Finding> {
        let Some(fd) = self.connection(side) else { return Ok(()) };
        while self.read(side, fd)? {}
        if self.run.lethal && self.sides[side].ended {
            // Nobody reads any more who would be told.
            let number = self.stacks[side].error(self.now, fd);
            self.sides[side].error = Errno::ALL.iter().copied().find(|errno| *errno as i64 == number);
        }
        while self.write(side, fd)? {}
        self.collect(side)
    }

    /// The connection, accepted if there is one to accept.
    fn connection(&mut self, side: usize) -> Option<i32> {
        let application = &mut self.sides[side];
        if let (None, Some(listener), false) = (application.fd, application.listener, application.left) {
            let accepted = self.stacks[side].accept(self.now, listener).ok().map(|(fd, _)| fd);
            application.fd = accepted;
            if let Some(fd) = accepted {
                self.prepare(side, fd);
            }
        }
        self.sides[side].fd.filter(|_| self.sides[side].error.is_none())
    }

    /// The options that it has from the beginning.
    pub(super) fn prepare(&mut self, side: usize, fd: i32) {
        let plan = self.run.sides[side];
        let mut set = |option| {
            self.stacks[side].set_option(self.now, fd, option).expect("an option of every socket");
        };
        if plan.receive_buffer > 0 {
            set(SocketOption::RcvBuf(plan.receive_buffer));
        }
        if plan.send_buffer > 0 {
            set(SocketOption::SndBuf(plan.send_buffer));
        }
        set(SocketOption::NoDelay(plan.has(0)));
        set(SocketOption::KeepAlive(plan.has(2)));
        if plan.signs() {
            let peer = address(self.run, 1 - side).ip();
            self.stacks[side].set_md5_key(self.now, fd, peer, "endpoint-pair").expect("a key of every socket");
        }
        let mut set = |option| {
            self.stacks[side].set_option(self.now, fd, option).expect("an option of every socket");
        };
        // Urgent octets stay in the stream.
        set(SocketOption::OobInline(true));
    }

    /// Whether it wrote something.
    fn write(&mut self, side: usize, fd: i32) -> Result<bool, Finding> {
        let plan = self.run.sides[side];
        let from = self.sides[side].written;
        let octets = plan.write.min(plan.octets - from) as usize;
        if octets == 0 || self.sides[side].shut {
            return Ok(false);
        }
        let urgent = plan.has(3) && self.dice.below(8) == 0;
        let flags = SendFlags { oob: urgent, ..SendFlags::default() };
        match self.stacks[side].send(self.now, fd, text(side, from, octets), flags) {
            Ok(taken) => {
                hold!("O50", (1..=octets).contains(&taken), "{taken} octets were taken of {octets}");
                self.sides[side].written += taken as u32;
                Ok(true)
            }
            Err(Errno::EAGAIN) => Ok(false),
            Err(error) => self.died(side, error).map(|()| false),
        }
    }

    /// Whether it read something.
    fn read(&mut self, side: usize, fd: i32) -> Result<bool, Finding> {
        if self.sides[side].ended {
            return Ok(false);
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize((self.run.sides[side].read as usize).min(MOST_OCTETS), 0);
        let readable = self.stacks[side].inq(fd).unwrap_or(0);
        let result = self.stacks[side].recv(self.now, fd, &mut buffer, RecvFlags::default());
        let judged = self.judge_read(side, result, readable, &buffer);
        self.buffer = buffer;
        judged
    }

    fn judge_read(
        &mut self,
        side: usize,
        result: Result<usize, Errno>,
        readable: usize,
        buffer: &[u8],
    ) -> Result<bool, Finding> {
        let (read, other) = (self.sides[side].read, &self.sides[1 - side]);
        match result {
            Ok(0) => {
                let (written, shut) = (other.written, other.shut);
                if !shut {
                    let (fd, most) = (self.sides[side].fd.unwrap_or(-1), buffer.len());
                    self.stacks[side].owes_call(|| format!("recv({fd}, ..., {most}, 0) = -1 EAGAIN (would block)"));
                }
                hold!("O43", shut, "the end of a text that has not ended, after {read} octets");
                hold!("O41", read == written, "the end after {read} octets of {written}");
                self.sides[side].ended = true;
                Ok(true)
            }
            Ok(octets) => {
                let end = read + octets as u32;
                // Reading stops at the urgent octet, which is announced with what is behind it.
                let announced = readable.min(buffer.len());
                let right = octets == announced || octets < announced && self.run.sides[1 - side].has(3);
                hold!("O49", right, "{octets} octets read, {readable} were announced");
                hold!("O39", end <= other.written, "{end} octets read, {} were written", other.written);
                let right = buffer[..octets] == *text(1 - side, read, octets);
                hold!("O39", right, "the octets from {read} to {end} are not those that were written there");
                self.sides[side].read = end;
                Ok(true)
            }
            Err(Errno::EAGAIN) => Ok(false),
            Err(error) => self.died(side, error).map(|()| false),
        }
    }

    /// The connection is gone, which only a network that kills may do.
    fn died(&mut self, side: usize, error: Errno) -> Result<(), Finding> {
        hold!("O77", self.run.lethal, "side {}: {} although nothing forbids to go on", ["A", "B"][side], error.name());
        self.sides[side].error = Some(error);
        Ok(())
    }

    /// An option is changed on the way.
    fn change(&mut self, side: usize, fd: i32) {
        let plan = self.run.sides[side];
        let application = &mut self.sides[side];
        let option = if plan.has(1) {
            application.corked ^= true;
            SocketOption::Cork(application.corked)
        } else {
            SocketOption::QuickAck(plan.has(4))
        };
        self.stacks[side].set_option(self.now, fd, option).expect("an option of every socket");
    }

    /// Says that it writes no more.
    pub(super) fn shut(&mut self, side: usize, fd: i32) {
        // In SYN-SENT it would end the attempt.
        let opening = self.stacks[side].status(fd).is_ok_and(|status| status.state == State::SynSent);
        if !opening && !self.sides[side].shut && self.stacks[side].shutdown(self.now, fd, Shutdown::Write).is_ok() {
            self.sides[side].shut = true;
        }
    }

    /// Closes in the midst of everything, or aborts.
    fn leave(&mut self, side: usize, fd: i32) {
        if self.dice.below(2) == 0 {
            let linger = SocketOption::Linger(Some(Duration::ZERO));
            self.stacks[side].set_option(self.now, fd, linger).expect("an option of every socket");
        }
        self.close(side);
        self.sides[side].left = true;
    }

    /// Gives the connection and the listener back.
    pub(super) fn close(&mut self, side: usize) {
        let application = &mut self.sides[side];
        for fd in [application.fd.take(), application.listener.take()].into_iter().flatten() {
            self.stacks[side].close(self.now, fd).expect("an open descriptor");
        }
        application.shut = true;
    }

    /// Nothing holds back what it has written.
    pub(super) fn uncork(&mut self, side: usize) {
        if let (true, Some(fd)) = (self.sides[side].corked, self.sides[side].fd) {
            self.stacks[side].set_option(self.now, fd, SocketOption::Cork(false)).expect("an option of every socket");
        }
    }
}
