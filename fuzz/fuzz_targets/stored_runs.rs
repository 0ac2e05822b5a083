//! Shell around [`halfopen_cli::fuzzed`] for coverage-guided engines.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| (halfopen_cli::fuzzed::target("stored_runs").run)(octets));
