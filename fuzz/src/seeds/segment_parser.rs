//! One datagram of each kind, made with the harness's codec, which can make bad ones too.

use super::Seed;
use halfopen_engine::packet::tcp::flag;
use halfopen_engine::packet::{Body, Datagram, Icmp, Ip, Ipv4, Ipv6, Tcp, protocol};
use std::net::{Ipv4Addr, Ipv6Addr};

const PEER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const HOST: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 1);
const PEER_V6: Ipv6Addr = Ipv6Addr::new(0xfd3d, 0xa0b, 0, 0, 0, 0, 0, 1);
const HOST_V6: Ipv6Addr = Ipv6Addr::new(0xfd3d, 0xfa7b, 0, 0, 0, 0, 0, 1);

fn datagram(v6: bool, body: Body) -> Datagram {
    let (icmp, tcp) = if v6 { (protocol::ICMPV6, protocol::TCP) } else { (protocol::ICMP, protocol::TCP) };
    let protocol = if matches!(body, Body::Icmp(_)) { icmp } else { tcp };
    let ip = match v6 {
        false => Ip::V4(Ipv4::new(PEER, HOST, protocol)),
        true => Ip::V6(Ipv6::new(PEER_V6, HOST_V6, protocol)),
    };
    let mut datagram = Datagram { ip, body, trailer: Vec::new(), outer: Vec::new() };
    datagram.complete();
    datagram
}

fn segment(flags: u16, options: &[u8], payload: &[u8]) -> Body {
    Body::Tcp(Tcp {
        src_port: 40_000,
        dst_port: 8080,
        seq: 0x1000,
        ack: if flags & flag::ACK == 0 { 0 } else { 0x2000 },
        flags,
        window: 65_535,
        options: options.to_vec(),
        payload: payload.to_vec(),
        ..Tcp::default()
    })
}

fn error(v6: bool, kind: u8, code: u8, rest: u32) -> Body {
    let body = datagram(v6, segment(flag::ACK, &[], b"data")).encode();
    Body::Icmp(Icmp { kind, code, rest, body, checksum: 0 })
}

const SYN_OPTIONS: &[u8] = &[2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 100, 0, 0, 0, 0, 1, 3, 3, 7];
const STAMPS: &[u8] = &[1, 1, 8, 10, 0, 0, 0, 100, 0, 0, 0, 200];
const SACK: &[u8] = &[1, 1, 5, 18, 0, 0, 0x20, 1, 0, 0, 0x20, 5, 0, 0, 0x20, 9, 0, 0, 0x20, 12];

pub(super) fn seeds() -> Vec<Seed> {
    let syn_ack = flag::SYN | flag::ACK;
    let bodies: [(&'static str, &'static str, Body, Body); 10] = [
        ("syn-v4", "syn-v6", segment(flag::SYN, SYN_OPTIONS, b""), segment(flag::SYN, SYN_OPTIONS, b"")),
        ("syn-ack-v4", "syn-ack-v6", segment(syn_ack, SYN_OPTIONS, b""), segment(syn_ack, &SYN_OPTIONS[..4], b"")),
        ("data-v4", "data-v6", segment(flag::PSH | flag::ACK, STAMPS, b"data"), segment(flag::ACK, STAMPS, b"da")),
        ("sack-v4", "sack-v6", segment(flag::ACK, SACK, b""), segment(flag::ACK, SACK, b"")),
        ("fin-v4", "urg-v6", segment(flag::FIN | flag::ACK, &[], b""), segment(flag::URG | flag::ACK, &[], b"urgent")),
        ("rst-v4", "rst-v6", segment(flag::RST, &[], b""), segment(flag::RST | flag::ACK, &[], b"why")),
        (
            "option-of-0-v4",
            "option-of-9-v6",
            segment(flag::SYN, &[2, 0, 0, 0], b""),
            segment(flag::SYN, &[3, 9, 0, 0], b""),
        ),
        (
            "fast-open-v4",
            "user-timeout-v6",
            segment(flag::SYN, b"\x22\x0612ab\x01\x01", b"x"),
            segment(flag::SYN, &[28, 4, 128, 9], b""),
        ),
        ("unreachable-v4", "unreachable-v6", error(false, 3, 3, 0), error(true, 1, 4, 0)),
        ("too-big-v4", "too-big-v6", error(false, 3, 4, 1280), error(true, 2, 0, 1280)),
    ];
    let echo = |kind| Body::Icmp(Icmp { kind, rest: 0x1234_0001, body: b"ping".to_vec(), ..Icmp::default() });
    let mut seeds =
        vec![("echo-v4", datagram(false, echo(8)).encode()), ("echo-v6", datagram(true, echo(128)).encode())];
    for (v4_name, v6_name, v4, v6) in bodies {
        seeds.push((v4_name, datagram(false, v4).encode()));
        seeds.push((v6_name, datagram(true, v6).encode()));
    }
    seeds.extend(unusual());
    seeds
}

/// Headers that a stack skips or refuses.
fn unusual() -> Vec<Seed> {
    let v4 = |change: fn(&mut Ipv4)| {
        let mut datagram = datagram(false, segment(flag::ACK, &[], b""));
        if let Ip::V4(ip) = &mut datagram.ip {
            change(ip);
        }
        datagram.complete();
        datagram.encode()
    };
    let v6 = |first: u8, extensions: &[u8]| {
        let mut datagram = datagram(true, segment(flag::ACK, &[], b""));
        if let Ip::V6(ip) = &mut datagram.ip {
            ip.next_header = first;
            ip.extensions = extensions.to_vec();
        }
        datagram.complete();
        datagram.encode()
    };
    vec![
        ("fragment-v4", v4(|ip| ip.fragment = 0x2000)),
        ("record-route-v4", v4(|ip| ip.options = vec![7, 7, 4, 0, 0, 0, 0, 0])),
        ("source-route-v4", v4(|ip| ip.options = vec![131, 7, 4, 10, 0, 0, 1, 0])),
        ("udp-v4", v4(|ip| ip.protocol = protocol::UDP)),
        ("hop-by-hop-v6", v6(0, &[60, 0, 5, 2, 0, 0, 1, 0, 6, 0, 1, 4, 0, 0, 0, 0])),
        ("routing-v6", v6(43, &[6, 0, 0, 0, 0, 0, 0, 0])),
        ("fragment-v6", v6(44, &[6, 0, 0, 1, 0, 0, 0, 0])),
        ("whole-fragment-v6", v6(44, &[6, 0, 0, 0, 0, 0, 0, 0])),
        ("unknown-option-v6", v6(60, &[6, 0, 0xbe, 4, 0, 0, 0, 0])),
    ]
}
