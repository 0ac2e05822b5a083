//! The kernel of this host as a SUT: a namespace and a TUN device for each test, real sockets, the kernel's own timestamps.
//!
//! The thread that makes a [`Linux`] moves into a new network namespace at each start and makes everything of the test there:
//! `tun0`, its addresses and routes, the packet socket that captures what the kernel sends, and the sockets of the script.
//! Everything is held by descriptors of this process, and the namespace by its threads, so that nothing is left when the
//! process ends, however it ends: at once, or, if a connection was open, when the kernel gives up on its FIN. The host's interfaces, addresses, routes and parameters are never touched.
//!
//! Each namespace begins with this baseline; a script's own commands come after it.
//!
//! | parameter | value | why |
//! |---|---|---|
//! | `net.ipv4.tcp_congestion_control` | `cubic` | the host's choice is inherited. Where a namespace may not choose it, each socket does (`TCP_CONGESTION`) until the script sets the parameter |
//! | `net.ipv4.tcp_no_metrics_save` | 1 | one connection's round-trip time would change the next one's RTO |
//! | `net.ipv4.tcp_rmem` | 4096 131072 32 MiB (6 MiB before 6.16) | the host's is inherited; the last one decides the window scale |
//! | `net.ipv4.tcp_wmem` | 4096 16384 4194304 | the host's is inherited |
//! | `net.ipv6.conf.default.disable_ipv6` | 1, for IPv4 tests | no background traffic |
//! | `net.ipv6.conf.default.addr_gen_mode` | 1, for IPv6 tests | no link-local address, so no router solicitations |
//!
//! While a test runs, its threads have real-time priority where the host permits it, so that a busy host does not make the
//! harness late; the commands of a script do not.
//!
//! Offloads are off, so that a captured datagram is what would be on the wire, unless a test asks for them ([`Setup::offload`]); then the
//! checksums that the kernel leaves to the device are filled in as a device would.
//!
//! Absent on purpose: IP version numbers other than 4 and 6 in injected datagrams, which TUN refuses.
#![allow(unsafe_code, reason = "system calls that nix does not wrap, or wraps more narrowly than a script needs")]

mod builtin;
mod calls;
mod capture;
mod clock;
mod device;
pub mod hosted;
mod live;
mod messages;
mod neighbour;
mod netlink;
mod netns;
mod objects;
pub mod pooled;
mod priority;
pub mod probe;
mod scratch;
mod seat;
mod shell;
mod shelter;
mod sockets;
mod sysctl;
mod tcp_info;
mod watch;
mod worker;

pub use netns::{available, enter_user_namespace};
pub(crate) use shell::work_in;

use crate::commands::{Program, executable};
use capture::{Capture, Direction};
use clock::Clock;
use device::Tun;
use halfopen_engine::call::{Reply, SysCall};
use halfopen_engine::sut::{Capability, ClockKind, Description, Evidence, Happening, Micros, Setup, Sut, SutError};
use live::{Live, earlier};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::prctl::set_timerslack;
use nix::sys::time::{TimeSpec, TimeValLike as _};
use nix::time::{ClockId, ClockNanosleepFlags, clock_nanosleep};
use nix::unistd::Pid;
use seat::Seat;
use shell::Shells;
use sockets::Sockets;
use std::fs;
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, PoisonError};
use watch::Watch;

/// 2MSL of Linux, a constant of the kernel; microseconds.
const TIME_WAIT: i64 = 60_000_000;

/// How far behind a tick a test begins; nanoseconds. packetdrill's scripts get going about a millisecond behind one, where a little more or less
/// lateness puts what they do behind this tick or the next. A little further on there is more than half a millisecond to spare.
const TICK_PHASE: i64 = 1_050_000;

/// An absence of the processor that is longer ago at the end of a test has nothing to do with how it ends; nanoseconds.
const RECENT: i64 = 1_000_000_000;

/// Held while a namespace is being set up.
static STARTING: Mutex<()> = Mutex::new(());

/// The kernel of this host. It belongs to the thread that makes it.
#[derive(Debug)]
pub struct Linux {
    description: Description,
    /// Major and minor version.
    kernel: (u32, u32),
    sockets: Sockets,
    clock: Clock,
    watch: Arc<Watch>,
    test: Option<Test>,
}

/// What lives as long as a test.
#[derive(Debug)]
struct Test {
    tun: Tun,
    capture: Capture,
    shells: Shells,
    seat: Seat,
    /// When the script began, on `CLOCK_MONOTONIC`.
    began: i64,
    /// `set_sysctls.py` was played, so that there is nothing for its restoring script to do.
    restorable: bool,
}

impl Linux {
    /// Looks at the host; makes nothing in it yet.
    ///
    /// # Errors
    /// `Environment` when there is no `/proc` or no thread can be made.
    pub fn new() -> Result<Self, SutError> {
        netns::remember_host()?;
        shell::prepare()?;
        let (version, kernel) = version()?;
        let description = Description {
            name: "linux".to_owned(),
            runner: "tun".to_owned(),
            version,
            clock: ClockKind::Real,
            params: vec![("time_wait".to_owned(), TIME_WAIT)],
        };
        Ok(Self {
            description,
            kernel,
            sockets: Sockets::new()?,
            clock: Clock::start(),
            watch: Watch::share(),
            test: None,
        })
    }

    fn test(&mut self) -> Result<&mut Test, SutError> {
        self.test.as_mut().ok_or_else(not_started)
    }
}

impl Live for Linux {
    fn time(&mut self) -> Micros {
        self.clock.now()
    }

    fn happened(&mut self) -> Result<Option<Micros>, SutError> {
        // The call first: whatever the kernel sent before it returned is then in the capture.
        let returned = self.sockets.returned().map(|at| self.clock.since(at));
        let test = self.test.as_mut().ok_or_else(not_started)?;
        test.tun.drain();
        test.capture.fill(&mut self.clock)?;
        Ok(earlier(returned, test.capture.first()))
    }

    fn take(&mut self, at: Micros) -> Option<Happening> {
        if let Some((at, octets)) = self.test.as_mut().and_then(|test| test.capture.pop_at(at)) {
            return Some(Happening::Datagram { at, octets });
        }
        let mut reply = self.sockets.take_reply()?;
        messages::on_clock(&mut reply, &self.clock);
        Some(Happening::Returned { at, reply })
    }

    fn wait(&mut self, deadline: Micros) -> Result<(), SutError> {
        let remaining = deadline - self.clock.now();
        let test = self.test.as_ref().ok_or_else(not_started)?;
        let mut fds = vec![PollFd::new(test.capture.as_fd(), PollFlags::POLLIN)];
        fds.extend(self.sockets.event().map(|event| PollFd::new(event, PollFlags::POLLIN)));
        match ppoll(&mut fds, Some(TimeSpec::microseconds(remaining.max(0))), None) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(environment("waiting for the kernel", errno)),
        }
    }
}

impl Sut for Linux {
    fn describe(&self) -> &Description {
        &self.description
    }

    fn capability(&self, name: &str) -> Capability {
        match name {
            "kernel" => Capability::Version(vec![self.kernel.0, self.kernel.1]),
            _ => Capability::Untold,
        }
    }

    fn start(&mut self, setup: &Setup) -> Result<(), SutError> {
        if self.test.is_some() {
            self.finish()?;
        }
        if let Some(profile) = setup.profile.as_ref().filter(|profile| *profile != "linux") {
            return Err(SutError::Unsupported(format!("profile `{profile}`, which the kernel does not have")));
        }
        set_timerslack(1).map_err(|errno| environment("timer slack", errno))?;
        // The kernel does this work under one lock, for which its own clean-up of namespaces waits too. A crowd at it
        // takes longer than a queue.
        let turn = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        netns::enter()?;
        let namespace_wide = sysctl::baseline(setup.family, self.kernel)?;
        let tun = Tun::create(setup.offload, setup.train)?;
        tun.configure(setup)?;
        let capture = Capture::open(tun.index, Direction::Outgoing, setup.offload)?;
        self.sockets.start((!namespace_wide).then(|| sysctl::CONGESTION_CONTROL.to_owned()));
        drop(turn);
        let seat = Seat::find();
        seat.take(Pid::from_raw(0));
        self.sockets.sit(&seat);
        self.test =
            Some(Test { tun, capture, shells: Shells::new(), seat, began: clock::monotonic(), restorable: false });
        priority::raise();
        self.clock = Clock::start();
        Ok(())
    }

    fn align(&mut self) -> Result<(), SutError> {
        clock::tick_phase(TICK_PHASE).map_err(|errno| environment("waiting for a tick", errno))?;
        self.test()?.began = clock::monotonic();
        Ok(())
    }

    fn now(&mut self) -> Micros {
        self.clock.now()
    }

    fn inject(&mut self, datagram: &[u8]) -> Result<Micros, SutError> {
        // Before and not after: the kernel's answer is stamped while the datagram is being written.
        let at = self.clock.now();
        self.test()?.tun.inject(datagram)?;
        Ok(at)
    }

    fn next(&mut self, deadline: Micros) -> Result<Happening, SutError> {
        self.next_happening(deadline)
    }

    fn call(&mut self, call: &SysCall) -> Result<Reply, SutError> {
        // The device takes what was sent, as it would: until then the kernel has not done with it.
        self.test()?.tun.drain();
        let mut reply = self.sockets.call(call)?;
        messages::on_clock(&mut reply, &self.clock);
        Ok(reply)
    }

    fn command(&mut self, line: &str) -> Result<(), SutError> {
        Program::read(line, &executable).run(&mut |command| self.perform(command))
    }

    fn tcp_info(&mut self, fd: i32) -> Result<Vec<(String, i64)>, SutError> {
        if !self.sockets.owns(fd) {
            return Err(SutError::Environment(format!("descriptor {fd} is not open, so it has no TCP_INFO")));
        }
        tcp_info::read(fd, self.kernel).map_err(|errno| environment(&format!("TCP_INFO of descriptor {fd}"), errno))
    }

    fn finish(&mut self) -> Result<Evidence, SutError> {
        let Some(mut test) = self.test.take() else { return Ok(Evidence::default()) };
        let since = test.began.max(clock::monotonic() - RECENT);
        let (absent, tickless) = (self.watch.longest(test.seat.cpu(), since), self.watch.longest_of_a_tick(since));
        priority::lower();
        test.seat.leave();
        let counted = test.capture.fill(&mut self.clock).and_then(|()| test.capture.count_drops());
        test.shells.end();
        let closed = self.sockets.finish();
        let evidence = Evidence { captured: test.capture.captured, dropped: test.capture.dropped, absent, tickless };
        close_elsewhere(test);
        counted.and(closed).map(|()| evidence)
    }
}

impl Drop for Linux {
    fn drop(&mut self) {
        // Whoever drops a SUT in the middle of a test does not want to know how the test ends.
        let _ = self.finish();
    }
}

/// Closing a packet socket takes the kernel 10 ms and more, so a thread that lives only for that does it.
fn close_elsewhere(test: Test) {
    let fds = (test.capture.into_fd(), test.tun.into_fd());
    // Without a thread the descriptors are dropped, and so closed, here.
    let _ = std::thread::Builder::new().name("close".to_owned()).stack_size(16 << 10).spawn(move || drop(fds));
}

/// The kernel's release, and its major and minor version.
fn version() -> Result<(String, (u32, u32)), SutError> {
    let path = "/proc/sys/kernel/osrelease";
    let release = fs::read_to_string(path).map_err(|error| SutError::Environment(format!("{path}: {error}")))?;
    let version = release.trim().to_owned();
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().unwrap_or(0));
    let kernel = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    Ok((version, kernel))
}

fn not_started() -> SutError {
    SutError::Environment("the SUT has not been started".to_owned())
}

/// The environment's refusal of something that the harness needs.
fn environment(what: &str, errno: Errno) -> SutError {
    SutError::Environment(format!("{what}: {errno}"))
}

/// Sleeps for this many nanoseconds.
fn pause(nanoseconds: i64) {
    // A signal ends the pause early, which every caller can bear.
    let _ =
        clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::empty(), &TimeSpec::nanoseconds(nanoseconds));
}
