use super::*;
use crate::wire::ip;
use alloc::vec::Vec;
use core::net::IpAddr;

const PEER: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 1));
const HOST: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 2));

/// A datagram whose payload starts with extension headers, the first of kind `first`.
fn datagram(first: u8, payload: &[u8]) -> Vec<u8> {
    ip::emit(&Header::new(PEER, HOST), first, payload)
}

#[test]
fn header_fields_stand_where_rfc_8200_puts_them() {
    let header = Header { hop_limit: 3, dscp: 0b10_1010, ecn: 2, flow_label: 0xf_1234, ..Header::new(PEER, HOST) };
    let octets = ip::emit(&header, PROTOCOL_ICMPV6, &[0xab, 0xcd]);
    assert_eq!(octets[..8], [0x6a, 0xaf, 0x12, 0x34, 0x00, 0x02, 58, 3]);
    assert_eq!(octets[8..12], [0x20, 0x01, 0x0d, 0xb8]);
    assert_eq!((octets[23], octets[39], octets.len()), (1, 2, 42));
    let expected = Datagram {
        src: PEER,
        dst: HOST,
        protocol: PROTOCOL_ICMPV6,
        hop_limit: 3,
        dscp: 0b10_1010,
        ecn: 2,
        source_routed: false,
        payload: &[0xab, 0xcd],
    };
    assert_eq!(parse(&octets), Ok(expected));
}

/// Name, first next header, extension headers -> protocol behind them.
type Case = (&'static str, u8, &'static [u8], Result<u8, Malformed>);

#[test]
fn extension_headers_are_skipped_or_named() {
    let table: &[Case] = &[
        ("none", 6, &[], Ok(6)),
        ("hop-by-hop PadN", 0, &[6, 0, 1, 4, 0, 0, 0, 0], Ok(6)),
        ("hop-by-hop router alert", 0, &[58, 0, 5, 2, 0, 0, 1, 0], Ok(58)),
        ("hop-by-hop Pad1 only", 0, &[6, 0, 0, 0, 0, 0, 0, 0], Ok(6)),
        ("destination options of 16 octets", 60, &[6, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], Ok(6)),
        ("skippable unknown option", 60, &[6, 0, 0x3e, 4, 1, 2, 3, 4], Ok(6)),
        ("option to discard", 60, &[6, 0, 0x7e, 4, 1, 2, 3, 4], Err(Malformed::Ipv6Option { kind: 0x7e, pointer: 42 })),
        ("option to report", 60, &[6, 0, 0, 0xbe, 3, 1, 2, 3], Err(Malformed::Ipv6Option { kind: 0xbe, pointer: 43 })),
        ("jumbo payload", 0, &[6, 0, 0xc2, 4, 0, 1, 0, 0], Err(Malformed::Ipv6Option { kind: 0xc2, pointer: 42 })),
        ("option too long", 60, &[6, 0, 1, 5, 0, 0, 0, 0], Err(Malformed::ExtensionTruncated { pointer: 43 })),
        ("option without length", 60, &[6, 0, 1, 3, 0, 0, 0, 1], Err(Malformed::ExtensionTruncated { pointer: 48 })),
        ("header too long", 60, &[6, 1, 1, 4, 0, 0, 0, 0], Err(Malformed::ExtensionTruncated { pointer: 41 })),
        ("routing, no segments left", 43, &[6, 0, 0, 0, 0, 0, 0, 0], Ok(6)),
        ("routing, one segment left", 43, &[6, 0, 0, 1, 0, 0, 0, 0], Err(Malformed::RoutingHeader { pointer: 42 })),
        ("fragment in one piece", 44, &[6, 0xff, 0, 0, 1, 2, 3, 4], Ok(6)),
        ("first fragment", 44, &[6, 0, 0, 1, 1, 2, 3, 4], Err(Malformed::Fragment { offset: 0, more: true })),
        ("last fragment", 44, &[6, 0, 0, 8, 1, 2, 3, 4], Err(Malformed::Fragment { offset: 8, more: false })),
        ("no next header", 59, &[], Err(Malformed::NoNextHeader)),
        ("UDP", 17, &[], Err(Malformed::Protocol { protocol: 17, pointer: 6 })),
        ("ICMP of IPv4", 1, &[], Err(Malformed::Protocol { protocol: 1, pointer: 6 })),
        ("UDP behind options", 60, &[17, 0, 1, 4, 0, 0, 0, 0], Err(Malformed::Protocol { protocol: 17, pointer: 40 })),
        (
            "hop-by-hop not first",
            60,
            &[0, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0],
            Err(Malformed::Protocol { protocol: 0, pointer: 40 }),
        ),
        (
            "hop-by-hop, destination, routing, fragment",
            0,
            &[60, 0, 1, 4, 0, 0, 0, 0, 43, 0, 1, 4, 0, 0, 0, 0, 44, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0],
            Ok(6),
        ),
    ];
    for (name, first, extensions, expected) in table {
        let payload = [*extensions, &[0xee; 3]].concat();
        // The header that claims one octet more than is there must see the end right behind itself.
        let payload = if *name == "header too long" { extensions } else { &payload[..] };
        let octets = datagram(*first, payload);
        let parsed = ip::parse(&octets);
        assert_eq!(parsed.map(|ip| ip.protocol), *expected, "{name}");
        if let Ok(ip) = parsed {
            assert_eq!(ip.payload, [0xee; 3], "{name}");
        }
    }
}

#[test]
fn a_chain_of_eight_extensions_is_the_longest() {
    let chain = |count: usize| {
        let mut payload = Vec::new();
        for left in (0..count).rev() {
            payload.extend([if left == 0 { 6 } else { 60 }, 0, 1, 4, 0, 0, 0, 0]);
        }
        datagram(60, &payload)
    };
    assert!(ip::parse(&chain(8)).is_ok());
    assert_eq!(ip::parse(&chain(9)), Err(Malformed::ExtensionChain { pointer: 40 + 8 * 8 }));
}

#[test]
fn lengths_and_sources_are_checked() {
    let good = datagram(6, &[1, 2, 3]);
    let mut long = good.clone();
    long[5] = 4;
    assert_eq!(ip::parse(&long), Err(Malformed::TotalLength { claimed: 44, arrived: 43 }));
    let mut padded = good.clone();
    padded.extend([0; 9]);
    assert_eq!(ip::parse(&padded).expect("well-formed").payload, [1, 2, 3]);
    let mut group = good;
    group[8] = 0xff;
    assert_eq!(ip::parse(&group), Err(Malformed::SourceAddress));
    assert_eq!(ip::parse(&[0x60; 39]), Err(Malformed::IpTruncated { octets: 39 }));
}

#[test]
fn a_datagram_cut_anywhere_is_refused() {
    let octets = datagram(0, &[60, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0, 1, 2, 3]);
    assert!(ip::parse(&octets).is_ok());
    for length in 0..octets.len() {
        assert!(ip::parse(&octets[..length]).is_err(), "{length}");
        // The same with a payload length that fits the cut: the chain itself must notice.
        if (40..56).contains(&length) {
            let mut cut = octets[..length].to_vec();
            cut[5] = (length - 40) as u8;
            assert!(matches!(ip::parse(&cut), Err(Malformed::ExtensionTruncated { .. })), "{length}");
        }
    }
}
