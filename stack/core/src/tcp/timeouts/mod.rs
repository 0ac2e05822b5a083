//! Timeouts (RFC 9293 3.10.8): user, retransmission, time-wait; and the timers of single mechanisms, which lead to their
//! modules.

pub(crate) mod retransmission;
pub(crate) mod time_wait;
pub(crate) mod user;

use super::output;
use super::recovery::timer::Purpose;
use super::recovery::{machine, probe};
use super::tcb::Tcb;
use super::timers::Timer;
use crate::host::Fx;

/// `timer` of this connection has gone off.
pub(crate) fn expire(tcb: &mut Tcb, timer: Timer, fx: &mut Fx<'_>) {
    // What goes again has to fit the path, and the loss window is a segment of now (RFC 5681 3.1).
    tcb.follow_path(fx);
    match timer {
        Timer::User => user::expire(tcb, fx),
        Timer::Retransmission => match core::mem::replace(&mut tcb.recovery.watch.purpose, Purpose::Timeout) {
            Purpose::Timeout => retransmission::expire(tcb, fx),
            Purpose::Probe => probe::expire(tcb, fx),
            Purpose::Reordering => machine::reordering_expires(tcb, fx),
        },
        Timer::TimeWait => time_wait::expire(tcb, fx),
        Timer::FinWait2 => time_wait::fin_wait_2_expires(tcb, fx),
        Timer::Persist => tcb.persist_timeout(fx),
        Timer::DelayedAck => tcb.delayed_ack_timeout(fx),
        Timer::KeepAlive => tcb.keep_alive_timeout(fx),
    }
    output::after_other_event(tcb, fx);
}
