//! From a live datagram of the SUT to a script line: what the script would have to say to expect it.

use crate::compose::{is_signed, kind_and_code, udp_ports};
use crate::ip_words::ecn_bits;
use crate::mapping::{Lesson, Mapping, Route, offset};
use crate::outcome::{FieldDiff, MismatchKind};
use crate::packet::outer::{BOTTOM, Gre, gre};
use crate::packet::{Body, Datagram, Icmp, Ip, Layer, RawOption, Tcp, ipv4, options, protocol, tcp::flag};
use crate::pattern::{self, Stream};
use crate::tcp_options::{self, num};
use crate::timestamps::Stamps;
use halfopen_script::ast::{
    self, Direction, Echoed, Ecn, FlagSet, Flags, IpWord, MplsEntry, Num, Numbers, Options, Outer, Packet, Span,
    Spanned, TcpOption,
};
use halfopen_script::symbols;

/// A datagram of the SUT as the script would write it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// In script notation and numbers.
    pub(crate) packet: Packet,
    /// What is wrong with it whatever the script says.
    pub(crate) faults: Vec<(MismatchKind, FieldDiff)>,
    /// What it teaches when it matches; for TCP only.
    pub(crate) lesson: Option<Lesson>,
}

/// A datagram of the SUT, and what is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Concern {
    /// The script has to say something about it.
    Judged,
    /// Other protocols, neighbour and router discovery, multicast reports: counted, not judged.
    Ignored,
}

pub(crate) fn diff(field: &str, expected: impl ToString, got: impl ToString) -> FieldDiff {
    FieldDiff { field: field.into(), expected: expected.to_string(), got: got.to_string() }
}

pub(crate) fn bare<T>(node: T) -> Spanned<T> {
    Spanned { node, span: Span::default() }
}

/// Whether a datagram is TCP, or an ICMP error or echo reply towards the harness.
pub(crate) fn concern(datagram: &Datagram, mapping: &Mapping) -> Concern {
    let judged = match (&datagram.body, &datagram.ip) {
        (Body::Tcp(_), _) => true,
        (Body::Icmp(icmp), Ip::V4(ip)) => ip.dst == mapping.remote && matches!(icmp.kind, 0 | 3 | 4 | 5 | 11 | 12),
        (Body::Icmp(icmp), Ip::V6(ip)) => ip.dst == mapping.remote && matches!(icmp.kind, 1..=4 | 129),
        // A fragment of a segment, or too few octets for one.
        (Body::Other(_), Ip::V4(ip)) => ip.protocol == protocol::TCP,
        (Body::Other(_), Ip::V6(ip)) => ip.next_header == protocol::TCP,
        (Body::Udp(_), ip) => ip.dst() == mapping.remote,
    };
    if judged { Concern::Judged } else { Concern::Ignored }
}

/// Reads a datagram. `expected` is the line that it may be: it gives a SYN and a first timestamp their script numbers.
pub(crate) fn see(
    mapping: &Mapping,
    written: &[(u64, Vec<u8>)],
    datagram: &Datagram,
    expected: Option<&Packet>,
) -> Seen {
    let mut faults = Vec::new();
    header_faults(mapping, datagram, &mut faults);
    let (body, mut lesson) = match &datagram.body {
        Body::Tcp(tcp) => {
            let line = expected.and_then(|packet| match &packet.body {
                ast::Body::Tcp(tcp) => Some(tcp),
                ast::Body::Udp { .. } | ast::Body::Icmp(_) => None,
            });
            let (mut segment, lesson) = segment(mapping, tcp, line);
            if line.is_none_or(|line| is_signed(&line.options)) {
                mark_signature(mapping, datagram, &mut segment.options);
            }
            segment_faults(tcp, &mut faults);
            payload_fault(mapping, &lesson, written, tcp, &mut faults);
            (ast::Body::Tcp(segment), Some(lesson))
        }
        Body::Icmp(icmp) => (ast::Body::Icmp(message(mapping, icmp, expected)), None),
        Body::Udp(udp) => {
            let line = expected.and_then(|packet| match &packet.body {
                ast::Body::Udp { ports, .. } => Some(udp_ports(ports.as_ref())),
                ast::Body::Tcp(_) | ast::Body::Icmp(_) => None,
            });
            let ports = mapping.udp.seen(udp, line).map(|(from, to)| (num(from.into()), num(to.into())));
            faults.extend(misplaced(written, mapping.udp.sent(udp.src_port), &udp.payload));
            (ast::Body::Udp { ports, len: num(udp.payload.len() as u32) }, None)
        }
        Body::Other(octets) => {
            faults
                .push((MismatchKind::Segment, diff("protocol", "a whole TCP segment", "a fragment, or no TCP header")));
            let len = num(octets.len() as u32);
            (ast::Body::Udp { ports: None, len }, None)
        }
    };
    let outer = outer(datagram, expected, &mut faults);
    let ip = expected.map_or_else(Vec::new, |packet| words(mapping, datagram, packet, &mut lesson));
    let packet = Packet { direction: Direction::Outbound, ip, outer, psp: None, body, under_udp: None };
    Seen { packet, faults, lesson }
}

/// A signature that the test's key verifies is written `md5 valid`.
fn mark_signature(mapping: &Mapping, datagram: &Datagram, options: &mut Options) {
    let digest = mapping.md5_secret.as_ref().and_then(|key| datagram.signature(key));
    let (Options::List(list), Some(digest)) = (options, digest) else { return };
    for option in list {
        if matches!(&option.node, TcpOption::Md5(Some(claimed)) if *claimed == digest) {
            option.node = TcpOption::Md5Valid;
        }
    }
}

/// What must hold of every header.
fn header_faults(mapping: &Mapping, datagram: &Datagram, faults: &mut Vec<(MismatchKind, FieldDiff)>) {
    let mut fault = |kind, field, expected: String, got: String| faults.push((kind, diff(field, expected, got)));
    let (src, dst) = (datagram.ip.src(), datagram.ip.dst());
    if src != mapping.local {
        fault(MismatchKind::Segment, "src", mapping.local.to_string(), src.to_string());
    }
    if dst != mapping.remote {
        fault(MismatchKind::Segment, "dst", mapping.remote.to_string(), dst.to_string());
    }
    let whole = datagram.ip.header_len() + datagram.body.len();
    let field = match &datagram.ip {
        Ip::V4(ip) => usize::from(ip.total_len),
        Ip::V6(ip) => 40 + usize::from(ip.payload_len),
    };
    if field != whole || !datagram.trailer.is_empty() {
        let octets = whole + datagram.trailer.len();
        fault(MismatchKind::Segment, "ip-len", octets.to_string(), field.to_string());
    }
    match &datagram.ip {
        Ip::V4(ip) if !verifies(ip.checksum, ip.computed()) => {
            fault(MismatchKind::Checksum, "ip-checksum", hex(ip.computed()), hex(ip.checksum));
        }
        // No line can ask for one, and a stack that adds one on its own lets others choose its routes or options.
        Ip::V6(ip) if !ip.extensions.is_empty() => {
            fault(MismatchKind::Segment, "ext", "no extension header".into(), format!("{:02x?}", ip.extensions));
        }
        Ip::V4(_) | Ip::V6(_) => {}
    }
    let (expected, got) = (datagram.computed(), datagram.checksum());
    // RFC 768: over IPv4 no checksum is sent as zero.
    let none = got == 0 && matches!((&datagram.ip, &datagram.body), (Ip::V4(_), Body::Udp(_)));
    if !none && !verifies(got, expected) {
        fault(MismatchKind::Checksum, "checksum", hex(expected), hex(got));
    }
}

/// Whether the sum over everything comes out right (RFC 1071 1): in one's complement 0x0000 and 0xffff are the same number, and stacks
/// send either.
fn verifies(field: u16, computed: u16) -> bool {
    field == computed || matches!((field, computed), (0, 0xffff) | (0xffff, 0))
}

fn hex(value: u16) -> String {
    format!("{value:#06x}")
}

fn segment_faults(tcp: &Tcp, faults: &mut Vec<(MismatchKind, FieldDiff)>) {
    if tcp.reserved != 0 {
        faults.push((MismatchKind::Segment, diff("reserved", 0, tcp.reserved)));
    }
    if usize::from(tcp.data_offset) != tcp.true_offset() {
        let range = format!("5 to {}", (20 + tcp.payload.len()) / 4);
        faults.push((MismatchKind::Segment, diff("doff", range, tcp.data_offset)));
    }
}

fn segment(mapping: &Mapping, tcp: &Tcp, line: Option<&ast::Tcp>) -> (ast::Tcp, Lesson) {
    let route = mapping.route(tcp);
    let numbering = mapping.numbering(route, tcp, line);
    let syn = tcp.has(flag::SYN);
    let numbers = line.map_or(Numbers::Relative, |line| line.numbers);
    let from_local = if numbers == Numbers::Absolute { 0 } else { offset(numbering.local, syn) };
    let from_remote = offset(numbering.remote, syn);
    // RFC 9293 3.10.7.1: the answer to a segment without ACK has sequence number zero, which no ISN applies to.
    let literal = tcp.has(flag::RST) && tcp.has(flag::ACK) && tcp.seq == 0;
    let seq = if literal { 0 } else { tcp.seq.wrapping_sub(from_local) };
    let unknown = Stamps::default();
    let stamps = match route {
        Route::Known(index) => &mapping.connection(index).stamps,
        Route::Opening | Route::Stray => &unknown,
    };
    let scripted = line.and_then(|line| tsval(&line.options));
    let stamp = |live| stamps.to_script(live, scripted);
    let list = tcp_options::decode(&tcp.options, |edge| edge.wrapping_sub(from_remote), stamp);
    let live = options::iter(&tcp.options).find_map(|option| match option {
        RawOption::Known { kind: options::kind::TIMESTAMPS, data } if data.len() == 8 => {
            Some(u32::from_be_bytes([data[0], data[1], data[2], data[3]]))
        }
        RawOption::Known { .. } | RawOption::Eol | RawOption::Nop | RawOption::Malformed(_) => None,
    });
    let ports = mapping.ports(route, tcp, line);
    let urgent = tcp.has(flag::URG) || tcp.urgent != 0;
    let segment = ast::Tcp {
        ports: ports.map(|(source, destination)| (num(source.into()), num(destination.into()))),
        flags: bare(Flags::Set(flag_set(tcp.flags, line))),
        // What was seen has numbers, whatever the line looks at.
        numbers: if numbers == Numbers::Absolute { numbers } else { Numbers::Relative },
        seq: num(seq),
        end: num(seq.wrapping_add(tcp.payload.len() as u32)),
        len: num(tcp.payload.len() as u32),
        ack: tcp.has(flag::ACK).then(|| num(tcp.ack.wrapping_sub(from_remote))),
        win: Some(num(tcp.window.into())),
        urg: urgent.then(|| num(tcp.urgent.into())),
        options: list,
    };
    (segment, Lesson { route, numbering, stamp: scripted.zip(live), flow: None })
}

/// TSval of an option list.
pub(crate) fn tsval(list: &Options) -> Option<u32> {
    let Options::List(list) = list else { return None };
    list.iter().find_map(|option| {
        if let TcpOption::Timestamps { val, .. } | TcpOption::LooseTimestamps { val: Some(val), .. } = &option.node {
            Some(val.value() as u32)
        } else {
            None
        }
    })
}

/// Control bits in letters, the ECN ones as a digit where the line has a digit.
fn flag_set(flags: u16, line: Option<&ast::Tcp>) -> FlagSet {
    let has = |bit| flags & bit != 0;
    let digit = line.is_some_and(|line| line.flags.node.set().ace.is_some());
    let (ece, cwr, ae) = (has(flag::ECE), has(flag::CWR), has(flag::AE));
    FlagSet {
        fin: has(flag::FIN),
        syn: has(flag::SYN),
        rst: has(flag::RST),
        psh: has(flag::PSH),
        ack: has(flag::ACK),
        urg: has(flag::URG),
        ece: ece && !digit,
        cwr: cwr && !digit,
        ae: ae && !digit,
        ace: digit.then(|| u8::from(ae) << 2 | u8::from(cwr) << 1 | u8::from(ece)),
    }
}

/// Text must be the stream's: the pattern, or what the script wrote into the socket.
fn payload_fault(
    mapping: &Mapping,
    lesson: &Lesson,
    written: &[(u64, Vec<u8>)],
    tcp: &Tcp,
    faults: &mut Vec<(MismatchKind, FieldDiff)>,
) {
    let (Some(isn), false) = (lesson.numbering.local, tcp.payload.is_empty()) else { return };
    let first = tcp.seq.wrapping_sub(isn.live).wrapping_sub(u32::from(!tcp.has(flag::SYN)));
    // RFC 9293 3.8.4: one octet just below SND.NXT is a keep-alive, whose octet means nothing.
    let highest = match lesson.route {
        Route::Known(index) => mapping.connection(index).highest,
        Route::Opening | Route::Stray => None,
    };
    let keep_alive = tcp.payload.len() == 1 && highest == Some(tcp.seq.wrapping_add(1));
    if keep_alive || first > i32::MAX as u32 {
        return;
    }
    faults.extend(misplaced(written, u64::from(first), &tcp.payload));
}

/// Octets that are not those of the stream from an offset on: the pattern, or what the script wrote into the socket.
fn misplaced(written: &[(u64, Vec<u8>)], offset: u64, payload: &[u8]) -> Option<(MismatchKind, FieldDiff)> {
    let right = |at: u64, got: u8| {
        let text = written.iter().find_map(|(start, text)| {
            let index = usize::try_from(at.checked_sub(*start)?).ok()?;
            text.get(index)
        });
        text.map_or_else(|| pattern::octet(Stream::FromStack, at), |octet| *octet) == got
    };
    let wrong = if written.is_empty() {
        pattern::difference(Stream::FromStack, offset, payload)
    } else {
        payload.iter().zip(offset..).position(|(got, at)| !right(at, *got))
    };
    wrong.map(|index| {
        let at = offset + index as u64;
        let expected = format!("octet {at} of the stream at {index}");
        let got = format!("{:#04x} for {:#04x}", payload[index], pattern::octet(Stream::FromStack, at));
        (MismatchKind::Payload, diff("payload", expected, got))
    })
}

/// The headers around a datagram, in the form of the line's where there is one, and what is wrong with them whatever it says.
fn outer(
    datagram: &Datagram,
    line: Option<&Packet>,
    faults: &mut Vec<(MismatchKind, FieldDiff)>,
) -> Vec<Spanned<Outer>> {
    let mut seen = Vec::new();
    for (index, layer) in datagram.outer.iter().enumerate() {
        let line = line.and_then(|packet| packet.outer.get(index)).map(|layer| &layer.node);
        if let Layer::Ip(Ip::V4(ip)) = layer
            && !verifies(ip.checksum, ip.computed())
        {
            faults.push((MismatchKind::Checksum, diff("ip-checksum", hex(ip.computed()), hex(ip.checksum))));
        }
        seen.push(bare(match layer {
            Layer::Ip(ip) => {
                let asked = if let Some(Outer::Ip { words, .. }) = line { words.as_slice() } else { &[] };
                let words = asked.iter().filter_map(|asked| word(&asked.node, ip)).map(bare).collect();
                Outer::Ip { words, src: ip.src(), dst: ip.dst() }
            }
            Layer::Gre(gre) => gre_header(gre, line),
            Layer::Mpls(stack) => Outer::Mpls(stack.iter().map(|entry| mpls_entry(*entry)).collect()),
        }));
    }
    seen
}

/// A GRE header; of fields that are not there the line says nothing that could be compared.
fn gre_header(seen: &Gre, line: Option<&Outer>) -> Outer {
    let line = match line {
        Some(Outer::Gre(None)) if seen.flags == 0 => return Outer::Gre(None),
        Some(Outer::Gre(Some(line))) => Some(line),
        Some(_) | None => None,
    };
    let field = |value: u32, present: bool, line: Option<&Num>| match line {
        Some(line) if !present => line.clone(),
        Some(line) => Num { offset: value.into(), ..line.clone() },
        None => num(value),
    };
    let has = |flag: u16| seen.flags & flag != 0;
    // A checksum that the line leaves to us is right, or this shows what it is.
    let sum = line.is_some_and(|line| line.sum.value() == 0);
    Outer::Gre(Some(ast::Gre {
        flags: field(seen.flags.into(), true, line.map(|line| &line.flags)),
        sum: field(seen.checksum.into(), has(gre::CHECKSUM) && !sum, line.map(|line| &line.sum)),
        off: field(seen.offset.into(), has(gre::CHECKSUM), line.map(|line| &line.off)),
        key: field(seen.key, has(gre::KEY), line.map(|line| &line.key)),
        seq: field(seen.seq, has(gre::SEQUENCE), line.map(|line| &line.seq)),
    }))
}

fn mpls_entry(entry: u32) -> MplsEntry {
    let (label, tc, ttl) = (num(entry >> 12), num(entry >> 9 & 7), num(entry & 0xff));
    MplsEntry { label, tc, bottom: entry & BOTTOM != 0, ttl }
}

/// The word of a line with the value of a header.
fn word(asked: &IpWord, ip: &Ip) -> Option<IpWord> {
    let tos = ip.tos();
    match (asked, ip) {
        (IpWord::Ecn(Ecn::Ect01), _) if matches!(tos & 3, 1 | 2) => Some(IpWord::Ecn(Ecn::Ect01)),
        (IpWord::Ecn(_), _) => [Ecn::NoEcn, Ecn::Ect0, Ecn::Ect1, Ecn::Ce]
            .into_iter()
            .find(|ecn| ecn_bits(*ecn) == tos & 3)
            .map(IpWord::Ecn),
        (IpWord::Tos(num), _) => Some(IpWord::Tos(Num { offset: tos.into(), ..num.clone() })),
        (IpWord::Dscp(num), _) => Some(IpWord::Dscp(Num { offset: (tos >> 2).into(), ..num.clone() })),
        (IpWord::Ttl(num), ip) => Some(IpWord::Ttl(Num { offset: ip.ttl().into(), ..num.clone() })),
        (IpWord::Id(num), Ip::V4(ip)) => Some(IpWord::Id(Num { offset: ip.id.into(), ..num.clone() })),
        (IpWord::FlowLabel(_), Ip::V6(ip)) => Some(IpWord::FlowLabel(Num { hex: true, ..num(ip.flow_label) })),
        (IpWord::Length(num), Ip::V4(ip)) => Some(IpWord::Length(Num { offset: ip.total_len.into(), ..num.clone() })),
        (IpWord::Length(num), Ip::V6(ip)) => Some(IpWord::Length(Num { offset: ip.payload_len.into(), ..num.clone() })),
        (IpWord::DontFragment(_), Ip::V4(ip)) => Some(IpWord::DontFragment(ip.fragment & ipv4::DONT_FRAGMENT != 0)),
        // What the line says and the header cannot have; the difference shows as a missing word.
        (IpWord::Id(_), Ip::V6(_)) | (IpWord::FlowLabel(_), Ip::V4(_)) => None,
        (
            IpWord::BadChecksum
            | IpWord::DataOffset(_)
            | IpWord::Reserved(_)
            | IpWord::Source(_)
            | IpWord::Destination(_)
            | IpWord::IpOptions(_)
            | IpWord::Extension { .. }
            | IpWord::Fragment { .. }
            | IpWord::Version(_)
            | IpWord::HeaderLength(_)
            | IpWord::Protocol(_)
            | IpWord::BadHeaderChecksum,
            _,
        )
        | (IpWord::DontFragment(_), Ip::V6(_)) => None,
    }
}

/// The IP words that the line has, with the values of the datagram.
fn words(mapping: &Mapping, datagram: &Datagram, line: &Packet, lesson: &mut Option<Lesson>) -> Vec<Spanned<IpWord>> {
    let mut seen: Vec<_> = line.ip.iter().filter_map(|line| word(&line.node, &datagram.ip)).collect();
    let scripted = line
        .ip
        .iter()
        .find_map(|word| if let IpWord::FlowLabel(num) = &word.node { Some(num.value() as u32) } else { None });
    if let (Some(script), Ip::V6(ip), Some(lesson)) = (scripted, &datagram.ip, lesson) {
        lesson.flow = Some((script, ip.flow_label));
        // The values are the SUT's choice; that equal labels stay equal and different ones different is what a script can say.
        let fits = match mapping.flows.get(&script) {
            Some(live) => *live == ip.flow_label,
            None => !mapping.flows.values().any(|live| *live == ip.flow_label),
        };
        for word in seen.iter_mut().filter(|word| fits && matches!(word, IpWord::FlowLabel(_))) {
            *word = IpWord::FlowLabel(num(script));
        }
    }
    seen.into_iter().map(bare).collect()
}

/// An ICMP message; words where the line's words mean the same numbers.
fn message(mapping: &Mapping, icmp: &Icmp, line: Option<&Packet>) -> ast::Icmp {
    let v6 = mapping.local.is_ipv6();
    let line = line.and_then(|packet| match &packet.body {
        ast::Body::Icmp(line) => Some(line),
        ast::Body::Tcp(_) | ast::Body::Udp { .. } => None,
    });
    let same = line.filter(|line| kind_and_code(v6, line).is_ok_and(|both| both == (icmp.kind, icmp.code)));
    let (kind, code) = match same {
        Some(line) => (line.kind.clone(), line.code.clone()),
        None => {
            let (kind, code) = symbols::icmp_name(v6, icmp.kind, icmp.code);
            (bare(kind), code.map(bare))
        }
    };
    let mtu = line.is_some_and(|line| line.mtu.is_some()).then(|| num(icmp.rest));
    let id = line.is_some_and(|line| line.id.is_some()).then(|| num(icmp.rest >> 16));
    let echoed = line.and_then(|line| line.echoed.as_ref()).and_then(|asked| echoed(mapping, icmp, asked));
    ast::Icmp { kind, code, mtu, id, echoed }
}

/// What an error quotes, as far as the line asks for it: the length of a segment is not in the eight octets that a quotation may
/// end after, that of a UDP datagram is.
fn echoed(mapping: &Mapping, icmp: &Icmp, asked: &Echoed) -> Option<Echoed> {
    let quoted = icmp.quoted()?;
    match (quoted.protocol, asked) {
        (protocol::TCP, Echoed::Tcp { len, .. }) => {
            let from_remote = offset(mapping.under_test().remote, false);
            let (script, len) = (quoted.seq?.wrapping_sub(from_remote), len.value() as u32);
            Some(Echoed::Tcp { seq: num(script), end: num(script.wrapping_add(len)), len: num(len), under_udp: None })
        }
        (protocol::TCP, Echoed::Udp(_) | Echoed::Raw(_)) => {
            let seq = num(quoted.seq?.wrapping_sub(offset(mapping.under_test().remote, false)));
            Some(Echoed::Tcp { end: seq.clone(), seq, len: num(0), under_udp: None })
        }
        (protocol::UDP, _) => quoted.udp_len.map(|len| Echoed::Udp(num(len.saturating_sub(8).into()))),
        (protocol::RESERVED, Echoed::Raw(len)) => Some(Echoed::Raw(len.clone())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::verifies;

    #[test]
    fn both_zeros_of_ones_complement_verify() {
        for (field, computed, expected) in
            [(0, 0, true), (0xffff, 0, true), (0, 0xffff, true), (1, 0, false), (0xfffe, 0xffff, false), (7, 7, true)]
        {
            assert_eq!(verifies(field, computed), expected, "{field:#06x} for {computed:#06x}");
        }
    }
}
