//! `epoll` over the stack's readiness.
//!
//! Edge-triggered, Linux reports a descriptor again when something happened that wakes waiters: new octets, a state that was
//! not there before, or room to send after a call that found too little. The last is why a call that sent less than asked
//! counts as having seen the socket unwritable ([`Epoll::starved`]).

use nix::libc::{self, c_int};
use std::collections::BTreeMap;

const EPOLLOUT: u32 = libc::EPOLLOUT as u32;
const EPOLLIN: u32 = libc::EPOLLIN as u32;
const EPOLLET: u32 = libc::EPOLLET as u32;
const EPOLLONESHOT: u32 = libc::EPOLLONESHOT as u32;
/// Reported whether asked for or not.
const ALWAYS: u32 = (libc::EPOLLERR | libc::EPOLLHUP) as u32;

/// What a descriptor is like when somebody looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Bits of `poll`, which are those of `epoll` too.
    pub(crate) ready: u32,
    /// Octets received ever.
    pub(crate) received: u64,
}

/// One descriptor that is watched.
#[derive(Debug, Clone)]
struct Watch {
    events: u32,
    data: u64,
    /// What was there at the last look, for edges.
    last: Seen,
    /// `EPOLLONESHOT` has reported.
    spent: bool,
}

impl Watch {
    const fn new(events: u32, data: u64) -> Self {
        Self { events, data, last: Seen { ready: 0, received: 0 }, spent: false }
    }

    /// What to report of `seen`; 0 is nothing.
    fn report(&mut self, seen: Seen) -> u32 {
        let ready = seen.ready & (self.events | ALWAYS);
        let fresh = ready & !self.last.ready != 0 || (ready & EPOLLIN != 0 && seen.received > self.last.received);
        let edge = self.events & EPOLLET != 0;
        self.last = Seen { ready, received: seen.received };
        if self.spent || (edge && !fresh) {
            return 0;
        }
        self.spent = ready != 0 && self.events & EPOLLONESHOT != 0;
        ready
    }
}

/// One epoll instance.
#[derive(Debug, Default)]
pub(crate) struct Epoll {
    watches: BTreeMap<c_int, Watch>,
}

impl Epoll {
    /// `epoll_ctl` for the live descriptor `fd`; an errno number when it fails.
    pub(crate) fn control(&mut self, op: c_int, fd: c_int, events: u32, data: u64) -> Result<(), i32> {
        let known = self.watches.contains_key(&fd);
        match op {
            libc::EPOLL_CTL_ADD if known => return Err(libc::EEXIST),
            libc::EPOLL_CTL_MOD | libc::EPOLL_CTL_DEL if !known => return Err(libc::ENOENT),
            libc::EPOLL_CTL_ADD | libc::EPOLL_CTL_MOD => drop(self.watches.insert(fd, Watch::new(events, data))),
            libc::EPOLL_CTL_DEL => drop(self.watches.remove(&fd)),
            _ => return Err(libc::EINVAL),
        }
        Ok(())
    }

    /// The descriptors that are watched.
    pub(crate) fn watched(&self) -> Vec<c_int> {
        self.watches.keys().copied().collect()
    }

    /// What to report of each descriptor that was looked at: events and data, at most `most`.
    pub(crate) fn report(&mut self, looked: &[(c_int, Seen)], most: usize) -> Vec<(u32, u64)> {
        let mut reports = Vec::new();
        for &(fd, seen) in looked {
            if reports.len() == most {
                break;
            }
            let Some(watch) = self.watches.get_mut(&fd) else { continue };
            let events = watch.report(seen);
            if events != 0 {
                reports.push((events, watch.data));
            }
        }
        reports
    }

    /// A call on `fd` found too little room to send.
    pub(crate) fn starved(&mut self, fd: c_int) {
        if let Some(watch) = self.watches.get_mut(&fd) {
            watch.last.ready &= !EPOLLOUT;
        }
    }

    /// `fd` is closed.
    pub(crate) fn forget(&mut self, fd: c_int) {
        self.watches.remove(&fd);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(events: u32, looks: &[(u32, u64)]) -> Vec<u32> {
        let mut epoll = Epoll::default();
        epoll.control(libc::EPOLL_CTL_ADD, 4, events, 9).expect("it is new");
        let report = |&(ready, received)| {
            let reports = epoll.report(&[(4, Seen { ready, received })], 1);
            reports.first().map_or(0, |(events, data)| {
                assert_eq!(*data, 9);
                *events
            })
        };
        looks.iter().map(report).collect()
    }

    #[test]
    fn level_reports_each_time_and_edge_once() {
        let both = EPOLLIN | EPOLLOUT;
        let seen = [(EPOLLOUT, 0), (EPOLLOUT, 0), (both, 10), (both, 10), (both, 20), (EPOLLOUT, 20), (both, 30)];
        assert_eq!(looks(both, &seen), [EPOLLOUT, EPOLLOUT, both, both, both, EPOLLOUT, both]);
        assert_eq!(looks(both | EPOLLET, &seen), [EPOLLOUT, 0, both, 0, both, 0, both]);
        assert_eq!(looks(EPOLLIN, &seen), [0, 0, EPOLLIN, EPOLLIN, EPOLLIN, 0, EPOLLIN]);
    }

    #[test]
    fn oneshot_reports_until_it_is_set_again() {
        assert_eq!(looks(EPOLLIN | EPOLLONESHOT, &[(0, 0), (EPOLLIN, 1), (EPOLLIN, 2)]), [0, EPOLLIN, 0]);
    }

    #[test]
    fn room_after_a_short_write_is_an_edge() {
        let mut epoll = Epoll::default();
        epoll.control(libc::EPOLL_CTL_ADD, 4, EPOLLOUT | EPOLLET, 0).expect("it is new");
        let writable = [(4, Seen { ready: EPOLLOUT, received: 0 })];
        assert_eq!(epoll.report(&writable, 1).len(), 1);
        assert_eq!(epoll.report(&writable, 1).len(), 0);
        epoll.starved(4);
        assert_eq!(epoll.report(&writable, 1).len(), 1);
    }

    #[test]
    fn control_fails_as_on_linux() {
        let mut epoll = Epoll::default();
        assert_eq!(epoll.control(libc::EPOLL_CTL_MOD, 4, 0, 0), Err(libc::ENOENT));
        assert_eq!(epoll.control(libc::EPOLL_CTL_ADD, 4, 0, 0), Ok(()));
        assert_eq!(epoll.control(libc::EPOLL_CTL_ADD, 4, 0, 0), Err(libc::EEXIST));
        assert_eq!(epoll.control(7, 4, 0, 0), Err(libc::EINVAL));
    }
}
