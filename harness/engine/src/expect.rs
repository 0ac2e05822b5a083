//! Compares a datagram of the SUT, as a script would write it, with the line that expects it. Every differing field is named.

use crate::outcome::{FieldDiff, MismatchKind};
use crate::sut::Micros;
use crate::timing::{Due, Tolerance};
use crate::view::{Seen, diff};
use halfopen_script::ast::{
    self, AccEcnField, Cookie, Echoed, IpWord, Num, Numbers, Options, Outer, Packet, Spanned, Tcp, TcpOption,
};

/// What a comparison depends on besides the two packets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) due: Due,
    pub(crate) at: Micros,
    pub(crate) tolerance: Tolerance,
    /// Microseconds per tick of the SUT's timestamps; 0: TSval is not checked.
    pub(crate) ts_tick: i64,
    /// What packetdrill does not look at is not looked at: TCP checksums, TSecr.
    pub(crate) lenient: bool,
    /// Options may stand in any order, with any padding.
    pub(crate) any_layout: bool,
}

impl Terms {
    /// As packetdrill compares.
    pub(crate) fn lenient(self) -> Self {
        Self { lenient: true, tolerance: Tolerance { always: true, ..self.tolerance }, ..self }
    }
}

/// All differences, and what sort they are; nothing when it matches.
pub(crate) fn compare(line: &Packet, seen: &Seen, terms: &Terms) -> Option<(MismatchKind, Vec<FieldDiff>)> {
    let mut fields = Vec::new();
    match (&line.body, &seen.packet.body) {
        (ast::Body::Tcp(line), ast::Body::Tcp(seen)) => segment(line, seen, terms, &mut fields),
        (ast::Body::Icmp(line), ast::Body::Icmp(seen)) => message(line, seen, &mut fields),
        (ast::Body::Udp { ports, len }, ast::Body::Udp { ports: seen_ports, len: seen_len }) => {
            between(ports.as_ref(), seen_ports.as_ref(), &mut fields);
            number("len", len, seen_len, &mut fields);
        }
        (line, seen) => fields.push(diff("protocol", protocol(line), protocol(seen))),
    }
    outer(&line.outer, &seen.packet.outer, &mut fields);
    words(line, &seen.packet, &mut fields);
    let kinds = [MismatchKind::Segment, MismatchKind::Checksum, MismatchKind::Payload];
    let faults = || seen.faults.iter().filter(|(_, field)| !terms.lenient || field.field != "checksum");
    let found = |kind| faults().any(|(fault, _)| *fault == kind);
    let fault = kinds.into_iter().find(|kind| found(*kind));
    let kind = if fields.is_empty() { fault } else { Some(MismatchKind::Segment) };
    fields.extend(faults().map(|(_, field)| field.clone()));
    let late = terms.due.judge(terms.at, terms.tolerance);
    let kind = kind.or(late.as_ref().map(|_| MismatchKind::Time))?;
    fields.extend(late);
    Some((kind, fields))
}

fn protocol(body: &ast::Body) -> &'static str {
    match body {
        ast::Body::Tcp(_) => "tcp",
        ast::Body::Udp { .. } => "udp",
        ast::Body::Icmp(_) => "icmp",
    }
}

fn segment(line: &Tcp, seen: &Tcp, terms: &Terms, fields: &mut Vec<FieldDiff>) {
    between(line.ports.as_ref(), seen.ports.as_ref(), fields);
    let (flags, got) = (line.flags.node.set(), seen.flags.node.set());
    if flags != got {
        fields.push(diff("flags", flags, got));
    }
    if line.numbers != Numbers::Unchecked {
        number("seq", &line.seq, &seen.seq, fields);
    }
    number("len", &line.len, &seen.len, fields);
    // A line whose flags have ACK and that gives no number means 0, as in packetdrill.
    let zero = Num::literal(0);
    let ack = line.ack.as_ref().or(flags.ack.then_some(&zero));
    match (ack, &seen.ack) {
        (Some(ack), Some(got)) => number("ack", ack, got, fields),
        (Some(ack), None) => fields.push(diff("ack", ack.value(), "-")),
        (None, Some(got)) => fields.push(diff("ack", "-", got.value())),
        (None, None) => {}
    }
    for (name, asked, got) in [("win", &line.win, &seen.win), ("urg", &line.urg, &seen.urg)] {
        match (asked, got) {
            (Some(asked), Some(got)) => number(name, asked, got, fields),
            // An urgent pointer that is not shown is zero.
            (Some(asked), None) => number(name, asked, &zero, fields),
            (None, _) => {}
        }
    }
    if !options_match(&line.options, &seen.options, terms) {
        let (expected, got) = different_options(&line.options, &seen.options, terms);
        fields.push(diff("options", expected, got));
    }
}

/// Ports of line and datagram.
fn between(line: Option<&(Num, Num)>, seen: Option<&(Num, Num)>, fields: &mut Vec<FieldDiff>) {
    let values = |ports: Option<&(Num, Num)>| ports.map(|(from, to)| (from.value(), to.value()));
    if values(line) != values(seen) {
        let text = |ports| values(ports).map_or_else(|| "those under test".into(), |(a, b)| format!("{a} > {b}"));
        fields.push(diff("ports", text(line), text(seen)));
    }
}

/// The headers around the datagram. Those that were seen have the form of the line's.
fn outer(line: &[Spanned<Outer>], seen: &[Spanned<Outer>], fields: &mut Vec<FieldDiff>) {
    let text = |outer: &[Spanned<Outer>]| {
        let layers: Vec<_> = outer.iter().map(|layer| layer.node.to_string()).collect();
        if layers.is_empty() { "-".to_owned() } else { layers.join(" ") }
    };
    let (line, seen) = (text(line), text(seen));
    if line != seen {
        fields.push(diff("outer", line, seen));
    }
}

fn number(name: &str, line: &Num, seen: &Num, fields: &mut Vec<FieldDiff>) {
    if !same(line, seen) {
        fields.push(diff(name, line.value(), seen.value()));
    }
}

/// Equal modulo 2^32, as sequence numbers are.
fn same(line: &Num, seen: &Num) -> bool {
    line.value() as u32 == seen.value() as u32
}

fn options_match(line: &Options, seen: &Options, terms: &Terms) -> bool {
    let (Options::List(line), Options::List(seen)) = (line, seen) else { return true };
    if terms.any_layout {
        let (asked, found) = unpaired(line, seen, terms);
        return asked.is_empty() && found.is_empty();
    }
    line.len() == seen.len() && line.iter().zip(seen).all(|(line, seen)| option_matches(&line.node, &seen.node, terms))
}

/// The options of each list that the other does not have, whatever their order; padding left out.
fn unpaired<'a>(
    line: &'a [Spanned<TcpOption>],
    seen: &'a [Spanned<TcpOption>],
    terms: &Terms,
) -> (Vec<&'a Spanned<TcpOption>>, Vec<&'a Spanned<TcpOption>>) {
    let counts = |option: &&Spanned<TcpOption>| !matches!(option.node, TcpOption::Nop | TcpOption::Eol);
    let mut found: Vec<_> = seen.iter().filter(counts).collect();
    let mut asked: Vec<_> = line.iter().filter(counts).collect();
    asked.retain(|asked| {
        let place = found.iter().position(|found| option_matches(&asked.node, &found.node, terms));
        place.map(|place| found.remove(place)).is_none()
    });
    (asked, found)
}

/// The options that differ where both lists have as many, else both lists.
fn different_options(line: &Options, seen: &Options, terms: &Terms) -> (String, String) {
    if let (Options::List(asked), Options::List(found)) = (line, seen)
        && (asked.len() == found.len() || terms.any_layout)
    {
        let (asked, found): (Vec<_>, Vec<_>) = if terms.any_layout {
            unpaired(asked, found, terms)
        } else {
            let pairs = asked.iter().zip(found);
            pairs.filter(|(asked, found)| !option_matches(&asked.node, &found.node, terms)).unzip()
        };
        let text = |options: Vec<&Spanned<TcpOption>>| match options.as_slice() {
            [] => "none".to_owned(),
            _ => {
                let text = Options::List(options.into_iter().cloned().collect()).to_string();
                text.trim_matches(['<', '>']).to_owned()
            }
        };
        return (text(asked), text(found));
    }
    (line.to_string(), seen.to_string())
}

fn option_matches(line: &TcpOption, seen: &TcpOption, terms: &Terms) -> bool {
    match (line, seen) {
        (TcpOption::Eol, TcpOption::Eol)
        | (TcpOption::Nop, TcpOption::Nop)
        | (TcpOption::SackPermitted, TcpOption::SackPermitted)
        | (TcpOption::Md5Valid, TcpOption::Md5Valid)
        | (TcpOption::Md5(None), TcpOption::Md5(_)) => true,
        (TcpOption::Mss(line), TcpOption::Mss(seen)) | (TcpOption::WindowScale(line), TcpOption::WindowScale(seen)) => {
            same(line, seen)
        }
        (TcpOption::Sack(line), TcpOption::Sack(seen)) => {
            let edge = |(line, seen): (&(Num, Num), &(Num, Num))| same(&line.0, &seen.0) && same(&line.1, &seen.1);
            line.len() == seen.len() && line.iter().zip(seen).all(edge)
        }
        (TcpOption::Timestamps { val, ecr }, TcpOption::Timestamps { val: seen_val, ecr: seen_ecr }) => {
            (terms.lenient || same(ecr, seen_ecr)) && tsval_matches(val, seen_val, terms)
        }
        (TcpOption::LooseTimestamps { val, ecr, .. }, TcpOption::Timestamps { val: seen_val, ecr: seen_ecr }) => {
            same(ecr, seen_ecr) && val.as_ref().is_none_or(|val| tsval_matches(val, seen_val, terms))
        }
        (TcpOption::FastOpen(line), TcpOption::FastOpen(seen))
        | (TcpOption::FastOpenExperimental(line), TcpOption::FastOpenExperimental(seen)) => {
            cookie(line) == cookie(seen)
        }
        (TcpOption::Md5(Some(line)), TcpOption::Md5(Some(seen))) => line == seen,
        (TcpOption::AccEcn(line), TcpOption::AccEcn(seen)) => {
            let field = |((a, line), (b, seen)): (&(AccEcnField, Num), &(AccEcnField, Num))| a == b && same(line, seen);
            line.len() == seen.len() && line.iter().zip(seen).all(field)
        }
        (TcpOption::Raw { kind, data }, TcpOption::Raw { kind: seen_kind, data: seen_data }) => {
            same(kind, seen_kind) && data == seen_data
        }
        (TcpOption::Octets(line), TcpOption::Octets(seen)) => line == seen,
        // `raw` and `octets` can say what has a notation too; the notation of what was seen is the other one.
        (TcpOption::Raw { .. } | TcpOption::Octets(_), seen) => octets(line) == octets(seen),
        (
            TcpOption::Eol
            | TcpOption::Nop
            | TcpOption::SackPermitted
            | TcpOption::Mss(_)
            | TcpOption::WindowScale(_)
            | TcpOption::Sack(_)
            | TcpOption::Timestamps { .. }
            | TcpOption::LooseTimestamps { .. }
            | TcpOption::FastOpen(_)
            | TcpOption::FastOpenExperimental(_)
            | TcpOption::Md5(_)
            | TcpOption::Md5Valid
            | TcpOption::AccEcn(_),
            _,
        ) => false,
    }
}

/// Octets of an option in script numbers; `None` when it cannot be written.
fn octets(option: &TcpOption) -> Option<Vec<u8>> {
    let list = Options::List(vec![crate::view::bare(option.clone())]);
    crate::tcp_options::encode(&list, |edge| edge, Ok).ok()
}

fn cookie(cookie: &Cookie) -> Option<&[u8]> {
    match cookie {
        Cookie::Octets(octets) => Some(octets),
        Cookie::Symbol(_) => None,
    }
}

/// TSval is checked when the script says how fast the SUT's timestamp clock ticks; a tick more or less is where the tick falls.
fn tsval_matches(line: &Num, seen: &Num, terms: &Terms) -> bool {
    let off = (line.value() as u32).wrapping_sub(seen.value() as u32) as i32;
    let slack = terms.tolerance.of(terms.at.max(0)).max(terms.ts_tick);
    terms.ts_tick == 0 || i64::from(off.unsigned_abs()) * terms.ts_tick <= slack
}

fn words(line: &Packet, seen: &Packet, fields: &mut Vec<FieldDiff>) {
    // What was seen has the words of the line, in its order, less those that it cannot have.
    for word in &line.ip {
        let (name, asked) = value(&word.node);
        let got = seen.ip.iter().map(|seen| value(&seen.node)).find(|(other, _)| *other == name);
        if got.as_ref().map(|(_, got)| got) != Some(&asked) {
            fields.push(diff(name, asked, got.map_or_else(|| "-".into(), |(_, got)| got)));
        }
    }
}

fn value(word: &IpWord) -> (&'static str, String) {
    match word {
        IpWord::Ecn(ecn) => ("ecn", ecn.to_string()),
        IpWord::Tos(num) => ("tos", format!("{:#x}", num.value())),
        IpWord::Dscp(num) => ("dscp", format!("{:#x}", num.value())),
        IpWord::Ttl(num) => ("ttl", num.value().to_string()),
        IpWord::Id(num) => ("id", num.value().to_string()),
        IpWord::FlowLabel(num) => ("flowlabel", format!("{:#x}", num.value())),
        IpWord::BadChecksum => ("badsum", "badsum".into()),
        IpWord::DataOffset(num) => ("doff", num.value().to_string()),
        IpWord::Reserved(num) => ("reserved", num.value().to_string()),
        IpWord::Source(place) => ("src", place.word().to_string()),
        IpWord::Destination(place) => ("dst", place.word().to_string()),
        IpWord::IpOptions(_) => ("ipopt", word.to_string()),
        IpWord::Extension { .. } => ("ext", word.to_string()),
        IpWord::Fragment { .. } => ("frag", word.to_string()),
        IpWord::Version(num) => ("version", num.value().to_string()),
        IpWord::HeaderLength(num) => ("ihl", num.value().to_string()),
        IpWord::Protocol(num) => ("proto", num.value().to_string()),
        IpWord::BadHeaderChecksum => ("badipsum", "badipsum".into()),
        IpWord::Length(num) => ("iplen", num.value().to_string()),
        IpWord::DontFragment(_) => ("df", word.to_string()),
    }
}

fn message(line: &ast::Icmp, seen: &ast::Icmp, fields: &mut Vec<FieldDiff>) {
    let text = |icmp: &ast::Icmp| match &icmp.code {
        Some(code) => format!("{} {}", icmp.kind.node, code.node),
        None => icmp.kind.node.clone(),
    };
    // The words are the line's own when they mean what was seen.
    if (&line.kind, &line.code) != (&seen.kind, &seen.code) {
        fields.push(diff("icmp", text(line), text(seen)));
    }
    if let Some(mtu) = &line.mtu {
        number("mtu", mtu, seen.mtu.as_ref().unwrap_or(&Num::literal(0)), fields);
    }
    if let Some(id) = &line.id {
        number("id", id, seen.id.as_ref().unwrap_or(&Num::literal(0)), fields);
    }
    let Some(echoed) = &line.echoed else { return };
    match (echoed, &seen.echoed) {
        (Echoed::Tcp { seq, .. }, Some(Echoed::Tcp { seq: got, .. })) => number("echoed", seq, got, fields),
        (Echoed::Udp(len), Some(Echoed::Udp(got))) | (Echoed::Raw(len), Some(Echoed::Raw(got))) => {
            number("echoed", len, got, fields);
        }
        (echoed, got) => fields.push(diff("echoed", quoted(echoed), got.as_ref().map_or_else(|| "-".into(), quoted))),
    }
}

/// What a quotation is of.
fn quoted(echoed: &Echoed) -> String {
    match echoed {
        Echoed::Tcp { seq, .. } => seq.value().to_string(),
        Echoed::Udp(len) => format!("udp ({})", len.value()),
        Echoed::Raw(len) => format!("raw ({})", len.value()),
    }
}
