//! The variables of a connection that an oracle looks at after every event, without allocation.

use crate::errno::Errno;
use crate::seq::SeqNum;
use crate::tcp::State;
use crate::time::Instant;
use core::time::Duration;

/// What [`crate::Snapshot`] tells, as far as it costs nothing to tell: a value of a fixed size. Sequence numbers are absolute, windows
/// octets, scaled up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vitals {
    /// Connection state.
    pub state: State,
    /// The connection was opened by this side.
    pub is_active: bool,
    /// ISS.
    pub iss: SeqNum,
    /// SND.UNA.
    pub una: SeqNum,
    /// SND.NXT.
    pub nxt: SeqNum,
    /// SND.WND.
    pub wnd: u32,
    /// SND.WL1.
    pub wl1: SeqNum,
    /// SND.WL2.
    pub wl2: SeqNum,
    /// MAX.SND.WND.
    pub max_wnd: u32,
    /// Snd.Wind.Shift.
    pub snd_shift: u8,
    /// SMSS, octets of text in a full segment now.
    pub smss: u32,
    /// SND.UP: urgent data is under way.
    pub urgent: bool,
    /// Our FIN was sent, with this number.
    pub fin_sent: Option<SeqNum>,
    /// The user has sent a FIN, on its way or not.
    pub fin_queued: bool,
    /// The user has closed both directions.
    pub user_closed: bool,
    /// IRS.
    pub irs: SeqNum,
    /// RCV.NXT.
    pub rcv_nxt: SeqNum,
    /// RCV.WND as offered: the right edge less RCV.NXT.
    pub rcv_wnd: u32,
    /// Rcv.Wind.Shift.
    pub rcv_shift: u8,
    /// The MSS that was offered.
    pub rcv_mss: u32,
    /// Last.ACK.sent (RFC 7323 4.3).
    pub last_ack_sent: SeqNum,
    /// The peer's FIN was taken.
    pub rcv_fin: bool,
    /// Receive buffer, octets of window that it stands for.
    pub buffer: u32,
    /// Octets beyond RCV.NXT that are held for reassembly.
    pub held: u32,
    /// Runs of these, and segments that were sent and are not acknowledged.
    pub waiting: u32,
    /// How many of them were looked at since one is held or marked, modulo 2^32; always 0 without debug assertions.
    pub steps: u32,
    /// TS.Recent, if timestamps are in use and it is not outdated.
    pub ts_recent: Option<u32>,
    /// RFC 7323 timestamps are in use.
    pub timestamps: bool,
    /// RFC 2018 selective acknowledgments are in use.
    pub sack: bool,
    /// RFC 7323 window scaling is in use.
    pub window_scaling: bool,
    /// cwnd, octets.
    pub cwnd: u32,
    /// ssthresh, octets; `u32::MAX` before the first loss.
    pub ssthresh: u32,
    /// RFC 6675 pipe, octets.
    pub pipe: u32,
    /// No loss is being repaired, and none is suspected.
    pub is_open: bool,
    /// SRTT, once a round trip was measured.
    pub srtt: Option<Duration>,
    /// RTO, doublings included.
    pub rto: Duration,
    /// Doublings of the RTO since the last progress.
    pub backoff: u32,
    /// Octets in the send queue that were not sent.
    pub unsent: u32,
    /// Octets in the send queue, sent or not; a FIN counts as one.
    pub unacknowledged: usize,
    /// Octets that can be read.
    pub unread: usize,
    /// `SO_ERROR`, not cleared by looking.
    pub error: Option<Errno>,
    /// When the retransmission timer goes off.
    pub retransmission_at: Option<Instant>,
    /// When the timer of probes and overrides goes off.
    pub persist_at: Option<Instant>,
    /// When any timer goes off.
    pub timer_at: Option<Instant>,
    /// The keep-alive timer runs.
    pub keep_alive: bool,
}
