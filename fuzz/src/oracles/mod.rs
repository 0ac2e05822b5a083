//! What must hold after every event, whoever the SUT is.
//!
//! A [`Judge`](judge::Judge) is told what arrives at the SUT, what leaves it and which calls were made; of a SUT that shows its variables it is told
//! those too. What it finds wrong is a `Violation`, a value: nothing here panics. [`table::ORACLES`] lists what is asked; each is
//! permissive where the SUT may be in several states.

mod arrival;
pub mod calls;
pub mod judge;
mod leaving;
pub mod line;
pub mod ranges;
pub mod table;
mod variables;

pub use table::{Needs, ORACLES, Oracle, oracle};

use std::fmt;

/// An oracle that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Number of the oracle ([`ORACLES`]).
    pub oracle: u8,
    /// State of the connection before the event, as the RFC spells it; `unknown` of a SUT that does not tell.
    pub state: &'static str,
    /// Kind of the event.
    pub event: &'static str,
    /// What was expected and what came.
    pub text: String,
    /// The segment that was due: control bits, SEG.SEQ, SEG.ACK. `None`: nothing was, or the oracle does not say.
    pub due: Option<(u8, u32, u32)>,
}

impl Violation {
    /// The rule that is violated.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        oracle(self.oracle).rule
    }

    /// What makes two findings the same.
    #[must_use]
    pub fn key(&self) -> (u8, &'static str, &'static str) {
        (self.oracle, self.state, self.event)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { oracle, state, event, text, .. } = self;
        write!(f, "O{oracle} ({}) in {state} at {event}: {text}\n  {}", self.rule(), table::oracle(*oracle).name)
    }
}
