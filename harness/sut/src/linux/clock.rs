//! The clock of a test: `CLOCK_MONOTONIC` since its start; the kernel's packet stamps are converted from `CLOCK_REALTIME`.

use halfopen_engine::sut::Micros;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, setsockopt, socketpair, sockopt};
use nix::sys::time::{TimeSpec, TimeVal, TimeValLike as _};
use nix::time::{ClockId, ClockNanosleepFlags, clock_getres, clock_gettime, clock_nanosleep};
use std::os::fd::AsRawFd as _;
use std::sync::{Mutex, PoisonError};

/// A reading that takes longer than this between its two clocks was preempted; nanoseconds.
const PREEMPTED: i64 = 5_000;

/// Ticks that are waited for to find where they are.
const TICKS: usize = 8;

/// Who wakes later than this behind a tick waits for the next one; nanoseconds.
const LATE: i64 = 200_000;
/// So often: on a host that is always late one beginning is as good as another.
const TRIES: u32 = 8;

/// Zero is the start of the test.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// `CLOCK_MONOTONIC` at 0, nanoseconds.
    base: i64,
    /// Time of the last packet, on this clock; stamps never run backwards.
    last: Micros,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { base: monotonic(), last: 0 }
    }

    pub(super) fn now(&self) -> Micros {
        self.since(monotonic())
    }

    /// A `CLOCK_MONOTONIC` reading on this clock.
    pub(super) fn since(&self, monotonic: i64) -> Micros {
        (monotonic - self.base).div_euclid(1000)
    }

    /// A `CLOCK_REALTIME` reading on this clock.
    pub(super) fn realtime(&self, realtime: i64) -> Micros {
        self.since(realtime - offset().0)
    }

    /// A `CLOCK_REALTIME` stamp of the recent past on this clock.
    ///
    /// The offset between the clocks is read anew each time, so that a step of the host's time moves at most the packets that
    /// are under way, and those no further than between the packet before and now.
    pub(super) fn stamp(&mut self, realtime: i64) -> Micros {
        let (offset, now) = offset();
        let at = self.since(realtime - offset);
        self.last = at.clamp(self.last, self.since(now).max(self.last));
        self.last
    }
}

/// `CLOCK_REALTIME` minus `CLOCK_MONOTONIC`, and the latter; nanoseconds.
fn offset() -> (i64, i64) {
    let mut best = (i64::MAX, 0, 0);
    for _ in 0..4 {
        let before = monotonic();
        let real = nanoseconds(ClockId::CLOCK_REALTIME);
        let after = monotonic();
        best = best.min((after - before, real - before.midpoint(after), after));
        if best.0 < PREEMPTED {
            break;
        }
    }
    (best.1, best.2)
}

/// `CLOCK_MONOTONIC` in nanoseconds.
pub(super) fn monotonic() -> i64 {
    nanoseconds(ClockId::CLOCK_MONOTONIC)
}

/// Length of the kernel's tick in nanoseconds: how often the coarse clock moves.
///
/// # Errors
/// As `clock_getres`.
pub(super) fn tick() -> Result<i64, Errno> {
    clock_getres(ClockId::CLOCK_MONOTONIC_COARSE).map(|length| length.num_nanoseconds())
}

/// The kernel's ticks on `CLOCK_MONOTONIC`, in nanoseconds: one was at `edge`, and they are `length` apart, on every core at once, since the kernel runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticks {
    pub(super) length: i64,
    pub(super) edge: i64,
}

impl Ticks {
    /// Whether there is a tick after one time and not after another.
    pub(super) fn between(self, from: i64, to: i64) -> bool {
        (from - self.edge).div_euclid(self.length) != (to - self.edge).div_euclid(self.length)
    }
}

/// Where the ticks are; found once.
///
/// # Errors
/// As the system calls have them.
pub(super) fn ticks() -> Result<Ticks, Errno> {
    static EDGE: Mutex<Option<i64>> = Mutex::new(None);
    let length = tick()?.max(1);
    let mut known = EDGE.lock().unwrap_or_else(PoisonError::into_inner);
    let edge = known.map_or_else(|| tick_edge(length), Ok)?;
    *known = Some(edge);
    Ok(Ticks { length, edge })
}

/// Sleeps until this many nanoseconds behind a tick, at most a tick and a bit.
///
/// # Errors
/// As the system calls have them.
pub(super) fn tick_phase(behind: i64) -> Result<(), Errno> {
    let Ticks { length, edge } = ticks()?;
    for _ in 0..TRIES {
        let now = monotonic();
        let until = now + (edge + behind - now).rem_euclid(length);
        sleep_until(until)?;
        if monotonic() - until < LATE {
            break;
        }
    }
    Ok(())
}

/// Sleeps until a time on `CLOCK_MONOTONIC`.
pub(super) fn sleep_until(at: i64) -> Result<(), Errno> {
    let until = TimeSpec::nanoseconds(at);
    loop {
        match clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::TIMER_ABSTIME, &until) {
            Err(Errno::EINTR) => {}
            other => return other.map(drop),
        }
    }
}

/// Where in the length of a tick the ticks are.
///
/// A receive that times out is woken by a tick, other than every sleep that has a call of its own. The wakings are late by what the
/// scheduler needs, so the earliest counts.
fn tick_edge(length: i64) -> Result<i64, Errno> {
    let (socket, _peer) = socketpair(AddressFamily::Unix, SockType::Datagram, None, SockFlag::SOCK_CLOEXEC)?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::microseconds(1))?;
    let mut wakings = [0; TICKS];
    for waking in &mut wakings {
        match recv(socket.as_raw_fd(), &mut [0], MsgFlags::empty()) {
            Err(Errno::EAGAIN | Errno::EINTR) => *waking = monotonic().rem_euclid(length),
            Err(errno) => return Err(errno),
            Ok(_) => return Err(Errno::EPROTO),
        }
    }
    // The one that the others are the least behind, going round.
    let behind = |first: &i64| wakings.iter().map(|other| (other - first).rem_euclid(length)).sum::<i64>();
    Ok(wakings.into_iter().min_by_key(behind).unwrap_or_default())
}

fn nanoseconds(clock: ClockId) -> i64 {
    clock_gettime(clock).expect("Linux has this clock").num_nanoseconds()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_behind_a_tick() {
        let length = tick().expect("Linux has this clock");
        assert!([1_000_000, 3_333_333, 4_000_000, 10_000_000].contains(&length), "a tick of {length} ns");
        crate::linux::priority::raise();
        let edge = tick_edge(length).expect("a socket can be had");
        let behind = || {
            tick_phase(250_000).expect("sleeping is allowed");
            (monotonic() - edge).rem_euclid(length)
        };
        // Any moment of the tick would be in a quarter of them, or in all of a tick of 1 ms.
        let near = (0..40).filter(|_| (150_000..=1_250_000.min(length - 1)).contains(&behind())).count();
        crate::linux::priority::lower();
        assert!(near >= 20, "{near} of 40 pauses ended within 1 ms of the phase");
    }

    #[test]
    fn stamps_lie_between_the_last_one_and_now() {
        let mut clock = Clock::start();
        let real = nanoseconds(ClockId::CLOCK_REALTIME);
        let first = clock.stamp(real);
        assert!((0..1_000_000).contains(&first), "{first}");
        assert_eq!(clock.stamp(real - 5_000_000_000), first, "never backwards");
        let late = clock.stamp(real + 3_600_000_000_000);
        assert!(late <= clock.now(), "never in the future");
    }
}
