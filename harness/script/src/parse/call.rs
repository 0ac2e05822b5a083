//! System calls.

use super::{MAX_DEPTH, Parsed, Parser};
use crate::ast::{Arg, ArgKind, Call, Member, Spanned};
use crate::checks;
use crate::lexer::{Kind, Token};

impl Parser<'_> {
    /// `name(args) = result [ERRNO] [(text)]`
    pub(super) fn call(&mut self) -> Parsed<Call> {
        let name = self.expect_word("a system call")?;
        self.bump();
        let args = self.arguments(b')')?;
        self.expect(b'=', "`=` and the result")?;
        let result = self.arg()?;
        let token = self.peek();
        let mut errno = None;
        if matches!(token.kind, Kind::Word | Kind::Name) && !token.first {
            self.bump();
            errno = Some(Spanned { node: self.word_of(token).to_owned(), span: self.span_of(token) });
        }
        let note = if self.is(b'(') && !self.peek().first { Some(self.note()?) } else { None };
        let call = Call { name, args, result, errno, note };
        checks::call(&call, &mut self.diagnostics);
        Ok(call)
    }

    /// The text of an errno, up to the next `)`, its words one space apart.
    fn note(&mut self) -> Parsed<String> {
        let open = self.bump();
        while !self.is(b')') {
            if self.peek().first || self.peek().kind == Kind::End {
                return Err(self.unexpected(["`)`"]));
            }
            self.bump();
        }
        let close = self.bump();
        Ok(self.slice(open.end, close.start).split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// Arguments up to and with the closing character.
    fn arguments(&mut self, close: u8) -> Parsed<Vec<Arg>> {
        let mut args = Vec::new();
        if self.eat(close) {
            return Ok(args);
        }
        loop {
            args.push(self.arg()?);
            if self.eat(close) {
                return Ok(args);
            }
            self.expect(b',', if close == b')' { "`,` or `)`" } else { "`,` or `]`" })?;
        }
    }

    /// `a`, or `a|b|c`
    fn arg(&mut self) -> Parsed<Arg> {
        let start = self.peek();
        if self.depth >= MAX_DEPTH {
            return Err(Box::new(self.fault("depth", "structures are nested too deeply", start)));
        }
        self.depth += 1;
        let arg = self.alternatives(start);
        self.depth -= 1;
        arg
    }

    fn alternatives(&mut self, start: Token) -> Parsed<Arg> {
        let first = self.primary()?;
        if !self.is(b'|') {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.eat(b'|') {
            parts.push(self.primary()?);
        }
        Ok(Arg { kind: ArgKind::Or(parts), span: self.since(start) })
    }

    fn primary(&mut self) -> Parsed<Arg> {
        let start = self.peek();
        let kind = match start.kind {
            _ if self.at_num() => ArgKind::Num(self.num("a number")?),
            Kind::Ellipsis => {
                self.bump();
                ArgKind::Ellipsis
            }
            Kind::Text => self.text()?,
            Kind::Punct(b'[') => {
                self.bump();
                ArgKind::List(self.arguments(b']')?)
            }
            Kind::Punct(b'{') => {
                self.bump();
                ArgKind::Struct(self.members()?)
            }
            Kind::Word => {
                self.bump();
                let word = self.word_of(start).to_owned();
                if self.glued() && self.eat(b'(') {
                    ArgKind::Apply(word, self.arguments(b')')?)
                } else {
                    ArgKind::Word(word)
                }
            }
            _ => return Err(self.unexpected(["a value"])),
        };
        Ok(Arg { kind, span: self.since(start) })
    }

    fn members(&mut self) -> Parsed<Vec<Member>> {
        let mut members = Vec::new();
        if self.eat(b'}') {
            return Ok(members);
        }
        loop {
            members.push(self.member()?);
            if self.eat(b'}') {
                return Ok(members);
            }
            self.expect(b',', "`,` or `}`")?;
        }
    }

    /// `value`, `name=value` or `name(length)=value`
    fn member(&mut self) -> Parsed<Member> {
        let start = self.peek();
        let value = self.arg()?;
        if !self.is(b'=') {
            return Ok(Member { name: None, length: None, value });
        }
        let (name, length) = match value.kind {
            ArgKind::Word(name) => (name, None),
            ArgKind::Apply(name, mut args) if args.len() == 1 => (name, args.pop()),
            _ => return Err(Box::new(self.fault("syntax", "this is not the name of a member", start))),
        };
        self.bump();
        let name = Spanned { span: self.span(start.start, start.end), node: name };
        Ok(Member { name: Some(name), length, value: self.arg()? })
    }

    /// Adjacent strings are one; `"text"...` repeats.
    fn text(&mut self) -> Parsed<ArgKind> {
        let mut text = String::new();
        while self.peek().kind == Kind::Text {
            let token = self.bump();
            let raw = self.slice(token.start + 1, token.end - 1);
            match unescape(raw) {
                Ok(part) => text.push_str(&part),
                Err(escape) => {
                    let fault = self.fault("escape", format!("`{escape}` is not an escape"), token);
                    let known = ["`\\n`", "`\\t`", "`\\r`", "`\\0`", "`\\\\`", "`\\\"`", "`\\xHH`"];
                    return Err(Box::new(fault.expecting(known)));
                }
            }
        }
        if self.peek().kind == Kind::Ellipsis {
            self.bump();
            return Ok(ArgKind::TextEllipsis(text));
        }
        Ok(ArgKind::Text(text))
    }
}

/// The text that escapes stand for, or the escape that stands for nothing.
fn unescape(raw: &str) -> Result<String, String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw.chars();
    while let Some(next) = rest.next() {
        if next != '\\' {
            text.push(next);
            continue;
        }
        text.push(match rest.next() {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('0') => '\0',
            Some(quoted @ ('\\' | '"' | '`' | '\'')) => quoted,
            Some('x') => {
                let digits: String = rest.by_ref().take(2).collect();
                let octet = (digits.len() == 2).then(|| u8::from_str_radix(&digits, 16).ok()).flatten();
                char::from(octet.ok_or_else(|| format!("\\x{digits}"))?)
            }
            other => return Err(format!("\\{}", other.map(String::from).unwrap_or_default())),
        });
    }
    Ok(text)
}
