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

/// `O39` of `O39: ...`, also behind what `assert_eq!` puts before it; nothing of what is no oracle's.
#[must_use]
pub fn oracle_of(text: &str) -> &str {
    let text = text.strip_prefix("assertion `left == right` failed: ").unwrap_or(text);
    let head = text.split([':', ' ', ',']).next().unwrap_or_default();
    let digits = head.strip_prefix('O').unwrap_or_default();
    if !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()) { head } else { "" }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_oracle_is_what_a_finding_begins_with() {
        let table = [
            ("O39: octets 3 are others (a.rs:1)", "O39"),
            ("O105 differs", "O105"),
            ("assertion `left == right` failed: O5: RCV.NXT\n  left: 1\n right: 2", "O5"),
            ("attempt to subtract with overflow", ""),
            ("Out of range", ""),
            ("O: nothing", ""),
            ("", ""),
        ];
        for (text, oracle) in table {
            assert_eq!(oracle_of(text), oracle, "{text}");
        }
    }
}
