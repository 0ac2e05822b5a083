//! A connection's variables, for oracles, traces and `stack status`: values, never a view.

use crate::errno::Errno;
use crate::seq::SeqNum;
use crate::tcp::State;
use crate::time::Instant;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

/// Who has a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// The listener with this descriptor: the handshake is not over.
    HalfOpen(i32),
    /// The listener with this descriptor: it waits to be accepted.
    Queued(i32),
    /// The socket with this descriptor.
    Socket(i32),
    /// Nobody any more: it finishes closing by itself.
    Nobody,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HalfOpen(fd) => write!(f, "half-open at listener {fd}"),
            Self::Queued(fd) => write!(f, "in the accept queue of {fd}"),
            Self::Socket(fd) => write!(f, "socket {fd}"),
            Self::Nobody => f.write_str("orphan"),
        }
    }
}

/// A connection in one line, as `ss` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Who has it.
    pub holder: Holder,
    /// Connection state.
    pub state: State,
    /// Local socket.
    pub local: SocketAddr,
    /// Remote socket.
    pub remote: SocketAddr,
    /// Octets that can be read.
    pub unread: usize,
    /// Octets that are not acknowledged, sent or not; a FIN counts as one.
    pub unacknowledged: usize,
    /// The timer that goes off next: its name as in [`Snapshot::timers`] and its deadline.
    pub next_timer: Option<(&'static str, Instant)>,
}

/// SND.* of RFC 9293 3.3.1 and RFC 7323. Sequence numbers are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SndSnapshot {
    /// ISS.
    pub iss: SeqNum,
    /// SND.UNA.
    pub una: SeqNum,
    /// SND.NXT.
    pub nxt: SeqNum,
    /// SND.WND, octets, scaled up.
    pub wnd: u32,
    /// SND.WL1.
    pub wl1: SeqNum,
    /// SND.WL2.
    pub wl2: SeqNum,
    /// MAX.SND.WND, octets.
    pub max_wnd: u32,
    /// SND.UP: the octet after urgent data, while some is not acknowledged.
    pub up: Option<SeqNum>,
    /// Snd.Wind.Shift.
    pub shift: u8,
    /// SendMSS, octets: what the peer takes, options included.
    pub mss: u32,
    /// SMSS, octets of text in a full segment now: what path, peer and options leave.
    pub smss: u32,
}

/// RCV.* of RFC 9293 3.3.1 and RFC 7323. Sequence numbers are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RcvSnapshot {
    /// IRS.
    pub irs: SeqNum,
    /// RCV.NXT.
    pub nxt: SeqNum,
    /// RCV.WND, octets, scaled up, as offered: the right edge less RCV.NXT.
    pub wnd: u32,
    /// RCV.UP: the octet after urgent data, while the user has not passed it.
    pub up: Option<SeqNum>,
    /// Rcv.Wind.Shift.
    pub shift: u8,
    /// The MSS that was offered, octets.
    pub mss: u32,
    /// Last.ACK.sent (RFC 7323 4.3).
    pub last_ack_sent: SeqNum,
    /// The peer's FIN was taken.
    pub fin: bool,
    /// Receive buffer, octets of window that it stands for.
    pub buffer: u32,
    /// Ranges beyond RCV.NXT that are held for reassembly, start and end (exclusive), in sequence order.
    pub reassembly: Vec<(SeqNum, SeqNum)>,
}

/// Congestion control and retransmission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CongestionSnapshot {
    /// cwnd, octets.
    pub cwnd: u32,
    /// ssthresh, octets; `u32::MAX` before the first loss.
    pub ssthresh: u32,
    /// Linux's number of the recovery state: 0 Open, 1 Disorder, 2 CWR, 3 Recovery, 4 Loss.
    pub ca_state: u8,
    /// FlightSize of RFC 5681: octets of sequence space sent and not acknowledged.
    pub flight: u32,
    /// Of these the octets taken to be in the network (RFC 6675 pipe).
    pub pipe: u32,
    /// SRTT of RFC 6298, once a round trip was measured.
    pub srtt: Option<Duration>,
    /// RTTVAR of RFC 6298.
    pub rttvar: Duration,
    /// RTO, doublings included.
    pub rto: Duration,
    /// Doublings of the RTO since the last progress.
    pub backoff: u32,
    /// Retransmissions by timeout since the last progress.
    pub retransmits: u32,
}

/// Everything about one connection that a reader of the RFCs has a name for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Who has it.
    pub holder: Holder,
    /// Connection state.
    pub state: State,
    /// Local socket.
    pub local: SocketAddr,
    /// Remote socket.
    pub remote: SocketAddr,
    /// When it was taken: the stack's latest time.
    pub at: Instant,
    /// The sending side.
    pub snd: SndSnapshot,
    /// The receiving side.
    pub rcv: RcvSnapshot,
    /// Windows, timeouts and what is in flight.
    pub congestion: CongestionSnapshot,
    /// Timers that run: name (`retransmission`, `time-wait`, ...) and deadline, in the order in which they go off.
    pub timers: Vec<(&'static str, Instant)>,
    /// Octets in the send queue that were not sent.
    pub unsent: u32,
    /// Octets in the send queue, sent or not; a FIN counts as one.
    pub unacknowledged: usize,
    /// Octets that can be read.
    pub unread: usize,
    /// RFC 7323 timestamps are in use.
    pub timestamps: bool,
    /// RFC 2018 selective acknowledgments are in use.
    pub sack: bool,
    /// RFC 7323 window scaling is in use.
    pub window_scaling: bool,
    /// `SO_ERROR`, not cleared by looking.
    pub error: Option<Errno>,
    /// Linux's view, counters included.
    pub info: super::TcpInfo,
}

impl fmt::Display for Snapshot {
    /// Some lines for people. Sequence numbers relative to ISS and IRS, as in packet scripts; times in seconds, those of
    /// timers from now on.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (snd, rcv, congestion) = (&self.snd, &self.rcv, &self.congestion);
        let sent = |seq: SeqNum| snd.iss.distance(seq) as i32;
        let received = |seq: SeqNum| rcv.irs.distance(seq) as i32;
        writeln!(f, "{} {} > {} ({})", self.state, self.local, self.remote, self.holder)?;
        write!(f, "  SND una {} nxt {} wnd {}", sent(snd.una), sent(snd.nxt), snd.wnd)?;
        write!(f, " wl1 {} wl2 {} max.wnd {}", received(snd.wl1), sent(snd.wl2), snd.max_wnd)?;
        if let Some(up) = snd.up {
            write!(f, " up {}", sent(up))?;
        }
        writeln!(f, " shift {} smss {} iss {}", snd.shift, snd.smss, snd.iss)?;
        write!(f, "  RCV nxt {} wnd {} last.ack.sent {}", received(rcv.nxt), rcv.wnd, received(rcv.last_ack_sent))?;
        if let Some(up) = rcv.up {
            write!(f, " up {}", received(up))?;
        }
        write!(f, " shift {} buffer {} irs {}", rcv.shift, rcv.buffer, rcv.irs)?;
        for (from, to) in &rcv.reassembly {
            write!(f, " held {}:{}", received(*from), received(*to))?;
        }
        write!(f, "\n  cwnd {} ssthresh ", congestion.cwnd)?;
        match congestion.ssthresh {
            u32::MAX => f.write_str("none")?,
            octets => write!(f, "{octets}")?,
        }
        write!(f, " ca_state {} flight {} pipe {}", congestion.ca_state, congestion.flight, congestion.pipe)?;
        if let Some(srtt) = congestion.srtt {
            write!(f, " srtt {:.6} rttvar {:.6}", srtt.as_secs_f64(), congestion.rttvar.as_secs_f64())?;
        }
        writeln!(f, " rto {:.6} backoff {}", congestion.rto.as_secs_f64(), congestion.backoff)?;
        write!(f, "  unsent {} unacknowledged {} unread {}", self.unsent, self.unacknowledged, self.unread)?;
        for (is, name) in [(self.timestamps, "TS"), (self.sack, "SACK"), (self.window_scaling, "WS")] {
            if is {
                write!(f, " {name}")?;
            }
        }
        if let Some(error) = self.error {
            write!(f, " error {}", error.name())?;
        }
        for (name, at) in &self.timers {
            write!(f, " {name} +{:.6}", at.since(self.at).as_secs_f64())?;
        }
        Ok(())
    }
}
