//! Payload: a pattern of the stream offset, so that an octet from the wrong place is seen.

/// Which half of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// What the harness sends in segments and the application reads.
    ToStack,
    /// What the application writes and the SUT sends in segments.
    FromStack,
}

/// The octet at an offset from the beginning of the stream.
pub fn octet(stream: Stream, offset: u64) -> u8 {
    // The top octet of a product with 2^32 divided by the golden ratio: neighbours, multiples of 256 and of the usual segment sizes differ.
    let mixed = (offset as u32).wrapping_mul(0x9e37_79b1) >> 24;
    match stream {
        Stream::ToStack => mixed as u8,
        Stream::FromStack => !mixed as u8,
    }
}

/// `len` octets from an offset on.
pub fn fill(stream: Stream, offset: u64, len: usize) -> Vec<u8> {
    (offset..offset + len as u64).map(|at| octet(stream, at)).collect()
}

/// Index of the first octet that is not the stream's.
pub fn difference(stream: Stream, offset: u64, data: &[u8]) -> Option<usize> {
    data.iter().zip(offset..).position(|(got, at)| *got != octet(stream, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_from_the_wrong_place_are_seen() {
        for stream in [Stream::ToStack, Stream::FromStack] {
            let data = fill(stream, 5000, 1460);
            assert_eq!(difference(stream, 5000, &data), None);
            for shift in [1, 2, 4, 255, 256, 512, 536, 1000, 1024, 1460, 4096, 65536] {
                let at = difference(stream, 5000 + shift, &data);
                assert!(at.is_some_and(|at| at < 8), "{shift}: {at:?}");
            }
        }
        let other = fill(Stream::ToStack, 0, 4);
        assert_eq!(difference(Stream::FromStack, 0, &other), Some(0));
        assert!(difference(Stream::ToStack, 0, &[0; 16]).is_some());
    }
}
