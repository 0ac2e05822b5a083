//! The reference stack as a host of its own: another process, on a TUN device or an Ethernet interface, tested from outside.
//!
//! The thread that makes a [`Hosted`] moves into a new network namespace and makes `tun0`, or the two ends of a veth pair,
//! there. This program, started again as `halfopen stack`, has the device; packet sockets inject on the kernel's side of it and
//! capture what comes out, with the kernel's stamps. Socket calls go over a socket (`rpc`). The namespace has no address, so
//! its kernel says nothing of its own. One process serves many tests, each with a stack of its own; one that ends, or answers
//! nothing for a while, is broken, which is a verdict, and the next test starts another.

mod rpc;
mod server;
mod wire;

pub use server::serve;

use super::clock::Clock;
use super::live::{Live, earlier};
use super::{environment, netns, priority, sysctl};
use crate::reference;
use halfopen_engine::call::{Reply, SysCall};
use halfopen_engine::sut::{ClockKind, Description, Evidence, Happening, Micros, Setup, Sut, SutError};
use halfopen_script::test::Family;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::prctl::set_timerslack;
use nix::sys::time::{TimeSpec, TimeValLike as _};
use rpc::{Answer, Connection, Request, Start};
use std::collections::VecDeque;
use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use wire::Wire;

/// How long the host may take to answer, nanoseconds.
const PATIENCE: i64 = 10_000_000_000;

/// How the host is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attachment {
    /// A TUN device.
    Tun,
    /// An end of a veth pair, with Ethernet.
    Veth,
}

impl Attachment {
    const fn name(self) -> &'static str {
        match self {
            Self::Tun => "tun",
            Self::Veth => "veth",
        }
    }
}

/// The reference stack in another process. It belongs to the thread that makes it.
#[derive(Debug)]
pub struct Hosted {
    description: Description,
    profile: String,
    attachment: Attachment,
    host: Option<Host>,
    clock: Clock,
    running: bool,
}

/// The process and the far side of its device.
#[derive(Debug)]
struct Host {
    child: Child,
    connection: Connection,
    wire: Wire,
    /// Pending calls that returned.
    returned: VecDeque<(i64, Reply)>,
}

impl Hosted {
    /// A profile by name: as of the reference stack in this process.
    ///
    /// # Errors
    /// `Unsupported` for any other name; `Environment` without `/proc`.
    pub fn new(profile: Option<&str>, attachment: Attachment) -> Result<Self, SutError> {
        netns::remember_host()?;
        let profile = profile.unwrap_or("rfc9293").to_owned();
        let mut description = reference::Reference::new(Some(&profile))?.describe().clone();
        attachment.name().clone_into(&mut description.runner);
        description.clock = ClockKind::Real;
        Ok(Self { description, profile, attachment, host: None, clock: Clock::start(), running: false })
    }

    fn host(&mut self) -> Result<&mut Host, SutError> {
        self.host.as_mut().ok_or_else(|| SutError::Environment("the SUT has not been started".to_owned()))
    }

    /// Asks the host something. One that is gone or silent is broken, and not asked again.
    fn ask(&mut self, request: &Request) -> Result<Answer, SutError> {
        let result = self.host()?.ask(request);
        if matches!(result, Err(SutError::Broken(_))) {
            self.host = None;
            self.running = false;
        }
        result
    }
}

impl Live for Hosted {
    fn time(&mut self) -> Micros {
        self.clock.now()
    }

    fn happened(&mut self) -> Result<Option<Micros>, SutError> {
        let clock = &mut self.clock;
        let Some(host) = &mut self.host else {
            return Err(SutError::Environment("the SUT has not been started".to_owned()));
        };
        if let Err(error) = host.hear() {
            self.host = None;
            self.running = false;
            return Err(error);
        }
        host.wire.fill(clock)?;
        let returned = host.returned.front().map(|(at, _)| clock.since(*at));
        Ok(earlier(returned, host.wire.capture.first()))
    }

    fn take(&mut self, at: Micros) -> Option<Happening> {
        let host = self.host.as_mut()?;
        if let Some((at, octets)) = host.wire.capture.pop_at(at) {
            return Some(Happening::Datagram { at, octets });
        }
        let (_, reply) = host.returned.pop_front()?;
        Some(Happening::Returned { at, reply })
    }

    fn wait(&mut self, deadline: Micros) -> Result<(), SutError> {
        let remaining = deadline - self.clock.now();
        let host = self.host()?;
        let mut fds = [
            PollFd::new(host.wire.capture.as_fd(), PollFlags::POLLIN),
            PollFd::new(host.connection.as_fd(), PollFlags::POLLIN),
        ];
        match ppoll(&mut fds, Some(TimeSpec::microseconds(remaining.max(0))), None) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(environment("waiting for the host", errno)),
        }
    }
}

impl Sut for Hosted {
    fn describe(&self) -> &Description {
        &self.description
    }

    fn start(&mut self, setup: &Setup) -> Result<(), SutError> {
        set_timerslack(1).map_err(|errno| environment("timer slack", errno))?;
        if self.host.is_none() {
            self.host = Some(Host::start(self.attachment)?);
        }
        let Answer::Done =
            self.ask(&Request::Start(Start::new(setup, setup.profile.as_ref().unwrap_or(&self.profile))))?
        else {
            return Err(confused());
        };
        priority::raise();
        self.running = true;
        let mut clock = Clock::start();
        let host = self.host()?;
        host.returned.clear();
        host.wire.begin(setup, &mut clock)?;
        self.clock = Clock::start();
        Ok(())
    }

    fn now(&mut self) -> Micros {
        self.clock.now()
    }

    fn inject(&mut self, datagram: &[u8]) -> Result<Micros, SutError> {
        let at = self.clock.now();
        self.host()?.wire.inject(datagram)?;
        Ok(at)
    }

    fn next(&mut self, deadline: Micros) -> Result<Happening, SutError> {
        self.next_happening(deadline)
    }

    fn call(&mut self, call: &SysCall) -> Result<Reply, SutError> {
        let Answer::Reply(reply) = self.ask(&Request::Call(call.clone()))? else { return Err(confused()) };
        Ok(reply)
    }

    fn command(&mut self, line: &str) -> Result<(), SutError> {
        let Answer::Done = self.ask(&Request::Command(line.to_owned()))? else { return Err(confused()) };
        Ok(())
    }

    fn tcp_info(&mut self, fd: i32) -> Result<Vec<(String, i64)>, SutError> {
        let Answer::Info(info) = self.ask(&Request::TcpInfo(fd))? else { return Err(confused()) };
        Ok(info)
    }

    fn snapshot(&mut self) -> Vec<String> {
        match self.ask(&Request::Snapshot) {
            Ok(Answer::Lines(lines)) => lines,
            // It is for people, beside a failure that has been found already.
            Ok(_) | Err(_) => Vec::new(),
        }
    }

    fn finish(&mut self) -> Result<Evidence, SutError> {
        if !std::mem::take(&mut self.running) {
            return Ok(Evidence::default());
        }
        priority::lower();
        let result = self.ask(&Request::Finish);
        let Some(host) = &mut self.host else { return result.map(|_| Evidence::default()) };
        host.wire.end(&mut self.clock)
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        // Whoever drops a SUT in the middle of a test does not want to know how the test ends.
        let _ = self.finish();
    }
}

impl Host {
    /// A namespace, a device, and the process on it.
    fn start(attachment: Attachment) -> Result<Self, SutError> {
        let turn = super::STARTING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        netns::enter()?;
        // The kernel of the namespace is a bystander.
        sysctl::baseline(Family::V4, (0, 0))?;
        let wire = Wire::make(attachment)?;
        drop(turn);
        let failed = |error: std::io::Error| SutError::Environment(format!("starting the host: {error}"));
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        // By this name it is the same program also when its file has been replaced.
        let mut command = Command::new("/proc/self/exe");
        command.args(["stack", "--calls", &format!("--{}", attachment.name()), wire.host_device()]);
        command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().map_err(failed)?;
        Ok(Self { child, connection: Connection::new(ours), wire, returned: VecDeque::new() })
    }

    fn ask(&mut self, request: &Request) -> Result<Answer, SutError> {
        if self.connection.send(request).is_err() {
            return Err(self.broken());
        }
        loop {
            match self.connection.receive(PATIENCE) {
                Ok(Some(Answer::Returned { at, reply })) => self.returned.push_back((at, reply)),
                Ok(Some(Answer::Refused(error))) => return Err(error),
                Ok(Some(answer)) => return Ok(answer),
                Ok(None) => return Err(SutError::Broken("the host does not answer: it hangs".to_owned())),
                Err(_) => return Err(self.broken()),
            }
        }
    }

    /// Takes over what the host says unasked.
    fn hear(&mut self) -> Result<(), SutError> {
        loop {
            match self.connection.receive(0) {
                Ok(Some(Answer::Returned { at, reply })) => self.returned.push_back((at, reply)),
                Ok(Some(Answer::Refused(error))) => return Err(error),
                Ok(Some(Answer::Done | Answer::Reply(_) | Answer::Info(_) | Answer::Lines(_))) => {
                    return Err(confused());
                }
                Ok(None) => return Ok(()),
                Err(_) => return Err(self.broken()),
            }
        }
    }

    /// The process has ended: how, and what it said last.
    fn broken(&mut self) -> SutError {
        // It hung up; whether it has ended by itself or not, it does now.
        let _ = self.child.kill();
        let status = self.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
        let mut said = String::new();
        if let Some(stderr) = &mut self.child.stderr {
            let _ = stderr.read_to_string(&mut said);
        }
        let said = said.lines().filter(|line| !line.starts_with("note:")).collect::<Vec<_>>().join(" ");
        SutError::Broken(format!("the host ended ({status}): {said}"))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and one that cannot be waited for is nobody's child.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn confused() -> SutError {
    SutError::Environment("the host answers what was not asked".to_owned())
}
