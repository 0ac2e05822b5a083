//! ICMP messages.

use super::{Parsed, Parser};
use crate::ast::{Echoed, Icmp, Num, Spanned};
use crate::lexer::Kind;

impl Parser<'_> {
    /// `icmp type [code] [mtu N] [id N] [[seq:end(len)]]`
    pub(super) fn icmp(&mut self) -> Parsed<Icmp> {
        let kind = self.icmp_word("an ICMP type, e.g. `unreachable`")?;
        let keyword = self.is_word("mtu") || self.is_word("id");
        let has_code = matches!(self.peek().kind, Kind::Word | Kind::Name) && !self.peek().first && !keyword;
        let code = if has_code { Some(self.icmp_word("an ICMP code")?) } else { None };
        let mtu = if self.eat_word("mtu") { Some(self.field("an MTU")?) } else { None };
        let id = if self.eat_word("id") { Some(self.field("an identifier")?) } else { None };
        let echoed = if self.is(b'[') && !self.peek().first { Some(self.echoed()?) } else { None };
        self.end_of_line(["`mtu N`", "`id N`", "`[seq:end(len)]`", "`[udp (N)]`", "`[raw (N)]`"])?;
        Ok(Icmp { kind, code, mtu, id, echoed })
    }

    /// `[seq:end(len)]`, `[udp (N)]`, `[raw (N)]`
    fn echoed(&mut self) -> Parsed<Echoed> {
        self.bump();
        let echoed = if self.eat_word("udp") {
            Echoed::Udp(self.length()?)
        } else if self.eat_word("raw") {
            Echoed::Raw(self.length()?)
        } else if self.at_num() || self.peek().kind == Kind::Word && crate::parse::is_symbol(self.word_of(self.peek()))
        {
            let (seq, end, len) = self.range()?;
            let under_udp = self.under_udp()?.map(|ports| ports.node);
            Echoed::Tcp { seq, end, len, under_udp }
        } else {
            return Err(self.unexpected(["`seq:end(len)`", "`udp (N)`", "`raw (N)`"]));
        };
        self.expect(b']', "`]`")?;
        Ok(echoed)
    }

    /// `(N)`
    pub(super) fn length(&mut self) -> Parsed<Num> {
        self.expect(b'(', "`(` and the length")?;
        let len = self.field("the length")?;
        self.expect(b')', "`)`")?;
        Ok(len)
    }

    /// A word, a number, or `$name`, which stays as it is written.
    fn icmp_word(&mut self, what: &str) -> Parsed<Spanned<String>> {
        let token = self.peek();
        if !matches!(token.kind, Kind::Word | Kind::Name) || token.first {
            return Err(self.unexpected([what]));
        }
        self.bump();
        Ok(Spanned { node: self.word_of(token).to_owned(), span: self.span_of(token) })
    }
}
