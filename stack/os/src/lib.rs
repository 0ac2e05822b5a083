//! The reference stack as a host: octets between [`halfopen_stack::Stack`] and a device of this machine.
//!
//! Pure, on the caller's clock: [`link`] (frames, ARP, neighbour discovery), [`impair`], [`vnet`].
//! Everything else touches the machine and exists on Linux only: [`device`] opens TUN devices and packet sockets, [`host`] is
//! the event loop, [`services`] and [`client`] use the sockets, [`daemon`] puts them together and [`control`] lets `halfopen stack status` ask. Nothing outside the network namespace of the caller is
//! touched, and [`namespace`] tells whether that is the machine's own.
#![allow(unsafe_code, reason = "ioctl and socket options that nix does not wrap, in `device`")]

pub mod address;
pub mod arp;
pub mod client;
pub mod ethernet;
pub mod impair;
pub mod link;
pub mod ndp;
pub mod neighbours;
pub mod services;
pub mod status;
pub mod vnet;

#[cfg(target_os = "linux")]
pub mod clock;
#[cfg(target_os = "linux")]
pub mod control;
#[cfg(target_os = "linux")]
pub mod daemon;
#[cfg(target_os = "linux")]
pub mod device;
#[cfg(target_os = "linux")]
pub mod host;
#[cfg(target_os = "linux")]
pub mod namespace;

pub use address::{InterfaceAddress, Routes};
pub use impair::Impairment;
