//! What an ACK reports (RFC 2018 3, RFC 2883): the marks of the scoreboard follow.

use super::acknowledgment::Progress;
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
use crate::tcp::tcb::Tcb;
use crate::wire::tcp::{SackBlock, SackBlocks};

/// Takes the SACK blocks of a segment that acknowledges `ack`.
pub(crate) fn take(tcb: &mut Tcb, blocks: &SackBlocks, ack: SeqNum, progress: &mut Progress, fx: &mut Fx<'_>) {
    let mut blocks = blocks.as_slice();
    if let Some(duplicate) = duplicate(blocks, ack)
        && fx.config().tcp_dsack
    {
        blocks = &blocks[1..];
        take_duplicate(tcb, duplicate, progress, fx);
    }
    let before = tcb.queue.runs().highest().unwrap_or(tcb.snd.una);
    for block in blocks {
        let old = block.left.le(tcb.snd.una.later(ack)) && fx.config().sack_begins_above_una;
        if !old {
            take_block(tcb, *block, before, progress, fx);
        }
    }
    if progress.sacked {
        fx.cite(rules::SCOREBOARD);
    }
}

/// RFC 2883 4: the first block is about a duplicate if it lies below the acknowledgment number or inside the second block.
fn duplicate(blocks: &[SackBlock], ack: SeqNum) -> Option<SackBlock> {
    let first = *blocks.first()?;
    let inside = |outer: &SackBlock| first.left.ge(outer.left) && first.right.le(outer.right);
    (first.left.lt(first.right) && (first.left.lt(ack) || blocks.get(1).is_some_and(inside))).then_some(first)
}

/// A block above SND.UNA. One that reports what was never sent, or what is acknowledged, says nothing.
fn take_block(tcb: &mut Tcb, block: SackBlock, before: SeqNum, progress: &mut Progress, fx: &Fx<'_>) {
    let snd = &tcb.snd;
    let left = block.left.later(snd.una);
    if block.left.ge(block.right) || block.right.gt(snd.nxt) || block.right.le(snd.una) || left.ge(block.right) {
        return;
    }
    let recovery = &mut tcb.recovery;
    let high = recovery.high;
    tcb.queue.sack(left, block.right, |sent| {
        progress.sacked = true;
        progress.delivered.segments += 1;
        progress.delivered.octets += sent.len();
        progress.lost_repaired |= sent.lost && sent.again;
        recovery.rack.arrived(sent, fx.now);
        if !sent.repeated {
            progress.note_original(sent, high);
            if sent.seq.lt(before) {
                progress.reordered = Some(progress.reordered.map_or(sent.seq, |seq| seq.earlier(sent.seq)));
            }
            progress.first_sacked.get_or_insert(sent.at);
            progress.last_sent = progress.last_sent.max(Some(sent.at));
        }
    });
}

/// A D-SACK block: what it names has reached the peer twice.
fn take_duplicate(tcb: &mut Tcb, block: SackBlock, progress: &mut Progress, fx: &mut Fx<'_>) {
    let smss = tcb.smss(fx.config()).max(1);
    let octets = block.left.distance(block.right);
    let lowest = tcb.snd.una.minus(tcb.snd.max_wnd.max(1));
    let possible = match fx.config().dsack_of_unsent {
        true => octets <= tcb.snd.max_wnd,
        false => block.right.le(tcb.snd.nxt) && block.left.ge(lowest),
    };
    if !possible {
        return;
    }
    let segments = octets.div_ceil(smss);
    let recovery = &mut tcb.recovery;
    recovery.dsack_dups = recovery.dsack_dups.saturating_add(segments as u16);
    // The network has made the duplicate, not a retransmission.
    if u64::from(recovery.dsack_dups) > tcb.totals.total_retrans {
        return;
    }
    fx.cite(rules::DSACK_TAKEN);
    progress.dsack = true;
    progress.dsack_of_probe = segments == 1 && recovery.probe.as_ref().is_some_and(|probe| probe.high == block.right);
    progress.delivered.segments += segments;
    progress.delivered.octets += octets;
    if recovery.reordering_seen > 0 && !progress.dsack_of_probe {
        recovery.rack.duplicate(tcb.snd.una, tcb.snd.nxt, &fx.host.config);
    }
    if let Some(episode) = &mut recovery.episode {
        episode.undo.duplicate_reported(block.right, segments);
    }
    tcb.queue.repeated_arrived(block.left, block.right, |_| {});
}
