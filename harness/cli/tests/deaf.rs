//! No test of the suite passes on a stack that nothing reaches any more, from whichever of its segments on.

use halfopen_cli::args::SutArgs;
use halfopen_cli::select::{Case, Filter, select};
use halfopen_cli::specs::Specs;
use halfopen_cli::suite::Suite;
use halfopen_cli::sut::Opener;
use halfopen_engine::call::{Reply, SysCall};
use halfopen_engine::outcome::{Outcome, Verdict};
use halfopen_engine::sut::{Description, Evidence, Happening, Micros, Setup, Sut, SutError};
use halfopen_engine::{RunOptions, run};
use halfopen_script::silences;
use halfopen_script::test::Test;
use std::path::Path;

/// The reference stack behind a way that breaks with the n-th segment to it. Nothing is counted as lost: nobody noticed.
struct Broken {
    inner: Box<dyn Sut>,
    /// Segments that still get through.
    left: usize,
    /// Segments that were sent.
    sent: usize,
    broken: bool,
}

impl Sut for Broken {
    fn describe(&self) -> &Description {
        self.inner.describe()
    }

    fn start(&mut self, setup: &Setup) -> Result<(), SutError> {
        self.inner.start(setup)
    }

    fn now(&mut self) -> Micros {
        self.inner.now()
    }

    fn inject(&mut self, datagram: &[u8]) -> Result<Micros, SutError> {
        self.sent += 1;
        self.broken |= self.left == 0;
        if self.broken {
            return Ok(self.inner.now());
        }
        self.left -= 1;
        self.inner.inject(datagram)
    }

    fn next(&mut self, deadline: Micros) -> Result<Happening, SutError> {
        loop {
            match self.inner.next(deadline)? {
                Happening::Datagram { .. } if self.broken => {}
                other @ (Happening::Datagram { .. } | Happening::Returned { .. } | Happening::Deadline) => {
                    return Ok(other);
                }
            }
        }
    }

    fn call(&mut self, call: &SysCall) -> Result<Reply, SutError> {
        self.inner.call(call)
    }

    fn command(&mut self, line: &str) -> Result<(), SutError> {
        self.inner.command(line)
    }

    fn tcp_info(&mut self, fd: i32) -> Result<Vec<(String, i64)>, SutError> {
        self.inner.tcp_info(fd)
    }

    fn finish(&mut self) -> Result<Evidence, SutError> {
        self.inner.finish()
    }
}

fn play(test: &Test, suite: &Suite, left: usize) -> (Outcome, usize) {
    let inner = Opener::new(&SutArgs::reference()).map(|opener| opener.open().expect("in-process"));
    let mut sut = Broken { inner: inner.expect("in-process needs nothing"), left, sent: 0, broken: false };
    let outcome = run(test, &suite.sources, &mut sut, &RunOptions::default());
    (outcome, sut.sent)
}

#[test]
fn no_test_passes_on_a_stack_that_nothing_reaches() {
    let specs = Specs::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../specs")).expect("they are readable");
    let mut suite = Suite::load(&specs);
    let filter = Filter { sut: Some("reference".into()), ..Filter::default() };
    let cases = select(&mut suite, &[], &filter).expect("there are tests").cases;
    let params = Opener::new(&SutArgs::reference()).and_then(|opener| opener.describe()).expect("in-process").params;
    let (mut passed, mut runs, mut controlled) = (Vec::new(), 0, 0);
    // The last variant of each script: its lines, and so its silences, are the same in nearly all of them.
    let last: Vec<Case> =
        cases.chunk_by(|a, b| a.script == b.script).map(|group| group[group.len() - 1].clone()).collect();
    for case in last {
        let test = suite.expand(case.script, &case.variant, &params).unwrap_or_else(|_| panic!("{}", case.id));
        let (whole, sent) = play(&test, &suite, usize::MAX);
        if whole.verdict != Verdict::Pass {
            continue;
        }
        let control = whole.trace.iter().any(|entry| entry.text.starts_with("control: a"));
        let derived = silences(&test).iter().any(|silence| silence.kind.needs_control());
        assert!(control || !derived, "{}: no control was made", case.id);
        controlled += usize::from(control);
        for left in 0..sent {
            runs += 1;
            if play(&test, &suite, left).0.verdict == Verdict::Pass {
                passed.push(format!("{} without its segments from the {}th on of {sent}", case.id, left + 1));
            }
        }
    }
    assert!(controlled > 100 && runs > 1000, "{controlled} tests end with a control, {runs} runs");
    assert!(passed.is_empty(), "{} of {runs} runs pass\n{}", passed.len(), passed.join("\n"));
}
