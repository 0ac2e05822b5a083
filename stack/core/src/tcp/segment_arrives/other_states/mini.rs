//! Half-open connections of a listener, FIN-WAIT-2 after `close` and TIME-WAIT as Linux checks them (`Config::mini_sockets`): it
//! keeps a few numbers of them, and looks at less than RFC 9293 3.10.7.4 does.
//!
//! What they have in common: the segment is in the window, or it is acknowledged and dropped; a reset is believed wherever in the window
//! it lies, but for a half-open connection; a SYN in the window is reset.

use super::super::syn_sent::echoes_our_syn;
use super::{Arriving, CONTINUE, Flow, RETURN, Verdict, ack, fin};
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
use crate::tcp::challenge_ack;
use crate::tcp::ecn::Ecn;
use crate::tcp::paws;
use crate::tcp::state::State;
use crate::tcp::tcb::{Origin, Tcb};
use crate::tcp::timers::Timer;
use crate::tcp::timestamps::is_at_or_after;
use crate::wire::tcp::Segment;
use core::ops::ControlFlow;

/// Window of a SYN,ACK at most.
const MOST: u32 = 65_535;

/// Whether the connection is such a one; TIME-WAIT always is.
pub(super) fn has(tcb: &Tcb, fx: &Fx<'_>) -> bool {
    let state = tcb.state();
    let half_open = state == State::SynReceived && tcb.origin == Origin::Passive && !tcb.is_fast_open_child();
    let closed = state == State::FinWait2 && tcb.is_orphan_in_fin_wait_2(fx);
    state == State::TimeWait || fx.config().mini_sockets && (half_open || closed)
}

/// All that is looked at in FIN-WAIT-2 and TIME-WAIT; of a half-open connection what comes before the checks of the one it becomes.
pub(super) fn check(tcb: &mut Tcb, arriving: &Arriving<'_>, fx: &mut Fx<'_>) -> Flow {
    if !has(tcb, fx) {
        return CONTINUE;
    }
    if fx.config().mini_sockets && tcb.state() != State::SynReceived {
        // A small block has no feedback on congestion to give.
        tcb.ecn = Ecn::Off;
    }
    match tcb.state() {
        State::TimeWait => time_wait(tcb, &arriving.seg, fx),
        State::FinWait2 => fin_wait_2(tcb, &arriving.seg, fx),
        State::SynReceived => half_open(tcb, &arriving.seg, fx),
        State::Closed
        | State::Listen
        | State::SynSent
        | State::Established
        | State::FinWait1
        | State::CloseWait
        | State::Closing
        | State::LastAck => CONTINUE,
    }
}

/// Whether any of the segment is in the window, or it stands at one of its edges.
fn in_window(seg: &Segment<'_>, nxt: SeqNum, wnd: u32) -> bool {
    let edge = nxt.plus(wnd);
    seg.seq == nxt || (seg.end().gt(nxt) && seg.seq.lt(edge)) || (seg.seq == edge && seg.len() == 0)
}

fn outside(tcb: &mut Tcb, seg: &Segment<'_>, fx: &mut Fx<'_>) -> Flow {
    let state = tcb.state();
    if seg.flags.rst() {
        fx.cite_in(rules::SEQ_UNACCEPTABLE_RST, state);
    } else {
        fx.cite_in(rules::SEQ_UNACCEPTABLE, state);
        // Nothing is kept that could move the edge.
        let edge = tcb.rcv.edge;
        challenge_ack::answer_invalid(tcb, seg, fx);
        tcb.rcv.edge = edge;
    }
    RETURN
}

/// A repeated SYN is for [`super::sequence`].
fn half_open(tcb: &mut Tcb, seg: &Segment<'_>, fx: &mut Fx<'_>) -> Flow {
    let (flags, stale) = (seg.flags, paws::is_stale(tcb, seg, fx));
    let bare_syn = flags.syn() && !flags.ack() && !flags.rst();
    if bare_syn && seg.seq == tcb.rcv.irs && !stale {
        return CONTINUE;
    }
    // What a cookie has brought back knows nothing of its SYN,ACK.
    let known = tcb.totals.segs_out > 0 && fx.config().half_open_echo_check;
    let last = tcb.queue.front().map_or(fx.now, |syn_ack| syn_ack.at);
    let stale = stale || known && !echoes_our_syn(tcb, seg, last);
    if flags.rst() {
        return half_open_reset(tcb, seg, stale, fx);
    }
    if flags.ack() {
        ack::of_syn(tcb, seg, fx)?;
    }
    if stale || !in_window(seg, tcb.rcv.nxt, tcb.rcv.wnd().min(MOST)) {
        return outside(tcb, seg, fx);
    }
    if flags.syn() && seg.seq != tcb.rcv.irs {
        fx.cite(rules::SYN_PASSIVE);
        fx.reset_in_reply(tcb.tuple.remote.ip(), tcb.tuple.local.ip(), seg);
        tcb.enter(State::Listen, fx);
        return RETURN;
    }
    if flags.syn() && flags.ack() {
        let edge = tcb.rcv.edge;
        challenge_ack::challenge(tcb, fx);
        tcb.rcv.edge = edge;
        return RETURN;
    }
    if flags.ack() {
        return CONTINUE;
    }
    fx.cite_in(rules::NO_ACK, State::SynReceived);
    RETURN
}

/// RFC 5961 3.2, whatever the reset acknowledges.
fn half_open_reset(tcb: &mut Tcb, seg: &Segment<'_>, stale: bool, fx: &mut Fx<'_>) -> Flow {
    if stale {
        fx.cite_in(rules::SEQ_UNACCEPTABLE_RST, State::SynReceived);
    } else if seg.seq == tcb.rcv.nxt {
        fx.cite(rules::RST_PASSIVE);
        tcb.enter(State::Listen, fx);
    } else if in_window(seg, tcb.rcv.nxt, tcb.rcv.wnd().min(MOST)) {
        fx.cite_in(rules::RST_IN_WINDOW, State::SynReceived);
        let edge = tcb.rcv.edge;
        challenge_ack::challenge(tcb, fx);
        tcb.rcv.edge = edge;
    } else {
        fx.cite_in(rules::SEQ_UNACCEPTABLE_RST, State::SynReceived);
    }
    RETURN
}

fn fin_wait_2(tcb: &mut Tcb, seg: &Segment<'_>, fx: &mut Fx<'_>) -> Flow {
    let (flags, nxt, state) = (seg.flags, tcb.rcv.nxt, State::FinWait2);
    // What waited for missing text is gone.
    tcb.reassembly.clear();
    tcb.duplicate = None;
    if paws::is_stale(tcb, seg, fx) || !in_window(seg, nxt, tcb.rcv.wnd()) {
        // A reset is no exception here.
        fx.cite_in(rules::SEQ_UNACCEPTABLE, state);
        challenge_ack::answer_invalid(tcb, seg, fx);
        return RETURN;
    }
    let new = seg.len() > 0 && seg.end().gt(nxt);
    if flags.rst() {
        fx.cite_in(rules::RST, state);
        tcb.enter(State::Closed, fx);
    } else if flags.syn() && seg.seq.ge(nxt) {
        fx.cite_in(rules::SYN_793, state);
        fx.reset_in_reply(tcb.tuple.remote.ip(), tcb.tuple.local.ip(), seg);
        tcb.enter(State::Closed, fx);
    } else if !flags.ack() {
        fx.cite_in(rules::NO_ACK, state);
    } else if new && flags.fin() && seg.end() == nxt.plus(1) {
        if let Some(option) = seg.options.timestamps.filter(|_| tcb.timestamps.enabled) {
            tcb.timestamps.start(option.val, fx.now);
        }
        fin::take(tcb, state, fx);
    } else if new {
        // Nobody is left to read it (3.6.1).
        fx.cite(rules::CLOSE_UNREAD);
        fx.reset_in_reply(tcb.tuple.remote.ip(), tcb.tuple.local.ip(), seg);
        tcb.enter(State::Closed, fx);
    }
    RETURN
}

fn time_wait(tcb: &mut Tcb, seg: &Segment<'_>, fx: &mut Fx<'_>) -> Flow {
    let (flags, nxt, state) = (seg.flags, tcb.rcv.nxt, State::TimeWait);
    let stale = paws::is_stale(tcb, seg, fx);
    if !stale && seg.seq == nxt && (seg.len() == 0 || flags.rst()) {
        if !flags.rst() {
            if let Some(option) = seg.options.timestamps.filter(|_| tcb.timestamps.enabled) {
                tcb.timestamps.start(option.val, fx.now);
            }
            restart(tcb, fx);
        } else if fx.config().tcp_rfc1337 {
            fx.cite(rules::TIME_WAIT_RST_IGNORED);
        } else {
            fx.cite_in(rules::RST, state);
            tcb.enter(State::Closed, fx);
        }
        return RETURN;
    }
    let newer = match (tcb.timestamps.recent(fx.now).filter(|_| tcb.timestamps.enabled), seg.options.timestamps) {
        (Some(recent), Some(option)) => option.val != recent && is_at_or_after(option.val, recent),
        (Some(_) | None, Some(_) | None) => false,
    };
    let bare_syn = flags.syn() && !flags.ack() && !flags.rst();
    if bare_syn && !stale && (newer || seg.seq.gt(nxt)) && fx.listener_behind {
        fx.cite(if newer { rules::REOPEN_BY_TIMESTAMP } else { rules::REOPEN_BY_SEQUENCE });
        fx.cite(rules::TIME_WAIT_REOPEN);
        return ControlFlow::Break(Verdict::Reopen);
    }
    if stale && !flags.rst() {
        fx.cite(rules::PAWS_DROP);
    }
    if !flags.rst() && (stale || flags.ack()) {
        if flags.fin() && seg.end() == nxt {
            fx.cite(rules::TIME_WAIT_FIN_AGAIN);
        }
        restart(tcb, fx);
    }
    outside(tcb, seg, fx)
}

fn restart(tcb: &mut Tcb, fx: &Fx<'_>) {
    let time_wait = fx.config().time_wait;
    tcb.timers.set(Timer::TimeWait, fx.now + time_wait);
}
