//! Shell around [`halfopen_fuzz::round_trip`] for coverage-guided engines.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| halfopen_fuzz::round_trip::run(octets));
