//! `halfopen run`: verdicts, what they look like, and what they exit with.

mod world;

use expect_test::expect;
use std::collections::BTreeSet;
use world::{EXCHANGE, World};

#[test]
fn every_exit_code_is_reached() {
    let world =
        World::new(&[("crash", "crash"), ("drop", "drop"), ("good", "reset"), ("lack", "lack"), ("refuse", "refuse")]);
    world.write("known.toml", &xfail("missing"));
    world.write("otherwise.toml", &xfail("segment"));
    world.write("passes.toml", &xfail("missing").replace("silent", "good"));
    world.write("stale.toml", &xfail("missing").replace("silent", "gone"));
    world.write("unfounded.toml", "[[xfail]]\ntest = \"*\"\nkind = \"missing\"\nrfc = \"RFC 9293 3.2\"\n");
    world.write("broken.pkt", "0 < S 0:0(1) win 65535\n");
    world.write("silent.pkt", EXCHANGE);
    world.write("wider.toml", &format!("{}{}", xfail("missing"), xfail("missing").replace("silent", "elsewhere")));
    world.write("option.pkt", &format!("--netmask_ip=255.0.255.0\n{EXCHANGE}"));
    let cases = [
        ("run --sut fake */good", 0),
        ("run --sut fake */lack", 0),
        ("run --sut fake */good silent.pkt[v4]", 1),
        ("run --sut fake */crash", 1),
        ("run --sut fake */good --no-such-flag", 2),
        ("run --sut fake */good --partition hash:0/4", 2),
        ("run --sut fake broken.pkt", 2),
        ("run --sut fake option.pkt */crash", 2), // found only when it runs
        ("run --sut nobody", 2),
        ("run --sut fake */refuse silent.pkt[v4]", 3),
        ("run --sut fake */refuse option.pkt", 3),
        ("run --sut fake --specs /nowhere", 3),
        ("run --sut fake --expect unfounded.toml", 3),
        ("run --sut fake nothing/like/this", 4),
        ("run --sut fake */good nothing/like/this", 4),
        ("run --sut fake */good --family v6", 4),
        ("run --sut fake */good --expect passes.toml", 5),
        ("run --sut fake */good --expect stale.toml", 5),
        ("run --sut fake silent.pkt[v4] --expect known.toml", 0),
        ("run --sut fake silent.pkt[v4] --expect wider.toml", 0), // of a suite that this run was not given
        ("run --sut fake silent.pkt[v4] --expect otherwise.toml", 1),
        ("run --sut fake */drop", 6),
        ("run --sut fake */drop silent.pkt[v4]", 1),
    ];
    for (words, code) in cases {
        let ran = world.halfopen(words);
        assert_eq!(ran.code, code, "{words}\n{}", ran.page());
    }
}

fn xfail(kind: &str) -> String {
    format!(
        "[[xfail]]\ntest = \"*silent*\"\nkind = \"{kind}\"\nreason = \"it is silent\"\nrfc = \"RFC 9293 3.10.7.1\"\n"
    )
}

#[test]
fn a_run_as_it_stands_on_the_page() {
    let world = World::new(&[("bad", "drop"), ("crash", "crash"), ("good", "reset"), ("lack", "lack")]);
    expect![[r#"
        halfopen 4 tests on fake (sim, virtual time), seed 24301
        INCONCLUSIVE  rfc9293/3.10.7.1/bad[v4]  [10 min 0 s]  the capture is incomplete: 1 datagrams were lost

        FAIL rfc9293/3.10.7.1/crash[v4]  MUST                           fake, virtual time
             specs/rfc9293/3.10.7.1/crash.pkt:5
             A SYN to a closed port draws a reset.

              line      time  peer                       stack
                 5  0.000000  `crash`

               expected a SUT that goes on
               got      the SUT panicked: told to crash at harness/cli/src/fake.rs:<line>
               again    halfopen run 'rfc9293/3.10.7.1/crash[v4]' --sut fake -vv

                PASS  rfc9293/3.10.7.1/good[v4]  [10.0 ms]
         UNSUPPORTED  rfc9293/3.10.7.1/lack[v4]  [0 us]  no such feature
        Summary  4 tests in <wall>, 10 min 0 s on the clock of fake
                 1 pass, 1 unsupported, 1 inconclusive, 1 fail
                 unsupported: 1  no such feature
                 met: MUST 1 of 2
                 not as expected (exit 1)
        --- exit 1
    "#]]
    .assert_eq(&world.fake("").page());
}

#[test]
fn a_crash_costs_its_test_and_not_the_run() {
    let world = World::new(&[("a-crash", "crash"), ("b-good", "reset"), ("c-crash", "crash"), ("d-good", "reset")]);
    let ran = world.fake("-j 1 --format jsonl");
    let verdicts: Vec<_> = ran.verdicts().into_iter().map(|(_, verdict)| verdict).collect();
    assert_eq!(verdicts, ["fail", "pass", "fail", "pass"]);
    assert_eq!(ran.json()[0]["mismatch"]["kind"], "broken");
    assert!(ran.json()[0]["mismatch"]["got"].as_str().unwrap().contains("told to crash"));
    assert_eq!(ran.stderr, "", "a crash is told in the report alone");
}

#[test]
fn a_hang_costs_its_test_and_not_the_run() {
    let world = World::new(&[("a-hang", "hang"), ("b-good", "reset"), ("c-good", "reset")]);
    for runner in ["sim", "real"] {
        let ran = world.fake(&format!("--runner {runner} -j 1 --patience 0.3 --format jsonl"));
        let verdicts: Vec<_> = ran.verdicts().into_iter().map(|(_, verdict)| verdict).collect();
        assert_eq!(verdicts, ["fail", "pass", "pass"], "{runner}");
        assert!(ran.json()[0]["mismatch"]["got"].as_str().unwrap().contains("hangs"));
        assert_eq!(ran.code, 1);
    }
}

#[test]
fn a_test_that_passes_when_repeated_is_flaky() {
    let world = World::new(&[("flake", "flake"), ("good", "reset")]);
    let ran = world.fake("--retries 2 --format jsonl");
    assert_eq!(ran.verdicts()[0].1, "flaky");
    assert_eq!(ran.json()[0]["attempts"], 2);
    assert!(!ran.json()[0]["mismatch"].is_null(), "the difference that was seen is kept");
    assert_eq!(ran.code, 1);
    assert_eq!(world.fake("--format jsonl").verdicts()[0].1, "fail", "nobody asked for a repetition");
}

#[test]
fn a_test_that_fails_is_repeated_as_often_as_asked_and_no_more() {
    let world = World::new(&[("bad", "late"), ("good", "reset")]);
    world.write("silent.pkt", EXCHANGE);
    world.write("known.toml", &xfail("missing"));
    for (retries, attempts) in [(0, 1), (1, 2), (3, 4)] {
        let ran = world.fake(&format!("--retries {retries} --format jsonl"));
        let told: Vec<_> =
            ran.json()[..2].iter().map(|test| (test["verdict"].clone(), test["attempts"].clone())).collect();
        assert_eq!(told, [("fail".into(), attempts.into()), ("pass".into(), 1.into())], "{retries}");
    }
    let known = world.fake("silent.pkt[v4] --expect known.toml --retries 3 --format jsonl");
    assert_eq!(known.json()[0]["attempts"], 1, "what is expected is not repeated");
}

#[test]
fn a_timing_verdict_on_a_real_clock_is_repeated_alone() {
    let world = World::new(&[("late", "late"), ("good", "reset")]);
    let attempts = |words: &str| world.fake(&format!("{words} --format jsonl")).json()[1]["attempts"].clone();
    assert_eq!(attempts("--runner real"), 2);
    assert_eq!(attempts("--runner real --retries 0"), 1);
    assert_eq!(attempts("--runner sim"), 1, "a virtual clock is never late");
}

#[test]
fn a_failure_behind_the_harness_s_own_lateness_does_not_count() {
    let world = World::new(&[]);
    let header = "//= rfc9293/3.10.7.1/closed-no-ack MUST\n// A SYN to a closed port draws a reset.\n//: family v4\n";
    let body = "0 `oversleep`\n+.1 < S 0:0(0) win 65535\n+0 > R. 0:0(0) ack 1\n";
    world.write("specs/rfc9293/3.10.7.1/oversleep.pkt", &format!("{header}{body}"));
    let ran = world.fake("--runner real --format jsonl");
    let test = &ran.json()[0];
    assert_eq!((test["verdict"].as_str(), &test["attempts"], ran.code), (Some("pass"), &2.into(), 0), "{test}");
    assert_eq!(test["lateness"]["turns_us"], 0, "that of the attempt that counts");
    let ran = world.fake("--runner real --retries 0 --format jsonl");
    let test = &ran.json()[0];
    assert_eq!((test["verdict"].as_str(), &test["attempts"]), (Some("fail"), &1.into()), "{test}");
    assert_eq!(test["lateness"]["turns_us"], 10_000, "{test}");
}

#[test]
fn fail_fast_stops_and_says_what_was_not_run() {
    let world = World::new(&[("a-good", "reset"), ("b-crash", "crash"), ("c-good", "reset"), ("d-good", "reset")]);
    let ran = world.fake("--fail-fast -j 1 --format jsonl");
    assert_eq!(ran.code, 1);
    let summary = ran.json().pop().unwrap()["summary"].clone();
    let ran_tests = summary["tests"].as_u64().unwrap();
    assert_eq!(ran_tests + summary["not_run"].as_u64().unwrap(), 4);
    assert!(ran_tests < 4, "{summary}");
}

#[test]
fn fail_fast_goes_on_over_what_is_no_failure() {
    let world = World::new(&[("a-lack", "lack"), ("b-drop", "drop"), ("c-good", "reset")]);
    world.write("silent.pkt", EXCHANGE);
    world.write("known.toml", &xfail("missing"));
    let ran = world.fake("silent.pkt[v4] rfc9293 --expect known.toml --fail-fast -j 1 --format jsonl");
    let verdicts: BTreeSet<_> = ran.verdicts().into_iter().map(|(_, verdict)| verdict).collect();
    assert_eq!(verdicts, ["inconclusive", "pass", "unsupported", "xfail"].map(String::from).into());
}

#[test]
fn fail_fast_repeats_nothing_once_a_test_has_failed() {
    let world = World::new(&[("a-late", "late"), ("b-crash", "crash")]);
    let ran = world.fake("--runner real --fail-fast -j 1 --format jsonl");
    assert_eq!(ran.verdicts(), [("rfc9293/3.10.7.1/b-crash[v4]".to_string(), "fail".to_string())]);
    assert_eq!(ran.json()[1]["summary"]["not_run"], 1, "it has come to no verdict");
}

#[test]
fn an_expected_failure_says_why() {
    let world = World::new(&[("good", "reset")]);
    world.write("silent.pkt", EXCHANGE);
    world.write("known.toml", &xfail("missing"));
    expect![[r#"
        halfopen 1 test on fake (sim, virtual time), seed 24301
               XFAIL  silent.pkt[v4]  [10 min 0 s]  it is silent (RFC 9293 3.10.7.1)
        Summary  1 test in <wall>, 10 min 0 s on the clock of fake
                 1 xfail
        --- exit 0
    "#]]
    .assert_eq(&world.fake("silent.pkt[v4] --expect known.toml").page());
}
