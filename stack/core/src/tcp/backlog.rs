//! A listener's two queues: connections that are half-open, and those that wait to be accepted. RFC 9293 3.9.1 leaves both to the
//! implementation, RFC 4987 3.1 and 3.2 say what a full one means; the formulas are Linux's.

use crate::config::{Config, HalfOpenLimit};
use crate::host::Fx;
use crate::rules;

/// The queues as they stand when an event begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Queues {
    /// Connections that wait to be accepted.
    pub(crate) waiting: u32,
    /// Connections in SYN-RECEIVED.
    pub(crate) half_open: u32,
    /// Those of them whose SYN,ACK was not repeated yet.
    pub(crate) young: u32,
    /// The backlog of `listen`, at most `somaxconn`.
    pub(crate) limit: u32,
}

/// What becomes of a SYN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is served.
    Serve,
    /// It is answered, and nothing kept: a SYN cookie (RFC 4987 3.6).
    Cookie,
    /// It is dropped.
    Drop,
}

/// Fewest half-open connections for which old ones make room.
const CROWD: u32 = 8;

impl Queues {
    /// Whether the accept queue takes no more. It holds one more than its limit.
    pub(crate) const fn accept_is_full(&self) -> bool {
        self.waiting > self.limit
    }

    /// Whether no more half-open connections may be made.
    const fn half_open_is_full(&self, config: &Config) -> bool {
        match config.half_open_limit {
            HalfOpenLimit::MaxSynBacklog => self.half_open >= config.tcp_max_syn_backlog,
            HalfOpenLimit::Backlog => self.half_open > self.limit,
        }
    }

    /// Whether less than a quarter of `tcp_max_syn_backlog` is left, which Linux without cookies keeps for peers that it has
    /// spoken to before. This stack remembers none.
    const fn last_quarter(&self, config: &Config) -> bool {
        match config.half_open_limit {
            HalfOpenLimit::MaxSynBacklog => false,
            HalfOpenLimit::Backlog => {
                let most = config.tcp_max_syn_backlog;
                (most as i64 - self.half_open as i64) < (most >> 2) as i64
            }
        }
    }

    /// How often a SYN,ACK is repeated. When more than half of the queue is taken, and by old ones for the most part, fewer
    /// times: the more of them are old, the fewer.
    pub(crate) fn synack_retries(&self, most: u32, config: &Config) -> u32 {
        let mut retries = most;
        if config.half_open_limit == HalfOpenLimit::Backlog && self.half_open * 2 > self.limit.max(CROWD) {
            let mut young = u64::from(self.young) * 2;
            while retries > 2 && u64::from(self.half_open) >= young {
                retries -= 1;
                young *= 2;
            }
        }
        retries
    }
}

/// Decides about a SYN. One that takes over a connection in TIME-WAIT (`reopens`) comes from a peer that exists: the bounds of the
/// half-open queue are not for it.
pub(crate) fn admit(queues: &Queues, reopens: bool, fx: &mut Fx<'_>) -> Admission {
    let cookies = fx.config().tcp_syncookies;
    let full = queues.half_open_is_full(fx.config());
    let cookie = !reopens && (cookies == 2 || full);
    let counters = &mut fx.host.counters;
    if cookie && cookies == 0 {
        counters.tcp_req_q_full_drop += 1;
        counters.listen_drops += 1;
        fx.cite(rules::HALF_OPEN_FULL);
        return Admission::Drop;
    }
    counters.tcp_req_q_full_do_cookies += u64::from(cookie);
    if queues.accept_is_full() {
        overflow(fx);
        return Admission::Drop;
    }
    if cookie {
        return Admission::Cookie;
    }
    if cookies == 0 && !reopens && queues.last_quarter(fx.config()) {
        fx.host.counters.listen_drops += 1;
        fx.cite(rules::HALF_OPEN_FULL);
        return Admission::Drop;
    }
    Admission::Serve
}

/// Retransmissions after which `TCP_DEFER_ACCEPT` waits no longer for text: as many as fit into `seconds`.
pub(crate) fn seconds_to_retries(seconds: i32, config: &Config) -> u8 {
    let (mut timeout, most) = (config.rto_initial.as_secs().max(1), config.rto_max().as_secs());
    let seconds = u64::try_from(seconds).unwrap_or(0);
    let (mut retries, mut period) = (u8::from(seconds > 0), timeout);
    while seconds > period && retries < u8::MAX {
        retries += 1;
        timeout = (timeout * 2).min(most);
        period += timeout;
    }
    retries
}

/// The seconds that so many retransmissions take.
pub(crate) fn retries_to_seconds(retries: u8, config: &Config) -> u64 {
    let (mut timeout, most) = (config.rto_initial.as_secs().max(1), config.rto_max().as_secs());
    let mut period = 0;
    for _ in 0..retries {
        period += timeout;
        timeout = (timeout * 2).min(most);
    }
    period
}

/// A last ACK that finds the accept queue full is ignored, so that the peer repeats what it sends, or refused.
pub(crate) fn overflow(fx: &mut Fx<'_>) {
    fx.cite(rules::ACCEPT_QUEUE_FULL);
    fx.host.counters.listen_overflows += 1;
    fx.host.counters.listen_drops += 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_half_open_connections_are_given_fewer_retransmissions_in_a_crowd() {
        let config = Config::linux();
        // limit, half-open, young -> retransmissions of at most five
        let table = [
            (128, 4, 0, 5),
            (128, 64, 0, 5),
            (128, 65, 65, 5),
            (128, 65, 33, 5),
            (128, 65, 32, 4),
            (128, 65, 16, 3),
            (128, 65, 1, 2),
            (128, 65, 0, 2),
            (1, 4, 0, 5),
            (1, 5, 0, 2),
        ];
        for (limit, half_open, young, expected) in table {
            let queues = Queues { waiting: 0, half_open, young, limit };
            assert_eq!(queues.synack_retries(5, &config), expected, "{queues:?}");
            assert_eq!(queues.synack_retries(5, &Config::rfc9293()), 5);
        }
    }

    #[test]
    fn defer_accept_is_kept_as_retransmissions() {
        let config = Config::linux();
        for (seconds, retries, back) in [(0, 0, 0), (-1, 0, 0), (1, 1, 1), (2, 2, 3), (3, 2, 3), (4, 3, 7), (10, 4, 15)]
        {
            assert_eq!(seconds_to_retries(seconds, &config), retries, "{seconds} s");
            assert_eq!(retries_to_seconds(retries, &config), back, "{retries} retransmissions");
        }
    }
}
