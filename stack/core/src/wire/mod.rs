//! Octets to and from headers: IPv4 (RFC 791), IPv6 (RFC 8200), TCP (RFC 9293 3.1), ICMP (RFC 792, RFC 4443).
//!
//! Parsing is total: any octets give either a value or the one [`Malformed`] that names the first fault found, outermost
//! header first. A value that was parsed has passed every check that its RFC puts on the receiver, checksums included.
//! Deliberately absent: jumbograms, and generating anything that a peer would have to refuse.

pub mod checksum;
pub mod fragment;
pub mod icmp;
pub mod ip;
pub mod ipv4;
pub mod ipv6;
mod malformed;
pub mod tcp;
pub mod tcp_options;

pub use malformed::Malformed;

/// Two octets at `at`, network order. The caller has checked the length.
#[inline]
fn u16_at(octets: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([octets[at], octets[at + 1]])
}

/// Four octets at `at`, network order. The caller has checked the length.
#[inline]
fn u32_at(octets: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]])
}
