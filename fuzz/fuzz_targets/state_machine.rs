//! Shell around [`halfopen_fuzz::state_machine`] for coverage-guided engines: with a mutator that knows what an event is, and counters
//! for what a connection went through.

#![no_main]

use halfopen_fuzz::program::Program;
use halfopen_fuzz::program::mutate::{cross_over, mutate_octets, store};
use libfuzzer_sys::{Corpus, fuzz_crossover, fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|octets: &[u8]| -> Corpus {
    if Program::decode(octets).is_err() {
        return Corpus::Reject;
    }
    halfopen_fuzz::state_machine::run_counting(octets);
    Corpus::Keep
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    // With a mutator of its own libFuzzer uses no other: now and then its own does what ours cannot think of.
    if seed.is_multiple_of(16) {
        return fuzzer_mutate(data, size, max_size);
    }
    mutate_octets(data, size, max_size, seed).unwrap_or_else(|| fuzzer_mutate(data, size, max_size))
});

fuzz_crossover!(|data1: &[u8], data2: &[u8], out: &mut [u8], seed: u32| {
    let decode = |octets| Program::decode(octets).unwrap_or_default();
    let most = out.len();
    store(&cross_over(&decode(data1), &decode(data2), seed.into()), out, most).unwrap_or(0)
});
