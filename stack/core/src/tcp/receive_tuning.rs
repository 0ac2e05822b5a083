//! How large the receive buffer has to be (`tcp_moderate_rcvbuf`): twice what the user read during the last round trip, so
//! that a sender that doubles its rate is not held up by the window. RFC 9293 leaves the size to the host (3.8.6).
//!
//! As in Linux the buffer only grows, up to `tcp_rmem[2]`, and stops growing for good once the user has set `SO_RCVBUF`. The
//! round trip is the receiver's own: from timestamps that the peer echoes, or else the time a whole window takes to arrive.
//! Absent: Linux's measure of the memory that a segment really takes; `tcp_adv_win_scale` says how much of a buffer is window.

use super::segment_arrives::Arriving;
use super::tcb::Tcb;
use crate::config::Config;
use crate::host::Fx;
use crate::seq::SeqNum;
use crate::time::Instant;
use alloc::boxed::Box;
use core::time::Duration;

/// Segments that the first measure takes for granted: a peer's initial window (RFC 6928).
const INITIAL_SEGMENTS: u32 = 10;

/// What is measured, from the first text on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReceiveTuning {
    /// Round trip, eight times the microseconds; 0 before there is one.
    rtt: u64,
    /// Where the window ends that is being timed, and since when.
    window: (SeqNum, Instant),
    /// The last timestamp that the peer echoed.
    echoed: u32,
    /// Most octets read in one round trip.
    space: u32,
    /// From where on the user reads in this round trip, and since when.
    reading: (SeqNum, Instant),
}

impl ReceiveTuning {
    /// The receiver's estimate of the round trip.
    pub(crate) const fn round_trip(&self) -> Duration {
        Duration::from_micros(self.rtt / 8)
    }

    /// Most octets read in one round trip.
    pub(crate) const fn space(&self) -> u32 {
        self.space
    }

    /// A sample. One of a window counts only when it is the smallest: the peer may have had nothing to send meanwhile.
    fn sample(&mut self, sample: Duration, of_window: bool) {
        let micros = u64::try_from(sample.as_micros()).unwrap_or(u64::MAX / 16).max(1);
        if self.rtt == 0 || micros * 8 < self.rtt {
            self.rtt = micros * 8;
        } else if !of_window {
            self.rtt = self.rtt - self.rtt / 8 + micros;
        }
    }
}

impl Tcb {
    /// Octets that the user is expected to read in a round trip before it was measured.
    pub(crate) fn initial_reading(&self) -> u32 {
        let segment = self.rcv.mss.saturating_sub(self.timestamps.octets());
        self.incoming.size().min(INITIAL_SEGMENTS.saturating_mul(segment))
    }

    /// A segment with text, before it is taken.
    pub(crate) fn tune_arrival(&mut self, arriving: &Arriving<'_>, fx: &Fx<'_>) {
        if !fx.config().tcp_moderate_rcvbuf {
            return;
        }
        let seg = &arriving.seg;
        let (nxt, wnd, full) = (self.rcv.nxt, self.rcv.wnd(), self.delayed_ack.full);
        if self.receive_tuning.is_none() {
            self.receive_tuning = Some(Box::new(ReceiveTuning {
                rtt: 0,
                window: (nxt.plus(wnd), fx.now),
                echoed: 0,
                space: self.initial_reading(),
                reading: (self.next_unread(), self.totals.last_data_recv.get().unwrap_or(fx.now)),
            }));
        }
        let sample = self.timestamps.round_trip(seg, fx.now);
        let Some(tuning) = &mut self.receive_tuning else { return };
        if nxt.ge(tuning.window.0) {
            let since = tuning.window.1;
            tuning.sample(fx.now.since(since), true);
            tuning.window = (nxt.plus(wnd), fx.now);
        }
        let echoed = seg.options.timestamps.map_or(0, |option| option.ecr);
        if let Some(sample) = sample
            && echoed != tuning.echoed
            && seg.payload.len() as u32 >= full
        {
            tuning.echoed = echoed;
            tuning.sample(sample, false);
        }
    }

    /// The user has read: once per round trip the buffer follows.
    pub(crate) fn tune_reading(&mut self, fx: &Fx<'_>) {
        let (unread, waiting) = (self.next_unread(), self.incoming.len() as u32);
        let Some(tuning) = &mut self.receive_tuning else { return };
        if tuning.rtt == 0 || fx.now.since(tuning.reading.1) < tuning.round_trip() {
            return;
        }
        // What waits is as much as the user could not cope with.
        let copied = tuning.reading.0.distance(unread).saturating_sub(waiting);
        tuning.reading = (unread, fx.now);
        if copied > tuning.space {
            tuning.space = copied;
            self.grow_receive_buffer(fx.config());
        }
    }

    /// Text came ahead of RCV.NXT: what waits for the gap to close is not to stand in the way of what follows.
    pub(crate) fn tune_reordered(&mut self, fx: &Fx<'_>) {
        if !self.user.closed {
            self.grow_receive_buffer(fx.config());
        }
    }

    /// The buffer becomes what two round trips fill, and what waits out of order.
    fn grow_receive_buffer(&mut self, config: &Config) {
        let Some(tuning) = &self.receive_tuning else { return };
        let options = &self.user.options;
        if !config.tcp_moderate_rcvbuf || options.rcv_buf.is_some() {
            return;
        }
        let ahead = self.reassembly.ranges().last().map_or(0, |(_, end)| self.rcv.nxt.distance(end));
        let most = config.window_of_buffer(config.tcp_rmem[2]);
        let most = if options.window_clamp > 0 { most.min(options.window_clamp) } else { most };
        let size = tuning.space.saturating_mul(2).saturating_add(ahead).min(most);
        if size > self.incoming.size() {
            self.incoming.set_size(size);
        }
    }
}
