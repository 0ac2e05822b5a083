//! Headers before that of the datagram: IP in IP, GRE, MPLS; and what a segment is wrapped in below them.

use super::{Parsed, Parser};
use crate::ast::{Gre, MplsEntry, Num, Outer, Spanned};
use crate::lexer::Kind;
use std::net::IpAddr;

/// Words that begin a header or a body.
pub(crate) const HEADERS: [&str; 9] = ["ipv4", "ipv6", "gre", "GREv0", "mpls", "encap", "psp", "udp", "icmp"];
/// What `flags [...]` of a GRE header may name.
const GRE_FLAGS: [&str; 4] = ["`none`", "`checksum present`", "`key present`", "`sequence# present`"];

impl Parser<'_> {
    /// Outer headers, each with a colon at its end.
    pub(super) fn outer_headers(&mut self) -> Parsed<Vec<Spanned<Outer>>> {
        let mut outer = Vec::new();
        loop {
            let start = self.peek();
            if start.kind != Kind::Word {
                return Ok(outer);
            }
            let node = match self.word_of(start) {
                "ipv4" => self.outer_ip(false)?,
                "ipv6" => self.outer_ip(true)?,
                "gre" | "GREv0" => self.outer_gre()?,
                "mpls" => self.outer_mpls()?,
                _ => return Ok(outer),
            };
            outer.push(Spanned { node, span: self.since(start) });
        }
    }

    /// `ipv4 [words] A > B:`
    fn outer_ip(&mut self, v6: bool) -> Parsed<Outer> {
        self.bump();
        let words = self.ip_words()?;
        let src = self.address(v6)?;
        self.expect(b'>', "`>` and the destination")?;
        let dst = self.address(v6)?;
        // The colon at the end of an IPv6 address was taken for a part of it.
        if self.tokens[self.at - 1].kind != Kind::Punct(b':') {
            self.expect(b':', "`:` at the end of the outer header")?;
        }
        Ok(Outer::Ip { words, src, dst })
    }

    /// An address: the tokens up to white space, without a colon at their end.
    fn address(&mut self, v6: bool) -> Parsed<IpAddr> {
        let what = if v6 { "an IPv6 address" } else { "an IPv4 address" };
        let start = self.peek();
        let fits = |kind| matches!(kind, Kind::Word | Kind::Punct(b'.')) || v6 && kind == Kind::Punct(b':');
        if !fits(start.kind) || start.first {
            return Err(self.unexpected([what]));
        }
        self.bump();
        while self.glued() && fits(self.peek().kind) {
            self.bump();
        }
        let span = self.since(start);
        let text = self.slice(span.start, span.end);
        let parse = |text: &str| text.parse().ok().filter(|address: &IpAddr| address.is_ipv6() == v6);
        parse(text).or_else(|| parse(text.strip_suffix(':')?)).ok_or_else(|| {
            let fault = crate::diagnostics::Diagnostic::new("address", format!("`{text}` is not an address"), span);
            Box::new(fault.expecting([what]))
        })
    }

    /// `gre:`, `gre flags [...], sum N, off N, key N, seq N:`; the commas may be left out.
    fn outer_gre(&mut self) -> Parsed<Outer> {
        self.bump();
        if self.eat(b':') {
            return Ok(Outer::Gre(None));
        }
        self.eat(b',');
        let gre = self.gre()?;
        self.expect(b':', "`:` at the end of the outer header")?;
        Ok(Outer::Gre(Some(gre)))
    }

    /// The fields of a GRE header.
    fn gre(&mut self) -> Parsed<Gre> {
        let flags = self.gre_flags()?;
        let mut named = |word: &str| {
            self.eat(b',');
            if !self.eat_word(word) {
                return Err(self.unexpected([format!("`{word} N`").as_str()]));
            }
            self.eat(b'=');
            self.field("a number")
        };
        Ok(Gre { flags, sum: named("sum")?, off: named("off")?, key: named("key")?, seq: named("seq")? })
    }

    /// `flags 0x2000` or `flags [key present]`
    fn gre_flags(&mut self) -> Parsed<Num> {
        if !self.eat_word("flags") && !self.eat_word("Flags") {
            return Err(self.unexpected(["`:`", "`flags [...]`"]));
        }
        let start = self.peek();
        if !self.eat(b'[') {
            return self.field("`[` and names of flags, or a number");
        }
        let mut flags = 0;
        loop {
            let word = if self.peek().kind == Kind::Word { self.word_of(self.peek()) } else { "" };
            let flag = match word {
                "none" => 0,
                "checksum" => Gre::CHECKSUM,
                "key" => Gre::KEY,
                "sequence" => Gre::SEQUENCE,
                _ => return Err(self.unexpected(GRE_FLAGS)),
            };
            self.bump();
            flags |= flag;
            if flag == Gre::SEQUENCE {
                self.expect(b'#', "`sequence# present`")?;
            }
            if flag != 0 && !self.eat_word("present") {
                return Err(self.unexpected(["`present`"]));
            }
            if self.eat(b']') {
                return Ok(Num { names: Vec::new(), offset: flags, hex: true, span: self.since(start) });
            }
            self.expect(b',', "`,` or `]`")?;
        }
    }

    /// `mpls (label N, tc N, [S], ttl N) ...:`
    fn outer_mpls(&mut self) -> Parsed<Outer> {
        self.bump();
        let mut stack = Vec::new();
        while !self.eat(b':') {
            if !self.is(b'(') {
                return Err(self.unexpected(["`(label N, tc N, [S], ttl N)`", "`:`"]));
            }
            stack.push(self.mpls_entry()?);
        }
        Ok(Outer::Mpls(stack))
    }

    fn mpls_entry(&mut self) -> Parsed<MplsEntry> {
        self.bump();
        let label = self.mpls_field("label")?;
        self.expect(b',', "`,` and `tc N`")?;
        let tc = self.mpls_field("tc")?;
        self.expect(b',', "`,` and `[S]` or `ttl N`")?;
        let bottom = self.eat(b'[');
        if bottom {
            if !self.eat_word("S") {
                return Err(self.unexpected(["`S`, the bottom of the stack"]));
            }
            self.expect(b']', "`]`")?;
            self.expect(b',', "`,` and `ttl N`")?;
        }
        let ttl = self.mpls_field("ttl")?;
        self.expect(b')', "`)`")?;
        Ok(MplsEntry { label, tc, bottom, ttl })
    }

    fn mpls_field(&mut self, word: &str) -> Parsed<Num> {
        if !self.eat_word(word) {
            return Err(self.unexpected([format!("`{word} N`").as_str()]));
        }
        self.field("a number")
    }

    /// `encap psp spi N`
    pub(super) fn psp(&mut self) -> Parsed<Option<Num>> {
        if !self.eat_word("encap") {
            return Ok(None);
        }
        for word in ["psp", "spi"] {
            if !self.eat_word(word) {
                return Err(self.unexpected([format!("`{word}`").as_str()]));
            }
        }
        self.field("an SPI").map(Some)
    }

    /// `/udp(a > b)` behind a segment
    pub(super) fn under_udp(&mut self) -> Parsed<Option<Spanned<(Num, Num)>>> {
        let start = self.peek();
        if start.first || !self.eat(b'/') {
            return Ok(None);
        }
        if !self.eat_word("udp") {
            return Err(self.unexpected(["`udp(PORT > PORT)`"]));
        }
        self.expect(b'(', "`(` and the ports of the UDP header")?;
        let from = self.field("a port")?;
        self.expect(b'>', "`>` and the port of the destination")?;
        let to = self.field("a port")?;
        self.expect(b')', "`)`")?;
        Ok(Some(Spanned { node: (from, to), span: self.since(start) }))
    }
}
