//! What the kernel adapter itself costs: a test's start and end, and a round trip through the kernel.

#[path = "../tests/support/mod.rs"]
mod support;

use divan::Bencher;
use halfopen_engine::sut::Sut as _;
use halfopen_script::test::Family;
use halfopen_sut::linux::{Linux, available};
use support::{Path, SYN, expect, setup};

fn main() {
    match available() {
        Ok(()) => divan::main(),
        Err(missing) => println!("not run: {missing}"),
    }
}

/// A whole test with nothing in it.
#[divan::bench(args = [Family::V4, Family::V6])]
fn start_and_finish(bencher: Bencher<'_, '_>, family: Family) {
    let mut sut = Linux::new().expect("the host has /proc");
    bencher.bench_local(|| {
        sut.start(&setup(family)).expect("it starts");
        sut.finish().expect("it ends")
    });
}

/// What a test costs that does nothing, with the wait for its place between two ticks.
#[divan::bench]
fn fixed_cost_of_a_test(bencher: Bencher<'_, '_>) {
    let mut sut = Linux::new().expect("the host has /proc");
    bencher.bench_local(|| {
        sut.start(&setup(Family::V4)).expect("it starts");
        sut.align().expect("the kernel ticks");
        sut.finish().expect("it ends")
    });
}

/// SYN to a closed port until its reset has been read.
#[divan::bench(args = [Family::V4, Family::V6])]
fn round_trip(bencher: Bencher<'_, '_>, family: Family) {
    let mut sut = Linux::new().expect("the host has /proc");
    sut.start(&setup(family)).expect("it starts");
    let syn = Path::of(&setup(family)).segment(SYN, 1000, 0, &[]);
    bencher.bench_local(|| {
        sut.inject(&syn).expect("it is injected");
        expect(&mut sut)
    });
}
