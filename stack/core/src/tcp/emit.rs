//! Segments of a connection, from its variables to octets.

use super::isn;
use super::path_mtu;
use super::retransmission_queue::{Psh, Sent};
use super::state::State;
use super::tcb::{Origin, Tcb};
use super::timers::Timer;
use super::window;
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
use crate::wire::tcp::{Flags, MOST_OCTETS, Options, Segment};

/// `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>`
pub(crate) fn ack(tcb: &mut Tcb, fx: &mut Fx<'_>) {
    let seq = tcb.acceptable_seq(fx);
    empty(tcb, seq, fx);
}

impl Tcb {
    /// SND.NXT; in Linux, of a window that has shrunk, its edge, so that the peer takes it.
    fn acceptable_seq(&self, fx: &Fx<'_>) -> SeqNum {
        let (snd, edge) = (&self.snd, self.snd.una.plus(self.snd.wnd));
        let inside = edge.ge(snd.nxt) || (self.window_scaling && edge.distance(snd.nxt) < 1 << self.rcv.shift);
        // A half-open connection of a listener does not keep the window.
        let keeps = self.state().is_synchronized() || self.origin == Origin::Active;
        if inside || !keeps || !fx.config().ack_within_window { snd.nxt } else { edge }
    }
}

/// An ACK without text at `seq`.
pub(crate) fn empty(tcb: &mut Tcb, seq: SeqNum, fx: &mut Fx<'_>) {
    segment(tcb, seq, Flags::ACK, 0, fx);
}

/// A segment with `len` octets of the send queue from `seq` on.
pub(crate) fn text(tcb: &mut Tcb, seq: SeqNum, len: u32, flags: Flags, fx: &mut Fx<'_>) {
    segment(tcb, seq, flags, len, fx);
    if len == 0 {
        return;
    }
    tcb.totals.data_segs_out += 1;
    tcb.totals.bytes_sent += u64::from(len);
    tcb.text_sent(fx);
}

/// The SYN of SYN-SENT, or the SYN,ACK once the peer's SYN is known: `<SEQ=ISS>`.
pub(crate) fn syn(tcb: &mut Tcb, fx: &mut Fx<'_>) {
    let flags = if tcb.state() == State::SynSent { Flags::SYN } else { Flags::SYN | Flags::ACK };
    segment(tcb, tcb.snd.iss, flags, 0, fx);
}

/// The SYN of a Fast Open with its first `len` octets of text (RFC 7413 4.2.1).
pub(crate) fn syn_with_text(tcb: &mut Tcb, len: u32, fx: &mut Fx<'_>) {
    segment(tcb, tcb.snd.iss, Flags::SYN, len, fx);
    tcb.totals.data_segs_out += 1;
    tcb.totals.bytes_sent += u64::from(len);
}

/// A segment of the retransmission queue once more, with today's ACK, window and timestamp. `ends_train`: it is the last
/// one of several that go out together.
pub(crate) fn again(tcb: &mut Tcb, sent: Sent, ends_train: bool, fx: &mut Fx<'_>) {
    // The MIB counts it apart from the new ones.
    let new = fx.host.counters.tcp_out_segs;
    repeat(tcb, sent, ends_train, fx);
    fx.host.counters.tcp_out_segs = new;
    fx.host.counters.tcp_retrans_segs += 1;
}

fn repeat(tcb: &mut Tcb, sent: Sent, ends_train: bool, fx: &mut Fx<'_>) {
    tcb.totals.total_retrans += 1;
    tcb.totals.bytes_retrans += u64::from(sent.text);
    tcb.queue.repeated(sent.seq, fx.now);
    if sent.syn {
        syn(tcb, fx);
        return;
    }
    let mut flags = Flags::ACK;
    if ends_train || sent.psh == Psh::Text {
        flags |= Flags::PSH;
    }
    if sent.fin {
        flags |= Flags::FIN;
    }
    text(tcb, sent.seq, sent.text, flags, fx);
}

/// The reset of ABORT (RFC 9293 3.10.5): `<SEQ=SND.NXT><CTL=RST>`. It carries an ACK as section 3.8 has it for every
/// segment from ESTABLISHED on, and as stacks do, unless configured otherwise.
pub(crate) fn abort(tcb: &mut Tcb, fx: &mut Fx<'_>) {
    let flags = if fx.config().abort_with_ack { Flags::RST | Flags::ACK } else { Flags::RST };
    let seq = tcb.acceptable_seq(fx);
    segment(tcb, seq, flags, 0, fx);
}

/// The options of a SYN or SYN,ACK.
fn syn_options(tcb: &mut Tcb, flags: Flags, options: &mut Options, fx: &mut Fx<'_>) {
    options.accurate_ecn = tcb.ecn_option(flags, MOST_OCTETS, fx);
    let mss = path_mtu::size_to_offer(tcb, fx);
    options.mss = Some(mss.min(u32::from(u16::MAX)) as u16);
    options.window_scale = tcb.window_scaling.then_some(tcb.rcv.shift);
    options.sack_permitted = tcb.sack;
    options.timestamps = tcb.timestamps.option(fx.now);
    if fx.config().crossing_syn_ack_offers && tcb.origin == Origin::Active && flags.ack() {
        // Linux sends its SYN once more, with ACK.
        let shift = window::scale(&tcb.user.options, fx.config());
        options.window_scale = fx.config().tcp_window_scaling.then_some(shift);
        options.sack_permitted = fx.config().tcp_sack;
        if fx.config().tcp_timestamps != 0 && !tcb.md5 {
            options.timestamps = Some(tcb.timestamps.offered(fx.now));
        }
    }
    options.fast_open = tcb.take_fast_open_option();
    options.user_timeout = tcb.tell_user_timeout(Flags::SYN, MOST_OCTETS, fx);
}

/// The options of any other segment.
fn options(tcb: &mut Tcb, flags: Flags, text: u32, options: &mut Options, fx: &mut Fx<'_>) {
    options.timestamps = tcb.timestamps.option(fx.now);
    options.md5 = tcb.md5.then_some([0; 16]);
    if tcb.user_timeouts.on {
        let room = tcb.smss(fx.config()).saturating_sub(text) as usize;
        options.user_timeout = tcb.tell_user_timeout(flags, room, fx);
    }
    let sack = flags.ack() && tcb.wants_sack_blocks(fx.config());
    if (flags.rst() && !fx.config().sack_counts_controls) || !(sack || tcb.ecn.is_accurate()) {
        return;
    }
    // What a segment's text leaves of Eff.snd.MSS (RFC 9293 3.7.1, MUST-16).
    let most = (tcb.smss(fx.config()) as usize + options.octets()).saturating_sub(text as usize).min(MOST_OCTETS);
    // Two SACK blocks go before congestion feedback (RFC 9768 3.2.3.3).
    let held = tcb.reassembly.ranges().take(2).count() + usize::from(tcb.duplicate.is_some());
    let kept = if sack { 4 + 8 * held.min(2) } else { 0 };
    options.accurate_ecn = tcb.ecn_option(flags, most.saturating_sub(options.octets() + kept), fx);
    if sack {
        options.sack = tcb.sack_blocks(most.saturating_sub(options.octets() + 4) / 8, fx);
        if !options.sack.is_empty() {
            fx.cite(rules::SACK_SENT);
        }
    }
}

/// Builds and sends one segment with `text` octets of the send queue. With ACK set it acknowledges everything up to RCV.NXT,
/// so no other ACK is wanted after it.
fn segment(tcb: &mut Tcb, seq: SeqNum, flags: Flags, text: u32, fx: &mut Fx<'_>) {
    let syn = flags.syn();
    let (ecn_flags, ecn) = tcb.ecn_outgoing(seq, flags, text, fx);
    let mut segment = Segment {
        src_port: tcb.tuple.local.port(),
        dst_port: tcb.tuple.remote.port(),
        seq,
        flags: flags | ecn_flags,
        ..Segment::default()
    };
    if syn {
        syn_options(tcb, flags, &mut segment.options, fx);
    } else {
        options(tcb, flags, text, &mut segment.options, fx);
    }
    // A window says nothing in a reset.
    if !flags.rst() {
        segment.window = tcb.window_field(syn, fx.config());
    }
    if flags.ack() {
        segment.ack = tcb.rcv.nxt;
        tcb.rcv.last_ack_sent = tcb.rcv.nxt;
        tcb.delayed_ack.cancel();
        tcb.timers.stop(Timer::DelayedAck);
    }
    if let Some(up) = tcb.snd.up
        && !syn
        && (!flags.rst() || fx.config().abort_says_all)
        && up.gt(seq)
    {
        // RFC 9293 3.8.5: the octet after the urgent data; further than the field reaches, as far as it reaches.
        let ahead = seq.distance(up) - u32::from(fx.config().tcp_stdurg);
        segment.flags |= Flags::URG;
        segment.urgent = ahead.min(u32::from(u16::MAX)) as u16;
    }
    let mut header = fx.host.header(tcb.tuple.local.ip(), tcb.tuple.remote.ip());
    header.dont_fragment = !tcb.may_be_fragmented();
    header.flow_label = isn::flow_label(fx.host, tcb.tuple.local, tcb.tuple.remote);
    if let Some(ttl) = tcb.user.options.ttl {
        header.hop_limit = ttl;
    }
    // The user's TOS says nothing of ECN.
    header.dscp = tcb.user.options.tos >> 2;
    header.ecn = ecn;
    tcb.totals.segs_out += 1;
    fx.host.counters.tcp_out_segs += 1;
    fx.host.counters.tcp_out_rsts += u64::from(flags.rst());
    let (head, tail) = tcb.outgoing.pieces(seq.plus(u32::from(syn)), text);
    segment.payload = head;
    fx.host.send_segment(&header, &segment, tail);
}
