//! OPEN call, active (RFC 9293 3.10.1). A passive OPEN makes a listener, which is no TCB: see [`crate::Stack::listen`].

use super::emit;
use super::isn;
use super::output;
use super::retransmission_queue::Sent;
use super::state::State;
use super::tcb::{Origin, Tcb, Tuple};
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
use crate::socket::Options;

/// Picks an ISS, sends `<SEQ=ISS><CTL=SYN>` and enters SYN-SENT. `least_iss`: the tuple was in TIME-WAIT, and the new numbers
/// have to lie above the old ones.
pub(crate) fn active(tuple: Tuple, options: Options, least_iss: Option<SeqNum>, fx: &mut Fx<'_>) -> Tcb {
    fx.cite(rules::OPEN_ACTIVE);
    fx.cite(rules::ISN);
    let mut iss = isn::initial_sequence_number(&fx.host.isn_secret, tuple.local, tuple.remote, fx.now);
    if let Some(least) = least_iss {
        iss = iss.later(least);
    }
    let mut tcb = Tcb::new(tuple, Origin::Active, iss, options, fx);
    tcb.open_window(&fx.host.config);
    tcb.enter(State::SynSent, fx);
    tcb.snd.nxt = iss.plus(1);
    tcb.queue.push(Sent::syn(iss, fx.now));
    emit::syn(&mut tcb, fx);
    output::after_event(&mut tcb, fx);
    tcb
}
