//! Set expressions, `-E`: sets of tests by what the suite says of them, joined by operators.
//!
//! The operators and their precedence are those of cargo-nextest's filtersets, which is what users of `-E` know: `()`, then `not` `!`, then `and` `&` `-`
//! (the left without the right), then `or` `|` `+`; from the left where they are equal. What the atoms mean is in docs/selecting.md.

mod atom;
mod last;
mod lexer;
mod sets;
mod states;

pub use atom::{ATOMS, Atom, Status};
pub(crate) use sets::places;
pub use sets::{Evaluator, Set};
pub use states::States;

use crate::fault::Fault;
use halfopen_script::ast::Span;
use halfopen_script::{Diagnostic, Sources, render};
use lexer::{Lexer, Operator, Token};
use std::ops::Range;

/// How deep parentheses and `not` may go: far more than a person writes, and no danger to the call stack.
const MAX_DEPTH: u32 = 64;

/// What stands between two sets.
const BETWEEN: [&str; 3] = ["`&`, `|` or `-`", "`and` or `or`", "the end"];

/// An expression as written, and its tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    text: String,
    root: Node,
}

/// A set, or sets joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A set by itself, and where it stands.
    Atom(Atom, Range<usize>),
    /// Every test that is not in it.
    Not(Box<Self>),
    /// Both.
    And(Box<Self>, Box<Self>),
    /// Either.
    Or(Box<Self>, Box<Self>),
    /// The left one without the right one.
    Minus(Box<Self>, Box<Self>),
}

impl Expression {
    /// Reads an expression. A fault is the user's, and shows its place with a caret.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let tree = Lexer::new(text).tokens().and_then(|tokens| {
            let mut parser = Parser { tokens, at: 0, end: text.len(), depth: 0 };
            let root = parser.union()?;
            match parser.peek() {
                None => Ok(root),
                Some((Token::Close, place)) => Err(Wrong::new("this parenthesis closes nothing", place)),
                Some((_, place)) => Err(Wrong::new("two sets stand side by side", place).expecting(BETWEEN)),
            }
        });
        match tree {
            Ok(root) => Ok(Self { text: text.to_owned(), root }),
            Err(wrong) => Err(Fault::Expression(pointed(text, wrong))),
        }
    }

    /// The tree.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// The text with a caret below one of its places.
    pub fn point(&self, message: String, place: Range<usize>, help: Option<String>) -> String {
        pointed(&self.text, Wrong { message, place, expected: Vec::new(), help })
    }
}

/// What is wrong with an expression, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wrong {
    message: String,
    place: Range<usize>,
    expected: Vec<String>,
    help: Option<String>,
}

impl Wrong {
    fn new(message: impl Into<String>, place: Range<usize>) -> Self {
        Self { message: message.into(), place, expected: Vec::new(), help: None }
    }

    fn expecting<T: Into<String>>(mut self, expected: impl IntoIterator<Item = T>) -> Self {
        self.expected = expected.into_iter().map(Into::into).collect();
        self
    }

    fn help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }
}

fn pointed(text: &str, wrong: Wrong) -> String {
    let mut sources = Sources::new();
    let file = sources.add("-E", text);
    let span = Span { file, start: wrong.place.start as u32, end: wrong.place.end as u32 };
    let mut diagnostic = Diagnostic::new("expression", wrong.message, span).expecting(wrong.expected);
    diagnostic.help = wrong.help;
    render(&[diagnostic], &sources, true)
}

struct Parser {
    tokens: Vec<(Token, Range<usize>)>,
    at: usize,
    end: usize,
    depth: u32,
}

impl Parser {
    fn peek(&self) -> Option<(&Token, Range<usize>)> {
        self.tokens.get(self.at).map(|(token, place)| (token, place.clone()))
    }

    /// Takes an operator of those asked for.
    fn operator(&mut self, wanted: &[Operator]) -> Option<Operator> {
        match self.peek() {
            Some((Token::Operator(operator), _)) if wanted.contains(operator) => {
                let operator = *operator;
                self.at += 1;
                Some(operator)
            }
            Some(_) | None => None,
        }
    }

    fn union(&mut self) -> Result<Node, Wrong> {
        let mut left = self.intersection()?;
        while self.operator(&[Operator::Or]).is_some() {
            left = Node::Or(left.into(), self.intersection()?.into());
        }
        Ok(left)
    }

    fn intersection(&mut self) -> Result<Node, Wrong> {
        let mut left = self.single()?;
        while let Some(operator) = self.operator(&[Operator::And, Operator::Minus]) {
            let right = self.single()?.into();
            left = match operator {
                Operator::And => Node::And(left.into(), right),
                Operator::Minus | Operator::Not | Operator::Or => Node::Minus(left.into(), right),
            };
        }
        Ok(left)
    }

    /// A set, a negation, or something in parentheses.
    fn single(&mut self) -> Result<Node, Wrong> {
        let Some((token, place)) = self.tokens.get(self.at).cloned() else {
            return Err(Wrong::new("a set is missing at the end", self.end..self.end).expecting(set()));
        };
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Wrong::new(format!("more than {MAX_DEPTH} levels deep"), place));
        }
        let node = match token {
            Token::Operator(Operator::Not) => Node::Not(self.single()?.into()),
            Token::Operator(Operator::Minus) => {
                let help = "`A - B` is A without B; what is not in B is `not B`";
                return Err(Wrong::new("there is nothing to the left of `-`", place).help(Some(help.into())));
            }
            Token::Operator(Operator::And | Operator::Or) => {
                return Err(Wrong::new("a set is missing before this operator", place).expecting(set()));
            }
            Token::Close => return Err(Wrong::new("a set is missing here", place).expecting(set())),
            Token::Open => {
                let inner = self.union()?;
                match self.peek() {
                    Some((Token::Close, _)) => self.at += 1,
                    Some((_, other)) => {
                        return Err(Wrong::new("two sets stand side by side", other).expecting(BETWEEN));
                    }
                    None => return Err(Wrong::new("this parenthesis is never closed", place)),
                }
                inner
            }
            Token::Atom { name, argument } => Node::Atom(Atom::read(&name, &argument)?, place),
        };
        self.depth -= 1;
        Ok(node)
    }
}

/// What begins a set.
fn set() -> [&'static str; 3] {
    ["a set such as `state(TIME-WAIT)`", "`not`", "`(`"]
}

#[cfg(test)]
mod tests;
