//! What a connection's time goes into, and what comes of it: the part of `TCP_INFO` that no mechanism needs, kept from the
//! first text or the first timeout on.
//!
//! As in Linux a connection with text to send is busy, and is limited by the peer's window or by its own send buffer while one
//! of them is all that holds text back. The delivery rate is measured once per round trip, not at each ACK.

use super::ecn::Ecn;
use super::recovery::Phase;
use super::recovery::acknowledgment::Progress;
use super::state::State;
use super::tcb::{Origin, Tcb};
use crate::config::Config;
use crate::host::Fx;
use crate::seq::SeqNum;
use crate::socket::TcpInfo;
use crate::time::Instant;
use crate::wire::tcp::Segment;
use core::time::Duration;

/// What holds text back, in the order of Linux: the later one counts when two do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    /// Nothing is to be sent.
    Idle,
    /// The network, or its congestion window.
    Busy,
    /// The peer's window.
    Window,
    /// The send buffer.
    Buffer,
}

/// A segment whose acknowledgment ends a sample of the delivery rate.
#[derive(Debug, Clone, PartialEq)]
struct Mark {
    end: SeqNum,
    /// Octets that had been delivered when it was sent, and since when they count.
    delivered: u64,
    since: Instant,
    /// The user had nothing more to send at some time: the rate is the user's, not the path's.
    user_limited: bool,
}

/// The account.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Account {
    delivered: u64,
    delivered_ce: u64,
    octets: u64,
    last_delivery: Instant,
    mark: Option<Mark>,
    /// Octets and the time that they took.
    rate: (u64, Duration),
    limit: (Limit, Instant),
    /// Time with each limit.
    spent: [Duration; 4],
    /// The user could not write all that it had.
    starved: bool,
    timeouts: u64,
    timeout_episodes: u64,
    timeout_since: Option<Instant>,
    timeout_time: Duration,
}

impl Account {
    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            delivered: 0,
            delivered_ce: 0,
            octets: 0,
            last_delivery: now,
            mark: None,
            rate: (0, Duration::ZERO),
            limit: (Limit::Idle, now),
            spent: [Duration::ZERO; 4],
            starved: false,
            timeouts: 0,
            timeout_episodes: 0,
            timeout_since: None,
            timeout_time: Duration::ZERO,
        }
    }

    fn enter(&mut self, limit: Limit, now: Instant) {
        if self.limit.0 != limit {
            self.spent[self.limit.0 as usize] += now.since(self.limit.1);
            self.limit = (limit, now);
        }
    }

    fn spent(&self, limit: Limit, now: Instant) -> Duration {
        let running = if self.limit.0 == limit { now.since(self.limit.1) } else { Duration::ZERO };
        self.spent[limit as usize] + running
    }

    /// The mark was acknowledged. A rate that the user limited counts only when it is higher.
    fn measured(&mut self, now: Instant, least: Duration) {
        let Some(mark) = self.mark.take() else { return };
        let (octets, time) = (self.octets - mark.delivered, now.since(mark.since));
        if time < least || time.is_zero() {
            return;
        }
        let higher = u128::from(octets) * self.rate.1.as_micros() >= u128::from(self.rate.0) * time.as_micros();
        if !mark.user_limited || higher {
            self.rate = (octets, time);
        }
    }
}

impl Tcb {
    fn account(&mut self, now: Instant) -> &mut Account {
        self.account.get_or_insert_with(|| alloc::boxed::Box::new(Account::new(now)))
    }

    /// Text was sent for the first time, up to SND.NXT; `alone`: nothing else is in flight.
    pub(crate) fn account_sent(&mut self, alone: bool, now: Instant) {
        let end = self.snd.nxt;
        let account = self.account(now);
        if account.mark.is_none() {
            let since = if alone { now } else { account.last_delivery };
            account.mark = Some(Mark { end, delivered: account.octets, since, user_limited: false });
        }
    }

    /// An ACK with what it has delivered.
    pub(crate) fn account_delivered(&mut self, seg: &Segment<'_>, progress: &Progress, now: Instant) {
        let marked = matches!(self.ecn, Ecn::Classic(_)) && seg.flags.ece();
        let (una, least) = (self.snd.una, self.recovery.rack.smallest().unwrap_or_default());
        let delivered = &progress.delivered;
        if delivered.segments == 0 {
            return;
        }
        // The text may have gone out on a SYN.
        let account = self.account(now);
        account.delivered += u64::from(delivered.segments);
        account.delivered_ce += u64::from(delivered.segments) * u64::from(marked);
        account.octets += u64::from(delivered.octets);
        account.last_delivery = now;
        if account.mark.as_ref().is_some_and(|mark| una.ge(mark.end)) {
            account.measured(now, least);
        }
    }

    /// The retransmission timer has expired for what is in flight, for the first time since progress or once more.
    pub(crate) fn account_timeout(&mut self, now: Instant) {
        let first = self.rto.retransmits == 0;
        let account = self.account(now);
        if first {
            account.timeout_episodes += 1;
            account.timeout_since = Some(now);
        }
        account.timeouts += 1;
    }

    /// The ACK that ends the handshake has acknowledged this many segments, the SYN,ACK and text of a Fast Open.
    pub(crate) fn account_with_handshake(&mut self, segments: u32) {
        if let Some(account) = &mut self.account {
            account.delivered += u64::from(segments.saturating_sub(1));
        }
    }

    /// The handshake is over. Half-open connections of a listener are kept without an account: what their timer did is entered
    /// here.
    pub(crate) fn account_handshake(&mut self, now: Instant) {
        if self.origin == Origin::Passive && self.rto.retransmits > 0 {
            let (timeouts, since) = (u64::from(self.rto.retransmits), self.rto.first_retransmission());
            let account = self.account(now);
            (account.timeouts, account.timeout_episodes, account.timeout_since) = (timeouts, 1, since);
        }
    }

    /// The user could not write all that it had.
    pub(crate) fn account_starved(&mut self, now: Instant) {
        self.account(now).starved = true;
    }

    /// What limits the connection from now on. Called once at the end of each event.
    pub(crate) fn account_event(&mut self, fx: &Fx<'_>) {
        if self.account.is_none() {
            // The first text may have to wait for the peer's window.
            if self.unsent() == 0 || !self.state().is_synchronized() {
                return;
            }
            self.account(fx.now);
        }
        let config = fx.config();
        let full = self.window_room(config) < self.smss(config);
        let roomy = self.is_worth_writing(config);
        let (unsent, in_flight) = (self.unsent(), !self.queue.is_empty());
        let window = self.snd.wnd.saturating_sub(self.flight());
        let over = self.state().is_synchronized() && self.recovery.phase() != Phase::Loss && self.rto.retransmits == 0;
        let may_write = matches!(self.state(), State::Established | State::CloseWait);
        let withheld = unsent > 0 && !full && window < unsent.min(self.smss(config));
        let Some(account) = &mut self.account else { return };
        account.starved &= !roomy;
        let limit = if unsent == 0 && !in_flight {
            Limit::Idle
        } else if account.starved && unsent == 0 && may_write {
            Limit::Buffer
        } else if withheld {
            Limit::Window
        } else {
            Limit::Busy
        };
        account.enter(limit, fx.now);
        if let Some(mark) = &mut account.mark {
            mark.user_limited |= unsent == 0 && !full;
        }
        if over && let Some(since) = account.timeout_since.take() {
            account.timeout_time += fx.now.since(since);
        }
    }

    /// The account's part of `TCP_INFO`.
    pub(crate) fn account_info(&self, info: &mut TcpInfo, now: Instant, config: &Config) {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        info.delivered = u64::from(self.user.was_established);
        info.delivered_ce = self.ecn.told_of_marks();
        let Some(account) = &self.account else { return };
        info.delivered += account.delivered;
        info.delivered_ce += account.delivered_ce;
        let spent = |limit| micros(account.spent(limit, now));
        info.rwnd_limited = spent(Limit::Window);
        info.sndbuf_limited = spent(Limit::Buffer);
        info.busy_time = spent(Limit::Busy) + info.rwnd_limited + info.sndbuf_limited;
        let (octets, time) = account.rate;
        if !time.is_zero() {
            let smss = u64::from(self.smss(config));
            // Linux counts whole segments.
            info.delivery_rate = octets.div_ceil(smss) * smss * 1_000_000 / micros(time);
        }
        info.total_rto = account.timeouts;
        info.total_rto_recoveries = account.timeout_episodes;
        info.total_rto_time = micros(account.timeout_time) / 1000;
    }
}
