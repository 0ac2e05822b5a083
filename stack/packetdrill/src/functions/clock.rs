//! `gettimeofday`, `usleep`.

use super::shared;
use nix::libc::{c_int, c_void, timeval, useconds_t};

/// # Safety
/// `userdata` is the table's; `time` is null or valid.
pub(super) unsafe extern "C" fn gettimeofday(userdata: *mut c_void, time: *mut timeval, _zone: *mut c_void) -> c_int {
    // SAFETY: the caller's promise.
    let micros = unsafe { shared(userdata) }.clock();
    if !time.is_null() {
        // SAFETY: not null, so valid.
        unsafe { time.write(timeval { tv_sec: micros / 1_000_000, tv_usec: micros % 1_000_000 }) };
    }
    0
}

/// # Safety
/// `userdata` is the table's.
pub(super) unsafe extern "C" fn usleep(userdata: *mut c_void, micros: useconds_t) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { shared(userdata) }.sleep(micros.into());
    0
}
