//! A program of events against one stack on a virtual clock: [`crate::program`] says what may happen, [`crate::oracles`] what must hold
//! after every event, [`crate::machine`] brings both together.
//!
//! After the last event either faults stop, and everything written has to arrive, or the peer falls silent, and the host has to give up
//! and forget.

use crate::coverage::Counting;
use crate::machine::{self, Nobody, Outcome, Watch};
use crate::oracles::Violation;
use crate::program::{Damage, Event, Iss, Odd, Profile, Program, Ref, Setup};
use halfopen_stack::State;

/// Runs a program.
///
/// # Panics
/// When an oracle is violated. Octets that are no program violate none.
pub fn run(octets: &[u8]) {
    let Ok(program) = Program::decode(octets) else { return };
    if let Some(violation) = violation(&program) {
        panic!("{violation}");
    }
}

/// As [`run`], counting what the connections go through for an engine ([`crate::coverage`]).
///
/// # Panics
/// When an oracle is violated.
pub fn run_counting(octets: &[u8]) {
    let Ok(program) = Program::decode(octets) else { return };
    let outcome = machine::run(&program, &mut Counting);
    if let Some(violation) = outcome.violation.clone().or_else(|| again(&program, &outcome)) {
        panic!("{violation}");
    }
}

/// What met which state in the program of these octets.
pub fn met(octets: &[u8], tell: &mut dyn FnMut(&str, &str)) {
    struct Telling<'a>(&'a mut dyn FnMut(&str, &str));
    impl Watch for Telling<'_> {
        fn step(&mut self, kind: &'static str, from: Option<State>, _to: Option<State>) {
            (self.0)(from.unwrap_or(State::Closed).name(), kind);
        }
    }
    if let Ok(program) = Program::decode(octets) {
        machine::run(&program, &mut Telling(tell));
    }
}

/// What a program violates first.
#[must_use]
pub fn violation(program: &Program) -> Option<Violation> {
    let outcome = machine::run(program, &mut Nobody);
    outcome.violation.clone().or_else(|| again(program, &outcome))
}

/// The same program once more (O98), without unknown options (O94), with other padding (O101), and with other numbers of the peer (O20):
/// up to four runs, so for one program in 64.
fn again(program: &Program, first: &Outcome) -> Option<Violation> {
    if !first.hash.is_multiple_of(64) {
        return None;
    }
    let differs =
        |oracle, text: &str| Violation { oracle, state: "any", event: "end", text: text.to_owned(), due: None };
    if machine::run(program, &mut Nobody) != *first {
        return Some(differs(98, "the same program gave another exchange"));
    }
    if let Some(plain) = odd_changed(program, |odd| matches!(odd, Odd::Unknown(_)).then_some(Odd::None))
        && machine::run(&plain, &mut Nobody) != *first
    {
        return Some(differs(94, "without the options that nobody knows the exchange is another"));
    }
    let turned = |odd| {
        let padding = (odd == Odd::None).then_some(Odd::Padding);
        padding.or((odd == Odd::Padding).then_some(Odd::None))
    };
    if let Some(padded) = odd_changed(program, turned)
        && machine::run(&padded, &mut Nobody) != *first
    {
        return Some(differs(101, "with other no-operations among the options the exchange is another"));
    }
    let absolute = |reference| matches!(reference, Ref::Absolute(_));
    let moves = |event: &Event| !matches!(event, Event::Segment { segment, .. } if absolute(segment.seq) || absolute(segment.ack));
    if program.setup.profile == Profile::Linux || !program.events.iter().all(moves) {
        return None;
    }
    let iss = if program.setup.iss == Iss::Plain { Iss::BelowWrap } else { Iss::Plain };
    let moved = Program { setup: Setup { iss, ..program.setup }, events: program.events.clone() };
    let second = machine::run(&moved, &mut Nobody);
    (second != *first).then(|| differs(20, "other numbers of the peer gave another exchange"))
}

/// The program with other odd options in segments that arrive whole; `None` when there is nothing to change.
fn odd_changed(program: &Program, change: impl Fn(Odd) -> Option<Odd>) -> Option<Program> {
    let mut other = program.clone();
    for event in &mut other.events {
        if let Event::Segment { segment, .. } = event
            && segment.damage == Damage::None
            && let Some(odd) = change(segment.odd)
        {
            segment.odd = odd;
        }
    }
    (other != *program).then_some(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::random::{Random, program};

    /// Programs that nobody has chosen, few enough for a debug build.
    #[test]
    fn drawn_programs_violate_no_oracle() {
        for seed in 0..300 {
            let violation = violation(&program(&mut Random::new(seed)));
            assert_eq!(violation, None, "seed {seed}");
        }
    }

    #[test]
    fn equal_programs_give_equal_exchanges() {
        for seed in 300..350 {
            let program = program(&mut Random::new(seed));
            assert_eq!(machine::run(&program, &mut Nobody), machine::run(&program, &mut Nobody), "seed {seed}");
        }
    }

    /// What a machine and its stack keep of the program before is memory alone.
    #[test]
    fn a_machine_that_has_run_others_does_as_a_new_one() {
        let mut used = machine::Machine::default();
        for seed in 350..450 {
            let program = program(&mut Random::new(seed));
            let fresh = machine::Machine::default().run(&program, &mut Nobody);
            assert_eq!(used.run(&program, &mut Nobody), fresh, "seed {seed}");
        }
    }
}
