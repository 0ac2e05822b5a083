//! First, check sequence number (RFC 9293 3.10.7.4), with PAWS before it (RFC 7323 5.3) and Appendix A.2 in mind.

use super::{Arriving, CONTINUE, Flow, RETURN, Verdict, linux_text, mini, rst};
use crate::config::Acceptable;
use crate::errno::Errno;
use crate::host::Fx;
use crate::rules;
use crate::tcp::abort;
use crate::tcp::challenge_ack;
use crate::tcp::ecn::Ecn;
use crate::tcp::emit;
use crate::tcp::paws;
use crate::tcp::state::State;
use crate::tcp::tcb::{Origin, Rcv, Tcb};
use crate::tcp::timers::Timer;
use crate::tcp::timestamps::is_at_or_after;
use crate::wire::tcp::Segment;
use core::ops::ControlFlow;

pub(super) fn check(tcb: &mut Tcb, arriving: &mut Arriving<'_>, fx: &mut Fx<'_>) -> Flow {
    if fx.config().mini_sockets {
        mini::check(tcb, arriving, fx)?;
    } else if tcb.state() == State::TimeWait && reopens(tcb, &arriving.seg, fx) {
        return ControlFlow::Break(Verdict::Reopen);
    }
    let flags = arriving.seg.flags;
    if fx.config().drop_without_ack_first && !mini::has(tcb, fx) && !(flags.ack() || flags.rst() || flags.syn()) {
        fx.cite_in(rules::NO_ACK, tcb.state());
        return RETURN;
    }
    if paws::check(tcb, arriving, fx).is_break() {
        return RETURN;
    }
    if tcb.state() == State::SynReceived {
        syn_again(tcb, arriving, fx)?;
        if tcb.origin == Origin::Passive && fx.config().half_open_ack_first && flags.ack() && !flags.rst() {
            super::ack::of_syn(tcb, &arriving.seg, fx)?;
        }
    }
    if fx.config().acceptable == Acceptable::Linux {
        if !linux_text::is_acceptable(tcb, &arriving.seg) && !rst::is_reset_at_fin(tcb, &arriving.seg, fx) {
            unacceptable(tcb, &arriving.seg, fx);
            return RETURN;
        }
        return CONTINUE;
    }
    let seg = &arriving.seg;
    if !is_acceptable(&tcb.rcv, seg) {
        if is_text_at_closed_window(&tcb.rcv, seg) {
            // "Special allowance": its ACK and urgent pointer count, its text does not; the ACK shows the closed window.
            fx.cite(rules::WINDOW_ZERO_CONTROLS);
            tcb.delayed_ack.now();
        } else {
            unacceptable(tcb, seg, fx);
            return RETURN;
        }
    }
    trim(tcb, arriving, fx);
    CONTINUE
}

/// Table 6. A segment that begins before the window and ends behind it covers the window; the table's words leave it
/// out, stacks take it.
fn is_acceptable(rcv: &Rcv, seg: &Segment<'_>) -> bool {
    let (nxt, wnd, len) = (rcv.nxt, rcv.wnd(), seg.len());
    if len == 0 {
        return if wnd == 0 { seg.seq == nxt } else { seg.seq.in_window(nxt, wnd) };
    }
    if wnd == 0 {
        return false;
    }
    let last = seg.end().minus(1);
    let covers = nxt.in_window(seg.seq, len) && last.ge(rcv.edge);
    seg.seq.in_window(nxt, wnd) || last.in_window(nxt, wnd) || covers
}

/// A segment in order that the closed window alone keeps out.
fn is_text_at_closed_window(rcv: &Rcv, seg: &Segment<'_>) -> bool {
    rcv.wnd() == 0 && seg.seq == rcv.nxt && !seg.flags.syn()
}

/// An unacceptable segment is answered and dropped.
fn unacceptable(tcb: &mut Tcb, seg: &Segment<'_>, fx: &mut Fx<'_>) {
    let state = tcb.state();
    if seg.flags.rst() {
        fx.cite_in(rules::SEQ_UNACCEPTABLE_RST, state);
        return;
    }
    if seg.flags.syn() && seg.flags.ack() && seg.seq == tcb.rcv.irs {
        // Of the same handshake it is while nothing else has come, and if it acknowledges our SYN.
        let same = tcb.origin == Origin::Active && tcb.rcv.nxt == tcb.rcv.irs.plus(1) && seg.ack == tcb.snd.iss.plus(1);
        let asked = fx.config().tcp_ecn == 3;
        if tcb.ecn.syn_ack_again(seg.flags, fx.ecn(), asked).is_err() && same {
            fx.cite(rules::ACCECN_MIXED);
            emit::abort(tcb, fx);
            tcb.fail(Errno::ECONNRESET, fx);
            return;
        }
    }
    // The fifth and eighth check ask TIME-WAIT to acknowledge the peer's FIN again and to restart 2MSL. A repeated FIN
    // lies below RCV.NXT, so that it ends here; what they say is done here.
    if state == State::TimeWait && seg.flags.fin() && seg.end() == tcb.rcv.nxt {
        fx.cite(rules::TIME_WAIT_FIN_AGAIN);
        let time_wait = fx.config().time_wait;
        tcb.timers.set(Timer::TimeWait, fx.now + time_wait);
        emit::ack(tcb, fx);
        return;
    }
    let any = fx.config().acceptable == Acceptable::Linux;
    if seg.flags.syn() && fx.config().challenge_acks && (any || state.is_synchronized()) {
        // The fourth check, "irrespective of the sequence number" (RFC 5961 4.2).
        fx.cite_in(rules::SYN, state);
        challenge_ack::challenge(tcb, fx);
        return;
    }
    fx.cite_in(rules::SEQ_UNACCEPTABLE, state);
    if seg.seq.lt(tcb.rcv.nxt) && seg.len() > 0 {
        tcb.note_duplicate_segment(seg, fx);
        tcb.acknowledge_quickly(fx.config().quick_acks);
    }
    challenge_ack::answer_invalid(tcb, seg, fx);
}

/// The peer's SYN once more, in SYN-RECEIVED. Both cases begin at IRS, below RCV.NXT, so that the table alone would lose
/// them.
fn syn_again(tcb: &mut Tcb, arriving: &mut Arriving<'_>, fx: &mut Fx<'_>) -> Flow {
    let flags = arriving.seg.flags;
    if !flags.syn() || flags.rst() || arriving.seg.seq != tcb.rcv.irs {
        return CONTINUE;
    }
    let linux = fx.config().acceptable == Acceptable::Linux;
    match (tcb.origin, flags.ack()) {
        // Linux takes it with nothing else, and as an answer to all that it has sent.
        (Origin::Active, true) if linux && (arriving.seg.len() > 1 || arriving.seg.ack != tcb.snd.nxt) => CONTINUE,
        // A simultaneous open: the peer's SYN,ACK repeats its SYN and acknowledges ours. Without its SYN it is an
        // acceptable ACK (RFC 9293 A.2).
        (Origin::Active, true) => {
            fx.cite(rules::SEQ_A2);
            if fx.config().ack_crossing_syn_ack {
                tcb.note_duplicate(tcb.rcv.irs, tcb.rcv.nxt, fx);
                tcb.delayed_ack.now();
            }
            *arriving = arriving.without_syn();
            CONTINUE
        }
        // The peer has not heard our SYN,ACK: a bare ACK would not help it, the SYN,ACK does (as stacks do).
        (Origin::Active, false) if linux => CONTINUE,
        (Origin::Passive | Origin::Active, false) => {
            fx.cite_in(rules::SEQ_UNACCEPTABLE, State::SynReceived);
            if let Ecn::Answered(answer) = &mut tcb.ecn
                && answer.syn_again(flags, fx.ecn(), fx).is_err()
            {
                fx.cite(rules::ACCECN_MIXED);
                abort::abort(tcb, fx);
                return RETURN;
            }
            tcb.queue.repeated(tcb.snd.iss, fx.now);
            tcb.totals.total_retrans += 1;
            emit::syn(tcb, fx);
            if fx.config().repeated_syn_restarts_timer && !tcb.is_fast_open_child() {
                tcb.timers.set(Timer::Retransmission, fx.now + tcb.rto.timeout());
            }
            RETURN
        }
        (Origin::Passive, true) => CONTINUE,
    }
}

/// Whether a SYN may open a new connection over one in TIME-WAIT: by timestamps (RFC 6191 2) or by sequence number
/// (RFC 1122 4.2.2.13). Otherwise it is treated like any SYN: RFC 9293 answers it with an ACK where RFC 6191 is silent.
fn reopens(tcb: &Tcb, seg: &Segment<'_>, fx: &mut Fx<'_>) -> bool {
    if !seg.flags.syn() || seg.flags.ack() || seg.flags.rst() || !fx.listener_behind {
        return false;
    }
    // Above the largest number that the old connection used, which is the FIN's.
    let higher = seg.seq.ge(tcb.rcv.nxt);
    let by_timestamp = match (tcb.timestamps.recent(fx.now), seg.options.timestamps) {
        (Some(recent), Some(option)) if option.val != recent => {
            if !is_at_or_after(option.val, recent) {
                return false;
            }
            true
        }
        // The old connection had no timestamps and the new one will: its segments cannot be confused.
        (None, Some(_)) => fx.config().tcp_timestamps != 0,
        (Some(_) | None, Some(_) | None) => false,
    };
    if by_timestamp {
        fx.cite(rules::REOPEN_BY_TIMESTAMP);
    } else if higher {
        fx.cite(rules::REOPEN_BY_SEQUENCE);
    } else {
        return false;
    }
    fx.cite(rules::TIME_WAIT_REOPEN);
    true
}

/// Leaves the part that begins at RCV.NXT and ends inside the window. A RST is judged as it came, and so is a SYN: one in the window, and
/// one of any number where RFC 5961 4.2 asks for a challenge.
fn trim(tcb: &mut Tcb, arriving: &mut Arriving<'_>, fx: &mut Fx<'_>) {
    if arriving.seg.flags.rst() {
        return;
    }
    if arriving.seg.flags.syn() {
        let any = fx.config().challenge_acks && tcb.state().is_synchronized();
        if any || arriving.seg.seq.ge(tcb.rcv.nxt) {
            return;
        }
        *arriving = arriving.without_syn();
    }
    if arriving.seg.seq.lt(tcb.rcv.nxt) {
        fx.cite(rules::SEQ_STRADDLE);
        let end = arriving.seg.seq.plus(arriving.seg.payload.len() as u32);
        tcb.note_duplicate(arriving.seg.seq, end.earlier(tcb.rcv.nxt), fx);
        arriving.trim_to_new(tcb.rcv.nxt);
    }
    if arriving.trim_to_window(tcb.rcv.edge) {
        fx.cite(rules::SEQ_TRIM_RIGHT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seq::SeqNum;
    use crate::wire::tcp::Flags;

    #[test]
    fn acceptability_follows_table_6() {
        // seq relative to RCV.NXT, text, window -> acceptable
        let table = [
            (0_i32, 0, 0, true),
            (1, 0, 0, false),
            (-1, 0, 0, false),
            (0, 0, 10, true),
            (9, 0, 10, true),
            (10, 0, 10, false),
            (-1, 0, 10, false),
            (0, 1, 0, false),
            (0, 1, 10, true),
            (9, 1, 10, true),
            (9, 5, 10, true),
            (10, 1, 10, false),
            (-1, 1, 10, false),
            (-1, 2, 10, true),
            (-5, 20, 10, true),
            // Half the circle away, where before and after are the same.
            (i32::MIN, 1, 10, false),
            (i32::MIN, 20, 10, false),
        ];
        for nxt in [SeqNum(1000), SeqNum(3), SeqNum(u32::MAX - 3)] {
            for (offset, text, wnd, expected) in table {
                let rcv = Rcv {
                    irs: SeqNum(0),
                    nxt,
                    edge: nxt.plus(wnd),
                    up: None,
                    up_read: false,
                    shift: 0,
                    mss: 1460,
                    fin: false,
                    fin_waits: false,
                    last_ack_sent: nxt,
                };
                let octets = [0; 20];
                let seg = Segment {
                    seq: nxt.plus(offset as u32),
                    flags: Flags::ACK,
                    payload: &octets[..text],
                    ..Segment::default()
                };
                assert_eq!(is_acceptable(&rcv, &seg), expected, "seq {offset:+}, {text} octets, window {wnd}, {nxt}");
            }
        }
    }
}
