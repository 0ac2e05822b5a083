//! The pages of docs/ that are made from the register, the scripts, and what stacks do.

use super::{End, conformance};
use crate::step::{self, Fault};

/// Holds the pages that follow from the specs against the specs; or writes them, with those that tell what stacks do.
pub(crate) fn pages(write: bool) -> Result<End, Fault> {
    let program = conformance::build()?;
    let mut command = step::command(&program);
    command.args(["pages", "docs"]);
    if !write {
        step::succeed(command.arg("--check")).map_err(|fault| format!("{fault}; cargo ci pages --write"))?;
        return Ok(End::good());
    }
    match conformance::no_namespaces() {
        None => step::succeed(command.arg("--observed")).map(|()| End::Good("docs/ is written".to_owned())),
        Some(why) => {
            step::succeed(&mut command)?;
            Ok(End::Good(format!("docs/headline and docs/textbooks.md are as they were: {why}")))
        }
    }
}
