//! `list`, `check`, `expand`, `explain`, and script errors.

mod world;

use expect_test::expect;
use world::{EXCHANGE, World};

#[test]
fn list_shows_scripts_with_their_sentences() {
    let world = World::new(&[("good", "reset"), ("lack", "lack")]);
    expect![[r#"
        rfc9293/3.10.7.1/good  MUST  1 test
            A SYN to a closed port draws a reset.
        rfc9293/3.10.7.1/lack  MUST  1 test
            A SYN to a closed port draws a reset.
        2 tests in 2 scripts
        --- exit 0
    "#]]
    .assert_eq(&world.halfopen("list").page());
}

#[test]
fn explain_tells_rule_tests_script_and_deviations() {
    let world = World::new(&[("good", "reset")]);
    let xfail = "[[xfail]]\ntest = \"*good*\"\nkind = \"missing\"\nreason = \"answers are limited\"\n";
    world.write("specs/expect/linux.toml", &format!("{xfail}link = \"https://example.org/1\"\nkernels = \"6.18\"\n"));
    let by_rule = world.halfopen("explain rfc9293/3.10.7.1/closed-no-ack").page();
    expect![[r#"
        rfc9293/3.10.7.1/closed-no-ack  MUST (text without a keyword)  SEGMENT ARRIVES
            A segment without ACK to a closed port draws a reset that acknowledges it.
            RFC 9293, Transmission Control Protocol (TCP), section 3.10.7.1; observable: wire
            note: Not for a segment with RST.
            tested by 1 test of 1 script

        rfc9293/3.10.7.1/good  MUST  1 test
            specs/rfc9293/3.10.7.1/good.pkt
            aliases: tc8:GOOD
            rfc9293/3.10.7.1/good[v4]

            | //= rfc9293/3.10.7.1/closed-no-ack MUST
            | // A SYN to a closed port draws a reset.
            | //: family v4
            | //: alias tc8:GOOD
            | `reset`
            | 0 < S 0:0(0) win 65535
            | +0 > R. 0:0(0) ack 1

            On the reference stack rfc9293/3.10.7.1/good[v4] comes to unsupported: the reference stack has no shell for `reset`
              line      time  peer                       stack
                 5  0.000000  `reset`

        Known deviations
            linux 6.18: missing, 1 test
                answers are limited (https://example.org/1)
                specs/expect/linux.toml:1
        --- exit 0
    "#]]
    .assert_eq(&by_rule);
    for name in ["tc8:GOOD", "rfc9293/3.10.7.1/good", "SEGMENT_ARRIVES", "rfc9293/3.10.7.1/good[v4]"] {
        let name = name.replace('_', " ");
        assert_eq!(world.words(&["explain", &name]).page(), by_rule, "{name}");
    }
    let untested = world.halfopen("explain shld-99");
    assert_eq!(untested.code, 0);
    assert!(untested.stdout.contains("no test asks this yet"), "{}", untested.stdout);
    assert_eq!(world.halfopen("explain MUST-1000").code, 4);
}

#[test]
fn explain_draws_the_exchange_that_passes() {
    let world = World::new(&[]);
    let header = "//= rfc9293/3.10.7.1/closed-no-ack MUST\n// A SYN to a closed port draws a reset.\n";
    let vary = "vary window: zero(win=0) some(win=7) more(win=9) top(win=65535)\n";
    let exchange = "0 < S 0:0(0) win $win\n+0 > R. 0:0(0) ack 1\n";
    world.write("specs/rfc9293/3.10.7.1/plain.pkt", &format!("{header}{vary}\n{exchange}"));
    expect![[r#"
        rfc9293/3.10.7.1/closed-no-ack  MUST (text without a keyword)  SEGMENT ARRIVES
            A segment without ACK to a closed port draws a reset that acknowledges it.
            RFC 9293, Transmission Control Protocol (TCP), section 3.10.7.1; observable: wire
            note: Not for a segment with RST.
            tested by 8 tests of 1 script

        rfc9293/3.10.7.1/plain  MUST  8 tests
            specs/rfc9293/3.10.7.1/plain.pkt
            rfc9293/3.10.7.1/plain[v4,zero]
            rfc9293/3.10.7.1/plain[v4,some]
            rfc9293/3.10.7.1/plain[v4,more]
            rfc9293/3.10.7.1/plain[v4,top]
            rfc9293/3.10.7.1/plain[v6,zero]
            rfc9293/3.10.7.1/plain[v6,some]
            and 2 more: halfopen list --format ids rfc9293/3.10.7.1/plain

            | //= rfc9293/3.10.7.1/closed-no-ack MUST
            | // A SYN to a closed port draws a reset.
            | vary window: zero(win=0) some(win=7) more(win=9) top(win=65535)
            |
            | 0 < S 0:0(0) win $win
            | +0 > R. 0:0(0) ack 1

            The exchange on the reference stack: rfc9293/3.10.7.1/plain[v4,zero]
              line      time  peer                       stack
                 5  0.000000  S 0:0(0) win 0        -->
                 6  0.000000                        <--  R. 0:0(0) ack 1 win 0

        --- exit 0
    "#]]
    .assert_eq(&world.halfopen("explain rfc9293/3.10.7.1/plain").page());
    let one = world.halfopen("explain rfc9293/3.10.7.1/plain[v6,more]").stdout;
    assert!(one.contains("The exchange on the reference stack: rfc9293/3.10.7.1/plain[v6,more]"), "{one}");
    assert!(one.contains("S 0:0(0) win 9"), "{one}");
}

#[test]
fn explain_says_why_a_rule_has_no_test() {
    let world = World::new(&[("good", "reset")]);
    let rule = |id: &str, more: &str| {
        let id = format!("id = \"rfc1122/4.2/{id}\"\nlevel = \"should\"\nsection = \"4.2\"\nobservable = \"wire\"\n");
        format!("[[rule]]\n{id}text = \"Something holds.\"\n{more}\n")
    };
    let rules = [
        rule("inside", "why = \"It helps.\"\nnot_decidable = \"no segment shows it\""),
        rule("again", "restated_in = [\"rfc1122/4.2/inside\"]"),
        rule("open", ""),
        rule("elsewhere", "restated_in = [\"rfc9293/3.10.7.1/closed-no-ack\"]"),
    ];
    world.write("specs/rfc1122/rules.toml", &format!("rfc = 1122\ntitle = \"Hosts\"\n{}", rules.concat()));
    let pages =
        ["inside", "again", "open", "elsewhere"].map(|id| world.halfopen(&format!("explain rfc1122/4.2/{id}")).page());
    expect![[r#"
        rfc1122/4.2/inside  SHOULD
            Something holds.
            why: It helps.
            RFC 1122, Hosts, section 4.2; observable: wire
            not decidable: no segment shows it

        --- exit 0
        rfc1122/4.2/again  SHOULD
            Something holds.
            RFC 1122, Hosts, section 4.2; observable: wire
            restated in: rfc1122/4.2/inside
            not decidable: no segment shows it

        --- exit 0
        rfc1122/4.2/open  SHOULD
            Something holds.
            RFC 1122, Hosts, section 4.2; observable: wire
            no test asks this yet

        --- exit 0
        rfc1122/4.2/elsewhere  SHOULD
            Something holds.
            RFC 1122, Hosts, section 4.2; observable: wire
            restated in: rfc9293/3.10.7.1/closed-no-ack
            tested by 1 test of 1 script
            scripts: rfc9293/3.10.7.1/good

        --- exit 0
    "#]]
    .assert_eq(&pages.concat());
}

#[test]
fn a_typing_mistake_gets_a_caret_and_nothing_runs() {
    let world = World::new(&[("good", "reset")]);
    world.write("mine.pkt", "0 < S 0:0(0) win 65535\n+0 > R. 0:0(0) akc 1\n");
    expect![[r#"
        --- stderr
        error[syntax]: unknown word `akc`
         --> mine.pkt:2:16
          |
        2 | +0 > R. 0:0(0) akc 1
          |                ^^^ expected `ack N`, `win N`, `urg N`, `<options>` or the end of the line
          |
          = help: did you mean `ack`?

        1 fault in the selected scripts
        --- exit 2
    "#]]
    .assert_eq(&world.halfopen("run --sut fake mine.pkt rfc9293").page());
}

#[test]
fn every_fault_of_the_selection_is_told_at_once() {
    let world = World::new(&[("good", "reset")]);
    world.write("one.pkt", "0 < S 0:0(0) wim 65535\n");
    world.write("two.pkt", &format!("use NOWHERE\n{EXCHANGE}"));
    let ran = world.halfopen("run --sut fake one.pkt two.pkt");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("one.pkt:1:") && ran.stderr.contains("two.pkt:1:"), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
    assert_eq!(world.halfopen("check one.pkt").code, 2);
    assert_eq!(world.halfopen("list one.pkt").code, 2);
}

#[test]
fn a_misspelt_sut_or_profile_does_not_hide_a_test() {
    let world = World::new(&[("good", "reset")]);
    world.write(
        "sut.pkt",
        &format!("//= rfc9293/3.10.7.1/closed-no-ack MUST\n// So.\n//: sut refrence linux\n{EXCHANGE}"),
    );
    world.write(
        "profile.pkt",
        &format!("//= rfc9293/3.10.7.1/closed-no-ack MUST\n// So.\n//: profile rfc9923\n{EXCHANGE}"),
    );
    expect![[r#"
        --- stderr
        error[header]: `rfc9923` is not a profile
         --> profile.pkt:3:13
          |
        3 | //: profile rfc9923
          |             ^^^^^^^ expected `rfc9293`, `rfc793` or `linux`
          |
          = help: did you mean `rfc9293`?

        error[unknown-sut]: `refrence` is not a SUT
         --> sut.pkt:3:9
          |
        3 | //: sut refrence linux
          |         ^^^^^^^^ expected `reference`, `linux` or `smoltcp`
          |
          = help: did you mean `reference`?

        2 faults in the selected scripts
        --- exit 2
    "#]]
    .assert_eq(&world.halfopen("check sut.pkt profile.pkt").page());
    for command in [
        "run --sut reference sut.pkt",
        "run --sut linux sut.pkt rfc9293",
        "list sut.pkt",
        "run --sut reference profile.pkt",
    ] {
        let ran = world.halfopen(command);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{command}: {}", ran.stderr);
        assert!(ran.stderr.contains("sut.pkt:3:9") || ran.stderr.contains("profile.pkt:3:13"), "{}", ran.stderr);
    }
}

#[test]
fn a_fault_that_all_variants_share_is_told_once() {
    let world = World::new(&[("good", "reset")]);
    world.write("mine.pkt", "vary a: x y z\n0 < S 0:0(0) win $nowhere\n");
    let ran = world.halfopen("check mine.pkt");
    assert!(
        ran.stderr.contains("nowhere") && ran.stderr.ends_with("\n1 fault in the selected scripts\n"),
        "{}",
        ran.stderr
    );
}

#[test]
fn check_compares_headers_with_the_register() {
    let world = World::new(&[("good", "reset")]);
    expect![[r#"
        1 script and 1 test are well
        --- exit 0
    "#]]
    .assert_eq(&world.halfopen("check").page());
    world.write("typo.pkt", &format!("//= rfc9293/3.10.7.1/closed-no-akc MUST\n// So.\n{EXCHANGE}"));
    world.write("level.pkt", &format!("//= rfc9293/3.10.7.1/closed-slow MUST\n// So.\n{EXCHANGE}"));
    expect![[r#"
        --- stderr
        error[level]: the level is not that of any rule named: rfc9293/3.10.7.1/closed-slow is SHOULD
         --> level.pkt:1:34
          |
        1 | //= rfc9293/3.10.7.1/closed-slow MUST
          |                                  ^^^^ expected SHOULD

        error[unknown-rule]: no register has rule `rfc9293/3.10.7.1/closed-no-akc`
         --> typo.pkt:1:5
          |
        1 | //= rfc9293/3.10.7.1/closed-no-akc MUST
          |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: a rule there is `rfc9293/3.10.7.1/closed-no-ack`

        2 faults in the selected scripts
        --- exit 2
    "#]]
    .assert_eq(&world.halfopen("check typo.pkt level.pkt").page());
}

#[test]
fn check_tells_what_a_script_of_another_suite_needs_defined() {
    let world = World::new(&[]);
    let call = "+0 setsockopt(3, SOL_SOCKET, MINE, [1], 4) = 0\n";
    let text =
        format!("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n{call}+0 < S 0:0(0) win 5 <FO TFO_COOKIE,nop,nop>\n");
    world.write("theirs.pkt", &text);
    expect![[r#"
        1 script and 2 tests are well
        Not defined here: MINE, TFO_COOKIE (-D SYMBOL=VALUE, or --compat packetdrill)
        --- exit 0
    "#]]
    .assert_eq(&world.halfopen("check theirs.pkt").page());
    let defined = world.halfopen("check -D MINE=SO_DEBUG --compat packetdrill theirs.pkt");
    assert_eq!((defined.code, defined.stdout.as_str()), (0, "1 script and 3 tests are well\n"));
    // What resembles a known word is a slip, and what our own suite needs must be there.
    world.write("slip.pkt", &text.replace("MINE", "SO_REUSEADR"));
    assert_eq!(world.halfopen("check slip.pkt").code, 2);
    world.write("ours.pkt", &format!("//= rfc9293/3.10.7.1/closed-no-ack MUST\n// So.\n{text}"));
    assert_eq!(world.halfopen("check ours.pkt").code, 2);
    // Constants of other systems are known by name.
    world.write("bsd.pkt", &text.replace("MINE", "TCP_NOOPT").replace("<FO TFO_COOKIE,nop,nop>", ""));
    assert_eq!(world.halfopen("check bsd.pkt").code, 0);
    let ran = world.halfopen("run --family v4 bsd.pkt");
    assert!(ran.code == 0 && ran.stdout.contains("`TCP_NOOPT`, which only FreeBSD has"), "{}", ran.page());
}

#[test]
fn fmt_shows_and_sets_the_layout() {
    let world = World::new(&[]);
    world.write("a.pkt", "0 < S 0:0(0)  win 65535   // why\n\n   +0 > R. 0:0(0) ack 1");
    world.write("folder/b.pkt", EXCHANGE);
    expect![[r#"
        --- a.pkt
        +++ a.pkt
        @@ -1,1 +1,1 @@
        -0 < S 0:0(0)  win 65535   // why
        +0 < S 0:0(0) win 65535  // why
        @@ -3,1 +3,1 @@
        -   +0 > R. 0:0(0) ack 1\ no line feed at the end
        ++0 > R. 0:0(0) ack 1
        --- folder/b.pkt
        +++ folder/b.pkt
        @@ -1,1 +1,1 @@
        -0 < S 0:0(0) win 65535
        +0  < S 0:0(0) win 65535
        2 of 2 scripts would change
        --- exit 1
    "#]]
    .assert_eq(&world.halfopen("fmt --check a.pkt folder").page());
    expect![[r#"
        a.pkt
        folder/b.pkt
        2 of 2 scripts changed
        --- exit 0
    "#]]
    .assert_eq(&world.halfopen("fmt a.pkt folder").page());
    let read = |path: &str| std::fs::read_to_string(world.path().join(path)).expect("it is there");
    assert_eq!(read("a.pkt"), "0 < S 0:0(0) win 65535  // why\n\n+0 > R. 0:0(0) ack 1\n");
    assert_eq!(read("folder/b.pkt"), "0  < S 0:0(0) win 65535\n+0 > R. 0:0(0) ack 1\n");
    assert_eq!(world.files("folder"), [std::path::Path::new("folder/b.pkt")]);
    let again = world.halfopen("fmt --check .");
    assert_eq!((again.code, again.stdout.as_str()), (0, "0 of 2 scripts would change\n"));
}

#[test]
fn fmt_leaves_everything_as_it_is_when_a_file_is_no_script() {
    let world = World::new(&[]);
    world.write("a.pkt", EXCHANGE);
    world.write("b.pkt", "0 < S 0:0(0) wim 65535\n");
    expect![[r#"
        --- stderr
        error[syntax]: unknown word `wim`
         --> b.pkt:1:14
          |
        1 | 0 < S 0:0(0) wim 65535
          |              ^^^ expected `ack N`, `win N`, `urg N`, `<options>` or the end of the line
          |
          = help: did you mean `win`?

        1 fault in the selected scripts
        --- exit 2
    "#]]
    .assert_eq(&world.halfopen("fmt a.pkt b.pkt").page());
    assert_eq!(std::fs::read_to_string(world.path().join("a.pkt")).expect("it is there"), EXCHANGE);
    assert_eq!(world.halfopen("fmt nowhere.pkt").code, 2);
    assert_eq!(world.halfopen("fmt").code, 2);
    world.write("empty/notes.txt", "");
    assert_eq!(world.halfopen("fmt empty").code, 4);
}

#[test]
fn fmt_of_standard_input_goes_to_standard_output() {
    use std::io::Write;
    use std::process::Stdio;
    let world = World::new(&[]);
    let run = |words: &[&str], text: &str| {
        let mut child =
            world.command(words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the binary runs");
        // Wrong usage is told without reading.
        match child.stdin.take().expect("a pipe").write_all(text.as_bytes()) {
            Err(gone) if gone.kind() == std::io::ErrorKind::BrokenPipe => {}
            written => written.expect("it reads"),
        }
        let output = child.wait_with_output().expect("it ends");
        (output.status.code(), String::from_utf8(output.stdout).expect("UTF-8"))
    };
    let tidy = "0  < S 0:0(0) win 65535\n+0 > R. 0:0(0) ack 1\n";
    assert_eq!(run(&["fmt", "-"], EXCHANGE), (Some(0), tidy.into()));
    assert_eq!(run(&["fmt", "--check", "-"], tidy), (Some(0), String::new()));
    assert_eq!(run(&["fmt", "--check", "-"], EXCHANGE).0, Some(1));
    assert_eq!(run(&["fmt", "-", "x"], EXCHANGE).0, Some(2));
}

#[test]
fn expand_writes_a_script_that_runs_again() {
    let world = World::new(&[]);
    let header = "//= rfc9293/3.10.7.1/closed-no-ack MUST\n// So.\n//: family v4\n";
    world.write("specs/fixtures/SYN.pkt", "0 < S 0:0(0) win $size\nlet next = 1\n");
    let body = "vary window: closed(size=0) open(size=1000)\n`reset`\nuse SYN\n+0 > R. 0:0(0) ack $next\n";
    world.write("specs/rfc9293/3.10.7.1/varied.pkt", &format!("{header}{body}"));
    let ambiguous = world.halfopen("expand rfc9293/3.10.7.1/varied");
    assert_eq!(ambiguous.code, 2, "{}", ambiguous.page());
    assert!(ambiguous.stderr.contains("selects 2 tests"), "{}", ambiguous.stderr);
    let expanded = world.halfopen("expand --sut fake rfc9293/3.10.7.1/varied[v4,open]");
    expect![[r#"
        //= rfc9293/3.10.7.1/closed-no-ack MUST
        // So.
        //: family v4

        // rfc9293/3.10.7.1/varied[v4,open]

        --ip_version=ipv4

        `reset`

        0 < S 0:0(0) win 1000
        +0 > R. 0:0(0) ack 1
    "#]]
    .assert_eq(&expanded.stdout);
    world.write("plain.pkt", &expanded.stdout);
    assert_eq!(world.halfopen("run --sut fake plain.pkt[v4]").code, 0);
}

#[test]
fn the_suite_itself_is_well() {
    let specs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../specs");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_halfopen"));
    let output = command.arg("check").arg("--specs").arg(specs).output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}
