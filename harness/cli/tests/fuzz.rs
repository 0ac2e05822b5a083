//! `halfopen fuzz`: findings of each sort, repetition to the octet, exit codes.

use serde_json::Value;
use std::process::{Command, Output};

fn sim(words: &str) -> (i32, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_halfopen"))
        .args(["fuzz", "sim"])
        .args(words.split_whitespace())
        .output()
        .expect("the binary");
    assert!(stderr.is_empty(), "{}", String::from_utf8_lossy(&stderr));
    (status.code().expect("an exit code"), String::from_utf8(stdout).expect("text"))
}

fn json(words: &str) -> (i32, Vec<Value>) {
    let (code, text) = sim(&format!("{words} --format json"));
    (code, text.lines().map(|line| serde_json::from_str(line).expect("an object")).collect())
}

#[test]
fn the_stack_gives_no_finding_and_the_same_trace_on_any_number_of_jobs() {
    let runs: Vec<(i32, Vec<Value>)> = ["-j 1", "-j 2"].map(|jobs| json(&format!("--seeds 256 {jobs}"))).into();
    for (code, lines) in &runs {
        assert_eq!((*code, lines.len()), (0, 1), "{lines:#?}");
        assert_eq!((&lines[0]["summary"]["seeds"], &lines[0]["summary"]["findings"]), (&256.into(), &0.into()));
    }
    assert_eq!(runs[0].1[0]["summary"]["trace"], runs[1].1[0]["summary"]["trace"]);
    let (_, others) = json("--seeds 256 --first 257");
    assert_ne!(others[0]["summary"]["trace"], runs[0].1[0]["summary"]["trace"]);
}

/// Each sort has its exit code, and its seed gives the same finding with the same trace again.
#[test]
fn canaries_are_found_told_apart_and_repeated() {
    for (canary, code, oracles) in [("oracle", 8, "O39"), ("liveness", 10, "O79 O83"), ("crash", 11, "")] {
        let (exit, found) = json(&format!("--seeds 64 --findings 1 --canary {canary} -j 1"));
        assert_eq!(exit, code, "{found:#?}");
        let finding = &found[0];
        assert_eq!(finding["kind"], canary, "{finding:#}");
        assert!(finding["oracle"].as_str().is_some_and(|oracle| oracles.contains(oracle)), "{finding:#}");
        assert!(finding["parameters"].as_str().is_some_and(|text| text.contains("per mille: lost")), "{finding:#}");
        let (exit, again) = json(&format!("--seed {} --canary {canary}", finding["seed"]));
        assert_eq!((exit, &again[0]), (code, finding));
    }
}

#[test]
fn a_seed_is_shown_with_all_that_it_draws_and_every_datagram() {
    let (code, text) = sim("--seed 3 -v");
    assert_eq!(code, 0, "{text}");
    for part in ["delay ", "A: ", "B: ", "-- the network is hostile", " A > S", " B < S", "-- nothing is to be left"] {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
    assert_eq!(sim("--seed 3 -v"), (code, text));
}

#[test]
fn a_target_that_does_not_exist_is_a_usage_error_that_names_those_that_do() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_halfopen")).args(["fuzz", "run", "sparrow"]).output().expect("the binary");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("no target `sparrow`; there are data_files, ") && text.contains("canary"), "{text}");
}

#[test]
fn a_finding_is_printed_with_the_command_that_repeats_it() {
    let (_, text) = sim("--seeds 64 --findings 1 --canary oracle -j 1");
    let again = text.lines().find_map(|line| line.trim().strip_prefix("again  ")).expect("a command");
    assert!(text.starts_with("FAIL seed ") && again.starts_with("halfopen fuzz sim --seed "), "{text}");
}

/// The target of an input is the one that is named, or that its path names.
#[test]
fn an_input_belongs_to_the_target_of_its_path_or_to_the_one_that_is_named() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/regressions");
    let input = format!("{folder}/listener/reset-after-reopening-time-wait");
    let table: [(&[&str], i32, &str); 5] = [
        (&["min", &input], 0, "reset-after-reopening-time-wait: nothing is violated"),
        (&["min", &input, "--target", "retransmission"], 0, "nothing is violated"),
        (&["replay", &input], 0, "1 inputs, 0 findings"),
        (&["min", &input, "--target", "state_machine"], 2, "reset-after-reopening-time-wait: "),
        (
            &["min", &input, "--target", "sparrow"],
            2,
            "of `sparrow` no script is made; of these: state_machine, endpoint_pair",
        ),
    ];
    for (words, code, text) in table {
        let output = Command::new(env!("CARGO_BIN_EXE_halfopen")).arg("fuzz").args(words).output().expect("the binary");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
        assert!(said.contains(text), "{words:?}: {said}");
    }
}
