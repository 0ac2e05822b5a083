//! The timestamps option (RFC 7323 3, 4).

use crate::seq::SeqNum;
use crate::time::{Instant, Sometime};
use crate::wire::tcp;
use core::time::Duration;

/// Octets of the option with its padding (RFC 7323 A).
const OCTETS: u32 = 12;

/// After this time TS.Recent says nothing any more (RFC 7323 5.5): 24 days of a millisecond clock.
const OUTDATED: Duration = Duration::from_secs(24 * 24 * 3600);

/// No segment waits for its ACK as long as this many units of the clock, 35 minutes (2^31 microseconds, as in Linux).
const MOST_TICKS: u32 = 2_147_483;

/// Clock and TS.Recent of one connection.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Timestamps {
    /// Snd.TS.OK: before the handshake, whether to ask for it.
    pub(crate) enabled: bool,
    offset: u32,
    /// TS.Recent, 0 while none is known, and when it was taken.
    ts_recent: u32,
    recent_at: Sometime,
}

impl Timestamps {
    pub(crate) const fn new(enabled: bool, offset: u32) -> Self {
        Self { enabled, offset, ts_recent: 0, recent_at: Sometime::NEVER }
    }

    /// The timestamp clock: one unit per millisecond.
    pub(crate) const fn clock(&self, now: Instant) -> u32 {
        (now.millis() as u32).wrapping_add(self.offset)
    }

    /// Octets that the option takes in every segment.
    pub(crate) const fn octets(&self) -> u32 {
        if self.enabled { OCTETS } else { 0 }
    }

    /// The option for a segment sent now.
    pub(crate) fn option(&self, now: Instant) -> Option<tcp::Timestamps> {
        self.enabled.then(|| tcp::Timestamps { val: self.clock(now), ecr: self.ts_recent })
    }

    /// The option whether it is in use or not.
    pub(crate) const fn offered(&self, now: Instant) -> tcp::Timestamps {
        tcp::Timestamps { val: self.clock(now), ecr: self.ts_recent }
    }

    /// TS.Recent, if it is known and not outdated.
    pub(crate) fn recent(&self, now: Instant) -> Option<u32> {
        self.recent_at.get().filter(|at| now.since(*at) < OUTDATED).map(|_| self.ts_recent)
    }

    /// What the clock is ahead of the stack's.
    pub(crate) const fn offset(&self) -> u32 {
        self.offset
    }

    /// TS.Recent and when it was taken, outdated or not.
    pub(crate) fn recent_and_when(&self) -> Option<(u32, Instant)> {
        self.recent_at.get().map(|at| (self.ts_recent, at))
    }

    /// What another form of the connection has kept.
    pub(crate) fn kept(enabled: bool, offset: u32, recent: Option<(u32, Instant)>) -> Self {
        let (ts_recent, recent_at) = recent.map_or_else(Default::default, |(val, at)| (val, Sometime::at(at)));
        Self { enabled, offset, ts_recent, recent_at }
    }

    /// Takes TS.Recent from a SYN.
    pub(crate) const fn start(&mut self, val: u32, now: Instant) {
        self.ts_recent = val;
        self.recent_at = Sometime::at(now);
    }

    /// Takes TS.Recent from a segment that began, as it arrived, at or before Last.ACK.sent (RFC 7323 4.3 step 2).
    ///
    /// RFC 7323 5.3 does so right after the sequence check. Here a segment has to pass the ACK check too, as in Linux: who
    /// guesses a sequence number could otherwise push TS.Recent ahead, and PAWS would drop the peer's own segments.
    pub(crate) fn update(&mut self, seg: &tcp::Segment<'_>, first: SeqNum, last_ack_sent: SeqNum, now: Instant) {
        if let (true, Some(option)) = (self.enabled, seg.options.timestamps) {
            let newer = self.recent(now).is_none_or(|recent| is_at_or_after(option.val, recent));
            if newer && first.le(last_ack_sent) {
                self.start(option.val, now);
            }
        }
    }

    /// The round trip that an echo shows (RFC 7323 4.1), to the millisecond.
    pub(crate) fn round_trip(&self, seg: &tcp::Segment<'_>, now: Instant) -> Option<Duration> {
        let option = seg.options.timestamps.filter(|option| self.enabled && option.ecr != 0)?;
        let ticks = self.clock(now).wrapping_sub(option.ecr);
        // A clock that is ahead of us, or half an hour behind, echoes nothing that we sent.
        (ticks < MOST_TICKS).then(|| Duration::from_millis(u64::from(ticks)))
    }
}

/// `a >= b` on timestamps, modulo 2^32 (RFC 7323 5.2).
pub(crate) const fn is_at_or_after(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) >= 0
}
