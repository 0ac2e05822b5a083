//! What one event costs: a refused SYN, and a handshake that is reset.

use divan::Bencher;
use halfopen_stack::wire::ip::Header;
use halfopen_stack::wire::tcp::{self, Flags, Options, Segment};
use halfopen_stack::{Config, Domain, Instant, SeqNum, Stack};
use std::net::{IpAddr, SocketAddr};

fn main() {
    divan::main();
}

const LOCAL: &[&str] = &["192.0.2.1", "2001:db8::1"];

fn remote(local: &str) -> IpAddr {
    if local.contains(':') { "2001:db8::2".parse() } else { "198.51.100.2".parse() }.unwrap()
}

fn stack(local: &str) -> Stack {
    let mut stack = Stack::new(Config::rfc9293(), 1);
    stack.add_address(local.parse().unwrap());
    stack
}

fn datagram(local: &str, flags: Flags, seq: u32, ack: SeqNum) -> Vec<u8> {
    let options = Options { mss: flags.syn().then_some(1460), ..Options::default() };
    let segment = Segment {
        src_port: 5000,
        dst_port: 80,
        seq: SeqNum(seq),
        ack,
        flags,
        window: 1000,
        options,
        ..Segment::default()
    };
    tcp::emit(&Header::new(remote(local), local.parse().unwrap()), &segment)
}

#[divan::bench]
fn syn_to_rst(bencher: Bencher<'_, '_>) {
    refused(bencher, LOCAL[0]);
}

#[divan::bench]
fn syn_to_rst_v6(bencher: Bencher<'_, '_>) {
    refused(bencher, LOCAL[1]);
}

/// A SYN to a port that nobody holds, from octets to octets.
fn refused(bencher: Bencher<'_, '_>, local: &str) {
    let mut stack = stack(local);
    let syn = datagram(local, Flags::SYN, 0, SeqNum(0));
    bencher.bench_local(|| {
        stack.receive(Instant(0), divan::black_box(&syn));
        stack.transmit().expect("a reset")
    });
}

#[divan::bench(args = LOCAL)]
fn handshake_and_reset(bencher: Bencher<'_, '_>, local: &str) {
    let mut stack = stack(local);
    let listener = stack.socket(if local.contains(':') { Domain::Inet6 } else { Domain::Inet }).unwrap();
    stack.bind(listener, SocketAddr::new(local.parse().unwrap(), 80)).unwrap();
    stack.listen(listener, 1).unwrap();
    let syn = datagram(local, Flags::SYN, 0, SeqNum(0));
    let reset = datagram(local, Flags::RST, 1, SeqNum(0));
    bencher.bench_local(|| {
        stack.receive(Instant(0), &syn);
        let syn_ack = stack.transmit().expect("a SYN,ACK");
        let iss = match local.contains(':') {
            true => &syn_ack[44..48],
            false => &syn_ack[24..28],
        };
        let iss = SeqNum(u32::from_be_bytes(iss.try_into().unwrap()));
        stack.receive(Instant(0), &datagram(local, Flags::ACK, 1, iss.plus(1)));
        stack.receive(Instant(0), &reset);
        let (fd, _) = stack.accept(Instant(0), listener).expect("a connection");
        stack.close(Instant(0), fd).unwrap();
    });
}
