//! What other programs make of the files that we write: captures, in tshark and capinfos.
//!
//! `cargo test` counts these tests as ignored, as few machines have the programs; here they are run, or it is said why not.

use super::End;
use crate::step::{self, Fault};
use crate::tally::{self, Tally};

/// The programs, which are one package.
const PROGRAMS: [&str; 2] = ["tshark", "capinfos"];

/// Runs the tests that need them.
pub(crate) fn formats(tally: &mut Tally) -> Result<End, Fault> {
    let missing: Vec<&str> = PROGRAMS.into_iter().filter(|program| !step::answers(program, &["--version"])).collect();
    if !missing.is_empty() {
        return Ok(End::Skipped(format!("not installed: {} (apt-get install tshark)", missing.join(", "))));
    }
    let mut counted = Tally::default();
    let mut command = step::cargo(&["test", "--package", "halfopen", "--test", "tshark", "--", "--ignored"]);
    let status = step::stream(&mut command, |line| {
        if let Some(of_line) = tally::libtest_line(line) {
            counted += of_line;
        }
    })?;
    *tally += counted;
    match (status.success(), counted.passed) {
        (false, _) => Err(format!("cargo test: {status}; {counted}")),
        (true, 0) => Err("cargo test: no test was run".to_owned()),
        (true, _) => Ok(End::Good(counted.to_string())),
    }
}
