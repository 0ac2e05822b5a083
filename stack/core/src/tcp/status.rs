//! STATUS call (RFC 9293 3.10.6), and Linux's `TCP_INFO`.

use super::delayed_ack::Need;
use super::tcb::Tcb;
use crate::config::Config;
use crate::socket::{Status, TcpInfo};
use crate::time::{Instant, Sometime};
use core::time::Duration;

impl Tcb {
    /// A snapshot.
    pub(crate) fn status(&self) -> Status {
        Status {
            state: self.state(),
            local: Some(self.tuple.local),
            remote: Some(self.tuple.remote),
            snd_una: self.snd.una,
            snd_nxt: self.snd.nxt,
            snd_wnd: self.snd.wnd,
            iss: self.snd.iss,
            rcv_nxt: self.rcv.nxt,
            rcv_wnd: self.rcv.wnd(),
            irs: self.rcv.irs,
            unacknowledged: self.outgoing.len(),
            unread: self.incoming.len(),
            urgent: self.urgent_mark().is_some() && !self.rcv.up_read,
        }
    }

    /// Linux's view.
    pub(crate) fn tcp_info(&self, now: Instant, config: &Config) -> TcpInfo {
        let smss = self.smss(config);
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let since = |at: Sometime| at.get().map_or(0, |at| micros(now.since(at)) / 1000);
        let congestion = &self.congestion;
        let mut info = TcpInfo {
            state: u64::from(self.state().linux_number()),
            ca_state: self.recovery.phase() as u64,
            retransmits: u64::from(self.rto.retransmits),
            probes: u64::from(self.persist.unanswered.max(self.keep_alive.unanswered)),
            backoff: u64::from(self.rto.backoff),
            options: u64::from(self.timestamps.enabled)
                | u64::from(self.sack) << 1
                | u64::from(self.window_scaling) << 2
                | u64::from(self.syn_data_acknowledged()) << 5
                | self.ecn.info_bits(),
            snd_wscale: u64::from(self.snd.shift),
            rcv_wscale: u64::from(self.rcv.shift),
            rto: micros(self.rto.timeout()),
            ato: if self.delayed_ack.need() == Need::Delayed {
                micros(self.user.options.delayed_ack(config))
            } else {
                0
            },
            snd_mss: u64::from(smss),
            rcv_mss: u64::from(self.delayed_ack.full),
            unacked: self.queue.len() as u64,
            sacked: u64::from(self.sacked()),
            lost: u64::from(self.queue.lost()),
            retrans: u64::from(self.queue.retransmitted()),
            last_data_sent: since(self.snd.last_sent),
            last_data_recv: since(self.totals.last_data_recv),
            last_ack_recv: since(self.totals.last_ack_recv),
            pmtu: u64::from(self.path_mtu),
            rcv_ssthresh: u64::from(self.incoming.size()),
            rtt: self.rto.srtt().map_or(0, micros),
            rttvar: micros(self.rto.rttvar()),
            snd_ssthresh: match congestion.ssthresh {
                u32::MAX => i32::MAX as u64,
                octets => u64::from(octets / smss),
            },
            snd_cwnd: u64::from(congestion.cwnd / smss),
            advmss: u64::from(self.rcv.mss.saturating_sub(self.timestamps.octets())),
            reordering: u64::from(self.recovery.reordering),
            rcv_rtt: self.receive_tuning.as_ref().map_or(0, |tuning| micros(tuning.round_trip())),
            rcv_space: u64::from(
                self.receive_tuning.as_ref().map_or_else(|| self.initial_reading(), |tuning| tuning.space()),
            ),
            total_retrans: self.totals.total_retrans,
            bytes_acked: self.totals.bytes_acked,
            bytes_received: self.totals.bytes_received,
            segs_out: self.totals.segs_out,
            segs_in: self.totals.segs_in,
            notsent_bytes: u64::from(self.unsent()),
            data_segs_in: self.totals.data_segs_in,
            data_segs_out: self.totals.data_segs_out,
            bytes_sent: self.totals.bytes_sent,
            bytes_retrans: self.totals.bytes_retrans,
            rcv_ooopack: self.totals.rcv_ooopack,
            snd_wnd: u64::from(self.snd.wnd),
            rcv_wnd: u64::from(self.rcv.wnd()),
            min_rtt: self.recovery.rack.smallest().map_or(0, micros),
            dsack_dups: u64::from(self.recovery.dsack_dups),
            reord_seen: u64::from(self.recovery.reordering_seen),
            pacing_rate: self.pacing_rate(),
            max_pacing_rate: self.max_pacing_rate(),
            ..TcpInfo::default()
        };
        self.account_info(&mut info, now, config);
        info
    }

    fn max_pacing_rate(&self) -> u64 {
        self.user.options.rare().max_pacing_rate.map_or(u64::MAX, u64::from)
    }

    /// What Linux paces at by default: twice the congestion window a round trip early in slow start, 1.2 times later.
    fn pacing_rate(&self) -> u64 {
        let Some(srtt) = self.rto.srtt() else { return self.max_pacing_rate() };
        let window = u64::from(self.congestion.cwnd.max(self.flight()));
        let percent = if self.congestion.cwnd < self.congestion.ssthresh / 2 { 200 } else { 120 };
        let micros = u64::try_from(srtt.as_micros()).unwrap_or(u64::MAX).max(1);
        (window * percent * 10_000 / micros).min(self.max_pacing_rate())
    }
}
