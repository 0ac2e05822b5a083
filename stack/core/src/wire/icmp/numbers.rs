//! Types and codes as numbers.

use super::{Problem, TimeExceeded, UnreachableV4, UnreachableV6};

pub(super) const ECHO_REPLY_V4: u8 = 0;
pub(super) const UNREACHABLE_V4: u8 = 3;
pub(super) const SOURCE_QUENCH_V4: u8 = 4;
pub(super) const REDIRECT_V4: u8 = 5;
pub(super) const ECHO_REQUEST_V4: u8 = 8;
pub(super) const TIME_EXCEEDED_V4: u8 = 11;
pub(super) const PARAMETER_PROBLEM_V4: u8 = 12;

/// Code of [`UNREACHABLE_V4`] that is path MTU discovery's.
pub(super) const FRAGMENTATION_NEEDED: u8 = 4;

pub(super) const UNREACHABLE_V6: u8 = 1;
pub(super) const PACKET_TOO_BIG_V6: u8 = 2;
pub(super) const TIME_EXCEEDED_V6: u8 = 3;
pub(super) const PARAMETER_PROBLEM_V6: u8 = 4;
/// Types from here on are informational (RFC 4443 2.1).
pub(super) const FIRST_INFORMATIONAL_V6: u8 = 128;
pub(super) const ECHO_REQUEST_V6: u8 = 128;
pub(super) const ECHO_REPLY_V6: u8 = 129;
pub(super) const REDIRECT_V6: u8 = 137;

/// Code of [`PARAMETER_PROBLEM_V6`]: unrecognized next header.
pub(super) const UNKNOWN_NEXT_HEADER: u8 = 1;
/// Code of [`PARAMETER_PROBLEM_V6`]: unrecognized option.
pub(super) const UNKNOWN_OPTION: u8 = 2;

/// Code of [`PARAMETER_PROBLEM_V6`]: the first fragment does not hold the whole header chain (RFC 7112).
pub(crate) const INCOMPLETE_HEADER_CHAIN: u8 = 3;

macro_rules! codes {
    ($name:ident: $($variant:ident = $code:literal),*) => {
        impl $name {
            /// From the code on the wire.
            #[must_use]
            pub const fn from_code(code: u8) -> Self {
                match code {
                    $($code => Self::$variant,)*
                    other => Self::Other(other),
                }
            }

            /// The code on the wire.
            #[must_use]
            pub const fn code(self) -> u8 {
                match self {
                    $(Self::$variant => $code,)*
                    Self::Other(code) => code,
                }
            }
        }
    };
}

codes! { UnreachableV4:
    Network = 0, Host = 1, Protocol = 2, Port = 3, SourceRouteFailed = 5, NetworkUnknown = 6, HostUnknown = 7,
    SourceHostIsolated = 8, NetworkProhibited = 9, HostProhibited = 10, NetworkForService = 11, HostForService = 12,
    CommunicationProhibited = 13, HostPrecedence = 14, PrecedenceCutoff = 15
}

codes! { UnreachableV6:
    NoRoute = 0, Prohibited = 1, BeyondScope = 2, Address = 3, Port = 4, SourcePolicy = 5, RejectRoute = 6,
    SourceRoutingHeader = 7
}

codes! { TimeExceeded: Transit = 0, Reassembly = 1 }

/// Type, code, and the four octets behind the checksum.
pub(super) fn first_octets_v4(problem: Problem) -> (u8, u8, [u8; 4]) {
    match problem {
        Problem::UnreachableV4(code) => (UNREACHABLE_V4, code.code(), [0; 4]),
        Problem::UnreachableV6(_) => panic!("{problem:?} in an IPv4 datagram"),
        Problem::PacketTooBig { mtu } => {
            (UNREACHABLE_V4, FRAGMENTATION_NEEDED, mtu.min(u32::from(u16::MAX)).to_be_bytes())
        }
        Problem::TimeExceeded(code) => (TIME_EXCEEDED_V4, code.code(), [0; 4]),
        Problem::ParameterProblem { code, pointer } => (PARAMETER_PROBLEM_V4, code, (pointer << 24).to_be_bytes()),
    }
}

/// Type, code, and the four octets behind the checksum.
pub(super) fn first_octets_v6(problem: Problem) -> (u8, u8, [u8; 4]) {
    match problem {
        Problem::UnreachableV4(_) => panic!("{problem:?} in an IPv6 datagram"),
        Problem::UnreachableV6(code) => (UNREACHABLE_V6, code.code(), [0; 4]),
        Problem::PacketTooBig { mtu } => (PACKET_TOO_BIG_V6, 0, mtu.to_be_bytes()),
        Problem::TimeExceeded(code) => (TIME_EXCEEDED_V6, code.code(), [0; 4]),
        Problem::ParameterProblem { code, pointer } => (PARAMETER_PROBLEM_V6, code, pointer.to_be_bytes()),
    }
}
