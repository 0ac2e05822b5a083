//! Socket options, and the values of one socket.

use crate::config::{Config, CongestionControl, FastOpenKeys};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

/// An option and the value to give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketOption {
    /// `SO_LINGER`: `None` is off. `Some(0)` makes `close` abort. With a longer time
    /// [`crate::Stack::close_lingering`] tells what to wait for.
    Linger(Option<Duration>),
    /// `SO_REUSEADDR`
    ReuseAddr(bool),
    /// `SO_KEEPALIVE`
    KeepAlive(bool),
    /// `SO_OOBINLINE`
    OobInline(bool),
    /// `SO_SNDBUF` in octets as given by the caller, before Linux's doubling.
    SndBuf(u32),
    /// `SO_RCVBUF` in octets as given by the caller, before Linux's doubling.
    RcvBuf(u32),
    /// `SO_RCVLOWAT`
    RcvLowat(u32),
    /// `TCP_NODELAY`
    NoDelay(bool),
    /// `TCP_CORK`
    Cork(bool),
    /// `TCP_CONGESTION`
    Congestion(CongestionControl),
    /// `TCP_MAXSEG`: upper bound of the segment size in both directions.
    MaxSeg(u16),
    /// `TCP_KEEPIDLE`, seconds.
    KeepIdle(u32),
    /// `TCP_KEEPINTVL`, seconds.
    KeepIntvl(u32),
    /// `TCP_KEEPCNT`
    KeepCnt(u32),
    /// `TCP_SYNCNT`: retransmissions of this socket's SYN.
    SynCnt(u32),
    /// `TCP_USER_TIMEOUT`; zero is off.
    UserTimeout(Duration),
    /// `TCP_DEFER_ACCEPT`: how long a listener waits for text before it hands out a connection, seconds; 0 is off.
    DeferAccept(i32),
    /// `TCP_LINGER2`: limit of FIN-WAIT-2 after `close`, seconds; negative means none of FIN-WAIT-2 at all.
    Linger2(i32),
    /// `TCP_QUICKACK`: ACKs are not delayed until delaying pays again.
    QuickAck(bool),
    /// `TCP_WINDOW_CLAMP`: upper bound of the window offered, octets; 0 is none.
    WindowClamp(u32),
    /// `IP_TTL` or `IPV6_UNICAST_HOPS`
    Ttl(u8),
    /// `IP_TOS` or `IPV6_TCLASS`, all eight bits; the two ECN bits are dropped.
    Tos(u8),
    /// `IP_RECVERR`: soft errors are reported at once.
    RecvErr(bool),
    /// `TCP_FASTOPEN`: how many connections of a listener may be in use before their handshake is over; 0 is none.
    FastOpen(u32),
    /// `TCP_FASTOPEN_CONNECT`: `connect` waits for the first `send`, to have its text on the SYN.
    FastOpenConnect(bool),
    /// `TCP_FASTOPEN_NO_COOKIE`: text on a SYN without cookie, sent or believed.
    FastOpenNoCookie(bool),
    /// `TCP_FASTOPEN_KEY`
    FastOpenKeys(FastOpenKeys),
    /// `SO_REUSEPORT`: sockets of this option share a local socket, and segments are spread over the listeners among them.
    ReusePort(bool),
    /// `IP_BIND_ADDRESS_NO_PORT`: `bind` to port 0 leaves the choice of the port to `connect`.
    BindAddressNoPort(bool),
    /// `IP_LOCAL_PORT_RANGE`: first and last ephemeral port of this socket; 0 is that of the stack.
    LocalPortRange(u16, u16),
    /// `IP_FREEBIND` or `IP_TRANSPARENT`: `bind` takes addresses that are not this host's.
    FreeBind(bool),
    /// `TCP_NOTSENT_LOWAT`: octets that may wait to be sent before a writer waits too.
    NotSentLowAt(u32),
    /// `TCP_INQ`: `recvmsg` tells how much is left to read; see [`crate::Stack::inq`].
    Inq(bool),
    /// `TCP_RTO_MAX_MS`: upper bound of this socket's retransmission timeout, milliseconds.
    RtoMaxMs(u32),
    /// `TCP_RTO_MIN_US`: lower bound of this socket's retransmission timeout, microseconds.
    RtoMinUs(u32),
    /// `TCP_DELACK_MAX_US`: upper bound of the delay of this socket's ACKs, microseconds.
    DelAckMaxUs(u32),
    /// `SO_PRIORITY`: kept and given back; there is no queue that it would sort.
    Priority(u32),
    /// `SO_MARK`: kept and given back; there is no routing that it would choose.
    Mark(u32),
    /// `SO_MAX_PACING_RATE`, octets a second: an upper bound of what `TCP_INFO` tells. Nothing is paced.
    MaxPacingRate(u32),
    /// `IP_MTU_DISCOVER` or `IPV6_MTU_DISCOVER`, by Linux's numbers 0 to 5: whether routers may fragment, and whether ICMP errors
    /// lower the path MTU.
    MtuDiscover(u8),
    /// `IPV6_V6ONLY`: whether an `AF_INET6` socket leaves IPv4-mapped addresses to others.
    V6Only(bool),
}

/// A key of `TCP_MD5SIG`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Md5Key {
    pub(crate) peer: IpAddr,
    pub(crate) key: Vec<u8>,
}

/// Keys of one socket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Md5Keys(pub(crate) Vec<Md5Key>);

/// An option to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionName {
    /// `SO_ERROR`: the pending error's number, and clears it.
    Error,
    /// `SO_ACCEPTCONN`
    AcceptConn,
    /// `SO_LINGER`: seconds, or -1 when off.
    Linger,
    /// `SO_REUSEADDR`
    ReuseAddr,
    /// `SO_KEEPALIVE`
    KeepAlive,
    /// `SO_OOBINLINE`
    OobInline,
    /// `SO_SNDBUF`, doubled as Linux does.
    SndBuf,
    /// `SO_RCVBUF`, doubled as Linux does.
    RcvBuf,
    /// `SO_RCVLOWAT`
    RcvLowat,
    /// `TCP_NODELAY`
    NoDelay,
    /// `TCP_CORK`
    Cork,
    /// `TCP_CONGESTION`: 0 is `reno`, 1 is `cubic`.
    Congestion,
    /// `TCP_MAXSEG`: the send segment size in use, options deducted.
    MaxSeg,
    /// `TCP_KEEPIDLE`
    KeepIdle,
    /// `TCP_KEEPINTVL`
    KeepIntvl,
    /// `TCP_KEEPCNT`
    KeepCnt,
    /// `TCP_SYNCNT`
    SynCnt,
    /// `TCP_USER_TIMEOUT`, milliseconds.
    UserTimeout,
    /// `TCP_DEFER_ACCEPT`, seconds
    DeferAccept,
    /// `TCP_LINGER2`
    Linger2,
    /// `TCP_QUICKACK`
    QuickAck,
    /// `TCP_WINDOW_CLAMP`
    WindowClamp,
    /// `IP_TTL` or `IPV6_UNICAST_HOPS`
    Ttl,
    /// `IP_TOS` or `IPV6_TCLASS`
    Tos,
    /// `IP_RECVERR`
    RecvErr,
    /// `TCP_FASTOPEN`
    FastOpen,
    /// `TCP_FASTOPEN_CONNECT`
    FastOpenConnect,
    /// `TCP_FASTOPEN_NO_COOKIE`
    FastOpenNoCookie,
    /// `SO_REUSEPORT`
    ReusePort,
    /// `IP_BIND_ADDRESS_NO_PORT`
    BindAddressNoPort,
    /// `IP_LOCAL_PORT_RANGE`: the last port in the upper 16 bits, the first in the lower.
    LocalPortRange,
    /// `IP_FREEBIND` or `IP_TRANSPARENT`
    FreeBind,
    /// `TCP_NOTSENT_LOWAT`
    NotSentLowAt,
    /// `TCP_INQ`
    Inq,
    /// `TCP_RTO_MAX_MS`
    RtoMaxMs,
    /// `TCP_RTO_MIN_US`
    RtoMinUs,
    /// `TCP_DELACK_MAX_US`
    DelAckMaxUs,
    /// `SO_PRIORITY`
    Priority,
    /// `SO_MARK`
    Mark,
    /// `SO_MAX_PACING_RATE`
    MaxPacingRate,
    /// `IP_MTU_DISCOVER` or `IPV6_MTU_DISCOVER`
    MtuDiscover,
    /// `IP_MTU` or `IPV6_MTU`: the path MTU of the connection, -1 without one.
    Mtu,
    /// `IPV6_V6ONLY`
    V6Only,
    /// `TCP_TIMESTAMP`: the clock of this socket's timestamps.
    Timestamp,
}

/// Options, as a socket and its connection have them together, and a listener with what it makes: who changes some takes a
/// copy of its own. An idle connection costs none that way, and an event finds those of a busy listener in the cache.
pub(crate) type Shared = Arc<Options>;

/// The options of one socket. `None`: the stack's [`crate::Config`] decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) linger: Option<Duration>,
    pub(crate) reuse_addr: bool,
    pub(crate) keep_alive: bool,
    pub(crate) oob_inline: bool,
    /// Octets of payload, not doubled.
    pub(crate) snd_buf: Option<u32>,
    /// Octets of window, not doubled.
    pub(crate) rcv_buf: Option<u32>,
    pub(crate) rcv_lowat: u32,
    pub(crate) no_delay: bool,
    pub(crate) cork: bool,
    pub(crate) congestion: Option<CongestionControl>,
    pub(crate) max_seg: Option<u16>,
    pub(crate) user_timeout: Duration,
    /// As retransmissions of the SYN,ACK.
    pub(crate) defer_accept: u8,
    pub(crate) window_clamp: u32,
    pub(crate) ttl: Option<u8>,
    pub(crate) tos: u8,
    pub(crate) recv_err: bool,
    /// Keys given before the socket had a local port.
    pub(crate) md5_keys: Option<Box<Md5Keys>>,
    pub(crate) fast_open_queue: Option<u32>,
    pub(crate) fast_open_connect: bool,
    pub(crate) fast_open_no_cookie: bool,
    /// Boxed, because every connection has these options and hardly one has keys.
    pub(crate) fast_open_keys: Option<Box<FastOpenKeys>>,
    pub(crate) reuse_port: bool,
    pub(crate) v6_only: bool,
    /// What few sockets set.
    rare: Option<Box<Rare>>,
}

/// Options that few sockets set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Rare {
    pub(crate) linger2: Option<i32>,
    pub(crate) syn_cnt: Option<u32>,
    pub(crate) keep_cnt: Option<u32>,
    pub(crate) keep_intvl: Option<u32>,
    pub(crate) keep_idle: Option<u32>,
    pub(crate) bind_address_no_port: bool,
    pub(crate) local_port_range: (u16, u16),
    pub(crate) free_bind: bool,
    pub(crate) not_sent_low_at: Option<u32>,
    pub(crate) inq: bool,
    pub(crate) rto_max_ms: Option<u32>,
    pub(crate) rto_min_us: Option<u32>,
    pub(crate) del_ack_max_us: Option<u32>,
    pub(crate) priority: u32,
    pub(crate) mark: u32,
    pub(crate) max_pacing_rate: Option<u32>,
    pub(crate) mtu_discover: Option<u8>,
}

/// Nothing set.
static COMMON: Rare = Rare {
    linger2: None,
    syn_cnt: None,
    keep_cnt: None,
    keep_intvl: None,
    keep_idle: None,
    bind_address_no_port: false,
    local_port_range: (0, 0),
    free_bind: false,
    not_sent_low_at: None,
    inq: false,
    rto_max_ms: None,
    rto_min_us: None,
    del_ack_max_us: None,
    priority: 0,
    mark: 0,
    max_pacing_rate: None,
    mtu_discover: None,
};

impl Options {
    /// What few sockets set, as it is.
    pub(crate) fn rare(&self) -> &Rare {
        self.rare.as_deref().unwrap_or(&COMMON)
    }

    /// What few sockets set, to change.
    pub(crate) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// `TCP_NOTSENT_LOWAT`, octets. As in Linux 0 is the stack's.
    pub(crate) fn not_sent_low_at(&self, config: &Config) -> u32 {
        self.rare().not_sent_low_at.filter(|octets| *octets > 0).unwrap_or(config.tcp_notsent_lowat)
    }

    /// Longest delay of an ACK.
    pub(crate) fn delayed_ack(&self, config: &Config) -> Duration {
        let most = self.rare().del_ack_max_us.map_or(Duration::MAX, |us| Duration::from_micros(us.into()));
        config.delayed_ack.min(most)
    }

    /// First and last ephemeral port: the socket's, as far as the stack's range has them.
    pub(crate) fn port_range(&self, config: &Config) -> (u16, u16) {
        let (first, last) = config.ip_local_port_range;
        let (low, high) = self.rare().local_port_range;
        let low = if (first..=last).contains(&low) { low } else { first };
        let high = if (first..=last).contains(&high) { high } else { last };
        if low <= high { (low, high) } else { (first, last) }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            linger: None,
            reuse_addr: false,
            keep_alive: false,
            oob_inline: false,
            snd_buf: None,
            rcv_buf: None,
            rcv_lowat: 1,
            no_delay: false,
            cork: false,
            congestion: None,
            max_seg: None,
            user_timeout: Duration::ZERO,
            defer_accept: 0,
            window_clamp: 0,
            ttl: None,
            tos: 0,
            recv_err: false,
            md5_keys: None,
            fast_open_queue: None,
            fast_open_connect: false,
            fast_open_no_cookie: false,
            fast_open_keys: None,
            reuse_port: false,
            v6_only: false,
            rare: None,
        }
    }
}
