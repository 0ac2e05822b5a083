//! Text to text, in the canonical layout: what `halfopen fmt` does (`docs/script-language.md`, Layout).
//!
//! The printer of [`mod@crate::print`] writes trees, and a tree has no blank lines and no place for a comment beside a statement.
//! So this works on the tokens: each is written as it stands, and only what is between them is set anew. Whether that
//! changed anything is asked of the parser afterwards.

mod layout;
mod pieces;
mod spacing;

use crate::ast::Script;
use crate::diagnostics::Diagnostic;
use crate::lexer::lex;
use crate::parse::{header_end, parse_with_marks};
use crate::sources::{FileId, Sources};

/// Why a file cannot be laid out.
#[derive(Debug)]
pub enum Refusal {
    /// It is no script. The diagnostics are about the sources given.
    Faults(Vec<Diagnostic>),
    /// The layout would change what it says: a fault of the formatter, never of the file. The layout that was thrown away.
    Meaning(String),
}

/// The text of a file in the canonical layout.
///
/// # Errors
/// When the file does not parse, and when the result does not parse to the same tree with the same comments.
pub fn format(sources: &Sources, file: FileId) -> Result<String, Refusal> {
    let (script, text) = laid_out(sources, file).map_err(Refusal::Faults)?;
    if same_meaning(&script, sources.text(file), &text) { Ok(text) } else { Err(Refusal::Meaning(text)) }
}

fn laid_out(sources: &Sources, file: FileId) -> Result<(Script, String), Vec<Diagnostic>> {
    let (script, marks) = parse_with_marks(sources, file)?;
    let text = sources.text(file);
    let start = header_end(text);
    let lexed = lex(text, file, start);
    let pieces = pieces::pieces(text, start, &lexed, &marks);
    Ok((script, layout::lay_out(&text[..start], &pieces::lines(&pieces))))
}

/// The laid out text parses to the same tree, spans aside, and has the same comments in the same order.
fn same_meaning(script: &Script, before: &str, after: &str) -> bool {
    let mut sources = Sources::new();
    let file = sources.add("laid out", after);
    let Ok((again, _)) = parse_with_marks(&sources, file) else { return false };
    *script == again && comments(before) == comments(after)
}

/// Every comment behind the header, its lines without white space around them.
fn comments(text: &str) -> Vec<String> {
    let lexed = lex(text, 0, header_end(text));
    let lines = lexed.comments.into_iter().flat_map(|comment| comment.lines);
    lines.map(|line| line.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a fault of the layout could do, one each; the guard has to see it.
    #[test]
    fn the_guard_sees_every_sort_of_change() {
        let text = "// a\n--mss=5\n0 < F 1:1(0) win 5 // beside\n+0 %{ x }%\n";
        let mut sources = Sources::new();
        let file = sources.add("t.pkt", text);
        let (script, _) = parse_with_marks(&sources, file).expect("a script");
        assert!(same_meaning(&script, text, text));
        let changes =
            [("// a\n", ""), ("5 //", "6 //"), ("beside", "Beside"), ("+0", "+1"), ("x }", "y }"), ("win", "wim")];
        for (from, to) in changes {
            assert!(!same_meaning(&script, text, &text.replacen(from, to, 1)), "{from} to {to}");
        }
    }
}
