//! The way of a stack author: the example, through the library's entry, and the guide that shows it.

#[path = "../examples/own-stack.rs"]
#[expect(dead_code, reason = "its main is not called")]
mod example;

use serde_json::Value;
use std::fs;
use std::path::Path;

/// Runs the example's tool on a selection: exit code, and a line for each test.
fn run(words: &str) -> (u8, Vec<Value>) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let lines = folder.path().join("lines");
    let out = folder.path().join("out");
    let files = [format!("--format=jsonl={}", lines.display()), format!("--out={}", out.display()), "-q".to_owned()];
    let words = ["own-stack"].into_iter().chain(words.split_whitespace()).map(str::to_owned).chain(files);
    let exit = halfopen_cli::run_with(words, vec![example::adapter()]);
    let text = fs::read_to_string(lines).unwrap_or_default();
    let lines = text.lines().map(|line| serde_json::from_str(line).expect("a JSON object"));
    (exit, lines.filter(|line: &Value| line.get("test").is_some()).collect())
}

fn word<'a>(line: &'a Value, key: &str) -> &'a str {
    line[key].as_str().expect("a string")
}

#[test]
fn a_host_without_listeners_refuses_as_the_rfc_says() {
    let (exit, lines) = run("run rfc9293/3.10.7.1/with-ack rfc9293/3.10.7.1/no-ack --sut refuser --family v4");
    assert_eq!(exit, 0);
    assert!(lines.len() > 20, "{}", lines.len());
    for line in lines {
        assert_eq!((word(&line, "verdict"), word(&line, "sut")), ("pass", "refuser"), "{line}");
    }
}

#[test]
fn a_fault_of_the_stack_is_found() {
    // The example looks at no checksum.
    let (exit, lines) = run("run rfc9293/3.1/must-3-none[v4,CLOSED,ack] --sut refuser");
    assert_eq!((exit, lines.len()), (1, 1));
    assert_eq!((word(&lines[0], "verdict"), word(&lines[0]["mismatch"], "kind")), ("fail", "unexpected"));
}

#[test]
fn what_is_not_written_yet_is_unsupported_with_the_word() {
    let (exit, lines) = run("run rfc9293/3.8.5/must-30 rfc9293/3.8.4/shld-12 --sut refuser");
    assert_eq!(exit, 0);
    for line in lines {
        let expected =
            if word(&line, "test").contains("[v6") { "refuser has no IPv6" } else { "refuser has no TCP_MAXSEG" };
        assert_eq!((word(&line, "verdict"), word(&line, "reason")), ("unsupported", expected), "{line}");
    }
}

#[test]
fn names_and_runners_that_do_not_exist_are_wrong_usage() {
    assert_eq!(run("run --sut nobody").0, 2);
    assert_eq!(run("run --sut refuser --runner tun").0, 2);
    assert_eq!(run("run --sut refuser --profile rfc793").0, 2);
    let list = ["own-stack", "list", "--sut", "refuser", "rfc9293/3.10.7.1"];
    assert_eq!(halfopen_cli::run_with(list, vec![example::adapter()]), 0);
}

#[test]
fn a_script_may_name_the_stack_that_was_added() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    for (sut, exit) in [("refuser", 0), ("refusr", 2)] {
        let file = folder.path().join("mine.pkt");
        let script = "//: sut SUT\n\n0 < S 0:0(0) win 9\n+0 > R. 0:0(0) ack 1\n";
        fs::write(&file, script.replace("SUT", sut)).expect("it is written");
        for command in ["check", "list --sut=refuser"] {
            let words = ["own-stack"].into_iter().chain(command.split(' ')).chain(file.to_str());
            assert_eq!(halfopen_cli::run_with(words, vec![example::adapter()]), exit, "{command} {sut}");
        }
    }
}

#[test]
fn an_expectation_file_beside_the_tool_is_read() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let file = folder.path().join("refuser.toml");
    let entry = "[[xfail]]\ntest = \"*must-3-none*\"\nkind = \"unexpected\"\nreason = \"looks at no checksum\"\n";
    fs::write(&file, format!("{entry}rfc = \"RFC 9293 3.1\"\n")).expect("it is written");
    let words = ["own-stack", "run", "rfc9293/3.1/must-3-none[v4,CLOSED,ack]", "--sut=refuser", "--no-out", "-q"];
    assert_eq!(halfopen_cli::run_with(words, vec![example::adapter().expect(&file)]), 0);
}

#[test]
fn the_guide_shows_the_example_as_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let guide = fs::read_to_string(root.join("docs/your-stack.md")).expect("the guide");
    let example = fs::read_to_string(root.join("harness/cli/examples/own-stack.rs")).expect("the example");
    assert!(guide.contains(&format!("```rust\n{example}```\n")), "docs/your-stack.md shows another text");
}
