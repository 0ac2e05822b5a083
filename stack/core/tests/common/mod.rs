//! A stack and the peer that plays against it. Segments are written and printed with numbers relative to each side's
//! initial sequence number, as packet scripts have them.

#![allow(dead_code, reason = "each test file uses a part")]

use halfopen_stack::wire::icmp::{Problem, emit_error};
use halfopen_stack::wire::ip::{self, Header};
use halfopen_stack::wire::tcp::{self, Flags, Options, Segment, Timestamps};
use halfopen_stack::{Config, Domain, Errno, Instant, RecvFlags, SendFlags, SeqNum, Stack, State};
use std::net::{IpAddr, SocketAddr};

pub(crate) const S: Flags = Flags::SYN;
pub(crate) const A: Flags = Flags::ACK;
pub(crate) const R: Flags = Flags::RST;
pub(crate) const F: Flags = Flags::FIN.with(Flags::ACK);
pub(crate) const P: Flags = Flags::PSH.with(Flags::ACK);
pub(crate) const SA: Flags = Flags::SYN.with(Flags::ACK);
pub(crate) const RA: Flags = Flags::RST.with(Flags::ACK);
/// A SYN that sets up ECN (RFC 3168 6.1.1).
pub(crate) const SETUP: Flags = S.with(Flags::ECE).with(Flags::CWR);

/// Initial sequence number of the peer.
pub(crate) const PEER_ISN: SeqNum = SeqNum(0xffff_fff0);

pub(crate) fn secs(seconds: f64) -> Instant {
    Instant((seconds * 1e6).round() as u64)
}

pub(crate) struct Play {
    pub(crate) stack: Stack,
    pub(crate) now: Instant,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    /// ISN of the stack, once its SYN was seen.
    pub(crate) iss: SeqNum,
    /// Options of the peer's next segments.
    pub(crate) options: Options,
    pub(crate) window: u16,
    /// ECN field of the peer's next datagrams.
    pub(crate) ecn: u8,
    /// Segments that the stack has sent and no call has returned yet.
    pub(crate) seen: Vec<(Instant, Vec<u8>)>,
}

/// No options but the segment size, so that exchanges stay readable.
pub(crate) fn plain() -> Config {
    let mut config = Config::rfc9293();
    config.tcp_timestamps = 0;
    config.tcp_window_scaling = false;
    config.tcp_sack = false;
    config
}

impl Play {
    pub(crate) fn new(config: Config) -> Self {
        let local: SocketAddr = "192.0.2.1:80".parse().unwrap();
        let remote: SocketAddr = "198.51.100.2:5000".parse().unwrap();
        let mut stack = Stack::new(config, 1);
        stack.add_address(local.ip());
        let options = Options { mss: Some(1000), ..Options::default() };
        Self {
            stack,
            now: Instant(1_000_000),
            local,
            remote,
            iss: SeqNum(0),
            options,
            window: 10_000,
            ecn: 0,
            seen: Vec::new(),
        }
    }

    /// A listener on the local port.
    pub(crate) fn listen(&mut self, backlog: i32) -> i32 {
        let fd = self.stack.socket(Domain::Inet).unwrap();
        self.stack.bind(fd, self.local).unwrap();
        self.stack.listen(fd, backlog).unwrap();
        fd
    }

    /// A listener and an accepted connection in ESTABLISHED: SEQ 1 on both sides.
    pub(crate) fn established(config: Config) -> (Self, i32) {
        let mut play = Self::new(config);
        let fd = play.passive_open();
        assert_eq!(play.state(fd), State::Established);
        (play, fd)
    }

    /// A passive OPEN of the local port, and a connection of it, with the options that the peer has by now.
    pub(crate) fn passive_open(&mut self) -> i32 {
        self.passive_open_by(S)
    }

    /// As [`Self::passive_open`], by a SYN with these flags.
    pub(crate) fn passive_open_by(&mut self, syn: Flags) -> i32 {
        let listener = self.listen(8);
        self.inject(syn, 0, 0, b"");
        assert_eq!(self.inject(A, 1, 1, b""), [""; 0]);
        let (fd, remote) = self.stack.accept(self.now, listener).unwrap();
        assert_eq!(remote, self.remote);
        fd
    }

    /// An active OPEN from the local port: the SYN it sent.
    pub(crate) fn connect(&mut self) -> (i32, Vec<String>) {
        let fd = self.stack.socket(Domain::Inet).unwrap();
        self.stack.bind(fd, self.local).unwrap();
        assert_eq!(self.stack.connect(self.now, fd, self.remote), Err(Errno::EINPROGRESS));
        (fd, self.drain())
    }

    pub(crate) fn state(&self, fd: i32) -> State {
        self.stack.status(fd).unwrap().state
    }

    /// A segment from the peer with the play's options (SYN only, timestamps always) and window. What the stack sent.
    pub(crate) fn inject(&mut self, flags: Flags, seq: u32, ack: u32, text: &[u8]) -> Vec<String> {
        let mut options = Options { timestamps: self.options.timestamps, ..Options::default() };
        if flags.syn() {
            options = self.options;
        }
        let segment = Segment {
            src_port: self.remote.port(),
            dst_port: self.local.port(),
            seq: PEER_ISN.plus(seq),
            ack: if flags.ack() { self.iss.plus(ack) } else { SeqNum(0) },
            flags,
            window: self.window,
            urgent: 0,
            options,
            payload: text,
        };
        self.inject_raw(&segment)
    }

    /// An ACK from the peer with SACK blocks, and timestamps if the play has them. What the stack sent.
    pub(crate) fn sack(&mut self, ack: u32, blocks: &[(u32, u32)]) -> Vec<String> {
        self.sack_with(A, ack, blocks)
    }

    /// The same with these flags.
    pub(crate) fn sack_with(&mut self, flags: Flags, ack: u32, blocks: &[(u32, u32)]) -> Vec<String> {
        let mut options = Options { timestamps: self.options.timestamps, ..Options::default() };
        for (left, right) in blocks {
            options.sack.push(self.iss.plus(*left), self.iss.plus(*right));
        }
        let segment = Segment {
            src_port: self.remote.port(),
            dst_port: self.local.port(),
            seq: PEER_ISN.plus(1),
            ack: self.iss.plus(ack),
            flags,
            window: self.window,
            options,
            ..Segment::default()
        };
        self.inject_raw(&segment)
    }

    pub(crate) fn inject_raw(&mut self, segment: &Segment<'_>) -> Vec<String> {
        let mut header = Header::new(self.remote.ip(), self.local.ip());
        header.ecn = self.ecn;
        let datagram = tcp::emit(&header, segment);
        self.stack.receive(self.now, &datagram);
        self.drain()
    }

    /// An ICMP error from the peer about the last datagram that the stack sent. What the stack sent then.
    pub(crate) fn icmp(&mut self, problem: Problem) -> Vec<String> {
        let (_, datagram) = self.seen.last().expect("a datagram");
        let error = emit_error(&Header::new(self.remote.ip(), self.local.ip()), problem, datagram);
        self.stack.receive(self.now, &error);
        self.drain()
    }

    /// Takes what the stack has sent.
    pub(crate) fn drain(&mut self) -> Vec<String> {
        let mut printed = Vec::new();
        while let Some(datagram) = self.stack.transmit() {
            printed.push(self.print(&datagram));
            self.seen.push((self.now, datagram));
        }
        printed
    }

    /// Lets time pass until `seconds` after now; what was sent, each with the seconds since now.
    pub(crate) fn wait(&mut self, seconds: f64) -> Vec<(f64, String)> {
        let start = self.now;
        let end = Instant(start.0 + secs(seconds).0);
        let mut sent = Vec::new();
        while let Some(at) = self.stack.poll_at().filter(|at| *at <= end) {
            self.now = at;
            self.stack.advance(at);
            sent.extend(self.drain().into_iter().map(|line| ((at.0 - start.0) as f64 / 1e6, line)));
        }
        self.now = end;
        self.stack.advance(end);
        sent
    }

    pub(crate) fn send(&mut self, fd: i32, text: &[u8]) -> Vec<String> {
        assert_eq!(self.stack.send(self.now, fd, text, SendFlags::default()), Ok(text.len()));
        self.drain()
    }

    pub(crate) fn read(&mut self, fd: i32) -> Result<Vec<u8>, Errno> {
        let mut buffer = vec![0; 100_000];
        let len = self.stack.recv(self.now, fd, &mut buffer, RecvFlags::default())?;
        buffer.truncate(len);
        Ok(buffer)
    }

    pub(crate) fn close(&mut self, fd: i32) -> Vec<String> {
        self.stack.close(self.now, fd).unwrap();
        self.drain()
    }

    pub(crate) fn timestamp(&mut self, val: u32, ecr: u32) {
        self.options.timestamps = Some(Timestamps { val, ecr });
    }

    /// The peer's timestamps echo `ecr` from now on, if it has them.
    pub(crate) fn timestamp_if(&mut self, timestamps: bool, ecr: u32) {
        if timestamps {
            self.timestamp((self.now.0 / 1000) as u32, ecr);
        }
    }

    /// `flags seq:end(len) ack A`, behind `[ect0]` or another ECN field that is not Not-ECT: window and options are left to the tests that are about them.
    fn print(&mut self, datagram: &[u8]) -> String {
        let parsed = ip::parse(datagram).expect("a datagram that parses");
        if parsed.protocol != ip::PROTOCOL_TCP {
            return format!("icmp {}", parsed.payload[0]);
        }
        let segment = tcp::parse(parsed.src, parsed.dst, parsed.payload).expect("a segment that parses");
        if segment.flags.syn() {
            self.iss = segment.seq;
        }
        // A reset may be in the peer's numbers, or 0.
        let seq = match segment.flags.rst() && segment.flags.ack() && segment.seq.0 == 0 {
            true => 0,
            false => self.iss.distance(segment.seq),
        };
        let end = seq.wrapping_add(segment.payload.len() as u32);
        let ecn = ["", "[ect1] ", "[ect0] ", "[ce] "][usize::from(parsed.ecn)];
        let mut line = format!("{ecn}{} {seq}:{end}({})", segment.flags, segment.payload.len());
        if segment.flags.ack() {
            line += &format!(" ack {}", PEER_ISN.distance(segment.ack));
        }
        line
    }

    /// The last segment that the stack sent.
    pub(crate) fn last(&self) -> (Segment<'_>, IpAddr) {
        let (_, datagram) = self.seen.last().expect("a segment");
        let parsed = ip::parse(datagram).unwrap();
        (tcp::parse(parsed.src, parsed.dst, parsed.payload).unwrap(), parsed.src)
    }
}

/// The `linux` profile with SACK and without timestamps and window scaling, and a connection.
pub(crate) fn linux() -> (Play, i32) {
    with_sack(true)
}

pub(crate) fn with_sack(sack: bool) -> (Play, i32) {
    let mut config = Config::linux();
    config.tcp_timestamps = 0;
    config.tcp_window_scaling = false;
    let mut play = Play::new(config);
    play.options.sack_permitted = sack;
    let fd = play.passive_open();
    (play, fd)
}
