//! The reference stack as a host of programs.

use super::player::BEGINNING;
use super::{Host, Waited, timed};
use crate::datagram;
use crate::machine;
use crate::program::{Name, Setup};
use halfopen_stack::{Config, Domain, Errno, Instant, RecvFlags, SendFlags, Shutdown, SocketOption, Stack};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Parameters that a kernel has to have for its answers to depend on a program alone, by `sysctl` name; the reference stack has the same.
pub const PARAMETERS: &[(&str, &str)] = &[
    // Half a second without answers is no answer to a program of a millisecond.
    ("net.ipv4.tcp_invalid_ratelimit", "0"),
    // Cookies count time in minutes, and whether they are sent depends on the listener's past.
    ("net.ipv4.tcp_syncookies", "0"),
    // Whether a short train waits for the next ACK depends on how near that is, by a round trip of microseconds.
    ("net.ipv4.tcp_tso_win_divisor", "255"),
    // How full a device's queue is, is none of a program's business.
    ("net.ipv4.tcp_autocorking", "0"),
    ("net.ipv4.tcp_retrans_collapse", "0"),
    // A loss probe comes after two round trips, which are microseconds here.
    ("net.ipv4.tcp_early_retrans", "0"),
    // Buffers that grow with the measured round trip.
    ("net.ipv4.tcp_moderate_rcvbuf", "0"),
    ("net.ipv4.tcp_no_metrics_save", "1"),
    // The host's choices are inherited.
    ("net.ipv4.tcp_ecn", "2"),
    ("net.ipv4.tcp_timestamps", "1"),
    ("net.ipv4.tcp_sack", "1"),
    ("net.ipv4.tcp_dsack", "1"),
    ("net.ipv4.tcp_window_scaling", "1"),
    ("net.ipv4.tcp_fastopen", "1"),
    ("net.ipv4.tcp_max_syn_backlog", "2048"),
];

/// Parameters of a kernel that the reference stack has no mechanism for: each is switched off.
pub const ABSENT: &[(&str, &str)] = &[("net.ipv4.tcp_comp_sack_nr", "0"), ("net.ipv4.tcp_pacing_ss_ratio", "200")];

/// A stack for each run.
#[derive(Debug)]
pub struct Reference {
    config: Config,
    stack: Stack,
    now: Instant,
    /// The earliest end of a wait, because of what a timer has done, and by how much that may be late; microseconds.
    clear: (u64, u64),
}

/// The `linux` profile with [`PARAMETERS`], and the limits of this kernel's buffers.
///
/// # Panics
/// When the stack lacks one of the parameters.
#[must_use]
pub fn config((receive, send): (u32, u32)) -> Config {
    let mut config = Config::linux();
    for (name, value) in PARAMETERS {
        config.set(name, value).unwrap_or_else(|error| panic!("{name}={value}: {error:?}"));
    }
    (config.rmem_max, config.wmem_max) = (receive, send);
    config
}

impl Reference {
    /// As [`config`] has it.
    #[must_use]
    pub fn new(buffers: (u32, u32)) -> Self {
        Self::of(config(buffers))
    }

    /// As a configuration has it.
    #[must_use]
    pub fn of(config: Config) -> Self {
        Self { stack: Stack::new(config.clone(), 0), config, now: Instant(0), clear: (0, 0) }
    }
}

fn number<T>(result: Result<T, Errno>) -> Result<T, i32> {
    result.map_err(Errno::number)
}

fn ends(v6: bool) -> (IpAddr, IpAddr) {
    if v6 {
        (datagram::v6(1).into(), datagram::v6(2).into())
    } else {
        (datagram::HOST_V4.into(), datagram::PEER_V4.into())
    }
}

impl Host for Reference {
    fn begin(&mut self, setup: &Setup) {
        self.stack = Stack::new(self.config.clone(), setup.seed.into());
        self.stack.add_address(ends(setup.v6).0);
        self.clear = (0, 0);
    }

    fn at(&mut self, micros: u64) {
        self.now = Instant(micros);
        self.stack.advance(self.now);
    }

    fn arrives(&mut self, datagram: &mut [u8]) {
        self.stack.receive(self.now, datagram);
    }

    fn leaves(&mut self, out: &mut Vec<u8>) -> bool {
        self.stack.transmit_into(out)
    }

    /// A wait ends where no timer is due: its end is moved behind each that would fire near it, because another host may be late.
    fn wait(&mut self, until: u64, out: &mut Vec<u8>) -> Waited {
        if self.stack.transmit_into(out) {
            return Waited::Left(self.now.micros());
        }
        loop {
            let end = until.max(self.clear.0);
            let moved = end <= until + timed::MOST_MORE;
            match self.stack.poll_at().filter(|at| moved && at.micros() < end + timed::EARLY) {
                Some(at) => {
                    self.at(at.micros().max(self.now.micros()));
                    let (now, slip) = (self.now.micros(), self.clear.1);
                    let passed = now - BEGINNING;
                    self.clear = (now + timed::late(passed, slip), slip + timed::wheel(passed));
                    if self.stack.transmit_into(out) {
                        return Waited::Left(self.now.micros());
                    }
                }
                None => {
                    self.at(end);
                    return Waited::Over(end);
                }
            }
        }
    }

    fn socket(&mut self, v6: bool) -> Result<i32, i32> {
        number(self.stack.socket(if v6 { Domain::Inet6 } else { Domain::Inet }))
    }

    fn option(&mut self, fd: i32, name: Name, value: u16) -> Result<(), i32> {
        number(self.stack.set_option(self.now, fd, machine::option(name, value).0))
    }

    fn linger_zero(&mut self, fd: i32) -> Result<(), i32> {
        number(self.stack.set_option(self.now, fd, SocketOption::Linger(Some(Duration::ZERO))))
    }

    fn bind(&mut self, fd: i32, v6: bool, port: u16) -> Result<(), i32> {
        number(self.stack.set_option(self.now, fd, SocketOption::ReuseAddr(true)))?;
        number(self.stack.bind(fd, SocketAddr::new(ends(v6).0, port)))
    }

    fn listen(&mut self, fd: i32, backlog: i32) -> Result<(), i32> {
        number(self.stack.listen(fd, backlog))
    }

    fn accept(&mut self, fd: i32) -> Result<(i32, u16), i32> {
        number(self.stack.accept(self.now, fd)).map(|(fd, remote)| (fd, remote.port()))
    }

    fn connect(&mut self, fd: i32, v6: bool, port: u16) -> Result<(), i32> {
        number(self.stack.connect(self.now, fd, SocketAddr::new(ends(v6).1, port)))
    }

    fn send(&mut self, fd: i32, data: &[u8], more: bool, urgent: bool) -> Result<usize, i32> {
        number(self.stack.send(self.now, fd, data, SendFlags { more, oob: urgent, ..SendFlags::default() }))
    }

    fn recv(&mut self, fd: i32, room: &mut [u8], peek: bool) -> Result<usize, i32> {
        number(self.stack.recv(self.now, fd, room, RecvFlags { peek, ..RecvFlags::default() }))
    }

    fn shutdown(&mut self, fd: i32, how: i32) -> Result<(), i32> {
        let how = match how {
            0 => Shutdown::Read,
            1 => Shutdown::Write,
            _ => Shutdown::Both,
        };
        number(self.stack.shutdown(self.now, fd, how))
    }

    fn close(&mut self, fd: i32) -> Result<(), i32> {
        number(self.stack.close(self.now, fd))
    }

    fn state(&mut self, fd: i32) -> u8 {
        self.stack.tcp_info(fd).map_or(0, |info| info.state as u8)
    }

    fn shown(&self, v6: bool, local: u16, remote: u16) -> &'static str {
        let (host, peer) = ends(v6);
        let vitals = self.stack.vitals(SocketAddr::new(host, local), SocketAddr::new(peer, remote));
        vitals.map_or("none", |vitals| vitals.state.name())
    }
}
