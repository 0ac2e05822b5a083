//! Packet lines.

use super::{Parsed, Parser};
use crate::ast::{Body, Direction, Ecn, FlagSet, Flags, Icmp, IpWord, Num, Options, Packet, Place, Spanned, Tcp};
use crate::checks;
use crate::diagnostics::Diagnostic;
use crate::lexer::Kind;

/// Words of the IP list.
const IP_WORDS: [&str; 15] = [
    "`ect0`",
    "`ect1`",
    "`ect01`",
    "`ce`",
    "`noecn`",
    "`tos N`",
    "`ttl N`",
    "`id N`",
    "`flowlabel N`",
    "`badsum`",
    "`doff N`",
    "`reserved N`",
    "`src PLACE`",
    "`dst PLACE`",
    "`ipopt hex`",
];

impl Parser<'_> {
    pub(super) fn packet(&mut self, direction: Direction) -> Parsed<Packet> {
        let start = self.bump();
        let mut encapsulation = Vec::new();
        while ["ipv4", "ipv6", "gre", "GREv0", "mpls"].iter().any(|word| self.is_word(word)) {
            encapsulation.push(self.outer_header()?);
        }
        let ip = self.ip_words()?;
        if self.is_word("encap") {
            encapsulation.push(self.psp()?);
        }
        let body = if self.eat_word("icmp") {
            Body::Icmp(self.icmp()?)
        } else if self.eat_word("udp") {
            self.udp()?
        } else {
            Body::Tcp(self.tcp()?)
        };
        let packet = Packet { direction, ip, encapsulation, body };
        let span = self.since(start);
        checks::packet(&packet, span, &mut self.diagnostics);
        Ok(packet)
    }

    /// `ipv4 A > B:`, `gre:`, `mpls (...):`; ends with a colon that white space follows, because addresses have colons too.
    fn outer_header(&mut self) -> Parsed<Spanned<String>> {
        let start = self.bump();
        loop {
            let token = self.peek();
            if token.kind == Kind::End || token.first {
                return Err(self.unexpected(["`:` at the end of the outer header"]));
            }
            self.bump();
            if token.kind == Kind::Punct(b':') && !self.glued() {
                let span = self.since(start);
                let text = self.slice(span.start, span.end - 1).split_whitespace().collect::<Vec<_>>().join(" ");
                return Ok(Spanned { node: text, span });
            }
        }
    }

    /// `encap psp spi N`
    fn psp(&mut self) -> Parsed<Spanned<String>> {
        let start = self.bump();
        for word in ["psp", "spi"] {
            if !self.eat_word(word) {
                return Err(self.unexpected([format!("`{word}`").as_str()]));
            }
        }
        self.field("an SPI")?;
        let span = self.since(start);
        let text = self.slice(span.start, span.end).split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(Spanned { node: text, span })
    }

    fn ip_words(&mut self) -> Parsed<Vec<Spanned<IpWord>>> {
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
            "ect0" => IpWord::Ecn(Ecn::Ect0),
            "ect1" => IpWord::Ecn(Ecn::Ect1),
            "ect01" => IpWord::Ecn(Ecn::Ect01),
            "ce" => IpWord::Ecn(Ecn::Ce),
            "noecn" => IpWord::Ecn(Ecn::NoEcn),
            "tos" => IpWord::Tos(self.field("a number")?),
            "ttl" => IpWord::Ttl(self.field("a number")?),
            "id" => IpWord::Id(self.field("a number")?),
            "flowlabel" => IpWord::FlowLabel(self.field("a number")?),
            "doff" => IpWord::DataOffset(self.field("a number")?),
            "reserved" => IpWord::Reserved(self.field("a number")?),
            "src" => IpWord::Source(self.place()?),
            "dst" => IpWord::Destination(self.place()?),
            "ipopt" => IpWord::IpOptions(self.hex()?),
            _ => IpWord::BadChecksum,
        })
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

    /// `a > b`; flags may look like the first port, so the `>` decides.
    fn ports(&mut self) -> Parsed<Option<(Num, Num)>> {
        let start = self.at;
        if !self.at_num() && !matches!(self.peek().kind, Kind::Word) {
            return Ok(None);
        }
        match self.field("a port") {
            Ok(from) if self.eat(b'>') => Ok(Some((from, self.field("a port")?))),
            Ok(_) | Err(_) => {
                self.at = start;
                Ok(None)
            }
        }
    }

    fn tcp(&mut self) -> Parsed<Tcp> {
        let ports = self.ports()?;
        let flags = self.flags()?;
        let (seq, end, len) = self.range()?;
        let mut tcp =
            Tcp { ports, flags, seq, end, len, ack: None, win: None, urg: None, options: Options::List(Vec::new()) };
        // What may still follow, in this order.
        let mut rest: &[&str] = &["`ack N`", "`win N`", "`urg N`", "`<options>`"];
        loop {
            let token = self.peek();
            match token.kind {
                Kind::Punct(b'<') if !token.first => {
                    tcp.options = self.options()?;
                    rest = &[];
                }
                Kind::Word if !token.first || self.is_field() => {
                    let word = self.word_of(token);
                    let Some(at) = rest.iter().position(|known| known[1..].split(' ').next() == Some(word)) else {
                        return Err(self.misplaced(&tcp, rest));
                    };
                    self.bump();
                    let num = Some(self.field("a number")?);
                    match word {
                        "ack" => tcp.ack = num,
                        "win" => tcp.win = num,
                        _ => tcp.urg = num,
                    }
                    rest = &rest[at + 1..];
                }
                _ => break,
            }
        }
        self.end_of_line(rest.iter().copied()).map(|()| tcp)
    }

    /// A line that continues a packet begins with one of these.
    fn is_field(&self) -> bool {
        ["ack", "win", "urg"].iter().any(|word| self.is_word(word))
    }

    fn misplaced(&self, tcp: &Tcp, rest: &[&str]) -> Box<Diagnostic> {
        let token = self.peek();
        let word = self.word_of(token);
        let twice = match word {
            "ack" => tcp.ack.as_ref(),
            "win" => tcp.win.as_ref(),
            "urg" => tcp.urg.as_ref(),
            _ => return self.unexpected(rest.iter().copied().chain(["the end of the line"])),
        };
        Box::new(match twice {
            Some(first) => {
                let fault = self.fault("syntax", format!("`{word}` stands here twice"), token);
                fault.also(first.span, "first here")
            }
            None => {
                let fault = self.fault("syntax", format!("`{word}` stands too late"), token);
                fault.help("the order is `seq:end(len)`, `ack`, `win`, `urg`, `<options>`")
            }
        })
    }

    /// `seq:end(len)`
    fn range(&mut self) -> Parsed<(Num, Num, Num)> {
        let whole = "`seq:end(len)`, e.g. `1:1001(1000)`";
        let seq = self.field(whole)?;
        self.expect(b':', "`:` and the end of the range")?;
        let end = self.field("the end of the range")?;
        self.expect(b'(', "`(` and the length")?;
        let len = self.field("the length")?;
        self.expect(b')', "`)`")?;
        Ok((seq, end, len))
    }

    /// `S.`, `P5.`, `-`, `$name`
    fn flags(&mut self) -> Parsed<Spanned<Flags>> {
        let start = self.peek();
        if start.kind == Kind::Name {
            self.bump();
            let name = self.word_of(start)[1..].to_owned();
            return Ok(Spanned { node: Flags::Name(name), span: self.span_of(start) });
        }
        let flag = |kind| matches!(kind, Kind::Word | Kind::Punct(b'.'));
        if self.eat(b'-') {
            return Ok(Spanned { node: Flags::Set(FlagSet::default()), span: self.span_of(start) });
        }
        if !flag(start.kind) || start.first {
            return Err(self.unexpected(["TCP flags", "`icmp`", "`udp`", "`[IP words]`", "`PORT > PORT`"]));
        }
        self.bump();
        while self.glued() && flag(self.peek().kind) {
            self.bump();
        }
        let span = self.since(start);
        match parse_flags(self.slice(span.start, span.end)) {
            Ok(set) => Ok(Spanned { node: Flags::Set(set), span }),
            Err(why) => Err(Box::new(Diagnostic::new("flags", why, span).expecting([FLAGS]))),
        }
    }

    /// `udp [a > b] (N)`
    fn udp(&mut self) -> Parsed<Body> {
        let ports = self.ports()?;
        self.expect(b'(', "`(` and the length")?;
        let len = self.field("the length")?;
        self.expect(b')', "`)`")?;
        Ok(Body::Udp { ports, len })
    }

    /// `icmp type [code] [mtu N] [[seq:end(len)]]`
    fn icmp(&mut self) -> Parsed<Icmp> {
        let kind = self.icmp_word("an ICMP type, e.g. `unreachable`")?;
        let keyword = self.is_word("mtu") || self.is_word("id");
        let has_code = matches!(self.peek().kind, Kind::Word | Kind::Name) && !self.peek().first && !keyword;
        let code = if has_code { Some(self.icmp_word("an ICMP code")?) } else { None };
        let mtu = if self.eat_word("mtu") { Some(self.field("an MTU")?) } else { None };
        if self.is_word("id") {
            let fault = self.fault("unsupported", "`id` of an ICMP echo is not supported", self.peek());
            return Err(Box::new(fault));
        }
        let mut echoed = None;
        if self.is(b'[') && !self.peek().first {
            self.bump();
            if self.is_word("udp") || self.is_word("raw") {
                let fault = self.fault("unsupported", "only an echoed TCP segment is supported", self.peek());
                return Err(Box::new(fault.expecting(["`seq:end(len)`"])));
            }
            echoed = Some(self.range()?);
            self.expect(b']', "`]`")?;
        }
        self.end_of_line(["`mtu N`", "`[seq:end(len)]`"])?;
        Ok(Icmp { kind, code, mtu, echoed })
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

/// What flags may look like.
const FLAGS: &str = "letters of `.FSRPEWAU`, a digit 0-7 for the ACE field, or `-` alone";

/// The flags that letters stand for, or why they stand for none.
pub(crate) fn parse_flags(text: &str) -> Result<FlagSet, String> {
    let mut set = FlagSet::default();
    if text == "-" {
        return Ok(set);
    }
    for letter in text.chars() {
        let flag = match letter {
            '.' => &mut set.ack,
            'F' => &mut set.fin,
            'S' => &mut set.syn,
            'R' => &mut set.rst,
            'P' => &mut set.psh,
            'U' => &mut set.urg,
            'E' => &mut set.ece,
            'W' => &mut set.cwr,
            'A' => &mut set.ae,
            '0'..='7' if set.ace.is_none() => {
                set.ace = Some(letter as u8 - b'0');
                continue;
            }
            '0'..='7' => return Err(format!("`{text}` has two ACE digits")),
            _ => return Err(format!("`{letter}` in `{text}` is not a TCP flag")),
        };
        if std::mem::replace(flag, true) {
            return Err(format!("`{letter}` stands twice in `{text}`"));
        }
    }
    if set.ace.is_some() && (set.ece || set.cwr || set.ae) {
        return Err(format!("`{text}` gives the bits of the ACE field both as a digit and as letters"));
    }
    Ok(set)
}
