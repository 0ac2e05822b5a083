//! The timers of one connection: when each goes off, if it runs.

use crate::time::Instant;
use alloc::vec::Vec;

/// A timer. The order is the order in which timers due at the same instant go off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// TCP_USER_TIMEOUT (RFC 9293 3.10.8).
    User,
    /// RFC 6298 5.
    Retransmission,
    /// Zero-window probes and the sender's override of silly-window avoidance (RFC 9293 3.8.6.1, 3.8.6.2.1).
    Persist,
    /// RFC 9293 3.8.6.3.
    DelayedAck,
    /// RFC 9293 3.8.4.
    KeepAlive,
    /// End of FIN-WAIT-2 after CLOSE.
    FinWait2,
    /// 2MSL.
    TimeWait,
}

impl Timer {
    pub(crate) const ALL: [Self; 7] = [
        Self::User,
        Self::Retransmission,
        Self::Persist,
        Self::DelayedAck,
        Self::KeepAlive,
        Self::FinWait2,
        Self::TimeWait,
    ];

    /// Its name in snapshots.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Retransmission => "retransmission",
            Self::Persist => "persist",
            Self::DelayedAck => "delayed-ack",
            Self::KeepAlive => "keep-alive",
            Self::FinWait2 => "fin-wait-2",
            Self::TimeWait => "time-wait",
        }
    }
}

/// No deadline: the end of time never comes.
const NEVER: Instant = Instant(u64::MAX);

/// Deadlines by timer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Timers([Instant; Timer::ALL.len()]);

impl Default for Timers {
    fn default() -> Self {
        Self([NEVER; Timer::ALL.len()])
    }
}

impl Timers {
    pub(crate) const fn set(&mut self, timer: Timer, at: Instant) {
        self.0[timer as usize] = at;
    }

    pub(crate) const fn stop(&mut self, timer: Timer) {
        self.0[timer as usize] = NEVER;
    }

    pub(crate) fn stop_all(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn deadline(&self, timer: Timer) -> Option<Instant> {
        Some(self.0[timer as usize]).filter(|at| *at != NEVER)
    }

    pub(crate) fn runs(&self, timer: Timer) -> bool {
        self.0[timer as usize] != NEVER
    }

    /// Those that run, in the order in which they go off.
    pub(crate) fn running(&self) -> Vec<(Timer, Instant)> {
        let mut running: Vec<_> =
            Timer::ALL.into_iter().filter_map(|timer| Some((timer, self.deadline(timer)?))).collect();
        running.sort_by_key(|(timer, at)| (*at, *timer));
        running
    }

    /// The earliest deadline.
    pub(crate) fn earliest(&self) -> Option<Instant> {
        self.0.iter().copied().min().filter(|at| *at != NEVER)
    }

    /// Stops and returns the first timer that is due at `now`.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let (at, timer) = Timer::ALL.into_iter().filter_map(|timer| Some((self.deadline(timer)?, timer))).min()?;
        (at <= now).then(|| {
            self.stop(timer);
            timer
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_timers_go_off_by_time_then_by_order() {
        let mut timers = Timers::default();
        timers.set(Timer::TimeWait, Instant(5));
        timers.set(Timer::DelayedAck, Instant(7));
        timers.set(Timer::Retransmission, Instant(7));
        assert_eq!(timers.earliest(), Some(Instant(5)));
        let mut fired = alloc::vec::Vec::new();
        while let Some(timer) = timers.take_due(Instant(7)) {
            fired.push(timer);
        }
        assert_eq!(fired, [Timer::TimeWait, Timer::Retransmission, Timer::DelayedAck]);
        assert_eq!(timers.earliest(), None);
    }
}
