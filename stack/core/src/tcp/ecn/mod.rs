//! Explicit congestion notification: which feedback a connection uses, and where it meets the rest of TCP.
//!
//! | module | document |
//! |---|---|
//! | [`handshake`] | negotiation on SYN and SYN,ACK (RFC 3168 6.1.1, RFC 9768 3.1) |
//! | [`classic`] | ECE and CWR (RFC 3168 6.1) |
//! | [`accurate`] | the ACE field and the counters behind it (RFC 9768 3.2) |
//! | [`option`] | which counters go into the `AccECN` option, and when (RFC 9768 3.2.3) |
//!
//! Absent: ECT on SYN, SYN,ACK, pure ACKs and retransmissions (the experiments of RFC 8311 4.3), ECT(1), a cache of peers
//! and paths that failed (RFC 9768 3.1.4.1), the test for continuous CE (RFC 9768 3.2.2.3, advice).

pub(crate) mod accurate;
pub(crate) mod classic;
pub(crate) mod failures;
pub(crate) mod handshake;
mod option;

use super::delayed_ack::Need;
use super::recovery::machine;
use super::segment_arrives::Arriving;
use super::tcb::Tcb;
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
use crate::wire::tcp::{AccurateEcn, Flags, Segment};
use accurate::Accurate;
use alloc::boxed::Box;
use classic::Classic;
use handshake::{Answer, Mixed, Request};

/// The IP ECN field of a datagram (RFC 3168 5).
pub(crate) mod codepoint {
    pub(crate) const NOT_ECT: u8 = 0;
    pub(crate) const ECT_1: u8 = 1;
    pub(crate) const ECT_0: u8 = 2;
    pub(crate) const CE: u8 = 3;
}

/// The three flags that ECN uses, one number in RFC 9768: AE, CWR, ECE, the last one lowest.
const ECN_FLAGS: Flags = Flags::AE.with(Flags::CWR).with(Flags::ECE);

/// The three flags of `flags` as the number ACE.
const fn ace_of(flags: Flags) -> u8 {
    (flags.bits() >> 6 & 7) as u8
}

/// The number ACE as flags.
const fn ace_flags(ace: u8) -> Flags {
    Flags::from_bits((ace as u16 & 7) << 6)
}

/// The feedback mode of one connection.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Ecn {
    /// None: not negotiated, refused, or not tried.
    #[default]
    Off,
    /// Our SYN asks; the answer decides.
    Asked(Request),
    /// Our SYN,ACK answers; the last ACK of the handshake is awaited.
    Answered(Answer),
    /// RFC 3168.
    Classic(Classic),
    /// RFC 9768.
    Accurate(Box<Accurate>),
}

impl Ecn {
    /// Whether segments may carry the `AccECN` option.
    pub(crate) const fn is_accurate(&self) -> bool {
        matches!(self, Self::Accurate(_))
    }

    /// `TCPI_OPT_ECN` and `TCPI_OPT_ECN_SEEN` of `TCP_INFO`.
    pub(crate) fn info_bits(&self) -> u64 {
        const ECN: u64 = 8;
        const SEEN: u64 = 16;
        match self {
            Self::Off | Self::Asked(_) | Self::Answered(_) => 0,
            Self::Classic(classic) => ECN | if classic.seen { SEEN } else { 0 },
            Self::Accurate(accurate) => ECN | if accurate.has_seen_ect() { SEEN } else { 0 },
        }
    }

    /// Segments with CE that the peer has told of by accurate feedback (`tcpi_delivered_ce`).
    pub(crate) fn told_of_marks(&self) -> u64 {
        match self {
            Self::Off | Self::Asked(_) | Self::Answered(_) | Self::Classic(_) => 0,
            Self::Accurate(accurate) => accurate.told_of_marks(),
        }
    }

    /// The ACE field means something else on the next pure ACK: it acknowledges a SYN,ACK, perhaps a repeated one, that came
    /// with this IP ECN field (RFC 9768 3.2.2.1).
    /// `asked`: our SYN asked for accurate feedback.
    ///
    /// # Errors
    /// It answers for the other kind of feedback than the first one did, so the two ends could come to differ: the connection is
    /// to be reset (RFC 9768 3.1.5).
    pub(crate) fn syn_ack_again(&mut self, flags: Flags, field: u8, asked: bool) -> Result<(), Mixed> {
        match (self, ace_of(flags)) {
            (Self::Accurate(_), 0b001) => return Err(Mixed),
            // Where SYNs have crossed the peer's SYN,ACK repeats what it answers to ours, and that is not what counts.
            (Self::Classic(classic), 0b010..=0b110) if asked && !classic.answered => return Err(Mixed),
            (Self::Accurate(accurate), _) => accurate.syn_ack_arrived(field),
            (Self::Off | Self::Asked(_) | Self::Answered(_) | Self::Classic(_), _) => {}
        }
        Ok(())
    }
}

impl Tcb {
    /// An acceptable segment says that the peer has reduced its window (RFC 3168 6.1.3).
    pub(crate) fn ecn_reduced(&mut self, arriving: &Arriving<'_>, fx: &mut Fx<'_>) {
        // Linux looks for CWR where it takes an acknowledgment.
        let linux = fx.config().ce_counts_where_kept;
        let counts = arriving.seg.flags.cwr() && (!linux || arriving.seg.ack.ge(self.snd.una));
        let behind_fin = linux && !self.state().may_receive_text();
        if let Ecn::Classic(classic) = &mut self.ecn
            && counts
            && classic.reduced(fx)
            && arriving.text > 0
            && fx.config().ecn_quick_acks > 0
            && !behind_fin
        {
            self.delayed_ack.now();
        }
    }

    /// A segment that passed the checks of its sequence number and its ACK field: what its IP ECN field says to the receiver.
    pub(crate) fn ecn_arrived(&mut self, arriving: &Arriving<'_>, fx: &mut Fx<'_>) {
        let unacknowledged = self.rcv.last_ack_sent != self.rcv.nxt || self.delayed_ack.need() != Need::None;
        let linux = fx.config().ce_counts_where_kept;
        let behind_fin = linux && !self.state().may_receive_text();
        let octets = match linux {
            true if behind_fin => 0,
            true if arriving.first.gt(self.rcv.nxt) => arriving.len,
            true if !arriving.first.plus(arriving.len).gt(self.rcv.nxt) => 0,
            true | false => arriving.text,
        };
        match &mut self.ecn {
            Ecn::Off | Ecn::Asked(_) | Ecn::Answered(_) => {}
            Ecn::Classic(classic) => {
                if classic.arrived(octets, fx) {
                    self.acknowledge_quickly(fx.config().ecn_quick_acks);
                }
            }
            Ecn::Accurate(accurate) => {
                if accurate.arrived(fx.ecn(), arriving.text, unacknowledged) {
                    fx.cite(rules::ACCECN_ACK_TRIGGERED);
                    self.delayed_ack.now();
                }
            }
        }
    }

    /// An acceptable ACK, before it is taken: what it says of congestion on our path to the peer. The reduction that it may
    /// ask for is that of a loss, once per window of data (RFC 3168 6.1.2). Whether it asks for one in vain, as a loss is being repaired.
    pub(crate) fn ecn_feedback(&mut self, seg: &Segment<'_>, fx: &mut Fx<'_>) -> bool {
        let acked = if seg.ack.gt(self.snd.una) { self.snd.una.distance(seg.ack) } else { 0 };
        if !self.ecn_tells_of_congestion(seg, acked, fx) {
            return false;
        }
        let waits = fx.config().ecn_waits_at_one_segment && self.congestion.cwnd <= self.smss(fx.config());
        let reduced = machine::congestion(self, seg.ack, fx);
        if let (true, Ecn::Classic(classic)) = (waits, &mut self.ecn) {
            fx.cite(rules::ECN_WAIT);
            classic.waits = true;
        }
        !reduced
    }

    /// Whether a segment with `acked` octets acknowledged anew reports a mark that was not reacted to yet.
    fn ecn_tells_of_congestion(&mut self, seg: &Segment<'_>, acked: u32, fx: &mut Fx<'_>) -> bool {
        let smss = self.smss(fx.config());
        let newer = match (self.timestamps.recent(fx.now), seg.options.timestamps) {
            (Some(recent), Some(option)) if self.timestamps.enabled => option.val.wrapping_sub(recent) as i32 > 0,
            (Some(_) | None, Some(_) | None) => false,
        };
        match &mut self.ecn {
            Ecn::Off | Ecn::Asked(_) | Ecn::Answered(_) => false,
            Ecn::Classic(classic) => {
                let told = classic.is_told(seg.ack, self.congestion.reductions);
                seg.flags.ece() && !(told && fx.config().ece_waits_for_cwr)
            }
            Ecn::Accurate(accurate) => (acked > 0 || newer) && accurate.feedback(seg, acked, smss, fx),
        }
    }

    /// The flags and the IP ECN field of a segment that is being sent, and the option that it is to carry if it can.
    pub(crate) fn ecn_outgoing(&mut self, seq: SeqNum, flags: Flags, text: u32, fx: &mut Fx<'_>) -> (Flags, u8) {
        // What lies beyond the window is a probe; what lies below SND.NXT was sent before (RFC 3168 6.1.5, 6.1.6).
        let window = self.snd.una.plus(self.snd.wnd);
        let new = text > 0 && seq == self.snd.nxt && seq.plus(text).le(window);
        if flags.syn() {
            return (self.ecn_of_syn(flags.ack(), fx), codepoint::NOT_ECT);
        }
        match &mut self.ecn {
            Ecn::Off | Ecn::Asked(_) | Ecn::Answered(_) => (Flags::NONE, codepoint::NOT_ECT),
            Ecn::Classic(classic) => {
                let next = new.then_some(seq.plus(text));
                classic.outgoing(next, self.congestion.reductions, flags, fx)
            }
            Ecn::Accurate(accurate) => accurate.outgoing(seq, new, flags, text, fx),
        }
    }

    /// The flags of our SYN or SYN,ACK.
    fn ecn_of_syn(&mut self, ack: bool, fx: &mut Fx<'_>) -> Flags {
        let losses = self.syn_losses;
        match &mut self.ecn {
            Ecn::Asked(request) if !ack => request.flags(losses, fx),
            Ecn::Answered(answer) if ack => answer.flags(losses, fx),
            Ecn::Off | Ecn::Asked(_) | Ecn::Answered(_) | Ecn::Classic(_) | Ecn::Accurate(_) => Flags::NONE,
        }
    }

    /// The `AccECN` option for a segment that has `room` octets for it.
    pub(crate) fn ecn_option(&mut self, flags: Flags, room: usize, fx: &Fx<'_>) -> Option<AccurateEcn> {
        let mode = fx.config().tcp_ecn_option;
        match &mut self.ecn {
            Ecn::Off | Ecn::Asked(_) | Ecn::Classic(_) => None,
            Ecn::Answered(answer) => (flags.syn() && mode > 0).then(|| answer.option(self.syn_losses)).flatten(),
            Ecn::Accurate(accurate) if !flags.syn() => accurate.option(mode, room),
            Ecn::Accurate(_) => None,
        }
    }

    /// Octets that the next new data is to leave for the option beyond what every segment carries.
    pub(crate) fn ecn_reserve(&self, fx: &Fx<'_>) -> u32 {
        match &self.ecn {
            Ecn::Accurate(accurate) => accurate.reserve(fx.config().tcp_ecn_option),
            Ecn::Off | Ecn::Asked(_) | Ecn::Answered(_) | Ecn::Classic(_) => 0,
        }
    }

    /// Our SYN is acknowledged by the peer's SYN,ACK.
    pub(crate) fn ecn_confirmed(&mut self, seg: &Segment<'_>, fx: &mut Fx<'_>) {
        if let Ecn::Asked(request) = self.ecn {
            self.ecn = request.confirmed(self.tuple.remote.ip(), seg, fx);
        }
    }

    /// Our SYN,ACK is acknowledged by `seg`; both sides have opened.
    pub(crate) fn ecn_established(&mut self, seg: &Segment<'_>, fx: &mut Fx<'_>) {
        if let Ecn::Answered(answer) = self.ecn {
            self.ecn = answer.established(seg, fx);
        }
    }

    /// Whether new data waits for the timer although the window has room: ECE came while the window was one segment.
    pub(crate) const fn ecn_waits(&self) -> bool {
        matches!(&self.ecn, Ecn::Classic(classic) if classic.waits)
    }

    /// The wait of [`Tcb::ecn_waits`] is over.
    pub(crate) const fn ecn_waited(&mut self) {
        if let Ecn::Classic(classic) = &mut self.ecn {
            classic.waits = false;
        }
    }

    /// Whether the handshake itself met congestion: the peer says that our SYN or SYN,ACK arrived with CE.
    pub(crate) const fn ecn_handshake_marked(&self) -> bool {
        match &self.ecn {
            Ecn::Off | Ecn::Asked(_) | Ecn::Answered(_) | Ecn::Classic(_) => false,
            Ecn::Accurate(accurate) => accurate.handshake_marked,
        }
    }
}
