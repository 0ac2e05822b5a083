//! Random segments, calls, ICMP errors and waits, near the edges of windows: no invariant of a connection breaks, nothing is
//! answered for ever, every state is reached, and after the longest timers nothing is left.

use halfopen_stack::wire::icmp::{Problem, TimeExceeded, UnreachableV4, emit_error};
use halfopen_stack::wire::ip::{self, Header};
use halfopen_stack::wire::tcp::{self, Flags, Options, Segment, Timestamps};
use halfopen_stack::{
    Config, Domain, Errno, Instant, RecvFlags, SendFlags, SeqNum, Shutdown, SocketOption, Stack, State,
};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

struct Random(u64);

impl Random {
    fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % below
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

struct Chaos {
    stack: Stack,
    random: Random,
    now: Instant,
    local: SocketAddr,
    remotes: [SocketAddr; 2],
    /// Numbers of the stack's last segment: what the peer would answer.
    snd_nxt: SeqNum,
    rcv_nxt: SeqNum,
    window: u32,
    last: Vec<u8>,
    fds: Vec<i32>,
    states: BTreeSet<State>,
}

impl Chaos {
    fn new(config: Config, seed: u64) -> Self {
        let local: SocketAddr = "192.0.2.1:80".parse().unwrap();
        let mut stack = Stack::new(config, seed);
        stack.add_address(local.ip());
        let remotes = ["198.51.100.2:5000".parse().unwrap(), "198.51.100.2:5001".parse().unwrap()];
        Self {
            stack,
            random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            now: Instant(1_000_000),
            local,
            remotes,
            snd_nxt: SeqNum(0),
            rcv_nxt: SeqNum(1000),
            window: 1000,
            last: Vec::new(),
            fds: Vec::new(),
            states: BTreeSet::new(),
        }
    }

    fn drain(&mut self) {
        let mut count = 0;
        while let Some(datagram) = self.stack.transmit() {
            count += 1;
            assert!(count < 3000, "an endless answer");
            let parsed = ip::parse(&datagram).expect("what the stack sends parses");
            if parsed.protocol == ip::PROTOCOL_TCP {
                let segment = tcp::parse(parsed.src, parsed.dst, parsed.payload).expect("a segment that parses");
                if !segment.flags.rst() {
                    self.snd_nxt = segment.end();
                    if segment.flags.ack() {
                        self.rcv_nxt = segment.ack;
                        self.window = segment.window.into();
                    }
                }
                self.last = datagram;
            }
        }
        for fd in &self.fds {
            if let Ok(status) = self.stack.status(*fd) {
                self.states.insert(status.state);
            }
        }
    }

    fn segment(&mut self) {
        let random = &mut self.random;
        let flags = Flags::from_bits(random.one(&[
            0x10, 0x10, 0x10, 0x18, 0x18, 0x11, 0x11, 0x02, 0x12, 0x04, 0x14, 0x00, 0x01, 0x30, 0x3f, 0x06, 0x03,
        ]));
        let offset = random.one(&[0, 0, 0, 0, 1, u32::MAX, 5, 100, 0x8000_0000]);
        let edge = random.one(&[0, 0, 0, self.window]);
        let ack_offset = random.one(&[0, 0, 0, 0, 1, u32::MAX, 0u32.wrapping_sub(1000), 70_000]);
        let text = vec![7; random.one(&[0, 0, 0, 1, 10, 536, 1460])];
        let timestamps = Timestamps { val: (self.now.0 / 1000) as u32, ecr: 1 };
        let timestamps = random.one(&[Some(timestamps), Some(timestamps), None, Some(Timestamps { val: 1, ecr: 1 })]);
        let segment = Segment {
            src_port: random.one(&self.remotes).port(),
            dst_port: self.local.port(),
            seq: self.rcv_nxt.plus(offset).plus(edge),
            ack: self.snd_nxt.plus(ack_offset),
            flags,
            window: random.one(&[0, 1, 100, 1460, 10_000, 65_535]),
            urgent: random.one(&[0, 1, 5, 65_535]),
            options: Options {
                mss: random.one(&[None, Some(0), Some(1), Some(536), Some(1460), Some(65_535)]),
                window_scale: random.one(&[None, Some(0), Some(7), Some(255)]),
                sack_permitted: random.below(2) == 0,
                timestamps,
                ..Options::default()
            },
            payload: &text,
        };
        let datagram = tcp::emit(&Header::new(self.remotes[0].ip(), self.local.ip()), &segment);
        self.stack.receive(self.now, &datagram);
    }

    fn icmp(&mut self) {
        if self.last.is_empty() {
            return;
        }
        let problem = self.random.one(&[
            Problem::UnreachableV4(UnreachableV4::Port),
            Problem::UnreachableV4(UnreachableV4::Host),
            Problem::TimeExceeded(TimeExceeded::Transit),
            Problem::PacketTooBig { mtu: 0 },
            Problem::PacketTooBig { mtu: 100 },
            Problem::PacketTooBig { mtu: 700 },
        ]);
        let error = emit_error(&Header::new("203.0.113.9".parse().unwrap(), self.local.ip()), problem, &self.last);
        self.stack.receive(self.now, &error);
    }

    fn open(&mut self) {
        let fd = self.stack.socket(Domain::Inet).unwrap();
        self.stack.set_option(self.now, fd, SocketOption::ReuseAddr(true)).unwrap();
        let bound = self.stack.bind(fd, self.local).is_ok();
        let opened = if self.random.below(3) == 0 {
            let remote = self.random.one(&self.remotes);
            bound && self.stack.connect(self.now, fd, remote) == Err(Errno::EINPROGRESS)
        } else {
            bound && self.stack.listen(fd, self.random.one(&[0, 1, 5])).is_ok()
        };
        if opened {
            self.fds.push(fd);
        } else {
            self.stack.close(self.now, fd).unwrap();
        }
    }

    fn call(&mut self) {
        if self.fds.is_empty() {
            return self.open();
        }
        let index = self.random.below(self.fds.len() as u64) as usize;
        let fd = self.fds[index];
        let now = self.now;
        match self.random.below(14) {
            0..=2 => {
                if let Ok((accepted, _)) = self.stack.accept(now, fd) {
                    self.fds.push(accepted);
                }
            }
            3..=5 => {
                let data = vec![1; self.random.one(&[1, 10, 1000, 5000])];
                let flags = SendFlags {
                    more: self.random.below(6) == 0,
                    oob: self.random.below(6) == 0,
                    ..SendFlags::default()
                };
                let _ = self.stack.send(now, fd, &data, flags);
            }
            6..=8 => {
                let mut buffer = vec![0; self.random.one(&[0, 1, 100, 100_000])];
                let flags = RecvFlags {
                    peek: self.random.below(6) == 0,
                    oob: self.random.below(6) == 0,
                    ..RecvFlags::default()
                };
                let _ = self.stack.recv(now, fd, &mut buffer, flags);
            }
            9 => {
                let how = self.random.one(&[Shutdown::Read, Shutdown::Write, Shutdown::Both]);
                let _ = self.stack.shutdown(now, fd, how);
            }
            10 => {
                self.stack.close(now, fd).unwrap();
                self.fds.swap_remove(index);
            }
            11 => {
                let option = self.random.one(&[
                    SocketOption::NoDelay(true),
                    SocketOption::Cork(true),
                    SocketOption::Cork(false),
                    SocketOption::KeepAlive(true),
                    SocketOption::Linger(Some(Duration::ZERO)),
                    SocketOption::UserTimeout(Duration::from_secs(3)),
                    SocketOption::RcvBuf(2000),
                    SocketOption::MaxSeg(100),
                    SocketOption::QuickAck(true),
                    SocketOption::OobInline(true),
                ]);
                self.stack.set_option(now, fd, option).unwrap();
            }
            12 => {
                let remote = self.random.one(&self.remotes);
                let _ = self.stack.connect(now, fd, remote);
            }
            _ => self.open(),
        }
        if let Some(fd) = self.fds.first() {
            let _ = (self.stack.readiness(*fd), self.stack.tcp_info(*fd), self.stack.inq(*fd), self.stack.outq(*fd));
        }
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0..=11 => self.segment(),
            12..=16 => self.call(),
            17 => self.icmp(),
            _ => {
                let micros = self.random.one(&[1, 1000, 50_000, 300_000, 1_000_000, 5_000_000, 130_000_000]);
                self.now = Instant(self.now.0 + micros);
                self.stack.advance(self.now);
            }
        }
        self.drain();
    }

    /// Closes everything; after the longest give-up nothing may be left that has a timer.
    fn finish(&mut self) {
        for fd in std::mem::take(&mut self.fds) {
            self.stack.close(self.now, fd).unwrap();
        }
        self.drain();
        for _ in 0..200 {
            let Some(at) = self.stack.poll_at() else { break };
            self.now = at;
            self.stack.advance(at);
            self.drain();
        }
        assert_eq!(self.stack.poll_at(), None, "a timer outlives everything");
    }
}

#[test]
fn no_invariant_breaks() {
    let mut reached = BTreeSet::new();
    for (name, config) in [("rfc9293", Config::rfc9293()), ("rfc793", Config::rfc793()), ("linux", Config::linux())] {
        for seed in 1..=150 {
            println!("{name}, seed {seed}");
            let mut chaos = Chaos::new(config.clone(), seed);
            for _ in 0..400 {
                chaos.step();
            }
            chaos.finish();
            reached.append(&mut chaos.states);
        }
    }
    assert_eq!(reached.len(), 11, "states reached: {reached:?}");
}
