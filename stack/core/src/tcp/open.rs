//! OPEN call, active (RFC 9293 3.10.1). A passive OPEN makes a listener, which is no TCB: see [`crate::Stack::listen`].

use super::ecn::handshake::Request;
use super::emit;
use super::fast_open;
use super::isn;
use super::output;
use super::retransmission_queue::{Psh, Sent};
use super::state::State;
use super::tcb::{Origin, Tcb, Tuple};
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
use crate::socket;

/// Picks an ISS, sends `<SEQ=ISS><CTL=SYN>` and enters SYN-SENT. `least_iss`: the tuple was in TIME-WAIT, and the new numbers
/// have to lie above the old ones. `fast_open`: text that may go along, or ask for a cookie (RFC 7413 4.2.1). Also how many
/// octets of it were taken.
pub(crate) fn active(
    tuple: Tuple,
    options: socket::Shared,
    least_iss: Option<SeqNum>,
    fast_open: Option<&[u8]>,
    fx: &mut Fx<'_>,
) -> (Tcb, usize) {
    fx.cite(rules::OPEN_ACTIVE);
    fx.cite(rules::ISN);
    let mut iss = isn::initial_sequence_number(&fx.host.isn_secret, tuple.local, tuple.remote, fx.now);
    if let Some(least) = least_iss {
        iss = iss.later(least);
    }
    let mut tcb = Tcb::new(tuple, Origin::Active, iss, options, fx);
    tcb.ecn = Request::of(tuple.remote.ip(), fx);
    tcb.open_window(&fx.host.config);
    tcb.enter(State::SynSent, fx);
    tcb.queue.push(Sent::syn(iss, fx.now));
    let taken = fast_open.map_or(0, |data| fast_open::prepare(&mut tcb, data, fx.now, fx));
    tcb.snd.nxt = iss.plus(1 + taken as u32);
    if taken > 0 {
        tcb.queue.push(Sent { text: taken as u32, syn: false, psh: Psh::Text, ..Sent::syn(iss.plus(1), fx.now) });
        emit::syn_with_text(&mut tcb, taken as u32, fx);
    } else {
        emit::syn(&mut tcb, fx);
    }
    output::after_event(&mut tcb, fx);
    (tcb, taken)
}
