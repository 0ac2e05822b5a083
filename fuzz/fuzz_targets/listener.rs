//! Shell around [`halfopen_fuzz::listener`] for coverage-guided engines.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| halfopen_fuzz::listener::run(octets));
