//! What a connection went through: state x event x state, for engines and for people.
//!
//! libFuzzer takes counters of the section `__libfuzzer_extra_counters` as coverage beside that of the code. From Rust the section stays
//! only if the static is used and written through a volatile pointer; look for `INFO: N Extra Counters` in the engine's output.

use crate::machine::Watch;
use crate::program::Event;
use halfopen_stack::State;

/// Kinds of events, and the end of a program.
pub const KINDS: usize = Event::KINDS.len() + 1;
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
    Event::KINDS.iter().position(|(_, known)| *known == kind).unwrap_or(KINDS - 1)
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
    /// Steps with this event in this state.
    #[must_use]
    pub fn count(&self, state: State, kind: usize) -> u64 {
        self.cells[state as usize * KINDS + kind].iter().sum()
    }
}

/// Cells of the matrix that no program fills, and why. CLOSED is also where no connection is; LISTEN belongs to a socket, not to a
/// connection, and has no row of its own.
pub const UNREACHABLE: &[(&str, &str)] = &[
    ("hold, lose, duplicate", "they change the network; what they do shows at the next event"),
    ("wait, wait-for-timer, wait-long", "a timer is a step of every connection at once, and is not counted for one"),
    ("accept, close-listener, listen", "they are calls on the listener"),
    ("open in any state but CLOSED", "it opens nothing where a connection is"),
    ("connect in states of passive connections only", "connections 0 and 1 are opened by the peer"),
    (
        "send, receive, shutdown, close, abort, option in SYN-RECEIVED of a passive connection",
        "it has no socket before it is accepted",
    ),
    (
        "close, abort in TIME-WAIT, CLOSING, LAST-ACK after close",
        "the descriptor is gone; after shutdown they are reached",
    ),
];
