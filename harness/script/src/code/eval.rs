//! Running a block.

use super::parser::{Expr, ExprKind, Statement};
use super::text::{format, repr};
use super::{CodeError, fault};
use crate::symbols;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};

/// Octets of one value at the most; a value of a tuple counts for sixteen, and what is in it.
pub(super) const MOST_OCTETS: usize = 1 << 16;
/// Octets that one block prints at the most.
const MOST_PRINTED: usize = 1 << 20;
/// What is said of a value beyond that.
pub(super) const TOO_LONG: &str = "this value is too long";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Int(i128),
    Bool(bool),
    Text(String),
    Tuple(Vec<Value>),
}

impl Display for Value {
    /// As Python's `str`.
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Int(value) => write!(f, "{value}"),
            Self::Bool(value) => f.write_str(if *value { "True" } else { "False" }),
            Self::Text(text) => f.write_str(text),
            Self::Tuple(parts) => {
                let inner = parts.iter().map(repr).collect::<Vec<_>>().join(", ");
                write!(f, "({inner}{})", if parts.len() == 1 { "," } else { "" })
            }
        }
    }
}

impl Value {
    /// What it counts towards [`MOST_OCTETS`].
    fn octets(&self) -> usize {
        16 + match self {
            Self::Int(_) | Self::Bool(_) => 0,
            Self::Text(text) => text.len(),
            Self::Tuple(parts) => parts.iter().map(Self::octets).sum(),
        }
    }

    fn truth(&self) -> bool {
        match self {
            Self::Int(value) => *value != 0,
            Self::Bool(value) => *value,
            Self::Text(text) => !text.is_empty(),
            Self::Tuple(parts) => !parts.is_empty(),
        }
    }

    /// A truth value is 0 or 1, as in Python.
    pub(super) fn int(&self) -> Option<i128> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Bool(value) => Some(i128::from(*value)),
            Self::Text(_) | Self::Tuple(_) => None,
        }
    }

    fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Tuple(a), Self::Tuple(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals(b)),
            (a, b) => a.int().is_some() && a.int() == b.int(),
        }
    }

    fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (a, b) => Some(a.int()?.cmp(&b.int()?)),
        }
    }
}

pub(super) struct Eval<'a> {
    pub(super) code: &'a str,
    pub(super) names: &'a mut BTreeMap<String, Value>,
    pub(super) lookup: &'a dyn Fn(&str) -> Option<i64>,
    pub(super) printed: Vec<String>,
    /// Octets of it.
    pub(super) printed_octets: usize,
}

type Evaluated<T> = Result<T, CodeError>;

impl Eval<'_> {
    fn fault<T>(&self, at: usize, message: impl Into<String>) -> Evaluated<T> {
        Err(fault(self.code, at, message))
    }

    pub(super) fn statement(&mut self, statement: &Statement) -> Evaluated<()> {
        match statement {
            Statement::Assert { condition, message } => self.assert(condition, message.as_ref()),
            Statement::Print(values) => {
                let values = values.iter().map(|value| self.value(value)).collect::<Evaluated<Vec<_>>>()?;
                let line = values.iter().map(Value::to_string).collect::<Vec<_>>().join(" ");
                self.printed_octets += line.len();
                if self.printed_octets > MOST_PRINTED {
                    return self.fault(0, "the block prints too much");
                }
                self.printed.push(line);
                Ok(())
            }
            Statement::Assign { name, op, value, at } => {
                let mut result = self.value(value)?;
                if let Some(op) = op {
                    let Some(before) = self.names.get(name).cloned() else {
                        return self.fault(*at, format!("`{name}` has no value yet"));
                    };
                    result = self.binary(op, &before, &result, *at)?;
                }
                self.names.insert(name.clone(), result);
                Ok(())
            }
            Statement::Value(value) => self.value(value).map(|_| ()),
        }
    }

    fn assert(&self, condition: &Expr, message: Option<&Expr>) -> Evaluated<()> {
        if matches!(condition.kind, ExprKind::Tuple(_)) {
            return self.fault(condition.start, "this assert is of a tuple, which cannot fail: drop the parentheses");
        }
        if self.value(condition)?.truth() {
            return Ok(());
        }
        let mut text = format!("assertion false: {}", self.source(condition));
        let mut seen = Vec::new();
        self.values(condition, &mut seen);
        for (what, value) in &seen {
            text.push_str(&format!(", {what} is {value}"));
        }
        if let Some(message) = message {
            let said = self.value(message)?.to_string();
            // Most scripts give the value itself, which is shown already.
            if !seen.iter().any(|(_, value)| *value == said) {
                text.push_str(&format!(" ({said})"));
            }
        }
        Err(CodeError { assertion: true, ..fault(self.code, condition.start, text) })
    }

    /// The source of an expression on one line.
    fn source(&self, expr: &Expr) -> String {
        let words = self.code[expr.start..expr.end].split_whitespace();
        words.filter(|word| *word != "\\").collect::<Vec<_>>().join(" ")
    }

    /// The value of every name of an expression, and of every compared side that is more than a name or a number.
    fn values(&self, expr: &Expr, seen: &mut Vec<(String, String)>) {
        let mut note = |expr: &Expr| {
            let what = self.source(expr);
            if let (Ok(value), false) = (self.value(expr), seen.iter().any(|(known, _)| *known == what)) {
                seen.push((what, repr(&value)));
            }
        };
        match &expr.kind {
            ExprKind::Int(_) | ExprKind::Bool(_) | ExprKind::Text(_) => {}
            ExprKind::Name(_) => note(expr),
            ExprKind::Tuple(parts) => parts.iter().for_each(|part| self.values(part, seen)),
            ExprKind::Negative(inner) | ExprKind::Positive(inner) | ExprKind::Not(inner) => self.values(inner, seen),
            ExprKind::Binary(_, left, right) => {
                self.values(left, seen);
                self.values(right, seen);
            }
            ExprKind::And(left, right) | ExprKind::Or(left, right) => {
                self.values(left, seen);
                self.values(right, seen);
            }
            ExprKind::Compare(first, rest) => {
                let sides = std::iter::once(&**first).chain(rest.iter().map(|(_, side)| side));
                sides.clone().filter(|side| matches!(side.kind, ExprKind::Binary(..))).for_each(note);
                sides.for_each(|side| self.values(side, seen));
            }
        }
    }

    fn value(&self, expr: &Expr) -> Evaluated<Value> {
        Ok(match &expr.kind {
            ExprKind::Int(value) => Value::Int(*value),
            ExprKind::Bool(value) => Value::Bool(*value),
            ExprKind::Text(text) => Value::Text(text.clone()),
            ExprKind::Name(name) => self.name(name, expr.start)?,
            ExprKind::Tuple(parts) => self.tuple(parts)?,
            ExprKind::Negative(inner) => {
                let value = self.int(inner)?;
                match value.checked_neg() {
                    Some(value) => Value::Int(value),
                    None => return self.fault(expr.start, "this does not fit 128 bits"),
                }
            }
            ExprKind::Positive(inner) => Value::Int(self.int(inner)?),
            ExprKind::Not(inner) => Value::Bool(!self.value(inner)?.truth()),
            ExprKind::Binary(op, left, right) => {
                self.binary(op, &self.value(left)?, &self.value(right)?, expr.start)?
            }
            ExprKind::Compare(first, rest) => Value::Bool(self.compare(first, rest)?),
            ExprKind::And(left, right) => {
                let left = self.value(left)?;
                if left.truth() { self.value(right)? } else { left }
            }
            ExprKind::Or(left, right) => {
                let left = self.value(left)?;
                if left.truth() { left } else { self.value(right)? }
            }
        })
    }

    fn tuple(&self, parts: &[Expr]) -> Evaluated<Value> {
        let (mut values, mut octets) = (Vec::new(), 0);
        for part in parts {
            let value = self.value(part)?;
            octets += value.octets();
            if octets > MOST_OCTETS {
                return self.fault(part.start, TOO_LONG);
            }
            values.push(value);
        }
        Ok(Value::Tuple(values))
    }

    fn name(&self, name: &str, at: usize) -> Evaluated<Value> {
        if let Some(value) = self.names.get(name) {
            return Ok(value.clone());
        }
        match (self.lookup)(name).or_else(|| symbols::value(name)) {
            Some(value) => Ok(Value::Int(i128::from(value))),
            None => self.fault(at, format!("`{name}` is not defined")),
        }
    }

    fn int(&self, expr: &Expr) -> Evaluated<i128> {
        let value = self.value(expr)?;
        match value.int() {
            Some(value) => Ok(value),
            None => self.fault(expr.start, format!("{} is not a number", repr(&value))),
        }
    }

    fn compare(&self, first: &Expr, rest: &[(&'static str, Expr)]) -> Evaluated<bool> {
        let mut left = self.value(first)?;
        for (op, side) in rest {
            let right = self.value(side)?;
            let holds = match *op {
                "==" => left.equals(&right),
                "!=" => !left.equals(&right),
                _ => {
                    let Some(order) = left.order(&right) else {
                        let message = format!("`{op}` does not compare {} and {}", repr(&left), repr(&right));
                        return self.fault(side.start, message);
                    };
                    match *op {
                        "<" => order.is_lt(),
                        "<=" => order.is_le(),
                        ">" => order.is_gt(),
                        _ => order.is_ge(),
                    }
                }
            };
            if !holds {
                return Ok(false);
            }
            left = right;
        }
        Ok(true)
    }

    fn binary(&self, op: &str, left: &Value, right: &Value, at: usize) -> Evaluated<Value> {
        if op == "+" && left.octets().saturating_add(right.octets()) > MOST_OCTETS {
            return self.fault(at, TOO_LONG);
        }
        match (op, left, right) {
            ("%", Value::Text(text), values) => {
                return format(text, values).map(Value::Text).or_else(|message| self.fault(at, message));
            }
            ("+", Value::Text(a), Value::Text(b)) => return Ok(Value::Text(format!("{a}{b}"))),
            ("+", Value::Tuple(a), Value::Tuple(b)) => return Ok(Value::Tuple([a.as_slice(), b].concat())),
            _ => {}
        }
        let (Some(a), Some(b)) = (left.int(), right.int()) else {
            return self.fault(at, format!("`{op}` does not go with {} and {}", repr(left), repr(right)));
        };
        if let (Value::Bool(a), Value::Bool(b), "&" | "|" | "^") = (left, right, op) {
            return Ok(Value::Bool(match op {
                "&" => a & b,
                "|" => a | b,
                _ => a ^ b,
            }));
        }
        arithmetic(op, a, b).map(Value::Int).or_else(|message| self.fault(at, message))
    }
}

/// Python's integer operators; quotient and remainder round towards minus infinity.
fn arithmetic(op: &str, a: i128, b: i128) -> Result<i128, String> {
    let floor = || {
        let quotient = a.checked_div(b)?;
        Some(if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient })
    };
    let shift = u32::try_from(b).ok();
    let result = match op {
        "/" | "//" | "%" if b == 0 => return Err("division by zero".to_owned()),
        "<<" | ">>" if b < 0 => return Err(format!("a shift by {b}")),
        "/" if a.checked_rem(b).is_some_and(|rest| rest != 0) => {
            return Err(format!("{a} / {b} is not an integer; `//` rounds down"));
        }
        "+" => a.checked_add(b),
        "-" => a.checked_sub(b),
        "*" => a.checked_mul(b),
        "/" | "//" => floor(),
        "%" => floor().and_then(|quotient| a.checked_sub(quotient.checked_mul(b)?)),
        "&" => Some(a & b),
        "|" => Some(a | b),
        "^" => Some(a ^ b),
        "<<" => shift.and_then(|bits| a.checked_mul(1_i128.checked_shl(bits).filter(|unit| *unit > 0)?)),
        ">>" => Some(a >> shift.unwrap_or(u32::MAX).min(127)),
        _ => return Err(format!("unknown operator `{op}`")),
    };
    result.ok_or_else(|| "this does not fit 128 bits".to_owned())
}
