//! Names of Linux constants on x86-64: what a system call line may say instead of a number.
//!
//! The numbers are Linux's whatever machine the harness runs on: they are the notation of scripts, and a SUT adapter
//! that needs others translates.

mod constants;
mod dscp;
mod elsewhere;
mod errnos;
mod icmp;

pub use icmp::{icmp, icmp_counterpart, icmp_name};

use constants::CONSTANTS;
use errnos::ERRNOS;

/// Value of a constant: `SOL_SOCKET`, `TCP_NODELAY`, `POLLIN`, `ECONNRESET` ...
pub fn value(name: &str) -> Option<i64> {
    let found = CONSTANTS.binary_search_by(|(known, _)| (*known).cmp(name));
    found.ok().map(|index| CONSTANTS[index].1).or_else(|| errno(name).map(i64::from))
}

/// Number of an errno name.
pub fn errno(name: &str) -> Option<i32> {
    ERRNOS.iter().find(|(_, known, _)| *known == name).map(|(number, _, _)| *number)
}

/// Name of an errno number; the more usual one where there are two (`EAGAIN`).
pub fn errno_name(number: i32) -> Option<&'static str> {
    ERRNOS.iter().find(|(known, _, _)| *known == number).map(|(_, name, _)| *name)
}

/// What `strerror` says of an errno number.
pub fn errno_text(number: i32) -> Option<&'static str> {
    ERRNOS.iter().find(|(known, _, _)| *known == number).map(|(_, _, text)| *text)
}

/// Every constant and errno name, for suggestions.
pub fn names() -> impl Iterator<Item = &'static str> {
    CONSTANTS.iter().map(|(name, _)| *name).chain(ERRNOS.iter().map(|(_, name, _)| *name))
}

/// First name with a prefix that has this value, e.g. `name_of("SO_", 2)` is `SO_REUSEADDR`.
pub fn name_of(prefix: &str, value: i64) -> Option<&'static str> {
    CONSTANTS.iter().find(|(name, known)| *known == value && name.starts_with(prefix)).map(|(name, _)| *name)
}

pub(crate) use dscp::{dscp, dscp_names};
pub use elsewhere::elsewhere;
pub(crate) use icmp::icmp_words;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_without_duplicates() {
        assert!(CONSTANTS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(ERRNOS.is_sorted_by_key(|(number, _, _)| *number));
        assert!(names().filter(|name| name.starts_with('E') && !name.contains('_')).all(|name| value(name).is_some()));
    }

    #[test]
    fn well_known_names_have_their_values() {
        let table = [
            ("SOL_SOCKET", 1),
            ("SO_REUSEADDR", 2),
            ("SO_ERROR", 4),
            ("SOL_TCP", 6),
            ("TCP_NODELAY", 1),
            ("TCP_INFO", 11),
            ("TCP_USER_TIMEOUT", 18),
            ("IPPROTO_TCP", 6),
            ("SOCK_STREAM", 1),
            ("SOCK_NONBLOCK", 0o4000),
            ("AF_INET6", 10),
            ("MSG_DONTWAIT", 0x40),
            ("POLLRDHUP", 0x2000),
            ("EPOLLET", 0x8000_0000),
            ("F_SETFL", 4),
            ("SHUT_WR", 1),
            ("SIOCINQ", 0x541b),
            ("TCP_CLOSE_WAIT", 8),
            ("ECONNRESET", 104),
        ];
        for (name, number) in table {
            assert_eq!(value(name), Some(number), "{name}");
        }
        assert_eq!(value("SO_REUSEADR"), None);
    }

    #[test]
    fn errno_is_known_both_ways() {
        assert_eq!(errno("EWOULDBLOCK"), Some(11));
        assert_eq!(errno_name(11), Some("EAGAIN"));
        assert_eq!(errno_text(115), Some("Operation now in progress"));
        assert_eq!(errno_name(0), None);
    }
}
