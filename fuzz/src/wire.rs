//! A peer's datagrams, by the harness's codec.

use halfopen_engine::packet::{Body, Datagram, Ip, Ipv4, Ipv6, Tcp, protocol};
use std::net::{IpAddr, SocketAddr};

/// A segment in a datagram, lengths and checksums filled in. Ports are those of the addresses.
#[must_use]
pub fn datagram(from: SocketAddr, to: SocketAddr, mut tcp: Tcp) -> Vec<u8> {
    (tcp.src_port, tcp.dst_port) = (from.port(), to.port());
    let ip = match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => Ip::V4(Ipv4::new(from, to, protocol::TCP)),
        (IpAddr::V6(from), IpAddr::V6(to)) => Ip::V6(Ipv6::new(from, to, protocol::TCP)),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {
            panic!("{from} and {to} are of two families")
        }
    };
    let mut datagram = Datagram { ip, body: Body::Tcp(tcp), trailer: Vec::new(), outer: Vec::new() };
    datagram.complete();
    datagram.encode()
}

/// The segment in a datagram that a stack sent.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn segment(octets: &[u8]) -> Tcp {
    match Datagram::decode_one(octets).map(|datagram| datagram.body) {
        Ok(Body::Tcp(tcp)) => tcp,
        other => panic!("no segment: {other:?}"),
    }
}

/// RFC 9293 3.4: `a` lies before `b`.
#[must_use]
pub const fn before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() < 0
}
