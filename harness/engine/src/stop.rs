//! Why a test ends before its last line.

use crate::outcome::Mismatch;
use crate::sut::SutError;

/// Why a test ends before its last line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// SUT and script differ.
    Mismatch(Box<Mismatch>),
    /// The SUT, or the harness, does not have it.
    Unsupported(String),
    /// The evidence does not carry a verdict.
    Inconclusive(String),
    /// Script or environment is at fault.
    Error(String),
    /// The SUT died.
    Broken(String),
}

impl Stop {
    /// An error says which line of the script it is about; a mismatch has that anyway.
    pub(crate) fn at(self, line: Option<u32>) -> Self {
        match (self, line) {
            (Self::Error(what), Some(line)) if !what.starts_with("line ") => {
                Self::Error(format!("line {line}: {what}"))
            }
            (stop, _) => stop,
        }
    }

    /// A mismatch that packetdrill would pass over, and why.
    pub(crate) fn forgiven(mut self, why: Option<&'static str>) -> Self {
        if let Self::Mismatch(mismatch) = &mut self {
            mismatch.packetdrill = why;
        }
        self
    }
}

impl From<SutError> for Stop {
    fn from(error: SutError) -> Self {
        match error {
            SutError::Unsupported(what) => Self::Unsupported(what),
            SutError::Environment(what) => Self::Error(what),
            SutError::Broken(what) => Self::Broken(what),
        }
    }
}
