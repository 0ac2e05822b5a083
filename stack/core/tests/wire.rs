//! The codecs against two others: what ours emits, etherparse and smoltcp read alike; what etherparse emits, ours reads
//! alike; what is damaged is refused by ours at least where the others refuse it.

use etherparse::{Icmpv4Type, Icmpv6Type, NetSlice, PacketBuilder, SlicedPacket, TcpOptionElement, TransportSlice};
use halfopen_stack::seq::SeqNum;
use halfopen_stack::wire::icmp::{self, Echo, Message, Problem, UnreachableV4};
use halfopen_stack::wire::tcp::{AccurateEcn, Cookie, Flags, Options, SackBlocks, Segment, Timestamps, UserTimeout};
use halfopen_stack::wire::{ip, tcp};
use proptest::prelude::*;
use smoltcp::wire::{IpAddress, Ipv4Packet, Ipv6Packet, TcpPacket};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host's address pair of one family.
fn addresses() -> impl Strategy<Value = (IpAddr, IpAddr)> {
    let v4 = (0x0100_0000..0xe000_0000_u32).prop_map(|bits| IpAddr::from(Ipv4Addr::from_bits(bits)));
    let v6 = (1..0xff00_u128 << 112).prop_map(|bits| IpAddr::from(Ipv6Addr::from_bits(bits)));
    prop_oneof![(v4.clone(), v4), (v6.clone(), v6)]
}

fn header() -> impl Strategy<Value = ip::Header> {
    (addresses(), any::<u8>(), 0..64_u8, 0..4_u8, any::<u16>(), any::<bool>(), 0..1_u32 << 20).prop_map(
        |((src, dst), hop_limit, dscp, ecn, identification, dont_fragment, flow_label)| ip::Header {
            src,
            dst,
            hop_limit,
            dscp,
            ecn,
            identification,
            dont_fragment,
            flow_label,
        },
    )
}

fn sack() -> impl Strategy<Value = SackBlocks> {
    prop::collection::vec(any::<(u32, u32)>(), 0..=4).prop_map(|pairs| {
        let mut blocks = SackBlocks::NONE;
        for (left, right) in pairs {
            assert!(blocks.push(SeqNum(left), SeqNum(right)));
        }
        blocks
    })
}

fn options() -> impl Strategy<Value = Options> {
    let cookie = prop::collection::vec(any::<u8>(), 0..=16).prop_map(|octets| Cookie::new(&octets));
    (
        prop::option::of(any::<u16>()),
        prop::option::of(any::<u8>()),
        any::<bool>(),
        prop::option::of(any::<(u32, u32)>()),
        sack(),
        prop::option::of((any::<bool>(), 0..0x8000_u16)),
        prop::option::of(cookie).prop_map(Option::flatten),
        prop::option::of((any::<bool>(), prop::collection::vec(0..1_u32 << 24, 0..=3))),
        prop::option::of(any::<[u8; 16]>()),
    )
        .prop_map(
            |(mss, window_scale, sack_permitted, timestamps, sack, user_timeout, fast_open, accurate_ecn, md5)| {
                Options {
                    mss,
                    window_scale,
                    sack_permitted,
                    timestamps: timestamps.map(|(val, ecr)| Timestamps { val, ecr }),
                    sack,
                    user_timeout: user_timeout.map(|(minutes, value)| UserTimeout { minutes, value }),
                    fast_open: fast_open.filter(|_| md5.is_none()),
                    accurate_ecn: accurate_ecn.filter(|_| md5.is_none()).map(|(e1b_first, fields)| match e1b_first {
                        true => AccurateEcn::e1b_first(&fields),
                        false => AccurateEcn::e0b_first(&fields),
                    }),
                    md5,
                    illegal: false,
                }
            },
        )
}

/// A segment without payload, and its payload.
fn segment() -> impl Strategy<Value = (Segment<'static>, Vec<u8>)> {
    (
        any::<(u16, u16)>(),
        any::<(u32, u32)>(),
        0..0x200_u16,
        any::<(u16, u16)>(),
        options(),
        prop::collection::vec(any::<u8>(), 0..1500),
    )
        .prop_map(|((src_port, dst_port), (seq, ack), flags, (window, urgent), options, payload)| {
            let segment = Segment {
                src_port,
                dst_port,
                seq: SeqNum(seq),
                ack: SeqNum(ack),
                flags: Flags::from_bits(flags),
                window,
                urgent,
                options,
                payload: &[],
            };
            (segment, payload)
        })
}

/// What both other codecs know of a segment's options.
#[derive(Debug, Default, PartialEq)]
struct Common {
    mss: Option<u16>,
    window_scale: Option<u8>,
    sack_permitted: bool,
    timestamps: Option<(u32, u32)>,
    sack: Vec<(u32, u32)>,
}

impl From<&Options> for Common {
    fn from(options: &Options) -> Self {
        Self {
            mss: options.mss,
            window_scale: options.window_scale,
            sack_permitted: options.sack_permitted,
            timestamps: options.timestamps.map(|timestamps| (timestamps.val, timestamps.ecr)),
            sack: options.sack.iter().map(|block| (block.left.0, block.right.0)).collect(),
        }
    }
}

/// Reads options with etherparse up to the first that it does not know.
fn etherparse_options(tcp: &etherparse::TcpSlice<'_>) -> Common {
    let mut common = Common::default();
    for option in tcp.options_iterator().map_while(Result::ok) {
        match option {
            TcpOptionElement::Noop => {}
            TcpOptionElement::MaximumSegmentSize(mss) => common.mss = Some(mss),
            TcpOptionElement::WindowScale(shift) => common.window_scale = Some(shift),
            TcpOptionElement::SelectiveAcknowledgementPermitted => common.sack_permitted = true,
            TcpOptionElement::Timestamp(val, ecr) => common.timestamps = Some((val, ecr)),
            TcpOptionElement::SelectiveAcknowledgement(first, rest) => {
                common.sack = [first].into_iter().chain(rest.into_iter().flatten()).collect();
            }
        }
    }
    common
}

/// Asserts that etherparse reads the datagram as we do.
fn etherparse_agrees(octets: &[u8], ip: &ip::Datagram<'_>, segment: &Segment<'_>) {
    let packet = SlicedPacket::from_ip(octets).expect("etherparse reads it");
    let Some(TransportSlice::Tcp(tcp)) = &packet.transport else { panic!("no TCP: {packet:?}") };
    let checksum = match packet.net.expect("an IP header") {
        NetSlice::Ipv4(v4) => {
            let header = v4.header();
            assert_eq!((ip.src, ip.dst), (header.source_addr().into(), header.destination_addr().into()));
            assert_eq!((ip.hop_limit, ip.dscp), (header.ttl(), header.dcp().value()));
            assert_eq!(ip.ecn, header.ecn().value());
            tcp.calc_checksum_ipv4(header.source(), header.destination())
        }
        NetSlice::Ipv6(v6) => {
            let header = v6.header();
            assert_eq!((ip.src, ip.dst), (header.source_addr().into(), header.destination_addr().into()));
            assert_eq!((ip.hop_limit, ip.dscp << 2 | ip.ecn), (header.hop_limit(), header.traffic_class()));
            tcp.calc_checksum_ipv6(header.source(), header.destination())
        }
        NetSlice::Arp(arp) => panic!("{arp:?}"),
    };
    assert_eq!(Ok(tcp.checksum()), checksum.map_err(|error| error.to_string()));
    assert_eq!((segment.src_port, segment.dst_port), (tcp.source_port(), tcp.destination_port()));
    assert_eq!((segment.seq.0, segment.ack.0), (tcp.sequence_number(), tcp.acknowledgment_number()));
    assert_eq!((segment.window, segment.urgent), (tcp.window_size(), tcp.urgent_pointer()));
    let flags = [tcp.fin(), tcp.syn(), tcp.rst(), tcp.psh(), tcp.ack(), tcp.urg(), tcp.ece(), tcp.cwr(), tcp.ns()];
    let bits = flags.iter().enumerate().map(|(bit, set)| u16::from(*set) << bit).sum::<u16>();
    assert_eq!(segment.flags.bits(), bits);
    assert_eq!(segment.payload, tcp.payload());
    let options = &segment.options;
    let known = options.user_timeout.is_none()
        && options.fast_open.is_none()
        && options.accurate_ecn.is_none()
        && options.md5.is_none();
    if known && !segment.options.illegal {
        assert_eq!(Common::from(&segment.options), etherparse_options(tcp));
    }
}

/// Asserts that smoltcp reads the datagram as we do. It knows three SACK blocks, and no end of the option list.
fn smoltcp_agrees(octets: &[u8], ip: &ip::Datagram<'_>, segment: &Segment<'_>) {
    let payload = if octets[0] >> 4 == 4 {
        let packet = Ipv4Packet::new_checked(octets).expect("smoltcp reads it");
        assert!(packet.verify_checksum());
        packet.payload()
    } else {
        Ipv6Packet::new_checked(octets).expect("smoltcp reads it").payload()
    };
    let tcp = TcpPacket::new_checked(payload).expect("smoltcp reads it");
    assert!(tcp.verify_checksum(&IpAddress::from(ip.src), &IpAddress::from(ip.dst)));
    assert_eq!((segment.src_port, segment.dst_port), (tcp.src_port(), tcp.dst_port()));
    assert_eq!((segment.seq.0 as i32, segment.ack.0 as i32), (tcp.seq_number().0, tcp.ack_number().0));
    assert_eq!((segment.window, segment.urgent), (tcp.window_len(), tcp.urgent_at()));
    assert_eq!((segment.flags.syn(), segment.flags.ack()), (tcp.syn(), tcp.ack()));
    assert_eq!(segment.len() as usize, tcp.segment_len());
    assert_eq!(segment.payload, tcp.payload());
    if !segment.options.illegal {
        assert_eq!(tcp.selective_ack_permitted(), Ok(segment.options.sack_permitted));
        let sack: Vec<_> = Common::from(&segment.options).sack.into_iter().take(3).collect();
        let ranges = tcp.selective_ack_ranges().expect("well-formed options");
        assert_eq!(sack, ranges.into_iter().flatten().collect::<Vec<_>>());
    }
}

/// The options that a segment with these has on the wire: as many SACK blocks as find room.
fn with_room(mut options: Options) -> Options {
    let parsed = halfopen_stack::wire::tcp_options::parse(options.encode().as_slice());
    options.sack.truncate(parsed.sack.len());
    options.user_timeout = parsed.user_timeout;
    options.accurate_ecn = parsed.accurate_ecn;
    options
}

proptest! {
    #[test]
    fn what_we_emit_three_codecs_read_alike(header in header(), (segment, payload) in segment()) {
        let segment = Segment { payload: &payload, ..segment };
        let octets = tcp::emit(&header, &segment);
        prop_assert_eq!(octets.len(), octets.capacity());
        let ip = ip::parse(&octets).expect("our own");
        prop_assert_eq!((ip.src, ip.dst, ip.protocol), (header.src, header.dst, ip::PROTOCOL_TCP));
        prop_assert_eq!((ip.hop_limit, ip.dscp, ip.ecn), (header.hop_limit, header.dscp, header.ecn));
        let parsed = tcp::parse(ip.src, ip.dst, ip.payload).expect("our own");
        prop_assert_eq!(parsed, Segment { options: with_room(segment.options), ..segment });
        etherparse_agrees(&octets, &ip, &parsed);
        smoltcp_agrees(&octets, &ip, &parsed);
    }

    #[test]
    fn what_etherparse_emits_we_read_alike(
        (src, dst) in addresses(), ports: (u16, u16), seq: u32, ack: u32, window: u16, mss: u16, shift: u8,
        stamps: (u32, u32), payload in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let builder = match (src, dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => PacketBuilder::ipv4(src.octets(), dst.octets(), 9),
            (IpAddr::V6(src), IpAddr::V6(dst)) => PacketBuilder::ipv6(src.octets(), dst.octets(), 9),
            other => panic!("{other:?}"),
        };
        let elements = [
            TcpOptionElement::Timestamp(stamps.0, stamps.1),
            TcpOptionElement::MaximumSegmentSize(mss),
            TcpOptionElement::WindowScale(shift),
            TcpOptionElement::SelectiveAcknowledgementPermitted,
        ];
        let builder = builder.tcp(ports.0, ports.1, seq, window).syn().ack(ack).options(&elements).expect("they fit");
        let mut octets = Vec::new();
        builder.write_to_vec(&mut octets, &payload).expect("it fits");
        let ip = ip::parse(&octets).expect("well-formed");
        prop_assert_eq!((ip.src, ip.dst, ip.hop_limit), (src, dst, 9));
        let expected = Segment {
            src_port: ports.0,
            dst_port: ports.1,
            seq: SeqNum(seq),
            ack: SeqNum(ack),
            flags: Flags::SYN | Flags::ACK,
            window,
            urgent: 0,
            options: Options {
                mss: Some(mss),
                window_scale: Some(shift),
                sack_permitted: true,
                timestamps: Some(Timestamps { val: stamps.0, ecr: stamps.1 }),
                ..Options::default()
            },
            payload: &payload,
        };
        prop_assert_eq!(tcp::parse(ip.src, ip.dst, ip.payload), Ok(expected));
    }

    #[test]
    fn any_octets_have_an_answer(octets in prop::collection::vec(any::<u8>(), 0..200), version in 0..3_u8) {
        let mut octets = octets;
        if let (Some(first), 1..) = (octets.first_mut(), version) {
            *first = if version == 1 { 0x45 } else { 0x60 };
        }
        match ip::parse(&octets) {
            Ok(ip) => {
                let _ = tcp::parse(ip.src, ip.dst, ip.payload);
                let _ = icmp::parse(&ip);
            }
            Err(fault) => {
                prop_assert!(!fault.to_string().is_empty());
                if let Some(problem) = icmp::problem_of(fault, &octets) {
                    let v4 = octets[0] >> 4 == 4;
                    let host = if v4 { IpAddr::from([10, 0, 0, 1]) } else { IpAddr::from([1_u16; 8]) };
                    if let Ok(error) = icmp::answer(problem, &octets, host) {
                        prop_assert!(ip::parse(&error).is_ok());
                    }
                }
            }
        }
    }

    #[test]
    fn damage_is_noticed_or_harmless(
        header in header(), (segment, payload) in segment(), damage in prop::collection::vec(any::<(u16, u8)>(), 1..4),
    ) {
        let segment = Segment { payload: &payload, ..segment };
        let mut octets = tcp::emit(&header, &segment);
        for (at, octet) in damage {
            let at = usize::from(at) % octets.len().min(120);
            octets[at] = octet;
        }
        let Ok(ip) = ip::parse(&octets) else { return Ok(()) };
        if ip.protocol == ip::PROTOCOL_TCP && let Ok(parsed) = tcp::parse(ip.src, ip.dst, ip.payload) {
            etherparse_agrees(&octets, &ip, &parsed);
        }
    }

    #[test]
    fn truncation_is_always_noticed(header in header(), (segment, payload) in segment()) {
        let segment = Segment { payload: &payload[..payload.len().min(20)], ..segment };
        let octets = tcp::emit(&header, &segment);
        let ip = ip::parse(&octets).expect("our own");
        for length in 0..octets.len() {
            prop_assert!(ip::parse(&octets[..length]).is_err());
        }
        for length in 0..ip.payload.len() {
            // The length is in the pseudo-header: what is cut has another sum, unless the cut octets make up for it.
            if let Ok(cut) = tcp::parse(ip.src, ip.dst, &ip.payload[..length]) {
                prop_assert!(cut.payload.len() < segment.payload.len());
            }
        }
    }

    #[test]
    fn echoes_are_read_alike(
        header in header(), identifier: u16, sequence: u16, reply: bool,
        data in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let echo = Echo { identifier, sequence, data: &data };
        let octets = icmp::emit_echo(&header, &echo, reply);
        let ip = ip::parse(&octets).expect("our own");
        let expected = if reply { Message::EchoReply(echo) } else { Message::EchoRequest(echo) };
        prop_assert_eq!(icmp::parse(&ip), Ok(expected));
        let theirs = etherparse::IcmpEchoHeader { id: identifier, seq: sequence };
        match SlicedPacket::from_ip(&octets).expect("etherparse reads it").transport {
            Some(TransportSlice::Icmpv4(icmp)) => {
                let kind = if reply { Icmpv4Type::EchoReply(theirs) } else { Icmpv4Type::EchoRequest(theirs) };
                prop_assert_eq!((icmp.icmp_type(), icmp.payload()), (kind.clone(), &data[..]));
                prop_assert_eq!(icmp.checksum(), kind.calc_checksum(&data));
            }
            Some(TransportSlice::Icmpv6(icmp)) => {
                let kind = if reply { Icmpv6Type::EchoReply(theirs) } else { Icmpv6Type::EchoRequest(theirs) };
                prop_assert_eq!((icmp.icmp_type(), icmp.payload()), (kind, &data[..]));
                let (IpAddr::V6(src), IpAddr::V6(dst)) = (ip.src, ip.dst) else { panic!("{ip:?}") };
                prop_assert!(icmp.is_checksum_valid(src.octets(), dst.octets()));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn errors_are_read_alike(header in header(), (segment, payload) in segment(), mtu: u16) {
        let sent = tcp::emit(&ip::Header::new(header.dst, header.src), &Segment { payload: &payload, ..segment });
        let problem = Problem::PacketTooBig { mtu: u32::from(mtu) };
        let octets = icmp::emit_error(&header, problem, &sent);
        let ip = ip::parse(&octets).expect("our own");
        let Ok(Message::Error(error)) = icmp::parse(&ip) else { panic!("{:?}", icmp::parse(&ip)) };
        prop_assert_eq!((error.problem, error.quoted.total), (problem, sent.len()));
        let quoted = error.quoted.segment().expect("it quotes TCP");
        prop_assert_eq!((quoted.src_port, quoted.dst_port, quoted.seq), (segment.src_port, segment.dst_port, segment.seq));
        match SlicedPacket::from_ip(&octets).expect("etherparse reads it").transport {
            Some(TransportSlice::Icmpv4(icmp)) => {
                let needed = etherparse::icmpv4::DestUnreachableHeader::FragmentationNeeded { next_hop_mtu: mtu };
                prop_assert_eq!(icmp.icmp_type(), Icmpv4Type::DestinationUnreachable(needed));
                prop_assert!(sent.starts_with(icmp.payload()));
            }
            Some(TransportSlice::Icmpv6(icmp)) => {
                prop_assert_eq!(icmp.icmp_type(), Icmpv6Type::PacketTooBig { mtu: u32::from(mtu) });
                prop_assert!(sent.starts_with(icmp.payload()));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// smoltcp's names of the codes that a TCP cares about.
#[test]
fn smoltcp_reads_our_unreachables() {
    use smoltcp::wire::{Icmpv4DstUnreachable as Theirs, Icmpv4Message, Icmpv4Packet};
    let table = [
        (UnreachableV4::Network, Theirs::NetUnreachable),
        (UnreachableV4::Host, Theirs::HostUnreachable),
        (UnreachableV4::Protocol, Theirs::ProtoUnreachable),
        (UnreachableV4::Port, Theirs::PortUnreachable),
        (UnreachableV4::SourceRouteFailed, Theirs::SrcRouteFailed),
        (UnreachableV4::CommunicationProhibited, Theirs::CommProhibited),
        (UnreachableV4::PrecedenceCutoff, Theirs::PrecedCutoff),
    ];
    let (peer, host) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 168, 0, 1]));
    let sent = tcp::emit(&ip::Header::new(host, peer), &Segment::default());
    for (ours, theirs) in table {
        let octets = icmp::emit_error(&ip::Header::new(peer, host), Problem::UnreachableV4(ours), &sent);
        let packet = Icmpv4Packet::new_checked(&octets[20..]).expect("smoltcp reads it");
        assert!(packet.verify_checksum());
        assert_eq!(packet.msg_type(), Icmpv4Message::DstUnreachable);
        assert_eq!(Theirs::from(packet.msg_code()), theirs);
        assert_eq!(packet.data(), sent);
    }
}
