//! One program for each way through the states.

use super::Seed;
use crate::program::{At, Damage, Ending, Event, Half, Icmp, Iss, Name, Odd, Profile, Program, Ref, Sack, Segment};
use crate::program::{Setup, Way};

const PASSIVE: At = At::new(0);
const ACTIVE: At = At::new(2);

fn linux_v6() -> Setup {
    Setup { profile: Profile::Linux, v6: true, seed: 1, ..Setup::default() }
}

/// No options at all, sequence numbers about to wrap.
fn plain() -> Setup {
    let setup = Setup { profile: Profile::Rfc793, timestamps: false, sack: false, shift: 16, ..Setup::default() };
    Setup { mss: None, iss: Iss::BelowWrap, ..setup }
}

/// Segment size 1, a small buffer.
fn small() -> Setup {
    Setup { timestamps: false, sack: false, mss: Some(1), receive_buffer: 36, no_delay: true, ..Setup::default() }
}

fn silent(setup: Setup) -> Setup {
    Setup { ending: Ending::Silent, ..setup }
}

const fn send(at: At, length: u16) -> Event {
    Event::Send { at, length, more: false, urgent: false }
}

const fn receive(at: At) -> Event {
    Event::Receive { at, length: 4096, peek: false }
}

const fn text(at: At) -> Event {
    Event::Text { at, length: 100 }
}

const fn ack(at: At, window: u16) -> Event {
    Event::Acknowledge { at, window }
}

fn segment(flags: u8, seq: Ref, ack: Ref, length: u16) -> Event {
    Event::Segment { at: PASSIVE, segment: Segment { flags, seq, ack, length, window: 65_535, ..Segment::default() } }
}

fn with(change: impl FnOnce(&mut Segment)) -> Event {
    let mut segment = Segment::text(10);
    change(&mut segment);
    Event::Segment { at: PASSIVE, segment }
}

const OPEN: Event = Event::Open { at: PASSIVE };
const CONNECT: Event = Event::Open { at: ACTIVE };
const TIMER: Event = Event::WaitForTimer {};
const FIN: Event = Event::Fin { at: PASSIVE };
const CLOSE: Event = Event::Close { at: PASSIVE };
const AGAIN: Event = Event::Again { at: PASSIVE, back: 0 };

pub(super) fn seeds() -> Vec<Seed> {
    let programs: Vec<(&'static str, Setup, Vec<Event>)> = [opening(), closing(), sending(), receiving()].concat();
    programs.into_iter().map(|(name, setup, events)| (name, Program { setup, events }.encode())).collect()
}

type Programs = Vec<(&'static str, Setup, Vec<Event>)>;

fn opening() -> Programs {
    let modern = Setup::default();
    let syn = |at| Event::Syn { at, ack: false };
    let crossing =
        vec![Event::Connect { at: ACTIVE }, syn(ACTIVE), ack(ACTIVE, 65_535), send(ACTIVE, 50), text(ACTIVE)];
    vec![
        ("passive-open", modern, vec![syn(PASSIVE), ack(PASSIVE, 65_535), Event::Accept {}, text(PASSIVE)]),
        ("active-open", modern, vec![CONNECT, send(ACTIVE, 100), ack(ACTIVE, 65_535), Event::Connect { at: ACTIVE }]),
        ("simultaneous-open", plain(), crossing),
        ("refused", linux_v6(), vec![Event::Connect { at: ACTIVE }, Event::Reset { at: ACTIVE }, send(ACTIVE, 1)]),
        ("syn-lost", silent(modern), vec![Event::Connect { at: ACTIVE }, TIMER, TIMER, TIMER]),
        ("syn-ack-lost", linux_v6(), vec![Event::Lose { way: Way::ToPeer, count: 1 }, syn(PASSIVE), TIMER, TIMER]),
        (
            "backlog",
            Setup { backlog: 0, ..modern },
            vec![OPEN, Event::Open { at: At::new(1) }, Event::CloseListener {}],
        ),
        ("abandoned", modern, vec![syn(PASSIVE), Event::CloseListener {}, AGAIN, Event::Listen { backlog: 1 }, AGAIN]),
    ]
}

fn closing() -> Programs {
    let modern = Setup::default();
    let shut = Event::Shutdown { at: PASSIVE, half: Half::Write };
    let reopened = vec![OPEN, CLOSE, ack(PASSIVE, 65_535), FIN, AGAIN, Event::Syn { at: PASSIVE, ack: false }];
    vec![
        ("passive-close", modern, vec![OPEN, text(PASSIVE), receive(PASSIVE), FIN, send(PASSIVE, 9), CLOSE]),
        ("active-close", modern, vec![OPEN, send(PASSIVE, 100), CLOSE, ack(PASSIVE, 500), FIN, TIMER, AGAIN]),
        ("simultaneous-close", linux_v6(), vec![OPEN, shut, FIN, ack(PASSIVE, 500), receive(PASSIVE), AGAIN]),
        ("half-closed", modern, vec![OPEN, shut, ack(PASSIVE, 9), text(PASSIVE), receive(PASSIVE), text(PASSIVE)]),
        ("time-wait-reopened", modern, reopened),
        ("abort", modern, vec![OPEN, send(PASSIVE, 100), Event::Abort { at: PASSIVE }, AGAIN]),
        ("unread", modern, vec![OPEN, text(PASSIVE), CLOSE, text(PASSIVE)]),
        ("text-after-close", modern, vec![OPEN, CLOSE, text(PASSIVE), AGAIN]),
        ("reset", modern, vec![OPEN, text(PASSIVE), Event::Reset { at: PASSIVE }, receive(PASSIVE), send(PASSIVE, 1)]),
        (
            "reset-in-window",
            linux_v6(),
            vec![OPEN, segment(4, Ref::Next(5), Ref::Next(0), 0), segment(2, Ref::Next(5), Ref::Next(0), 0)],
        ),
    ]
}

fn sending() -> Programs {
    let modern = Setup::default();
    let much = send(PASSIVE, 16_000);
    let sacked = |from| {
        with(|segment| {
            (segment.length, segment.flags, segment.ack) = (0, 0x10, Ref::Acknowledged(0));
            segment.sacks[0] = Sack { from, octets: 1448 };
        })
    };
    vec![
        ("data-lost", plain(), vec![OPEN, Event::Lose { way: Way::ToPeer, count: 9 }, much, TIMER, TIMER]),
        (
            "fast-retransmit",
            modern,
            vec![OPEN, much, ack(PASSIVE, 65_535), much, sacked(1448), sacked(2896), sacked(4344), ack(PASSIVE, 9000)],
        ),
        ("zero-window", modern, vec![OPEN, ack(PASSIVE, 0), send(PASSIVE, 99), TIMER, TIMER, ack(PASSIVE, 500)]),
        ("zero-window-forever", silent(linux_v6()), vec![OPEN, ack(PASSIVE, 0), much, CLOSE]),
        ("window-shrinks", modern, vec![OPEN, much, ack(PASSIVE, 100), TIMER, ack(PASSIVE, 1), TIMER]),
        ("small-segments", small(), vec![OPEN, send(PASSIVE, 255), ack(PASSIVE, 9), text(PASSIVE), text(PASSIVE)]),
        (
            "bad-acks",
            modern,
            vec![OPEN, much, segment(16, Ref::Next(0), Ref::Next(9), 0), segment(16, Ref::Next(0), Ref::Next(-1), 0)],
        ),
        (
            "icmp",
            linux_v6(),
            vec![
                OPEN,
                much,
                Event::Icmp { at: PASSIVE, error: Icmp::TooBig(1280), quoted: 0, forged: false },
                Event::Icmp { at: PASSIVE, error: Icmp::Port, quoted: 0, forged: true },
                TIMER,
            ],
        ),
        (
            "cork",
            modern,
            vec![OPEN, Event::Option { at: PASSIVE, name: Name::Cork, value: 1 }, send(PASSIVE, 9), TIMER],
        ),
        (
            "keep-alive",
            silent(linux_v6()),
            vec![
                OPEN,
                Event::Option { at: PASSIVE, name: Name::KeepIdle, value: 60 },
                Event::Option { at: PASSIVE, name: Name::KeepAlive, value: 1 },
                TIMER,
                TIMER,
                ack(PASSIVE, 9),
                TIMER,
            ],
        ),
    ]
}

fn receiving() -> Programs {
    let modern = Setup::default();
    let ahead = segment(16, Ref::Acknowledged(5), Ref::Next(0), 10);
    let over = segment(16, Ref::Acknowledged(0), Ref::Next(0), 7);
    vec![
        (
            "reassembly",
            plain(),
            vec![
                OPEN,
                segment(16, Ref::Next(20), Ref::Next(0), 10),
                text(PASSIVE),
                receive(PASSIVE),
                segment(16, Ref::Edge(0), Ref::Next(0), 50),
            ],
        ),
        (
            "overlap",
            modern,
            vec![OPEN, ahead, over, receive(PASSIVE), ahead, segment(17, Ref::Acknowledged(-4), Ref::Next(0), 20)],
        ),
        (
            "reordered",
            modern,
            vec![
                OPEN,
                Event::Hold { at: PASSIVE },
                text(PASSIVE),
                text(PASSIVE),
                Event::Duplicate { at: PASSIVE },
                FIN,
            ],
        ),
        (
            "window-closed",
            Setup { receive_buffer: 36, ..modern },
            vec![OPEN, Event::Text { at: PASSIVE, length: 2304 }, text(PASSIVE), receive(PASSIVE), text(PASSIVE)],
        ),
        (
            "urgent",
            plain(),
            vec![OPEN, with(|segment| (segment.flags, segment.urgent) = (0x38, 4)), receive(PASSIVE), text(PASSIVE)],
        ),
        (
            "nonsense",
            modern,
            vec![
                OPEN,
                with(|segment| segment.odd = Odd::ZeroLength),
                with(|segment| segment.odd = Odd::Unknown(8)),
                with(|segment| segment.damage = Damage::Checksum),
                with(|segment| segment.damage = Damage::ShortOffset),
                with(|segment| segment.damage = Damage::Source(1)),
                Event::Wait { micros: 1_000_000 },
                receive(PASSIVE),
            ],
        ),
    ]
}
