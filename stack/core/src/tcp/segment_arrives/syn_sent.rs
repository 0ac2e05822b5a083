//! SEGMENT ARRIVES in SYN-SENT (RFC 9293 3.10.7.3).
//!
//! Absent: the comparison of a reset's SEQ with RCV.NXT that the second check suggests for RFC 5961, because RCV.NXT has no
//! value in this state; the ACK check protects as well. Security compartments do not exist here.

use super::{Arriving, handshake_done, other_states, queue_controls_of_syn, take_syn};
use crate::config::Acceptable;
use crate::errno::Errno;
use crate::host::Fx;
use crate::rules;
use crate::tcp::ecn::Ecn;
use crate::tcp::ecn::handshake::Answer;
use crate::tcp::emit;
use crate::tcp::state::State;
use crate::tcp::tcb::Tcb;
use crate::tcp::timers::Timer;
use crate::tcp::timestamps::is_at_or_after;
use crate::time::{Instant, Sometime};
use crate::wire::tcp::{Flags, Segment};

/// The five checks.
pub(crate) fn arrives(tcb: &mut Tcb, arriving: Arriving<'_>, fx: &mut Fx<'_>) {
    let seg = &arriving.seg;
    let flags = seg.flags;
    // First, check the ACK bit.
    if flags.ack() && !(seg.ack.gt(tcb.snd.una) && seg.ack.le(tcb.snd.nxt)) {
        refuse(tcb, arriving, fx);
        return;
    }
    if flags.ack() && fx.config().syn_ack_echo_check && !echoes_our_syn(tcb, seg, fx.now) {
        fx.reset_in_reply(tcb.tuple.remote.ip(), tcb.tuple.local.ip(), seg);
        return;
    }
    // Second, check the RST bit.
    if flags.rst() {
        if flags.ack() {
            fx.cite(rules::SYN_SENT_RSTACK);
            tcb.fail(Errno::ECONNREFUSED, fx);
        } else {
            fx.cite(rules::SYN_SENT_RST_NOACK);
        }
        return;
    }
    // Fourth, check the SYN bit.
    if !flags.syn() {
        // Fifth, neither SYN nor RST.
        fx.cite(rules::SYN_SENT_OTHER);
        return;
    }
    take_syn(tcb, seg, fx);
    if flags.ack() {
        established(tcb, arriving, fx);
    } else {
        syn_received(tcb, arriving, fx);
    }
}

/// Whether the timestamp that a segment echoes, if any, may be that of our SYN or SYN,ACK, which had none after `last`. Of one that was sent
/// more than once only the last time is known.
pub(super) fn echoes_our_syn(tcb: &Tcb, seg: &Segment<'_>, last: Instant) -> bool {
    let Some(option) = seg.options.timestamps.filter(|option| tcb.timestamps.enabled && option.ecr != 0) else {
        return true;
    };
    let sent = tcb.queue.front().filter(|_| tcb.syn_losses == 0).map(|syn| syn.at);
    is_at_or_after(tcb.timestamps.clock(last), option.ecr)
        && sent.is_none_or(|sent| is_at_or_after(option.ecr, tcb.timestamps.clock(sent)))
}

/// The acknowledgment is for nothing that we sent.
fn refuse(tcb: &mut Tcb, arriving: Arriving<'_>, fx: &mut Fx<'_>) {
    let seg = &arriving.seg;
    // The RST may end what is left of an old connection, and the next SYN find nothing in its way.
    let again = fx.config().syn_again_after_refusal;
    if !again.is_zero() && tcb.syn_losses == 0 {
        tcb.timers.set(Timer::Retransmission, fx.now + again);
    }
    if seg.flags.rst() {
        fx.cite(rules::SYN_SENT_RSTACK_BADACK);
        return;
    }
    fx.cite(if seg.flags.syn() {
        rules::SYN_SENT_SYNACK_BADACK
    } else if seg.ack.gt(tcb.snd.nxt) {
        rules::SYN_SENT_ACK_HIGH
    } else {
        rules::SYN_SENT_ACK_LOW
    });
    fx.reset_in_reply(tcb.tuple.remote.ip(), tcb.tuple.local.ip(), seg);
}

/// Our SYN is acknowledged by the peer's. The ACK is sent at the end of the event, with what the segment's text adds.
fn established(tcb: &mut Tcb, arriving: Arriving<'_>, fx: &mut Fx<'_>) {
    fx.cite(rules::SYN_SENT_SYNACK);
    tcb.ecn_confirmed(&arriving.seg, fx);
    handshake_done(tcb, &arriving.seg, fx);
    tcb.enter(State::Established, fx);
    let deferred = tcb.user.options.defer_accept > 0 && fx.config().acceptable == Acceptable::Linux;
    if tcb.user.write_pending || deferred {
        // Its text forms a segment with this ACK at once (RFC 9293 3.10.7.3). Linux waits for the first text if TCP_DEFER_ACCEPT is set, too.
        tcb.delay_first_ack(fx);
    } else {
        tcb.delayed_ack.now();
    }
    // RFC 7323 2.2: this window is unscaled, as the field of every SYN.
    tcb.totals.last_ack_recv = Sometime::at(fx.now);
    let seg = arriving.seg;
    if !seg.payload.is_empty() || seg.flags.fin() || seg.flags.urg() {
        fx.cite(rules::SYN_SENT_SYNACK_TEXT);
        let mut rest = arriving.without_syn();
        if !fx.config().keep_syn_text && !tcb.takes_syn_ack_text() {
            rest.seg.payload = &[];
            rest.seg.flags = rest.seg.flags.without(Flags::FIN);
        }
        other_states::from_the_sixth(tcb, rest, fx);
    }
}

/// The peer opens at the same time (MUST-10).
fn syn_received(tcb: &mut Tcb, arriving: Arriving<'_>, fx: &mut Fx<'_>) {
    fx.cite(rules::SYN_SENT_SYN);
    fx.cite(rules::SIMULTANEOUS_OPEN);
    let seg = &arriving.seg;
    if !seg.payload.is_empty() || seg.flags.fin() {
        fx.cite(rules::SYN_SENT_SYN_TEXT);
    }
    // Who asked answers too, and as a listener would (RFC 9768 3.1.2).
    if let Ecn::Asked(_) = tcb.ecn {
        tcb.ecn = Ecn::Answered(Answer::of_syn(seg.flags, fx.ecn(), fx));
    }
    queue_controls_of_syn(tcb, seg, fx);
    tcb.enter(State::SynReceived, fx);
    // What acknowledges our SYN from now on may answer either of two segments: no round-trip sample.
    tcb.queue.repeated(tcb.snd.iss, fx.now);
    // The timer of our SYN runs on (RFC 6298 5.1).
    emit::syn(tcb, fx);
}
