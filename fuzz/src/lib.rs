//! Fuzz targets as plain functions: octets in, a panic when an oracle is violated.
//!
//! A function takes any octets. `fuzz_targets/` wraps each for a coverage-guided engine; `cargo test` runs each over the
//! committed seeds (`corpus/`) and over what was once found (`regressions/`), without any engine.

pub mod canary;
pub mod dice;
pub mod endpoint_pair;
pub mod finding;
pub mod reassembly;
pub mod script_parser;
pub mod segment_parser;
pub mod state_machine;
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
    /// Panics when an oracle is violated.
    pub run: fn(&[u8]),
}

/// Every target that must hold for every input; the canary, which must not, is not among them.
pub const TARGETS: [Target; 5] = [
    Target { name: "endpoint_pair", run: endpoint_pair::run },
    Target { name: "reassembly", run: reassembly::run },
    Target { name: "script_parser", run: script_parser::run },
    Target { name: "segment_parser", run: segment_parser::run },
    Target { name: "state_machine", run: state_machine::run },
];
