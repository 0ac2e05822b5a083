//! The same program on two hosts, of which one is the judge of the other: what each sent, and what its calls returned, in a form in which
//! two hosts that do the same look the same ([`trace`]).
//!
//! Each host has a peer of its own ([`player`]), so that numbers of segments are relative to what this host said. The two runs are
//! compared event by event; the first difference ends the comparison, because the hosts may be in different states behind it.
//! Programs of the fast lane are *timer-free* ([`timer_free`]): nothing is waited for, so that a host on a real clock needs no time. Those
//! of the slow lane wait, and when something came counts too ([`timed`]).

pub mod player;
pub mod pool;
pub mod reference;
mod report;
pub mod timed;
pub mod trace;
pub mod words;

use crate::program::{Event, Name, Odd, Profile, Program, Ref, Setup};
use crate::script;
use halfopen_stack::State;
pub use player::{play, play_watched};
use std::fmt::Write as _;
pub use trace::{Item, Parting, Step, Trace};

/// A host that runs programs one after the other. Errors are Linux's numbers.
pub trait Host {
    /// Forgets everything, and begins a run.
    fn begin(&mut self, setup: &Setup);
    /// Time passes, in microseconds since the beginning; a host on a real clock has its own.
    fn at(&mut self, micros: u64);
    /// Of a host that has a clock of its own, by how many microseconds it has gone further than the program's since the beginning.
    fn ahead(&self) -> Option<u64> {
        None
    }
    /// A datagram of the peer.
    fn arrives(&mut self, datagram: &mut [u8]);
    /// The next datagram that it sends; `false` when there is none.
    fn leaves(&mut self, out: &mut Vec<u8>) -> bool;
    /// `socket`, non-blocking.
    fn socket(&mut self, v6: bool) -> Result<i32, i32>;
    /// `setsockopt`
    fn option(&mut self, fd: i32, name: Name, value: u16) -> Result<(), i32>;
    /// `SO_LINGER` of zero seconds.
    fn linger_zero(&mut self, fd: i32) -> Result<(), i32>;
    /// `SO_REUSEADDR`, and `bind` to its own address.
    fn bind(&mut self, fd: i32, v6: bool, port: u16) -> Result<(), i32>;
    /// `listen`
    fn listen(&mut self, fd: i32, backlog: i32) -> Result<(), i32>;
    /// `accept`: the descriptor, and the peer's port.
    fn accept(&mut self, fd: i32) -> Result<(i32, u16), i32>;
    /// `connect` to a port of the peer.
    fn connect(&mut self, fd: i32, v6: bool, port: u16) -> Result<(), i32>;
    /// `send`: `MSG_MORE`, `MSG_OOB`.
    fn send(&mut self, fd: i32, data: &[u8], more: bool, urgent: bool) -> Result<usize, i32>;
    /// `recv`: `MSG_PEEK`.
    fn recv(&mut self, fd: i32, room: &mut [u8], peek: bool) -> Result<usize, i32>;
    /// `shutdown` with 0 reading, 1 writing, 2 both.
    fn shutdown(&mut self, fd: i32, how: i32) -> Result<(), i32>;
    /// `close`
    fn close(&mut self, fd: i32) -> Result<(), i32>;
    /// Time passes until `until`, in microseconds since the beginning, or until a datagram leaves.
    fn wait(&mut self, until: u64, out: &mut Vec<u8>) -> Waited;
    /// The state in `TCP_INFO`, by Linux's number.
    fn state(&mut self, fd: i32) -> u8;
    /// The state of the connection between these ports, of a host that shows it.
    fn shown(&self, _v6: bool, _local: u16, _remote: u16) -> &'static str {
        "unknown"
    }
}

/// How a wait has gone on. Times are microseconds since the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// A datagram left at this time.
    Left(u64),
    /// It is over, at this time.
    Over(u64),
}

/// What kind of programs a campaign has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Programs that wait for nothing.
    Fast,
    /// Programs that wait, for so many microseconds in all at most.
    Slow {
        /// Microseconds.
        most: u64,
    },
}

impl Lane {
    /// Makes a program one of this lane.
    pub fn fit(self, program: &mut Program) {
        match self {
            Self::Fast => timer_free(program),
            Self::Slow { most } => timed::timed(program, most),
        }
    }
}

/// Units of 64 octets of the smallest buffer that a set-up of the fast lane asks for.
const LEAST_BUFFER: u16 = 1 << 11;

/// Whether the event sizes a buffer of a connection.
const fn is_of_buffers(event: &Event) -> bool {
    matches!(event, Event::Option { name: Name::SndBuf | Name::RcvBuf | Name::WindowClamp, .. })
}

/// Makes a program one that the fast lane can run: no event that waits, and nothing that only one of two hosts could do.
pub fn timer_free(program: &mut Program) {
    program
        .events
        .retain(|event| !matches!(event, Event::Wait { .. } | Event::WaitForTimer {} | Event::WaitLong { .. }));
    comparable(program);
}

/// Makes a program one that two hosts can run: the host as Linux has it, and no number of the host's space that is absolute, because hosts
/// choose their initial sequence numbers themselves.
fn comparable(program: &mut Program) {
    program.setup.profile = Profile::Linux;
    // Linux takes a segment size of 0 for none, the reference stack for the smallest.
    program.setup.mss = program.setup.mss.filter(|mss| *mss > 0);
    // In a small buffer the host's own overhead decides what fits (RFC 9293 3.8.6 leaves it to the host). The default has room for a window.
    program.setup.receive_buffer =
        if program.setup.receive_buffer < LEAST_BUFFER { 0 } else { program.setup.receive_buffer };
    program.setup.send_buffer = if program.setup.send_buffer < LEAST_BUFFER { 0 } else { program.setup.send_buffer };
    program.events.retain(|event| !is_of_buffers(event));
    for event in &mut program.events {
        if let Event::Segment { segment, .. } = event
            && let Ref::Absolute(number) = segment.ack
        {
            segment.ack = Ref::First(number as i16);
        }
        if let Event::Segment { segment, .. } = event
            && segment.odd == Odd::Mss(0)
        {
            segment.odd = Odd::None;
        }
    }
}

/// Where two runs differ first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Divergence {
    /// The event, as an index.
    pub index: usize,
    /// What differs: `extra`, `missing`, a field of a segment, a call, `state`.
    pub kind: String,
    /// The state before the event, as the reference stack has it.
    pub state: &'static str,
    /// The kind of the event.
    pub event: &'static str,
    /// Where in the two lists.
    pub first: (usize, usize),
    /// The event itself.
    pub what: String,
    /// The events up to it.
    pub so_far: Vec<String>,
    /// What the reference did at this event.
    pub reference: Vec<Item>,
    /// What the other did.
    pub other: Vec<Item>,
    /// A segment of this event reaches beyond the window that was offered, and not beyond what a buffer may have room for.
    pub beyond: bool,
    /// When, if the event is a wait: microseconds since it began.
    pub times: [Vec<u64>; 2],
}

impl Divergence {
    /// What the two did where they first differ, in words.
    #[must_use]
    pub fn first(&self) -> (String, String) {
        let word = |item: Option<&Item>| item.map_or_else(|| "nothing".to_owned(), ToString::to_string);
        (word(self.reference.get(self.first.0)), word(self.other.get(self.first.1)))
    }

    /// Whether either has sent text where they first differ.
    #[must_use]
    pub fn is_about_text(&self) -> bool {
        let text = |item: Option<&Item>| matches!(item, Some(Item::Segment(seg)) if seg.length > 0);
        text(self.reference.get(self.first.0)) || text(self.other.get(self.first.1))
    }

    /// What makes two of them the same.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{} in {} at {}", self.kind, self.state, self.event)
    }
}

/// What the comparison of two runs has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// No difference.
    Equal,
    /// No difference up to this event, at which the peers no longer say the same: what they refer to (the edge of a window) is what
    /// hosts may choose.
    Parted(usize),
    /// A difference.
    Differs(Box<Divergence>),
}

/// Where two runs of a program differ first, if they do.
#[must_use]
pub fn compare(program: &Program, reference: &Trace, other: &Trace) -> Comparison {
    let mut slip = timed::Slip::default();
    for (index, (one, two)) in reference.steps.iter().zip(&other.steps).enumerate() {
        // A half-open connection takes the echo of its SYN,ACK alone (choice `half_open_echo_check`), and no clock is turned here.
        let clocks = one.state == State::SynReceived.name() && one.later_echo != two.later_echo;
        if one.arrived != two.arrived || clocks {
            return Comparison::Parted(index);
        }
        let (at, kind) = match trace::parting(&one.items, &two.items, &mut slip.acknowledged) {
            Parting::Waits => return Comparison::Parted(index),
            Parting::At(left, right) => ((left, right), trace::difference(one.items.get(left), two.items.get(right))),
            Parting::Same => match slip.difference(one, two) {
                None => continue,
                Some(late) => late,
            },
        };
        return Comparison::Differs(Box::new(Divergence {
            index,
            kind,
            first: at,
            state: one.state,
            event: one.kind,
            // The first step is the beginning.
            what: index.checked_sub(1).map_or_else(String::new, |index| words::words(&program.events[index])),
            so_far: program.events[..index].iter().map(words::words).collect(),
            reference: one.items.clone(),
            other: two.items.clone(),
            beyond: one.beyond || two.beyond,
            times: [one.times.clone(), two.times.clone()],
        }));
    }
    Comparison::Equal
}

/// The exchange of this host up to the divergence, as a script that holds it to be right, and what was recorded.
#[must_use]
pub fn script(program: &Program, found: &Divergence, host: &mut impl Host) -> (String, Vec<script::Entry>) {
    let mut recorder = script::Recorder::default();
    let upto = Program { setup: program.setup, events: program.events[..found.index].to_vec() };
    play_watched(&upto, host, &mut recorder);
    let (reference, _) = found.first();
    // Without a rule the sentence stands below.
    let mut head = format!("//: profile linux\n//: family {}\n", if program.setup.v6 { "v6" } else { "v4" });
    let _ = writeln!(
        head,
        "// {}: this is what Linux does. The reference stack at the last event: {reference}.\n",
        found.key()
    );
    let parameters: Vec<String> = reference::PARAMETERS.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let _ = writeln!(head, "`sysctl -q {}`\n", parameters.join(" "));
    (script::exchange(&head, &recorder.entries), recorder.entries)
}

/// An option of a program as `setsockopt` takes it: its name, and an int. The values are those of [`crate::machine::option`].
#[must_use]
pub fn option(name: Name, value: u16) -> (&'static str, i32) {
    let word = crate::machine::option(name, value).1;
    let number = i32::from(value);
    let number = match name {
        Name::NoDelay | Name::Cork | Name::KeepAlive | Name::QuickAck | Name::RecvErr | Name::OobInline => {
            i32::from(value != 0)
        }
        Name::KeepIdle | Name::KeepIntvl => number.max(1),
        Name::KeepCnt | Name::SynCnt => number.clamp(1, 127),
        Name::MaxSeg => number.max(88),
        Name::Ttl => (number & 0xff).max(1),
        Name::Linger2 => value.cast_signed().into(),
        Name::UserTimeout
        | Name::SndBuf
        | Name::RcvBuf
        | Name::WindowClamp
        | Name::RcvLowat
        | Name::DeferAccept
        | Name::NotSentLowAt => number,
    };
    (word, number)
}

#[cfg(test)]
mod tests {
    use super::reference::Reference;
    use super::*;
    use crate::program::{At, Icmp, Segment};

    const BUFFERS: (u32, u32) = (212_992, 212_992);

    fn program() -> Program {
        let at = At::new(0);
        let forged = Segment { ack: Ref::Next(5), ..Segment::ack() };
        let events = vec![
            Event::Open { at },
            Event::Text { at, length: 100 },
            Event::Segment { at, segment: forged },
            Event::Receive { at, length: 100, peek: false },
        ];
        Program { setup: Setup { profile: Profile::Linux, ..Setup::default() }, events }
    }

    #[test]
    fn equal_hosts_do_the_same_whatever_their_numbers_are() {
        let mut other = program();
        // Another secret for initial sequence numbers and timestamps.
        other.setup.seed = 9;
        let first = play(&program(), &mut Reference::new(BUFFERS));
        let second = play(&other, &mut Reference::new(BUFFERS));
        assert_eq!(compare(&other, &first, &second), Comparison::Equal);
        assert_eq!(first.hash(), second.hash());
        assert_eq!(first.steps.len(), 5);
        assert!(first.steps[4].items.contains(&Item::Call(
            "recv",
            Ok(100),
            trace::hash(crate::pattern::sent(1_000_001, 100))
        )));
    }

    #[test]
    fn a_host_that_does_otherwise_is_seen_at_the_event() {
        let mut config = reference::config(BUFFERS);
        config.answer_future_acks = false;
        let first = play(&program(), &mut Reference::new(BUFFERS));
        let second = play(&program(), &mut Reference::of(config));
        let Comparison::Differs(found) = compare(&program(), &first, &second) else { panic!("no difference") };
        assert_eq!((found.index, found.key().as_str()), (3, "extra in ESTABLISHED at segment"));
        assert_eq!(found.first().1, "state ESTABLISHED");
        assert_eq!(found.what, "segment 0: . seq next ack next+5 len 0 win 65535");
        let (text, _) = script(&program(), &found, &mut Reference::new(BUFFERS));
        let mut sources = halfopen_script::Sources::new();
        let file = sources.add("divergence.pkt", &text);
        let read = halfopen_script::parse::parse(&sources, file).map_err(|faults| format!("{faults:?}"));
        assert_eq!(read.map(|script| script.header.sentence.contains("what Linux does")), Ok(true), "{text}");
    }

    /// The answer to a later echo says something of the half-open connection, not of an established one.
    #[test]
    fn clocks_that_have_ticked_part_the_peers_of_a_half_open_connection() {
        let at = At::new(0);
        let half_open = vec![Event::Syn { at, ack: false }, Event::Text { at, length: 100 }];
        let established = vec![Event::Open { at }, Event::Text { at, length: 100 }];
        for (events, parted) in [(half_open, true), (established, false)] {
            let setup = Setup { profile: Profile::Linux, timestamps: true, ..Setup::default() };
            let program = Program { setup, events };
            let one = play(&program, &mut Reference::new(BUFFERS));
            let mut two = one.clone();
            two.steps[2].items.push(Item::Call("recv", Ok(1), 0));
            assert!(matches!(compare(&program, &one, &two), Comparison::Differs(_)));
            two.steps[2].later_echo = true;
            assert_eq!(compare(&program, &one, &two) == Comparison::Parted(2), parted);
        }
    }

    /// The ACK that delays is the last segment of one host, the text before it that of the other.
    #[test]
    fn errors_about_different_segments_part_the_peers() {
        let at = At::new(0);
        let error = Icmp::TooBig(600);
        let send = |length| Event::Send { at, length, more: false, urgent: false };
        let text = Event::Text { at, length: 1 };
        let icmp = Event::Icmp { at, error, quoted: 0, forged: false };
        let events = vec![Event::Open { at }, text, send(1), text, icmp];
        let setup = Setup { profile: Profile::Linux, ..Setup::default() };
        let program = Program { setup, events };
        let mut config = reference::config(BUFFERS);
        let delays = play(&program, &mut Reference::of(config.clone()));
        config.delayed_ack = std::time::Duration::ZERO;
        let at_once = play(&program, &mut Reference::of(config));
        assert_eq!(compare(&program, &delays, &at_once), Comparison::Parted(5));
    }

    #[test]
    fn where_the_window_ends_counts_although_the_peer_has_not_heard_of_it() {
        let at = At::new(0);
        // The edge of which the peer knows lies behind the one that the host has offered since.
        let fin = Segment { seq: Ref::Edge(1), flags: Segment::ack().flags | crate::datagram::FIN, ..Segment::ack() };
        let lose = Event::Lose { way: crate::program::Way::ToPeer, count: 1 };
        let read = Event::Receive { at, length: 100, peek: false };
        for (events, beyond) in [
            (vec![Event::Open { at }, Event::Segment { at, segment: fin }], true),
            (
                vec![Event::Open { at }, Event::Text { at, length: 100 }, read, Event::Segment { at, segment: fin }],
                true,
            ),
            (
                vec![Event::Open { at }, lose, Event::Text { at, length: 100 }, Event::Segment { at, segment: fin }],
                false,
            ),
        ] {
            let mut setup = Setup { profile: Profile::Linux, ..Setup::default() };
            setup.shift = 7;
            let trace = play(&Program { setup, events }, &mut Reference::new(BUFFERS));
            assert_eq!(trace.steps.last().unwrap().beyond, beyond, "{:?}", trace.steps.last());
        }
    }

    #[test]
    fn a_program_of_the_fast_lane_waits_for_nothing_and_names_no_number_of_the_host() {
        let mut program = program();
        program.events.insert(1, Event::WaitForTimer {});
        let ack = Segment { ack: Ref::Absolute(7), ..Segment::ack() };
        program.events.push(Event::Segment { at: At::new(0), segment: ack });
        timer_free(&mut program);
        assert_eq!(program.events.len(), 5);
        let Some(Event::Segment { segment, .. }) = program.events.last() else { panic!("the segment") };
        assert_eq!(segment.ack, Ref::First(7));
    }
}
