//! An active client: connects, sends a file or a pattern, receives to a file or to nowhere, half-closes when all is sent.

use halfopen_stack::socket::{Domain, RecvFlags, SendFlags};
use halfopen_stack::{Errno, Instant, Shutdown, Stack};
use std::fmt;
use std::io::{self, Read, Write};
use std::net::SocketAddr;

/// Octets that are moved at a time.
const CHUNK: usize = 256 << 10;

/// The octet at a place of the pattern: places are told apart, so that a misplaced octet is seen.
#[must_use]
pub const fn pattern(at: u64) -> u8 {
    (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

/// Where octets to send come from.
pub enum Source {
    /// A file or standard input.
    Read(Box<dyn Read>),
    /// That many octets of [`pattern`].
    Pattern(u64),
}

/// What a client did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Octets that the stack took.
    pub sent: u64,
    /// Octets that came.
    pub received: u64,
    /// Microseconds from `connect` to the end.
    pub micros: u64,
    /// Why it ended early: the connection's error, or that of a file.
    pub failed: Option<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.micros as f64 / 1e6;
        let rate = |octets: u64| octets as f64 * 8.0 / (self.micros.max(1) as f64);
        write!(f, "sent {} octets ({:.1} Mbit/s), ", self.sent, rate(self.sent))?;
        write!(f, "received {} octets ({:.1} Mbit/s), {seconds:.3} s", self.received, rate(self.received))?;
        match &self.failed {
            Some(why) => write!(f, ": {why}"),
            None => Ok(()),
        }
    }
}

/// One connection.
pub struct Client {
    remote: SocketAddr,
    fd: i32,
    source: Source,
    sink: Option<Box<dyn Write>>,
    connected: bool,
    half_closed: bool,
    room: Vec<u8>,
    /// Read from the source and not sent, from `from` on.
    waiting: Vec<u8>,
    from: usize,
    began: Instant,
    report: Report,
    over: bool,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("remote", &self.remote).field("report", &self.report).finish_non_exhaustive()
    }
}

impl Client {
    /// Begins to connect.
    ///
    /// # Errors
    /// What `connect` refuses at once, e.g. `ENETUNREACH` without an address of the family.
    pub fn connect(
        stack: &mut Stack,
        now: Instant,
        remote: SocketAddr,
        source: Source,
        sink: Option<Box<dyn Write>>,
    ) -> Result<Self, Errno> {
        let fd = stack.socket(if remote.is_ipv4() { Domain::Inet } else { Domain::Inet6 })?;
        match stack.connect(now, fd, remote) {
            Ok(()) | Err(Errno::EINPROGRESS) => {}
            Err(errno) => return Err(errno),
        }
        Ok(Self {
            remote,
            fd,
            source,
            sink,
            connected: false,
            half_closed: false,
            room: vec![0; CHUNK],
            waiting: Vec::new(),
            from: 0,
            began: now,
            report: Report::default(),
            over: false,
        })
    }

    /// Its descriptor, while it has one.
    #[must_use]
    pub fn descriptor(&self) -> Option<i32> {
        (!self.over).then_some(self.fd)
    }

    /// What it did, once it is over.
    #[must_use]
    pub fn report(&self) -> Option<&Report> {
        self.over.then_some(&self.report)
    }

    /// Goes on as far as it goes. Whether anything moved.
    pub fn run(&mut self, stack: &mut Stack, now: Instant) -> bool {
        if self.over {
            return false;
        }
        match self.step(stack, now) {
            Ok(busy) => busy,
            Err(why) => {
                self.end(stack, now, why);
                true
            }
        }
    }

    /// One step; the error is why it ends, `None` if as it should.
    fn step(&mut self, stack: &mut Stack, now: Instant) -> Result<bool, Option<String>> {
        if !self.connected {
            match stack.connect(now, self.fd, self.remote) {
                Ok(()) | Err(Errno::EISCONN) => self.connected = true,
                Err(Errno::EALREADY | Errno::EINPROGRESS) => return Ok(false),
                Err(errno) => return Err(Some(errno.to_string())),
            }
        }
        let sent = !self.half_closed && self.send(stack, now)?;
        let received = self.receive(stack, now)?;
        Ok(sent || received)
    }

    fn send(&mut self, stack: &mut Stack, now: Instant) -> Result<bool, Option<String>> {
        if self.from == self.waiting.len() {
            self.refill().map_err(|error| Some(format!("reading what to send: {error}")))?;
            if self.waiting.is_empty() {
                self.half_closed = true;
                stack.shutdown(now, self.fd, Shutdown::Write).map_err(|errno| Some(errno.to_string()))?;
                return Ok(true);
            }
        }
        match stack.send(now, self.fd, &self.waiting[self.from..], SendFlags::default()) {
            Ok(taken) => {
                self.from += taken;
                self.report.sent += taken as u64;
                Ok(true)
            }
            Err(Errno::EAGAIN) => Ok(false),
            Err(errno) => Err(Some(errno.to_string())),
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        self.from = 0;
        let octets = match &mut self.source {
            Source::Read(file) => {
                self.waiting.resize(CHUNK, 0);
                file.read(&mut self.waiting)?
            }
            Source::Pattern(total) => {
                let left = total.saturating_sub(self.report.sent).min(CHUNK as u64);
                self.waiting.clear();
                self.waiting.extend((self.report.sent..self.report.sent + left).map(pattern));
                left as usize
            }
        };
        self.waiting.truncate(octets);
        Ok(())
    }

    fn receive(&mut self, stack: &mut Stack, now: Instant) -> Result<bool, Option<String>> {
        match stack.recv(now, self.fd, &mut self.room, RecvFlags::default()) {
            // The end of what the peer says is the end, whether it wanted all of ours or not.
            Ok(0) => Err((!self.half_closed).then(|| "the peer closed before all was sent".to_owned())),
            Ok(octets) => {
                self.report.received += octets as u64;
                if let Some(sink) = &mut self.sink {
                    let written = sink.write_all(&self.room[..octets]);
                    written.map_err(|error| Some(format!("writing what was received: {error}")))?;
                }
                Ok(true)
            }
            Err(Errno::EAGAIN) => Ok(false),
            Err(errno) => Err(Some(errno.to_string())),
        }
    }

    fn end(&mut self, stack: &mut Stack, now: Instant, why: Option<String>) {
        let flushed = self.sink.as_mut().map_or(Ok(()), |sink| sink.flush());
        self.report.failed = why.or_else(|| flushed.err().map(|error| format!("writing what was received: {error}")));
        self.report.micros = now.since(self.began).as_micros() as u64;
        self.over = true;
        // A descriptor that is gone is closed.
        let _ = stack.close(now, self.fd);
    }
}
