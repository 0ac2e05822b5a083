//! Units of writing and trains of sending, as in a stack with segmentation offload (Linux).
//!
//! RFC 9293 has one stream of octets. Linux keeps it in units: a unit begins when a write finds the last one full, closed or
//! gone, and holds as many segments as may be handed down in one piece. Four things that a peer or a user can see follow,
//! and are here, all under `Config::segment_trains`:
//!
//! - *Trains*: a unit goes out as trains of segments, as long as the window, about a millisecond at the present rate, and
//!   `tcp_min_tso_segs` allow. The last segment of a train of more than one has PSH, and one that ends what a write without
//!   the promise of more has written.
//! - *Deferral*: a short train waits for the next ACK, which comes soon, to become longer (`tcp_tso_win_divisor`).
//! - *Records* (`MSG_EOR`): a unit that a record ends is closed, and neither a segment nor a train reaches across.
//! - *Room*: a write begins no unit once what is queued, bookkeeping included, has the size of the send buffer; a unit that
//!   has begun is filled. The send buffer grows with the congestion window unless the user has set it.

use super::output::{self, Push};
use super::tcb::Tcb;
use crate::config::Config;
use crate::host::Fx;
use crate::seq::SeqNum;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::time::Duration;

/// Octets of a unit at most: what one IP datagram can say, less the room that Linux keeps for headers.
const LARGEST: u32 = 65_215;
/// What Linux adds to a segment, and to that sum's next power of two, when it sizes the send buffer. The first is the room of a unit's headers,
/// which is less where a unit takes no more than this.
const PER_SEGMENT: (u32, u32) = (640, 256);
const SMALL_UNIT: u32 = 832;
const SMALL_HEADERS: u32 = 512;
/// Segments below which the send buffer is not sized.
const LEAST_SEGMENTS: u32 = 10;
/// A short train waits only if text was sent so recently.
const RECENT: Duration = Duration::from_millis(1);
/// The rate as a multiple of window over round trip, percent: far below ssthresh, and otherwise.
const RATE: (u64, u64) = (200, 120);
/// A train is what the rate yields in a 1024th of a second.
const SHARE: u64 = 1024;
/// Of a shorter round trip than this many microseconds, doubled each time, a train is longer by half as much each time.
const RTT_LOG: u32 = 9;

/// What is known of units beyond where the last one begins.
#[derive(Debug, Clone, Default, PartialEq)]
struct Rare {
    /// Ends of earlier units that were pushed, in order.
    pushed: VecDeque<SeqNum>,
    /// Text that was written as urgent, in units of a segment each: where the last such writes begin and end.
    urgent: Option<(SeqNum, SeqNum)>,
}

/// The units of one connection.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WriteQueue {
    /// End of what was written without the promise of more, or of a unit that was pushed for its size.
    push_end: SeqNum,
    /// What few connections need.
    rare: Option<Box<Rare>>,
    /// End of the last text that was marked to be pushed.
    pushed: SeqNum,
    /// `TCP_NODELAY` was set: nothing is held back, not even by TCP_CORK, until another unit begins.
    pub(crate) let_go: bool,
    /// Where the last unit began.
    unit: SeqNum,
    /// Ends of records, in order.
    #[expect(clippy::box_collection, reason = "one word as long as there are none")]
    records: Option<Box<VecDeque<SeqNum>>>,
    /// The size that the send buffer has grown to.
    grown: u32,
    /// A write found too little room.
    starved: bool,
}

impl WriteQueue {
    pub(crate) const fn new(iss: SeqNum) -> Self {
        let start = iss.plus(1);
        Self {
            push_end: iss,
            rare: None,
            pushed: start,
            unit: start,
            records: None,
            grown: 0,
            starved: false,
            let_go: false,
        }
    }
}

impl WriteQueue {
    /// Urgent text of `len` octets is written from `at` on.
    fn urgent_goes_on(&mut self, at: SeqNum, len: u32) {
        let urgent = &mut self.rare.get_or_insert_default().urgent;
        let start = urgent.filter(|text| text.1 == at).map_or(at, |text| text.0);
        *urgent = Some((start, at.plus(len)));
    }

    fn urgent(&self) -> Option<(SeqNum, SeqNum)> {
        self.rare.as_ref()?.urgent
    }

    /// Whether the octet was written as urgent.
    fn is_urgent(&self, octet: SeqNum) -> bool {
        self.urgent().is_some_and(|(start, end)| octet.ge(start) && octet.lt(end))
    }
}

/// Segments that go out together.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Train {
    /// Segments left of it.
    left: u32,
    /// Segments of it that are out.
    out: u32,
}

impl Train {
    /// One of so many segments at most.
    pub(crate) fn of(segments: u32) -> Self {
        Self { left: segments.max(1), out: 0 }
    }

    /// One segment of it goes out.
    pub(crate) const fn step(&mut self) {
        self.left = self.left.saturating_sub(1);
        self.out += 1;
    }

    /// It ends here.
    pub(crate) const fn end(&mut self) {
        self.left = 0;
    }

    /// Whether it had more than one.
    pub(crate) const fn is_long(&self) -> bool {
        self.out > 1
    }

    /// Whether the next segment begins another one.
    pub(crate) const fn is_over(&self) -> bool {
        self.left == 0
    }
}

impl Tcb {
    /// Octets of a whole unit: at most half of the largest window that the peer has offered, in whole segments.
    fn unit_size(&self, config: &Config) -> u32 {
        let smss = self.smss(config).saturating_sub(self.sack_reserve(config)).max(1);
        let half = self.half_of_window();
        let most = if half > 0 { LARGEST.min(half) } else { LARGEST };
        (most / smss * smss).max(smss)
    }

    /// Room in the last unit, 0 when the next octet begins another one.
    fn unit_room(&self, size: u32) -> u32 {
        let end = self.outgoing.end();
        let start = if self.state().may_transmit() { self.write.unit.later(self.snd.nxt) } else { self.write.unit };
        let closed = self.write.records.as_ref().is_some_and(|records| records.back() == Some(&end));
        if closed || start.ge(end) { 0 } else { size.saturating_sub(start.distance(end)) }
    }

    /// Octets that the send queue is charged with.
    fn charged(&self, config: &Config) -> u32 {
        let queued = self.outgoing.len() as u32;
        let unsent = self.unsent().min(queued);
        let train = self.longest_train(config).saturating_mul(self.smss(config)).clamp(1, LARGEST);
        let from = self.outgoing.end().minus(unsent);
        let urgent = self.write.urgent().filter(|(_, end)| end.gt(from));
        let urgent = urgent.map_or(0, |(start, end)| start.later(from).distance(end));
        let units = (queued - unsent).div_ceil(train)
            + (unsent - urgent).div_ceil(self.unit_size(config))
            + urgent.div_ceil(self.smss(config));
        queued.saturating_add(units.saturating_mul(config.memory_of_unit))
    }

    /// `SO_SNDBUF` as Linux counts: twice what the user has set, or what it has grown to.
    fn send_buffer(&self, config: &Config) -> u32 {
        match self.user.options.snd_buf {
            Some(octets) => octets.saturating_mul(2),
            None => self.write.grown.max(config.tcp_wmem[1]),
        }
    }

    /// The send buffer grows to twice the congestion window.
    fn grow_send_buffer(&mut self, config: &Config) {
        let smss = self.smss(config);
        let headers = if config.memory_of_unit <= SMALL_UNIT { SMALL_HEADERS } else { PER_SEGMENT.0 };
        let segment = (self.snd.mss.max(smss) + headers).next_power_of_two() + PER_SEGMENT.1;
        let segments = (self.congestion.cwnd / smss).max(LEAST_SEGMENTS).max(config.tcp_reordering + 1);
        let size = segments.saturating_mul(segment).saturating_mul(2).min(config.tcp_wmem[2]);
        self.write.grown = self.write.grown.max(size);
    }

    /// Octets that the send queue has room for beyond what is charged.
    pub(crate) fn unit_space(&self, config: &Config) -> u32 {
        self.send_buffer(config).saturating_sub(self.charged(config))
    }

    /// After an event: a writer that waits makes the send buffer grow, if the window is not what limits.
    pub(crate) fn relieve_writer(&mut self, config: &Config) {
        if !self.write.starved || !config.segment_trains {
            return;
        }
        if self.queue.pipe().segments < self.congestion.cwnd / self.smss(config) {
            self.grow_send_buffer(config);
        }
        self.write.starved = self.unit_space(config) < self.charged(config) / 2;
    }

    /// Takes octets into units, each with what sending the ones before it has made room for. How many were taken.
    pub(crate) fn write_units(&mut self, data: &[u8], least_unsent: u32, urgent: bool, fx: &mut Fx<'_>) -> usize {
        if self.write.grown == 0 {
            self.grow_send_buffer(&fx.host.config);
        }
        let mut taken = 0;
        while taken < data.len() {
            let config = &fx.host.config;
            let size = if urgent { self.smss(config) } else { self.unit_size(config) };
            let mut room = self.unit_room(size);
            let grows = room > 0 && self.write.push_end == self.outgoing.end();
            if room == 0 {
                if self.unit_space(config) == 0 || self.unsent() >= least_unsent {
                    self.write.starved = true;
                    break;
                }
                self.begin_unit();
                room = size;
            }
            let len = (room as usize).min(data.len() - taken);
            if urgent {
                self.write.urgent_goes_on(self.outgoing.end(), len as u32);
            }
            self.outgoing.push(&data[taken..taken + len], &mut fx.host.rings);
            if grows {
                // A unit that was pushed stays so as this write fills it, and is not when another one does.
                self.write.push_end = if taken > 0 { self.outgoing.end() } else { self.snd.iss };
            }
            taken += len;
            // Urgent text is sent when it is known where it ends.
            if taken < data.len() && !urgent {
                // A whole unit need not wait for the rest of the write, nor for anything else if it is next, and then one train of it goes.
                if self.far_beyond_push() {
                    self.push();
                    output::send_text(self, Push::NotHeldBack, fx);
                } else if self.write.unit.le(self.snd.nxt) {
                    output::send_text(self, Push::Train, fx);
                }
            }
        }
        taken
    }

    /// The last unit is full or closed.
    fn begin_unit(&mut self) {
        self.write.let_go = false;
        let end = self.outgoing.end();
        if self.write.push_end == end && end.gt(self.snd.nxt) {
            self.write.rare.get_or_insert_default().pushed.push_back(end);
        }
        self.write.unit = end;
    }

    /// Whether half of the peer's window was written without a push.
    fn far_beyond_push(&self) -> bool {
        self.outgoing.end().gt(self.write.pushed.plus(self.snd.max_wnd / 2))
    }

    /// What was written so far is to be handed on.
    pub(crate) fn push(&mut self) {
        self.write.push_end = self.outgoing.end();
        self.write.pushed = self.outgoing.end();
    }

    /// A write has ended. `more`: with the promise of more. `record`: it ends a record.
    pub(crate) fn write_ends(&mut self, more: bool, record: bool) {
        if !more || self.far_beyond_push() {
            self.push();
        }
        if record {
            self.write.records.get_or_insert_default().push_back(self.outgoing.end());
        }
    }

    /// Octets of text before the end of the record that SND.NXT is in.
    pub(crate) fn unsent_of_record(&mut self) -> u32 {
        if let Some(rare) = &mut self.write.rare {
            while rare.pushed.front().is_some_and(|end| end.le(self.snd.nxt)) {
                rare.pushed.pop_front();
            }
        }
        let Some(records) = &mut self.write.records else { return self.unsent() };
        while records.front().is_some_and(|end| end.le(self.snd.nxt)) {
            records.pop_front();
        }
        let Some(end) = records.front().copied() else {
            self.write.records = None;
            return self.unsent();
        };
        self.unsent().min(self.snd.nxt.distance(end))
    }

    /// Whether text up to `end` is the end of what its writer wants to be handed on.
    pub(crate) fn is_push_end(&self, end: SeqNum) -> bool {
        let is_next = |ends: Option<&VecDeque<SeqNum>>| ends.is_some_and(|ends| ends.front() == Some(&end));
        is_next(self.write.records.as_deref())
            || is_next(self.write.rare.as_ref().map(|rare| &rare.pushed))
            || self.write.push_end == end
    }

    /// Segments of the longest train.
    pub(crate) fn longest_train(&self, config: &Config) -> u32 {
        let smss = self.smss(config);
        let octets = match self.rto.srtt() {
            None => LARGEST,
            Some(srtt) => {
                let micros = (srtt.as_micros() as u64).max(1);
                let slow = self.congestion.cwnd < self.congestion.ssthresh / 2;
                let ratio = if slow { RATE.0 } else { RATE.1 };
                let rate = u64::from(self.congestion.cwnd) * 10_000 * ratio / micros;
                let near = u64::from(LARGEST).checked_shr((micros >> RTT_LOG) as u32).unwrap_or(0);
                (rate / SHARE).saturating_add(near).min(u64::from(LARGEST)) as u32
            }
        };
        (octets / smss).max(config.tcp_min_tso_segs)
    }

    /// The next train: `text` octets may be sent, and more than one segment of `size` if the windows let `quota`. `None`: it
    /// is too short, and waits for the next ACK. `partial`: whether what is less than a segment may go with it. Urgent text goes by
    /// the segment.
    pub(crate) fn next_train(&self, (text, size): (u32, u32), quota: u32, partial: bool, fx: &Fx<'_>) -> Option<Train> {
        let config = fx.config();
        let smss = self.smss(config);
        // Two trains fit into the window, so that there is one to send while the other is acknowledged.
        let quota = quota.min((self.congestion.cwnd / smss / 2).max(1));
        let longest = self.longest_train(config);
        if self.write.is_urgent(self.snd.nxt) {
            return Some(Train::of(1));
        }
        if self.unsent() > smss && self.is_worth_deferring(text.min(quota.saturating_mul(smss)), longest, fx) {
            return None;
        }
        if self.is_urgent(config) {
            return Some(Train::of(1));
        }
        let whole = text / size;
        let segments = if whole >= longest.min(quota) { longest.min(quota) } else { whole + u32::from(partial) };
        Some(Train::of(segments))
    }

    /// Whether a train of `limit` octets should wait to become longer.
    fn is_worth_deferring(&self, limit: u32, longest: u32, fx: &Fx<'_>) -> bool {
        let config = fx.config();
        let smss = self.smss(config);
        let recent = self.snd.last_sent.get().is_some_and(|last| fx.now.since(last) < RECENT);
        if !recent || self.recovery.is_recovering() || limit >= longest.saturating_mul(smss) || limit >= self.unsent() {
            return false;
        }
        let share = match config.tcp_tso_win_divisor {
            0 => 3 * smss + 1,
            divisor => self.snd.wnd.min(self.congestion.cwnd) / divisor,
        };
        let Some(front) = self.queue.front() else { return false };
        // An ACK that is further away than half a round trip, rounded up, or a millisecond, is not waited for.
        let since = fx.now.since(front.at).as_nanos();
        let soon = self.rto.srtt().map(|srtt| srtt.as_nanos()).is_none_or(|srtt| {
            let ahead = srtt.saturating_sub(since);
            ahead <= RECENT.as_nanos().min(srtt.div_ceil(2))
        });
        limit < share && soon
    }
}
