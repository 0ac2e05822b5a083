//! A finding made small: first fewer events, then simpler values, then a simpler set-up, as long as the same oracle fails in the same
//! state.

use crate::oracles::Violation;
use crate::program::{Damage, Event, Odd, Program, Ref, Sack, Segment, Setup, Stamps};

/// The smallest program that was found, and what it violates.
#[must_use]
pub fn minimise(
    program: &Program,
    first: &Violation,
    run: &mut impl FnMut(&Program) -> Option<Violation>,
) -> (Program, Violation) {
    minimise_by(program, first, run, |one, two| one.oracle == two.oracle && one.state == two.state)
}

/// As [`minimise`], for findings of any sort.
#[must_use]
pub fn minimise_by<F: Clone>(
    program: &Program,
    first: &F,
    run: &mut impl FnMut(&Program) -> Option<F>,
    same: impl Fn(&F, &F) -> bool,
) -> (Program, F) {
    let mut best = (program.clone(), first.clone());
    let mut try_one = |candidate: Program, best: &mut Best<F>| {
        if candidate == best.0 {
            return false;
        }
        match run(&candidate) {
            Some(finding) if same(&finding, first) => {
                *best = (candidate, finding);
                true
            }
            Some(_) | None => false,
        }
    };
    loop {
        let before = best.0.clone();
        events(&mut best, &mut try_one);
        values(&mut best, &mut try_one);
        for simpler in SIMPLER_SETUPS {
            let candidate = Program { setup: simpler(best.0.setup), events: best.0.events.clone() };
            try_one(candidate, &mut best);
        }
        if best.0 == before {
            return best;
        }
    }
}

type Best<F> = (Program, F);

/// Delta debugging (Zeller and Hildebrandt): pieces of half the program, of a quarter, ... of one event are left out.
fn events<F>(best: &mut Best<F>, try_one: &mut impl FnMut(Program, &mut Best<F>) -> bool) {
    let mut size = best.0.events.len().div_ceil(2).max(1);
    loop {
        let mut start = 0;
        while start < best.0.events.len() {
            let mut events = best.0.events.clone();
            events.drain(start..(start + size).min(events.len()));
            if !try_one(Program { setup: best.0.setup, events }, best) {
                start += size;
            }
        }
        if size == 1 {
            return;
        }
        size /= 2;
    }
}

fn values<F>(best: &mut Best<F>, try_one: &mut impl FnMut(Program, &mut Best<F>) -> bool) {
    for index in 0..best.0.events.len() {
        let mut again = true;
        while again {
            again = false;
            for event in simpler(&best.0.events[index]) {
                let mut candidate = best.0.clone();
                candidate.events[index] = event;
                if try_one(candidate, best) {
                    again = true;
                    break;
                }
            }
        }
    }
}

/// Simpler forms of an event, the simplest first.
fn simpler(event: &Event) -> Vec<Event> {
    let mut forms = Vec::new();
    let mut lengths = |length: u16, make: &dyn Fn(u16) -> Event| {
        forms.extend([0, 1, length / 2].into_iter().filter(|shorter| *shorter < length).map(make));
    };
    match *event {
        Event::Segment { at, segment } => {
            forms.extend(simpler_segments(&segment).into_iter().map(|segment| Event::Segment { at, segment }));
        }
        Event::Text { at, length } => lengths(length, &|length| Event::Text { at, length }),
        Event::Receive { at, length, peek } => {
            lengths(length, &|length| Event::Receive { at, length, peek: false });
            if peek {
                forms.push(Event::Receive { at, length, peek: false });
            }
        }
        Event::Send { at, length, more, urgent } => {
            lengths(length, &|length| Event::Send { at, length, more, urgent });
            if more || urgent {
                forms.push(Event::Send { at, length, more: false, urgent: false });
            }
        }
        Event::Acknowledge { at, window } if window != 65_535 => forms.push(Event::Acknowledge { at, window: 65_535 }),
        Event::Abort { at } => forms.push(Event::Close { at }),
        Event::Again { at, back } if back > 0 => forms.push(Event::Again { at, back: 0 }),
        Event::Lose { way, count } if count > 1 => forms.push(Event::Lose { way, count: 1 }),
        Event::Wait { micros } => {
            forms.push(Event::WaitForTimer {});
            forms.extend(
                [1, 1000, 1_000_000].into_iter().filter(|less| *less < micros).map(|micros| Event::Wait { micros }),
            );
        }
        Event::WaitLong { .. } => forms.push(Event::WaitForTimer {}),
        Event::Acknowledge { .. }
        | Event::Syn { .. }
        | Event::Fin { .. }
        | Event::Reset { .. }
        | Event::Open { .. }
        | Event::Again { .. }
        | Event::Hold { .. }
        | Event::Lose { .. }
        | Event::Icmp { .. }
        | Event::Duplicate { .. }
        | Event::WaitForTimer {}
        | Event::Accept {}
        | Event::Connect { .. }
        | Event::Shutdown { .. }
        | Event::Close { .. }
        | Event::Option { .. }
        | Event::CloseListener {}
        | Event::Listen { .. } => {}
    }
    forms
}

fn simpler_segments(segment: &Segment) -> Vec<Segment> {
    let mut forms = Vec::new();
    let mut form = |change: &dyn Fn(&mut Segment)| {
        let mut simpler = *segment;
        change(&mut simpler);
        if simpler != *segment {
            forms.push(simpler);
        }
    };
    form(&|segment| segment.stamps = Stamps::Negotiated);
    form(&|segment| segment.odd = Odd::None);
    form(&|segment| segment.sacks = [Sack::default(); 2]);
    form(&|segment| segment.sacks[1] = Sack::default());
    form(&|segment| segment.damage = Damage::None);
    form(&|segment| segment.ecn = 0);
    form(&|segment| segment.length = 0);
    form(&|segment| segment.length = segment.length.min(1));
    form(&|segment| segment.urgent = 0);
    form(&|segment| segment.window = 65_535);
    form(&|segment| segment.seq = Ref::Next(0));
    form(&|segment| segment.ack = Ref::Next(0));
    for bit in [0x80, 0x40, 0x20, 0x08, 0x01, 0x02, 0x04] {
        form(&move |segment| segment.flags &= !bit);
    }
    for (from, towards) in [(segment.seq, true), (segment.ack, false)] {
        if let Some(simpler) = towards_zero(from) {
            form(&move |segment| *(if towards { &mut segment.seq } else { &mut segment.ack }) = simpler);
        }
    }
    forms
}

fn towards_zero(reference: Ref) -> Option<Ref> {
    let half = |offset: i16| (offset.unsigned_abs() > 1).then_some(offset / 2);
    match reference {
        Ref::Next(offset) => half(offset).map(Ref::Next),
        Ref::Acknowledged(offset) => half(offset).map(Ref::Acknowledged),
        Ref::Edge(offset) => half(offset).map(Ref::Edge),
        Ref::First(offset) => half(offset).map(Ref::First),
        Ref::Far(_) | Ref::Absolute(_) => None,
    }
}

/// Simpler forms of a set-up: all of it at once, then each part.
const SIMPLER_SETUPS: &[fn(Setup) -> Setup] = &[
    |_| Setup::default(),
    |setup| Setup { profile: setup.profile, ..Setup::default() },
    |setup| Setup { profile: Setup::default().profile, ..setup },
    |setup| Setup { v6: false, ..setup },
    |setup| Setup { timestamps: false, ..setup },
    |setup| Setup { sack: false, ..setup },
    |setup| Setup { shift: 16, ..setup },
    |setup| Setup { mss: Some(1460), ..setup },
    |setup| Setup { receive_buffer: 0, ..setup },
    |setup| Setup { send_buffer: 0, ..setup },
    |setup| Setup { no_delay: false, ..setup },
    |setup| Setup { iss: Setup::default().iss, ..setup },
    |setup| Setup { backlog: Setup::default().backlog, seed: 0, ..setup },
    |setup| Setup { ending: Setup::default().ending, ..setup },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::random::{Random, program};

    /// A finding that needs two events in order and a length of at least 7: everything else goes.
    #[test]
    fn what_the_finding_does_not_need_goes() {
        let violation = Violation { oracle: 39, state: "ESTABLISHED", event: "text", text: String::new(), due: None };
        let mut run = |program: &Program| {
            let open = program.events.iter().position(|event| matches!(event, Event::Open { .. }))?;
            let long = |event: &Event| matches!(event, Event::Text { length: 7.., .. });
            program.events[open..].iter().any(long).then(|| violation.clone())
        };
        let mut found = 0;
        for seed in 0..400 {
            let program = program(&mut Random::new(seed));
            let Some(first) = run(&program) else { continue };
            found += 1;
            let (small, _) = minimise(&program, &first, &mut run);
            let [Event::Open { .. }, Event::Text { length, .. }] = small.events[..] else { panic!("{small:?}") };
            assert!((7..14).contains(&length), "seed {seed}: {small:?}");
            assert_eq!((small.setup.profile, small.setup.v6, small.setup.seed), (Setup::default().profile, false, 0));
        }
        assert!(found > 20, "{found}");
    }
}
