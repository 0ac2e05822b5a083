//! Numbers, sums of names, times.

use super::{Parsed, Parser};
use crate::ast::{Micros, Num};
use crate::diagnostics::Diagnostic;
use crate::lexer::{Kind, Token};

impl Parser<'_> {
    /// A number can begin here.
    pub(super) fn at_num(&self) -> bool {
        self.at_num_ahead(0)
    }

    pub(super) fn at_num_ahead(&self, ahead: usize) -> bool {
        let token = self.peek_at(ahead);
        match token.kind {
            Kind::Name => true,
            Kind::Word => self.text.as_bytes()[token.start as usize].is_ascii_digit(),
            Kind::Punct(b'-') => self.glued_at(ahead + 1) && self.at_num_ahead(ahead + 1),
            _ => false,
        }
    }

    /// `1`, `-1`, `0x10`, `$name`, `$a+$b-1`. The parts of a sum touch, because `+` also begins the next line.
    pub(super) fn num(&mut self, what: &str) -> Parsed<Num> {
        let start = self.peek();
        if !self.at_num() {
            return Err(self.unexpected([what]));
        }
        let mut num = Num { names: Vec::new(), offset: 0, hex: false, span: self.span_of(start) };
        let mut sign = if self.eat(b'-') { -1 } else { 1 };
        let mut terms = 0;
        loop {
            let token = self.bump();
            if token.kind == Kind::Name {
                if sign < 0 {
                    let fault = self.fault("syntax", "a name cannot be subtracted", token);
                    return Err(Box::new(fault.help("a sum adds names and adds or subtracts a constant")));
                }
                num.names.push(self.word_of(token)[1..].to_owned());
            } else {
                let (value, hex) = self.literal(token)?;
                num.hex = hex && terms == 0 && sign > 0;
                num.offset = num.offset.saturating_add(value.saturating_mul(sign));
            }
            terms += 1;
            let joined = self.glued() && self.glued_at(1) && self.at_num_ahead(1) && !self.is_sign_at(1);
            sign = match self.peek().kind {
                Kind::Punct(b'+') if joined => 1,
                Kind::Punct(b'-') if joined => -1,
                _ => break,
            };
            self.bump();
        }
        num.hex &= terms == 1;
        num.span = self.since(start);
        Ok(num)
    }

    /// A number of a packet; a word in capitals may stand for it, which `-D` defines.
    pub(super) fn field(&mut self, what: &str) -> Parsed<Num> {
        let token = self.peek();
        if token.kind == Kind::Word && is_symbol(self.word_of(token)) {
            self.bump();
            let names = vec![self.word_of(token).to_owned()];
            return Ok(Num { names, offset: 0, hex: false, span: self.span_of(token) });
        }
        self.num(what)
    }

    fn is_sign_at(&self, ahead: usize) -> bool {
        matches!(self.peek_at(ahead).kind, Kind::Punct(b'+' | b'-'))
    }

    fn literal(&self, token: Token) -> Parsed<(i64, bool)> {
        let word = self.word_of(token);
        let hex = word.strip_prefix("0x");
        let value = match hex {
            Some(digits) => u64::from_str_radix(digits, 16).ok().and_then(|value| i64::try_from(value).ok()),
            None => word.parse().ok(),
        };
        let digits =
            hex.unwrap_or(word).bytes().all(|byte| byte.is_ascii_digit() || hex.is_some() && byte.is_ascii_hexdigit());
        match value {
            Some(value) => Ok((value, hex.is_some())),
            None if digits => Err(Box::new(self.fault("range", format!("`{word}` does not fit 64 bits"), token))),
            None => Err(Box::new(self.fault("syntax", format!("`{word}` is not a number"), token))),
        }
    }

    /// A time can begin here, its sign aside.
    pub(super) fn at_time(&self) -> bool {
        self.at_num() || (self.is(b'.') && self.peek_at(1).kind == Kind::Word)
    }

    /// Seconds: `1`, `.5`, `$name`, `$name-0.5`.
    pub(super) fn micros(&mut self) -> Parsed<Micros> {
        let start = self.peek();
        if self.is(b'-') {
            let fault = self.fault("negative-time", "a time cannot be negative", start);
            return Err(Box::new(fault.help("`+0.5` counts from the previous event, `0.5` from the start")));
        }
        let mut micros = Micros { name: None, offset: 0, span: self.span_of(start) };
        if start.kind == Kind::Name {
            self.bump();
            micros.name = Some(self.word_of(start)[1..].to_owned());
            let sign = match self.peek().kind {
                Kind::Punct(b'+') if self.glued() && self.glued_at(1) => 1,
                Kind::Punct(b'-') if self.glued() && self.glued_at(1) => -1,
                _ => 0,
            };
            if sign != 0 {
                self.bump();
                micros.offset = sign * self.seconds()?;
            }
        } else {
            micros.offset = self.seconds()?;
        }
        micros.span = self.since(start);
        Ok(micros)
    }

    /// A literal number of seconds, in microseconds.
    fn seconds(&mut self) -> Parsed<i64> {
        let start = self.peek();
        if !self.at_time() || start.kind == Kind::Name {
            return Err(self.unexpected(["a time in seconds"]));
        }
        if start.kind == Kind::Word {
            self.bump();
        }
        if self.is(b'.') && (self.glued() || start.kind != Kind::Word) && self.glued_at(1) {
            self.bump();
            self.bump();
        }
        let span = self.since(start);
        let word = self.slice(span.start, span.end);
        parse_seconds(word).ok_or_else(|| {
            let fault = Diagnostic::new("syntax", format!("`{word}` is not a time"), span);
            Box::new(fault.expecting(["seconds, e.g. `1` or `0.25`"]))
        })
    }
}

/// Capitals, digits and `_`: what `-D` usually defines.
pub(crate) fn is_symbol(word: &str) -> bool {
    word.as_bytes().first().is_some_and(u8::is_ascii_uppercase)
        && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// `12.345678` as microseconds; more decimals are cut off.
pub(crate) fn parse_seconds(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let seconds: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut micros = 0;
    for index in 0..6 {
        micros = micros * 10 + fraction.as_bytes().get(index).map_or(0, |digit| i64::from(digit - b'0'));
    }
    // A century of test is enough, and leaves room for sums.
    (seconds < 3_000_000_000).then(|| seconds * 1_000_000 + micros)
}

#[cfg(test)]
mod tests {
    use super::parse_seconds;

    #[test]
    fn seconds_are_exact() {
        let table = [
            ("0", Some(0)),
            (".1", Some(100_000)),
            ("1.5", Some(1_500_000)),
            ("0.29", Some(290_000)),
            ("0.0000019", Some(1)),
            ("7200", Some(7_200_000_000)),
            (".", None),
            ("1s", None),
            ("99999999999", None),
            ("1444444444444444", None),
        ];
        for (text, micros) in table {
            assert_eq!(parse_seconds(text), micros, "{text}");
        }
    }
}
