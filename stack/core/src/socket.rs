//! What socket calls take and give: flags, options, readiness, `TCP_INFO`, STATUS.
//!
//! Names and meanings are Linux's; an adapter that speaks in Linux's numbers translates one to one.

mod info;
mod options;
mod snapshot;
mod vitals;

pub use info::{Status, TcpInfo};
pub(crate) use options::{Md5Key, Options, Shared};
pub use options::{OptionName, SocketOption};
pub use snapshot::{CongestionSnapshot, Holder, RcvSnapshot, Snapshot, SndSnapshot, Summary};
pub use vitals::Vitals;

/// Address family of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// `AF_INET`
    Inet,
    /// `AF_INET6`. It takes IPv4, too, written as IPv4-mapped addresses, unless `IPV6_V6ONLY` is set.
    Inet6,
}

/// Flags of [`crate::Stack::recv`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecvFlags {
    /// `MSG_PEEK`: what is read stays.
    pub peek: bool,
    /// `MSG_OOB`: reads the urgent octet.
    pub oob: bool,
    /// `MSG_TRUNC`: octets are counted and dropped, not copied.
    pub trunc: bool,
}

/// Flags of [`crate::Stack::send`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SendFlags {
    /// `MSG_MORE`: a partial segment waits for more.
    pub more: bool,
    /// `MSG_NOSIGNAL`: there are no signals here, so it changes nothing.
    pub nosignal: bool,
    /// `MSG_OOB`: the last octet is urgent.
    pub oob: bool,
    /// `MSG_EOR`: the last octet ends a record; no segment holds octets of two. Without effect unless
    /// [`crate::Config::segment_trains`].
    pub eor: bool,
}

/// Which direction [`crate::Stack::shutdown`] ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// `SHUT_RD`
    Read,
    /// `SHUT_WR`: sends a FIN after what was sent before.
    Write,
    /// `SHUT_RDWR`
    Both,
}

/// What `poll` would say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Readiness {
    /// `POLLIN`: data, the end of data, an error, or a connection to accept.
    pub readable: bool,
    /// `POLLOUT`: room to send, or sending fails at once.
    pub writable: bool,
    /// `POLLERR`: an error waits in `SO_ERROR`.
    pub error: bool,
    /// `POLLHUP`: closed in both directions.
    pub hangup: bool,
    /// `POLLRDHUP`: the peer has closed its direction.
    pub rdhup: bool,
    /// `POLLPRI`: urgent data that was not read.
    pub priority: bool,
}
