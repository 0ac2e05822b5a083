//! The packet codec against a second opinion, and against itself.

use halfopen_engine::packet::{
    Body, Datagram, Icmp, Ip, Ipv4, Ipv6, RawOption, Tcp, Udp, options, protocol, tcp::flag,
};
use proptest::prelude::*;
use std::net::{Ipv4Addr, Ipv6Addr};

fn ip(v6: bool, protocol: u8) -> Ip {
    if v6 {
        let (src, dst) = ("fd3d:fa7b:d17d::2".parse::<Ipv6Addr>(), "2001:db8::1".parse::<Ipv6Addr>());
        Ip::V6(Ipv6::new(src.unwrap(), dst.unwrap(), protocol))
    } else {
        Ip::V4(Ipv4::new(Ipv4Addr::new(192, 168, 0, 2), Ipv4Addr::new(192, 0, 2, 1), protocol))
    }
}

fn segment(payload: &[u8], options: &[u8]) -> Tcp {
    Tcp {
        src_port: 8080,
        dst_port: 50000,
        seq: 0xdead_beef,
        ack: 0x0102_0304,
        flags: flag::ACK | flag::PSH | flag::ECE,
        window: 4660,
        urgent: 7,
        options: options.to_vec(),
        payload: payload.to_vec(),
        ..Tcp::default()
    }
}

#[test]
fn etherparse_reads_the_segments_that_we_write() {
    for v6 in [false, true] {
        for payload in [&b""[..], b"x", b"hello"] {
            let tcp = segment(payload, &[2, 4, 5, 180, 1, 1, 1, 0]);
            let mut datagram =
                Datagram { ip: ip(v6, protocol::TCP), body: Body::Tcp(tcp), trailer: vec![], outer: vec![] };
            datagram.complete();
            let octets = datagram.encode();
            let packet = etherparse::PacketHeaders::from_ip_slice(&octets).unwrap();
            let Some(etherparse::TransportHeader::Tcp(tcp)) = packet.transport else { panic!("{packet:?}") };
            assert_eq!((tcp.source_port, tcp.destination_port), (8080, 50000));
            assert_eq!((tcp.sequence_number, tcp.acknowledgment_number), (0xdead_beef, 0x0102_0304));
            assert_eq!((tcp.window_size, tcp.urgent_pointer, tcp.data_offset()), (4660, 7, 7));
            assert!(
                tcp.ack && tcp.psh && tcp.ece && !tcp.syn && !tcp.fin && !tcp.rst && !tcp.urg && !tcp.cwr && !tcp.ns
            );
            assert_eq!(packet.payload.slice(), payload);
            let checksum = match packet.net.unwrap() {
                etherparse::NetHeaders::Ipv4(ip, _) => {
                    assert_eq!(ip.header_checksum, ip.calc_header_checksum());
                    tcp.calc_checksum_ipv4(&ip, payload).unwrap()
                }
                etherparse::NetHeaders::Ipv6(ip, _) => tcp.calc_checksum_ipv6(&ip, payload).unwrap(),
                other => panic!("{other:?}"),
            };
            assert_eq!(tcp.checksum, checksum);
        }
    }
}

#[test]
fn we_read_the_datagrams_that_etherparse_writes() {
    use etherparse::PacketBuilder;
    let tcp = |builder: etherparse::PacketBuilderStep<etherparse::IpHeaders>| {
        let mut out = Vec::new();
        builder
            .tcp(4000, 80, 17, 500)
            .syn()
            .ack(99)
            .options_raw(&[3, 3, 7, 0])
            .unwrap()
            .write(&mut out, b"abc")
            .unwrap();
        out
    };
    let v4 = || PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 33);
    let v6 = || PacketBuilder::ipv6([1; 16], [2; 16], 33);
    for octets in [tcp(v4()), tcp(v6())] {
        let datagram = Datagram::decode(&octets).unwrap();
        let Body::Tcp(tcp) = &datagram.body else { panic!("{datagram:?}") };
        assert_eq!((tcp.src_port, tcp.dst_port, tcp.seq, tcp.ack, tcp.window), (4000, 80, 17, 99, 500));
        assert_eq!(
            (tcp.flags, tcp.options.as_slice(), tcp.payload.as_slice()),
            (flag::SYN | flag::ACK, &[3, 3, 7, 0][..], &b"abc"[..])
        );
        assert_eq!(datagram.ip.ttl(), 33);
        assert_eq!(datagram.checksum(), datagram.computed());
    }
    let mut octets = Vec::new();
    v4().udp(1, 2).write(&mut octets, b"four").unwrap();
    let datagram = Datagram::decode(&octets).unwrap();
    assert!(matches!(&datagram.body, Body::Udp(Udp { src_port: 1, dst_port: 2, payload, .. }) if payload == b"four"));
    assert_eq!(datagram.checksum(), datagram.computed());
    let mut octets = Vec::new();
    v6().icmpv6_echo_request(5, 6).write(&mut octets, b"odd").unwrap();
    let datagram = Datagram::decode(&octets).unwrap();
    assert!(matches!(&datagram.body, Body::Icmp(Icmp { kind: 128, code: 0, rest: 0x0005_0006, .. })));
    assert_eq!(datagram.checksum(), datagram.computed());
    let mut octets = Vec::new();
    v4().icmpv4_echo_reply(5, 6).write(&mut octets, b"odd").unwrap();
    let datagram = Datagram::decode(&octets).unwrap();
    assert!(matches!(&datagram.body, Body::Icmp(Icmp { kind: 0, .. })));
    assert_eq!(datagram.checksum(), datagram.computed());
}

#[test]
fn nonsense_keeps_every_octet() {
    // Data offset 3, reserved bits, wrong checksums, an option of length 0, a total length that lies, octets behind the end.
    let mut datagram = Datagram {
        ip: ip(false, protocol::TCP),
        body: Body::Tcp(segment(b"abc", &[8, 0, 1, 1])),
        trailer: vec![],
        outer: vec![],
    };
    datagram.complete();
    let good = datagram.encode();
    let Body::Tcp(tcp) = &mut datagram.body else { unreachable!() };
    tcp.data_offset = 3;
    tcp.reserved = 5;
    tcp.checksum ^= 0x1111;
    datagram.trailer = vec![1, 2, 3];
    let octets = datagram.encode();
    let read = Datagram::decode(&octets).unwrap();
    assert_eq!(read.encode(), octets);
    let Body::Tcp(tcp) = &read.body else { panic!("{read:?}") };
    assert_eq!((tcp.data_offset, tcp.reserved), (3, 5));
    // With an offset that points into the fixed header, options cannot be told from text.
    assert_eq!((tcp.options.len(), tcp.payload.len()), (0, 7));
    assert_eq!(read.trailer, [1, 2, 3]);
    assert_ne!(read.checksum(), read.computed());

    let mut lying = good.clone();
    lying[2..4].copy_from_slice(&9999u16.to_be_bytes());
    assert_eq!(Datagram::decode(&lying).unwrap().encode(), lying);
    for (octets, error) in [
        (&good[..0], "0 octets are too few"),
        (&good[..19], "19 octets are too few"),
        (&[0x50; 40], "IP version 5"),
        (&[0x44; 40], "IPv4 header length 4"),
    ] {
        assert!(Datagram::decode(octets).unwrap_err().to_string().starts_with(error));
    }
}

#[test]
fn options_are_split_as_far_as_they_make_sense() {
    let read = |area| options::iter(area).collect::<Vec<_>>();
    assert_eq!(read(&[]), []);
    assert_eq!(read(&[1, 2, 4, 5, 180]), [RawOption::Nop, RawOption::Known { kind: 2, data: &[5, 180] }]);
    assert_eq!(read(&[4, 2, 0, 0]), [RawOption::Known { kind: 4, data: &[] }, RawOption::Eol, RawOption::Eol]);
    assert_eq!(read(&[1, 8, 0, 9]), [RawOption::Nop, RawOption::Malformed(&[8, 0, 9])]);
    assert_eq!(read(&[8, 1]), [RawOption::Malformed(&[8, 1])]);
    assert_eq!(read(&[3, 4, 1]), [RawOption::Malformed(&[3, 4, 1])]);
    assert_eq!(read(&[1, 5]), [RawOption::Nop, RawOption::Malformed(&[5])]);
}

#[test]
fn errors_name_the_segment_that_they_quote() {
    for v6 in [false, true] {
        let mut quoted = Datagram {
            ip: ip(v6, protocol::TCP),
            body: Body::Tcp(segment(b"abc", &[])),
            trailer: vec![],
            outer: vec![],
        };
        quoted.complete();
        let octets = quoted.encode();
        let header = quoted.ip.header_len();
        for (len, seq) in [(header + 8, Some(0xdead_beef)), (header + 4, None), (octets.len(), Some(0xdead_beef))] {
            let icmp = Icmp { body: octets[..len].to_vec(), ..Icmp::default() };
            let quoted = icmp.quoted().unwrap();
            assert_eq!(
                (quoted.src_port, quoted.dst_port, quoted.seq, quoted.protocol),
                (8080, 50000, seq, protocol::TCP)
            );
        }
        assert_eq!(Icmp { body: octets[..header + 3].to_vec(), ..Icmp::default() }.quoted(), None);
    }
}

proptest! {
    #[test]
    fn any_octets_come_back_as_they_were(mut octets in prop::collection::vec(any::<u8>(), 0..120), first in prop::sample::select(vec![0x45u8, 0x46, 0x60, 0x4f]), protocol in prop::sample::select(vec![0u8, 1, 6, 17, 43, 44, 58])) {
        if octets.len() > 9 {
            octets[0] = first;
            octets[if first == 0x60 { 6 } else { 9 }] = protocol;
        }
        if let Ok(datagram) = Datagram::decode(&octets) {
            prop_assert_eq!(datagram.encode(), octets);
            let _ = options::iter(&datagram.encode()).count();
            let _ = datagram.computed();
        }
    }
}
