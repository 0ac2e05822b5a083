//! Set expressions: what `-E` selects, among scripts counted by hand; what it says when it is wrong; and that the docs' examples work.

mod world;

use std::path::Path;
use world::{EXCHANGE, World};

const LABELLED: &str = r#"
rfc = 5961
title = "Blind In-Window Attacks"

[[rule]]
id = "rfc5961/3.2/challenge"
label = "MUST-10"
level = "must"
section = "3.2"
observable = "wire"
text = "A challenge."

[[rule]]
id = "rfc5961/3.20/other"
label = "SHLD-1"
level = "should"
section = "3.20"
observable = "wire"
text = "Another."
"#;

/// Eleven tests: alpha, beta `[v4]`; by-state `[v4|v6,LISTEN|TIME-WAIT|FIN-WAIT-1-ORPHAN]`; by-fixture, by-hand `[v4]`; other `[v4]`.
fn world() -> World {
    let world = World::new(&[("alpha", "reset"), ("beta", "reset")]);
    world.write("specs/rfc5961/rules.toml", LABELLED);
    let ours = |header: &str, body: &str| format!("//= rfc5961/3.2/challenge MUST\n// It is.\n{header}{body}");
    let axes = "//: tags odd event\n//: alias anvl:3.4 anvl:9.9[TIME-WAIT] anvl:9.8[v6,LISTEN]\nvary state: LISTEN TIME-WAIT FIN-WAIT-1-ORPHAN\n`reset`\n";
    world.write("specs/rfc5961/3.2/by-state.pkt", &ours(axes, EXCHANGE));
    world.write("specs/fixtures/HALF.pkt", "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 accept(3, ..., ...) = 4\n");
    world.write("specs/fixtures/CLOSE-WAIT.pkt", "0 close(3) = 0\n");
    let used = "//: family v4\n//: profile rfc793\n//: sut fake smoltcp\n";
    world.write("specs/rfc5961/3.2/by-fixture.pkt", &ours(used, "use CLOSE-WAIT\n+90 < S 0:0(0) win 1\n"));
    let hand = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 listen(3, 1) = 0\n+0 accept(3, ..., ...) = 4\n";
    world.write("specs/rfc5961/3.2/by-hand.pkt", &ours("//: family v4\n//: needs sack\n", hand));
    let other = "//= rfc5961/3.20/other SHOULD\n// Half.\n//: family v4\n";
    world.write("specs/rfc5961/3.20/other.pkt", &format!("{other}use HALF\n+0 < S 0:0(0) win 1\n"));
    world
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn expressions_select_what_a_hand_counts() {
    let world = world();
    let all = 11;
    let table = [
        ("all()", all),
        ("id(rfc5961)", 9),
        ("id(*/by-*)", 8),
        ("id(rfc5961/3.2/by-state[v6,LISTEN])", 1),
        ("rfc(5961)", 9),
        ("rfc(5961:3.2)", 8),
        ("rfc(9293:3.10.7)", 2),
        ("rule(rfc5961/3.2/challenge)", 8),
        ("rule(*/challenge)", 8),
        ("must(10)", 8),
        ("shld(1)", 1),
        ("tc8(ALPHA)", 1),
        ("tc8(*)", 2),
        ("anvl(3.*)", 6),
        ("anvl(9.9)", 2),
        ("anvl(9.?)", 3),
        ("alias(*:*A)", 2),
        ("tag(odd)", 6),
        ("tag(TIME-WAIT)", 2),
        ("tag(rfc5961:3.2)", 8),
        ("tag(rfc9293)", 2),
        ("state(TIME-WAIT)", 2),
        ("state(FIN-WAIT-1)", 2),
        ("state(fin-wait-*)", 2),
        ("state(CLOSE-WAIT)", 1),
        // By hand it goes through LISTEN; HALF is no state's name, and ends there.
        ("state(ESTABLISHED)", 2),
        ("state(LISTEN)", 3),
        ("state(CLOSED)", 2),
        ("family(v6)", 3),
        ("level(must)", 10),
        ("level(should)", 1),
        ("profile(rfc793)", 1),
        ("needs(sack)", 1),
        ("sut(fake)", 1),
        ("slow()", 1),
        ("slow(91)", 0),
        ("none()", 0),
        ("state(LISTEN) & family(v6)", 1),
        ("rfc(5961) - state(LISTEN)", 6),
        ("rfc(5961) & not (state(LISTEN) | state(TIME-WAIT))", 4),
        ("tc8(*) | must(10)", 10),
        ("not all()", 0),
    ];
    for (expression, count) in table {
        let ran = world.words(&["list", "--sut", "fake", "--format", "ids", "-E", expression]);
        assert_eq!(ran.stdout.lines().count(), count, "{expression}\n{}", ran.page());
        assert_eq!(ran.code, if count == 0 { 4 } else { 0 }, "{expression}\n{}", ran.page());
    }
    for (alias, count) in [("anvl:9.9", 2), ("anvl:9.8", 1), ("anvl:*", 6)] {
        let ran = world.words(&["list", "--sut", "fake", "--format", "ids", alias]);
        assert_eq!(ran.stdout.lines().count(), count, "{alias}\n{}", ran.page());
    }
    let both = world.words(&["list", "--sut", "fake", "--format", "ids", "-E", "tc8(ALPHA)", "-E", "tc8(BETA)"]);
    assert_eq!(both.stdout.lines().count(), 2, "either");
    let narrowed = world.words(&[
        "list",
        "--sut",
        "fake",
        "--format",
        "ids",
        "rfc5961/3.2",
        "-E",
        "family(v4)",
        "--level",
        "must",
    ]);
    assert_eq!(narrowed.stdout.lines().count(), 5, "arguments and expressions\n{}", narrowed.page());
    let run = world.words(&["run", "--sut", "fake", "--format", "jsonl", "-E", "tc8(*)"]);
    assert_eq!((run.verdicts().len(), run.code), (2, 0), "{}", run.page());
}

#[test]
fn a_faulty_expression_ends_with_a_caret() {
    let world = world();
    let said = |expression: &str| {
        let ran = world.words(&["run", "--sut", "fake", "-E", expression]);
        assert_eq!(ran.stdout, "", "nothing ran");
        ran.page()
    };
    expect_test::expect![[r#"
        --- stderr
        error[expression]: there is no set `sate(...)`
         --> -E:1:15
          |
        1 | rfc(5961:3) & sate(TIME-WAIT)
          |               ^^^^
          |
          = help: did you mean `state`?
        --- exit 2
    "#]]
    .assert_eq(&said("rfc(5961:3) & sate(TIME-WAIT)"));
    expect_test::expect![[r#"
        --- stderr
        error[expression]: a set is missing at the end
         --> -E:1:14
          |
        1 | rfc(5961:3) &
          |              ^ expected a set such as `state(TIME-WAIT)`, `not` or `(`
        --- exit 2
    "#]]
    .assert_eq(&said("rfc(5961:3) &"));
    expect_test::expect![[r#"
        --- stderr
        error[expression]: no test of the suite is in this set
         --> -E:1:9
          |
        1 | all() - tag(od)
          |         ^^^^^^^
          |
          = help: did you mean `odd`?
        --- exit 4
    "#]]
    .assert_eq(&said("all() - tag(od)"));
    assert!(said("packetimpact(x)").contains("no test has an id of the catalogue `packetimpact`"));
    assert!(said("must(11)").contains("exit 4"));
    assert!(said("status(fail)").contains("results.jsonl cannot be read"), "there was no run");
}

#[test]
fn an_alias_of_a_label_that_is_none_is_a_fault() {
    let world = world();
    let header = "//= rfc5961/3.2/challenge MUST\n// It is.\n//: alias tc8:X[LISTN]\n";
    world.write("specs/rfc5961/3.2/wrong.pkt", &format!("{header}vary state: LISTEN\n{EXCHANGE}"));
    let ran = world.halfopen("check rfc5961/3.2/wrong");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("no axis has a label `LISTN`"), "{}", ran.page());
    assert!(ran.stderr.contains("did you mean `LISTEN`?"), "{}", ran.page());
}

/// The commands of the docs' examples, in the shell's quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().expect("there is one").push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn the_examples_of_the_docs_select_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("docs/selecting.md")).expect("the page is there");
    let lines = page.lines().map(|line| line.split(" # ").next().unwrap_or(line).trim());
    let examples: Vec<_> = lines.filter_map(|line| line.strip_prefix("halfopen ")).collect();
    assert!(examples.len() >= 8, "{examples:?}");
    let world = World::new(&[]);
    for example in examples {
        // `status` asks for a run that this machine may not have made.
        if example.contains("status(") {
            halfopen_cli::expression::Expression::parse(words(example).last().expect("a word")).expect(example);
            continue;
        }
        let mut words = words(example);
        assert!(words[0] == "run" || words[0] == "list", "{example}");
        words[0] = "list".into();
        let mut command = world.command(&[]);
        let output = command.current_dir(&root).args(&words).output().expect("the binary runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{example}\n{stderr}");
    }
}

#[test]
fn the_scripts_that_the_docs_name_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("docs/selecting.md")).expect("the page is there");
    let (_, conflicts) = page.split_once("where the RFCs conflict").expect("a section");
    let named = conflicts.split('`').skip(1).step_by(2).filter(|word| word.starts_with("rfc") && word.contains('/'));
    let named: Vec<_> = named.collect();
    assert!(named.len() > 24, "{named:?}");
    for id in named {
        assert!(root.join(format!("specs/{id}.pkt")).is_file(), "{id}");
    }
}
