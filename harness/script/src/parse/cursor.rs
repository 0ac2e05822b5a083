//! Moving over the tokens, and saying what is wrong with one.

use super::Parser;
use crate::ast::{Span, Spanned};
use crate::diagnostics::Diagnostic;
use crate::lexer::{Kind, Token};
use crate::suggest::nearest;

impl<'a> Parser<'a> {
    pub(super) fn peek(&self) -> Token {
        self.peek_at(0)
    }

    /// The token some tokens ahead; the last one again when there are not so many.
    pub(super) fn peek_at(&self, ahead: usize) -> Token {
        self.tokens[(self.at + ahead).min(self.tokens.len() - 1)]
    }

    pub(super) fn bump(&mut self) -> Token {
        let token = self.peek();
        if token.kind != Kind::End {
            self.at += 1;
        }
        token
    }

    pub(super) fn slice(&self, start: u32, end: u32) -> &'a str {
        &self.text[start as usize..end as usize]
    }

    pub(super) fn word_of(&self, token: Token) -> &'a str {
        self.slice(token.start, token.end)
    }

    pub(super) fn span_of(&self, token: Token) -> Span {
        self.span(token.start, token.end)
    }

    pub(super) fn span(&self, start: u32, end: u32) -> Span {
        Span { file: self.file, start, end }
    }

    /// From a token's beginning to the end of the last token read.
    pub(super) fn since(&self, start: Token) -> Span {
        self.span(start.start, self.previous_end().max(start.start))
    }

    pub(super) fn previous_end(&self) -> u32 {
        self.at.checked_sub(1).map_or(0, |before| self.tokens[before].end)
    }

    pub(super) fn line_end(&self, at: u32) -> u32 {
        let rest = &self.text[at as usize..];
        at + rest.find('\n').unwrap_or(rest.len()) as u32
    }

    /// The next token touches the one before it.
    pub(super) fn glued(&self) -> bool {
        self.glued_at(0)
    }

    /// The token some tokens ahead touches the one before it.
    pub(super) fn glued_at(&self, ahead: usize) -> bool {
        let index = self.at + ahead;
        index > 0 && index < self.tokens.len() && self.tokens[index - 1].end == self.tokens[index].start
    }

    pub(super) fn is(&self, punct: u8) -> bool {
        self.peek().kind == Kind::Punct(punct)
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.peek().kind == Kind::Word && self.word_of(self.peek()) == word
    }

    /// Takes the character if it is next.
    pub(super) fn eat(&mut self, punct: u8) -> bool {
        let found = self.is(punct);
        if found {
            self.bump();
        }
        found
    }

    /// Takes the word if it is next.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.bump();
        }
        found
    }

    pub(super) fn expect(&mut self, punct: u8, expected: &str) -> Result<Token, Box<Diagnostic>> {
        if self.is(punct) { Ok(self.bump()) } else { Err(self.unexpected([expected])) }
    }

    pub(super) fn expect_word(&mut self, expected: &str) -> Result<Spanned<String>, Box<Diagnostic>> {
        if self.peek().kind != Kind::Word {
            return Err(self.unexpected([expected]));
        }
        let token = self.bump();
        Ok(Spanned { node: self.word_of(token).to_owned(), span: self.span_of(token) })
    }

    pub(super) fn fault(&self, code: &'static str, message: impl Into<String>, token: Token) -> Diagnostic {
        Diagnostic::new(code, message, self.span_of(token))
    }

    /// The next token is not what the grammar wants here. A word that is nearly a wanted word is taken for a slip.
    pub(super) fn unexpected<'e>(&self, expected: impl IntoIterator<Item = &'e str>) -> Box<Diagnostic> {
        let expected: Vec<&str> = expected.into_iter().collect();
        let token = self.peek();
        if token.kind == Kind::End || (token.first && self.at > 0) {
            let end = self.previous_end();
            let what = if token.kind == Kind::End { "the file ends too early" } else { "the line ends too early" };
            return Box::new(Diagnostic::new("syntax", what, self.span(end, end)).expecting(expected));
        }
        let word = self.word_of(token);
        if token.kind == Kind::Unreadable {
            // Known by its code and place, and dropped for the one that is there.
            return Box::new(self.fault("unreadable", "unreadable", token));
        }
        let what = match token.kind {
            Kind::Word if !word.as_bytes()[0].is_ascii_digit() => format!("unknown word `{word}`"),
            Kind::Command => "unexpected command".to_owned(),
            Kind::Code => "unexpected code block".to_owned(),
            _ => format!("unexpected `{word}`"),
        };
        let near = nearest(word, expected.iter().map(|wanted| wanted.trim_matches('`')).map(first_word));
        let mut fault = self.fault("syntax", what, token).expecting(expected);
        fault.help = near.map(|near| format!("did you mean `{near}`?"));
        Box::new(fault)
    }

    pub(super) fn report(&mut self, fault: Diagnostic) {
        self.diagnostics.push(fault);
    }

    /// The event is complete: only the end of the line or of the block may follow.
    pub(super) fn end_of_line<'e>(&self, expected: impl IntoIterator<Item = &'e str>) -> Result<(), Box<Diagnostic>> {
        let token = self.peek();
        if token.first || token.kind == Kind::End || token.kind == Kind::Punct(b'}') {
            return Ok(());
        }
        Err(self.unexpected(expected.into_iter().chain(["the end of the line"])))
    }

    /// Skips to the next line that can begin a statement, past what was read of this one.
    pub(super) fn recover(&mut self, start: usize) {
        if self.at == start {
            self.bump();
        }
        while self.peek().kind != Kind::End && !self.begins_statement() {
            self.bump();
        }
    }

    fn begins_statement(&self) -> bool {
        let token = self.peek();
        let next = self.peek_at(1).kind;
        token.first
            && match token.kind {
                Kind::Command | Kind::Option | Kind::Punct(b'+' | b'*' | b'}' | b'#') => true,
                Kind::Punct(b'.') => next == Kind::Word,
                Kind::Word => {
                    let word = self.word_of(token);
                    let number = word.as_bytes()[0].is_ascii_digit();
                    let inside = matches!(next, Kind::Punct(b',' | b'}' | b')' | b']'));
                    matches!(word, "use" | "let" | "when" | "any" | "vary") || (number && !inside)
                }
                Kind::Name
                | Kind::Punct(_)
                | Kind::Ellipsis
                | Kind::Text
                | Kind::Code
                | Kind::OptionValue
                | Kind::Unreadable
                | Kind::End => false,
            }
    }
}

/// "win" of "win N".
fn first_word(text: &str) -> &str {
    text.split(' ').next().unwrap_or(text)
}
