//! Waiting on a real clock, the same for everybody who is tested on one.

use halfopen_engine::sut::{Happening, Micros, SutError};

/// What is waited for.
pub(super) trait Live {
    /// Time since the start of the test.
    fn time(&mut self) -> Micros;

    /// When the earliest happened that waits to be told, if anything does.
    fn happened(&mut self) -> Result<Option<Micros>, SutError>;

    /// Takes what happened at `at`.
    fn take(&mut self, at: Micros) -> Option<Happening>;

    /// Sleeps until something happens, at most until `deadline`.
    fn wait(&mut self, deadline: Micros) -> Result<(), SutError>;

    /// The next happening, at most until `deadline`.
    fn next_happening(&mut self, deadline: Micros) -> Result<Happening, SutError> {
        loop {
            // The clock before the look: what is not there then has not happened by that time.
            let now = self.time();
            if let Some(at) = self.happened()?.filter(|at| *at <= deadline)
                && let Some(happening) = self.take(at)
            {
                return Ok(happening);
            }
            if now >= deadline {
                return Ok(Happening::Deadline);
            }
            self.wait(deadline)?;
        }
    }
}

/// The earlier of two, or the one there is.
pub(super) fn earlier(a: Option<Micros>, b: Option<Micros>) -> Option<Micros> {
    a.into_iter().chain(b).min()
}
