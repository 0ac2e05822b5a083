//! `SO_ZEROCOPY`: what was sent with `MSG_ZEROCOPY` is told to be done with through the error queue.
//!
//! The stack copies what it is given, as Linux does for a device that cannot gather, and the notification says so. It comes when the
//! octets are acknowledged; one that follows the last in the queue is joined to it.

use super::numbers::*;
use halfopen_engine::call::{Control, Reply};
use halfopen_stack::{Stack, State};
use std::collections::VecDeque;

/// Octets of `struct sock_extended_err`, and of the addresses that follow it.
const ERROR_SIZE: usize = 16;
const ADDRESS_SIZE: (usize, usize) = (16, 28);
/// `SO_EE_ORIGIN_ZEROCOPY` and `SO_EE_CODE_ZEROCOPY_COPIED`.
const ORIGIN: u8 = 5;
const COPIED: u8 = 1;

/// The sends of a socket.
#[derive(Debug, Clone, Default)]
pub(super) struct ZeroCopy {
    pub(super) on: bool,
    /// Octets that the socket took, whichever way.
    written: u64,
    /// Number of the next send that is counted.
    next: u32,
    /// Sends that are not acknowledged whole, with the place in the stream where each ends.
    unacknowledged: VecDeque<(u32, u64)>,
    /// Ranges of sends that nobody has asked for.
    queue: VecDeque<(u32, u32)>,
    /// Notifications that ever were.
    pub(super) told: u64,
}

impl ZeroCopy {
    /// A socket that a listener accepted.
    pub(super) fn inherited(&self) -> Self {
        Self { on: self.on, ..Self::default() }
    }

    /// The socket took octets.
    pub(super) fn wrote(&mut self, octets: u64, flags: i32) {
        self.written += octets;
        if self.on && flags & MSG_ZEROCOPY != 0 && octets > 0 {
            self.unacknowledged.push_back((self.next, self.written));
            self.next = self.next.wrapping_add(1);
        }
    }

    /// Takes in what has been acknowledged; whether something waits in the queue.
    pub(super) fn update(&mut self, stack: &Stack, fd: i32) -> bool {
        if !self.unacknowledged.is_empty() {
            let opening = |state| matches!(state, State::SynSent | State::SynReceived);
            if !stack.status(fd).is_ok_and(|status| opening(status.state)) {
                self.acknowledged(self.written.saturating_sub(stack.outq(fd).unwrap_or(0) as u64));
            }
        }
        !self.queue.is_empty()
    }

    /// The stream is acknowledged up to here.
    fn acknowledged(&mut self, until: u64) {
        while let Some((number, _)) = self.unacknowledged.pop_front_if(|(_, end)| *end <= until) {
            self.told += 1;
            match self.queue.back_mut() {
                Some((_, last)) if last.wrapping_add(1) == number => *last = number,
                Some(_) | None => self.queue.push_back((number, number)),
            }
        }
    }

    /// The first of the queue, as `recvmsg` delivers it with this much room for control data.
    pub(super) fn take(&mut self, domain: i32, room: usize) -> Option<Reply> {
        let (first, last) = self.queue.pop_front()?;
        let (level, kind, address) = match domain {
            AF_INET => (IPPROTO_IP, IP_RECVERR, ADDRESS_SIZE.0),
            _ => (IPPROTO_IPV6, IPV6_RECVERR, ADDRESS_SIZE.1),
        };
        let mut data = vec![0, 0, 0, 0, ORIGIN, 0, COPIED, 0];
        data.extend([first.to_ne_bytes(), last.to_ne_bytes()].concat());
        data.resize(ERROR_SIZE + address, 0);
        let (control, cut) = super::messages::element(Control { level, kind, data }, room);
        Some(Reply::Message { value: 0, data: Vec::new(), flags: MSG_ERRQUEUE | cut, control })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notifications_that_follow_each_other_are_one() {
        let mut sends = ZeroCopy { on: true, ..ZeroCopy::default() };
        sends.wrote(10, 0);
        for _ in 0..3 {
            sends.wrote(5, MSG_ZEROCOPY);
        }
        sends.wrote(0, MSG_ZEROCOPY);
        sends.acknowledged(14);
        assert_eq!((sends.queue.len(), sends.told), (0, 0), "the first ends at 15");
        sends.acknowledged(20);
        assert_eq!(sends.queue, [(0, 1)]);
        assert!(sends.take(AF_INET, 100).is_some() && sends.take(AF_INET, 100).is_none());
        sends.acknowledged(25);
        assert_eq!((sends.queue.clone(), sends.told), ([(2, 2)].into(), 3));
    }

    #[test]
    fn a_socket_that_did_not_ask_is_told_nothing() {
        let mut sends = ZeroCopy::default();
        sends.wrote(5, MSG_ZEROCOPY);
        sends.acknowledged(5);
        assert_eq!(sends.queue.len(), 0);
    }

    #[test]
    fn what_has_no_room_is_cut_off() {
        let mut sends = ZeroCopy { queue: [(0, 0), (2, 2)].into(), ..ZeroCopy::default() };
        let Some(Reply::Message { flags, control, .. }) = sends.take(AF_INET6, 20) else { panic!("there is one") };
        assert_eq!((flags, control[0].data.len()), (MSG_ERRQUEUE | MSG_CTRUNC, 4));
        let Some(Reply::Message { flags, control, .. }) = sends.take(AF_INET6, 64) else { panic!("there is one") };
        assert_eq!((flags, control[0].level, control[0].data.len()), (MSG_ERRQUEUE, IPPROTO_IPV6, 44));
    }
}
