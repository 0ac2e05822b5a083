//! What a verdict rests on: capabilities that the SUT declares, silence, and the completeness of the capture.

mod world;

use world::{EXCHANGE, World};

const HEADER: &str =
    "//= rfc9293/3.10.7.1/closed-no-ack MUST\n// A SYN to a closed port draws a reset.\n//: family v4\n";

/// Verdict and reason of the only test of a script.
fn verdict(lines: &str) -> (String, String) {
    let world = World::new(&[]);
    world.write("specs/rfc9293/3.9/it.pkt", &format!("{HEADER}{lines}"));
    let ran = world.fake("--format jsonl");
    let line = ran.json().into_iter().next().unwrap_or_else(|| panic!("{}", ran.page()));
    let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
    (text("verdict"), text("reason"))
}

#[test]
fn what_a_sut_says_it_lacks_is_unsupported_by_its_word() {
    // The fake lacks md5 and has kernel 6.1, and says nothing of sack.
    let table = [
        ("md5", "unsupported", "needs md5, which this SUT lacks"),
        ("sack md5", "unsupported", "needs md5, which this SUT lacks"),
        ("sack", "pass", ""),
        ("x-mine", "pass", ""),
        ("kernel>=6.1", "pass", ""),
        ("kernel>=5.15", "pass", ""),
        ("kernel>=6.2", "unsupported", "needs kernel>=6.2, and this SUT has 6.1"),
        ("kernel>=6.1.1", "unsupported", "needs kernel>=6.1.1, and this SUT has 6.1"),
    ];
    for (needs, expected, reason) in table {
        let got = verdict(&format!("//: needs {needs}\n`reset`\n{EXCHANGE}"));
        assert_eq!(got, (expected.into(), reason.into()), "{needs}");
    }
}

/// A SYN to a closed port: where the fake is not `deaf`, what follows it is silence by its own choice.
const SYN: &str = "0 < S 0:0(0) win 65535\n";
const ANSWERED: &str = "+0 > R. 0:0(0) ack 1\n";

#[test]
fn silence_of_the_deaf_is_inconclusive() {
    let control = "control failed: a SYN to port 9 drew no answer, so the silence before it means nothing";
    // What the script says after the fake has gone deaf, and when nothing ever came back from it.
    let table = [
        ("silent line", format!("`deaf`\n{SYN}+1 silent\n")),
        ("silent branch", format!("`deaf`\n{SYN}any {{\n  +0 > R. 0:0(0) ack 1\n}} or {{\n  +1 silent\n}}\n")),
        ("end", format!("`deaf`\n{SYN}")),
        ("end after an answer", format!("`reset`\n{SYN}{ANSWERED}+0 `deaf`\n+0 < S 5:5(0) win 65535\n")),
        ("gap", format!("`reset`\n{SYN}{ANSWERED}+0 `deaf`\n+0 < S 5:5(0) win 65535\n+1 `deaf`\n")),
    ];
    for (name, script) in table {
        assert_eq!(verdict(&script), ("inconclusive".into(), control.into()), "{name}");
        let hearing = script.replace("deaf", "hear");
        assert_eq!(verdict(&hearing), ("pass".into(), String::new()), "{name}");
        let lossy = format!("{}+0 `drop`\n", hearing);
        let (got, reason) = verdict(&lossy);
        assert_eq!(got, "inconclusive", "{name}");
        assert_eq!(reason, "the capture is incomplete: 1 datagrams were lost", "{name}");
    }
    // What is due and does not come is a failure all the same.
    assert_eq!(verdict(&format!("`deaf`\n{SYN}{ANSWERED}")).0, "fail");
}

#[test]
fn explain_and_list_tell_the_silences() {
    let world = World::new(&[]);
    let body = "`reset`\n0 < S 0:0(0) win 65535\n+0 > R. 0:0(0) ack 1\n+.5 < S 5:5(0) win 65535\n+3 silent\n+1 > R. 0:0(0) ack 6\n\
                +0 < S 9:9(0) win 65535\n";
    world.write("specs/rfc9293/3.9/it.pkt", &format!("{HEADER}{body}"));
    let listed = world.halfopen("list --sut fake --format json");
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout).expect(&listed.stdout);
    let found: Vec<_> = listed[0]["silences"].as_array().expect("a list").iter().collect();
    let found: Vec<_> = found.iter().map(|s| format!("{} {} {}", s["kind"], s["line"], s["us"])).collect();
    assert_eq!(found, ["\"gap\" 7 500000", "\"silent\" 8 3000000", "\"until\" 9 1000000", "\"end\" 10 0"]);
    let explained = world.halfopen("explain rfc9293/3.9/it");
    let said = "0.5 s before line 7; 3 s at line 8; 1 s before line 9; after line 10, to the end";
    assert!(explained.stdout.contains(said), "{}", explained.page());
}
