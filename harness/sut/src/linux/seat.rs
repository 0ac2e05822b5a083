//! The processor of a test. Its threads stay on one while it runs: the kernel arms TCP's timers where the call or the datagram was dealt with, and a
//! timer of a processor that has gone idle meanwhile expires, now and then, a whole tick late.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use std::sync::{Mutex, OnceLock, PoisonError};

/// How many tests sit on each processor.
static TAKEN: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// A place on a processor.
#[derive(Debug)]
pub(super) struct Seat(Option<usize>);

impl Seat {
    /// One where the fewest tests are, of those that this process may use. Who may not choose has no seat, which only makes tests less punctual.
    pub(super) fn find() -> Self {
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        taken.resize(CpuSet::count(), 0);
        let cpu = allowed_cpus().min_by_key(|cpu| taken[*cpu]);
        if let Some(cpu) = cpu {
            taken[cpu] += 1;
        }
        Self(cpu)
    }

    /// Puts a thread there; 0 is the calling one.
    pub(super) fn take(&self, thread: Pid) {
        if let Some(cpu) = self.0 {
            bind(thread, cpu);
        }
    }

    /// Which processor it is.
    pub(super) fn cpu(&self) -> Option<usize> {
        self.0
    }

    /// Lets the calling thread go anywhere again.
    pub(super) fn leave(&self) {
        let _ = sched_setaffinity(Pid::from_raw(0), allowed());
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(cpu) = self.0 {
            TAKEN.lock().unwrap_or_else(PoisonError::into_inner)[cpu] -= 1;
        }
    }
}

/// Puts a thread on a processor; 0 is the calling one. Refused, it stays where it is.
pub(super) fn bind(thread: Pid, cpu: usize) {
    let mut set = CpuSet::new();
    if set.set(cpu).is_ok() {
        let _ = sched_setaffinity(thread, &set);
    }
}

/// Numbers of the processors that this process may use.
pub(super) fn allowed_cpus() -> impl Iterator<Item = usize> {
    (0..CpuSet::count()).filter(|cpu| allowed().is_set(*cpu).unwrap_or(false))
}

/// The processors of this process, as it was started.
fn allowed() -> &'static CpuSet {
    static ALLOWED: OnceLock<CpuSet> = OnceLock::new();
    // The first thread's: it runs no test.
    ALLOWED.get_or_init(|| {
        let first = Pid::from_raw(std::process::id().cast_signed());
        sched_getaffinity(first).unwrap_or_default()
    })
}
