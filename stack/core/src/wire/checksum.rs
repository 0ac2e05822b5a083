//! The Internet checksum (RFC 1071).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A running one's complement sum.
///
/// Words are added in the machine's order, up to eight octets at a time: the sum of swapped words is the swapped sum
/// (RFC 1071 2(B)), and carries are folded once, at the end (2(C)).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checksum(u64);

impl Checksum {
    /// The sum over the pseudo-header of TCP (RFC 9293 3.1) or ICMPv6 (RFC 8200 8.1). `length`: octets of the segment.
    ///
    /// # Panics
    /// When the addresses are of two families.
    #[must_use]
    pub fn pseudo_header(src: IpAddr, dst: IpAddr, protocol: u8, length: u32) -> Self {
        match (src, dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => Self::pseudo_header_v4(src, dst, protocol, length),
            (IpAddr::V6(src), IpAddr::V6(dst)) => Self::pseudo_header_v6(src, dst, protocol, length),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {
                panic!("{src} and {dst} are two families")
            }
        }
    }

    fn pseudo_header_v4(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, length: u32) -> Self {
        let mut sum = Self::default();
        sum.add_word(src.octets());
        sum.add_word(dst.octets());
        // The same addends as `zero, protocol, length` in two octets each: no segment reaches 2^16 octets here.
        sum.add_word([0, 0, 0, protocol]);
        sum.add_word(length.to_be_bytes());
        sum
    }

    fn pseudo_header_v6(src: Ipv6Addr, dst: Ipv6Addr, protocol: u8, length: u32) -> Self {
        let mut sum = Self::default();
        sum.add(&src.octets());
        sum.add(&dst.octets());
        sum.add_word(length.to_be_bytes());
        sum.add_word([0, 0, 0, protocol]);
        sum
    }

    #[inline]
    fn add_word(&mut self, word: [u8; 4]) {
        self.0 += u64::from(u32::from_ne_bytes(word));
    }

    /// Adds octets. An odd last octet is padded with zero, so only the last piece of several may be odd.
    #[inline]
    pub fn add(&mut self, octets: &[u8]) {
        let (blocks, rest) = octets.as_chunks::<32>();
        if !blocks.is_empty() {
            // Four chains of additions with carry: none waits for another.
            let mut chains = [0_u128; 4];
            for block in blocks {
                for (chain, word) in chains.iter_mut().zip(block.as_chunks::<8>().0) {
                    *chain += u128::from(u64::from_ne_bytes(*word));
                }
            }
            let sum = chains.iter().sum::<u128>();
            self.add_wide(sum as u64);
            // What was carried out of 64 bits weighs 2^64, which is 1 modulo 2^16 - 1.
            self.0 += (sum >> 64) as u64;
        }
        let (words, rest) = rest.as_chunks::<8>();
        for word in words {
            self.add_wide(u64::from_ne_bytes(*word));
        }
        self.add_last(rest);
    }

    /// Adds eight octets. A sum of 32-bit halves in 64 bits overflows after 2^31 times.
    #[inline]
    const fn add_wide(&mut self, word: u64) {
        self.0 += (word & 0xffff_ffff) + (word >> 32);
    }

    /// Adds at most seven octets.
    #[inline]
    fn add_last(&mut self, mut rest: &[u8]) {
        if let Some((word, tail)) = rest.split_first_chunk::<4>() {
            self.add_word(*word);
            rest = tail;
        }
        if let Some((word, tail)) = rest.split_first_chunk::<2>() {
            self.0 += u64::from(u16::from_ne_bytes(*word));
            rest = tail;
        }
        if let [last] = rest {
            self.0 += u64::from(u16::from_ne_bytes([*last, 0]));
        }
    }

    /// The checksum field, in network order.
    #[inline]
    #[must_use]
    pub fn finish(self) -> [u8; 2] {
        let mut sum = self.0;
        sum = (sum & 0xffff_ffff) + (sum >> 32);
        sum = (sum & 0xffff_ffff) + (sum >> 32);
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        (!(sum as u16)).to_ne_bytes()
    }

    /// Whether octets that include their checksum field sum to what they should.
    #[inline]
    #[must_use]
    pub fn verifies(self) -> bool {
        self.finish() == [0, 0]
    }
}

/// The checksum of `octets`, their checksum field zero.
#[inline]
#[must_use]
pub fn checksum(octets: &[u8]) -> [u8; 2] {
    let mut sum = Checksum::default();
    sum.add(octets);
    sum.finish()
}

/// Whether `octets`, checksum field included, verify.
#[inline]
#[must_use]
pub fn verifies(octets: &[u8]) -> bool {
    checksum(octets) == [0, 0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// The sum as RFC 1071 section 1 defines it: 16-bit words, end-around carry.
    fn by_definition(octets: &[u8]) -> [u8; 2] {
        let mut sum = 0_u32;
        for pair in octets.chunks(2) {
            sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        (!(sum as u16)).to_be_bytes()
    }

    #[test]
    fn known_sums() {
        let table: [(&[u8], [u8; 2]); 5] = [
            (&[], [0xff, 0xff]),
            (&[0xff, 0xff], [0, 0]),
            // The example of RFC 1071 section 3.
            (&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7], [0x22, 0x0d]),
            (&[0x01], [0xfe, 0xff]),
            (&[0xff; 65_535], [0x00, 0xff]),
        ];
        for (octets, expected) in table {
            assert_eq!(checksum(octets), expected, "{} octets", octets.len());
        }
    }

    #[test]
    fn pseudo_headers_are_those_of_the_rfcs() {
        let (src, dst) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(198, 51, 100, 7));
        let flat: Vec<u8> = [&src.octets()[..], &dst.octets(), &[0, 6, 0x12, 0x34]].concat();
        assert_eq!(Checksum::pseudo_header(src.into(), dst.into(), 6, 0x1234).finish(), by_definition(&flat));

        let (src, dst) = (Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 3, 4, 5, 6), Ipv6Addr::LOCALHOST);
        let flat: Vec<u8> = [&src.octets()[..], &dst.octets(), &[0, 1, 2, 3, 0, 0, 0, 58]].concat();
        assert_eq!(Checksum::pseudo_header(src.into(), dst.into(), 58, 0x0001_0203).finish(), by_definition(&flat));
    }

    #[test]
    #[should_panic(expected = "two families")]
    fn a_pseudo_header_has_one_family() {
        let _ = Checksum::pseudo_header(Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into(), 6, 20);
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(octets in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(checksum(&octets), by_definition(&octets));
        }

        #[test]
        fn pieces_of_even_length_sum_to_the_whole(
            octets in prop::collection::vec(any::<u8>(), 0..300), at in 0..150_usize,
        ) {
            let (head, tail) = octets.split_at((2 * at).min(octets.len() & !1));
            let mut sum = Checksum::default();
            sum.add(head);
            sum.add(tail);
            prop_assert_eq!(sum.finish(), checksum(&octets));
        }

        #[test]
        fn octets_with_their_checksum_verify(octets in prop::collection::vec(any::<u8>(), 2..300)) {
            let mut octets = octets;
            octets[..2].fill(0);
            let sum = checksum(&octets);
            octets[..2].copy_from_slice(&sum);
            prop_assert!(verifies(&octets));
            octets[1] ^= 0x10;
            prop_assert!(!verifies(&octets));
        }
    }
}
