//! Seventh, process the segment text (RFC 9293 3.10.7.4).

use super::{Arriving, CONTINUE, Flow, RETURN};
use crate::host::Fx;
use crate::rules;
use crate::tcp::state::State;
use crate::tcp::tcb::Tcb;
use crate::time::Sometime;
use crate::wire::tcp::Segment;

pub(super) fn process(tcb: &mut Tcb, arriving: &Arriving<'_>, fx: &mut Fx<'_>) -> Flow {
    let seg = &arriving.seg;
    let state = tcb.state();
    match state {
        State::Established | State::FinWait1 | State::FinWait2 => {}
        State::CloseWait | State::Closing | State::LastAck | State::TimeWait => {
            // The peer has sent its FIN: there is no text behind it. It is ignored, in silence as stacks do.
            if !seg.payload.is_empty() {
                fx.cite_in(rules::TEXT, state);
            }
            return CONTINUE;
        }
        State::Closed | State::Listen | State::SynSent | State::SynReceived => {
            unreachable!("{state} does not reach the seventh check")
        }
    }
    if !seg.payload.is_empty() {
        fx.cite_in(rules::TEXT, state);
        tcb.tune_arrival(arriving, fx);
        tcb.totals.last_data_recv = Sometime::at(fx.now);
        if tcb.user.closed {
            // Nobody is left to read it: the peer is to know that it is lost (3.6.1).
            fx.cite(rules::CLOSE_UNREAD);
            fx.host.counters.tcp_abort_on_data += 1;
            fx.reset_in_reply(tcb.tuple.remote.ip(), tcb.tuple.local.ip(), seg);
            tcb.enter(State::Closed, fx);
            return RETURN;
        }
        let held = tcb.reassembly.overlap(seg.seq, seg.seq.plus(seg.payload.len() as u32));
        let reported = match fx.config().sack_counts_controls {
            true => tcb.reassembly.overlap_with_fins(seg.seq, seg.end()),
            false => held,
        };
        let remembers = fx.config().sack_keeps_blocks;
        if let Some((left, right)) = reported.filter(|_| !remembers) {
            tcb.note_duplicate(left, right, fx);
        }
        if seg.seq == tcb.rcv.nxt {
            in_order(tcb, seg, held.is_some(), fx);
            if remembers && !ends_text(seg, fx) {
                tcb.remember_taken(seg.end(), fx);
            }
        } else {
            fx.cite(rules::TEXT_AHEAD);
            fx.cite(rules::OUT_OF_ORDER_ACK);
            tcb.totals.rcv_ooopack += 1;
            if remembers {
                tcb.remember_block(seg, fx);
            }
            if !gives_way(tcb, seg, fx) {
                tcb.reassembly.insert(seg.seq, seg.payload);
            }
            tcb.tune_reordered(fx);
            tcb.delayed_ack.now();
        }
    }
    if !(ends_text(seg, fx) && seg.end() == tcb.rcv.nxt.plus(1)) {
        take_queued(tcb, fx);
    }
    CONTINUE
}

/// Whether a FIN in order is the end of the text in Linux, whatever has come before with its number.
fn ends_text(seg: &Segment<'_>, fx: &Fx<'_>) -> bool {
    seg.flags.fin() && fx.config().sack_counts_controls
}

/// Text at RCV.NXT. The right edge stays where it is: RCV.WND shrinks by what RCV.NXT advances. `held`: a part of it is there
/// already, and stands, whatever the segment has in its place.
fn in_order(tcb: &mut Tcb, seg: &Segment<'_>, held: bool, fx: &mut Fx<'_>) {
    if !tcb.reassembly.holds_nothing() {
        // It fills a gap, or part of one.
        fx.cite(rules::OUT_OF_ORDER_ACK);
        tcb.delayed_ack.now();
    }
    if held && !ends_text(seg, fx) {
        tcb.reassembly.insert(seg.seq, seg.payload);
    } else {
        deliver(tcb, seg.payload, fx);
    }
}

fn deliver(tcb: &mut Tcb, text: &[u8], fx: &mut Fx<'_>) {
    tcb.incoming.push(text, &mut fx.host.rings);
    tcb.rcv.nxt += text.len() as u32;
    // Linux takes what crosses the edge.
    tcb.rcv.edge = tcb.rcv.edge.later(tcb.rcv.nxt);
    tcb.totals.bytes_received += text.len() as u64;
    tcb.text_taken(text.len() as u32, fx);
}

/// Text that waited for what came before it.
fn take_queued(tcb: &mut Tcb, fx: &mut Fx<'_>) {
    while let Some(text) = tcb.reassembly.take(tcb.rcv.nxt) {
        tcb.delayed_ack.now();
        deliver(tcb, &text, fx);
    }
    while let Some(fin) = tcb.reassembly.take_covered_fin(tcb.rcv.nxt) {
        if fx.config().sack_counts_controls && !fx.config().sack_keeps_blocks {
            tcb.note_duplicate(fin, fin.plus(1), fx);
        }
    }
}

/// Text and a FIN that has come before with one of its numbers, as Linux keeps them: one octet gives way to the FIN, and the FIN to more.
/// Whether the text is dropped.
fn gives_way(tcb: &mut Tcb, seg: &Segment<'_>, fx: &Fx<'_>) -> bool {
    if !fx.config().sack_counts_controls {
        return false;
    }
    let end = seg.seq.plus(seg.payload.len() as u32);
    if seg.payload.len() == 1 && !seg.flags.fin() && tcb.reassembly.fin_at(seg.seq) {
        if !fx.config().sack_keeps_blocks {
            tcb.note_duplicate(seg.seq, end, fx);
        }
        return true;
    }
    while let Some(fin) = tcb.reassembly.take_fin_within(seg.seq, end) {
        if !fx.config().sack_keeps_blocks {
            tcb.note_duplicate(fin, fin.plus(1), fx);
        }
    }
    false
}
