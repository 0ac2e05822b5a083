//! A test: one variant of a script, every name resolved, fixtures spliced in. This is what the engine runs.

use crate::ast::{Event, Header, Spanned};
use std::fmt;

/// Address family a test runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4 sockets and datagrams.
    V4,
    /// IPv6 sockets and datagrams.
    V6,
    /// IPv6 sockets, IPv4 datagrams (`ipv4-mapped-ipv6`).
    V4Mapped,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "v4",
            Self::V6 => "v6",
            Self::V4Mapped => "mapped",
        })
    }
}

/// The stable name of a test: `path[family,label,...]`, labels in the order of the `vary` lines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TestId {
    /// Path of the script below the specs folder without `.pkt`, or the path the user gave.
    pub path: String,
    /// Address family, always the first part of the variant.
    pub family: Family,
    /// `(axis, label)` in the order of the `vary` lines.
    pub labels: Vec<(String, String)>,
}

impl fmt::Display for TestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}", self.path, self.family)?;
        for (_, label) in &self.labels {
            write!(f, ",{label}")?;
        }
        f.write_str("]")
    }
}

/// One runnable test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// Its name.
    pub id: TestId,
    /// Rules, level, sentence and fields of the script's header.
    pub header: Header,
    /// The option lines, by name, in order; the engine knows what they mean.
    pub options: Vec<(String, String)>,
    /// Command before the first event.
    pub init: Option<Spanned<String>>,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// Command after the last event, run also on failure.
    pub cleanup: Option<Spanned<String>>,
}

/// One step of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly every step is an event")]
pub enum Step {
    /// A timed event. No name is left unresolved in it.
    Event(Event),
    /// The SUT may do either.
    Any(Vec<Vec<Step>>),
}
