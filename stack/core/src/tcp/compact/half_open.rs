//! A half-open connection that a listener made (RFC 4987 3.4).

use super::Ends;
use crate::host::Host;
use crate::seq::SeqNum;
use crate::socket;
use crate::tcp::ecn::Ecn;
use crate::tcp::ecn::handshake::Answer;
use crate::tcp::retransmission_queue::Sent;
use crate::tcp::state::State;
use crate::tcp::tcb::{Fin, Origin, Tcb};
use crate::tcp::timers::Timer;
use crate::tcp::timestamps::Timestamps;
use crate::time::{Instant, Sometime};
use core::time::Duration;

/// What SYN-RECEIVED needs. What it shares with others of its listener, the options of the socket, stays there.
#[derive(Debug, Clone)]
pub(crate) struct HalfOpen {
    pub(crate) ends: Ends,
    /// Its owner, the socket that listens.
    pub(crate) listener: i32,
    window_scaling: bool,
    sack: bool,
    timestamps: bool,
    repeated: bool,
    /// The handshake's last ACK has come, and had to wait.
    acked: bool,
    /// What the SYN,ACK answers to the peer's offer of ECN.
    ecn: Answer,
    snd_shift: u8,
    rcv_shift: u8,
    retransmits: u8,
    backoff: u8,
    syn_losses: u8,
    total_retrans: u8,
    snd_wnd: u16,
    snd_mss: u16,
    rcv_mss: u16,
    segs_in: u16,
    segs_out: u16,
    iss: SeqNum,
    irs: SeqNum,
    /// RCV.WND.
    rcv_wnd: u32,
    ts_offset: u32,
    ts_recent: u32,
    path_mtu: u32,
    /// Microseconds.
    rto: u32,
    /// When TS.Recent was taken, from the SYN.
    opened: Instant,
    /// When our SYN was last sent.
    sent: Instant,
    last_challenge: Sometime,
}

impl HalfOpen {
    /// The entry for a connection in SYN-RECEIVED. `None`: it has more to remember than an entry holds.
    pub(crate) fn of(tcb: &Tcb, listener: i32, host: &Host) -> Option<Self> {
        let syn = tcb.queue.front()?;
        let alone =
            tcb.queue.len() == 1 && tcb.fin == Fin::None && tcb.rcv.up.is_none() && tcb.user.soft_error.is_none();
        let plain = tcb.reassembly.holds_nothing() && tcb.incoming.len() == 0 && tcb.outgoing.len() == 0;
        if tcb.state() != State::SynReceived || tcb.origin != Origin::Passive || !alone || !plain {
            return None;
        }
        let others = Timer::ALL.into_iter().any(|timer| timer != Timer::Retransmission && tcb.timers.runs(timer));
        if others || tcb.fast_open.is_some() || tcb.user_timeouts.on {
            return None;
        }
        let Ecn::Answered(ecn) = tcb.ecn else { return None };
        let recent = tcb.timestamps.recent_and_when();
        let narrow = |value: u64| value.min(u64::from(u16::MAX)) as u16;
        Some(Self {
            ends: Ends::new(&tcb.tuple, &host.addresses)?,
            listener,
            window_scaling: tcb.window_scaling,
            sack: tcb.sack,
            timestamps: tcb.timestamps.enabled,
            repeated: syn.repeated,
            acked: tcb.syn_acked,
            ecn,
            snd_shift: tcb.snd.shift,
            rcv_shift: tcb.rcv.shift,
            retransmits: u8::try_from(tcb.rto.retransmits).ok()?,
            backoff: u8::try_from(tcb.rto.backoff).ok()?,
            syn_losses: u8::try_from(tcb.syn_losses).ok()?,
            total_retrans: tcb.totals.total_retrans.min(u64::from(u8::MAX)) as u8,
            snd_wnd: u16::try_from(tcb.snd.wnd).ok()?,
            snd_mss: u16::try_from(tcb.snd.mss).ok()?,
            rcv_mss: u16::try_from(tcb.rcv.mss).ok()?,
            segs_in: narrow(tcb.totals.segs_in),
            segs_out: narrow(tcb.totals.segs_out),
            iss: tcb.snd.iss,
            irs: tcb.rcv.irs,
            rcv_wnd: tcb.rcv.wnd(),
            ts_offset: tcb.timestamps.offset(),
            ts_recent: recent.map_or(0, |(val, _)| val),
            path_mtu: tcb.path_mtu,
            rto: u32::try_from(tcb.rto.timeout().as_micros()).ok()?,
            opened: recent.map_or(Instant::ORIGIN, |(_, at)| at),
            sent: syn.at,
            last_challenge: tcb.last_challenge,
        })
    }

    /// The connection as a TCB. `retransmission`: when its timer is due.
    pub(crate) fn tcb(&self, options: socket::Shared, retransmission: Option<Instant>, host: &Host) -> Tcb {
        let tuple = self.ends.tuple(&host.addresses);
        let mut tcb = Tcb::on(host, tuple, Origin::Passive, self.iss, options);
        tcb.back_in(State::SynReceived);
        tcb.snd.nxt = self.iss.plus(1);
        tcb.snd.wnd = u32::from(self.snd_wnd);
        tcb.snd.max_wnd = tcb.snd.wnd;
        tcb.snd.wl1 = self.irs;
        tcb.snd.shift = self.snd_shift;
        tcb.snd.mss = u32::from(self.snd_mss);
        tcb.rcv.irs = self.irs;
        tcb.rcv.nxt = self.irs.plus(1);
        tcb.rcv.edge = tcb.rcv.nxt.plus(self.rcv_wnd);
        tcb.rcv.last_ack_sent = tcb.rcv.nxt;
        tcb.rcv.shift = self.rcv_shift;
        tcb.rcv.mss = u32::from(self.rcv_mss);
        tcb.window_scaling = self.window_scaling;
        tcb.sack = self.sack;
        let recent = self.timestamps.then_some((self.ts_recent, self.opened));
        tcb.timestamps = Timestamps::kept(self.timestamps, self.ts_offset, recent);
        tcb.queue.push(Sent::syn(self.iss, self.sent));
        if self.repeated {
            tcb.queue.repeated(self.iss, self.sent);
        }
        let rto = Duration::from_micros(self.rto.into());
        tcb.rto = tcb.rto.clone().of_syn(rto, u32::from(self.backoff), u32::from(self.retransmits));
        tcb.syn_losses = u32::from(self.syn_losses);
        tcb.syn_acked = self.acked;
        tcb.ecn = Ecn::Answered(self.ecn);
        tcb.path_mtu = self.path_mtu;
        tcb.last_challenge = self.last_challenge;
        tcb.totals.segs_in = self.segs_in.into();
        tcb.totals.segs_out = self.segs_out.into();
        tcb.totals.total_retrans = self.total_retrans.into();
        if let Some(at) = retransmission {
            tcb.timers.set(Timer::Retransmission, at);
        }
        tcb
    }

    /// Whether its SYN,ACK was not repeated for want of an answer yet.
    pub(crate) const fn is_young(&self) -> bool {
        self.retransmits == 0
    }
}
