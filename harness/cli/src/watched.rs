//! A SUT with a witness: when a test ends in `error`, it tells whether the environment refused or the script was at fault.

use halfopen_engine::call::{Reply, SysCall};
use halfopen_engine::sut::{Description, Evidence, Happening, Micros, Setup, Sut, SutError};
use halfopen_script::test::Test;

/// Forwards every call (those with a default too) and remembers refusals of the environment.
pub struct Watched {
    inner: Box<dyn Sut>,
    refused: bool,
}

impl Watched {
    /// Watches a SUT.
    pub fn new(inner: Box<dyn Sut>) -> Self {
        Self { inner, refused: false }
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
        let result = self.inner.next(deadline);
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
