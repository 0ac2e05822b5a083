//! Whatever goes out, whatever the connection: read with the harness's codec.

use super::narration::Shown;
use halfopen_engine::packet::options::{self, RawOption, kind};
use halfopen_engine::packet::tcp::flag;
use halfopen_engine::packet::{Body, Datagram, Ip, Tcp};

/// A datagram that left the host.
#[derive(Debug)]
pub(super) enum Outgoing {
    Segment(Tcp),
    /// Whatever it says: its form was checked.
    Icmp,
}

/// Reads a datagram that the host sent.
pub(super) fn read(octets: &[u8], mtu: usize) -> Outgoing {
    assert!(octets.len() <= mtu, "a datagram of {} octets", octets.len());
    let datagram = Datagram::decode(octets).expect("the host sends datagrams");
    lengths_and_checksums(&datagram);
    let outgoing = parts(datagram);
    if let Outgoing::Segment(tcp) = &outgoing {
        well_formed(tcp);
    }
    outgoing
}

fn lengths_and_checksums(datagram: &Datagram) {
    let length = datagram.ip.header_len() + datagram.body.len();
    let claimed = match &datagram.ip {
        Ip::V4(ip) => {
            assert_eq!(ip.checksum, ip.computed(), "a wrong header checksum: {datagram:?}");
            usize::from(ip.total_len)
        }
        Ip::V6(ip) => 40 + usize::from(ip.payload_len),
    };
    assert!(claimed == length && datagram.trailer.is_empty(), "a wrong length: {datagram:?}");
    assert_eq!(datagram.checksum(), datagram.computed(), "a wrong checksum: {datagram:?}");
    if let Body::Tcp(tcp) = &datagram.body {
        assert_eq!(usize::from(tcp.data_offset), tcp.true_offset(), "a wrong data offset: {}", Shown(tcp));
    }
}

/// What a datagram carries, of the two things that either side sends.
pub(super) fn parts(datagram: Datagram) -> Outgoing {
    match datagram.body {
        Body::Tcp(tcp) => Outgoing::Segment(tcp),
        Body::Icmp(_) => Outgoing::Icmp,
        Body::Udp(_) | Body::Other(_) => panic!("neither TCP nor ICMP: {datagram:?}"),
    }
}

/// RFC 9293 3.1: what no segment may violate.
fn well_formed(tcp: &Tcp) {
    assert_eq!(tcp.reserved, 0, "reserved bits: {}", Shown(tcp));
    let (syn, rst, ack) = (tcp.has(flag::SYN), tcp.has(flag::RST), tcp.has(flag::ACK));
    assert!(ack || syn || rst, "neither ACK nor SYN nor RST: {}", Shown(tcp));
    assert!(!(syn && (rst || tcp.has(flag::FIN))), "SYN with RST or FIN: {}", Shown(tcp));
    assert!(ack || tcp.ack == 0, "an acknowledgment number without ACK: {}", Shown(tcp));
    assert!(tcp.has(flag::URG) || tcp.urgent == 0, "an urgent pointer without URG: {}", Shown(tcp));
    assert!(!rst || tcp.payload.is_empty(), "RST with text: {}", Shown(tcp));
    for option in options::iter(&tcp.options) {
        match option {
            RawOption::Eol | RawOption::Nop => {}
            RawOption::Known { kind: kind::MSS | kind::WINDOW_SCALE | kind::SACK_PERMITTED, .. } => {
                assert!(syn, "an option of SYN only: {}", Shown(tcp));
            }
            RawOption::Known { kind: kind::SACK, data } => sack(data, tcp),
            RawOption::Known { .. } => {}
            RawOption::Malformed(_) => panic!("malformed options: {}", Shown(tcp)),
        }
    }
}

/// RFC 2018 3: blocks are not empty and do not reach below the acknowledgment number, but for the first, which may tell of
/// what arrived twice (RFC 2883 4).
fn sack(data: &[u8], tcp: &Tcp) {
    assert!(tcp.has(flag::ACK) && !tcp.has(flag::SYN), "SACK without ACK: {}", Shown(tcp));
    for (index, block) in data.chunks(8).enumerate() {
        let word = |at: usize| u32::from_be_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
        let (left, right) = (word(0), word(4));
        assert!(right.wrapping_sub(left).wrapping_sub(1) < 1 << 30, "an empty SACK block: {}", Shown(tcp));
        let above = left.wrapping_sub(tcp.ack).cast_signed() > 0;
        let below = right.wrapping_sub(tcp.ack).cast_signed() <= 0;
        assert!(above || index == 0 && below, "a SACK block of what is acknowledged: {}", Shown(tcp));
    }
}
