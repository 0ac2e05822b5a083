//! The reference TCP/IP stack: octets in, octets out.
//!
//! Time, randomness and datagrams are arguments: the crate has no clock and does no I/O, so equal inputs give equal
//! outputs. Default behaviour is RFC 9293 with the extensions it names.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod errno;
pub mod seq;
pub mod time;
pub mod wire;
