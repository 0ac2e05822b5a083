//! Statements and expressions of a block, by Python's precedence.

use super::lexer::{Kind, Token, lex};
use super::{CodeError, fault};

/// Deepest nesting of parentheses and signs.
const MAX_DEPTH: u32 = 64;

/// Most operators of one statement: each makes the tree deeper by one.
const MAX_OPERATORS: u32 = 250;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Statement {
    Assert {
        condition: Expr,
        message: Option<Expr>,
    },
    Print(Vec<Expr>),
    /// `name = value`, or `name op= value`.
    Assign {
        name: String,
        op: Option<&'static str>,
        value: Expr,
        at: usize,
    },
    /// A value that nothing is done with.
    Value(Expr),
}

/// An expression and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expr {
    pub(super) kind: ExprKind,
    pub(super) start: usize,
    pub(super) end: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ExprKind {
    Int(i128),
    Bool(bool),
    Text(String),
    Name(String),
    Tuple(Vec<Expr>),
    Negative(Box<Expr>),
    Positive(Box<Expr>),
    Not(Box<Expr>),
    Binary(&'static str, Box<Expr>, Box<Expr>),
    /// `a < b <= c`
    Compare(Box<Expr>, Vec<(&'static str, Expr)>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
}

pub(super) fn parse(code: &str) -> Result<Vec<Statement>, CodeError> {
    let mut parser = Parser { code, tokens: lex(code)?, at: 0, depth: 0, operators: 0 };
    let mut statements = Vec::new();
    loop {
        match parser.peek().kind {
            Kind::End => return Ok(statements),
            Kind::Break => parser.at += 1,
            Kind::Int(_) | Kind::Name | Kind::Text(_) | Kind::Op(_) => {
                parser.operators = 0;
                statements.push(parser.statement()?);
                if !matches!(parser.peek().kind, Kind::Break | Kind::End) {
                    return Err(parser.unexpected("the end of the statement"));
                }
            }
        }
    }
}

type Parsed<T> = Result<T, CodeError>;

/// Binary operators, loosest first.
const LEVELS: [&[&str]; 6] = [&["|"], &["^"], &["&"], &["<<", ">>"], &["+", "-"], &["*", "//", "/", "%"]];

struct Parser<'a> {
    code: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: u32,
    /// Of the statement so far.
    operators: u32,
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        &self.tokens[self.at]
    }

    fn word(&self) -> &str {
        let token = self.peek();
        if token.kind == Kind::Name { &self.code[token.start..token.end] } else { "" }
    }

    fn unexpected(&self, expected: &str) -> CodeError {
        let token = self.peek();
        let got = match token.kind {
            Kind::End => "the end of the block".to_owned(),
            Kind::Break => "the end of the line".to_owned(),
            Kind::Int(_) | Kind::Name | Kind::Text(_) | Kind::Op(_) => {
                format!("`{}`", &self.code[token.start..token.end])
            }
        };
        fault(self.code, token.start, format!("expected {expected}, and got {got}"))
    }

    fn eat(&mut self, operator: &str) -> bool {
        let found = matches!(self.peek().kind, Kind::Op(op) if op == operator);
        self.at += usize::from(found);
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.word() == word;
        self.at += usize::from(found);
        found
    }

    /// One more operator of the statement.
    fn operator(&mut self) -> Parsed<()> {
        self.operators += 1;
        if self.operators > MAX_OPERATORS {
            let message = format!("a statement has at most {MAX_OPERATORS} operators");
            return Err(fault(self.code, self.peek().start, message));
        }
        Ok(())
    }

    fn statement(&mut self) -> Parsed<Statement> {
        match self.word() {
            "assert" => {
                self.at += 1;
                let condition = self.condition()?;
                let message = if self.eat(",") { Some(self.condition()?) } else { None };
                Ok(Statement::Assert { condition, message })
            }
            "print" => self.print(),
            word
            @ ("import" | "from" | "if" | "for" | "while" | "def" | "class" | "try" | "with" | "del" | "raise") => {
                let message = format!("a block has no `{word}`: it has `assert`, `print` and assignments");
                Err(fault(self.code, self.peek().start, message))
            }
            _ => self.assignment(),
        }
    }

    fn print(&mut self) -> Parsed<Statement> {
        self.at += 1;
        let mut values = Vec::new();
        if !self.eat("(") {
            return Err(self.unexpected("`(` after `print`"));
        }
        while !self.eat(")") {
            values.push(self.condition()?);
            if !self.eat(",") && !matches!(self.peek().kind, Kind::Op(")")) {
                return Err(self.unexpected("`,` or `)`"));
            }
        }
        Ok(Statement::Print(values))
    }

    fn assignment(&mut self) -> Parsed<Statement> {
        let at = self.peek().start;
        let name = self.word().to_owned();
        let next = self.tokens.get(self.at + 1).map(|token| &token.kind);
        let op = match next {
            Some(Kind::Op("=")) => None,
            Some(Kind::Op("+=")) => Some("+"),
            Some(Kind::Op("-=")) => Some("-"),
            Some(Kind::Op("*=")) => Some("*"),
            Some(Kind::Op("&=")) => Some("&"),
            Some(Kind::Op("|=")) => Some("|"),
            _ => return self.tuple().map(Statement::Value),
        };
        if name.is_empty() {
            return Err(self.unexpected("a name before the `=`"));
        }
        self.at += 2;
        let value = self.tuple()?;
        Ok(Statement::Assign { name, op, value, at })
    }

    /// Values with commas between, without parentheses.
    fn tuple(&mut self) -> Parsed<Expr> {
        let first = self.condition()?;
        if !matches!(self.peek().kind, Kind::Op(",")) {
            return Ok(first);
        }
        let start = first.start;
        let mut parts = vec![first];
        while self.eat(",") {
            if matches!(self.peek().kind, Kind::End | Kind::Break | Kind::Op(")")) {
                break;
            }
            parts.push(self.condition()?);
        }
        Ok(self.expr(start, ExprKind::Tuple(parts)))
    }

    fn expr(&self, start: usize, kind: ExprKind) -> Expr {
        Expr { kind, start, end: self.tokens[self.at - 1].end }
    }

    fn condition(&mut self) -> Parsed<Expr> {
        let start = self.peek().start;
        let mut left = self.conjunction()?;
        while self.eat_word("or") {
            self.operator()?;
            let right = self.conjunction()?;
            left = self.expr(start, ExprKind::Or(Box::new(left), Box::new(right)));
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Parsed<Expr> {
        let start = self.peek().start;
        let mut left = self.negation()?;
        while self.eat_word("and") {
            self.operator()?;
            let right = self.negation()?;
            left = self.expr(start, ExprKind::And(Box::new(left), Box::new(right)));
        }
        Ok(left)
    }

    fn negation(&mut self) -> Parsed<Expr> {
        let start = self.peek().start;
        if !self.eat_word("not") {
            return self.comparison();
        }
        let inner = self.nested(Self::negation)?;
        Ok(self.expr(start, ExprKind::Not(Box::new(inner))))
    }

    fn comparison(&mut self) -> Parsed<Expr> {
        let start = self.peek().start;
        let first = self.binary(0)?;
        let mut rest = Vec::new();
        while let Kind::Op(op @ ("==" | "!=" | "<=" | ">=" | "<" | ">")) = self.peek().kind {
            self.at += 1;
            rest.push((op, self.binary(0)?));
        }
        if rest.is_empty() { Ok(first) } else { Ok(self.expr(start, ExprKind::Compare(Box::new(first), rest))) }
    }

    fn binary(&mut self, level: usize) -> Parsed<Expr> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let start = self.peek().start;
        let mut left = self.binary(level + 1)?;
        loop {
            let Kind::Op(op) = self.peek().kind else { return Ok(left) };
            if !operators.contains(&op) {
                return Ok(left);
            }
            self.operator()?;
            self.at += 1;
            let right = self.binary(level + 1)?;
            left = self.expr(start, ExprKind::Binary(op, Box::new(left), Box::new(right)));
        }
    }

    fn unary(&mut self) -> Parsed<Expr> {
        let start = self.peek().start;
        let kind: fn(Box<Expr>) -> ExprKind = if self.eat("-") {
            ExprKind::Negative
        } else if self.eat("+") {
            ExprKind::Positive
        } else {
            return self.primary();
        };
        let inner = self.nested(Self::unary)?;
        Ok(self.expr(start, kind(Box::new(inner))))
    }

    fn nested<T>(&mut self, rule: fn(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            return Err(fault(self.code, self.peek().start, "this is nested too deeply"));
        }
        self.depth += 1;
        let result = rule(self);
        self.depth -= 1;
        result
    }

    fn primary(&mut self) -> Parsed<Expr> {
        let token = self.peek().clone();
        let kind = match token.kind {
            Kind::Int(value) => ExprKind::Int(value),
            Kind::Text(_) => return self.text(),
            Kind::Name => match self.word() {
                "True" => ExprKind::Bool(true),
                "False" => ExprKind::Bool(false),
                "and" | "or" | "not" => return Err(self.unexpected("a value")),
                name => ExprKind::Name(name.to_owned()),
            },
            Kind::Op("(") => return self.parentheses(),
            Kind::Op(_) | Kind::Break | Kind::End => return Err(self.unexpected("a value")),
        };
        self.at += 1;
        Ok(self.expr(token.start, kind))
    }

    /// Adjacent texts are one.
    fn text(&mut self) -> Parsed<Expr> {
        let start = self.peek().start;
        let mut text = String::new();
        while let Kind::Text(part) = &self.tokens[self.at].kind {
            text.push_str(part);
            self.at += 1;
        }
        Ok(self.expr(start, ExprKind::Text(text)))
    }

    fn parentheses(&mut self) -> Parsed<Expr> {
        let start = self.peek().start;
        self.at += 1;
        if self.eat(")") {
            return Ok(self.expr(start, ExprKind::Tuple(Vec::new())));
        }
        let inner = self.nested(Self::tuple)?;
        if !self.eat(")") {
            return Err(self.unexpected("`)`"));
        }
        Ok(self.expr(start, inner.kind))
    }
}
