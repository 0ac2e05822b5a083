//! The jobs, and how one ends.

pub(crate) mod bench;
pub(crate) mod cargo;
pub(crate) mod clean_kill;
pub(crate) mod compat;
pub(crate) mod conformance;
pub(crate) mod coverage;
pub(crate) mod differential;
pub(crate) mod editors;
pub(crate) mod failures;
pub(crate) mod formats;
pub(crate) mod fuzz;
pub(crate) mod fuzz_bench;
pub(crate) mod fuzz_coverage;
pub(crate) mod likeness;
pub(crate) mod loc;
pub(crate) mod miri;
pub(crate) mod mutants;
pub(crate) mod packetdrill;
pub(crate) mod pages;
pub(crate) mod peers;
pub(crate) mod realtime;
pub(crate) mod sample;
pub(crate) mod scripts;

/// How a job ended that did not fail.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It did all it had to do; with a note for the closing list, or an empty one.
    Good(String),
    /// It did all it had to do, and found that two tools differ; with a note.
    Differs(String),
    /// It could not be done here, and why.
    Skipped(String),
}

impl End {
    /// Nothing to add.
    pub(crate) fn good() -> Self {
        Self::Good(String::new())
    }
}
