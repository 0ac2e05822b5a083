//! What a connection went through: state x event x state, for engines and for people.
//!
//! libFuzzer takes counters of the section `__libfuzzer_extra_counters` as coverage beside that of the code. From Rust the section stays
//! only if the static is used and written through a volatile pointer; look for `INFO: N Extra Counters` in the engine's output.

use crate::machine::{self, Watch};
use crate::program::{Event, Program};
use halfopen_stack::State;
use std::fmt;

/// Kinds of events, timers, and the end of a program.
pub const KINDS: usize = Event::KINDS.len() + 2;
/// The kind of a step that begins with a timer, whichever event has made the time pass.
pub const TIMER: &str = "timer";
/// States, CLOSED and no connection being one.
pub const STATES: usize = State::ALL.len();
const COUNTERS: usize = (STATES * KINDS * STATES).next_multiple_of(8);

#[used]
#[cfg_attr(target_os = "linux", unsafe(link_section = "__libfuzzer_extra_counters"))]
#[allow(unsafe_code, reason = "an engine finds its counters by their section")]
static mut EXTRA_COUNTERS: [u8; COUNTERS] = [0; COUNTERS];

/// The number of a kind of event.
#[must_use]
pub fn kind_number(kind: &str) -> usize {
    let event = Event::KINDS.iter().position(|(_, known)| *known == kind);
    event.unwrap_or(if kind == TIMER { KINDS - 2 } else { KINDS - 1 })
}

/// The kind of event of this number.
#[must_use]
pub fn kind_name(kind: usize) -> &'static str {
    match Event::KINDS.get(kind) {
        Some((_, name)) => name,
        None if kind == KINDS - 2 => TIMER,
        None => "end",
    }
}

/// The number of a state.
#[must_use]
pub const fn state_number(state: Option<State>) -> usize {
    match state {
        None => 0,
        Some(state) => state as usize,
    }
}

/// Counts for an engine.
#[derive(Debug, Clone, Copy)]
pub struct Counting;

impl Watch for Counting {
    fn step(&mut self, kind: &'static str, from: Option<State>, to: Option<State>) {
        let index = (state_number(from) * KINDS + kind_number(kind)) * STATES + state_number(to);
        add(index);
    }
}

#[allow(unsafe_code, reason = "the counters are a static that the engine reads")]
fn add(index: usize) {
    assert!(index < COUNTERS, "a counter for each state, event and state");
    // SAFETY: the index lies inside; a target runs on one thread, and nobody else in the process writes here. Volatile, lest the
    // compiler see that nobody in Rust reads it.
    unsafe {
        let counter = (&raw mut EXTRA_COUNTERS).cast::<u8>().add(index);
        counter.write_volatile(counter.read_volatile().saturating_add(1));
    }
}

/// How often each event met each state, and where it led.
#[derive(Debug, Clone)]
pub struct Matrix {
    cells: Vec<[u64; STATES]>,
}

impl Default for Matrix {
    fn default() -> Self {
        Self { cells: vec![[0; STATES]; STATES * KINDS] }
    }
}

impl Watch for Matrix {
    fn step(&mut self, kind: &'static str, from: Option<State>, to: Option<State>) {
        self.cells[state_number(from) * KINDS + kind_number(kind)][state_number(to)] += 1;
    }
}

impl Matrix {
    /// Runs a program and counts what it does.
    pub fn add(&mut self, program: &Program) {
        machine::run(program, self);
    }

    /// Steps with this event in this state.
    #[must_use]
    pub fn count(&self, state: State, kind: usize) -> u64 {
        self.cells[state as usize * KINDS + kind].iter().sum()
    }

    /// Cells that hold something although [`UNREACHABLE`] says that nothing does.
    #[must_use]
    pub fn contradictions(&self) -> Vec<Cell> {
        cells().filter(|cell| explanation(*cell).is_some() && self.count(cell.1, cell.0) > 0).collect()
    }

    /// Cells that hold nothing, and of which [`UNREACHABLE`] does not say why.
    #[must_use]
    pub fn unexplained(&self) -> Vec<Cell> {
        cells().filter(|cell| explanation(*cell).is_none() && self.count(cell.1, cell.0) == 0).collect()
    }
}

/// The counts, `.` for an empty cell that is explained and `?` for one that is not; then where each state was left for.
impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:16}", "")?;
        for state in columns() {
            write!(f, "{:>13}", state.name())?;
        }
        writeln!(f)?;
        for kind in 0..KINDS {
            write!(f, "{:16}", kind_name(kind))?;
            for state in columns() {
                match self.count(state, kind) {
                    0 if explanation((kind, state)).is_some() => write!(f, "{:>13}", ".")?,
                    0 => write!(f, "{:>13}", "?")?,
                    count => write!(f, "{count:>13}")?,
                }
            }
            writeln!(f)?;
        }
        writeln!(f)?;
        for from in columns() {
            for to in columns().filter(|to| *to != from) {
                let led = |kind: &usize| self.cells[from as usize * KINDS + kind][to as usize] > 0;
                let kinds: Vec<&str> = (0..KINDS).filter(led).map(kind_name).collect();
                if !kinds.is_empty() {
                    writeln!(f, "{} -> {}: {}", from.name(), to.name(), kinds.join(", "))?;
                }
            }
        }
        Ok(())
    }
}

/// A kind of event and a state.
pub type Cell = (usize, State);

/// The states of a connection. LISTEN is that of a socket.
fn columns() -> impl Iterator<Item = State> {
    State::ALL.into_iter().filter(|state| *state != State::Listen)
}

fn cells() -> impl Iterator<Item = Cell> {
    (0..KINDS).flat_map(|kind| columns().map(move |state| (kind, state)))
}

/// Cells that no program fills.
#[derive(Debug, Clone, Copy)]
pub struct Unreachable {
    /// Kinds of events.
    pub kinds: &'static [&'static str],
    /// States; none: all.
    pub states: &'static [State],
    /// Why.
    pub why: &'static str,
}

/// Cells of the matrix that no program fills, and why. CLOSED is also where no connection is.
pub const UNREACHABLE: &[Unreachable] = &[
    Unreachable {
        kinds: &["hold", "lose", "duplicate"],
        states: &[],
        why: "they change the network; what they do shows at the next segment",
    },
    Unreachable {
        kinds: &["wait", "wait-for-timer", "wait-long"],
        states: &[],
        why: "they let time pass; the timers that then fire are the row `timer`",
    },
    Unreachable {
        kinds: &["accept", "listen"],
        states: &[],
        why: "calls on the listener, which move no connection (RFC 9293 3.10.1)",
    },
    Unreachable {
        kinds: &["close-listener"],
        states: &[
            State::Closed,
            State::SynSent,
            State::FinWait1,
            State::FinWait2,
            State::Closing,
            State::LastAck,
            State::TimeWait,
        ],
        why: "it ends what waits to be accepted (RFC 9293 3.10.4), and no user has closed that or opened it",
    },
    Unreachable {
        kinds: &["open"],
        states: &[State::FinWait1, State::FinWait2, State::CloseWait, State::Closing, State::LastAck, State::TimeWait],
        why: "a handshake where no connection is, and the states that it passes are before these (RFC 9293 Figure 5)",
    },
];

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let states: Vec<&str> = self.states.iter().map(|state| state.name()).collect();
        let states = if states.is_empty() { "any state".to_owned() } else { states.join(", ") };
        write!(f, "- {} in {states}: {}", self.kinds.join(", "), self.why)
    }
}

/// Why a cell stays empty, if it has to.
#[must_use]
pub fn explanation((kind, state): Cell) -> Option<&'static str> {
    let name = kind_name(kind);
    let of = |known: &&Unreachable| {
        known.kinds.contains(&name) && (known.states.is_empty() || known.states.contains(&state))
    };
    UNREACHABLE.iter().find(of).map(|known| known.why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::random::{Random, program};
    use crate::replay::files;
    use std::collections::BTreeSet;

    /// What the page says of empty cells is true of all that is known.
    #[test]
    fn cells_said_to_be_unreachable_are_not_reached() {
        let mut matrix = Matrix::default();
        for file in files("corpus/state_machine").into_iter().chain(files("regressions/state_machine")) {
            let octets = std::fs::read(file).expect("a readable file");
            matrix.add(&Program::decode(&octets).unwrap_or_default());
        }
        for seed in 0..500 {
            matrix.add(&program(&mut Random::new(seed)));
        }
        assert_eq!(matrix.contradictions(), []);
    }

    #[test]
    fn the_page_lists_the_cells_that_nothing_reaches() {
        let page = include_str!("../../docs/fuzz-coverage.md");
        for known in UNREACHABLE {
            assert!(
                page.contains(&format!("{known}\n")),
                "docs/fuzz-coverage.md: cargo ci fuzz-coverage --write\n{known}"
            );
        }
    }

    #[test]
    fn a_cell_that_is_reached_contradicts() {
        let mut matrix = Matrix::default();
        matrix.step("hold", Some(State::Established), Some(State::Established));
        assert_eq!(matrix.contradictions(), [(kind_number("hold"), State::Established)]);
    }

    #[test]
    fn kinds_have_names_and_numbers() {
        let names: BTreeSet<&str> = (0..KINDS).map(kind_name).collect();
        assert_eq!(names.len(), KINDS);
        assert!((0..KINDS).all(|kind| kind_number(kind_name(kind)) == kind));
        for known in UNREACHABLE {
            assert!(known.kinds.iter().all(|kind| names.contains(kind)), "{known:?}");
        }
    }
}
