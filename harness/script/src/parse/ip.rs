//! Words of the IP header, in `[ ]` or `( )`.

use super::{Parsed, Parser, is_symbol};
use crate::ast::{Ecn, IpWord, Num, Place, Spanned};
use crate::diagnostics::Diagnostic;
use crate::lexer::Kind;
use crate::suggest::nearest;
use crate::symbols;

/// Words of the IP list.
pub(crate) const IP_WORDS: [&str; 28] = [
    "`ect0`",
    "`ect1`",
    "`ect01`",
    "`ce`",
    "`noecn`",
    "`tos N`",
    "`ttl N`",
    "`id N`",
    "`flowlabel N`",
    "`dscp N`",
    "`class N`",
    "`hlim N`",
    "`ecn ect0`",
    "`badsum`",
    "`doff N`",
    "`reserved N`",
    "`src PLACE`",
    "`dst PLACE`",
    "`ipopt hex`",
    "`ext KIND hex`",
    "`frag A:B`",
    "`version N`",
    "`ihl N`",
    "`proto N`",
    "`badipsum`",
    "`iplen N`",
    "`df`",
    "`nodf`",
];

impl Parser<'_> {
    /// The list, if there is one.
    pub(super) fn ip_words(&mut self) -> Parsed<Vec<Spanned<IpWord>>> {
        let close = match self.peek().kind {
            Kind::Punct(b'[') => b']',
            Kind::Punct(b'(') => b')',
            _ => return Ok(Vec::new()),
        };
        self.bump();
        let mut words = Vec::new();
        loop {
            let start = self.peek();
            let node = self.ip_word()?;
            words.push(Spanned { node, span: self.since(start) });
            if self.eat(close) {
                return Ok(words);
            }
            self.expect(b',', if close == b']' { "`,` or `]`" } else { "`,` or `)`" })?;
        }
    }

    fn ip_word(&mut self) -> Parsed<IpWord> {
        let token = self.peek();
        let word = if token.kind == Kind::Word { self.word_of(token) } else { "" };
        if !IP_WORDS.iter().any(|known| known.trim_matches('`').split(' ').next() == Some(word)) {
            return Err(self.unexpected(IP_WORDS));
        }
        self.bump();
        Ok(match word {
            "ecn" => match ecn(self.word_of(self.peek())) {
                Some(ecn) => {
                    self.bump();
                    IpWord::Ecn(ecn)
                }
                None => return Err(self.unexpected(["`ect0`", "`ect1`", "`ect01`", "`ce`", "`noecn`"])),
            },
            "tos" | "class" => IpWord::Tos(self.field("a number")?),
            "dscp" => IpWord::Dscp(self.dscp()?),
            "ttl" | "hlim" => IpWord::Ttl(self.field("a number")?),
            "id" => IpWord::Id(self.field("a number")?),
            "flowlabel" => IpWord::FlowLabel(self.field("a number")?),
            "doff" => IpWord::DataOffset(self.field("a number")?),
            "reserved" => IpWord::Reserved(self.field("a number")?),
            "src" => IpWord::Source(self.place()?),
            "dst" => IpWord::Destination(self.place()?),
            "ipopt" => IpWord::IpOptions(self.hex()?),
            "ext" => IpWord::Extension { kind: self.field("the number of an extension header")?, data: self.hex()? },
            "frag" => self.fragment()?,
            "version" => IpWord::Version(self.field("a number")?),
            "ihl" => IpWord::HeaderLength(self.field("a number")?),
            "proto" => IpWord::Protocol(self.field("a number")?),
            "badipsum" => IpWord::BadHeaderChecksum,
            "iplen" => IpWord::Length(self.field("a number")?),
            "df" | "nodf" => IpWord::DontFragment(word == "df"),
            _ => ecn(word).map_or(IpWord::BadChecksum, IpWord::Ecn),
        })
    }

    /// `A`, `A:B`
    fn fragment(&mut self) -> Parsed<IpWord> {
        let from = self.field("the fragment's first octet")?;
        let to = if self.eat(b':') { Some(self.field("the octet after the fragment")?) } else { None };
        Ok(IpWord::Fragment { from, to })
    }

    /// An address by what it is.
    fn place(&mut self) -> Parsed<Place> {
        let token = self.peek();
        let word = if token.kind == Kind::Word { self.word_of(token) } else { "" };
        let Some((_, place)) = Place::ALL.iter().find(|(known, _)| *known == word) else {
            let known = Place::ALL.map(|(known, _)| format!("`{known}`"));
            return Err(self.unexpected(known.iter().map(String::as_str)));
        };
        self.bump();
        Ok(*place)
    }

    /// A number, or the name that a registry gives it.
    fn dscp(&mut self) -> Parsed<Num> {
        let start = self.peek();
        if self.at_num() || start.kind != Kind::Word || is_symbol(self.word_of(start)) {
            return self.field("a number, or a name such as `cs1`, `af11`, `ef`");
        }
        self.bump();
        // `voice-admit` is several tokens.
        while self.glued() && matches!(self.peek().kind, Kind::Word | Kind::Punct(b'-')) {
            self.bump();
        }
        let span = self.since(start);
        let name = self.slice(span.start, span.end);
        let Some(value) = symbols::dscp(name) else {
            let mut fault = Diagnostic::new("dscp", format!("no code point is called `{name}`"), span);
            fault.help = nearest(name, symbols::dscp_names()).map(|near| format!("did you mean `{near}`?"));
            return Err(Box::new(fault.expecting(["a number", "a name such as `cs1`, `af11`, `ef`"])));
        };
        Ok(Num { names: Vec::new(), offset: value, hex: true, span })
    }
}

/// The ECN field by its word.
fn ecn(word: &str) -> Option<Ecn> {
    Some(match word {
        "ect0" => Ecn::Ect0,
        "ect1" => Ecn::Ect1,
        "ect01" => Ecn::Ect01,
        "ce" => Ecn::Ce,
        "noecn" => Ecn::NoEcn,
        _ => return None,
    })
}
