//! TCP options.

use super::{Parsed, Parser};
use crate::ast::{AccEcnField, Cookie, Num, Options, Spanned, TcpOption};
use crate::diagnostics::Diagnostic;
use crate::lexer::Kind;

pub(crate) const OPTIONS: [&str; 13] = [
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

/// The words inside options.
pub(crate) const OPTION_WORDS: [&str; 11] =
    ["val", "ecr", "e0b", "ceb", "e1b", "ee0b", "eceb", "ee1b", "valid", "AccECN0", "AccECN1"];

/// Kind of options in experiments (RFC 6994), whose first two octets say which experiment.
const EXPERIMENT: i64 = 254;
/// The other spelling of packetdrill's second dialect.
const OTHERS: [&str; 5] = ["AccECN0", "AccECN1", "exp", "EXP", "gen"];

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
        if let Some(octets) = self.all_octets() {
            return Ok(Options::List(vec![octets]));
        }
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

    /// `<hex>`: the whole option area as it is.
    fn all_octets(&mut self) -> Option<Spanned<TcpOption>> {
        let token = self.peek();
        let digits = token.kind == Kind::Word && self.peek_at(1).kind == Kind::Punct(b'>');
        let octets = digits.then(|| parse_hex(self.word_of(token))).flatten()?;
        self.bump();
        self.bump();
        Some(Spanned { node: TcpOption::Octets(octets), span: self.span_of(token) })
    }

    fn option(&mut self) -> Parsed<TcpOption> {
        let token = self.peek();
        let word = if token.kind == Kind::Word { self.word_of(token) } else { "" };
        if OTHERS.contains(&word) {
            return self.other_spelling();
        }
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
            "TS" => self.timestamps()?,
            "FO" => TcpOption::FastOpen(self.cookie()?),
            "FOEXP" => TcpOption::FastOpenExperimental(self.cookie()?),
            "md5" if self.eat_word("valid") => TcpOption::Md5Valid,
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

    /// `val N ecr N`, `val ... ecr N`, `val N ecr N!`
    fn timestamps(&mut self) -> Parsed<TcpOption> {
        self.keyword("val")?;
        let val = if self.peek().kind == Kind::Ellipsis {
            self.bump();
            None
        } else {
            Some(self.field("a timestamp")?)
        };
        self.keyword("ecr")?;
        let ecr = self.field("a timestamp")?;
        Ok(match (val, self.eat(b'!')) {
            (Some(val), false) => TcpOption::Timestamps { val, ecr },
            (val, absolute) => TcpOption::LooseTimestamps { val, ecr, absolute },
        })
    }

    /// `AccECN0 ee0b N ...`, `EXP-FO hex`, `exp-AccECN0 ...`, `exp-tarr [N]`, `exp-HEX [hex]`, `gen-N [hex]`
    fn other_spelling(&mut self) -> Parsed<TcpOption> {
        let start = self.bump();
        let word = self.word_of(start);
        if word.starts_with("AccECN") {
            let fields = self.counters(word.ends_with('0'))?;
            let kind = if word.ends_with('0') { 172 } else { 174 };
            let bare = TcpOption::Raw { kind: Num::literal(kind), data: Vec::new() };
            return Ok(if fields.is_empty() { bare } else { TcpOption::AccEcn(fields) });
        }
        self.expect(b'-', "`-`")?;
        let token = self.peek();
        let rest = self.expect_word("a name or a number")?.node;
        if word == "gen" {
            let Ok(kind) = rest.parse::<u8>() else {
                let fault = self.fault("range", format!("`{rest}` is not an option kind"), token);
                return Err(Box::new(fault.expecting(["a number from 0 to 255"])));
            };
            return Ok(TcpOption::Raw { kind: Num::literal(kind.into()), data: self.hex_if_any()? });
        }
        let (experiment, more) = match rest.as_str() {
            "FO" => return Ok(TcpOption::FastOpenExperimental(self.cookie()?)),
            "AccECN0" | "AccECN1" => {
                let up = rest.ends_with('0');
                let counters = self.counters(up)?;
                let octets = |(_, num): &(AccEcnField, Num)| {
                    let value = if num.names.is_empty() { u32::try_from(num.offset).ok()? } else { return None };
                    value.to_be_bytes().get(1..).map(<[u8]>::to_vec)
                };
                let Some(octets) = counters.iter().map(octets).collect::<Option<Vec<_>>>() else {
                    let fault = Diagnostic::new("option", "a counter of this option is a number", self.since(start));
                    return Err(Box::new(fault));
                };
                (if up { 0xacc0 } else { 0xacc1 }, octets.concat())
            }
            "tarr" if self.at_num() => {
                let num = self.num("a rate")?;
                let rate = u8::try_from(num.offset).ok().filter(|rate| *rate < 128 && num.names.is_empty());
                let Some(rate) = rate else {
                    let fault = Diagnostic::new("range", "this is no rate", num.span);
                    return Err(Box::new(fault.expecting(["a number from 0 to 127"])));
                };
                (0x00ac, vec![rate << 1])
            }
            "tarr" => (0x00ac, Vec::new()),
            digits => match u16::from_str_radix(digits, 16) {
                Ok(experiment) => (experiment, self.hex_if_any()?),
                Err(_) => {
                    let fault = self.fault("option", format!("`exp-{rest}` is not an option"), token);
                    let known = ["`FO`", "`AccECN0`", "`AccECN1`", "`tarr`", "up to four hexadecimal digits"];
                    return Err(Box::new(fault.expecting(known)));
                }
            },
        };
        let data = [&u16::to_be_bytes(experiment)[..], &more].concat();
        Ok(TcpOption::Raw { kind: Num::literal(EXPERIMENT), data })
    }

    /// `ee0b N eceb N ee1b N`, or from the other end; as many as there are.
    fn counters(&mut self, up: bool) -> Parsed<Vec<(AccEcnField, Num)>> {
        let mut order = [("ee0b", AccEcnField::E0b), ("eceb", AccEcnField::Ceb), ("ee1b", AccEcnField::E1b)];
        if !up {
            order.reverse();
        }
        let mut fields = Vec::new();
        for (word, field) in order {
            if !self.eat_word(word) {
                break;
            }
            fields.push((field, self.field("a counter")?));
        }
        Ok(fields)
    }

    fn hex_if_any(&mut self) -> Parsed<Vec<u8>> {
        if self.peek().kind == Kind::Word { self.hex() } else { Ok(Vec::new()) }
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
