//! Packet lines.

use super::{Parsed, Parser};
use crate::ast::{Body, Direction, FlagSet, Flags, Num, Numbers, Options, Packet, Spanned, Tcp};
use crate::checks;
use crate::diagnostics::Diagnostic;
use crate::lexer::Kind;

/// Words before the numbers of segments, messages and headers.
pub(crate) const FIELDS: [&str; 13] =
    ["ack", "win", "urg", "mtu", "id", "spi", "label", "tc", "ttl", "flags", "sum", "off", "key"];

impl Parser<'_> {
    pub(super) fn packet(&mut self, direction: Direction) -> Parsed<Packet> {
        let start = self.bump();
        let outer = self.outer_headers()?;
        let ip = self.ip_words()?;
        let psp = self.psp()?;
        let body = if self.eat_word("icmp") {
            Body::Icmp(self.icmp()?)
        } else if self.eat_word("udp") {
            self.udp()?
        } else {
            Body::Tcp(self.tcp()?)
        };
        let under_udp = if matches!(body, Body::Tcp(_)) { self.under_udp()? } else { None };
        let packet = Packet { direction, ip, outer, psp, body, under_udp };
        let span = self.since(start);
        checks::packet(&packet, span, &mut self.diagnostics);
        Ok(packet)
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
        let (numbers, (seq, end, len)) = self.numbered_range()?;
        let (ack, win, urg, options) = (None, None, None, Options::List(Vec::new()));
        let mut tcp = Tcp { ports, flags, numbers, seq, end, len, ack, win, urg, options };
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
        if self.is(b'/') && !self.peek().first {
            // What the segment is wrapped in.
            return Ok(tcp);
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

    /// `seq:end(len)`, `seq:end(len)!`, `...(len)`
    fn numbered_range(&mut self) -> Parsed<(Numbers, (Num, Num, Num))> {
        if self.peek().kind == Kind::Ellipsis && !self.peek().first {
            self.bump();
            let len = self.length()?;
            return Ok((Numbers::Unchecked, (Num::literal(0), Num::literal(0), len)));
        }
        let range = self.range()?;
        let numbers = if self.glued() && self.eat(b'!') { Numbers::Absolute } else { Numbers::Relative };
        Ok((numbers, range))
    }

    /// `seq:end(len)`
    pub(super) fn range(&mut self) -> Parsed<(Num, Num, Num)> {
        let whole = "`seq:end(len)`, e.g. `1:1001(1000)`";
        let seq = self.field(whole)?;
        self.expect(b':', "`:` and the end of the range")?;
        let end = self.field("the end of the range")?;
        Ok((seq, end, self.length()?))
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
        let letters = self.since(start);
        let mut text = self.slice(letters.start, letters.end).to_owned();
        // packetdrill reads the dot apart from the letters.
        if !text.ends_with('.') && self.is(b'.') && !self.peek().first && !self.glued_at(1) {
            self.bump();
            text.push('.');
        }
        let span = self.since(start);
        match parse_flags(&text) {
            Ok(set) => Ok(Spanned { node: Flags::Set(set), span }),
            Err(why) => Err(Box::new(Diagnostic::new("flags", why, span).expecting([FLAGS]))),
        }
    }

    /// `udp [a > b] (N)`
    fn udp(&mut self) -> Parsed<Body> {
        Ok(Body::Udp { ports: self.ports()?, len: self.length()? })
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
