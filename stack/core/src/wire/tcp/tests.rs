use super::*;
use crate::wire::ip::Header;
use alloc::string::ToString;
use core::net::{Ipv4Addr, Ipv6Addr};

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 0, 1));
const PEER_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 1));
const HOST_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 2));

fn segment() -> Segment<'static> {
    Segment {
        src_port: 0x1234,
        dst_port: 0x5678,
        seq: SeqNum(0x9abc_def0),
        ack: SeqNum(0x1122_3344),
        flags: Flags::PSH | Flags::ACK | Flags::URG,
        window: 0x5566,
        urgent: 0x7788,
        options: Options { timestamps: Some(Timestamps { val: 1, ecr: 2 }), ..Options::default() },
        payload: b"data",
    }
}

/// The octets of a segment as it stands in a datagram, its checksum set after `change`.
fn octets(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut octets = emit(&Header::new(PEER, HOST), &segment())[20..].to_vec();
    change(&mut octets);
    octets[16..18].fill(0);
    let mut sum = Checksum::pseudo_header(PEER, HOST, 6, octets.len() as u32);
    sum.add(&octets);
    octets[16..18].copy_from_slice(&sum.finish());
    octets
}

#[test]
fn fields_stand_where_rfc_9293_puts_them() {
    let octets = octets(|_| {});
    let expected = [0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 0x11, 0x22, 0x33, 0x44, 0x80, 0x38, 0x55, 0x66];
    assert_eq!(octets[..16], expected);
    assert_eq!(octets[18..20], [0x77, 0x88]);
    assert_eq!(octets[20..], *b"\x01\x01\x08\x0a\x00\x00\x00\x01\x00\x00\x00\x02data");
}

#[test]
fn what_is_emitted_parses_to_the_same_in_both_families() {
    for (src, dst) in [(PEER, HOST), (PEER_V6, HOST_V6)] {
        let datagram = emit(&Header::new(src, dst), &segment());
        let ip = ip::parse(&datagram).expect("well-formed");
        assert_eq!((ip.src, ip.dst, ip.protocol), (src, dst, 6));
        assert_eq!(parse(src, dst, ip.payload), Ok(segment()));
        assert_eq!(datagram.len(), datagram.capacity(), "one allocation of the exact size");
    }
}

#[test]
fn every_fault_has_its_name() {
    let parse = |octets: &[u8]| parse(PEER, HOST, octets).map(|_| ());
    let good = octets(|_| {});
    assert_eq!(parse(&good), Ok(()));
    for length in 0..HEADER {
        assert_eq!(parse(&good[..length]), Err(Malformed::TcpTruncated { octets: length }));
    }
    // Data offset in words; the segment has 36 octets.
    for words in 0..16 {
        let expected = if (5..=9).contains(&words) { Ok(()) } else { Err(Malformed::DataOffset { words }) };
        assert_eq!(parse(&octets(|o| o[12] = words << 4)), expected, "{words} words");
    }
    for at in 0..good.len() {
        // The offset is read before the sum: a changed one may be the first fault.
        if at != 12 {
            let mut broken = good.clone();
            broken[at] ^= 0x20;
            assert_eq!(parse(&broken), Err(Malformed::TcpChecksum), "octet {at}");
        }
    }
}

#[test]
fn the_checksum_covers_addresses_and_length() {
    let good = octets(|_| {});
    let other = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
    assert_eq!(parse(other, HOST, &good), Err(Malformed::TcpChecksum));
    assert_eq!(parse(PEER, other, &good), Err(Malformed::TcpChecksum));
    let mut longer = good;
    longer.extend([0, 0]);
    assert_eq!(parse(PEER, HOST, &longer), Err(Malformed::TcpChecksum));
}

#[test]
fn reserved_bits_are_ignored() {
    let octets = octets(|o| o[12] |= 0x0e);
    assert_eq!(parse(PEER, HOST, &octets), Ok(segment()));
}

#[test]
fn segment_length_counts_syn_and_fin() {
    let table: [(Flags, &[u8], u32); 6] = [
        (Flags::ACK, b"", 0),
        (Flags::SYN, b"", 1),
        (Flags::FIN | Flags::ACK, b"", 1),
        (Flags::SYN | Flags::FIN, b"ab", 4),
        (Flags::RST, b"why", 3),
        (Flags::PSH | Flags::URG | Flags::ACK, b"abc", 3),
    ];
    for (flags, payload, len) in table {
        let segment = Segment { flags, payload, seq: SeqNum(u32::MAX), ..Segment::default() };
        assert_eq!((segment.len(), segment.end()), (len, SeqNum(u32::MAX.wrapping_add(len))), "{flags:?}");
    }
}

#[test]
fn flags_print_as_in_traces() {
    let table = [
        (Flags::NONE, ""),
        (Flags::SYN, "S"),
        (Flags::SYN | Flags::ACK, "S."),
        (Flags::FIN | Flags::PSH | Flags::ACK, "FP."),
        (Flags::SYN | Flags::ECE | Flags::CWR, "SEW"),
        (Flags::from_bits(u16::MAX), "FSRPUEWA."),
    ];
    for (flags, letters) in table {
        assert_eq!(flags.to_string(), letters);
    }
}

#[test]
fn flags_are_sets() {
    let syn_ack = Flags::SYN | Flags::ACK;
    assert!(syn_ack.contains(Flags::SYN) && syn_ack.syn() && syn_ack.ack() && !syn_ack.rst() && !syn_ack.fin());
    assert!(!syn_ack.contains(Flags::SYN | Flags::RST) && syn_ack.intersects(Flags::SYN | Flags::RST));
    assert_eq!(syn_ack.without(Flags::ACK), Flags::SYN);
    assert_eq!(Flags::from_bits(0xffff).bits(), 0x1ff);
}
