//! Socket options: octets in Linux's layout on one side, the stack's typed values on the other.

use super::numbers::*;
use halfopen_engine::sut::SutError;
use halfopen_script::symbols::{names, value};
use halfopen_stack::Errno;
use halfopen_stack::config;
use halfopen_stack::socket::{OptionName, SocketOption};
use std::net::IpAddr;
use std::time::Duration;

/// Why an option cannot be set or read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The call fails, as on Linux.
    Errno(Errno),
    /// The stack does not have it.
    Absent(SutError),
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

/// What `setsockopt` with these octets asks for.
pub(super) fn decode(level: i32, name: i32, value: &[u8]) -> Result<SocketOption, Refusal> {
    use SocketOption::*;
    let option = match (level, name) {
        (SOL_SOCKET, SO_LINGER) => {
            let (on, seconds) = (word(value, 0)?, word(value, 4)?);
            Linger((on != 0).then(|| Duration::from_secs(seconds.cast_unsigned().into())))
        }
        (SOL_SOCKET, SO_REUSEADDR) => ReuseAddr(flag(value)?),
        (SOL_SOCKET, SO_KEEPALIVE) => KeepAlive(flag(value)?),
        (SOL_SOCKET, SO_OOBINLINE) => OobInline(flag(value)?),
        // Linux takes a negative size for a huge one, which the upper bound then cuts.
        (SOL_SOCKET, SO_SNDBUF) => SndBuf(word(value, 0)?.cast_unsigned()),
        (SOL_SOCKET, SO_RCVBUF) => RcvBuf(word(value, 0)?.cast_unsigned()),
        (SOL_SOCKET, SO_RCVLOWAT) => RcvLowat(u32::try_from(word(value, 0)?).unwrap_or(u32::MAX)),
        (SOL_SOCKET, SO_REUSEPORT) => ReusePort(flag(value)?),
        (SOL_SOCKET, SO_PRIORITY) => Priority(word(value, 0)?.cast_unsigned()),
        (SOL_SOCKET, SO_MARK) => Mark(word(value, 0)?.cast_unsigned()),
        (SOL_SOCKET, SO_MAX_PACING_RATE) => MaxPacingRate(word(value, 0)?.cast_unsigned()),
        (IPPROTO_TCP, TCP_NODELAY) => NoDelay(flag(value)?),
        (IPPROTO_TCP, TCP_CORK) => Cork(flag(value)?),
        (IPPROTO_TCP, TCP_MAXSEG) => MaxSeg(number(value)?),
        (IPPROTO_TCP, TCP_KEEPIDLE) => KeepIdle(number(value)?),
        (IPPROTO_TCP, TCP_KEEPINTVL) => KeepIntvl(number(value)?),
        (IPPROTO_TCP, TCP_KEEPCNT) => KeepCnt(number(value)?),
        (IPPROTO_TCP, TCP_SYNCNT) => SynCnt(number(value)?),
        (IPPROTO_TCP, TCP_LINGER2) => Linger2(word(value, 0)?),
        (IPPROTO_TCP, TCP_DEFER_ACCEPT) => DeferAccept(word(value, 0)?),
        (IPPROTO_TCP, TCP_WINDOW_CLAMP) => WindowClamp(number(value)?),
        (IPPROTO_TCP, TCP_QUICKACK) => QuickAck(flag(value)?),
        (IPPROTO_TCP, TCP_USER_TIMEOUT) => UserTimeout(Duration::from_millis(number::<u32>(value)?.into())),
        (IPPROTO_TCP, TCP_FASTOPEN) => FastOpen(number(value)?),
        (IPPROTO_TCP, TCP_FASTOPEN_CONNECT) => FastOpenConnect(flag(value)?),
        (IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE) => FastOpenNoCookie(flag(value)?),
        (IPPROTO_TCP, TCP_FASTOPEN_KEY) => FastOpenKeys(keys(value)?),
        (IPPROTO_TCP, TCP_TIMESTAMP) => return Err(Errno::EPERM.into()),
        (IPPROTO_TCP, TCP_NOTSENT_LOWAT) => NotSentLowAt(word(value, 0)?.cast_unsigned()),
        (IPPROTO_TCP, TCP_INQ) => match word(value, 0)? {
            on @ (0 | 1) => Inq(on == 1),
            _ => return Err(Errno::EINVAL.into()),
        },
        (IPPROTO_TCP, TCP_RTO_MAX_MS) => RtoMaxMs(number(value)?),
        (IPPROTO_TCP, TCP_RTO_MIN_US) => RtoMinUs(number(value)?),
        (IPPROTO_TCP, TCP_DELACK_MAX_US) => DelAckMaxUs(number(value)?),
        (IPPROTO_IP, IP_MTU_DISCOVER) | (IPPROTO_IPV6, IPV6_MTU_DISCOVER) => MtuDiscover(octet(value)?),
        (IPPROTO_IP, IP_FREEBIND | IP_TRANSPARENT) => FreeBind(flag(value)?),
        (IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT) => BindAddressNoPort(flag(value)?),
        (IPPROTO_IP, IP_LOCAL_PORT_RANGE) => {
            let range = word(value, 0)?.cast_unsigned();
            LocalPortRange(range as u16, (range >> 16) as u16)
        }
        (IPPROTO_IPV6, IPV6_V6ONLY) => V6Only(flag(value)?),
        (IPPROTO_IP, IP_TTL) | (IPPROTO_IPV6, IPV6_UNICAST_HOPS) => Ttl(octet(value)?),
        (IPPROTO_IP, IP_TOS) | (IPPROTO_IPV6, IPV6_TCLASS) => Tos(match value {
            [octet] => *octet,
            // As in Linux what does not fit is cut off.
            _ => word(value, 0)? as u8,
        }),
        (IPPROTO_IP, IP_RECVERR) | (IPPROTO_IPV6, IPV6_RECVERR) => RecvErr(flag(value)?),
        (IPPROTO_TCP, TCP_CONGESTION) => {
            let text = String::from_utf8_lossy(value);
            let name = text.trim_end_matches('\0');
            let Some(control) = config::CongestionControl::by_name(name) else {
                return Err(Refusal::Absent(absent(&format!("congestion control `{name}`"))));
            };
            Congestion(control)
        }
        _ => return Err(Refusal::Absent(absent(&format!("socket option {}", described(level, name))))),
    };
    Ok(option)
}

/// Which option `getsockopt` names.
pub(super) fn named(level: i32, name: i32) -> Option<OptionName> {
    use OptionName::*;
    Some(match (level, name) {
        (SOL_SOCKET, SO_ERROR) => Error,
        (SOL_SOCKET, SO_ACCEPTCONN) => AcceptConn,
        (SOL_SOCKET, SO_LINGER) => Linger,
        (SOL_SOCKET, SO_REUSEADDR) => ReuseAddr,
        (SOL_SOCKET, SO_KEEPALIVE) => KeepAlive,
        (SOL_SOCKET, SO_OOBINLINE) => OobInline,
        (SOL_SOCKET, SO_SNDBUF) => SndBuf,
        (SOL_SOCKET, SO_RCVBUF) => RcvBuf,
        (SOL_SOCKET, SO_RCVLOWAT) => RcvLowat,
        (SOL_SOCKET, SO_REUSEPORT) => ReusePort,
        (SOL_SOCKET, SO_PRIORITY) => Priority,
        (SOL_SOCKET, SO_MARK) => Mark,
        (SOL_SOCKET, SO_MAX_PACING_RATE) => MaxPacingRate,
        (IPPROTO_TCP, TCP_NODELAY) => NoDelay,
        (IPPROTO_TCP, TCP_TIMESTAMP) => Timestamp,
        (IPPROTO_TCP, TCP_NOTSENT_LOWAT) => NotSentLowAt,
        (IPPROTO_TCP, TCP_INQ) => Inq,
        (IPPROTO_TCP, TCP_RTO_MAX_MS) => RtoMaxMs,
        (IPPROTO_TCP, TCP_RTO_MIN_US) => RtoMinUs,
        (IPPROTO_TCP, TCP_DELACK_MAX_US) => DelAckMaxUs,
        (IPPROTO_IP, IP_MTU_DISCOVER) | (IPPROTO_IPV6, IPV6_MTU_DISCOVER) => MtuDiscover,
        (IPPROTO_IP, IP_MTU) | (IPPROTO_IPV6, IPV6_MTU) => Mtu,
        (IPPROTO_IP, IP_FREEBIND | IP_TRANSPARENT) => FreeBind,
        (IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT) => BindAddressNoPort,
        (IPPROTO_IP, IP_LOCAL_PORT_RANGE) => LocalPortRange,
        (IPPROTO_IPV6, IPV6_V6ONLY) => V6Only,
        (IPPROTO_TCP, TCP_CORK) => Cork,
        (IPPROTO_TCP, TCP_CONGESTION) => Congestion,
        (IPPROTO_TCP, TCP_MAXSEG) => MaxSeg,
        (IPPROTO_TCP, TCP_KEEPIDLE) => KeepIdle,
        (IPPROTO_TCP, TCP_KEEPINTVL) => KeepIntvl,
        (IPPROTO_TCP, TCP_KEEPCNT) => KeepCnt,
        (IPPROTO_TCP, TCP_SYNCNT) => SynCnt,
        (IPPROTO_TCP, TCP_LINGER2) => Linger2,
        (IPPROTO_TCP, TCP_DEFER_ACCEPT) => DeferAccept,
        (IPPROTO_TCP, TCP_WINDOW_CLAMP) => WindowClamp,
        (IPPROTO_TCP, TCP_QUICKACK) => QuickAck,
        (IPPROTO_TCP, TCP_USER_TIMEOUT) => UserTimeout,
        (IPPROTO_TCP, TCP_FASTOPEN) => FastOpen,
        (IPPROTO_TCP, TCP_FASTOPEN_CONNECT) => FastOpenConnect,
        (IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE) => FastOpenNoCookie,
        (IPPROTO_IP, IP_TTL) | (IPPROTO_IPV6, IPV6_UNICAST_HOPS) => Ttl,
        (IPPROTO_IP, IP_TOS) | (IPPROTO_IPV6, IPV6_TCLASS) => Tos,
        (IPPROTO_IP, IP_RECVERR) | (IPPROTO_IPV6, IPV6_RECVERR) => RecvErr,
        _ => return None,
    })
}

/// The value of an option as Linux lays it out, cut to the room there is.
pub(super) fn encode(option: OptionName, value: i64, room: usize) -> Vec<u8> {
    // Numbers that fill all 32 bits come back as they went in; anything larger is cut to the largest int.
    let int = |value: i64| {
        let word = i32::try_from(value).or_else(|_| u32::try_from(value).map(u32::cast_signed));
        word.unwrap_or(i32::MAX).to_ne_bytes()
    };
    let mut octets = if option == OptionName::Linger {
        [int(i64::from(value >= 0)), int(value.max(0))].concat()
    } else if option == OptionName::Congestion {
        let controls = [config::CongestionControl::Reno, config::CongestionControl::Cubic];
        let name = controls.into_iter().find(|control| *control as i64 == value).map_or("", |control| control.name());
        // A field of 16 octets, as Linux's TCP_CA_NAME_MAX.
        let mut field = name.as_bytes().to_vec();
        field.resize(16, 0);
        field
    } else {
        int(value).to_vec()
    };
    octets.truncate(room);
    octets
}

/// What an option is called in scripts.
pub(crate) fn described(level: i32, name: i32) -> String {
    let prefix = match level {
        SOL_SOCKET => "SO_",
        IPPROTO_TCP => "TCP_",
        IPPROTO_IP => "IP_",
        IPPROTO_IPV6 => "IPV6_",
        _ => return format!("{name} of level {level}"),
    };
    let known = |known: &&str| known.starts_with(prefix) && value(known) == Some(name.into());
    names()
        .filter(known)
        .find(|known| !NO_OPTIONS.iter().any(|other| known.starts_with(other)))
        .map_or_else(|| format!("{prefix}... {name}"), str::to_owned)
}

/// Constants of scripts that are named like options and are none.
#[rustfmt::skip]
const NO_OPTIONS: &[&str] = &[
    "SO_EE_", "TCP_CA_", "TCP_ESTABLISHED", "TCP_SYN_SENT", "TCP_SYN_RECV", "TCP_FIN_WAIT", "TCP_TIME_WAIT", "TCP_CLOSE",
    "TCP_LAST_ACK", "TCP_LISTEN", "TCP_CLOSING", "TCP_NLA_", "TCP_MD5SIG_FLAG_", "TCP_NEW_SYN_RECV",
];

/// What the stack declares not to have.
pub(super) fn absent(what: &str) -> SutError {
    SutError::Unsupported(format!("the reference stack has no {what}"))
}

/// The int at an offset; Linux refuses fewer octets.
fn word(value: &[u8], at: usize) -> Result<i32, Errno> {
    let octets = value.get(at..at + 4).and_then(|octets| octets.try_into().ok());
    octets.map(i32::from_ne_bytes).ok_or(Errno::EINVAL)
}

fn flag(value: &[u8]) -> Result<bool, Errno> {
    word(value, 0).map(|word| word != 0)
}

/// One key, or two: the present one and the one before.
fn keys(value: &[u8]) -> Result<config::FastOpenKeys, Errno> {
    let key = |octets: &[u8]| <[u8; 16]>::try_from(octets).map_err(|_| Errno::EINVAL);
    match value.len() {
        16 => Ok(config::FastOpenKeys { primary: key(value)?, backup: None }),
        32 => Ok(config::FastOpenKeys { primary: key(&value[..16])?, backup: Some(key(&value[16..])?) }),
        _ => Err(Errno::EINVAL),
    }
}

/// `struct tcp_md5sig`: the peer's address and the key.
pub(super) fn md5_key(value: &[u8]) -> Result<(IpAddr, &[u8]), Errno> {
    let octets = |at: usize, count: usize| value.get(at..at + count).ok_or(Errno::EINVAL);
    let short = |at: usize| octets(at, 2).map(|two| usize::from(u16::from_ne_bytes([two[0], two[1]])));
    let peer = match short(0)? as i32 {
        AF_INET => IpAddr::from(<[u8; 4]>::try_from(octets(4, 4)?).map_err(|_| Errno::EINVAL)?),
        AF_INET6 => IpAddr::from(<[u8; 16]>::try_from(octets(8, 16)?).map_err(|_| Errno::EINVAL)?),
        _ => return Err(Errno::EINVAL),
    };
    let key = octets(136, 80)?;
    Ok((peer, key.get(..short(130)?).ok_or(Errno::EINVAL)?))
}

/// A number that must fit; one that does not is out of the range of any such option.
fn number<T: TryFrom<i32>>(value: &[u8]) -> Result<T, Errno> {
    T::try_from(word(value, 0)?).map_err(|_| Errno::EINVAL)
}

/// Options of the IP level may be given in one octet.
fn octet(value: &[u8]) -> Result<u8, Errno> {
    match value {
        [octet] => Ok(*octet),
        _ => number(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn int(value: i32) -> Vec<u8> {
        value.to_ne_bytes().to_vec()
    }

    #[rstest]
    #[case(SOL_SOCKET, SO_LINGER, [int(1), int(0)].concat(), SocketOption::Linger(Some(Duration::ZERO)))]
    #[case(SOL_SOCKET, SO_LINGER, [int(0), int(9)].concat(), SocketOption::Linger(None))]
    #[case(SOL_SOCKET, SO_REUSEADDR, int(1), SocketOption::ReuseAddr(true))]
    #[case(IPPROTO_TCP, TCP_USER_TIMEOUT, int(1500), SocketOption::UserTimeout(Duration::from_millis(1500)))]
    #[case(IPPROTO_IP, IP_TTL, vec![5], SocketOption::Ttl(5))]
    #[case(IPPROTO_IPV6, IPV6_UNICAST_HOPS, int(5), SocketOption::Ttl(5))]
    #[case(IPPROTO_TCP, TCP_LINGER2, int(-1), SocketOption::Linger2(-1))]
    fn octets_become_values(
        #[case] level: i32,
        #[case] name: i32,
        #[case] octets: Vec<u8>,
        #[case] option: SocketOption,
    ) {
        assert_eq!(decode(level, name, &octets), Ok(option));
    }

    #[rstest]
    #[case(IPPROTO_TCP, TCP_NODELAY, vec![1])]
    #[case(SOL_SOCKET, SO_LINGER, int(1))]
    #[case(IPPROTO_TCP, TCP_KEEPIDLE, int(-1))]
    #[case(IPPROTO_TCP, TCP_MAXSEG, int(65536))]
    #[case(IPPROTO_IP, IP_TTL, int(256))]
    fn bad_octets_are_invalid(#[case] level: i32, #[case] name: i32, #[case] octets: Vec<u8>) {
        assert_eq!(decode(level, name, &octets), Err(Refusal::Errno(Errno::EINVAL)));
    }

    #[rstest]
    #[case(SOL_SOCKET, 60, "SO_ZEROCOPY")]
    #[case(IPPROTO_TCP, 31, "TCP_ULP")]
    #[case(IPPROTO_TCP, 11, "TCP_INFO")]
    #[case(7, 8, "8 of level 7")]
    fn absent_options_are_named(#[case] level: i32, #[case] name: i32, #[case] text: &str) {
        let Err(Refusal::Absent(SutError::Unsupported(reason))) = decode(level, name, &int(1)) else {
            panic!("accepted")
        };
        assert!(reason.contains(text), "{reason}");
    }

    #[test]
    fn linger_takes_two_words() {
        assert_eq!(encode(OptionName::Linger, -1, 8), [int(0), int(0)].concat());
        assert_eq!(encode(OptionName::Linger, 7, 8), [int(1), int(7)].concat());
        assert_eq!(encode(OptionName::MaxSeg, 1460, 2), int(1460)[..2]);
    }
}
