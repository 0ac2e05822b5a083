//! Eighth, check the FIN bit (RFC 9293 3.10.7.4).

use super::{Arriving, CONTINUE, Flow};
use crate::host::Fx;
use crate::rules;
use crate::tcp::emit;
use crate::tcp::state::State;
use crate::tcp::tcb::Tcb;
use crate::tcp::timers::Timer;

pub(super) fn check(tcb: &mut Tcb, arriving: &Arriving<'_>, fx: &mut Fx<'_>) -> Flow {
    let seg = &arriving.seg;
    let at = seg.seq.plus(seg.payload.len() as u32);
    let state = tcb.state();
    if state.may_receive_text() {
        if seg.flags.fin() && at != tcb.rcv.nxt {
            // Ahead of missing text: it is kept, and the gap shown at once.
            let several = fx.config().sack_counts_controls;
            let known = tcb.reassembly.fin_at(at);
            let held = several && tcb.reassembly.around(at, at.plus(1), true).is_some();
            let remembers = fx.config().sack_keeps_blocks;
            if remembers && seg.payload.is_empty() {
                tcb.remember_block(seg, fx);
            } else if held && !remembers {
                tcb.note_duplicate(at, at.plus(1), fx);
            }
            // In Linux text that waits with its number stands.
            if !held || known {
                tcb.reassembly.insert_fin(at, several);
            }
            tcb.delayed_ack.now();
        }
        if (seg.flags.fin() && at == tcb.rcv.nxt) || tcb.reassembly.fin_at(tcb.rcv.nxt) {
            // What Linux has appended to the FIN it takes together with it.
            let end = tcb.reassembly.remembered_fin_end();
            if let Some(end) = end.filter(|end| end.gt(tcb.rcv.nxt.plus(1))) {
                let behind = tcb.rcv.nxt.plus(1);
                if let Some(mut text) = tcb.reassembly.take(behind) {
                    text.truncate(behind.distance(end) as usize);
                    tcb.totals.bytes_received += text.len() as u64;
                    tcb.incoming.push(&text, &mut fx.host.rings);
                }
                tcb.rcv.nxt = end.minus(1);
            }
            take(tcb, state, fx);
        } else if tcb.reassembly.remembered_fin_end() == Some(tcb.rcv.nxt) {
            // Text was taken over the number of a FIN that waits: it ends what was appended to it.
            tcb.rcv.nxt = tcb.rcv.nxt.minus(1);
            take(tcb, state, fx);
        }
        tcb.reassembly.forget_below(tcb.rcv.nxt);
    } else if seg.flags.fin() {
        second(tcb, state, fx);
    }
    CONTINUE
}

/// The peer's FIN: RCV.NXT advances over it, and it is acknowledged at once.
pub(super) fn take(tcb: &mut Tcb, state: State, fx: &mut Fx<'_>) {
    fx.cite(rules::ANY_FIN);
    tcb.rcv.nxt += 1;
    tcb.rcv.edge = tcb.rcv.edge.later(tcb.rcv.nxt);
    tcb.rcv.fin = true;
    tcb.rcv.fin_waits = tcb.incoming.len() == 0;
    if !fx.config().fin_ack_waits {
        tcb.reassembly.clear();
    }
    if state == State::Established {
        tcb.fin_taken(fx);
    } else if fx.config().fin_ack_waits {
        // Before text that this segment lets out.
        emit::ack(tcb, fx);
    } else {
        tcb.delayed_ack.now();
    }
    // What a peer sent behind its FIN is not part of the stream: nothing of it is kept, or reported in SACK blocks but those of this ACK in
    // Linux.
    tcb.reassembly.clear();
    if fx.config().fin_ack_waits {
        // Nor is a duplicate, if it comes together with the FIN.
        tcb.duplicate = None;
    }
    fx.cite_in(rules::FIN, state);
    match state {
        State::Established => tcb.enter(State::CloseWait, fx),
        // Had this segment acknowledged our FIN, the fifth check would have entered FIN-WAIT-2.
        State::FinWait1 => tcb.enter(State::Closing, fx),
        State::FinWait2 => {
            fx.cite(rules::TIME_WAIT_2MSL);
            tcb.enter(State::TimeWait, fx);
            // Entering stopped the wish for an ACK's timer, not the wish.
            if !fx.config().fin_ack_waits {
                tcb.delayed_ack.now();
            }
        }
        State::Closed
        | State::Listen
        | State::SynSent
        | State::SynReceived
        | State::CloseWait
        | State::Closing
        | State::LastAck
        | State::TimeWait => unreachable!("{state} takes no FIN"),
    }
}

/// A FIN after the FIN. It changes nothing; RCV.NXT stays, which the generic words would move.
fn second(tcb: &mut Tcb, state: State, fx: &mut Fx<'_>) {
    fx.cite_in(rules::FIN, state);
    if state == State::TimeWait {
        let time_wait = fx.config().time_wait;
        tcb.timers.set(Timer::TimeWait, fx.now + time_wait);
        emit::ack(tcb, fx);
    }
}
