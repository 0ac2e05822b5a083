use super::*;
use crate::wire::{ip, u16_at};
use alloc::vec::Vec;
use core::net::IpAddr;

const PEER: [u8; 4] = [192, 0, 2, 1];
const HOST: [u8; 4] = [192, 168, 0, 1];

/// A TCP datagram with these options, changed by `change` before its checksum is set.
fn datagram(options: &[u8], payload: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut octets = ip::emit(&Header::new(PEER.into(), HOST.into()), PROTOCOL_TCP, payload);
    octets.splice(HEADER..HEADER, options.iter().copied());
    octets[0] = 0x40 | ((HEADER + options.len()) / 4) as u8;
    let total = octets.len() as u16;
    octets[2..4].copy_from_slice(&total.to_be_bytes());
    change(&mut octets);
    octets[10..12].fill(0);
    let header = (4 * usize::from(octets[0] & 0xf)).clamp(HEADER, octets.len());
    let sum = checksum::checksum(&octets[..header]);
    octets[10..12].copy_from_slice(&sum);
    octets
}

#[test]
fn header_fields_stand_where_rfc_791_puts_them() {
    let header = Header {
        hop_limit: 3,
        dscp: 0b10_1010,
        ecn: 2,
        identification: 0x1234,
        dont_fragment: false,
        ..Header::new(PEER.into(), HOST.into())
    };
    let octets = ip::emit(&header, PROTOCOL_ICMP, &[0xab, 0xcd]);
    let expected = [
        0x45, 0xaa, 0x00, 0x16, 0x12, 0x34, 0x00, 0x00, 0x03, 0x01, 0x00, 0x00, 192, 0, 2, 1, 192, 168, 0, 1, 0xab,
        0xcd,
    ];
    assert!(checksum::verifies(&octets[..HEADER]));
    let mut unsummed = octets.clone();
    unsummed[10..12].fill(0);
    assert_eq!(unsummed, expected);
    let parsed = parse(&octets).expect("well-formed");
    let expected = Datagram {
        src: IpAddr::from(PEER),
        dst: IpAddr::from(HOST),
        protocol: PROTOCOL_ICMP,
        hop_limit: 3,
        dscp: 0b10_1010,
        ecn: 2,
        source_routed: false,
        payload: &[0xab, 0xcd],
    };
    assert_eq!(parsed, expected);
    assert_eq!(u16_at(&ip::emit(&Header::new(PEER.into(), HOST.into()), 6, &[]), 6), 0x4000, "DF by default");
}

#[test]
fn every_fault_has_its_name() {
    type Change = fn(&mut Vec<u8>);
    let table: [(&str, Change, Malformed); 12] = [
        ("version 5", |d| d[0] = 0x55, Malformed::Version { version: 5 }),
        ("IHL 4", |d| d[0] = 0x44, Malformed::HeaderLength { words: 4 }),
        ("IHL 15 in 24 octets", |d| d[0] = 0x4f, Malformed::HeaderLength { words: 15 }),
        ("total length 19", |d| d[3] = 19, Malformed::HeaderLength { words: 5 }),
        ("total length 25", |d| d[3] = 25, Malformed::TotalLength { claimed: 25, arrived: 24 }),
        ("source 224.0.0.1", |d| d[12..16].copy_from_slice(&[224, 0, 0, 1]), Malformed::SourceAddress),
        ("source 255.255.255.255", |d| d[12..16].fill(255), Malformed::SourceAddress),
        ("more fragments", |d| d[6] = 0x20, Malformed::Fragment { offset: 0, more: true }),
        ("offset 8", |d| d[6..8].copy_from_slice(&[0, 1]), Malformed::Fragment { offset: 8, more: false }),
        (
            "offset 65528",
            |d| d[6..8].copy_from_slice(&[0x1f, 0xff]),
            Malformed::Fragment { offset: 65_528, more: false },
        ),
        ("UDP", |d| d[9] = 17, Malformed::Protocol { protocol: 17, pointer: 9 }),
        ("ICMPv6", |d| d[9] = 58, Malformed::Protocol { protocol: 58, pointer: 9 }),
    ];
    for (name, change, fault) in table {
        assert_eq!(ip::parse(&datagram(&[], &[1, 2, 3, 4], change)), Err(fault), "{name}");
    }
    let mut broken = datagram(&[], &[], |_| {});
    broken[8] ^= 1;
    assert_eq!(ip::parse(&broken), Err(Malformed::IpChecksum));
    assert_eq!(ip::parse(&[]), Err(Malformed::Empty));
    assert_eq!(ip::parse(&[0x45]), Err(Malformed::IpTruncated { octets: 1 }));
}

#[test]
fn options_are_skipped_or_named() {
    let fault = |pointer| Err(Malformed::Ipv4Option { pointer });
    let route = |pointer| Err(Malformed::SourceRoute { pointer });
    // Octets of the options -> whether there was a source route.
    let table: [(&[u8], Result<bool, Malformed>); 17] = [
        (&[1, 1, 1, 1], Ok(false)),
        (&[0, 0xff, 0xff, 0xff], Ok(false)),
        (&[7, 7, 4, 0, 0, 0, 0, 0], Ok(false)), // record route
        (&[68, 4, 5, 0], Ok(false)),            // timestamp
        (&[148, 4, 0, 0], Ok(false)),           // router alert
        (&[1, 1, 1, 7], fault(23)),             // no length
        (&[7, 0, 0, 0], fault(20)),
        (&[7, 1, 0, 0], fault(20)),
        (&[1, 7, 4, 0], fault(21)), // beyond the header
        (&[131, 7, 4, 10, 0, 0, 1, 0], route(20)),
        (&[131, 7, 7, 10, 0, 0, 1, 0], route(20)), // done only past the length
        (&[131, 7, 8, 10, 0, 0, 1, 0], Ok(true)),
        (&[1, 137, 7, 4, 10, 0, 0, 1], route(21)),
        (&[1, 137, 7, 8, 10, 0, 0, 1], Ok(true)),
        (&[131, 3, 4, 0], Ok(true)),
        (&[131, 3, 0, 0], fault(20)), // a pointer that points nowhere
        (&[131, 2, 0, 0], fault(20)), // no pointer
    ];
    for (options, expected) in table {
        let octets = datagram(options, &[9; 5], |_| {});
        let parsed = ip::parse(&octets);
        assert_eq!(parsed.map(|ip| ip.source_routed), expected, "{options:?}");
        if let Ok(ip) = parsed {
            assert_eq!(ip.payload, [9; 5], "{options:?}");
        }
    }
}

#[test]
fn link_padding_is_cut_off() {
    let mut octets = datagram(&[], &[1, 2, 3], |_| {});
    octets.extend([0; 23]);
    assert_eq!(ip::parse(&octets).expect("well-formed").payload, [1, 2, 3]);
}

#[test]
fn a_datagram_cut_anywhere_is_refused() {
    let octets = datagram(&[1, 1, 1, 0], &[1, 2, 3], |_| {});
    for length in 0..octets.len() {
        assert!(ip::parse(&octets[..length]).is_err(), "{length}");
    }
}

#[test]
fn hosts_are_told_from_groups() {
    let table = [
        ("192.0.2.1", true),
        ("127.0.0.1", true),
        ("223.255.255.255", true),
        ("0.0.0.0", false),
        ("0.0.0.1", false),
        ("224.0.0.1", false),
        ("240.0.0.1", false),
        ("255.255.255.255", false),
        ("2001:db8::1", true),
        ("fe80::1", true),
        ("::", false),
        ("ff02::1", false),
    ];
    for (address, expected) in table {
        assert_eq!(ip::is_single_host(address.parse().expect("an address")), expected, "{address}");
    }
}

#[test]
fn the_destination_is_found_in_what_is_refused() {
    let table = [
        (datagram(&[7, 0, 0, 0], &[], |_| {}), Some(IpAddr::from(HOST))),
        (datagram(&[], &[], |d| d[9] = 17), Some(IpAddr::from(HOST))),
        (datagram(&[], &[], |_| {})[..19].to_vec(), None),
        ([&[0x60; 24][..], &[0xfe; 16]].concat(), Some(IpAddr::from([0xfe; 16]))),
        ([0x60; 39].to_vec(), None),
        ([0x50; 40].to_vec(), None),
        (Vec::new(), None),
    ];
    for (octets, expected) in table {
        assert_eq!(ip::destination(&octets), expected, "{octets:?}");
    }
}

#[test]
#[should_panic(expected = "65,535")]
fn a_datagram_beyond_the_total_length_is_the_callers_fault() {
    let _ = ip::emit(&Header::new(PEER.into(), HOST.into()), PROTOCOL_TCP, &[0; 65_516]);
}

#[test]
fn the_longest_datagram_parses() {
    let octets = ip::emit(&Header::new(PEER.into(), HOST.into()), PROTOCOL_TCP, &[7; 65_515]);
    assert_eq!(ip::parse(&octets).expect("well-formed").payload.len(), 65_515);
}
