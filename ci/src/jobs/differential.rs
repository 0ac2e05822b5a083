//! The kernel as the other opinion: the same programs on the reference stack and on the kernel of this machine (docs/differential.md).

use super::End;
use super::conformance::{build, must_have_namespaces, no_namespaces};
use crate::step::{self, Fault};

/// The seed, and how many programs: always the same ones.
const SEED: &str = "41";
const PROGRAMS: &str = "6000";

/// Compares; a divergence that no entry of the list explains is a failure.
pub(crate) fn differential() -> Result<End, Fault> {
    match no_namespaces() {
        Some(why) if must_have_namespaces() => return Err(why),
        Some(why) => return Ok(End::Skipped(why)),
        None => {}
    }
    let program = build()?;
    let mut command = step::command(&program);
    command.args(["fuzz", "diff", "--against", "linux", "--seed", SEED, "--programs", PROGRAMS, "-j", "1"]);
    let status = step::status(&mut command)?;
    match status.code() {
        Some(0) => Ok(End::Good(format!("{PROGRAMS} programs of seed {SEED}"))),
        Some(8) => Err("a divergence that no [[difference]] of specs/expect/linux.toml explains".to_owned()),
        _ => Err(status.to_string()),
    }
}
