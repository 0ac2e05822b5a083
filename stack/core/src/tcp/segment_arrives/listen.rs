//! SEGMENT ARRIVES in LISTEN (RFC 9293 3.10.7.2). The listener stays; what leaves LISTEN is a connection of its own, with
//! the unspecified parts filled in.

use super::{queue_controls_of_syn, take_syn};
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
use crate::socket;
use crate::tcp::backlog::{self, Admission, Queues};
use crate::tcp::ecn::Ecn;
use crate::tcp::ecn::handshake;
use crate::tcp::emit;
use crate::tcp::fast_open::{self, Answer};
use crate::tcp::isn;
use crate::tcp::output;
use crate::tcp::retransmission_queue::Sent;
use crate::tcp::state::State;
use crate::tcp::syn_cookies;
use crate::tcp::tcb::{Origin, Tcb, Tuple};
use crate::time::Sometime;
use crate::wire::tcp::Segment;

/// What a listener brings to the segment.
#[derive(Debug)]
pub(crate) struct Listening<'a> {
    pub(crate) options: &'a socket::Shared,
    pub(crate) queues: Queues,
    /// Whether it has sent cookies of late.
    pub(crate) cookies: bool,
    pub(crate) fast_open: fast_open::Server,
    /// For a SYN that reopens a connection in TIME-WAIT: the least ISS that is above the old one (RFC 1122 4.2.2.13).
    pub(crate) least_iss: Option<SeqNum>,
}

/// What a segment to a listener has made.
#[derive(Debug)]
pub(crate) enum Made {
    /// No connection.
    Nothing,
    /// A SYN,ACK with a cookie.
    Cookie,
    /// A connection in SYN-RECEIVED.
    HalfOpen(Tcb),
    /// One that comes back by its cookie, for which the segment still is.
    OfCookie(Tcb),
}

/// The four checks.
pub(crate) fn arrives(listening: &Listening<'_>, tuple: Tuple, seg: &Segment<'_>, fx: &mut Fx<'_>) -> Made {
    let flags = seg.flags;
    // First, check for a RST.
    if flags.rst() {
        fx.cite(if flags.ack() { rules::LISTEN_RSTACK } else { rules::LISTEN_RST });
        return Made::Nothing;
    }
    // Second, check for an ACK. It may bring back a cookie, which is a connection's last ACK of the handshake.
    if flags.ack() {
        if listening.cookies
            && !flags.syn()
            && let Some(tcb) = syn_cookies::check(listening.options, tuple, seg, fx)
        {
            if listening.queues.accept_is_full() {
                backlog::overflow(fx);
                return Made::Nothing;
            }
            return Made::OfCookie(tcb);
        }
        fx.cite(if flags.syn() {
            rules::LISTEN_SYNACK
        } else if flags.fin() {
            rules::LISTEN_FINACK
        } else {
            rules::LISTEN_ACK
        });
        fx.reset_in_reply(tuple.remote.ip(), tuple.local.ip(), seg);
        return Made::Nothing;
    }
    // Third, check for a SYN. Security compartments do not exist here.
    if flags.syn() {
        if flags.fin() && fx.config().listen_drops_syn_fin {
            return Made::Nothing;
        }
        return match backlog::admit(&listening.queues, listening.least_iss.is_some(), fx) {
            Admission::Serve => Made::HalfOpen(open(listening, tuple, seg, fx)),
            Admission::Cookie => {
                syn_cookies::answer(listening.options, tuple, seg, fx);
                Made::Cookie
            }
            Admission::Drop => Made::Nothing,
        };
    }
    // Fourth, other data or control.
    fx.cite(rules::LISTEN_OTHER);
    Made::Nothing
}

/// A SYN is served.
fn open(listening: &Listening<'_>, tuple: Tuple, seg: &Segment<'_>, fx: &mut Fx<'_>) -> Tcb {
    fx.cite(rules::LISTEN_SYN);
    if !seg.payload.is_empty() {
        fx.cite(rules::LISTEN_SYN_DATA);
    }
    if seg.flags.fin() {
        fx.cite(rules::LISTEN_SYN_FIN);
    }
    let mut iss = isn::initial_sequence_number(&fx.host.isn_secret, tuple.local, tuple.remote, fx.now);
    fx.cite(rules::ISN);
    if let Some(least) = listening.least_iss {
        iss = iss.later(least);
    }
    let answer = fast_open::judge(&listening.fast_open, tuple, seg, fx);
    let mut tcb = Tcb::new(tuple, Origin::Passive, iss, listening.options.clone(), fx);
    take_syn(&mut tcb, seg, fx);
    tcb.ecn = Ecn::Answered(handshake::Answer::of_syn(seg.flags, fx.ecn(), fx));
    tcb.open_window(&fx.host.config);
    match answer {
        Answer::Serve(option) => fast_open::serve(&mut tcb, option, seg, fx),
        Answer::Handshake(option) => {
            fast_open::offer(&mut tcb, option);
            queue_controls_of_syn(&mut tcb, seg, fx);
        }
    }
    tcb.totals.segs_in = 1;
    tcb.totals.last_segment = Sometime::at(fx.now);
    tcb.enter(State::SynReceived, fx);
    tcb.snd.nxt = iss.plus(1);
    tcb.queue.push(Sent::syn(iss, fx.now));
    emit::syn(&mut tcb, fx);
    if !tcb.is_fast_open_child() {
        // A cookie goes with the first SYN,ACK only, as in Linux: nothing of it is to be kept.
        tcb.fast_open = None;
    }
    output::after_event(&mut tcb, fx);
    tcb
}
