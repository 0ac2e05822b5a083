//! Shell around [`halfopen_fuzz::endpoint_pair`] for coverage-guided engines.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| halfopen_fuzz::endpoint_pair::run(octets));
