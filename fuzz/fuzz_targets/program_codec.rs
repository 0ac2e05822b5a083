//! Shell around [`halfopen_fuzz::program_codec`] for coverage-guided engines.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| halfopen_fuzz::program_codec::run(octets));
