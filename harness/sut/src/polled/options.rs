//! Socket options: octets in Linux's layout on one side, [`Settings`] on the other.

use super::Settings;
use crate::numbers::*;
use crate::reference::described;
use halfopen_engine::sut::SutError;
use halfopen_stack::Errno;
use std::time::Duration;

/// Why an option is not set.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The call fails, as on Linux.
    Errno(Errno),
    /// The stack does not have it.
    Absent(String),
    /// So the stack says itself.
    Stack(SutError),
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

/// Puts an option into the settings, when the stack has it.
pub(super) fn set(
    settings: &mut Settings,
    has: &[&str],
    (level, name): (i32, i32),
    value: &[u8],
) -> Result<(), Refusal> {
    let word = described(level, name);
    if !has.contains(&word.as_str()) {
        return Err(Refusal::Absent(word));
    }
    match (level, name) {
        (SOL_SOCKET, SO_RCVBUF) => settings.receive_buffer = Some(number(value)?),
        (SOL_SOCKET, SO_SNDBUF) => settings.send_buffer = Some(number(value)?),
        (SOL_SOCKET, SO_KEEPALIVE) => settings.keep_alive = int(value)? != 0,
        (IPPROTO_TCP, TCP_MAXSEG) => settings.max_seg = Some(number(value)?),
        (IPPROTO_TCP, TCP_NODELAY) => settings.no_delay = int(value)? != 0,
        (IPPROTO_TCP, TCP_QUICKACK) => settings.quick_ack = int(value)? != 0,
        (IPPROTO_TCP, TCP_KEEPIDLE) => settings.keep_idle = Some(Duration::from_secs(number(value)?)),
        (IPPROTO_TCP, TCP_KEEPINTVL) => settings.keep_interval = Some(Duration::from_secs(number(value)?)),
        (IPPROTO_TCP, TCP_KEEPCNT) => settings.keep_count = Some(number(value)?),
        (IPPROTO_TCP, TCP_USER_TIMEOUT) => {
            let timeout = Duration::from_millis(number(value)?);
            settings.user_timeout = (!timeout.is_zero()).then_some(timeout);
        }
        (IPPROTO_IP, IP_TTL) | (IPPROTO_IPV6, IPV6_UNICAST_HOPS) => settings.hop_limit = Some(octet(value)?),
        (IPPROTO_IP, IP_TOS) | (IPPROTO_IPV6, IPV6_TCLASS) => settings.traffic_class = Some(octet(value)?),
        (IPPROTO_TCP, TCP_CONGESTION) => {
            let text = String::from_utf8_lossy(value);
            settings.congestion = Some(text.trim_end_matches('\0').to_owned());
        }
        _ => return Err(Refusal::Absent(word)),
    }
    Ok(())
}

/// The int that a value is; Linux refuses fewer octets.
pub(super) fn int(value: &[u8]) -> Result<i32, Errno> {
    value.first_chunk().map(|octets| i32::from_ne_bytes(*octets)).ok_or(Errno::EINVAL)
}

/// A number that must fit.
fn number<T: TryFrom<i32>>(value: &[u8]) -> Result<T, Errno> {
    T::try_from(int(value)?).map_err(|_| Errno::EINVAL)
}

/// Options of the IP level may be given in one octet.
fn octet(value: &[u8]) -> Result<u8, Errno> {
    match value {
        [octet] => Ok(*octet),
        _ => number(value),
    }
}
