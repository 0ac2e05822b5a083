//! What the reference adapter itself costs: a test's start and end, and a round trip through the stack.

#[path = "../tests/support/mod.rs"]
mod support;

use divan::Bencher;
use halfopen_engine::sut::Sut as _;
use halfopen_script::test::Family;
use halfopen_sut::reference::Reference;
use support::{Path, SYN, expect, setup};

fn main() {
    divan::main();
}

/// A whole test with nothing in it.
#[divan::bench(args = [Family::V4, Family::V6])]
fn start_and_finish(bencher: Bencher<'_, '_>, family: Family) {
    let mut sut = Reference::new(None).expect("the default profile");
    bencher.bench_local(|| {
        sut.start(&setup(family)).expect("it starts");
        sut.finish().expect("it ends")
    });
}

/// SYN to a closed port until its reset has been read.
#[divan::bench(args = [Family::V4, Family::V6])]
fn round_trip(bencher: Bencher<'_, '_>, family: Family) {
    let mut sut = Reference::new(None).expect("the default profile");
    sut.start(&setup(family)).expect("it starts");
    let syn = Path::of(&setup(family)).segment(SYN, 1000, 0, &[]);
    bencher.bench_local(|| {
        sut.inject(&syn).expect("it is injected");
        expect(&mut sut)
    });
}
