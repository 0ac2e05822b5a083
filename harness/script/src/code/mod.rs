//! The language between `%{` and `}%`: integers, names, comparisons, `assert` and `print`.
//!
//! It is the part of Python 3 that scripts use, with Python's meaning; there are no imports, loops or functions, and
//! integers have 128 bits. Two things that Python lets pass are faults here: an `assert` of a tuple, which cannot fail, and
//! a quotient with `/` that is no integer.

mod eval;
mod lexer;
mod parser;
mod text;

use eval::{Eval, Value};
use std::collections::BTreeMap;

/// State of the blocks of one script: variables persist from block to block.
#[derive(Debug, Clone, Default)]
pub struct Interpreter {
    names: BTreeMap<String, Value>,
}

/// Why a block stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CodeError {
    /// What went wrong; for a failed assert with the values of both sides.
    pub message: String,
    /// An `assert` was false; otherwise the block itself is at fault.
    pub assertion: bool,
    /// Line of the block, from 0.
    pub line: u32,
}

impl Interpreter {
    /// No variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs a block and returns the lines that it printed. A name that no block assigned is looked up, and then sought
    /// among the constants of [`crate::symbols`].
    ///
    /// Errors: a false assertion is about the SUT; anything else is the script's fault.
    pub fn run(&mut self, code: &str, lookup: &dyn Fn(&str) -> Option<i64>) -> Result<Vec<String>, CodeError> {
        let statements = parser::parse(code)?;
        let mut eval = Eval { code, names: &mut self.names, lookup, printed: Vec::new(), printed_octets: 0 };
        statements.iter().try_for_each(|statement| eval.statement(statement))?;
        Ok(eval.printed)
    }
}

/// Whether a block can be read at all, without running it.
pub fn check(code: &str) -> Result<(), CodeError> {
    parser::parse(code).map(|_| ())
}

/// A fault of the block at an offset.
fn fault(code: &str, at: usize, message: impl Into<String>) -> CodeError {
    let line = code[..at.min(code.len())].matches('\n').count() as u32;
    CodeError { message: message.into(), assertion: false, line }
}
