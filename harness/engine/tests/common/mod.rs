//! Scripts as text, run on a fake.
#![allow(dead_code, reason = "each test file uses a part")]

use halfopen_engine::outcome::{Mismatch, Outcome, Verdict};
use halfopen_engine::sut::Sut;
use halfopen_engine::{RunOptions, run};
use halfopen_script::test::{Family, Test};
use halfopen_script::{NoFixtures, Sources, expand, parse, variants};

/// The variant of a script with this family.
pub(crate) fn test(text: &str, family: &str) -> (Test, Sources) {
    let mut sources = Sources::new();
    let file = sources.add("test.pkt", text);
    let script = parse(&sources, file).unwrap_or_else(|faults| panic!("{faults:?}"));
    let mut variant = variants(&script).swap_remove(0);
    variant.family = match family {
        "v4" => Family::V4,
        "v6" => Family::V6,
        _ => Family::V4Mapped,
    };
    let params = [("time_wait".to_owned(), 60_000_000)];
    let test = expand("test", &script, &variant, &mut sources, &NoFixtures, &params);
    (test.unwrap_or_else(|faults| panic!("{faults:?}")), sources)
}

/// Runs a script over IPv4.
pub(crate) fn play(text: &str, sut: &mut dyn Sut) -> Outcome {
    let (test, sources) = test(text, "v4");
    run(&test, &sources, sut, &RunOptions::default())
}

/// The outcome must be a pass.
#[track_caller]
pub(crate) fn pass(outcome: &Outcome) {
    assert_eq!(outcome.verdict, Verdict::Pass, "{}", show(outcome));
}

/// The mismatch of an outcome that must have one.
#[track_caller]
pub(crate) fn fails(outcome: &Outcome) -> &Mismatch {
    assert_eq!(outcome.verdict, Verdict::Fail, "{}", show(outcome));
    outcome.mismatch.as_ref().expect("a failure has a mismatch")
}

/// `field expected/got` for every differing field.
pub(crate) fn fields(mismatch: &Mismatch) -> Vec<String> {
    mismatch.fields.iter().map(|f| format!("{} {}/{}", f.field, f.expected, f.got)).collect()
}

/// Everything that a failing assertion should show.
pub(crate) fn show(outcome: &Outcome) -> String {
    let lines = outcome.trace.iter().map(|e| format!("{:?} {} {:?} {} {:?}\n", e.line, e.at, e.lane, e.text, e.mark));
    format!("{:?}\n{:?}\n{}", outcome.mismatch, outcome.reason, lines.collect::<String>())
}

/// A passive connection, and a line number for what follows it.
pub(crate) const HANDSHAKE: &str = "\
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 65535 <mss 1460>
+0 > S. 0:0(0) ack 1 <...>
+.1 < . 1:1(0) ack 1 win 65535
+0 accept(3, ..., ...) = 4
";

/// [`HANDSHAKE`], then these lines; the first of them is line 9.
pub(crate) fn established(lines: &str) -> String {
    format!("{HANDSHAKE}{lines}\n")
}
