//! `halfopen fuzz list`

use crate::fault::{AS_EXPECTED, Fault};
use crate::fuzzed::targets;
use std::io::Write;

/// One line for each target.
pub(super) fn list() -> Result<u8, Fault> {
    let mut out = anstream::stdout().lock();
    let targets = targets();
    let width = targets.iter().map(|target| target.name.len()).max().unwrap_or(0);
    for target in targets {
        writeln!(out, "{:width$}  {}", target.name, target.about)?;
    }
    Ok(AS_EXPECTED)
}
