//! The unit tests of the stack under Miri, which finds undefined behaviour and leaks that a run on the machine hides. The
//! stack itself has no `unsafe`; what this asks about is that, and arithmetic on other machines.

use super::End;
use crate::step::{self, Fault};

/// The component is part of this toolchain only.
const TOOLCHAIN: &str = "nightly";
/// A property is tried this often: Miri is some hundred times slower than the machine.
const CASES: &str = "4";
/// A machine of the other byte order and of 32 bits, which Miri plays as well.
const OTHER: &str = "mips-unknown-linux-gnu";

/// Runs them on this machine's architecture; `thorough`: and on one of the other byte order.
pub(crate) fn miri(thorough: bool) -> Result<End, Fault> {
    if !step::rustup_has(&["miri", "rust-src", "--toolchain", TOOLCHAIN]) {
        return Ok(End::Skipped(format!(
            "Miri is not installed: rustup component add miri rust-src --toolchain {TOOLCHAIN}"
        )));
    }
    let mut targets: Vec<&[&str]> = vec![&[]];
    if thorough {
        targets.push(&["--target", OTHER]);
    }
    for target in targets {
        let mut command = step::command("rustup");
        command.args(["run", TOOLCHAIN, "cargo", "miri", "test", "--package", "halfopen-stack", "--lib"]).args(target);
        // Isolation hides the folder in which a failed property keeps its seed.
        command.env("MIRIFLAGS", "-Zmiri-disable-isolation").env("PROPTEST_CASES", CASES);
        step::succeed(&mut command)?;
    }
    Ok(End::good())
}
