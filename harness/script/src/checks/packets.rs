//! Packets.

use crate::ast::{
    AccEcnField, Body, Cookie, Direction, Echoed, Ecn, IpWord, Num, Numbers, Options, Outer, Packet, Span, Spanned,
    Tcp, TcpOption,
};
use crate::diagnostics::Diagnostic;

type Faults = Vec<Diagnostic>;

const U8: i64 = u8::MAX as i64;
const U16: i64 = u16::MAX as i64;
const U32: i64 = u32::MAX as i64;
/// Octets of the option area: a data offset of 15 words less the 5 of the fixed header.
const OPTION_SPACE: usize = 40;
/// Octets of an IPv6 extension header after its length.
const MOST_EXTENSION: usize = 2046;
/// The largest offset of a fragment: 13 bits, in units of 8 octets.
const MOST_OFFSET: i64 = 8 * 0x1fff;

fn literal(num: &Num) -> Option<i64> {
    num.names.is_empty().then_some(num.offset)
}

/// The number is known and too large, or negative.
fn range(num: &Num, most: i64, what: &str, faults: &mut Faults) -> bool {
    let fits = literal(num).is_none_or(|value| (0..=most).contains(&value));
    if !fits {
        let message = format!("{} is out of range for {what}", num.offset);
        faults.push(Diagnostic::new("range", message, num.span).expecting([format!("a number from 0 to {most}")]));
    }
    fits
}

/// Everything that can be wrong with a packet whose words are all known.
pub(crate) fn packet(packet: &Packet, span: Span, faults: &mut Faults) {
    let inbound = packet.direction == Direction::Inbound;
    for word in &packet.ip {
        let carried = if matches!(packet.body, Body::Tcp(_)) { Carried::Segment } else { Carried::Other };
        ip_word(word, inbound, carried, faults);
    }
    for layer in &packet.outer {
        outer(&layer.node, inbound, faults);
    }
    if let Some(spi) = &packet.psp {
        range(spi, U32, "an SPI", faults);
    }
    ports(packet.under_udp.as_ref().map(|ports| &ports.node), faults);
    match &packet.body {
        Body::Tcp(segment) => tcp(segment, inbound, span, faults),
        Body::Udp { ports: between, len } => {
            ports(between.as_ref(), faults);
            range(len, U16, "a length", faults);
        }
        Body::Icmp(message) => {
            match &message.echoed {
                Some(Echoed::Tcp { seq, end, len, under_udp }) => {
                    sequence(seq, end, len, faults);
                    ports(under_udp.as_ref(), faults);
                }
                Some(Echoed::Udp(len) | Echoed::Raw(len)) => {
                    range(len, U16, "a length", faults);
                }
                None => {}
            }
            if let Some(id) = &message.id {
                range(id, U16, "an identifier", faults);
            }
            if let Some(mtu) = &message.mtu {
                range(mtu, U32, "an MTU", faults);
            }
        }
    }
}

fn outer(layer: &Outer, inbound: bool, faults: &mut Faults) {
    match layer {
        Outer::Ip { words, .. } => words.iter().for_each(|word| ip_word(word, inbound, Carried::Datagram, faults)),
        Outer::Gre(None) => {}
        Outer::Gre(Some(gre)) => {
            range(&gre.flags, U16, "the flags of GRE", faults);
            range(&gre.sum, U16, "a checksum", faults);
            range(&gre.off, U16, "an offset", faults);
            range(&gre.key, U32, "a key", faults);
            range(&gre.seq, U32, "a sequence number", faults);
        }
        Outer::Mpls(stack) => {
            for entry in stack {
                range(&entry.label, (1 << 20) - 1, "a label", faults);
                range(&entry.tc, 7, "a traffic class", faults);
                range(&entry.ttl, U8, "a time to live", faults);
            }
        }
    }
}

/// What an IP header carries.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Carried {
    Segment,
    /// UDP, ICMP.
    Other,
    /// It is an outer header.
    Datagram,
}

#[expect(clippy::too_many_lines, reason = "an arm for each word")]
fn ip_word(word: &Spanned<IpWord>, inbound: bool, carried: Carried, faults: &mut Faults) {
    match &word.node {
        IpWord::Ecn(Ecn::Ect01) if inbound => {
            let fault = Diagnostic::new("direction", "`ect01` goes with a packet from the SUT only", word.span);
            faults.push(fault.expecting(["`ect0`", "`ect1`"]));
        }
        IpWord::Ecn(_) => {}
        IpWord::Tos(num) | IpWord::Ttl(num) => {
            range(num, U8, "an octet", faults);
        }
        IpWord::Id(num) => {
            range(num, U16, "the identification", faults);
        }
        IpWord::Dscp(num) => {
            range(num, 63, "a code point", faults);
        }
        IpWord::FlowLabel(num) => {
            range(num, (1 << 20) - 1, "a flow label", faults);
        }
        IpWord::DataOffset(num) => {
            range(num, 15, "the data offset", faults);
        }
        IpWord::Reserved(num) => {
            range(num, 7, "the three reserved bits", faults);
        }
        IpWord::IpOptions(octets) => {
            if octets.len() > OPTION_SPACE || octets.len() % 4 != 0 {
                let fault = Diagnostic::new("length", format!("{} octets do not fit", octets.len()), word.span);
                faults.push(fault.expecting(["a multiple of 4 octets, at most 40"]));
            }
        }
        IpWord::Extension { kind, data } => {
            range(kind, U8, "the number of a header", faults);
            if data.len() % 8 != 6 || data.len() > MOST_EXTENSION {
                let fault = Diagnostic::new("length", format!("{} octets do not fit", data.len()), word.span);
                let help = "the next header and the length come before them, and all together are a multiple of 8";
                faults.push(fault.expecting(["6 octets, or 8, 16, ... more, at most 2046"]).help(help));
            }
        }
        IpWord::Fragment { from, to } => {
            range(from, MOST_OFFSET, "a fragment's place", faults);
            if literal(from).is_some_and(|from| from % 8 != 0) {
                let message = "a fragment begins at a multiple of 8 octets";
                faults.push(Diagnostic::new("range", message, from.span));
            }
            if let Some(to) = to
                && range(to, U16, "a fragment's end", faults)
                && let (Some(first), Some(end)) = (literal(from), literal(to))
                && end <= first
            {
                faults.push(Diagnostic::new("range", "this fragment holds nothing", word.span));
            }
        }
        IpWord::Version(num) | IpWord::HeaderLength(num) => {
            range(num, 15, "a field of four bits", faults);
        }
        IpWord::Protocol(num) => {
            range(num, U8, "a protocol", faults);
        }
        IpWord::Length(num) => {
            range(num, U16, "a length", faults);
        }
        IpWord::BadChecksum
        | IpWord::Source(_)
        | IpWord::Destination(_)
        | IpWord::BadHeaderChecksum
        | IpWord::DontFragment(_) => {}
    }
    if word.node.is_of_segment() && !(inbound && carried == Carried::Segment) {
        let message = "this word spoils a TCP segment that the harness sends; it goes with nothing else";
        faults.push(Diagnostic::new("direction", message, word.span));
    } else if word.node.is_malformed() && !(inbound && carried != Carried::Datagram) {
        let message = "this word goes with the innermost header of a packet that the harness sends only";
        faults.push(Diagnostic::new("direction", message, word.span));
    }
}

fn ports(ports: Option<&(Num, Num)>, faults: &mut Faults) {
    if let Some((from, to)) = ports {
        range(from, U16, "a port", faults);
        range(to, U16, "a port", faults);
    }
}

fn tcp(tcp: &Tcp, inbound: bool, span: Span, faults: &mut Faults) {
    ports(tcp.ports.as_ref(), faults);
    match tcp.numbers {
        Numbers::Unchecked => {
            range(&tcp.len, U16, "a length", faults);
            if inbound {
                let fault =
                    Diagnostic::new("direction", "`...` for numbers goes with a packet from the SUT only", span);
                faults.push(fault.help("it means that they are not looked at; write the ones to send"));
            }
        }
        Numbers::Relative | Numbers::Absolute => sequence(&tcp.seq, &tcp.end, &tcp.len, faults),
    }
    if let Some(ack) = &tcp.ack {
        range(ack, U32, "an acknowledgment number", faults);
    }
    if let Some(win) = &tcp.win {
        range(win, U16, "a window", faults);
    } else if inbound {
        let fault = Diagnostic::new("missing-window", "a packet to the SUT needs a window", span);
        faults.push(fault.expecting(["`win N`"]).help("`win` may be left out only of packets from the SUT"));
    }
    if let Some(urg) = &tcp.urg {
        range(urg, U16, "an urgent pointer", faults);
    }
    match &tcp.options {
        Options::List(list) => options(list, faults),
        Options::Unchecked if inbound => {
            let fault = Diagnostic::new("direction", "`<...>` goes with a packet from the SUT only", span);
            faults.push(fault.help("it means that the options are not looked at; write the ones to send"));
        }
        Options::Unchecked => {}
    }
}

/// `seq:end(len)`: the end is the start plus the length, modulo 2^32.
fn sequence(seq: &Num, end: &Num, len: &Num, faults: &mut Faults) {
    let seq_fits = range(seq, U32, "a sequence number", faults);
    let end_fits = range(end, U32, "a sequence number", faults);
    let len_fits = range(len, U16, "a length", faults);
    let (Some(first), Some(last), Some(length)) = (literal(seq), literal(end), literal(len)) else { return };
    if seq_fits && end_fits && len_fits && (first + length) & U32 != last {
        let message = format!("{first} and {length} octets make {}, not {last}", (first + length) & U32);
        let fault = Diagnostic::new("inconsistent-length", message, end.span).also(len.span, "the length");
        let distance = (last - first) & U32;
        let help = if distance <= U16 {
            format!("`{first}:{last}({distance})` or `{first}:{}({length})`", (first + length) & U32)
        } else {
            format!("`{first}:{}({length})`: the end is the start plus the length", (first + length) & U32)
        };
        faults.push(fault.help(help));
    }
}

fn options(options: &[Spanned<TcpOption>], faults: &mut Faults) {
    let before = faults.len();
    for option in options {
        one_option(option, faults);
    }
    let (Some(first), Some(last)) = (options.first(), options.last()) else { return };
    let span = Span { end: last.span.end, ..first.span };
    let Some(octets) = options.iter().map(|option| option_length(&option.node)).sum::<Option<usize>>() else { return };
    if octets > OPTION_SPACE && before == faults.len() {
        let message = format!("these options are {octets} octets long, and a header has room for {OPTION_SPACE}");
        faults.push(Diagnostic::new("options-too-long", message, span));
    } else if !octets.is_multiple_of(4) {
        let message = format!("these options are {octets} octets long, which is no multiple of 4");
        let missing = 4 - octets % 4;
        let fault = Diagnostic::new("misaligned-options", message, span);
        faults.push(fault.help(format!("add {missing} `nop` where the stack has them, or `eol` at the end")));
    }
}

fn one_option(option: &Spanned<TcpOption>, faults: &mut Faults) {
    match &option.node {
        TcpOption::Mss(num) => {
            range(num, U16, "a segment size", faults);
        }
        TcpOption::WindowScale(num) => {
            range(num, U8, "a shift count", faults);
        }
        TcpOption::Raw { kind, .. } => {
            range(kind, U8, "an option kind", faults);
        }
        TcpOption::Timestamps { val, ecr } => {
            range(val, U32, "a timestamp", faults);
            range(ecr, U32, "a timestamp", faults);
        }
        TcpOption::LooseTimestamps { val, ecr, .. } => {
            for num in val.iter().chain([ecr]) {
                range(num, U32, "a timestamp", faults);
            }
        }
        TcpOption::Sack(blocks) => {
            for edge in blocks.iter().flat_map(|(left, right)| [left, right]) {
                range(edge, U32, "a sequence number", faults);
            }
        }
        TcpOption::AccEcn(fields) => {
            for (_, num) in fields {
                range(num, (1 << 24) - 1, "a counter of 24 bits", faults);
            }
            let order = [AccEcnField::E0b, AccEcnField::Ceb, AccEcnField::E1b];
            let written = fields.iter().map(|(field, _)| *field);
            let up = written.clone().eq(order.into_iter().take(fields.len()));
            let down = written.eq(order.into_iter().rev().take(fields.len()));
            if !up && !down {
                let fault = Diagnostic::new("option", "these counters are in no order of the option", option.span);
                faults.push(fault.expecting(["`e0b`, `ceb`, `e1b`", "`e1b`, `ceb`, `e0b`"]));
            }
        }
        TcpOption::Eol
        | TcpOption::Nop
        | TcpOption::SackPermitted
        | TcpOption::FastOpen(_)
        | TcpOption::FastOpenExperimental(_)
        | TcpOption::Md5(_)
        | TcpOption::Md5Valid
        | TcpOption::Octets(_) => {}
    }
}

/// Octets of an option; unknown while a symbol is in it.
fn option_length(option: &TcpOption) -> Option<usize> {
    let cookie = |cookie: &Cookie| match cookie {
        Cookie::Octets(octets) => Some(octets.len()),
        Cookie::Symbol(_) => None,
    };
    Some(match option {
        TcpOption::Eol | TcpOption::Nop => 1,
        TcpOption::Mss(_) => 4,
        TcpOption::WindowScale(_) => 3,
        TcpOption::SackPermitted => 2,
        TcpOption::Sack(blocks) => 2 + 8 * blocks.len(),
        TcpOption::Timestamps { .. } | TcpOption::LooseTimestamps { .. } => 10,
        TcpOption::FastOpen(octets) => 2 + cookie(octets)?,
        TcpOption::FastOpenExperimental(octets) => 4 + cookie(octets)?,
        TcpOption::Md5Valid => 18,
        TcpOption::Md5(digest) => 2 + digest.as_ref().map_or(16, Vec::len),
        TcpOption::AccEcn(fields) => 2 + 3 * fields.len(),
        TcpOption::Raw { data, .. } => 2 + data.len(),
        TcpOption::Octets(octets) => octets.len(),
    })
}
