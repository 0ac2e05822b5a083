//! A 60-octet SYN: headers, all options, both checksums.

use crate::peer;
use crate::rounds::{Contender, Unit, compare};
use etherparse::{Ipv4Slice, TcpOptionElement, TcpSlice};
use halfopen_stack::wire::{ip, tcp};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{Ipv4Packet, Ipv4Repr, TcpPacket, TcpRepr};
use std::hint::black_box;

pub(crate) fn rows() {
    let syn = peer::syn();
    assert_eq!((ours(&syn), with_smoltcp(&syn)), (Some(1460), Some(1460)));
    assert_eq!(with_etherparse(&syn), Some(1460));
    compare(
        "parse a SYN of 60 octets, both checksums",
        Unit::Time,
        Contender::new("halfopen", || {
            black_box(ours(black_box(&syn)));
        }),
        vec![
            Contender::new("smoltcp", || {
                black_box(with_smoltcp(black_box(&syn)));
            }),
            Contender::new("etherparse", || {
                black_box(with_etherparse(black_box(&syn)));
            }),
        ],
    );
}

fn ours(octets: &[u8]) -> Option<u16> {
    let ip = ip::parse(octets).ok()?;
    let segment = tcp::parse(ip.src, ip.dst, ip.payload).ok()?;
    black_box(&segment).options.mss
}

/// As its interface reads a segment.
fn with_smoltcp(octets: &[u8]) -> Option<u16> {
    let checksums = ChecksumCapabilities::default();
    let packet = Ipv4Packet::new_checked(octets).ok()?;
    let ip = Ipv4Repr::parse(&packet, &checksums).ok()?;
    let packet = TcpPacket::new_checked(packet.payload()).ok()?;
    let segment = TcpRepr::parse(&packet, &ip.src_addr.into(), &ip.dst_addr.into(), &checksums).ok()?;
    black_box(&segment).max_seg_size
}

/// Slices, which are its quickest way, and every option.
fn with_etherparse(octets: &[u8]) -> Option<u16> {
    let ip = Ipv4Slice::from_slice(octets).ok()?;
    let header = ip.header();
    if header.header_checksum() != header.to_header().calc_header_checksum() {
        return None;
    }
    let tcp = TcpSlice::from_slice(ip.payload().payload).ok()?;
    if tcp.checksum() != tcp.calc_checksum_ipv4(header.source(), header.destination()).ok()? {
        return None;
    }
    let mut mss = None;
    for option in tcp.options_iterator() {
        if let TcpOptionElement::MaximumSegmentSize(size) = black_box(option.ok()?) {
            mss = Some(size);
        }
    }
    black_box(&tcp);
    mss
}
