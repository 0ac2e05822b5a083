//! The variables of a connection as values (beyond STATUS, RFC 9293 3.10.6).

use super::recovery::Phase;
use super::state::State;
use super::tcb::{Fin, Origin, Tcb};
use super::timers::Timer;
use crate::config::Config;
use crate::socket::{CongestionSnapshot, Holder, RcvSnapshot, Snapshot, SndSnapshot, Summary, Vitals};
use crate::time::Instant;

impl Tcb {
    /// Octets that are not acknowledged, a FIN counting as one, and so does the SYN of a connection that never was
    /// (`SIOCOUTQ`, which leaves out a SYN that is under way).
    pub(crate) fn unacknowledged(&self) -> usize {
        if self.state() == State::Closed && !self.user.was_established && self.origin == Origin::Active {
            return self.flight() as usize;
        }
        self.outgoing.len() + usize::from(self.fin != Fin::None && !self.fin_acknowledged())
    }

    /// One line about it.
    pub(crate) fn summary(&self, holder: Holder) -> Summary {
        Summary {
            holder,
            state: self.state(),
            local: self.tuple.local,
            remote: self.tuple.remote,
            unread: self.incoming.len(),
            unacknowledged: self.unacknowledged(),
            next_timer: self.timers.running().first().map(|(timer, at)| (timer.name(), *at)),
        }
    }

    /// Everything about it.
    pub(crate) fn snapshot(&self, holder: Holder, now: Instant, config: &Config) -> Snapshot {
        let info = self.tcp_info(now, config);
        Snapshot {
            holder,
            state: self.state(),
            local: self.tuple.local,
            remote: self.tuple.remote,
            at: now,
            snd: SndSnapshot {
                iss: self.snd.iss,
                una: self.snd.una,
                nxt: self.snd.nxt,
                wnd: self.snd.wnd,
                wl1: self.snd.wl1,
                wl2: self.snd.wl2,
                max_wnd: self.snd.max_wnd,
                up: self.snd.up,
                shift: self.snd.shift,
                mss: self.snd.mss,
                smss: self.smss(config),
            },
            rcv: RcvSnapshot {
                irs: self.rcv.irs,
                nxt: self.rcv.nxt,
                wnd: self.rcv.wnd(),
                up: self.rcv.up,
                shift: self.rcv.shift,
                mss: self.rcv.mss,
                last_ack_sent: self.rcv.last_ack_sent,
                fin: self.rcv.fin,
                buffer: self.incoming.size(),
                reassembly: self.reassembly.ranges().collect(),
            },
            congestion: CongestionSnapshot {
                cwnd: self.congestion.cwnd,
                ssthresh: self.congestion.ssthresh,
                ca_state: info.ca_state as u8,
                flight: self.flight(),
                pipe: self.queue.pipe().octets,
                srtt: self.rto.srtt(),
                rttvar: self.rto.rttvar(),
                rto: self.rto.timeout(),
                backoff: self.rto.backoff,
                retransmits: self.rto.retransmits,
            },
            timers: self.timers.running().into_iter().map(|(timer, at)| (timer.name(), at)).collect(),
            unsent: self.unsent(),
            unacknowledged: self.unacknowledged(),
            unread: self.incoming.len(),
            timestamps: self.timestamps.enabled,
            sack: self.sack,
            window_scaling: self.window_scaling,
            error: self.user.error,
            info,
        }
    }

    /// What an oracle looks at after every event.
    pub(crate) fn vitals(&self, now: Instant, config: &Config) -> Vitals {
        Vitals {
            state: self.state(),
            is_active: self.origin == Origin::Active,
            iss: self.snd.iss,
            una: self.snd.una,
            nxt: self.snd.nxt,
            wnd: self.snd.wnd,
            wl1: self.snd.wl1,
            wl2: self.snd.wl2,
            max_wnd: self.snd.max_wnd,
            snd_shift: self.snd.shift,
            smss: self.smss(config),
            urgent: self.snd.up.is_some(),
            fin_sent: if let Fin::Sent(at) = self.fin { Some(at) } else { None },
            fin_queued: self.fin != Fin::None,
            user_closed: self.user.closed,
            irs: self.rcv.irs,
            rcv_nxt: self.rcv.nxt,
            rcv_wnd: self.rcv.wnd(),
            rcv_shift: self.rcv.shift,
            rcv_mss: self.rcv.mss,
            last_ack_sent: self.rcv.last_ack_sent,
            rcv_fin: self.rcv.fin,
            buffer: self.incoming.size(),
            held: self.reassembly.ranges().map(|(from, to)| from.distance(to)).sum(),
            waiting: (self.queue.len() + self.reassembly.len()) as u32,
            steps: self.queue.steps().wrapping_add(self.reassembly.steps()),
            ts_recent: if self.timestamps.enabled { self.timestamps.recent(now) } else { None },
            timestamps: self.timestamps.enabled,
            sack: self.sack,
            window_scaling: self.window_scaling,
            cwnd: self.congestion.cwnd,
            ssthresh: self.congestion.ssthresh,
            pipe: self.queue.pipe().octets,
            is_open: self.recovery.phase() == Phase::Open,
            srtt: self.rto.srtt(),
            rto: self.rto.timeout(),
            backoff: self.rto.backoff,
            unsent: self.unsent(),
            unacknowledged: self.unacknowledged(),
            unread: self.incoming.len(),
            error: self.user.error,
            retransmission_at: self.timers.deadline(Timer::Retransmission),
            persist_at: self.timers.deadline(Timer::Persist),
            timer_at: self.timers.earliest(),
            keep_alive: self.timers.runs(Timer::KeepAlive),
        }
    }
}
