//! System calls: from a script line to a [`crate::call::SysCall`], and from its reply back to a verdict.

pub(crate) mod ancillary;
pub(crate) mod args;
pub(crate) mod descriptors;
pub(crate) mod epoll;
mod files;
pub(crate) mod lower;
pub(crate) mod result;
mod transfer;

pub(crate) use descriptors::Descriptors;
pub(crate) use lower::{After, Lowered, lower};

/// Linux's numbers that the engine itself has to know.
pub(crate) mod number {
    pub(crate) const AF_INET: i32 = 2;
    pub(crate) const AF_INET6: i32 = 10;
    pub(crate) const MSG_OOB: i32 = 0x1;
    pub(crate) const MSG_PEEK: i32 = 0x2;
    pub(crate) const MSG_ERRQUEUE: i32 = 0x2000;
    pub(crate) const MSG_CTRUNC: i32 = 0x8;
    pub(crate) const MSG_FASTOPEN: i32 = 0x2000_0000;
    pub(crate) const SOL_IP: i32 = 0;
    pub(crate) const SOL_IPV6: i32 = 41;
    pub(crate) const IP_RECVERR: i32 = 11;
    pub(crate) const IPV6_RECVERR: i32 = 25;
    pub(crate) const CAP_SET: i64 = 1;
    pub(crate) const SOL_TCP: i32 = 6;
    pub(crate) const TCP_INFO: i32 = 11;
    pub(crate) const TCP_MD5SIG: i32 = 14;
    pub(crate) const SOL_SOCKET: i32 = 1;
    pub(crate) const SO_ERROR: i32 = 4;
    pub(crate) const SO_RCVTIMEO: i32 = 20;
    pub(crate) const SO_SNDTIMEO: i32 = 21;
    pub(crate) const EBADF: &str = "EBADF";
}
