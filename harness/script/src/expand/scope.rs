//! What names stand for.

use super::Variant;
use crate::ast::{Num, Script, Span, Value};
use crate::diagnostics::Diagnostic;
use crate::parse::{is_symbol, parse_seconds};
use crate::print::events::seconds;
use crate::suggest::nearest;

/// Names may be defined by names; this many deep.
const MAX_DEPTH: u32 = 16;

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bound {
    /// A number.
    Int(i64),
    /// A word.
    Word(String),
    /// A text in quotes, from `--define`.
    Text(String),
    /// A time in microseconds, from the SUT.
    Micros(i64),
    /// What a label binds: evaluated where it is used.
    Lazy(Value),
}

/// The names that are defined, innermost last; a later one hides an earlier one.
#[derive(Debug)]
pub(super) struct Scope {
    names: Vec<(String, Bound)>,
    /// What `--define` says, as it is written.
    defines: Vec<(String, String)>,
}

impl Scope {
    /// Names that are there before the first line: the SUT's, `--define`s, axes, what the labels bind.
    pub(super) fn new(script: &Script, variant: &Variant, params: &[(String, i64)]) -> Self {
        let mut names: Vec<_> = params.iter().map(|(name, micros)| (name.clone(), Bound::Micros(*micros))).collect();
        let lines = script.options.iter().filter(|line| line.name.node == "define");
        let definitions = lines.filter_map(|line| line.value.as_ref()?.node.split_once('='));
        let defines: Vec<_> = definitions.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        names.extend(defines.iter().map(|(name, value)| (name.clone(), defined(value))));
        names.push(("family".to_owned(), Bound::Word(variant.family.to_string())));
        for (variation, (axis, chosen)) in script.variations.iter().zip(&variant.labels) {
            names.push((axis.clone(), word(chosen)));
            let label = variation.labels.iter().find(|label| label.name.node == *chosen);
            let bindings = label.map(|label| label.bindings.as_slice()).unwrap_or_default();
            names.extend(bindings.iter().map(|(name, value)| (name.node.clone(), Bound::Lazy(value.clone()))));
        }
        Self { names, defines }
    }

    /// How many names there are, to go back to.
    pub(super) fn mark(&self) -> usize {
        self.names.len()
    }

    /// Forgets what was bound since the mark.
    pub(super) fn release(&mut self, mark: usize) {
        self.names.truncate(mark);
    }

    pub(super) fn bind(&mut self, name: &str, bound: Bound) {
        self.names.push((name.to_owned(), bound));
    }

    /// What `--define` says of a bare word.
    pub(super) fn define(&self, word: &str) -> Option<Bound> {
        self.definition(word).map(defined)
    }

    /// The same as it is written, with the zeros that a number would lose.
    pub(super) fn definition(&self, word: &str) -> Option<&str> {
        self.defines.iter().rev().find(|(known, _)| known == word).map(|(_, value)| value.as_str())
    }

    fn find(&self, name: &str) -> Option<&Bound> {
        self.names.iter().rev().find(|(known, _)| known == name).map(|(_, bound)| bound)
    }

    /// What a name stands for, labels' values evaluated.
    pub(super) fn lookup(&self, name: &str, span: Span) -> Result<Bound, Box<Diagnostic>> {
        self.lookup_deep(name, span, 0)
    }

    fn lookup_deep(&self, name: &str, span: Span, depth: u32) -> Result<Bound, Box<Diagnostic>> {
        if depth > MAX_DEPTH {
            let fault = Diagnostic::new("name-cycle", format!("`${name}` is defined by itself"), span);
            return Err(fault.into());
        }
        match self.find(name) {
            None => Err(self.unknown(name, span).into()),
            Some(Bound::Lazy(Value::Word(word))) => Ok(Bound::Word(word.node.clone())),
            Some(Bound::Lazy(Value::Num(num))) => self.evaluate_deep(num, span, depth + 1),
            Some(bound) => Ok(bound.clone()),
        }
    }

    /// The value of a sum. A name alone may stand for anything; in a sum all are numbers.
    pub(super) fn evaluate(&self, num: &Num) -> Result<Bound, Box<Diagnostic>> {
        self.evaluate_deep(num, num.span, 0)
    }

    fn evaluate_deep(&self, num: &Num, span: Span, depth: u32) -> Result<Bound, Box<Diagnostic>> {
        if let ([name], 0) = (num.names.as_slice(), num.offset) {
            return self.lookup_deep(name, span, depth);
        }
        let mut sum = num.offset;
        for name in &num.names {
            let bound = self.lookup_deep(name, span, depth)?;
            sum = sum.saturating_add(number(name, &bound, span)?);
        }
        Ok(Bound::Int(sum))
    }

    fn unknown(&self, name: &str, span: Span) -> Diagnostic {
        let mut known: Vec<&str> = self.names.iter().map(|(known, _)| known.as_str()).collect();
        known.sort_unstable();
        known.dedup();
        // A word in capitals may stand without its dollar.
        let dollar = if is_symbol(name) { "" } else { "$" };
        let fault = Diagnostic::new("unknown-name", format!("`{dollar}{name}` is not defined here"), span);
        let near = nearest(name, known.iter().copied());
        let listed = known.iter().map(|known| format!("`${known}`")).collect::<Vec<_>>().join(", ");
        match near {
            Some(near) => fault.help(format!("did you mean `${near}`? defined here: {listed}")),
            None if is_symbol(name) => {
                fault.help(format!("a symbol is defined by `-D {name}=VALUE` or `--define={name}=VALUE`"))
            }
            None => fault.help(format!("defined here: {listed}")),
        }
    }

    /// A command or block with the names in `${name}`. A name that is not defined is left to the shell.
    pub(super) fn substitute(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            let tail = &rest[at + 2..];
            let end = tail.find('}').unwrap_or(0);
            out.push_str(&rest[..at]);
            match self.lookup(&tail[..end], Span::default()) {
                Ok(bound) if end > 0 => {
                    out.push_str(&text_of(&bound));
                    rest = &tail[end + 1..];
                }
                Ok(_) | Err(_) => {
                    out.push_str("${");
                    rest = tail;
                }
            }
        }
        out.push_str(rest);
        out
    }
}

/// The number that a name stands for, or why it stands for none.
pub(super) fn number(name: &str, bound: &Bound, span: Span) -> Result<i64, Box<Diagnostic>> {
    let what = match bound {
        Bound::Int(value) => return Ok(*value),
        Bound::Word(word) => format!("the word `{word}`"),
        Bound::Text(_) => "a text".to_owned(),
        Bound::Micros(_) => "a time".to_owned(),
        Bound::Lazy(_) => "not evaluated".to_owned(),
    };
    Err(Diagnostic::new("wrong-name", format!("`${name}` is {what}, and a number stands here"), span).into())
}

/// The time in microseconds that a name stands for: a time of the SUT, or a number of seconds.
pub(super) fn micros(name: &str, bound: &Bound, span: Span) -> Result<i64, Box<Diagnostic>> {
    let found = match bound {
        Bound::Micros(micros) => Some(*micros),
        Bound::Int(value) => value.checked_mul(1_000_000),
        Bound::Word(word) => parse_seconds(word),
        Bound::Text(_) | Bound::Lazy(_) => None,
    };
    let message = || format!("`${name}` is `{}`, and a time in seconds stands here", text_of(bound));
    found.ok_or_else(|| Diagnostic::new("wrong-name", message(), span).into())
}

/// As it is written in a command.
pub(super) fn text_of(bound: &Bound) -> String {
    match bound {
        Bound::Int(value) => value.to_string(),
        Bound::Word(word) | Bound::Text(word) => word.clone(),
        Bound::Micros(micros) => seconds(*micros),
        Bound::Lazy(value) => value.to_string(),
    }
}

/// A label or word: a number when it is one.
fn word(text: &str) -> Bound {
    text.parse().map_or_else(|_| Bound::Word(text.to_owned()), Bound::Int)
}

/// The value of a `--define`: an integer as C writes it, a text in quotes, or a word.
fn defined(value: &str) -> Bound {
    if let Some(text) = value.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        return Bound::Text(text.to_owned());
    }
    match value.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16).map_or_else(|_| Bound::Word(value.to_owned()), Bound::Int),
        None => word(value),
    }
}
