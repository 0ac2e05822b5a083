//! The reference stack as a SUT: in this process, on a virtual clock, one fresh stack for each test.
//!
//! Nothing happens between two events, so waiting costs nothing: [`Sut::next`] jumps from timer to timer. What the stack
//! declares not to have is `unsupported`; a panic of the stack, or an endless chain of events at one instant, is its failure.

mod calls;
mod commands;
mod files;
mod messages;
mod objects;
mod options;
mod readiness;
mod transfer;
mod zero_copy;

use crate::numbers;
use crate::patience::Patience;
pub(crate) use calls::Calls;
pub(crate) use commands::{Shown, perform};
use halfopen_engine::call::{Reply, SysCall};
use halfopen_engine::sut::{ClockKind, Description, Evidence, Happening, Micros, Setup, Sut, SutError};
use halfopen_stack::config::Config;
use halfopen_stack::socket::OptionName;
use halfopen_stack::{Instant, Stack};
use options::absent;
pub(crate) use options::described;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The stack's clock at the start of a test: an hour after its boot, so that "never" is not "just now".
const ORIGIN: u64 = 3_600_000_000;

/// The reference stack in one of its profiles.
#[derive(Debug)]
pub struct Reference {
    description: Description,
    config: Config,
    test: Option<Test>,
}

/// What lives as long as a test.
#[derive(Debug)]
struct Test {
    stack: Stack,
    calls: Calls,
    shown: Shown,
    now: Micros,
    captured: u64,
}

impl Reference {
    /// A profile by name: `rfc9293` (the default), `rfc793`, `linux`.
    ///
    /// # Errors
    /// `Unsupported` for any other name.
    pub fn new(profile: Option<&str>) -> Result<Self, SutError> {
        let profile = profile.unwrap_or("rfc9293");
        Ok(Self::with_config(self::profile(profile)?, profile))
    }

    /// Any configuration, under a name of the caller's choice.
    pub fn with_config(config: Config, profile: &str) -> Self {
        let micros = |duration: std::time::Duration| Micros::try_from(duration.as_micros()).unwrap_or(Micros::MAX);
        let params = [
            ("time_wait", micros(config.time_wait)),
            ("rto_initial", micros(config.rto_initial)),
            ("delayed_ack", micros(config.delayed_ack)),
            ("fin_timeout", micros(config.tcp_fin_timeout)),
        ];
        let description = Description {
            name: "reference".to_owned(),
            runner: "sim".to_owned(),
            version: format!("{} {profile}", env!("CARGO_PKG_VERSION")),
            clock: ClockKind::Virtual,
            params: params.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
        };
        Self { description, config, test: None }
    }

    /// Gives the stack of the running test one more address.
    ///
    /// # Errors
    /// `Environment` when no test runs.
    pub fn add_address(&mut self, address: IpAddr) -> Result<(), SutError> {
        self.with(|test| {
            test.stack.add_address(address);
            Ok(())
        })
    }

    /// Sets a tunable of the running test's stack by its `sysctl` name.
    ///
    /// # Errors
    /// `Unsupported` when the stack has no such tunable, or not that value of it; `Environment` when no test runs.
    pub fn tune(&mut self, name: &str, value: &str) -> Result<(), SutError> {
        self.with(|test| {
            let set = test.stack.config_mut().set(name, value);
            set.map_err(|error| absent(&format!("sysctl {name}={value}: {error}")))
        })
    }

    /// The stack of the running test forgets what it has learnt of destinations.
    ///
    /// # Errors
    /// `Environment` when no test runs.
    pub fn forget_destinations(&mut self) -> Result<(), SutError> {
        self.with(|test| {
            test.stack.forget_destinations();
            Ok(())
        })
    }

    /// The remote socket of a descriptor's connection, in IPv4 notation also when the family is mapped.
    ///
    /// # Errors
    /// `Environment` when there is none.
    pub fn peer(&mut self, fd: i32) -> Result<SocketAddr, SutError> {
        self.with(|test| {
            // As `accept` tells it on Linux: of a connection that is dead already, too.
            let peer = test.stack.status(fd).ok().and_then(|status| status.remote);
            peer.ok_or_else(|| SutError::Environment(format!("descriptor {fd} has no peer")))
        })
    }

    /// Does something with the stack. A panic in it ends the test, and says so.
    fn with<T>(&mut self, act: impl FnOnce(&mut Test) -> Result<T, SutError>) -> Result<T, SutError> {
        let mut test = self.test.take().ok_or_else(|| SutError::Environment("the SUT is not running".to_owned()))?;
        match catch_unwind(AssertUnwindSafe(|| act(&mut test))) {
            Ok(result) => {
                self.test = Some(test);
                result
            }
            // What is left of the stack is in no state to go on, or to be dropped.
            Err(panic) => {
                std::mem::forget(test);
                let text = panic
                    .downcast_ref::<String>()
                    .map(String::as_str)
                    .or_else(|| panic.downcast_ref::<&str>().copied());
                Err(SutError::Broken(format!("the stack panicked: {}", text.unwrap_or("without a message"))))
            }
        }
    }
}

/// A profile of the stack by name.
pub(crate) fn profile(name: &str) -> Result<Config, SutError> {
    match name {
        "rfc9293" => Ok(Config::rfc9293()),
        "rfc793" => Ok(Config::rfc793()),
        "linux" => Ok(Config::linux()),
        _ => Err(absent(&format!("profile `{name}`; it has rfc9293, rfc793 and linux"))),
    }
}

/// The connections in lines for people.
pub(crate) fn lines(stack: &Stack) -> Vec<String> {
    stack.snapshots().flat_map(|one| one.to_string().lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

impl Test {
    fn at(&self) -> Instant {
        Instant(ORIGIN + self.now.unsigned_abs())
    }

    fn next(&mut self, deadline: Micros) -> Result<Happening, SutError> {
        let mut patience = Patience::default();
        loop {
            if let Some(octets) = self.stack.transmit() {
                self.captured += 1;
                return Ok(Happening::Datagram { at: self.now, octets });
            }
            let at = self.at();
            if let Some(reply) = self.calls.retry(&mut self.stack, self.now, at)? {
                return Ok(Happening::Returned { at: self.now, reply });
            }
            // A call that is tried again may have sent something, e.g. a window update.
            if let Some(octets) = self.stack.transmit() {
                self.captured += 1;
                return Ok(Happening::Datagram { at: self.now, octets });
            }
            let timer = self
                .stack
                .poll_at()
                .map(|at| Micros::try_from(at.micros().saturating_sub(ORIGIN)).unwrap_or(Micros::MAX));
            let Some(due) =
                [timer, self.calls.gives_up_at()].into_iter().flatten().min().filter(|due| *due <= deadline)
            else {
                self.now = self.now.max(deadline);
                return Ok(Happening::Deadline);
            };
            patience.step(due > self.now)?;
            self.now = self.now.max(due);
            self.stack.advance(self.at());
        }
    }
}

impl Sut for Reference {
    fn describe(&self) -> &Description {
        &self.description
    }

    fn start(&mut self, setup: &Setup) -> Result<(), SutError> {
        let config = match &setup.profile {
            Some(name) => profile(name)?,
            None => self.config.clone(),
        };
        let mut stack = Stack::new(config, setup.seed);
        stack.add_address(setup.local.0);
        stack.add_address(Ipv4Addr::LOCALHOST.into());
        stack.add_address(Ipv6Addr::LOCALHOST.into());
        stack.set_mtu(setup.mtu as usize);
        self.test = Some(Test { stack, calls: Calls::new(), shown: Shown::default(), now: 0, captured: 0 });
        self.with(|test| {
            test.stack.advance(test.at());
            Ok(())
        })
    }

    fn now(&mut self) -> Micros {
        self.test.as_ref().map_or(0, |test| test.now)
    }

    fn inject(&mut self, datagram: &[u8]) -> Result<Micros, SutError> {
        self.with(|test| {
            test.stack.receive(test.at(), datagram);
            Ok(test.now)
        })
    }

    fn next(&mut self, deadline: Micros) -> Result<Happening, SutError> {
        self.with(|test| test.next(deadline))
    }

    fn call(&mut self, call: &SysCall) -> Result<Reply, SutError> {
        self.with(|test| {
            let (now, at) = (test.now, test.at());
            test.calls.call(&mut test.stack, now, at, call)
        })
    }

    fn command(&mut self, line: &str) -> Result<(), SutError> {
        self.with(|test| match test.calls.files(line).as_str() {
            "" => Ok(()),
            rest => perform(&mut test.stack, &mut test.shown, rest),
        })
    }

    fn tcp_info(&mut self, fd: i32) -> Result<Vec<(String, i64)>, SutError> {
        self.with(|test| {
            // Times in it are counted up to now, whether anything happens now or not.
            test.stack.advance(test.at());
            let info = test
                .stack
                .tcp_info(fd)
                .map_err(|errno| SutError::Environment(format!("descriptor {fd} has no TCP_INFO: {}", errno.name())))?;
            let mut told: Vec<_> = info.iter().map(|(name, value)| (name.to_owned(), value.cast_signed())).collect();
            // Of SO_MEMINFO the stack knows the sizes of the two buffers; as Linux counts, twice what the user set.
            for (name, option) in [("SK_MEMINFO_RCVBUF", OptionName::RcvBuf), ("SK_MEMINFO_SNDBUF", OptionName::SndBuf)]
            {
                told.extend(test.stack.option(fd, option).ok().map(|value| (name.to_owned(), value)));
            }
            Ok(told)
        })
    }

    fn citations(&mut self) -> Vec<&'static str> {
        self.test.as_mut().map(|test| test.stack.citations()).unwrap_or_default()
    }

    fn snapshot(&mut self) -> Vec<String> {
        self.test.as_ref().map(|test| lines(&test.stack)).unwrap_or_default()
    }

    fn finish(&mut self) -> Result<Evidence, SutError> {
        let captured = self.test.take().map_or(0, |test| test.captured);
        Ok(Evidence { captured, dropped: 0, absent: 0, tickless: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_stack_is_its_failure() {
        let mut sut = Reference::new(None).expect("the default profile");
        let ip = |text: &str| -> IpAddr { text.parse().expect("an address") };
        let setup = Setup {
            family: halfopen_script::test::Family::V4,
            local: (ip("192.168.0.2"), 16),
            remote: (ip("192.0.2.1"), 24),
            gateway: ip("192.168.0.1"),
            mtu: 1500,
            offload: false,
            train: None,
            seed: 1,
            profile: None,
        };
        sut.start(&setup).expect("starts");
        let broken = sut.with(|_| -> Result<(), SutError> { panic!("SND.UNA {} is above SND.NXT", 7) });
        assert_eq!(broken, Err(SutError::Broken("the stack panicked: SND.UNA 7 is above SND.NXT".to_owned())));
        assert!(matches!(sut.next(1), Err(SutError::Environment(_))), "it does not go on");
        sut.start(&setup).expect("starts again");
        assert_eq!(sut.next(1), Ok(Happening::Deadline));
    }
}
