//! Accurate ECN feedback (RFC 9768 3.2): the receiver counts what arrives with CE, the sender learns the count from the
//! ACE field of every segment and the octets from the `AccECN` option.
//!
//! The sender's reaction to a CE is that of RFC 3168: one reduction per window of data. The octet counts serve to tell
//! whether ACE has wrapped, and to find fields that the path has changed.

use super::handshake::reported;
use super::option::Sending;
use super::{ace_flags, ace_of, codepoint};
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
use crate::wire::tcp::{AccurateEcn, Flags, Segment};

/// CE-marked segments since the last ACK that call for one: while data is unacknowledged, and otherwise (3.2.2.5.1).
const MARKS_WITH_DATA: u32 = 2;
const MARKS_WITHOUT_DATA: u32 = 3;

/// The octet counters, modulo 2^24 on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Octets {
    /// ECT(0).
    pub(super) e0b: u32,
    /// CE.
    pub(super) ceb: u32,
    /// ECT(1).
    pub(super) e1b: u32,
}

impl Octets {
    /// Values that a field set to zero on the way cannot be taken for (3.2.1).
    pub(super) const INITIAL: Self = Self { e0b: 1, ceb: 0, e1b: 1 };
}

/// Of a counter that was `old`, the least growth that shows as `field` in `bits` bits.
const fn growth(old: u32, field: u32, bits: u32) -> u32 {
    field.wrapping_sub(old) & ((1 << bits) - 1)
}

/// What is known of options that come in (3.2.3.2.3, 3.2.3.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Incoming {
    /// The first segment that could carry one is awaited.
    Awaited,
    /// None came when one should have.
    Absent,
    /// They come, and are believed.
    Seen,
    /// Their first values were zero: the path meddles with them.
    Zeroed,
}

/// Both half-connections.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Accurate {
    /// r.cep: segments with CE that arrived.
    received: u32,
    /// r.e0b, r.ceb, r.e1b.
    octets: Octets,
    /// The last segment came with CE.
    last_marked: bool,
    /// Segments with CE since the last ACK went out.
    marks: u32,
    /// The next pure ACK is for a SYN,ACK that came with this IP ECN field (3.2.2.1).
    syn_ack: Option<u8>,
    /// Options that go out.
    sending: Sending,

    /// s.cep: what the peer has told.
    told: u32,
    /// s.e0b, s.ceb, s.e1b.
    octets_told: Octets,
    incoming: Incoming,
    /// No feedback has come yet, except in the handshake.
    first: bool,
    /// What the peer says is not to be trusted (3.2.2.1 note 1, 3.2.2.4).
    deaf: bool,
    /// No ECT goes out: something on the path does not treat the field well.
    no_ect: bool,
    /// Our SYN or SYN,ACK met CE.
    pub(super) handshake_marked: bool,
}

impl Accurate {
    const fn new() -> Self {
        Self {
            received: 5,
            octets: Octets::INITIAL,
            last_marked: false,
            marks: 0,
            syn_ack: None,
            sending: Sending::new(),
            told: 5,
            octets_told: Octets::INITIAL,
            incoming: Incoming::Awaited,
            first: true,
            deaf: false,
            no_ect: false,
            handshake_marked: false,
        }
    }

    /// What the peer has told, beyond where the count begins.
    pub(super) const fn told_of_marks(&self) -> u64 {
        self.told.wrapping_sub(5) as u64
    }

    /// The option of a SYN,ACK: the counters at their start.
    pub(super) fn first_option() -> AccurateEcn {
        let Octets { e0b, ceb, e1b } = Octets::INITIAL;
        AccurateEcn::e0b_first(&[e0b, ceb, e1b])
    }

    /// A client whose SYN arrived with the field `reported`, as `syn_ack` tells.
    pub(super) fn client(reported: u8, syn_ack: &Segment<'_>, fx: &mut Fx<'_>) -> Self {
        let mut accurate = Self::new();
        accurate.handshake_result(reported, fx);
        accurate.option_arrived(syn_ack.options.accurate_ecn);
        if let (Incoming::Seen, Some(option)) = (accurate.incoming, syn_ack.options.accurate_ecn) {
            accurate.count(&option);
        }
        accurate.syn_ack_arrived(fx.ecn());
        accurate
    }

    /// A server whose SYN,ACK is acknowledged by `ack`. `plain`: see [`super::handshake::Answer`].
    pub(super) fn server(plain: bool, ack: &Segment<'_>, fx: &mut Fx<'_>) -> Self {
        let mut accurate = Self::new();
        accurate.no_ect = plain;
        let pure = ack.payload.is_empty() && !ack.flags.fin() && ack.options.sack.is_empty();
        if !pure || ack.flags.syn() {
            return accurate;
        }
        match ace_of(ack.flags) {
            0 => {
                fx.cite(rules::ACCECN_ACE_ZERO);
                accurate.no_ect = true;
                accurate.deaf = true;
            }
            ace => {
                if let Some(field) = reported(ace) {
                    accurate.handshake_result(field, fx);
                }
                if accurate.handshake_marked {
                    accurate.told = 6;
                }
            }
        }
        accurate.option_arrived(ack.options.accurate_ecn);
        if let (Incoming::Seen, Some(option)) = (accurate.incoming, ack.options.accurate_ecn) {
            accurate.count(&option);
        }
        // This ACE is no counter.
        accurate.first = true;
        accurate
    }

    /// Our SYN or SYN,ACK, which left as Not-ECT, arrived with `field`. Any other value was made on the way (3.2.2.3).
    fn handshake_result(&mut self, field: u8, fx: &mut Fx<'_>) {
        if field != codepoint::NOT_ECT {
            fx.cite(rules::ACCECN_MANGLED);
            self.no_ect = true;
        }
        self.handshake_marked = field == codepoint::CE;
    }

    /// A SYN,ACK came with `field`; its CE counts once, however often it comes (3.2.2.2).
    pub(super) fn syn_ack_arrived(&mut self, field: u8) {
        self.syn_ack = Some(field);
        if field == codepoint::CE && self.received == 5 {
            self.received = 6;
        }
    }

    pub(super) fn has_seen_ect(&self) -> bool {
        self.octets != Octets::INITIAL || self.received > 5
    }

    /// An acceptable segment with `text` octets as it came, in a datagram with the ECN `field`. Whether its mark asks for an
    /// ACK now.
    pub(super) fn arrived(&mut self, field: u8, text: u32, unacknowledged: bool) -> bool {
        let counter = match field {
            codepoint::CE => &mut self.octets.ceb,
            codepoint::ECT_0 => &mut self.octets.e0b,
            codepoint::ECT_1 => &mut self.octets.e1b,
            _ => &mut 0,
        };
        *counter = counter.wrapping_add(text);
        let marked = field == codepoint::CE;
        let changed = marked && !self.last_marked && text > 0;
        self.last_marked = marked;
        if !marked {
            return false;
        }
        self.received = self.received.wrapping_add(1);
        self.marks += 1;
        let most = if unacknowledged || text > 0 { MARKS_WITH_DATA } else { MARKS_WITHOUT_DATA };
        changed || self.marks >= most
    }

    /// Feedback on `seg`, which no newer ACK has overtaken and which acknowledges `acked` octets. Whether the peer has seen CE.
    pub(super) fn feedback(&mut self, seg: &Segment<'_>, acked: u32, smss: u32, fx: &mut Fx<'_>) -> bool {
        if self.deaf || seg.flags.syn() {
            return false;
        }
        let ace = ace_of(seg.flags);
        if core::mem::take(&mut self.first) && ace == 0 {
            fx.cite(rules::ACCECN_ACE_ZERO);
            self.no_ect = true;
            self.deaf = true;
            return false;
        }
        if self.incoming == Incoming::Awaited || (self.incoming == Incoming::Absent && acked > 0) {
            self.option_arrived(seg.options.accurate_ecn);
        }
        let marked_octets = match (self.incoming, seg.options.accurate_ecn) {
            (Incoming::Seen, Some(option)) => self.count(&option),
            (_, Some(_) | None) => None,
        };
        let least = growth(self.told, u32::from(ace), 3);
        let segments = acked.div_ceil(smss.max(1));
        let marks = safest(least, segments, marked_octets, smss);
        self.told = self.told.wrapping_add(marks);
        if marked_octets.is_some_and(|octets| octets > 0) && least == 0 && segments < 8 {
            // Octets with CE but no segment with CE: something changes one of the two (3.2.3.2.5).
            fx.cite(rules::ACCECN_INCONSISTENT);
            self.no_ect = true;
        }
        if marks > 0 {
            fx.cite(rules::ACCECN_CE);
        }
        marks > 0
    }

    /// Notes whether options get through.
    fn option_arrived(&mut self, option: Option<AccurateEcn>) {
        self.incoming = match option {
            None => Incoming::Absent,
            Some(option) if option.e0b() == Some(0) || option.e1b() == Some(0) => Incoming::Zeroed,
            Some(_) => Incoming::Seen,
        };
    }

    /// Takes over the counters of an option. The new octets with CE, if it tells of them.
    fn count(&mut self, option: &AccurateEcn) -> Option<u32> {
        let add = |counter: &mut u32, field: Option<u32>| {
            let growth = growth(*counter, field?, 24);
            *counter = counter.wrapping_add(growth);
            Some(growth)
        };
        add(&mut self.octets_told.e0b, option.e0b());
        add(&mut self.octets_told.e1b, option.e1b());
        add(&mut self.octets_told.ceb, option.ceb())
    }

    /// What goes onto an outgoing segment; `new`: it carries data for the first time, and into the peer's window.
    pub(super) fn outgoing(&mut self, seq: SeqNum, new: bool, flags: Flags, text: u32, fx: &mut Fx<'_>) -> (Flags, u8) {
        if text > 0 {
            self.sending.data(seq, new);
        }
        let pure = text == 0 && !flags.fin() && !flags.rst();
        let ace = match self.syn_ack {
            Some(field) if pure => {
                fx.cite(rules::ACCECN_HANDSHAKE_ACK);
                super::handshake::FEEDBACK[usize::from(field & 3)]
            }
            Some(_) | None => self.received as u8,
        };
        self.syn_ack = None;
        self.marks = 0;
        let field = if new && !self.no_ect { codepoint::ECT_0 } else { codepoint::NOT_ECT };
        (ace_flags(ace), field)
    }

    /// The option for a segment with `room` octets left, as `tcp_ecn_option` has it.
    pub(super) fn option(&mut self, mode: u32, room: usize) -> Option<AccurateEcn> {
        self.sending.option(&self.octets, mode, room)
    }

    /// Octets that the next new data is to leave for an option.
    pub(super) fn reserve(&self, mode: u32) -> u32 {
        self.sending.reserve(mode)
    }
}

/// The segments with CE that an ACK tells of. `least`: the growth of ACE; `segments`: how many it may have acknowledged;
/// `octets`: with CE, if an option told (RFC 9768 A.2). When ACE may have wrapped, the most that fits is assumed, unless the
/// octets show that it has not.
fn safest(least: u32, segments: u32, octets: Option<u32>, smss: u32) -> u32 {
    if segments < 8 || least > segments {
        return least;
    }
    let most = segments - ((segments - least) & 7);
    match octets {
        // Marked segments of half a segment size are plausible, smaller ones are not.
        Some(octets) if octets <= least.saturating_mul(smss) && octets / most.max(1) < smss / 2 => least,
        Some(_) | None => most,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ace_is_read_as_the_safest_count_that_fits() {
        // growth of ACE, segments acknowledged, octets with CE -> segments with CE
        let table = [
            (0, 2, None, 0),
            (1, 2, None, 1),
            (3, 2, None, 3),
            (2, 9, None, 2),
            (2, 10, None, 10),
            (0, 8, None, 8),
            (0, 8, Some(0), 0),
            (2, 10, Some(2000), 2),
            (2, 10, Some(10_000), 10),
            (5, 20, Some(5000), 5),
        ];
        for (least, segments, octets, expected) in table {
            assert_eq!(safest(least, segments, octets, 1000), expected, "{least} of {segments}, {octets:?} octets");
        }
    }

    #[test]
    fn counters_grow_by_the_least_that_explains_the_field() {
        assert_eq!(growth(5, 5, 3), 0);
        assert_eq!(growth(7, 0, 3), 1);
        assert_eq!(growth(13, 4, 3), 7);
        assert_eq!(growth(33_554_433, 1461, 24), 1460, "the example of RFC 9768 A.1");
    }

    #[test]
    fn marks_ask_for_acks_at_their_start_and_by_their_number() {
        let mut accurate = Accurate::new();
        // field, octets, unacknowledged data -> ACK now
        let table = [
            (codepoint::ECT_0, 1000, false, false),
            (codepoint::CE, 1000, true, true),
            (codepoint::CE, 0, false, false),
        ];
        for (field, text, unacknowledged, expected) in table {
            assert_eq!(accurate.arrived(field, text, unacknowledged), expected, "field {field}, {text} octets");
        }
        accurate.marks = 0;
        let acks = [(); 6].map(|()| {
            let ack = accurate.arrived(codepoint::CE, 0, false);
            accurate.marks *= u32::from(!ack);
            ack
        });
        assert_eq!(acks, [false, false, true, false, false, true], "every third mark when there is no data");
        assert_eq!(accurate.octets, Octets { e0b: 1001, ceb: 1000, e1b: 1 });
    }
}
