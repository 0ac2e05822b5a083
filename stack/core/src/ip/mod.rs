//! What the IP layer remembers from datagram to datagram.

pub(crate) mod error_limit;
pub(crate) mod reassembly;
