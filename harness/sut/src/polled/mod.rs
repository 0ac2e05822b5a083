//! A seam for stacks that their caller drives: octets in, octets out, a clock that is an argument.
//!
//! [`PolledStack`] is what the author of such a stack writes; [`Polled`] makes a [`Sut`](halfopen_engine::sut::Sut) of it. What lies
//! between them is the same for every stack and is written once: descriptors, calls that block, `errno`, `poll`, the reason why a
//! connection ended, the virtual clock that jumps from timer to timer. None of it decides what goes over the wire.
//!
//! What a stack does not have ends a test as `unsupported`, with the word: an option that is not in [`PolledStack::OPTIONS`], a
//! tunable that [`PolledStack::sysctl`] does not know, a call that the trait has no method for.

mod calls;
mod commands;
mod options;
mod poll;
mod sut;

pub use sut::Polled;

pub use halfopen_engine::sut::{Micros, Setup, SutError};

use std::fmt::{self, Debug};
use std::net::SocketAddr;
use std::time::Duration;

/// A TCP/IP stack with one interface that carries IP datagrams, driven by its caller.
///
/// Times are microseconds since [`PolledStack::start`] and never go back. Nothing is asked of the stack's threads, clocks or random
/// numbers but this: equal calls, equal octets.
///
/// Four methods make a host that can be tested; [`PolledStack::listen`] and [`PolledStack::connect`] are the way to the tests that
/// need a connection, and all that stands between them and [`PolledStack::abort`] belongs to them.
pub trait PolledStack: Sized {
    /// Names a connection or a listener. It stays good for the whole test, also when the connection is gone.
    type Socket: Copy + Debug;

    /// Socket options that [`Settings`] may ask for, by Linux's names: `&["SO_RCVBUF", "TCP_NODELAY"]`.
    const OPTIONS: &'static [&'static str] = &[];

    /// Names of configurations that [`Setup::profile`] may ask for.
    const PROFILES: &'static [&'static str] = &[];

    /// How long TIME-WAIT lasts: `$time_wait` in scripts. RFC 9293 3.4.2 says 2 MSL, which are four minutes.
    const TIME_WAIT: Duration = Duration::from_secs(240);

    /// The least time between two answers to segments that the stack does not take, with `net.ipv4.tcp_invalid_ratelimit=0`:
    /// `$answer_interval` in scripts. RFC 5961 7 asks for a limit, not for one that can be switched off.
    const ANSWER_INTERVAL: Duration = Duration::ZERO;

    /// A fresh host with the addresses, the MTU and the seed of a test, at time 0.
    ///
    /// # Errors
    /// `Unsupported` when the stack cannot be such a host, e.g. has no IPv6.
    fn start(setup: &Setup) -> Result<Self, SutError>;

    /// A datagram arrives. [`PolledStack::poll`] follows at the same time.
    fn ingress(&mut self, now: Micros, datagram: &[u8]);

    /// Does all that is due, and hands out the datagrams that leave, in order.
    fn poll(&mut self, now: Micros) -> Vec<Vec<u8>>;

    /// When [`PolledStack::poll`] has to be called at the latest; `None` when only an event can bring anything about.
    fn poll_at(&mut self, now: Micros) -> Option<Micros>;

    /// Passive OPEN. The address is unspecified when the user has bound a port only.
    ///
    /// # Errors
    /// `Unsupported` for what the stack does not have: everything, as long as this is not written.
    fn listen(&mut self, _local: SocketAddr, _backlog: usize, _settings: &Settings) -> Result<Self::Socket, SutError> {
        Err(SutError::Unsupported("the stack has no listen()".to_owned()))
    }

    /// The next connection of a listener that the user may have.
    fn accept(&mut self, _listener: Self::Socket) -> Option<Self::Socket> {
        None
    }

    /// Active OPEN; it is not waited for. Without a local address, or with port 0, the stack chooses.
    ///
    /// # Errors
    /// `Unsupported` for what the stack does not have: everything, as long as this is not written.
    fn connect(
        &mut self,
        _local: Option<SocketAddr>,
        _remote: SocketAddr,
        _settings: &Settings,
    ) -> Result<Self::Socket, SutError> {
        Err(SutError::Unsupported("the stack has no connect()".to_owned()))
    }

    /// The state of a connection or listener, and what its buffers hold.
    fn status(&mut self, _socket: Self::Socket) -> Status {
        Status::empty(State::Closed)
    }

    /// SEND: how many of the octets were taken.
    fn send(&mut self, _socket: Self::Socket, _octets: &[u8]) -> usize {
        0
    }

    /// RECEIVE: how many octets were put into the room.
    fn receive(&mut self, _socket: Self::Socket, _room: &mut [u8]) -> usize {
        0
    }

    /// CLOSE: nothing more will be sent. A listener ends.
    fn close(&mut self, _socket: Self::Socket) {}

    /// ABORT
    fn abort(&mut self, _socket: Self::Socket) {}

    /// The user has closed the descriptor and can neither send nor receive any more. [`PolledStack::close`] has been called.
    fn forget(&mut self, _socket: Self::Socket) {}

    /// The options of a connection have changed since it was opened.
    fn configure(&mut self, _socket: Self::Socket, _settings: &Settings) {}

    /// Sets a tunable by Linux's name (`net.ipv4.tcp_sack`, `0`), as scripts do with `sysctl` before anything else.
    ///
    /// # Errors
    /// `Unsupported` when the stack has no such tunable, or not this value of it.
    fn sysctl(&mut self, name: &str, value: &str) -> Result<(), SutError> {
        Err(SutError::Unsupported(format!("the stack has no sysctl {name}={value}")))
    }
}

/// The states of RFC 9293 3.3.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the RFC's")]
pub enum State {
    Closed,
    Listen,
    SynSent,
    SynReceived,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
}

impl State {
    /// The OPEN call has not been answered yet.
    pub(crate) fn is_opening(self) -> bool {
        matches!(self, Self::SynSent | Self::SynReceived)
    }

    /// The peer's FIN has come.
    pub(crate) fn has_fin(self) -> bool {
        matches!(self, Self::CloseWait | Self::Closing | Self::LastAck | Self::TimeWait)
    }

    /// Linux's number, as `tcpi_state` has it.
    pub(crate) fn linux_number(self) -> i64 {
        match self {
            Self::Established => 1,
            Self::SynSent => 2,
            Self::SynReceived => 3,
            Self::FinWait1 => 4,
            Self::FinWait2 => 5,
            Self::TimeWait => 6,
            Self::Closed => 7,
            Self::CloseWait => 8,
            Self::LastAck => 9,
            Self::Listen => 10,
            Self::Closing => 11,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Closed => "CLOSED",
            Self::Listen => "LISTEN",
            Self::SynSent => "SYN-SENT",
            Self::SynReceived => "SYN-RECEIVED",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN-WAIT-1",
            Self::FinWait2 => "FIN-WAIT-2",
            Self::CloseWait => "CLOSE-WAIT",
            Self::Closing => "CLOSING",
            Self::LastAck => "LAST-ACK",
            Self::TimeWait => "TIME-WAIT",
        })
    }
}

/// What a stack tells of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Its state.
    pub state: State,
    /// Octets that the user can receive now; of a listener, the connections that the user can accept now, or 1 when there are any.
    pub readable: usize,
    /// Octets that [`PolledStack::send`] would take now.
    pub room: usize,
    /// Octets of the user that the peer has not acknowledged.
    pub unacknowledged: usize,
}

impl Status {
    /// A socket in this state with nothing in its buffers.
    pub fn empty(state: State) -> Self {
        Self { state, readable: 0, room: 0, unacknowledged: 0 }
    }
}

/// The options that a user has set on a socket; `None` where the stack's own value holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// `SO_RCVBUF`: octets, as the user said them.
    pub receive_buffer: Option<usize>,
    /// `SO_SNDBUF`: octets, as the user said them.
    pub send_buffer: Option<usize>,
    /// `TCP_MAXSEG`: octets of the largest segment to be announced and sent.
    pub max_seg: Option<u16>,
    /// `TCP_NODELAY`
    pub no_delay: bool,
    /// `TCP_QUICKACK`
    pub quick_ack: bool,
    /// `SO_KEEPALIVE`
    pub keep_alive: bool,
    /// `TCP_KEEPIDLE`
    pub keep_idle: Option<Duration>,
    /// `TCP_KEEPINTVL`
    pub keep_interval: Option<Duration>,
    /// `TCP_KEEPCNT`
    pub keep_count: Option<u32>,
    /// `TCP_USER_TIMEOUT`
    pub user_timeout: Option<Duration>,
    /// `IP_TTL` and `IPV6_UNICAST_HOPS`
    pub hop_limit: Option<u8>,
    /// `IP_TOS` and `IPV6_TCLASS`
    pub traffic_class: Option<u8>,
    /// `TCP_CONGESTION`
    pub congestion: Option<String>,
}
