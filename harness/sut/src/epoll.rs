//! `epoll` over the readiness of whatever is watched.
//!
//! Edge-triggered, Linux reports a descriptor again when something happened that wakes waiters: new octets, a state that was
//! not there before, or room to send after a call that found too little. The last is why a call that sent less than asked
//! counts as having seen the socket unwritable ([`Epoll::starved`]).

use std::collections::BTreeMap;

const EPOLLIN: u32 = 0x1;
const EPOLLOUT: u32 = 0x4;
const EPOLLET: u32 = 1 << 31;
const EPOLLONESHOT: u32 = 1 << 30;
/// EPOLLERR and EPOLLHUP, which are reported whether asked for or not.
const ALWAYS: u32 = 0x8 | 0x10;

/// EPOLL_CTL_ADD
const ADD: i32 = 1;
/// `EPOLL_CTL_DEL`, which needs no event.
pub const DELETE: i32 = 2;
/// EPOLL_CTL_MOD
const MODIFY: i32 = 3;

const ENOENT: i32 = 2;
const EEXIST: i32 = 17;
const EINVAL: i32 = 22;

/// What a descriptor is like when somebody looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Bits of `poll`, which are those of `epoll` too.
    pub ready: u32,
    /// Octets received ever.
    pub received: u64,
    /// Entries that the error queue ever had.
    pub errors: u64,
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
        Self { events, data, last: Seen { ready: 0, received: 0, errors: 0 }, spent: false }
    }

    /// What to report of `seen`; 0 is nothing.
    fn report(&mut self, seen: Seen) -> u32 {
        let ready = seen.ready & (self.events | ALWAYS);
        let more = ready & EPOLLIN != 0 && seen.received > self.last.received;
        let fresh = ready & !self.last.ready != 0 || more || seen.errors > self.last.errors;
        let edge = self.events & EPOLLET != 0;
        self.last = Seen { ready, ..seen };
        if self.spent || (edge && !fresh) {
            return 0;
        }
        self.spent = ready != 0 && self.events & EPOLLONESHOT != 0;
        ready
    }
}

/// One epoll instance.
#[derive(Debug, Default)]
pub struct Epoll {
    watches: BTreeMap<i32, Watch>,
}

impl Epoll {
    /// `epoll_ctl` for the live descriptor `fd`; an errno number when it fails.
    pub fn control(&mut self, op: i32, fd: i32, events: u32, data: u64) -> Result<(), i32> {
        let known = self.watches.contains_key(&fd);
        match op {
            ADD if known => return Err(EEXIST),
            MODIFY | DELETE if !known => return Err(ENOENT),
            ADD | MODIFY => drop(self.watches.insert(fd, Watch::new(events, data))),
            DELETE => drop(self.watches.remove(&fd)),
            _ => return Err(EINVAL),
        }
        Ok(())
    }

    /// The descriptors that are watched.
    pub fn watched(&self) -> Vec<i32> {
        self.watches.keys().copied().collect()
    }

    /// What to report of each descriptor that was looked at: events and data, at most `most`.
    pub fn report(&mut self, looked: &[(i32, Seen)], most: usize) -> Vec<(u32, u64)> {
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
    pub fn starved(&mut self, fd: i32) {
        if let Some(watch) = self.watches.get_mut(&fd) {
            watch.last.ready &= !EPOLLOUT;
        }
    }

    /// `fd` is closed.
    pub fn forget(&mut self, fd: i32) {
        self.watches.remove(&fd);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(events: u32, looks: &[(u32, u64)]) -> Vec<u32> {
        let mut epoll = Epoll::default();
        epoll.control(ADD, 4, events, 9).expect("it is new");
        let report = |&(ready, received)| {
            let reports = epoll.report(&[(4, Seen { ready, received, errors: 0 })], 1);
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
        epoll.control(ADD, 4, EPOLLOUT | EPOLLET, 0).expect("it is new");
        let writable = [(4, Seen { ready: EPOLLOUT, received: 0, errors: 0 })];
        assert_eq!(epoll.report(&writable, 1).len(), 1);
        assert_eq!(epoll.report(&writable, 1).len(), 0);
        epoll.starved(4);
        assert_eq!(epoll.report(&writable, 1).len(), 1);
    }

    #[test]
    fn control_fails_as_on_linux() {
        let mut epoll = Epoll::default();
        assert_eq!(epoll.control(MODIFY, 4, 0, 0), Err(ENOENT));
        assert_eq!(epoll.control(ADD, 4, 0, 0), Ok(()));
        assert_eq!(epoll.control(ADD, 4, 0, 0), Err(EEXIST));
        assert_eq!(epoll.control(7, 4, 0, 0), Err(EINVAL));
    }
}
