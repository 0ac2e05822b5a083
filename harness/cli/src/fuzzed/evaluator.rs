//! Text as what scripts have others compute: a `%{ }%` block, a backtick command, the inside of `$((..))`.
//!
//! Oracles: nothing panics, and nothing grows beyond its bounds; a fault stands on a line of the block; the same block says the same
//! again; what `check` refuses does not run; a sum of plain numbers is the same for the block and for the command.

use halfopen_script::code::{CodeError, Interpreter, check};

/// Longest text that is tried: a few times the longest block of the suite.
const MOST_OCTETS: usize = 4096;
/// Octets that a block prints at the most.
const MOST_PRINTED: usize = 4 << 20;

/// Feeds text to the evaluators.
///
/// # Panics
/// When an oracle is violated.
pub(super) fn run(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(&octets[..octets.len().min(MOST_OCTETS)]) else { return };
    block(text);
    halfopen_sut::needs_shell(text);
    for line in text.lines() {
        sums(line);
    }
}

fn block(text: &str) {
    let evaluate = || Interpreter::new().run(text, &|name| name.starts_with("tcpi_").then_some(name.len() as i64));
    let result = evaluate();
    assert_eq!(result, evaluate(), "the same block says something else");
    match result {
        Ok(printed) => {
            assert_eq!(check(text), Ok(()), "what runs can be read");
            let octets: usize = printed.iter().map(String::len).sum();
            assert!(octets <= MOST_PRINTED, "{octets} octets were printed by {}", text.len());
        }
        Err(CodeError { message, line, .. }) => {
            assert!(!message.is_empty(), "refused without a word");
            assert!(line as usize <= text.matches('\n').count(), "a fault on line {line}, behind the block");
        }
    }
}

/// A block of code rounds as Python does, a command as a shell does: what both compute alike is sums and products of decimal numbers.
fn sums(line: &str) {
    let shell = halfopen_sut::arithmetic(line);
    let plain = line.chars().all(|c| matches!(c, '0'..='9' | '+' | '-' | '*' | '(' | ')' | ' '));
    let words = || line.split(|c: char| !c.is_ascii_digit());
    if !plain || words().any(|word| word.len() > 1 && word.starts_with('0')) {
        return;
    }
    let Some(value) = shell else { return };
    match Interpreter::new().run(&format!("print({line})"), &|_| None) {
        Ok(printed) => assert_eq!(printed, [value.to_string()], "`{line}` is {value} to a shell"),
        // A bound of the block's, or two numbers in a row.
        Err(CodeError { assertion, .. }) => assert!(!assertion, "no assertion was made"),
    }
}
