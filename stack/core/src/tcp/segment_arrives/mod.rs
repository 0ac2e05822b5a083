//! SEGMENT ARRIVES (RFC 9293 3.10.7), by state as the RFC has it.

pub(crate) mod closed;
pub(crate) mod listen;
pub(crate) mod other_states;
pub(crate) mod syn_sent;

use super::fast_open;
use super::output;
use super::state::State;
use super::tcb::{Origin, Tcb};
use super::timers::Timer;
use super::window::MAX_SHIFT;
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
use crate::time::Sometime;
use crate::wire::tcp::{Flags, Segment};

/// Octets of text that wait for one acknowledgment, at most.
const MOST_UNACKNOWLEDGED: u32 = 1 << 16;

/// A segment on its way through the checks, which trim it to what is new and inside the window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arriving<'a> {
    pub(crate) seg: Segment<'a>,
    /// SEG.WND in octets: scaled up, which the field of a SYN never is (RFC 7323 2.2).
    pub(crate) wnd: u32,
    /// SEG.SEQ as it arrived.
    pub(crate) first: SeqNum,
    /// SEG.LEN as it arrived.
    pub(crate) len: u32,
    /// Octets of text as it arrived.
    pub(crate) text: u32,
    /// Linux's fast path expected it.
    predicted: bool,
}

impl<'a> Arriving<'a> {
    fn new(tcb: &Tcb, seg: &Segment<'a>) -> Self {
        let shift = if seg.flags.syn() { 0 } else { tcb.snd.shift };
        Self {
            seg: *seg,
            wnd: u32::from(seg.window) << shift,
            first: seg.seq,
            len: seg.len(),
            text: seg.payload.len() as u32,
            predicted: false,
        }
    }
}

/// What the stack has to do after a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing beyond what the connection says itself.
    Done,
    /// The same, after one of the checks up to that of the ACK field has refused the segment.
    Refused,
    /// The segment is a SYN that reopens a connection in TIME-WAIT: delete this one, give the segment to the listener.
    Reopen,
}

/// A segment arrives for a connection: 3.10.7.3 and 3.10.7.4.
///
/// # Panics
/// In CLOSED and LISTEN, which have no connection to look up.
pub(crate) fn on_connection(tcb: &mut Tcb, seg: &Segment<'_>, fx: &mut Fx<'_>) -> Verdict {
    let verdict = checks(tcb, seg, fx);
    if verdict == Verdict::Refused {
        output::after_other_event(tcb, fx);
    } else {
        output::after_event(tcb, fx);
    }
    verdict
}

/// As [`on_connection`], without what ends the event.
pub(crate) fn checks(tcb: &mut Tcb, seg: &Segment<'_>, fx: &mut Fx<'_>) -> Verdict {
    tcb.totals.segs_in += 1;
    tcb.totals.data_segs_in += u64::from(!seg.payload.is_empty());
    tcb.totals.last_segment = Sometime::at(fx.now);
    if tcb.timers.runs(Timer::KeepAlive) {
        tcb.keep_alive_restart(fx);
    }
    let mut arriving = Arriving::new(tcb, seg);
    match tcb.state() {
        State::SynSent => {
            syn_sent::arrives(tcb, arriving, fx);
            Verdict::Done
        }
        State::SynReceived
        | State::Established
        | State::FinWait1
        | State::FinWait2
        | State::CloseWait
        | State::Closing
        | State::LastAck
        | State::TimeWait => other_states::arrives(tcb, &mut arriving, fx),
        State::Closed | State::Listen => panic!("{} has no connection that a segment could be for", tcb.state()),
    }
}

/// Whether a segment is nothing but the stream's next text, so that its acknowledgment may wait for those queued behind it.
/// Anything else tells the peer something at once: that text is missing, or was, or that it was late. What waits is
/// bounded, lest the peer's window of congestion grow by leaps.
pub(crate) fn continues_stream(tcb: &Tcb, seg: &Segment<'_>) -> bool {
    let unacknowledged = tcb.rcv.last_ack_sent.distance(seg.end());
    tcb.state() == State::Established
        && seg.flags.without(Flags::PSH) == Flags::ACK
        && !seg.payload.is_empty()
        && seg.seq == tcb.rcv.nxt
        && seg.end().le(tcb.rcv.edge)
        && tcb.reassembly.is_empty()
        && unacknowledged <= MOST_UNACKNOWLEDGED
}

/// Takes the numbers, the window and the options of the peer's SYN. Extensions that only one side offers are off from
/// here on.
pub(crate) fn take_syn(tcb: &mut Tcb, seg: &Segment<'_>, fx: &mut Fx<'_>) {
    let options = &seg.options;
    let offered = tcb.rcv.wnd();
    tcb.rcv.irs = seg.seq;
    tcb.rcv.nxt = seg.seq.plus(1);
    tcb.rcv.edge = tcb.rcv.nxt.plus(offered);
    tcb.rcv.last_ack_sent = tcb.rcv.nxt;
    if let Some(mss) = options.mss {
        tcb.snd.mss = u32::from(mss);
        if let Some(user) = tcb.user.options.max_seg.filter(|_| fx.config().max_seg_of_handshake) {
            tcb.snd.mss = tcb.snd.mss.min(u32::from(user));
        }
    }
    match options.window_scale.filter(|_| tcb.window_scaling) {
        Some(shift) => tcb.snd.shift = shift.min(MAX_SHIFT),
        None => {
            tcb.window_scaling = false;
            tcb.rcv.shift = 0;
        }
    }
    tcb.hear_user_timeout(seg, fx);
    tcb.sack &= options.sack_permitted;
    match options.timestamps.filter(|_| tcb.timestamps.enabled) {
        Some(option) => tcb.timestamps.start(option.val, fx.now),
        None => tcb.timestamps.enabled = false,
    }
    tcb.snd.wnd = u32::from(seg.window);
    tcb.snd.max_wnd = tcb.snd.wnd;
    tcb.snd.wl1 = seg.seq;
    tcb.snd.wl2 = seg.ack;
}

/// Keeps text and FIN of a SYN for after the handshake (RFC 9293 3.10.7.2, 3.10.7.3), as far as the window reaches.
fn queue_controls_of_syn(tcb: &mut Tcb, seg: &Segment<'_>, fx: &mut Fx<'_>) {
    if !fx.config().keep_syn_text {
        return;
    }
    let room = tcb.rcv.wnd() as usize;
    let text = &seg.payload[..seg.payload.len().min(room)];
    tcb.reassembly.insert(tcb.rcv.nxt, text);
    if seg.flags.fin() && text.len() == seg.payload.len() {
        tcb.reassembly.insert_fin(tcb.rcv.nxt.plus(text.len() as u32), false);
    }
    if seg.flags.urg() {
        other_states::note_urgent(tcb, seg.seq.plus(1), seg.urgent, fx);
    }
}

/// Our SYN is acknowledged: timeouts, windows and the first round trip follow from that.
fn handshake_done(tcb: &mut Tcb, seg: &Segment<'_>, fx: &mut Fx<'_>) {
    let acknowledged = tcb.queue.acknowledge(seg.ack);
    tcb.snd.una = seg.ack;
    tcb.outgoing.acknowledge(seg.ack, &mut fx.host.rings);
    tcb.timers.stop(Timer::Retransmission);
    tcb.timers.stop(Timer::User);
    tcb.account_handshake(fx.now);
    tcb.rto.progress();
    tcb.recovery.path_answers();
    let sample =
        acknowledged.sample_since.map(|since| fx.now.since(since)).or_else(|| tcb.timestamps.round_trip(seg, fx.now));
    let syn_repeated = tcb.syn_losses > 0;
    if let Some(sample) = sample {
        tcb.recovery.rack.measured(sample, fx.now);
    }
    match sample {
        Some(sample) => tcb.rto.sample(sample, 1, tcb.snd.una, tcb.snd.nxt, fx.config()),
        None if syn_repeated => fx.cite(rules::RTO_AFTER_SYN_LOSS),
        None => fx.cite(rules::KARN),
    }
    tcb.rto.handshake_done(syn_repeated, fx.config());
    if tcb.is_fast_open_child() {
        // Text was sent and acknowledged before: the window is under way.
        tcb.account_with_handshake(acknowledged.delivered);
        return;
    }
    tcb.path_begins(fx);
    let smss = tcb.smss(fx.config());
    // A mark weighs as much as a loss (RFC 3168 5).
    let losses = tcb.syn_losses + u32::from(tcb.ecn_handshake_marked());
    tcb.congestion.start(smss, losses, fx.config());
    if tcb.origin == Origin::Active {
        fast_open::syn_ack(tcb, seg, fx);
    }
}
