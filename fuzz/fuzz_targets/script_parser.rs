//! Shell around [`halfopen_fuzz::script_parser`] for coverage-guided engines.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| halfopen_fuzz::script_parser::run(octets));
