//! How far the network reorders, learned from what arrived late though it was never sent again (RFC 4653's aim, Linux's
//! formula): DupThresh grows with it.

use crate::config::Config;
use crate::seq::SeqNum;
use crate::tcp::tcb::Tcb;

/// Text at `low`, never sent again, has arrived after text up to `high`.
pub(crate) fn seen(tcb: &mut Tcb, low: SeqNum, high: SeqNum, config: &Config) {
    if !config.learn_reordering || low.ge(high) {
        return;
    }
    let smss = tcb.smss(config).max(1);
    let extent = low.distance(high);
    let recovery = &mut tcb.recovery;
    if extent > recovery.reordering.saturating_mul(smss) {
        recovery.reordering = extent.div_ceil(smss).min(config.tcp_max_reordering);
    }
    recovery.reordering_seen = recovery.reordering_seen.saturating_add(1);
}

/// Without SACK: `acked` segments were acknowledged at once, more than holes leave room for among the duplicates.
pub(crate) fn seen_by_duplicates(tcb: &mut Tcb, acked: u32, config: &Config) {
    let most = tcb.most_arrived();
    if tcb.recovery.duplicates <= most {
        return;
    }
    tcb.recovery.duplicates = most;
    if config.learn_reordering {
        tcb.recovery.reordering = (tcb.queue.len() as u32 + acked).min(config.tcp_max_reordering);
        tcb.recovery.reordering_seen = tcb.recovery.reordering_seen.saturating_add(1);
    }
}
