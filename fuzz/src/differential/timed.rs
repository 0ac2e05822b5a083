//! The slow lane: programs that wait, on a kernel whose clock nobody can turn.
//!
//! A program waits for a few lengths that lie between Linux's timers. The reference stack runs it first and moves the end of each wait
//! away from timers that are due near it ([`settled`]); then the kernel runs the same, and what each did in a wait has to be the same, at
//! the same times but for what a kernel may be late ([`late`]). An ACK that may be delayed may come whenever it likes within the half second of
//! RFC 9293 3.8.6.3 (MUST-40): behind a wait of that length both have acknowledged the same.

use super::comparable;
use super::trace::{Acknowledged, Step, Trace};
use crate::program::{Event, Program};

/// What a host may be early, in microseconds: its clock has ticks of 4 ms.
pub const EARLY: u64 = 12_000;
/// By how much the end of a wait is moved at most.
pub const MOST_MORE: u64 = 3_000_000;
/// What a busy machine may be late.
const BUSY: u64 = 30_000;
/// No ACK is delayed for longer (RFC 9293 3.8.6.3, MUST-40).
const MOST_DELAY: u64 = 500_000;
/// Microseconds that are waited, between the delayed ACK at 40 ms, the first RTO at 200 ms, its doublings, and the SYN's second.
const WAITS: [u64; 6] = [20_000, 90_000, 150_000, 320_000, 560_000, 1_300_000];

/// By what a timer may fire too late that fires so many microseconds after the beginning: Linux's timers are sorted in wheels that turn
/// by 4 ms up to 256 ms ahead, by 32 ms up to 2 s, and by 256 ms up to 16 s. The next timer begins as much later.
#[must_use]
pub const fn wheel(at: u64) -> u64 {
    match at {
        0..256_000 => 4_000,
        256_000..2_048_000 => 32_000,
        2_048_000..16_384_000 => 256_000,
        _ => 2_048_000,
    }
}

/// By what a host may be late with its next timer, when it has been as late as `before`.
#[must_use]
pub const fn late(at: u64, before: u64) -> u64 {
    before + BUSY + wheel(at)
}

/// How long an event waits, in microseconds.
fn asked(event: &Event) -> Option<u64> {
    if let Event::Wait { micros } = event {
        Some(u64::from(*micros))
    } else if let Event::WaitLong { seconds } = event {
        Some(u64::from(*seconds) * 1_000_000)
    } else {
        matches!(event, Event::WaitForTimer {}).then_some(320_000)
    }
}

/// Makes a program one of the slow lane, whose waits come to `most` microseconds at most. There is one at least.
pub fn timed(program: &mut Program, most: u64) {
    comparable(program);
    let mut left = most;
    let mut waits = 0;
    for event in &mut program.events {
        let Some(asked) = asked(event) else { continue };
        let longest = WAITS
            .iter()
            .rev()
            .find(|wait| **wait <= asked.min(left))
            .or_else(|| WAITS[..1].iter().find(|wait| **wait <= left));
        let micros = longest.copied().unwrap_or(0);
        left -= micros;
        waits += u64::from(micros > 0);
        *event = Event::Wait { micros: micros as u32 };
    }
    program.events.retain(|event| !matches!(event, Event::Wait { micros: 0 }));
    if waits == 0 {
        program.events.push(Event::Wait { micros: WAITS[3] as u32 });
    }
}

/// Takes the lengths of the waits from a run of the reference stack. The program ends before a wait whose end no timer leaves alone: probes
/// that come faster than another host may be late.
pub fn settled(program: &mut Program, trace: &Trace) {
    // The first step is the beginning.
    for (index, step) in trace.steps.iter().skip(1).enumerate() {
        if let Some(Event::Wait { micros }) = program.events.get_mut(index) {
            if step.waited > u64::from(*micros) + MOST_MORE {
                return program.events.truncate(index);
            }
            *micros = step.waited as u32;
        }
    }
}

/// How far two runs are apart.
#[derive(Debug, Default)]
pub struct Slip {
    /// What each host has acknowledged of each connection.
    pub acknowledged: Acknowledged,
    /// By how many microseconds the other was later with the last segment of each connection; the last is for what is of none.
    late: [u64; 5],
}

impl Slip {
    /// What differs in time between two steps that are the same otherwise: where, and what.
    pub fn difference(&mut self, reference: &Step, other: &Step) -> Option<((usize, usize), String)> {
        fn at(step: &Step) -> impl Iterator<Item = (usize, u64)> {
            step.times.iter().copied().enumerate().filter(|(index, _)| !step.items[*index].is_ack())
        }
        for ((one, then), (two, now)) in at(reference).zip(at(other)) {
            let slip = &mut self.late[reference.items[one].at().unwrap_or(4)];
            let late = late(reference.begun + then, *slip);
            // Of two runs of a kernel either may be the late one.
            let early = if reference.ahead.is_some() { late } else { EARLY };
            if now + early + other.ahead.unwrap_or(0) < then || now > then + late + reference.ahead.unwrap_or(0) {
                return Some(((one, two), "time".to_owned()));
            }
            *slip = now.saturating_sub(then);
        }
        let ends = (reference.items.len(), other.items.len());
        let differs = reference.waited >= MOST_DELAY && self.acknowledged.numbers[0] != self.acknowledged.numbers[1];
        differs.then(|| (ends, "acknowledged".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::reference::{self, Reference};
    use super::super::{Comparison, compare, play};
    use super::*;
    use crate::program::{At, Name, Profile, Setup};

    const BUFFERS: (u32, u32) = (212_992, 212_992);

    fn program(micros: u32) -> Program {
        let at = At::new(0);
        let send = Event::Send { at, length: 10, more: false, urgent: false };
        let setup = Setup { profile: Profile::Linux, ..Setup::default() };
        Program {
            setup,
            events: vec![
                Event::Open { at },
                send,
                Event::Wait { micros },
                Event::Receive { at, length: 1, peek: false },
            ],
        }
    }

    #[test]
    fn waits_lie_between_the_timers_and_end_away_from_them() {
        let mut program = program(205_000);
        timed(&mut program, 2_000_000);
        assert_eq!(program.events[2], Event::Wait { micros: 150_000 });
        // A wait that ends 5 ms behind a retransmission is no good.
        program.events[2] = Event::Wait { micros: 205_000 };
        let trace = play(&program, &mut Reference::new(BUFFERS));
        settled(&mut program, &trace);
        let Event::Wait { micros } = program.events[2] else { panic!("a wait") };
        // The timer began with the text, an event earlier, and has the round trip, which was as long, besides.
        assert_eq!(micros, 200_000 + late(200_000, 0) as u32);
        assert_eq!(trace.steps[3].items.len(), 1, "the retransmission");
        assert_eq!(play(&program, &mut Reference::new(BUFFERS)), trace, "once settled, it stays");
    }

    #[test]
    fn a_wait_that_timers_never_leave_alone_ends_the_program() {
        let mut program = program(560_000);
        let at = At::new(0);
        let option = |name, value| Event::Option { at, name, value };
        // Probes each second, for two minutes; behind 16 s Linux may be late by two.
        let options = [
            option(Name::KeepIdle, 20),
            option(Name::KeepIntvl, 1),
            option(Name::KeepCnt, 120),
            option(Name::KeepAlive, 1),
        ];
        program.events.splice(1..2, options);
        program.events.insert(5, Event::Wait { micros: 20_000_000 });
        let trace = play(&program, &mut Reference::new(BUFFERS));
        settled(&mut program, &trace);
        assert_eq!(program.events.len(), 5, "{:?}", program.events);
    }

    #[test]
    fn a_program_waits_no_longer_than_it_may() {
        let mut program = program(1_000_000);
        program.events.extend([Event::WaitLong { seconds: 61 }, Event::WaitForTimer {}]);
        timed(&mut program, 700_000);
        let waits = program.events.iter().map(|event| if let Event::Wait { micros } = event { *micros } else { 0 });
        assert_eq!(waits.collect::<Vec<_>>(), [0, 0, 560_000, 0, 90_000, 20_000]);
    }

    #[test]
    fn a_host_whose_clock_has_gone_further_is_not_early() {
        let mut program = program(320_000);
        timed(&mut program, 2_000_000);
        let trace = play(&program, &mut Reference::new(BUFFERS));
        settled(&mut program, &trace);
        // What the clocks of both have gone further, and by how much a timer of 200 ms comes too soon.
        for (reference, other, sooner, same) in [
            (None, Some(0), 10_000, true),
            (None, Some(0), 20_000, false),
            (None, Some(10_000), 20_000, true),
            (None, Some(10_000), 30_000, false),
            (Some(0), Some(0), 30_000, true),
            (Some(0), Some(0), 60_000, false),
        ] {
            let (mut one, mut two) = (trace.clone(), trace.clone());
            one.steps[3].ahead = reference;
            two.steps[3].ahead = other;
            two.steps[3].times[0] -= sooner;
            let found = compare(&program, &one, &two);
            assert_eq!(found == Comparison::Equal, same, "{reference:?} {other:?} {sooner}: {found:?}");
        }
    }

    #[test]
    fn a_timer_of_another_length_is_seen() {
        let mut program = program(320_000);
        timed(&mut program, 2_000_000);
        let trace = play(&program, &mut Reference::new(BUFFERS));
        settled(&mut program, &trace);
        let mut config = reference::config(BUFFERS);
        config.tcp_rto_min_us = 290_000;
        let other = play(&program, &mut Reference::of(config));
        let Comparison::Differs(found) = compare(&program, &trace, &other) else { panic!("no difference") };
        assert_eq!(found.key(), "time in any at wait");
        assert!(found.to_string().contains("linux      +0.2"), "{found}");
    }
}
