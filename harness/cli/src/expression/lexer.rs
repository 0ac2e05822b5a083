//! The words of a set expression.

use super::{ATOMS, Wrong};
use halfopen_script::nearest;
use std::ops::Range;

/// What joins sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    /// `not`, `!`
    Not,
    /// `and`, `&`
    And,
    /// `-`
    Minus,
    /// `or`, `|`, `+`
    Or,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Operator(Operator),
    Open,
    Close,
    /// `name(argument)`, each with its place.
    Atom {
        name: (String, Range<usize>),
        argument: (String, Range<usize>),
    },
}

pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

/// What may stand in a name.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What a bare word goes up to: somebody wrote an id without an atom around it.
fn is_bare(c: char) -> bool {
    is_word(c) || "/.:*?[],-#~=".contains(c)
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn tokens(mut self) -> Result<Vec<(Token, Range<usize>)>, Wrong> {
        let mut tokens = Vec::new();
        while let Some(c) = self.rest().chars().next() {
            let start = self.at;
            if c.is_whitespace() {
                self.at += c.len_utf8();
                continue;
            }
            let token = match c {
                '!' => self.mark(Token::Operator(Operator::Not)),
                '&' => self.mark(Token::Operator(Operator::And)),
                '-' => self.mark(Token::Operator(Operator::Minus)),
                '|' | '+' => self.mark(Token::Operator(Operator::Or)),
                '(' => self.mark(Token::Open),
                ')' => self.mark(Token::Close),
                _ => self.word()?,
            };
            tokens.push((token, start..self.at));
        }
        Ok(tokens)
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// A token of one character, which may be doubled as in programming languages.
    fn mark(&mut self, token: Token) -> Token {
        let doubled = self.rest().starts_with("&&") || self.rest().starts_with("||");
        self.at += if doubled { 2 } else { 1 };
        token
    }

    fn word(&mut self) -> Result<Token, Wrong> {
        let start = self.at;
        let length = |rest: &str, keep: fn(char) -> bool| rest.find(|c| !keep(c)).unwrap_or(rest.len());
        let word = &self.rest()[..length(self.rest(), is_word)];
        match word {
            "not" => return Ok(self.operator(word, Operator::Not)),
            "and" => return Ok(self.operator(word, Operator::And)),
            "or" => return Ok(self.operator(word, Operator::Or)),
            _ => {}
        }
        self.at += word.len();
        let spaces = length(self.rest(), char::is_whitespace);
        if word.is_empty() || !self.rest()[spaces..].starts_with('(') {
            let rest = &self.text[start..];
            let first = rest.chars().next().map_or(0, char::len_utf8);
            let bare = &rest[..length(rest, is_bare).max(first)];
            return Err(stray(bare, start..start + bare.len()));
        }
        self.at += spaces;
        let argument = self.argument(start)?;
        Ok(Token::Atom { name: (word.to_owned(), start..start + word.len()), argument })
    }

    fn operator(&mut self, word: &str, operator: Operator) -> Token {
        self.at += word.len();
        Token::Operator(operator)
    }

    /// What stands in the parentheses of an atom, without the blanks around it. It may have parentheses of its own.
    fn argument(&mut self, atom: usize) -> Result<(String, Range<usize>), Wrong> {
        let open = self.at;
        let mut depth = 0;
        for (offset, c) in self.rest().char_indices() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                let inner = &self.text[open + 1..open + offset];
                let start = open + 1 + (inner.len() - inner.trim_start().len());
                self.at = open + offset + 1;
                let inner = inner.trim();
                return Ok((inner.to_owned(), start..start + inner.len()));
            }
        }
        Err(Wrong::new("this parenthesis is never closed", open..open + 1)
            .help(Some(format!("`{}` takes one argument and `)`", &self.text[atom..open]))))
    }
}

/// A word that is neither an atom nor an operator.
fn stray(word: &str, place: Range<usize>) -> Wrong {
    let operators = ["and", "or", "not"];
    let atom = ATOMS.iter().find(|(name, _)| *name == word);
    let lower = word.to_lowercase();
    let help = match atom {
        Some((name, holds)) => Some(format!("`{name}({holds})`")),
        None if operators.contains(&lower.as_str()) => Some(format!("operators are in small letters: `{lower}`")),
        None if word.contains(['/', '*', '?', ':']) => Some(format!("an id or a glob over ids is `id({word})`")),
        None => nearest(word, ATOMS.iter().map(|(name, _)| *name).chain(operators))
            .map(|near| format!("did you mean `{near}`?")),
    };
    Wrong::new(format!("`{word}` is no set"), place).expecting(super::set()).help(help)
}
