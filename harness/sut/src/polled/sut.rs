//! Any [`PolledStack`] as a SUT on a virtual clock.

use super::calls::{Descriptor, Pending, Role};
use super::commands;
use super::{PolledStack, State};
use crate::patience::Patience;
use halfopen_engine::call::{Reply, SysCall};
use halfopen_engine::sut::{ClockKind, Description, Evidence, Happening, Micros, Setup, Sut, SutError};
use halfopen_stack::Errno;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// A SUT of a stack that is polled: a fresh stack for each test, on a virtual clock.
pub struct Polled<S: PolledStack> {
    description: Description,
    profile: Option<String>,
    running: Option<Running<S>>,
}

/// What lives as long as a test.
pub(super) struct Running<S: PolledStack> {
    pub(super) stack: S,
    pub(super) now: Micros,
    leaving: VecDeque<Vec<u8>>,
    captured: u64,
    pub(super) descriptors: BTreeMap<i32, Descriptor<S::Socket>>,
    pub(super) pending: Option<Pending>,
}

/// What the stack was given when a connection changed its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Segment,
    Time,
    Call,
}

impl<S: PolledStack> Polled<S> {
    /// A SUT of this name; `version` is for reports.
    ///
    /// # Errors
    /// `Unsupported` for a profile that the stack does not have.
    pub fn new(name: &str, version: &str, profile: Option<&str>) -> Result<Self, SutError> {
        let micros = |duration: Duration| Micros::try_from(duration.as_micros()).unwrap_or(Micros::MAX);
        let params = [("time_wait", micros(S::TIME_WAIT)), ("answer_interval", micros(S::ANSWER_INTERVAL))];
        let description = Description {
            name: name.to_owned(),
            runner: "sim".to_owned(),
            version: version.to_owned(),
            clock: ClockKind::Virtual,
            params: params.map(|(name, value)| (name.to_owned(), value)).into(),
        };
        let polled = Self { description, profile: profile.map(str::to_owned), running: None };
        polled.known(profile)?;
        Ok(polled)
    }

    fn known(&self, profile: Option<&str>) -> Result<(), SutError> {
        match profile {
            Some(profile) if !S::PROFILES.contains(&profile) => {
                let name = &self.description.name;
                Err(SutError::Unsupported(format!("{name} has no profile `{profile}`")))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn running(&mut self) -> Result<&mut Running<S>, SutError> {
        self.running.as_mut().ok_or_else(|| SutError::Environment("the SUT is not running".to_owned()))
    }

    /// What is unsupported is said with the name of the stack.
    fn named<T>(&self, result: Result<T, SutError>) -> Result<T, SutError> {
        result.map_err(|error| match error {
            SutError::Unsupported(why) => {
                SutError::Unsupported(why.replacen("the stack has", &format!("{} has", self.description.name), 1))
            }
            SutError::Environment(_) | SutError::Broken(_) => error,
        })
    }
}

impl<S: PolledStack> Running<S> {
    /// Has the stack do what is due, and looks at what became of its connections.
    pub(super) fn pump(&mut self, cause: Cause) {
        self.leaving.extend(self.stack.poll(self.now));
        for descriptor in self.descriptors.values_mut() {
            let Role::Connection(socket) = descriptor.role else { continue };
            let state = self.stack.status(socket).state;
            let before = std::mem::replace(&mut descriptor.state, state);
            descriptor.finished |= state.has_fin();
            if state == State::Closed && before != State::Closed {
                descriptor.error = end(before, cause);
            }
        }
    }

    fn take(&mut self) -> Option<Happening> {
        let octets = self.leaving.pop_front()?;
        self.captured += 1;
        Some(Happening::Datagram { at: self.now, octets })
    }

    fn next(&mut self, deadline: Micros) -> Result<Happening, SutError> {
        let mut patience = Patience::default();
        let mut cause = Cause::Call;
        loop {
            self.pump(cause);
            if let Some(datagram) = self.take() {
                return Ok(datagram);
            }
            if let Some(reply) = self.retry()? {
                // What the call did to the stack leaves it before anything else happens.
                self.pump(Cause::Call);
                return Ok(Happening::Returned { at: self.now, reply });
            }
            if !self.leaving.is_empty() {
                continue;
            }
            let timer = self.stack.poll_at(self.now).map(|at| at.max(self.now));
            let gives_up = self.pending.as_ref().and_then(|pending| pending.until);
            let Some(due) = [timer, gives_up].into_iter().flatten().min().filter(|due| *due <= deadline) else {
                self.now = self.now.max(deadline);
                return Ok(Happening::Deadline);
            };
            patience.step(due > self.now)?;
            (self.now, cause) = (self.now.max(due), Cause::Time);
        }
    }
}

/// What the user is told of a connection that is gone.
fn end(before: State, cause: Cause) -> Option<Errno> {
    match (before, cause) {
        // These end so in the ordinary course of events, and the user has nothing to learn from it.
        (State::TimeWait | State::LastAck | State::Closing | State::Closed | State::Listen, _) | (_, Cause::Call) => {
            None
        }
        (_, Cause::Time) => Some(Errno::ETIMEDOUT),
        // RFC 9293 3.10.7.4: a passive OPEN has not been handed out yet in SYN-RECEIVED.
        (State::SynSent | State::SynReceived, Cause::Segment) => Some(Errno::ECONNREFUSED),
        // As on Linux: the peer has said already that nothing more will come.
        (State::CloseWait, Cause::Segment) => Some(Errno::EPIPE),
        (State::Established | State::FinWait1 | State::FinWait2, Cause::Segment) => Some(Errno::ECONNRESET),
    }
}

impl<S: PolledStack> Sut for Polled<S> {
    fn describe(&self) -> &Description {
        &self.description
    }

    fn has_own_option_layout(&self) -> bool {
        true
    }

    fn start(&mut self, setup: &Setup) -> Result<(), SutError> {
        self.known(setup.profile.as_deref())?;
        let profile = setup.profile.clone().or_else(|| self.profile.clone());
        let stack = self.named(S::start(&Setup { profile, ..setup.clone() }))?;
        self.running = Some(Running {
            stack,
            now: 0,
            leaving: VecDeque::new(),
            captured: 0,
            descriptors: BTreeMap::new(),
            pending: None,
        });
        Ok(())
    }

    fn now(&mut self) -> Micros {
        self.running.as_ref().map_or(0, |running| running.now)
    }

    fn inject(&mut self, datagram: &[u8]) -> Result<Micros, SutError> {
        let running = self.running()?;
        running.stack.ingress(running.now, datagram);
        running.pump(Cause::Segment);
        Ok(running.now)
    }

    fn next(&mut self, deadline: Micros) -> Result<Happening, SutError> {
        let result = self.running()?.next(deadline);
        self.named(result)
    }

    fn call(&mut self, call: &SysCall) -> Result<Reply, SutError> {
        let running = self.running()?;
        let result = running.call(call);
        running.pump(Cause::Call);
        self.named(result)
    }

    fn command(&mut self, line: &str) -> Result<(), SutError> {
        let result = commands::perform(&mut self.running()?.stack, line);
        self.named(result)
    }

    fn tcp_info(&mut self, fd: i32) -> Result<Vec<(String, i64)>, SutError> {
        let running = self.running()?;
        let state = running.state(fd).ok_or_else(|| SutError::Environment(format!("{fd} is no descriptor")))?;
        Ok(vec![("tcpi_state".to_owned(), state.linux_number())])
    }

    fn snapshot(&mut self) -> Vec<String> {
        let Some(running) = &mut self.running else { return Vec::new() };
        let mut lines = Vec::new();
        for (fd, descriptor) in &running.descriptors {
            let (Role::Connection(socket) | Role::Listener(socket)) = descriptor.role else { continue };
            let status = running.stack.status(socket);
            let queues = format!("{} octets to read, {} not acknowledged", status.readable, status.unacknowledged);
            lines.push(format!("descriptor {fd}: {}, {queues}", status.state));
        }
        lines
    }

    fn finish(&mut self) -> Result<Evidence, SutError> {
        let captured = self.running.take().map_or(0, |running| running.captured);
        Ok(Evidence { captured, dropped: 0, absent: 0, tickless: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(State::SynSent, Cause::Segment, Some(Errno::ECONNREFUSED))]
    #[case(State::SynSent, Cause::Time, Some(Errno::ETIMEDOUT))]
    #[case(State::SynSent, Cause::Call, None)]
    #[case(State::Established, Cause::Segment, Some(Errno::ECONNRESET))]
    #[case(State::Established, Cause::Time, Some(Errno::ETIMEDOUT))]
    #[case(State::CloseWait, Cause::Segment, Some(Errno::EPIPE))]
    #[case(State::LastAck, Cause::Segment, None)]
    #[case(State::TimeWait, Cause::Time, None)]
    fn the_end_of_a_connection_has_a_reason(
        #[case] before: State,
        #[case] cause: Cause,
        #[case] reason: Option<Errno>,
    ) {
        assert_eq!(end(before, cause), reason);
    }
}
