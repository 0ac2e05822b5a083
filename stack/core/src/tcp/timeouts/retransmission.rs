//! RETRANSMISSION TIMEOUT (RFC 9293 3.10.8; RFC 6298 5.4 to 5.7; limits of RFC 9293 3.8.3).

use crate::config::RetryLimit;
use crate::host::Fx;
use crate::rules;
use crate::tcp::abort;
use crate::tcp::fast_open;
use crate::tcp::recovery::{machine, transmit};
use crate::tcp::state::State;
use crate::tcp::tcb::{Origin, Tcb};

pub(crate) fn expire(tcb: &mut Tcb, fx: &mut Fx<'_>) {
    let state = tcb.state();
    match state {
        State::SynSent | State::SynReceived => syn(tcb, fx),
        State::Established | State::FinWait1 | State::CloseWait | State::Closing | State::LastAck => text(tcb, fx),
        State::Closed | State::Listen | State::FinWait2 | State::TimeWait => {
            unreachable!("nothing is in flight in {state}")
        }
    }
}

/// The front of the queue is our SYN.
fn syn(tcb: &mut Tcb, fx: &mut Fx<'_>) {
    let config = fx.config();
    let active_limit = tcb.user.options.rare().syn_cnt.unwrap_or(config.tcp_syn_retries);
    let (limit, linear) = match (tcb.state(), tcb.origin) {
        (State::SynSent, _) => {
            (active_limit + config.tcp_syn_linear_timeouts, tcb.rto.retransmits < config.tcp_syn_linear_timeouts)
        }
        (_, Origin::Active) => (active_limit, false),
        // One more for a Fast Open, as Linux has it.
        (_, Origin::Passive) => {
            let most = tcb.user.options.rare().syn_cnt.unwrap_or(config.tcp_synack_retries);
            (fx.queues.synack_retries(most, config) + u32::from(tcb.is_fast_open_child()), false)
        }
    };
    // Whose last ACK TCP_DEFER_ACCEPT has passed over is not asked again before the last retransmission, and waits as long.
    let deferred = if tcb.syn_acked { u32::from(tcb.user.options.defer_accept) } else { 0 };
    let limit = limit.max(deferred);
    let late = tcb.state() == State::SynSent && tcb.rto.has_waited_for(active_limit, fx.now, fx.config());
    let over = tcb.user_timeout_is_over(tcb.rto.first_retransmission(), fx);
    let exhausted = late || over || tcb.rto.retransmits >= limit;
    fast_open::timed_out(tcb, exhausted, fx);
    if exhausted {
        fx.cite(rules::R2_SYN);
        match tcb.origin {
            Origin::Active => tcb.give_up(fx),
            Origin::Passive if tcb.is_fast_open_child() => tcb.give_up(fx),
            Origin::Passive => tcb.enter(State::Closed, fx),
        }
        return;
    }
    fx.cite_in(rules::RETRANSMISSION_TIMEOUT, tcb.state());
    if tcb.origin == Origin::Active {
        tcb.account_timeout(fx.now);
    }
    tcb.syn_losses += 1;
    let silent = tcb.rto.retransmits + 1 < deferred;
    tcb.rto.back_off(fx.now, linear);
    if !silent {
        send_front_again(tcb, fx);
    }
}

/// The front of the queue is text or FIN.
fn text(tcb: &mut Tcb, fx: &mut Fx<'_>) {
    if tcb.user.closed && fx.host.orphans > fx.config().tcp_max_orphans {
        abort::out_of_orphans(tcb, fx);
        return;
    }
    let exhausted = exhausted(tcb, fx);
    fast_open::timed_out(tcb, exhausted, fx);
    if exhausted {
        fx.cite(rules::R2);
        tcb.give_up(fx);
        return;
    }
    fx.cite_in(rules::RETRANSMISSION_TIMEOUT, tcb.state());
    fx.cite(rules::RTO_BACK_OFF);
    fx.cite(rules::LOSS_WINDOW);
    fx.cite(tcb.congestion.reduction_rule());
    tcb.account_timeout(fx.now);
    let repeated = tcb.rto.retransmits > 0;
    machine::timeout(tcb, repeated, fx);
    if is_thin(tcb, fx) {
        tcb.rto.wait_again(fx.now, &fx.host.config);
    } else {
        tcb.rto.back_off(fx.now, false);
    }
    if tcb.snd.wnd == 0 {
        tcb.persist.unanswered += 1;
    }
    tcb.path_times_out(fx);
    // What follows the front goes out as ACKs open the congestion window.
    send_front_again(tcb, fx);
}

/// Linux's `tcp_thin_linear_timeouts`: so few segments that duplicates cannot tell of a loss, and not the first window.
fn is_thin(tcb: &Tcb, fx: &Fx<'_>) -> bool {
    const SEGMENTS: usize = 4;
    const TIMEOUTS: u32 = 6;
    fx.config().tcp_thin_linear_timeouts
        && tcb.state() == State::Established
        && tcb.queue.len() < SEGMENTS
        && tcb.congestion.ssthresh < u32::MAX
        && tcb.rto.retransmits < TIMEOUTS
}

fn send_front_again(tcb: &mut Tcb, fx: &mut Fx<'_>) {
    tcb.offer_again(fx);
    let smss = tcb.smss(fx.config());
    if let Some(sent) = tcb.queue.first_lost(smss).or_else(|| tcb.queue.front().copied()) {
        transmit::again(tcb, sent, false, fx);
        // What it was sent with does not follow it.
        tcb.queue.end_train(sent.seq);
    }
}

/// Whether R2 is reached. A peer that has shrunk its window to nothing, and answers, is not given up (SHLD-17, MUST-37).
fn exhausted(tcb: &Tcb, fx: &Fx<'_>) -> bool {
    let config = fx.config();
    if !tcb.user_timeout(fx).is_zero() {
        // It takes the place of R2, be it shorter or longer (RFC 5482 1; Linux).
        return tcb.user_timeout_is_over(tcb.rto.first_retransmission(), fx);
    }
    if tcb.snd.wnd == 0 {
        return tcb.persist.unanswered >= config.tcp_retries2;
    }
    let limit = match config.orphan_retries() {
        Some(limit) if tcb.user.closed => limit,
        Some(_) | None => config.tcp_retries2,
    };
    match config.retry_limit {
        RetryLimit::Count => tcb.rto.retransmits >= limit,
        RetryLimit::Time => {
            tcb.rto.first_retransmission().is_some_and(|first| fx.now.since(first) >= config.time_of_retries(limit))
        }
    }
}
