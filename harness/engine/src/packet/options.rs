//! The option area of a TCP header (RFC 9293 3.2), option by option.

/// One option as octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawOption<'a> {
    /// End of the option list; what follows it is padding.
    Eol,
    /// No operation.
    Nop,
    /// An option with a length.
    Known {
        /// Kind.
        kind: u8,
        /// Octets after the length.
        data: &'a [u8],
    },
    /// From here on the area makes no sense: the length is missing, below 2, or beyond the end.
    Malformed(&'a [u8]),
}

/// Kinds of the options that have a notation of their own.
pub mod kind {
    /// Maximum segment size (RFC 9293 3.2).
    pub const MSS: u8 = 2;
    /// Window scale (RFC 7323).
    pub const WINDOW_SCALE: u8 = 3;
    /// SACK permitted (RFC 2018).
    pub const SACK_PERMITTED: u8 = 4;
    /// SACK (RFC 2018).
    pub const SACK: u8 = 5;
    /// Timestamps (RFC 7323).
    pub const TIMESTAMPS: u8 = 8;
    /// MD5 signature (RFC 2385).
    pub const MD5: u8 = 19;
    /// TCP Fast Open (RFC 7413).
    pub const FAST_OPEN: u8 = 34;
    /// Accurate ECN, order 0 (RFC 9768).
    pub const ACC_ECN0: u8 = 172;
    /// Accurate ECN, order 1 (RFC 9768).
    pub const ACC_ECN1: u8 = 174;
    /// Experimental (RFC 6994); TCP Fast Open uses it with the identifier 0xF989.
    pub const EXPERIMENTAL: u8 = 254;
}

/// Identifier of TCP Fast Open in an experimental option (RFC 7413 4.1.1).
pub const FAST_OPEN_ID: [u8; 2] = [0xf9, 0x89];

/// Every option in order. An end-of-list option comes once per octet, as every octet of padding that is zero reads as one.
pub fn iter(mut area: &[u8]) -> impl Iterator<Item = RawOption<'_>> {
    std::iter::from_fn(move || {
        let (&kind, rest) = area.split_first()?;
        match kind {
            0 => {
                area = rest;
                Some(RawOption::Eol)
            }
            1 => {
                area = rest;
                Some(RawOption::Nop)
            }
            _ => {
                let len = rest.first().map_or(0, |len| usize::from(*len));
                if len < 2 || len > area.len() {
                    return Some(RawOption::Malformed(std::mem::take(&mut area)));
                }
                let (option, rest) = area.split_at(len);
                area = rest;
                Some(RawOption::Known { kind, data: &option[2..] })
            }
        }
    })
}
