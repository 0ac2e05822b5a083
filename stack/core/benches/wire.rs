//! Costs of the codecs: a SYN as Linux sends it, and the checksum at three sizes.

use core::net::{IpAddr, Ipv4Addr};
use divan::Bencher;
use divan::counter::BytesCount;
use halfopen_stack::seq::SeqNum;
use halfopen_stack::wire::tcp::{Flags, Options, Segment, Timestamps};
use halfopen_stack::wire::{checksum, ip, tcp};

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 0, 1));

fn main() {
    divan::main();
}

fn syn() -> Segment<'static> {
    Segment {
        src_port: 40_000,
        dst_port: 8080,
        seq: SeqNum(0xdead_beef),
        flags: Flags::SYN,
        window: 65_535,
        options: Options {
            mss: Some(1460),
            window_scale: Some(7),
            sack_permitted: true,
            timestamps: Some(Timestamps { val: 100, ecr: 0 }),
            ..Options::default()
        },
        ..Segment::default()
    }
}

#[divan::bench]
fn parse_syn(bencher: Bencher<'_, '_>) {
    let datagram = tcp::emit(&ip::Header::new(PEER, HOST), &syn());
    assert_eq!(datagram.len(), 60);
    bencher.bench(|| {
        let ip = ip::parse(divan::black_box(&datagram)).expect("it is our own");
        divan::black_box(tcp::parse(ip.src, ip.dst, ip.payload).expect("it is our own"));
    });
}

#[divan::bench]
fn build_syn(bencher: Bencher<'_, '_>) {
    let header = ip::Header::new(PEER, HOST);
    let segment = syn();
    bencher.bench(|| tcp::emit(divan::black_box(&header), divan::black_box(&segment)));
}

#[divan::bench]
fn syn_to_rst(bencher: Bencher<'_, '_>) {
    let datagram = tcp::emit(&ip::Header::new(PEER, HOST), &syn());
    bencher.bench(|| {
        let ip = ip::parse(divan::black_box(&datagram)).expect("it is our own");
        let syn = tcp::parse(ip.src, ip.dst, ip.payload).expect("it is our own");
        let rst = Segment {
            src_port: syn.dst_port,
            dst_port: syn.src_port,
            ack: syn.end(),
            flags: Flags::RST | Flags::ACK,
            ..Segment::default()
        };
        tcp::emit(&ip::Header::answering(&ip), &rst)
    });
}

#[divan::bench(args = [40, 1500, 65_535])]
fn checksum(bencher: Bencher<'_, '_>, octets: usize) {
    let data = vec![0xa5; octets];
    bencher.counter(BytesCount::new(octets)).bench(|| checksum::checksum(divan::black_box(&data)));
}
