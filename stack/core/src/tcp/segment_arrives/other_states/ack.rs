//! Fifth, check the ACK field (RFC 9293 3.10.7.4). What hangs on a new or a duplicate ACK, RFC 6298 samples and RFC 5681
//! congestion control, is [`acknowledgment`].

use super::{Arriving, CONTINUE, Flow, RETURN, mini, take_timestamp};
use crate::config::Acceptable;
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
use crate::tcp::backlog;
use crate::tcp::challenge_ack;
use crate::tcp::delayed_ack::Need;
use crate::tcp::emit;
use crate::tcp::recovery::acknowledgment;
use crate::tcp::segment_arrives::handshake_done;
use crate::tcp::state::State;
use crate::tcp::tcb::{Origin, Tcb};
use crate::tcp::timers::Timer;
use crate::time::Sometime;
use crate::wire::tcp::{Flags, Segment};
use core::ops::ControlFlow;

/// Octets of text that need more than a page.
const LARGE: usize = 1500;

pub(super) fn check(tcb: &mut Tcb, arriving: &mut Arriving<'_>, fx: &mut Fx<'_>) -> Flow {
    let state = tcb.state();
    if !arriving.seg.flags.ack() {
        fx.cite_in(rules::NO_ACK, state);
        return RETURN;
    }
    if state == State::SynReceived {
        return syn_received(tcb, arriving, fx);
    }
    arriving.predicted = is_plain_next(tcb, arriving);
    if fx.config().ts_recent_by_ack && arriving.predicted {
        take_timestamp(tcb, arriving, fx);
    }
    range(tcb, arriving, fx)?;
    if fx.config().ts_recent_by_ack && arriving.seg.ack.ge(tcb.snd.una) {
        take_timestamp(tcb, arriving, fx);
    }
    tcb.hear_user_timeout(&arriving.seg, fx);
    tcb.totals.last_ack_recv = Sometime::at(fx.now);
    let alone = is_text_alone(tcb, arriving);
    tcb.user.more &= alone;
    tcb.persist_answered(&arriving.seg, alone, fx);
    match state {
        State::Established | State::FinWait1 | State::FinWait2 | State::CloseWait | State::Closing | State::LastAck => {
            let una = tcb.snd.una;
            acknowledge(tcb, arriving, fx);
            update_window(tcb, una, arriving, fx);
        }
        // A repeated FIN is dealt with by the first check. Anything else that is acceptable is not acknowledged, although
        // the literal text would: two ends in TIME-WAIT would answer each other for ever.
        State::TimeWait => {}
        State::Closed | State::Listen | State::SynSent | State::SynReceived => unreachable!("{state} was dealt with"),
    }
    after_fin(tcb, &arriving.seg, fx)
}

/// SYN-RECEIVED. An unacceptable ACK draws a reset, also where RFC 5961's range check would answer with an ACK: RFC 9293's
/// own words for this state, and what stacks do.
fn syn_received(tcb: &mut Tcb, arriving: &Arriving<'_>, fx: &mut Fx<'_>) -> Flow {
    let seg = &arriving.seg;
    of_syn(tcb, seg, fx)?;
    let bare = arriving.first.plus(arriving.len) == tcb.rcv.nxt;
    if tcb.origin == Origin::Passive && bare && tcb.rto.retransmits < u32::from(tcb.user.options.defer_accept) {
        // TCP_DEFER_ACCEPT: the user wants to hear of it when there is something to read.
        fx.host.counters.tcp_defer_accept_drop += 1;
        tcb.syn_acked = true;
        return RETURN;
    }
    if tcb.origin == Origin::Passive && fx.queues.accept_is_full() {
        // The peer believes itself connected, and will repeat what it sends until there is room.
        backlog::overflow(fx);
        tcb.syn_acked = true;
        if fx.config().tcp_abort_on_overflow {
            fx.host.counters.embryonic_rsts += 1;
            fx.reset_in_reply(tcb.tuple.remote.ip(), tcb.tuple.local.ip(), seg);
            tcb.enter(State::Closed, fx);
        }
        return RETURN;
    }
    fx.cite(rules::SYN_RECEIVED_ACK);
    tcb.hear_user_timeout(seg, fx);
    tcb.ecn_established(seg, fx);
    if fx.config().ts_recent_by_ack {
        take_timestamp(tcb, arriving, fx);
    }
    if fx.config().mini_sockets && tcb.origin == Origin::Passive {
        // The socket that is made of a half-open connection has not seen the window of the SYN.
        tcb.snd.max_wnd = 0;
    }
    tcb.note_window(arriving.wnd, fx);
    handshake_done(tcb, seg, fx);
    tcb.enter(State::Established, fx);
    let shut = core::mem::take(&mut tcb.user.shut_write);
    tcb.snd.wnd = arriving.wnd;
    tcb.snd.wl1 = first_number(arriving, fx);
    tcb.snd.wl2 = seg.ack;
    tcb.totals.last_ack_recv = Sometime::at(fx.now);
    if fx.config().dsack_of_unsent && tcb.origin == Origin::Passive && tcb.queue.is_empty() {
        acknowledgment::arrives(tcb, arriving, false, fx);
    }
    if shut {
        // The FIN that `shutdown` did not send goes first, and takes no ACK along that is wanted.
        let (need, duplicate) = (tcb.delayed_ack.need(), tcb.duplicate.take());
        tcb.close_sending(fx);
        tcb.duplicate = duplicate;
        if need == Need::Now {
            tcb.delayed_ack.now();
        }
    }
    CONTINUE
}

/// Whether SEG.ACK is of our SYN.
pub(super) fn of_syn(tcb: &Tcb, seg: &Segment<'_>, fx: &mut Fx<'_>) -> Flow {
    if seg.ack.gt(tcb.snd.una) && seg.ack.le(tcb.snd.nxt) {
        return CONTINUE;
    }
    fx.cite(rules::SYN_RECEIVED_ACK_BAD);
    fx.reset_in_reply(tcb.tuple.remote.ip(), tcb.tuple.local.ip(), seg);
    RETURN
}

/// Whether SEG.ACK can be taken: not above SND.NXT, and with RFC 5961 5.2 not below SND.UNA - MAX.SND.WND.
fn range(tcb: &mut Tcb, arriving: &Arriving<'_>, fx: &mut Fx<'_>) -> Flow {
    let state = tcb.state();
    let ack = arriving.seg.ack;
    if ack.gt(tcb.snd.nxt) {
        fx.cite_in(rules::ACK_FUTURE, state);
        if state == State::Established && !fx.config().answer_future_acks {
            return RETURN;
        }
    } else if fx.config().ack_range_check && ack.lt(tcb.snd.una.minus(behind(tcb, fx))) {
        fx.cite_in(rules::ACK_OLD, state);
    } else {
        return CONTINUE;
    }
    if fx.config().ack_range_check {
        fx.cite(rules::ACK_RANGE);
        challenge_ack::challenge(tcb, fx);
    } else {
        emit::ack(tcb, fx);
    }
    RETURN
}

/// Whether a segment is the next text and says nothing else: Linux's fast path then looks at nothing else.
fn is_text_alone(tcb: &Tcb, arriving: &Arriving<'_>) -> bool {
    let seg = &arriving.seg;
    let plain = seg.flags.without(Flags::PSH) == Flags::ACK && seg.ack == tcb.snd.una && arriving.wnd == tcb.snd.wnd;
    let next = !seg.payload.is_empty() && seg.seq == tcb.rcv.nxt && tcb.reassembly.holds_nothing();
    tcb.state() == State::Established && plain && next && has_memory(tcb, seg) && seg.options.are_those_of_each()
}

/// Whether Linux has memory for a segment in its fast path, which looks for none: of what the connection has taken a page of, and not used.
fn has_memory(tcb: &Tcb, seg: &Segment<'_>) -> bool {
    let taken = tcb.totals.bytes_received > 0 || tcb.totals.bytes_sent > 0 || tcb.outgoing.len() > 0;
    seg.payload.is_empty() || (taken && seg.payload.len() < LARGE)
}

/// Whether a segment is what Linux's fast path expects: the next one, with the window of before and no option but timestamps.
fn is_plain_next(tcb: &Tcb, arriving: &Arriving<'_>) -> bool {
    let seg = &arriving.seg;
    let plain = seg.flags.without(Flags::PSH) == Flags::ACK;
    let same = arriving.wnd == tcb.snd.wnd && seg.ack.le(tcb.snd.nxt);
    let next = seg.seq == tcb.rcv.nxt && tcb.reassembly.holds_nothing();
    tcb.state() == State::Established
        && plain
        && same
        && next
        && has_memory(tcb, seg)
        && seg.options.are_those_of_each()
}

/// How far below SND.UNA an acknowledgment may be.
fn behind(tcb: &Tcb, fx: &Fx<'_>) -> u32 {
    // Our SYN was acknowledged too, and is among the octets only where SYNs have crossed; in Linux, which `ack_range_of_acknowledged` is for,
    // that of a SYN,ACK is not counted.
    let counted = tcb.snd.iss.distance(tcb.snd.una) == tcb.totals.bytes_acked as u32;
    let syn = u32::from(tcb.origin == Origin::Active && !counted);
    let acknowledged = u32::try_from(tcb.totals.bytes_acked).unwrap_or(u32::MAX).saturating_add(syn);
    if fx.config().ack_range_of_acknowledged { tcb.snd.max_wnd.min(acknowledged) } else { tcb.snd.max_wnd }
}

/// SEG.ACK =< SND.NXT, in the states that have something in flight or may have.
fn acknowledge(tcb: &mut Tcb, arriving: &Arriving<'_>, fx: &mut Fx<'_>) {
    let state = tcb.state();
    let ack = arriving.seg.ack;
    let listens = ack.ge(tcb.snd.una) && !(fx.config().ece_needs_flight && tcb.queue.is_empty());
    let marked = listens && tcb.ecn_feedback(&arriving.seg, fx);
    fx.cite_in(if ack.gt(tcb.snd.una) { rules::ACK_NEW } else { rules::ACK_DUPLICATE }, state);
    if ack.lt(tcb.snd.una) {
        acknowledgment::arrives_late(tcb, arriving, fx);
    } else {
        acknowledgment::arrives(tcb, arriving, marked, fx);
    }
}

/// SND.WND from the newest segment (SND.UNA =< SEG.ACK =< SND.NXT). A late one, such as a retransmission, does not update it, and
/// may still acknowledge: SND.WND then loses what SND.UNA has gained since `una`, so that the right edge stays where the peer put it.
fn update_window(tcb: &mut Tcb, una: SeqNum, arriving: &Arriving<'_>, fx: &mut Fx<'_>) {
    let seg = &arriving.seg;
    if seg.ack.lt(tcb.snd.una) {
        return;
    }
    let updates = updates_window(tcb, una, arriving, fx);
    let predicted = fx.config().smaller_window_needs_news && arriving.text > 0 && arriving.predicted;
    let snd = &mut tcb.snd;
    if updates {
        let opens = snd.wnd == 0 && arriving.wnd > 0;
        snd.wnd = arriving.wnd;
        snd.wl1 = first_number(arriving, fx);
        snd.wl2 = seg.ack;
        tcb.note_window(arriving.wnd, fx);
        fx.cite_in(rules::ACK_WINDOW, tcb.state());
        if opens {
            tcb.queue.mark_probes_lost();
            tcb.timers.stop(Timer::Persist);
        }
    } else {
        snd.wnd = snd.wnd.saturating_sub(una.distance(snd.una));
        if predicted {
            snd.wl1 = arriving.first;
        }
    }
}

/// SEG.SEQ for SND.WL1: of what is left of the segment, in Linux as it arrived.
fn first_number(arriving: &Arriving<'_>, fx: &Fx<'_>) -> SeqNum {
    if fx.config().smaller_window_needs_news { arriving.first } else { arriving.seg.seq }
}

/// Whether SEG.WND counts: SND.WL1 < SEG.SEQ, or the two are the same and SND.WL2 =< SEG.ACK. `una`: SND.UNA before the segment.
pub(crate) fn updates_window(tcb: &Tcb, una: SeqNum, arriving: &Arriving<'_>, fx: &Fx<'_>) -> bool {
    let (seg, snd) = (&arriving.seg, &tcb.snd);
    if fx.config().smaller_window_needs_news {
        let another = arriving.wnd > snd.wnd || arriving.wnd == 0;
        return seg.ack.gt(una) || arriving.first.gt(snd.wl1) || (arriving.first == snd.wl1 && another);
    }
    snd.wl1.lt(seg.seq) || (snd.wl1 == seg.seq && snd.wl2.le(seg.ack))
}

/// Nothing more is to be done, but in Linux, which says of text and FIN that came before that they did.
fn unless_linux(fx: &Fx<'_>) -> Flow {
    if fx.config().acceptable == Acceptable::Linux { CONTINUE } else { RETURN }
}

/// What the acknowledgment of our FIN leads to.
fn after_fin(tcb: &mut Tcb, seg: &Segment<'_>, fx: &mut Fx<'_>) -> Flow {
    let acknowledged = tcb.fin_acknowledged();
    match tcb.state() {
        State::FinWait1 if acknowledged => {
            fx.cite(rules::FIN_WAIT_1_FIN_ACKED);
            if tcb.lingers_not_in_fin_wait_2() {
                fx.host.counters.tcp_abort_on_linger += 1;
                fx.reset_in_reply(tcb.tuple.remote.ip(), tcb.tuple.local.ip(), seg);
                tcb.enter(State::Closed, fx);
                return RETURN;
            }
            tcb.user.stays_whole = tcb.user.closed && seg.flags.fin();
            tcb.enter(State::FinWait2, fx);
            fx.cite(rules::FIN_WAIT_2_ACK);
            // Linux makes a mini socket of a connection that nobody has, and looks at nothing else of the segment.
            let ends = !seg.flags.fin() && !seg.end().gt(tcb.rcv.nxt);
            if ends && mini::has(tcb, fx) { RETURN } else { CONTINUE }
        }
        State::Closing if acknowledged => {
            fx.cite(rules::CLOSING_ACK_FIN);
            tcb.enter(State::TimeWait, fx);
            // Linux looks at nothing else of the segment.
            if fx.config().acceptable == Acceptable::Linux { RETURN } else { CONTINUE }
        }
        State::Closing => {
            fx.cite(rules::CLOSING_ACK_OTHER);
            unless_linux(fx)
        }
        State::LastAck if acknowledged => {
            fx.cite(rules::LAST_ACK_ACK_FIN);
            tcb.enter(State::Closed, fx);
            RETURN
        }
        State::LastAck => {
            fx.cite(rules::LAST_ACK_ACK_OTHER);
            unless_linux(fx)
        }
        State::Established | State::FinWait1 | State::FinWait2 | State::CloseWait | State::TimeWait => {
            ControlFlow::Continue(())
        }
        State::Closed | State::Listen | State::SynSent | State::SynReceived => unreachable!("not a state with our FIN"),
    }
}
