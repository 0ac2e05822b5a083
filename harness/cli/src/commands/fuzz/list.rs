//! `halfopen fuzz list`

use crate::fault::{AS_EXPECTED, Fault};
use halfopen_fuzz::TARGETS;
use std::io::Write;

/// One line for each target.
pub(super) fn list() -> Result<u8, Fault> {
    let mut out = anstream::stdout().lock();
    let width = TARGETS.iter().map(|target| target.name.len()).max().unwrap_or(0);
    for target in TARGETS {
        writeln!(out, "{:width$}  {}", target.name, target.about)?;
    }
    Ok(AS_EXPECTED)
}
