//! The reference stack as a shared object for google/packetdrill (`packetdrill --so_filename=libhalfopen_packetdrill.so`).
//!
//! packetdrill calls [`packetdrill_interface_init`] once and gets a table of functions ([`interface::Interface`]): socket
//! calls, a link on the datagram level, and a clock. Behind the table stands the same in-process SUT that `halfopen run`
//! tests, so what differs between the two tools is the tool.
//!
//! - The clock is virtual. Reading it costs a microsecond, because packetdrill waits for an event by reading it; sleeping
//!   costs what was asked for; asking for a datagram jumps to the next one. A script with hours in it takes milliseconds.
//! - Descriptors are real ones (each an eventfd), because packetdrill closes what a script leaves open with libc's `close`.
//! - Tunables are read from `/proc/sys` of the network namespace, where a script's commands write them.
//! - Preloaded into packetdrill as well (`LD_PRELOAD`), the object answers the `getsockopt` calls that packetdrill makes past
//!   the table, so that `%{ }%` blocks see the stack's `TCP_INFO`.
//!
//! Absent, with `ENOSYS` and a line on standard error: `splice`, the error queue, and whatever the stack itself lacks.
//!
//! The functions of the table take pointers from a C program. That is why unsafe code is allowed in this crate; all of it is
//! in `functions`, `memory` and `preload`.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "a table of functions that C calls")]

mod address;
mod descriptors;
mod flags;
mod functions;
pub mod interface;
mod memory;
mod preload;
mod shared;
mod tcp_info;
mod tunables;
mod world;

use flags::Flags;
use interface::Interface;
use shared::Shared;
use std::ffi::{CStr, c_char};

/// What packetdrill looks up and calls, once, before a script's first command.
///
/// `so_flags` is the value of `--so_flags`, or null: `profile=linux,seed=1,family=ipv4-mapped-ipv6`, all of it optional.
/// A word that means nothing ends the process with status 1, as an unknown option of packetdrill does.
///
/// # Safety
/// `so_flags` is null or a C string, `table` points to a zeroed table that lives until its `free` is called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn packetdrill_interface_init(so_flags: *const c_char, table: *mut Interface) {
    let text = if so_flags.is_null() {
        String::new()
    } else {
        // SAFETY: not null, so a C string, as the caller promises.
        unsafe { CStr::from_ptr(so_flags) }.to_string_lossy().into_owned()
    };
    let flags = Flags::parse(&text).unwrap_or_else(|fault| {
        eprintln!("halfopen: --so_flags: {fault}");
        std::process::exit(1)
    });
    let shared = Shared::new(flags);
    preload::add(&shared);
    // SAFETY: the caller promises that `table` can be written.
    unsafe { table.write(functions::table(shared)) };
}
