//! Datagrams as a script has them: between its addresses and ports, wherever they were sent.
//!
//! A checksum that was right stays right, and one that was wrong stays wrong.

use crate::datagram::{HOST_V4, PEER_V4, v6};

/// The port of a host in a script.
pub(super) const LOCAL: u16 = crate::machine::LISTENING;

/// A datagram whose TCP header is whole, from the peer to the host (`inbound`) or back; the peer's port becomes this one. `None`: it has no whole TCP header.
pub(super) fn segment(octets: &[u8], inbound: bool, peer: u16) -> Option<Vec<u8>> {
    let mut out = octets.to_vec();
    let (header, protocol) = match out.first()? >> 4 {
        4 => (20, 9),
        6 => (40, 6),
        _ => return None,
    };
    if out.len() < header + 20 || out[protocol] != 6 {
        return None;
    }
    let sum = header + 16;
    let (a, b) = if inbound { (peer, LOCAL) } else { (LOCAL, peer) };
    if header == 20 {
        let (a, b) = if inbound { (PEER_V4, HOST_V4) } else { (HOST_V4, PEER_V4) };
        put(&mut out, 12, &a, &[10, sum]);
        put(&mut out, 16, &b, &[10, sum]);
    } else {
        let (a, b) = if inbound { (v6(2), v6(1)) } else { (v6(1), v6(2)) };
        put(&mut out, 8, &a, &[sum]);
        put(&mut out, 24, &b, &[sum]);
    }
    put(&mut out, header, &a.to_be_bytes(), &[sum]);
    put(&mut out, header + 2, &b.to_be_bytes(), &[sum]);
    Some(out)
}

/// An ICMP error about a datagram of the host: of what it quotes the ports are the script's.
pub(super) fn error(octets: &[u8], peer: u16) -> Option<Vec<u8>> {
    let mut out = octets.to_vec();
    let header = if out.first()? >> 4 == 4 { 20 } else { 40 };
    let quoted = header + 8 + header;
    if out.len() < quoted + 8 {
        return None;
    }
    put(&mut out, quoted, &LOCAL.to_be_bytes(), &[header + 2]);
    put(&mut out, quoted + 2, &peer.to_be_bytes(), &[header + 2]);
    Some(out)
}

/// Other octets, and the checksums over them as they change by that (RFC 1624 3).
fn put(out: &mut [u8], at: usize, octets: &[u8], sums: &[usize]) {
    for (offset, new) in octets.chunks_exact(2).enumerate() {
        let place = at + 2 * offset;
        let word = |of: &[u8], at: usize| u32::from(u16::from_be_bytes([of[at], of[at + 1]]));
        let (old, new_word) = (word(out, place), word(new, 0));
        for sum in sums {
            let mut total = (!word(out, *sum) & 0xffff) + (!old & 0xffff) + new_word;
            while total >> 16 != 0 {
                total = (total & 0xffff) + (total >> 16);
            }
            out[*sum..sum + 2].copy_from_slice(&(!(total as u16)).to_be_bytes());
        }
        out[place..place + 2].copy_from_slice(new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datagram::{self, Content};
    use crate::wire;
    use halfopen_engine::packet::Tcp;
    use std::net::SocketAddr;

    #[test]
    fn what_is_moved_is_as_right_or_wrong_as_it_was() {
        let ends: [[SocketAddr; 2]; 2] = [
            [([192, 0, 2, 9], 5000).into(), ([198, 51, 100, 2], 80).into()],
            ["[2001:db8::1]:5000".parse().expect("an address"), "[2001:db8::2]:80".parse().expect("an address")],
        ];
        for [a, b] in ends {
            for inbound in [true, false] {
                let tcp = Tcp { seq: 77, flags: 0x10, payload: vec![1, 2, 3], ..Tcp::default() };
                let mut octets = wire::datagram(a, b, tcp);
                let moved = segment(&octets, inbound, 40_001).expect("a segment");
                let Content::Segment(seg) = datagram::read(&moved) else { panic!("{moved:02x?}") };
                let ports = if inbound { (40_001, LOCAL) } else { (LOCAL, 40_001) };
                assert_eq!(((seg.src_port, seg.dst_port), seg.seq, seg.payload), (ports, 77, &[1, 2, 3][..]));
                *octets.last_mut().expect("text") ^= 1;
                let moved = segment(&octets, inbound, 40_001).expect("a segment");
                assert!(matches!(datagram::read(&moved), Content::Fault(_)), "{moved:02x?}");
            }
        }
    }
}
