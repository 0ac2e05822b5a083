//! A SUT with a witness: when a test ends in `error`, it tells whether the environment refused or the script was at fault; and on a
//! real clock it meters how late waits end.

use crate::admission::Meter;
use halfopen_engine::call::{Reply, SysCall};
use halfopen_engine::sut::{Capability, ClockKind, Description, Evidence, Happening, Micros, Setup, Sut, SutError};
use halfopen_script::test::Test;
use std::sync::Arc;

/// Forwards every call (those with a default too) and remembers refusals of the environment.
pub struct Watched {
    inner: Box<dyn Sut>,
    refused: bool,
    meter: Arc<Meter>,
    real: bool,
}

impl Watched {
    /// Watches a SUT.
    pub fn new(inner: Box<dyn Sut>, meter: Arc<Meter>) -> Self {
        let real = inner.describe().clock == ClockKind::Real;
        Self { inner, refused: false, meter, real }
    }

    /// Whether the environment refused anything since the last question.
    pub fn refused(&mut self) -> bool {
        std::mem::take(&mut self.refused)
    }

    fn see<T>(&mut self, result: Result<T, SutError>) -> Result<T, SutError> {
        self.refused |= matches!(result, Err(SutError::Environment(_)));
        result
    }
}

impl Sut for Watched {
    fn describe(&self) -> &Description {
        self.inner.describe()
    }

    fn has_own_option_layout(&self) -> bool {
        self.inner.has_own_option_layout()
    }

    fn capability(&self, name: &str) -> Capability {
        self.inner.capability(name)
    }

    fn announce(&mut self, test: &Test) {
        self.inner.announce(test);
    }

    fn start(&mut self, setup: &Setup) -> Result<(), SutError> {
        let result = self.inner.start(setup);
        self.see(result)
    }

    fn align(&mut self) -> Result<(), SutError> {
        let result = self.inner.align();
        self.see(result)
    }

    fn now(&mut self) -> Micros {
        self.inner.now()
    }

    fn inject(&mut self, datagram: &[u8]) -> Result<Micros, SutError> {
        let result = self.inner.inject(datagram);
        self.see(result)
    }

    fn next(&mut self, deadline: Micros) -> Result<Happening, SutError> {
        if !self.real {
            let result = self.inner.next(deadline);
            return self.see(result);
        }
        let began = self.inner.now();
        let result = self.inner.next(deadline);
        let due = match &result {
            Ok(Happening::Deadline) => deadline,
            Ok(Happening::Datagram { at, .. } | Happening::Returned { at, .. }) => *at,
            Err(_) => began,
        };
        // What had happened before was not waited for.
        if due > began {
            self.meter.note(self.inner.now() - due);
        }
        self.see(result)
    }

    fn call(&mut self, call: &SysCall) -> Result<Reply, SutError> {
        let result = self.inner.call(call);
        self.see(result)
    }

    fn command(&mut self, line: &str) -> Result<(), SutError> {
        let result = self.inner.command(line);
        self.see(result)
    }

    fn tcp_info(&mut self, fd: i32) -> Result<Vec<(String, i64)>, SutError> {
        let result = self.inner.tcp_info(fd);
        self.see(result)
    }

    fn citations(&mut self) -> Vec<&'static str> {
        self.inner.citations()
    }

    fn snapshot(&mut self) -> Vec<String> {
        self.inner.snapshot()
    }

    fn finish(&mut self) -> Result<Evidence, SutError> {
        let result = self.inner.finish();
        self.see(result)
    }
}
