//! What a target found: which oracle, and what it saw.

use std::fmt;

/// Why a run is a finding. A crash (a panic of the stack itself) is neither: it comes as a panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Something happened that must not.
    Oracle,
    /// Something did not happen that must.
    Liveness,
}

/// A violated oracle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{oracle}: {text}")]
pub struct Finding {
    /// Safety or liveness.
    pub kind: Kind,
    /// Its number: `O39`. docs/simulation.md says what each asks.
    pub oracle: &'static str,
    /// What was seen, and what holds instead.
    pub text: String,
}

impl Finding {
    /// Something that must not happen.
    pub fn oracle(oracle: &'static str, text: impl fmt::Display) -> Self {
        Self { kind: Kind::Oracle, oracle, text: text.to_string() }
    }

    /// Something that must happen and does not.
    pub fn liveness(oracle: &'static str, text: impl fmt::Display) -> Self {
        Self { kind: Kind::Liveness, oracle, text: text.to_string() }
    }
}

/// Asks that something holds; what it returns says which oracle did not.
macro_rules! hold {
    ($oracle:literal, $condition:expr, $($text:tt)+) => {
        if !$condition {
            return Err($crate::finding::Finding::oracle($oracle, format_args!($($text)+)));
        }
    };
}
pub(crate) use hold;
