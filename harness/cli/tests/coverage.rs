//! `coverage`: what is decided, what is excepted, what is missing.

mod world;

use expect_test::expect;
use world::World;

/// A register with one rule of each status; the first is the one that scripts of [`World`] cite.
const RULES: &str = r#"
rfc = 9293
title = "Transmission Control Protocol (TCP)"

[[rule]]
id = "rfc9293/3.10.7.1/closed-no-ack"
level = "must"
section = "3.10.7.1"
observable = "wire"
text = "A segment without ACK to a closed port draws a reset that acknowledges it."

[[rule]]
id = "rfc9293/3.2/silent"
level = "must-not"
section = "3.2"
observable = "wire"
text = "Nobody has asked yet."

[[rule]]
id = "rfc9293/3.9/inside"
level = "should"
section = "3.9"
observable = "internal"
text = "Something is kept in mind."
not_decidable = "no segment shows it"

[[rule]]
id = "rfc9293/3.9/router"
level = "should"
section = "3.9"
observable = "wire"
text = "Routers do something."
not_applicable = "for routers"
"#;

/// Rules of another RFC: two that say what those say.
const OLDER: &str = r#"
rfc = 1122
title = "Requirements for Internet Hosts"

[[rule]]
id = "rfc1122/4.2/reset"
level = "must"
section = "4.2"
observable = "wire"
text = "The same."
restated_in = ["rfc9293/3.10.7.1/closed-no-ack"]

[[rule]]
id = "rfc1122/4.2/kept"
level = "should"
section = "4.2"
observable = "internal"
text = "The same again."
restated_in = ["rfc9293/3.9/inside"]
"#;

fn world() -> World {
    let world = World::new(&[("good", "reset"), ("more", "reset")]);
    world.write("specs/rfc9293/rules.toml", RULES);
    world.write("specs/rfc1122/rules.toml", OLDER);
    world
}

#[test]
fn each_status_is_counted_per_rfc_level_and_section() {
    let world = world();
    expect![[r#"
                       rules          tested   not decidable  not applicable         missing
        rfc1122            2               1               1               -               -
        rfc9293            4               1               1               1               1
        MUST               2               2               -               -               -
        MUST NOT           1               -               -               -               1
        SHOULD             3               -               2               1               -
        all                6               2               2               1               1
        per section: --rfc 9293; the ids of what is missing: --missing; what decides a rule: explain ID
        --- exit 0
    "#]]
    .assert_eq(&world.halfopen("coverage").page());
    expect![[r#"
        RFC 9293, Transmission Control Protocol (TCP)
        level          rules          tested   not decidable  not applicable         missing
        MUST               1               1               -               -               -
        MUST NOT           1               -               -               -               1
        SHOULD             2               -               1               1               -
        section        rules          tested   not decidable  not applicable         missing
        3.2                1               -               -               -               1
        3.9                2               -               1               1               -
        3.10.7.1           1               1               -               -               -

        all                4               1               1               1               1
        --- exit 0
    "#]]
    .assert_eq(&world.halfopen("coverage --rfc 9293").page());
    assert_eq!(world.halfopen("coverage --missing").page(), "rfc9293/3.2/silent\n--- exit 0\n");
    assert_eq!(world.halfopen("coverage --missing --rfc 1122").page(), "--- exit 0\n");
    assert_eq!(world.halfopen("coverage --rfc 793").code, 4);
}

#[test]
fn a_restatement_of_several_rules_wants_each_decided() {
    let world = world();
    let status = |rules: &str| {
        let restated = format!("restated_in = [{rules}]");
        world.write("specs/rfc1122/rules.toml", &OLDER.replace("restated_in = [\"rfc9293/3.9/inside\"]", &restated));
        let report = world.halfopen("coverage --format json --rfc 1122").stdout;
        let report: serde_json::Value = serde_json::from_str(&report).expect(&report);
        report["rfcs"][0]["sections"][0]["rules"][0]["status"].as_str().expect("a string").to_string()
    };
    let (tested, inside, silent) =
        ("\"rfc9293/3.10.7.1/closed-no-ack\"", "\"rfc9293/3.9/inside\"", "\"rfc9293/3.2/silent\"");
    let cases = [
        (tested.to_string(), "tested"),
        (format!("{tested}, {inside}"), "tested"),
        (format!("{tested}, {silent}"), "missing"),
        (format!("{inside}, {silent}"), "missing"),
        (format!("{inside}, \"rfc9293/3.9/router\""), "not_decidable"),
    ];
    for (rules, expected) in cases {
        assert_eq!(status(&rules), expected, "{rules}");
    }
}

#[test]
fn json_has_every_rule_with_what_decides_it() {
    let world = world();
    let ran = world.halfopen("coverage --format json --rfc 9293,1122");
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).expect(&ran.stdout);
    assert_eq!(report["counts"]["rules"], 6);
    let rule = |rfc: usize, section: usize, rule: usize| &report["rfcs"][rfc]["sections"][section]["rules"][rule];
    assert_eq!(rule(0, 0, 0)["id"], "rfc1122/4.2/kept");
    assert_eq!(rule(0, 0, 0)["status"], "not_decidable");
    assert_eq!(rule(0, 0, 0)["reason"], "no segment shows it");
    let decided = serde_json::json!(["rfc9293/3.10.7.1/good", "rfc9293/3.10.7.1/more"]);
    assert_eq!((&rule(0, 0, 1)["scripts"], &rule(0, 0, 1)["tests"]), (&decided, &2.into()));
    assert_eq!((&rule(1, 2, 0)["scripts"], &rule(1, 2, 0)["level"]), (&decided, &"must".into()));
    assert_eq!(rule(1, 0, 0)["status"], "missing");
}

#[test]
fn check_holds_complete_rfcs_to_their_claim() {
    let world = world();
    assert_eq!(world.halfopen("coverage --check").code, 0, "nothing is claimed");
    world.write("specs/coverage.toml", "complete = [1122]\n");
    assert_eq!(world.halfopen("coverage --check").code, 0, "true of RFC 1122");
    world.write("specs/coverage.toml", "complete = [1122, 9293]\n");
    let broken = world.halfopen("coverage --check");
    assert_eq!(broken.code, 1);
    expect!["rfc9293/3.2/silent (MUST NOT) is neither tested nor excepted, and rfc9293 is complete\n"]
        .assert_eq(&broken.stderr);
    assert_eq!(world.halfopen("coverage").code, 0, "without being asked the claim is not judged");
    world.write("specs/rfc9293/rules.toml", &RULES.replace("must-not", "should"));
    assert_eq!(world.halfopen("coverage --check").code, 0, "the claim is about MUST and MUST NOT");
    world.write("specs/coverage.toml", "complete = [793]\n");
    let unknown = world.halfopen("coverage");
    assert_eq!(unknown.page(), "--- stderr\nerror: specs/coverage.toml: there is no register of RFC 793\n--- exit 3\n");
}

#[test]
fn a_rule_that_is_excepted_and_tested_contradicts_itself() {
    let world = world();
    let excepted = "that acknowledges it.\"\nnot_applicable = \"nobody does this\"";
    world.write("specs/rfc9293/rules.toml", &RULES.replace("that acknowledges it.\"", excepted));
    let broken = world.halfopen("coverage --check");
    assert_eq!(broken.code, 1);
    expect!["rfc9293/3.10.7.1/closed-no-ack is excepted, yet rfc9293/3.10.7.1/good rfc9293/3.10.7.1/more asks it\n"]
        .assert_eq(&broken.stderr);
}

#[test]
fn a_register_that_contradicts_itself_is_refused() {
    let faults = [
        ("not_applicable = \"for routers\"", "not_applicable = \" \"", "is excepted without a reason"),
        (
            "not_applicable = \"for routers\"",
            "not_applicable = \"for routers\"\nnot_decidable = \"inside\"",
            "says more than one of",
        ),
        ("not_applicable = \"for routers\"", "restated_in = [\"rfc1/1/a\"]", "which does not exist"),
        (
            "not_applicable = \"for routers\"",
            "restated_in = [\"rfc1122/4.2/kept\"]",
            "which is itself restated elsewhere",
        ),
        ("not_applicable = \"for routers\"", "skipped = true", "specs/rfc9293/rules.toml:33: unknown field"),
    ];
    for (old, new, why) in faults {
        let world = world();
        world.write("specs/rfc9293/rules.toml", &RULES.replace(old, new));
        let ran = world.halfopen("coverage");
        assert_eq!(ran.code, 3, "{new}");
        assert!(ran.stderr.contains(why), "{new}: {}", ran.stderr);
    }
}
