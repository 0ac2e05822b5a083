//! The host's side: the reference stack on a real device, with socket calls that come over a socket.

use super::rpc::{Answer, Connection, Request, Start};
use crate::reference::{Calls, Shown, lines, perform, profile};
use halfopen_engine::sut::{Micros, SutError};
use halfopen_stack::{Config, Instant, Stack};
use halfopen_stack_os::clock::monotonic;
use halfopen_stack_os::host::{Application, Host};
use halfopen_stack_os::link::Link;
use halfopen_stack_os::{InterfaceAddress, Routes};
use nix::errno::Errno;
use nix::sys::prctl::{set_pdeathsig, set_timerslack};
use nix::sys::signal::Signal;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;

/// The stack's clock at the start of a test, as on the virtual clock.
pub(super) const ORIGIN: u64 = 3_600_000_000;
/// Frames that may be on their way when a call is made; more than a script injects at one time.
const MOST_FRAMES: usize = 100_000;

/// Serves the harness at standard input until it hangs up.
///
/// # Errors
/// The device has gone, or the socket is none.
pub fn serve(mut host: Host) -> io::Result<()> {
    // The harness may be killed: then this process goes too.
    set_pdeathsig(Signal::SIGKILL)?;
    set_timerslack(1)?;
    super::super::priority::raise();
    let stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut server = Server { connection: Connection::new(stream), calls: None, shown: Shown::default(), over: false };
    host.run(&mut server).map_err(Into::into)
}

struct Server {
    connection: Connection,
    /// Those of the test that runs.
    calls: Option<Calls>,
    shown: Shown,
    over: bool,
}

impl Application for Server {
    fn run(&mut self, host: &mut Host) -> Result<bool, Errno> {
        let mut busy = self.retry(host)?;
        loop {
            match self.connection.receive::<Request>(0) {
                Ok(Some(request)) => {
                    busy = true;
                    // What was injected before the call is dealt with before the call.
                    host.take_in(MOST_FRAMES)?;
                    self.retry(host)?;
                    let answer = self.answer(host, request)?;
                    // And what it sends is on the wire before it returns.
                    host.send_out()?;
                    self.tell(&answer);
                }
                Ok(None) => return Ok(busy),
                Err(_) => {
                    self.over = true;
                    return Ok(busy);
                }
            }
        }
    }

    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        vec![self.connection.as_fd()]
    }

    fn poll_at(&self) -> Option<Instant> {
        let until = self.calls.as_ref()?.gives_up_at()?;
        Some(Instant(ORIGIN + until.max(0).unsigned_abs()))
    }

    fn done(&self) -> bool {
        self.over
    }
}

impl Server {
    fn tell(&mut self, answer: &Answer) {
        // A harness that does not listen any more has hung up.
        self.over |= self.connection.send(answer).is_err();
    }

    /// Tries the pending call again.
    fn retry(&mut self, host: &mut Host) -> Result<bool, Errno> {
        let Some(calls) = &mut self.calls else { return Ok(false) };
        let at = host.now();
        match calls.retry(&mut host.stack, micros(at), at) {
            Ok(None) => Ok(false),
            Ok(Some(reply)) => {
                let at = monotonic();
                host.send_out()?;
                self.tell(&Answer::Returned { at, reply });
                Ok(true)
            }
            Err(error) => {
                self.tell(&Answer::Refused(error));
                Ok(true)
            }
        }
    }

    fn answer(&mut self, host: &mut Host, request: Request) -> Result<Answer, Errno> {
        let result = match request {
            Request::Start(start) => return self.start(host, &start),
            Request::Finish => {
                self.calls = None;
                let nothing = Stack::new(Config::rfc9293(), 0);
                host.replace(nothing, link(host, Routes::default()), Instant(ORIGIN))?;
                Ok(Answer::Done)
            }
            Request::Call(call) => match &mut self.calls {
                Some(calls) => {
                    let at = host.now();
                    calls.call(&mut host.stack, micros(at), at, &call).map(Answer::Reply)
                }
                None => Err(SutError::Environment("no test runs".to_owned())),
            },
            Request::Command(line) => perform(&mut host.stack, &mut self.shown, &line).map(|()| Answer::Done),
            Request::TcpInfo(fd) => info(&host.stack, fd),
            Request::Snapshot => Ok(Answer::Lines(lines(&host.stack))),
        };
        Ok(result.unwrap_or_else(Answer::Refused))
    }

    fn start(&mut self, host: &mut Host, start: &Start) -> Result<Answer, Errno> {
        let config = match profile(&start.profile) {
            Ok(config) => config,
            Err(error) => return Ok(Answer::Refused(error)),
        };
        let mut stack = Stack::new(config, start.seed);
        let (address, prefix) = start.local;
        stack.add_address(address);
        stack.add_address(Ipv4Addr::LOCALHOST.into());
        stack.add_address(Ipv6Addr::LOCALHOST.into());
        stack.set_mtu(start.mtu as usize);
        let addresses = vec![InterfaceAddress { address, prefix }];
        let routes = Routes { addresses, gateways: vec![start.gateway] };
        host.replace(stack, link(host, routes), Instant(ORIGIN))?;
        host.stack.advance(host.now());
        self.calls = Some(Calls::new());
        Ok(Answer::Done)
    }
}

fn link(host: &Host, routes: Routes) -> Link {
    host.device().host_mac().map_or_else(Link::direct, |mac| Link::ethernet(mac, routes))
}

fn info(stack: &Stack, fd: i32) -> Result<Answer, SutError> {
    let info = stack
        .tcp_info(fd)
        .map_err(|errno| SutError::Environment(format!("descriptor {fd} has no TCP_INFO: {}", errno.name())))?;
    Ok(Answer::Info(info.iter().map(|(name, value)| (name.to_owned(), value.cast_signed())).collect()))
}

/// Time since the start of the test.
fn micros(at: Instant) -> Micros {
    Micros::try_from(at.micros() - ORIGIN).unwrap_or(Micros::MAX)
}
