//! SEND call (RFC 9293 3.10.2), with the errors of sockets.
//!
//! Sockets wait where the RFC queues: in SYN-SENT and SYN-RECEIVED the caller is told to try again, which a blocking caller
//! does once the connection is established.

use super::output;
use super::state::State;
use super::tcb::{Fin, Tcb};
use crate::config::Config;
use crate::errno::Errno;
use crate::host::Fx;
use crate::rules;
use crate::socket::SendFlags;

impl Tcb {
    /// Octets that the send queue may hold: `SO_SNDBUF`, or what Linux's tuning would make of `tcp_wmem`.
    pub(crate) fn send_space(&self, config: &Config) -> usize {
        if config.segment_trains {
            return self.unit_space(config) as usize;
        }
        let size =
            self.user.options.snd_buf.unwrap_or_else(|| {
                config.tcp_wmem[1].max(self.congestion.cwnd.saturating_mul(2).min(config.tcp_wmem[2]))
            });
        (size as usize).saturating_sub(self.outgoing.len())
    }

    /// Whether a writer should be woken: as in Linux a third of the buffer is free, so that it is not woken for single octets,
    /// and less than `TCP_NOTSENT_LOWAT` waits to be sent.
    pub(crate) fn is_worth_writing(&self, config: &Config) -> bool {
        let space = self.send_space(config);
        let lowat = self.user.options.not_sent_low_at(config);
        // Linux doubles what waits before it compares, so that a writer is woken at half of the mark.
        space > 0 && space >= self.outgoing.len() / 2 && u64::from(self.unsent()) * 2 < u64::from(lowat)
    }

    /// Octets that may be added to those that wait to be sent: none once `TCP_NOTSENT_LOWAT` of them do, otherwise enough whole
    /// segments to reach it.
    fn room_not_sent(&self, config: &Config) -> usize {
        let lowat = self.user.options.not_sent_low_at(config);
        if lowat == u32::MAX {
            return usize::MAX;
        }
        let smss = self.smss(config).max(1);
        let wanted = lowat.saturating_sub(self.unsent()).div_ceil(smss) as usize;
        wanted.saturating_mul(smss as usize)
    }

    /// Takes octets of `data` into the send queue and sends what may go. How many were taken.
    pub(crate) fn send(&mut self, data: &[u8], flags: SendFlags, fx: &mut Fx<'_>) -> Result<usize, Errno> {
        if let Some(error) = self.user.error.take() {
            return Err(error);
        }
        let state = self.state();
        fx.cite_in(rules::SEND, state);
        match state {
            State::SynReceived if self.is_fast_open_child() => {}
            State::SynSent | State::SynReceived => return Err(Errno::EAGAIN),
            _ if self.user.shut_write => return Err(Errno::EPIPE),
            State::Established | State::CloseWait if self.fin == Fin::None => {}
            State::Closed
            | State::Listen
            | State::Established
            | State::CloseWait
            | State::FinWait1
            | State::FinWait2
            | State::Closing
            | State::LastAck
            | State::TimeWait => return Err(Errno::EPIPE),
        }
        let taken = if fx.config().segment_trains {
            let least_unsent = self.user.options.not_sent_low_at(fx.config());
            self.write_units(data, least_unsent, flags.oob, fx)
        } else {
            let taken = data.len().min(self.send_space(fx.config())).min(self.room_not_sent(fx.config()));
            self.outgoing.push(&data[..taken], &mut fx.host.rings);
            taken
        };
        if taken < data.len() {
            self.account_starved(fx.now);
        }
        if taken == 0 && !data.is_empty() {
            return Err(Errno::EAGAIN);
        }
        self.write_ends(flags.more, flags.eor && taken == data.len() && fx.config().segment_trains);
        self.user.more = flags.more;
        // Linux takes the last octet that it has room for.
        if flags.oob && (taken == data.len() || fx.config().segment_trains) && taken > 0 {
            fx.cite_in(rules::SEND_URGENT, state);
            // MUST-62: the octet after the urgent data.
            self.snd.up = Some(self.outgoing.end());
        }
        if data.is_empty() {
            output::after_other_event(self, fx);
        } else {
            output::after_event(self, fx);
        }
        // The promise of more holds back this call's segment only: the next ACK or timeout lets it go, as in Linux, which is strict about
        // what an ACK is.
        self.user.more &= fx.config().segment_trains;
        Ok(taken)
    }
}
