//! Tail loss probe: when nothing comes back for two round trips, the last segment again, or a new one, draws a report of
//! what is missing (RFC 8985 7).

use super::acknowledgment::Progress;
use super::{Phase, machine};
use crate::config::Config;
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
use crate::tcp::emit;
use crate::tcp::output;
use crate::tcp::tcb::Tcb;
use alloc::boxed::Box;
use core::time::Duration;

/// A probe that is out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Probe {
    /// TLP.end_seq: SND.NXT when it was sent.
    pub(crate) high: SeqNum,
    /// TLP.is_retrans
    retransmission: bool,
}

/// How long an ACK of a lone segment may be delayed (WCDelAckT of RFC 8985 7.2).
const WORST_DELAYED_ACK: Duration = Duration::from_millis(200);

/// TLP_calc_PTO (RFC 8985 7.2), bounded by `rto`, the time until the retransmission timeout. `None`: no probe is due.
pub(crate) fn timeout(tcb: &Tcb, rto: Duration, config: &Config) -> Option<Duration> {
    let calm = matches!(tcb.recovery.phase, Phase::Open | Phase::Cwr);
    if !config.tail_loss_probe() || !tcb.sack || !calm || tcb.queue.is_empty() || !tcb.state().is_synchronized() {
        return None;
    }
    let timeout = match tcb.rto.srtt() {
        None => config.rto_initial,
        Some(srtt) if tcb.queue.len() == 1 => srtt * 2 + WORST_DELAYED_ACK.min(config.rto_min()),
        Some(srtt) => srtt * 2 + config.timer_slack,
    };
    Some(timeout.min(rto))
}

/// TLP_send_probe (RFC 8985 7.3): new text if the peer's window has room for it, however full the congestion window; otherwise
/// the last segment once more.
pub(crate) fn expire(tcb: &mut Tcb, fx: &mut Fx<'_>) {
    if tcb.recovery.probe.is_some() {
        tcb.watch_for_timeout(fx);
        return;
    }
    fx.cite(rules::TLP_PROBE);
    let before = tcb.snd.nxt;
    output::send_text(tcb, output::Push::Probe, fx);
    let retransmission = tcb.snd.nxt == before;
    if retransmission {
        let smss = tcb.smss(fx.config());
        let Some(last) = tcb.queue.cut_back(smss) else { return };
        emit::again(tcb, last, false, fx);
    }
    tcb.watch_for_whole_timeout(fx);
    tcb.recovery.probe = Some(Box::new(Probe { high: tcb.snd.nxt, retransmission }));
}

/// TLP_process_ack (RFC 8985 7.4.2): whether the probe has repaired a loss, which is then answered as one.
pub(crate) fn acknowledged(tcb: &mut Tcb, ack: SeqNum, progress: &Progress, fx: &mut Fx<'_>) {
    let Some(probe) = tcb.recovery.probe.as_ref().filter(|probe| ack.ge(probe.high)) else { return };
    let pure_duplicate = !progress.advanced && !progress.sacked && progress.duplicate;
    if !probe.retransmission || progress.dsack_of_probe || pure_duplicate {
        // The probe was new text, or both copies have arrived: nothing was lost.
        tcb.recovery.probe = None;
    } else if ack.gt(probe.high) {
        fx.cite(rules::TLP_LOSS);
        tcb.recovery.probe = None;
        machine::reduce(tcb, fx);
        tcb.recovery.phase = Phase::Cwr;
        machine::end_reduction(tcb);
        machine::calm(tcb);
    }
}

/// Retransmissions by a probe that are in the network when a recovery begins.
pub(super) fn outstanding(tcb: &Tcb) -> u32 {
    tcb.queue.retransmitted() + u32::from(tcb.recovery.probe.as_ref().is_some_and(|probe| probe.retransmission))
}

impl Config {
    const fn tail_loss_probe(&self) -> bool {
        matches!(self.tcp_early_retrans, 3 | 4)
    }
}
