//! Which hardware address a neighbour has: the cache of RFC 826 and RFC 4861 7.3, the same for both, on the caller's clock.
//!
//! An entry that was confirmed is used for [`REACHABLE`]. After that its next use asks again, while the old answer still
//! serves; unanswered it goes (RFC 1122 2.3.2.1). A neighbour that is not known is asked for once a second, three times;
//! datagrams wait meanwhile, the latest [`MOST_WAITING`] of them (RFC 1122 2.3.2.2, RFC 4861 7.2.2).

use crate::ethernet::Mac;
use core::net::IpAddr;
use core::time::Duration;
use halfopen_stack::Instant;
use std::collections::{BTreeMap, VecDeque};

/// How long an answer holds (RFC 4861 10, REACHABLE_TIME; RFC 1122 2.3.2.1 speaks of a minute at most).
pub const REACHABLE: Duration = Duration::from_secs(30);
/// Time between two questions (RFC 4861 10, RETRANS_TIMER; at most one a second by RFC 1122 2.3.2.1).
pub const RETRANS: Duration = Duration::from_secs(1);
/// Questions before a neighbour counts as absent (RFC 4861 10, MAX_MULTICAST_SOLICIT).
pub const MOST_QUESTIONS: u8 = 3;
/// Datagrams that wait for one neighbour; the oldest are dropped.
pub const MOST_WAITING: usize = 64;
/// Neighbours; beyond, the one that was confirmed longest ago goes.
pub const MOST_NEIGHBOURS: usize = 1024;

/// What a neighbour's entry says.
#[derive(Debug, Clone)]
enum State {
    /// Asked for; nobody has answered yet.
    Incomplete { questions: u8, ask_at: Instant, waiting: VecDeque<Vec<u8>> },
    /// Confirmed.
    Known { mac: Mac, until: Instant },
    /// Old, used, and asked for again.
    Probed { mac: Mac, questions: u8, ask_at: Instant },
}

/// What to do with a datagram for a neighbour.
#[derive(Debug, PartialEq, Eq)]
pub enum Resolved {
    /// Send it there.
    Send(Mac, Vec<u8>),
    /// It waits in the cache.
    Waits,
}

/// A question that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// Whom to ask for.
    pub target: IpAddr,
    /// Where it was last; otherwise everybody is asked.
    pub at: Option<Mac>,
}

/// The cache.
#[derive(Debug, Clone, Default)]
pub struct Neighbours {
    entries: BTreeMap<IpAddr, State>,
    /// Questions that came up, to be asked.
    questions: VecDeque<Question>,
    /// Datagrams dropped because their neighbour did not answer, or too many waited.
    pub unresolved: u64,
}

impl Neighbours {
    /// Finds out where a datagram for `neighbour` goes.
    pub fn resolve(&mut self, neighbour: IpAddr, datagram: Vec<u8>, now: Instant) -> Resolved {
        match self.entries.get_mut(&neighbour) {
            Some(State::Known { mac, until }) => {
                let mac = *mac;
                if *until <= now {
                    self.entries.insert(neighbour, State::Probed { mac, questions: 1, ask_at: now + RETRANS });
                    self.questions.push_back(Question { target: neighbour, at: Some(mac) });
                }
                Resolved::Send(mac, datagram)
            }
            Some(State::Probed { mac, .. }) => Resolved::Send(*mac, datagram),
            Some(State::Incomplete { waiting, .. }) => {
                if waiting.len() == MOST_WAITING {
                    waiting.pop_front();
                    self.unresolved += 1;
                }
                waiting.push_back(datagram);
                Resolved::Waits
            }
            None => {
                self.make_room();
                let waiting = VecDeque::from([datagram]);
                self.entries.insert(neighbour, State::Incomplete { questions: 1, ask_at: now + RETRANS, waiting });
                self.questions.push_back(Question { target: neighbour, at: None });
                Resolved::Waits
            }
        }
    }

    /// A neighbour says where it is, in answer to a question or, with `add`, to ask one itself (RFC 826's merge and its
    /// addition). What waited for it, to be sent.
    pub fn learn(&mut self, neighbour: IpAddr, mac: Mac, add: bool, now: Instant) -> VecDeque<Vec<u8>> {
        if mac.is_group() || (!add && !self.entries.contains_key(&neighbour)) {
            return VecDeque::new();
        }
        if !self.entries.contains_key(&neighbour) {
            self.make_room();
        }
        match self.entries.insert(neighbour, State::Known { mac, until: now + REACHABLE }) {
            Some(State::Incomplete { waiting, .. }) => waiting,
            Some(State::Known { .. } | State::Probed { .. }) | None => VecDeque::new(),
        }
    }

    /// When the next question or expiry is due.
    #[must_use]
    pub fn poll_at(&self) -> Option<Instant> {
        let due = |state: &State| match state {
            State::Incomplete { ask_at, .. } | State::Probed { ask_at, .. } => Some(*ask_at),
            State::Known { .. } => None,
        };
        self.entries.values().filter_map(due).min()
    }

    /// Time passes: repeats questions, gives up on neighbours that do not answer.
    pub fn advance(&mut self, now: Instant) {
        let (questions_due, unresolved) = (&mut self.questions, &mut self.unresolved);
        self.entries.retain(|target, state| {
            let (at, questions, ask_at, waiting) = match state {
                State::Known { .. } => return true,
                State::Incomplete { questions, ask_at, waiting } => (None, questions, ask_at, waiting.len()),
                State::Probed { mac, questions, ask_at } => (Some(*mac), questions, ask_at, 0),
            };
            if *ask_at > now {
                return true;
            }
            if *questions == MOST_QUESTIONS {
                *unresolved += waiting as u64;
                return false;
            }
            *questions += 1;
            *ask_at = now + RETRANS;
            questions_due.push_back(Question { target: *target, at });
            true
        });
    }

    /// The next question to put on the wire.
    pub fn next_question(&mut self) -> Option<Question> {
        self.questions.pop_front()
    }

    /// Each neighbour, where it is if that is known, and what its entry is called by `ip neighbour`.
    pub fn iter(&self, now: Instant) -> impl Iterator<Item = (IpAddr, Option<Mac>, &'static str)> {
        self.entries.iter().map(move |(neighbour, state)| match state {
            State::Incomplete { .. } => (*neighbour, None, "INCOMPLETE"),
            State::Known { mac, until } if *until > now => (*neighbour, Some(*mac), "REACHABLE"),
            State::Known { mac, .. } => (*neighbour, Some(*mac), "STALE"),
            State::Probed { mac, .. } => (*neighbour, Some(*mac), "PROBE"),
        })
    }

    fn make_room(&mut self) {
        if self.entries.len() < MOST_NEIGHBOURS {
            return;
        }
        let age = |state: &State| match state {
            State::Known { until, .. } => *until,
            State::Probed { ask_at, .. } | State::Incomplete { ask_at, .. } => *ask_at,
        };
        let oldest = self.entries.iter().min_by_key(|(_, state)| age(state)).map(|(neighbour, _)| *neighbour);
        if let Some(State::Incomplete { waiting, .. }) = oldest.and_then(|oldest| self.entries.remove(&oldest)) {
            self.unresolved += waiting.len() as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = Mac([2, 0, 0, 0, 0, 9]);

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn at(seconds: u64) -> Instant {
        Instant(seconds * 1_000_000)
    }

    #[test]
    fn unknown_neighbour_is_asked_for_and_what_waited_goes_out_in_order() {
        let mut cache = Neighbours::default();
        for n in 0..MOST_WAITING as u8 + 2 {
            assert_eq!(cache.resolve(ip(1), vec![n], at(0)), Resolved::Waits);
        }
        assert_eq!(cache.next_question(), Some(Question { target: ip(1), at: None }));
        assert_eq!(cache.next_question(), None, "one question, however many datagrams");
        let sent = cache.learn(ip(1), MAC, false, at(0));
        assert_eq!((sent.len(), sent[0][0], cache.unresolved), (MOST_WAITING, 2, 2), "the latest are kept");
        assert_eq!(cache.resolve(ip(1), vec![9], at(1)), Resolved::Send(MAC, vec![9]));
        assert_eq!(cache.poll_at(), None);
    }

    #[test]
    fn silent_neighbour_is_asked_three_times_then_given_up_and_asked_anew() {
        let mut cache = Neighbours::default();
        cache.resolve(ip(1), vec![0], at(0));
        let mut asked = Vec::new();
        for second in 0..6 {
            cache.advance(at(second));
            asked.extend(std::iter::from_fn(|| cache.next_question()).map(|_| second));
        }
        assert_eq!((asked, cache.unresolved, cache.poll_at()), (vec![0, 1, 2], 1, None));
        assert_eq!(cache.resolve(ip(1), vec![0], at(9)), Resolved::Waits);
        assert!(cache.next_question().is_some());
    }

    #[test]
    fn old_answer_serves_while_it_is_asked_again_and_goes_unanswered() {
        let mut cache = Neighbours::default();
        cache.learn(ip(1), MAC, true, at(0));
        assert_eq!(cache.resolve(ip(1), vec![1], at(29)), Resolved::Send(MAC, vec![1]));
        assert_eq!(cache.next_question(), None);
        assert_eq!(cache.resolve(ip(1), vec![2], at(31)), Resolved::Send(MAC, vec![2]));
        assert_eq!(cache.next_question(), Some(Question { target: ip(1), at: Some(MAC) }));
        let states = |cache: &Neighbours| cache.iter(at(31)).map(|(_, _, name)| name).collect::<Vec<_>>();
        assert_eq!(states(&cache), ["PROBE"]);
        let mut confirmed = cache.clone();
        confirmed.learn(ip(1), MAC, false, at(32));
        assert_eq!(states(&confirmed), ["REACHABLE"]);
        (32..36).for_each(|second| cache.advance(at(second)));
        assert_eq!(states(&cache), Vec::<&str>::new());
    }

    #[test]
    fn only_who_asks_us_is_added_unasked() {
        let mut cache = Neighbours::default();
        cache.learn(ip(1), MAC, false, at(0));
        cache.learn(ip(2), Mac::BROADCAST, true, at(0));
        assert_eq!(cache.iter(at(0)).count(), 0);
        cache.learn(ip(1), MAC, true, at(0));
        assert_eq!(cache.iter(at(0)).collect::<Vec<_>>(), [(ip(1), Some(MAC), "REACHABLE")]);
    }

    #[test]
    fn cache_is_bounded() {
        let mut cache = Neighbours::default();
        for n in 0..3000_u32 {
            cache.learn(IpAddr::from((0x0a00_0000 + n).to_be_bytes()), MAC, true, at(n.into()));
        }
        assert_eq!(cache.iter(at(0)).count(), MOST_NEIGHBOURS);
        let latest = IpAddr::from((0x0a00_0000_u32 + 2999).to_be_bytes());
        assert!(cache.iter(at(0)).any(|(neighbour, ..)| neighbour == latest));
    }
}
