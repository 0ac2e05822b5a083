//! Segments that the peer of a measured stack sends, and addresses.

use halfopen_stack::SeqNum;
use halfopen_stack::wire::ip::Header;
use halfopen_stack::wire::tcp::{self, Flags, Options, Segment, Timestamps};
use std::net::{IpAddr, Ipv4Addr};

/// The measured stack.
pub(crate) const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// Who talks to it.
pub(crate) const PEER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);
/// The port that is served.
pub(crate) const PORT: u16 = 80;
/// The peer's.
pub(crate) const PEER_PORT: u16 = 5000;

/// A segment of the peer, without text.
pub(crate) fn datagram(flags: Flags, seq: u32, ack: u32, options: Options) -> Vec<u8> {
    let segment = Segment {
        src_port: PEER_PORT,
        dst_port: PORT,
        seq: SeqNum(seq),
        ack: SeqNum(ack),
        flags,
        window: 64_000,
        options,
        ..Segment::default()
    };
    tcp::emit(&Header::new(IpAddr::V4(PEER), IpAddr::V4(HOST)), &segment)
}

/// A SYN as Linux sends it: 60 octets, 20 of them options.
pub(crate) fn syn() -> Vec<u8> {
    let options = Options {
        mss: Some(1460),
        window_scale: Some(7),
        sack_permitted: true,
        timestamps: Some(Timestamps { val: 100, ecr: 0 }),
        ..Options::default()
    };
    let syn = datagram(Flags::SYN, 1000, 0, options);
    assert_eq!(syn.len(), 60);
    syn
}
