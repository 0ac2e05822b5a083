//! Why a command stops, and the exit code it stops with.

use std::io;

/// As expected.
pub const AS_EXPECTED: u8 = 0;
/// A test failed unexpectedly, or is flaky.
pub const FAILED: u8 = 1;
/// Usage or script error.
pub const USAGE: u8 = 2;
/// Environment or harness error.
pub const ENVIRONMENT: u8 = 3;
/// Nothing selected.
pub const NOTHING: u8 = 4;
/// Only the expectation file no longer holds.
pub const DRIFT: u8 = 5;
/// Only inconclusive results stand in the way.
pub const INCONCLUSIVE: u8 = 6;
/// `compare` and `replay`: a difference.
pub const DIFFERS: u8 = 7;
/// `fuzz`: an oracle is violated.
pub const FINDING: u8 = 8;
/// `fuzz`: something that must happen does not.
pub const STUCK: u8 = 10;
/// `fuzz`: the stack crashes or hangs.
pub const CRASH: u8 = 11;
/// `doctor`: this host lacks what every test of its kernel needs.
pub const MISSING: u8 = 9;

/// Why a command cannot go on. The text is for the person who typed it.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Asked for something that is not there or makes no sense.
    #[error("{0}")]
    Usage(String),
    /// Faults in scripts, rendered with carets; and how many.
    #[error("{rendered}\n\n{count} in the selected scripts")]
    Script {
        /// `file:line`, caret, expectation for each.
        rendered: String,
        /// `1 fault`, `2 faults`.
        count: String,
    },
    /// A set expression that is none, with a caret.
    #[error("{0}")]
    Expression(String),
    /// A set of an expression that no test is in, with a caret.
    #[error("{0}")]
    NoneInSet(String),
    /// The environment, the specs folder or an expectation file is at fault.
    #[error("{0}")]
    Environment(String),
    /// The selection is empty.
    #[error("{0}")]
    Nothing(String),
    /// Output could not be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl Fault {
    /// The exit code.
    pub fn exit(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Script { .. } | Self::Expression(_) => USAGE,
            Self::Environment(_) => ENVIRONMENT,
            Self::Nothing(_) | Self::NoneInSet(_) => NOTHING,
            // A reader that has seen enough (`halfopen list | head`) is no error.
            Self::Output(fault) if fault.kind() == io::ErrorKind::BrokenPipe => AS_EXPECTED,
            Self::Output(_) => ENVIRONMENT,
        }
    }

    /// It is made of carets.
    pub fn is_script(&self) -> bool {
        matches!(self, Self::Script { .. } | Self::Expression(_) | Self::NoneInSet(_))
    }

    /// There is no use in saying why: nobody reads it any more.
    pub fn is_silent(&self) -> bool {
        matches!(self, Self::Output(fault) if fault.kind() == io::ErrorKind::BrokenPipe)
    }
}
