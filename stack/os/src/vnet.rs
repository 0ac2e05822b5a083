//! What the kernel says in front of a frame that is not finished: `struct virtio_net_hdr`, of which sums are dealt with here.
//!
//! A kernel peer on veth leaves its checksums, and the cutting of long datagrams into segments, to hardware that is not
//! there. The sum is completed here; a long datagram is taken as it is, as from a card that joins segments. Pure.

use halfopen_stack::wire::checksum::Checksum;

/// Octets of the header.
pub const HEADER: usize = 10;
/// The checksum is that of the pseudo-header only.
const NEEDS_CHECKSUM: u8 = 1;

/// Completes the checksum of a frame whose header asks for that. `false`: the header makes no sense.
pub fn complete(header: [u8; HEADER], frame: &mut [u8]) -> bool {
    let [flags, _, _, _, _, _, start0, start1, offset0, offset1] = header;
    if flags & NEEDS_CHECKSUM == 0 {
        return true;
    }
    let start = usize::from(u16::from_ne_bytes([start0, start1]));
    let at = start + usize::from(u16::from_ne_bytes([offset0, offset1]));
    if at + 2 > frame.len() || start > at {
        return false;
    }
    let mut sum = Checksum::default();
    sum.add(&frame[start..]);
    let field = sum.finish();
    frame[at..at + 2].copy_from_slice(&field);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use halfopen_stack::wire::ip::{Header, emit};
    use halfopen_stack::wire::{ip, tcp};
    use std::net::IpAddr;

    /// A header that asks for the checksum at `offset` from `start` on.
    fn header(start: u16, offset: u16) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[0] = NEEDS_CHECKSUM;
        header[6..8].copy_from_slice(&start.to_ne_bytes());
        header[8..].copy_from_slice(&offset.to_ne_bytes());
        header
    }

    #[test]
    fn half_a_checksum_becomes_a_whole_one() {
        for (src, dst) in [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")] {
            let (src, dst): (IpAddr, IpAddr) = (src.parse().expect("an address"), dst.parse().expect("an address"));
            let ip_header = Header::new(src, dst);
            let whole = tcp::emit(&ip_header, &tcp::Segment { payload: b"odd", ..Default::default() });
            let start = ip_header.octets();
            let mut half = whole[start..].to_vec();
            // The pseudo-header alone, not complemented: what the kernel leaves in the field.
            let sum =
                Checksum::pseudo_header(src, dst, ip::PROTOCOL_TCP, half.len() as u32).finish().map(|octet| !octet);
            half[16..18].copy_from_slice(&sum);
            let mut frame = emit(&ip_header, ip::PROTOCOL_TCP, &half);
            assert_ne!(frame, whole);
            assert!(complete(header(start as u16, 16), &mut frame));
            assert_eq!(frame, whole);
        }
    }

    #[test]
    fn header_that_points_nowhere_is_refused_and_one_that_asks_nothing_changes_nothing() {
        let mut frame = vec![7; 40];
        assert!(!complete(header(30, 9), &mut frame));
        assert!(!complete(header(u16::MAX, u16::MAX), &mut frame));
        assert!(complete([0; HEADER], &mut frame));
        assert_eq!(frame, [7; 40]);
    }
}
