//! What arguments select, and that `list` and `run` agree about it.

mod world;

use world::{EXCHANGE, World};

fn world() -> World {
    let world = World::new(&[("alpha", "reset"), ("beta", "reset"), ("alphabet", "reset")]);
    let axes = "vary state: ESTABLISHED FIN-WAIT-1\nvary at: next last\n";
    let header = "//= rfc9293/3.10.7.1/closed-slow SHOULD\n// At once.\n//: alias anvl:8.1\n";
    world.write("specs/rfc9293/3.9/varied.pkt", &format!("{header}{axes}`reset`\n{EXCHANGE}"));
    let header = "//= rfc9293/3.10.7.1/closed-slow SHOULD\n// Elsewhere.\n//: sut linux\n";
    world.write("specs/rfc9293/3.9/linux-only.pkt", &format!("{header}{EXCHANGE}"));
    world.write("specs/fixtures/ESTABLISHED.pkt", EXCHANGE);
    world.write("mine/own.pkt", &format!("`reset`\n{EXCHANGE}"));
    world.write("mine/other.pkt", EXCHANGE);
    world.write("mine/fixtures/HELPER.pkt", EXCHANGE);
    world
}

#[test]
fn arguments_select_by_id_glob_folder_rule_alias_and_path() {
    let world = world();
    let varied = "rfc9293/3.9/varied";
    let section = "rfc9293/3.10.7.1";
    let cases: &[(&str, Vec<String>)] = &[
        ("rfc9293/3.10.7.1/alpha", vec![format!("{section}/alpha[v4]")]),
        ("rfc9293/3.10.7.1/alpha[v4]", vec![format!("{section}/alpha[v4]")]),
        ("rfc9293/3.10.7.1/alpha*", vec![format!("{section}/alpha[v4]"), format!("{section}/alphabet[v4]")]),
        ("*/?eta", vec![format!("{section}/beta[v4]")]),
        ("*[v6,FIN-WAIT-1*", vec![format!("{varied}[v6,FIN-WAIT-1,next]"), format!("{varied}[v6,FIN-WAIT-1,last]")]),
        ("rfc9293/3.9/varied[v4,ESTABLISHED,next]", vec![format!("{varied}[v4,ESTABLISHED,next]")]),
        ("tc8:BETA", vec![format!("{section}/beta[v4]")]),
        ("mine/own.pkt", vec!["mine/own.pkt[v4]".into(), "mine/own.pkt[v6]".into()]),
        ("mine/own.pkt[v6]", vec!["mine/own.pkt[v6]".into()]),
        ("specs/rfc9293/3.10.7.1/beta.pkt", vec![format!("{section}/beta[v4]")]),
        ("rfc9293/3.10.7.1/beta rfc9293/3.10.7.1/b*", vec![format!("{section}/beta[v4]")]),
    ];
    for (words, ids) in cases {
        let ran = world.halfopen(&format!("list --sut fake --format ids {words}"));
        let listed: Vec<_> = ran.stdout.lines().collect();
        assert_eq!(&listed, ids, "{words}\n{}", ran.stderr);
    }
}

#[test]
fn list_and_run_count_the_same() {
    let world = world();
    let selections = [
        ("", 11),
        ("rfc9293", 11),
        ("rfc9293/3.10.7.1", 11), // by their rules
        ("rfc9293/3.9", 8),
        ("rfc9293/3.10.7.1/closed-no-ack", 3),
        ("rfc9293/3.10.7.1/closed-slow", 8),
        ("specs", 11),
        ("specs/rfc9293/3.9", 8),
        ("mine", 4),
        ("mine rfc9293/3.9", 12),
        ("--level must", 3),
        ("--family v6", 4),
        ("--family v4,v6 anvl:8.1", 8),
    ];
    for (words, count) in selections {
        let ids = world.halfopen(&format!("list --sut fake --format ids {words}"));
        assert_eq!(ids.stdout.lines().count(), count, "{words}\n{}", ids.stderr);
        let json = world.halfopen(&format!("list --sut fake --format json {words}"));
        let json: Vec<serde_json::Value> = serde_json::from_str(&json.stdout).expect("an array");
        assert_eq!(json.len(), count, "{words}");
        let run = world.halfopen(&format!("run --sut fake --format jsonl {words}"));
        let run: Vec<_> = run.verdicts().into_iter().map(|(id, _)| id).collect();
        assert_eq!(run.join("\n") + "\n", ids.stdout, "{words}");
    }
}

#[test]
fn an_argument_that_selects_nothing_is_named() {
    let world = world();
    let ran = world.halfopen("run --sut fake rfc9293/3.10.7.1/alpha rfc9293/3.10.7.1/alfa");
    assert_eq!(ran.code, 4);
    assert!(ran.stderr.contains("`rfc9293/3.10.7.1/alfa` selects nothing"), "{}", ran.stderr);
    assert_eq!(ran.stdout, "", "nothing ran");
    let ran = world.halfopen("run --sut fake rfc9293/3.9/varied[v4,LISTEN,next]");
    assert!(ran.stderr.contains("rfc9293/3.9/varied has 8 variants"), "{}", ran.stderr);
    let ran = world.halfopen("list --sut fake rfc9293/3.9/linux-only");
    assert_eq!(ran.code, 4, "it is for another SUT\n{}", ran.page());
}

#[test]
fn specs_come_from_the_flag_the_environment_above_or_the_binary() {
    let world = world();
    let count = |command: &mut std::process::Command| {
        let output = command.args(["list", "--sut", "fake", "--format", "ids"]).output().expect("the binary runs");
        String::from_utf8(output.stdout).expect("UTF-8").lines().count()
    };
    let below = world.path().join("mine/fixtures");
    assert_eq!(count(world.command(&[]).current_dir(&below)), 11, "above");
    let elsewhere = tempfile::TempDir::new().unwrap();
    let specs = world.path().join("specs");
    assert_eq!(count(world.command(&[]).current_dir(&elsewhere).env("HALFOPEN_SPECS", &specs)), 11, "environment");
    assert_eq!(count(world.command(&["--specs"]).arg(&specs).current_dir(&elsewhere)), 11, "flag");
    let own = count(world.command(&[]).current_dir(env!("CARGO_MANIFEST_DIR")));
    assert!(own > 11);
    assert_eq!(count(world.command(&[]).current_dir(&elsewhere)), own, "the copy in the binary is the suite");
}

#[test]
fn a_failure_tells_the_command_that_repeats_it() {
    let world = world();
    let ran = world.halfopen("run --sut fake mine/other.pkt[v6] --seed 9 --specs ./specs");
    let again = ran.stdout.lines().find_map(|line| line.trim().strip_prefix("again    ")).expect(&ran.stdout);
    assert_eq!(again, "halfopen run 'mine/other.pkt[v6]' --specs ./specs --sut fake --seed 9 -vv");
    let words: Vec<_> = again.split_whitespace().skip(1).map(|word| word.trim_matches('\'')).collect();
    let repeated = world.words(&words);
    assert_eq!(repeated.code, ran.code);
    assert!(repeated.stdout.contains("FAIL mine/other.pkt[v6]"), "{}", repeated.stdout);
}
