//! TCP options.

use super::{Parsed, Parser};
use crate::ast::{AccEcnField, Cookie, Options, Spanned, TcpOption};
use crate::lexer::Kind;

const OPTIONS: [&str; 13] = [
    "`mss N`",
    "`nop`",
    "`sackOK`",
    "`wscale N`",
    "`TS val N ecr N`",
    "`sack A:B ...`",
    "`eol`",
    "`FO hex`",
    "`FOEXP hex`",
    "`md5 hex`",
    "`ECN e0b N ...`",
    "`raw KIND hex`",
    "`octets hex`",
];

impl Parser<'_> {
    /// `<mss 1460,nop>` or `<...>`
    pub(super) fn options(&mut self) -> Parsed<Options> {
        self.bump();
        if self.peek().kind == Kind::Ellipsis {
            self.bump();
            self.expect(b'>', "`>`")?;
            return Ok(Options::Unchecked);
        }
        let mut options = Vec::new();
        loop {
            let start = self.peek();
            let node = self.option()?;
            options.push(Spanned { node, span: self.since(start) });
            if self.eat(b'>') {
                return Ok(Options::List(options));
            }
            self.expect(b',', "`,` or `>`")?;
        }
    }

    fn option(&mut self) -> Parsed<TcpOption> {
        let token = self.peek();
        let word = if token.kind == Kind::Word { self.word_of(token) } else { "" };
        if !OPTIONS.iter().any(|known| known.trim_matches('`').split(' ').next() == Some(word)) {
            return Err(self.unexpected(OPTIONS));
        }
        self.bump();
        Ok(match word {
            "eol" => TcpOption::Eol,
            "nop" => TcpOption::Nop,
            "sackOK" => TcpOption::SackPermitted,
            "mss" => TcpOption::Mss(self.field("a segment size")?),
            "wscale" => TcpOption::WindowScale(self.field("a shift count")?),
            "sack" => self.sack()?,
            "TS" => {
                self.keyword("val")?;
                let val = self.field("a timestamp")?;
                self.keyword("ecr")?;
                TcpOption::Timestamps { val, ecr: self.field("a timestamp")? }
            }
            "FO" => TcpOption::FastOpen(self.cookie()?),
            "FOEXP" => TcpOption::FastOpenExperimental(self.cookie()?),
            "md5" => TcpOption::Md5(if self.peek().kind == Kind::Word { Some(self.hex()?) } else { None }),
            "ECN" => self.acc_ecn()?,
            "raw" => {
                let kind = self.field("an option kind")?;
                let data = if self.peek().kind == Kind::Word { self.hex()? } else { Vec::new() };
                TcpOption::Raw { kind, data }
            }
            _ => TcpOption::Octets(self.hex()?),
        })
    }

    fn keyword(&mut self, word: &str) -> Parsed<()> {
        if self.eat_word(word) { Ok(()) } else { Err(self.unexpected([format!("`{word}`").as_str()])) }
    }

    fn sack(&mut self) -> Parsed<TcpOption> {
        let mut blocks = Vec::new();
        while blocks.is_empty() || self.at_num() {
            let left = self.field("a block `left:right`")?;
            self.expect(b':', "`:` and the right edge")?;
            blocks.push((left, self.field("the right edge")?));
        }
        Ok(TcpOption::Sack(blocks))
    }

    fn acc_ecn(&mut self) -> Parsed<TcpOption> {
        let mut fields = Vec::new();
        while self.peek().kind == Kind::Word || fields.is_empty() {
            let field = match self.word_of(self.peek()) {
                "e0b" => AccEcnField::E0b,
                "ceb" => AccEcnField::Ceb,
                "e1b" => AccEcnField::E1b,
                _ => return Err(self.unexpected(["`e0b N`", "`ceb N`", "`e1b N`"])),
            };
            self.bump();
            fields.push((field, self.field("a counter")?));
        }
        Ok(TcpOption::AccEcn(fields))
    }

    /// A word of hexadecimal digits is octets, any other word a symbol.
    fn cookie(&mut self) -> Parsed<Cookie> {
        if self.peek().kind != Kind::Word {
            return Ok(Cookie::Octets(Vec::new()));
        }
        let word = self.word_of(self.peek());
        if word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return self.hex().map(Cookie::Octets);
        }
        self.bump();
        Ok(Cookie::Symbol(word.to_owned()))
    }

    pub(super) fn hex(&mut self) -> Parsed<Vec<u8>> {
        let token = self.peek();
        if token.kind != Kind::Word {
            return Err(self.unexpected(["octets in hexadecimal"]));
        }
        self.bump();
        let word = self.word_of(token);
        parse_hex(word).ok_or_else(|| {
            let fault = self.fault("hex", format!("`{word}` is not octets in hexadecimal"), token);
            Box::new(fault.expecting(["two digits for each octet"]))
        })
    }
}

/// Octets from hexadecimal digits, two each.
pub(crate) fn parse_hex(word: &str) -> Option<Vec<u8>> {
    if !word.len().is_multiple_of(2) || !word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..word.len()).step_by(2).map(|at| u8::from_str_radix(&word[at..at + 2], 16).ok()).collect()
}
