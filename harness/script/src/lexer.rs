//! Text to tokens. What a token means depends on where it stands, so there are few kinds: `0.5`, `S.` and `FIN-WAIT-1`
//! are several tokens that touch, and the parser joins them where the grammar wants a time, flags or a label.

use crate::ast::Span;
use crate::diagnostics::Diagnostic;
use crate::sources::FileId;

/// Kinds of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Letters, digits and `_`.
    Word,
    /// `$name`; the name may have dots inside.
    Name,
    /// A single character.
    Punct(u8),
    /// `...`
    Ellipsis,
    /// `"text"`
    Text,
    /// `` `command` ``
    Command,
    /// `%{ code }%`
    Code,
    /// `--name`
    Option,
    /// What follows the `=` of an option, up to white space.
    OptionValue,
    /// What could not be read and is reported already.
    Unreadable,
    /// End of the file.
    End,
}

/// A token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// Only white space and comments stand before it on its line.
    pub(crate) first: bool,
}

/// A comment, of either sort, as lines.
#[derive(Debug)]
pub(crate) struct Comment {
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// Something stands before it on its line.
    pub(crate) trailing: bool,
    pub(crate) lines: Vec<String>,
}

/// What a file consists of.
#[derive(Debug, Default)]
pub(crate) struct Lexed {
    pub(crate) tokens: Vec<Token>,
    pub(crate) comments: Vec<Comment>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Splits the text from octet `start` on.
pub(crate) fn lex(text: &str, file: FileId, start: usize) -> Lexed {
    let lexed = Lexed { tokens: Vec::with_capacity((text.len() - start) / 3), ..Lexed::default() };
    let mut lexer = Lexer { text, bytes: text.as_bytes(), file, at: start, first: true, lexed };
    while lexer.token() {}
    lexer.lexed
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    file: FileId,
    at: usize,
    first: bool,
    lexed: Lexed,
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn push(&mut self, kind: Kind, end: usize) {
        let first = std::mem::replace(&mut self.first, false);
        self.lexed.tokens.push(Token { kind, start: self.at as u32, end: end as u32, first });
        self.at = end;
    }

    fn fault(&mut self, message: &str, end: usize, help: &str) {
        let span = Span { file: self.file, start: self.at as u32, end: end as u32 };
        self.lexed.diagnostics.push(Diagnostic::new("unreadable", message, span).help(help));
        self.push(Kind::Unreadable, end);
    }

    fn skip_space(&mut self) {
        while self.at < self.bytes.len() && self.peek(0).is_ascii_whitespace() {
            self.first |= self.peek(0) == b'\n';
            self.at += 1;
        }
    }

    fn word_end(&self, from: usize) -> usize {
        from + self.bytes[from..].iter().take_while(|byte| is_word(**byte)).count()
    }

    fn line_end(&self) -> usize {
        self.bytes[self.at..].iter().position(|byte| *byte == b'\n').map_or(self.bytes.len(), |length| self.at + length)
    }

    /// Reads one token or comment; false at the end.
    fn token(&mut self) -> bool {
        self.skip_space();
        if self.at >= self.bytes.len() {
            self.first = true;
            self.push(Kind::End, self.bytes.len());
            return false;
        }
        match (self.peek(0), self.peek(1)) {
            (b'/', b'/') => self.line_comment(),
            (b'/', b'*') => self.block_comment(),
            (b'%', b'{') => self.enclosed(Kind::Code, "}%", "this code block has no `}%`"),
            (b'`', _) => self.command(),
            (b'"', _) => self.string(),
            (b'-', b'-') if self.peek(2).is_ascii_alphabetic() => self.option(),
            (b'.', b'.') if self.peek(2) == b'.' => self.push(Kind::Ellipsis, self.at + 3),
            (b'$', next) if is_word(next) => self.name(),
            (byte, _) if is_word(byte) => self.push(Kind::Word, self.word_end(self.at)),
            (byte, _) if byte.is_ascii_graphic() => self.push(Kind::Punct(byte), self.at + 1),
            _ => {
                let length = self.text[self.at..].chars().next().map_or(1, char::len_utf8);
                self.fault(
                    "a script has no use for this character",
                    self.at + length,
                    "write it in a comment or string",
                );
            }
        }
        true
    }

    /// A name ends before a dot that no letter or digit follows, so that `$t...2` is a name and a time.
    fn name(&mut self) {
        let mut end = self.word_end(self.at + 1);
        while self.bytes.get(end) == Some(&b'.') && self.bytes.get(end + 1).is_some_and(|byte| is_word(*byte)) {
            end = self.word_end(end + 1);
        }
        self.push(Kind::Name, end);
    }

    fn option(&mut self) {
        self.push(Kind::Option, self.word_end(self.at + 2));
        let spaces = self.bytes[self.at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if self.peek(spaces) != b'=' {
            return;
        }
        self.at += spaces + 1;
        self.at += self.bytes[self.at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let mut quote = None;
        let rest = self.bytes[self.at..].iter();
        let length = rest.take_while(|byte| {
            match quote {
                Some(open) if open == **byte => quote = None,
                None if matches!(byte, b'"' | b'`') => quote = Some(**byte),
                _ => {}
            }
            **byte != b'\n' && (quote.is_some() || !byte.is_ascii_whitespace())
        });
        self.push(Kind::OptionValue, self.at + length.count());
    }

    fn line_comment(&mut self) {
        let end = self.line_end();
        let lines = vec![self.text[self.at + 2..end].trim_end().to_owned()];
        self.comment(end, lines);
    }

    fn block_comment(&mut self) {
        let Some(length) = self.text[self.at + 2..].find("*/") else {
            let help = "comments do not nest; close it with `*/`";
            return self.fault("this comment has no `*/`", self.bytes.len(), help);
        };
        let body = &self.text[self.at + 2..self.at + 2 + length];
        let lines = body.lines().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect();
        self.comment(self.at + length + 4, lines);
    }

    fn comment(&mut self, end: usize, lines: Vec<String>) {
        let (start, end) = (self.at as u32, end as u32);
        self.lexed.comments.push(Comment { start, end, trailing: !self.first, lines });
        self.at = end as usize;
    }

    fn enclosed(&mut self, kind: Kind, close: &str, message: &str) {
        match self.text[self.at + 2..].find(close) {
            Some(length) => self.push(kind, self.at + 2 + length + close.len()),
            None => self.fault(message, self.line_end(), "the block is opened here and never closed"),
        }
    }

    /// The end of something quoted: the quote that no backslash precedes.
    fn closing(&self, quote: u8, limit: usize) -> Option<usize> {
        let mut at = self.at + 1;
        while at < limit && self.bytes[at] != quote {
            at += if self.bytes[at] == b'\\' { 2 } else { 1 };
        }
        (at < limit).then_some(at + 1)
    }

    fn command(&mut self) {
        match self.closing(b'`', self.bytes.len()) {
            Some(end) => self.push(Kind::Command, end),
            None => self.fault("this command has no closing backtick", self.line_end(), "close it with a backtick"),
        }
    }

    fn string(&mut self) {
        let limit = self.line_end();
        match self.closing(b'"', limit) {
            Some(end) => self.push(Kind::Text, end),
            None => self.fault("this string has no closing quote", limit, "a string ends on its line"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(Kind, &str)> {
        let tokens = lex(text, 0, 0).tokens.into_iter();
        tokens.map(|token| (token.kind, &text[token.start as usize..token.end as usize])).collect()
    }

    #[test]
    fn names_keep_inner_dots_only() {
        assert_eq!(
            kinds("$rcv.nxt+1 $t...2."),
            [
                (Kind::Name, "$rcv.nxt"),
                (Kind::Punct(b'+'), "+"),
                (Kind::Word, "1"),
                (Kind::Name, "$t"),
                (Kind::Ellipsis, "..."),
                (Kind::Word, "2"),
                (Kind::Punct(b'.'), "."),
                (Kind::End, "")
            ]
        );
    }

    #[test]
    fn option_values_run_to_white_space_outside_quotes() {
        let text = "--define=CC=\"a b\" --strict_segments // c\n--remote_ip=fd3d::1";
        let values: Vec<_> = kinds(text).into_iter().filter(|(kind, _)| *kind == Kind::OptionValue).collect();
        assert_eq!(values, [(Kind::OptionValue, "CC=\"a b\""), (Kind::OptionValue, "fd3d::1")]);
    }

    #[test]
    fn unclosed_things_are_reported_and_the_next_line_is_read() {
        for text in ["\"abc\n+0", "%{ assert 1\n+0", "`cmd\n+0"] {
            let lexed = lex(text, 0, 0);
            assert_eq!(lexed.diagnostics.len(), 1, "{text}");
            assert_eq!(lexed.tokens.len(), 4, "{text}");
        }
        assert_eq!(lex("+0 /* abc\n+0", 0, 0).diagnostics.len(), 1);
    }
}
