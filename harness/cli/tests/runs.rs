//! Runs that are kept: `report`, `replay`, `compare`; and what a run may be divided into.

mod world;

use expect_test::expect;
use std::collections::BTreeSet;
use std::fs;
use world::{EXCHANGE, World};

const SECTION: &str = "rfc9293/3.10.7.1";

fn world() -> World {
    World::new(&[("crash", "crash"), ("good", "reset"), ("lack", "lack"), ("late", "late")])
}

fn read(world: &World, path: &str) -> String {
    fs::read_to_string(world.path().join(path)).expect(path)
}

#[test]
fn a_run_is_kept_with_its_parameters_results_and_captures() {
    let world = world();
    world.fake("--seed 5 --level must --format jsonl=lines");
    let latest = "target/halfopen/latest";
    assert_eq!(read(&world, &format!("{latest}/results.jsonl")), read(&world, "lines"));
    assert!(world.path().join(format!("{latest}/{SECTION}/late@v4.pcapng")).is_file());
    let parameters: serde_json::Value = serde_json::from_str(&read(&world, &format!("{latest}/run.json"))).unwrap();
    assert_eq!(parameters["command"].as_array().unwrap()[1..4], ["run", "--sut", "fake"].map(serde_json::Value::from));
    assert_eq!(parameters["repeat"], serde_json::json!(["halfopen", "run", "{test}", "--sut", "fake", "--seed", "5"]));
    assert_eq!(
        parameters["sut"],
        serde_json::json!({"name":"fake","runner":"sim","version":"","profile":null,"clock":"virtual"})
    );
    assert_eq!((&parameters["seed"], &parameters["tests"]), (&5.into(), &4.into()));
    assert_eq!(parameters["folder"], world.path().canonicalize().unwrap().display().to_string());
    assert!(parameters["halfopen"].as_str().unwrap().starts_with(env!("CARGO_PKG_VERSION")));
    // Equal specs, equal digest; another text, another digest.
    let digest = |world: &World| {
        world.fake("*/good --out again");
        serde_json::from_str::<serde_json::Value>(&read(world, "again/run.json")).unwrap()["specs"]["digest"].clone()
    };
    assert_eq!(digest(&world), parameters["specs"]["digest"]);
    world.script("good", "late");
    assert_ne!(digest(&world), parameters["specs"]["digest"]);
}

#[test]
fn old_runs_make_room_for_new_ones() {
    let world = world();
    let below = |name: &str| world.path().join("target/halfopen").join(name);
    // Two old runs whose processes are no more (no process has so large a number), one that is under way, and what is not a run's to remove.
    let under_way = format!("20250101T000000Z-{}", std::process::id());
    let others = [under_way.as_str(), "mine", "20250101T000000Z", "20250101T000000Z-4x", "20250101-1"];
    let old = ["20250101T000001Z-4294967290", "20250102T000000Z-4294967291"];
    for name in others.iter().chain(&old) {
        std::fs::create_dir_all(below(name)).unwrap();
        world.write(&format!("target/halfopen/{name}/results.jsonl"), "");
    }
    std::os::unix::fs::symlink(world.path(), below("20250101T000000Z-4294967292")).unwrap();
    // The one under way counts, and stays: of four the newest three.
    assert_eq!(world.fake("*/good --keep-runs 3").code, 0);
    assert!(old.iter().all(|name| below(name).exists()));
    let latest = std::fs::read_link(below("latest")).unwrap();
    assert_eq!(world.halfopen("replay latest::*/good").code, 4, "there is no such test; nothing is removed for it");
    assert!(old.iter().all(|name| below(name).exists()));
    assert_eq!(world.fake("*/good --keep-runs 1").code, 0);
    assert!(old.iter().all(|name| !below(name).exists()), "they are the oldest");
    // Another process may have its number by now, for a while.
    let ended = |_| {
        assert_eq!(world.fake("*/good --keep-runs 1").code, 0);
        !below(latest.to_str().unwrap()).exists()
    };
    assert!((0..5).any(ended), "its process has ended");
    assert!(others.iter().all(|name| below(name).join("results.jsonl").exists()));
    assert!(world.path().join("specs").exists() && below("20250101T000000Z-4294967292").is_symlink());
    assert!(below("latest/results.jsonl").is_file(), "the new one");
    assert_eq!(world.fake("*/good --keep-runs 0").code, 2);
    assert_eq!(world.fake("*/good --keep-runs 2 --no-out").code, 2);
}

#[test]
fn what_cannot_be_kept_fails_a_run_only_if_it_was_asked_for() {
    let world = world();
    assert_eq!(world.fake("*/good --no-out").code, 0);
    assert!(!world.path().join("target").exists());
    world.write("target", "a file where the folder should be");
    let ran = world.fake("*/good");
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains("note: this run is not kept: cannot write target/halfopen"), "{}", ran.page());
    let ran = world.fake("*/good --out target/x");
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{}", ran.page());
}

#[test]
fn a_report_of_a_kept_run_is_that_of_the_run() {
    let world = world();
    let styles = ["human", "jsonl", "junit", "ktap", "md", "html", "json"];
    let formats = |folder: &str| styles.map(|style| format!("--format {style}={folder}.{style}")).join(" ");
    world.fake(&format!("--format human {}", formats("first")));
    let ran = world.halfopen(&format!("report {}", formats("second")));
    assert_eq!(ran.code, 0, "{}", ran.page());
    for style in styles {
        let [first, second] = ["first", "second"].map(|name| read(&world, &format!("{name}.{style}")));
        assert!(!first.is_empty() && first == second, "{style}\n{first}\n{second}");
    }
    // By path, as JSON lines alone, and cut short.
    let whole = read(&world, "first.jsonl");
    for run in ["target/halfopen/latest", "first.jsonl"] {
        assert_eq!(world.halfopen(&format!("report {run} --format jsonl")).stdout.lines().count(), 5, "{run}");
    }
    world.write("cut.jsonl", whole.lines().next().unwrap());
    let ran = world.halfopen("report cut.jsonl");
    assert!(
        ran.code == 0 && ran.stderr.contains("the run broke off") && ran.stdout.contains("1 fail"),
        "{}",
        ran.page()
    );
    assert_eq!(world.halfopen("report nowhere").code, 2);
    world.write("no.jsonl", "{}\n");
    let ran = world.halfopen("report no.jsonl");
    assert!(ran.code == 2 && ran.stderr.contains("no.jsonl: line 1: missing field"), "{}", ran.page());
}

#[test]
fn a_replay_says_whether_it_comes_to_the_same() {
    let world = world();
    world.fake("--seed 9 --out kept");
    let test = format!("kept::{SECTION}/late[v4]");
    let ran = world.halfopen(&format!("replay {test}"));
    assert_eq!(ran.code, 0, "{}", ran.page());
    assert!(ran.stdout.contains("seed 9") && ran.stdout.ends_with("\n"), "{}", ran.page());
    let last = ran.stdout.lines().last().unwrap();
    assert!(last.starts_with("As in kept: fail line 7: "), "{last}");
    // A crash is a verdict like another; the script's id is enough where it has one variant.
    assert_eq!(world.halfopen(&format!("replay kept::{SECTION}/crash")).code, 0);
    world.script("late", "reset");
    let ran = world.halfopen(&format!("replay {test}"));
    assert_eq!(ran.code, 7, "{}", ran.page());
    let end: Vec<&str> = ran.stdout.lines().skip_while(|line| !line.starts_with("Not as in")).collect();
    assert_eq!(end[0], "Not as in kept:");
    assert!(end[1].starts_with("  was  fail line 7: ") && end[2] == "  is   pass", "{end:?}");
    // Another runner of the SUT.
    let ran = world.halfopen(&format!("replay kept::{SECTION}/good[v4] --runner real"));
    assert!(ran.code == 0 && ran.stdout.contains("fake (real, real time)"), "{}", ran.page());
    let cases = [
        ("replay kept::no/such/test", 4),
        ("replay kept", 2),
        ("replay gone::x", 2),
        (&format!("replay kept/results.jsonl::{SECTION}/good[v4]"), 2),
        (&format!("replay {test} --sut nobody"), 2),
    ];
    for (words, code) in cases {
        let ran = world.halfopen(words);
        assert_eq!(ran.code, code, "{words}\n{}", ran.page());
    }
}

#[test]
fn a_replay_leaves_the_newest_run_where_it_is() {
    let world = world();
    world.fake("");
    let target = || fs::read_link(world.path().join("target/halfopen/latest")).unwrap();
    let before = target();
    assert_eq!(world.halfopen(&format!("replay latest::{SECTION}/late[v4]")).code, 0);
    assert_eq!(world.halfopen("compare --sut fake --sut fake").code, 0);
    assert_eq!(target(), before);
}

#[test]
fn a_comparison_names_what_differs() {
    let world = world();
    world.fake("--out one --format jsonl=one.jsonl --pcap always");
    world.fake("--out two --pcap always");
    let same = world.halfopen("compare one two");
    assert_eq!(same.code, 0, "{}", same.page());
    assert!(same.stdout.ends_with("0 of 4 tests differ: 0 in verdict, 0 in the way they fail\n"), "{}", same.page());
    world.script("good", "late");
    world.script("new", "reset");
    world.write(
        &format!("specs/{SECTION}/late.pkt"),
        &format!("//: family v4\n`reset`\n{EXCHANGE}+0 `reset`\n+1 < S 0:0(0) win 5\n"),
    );
    fs::remove_file(world.path().join(format!("specs/{SECTION}/lack.pkt"))).unwrap();
    world.fake("--out two --pcap always");
    let ran = world.halfopen("compare one.jsonl two");
    expect![[r#"
        a  fake (sim, virtual time), seed 24301: 4 tests  one.jsonl
        b  fake (sim, virtual time), seed 24301: 4 tests  two

        pass -> fail  rfc9293/3.10.7.1/good[v4]
            b  line 7: time expected 0, got 0.05
        fail, otherwise  rfc9293/3.10.7.1/late[v4]
            a  line 7: time expected 0, got 0.05
            b  after the script: expected nothing after the last line, got R. 0:0(0) ack 1 win 0
            they part at segment 3:
              a  nothing more
              b  < S 0:0(0) win 5
        only in a  1 test
            rfc9293/3.10.7.1/lack[v4]
        only in b  1 test
            rfc9293/3.10.7.1/new[v4]
        2 of 3 tests differ: 1 in verdict, 1 in the way they fail
        --- exit 7
    "#]]
    .assert_eq(&ran.page());
    let json = world.halfopen("compare one two --format json");
    let page: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(
        (json.code, &page["same"], &page["changes"][0]["verdicts"]),
        (7, &1.into(), &serde_json::json!(["pass", "fail"]))
    );
    for (words, code) in
        [("compare one", 2), ("compare one nowhere", 2), ("compare --sut fake", 2), ("compare one two three", 2)]
    {
        assert_eq!(world.halfopen(words).code, code, "{words}");
    }
}

#[test]
fn two_suts_are_compared_by_running_them() {
    let world = world();
    let ran = world.halfopen("compare --sut fake --sut reference */good */lack");
    assert_eq!(ran.code, 7, "{}", ran.page());
    // The reference has no command `reset`, so what the fake passes is unsupported there.
    assert!(ran.stdout.contains(&format!("pass -> unsupported  {SECTION}/good[v4]")), "{}", ran.page());
    assert_eq!(world.halfopen("compare --sut fake --sut fake nothing/like/this").code, 4);
    assert_eq!(world.halfopen("compare --sut fake --sut nobody").code, 2);
}

#[test]
fn partitions_divide_a_selection_and_a_new_test_moves_no_other() {
    let names: Vec<String> = (0..40).map(|n| format!("test-{n}")).collect();
    let scripts: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "reset")).collect();
    let world = World::new(&scripts);
    let part = |partition: &str| {
        let listed = world.halfopen(&format!("list --sut fake --format ids --partition {partition}"));
        let ran = world.fake(&format!("--format jsonl --partition {partition}"));
        let ids: BTreeSet<String> = ran.verdicts().into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, listed.stdout.lines().map(str::to_owned).collect(), "list and run agree");
        ids
    };
    for by in ["hash", "count"] {
        let parts = [1, 2, 3].map(|n| part(&format!("{by}:{n}/3")));
        assert_eq!(parts.iter().map(BTreeSet::len).sum::<usize>(), 40, "{by}");
        assert_eq!(parts.iter().flatten().collect::<BTreeSet<_>>().len(), 40, "{by}");
        assert!(parts.iter().all(|part| part.len() > 5), "{by}");
    }
    let before = part("hash:2/3");
    world.script("a-new-one", "reset");
    let mut after = part("hash:2/3");
    after.remove(&format!("{SECTION}/a-new-one[v4]"));
    assert_eq!(before, after);
    assert_eq!(world.fake("--partition hash:4/3").code, 2);
    assert_eq!(world.fake("*/test-1 --partition count:2/2").code, 4, "an empty part");
}

#[test]
fn shells_and_manuals_know_every_command() {
    let world = World::new(&[]);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = world.halfopen(&format!("completions {shell}"));
        assert!(ran.code == 0 && ran.stdout.contains("replay") && ran.stdout.contains("halfopen"), "{shell}");
    }
    assert_eq!(world.halfopen("completions tcsh").code, 2);
    let page = world.halfopen("man");
    assert!(
        page.code == 0 && page.stdout.contains(".TH halfopen 1") && page.stdout.contains("compare"),
        "{}",
        page.page()
    );
    assert_eq!(world.halfopen("man --out pages").code, 0);
    let pages: Vec<_> = world.files("pages").iter().map(|file| file.display().to_string()).collect();
    for page in ["halfopen", "halfopen-run", "halfopen-replay", "halfopen-stack-status"] {
        assert!(pages.contains(&format!("pages/{page}.1")), "{page} in {pages:?}");
    }
}
