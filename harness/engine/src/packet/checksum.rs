//! The Internet checksum (RFC 1071).

/// A running sum. Parts are added in order; each but the last has an even number of octets.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sum(u64);

impl Sum {
    /// Adds octets as 16-bit words; an odd octet at the end counts as if a zero octet followed.
    #[must_use]
    pub fn plus(self, octets: &[u8]) -> Self {
        let mut sum = self.0;
        let mut words = octets.chunks_exact(4);
        for word in &mut words {
            sum += u64::from(u32::from_be_bytes([word[0], word[1], word[2], word[3]]));
        }
        let rest = words.remainder();
        for (index, octet) in rest.iter().enumerate() {
            sum += u64::from(*octet) << (if index % 2 == 0 { 8 } else { 0 });
        }
        Self(sum)
    }

    /// The checksum: ones' complement of the ones' complement sum.
    pub fn value(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1071_has_its_sum() {
        let octets = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(Sum::default().plus(&octets).value(), !0xddf2);
    }

    #[test]
    fn odd_octets_count_as_if_followed_by_zero() {
        for len in 0..9 {
            let octets: Vec<u8> = (0..len).map(|n: u8| n.wrapping_mul(37) + 5).collect();
            let mut padded = octets.clone();
            padded.resize(octets.len().next_multiple_of(2), 0);
            assert_eq!(Sum::default().plus(&octets).value(), Sum::default().plus(&padded).value(), "{len}");
        }
    }
}
