//! The reference TCP/IP stack: octets in, octets out.
//!
//! Time, randomness and datagrams are arguments: the crate has no clock and does no I/O, so equal inputs give equal
//! outputs. Default behaviour is RFC 9293 with the extensions it names.
//!
//! [`Stack`] says how it is driven; [`Config`] says what may be chosen; [`rules`] lists what the stack cites.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod config;
mod counters;
pub mod errno;
mod host;
mod ip;
mod pool;
mod random;
pub mod rules;
pub mod seq;
pub mod socket;
mod stack;
mod tcp;
pub mod time;
pub mod wire;

pub use config::{Config, ConfigError};
pub use counters::Counters;
pub use errno::Errno;
pub use seq::SeqNum;
pub use socket::{
    Domain, Holder, OptionName, Readiness, RecvFlags, SendFlags, Shutdown, Snapshot, SocketOption, Status, Summary,
    TcpInfo, Vitals,
};
pub use stack::{Lingering, Stack};
pub use tcp::State;
pub use time::Instant;
