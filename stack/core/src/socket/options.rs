//! Socket options, and the values of one socket.

use crate::config::FastOpenKeys;
use alloc::boxed::Box;
use core::time::Duration;

/// An option and the value to give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketOption {
    /// `SO_LINGER`: `None` is off. `Some(0)` makes `close` abort. A longer time has no effect: `close` never blocks here.
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
}

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
}

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
    pub(crate) max_seg: Option<u16>,
    pub(crate) keep_idle: Option<u32>,
    pub(crate) keep_intvl: Option<u32>,
    pub(crate) keep_cnt: Option<u32>,
    pub(crate) syn_cnt: Option<u32>,
    pub(crate) user_timeout: Duration,
    pub(crate) linger2: Option<i32>,
    pub(crate) window_clamp: u32,
    pub(crate) ttl: Option<u8>,
    pub(crate) tos: u8,
    pub(crate) recv_err: bool,
    pub(crate) fast_open_queue: Option<u32>,
    pub(crate) fast_open_connect: bool,
    pub(crate) fast_open_no_cookie: bool,
    /// Boxed, because every connection has these options and hardly one has keys.
    pub(crate) fast_open_keys: Option<Box<FastOpenKeys>>,
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
            max_seg: None,
            keep_idle: None,
            keep_intvl: None,
            keep_cnt: None,
            syn_cnt: None,
            user_timeout: Duration::ZERO,
            linger2: None,
            window_clamp: 0,
            ttl: None,
            tos: 0,
            recv_err: false,
            fast_open_queue: None,
            fast_open_connect: false,
            fast_open_no_cookie: false,
            fast_open_keys: None,
        }
    }
}
