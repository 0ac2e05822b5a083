//! Fuzz targets as plain functions: octets in, a panic when an oracle is violated.
//!
//! A function takes any octets. `fuzz_targets/` wraps each for a coverage-guided engine; `cargo test` runs each over the
//! committed seeds (`corpus/`) and over what was once found (`regressions/`), without any engine.

pub mod canary;
pub mod choices;
pub mod coverage;
pub mod datagram;
pub mod dice;
pub mod differential;
pub mod endpoint_pair;
pub mod finding;
pub mod listener;
pub mod machine;
pub mod minimise;
pub mod oracles;
pub mod pattern;
pub mod profile;
pub mod program;
pub mod program_codec;
pub mod reassembly;
pub mod recorded;
pub mod retransmission;
pub mod round_trip;
pub mod script;
pub mod script_parser;
pub mod segment_parser;
pub mod state_machine;
pub mod told;
pub mod wire;

#[cfg(test)]
mod replay;
#[cfg(test)]
mod seeds;

/// A target by name.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// As in `fuzz_targets/`, `corpus/` and `regressions/`.
    pub name: &'static str,
    /// What an input is, and what is asked of it, in a line.
    pub about: &'static str,
    /// Panics when an oracle is violated.
    pub run: fn(&[u8]),
}

/// Plays an input and names each state and what met it.
pub type Met = fn(&[u8], &mut dyn FnMut(&str, &str));

/// Targets that can tell which event met which state of a connection.
pub const MATRICES: [(&str, Met); 2] = [("endpoint_pair", endpoint_pair::met), ("state_machine", state_machine::met)];

/// Targets whose functions are in the crate of the tool, which depends on this one: for what the tool itself reads.
pub const ELSEWHERE: [&str; 4] = ["data_files", "evaluator", "pcapng_reader", "stored_runs"];

/// Every target that must hold for every input; the canary, which must not, is not among them.
pub const TARGETS: [Target; 9] = [
    Target {
        name: "endpoint_pair",
        about: "a seed and its draws: two stacks over a hostile network, which then gets well",
        run: endpoint_pair::run,
    },
    Target {
        name: "listener",
        about: "SYNs, ACKs, RSTs, text and FINs of four remote sockets at one listener, with accept, close and time",
        run: listener::run,
    },
    Target {
        name: "program_codec",
        about: "octets: a program is decoded, encoded, mutated and crossed, and means the same",
        run: program_codec::run,
    },
    Target {
        name: "reassembly",
        about: "pieces of text: the stack's receive queue and a naive model agree",
        run: reassembly::run,
    },
    Target {
        name: "retransmission",
        about: "ACKs, duplicates, waits: timeout and congestion window are those of executable RFCs",
        run: retransmission::run,
    },
    Target {
        name: "round_trip",
        about: "a segment, option by option: four codecs read the same",
        run: round_trip::run,
    },
    Target {
        name: "script_parser",
        about: "text: printing and parsing is the identity, diagnostics point into the text",
        run: script_parser::run,
    },
    Target {
        name: "segment_parser",
        about: "a datagram: the stack's codec and the harness's agree, what parses emits the same",
        run: segment_parser::run,
    },
    Target {
        name: "state_machine",
        about: "a program of segments, socket calls, ICMP errors and time, on one stack",
        run: state_machine::run,
    },
];
