use super::*;
use crate::wire::ip::{self, Header, PROTOCOL_ICMP};
use crate::wire::tcp::{self, Flags, Segment};
use alloc::vec;
use alloc::vec::Vec;

const PEER: &str = "192.0.2.1";
const HOST: &str = "192.168.0.1";
const PEER_V6: &str = "2001:db8:0:1::1";
const HOST_V6: &str = "2001:db8:0:2::2";
const FAMILIES: [(&str, &str); 2] = [(PEER, HOST), (PEER_V6, HOST_V6)];

fn header(src: &str, dst: &str) -> Header {
    Header::new(src.parse().expect("an address"), dst.parse().expect("an address"))
}

fn datagram(src: &str, dst: &str, payload: &[u8]) -> Vec<u8> {
    let segment =
        Segment { src_port: 80, dst_port: 40_000, seq: SeqNum(77), flags: Flags::ACK, payload, ..Segment::default() };
    tcp::emit(&header(src, dst), &segment)
}

/// Parses the message of a datagram that is well-formed up to ICMP.
fn message(octets: &[u8]) -> Result<Message<'_>, Malformed> {
    parse(&ip::parse(octets).expect("well-formed IP"))
}

fn error(octets: &[u8]) -> Error<'_> {
    match message(octets) {
        Ok(Message::Error(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn problems_come_back_as_they_were_sent() {
    let v4: Vec<Problem> = (0..=17)
        .filter(|code| *code != 4)
        .map(|code| Problem::UnreachableV4(UnreachableV4::from_code(code)))
        .chain([Problem::PacketTooBig { mtu: 0 }, Problem::PacketTooBig { mtu: 65_535 }])
        .chain([Problem::ParameterProblem { code: 1, pointer: 255 }])
        .collect();
    let v6: Vec<Problem> = (0..=9)
        .map(|code| Problem::UnreachableV6(UnreachableV6::from_code(code)))
        .chain([Problem::PacketTooBig { mtu: 0xffff_ffff }, Problem::ParameterProblem { code: 2, pointer: 70_000 }])
        .collect();
    let both = (0..=2).map(|code| Problem::TimeExceeded(TimeExceeded::from_code(code)));
    for ((peer, host), problems) in FAMILIES.into_iter().zip([v4, v6]) {
        let sent = datagram(host, peer, b"hello");
        for problem in problems.into_iter().chain(both.clone()) {
            let octets = emit_error(&header(peer, host), problem, &sent);
            let Error { problem: got, quoted } = error(&octets);
            assert_eq!(got, problem);
            assert_eq!((quoted.src, quoted.dst), (host.parse().expect("one"), peer.parse().expect("one")));
            assert_eq!((quoted.protocol, quoted.total), (6, sent.len()));
            let expected = QuotedSegment { src_port: 80, dst_port: 40_000, seq: SeqNum(77) };
            assert_eq!(quoted.segment(), Some(expected));
        }
    }
}

#[test]
fn codes_have_the_numbers_of_the_rfcs() {
    let table = [
        (UnreachableV4::Port.code(), 3),
        (UnreachableV4::SourceRouteFailed.code(), 5),
        (UnreachableV4::CommunicationProhibited.code(), 13),
        (UnreachableV6::Prohibited.code(), 1),
        (UnreachableV6::Port.code(), 4),
        (TimeExceeded::Reassembly.code(), 1),
        (UnreachableV4::Other(200).code(), 200),
    ];
    for (got, expected) in table {
        assert_eq!(got, expected);
    }
    let sent = datagram(HOST, PEER, b"");
    let octets = emit_error(&header(PEER, HOST), Problem::PacketTooBig { mtu: 1280 }, &sent);
    assert_eq!(octets[20..28], [3, 4, octets[22], octets[23], 0, 0, 5, 0]);
    let octets = emit_error(&header(PEER, HOST), Problem::ParameterProblem { code: 0, pointer: 20 }, &sent);
    assert_eq!(octets[20..28], [12, 0, octets[22], octets[23], 20, 0, 0, 0]);
    let sent = datagram(HOST_V6, PEER_V6, b"");
    let octets = emit_error(&header(PEER_V6, HOST_V6), Problem::PacketTooBig { mtu: 1280 }, &sent);
    assert_eq!(octets[40..48], [2, 0, octets[42], octets[43], 0, 0, 5, 0]);
}

#[test]
fn echoes_come_back() {
    for (peer, host) in FAMILIES {
        let echo = Echo { identifier: 0x1234, sequence: 7, data: b"ping" };
        let octets = emit_echo(&Header { dscp: 8, ..header(peer, host) }, &echo, false);
        let request = ip::parse(&octets).expect("well-formed");
        assert_eq!(parse(&request), Ok(Message::EchoRequest(echo)));
        let reply = echo_reply(&request, &echo).expect("one host asks another");
        let reply = ip::parse(&reply).expect("well-formed");
        assert_eq!((reply.src, reply.dst, reply.dscp), (request.dst, request.src, 8));
        assert_eq!(parse(&reply), Ok(Message::EchoReply(echo)));
    }
}

#[test]
fn echoes_to_groups_are_not_answered() {
    for (src, dst) in [(PEER, "224.0.0.1"), (PEER, "255.255.255.255"), (PEER_V6, "ff02::1"), ("::", HOST_V6)] {
        let echo = Echo { identifier: 1, sequence: 1, data: b"" };
        let octets = emit_echo(&header(src, dst), &echo, false);
        assert_eq!(echo_reply(&ip::parse(&octets).expect("well-formed"), &echo), None, "{src} {dst}");
    }
}

/// An ICMP datagram of these octets, its checksum set.
fn raw(src: &str, dst: &str, octets: &[u8]) -> Vec<u8> {
    let header = header(src, dst);
    let mut octets = octets.to_vec();
    let (protocol, mut sum) = match header.dst {
        IpAddr::V4(_) => (PROTOCOL_ICMP, Checksum::default()),
        IpAddr::V6(_) => {
            (PROTOCOL_ICMPV6, Checksum::pseudo_header(header.src, header.dst, PROTOCOL_ICMPV6, octets.len() as u32))
        }
    };
    if octets.len() >= 4 {
        octets[2..4].fill(0);
        sum.add(&octets);
        octets[2..4].copy_from_slice(&sum.finish());
    }
    ip::emit(&header, protocol, &octets)
}

#[test]
fn what_tcp_has_no_use_for_is_reported_by_number() {
    let table = [
        (PEER, HOST, 4, 0, Message::SourceQuench),
        (PEER, HOST, 5, 1, Message::Other { kind: 5, code: 1 }),
        (PEER, HOST, 13, 0, Message::Other { kind: 13, code: 0 }),
        (PEER_V6, HOST_V6, 135, 0, Message::Other { kind: 135, code: 0 }),
        (PEER_V6, HOST_V6, 100, 9, Message::Other { kind: 100, code: 9 }),
    ];
    for (src, dst, kind, code, expected) in table {
        assert_eq!(message(&raw(src, dst, &[kind, code, 0, 0, 0, 0, 0, 0])), Ok(expected), "{kind}");
    }
}

#[test]
fn every_fault_has_its_name() {
    for (peer, host) in FAMILIES {
        let unreachable = if peer == PEER { 3 } else { 1 };
        for length in 0..8 {
            let octets = raw(peer, host, &vec![unreachable; length]);
            assert_eq!(message(&octets), Err(Malformed::IcmpTruncated { octets: length }));
        }
        let sent = datagram(host, peer, b"");
        let ip_header = sent.len() - 20;
        let error = |quote: &[u8]| raw(peer, host, &[&[unreachable, 0, 0, 0, 0, 0, 0, 0], quote].concat());
        for length in 0..ip_header + 8 {
            assert_eq!(message(&error(&sent[..length])), Err(Malformed::QuoteTruncated), "{length}");
        }
        for length in ip_header + 8..=sent.len() {
            assert!(message(&error(&sent[..length])).is_ok(), "{length}");
        }
        let mut broken = error(&sent);
        let last = broken.len() - 1;
        broken[last] ^= 1;
        assert_eq!(message(&broken), Err(Malformed::IcmpChecksum));
        let mut other = sent.clone();
        other[0] ^= 0x20;
        assert_eq!(message(&error(&other)), Err(Malformed::QuoteHeader), "the other version");
    }
    let mut short = datagram(HOST, PEER, b"");
    short[0] = 0x44;
    let error = |quote: &[u8]| raw(PEER, HOST, &[&[3, 0, 0, 0, 0, 0, 0, 0], quote].concat());
    assert_eq!(message(&error(&short)), Err(Malformed::QuoteHeader));
    let mut later = datagram(HOST, PEER, b"");
    later[7] = 1;
    assert_eq!(message(&error(&later)), Err(Malformed::QuoteFragment));
    let mut long = datagram(HOST, PEER, b"");
    long[0] = 0x4a;
    assert_eq!(message(&error(&long)), Err(Malformed::QuoteTruncated), "a header longer than the quote");
}

#[test]
fn quotes_reach_behind_options_and_extension_headers() {
    let mut sent = datagram(HOST, PEER, b"");
    sent.splice(20..20, [1, 1, 1, 0]);
    sent[0] = 0x46;
    let octets = raw(PEER, HOST, &[&[3, 1, 0, 0, 0, 0, 0, 0], &sent[..]].concat());
    assert_eq!(error(&octets).quoted.segment().map(|segment| segment.seq), Some(SeqNum(77)));

    let mut sent = datagram(HOST_V6, PEER_V6, b"");
    sent.splice(40..40, [44, 0, 1, 4, 0, 0, 0, 0, 6, 0, 0, 1, 9, 9, 9, 9]);
    sent[6] = 60;
    let quote = |sent: &[u8]| raw(PEER_V6, HOST_V6, &[&[1, 0, 0, 0, 0, 0, 0, 0], sent].concat());
    assert_eq!(error(&quote(&sent)).quoted.segment().map(|segment| segment.seq), Some(SeqNum(77)), "first fragment");
    sent[51] = 9;
    assert_eq!(message(&quote(&sent)), Err(Malformed::QuoteFragment));
}

#[test]
fn the_unused_half_of_fragmentation_needed_is_ignored() {
    let sent = datagram(HOST, PEER, b"");
    let octets = raw(PEER, HOST, &[&[3, 4, 0, 0, 0xff, 0xff, 5, 0xdc], &sent[..]].concat());
    assert_eq!(error(&octets).problem, Problem::PacketTooBig { mtu: 1500 });
}

#[test]
fn a_quote_of_another_protocol_has_no_segment() {
    let sent = ip::emit(&header(HOST, PEER), 17, &[0; 8]);
    let octets = emit_error(&header(PEER, HOST), Problem::UnreachableV4(UnreachableV4::Port), &sent);
    assert_eq!(error(&octets).quoted.segment(), None);
}

mod sending {
    use super::*;

    fn host(offending: &[u8]) -> IpAddr {
        if offending[0] >> 4 == 4 { HOST } else { HOST_V6 }.parse().expect("an address")
    }

    #[test]
    fn errors_quote_as_much_as_they_may() {
        for ((peer, host), most) in FAMILIES.into_iter().zip([576, 1280]) {
            let problem = Problem::TimeExceeded(TimeExceeded::Transit);
            for payload in [0, 1, most, 3000] {
                let offending = datagram(peer, host, &vec![7; payload]);
                let octets = answer(problem, &offending, host.parse().expect("one")).expect("one host to another");
                let headers = ip::header_octets(host.parse().expect("one")) + HEADER;
                assert_eq!(octets.len(), (headers + offending.len()).min(most));
                assert_eq!(octets[headers..], offending[..octets.len() - headers]);
                let error = error(&octets);
                assert_eq!((error.problem, error.quoted.total), (problem, offending.len()));
            }
            let mut padded = datagram(peer, host, b"");
            let whole = padded.len();
            padded.extend([0; 6]);
            let octets = answer(problem, &padded, host.parse().expect("one")).expect("one host to another");
            assert_eq!(octets.len(), whole + ip::header_octets(host.parse().expect("one")) + HEADER, "no padding");
        }
    }

    #[test]
    fn what_may_not_be_answered_is_not() {
        let v4 = Problem::UnreachableV4(UnreachableV4::Protocol);
        let v6 = Problem::UnreachableV6(UnreachableV6::Port);
        let too_big = Problem::PacketTooBig { mtu: 1280 };
        let option = Problem::ParameterProblem { code: 2, pointer: 42 };
        let field = Problem::ParameterProblem { code: 0, pointer: 42 };
        let to = |src, dst| datagram(src, dst, b"");
        let icmp = |kind| raw(PEER, HOST, &[kind, 0, 0, 0, 0, 0, 0, 0]);
        let icmp6 = |kind| raw(PEER_V6, HOST_V6, &[kind, 0, 0, 0, 0, 0, 0, 0]);
        let fragment = |offset| {
            let mut octets = to(PEER, HOST);
            octets[7] = offset;
            octets
        };
        let routed = |kind| {
            let mut octets = icmp6(kind);
            octets.splice(40..40, [58, 0, 0, 1, 0, 0, 0, 0]);
            octets[6] = 43;
            octets
        };
        let table: Vec<(&str, Problem, Vec<u8>, Option<Withheld>)> = vec![
            ("plain", v4, to(PEER, HOST), None),
            ("first fragment", v4, fragment(0), None),
            ("later fragment", v4, fragment(1), Some(Withheld::LaterFragment)),
            ("to a group", v4, to(PEER, "224.0.0.1"), Some(Withheld::ToMany)),
            ("to everyone", v4, to(PEER, "255.255.255.255"), Some(Withheld::ToMany)),
            ("from nobody", v4, to("0.0.0.0", HOST), Some(Withheld::FromNobody)),
            ("from a group", v4, to("224.0.0.1", HOST), Some(Withheld::FromNobody)),
            ("from reserved", v4, to("240.0.0.1", HOST), Some(Withheld::FromNobody)),
            ("about unreachable", v4, icmp(3), Some(Withheld::AboutError)),
            ("about quench", v4, icmp(4), Some(Withheld::AboutError)),
            ("about redirect", v4, icmp(5), Some(Withheld::AboutError)),
            ("about time exceeded", v4, icmp(11), Some(Withheld::AboutError)),
            ("about parameters", v4, icmp(12), Some(Withheld::AboutError)),
            ("about echo", v4, icmp(8), None),
            ("about who knows", v4, ip::emit(&header(PEER, HOST), 1, &[]), Some(Withheld::AboutError)),
            ("cut", v4, to(PEER, HOST)[..19].to_vec(), Some(Withheld::NoHeader)),
            ("plain v6", v6, to(PEER_V6, HOST_V6), None),
            ("from nobody v6", v6, to("::", HOST_V6), Some(Withheld::FromNobody)),
            ("to a group v6", v6, to(PEER_V6, "ff02::1"), Some(Withheld::ToMany)),
            ("field to a group", field, to(PEER_V6, "ff02::1"), Some(Withheld::ToMany)),
            ("too big to a group", too_big, to(PEER_V6, "ff02::1"), None),
            ("option to a group", option, to(PEER_V6, "ff02::1"), None),
            ("about unreachable v6", v6, icmp6(1), Some(Withheld::AboutError)),
            ("about an unknown error", v6, icmp6(127), Some(Withheld::AboutError)),
            ("about redirect v6", v6, icmp6(137), Some(Withheld::AboutError)),
            ("about echo v6", v6, icmp6(128), None),
            ("about an error behind a routing header", field, routed(1), Some(Withheld::AboutError)),
            ("about an echo behind a routing header", field, routed(128), None),
            ("cut v6", v6, to(PEER_V6, HOST_V6)[..39].to_vec(), Some(Withheld::NoHeader)),
        ];
        for (name, problem, offending, expected) in table {
            assert_eq!(answer(problem, &offending, host(&offending)).err(), expected, "{name}");
        }
        assert_eq!(answer(v4, &[], HOST.parse().expect("one")), Err(Withheld::NoHeader));
    }

    #[test]
    fn faults_that_a_host_reports() {
        let v4 = datagram(PEER, HOST, b"");
        let v6 = datagram(PEER_V6, HOST_V6, b"");
        let group = datagram(PEER_V6, "ff02::1", b"");
        let option = |kind| Malformed::Ipv6Option { kind, pointer: 42 };
        let problem = |code, pointer| Some(Problem::ParameterProblem { code, pointer });
        let table = [
            (
                Malformed::Protocol { protocol: 17, pointer: 9 },
                &v4,
                Some(Problem::UnreachableV4(UnreachableV4::Protocol)),
            ),
            (Malformed::Protocol { protocol: 17, pointer: 6 }, &v6, problem(1, 6)),
            (Malformed::Ipv4Option { pointer: 20 }, &v4, problem(0, 20)),
            (
                Malformed::SourceRoute { pointer: 20 },
                &v4,
                Some(Problem::UnreachableV4(UnreachableV4::SourceRouteFailed)),
            ),
            (option(0x7e), &v6, None),
            (option(0xbe), &v6, problem(2, 42)),
            (option(0xbe), &group, problem(2, 42)),
            (option(0xfe), &v6, problem(2, 42)),
            (option(0xfe), &group, None),
            (Malformed::RoutingHeader { pointer: 42 }, &v6, problem(0, 42)),
            (Malformed::ExtensionTruncated { pointer: 41 }, &v6, problem(0, 41)),
            (Malformed::IpChecksum, &v4, None),
            (Malformed::TcpChecksum, &v4, None),
            (Malformed::Fragment { offset: 0, more: true }, &v4, None),
        ];
        for (fault, datagram, expected) in table {
            assert_eq!(problem_of(fault, datagram), expected, "{fault}");
        }
    }
}
