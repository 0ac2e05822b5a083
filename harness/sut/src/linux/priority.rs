//! Real-time priority while a test runs, so that neither the commands of other tests nor anything else on the host makes the
//! harness late. The kernel keeps a share of the processor for everybody else.

use nix::libc;

/// Raises the calling thread as far as the host permits; what it starts is not raised.
pub(super) fn raise() {
    raises();
}

/// The same, and whether it is permitted.
pub(super) fn raises() -> bool {
    set(libc::SCHED_RR | libc::SCHED_RESET_ON_FORK, 1)
}

/// Puts the calling thread above those of the tests: for who does next to nothing.
pub(super) fn above_tests() {
    set(libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK, 2);
}

/// Above that as well, and whether it is permitted.
#[cfg(test)]
pub(super) fn above_watch() -> bool {
    set(libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK, 3)
}

/// Puts the calling thread back among the others.
pub(super) fn lower() {
    set(libc::SCHED_OTHER | libc::SCHED_RESET_ON_FORK, 0);
}

fn set(policy: libc::c_int, priority: libc::c_int) -> bool {
    let parameter = libc::sched_param { sched_priority: priority };
    // SAFETY: 0 is the calling thread; the kernel reads one `sched_param`. It refuses this without CAP_SYS_NICE, e.g. to root
    // of a user namespace: then a test may be late, which the engine notices.
    unsafe { libc::sched_setscheduler(0, policy, &raw const parameter) == 0 }
}
