//! Jobs that are one run of cargo.

use super::End;
use crate::step::{self, Fault};
use crate::tally::{self, Tally};

/// `cargo fmt`.
pub(crate) fn fmt() -> Result<End, Fault> {
    step::succeed(&mut step::cargo(&["fmt", "--all", "--check"]))?;
    Ok(End::good())
}

/// `cargo clippy` over everything that compiles: tests, benches, fuzz targets.
pub(crate) fn clippy() -> Result<End, Fault> {
    step::succeed(&mut step::cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    Ok(End::good())
}

/// `cargo doc`, where a broken link is an error.
pub(crate) fn docs() -> Result<End, Fault> {
    step::succeed(step::cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(End::good())
}

/// `cargo deny`, without the advisories: those come over the network and change without a commit of ours.
pub(crate) fn deny() -> Result<End, Fault> {
    if !step::answers("cargo-deny", &["--version"]) {
        return Ok(End::Skipped("cargo-deny is not installed: cargo install cargo-deny --locked".to_owned()));
    }
    step::succeed(&mut step::cargo(&["deny", "check", "licenses", "bans", "sources"]))?;
    Ok(End::good())
}

/// `cargo test`, counted. A run that counts nothing has not tested anything, whatever its exit code.
pub(crate) fn test(tally: &mut Tally) -> Result<End, Fault> {
    let mut counted = Tally::default();
    let status = step::stream(&mut step::cargo(&["test", "--workspace"]), |line| {
        if let Some(of_line) = tally::libtest_line(line) {
            counted += of_line;
        }
    })?;
    *tally += counted;
    if !status.success() {
        return Err(format!("cargo test: {status}; {counted}"));
    }
    if counted.passed == 0 {
        return Err("cargo test: no test was run".to_owned());
    }
    Ok(End::Good(counted.to_string()))
}
