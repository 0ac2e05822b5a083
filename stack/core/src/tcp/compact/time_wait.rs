//! A connection in TIME-WAIT that no socket holds any more. What feedback on congestion (RFC 3168, RFC 9768) it owed the peer ends
//! here, as in Linux.

use super::Ends;
use crate::host::Host;
use crate::seq::SeqNum;
use crate::socket;
use crate::tcp::state::State;
use crate::tcp::tcb::{Fin, Origin, Tcb};
use crate::tcp::timers::Timer;
use crate::tcp::timestamps::Timestamps;
use crate::time::{Instant, Sometime};

/// What TIME-WAIT needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeWait {
    pub(crate) ends: Ends,
    max_wnd: u16,
    /// Of `max_wnd`, which came from a window field and fits with its shift; and four yeses or noes.
    shift_and_flags: u8,
    rcv_shift: u8,
    ttl: u8,
    tos: u8,
    snd_nxt: SeqNum,
    rcv_nxt: SeqNum,
    rcv_wnd: u32,
    ts_recent: u32,
    /// When 2MSL ends, microseconds: the high half, then the low half.
    end: [u32; 2],
    /// When TIME-WAIT began, and when an invalid segment was last answered: milliseconds before `end`, all ones for never.
    age: [u32; 2],
    /// For the table of deadlines.
    pub(crate) stamp: u32,
}

/// The bits of the shift, which is 14 at most.
const SHIFT: u8 = 0x0f;
/// SACK was permitted.
const SACK: u8 = 0x10;
/// Timestamps are in use.
const TIMESTAMPS: u8 = 0x20;
/// With an offset of their own.
const OFFSET: u8 = 0x40;
/// The user allowed others to use the local socket.
const REUSE: u8 = 0x80;

impl TimeWait {
    /// The entry for a connection in TIME-WAIT. `None`: it has more to remember than an entry holds.
    pub(crate) fn of(tcb: &Tcb, host: &Host) -> Option<Self> {
        if tcb.state() != State::TimeWait || tcb.incoming.len() > 0 || tcb.outgoing.len() > 0 || !tcb.queue.is_empty() {
            return None;
        }
        let end = tcb.timers.deadline(Timer::TimeWait)?;
        let recent = tcb.timestamps.recent_and_when();
        let offset = tcb.timestamps.offset();
        if tcb.timestamps.enabled && (recent.is_none() || (offset != 0 && offset != offset_of(tcb, host))) {
            return None;
        }
        let shift = tcb.snd.max_wnd.trailing_zeros().min(14);
        let before = |at: Option<Instant>| match at {
            Some(at) => u32::try_from(end.since(at).as_millis()).unwrap_or(u32::MAX - 1),
            None => u32::MAX,
        };
        let flag = |yes: bool, bit: u8| if yes { bit } else { 0 };
        Some(Self {
            ends: Ends::new(&tcb.tuple, &host.addresses)?,
            max_wnd: u16::try_from(tcb.snd.max_wnd >> shift).ok()?,
            shift_and_flags: shift as u8
                | flag(tcb.sack, SACK)
                | flag(tcb.timestamps.enabled, TIMESTAMPS)
                | flag(offset != 0, OFFSET)
                | flag(tcb.user.options.reuse_addr, REUSE),
            rcv_shift: tcb.rcv.shift,
            ttl: tcb.user.options.ttl.unwrap_or(0),
            tos: tcb.user.options.tos,
            snd_nxt: tcb.snd.nxt,
            rcv_nxt: tcb.rcv.nxt,
            rcv_wnd: tcb.rcv.wnd(),
            ts_recent: recent.map_or(0, |(val, _)| val),
            end: halves(end),
            age: [before(tcb.time_wait_since.get()), before(tcb.last_challenge.get())],
            stamp: 0,
        })
    }

    /// The connection as a TCB.
    pub(crate) fn tcb(&self, host: &Host) -> Tcb {
        let tuple = self.ends.tuple(&host.addresses);
        let mut options = socket::Shared::clone(&host.default_options);
        if self.reuse_addr() || self.tos != 0 || self.ttl > 0 {
            let options = socket::Shared::make_mut(&mut options);
            options.reuse_addr = self.reuse_addr();
            options.tos = self.tos;
            options.ttl = (self.ttl > 0).then_some(self.ttl);
        }
        let mut tcb = Tcb::on(host, tuple, Origin::Active, self.snd_nxt.minus(1), options);
        tcb.back_in(State::TimeWait);
        tcb.snd.una = self.snd_nxt;
        tcb.snd.nxt = self.snd_nxt;
        tcb.snd.max_wnd = u32::from(self.max_wnd) << (self.shift_and_flags & SHIFT);
        tcb.sack = self.shift_and_flags & SACK != 0;
        tcb.fin = Fin::Sent(self.snd_nxt.minus(1));
        tcb.rcv.nxt = self.rcv_nxt;
        tcb.rcv.irs = self.rcv_nxt.minus(2);
        tcb.rcv.edge = self.rcv_nxt.plus(self.rcv_wnd);
        tcb.rcv.last_ack_sent = self.rcv_nxt;
        tcb.rcv.shift = self.rcv_shift;
        tcb.rcv.fin = true;
        // The window stays as it is: nobody will read.
        tcb.incoming.set_size(self.rcv_wnd);
        let since = self.since();
        let offset = if self.shift_and_flags & OFFSET == 0 { 0 } else { offset_of(&tcb, host) };
        let recent = self.timestamps().then_some((self.ts_recent, since));
        tcb.timestamps = Timestamps::kept(self.timestamps(), offset, recent);
        tcb.user.closed = true;
        tcb.user.was_established = true;
        tcb.time_wait_since = Sometime::at(since);
        tcb.last_challenge = self.ago(self.age[1]).into();
        tcb.timers.set(Timer::TimeWait, self.deadline());
        tcb
    }

    /// When 2MSL ends.
    pub(crate) const fn deadline(&self) -> Instant {
        Instant(((self.end[0] as u64) << 32) | self.end[1] as u64)
    }

    /// When TIME-WAIT began, to the millisecond.
    pub(crate) fn since(&self) -> Instant {
        self.ago(self.age[0]).unwrap_or(Instant::ORIGIN)
    }

    /// Whether both sides used timestamps.
    pub(crate) const fn timestamps(&self) -> bool {
        self.shift_and_flags & TIMESTAMPS != 0
    }

    /// Whether the user had set `SO_REUSEADDR`.
    pub(crate) const fn reuse_addr(&self) -> bool {
        self.shift_and_flags & REUSE != 0
    }

    fn ago(&self, age: u32) -> Option<Instant> {
        (age != u32::MAX).then(|| Instant(self.deadline().micros().saturating_sub(u64::from(age) * 1000)))
    }
}

const fn halves(at: Instant) -> [u32; 2] {
    [(at.micros() >> 32) as u32, at.micros() as u32]
}

/// The offset that this tuple's timestamps have, if they have one.
fn offset_of(tcb: &Tcb, host: &Host) -> u32 {
    crate::tcp::isn::timestamp_offset(host, tcb.tuple.local, tcb.tuple.remote)
}
