//! Mutations that know what an event is. Each is a function of the program and a seed, so that an engine can repeat it.

use super::random::{self, Random};
use super::{At, Event, MOST_EVENTS, Program, Ref, Segment, Way, edges};

/// Changes a program a little: one mutation as a rule, seldom two or three.
pub fn mutate(program: &mut Program, seed: u64) {
    let mut random = Random::new(seed);
    for _ in 0..random.one_of(&[1, 1, 1, 2, 3]) {
        let mutation = random.one_of(MUTATIONS);
        mutation(program, &mut random);
        program.events.truncate(MOST_EVENTS);
    }
}

/// One program of two: the beginning of the first, the rest of the second, cut where as many connections were opened.
#[must_use]
pub fn cross_over(first: &Program, second: &Program, seed: u64) -> Program {
    let mut random = Random::new(seed);
    let cut = random.below(first.events.len() + 1);
    let opened = |events: &[Event]| events.iter().filter(|event| opens(event)).count();
    let wanted = opened(&first.events[..cut]);
    let fits: Vec<usize> = (0..=second.events.len()).filter(|at| opened(&second.events[..*at]) == wanted).collect();
    let from = if fits.is_empty() { random.below(second.events.len() + 1) } else { random.one_of(&fits) };
    let setup = if random.one_in(2) { first.setup } else { second.setup };
    let mut events = first.events[..cut].to_vec();
    events.extend_from_slice(&second.events[from..]);
    events.truncate(MOST_EVENTS);
    Program { setup, events }
}

fn opens(event: &Event) -> bool {
    matches!(event, Event::Open { .. } | Event::Syn { .. } | Event::Connect { .. })
}

type Mutation = fn(&mut Program, &mut Random);

const MUTATIONS: &[Mutation] = &[
    insert,
    insert,
    insert,
    delete,
    swap,
    duplicate,
    perturb_reference,
    perturb_reference,
    replace_field,
    replace_field,
    move_time,
    replay_suffix,
    change_window,
    change_window,
    lose_around,
    change_setup,
    delete_many,
    other_connection,
];

/// A connection that the program is about, if any.
fn a_connection(program: &Program, random: &mut Random) -> At {
    let used: Vec<At> = program.events.iter().filter_map(Event::at).collect();
    if used.is_empty() || random.one_in(8) { At::new(random.next() as u8) } else { random.one_of(&used) }
}

/// A place in the program, often near its end: what comes later meets more states.
fn place(program: &Program, random: &mut Random) -> Option<usize> {
    let count = program.events.len();
    (count > 0).then(|| if random.one_in(2) { random.below(count) } else { count - 1 - random.below(count.min(8)) })
}

fn insert(program: &mut Program, random: &mut Random) {
    let at = a_connection(program, random);
    let event = random::event(random, at);
    let count = program.events.len();
    let place = if random.one_in(2) { random.below(count + 1) } else { count };
    if count >= MOST_EVENTS {
        program.events.remove(random.below(count));
    }
    program.events.insert(place.min(program.events.len()), event);
}

fn delete(program: &mut Program, random: &mut Random) {
    if let Some(place) = place(program, random) {
        program.events.remove(place);
    }
}

fn delete_many(program: &mut Program, random: &mut Random) {
    if let Some(first) = place(program, random) {
        let last = program.events.len().min(first + 1 + random.below(8));
        program.events.drain(first..last);
    }
}

fn swap(program: &mut Program, random: &mut Random) {
    if let Some(place) = place(program, random) {
        let other = if random.one_in(2) { random.below(program.events.len()) } else { place.saturating_sub(1) };
        program.events.swap(place, other);
    }
}

fn duplicate(program: &mut Program, random: &mut Random) {
    if let Some(place) = place(program, random) {
        let event = program.events[place];
        for _ in 0..random.one_of(&[1, 1, 1, 2, 3]) {
            program.events.insert(place, event);
        }
    }
}

/// A segment of the program; if there is none, an ACK becomes one.
fn a_segment<'a>(program: &'a mut Program, random: &mut Random) -> Option<&'a mut Segment> {
    let places: Vec<usize> = (0..program.events.len())
        .filter(|place| {
            matches!(program.events[*place], Event::Segment { .. } | Event::Acknowledge { .. } | Event::Text { .. })
        })
        .collect();
    let place = if places.is_empty() { return None } else { random.one_of(&places) };
    if let Event::Acknowledge { at, window } = program.events[place] {
        program.events[place] = Event::Segment { at, segment: Segment { window, ..Segment::ack() } };
    } else if let Event::Text { at, length } = program.events[place] {
        program.events[place] = Event::Segment { at, segment: Segment::text(length) };
    }
    if let Event::Segment { segment, .. } = &mut program.events[place] { Some(segment) } else { None }
}

/// One number by one, or to an edge.
fn perturb_reference(program: &mut Program, random: &mut Random) {
    let Some(segment) = a_segment(program, random) else { return };
    let reference = if random.one_in(2) { &mut segment.seq } else { &mut segment.ack };
    if random.one_in(3) {
        *reference = random::reference(random);
        return;
    }
    match reference {
        Ref::Next(offset) | Ref::Acknowledged(offset) | Ref::Edge(offset) | Ref::First(offset) => {
            *offset = offset.wrapping_add(random.one_of(&[1, -1, 1, -1, 100, -100]));
        }
        Ref::Far(power) => *power = power.wrapping_add(1),
        Ref::Absolute(number) => *number = number.wrapping_add(random.one_of(&[1, u32::MAX])),
    }
}

fn replace_field(program: &mut Program, random: &mut Random) {
    let other = random::segment(random);
    let Some(segment) = a_segment(program, random) else { return };
    match random.below(9) {
        0 => segment.flags = other.flags,
        1 => segment.flags ^= 1 << random.below(8),
        2 => segment.length = random.one_of(edges::LENGTHS),
        3 => segment.stamps = random::stamps(random),
        4 => segment.odd = random::odd(random),
        5 => segment.sacks = other.sacks,
        6 => segment.damage = random::damage(random),
        7 => segment.ecn = random.below(4) as u8,
        _ => segment.urgent = other.urgent,
    }
}

fn is_time(event: &Event) -> bool {
    matches!(event, Event::Wait { .. } | Event::WaitForTimer {} | Event::WaitLong { .. })
}

/// Time passes somewhere else, or another time; if none passes, some does.
fn move_time(program: &mut Program, random: &mut Random) {
    let waits: Vec<usize> = (0..program.events.len()).filter(|place| is_time(&program.events[*place])).collect();
    let event = if waits.is_empty() || random.one_in(3) {
        let micros = random.one_of(edges::MICROS);
        random.one_of(&[Event::WaitForTimer {}, Event::Wait { micros }])
    } else {
        program.events.remove(random.one_of(&waits))
    };
    let place = random.below(program.events.len() + 1);
    program.events.insert(place, event);
}

/// What led to the end of a connection once more, behind that end.
fn replay_suffix(program: &mut Program, random: &mut Random) {
    let Some(last) = place(program, random) else { return };
    let first = last.saturating_sub(random.below(6));
    let at = program.events[last].at().unwrap_or_default();
    let end =
        random.one_of(&[Event::Reset { at }, Event::Fin { at }, Event::Syn { at, ack: false }, Event::Close { at }]);
    let suffix = program.events[first..=last].to_vec();
    program.events.push(end);
    program.events.extend(suffix);
}

fn change_window(program: &mut Program, random: &mut Random) {
    let window = random.one_of(edges::WINDOWS);
    let places: Vec<usize> = (0..program.events.len())
        .filter(|place| matches!(program.events[*place], Event::Acknowledge { .. } | Event::Segment { .. }))
        .collect();
    if places.is_empty() {
        let at = a_connection(program, random);
        program.events.push(Event::Acknowledge { at, window });
        return;
    }
    let event = &mut program.events[random.one_of(&places)];
    if let Event::Acknowledge { window: old, .. } = event {
        *old = window;
    } else if let Event::Segment { segment, .. } = event {
        segment.window = window;
    }
}

/// What is sent at this place gets lost, and its sender finds out by its timer.
fn lose_around(program: &mut Program, random: &mut Random) {
    let Some(place) = place(program, random) else { return };
    let way = random.one_of(&[Way::ToHost, Way::ToPeer]);
    program.events.insert(place, Event::Lose { way, count: random.one_of(&[1, 1, 2, 8]) });
    if random.one_in(2) {
        program.events.insert((place + 2).min(program.events.len()), Event::WaitForTimer {});
    }
}

fn change_setup(program: &mut Program, random: &mut Random) {
    let other = random::program(random).setup;
    let setup = &mut program.setup;
    match random.below(12) {
        0 => setup.profile = other.profile,
        1 => setup.v6 = !setup.v6,
        2 => setup.timestamps = !setup.timestamps,
        3 => setup.sack = !setup.sack,
        4 => setup.shift = other.shift,
        5 => setup.mss = other.mss,
        6 => setup.receive_buffer = other.receive_buffer,
        7 => setup.send_buffer = other.send_buffer,
        8 => setup.no_delay = !setup.no_delay,
        9 => setup.iss = other.iss,
        10 => setup.ending = other.ending,
        _ => (setup.seed, setup.backlog) = (other.seed, other.backlog),
    }
}

/// The whole program about another connection: from passive to active, or the other way round.
fn other_connection(program: &mut Program, random: &mut Random) {
    let (from, to) = (a_connection(program, random), At::new(random.next() as u8));
    for event in &mut program.events {
        if let Some(at) = event.at_mut()
            && *at == from
        {
            *at = to;
        }
    }
}

impl Event {
    fn at_mut(&mut self) -> Option<&mut At> {
        match self {
            Self::Segment { at, .. }
            | Self::Text { at, .. }
            | Self::Acknowledge { at, .. }
            | Self::Syn { at, .. }
            | Self::Fin { at }
            | Self::Reset { at }
            | Self::Open { at }
            | Self::Again { at, .. }
            | Self::Hold { at }
            | Self::Icmp { at, .. }
            | Self::Duplicate { at }
            | Self::Connect { at }
            | Self::Send { at, .. }
            | Self::Receive { at, .. }
            | Self::Shutdown { at, .. }
            | Self::Close { at }
            | Self::Abort { at }
            | Self::Option { at, .. } => Some(at),
            Self::Lose { .. }
            | Self::Wait { .. }
            | Self::WaitForTimer {}
            | Self::WaitLong { .. }
            | Self::Accept {}
            | Self::CloseListener {}
            | Self::Listen { .. } => None,
        }
    }
}

/// The engine's octets as it wants them back: mutated in place, at most `most` octets. How many there are now. `None`: they are no
/// program, or the new ones do not fit.
pub fn mutate_octets(octets: &mut [u8], size: usize, most: usize, seed: u32) -> Option<usize> {
    let mut program = Program::decode(&octets[..size]).unwrap_or_default();
    mutate(&mut program, seed.into());
    store(&program, octets, most)
}

/// Writes a program where the engine wants it, without the last events that do not fit.
pub fn store(program: &Program, octets: &mut [u8], most: usize) -> Option<usize> {
    let mut program = program.clone();
    loop {
        let encoded = program.encode();
        if encoded.len() <= most.min(octets.len()) {
            octets[..encoded.len()].copy_from_slice(&encoded);
            return Some(encoded.len());
        }
        program.events.pop()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_programs_and_every_mutation_changes_some_program() {
        let mut changed = vec![false; MUTATIONS.len()];
        for seed in 0..300 {
            let program = random::program(&mut Random::new(seed));
            for (index, mutation) in MUTATIONS.iter().enumerate() {
                let (mut once, mut twice) = (program.clone(), program.clone());
                mutation(&mut once, &mut Random::new(seed));
                mutation(&mut twice, &mut Random::new(seed));
                assert_eq!(once, twice, "mutation {index} of seed {seed}");
                changed[index] |= once != program;
            }
        }
        assert!(changed.iter().all(|changed| *changed), "{changed:?}");
    }

    #[test]
    fn mutated_octets_fit_and_are_a_program() {
        for seed in 0..2_000_u32 {
            let mut octets = vec![0; 600];
            let encoded = random::program(&mut Random::new(seed.into())).encode();
            let size = encoded.len().min(600);
            octets[..size].copy_from_slice(&encoded[..size]);
            let most = 100 + seed as usize % 500;
            let size = mutate_octets(&mut octets, size, most, seed).expect("room for a set-up");
            assert!(size <= most);
            let program = Program::decode(&octets[..size]).expect("a program");
            assert_eq!(program.encode(), octets[..size]);
        }
    }

    #[test]
    fn a_crossed_program_has_its_beginning_from_the_first() {
        for seed in 0..500 {
            let mut random = Random::new(seed);
            let (first, second) = (random::program(&mut random), random::program(&mut random));
            let crossed = cross_over(&first, &second, seed);
            assert_eq!(crossed, cross_over(&first, &second, seed));
            assert!(crossed.events.len() <= MOST_EVENTS);
            assert!(crossed.events.iter().all(|event| first.events.contains(event) || second.events.contains(event)));
        }
    }
}
