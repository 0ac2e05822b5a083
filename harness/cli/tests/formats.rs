//! Where reports go, and that machine formats stay valid.

mod world;

use expect_test::expect;
use std::fs;
use world::{EXCHANGE, World};

fn world() -> World {
    World::new(&[("bad", "drop"), ("crash", "crash"), ("good", "reset"), ("lack", "lack")])
}

#[test]
fn json_lines_follow_the_schema() {
    let world = world();
    let ran = world.fake("--format jsonl */crash */good");
    expect![[r#"
        {"v":1,"test":"rfc9293/3.10.7.1/crash[v4]","variant":{"family":"v4"},"sut":"fake","runner":"sim","profile":null,"verdict":"fail","level":"must","rules":["rfc9293/3.10.7.1/closed-no-ack"],"wall_us":0,"virtual_us":0,"attempts":1,"mismatch":{"kind":"broken","line":5,"expected":"a SUT that goes on","got":"the SUT panicked: told to crash at harness/cli/src/fake.rs:<line>","fields":[],"cited":null,"cited_line":null,"timing":false},"reason":null,"expectation":null,"seed":24301,"artifacts":{},"detail":{"file":"specs/rfc9293/3.10.7.1/crash.pkt","sentence":"A SYN to a closed port draws a reset.","again":"halfopen run 'rfc9293/3.10.7.1/crash[v4]' --sut fake -vv","exchange":[{"at_us":0,"line":5,"lane":"note","text":"`crash`"}]}}
        {"v":1,"test":"rfc9293/3.10.7.1/good[v4]","variant":{"family":"v4"},"sut":"fake","runner":"sim","profile":null,"verdict":"pass","level":"must","rules":["rfc9293/3.10.7.1/closed-no-ack"],"wall_us":0,"virtual_us":10000,"attempts":1,"mismatch":null,"reason":null,"expectation":null,"seed":24301,"artifacts":{}}
        {"v":1,"summary":{"sut":"fake","runner":"sim","version":"","profile":null,"clock":"virtual","seed":24301,"tests":2,"not_run":0,"verdicts":{"error":0,"fail":1,"flaky":0,"inconclusive":0,"nonstrict":0,"pass":1,"unsupported":0,"xfail":0,"xpass":0},"unsupported":{},"stale":[],"wall_us":0,"virtual_us":10000,"exit":1}}
    "#]].assert_eq(&ran.stdout);
    for line in world.fake("--format jsonl").json() {
        assert_eq!(line["v"], 1);
        let Some(test) = line.get("test") else {
            for key in ["tests", "verdicts", "exit", "wall_us", "virtual_us", "stale"] {
                assert!(!line["summary"][key].is_null(), "{key} in {line}");
            }
            continue;
        };
        assert!(
            test.is_string() && line["sut"].is_string() && line["runner"].is_string() && line["verdict"].is_string()
        );
        assert!(line["variant"].is_object() && line["rules"].is_array() && line["artifacts"].is_object());
        assert!(line["wall_us"].is_u64() && line["virtual_us"].is_i64() && line["attempts"].is_u64());
        assert!(line["mismatch"].is_object() || line["mismatch"].is_null());
        assert!(["must", "should", "may"].map(Into::into).contains(&line["level"]));
    }
}

#[test]
fn json_lines_are_in_order_on_a_real_clock_too() {
    let world = World::new(&[("a", "reset"), ("b", "reset"), ("c", "late"), ("d", "reset")]);
    world.write("specs/rfc9293/3.10.7.1/b.pkt", &format!("//: family v4\n`reset`\n{EXCHANGE}+60 silent\n"));
    let ids = |words: &str| world.fake(words).verdicts().into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    let listed = world.halfopen("list --sut fake --format ids").stdout;
    assert_eq!(ids("--runner real --format jsonl").join("\n") + "\n", listed);
}

#[test]
fn formats_share_the_channels_without_mixing() {
    let world = world();
    let both = world.fake("--format human --format jsonl");
    assert_eq!(both.json().len(), 5, "standard output is JSON alone");
    assert!(both.stderr.contains("Summary"), "{}", both.stderr);
    let json = world.fake("--format jsonl");
    assert_eq!((json.json().len(), json.stderr.as_str()), (5, ""));
    let file = world.fake("--format jsonl=out.jsonl");
    assert!(file.stdout.contains("Summary"));
    let text = fs::read_to_string(world.path().join("out.jsonl")).unwrap();
    assert_eq!(text.lines().count(), 5);
    let junit = world.fake("--format junit --format human");
    assert!(junit.stdout.starts_with("<?xml") && junit.stderr.contains("Summary"), "{}", junit.page());
    assert_eq!(world.fake("--format xunit").code, 2);
    assert_eq!(world.fake("--format junit=").code, 2);
    let two = world.fake("--format junit --format ktap");
    assert!(two.code == 2 && two.stderr.contains("--format ktap=FILE"), "{}", two.page());
    assert_eq!(world.fake("--format jsonl=no/such/folder/x").code, 3);
}

#[test]
fn colour_goes_to_those_who_want_it() {
    let world = world();
    let out = |name: &str, value: &str| {
        let output = world.command(&["run", "--sut", "fake"]).env(name, value).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(!out("X", "").contains('\u{1b}'), "a pipe is plain");
    assert!(out("CLICOLOR_FORCE", "1").contains('\u{1b}'));
    let output = world.command(&["run", "--sut", "fake"]).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").output();
    assert!(!String::from_utf8(output.unwrap().stdout).unwrap().contains('\u{1b}'), "NO_COLOR wins");
    assert!(!out("X", "").contains('\r'), "a pipe has no rewritten line");
}

#[test]
fn captures_are_made_for_what_is_not_as_expected() {
    let world = World::new(&[("good", "reset"), ("late", "late")]);
    assert_eq!(world.fake("*/good --out quiet").code, 0);
    let names = |folder: &str| world.files(folder).iter().map(|file| file.display().to_string()).collect::<Vec<_>>();
    assert_eq!(names("quiet"), ["quiet/results.jsonl", "quiet/run.json"], "nothing to capture");
    let ran = world.fake("");
    assert!(ran.stdout.contains("capture  target/halfopen/<run>/rfc9293/3.10.7.1/late@v4.pcapng"), "{}", ran.stdout);
    let latest = world.path().join("target/halfopen/latest/rfc9293/3.10.7.1/late@v4.pcapng");
    assert_eq!(fs::read(latest).unwrap()[..4], [0x0a, 0x0d, 0x0d, 0x0a]);
    world.fake("--out caps --pcap always");
    assert_eq!(names("caps")[1..3], ["caps/rfc9293/3.10.7.1/good@v4.pcapng", "caps/rfc9293/3.10.7.1/late@v4.pcapng"]);
    world.fake("--out none --pcap never");
    assert_eq!(names("none"), ["none/results.jsonl", "none/run.json"]);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let world = world();
    let cases = [
        ("list --format ids", 0),
        ("list --format json", 0),
        ("run --sut fake */good", 0),
        ("run --sut fake --format jsonl */crash", 1), // judged all the same
    ];
    for (words, code) in cases {
        let words: Vec<_> = words.split_whitespace().collect();
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = world.command(&words).stdout(writer).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), stderr.as_str()), (Some(code), ""), "{words:?}");
    }
}

#[test]
fn quiet_keeps_failures_and_verbose_shows_exchanges() {
    let world = World::new(&[("good", "reset")]);
    expect![[r#"
        Summary  1 test in <wall>, 10.0 ms on the clock of fake
                 1 pass
                 met: MUST 1 of 1
        --- exit 0
    "#]]
    .assert_eq(&world.fake("-q").page());
    expect![[r#"
        halfopen 1 test on fake (sim, virtual time), seed 24301

        PASS rfc9293/3.10.7.1/good[v4]  MUST                            fake, virtual time
             specs/rfc9293/3.10.7.1/good.pkt
             A SYN to a closed port draws a reset.

              line      time  peer                       stack
                 5  0.000000  `reset`
                 6  0.000000  S 0:0(0) win 65535    -->
                 7  0.000000                        <--  R. 0:0(0) ack 1 win 0

               again    halfopen run 'rfc9293/3.10.7.1/good[v4]' --sut fake -vv

        Summary  1 test in <wall>, 10.0 ms on the clock of fake
                 1 pass
                 met: MUST 1 of 1
        --- exit 0
    "#]]
    .assert_eq(&world.fake("-vv").page());
}
