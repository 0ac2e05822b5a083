//! Values on both sides of what stacks compare with.

use super::Name;

/// Windows on the wire. With one constant window a stack that ignores windows goes unnoticed.
pub const WINDOWS: &[u16] =
    &[65_535, 65_535, 0, 1, 2, 48, 100, 535, 536, 1000, 1459, 1460, 1461, 4096, 8192, 32_768, 40_000];

/// Octets of text, of calls and of SACK blocks.
pub const LENGTHS: &[u16] =
    &[0, 1, 1, 2, 9, 10, 48, 100, 500, 535, 536, 1000, 1447, 1448, 1459, 1460, 2000, 2920, 4096, 8192, 16_000];

/// Octets of text that cost little.
pub const SHORT: &[u16] = &[0, 1, 1, 2, 9, 10, 24, 48, 64];

/// Octets of text on both sides of what fits into a segment.
pub const SEGMENTS: &[u16] = &[76, 88, 100, 500, 535, 536, 1000, 1447, 1448, 1459, 1460];

/// Distances of numbers.
pub const OFFSETS: &[i16] = &[
    0,
    0,
    0,
    0,
    1,
    -1,
    2,
    -2,
    5,
    10,
    -10,
    20,
    100,
    -100,
    500,
    1000,
    -1000,
    1448,
    1460,
    -1460,
    4000,
    -4000,
    i16::MAX,
    i16::MIN,
];

/// Times on both sides of delayed ACKs, timeouts and probes.
pub const MICROS: &[u32] = &[
    1,
    1_000,
    10_000,
    39_999,
    40_000,
    100_000,
    199_999,
    200_000,
    200_001,
    499_999,
    500_000,
    1_000_000,
    1_000_001,
    2_000_000,
    3_000_000,
    5_000_000,
    30_000_000,
    60_000_000,
    130_000_000,
    240_000_000,
    1_000_000_000,
];

/// Control bits, the usual ones often.
pub const FLAGS: &[u8] = &[
    0x10, 0x10, 0x10, 0x18, 0x18, 0x11, 0x11, 0x04, 0x14, 0x02, 0x12, 0x01, 0x00, 0x30, 0x31, 0x03, 0x06, 0x13, 0x17,
    0x50, 0x90, 0xc2, 0x38, 0x08, 0x20, 0xff,
];

/// Values of socket options.
pub const OPTION_VALUES: &[u16] = &[0, 1, 1, 2, 3, 10, 48, 88, 100, 536, 1000, 1460, 2304, 8192, 65_535];

/// Every socket option of the language.
pub const NAMES: &[Name] = &[
    Name::NoDelay,
    Name::Cork,
    Name::KeepAlive,
    Name::KeepIdle,
    Name::KeepIntvl,
    Name::KeepCnt,
    Name::UserTimeout,
    Name::SndBuf,
    Name::RcvBuf,
    Name::MaxSeg,
    Name::Linger2,
    Name::QuickAck,
    Name::WindowClamp,
    Name::Ttl,
    Name::RecvErr,
    Name::SynCnt,
    Name::RcvLowat,
    Name::OobInline,
    Name::DeferAccept,
    Name::NotSentLowAt,
];
