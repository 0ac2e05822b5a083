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
