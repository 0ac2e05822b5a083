//! Puts values in the place of names, and checks again what then is known.

use super::scope::{Bound, Scope, micros, number, text_of};
use crate::ast::{
    Action, Arg, ArgKind, Body, Call, Cookie, Echoed, Event, Flags, Gre, Icmp, IpWord, Micros, Num, Options, Outer,
    Packet, Span, Spanned, Tcp, TcpOption, Time, Value,
};
use crate::checks;
use crate::code;
use crate::diagnostics::Diagnostic;
use crate::parse::{parse_flags, parse_hex};
use crate::suggest::nearest;
use crate::symbols;
use crate::test::Family;

pub(super) struct Resolver {
    pub(super) scope: Scope,
    pub(super) faults: Vec<Diagnostic>,
    pub(super) family: Family,
}

impl Resolver {
    fn keep<T>(&mut self, result: Result<T, Box<Diagnostic>>) -> Option<T> {
        result.map_err(|fault| self.faults.push(*fault)).ok()
    }

    /// `let`: the value is what it is at this line.
    pub(super) fn bind(&mut self, name: &Spanned<String>, value: &Value) {
        let bound = match value {
            Value::Num(num) => self.scope.evaluate(num),
            Value::Word(word) => Ok(Bound::Word(word.node.clone())),
        };
        if let Some(bound) = self.keep(bound) {
            self.scope.bind(&name.node, bound);
        }
    }

    pub(super) fn event(&mut self, event: &mut Event) {
        let before = self.faults.len();
        let span = self.time(&mut event.time, event.span);
        match &mut event.action {
            Action::Packet(packet) => {
                // Without a name in it everything was checked when it was parsed.
                if self.packet(packet) && before == self.faults.len() {
                    checks::packet(packet, event.span, &mut self.faults);
                }
            }
            Action::Call(call) => {
                if self.call(call) && before == self.faults.len() {
                    checks::call(call, &mut self.faults);
                }
            }
            Action::Command(text) => self.text(text),
            Action::Code(text) => {
                self.text(text);
                if let Err(error) = code::check(text) {
                    let message = format!("line {} of this block: {error}", error.line + 1);
                    self.faults.push(Diagnostic::new("code-block", message, event.span));
                }
            }
            Action::Silent => {}
        }
        if let Some(span) = span {
            self.faults.extend(checks::time_fits(event, span));
        }
    }

    fn text(&self, text: &mut String) {
        if text.contains("${") {
            *text = self.scope.substitute(text);
        }
    }

    /// Where the time stands, when there was a name in it.
    fn time(&mut self, time: &mut Time, event: Span) -> Option<Span> {
        let (first, second) = match time {
            Time::AnyTime => return None,
            Time::Absolute(at) | Time::Relative(at) => (at, None),
            Time::AbsoluteRange(from, to) | Time::RelativeRange(from, to) => (from, Some(to)),
            Time::Blocking { start, end, .. } => (start, Some(end)),
        };
        let end = second.as_ref().map_or(first.span.end, |micros| micros.span.end);
        let named = self.micros(first) | second.is_some_and(|second| self.micros(second));
        named.then_some(Span { end, ..event })
    }

    fn micros(&mut self, time: &mut Micros) -> bool {
        let Some(name) = time.name.take() else { return false };
        let value = self.scope.lookup(&name, time.span).and_then(|bound| micros(&name, &bound, time.span));
        if let Some(value) = self.keep(value) {
            time.offset = time.offset.saturating_add(value);
            if time.offset < 0 {
                let message = format!("this time comes to {} seconds", crate::print::events::seconds(time.offset));
                self.faults.push(Diagnostic::new("negative-time", message, time.span));
            }
        }
        true
    }

    fn num(&mut self, num: &mut Num) -> bool {
        if num.names.is_empty() {
            return false;
        }
        let names = num.names.join("+$");
        let value = self.scope.evaluate(num).and_then(|bound| number(&names, &bound, num.span));
        num.names.clear();
        num.offset = self.keep(value).unwrap_or(0);
        true
    }

    fn nums<'n>(&mut self, nums: impl IntoIterator<Item = &'n mut Num>) -> bool {
        nums.into_iter().fold(false, |named, num| self.num(num) | named)
    }

    /// Numbers of sequence space, and timestamps: a sum is taken modulo 2^32 (RFC 9293 3.4, RFC 7323 5.2).
    fn wrapping<'n>(&mut self, nums: impl IntoIterator<Item = &'n mut Num>) -> bool {
        nums.into_iter().fold(false, |named, num| {
            let resolved = self.num(num);
            if resolved {
                num.offset = num.offset.rem_euclid(1 << 32);
            }
            resolved | named
        })
    }

    fn packet(&mut self, packet: &mut Packet) -> bool {
        let mut named = self.ip_words(&mut packet.ip);
        for layer in &mut packet.outer {
            named |= match &mut layer.node {
                Outer::Ip { words, .. } => self.ip_words(words),
                Outer::Gre(gre) => {
                    gre.as_mut().is_some_and(|Gre { flags, sum, off, key, seq }| self.nums([flags, sum, off, key, seq]))
                }
                Outer::Mpls(stack) => {
                    self.nums(stack.iter_mut().flat_map(|entry| [&mut entry.label, &mut entry.tc, &mut entry.ttl]))
                }
            };
        }
        named |= self.nums(&mut packet.psp);
        named |= self.nums(packet.under_udp.iter_mut().flat_map(|ports| [&mut ports.node.0, &mut ports.node.1]));
        named
            | match &mut packet.body {
                Body::Tcp(tcp) => self.tcp(tcp),
                Body::Udp { ports, len } => self.nums(ports.iter_mut().flat_map(|(from, to)| [from, to]).chain([len])),
                Body::Icmp(icmp) => self.icmp(icmp),
            }
    }

    fn ip_words(&mut self, words: &mut [Spanned<IpWord>]) -> bool {
        words.iter_mut().fold(false, |named, word| {
            let resolved = match &mut word.node {
                IpWord::Ecn(_)
                | IpWord::BadChecksum
                | IpWord::Source(_)
                | IpWord::Destination(_)
                | IpWord::IpOptions(_)
                | IpWord::BadHeaderChecksum
                | IpWord::DontFragment(_) => false,
                IpWord::Fragment { from, to } => self.nums(to.iter_mut().chain([from])),
                IpWord::Tos(num)
                | IpWord::Dscp(num)
                | IpWord::Ttl(num)
                | IpWord::Id(num)
                | IpWord::FlowLabel(num)
                | IpWord::DataOffset(num)
                | IpWord::Reserved(num)
                | IpWord::Extension { kind: num, .. }
                | IpWord::Version(num)
                | IpWord::HeaderLength(num)
                | IpWord::Protocol(num)
                | IpWord::Length(num) => self.num(num),
            };
            resolved | named
        })
    }

    fn tcp(&mut self, tcp: &mut Tcp) -> bool {
        let ports = tcp.ports.iter_mut().flat_map(|(from, to)| [from, to]);
        let fields = [&mut tcp.win, &mut tcp.urg].into_iter().flatten();
        let mut named = self.nums(ports.chain([&mut tcp.len]).chain(fields));
        named |= self.wrapping([&mut tcp.seq, &mut tcp.end].into_iter().chain(&mut tcp.ack));
        if let Flags::Name(name) = &tcp.flags.node {
            named = true;
            let span = tcp.flags.span;
            let set = self.scope.lookup(name, span).and_then(|bound| {
                let fault = |why: String| Box::new(Diagnostic::new("flags", format!("`${name}`: {why}"), span));
                parse_flags(&text_of(&bound)).map_err(fault)
            });
            tcp.flags.node = Flags::Set(self.keep(set).unwrap_or_default());
        }
        if let Options::List(list) = &mut tcp.options {
            for option in list {
                named |= self.option(option);
            }
        }
        named
    }

    fn option(&mut self, option: &mut Spanned<TcpOption>) -> bool {
        let span = option.span;
        match &mut option.node {
            TcpOption::Mss(num) | TcpOption::WindowScale(num) | TcpOption::Raw { kind: num, .. } => self.num(num),
            TcpOption::Sack(blocks) => self.wrapping(blocks.iter_mut().flat_map(|(left, right)| [left, right])),
            TcpOption::Timestamps { val, ecr } => self.wrapping([val, ecr]),
            TcpOption::LooseTimestamps { val, ecr, .. } => self.wrapping(val.iter_mut().chain([ecr])),
            TcpOption::AccEcn(fields) => self.nums(fields.iter_mut().map(|(_, num)| num)),
            TcpOption::FastOpen(cookie) | TcpOption::FastOpenExperimental(cookie) => self.cookie(cookie, span),
            TcpOption::Eol
            | TcpOption::Nop
            | TcpOption::SackPermitted
            | TcpOption::Md5(_)
            | TcpOption::Md5Valid
            | TcpOption::Octets(_) => false,
        }
    }

    fn cookie(&mut self, cookie: &mut Cookie, span: Span) -> bool {
        let Cookie::Symbol(symbol) = cookie else { return false };
        let text = match self.scope.definition(symbol) {
            Some(text) => Ok(text.to_owned()),
            None => self.scope.lookup(symbol, span).map(|bound| text_of(&bound)),
        };
        let octets = text.and_then(|text| {
            let message = || format!("`{symbol}` is `{text}`, which is not octets");
            parse_hex(&text).ok_or_else(|| Box::new(Diagnostic::new("hex", message(), span)))
        });
        if let Some(octets) = self.keep(octets) {
            *cookie = Cookie::Octets(octets);
        }
        true
    }

    fn icmp(&mut self, icmp: &mut Icmp) -> bool {
        let mut named = self.nums(icmp.mtu.iter_mut().chain(&mut icmp.id));
        named |= match &mut icmp.echoed {
            None => false,
            Some(Echoed::Udp(len) | Echoed::Raw(len)) => self.num(len),
            Some(Echoed::Tcp { seq, end, len, under_udp }) => {
                let ports = under_udp.iter_mut().flat_map(|(from, to)| [from, to]);
                self.wrapping([seq, end]) | self.nums([len].into_iter().chain(ports))
            }
        };
        self.word(&mut icmp.kind);
        if let Some(code) = &mut icmp.code {
            self.word(code);
        }
        let v6 = self.family == Family::V6;
        translate(icmp, v6);
        let code = icmp.code.as_ref();
        if let Err((word, known)) = symbols::icmp(v6, &icmp.kind.node, code.map(|code| code.node.as_str())) {
            let span = code.filter(|code| code.node == word).map_or(icmp.kind.span, |code| code.span);
            let message = format!("`{word}` is unknown to {} there", if v6 { "ICMPv6" } else { "ICMP" });
            let mut fault = Diagnostic::new("unknown-icmp", message, span);
            fault.help = nearest(word, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            self.faults.push(fault.expecting(known.iter().map(|word| format!("`{word}`"))));
        }
        named
    }

    /// A word that may be `$name` or a defined symbol.
    fn word(&mut self, word: &mut Spanned<String>) -> bool {
        let bound = match word.node.strip_prefix('$') {
            Some(name) => {
                let bound = self.scope.lookup(name, word.span);
                self.keep(bound)
            }
            None => self.scope.define(&word.node),
        };
        if let Some(bound) = &bound {
            word.node = text_of(bound);
        }
        bound.is_some()
    }

    fn call(&mut self, call: &mut Call) -> bool {
        let mut named = false;
        for arg in call.args.iter_mut().chain([&mut call.result]) {
            named |= self.arg(arg);
        }
        if let Some(errno) = &mut call.errno {
            named |= errno.node.starts_with('$') && self.word(errno);
        }
        named
    }

    fn arg(&mut self, arg: &mut Arg) -> bool {
        match &mut arg.kind {
            ArgKind::Ellipsis | ArgKind::Text(_) | ArgKind::TextEllipsis(_) => false,
            ArgKind::Num(num) if num.names.is_empty() => false,
            ArgKind::Num(num) => {
                let names = num.names.join("+$");
                let bound = self.scope.evaluate(num).and_then(|bound| match bound {
                    // A time has no unit that a call would take.
                    Bound::Micros(_) => number(&names, &bound, num.span).map(Bound::Int),
                    Bound::Int(_) | Bound::Word(_) | Bound::Text(_) | Bound::Lazy(_) => Ok(bound),
                });
                if let Some(bound) = self.keep(bound) {
                    arg.kind = value(&bound, num);
                    self.symbol(arg);
                }
                true
            }
            ArgKind::Word(word) => {
                let bound = self.scope.define(word);
                if let Some(bound) = &bound {
                    arg.kind = value(bound, &Num::literal(0));
                }
                self.symbol(arg);
                bound.is_some()
            }
            ArgKind::Or(args) | ArgKind::List(args) | ArgKind::Apply(_, args) => {
                args.iter_mut().fold(false, |named, arg| self.arg(arg) | named)
            }
            ArgKind::Struct(members) => members.iter_mut().fold(false, |named, member| {
                let length = member.length.as_mut().is_some_and(|length| self.arg(length));
                self.arg(&mut member.value) | length | named
            }),
        }
    }

    /// A word must be a constant's name.
    fn symbol(&mut self, arg: &Arg) {
        let ArgKind::Word(word) = &arg.kind else { return };
        if symbols::value(word).is_some() || symbols::elsewhere(word).is_some() {
            return;
        }
        let mut fault = Diagnostic::new("unknown-symbol", format!("`{word}` is not defined"), arg.span);
        fault.help = Some(match nearest(word, symbols::names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("a symbol of your own is defined by `-D {word}=VALUE` or `--define={word}=VALUE`"),
        });
        self.faults.push(fault);
    }
}

/// Words of the other family become this family's for the same event.
fn translate(icmp: &mut Icmp, v6: bool) {
    let code = icmp.code.as_ref().map(|code| code.node.as_str());
    if symbols::icmp(v6, &icmp.kind.node, code).is_ok() {
        return;
    }
    if let Some((kind, code)) = symbols::icmp_counterpart(v6, &icmp.kind.node, code) {
        let span = icmp.kind.span;
        icmp.kind.node = kind.to_owned();
        icmp.code = code.map(|code| Spanned { node: code.to_owned(), span });
    }
}

/// As an argument.
fn value(bound: &Bound, num: &Num) -> ArgKind {
    match bound {
        Bound::Int(value) => ArgKind::Num(Num { names: Vec::new(), offset: *value, hex: false, span: num.span }),
        Bound::Word(word) => ArgKind::Word(word.clone()),
        Bound::Text(text) => ArgKind::Text(text.clone()),
        Bound::Micros(_) | Bound::Lazy(_) => ArgKind::Word(text_of(bound)),
    }
}
