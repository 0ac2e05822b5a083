//! What a host did, in canonical form.
//!
//! | on the wire | here |
//! |---|---|
//! | sequence numbers of the host | less its initial sequence number; of a RST: that it is the acknowledgment number of its cause |
//! | acknowledgment numbers, SACK blocks, TSecr | as they are: the peer's numbers and clock are the same in both runs |
//! | TSval | that there is one: the clock and its offset are the host's |
//! | the host's ephemeral port | the how manieth of the connection |
//! | IP identification, TTL, TOS but ECN, flow label | left out |
//! | text | length and a hash; of a retransmission that of the whole, however it is cut |
//! | window | in SYNs as it is, in RSTs left out, else zero or not: what a segment takes of a buffer is the host's |
//! | descriptors | left out |

use crate::datagram::{ACK, RST, SYN, Seg, URG};
use crate::oracles::judge::Flags;
use std::fmt;

/// ECN-Echo, which an ACK that waits may have.
const ECE: u8 = 0x40;

/// One thing that a host did.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Item {
    /// It sent a segment.
    Segment(Segment),
    /// It sent something else: protocol and first octet.
    Other(u8, u8),
    /// A call returned; what `recv` read as a hash.
    Call(&'static str, Result<i64, i32>, u64),
    /// The state of the event's connection in `TCP_INFO`, behind the event.
    State(u8),
}

/// A segment of the host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Segment {
    /// The connection; 255: none of the peer's ports.
    pub at: u8,
    /// Which of the host's ports of this connection.
    pub port: u8,
    /// Control bits.
    pub flags: u8,
    /// SEG.SEQ less ISS.
    pub seq: u32,
    /// SEG.SEQ is the acknowledgment number of what came before (RFC 9293 3.10.7.1), and `seq` is 0.
    pub echoes: bool,
    /// SEG.ACK, if ACK is set.
    pub ack: u32,
    /// Octets of text.
    pub length: u32,
    /// Hash of the text.
    pub text: u64,
    /// The window, see above.
    pub window: u16,
    /// The urgent pointer, if URG is set.
    pub urgent: u16,
    /// The ECN field.
    pub ecn: u8,
    /// Segment size.
    pub mss: Option<u16>,
    /// Window scale.
    pub shift: Option<u8>,
    /// SACK permitted.
    pub sack_permitted: bool,
    /// TSecr.
    pub echo: Option<u32>,
    /// SACK blocks.
    pub sacks: Vec<(u32, u32)>,
    /// There are options of other kinds.
    pub others: bool,
}

impl Item {
    /// An ACK and nothing else, of what the host has not acknowledged before: it may wait (RFC 9293 3.8.6.3), and how long is the host's.
    #[must_use]
    pub fn may_wait(&self, acknowledged: u32) -> bool {
        self.is_new_ack(acknowledged) && matches!(self, Self::Segment(seg) if seg.sacks.is_empty())
    }

    /// An ACK and nothing else.
    #[must_use]
    pub const fn is_ack(&self) -> bool {
        matches!(self, Self::Segment(seg) if seg.flags & !(URG | ECE) == ACK && seg.length == 0)
    }

    /// The same that reports text of before its acknowledgment (RFC 2883): if it waits, the report does too, and goes with what comes next.
    #[must_use]
    pub fn may_wait_with_report(&self, acknowledged: u32) -> bool {
        let below = |seg: &Segment| seg.sacks.iter().all(|(_, right)| (right.wrapping_sub(seg.ack) as i32) <= 0);
        self.is_new_ack(acknowledged) && matches!(self, Self::Segment(seg) if below(seg))
    }

    fn is_ack_beyond(&self, acknowledged: u32) -> bool {
        let newer = |seg: &Segment| (seg.ack.wrapping_sub(acknowledged) as i32) > 0;
        self.is_new_ack(acknowledged) && matches!(self, Self::Segment(seg) if newer(seg))
    }

    fn is_new_ack(&self, acknowledged: u32) -> bool {
        self.is_ack() && matches!(self, Self::Segment(seg) if seg.ack != acknowledged)
    }
}

/// How what two hosts did at an event compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parting {
    /// It is the same, but for what may wait.
    Same,
    /// One host has said what the other may say later, so that they cannot be compared any further.
    Waits,
    /// It differs first at these places.
    At(usize, usize),
}

/// What two hosts have acknowledged of each connection.
#[derive(Debug, Clone, Default)]
pub struct Acknowledged {
    /// The numbers, of each host.
    pub numbers: [[u32; 4]; 2],
    /// An ACK of the one has waited longer than that of the other.
    pub apart: [bool; 4],
}

impl Acknowledged {
    /// Whether two segments differ in TS.Recent alone, and the hosts have sent an ACK at other times: from which segment TS.Recent is taken
    /// depends on Last.ACK.sent (RFC 7323 4.3).
    fn explains_echo(&self, left: Option<&Item>, right: Option<&Item>) -> bool {
        let (Some(Item::Segment(one)), Some(Item::Segment(two))) = (left, right) else { return false };
        self.apart.get(usize::from(one.at)) == Some(&true) && Segment { echo: two.echo, ..one.clone() } == *two
    }

    /// An event is over.
    fn note(&mut self) {
        for (at, apart) in self.apart.iter_mut().enumerate() {
            *apart |= self.numbers[0][at] != self.numbers[1][at];
        }
    }
}

/// Where what two hosts did at an event first differs, as indices, passing over what may wait. `known` is kept up to date.
#[must_use]
pub fn parting(one: &[Item], two: &[Item], known: &mut Acknowledged) -> Parting {
    let (mut first, mut second) = (0, 0);
    // An ACK that both have sent, and which might have waited with one: if that one sends it twice, it has not let it wait for the second.
    let mut early: [Option<&Item>; 2] = [None; 2];
    loop {
        let place =
            |item: Option<&Item>, acknowledged: &[u32; 4]| item.and_then(Item::at).map_or(0, |at| acknowledged[at]);
        let (left, right) = (one.get(first), two.get(second));
        let acknowledged = &mut known.numbers;
        let waits = |item: Option<&Item>, acknowledged: &[u32; 4]| {
            item.is_some_and(|one| one.may_wait(place(item, acknowledged)))
        };
        let reports = |item: Option<&Item>, acknowledged: &[u32; 4]| {
            item.is_some_and(|one| one.may_wait_with_report(place(item, acknowledged)))
        };
        // One repeats what the other has not acknowledged yet, and may take for new what this one has had.
        let repeats = |item: Option<&Item>, own: &[u32; 4], other: &[u32; 4]| {
            item.is_some_and(|one| one.is_ack_beyond(place(item, other)) && !one.is_new_ack(place(item, own)))
        };
        let (step, other) = if left == right {
            (true, true)
        } else if repeats(left, &acknowledged[0], &acknowledged[1])
            || repeats(right, &acknowledged[1], &acknowledged[0])
        {
            return Parting::Waits;
        } else if waits(left, &acknowledged[0]) || (left.is_some() && left == early[0]) {
            (true, false)
        } else if waits(right, &acknowledged[1]) || (right.is_some() && right == early[1]) {
            (false, true)
        } else if reports(left, &acknowledged[0])
            || reports(right, &acknowledged[1])
            || known.explains_echo(left, right)
        {
            return Parting::Waits;
        } else {
            return Parting::At(first, second);
        };
        if left.is_none() && right.is_none() {
            known.note();
            return Parting::Same;
        }
        let both = step && other;
        early = [(left, 0), (right, 1)].map(|(item, side)| {
            item.filter(|one| both && (waits(item, &acknowledged[side]) || Some(*one) == early[side]))
        });
        for (steps, item, side) in [(step, left, 0), (other, right, 1)] {
            if let (true, Some(Item::Segment(seg))) = (steps, item)
                && seg.flags & ACK != 0
                && let Some(place) = acknowledged[side].get_mut(usize::from(seg.at))
            {
                *place = seg.ack;
            }
        }
        first += usize::from(step);
        second += usize::from(other);
    }
}

impl Item {
    /// The connection of a segment.
    #[must_use]
    pub fn at(&self) -> Option<usize> {
        if let Self::Segment(seg) = self { Some(usize::from(seg.at)).filter(|at| *at < 4) } else { None }
    }
}

/// An event, and all that the host did at it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Step {
    /// The event's kind.
    pub kind: &'static str,
    /// The state before, of a host that shows it, and behind.
    pub state: &'static str,
    /// The state behind.
    pub after: &'static str,
    /// What reached the host, in the numbers of the trace.
    pub arrived: u64,
    /// In order.
    pub items: Vec<Item>,
    /// See [`super::Divergence`].
    pub beyond: bool,
    /// A segment echoes what the host has stamped later than its last SYN, so that its clock has ticked in between.
    pub later_echo: bool,
    /// Of a wait, when each item was seen, in microseconds since the wait began; otherwise nothing.
    pub times: Vec<u64>,
    /// When the event began, in microseconds since the beginning of the program.
    pub begun: u64,
    /// See [`super::Host::ahead`], when the event began.
    pub ahead: Option<u64>,
    /// How long a wait was, in microseconds.
    pub waited: u64,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trace {
    /// The beginning, which makes the listener, and then a step for each event.
    pub steps: Vec<Step>,
}

impl Trace {
    /// A fingerprint, without the ACKs that may wait.
    #[must_use]
    pub fn hash(&self) -> u64 {
        let mut hash = Fnv::default();
        for step in &self.steps {
            for item in step.items.iter().filter(|item| !item.may_wait(0)) {
                std::hash::Hash::hash(item, &mut hash);
            }
        }
        std::hash::Hasher::finish(&hash)
    }
}

/// FNV-1a: the same on every machine, and in every run.
#[derive(Debug, Clone, Copy)]
pub struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl std::hash::Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.0 = (self.0 ^ u64::from(*octet)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

/// The hash of some octets behind others.
fn hash_on(before: u64, octets: &[u8]) -> u64 {
    let mut hash = Fnv(before);
    std::hash::Hasher::write(&mut hash, octets);
    hash.0
}

/// The hash of some octets.
#[must_use]
pub fn hash(octets: &[u8]) -> u64 {
    let mut hash = Fnv::default();
    std::hash::Hasher::write(&mut hash, octets);
    hash.0
}

impl Segment {
    /// A segment of the connection `at`, whose ISS is known or not; `asked` is the acknowledgment number of what came before.
    #[must_use]
    pub fn of(seg: &Seg<'_>, at: u8, port: u8, iss: Option<u32>, asked: Option<u32>) -> Self {
        // The answer to a segment without ACK counts from zero (RFC 9293 3.10.7.1).
        let plain = seg.has(RST) && seg.has(ACK) && seg.seq == 0;
        let echoes = seg.has(RST) && !seg.has(ACK) && asked == Some(seg.seq);
        Self {
            at,
            port,
            flags: seg.flags & !crate::datagram::PSH,
            echoes,
            seq: if plain || echoes { 0 } else { seg.seq.wrapping_sub(iss.unwrap_or(0)) },
            ack: if seg.has(ACK) { seg.ack } else { 0 },
            length: seg.payload.len() as u32,
            text: hash(seg.payload),
            window: if seg.has(SYN) { seg.window } else { u16::from(seg.window > 0 && !seg.has(RST)) },
            urgent: if seg.has(crate::datagram::URG) { seg.urgent } else { 0 },
            ecn: seg.ecn,
            mss: seg.options.mss,
            shift: seg.options.shift,
            sack_permitted: seg.options.sack_permitted,
            echo: seg.options.stamps.map(|(_, echo)| echo),
            sacks: seg.options.sacks[..usize::from(seg.options.sack_count)].to_vec(),
            others: seg.options.others,
        }
    }
}

impl Segment {
    /// Whether the other is the same but for its text, which goes on where this one's ends.
    #[must_use]
    pub fn goes_on_in(&self, other: &Self) -> bool {
        let end = self.seq.wrapping_add(self.length);
        let alike = Self { seq: self.seq, length: self.length, text: self.text, ..other.clone() };
        self.length > 0 && other.length > 0 && end == other.seq && alike == *self
    }

    /// Takes the other's text behind its own: how a retransmission is cut is the host's (RFC 9293 3.8.1).
    pub fn append(&mut self, other: &Self, text: &[u8]) {
        self.length += other.length;
        self.text = hash_on(self.text, text);
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Segment(seg) => seg.fmt(f),
            Self::Other(protocol, kind) => write!(f, "> protocol {protocol}, kind {kind}"),
            Self::Call(name, Ok(value), _) => write!(f, "{name} = {value}"),
            Self::Call(name, Err(number), _) => {
                let errno = halfopen_stack::Errno::from_number(*number).map_or("", halfopen_stack::Errno::name);
                write!(f, "{name} = -1 {errno} ({number})")
            }
            Self::State(state) => write!(f, "state {}", state_name(*state)),
        }
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "> {}.{} {} {}:{}({})",
            self.at,
            self.port,
            Flags(self.flags),
            self.seq,
            self.seq.wrapping_add(self.length),
            self.length
        )?;
        if self.flags & ACK != 0 {
            write!(f, " ack {}", self.ack)?;
        }
        if self.echoes {
            write!(f, " (SEQ is what was acknowledged)")?;
        }
        write!(f, " win {}", self.window)?;
        if self.urgent != 0 {
            write!(f, " urg {}", self.urgent)?;
        }
        if self.ecn != 0 {
            write!(f, " ecn {}", self.ecn)?;
        }
        if let Some(mss) = self.mss {
            write!(f, " mss {mss}")?;
        }
        if let Some(shift) = self.shift {
            write!(f, " wscale {shift}")?;
        }
        if self.sack_permitted {
            write!(f, " sackOK")?;
        }
        if let Some(echo) = self.echo {
            write!(f, " ecr {echo}")?;
        }
        if !self.sacks.is_empty() {
            write!(f, " sack {:?}", self.sacks)?;
        }
        if self.others {
            write!(f, " and other options")?;
        }
        Ok(())
    }
}

/// Linux's states in the RFC's words.
#[must_use]
pub fn state_name(state: u8) -> &'static str {
    const NAMES: [&str; 13] = [
        "none",
        "ESTABLISHED",
        "SYN-SENT",
        "SYN-RECEIVED",
        "FIN-WAIT-1",
        "FIN-WAIT-2",
        "TIME-WAIT",
        "CLOSED",
        "CLOSE-WAIT",
        "LAST-ACK",
        "LISTEN",
        "CLOSING",
        "SYN-RECEIVED",
    ];
    NAMES.get(usize::from(state)).copied().unwrap_or("unknown")
}

/// The kind of a difference between what two hosts did.
#[must_use]
pub fn difference(reference: Option<&Item>, other: Option<&Item>) -> String {
    match (reference, other) {
        (Some(Item::Segment(one)), Some(Item::Segment(two))) => fields(one, two),
        (Some(Item::Call(name, ..)), Some(Item::Call(..))) => format!("call {name}"),
        (Some(Item::State(_)), Some(Item::State(_))) => "state".to_owned(),
        (Some(Item::Segment(_)), _) => "extra".to_owned(),
        (_, Some(Item::Segment(_))) => "missing".to_owned(),
        (_, Some(Item::Other(..))) | (Some(Item::Other(..)), _) => "other protocol".to_owned(),
        (_, _) => "order".to_owned(),
    }
}

/// The fields in which two segments differ.
fn fields(one: &Segment, two: &Segment) -> String {
    let table = [
        ("connection", (one.at, one.port) != (two.at, two.port)),
        ("flags", one.flags != two.flags),
        ("seq", (one.seq, one.echoes) != (two.seq, two.echoes)),
        ("ack", one.ack != two.ack),
        ("length", one.length != two.length),
        ("text", one.length == two.length && one.text != two.text),
        ("urgent", one.urgent != two.urgent),
        ("ecn", one.ecn != two.ecn),
        ("mss", one.mss != two.mss),
        ("wscale", one.shift != two.shift),
        ("sackOK", one.sack_permitted != two.sack_permitted),
        ("timestamps", one.echo != two.echo),
        ("sack", one.sacks != two.sacks),
        ("options", one.others != two.others),
        ("window", one.window != two.window),
    ];
    let names: Vec<&str> = table.iter().filter(|(_, differs)| *differs).map(|(name, _)| *name).collect();
    names.join("+")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(seq: u32, text: &[u8]) -> Segment {
        let seg = Seg { seq, flags: ACK, payload: text, ..Seg::default() };
        Segment::of(&seg, 0, 0, Some(0), None)
    }

    /// An ACK of this number.
    fn ack(number: u32, sacks: &[(u32, u32)]) -> Item {
        Item::Segment(Segment { ack: number, sacks: sacks.to_vec(), ..segment(1, b"") })
    }

    #[test]
    fn what_may_wait_is_no_difference_and_what_follows_from_it_is_not_compared() {
        let state = || Item::State(1);
        let flagged = |flag: u8| Item::Segment(Segment { ack: 5, flags: ACK | flag, ..segment(1, b"") });
        let (new, reports) = (ack(5, &[]), ack(5, &[(3, 4)]));
        // what the two did, and how it compares, when 4 was acknowledged before
        let table = [
            // One acknowledges at once.
            (vec![new.clone(), state()], vec![state()], Parting::Same),
            // Whatever else it says.
            (vec![flagged(ECE), state()], vec![state()], Parting::Same),
            (vec![flagged(URG), state()], vec![state()], Parting::Same),
            (vec![flagged(RST), state()], vec![state()], Parting::At(0, 0)),
            // Both do, one of them twice: the other's may be the second.
            (vec![new.clone(), new.clone(), state()], vec![new.clone(), state()], Parting::Same),
            (vec![new.clone(), state()], vec![new.clone(), new.clone(), state()], Parting::Same),
            // One has acknowledged before, and answers once what the other acknowledges and answers.
            (vec![ack(4, &[]), state()], vec![ack(4, &[]), ack(4, &[]), state()], Parting::At(1, 1)),
            // One has acknowledged before what the other acknowledges now, so that the two need not mean the same.
            (vec![new.clone(), state()], vec![ack(4, &[(2, 3)]), state()], Parting::At(1, 0)),
            // The same, repeated.
            (
                vec![new.clone(), new.clone(), new.clone(), state()],
                vec![new.clone(), new.clone(), state()],
                Parting::Same,
            ),
            // Three are one too many.
            (vec![new.clone(), new.clone(), new.clone(), state()], vec![new.clone(), state()], Parting::At(2, 1)),
            // One has acknowledged, and repeats it, while the other's still waits.
            (vec![new.clone(), new.clone(), state()], vec![state()], Parting::Waits),
            // The report goes along with what waits.
            (vec![reports.clone(), state()], vec![state()], Parting::Waits),
            // Of what is missing it does not.
            (vec![ack(5, &[(7, 9)]), state()], vec![state()], Parting::At(0, 0)),
            // What was acknowledged before does not wait, nor what reports it.
            (vec![ack(4, &[]), state()], vec![state()], Parting::At(0, 0)),
            (vec![ack(4, &[(3, 4)]), state()], vec![state()], Parting::At(0, 0)),
        ];
        for (index, (one, two, expected)) in table.into_iter().enumerate() {
            let mut known = Acknowledged { numbers: [[4; 4]; 2], apart: [false; 4] };
            assert_eq!(parting(&one, &two, &mut known), expected, "row {index}");
        }
    }

    #[test]
    fn ts_recent_is_compared_until_an_ack_of_one_host_has_waited() {
        let text = |echo| Item::Segment(Segment { ack: 5, echo: Some(echo), ..segment(1, b"x") });
        let mut known = Acknowledged { numbers: [[4; 4]; 2], apart: [false; 4] };
        assert_eq!(parting(&[text(1)], &[text(2)], &mut known), Parting::At(0, 0));
        // Both have sent it at once.
        assert_eq!(parting(&[ack(5, &[])], &[ack(5, &[])], &mut known), Parting::Same);
        assert_eq!(parting(&[text(1)], &[text(2)], &mut known), Parting::At(0, 0));
        assert_eq!(parting(&[ack(6, &[])], &[], &mut known), Parting::Same);
        assert_eq!(parting(&[text(1)], &[text(2)], &mut known), Parting::Waits);
        let longer = Item::Segment(Segment { ack: 5, echo: Some(2), ..segment(1, b"xy") });
        assert_eq!(parting(&[text(1)], &[longer], &mut known), Parting::At(0, 0));
    }

    #[test]
    fn text_that_goes_on_is_that_of_one_segment_however_it_is_cut() {
        let (whole, mut first, rest) = (segment(1, b"abcdef"), segment(1, b"abc"), segment(4, b"def"));
        assert!(first.goes_on_in(&rest));
        first.append(&rest, b"def");
        assert_eq!(first, whole);
        let empty = segment(7, b"");
        for other in [&first, &segment(8, b"x"), &Segment { ack: 5, ..segment(7, b"x") }, &empty] {
            assert!(!whole.goes_on_in(other), "{other}");
        }
    }
}
