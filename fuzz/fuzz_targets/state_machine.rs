//! Shell around [`halfopen_fuzz::state_machine`] for coverage-guided engines.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| halfopen_fuzz::state_machine::run(octets));
