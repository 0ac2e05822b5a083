//! `halfopen fuzz diff`, through the binary: a user namespace must be entered by a process with one thread.

#![cfg(target_os = "linux")]

use halfopen_fuzz::program::{At, Event, Profile, Program, Segment, Setup};
use std::io::Write;
use std::process::{Command, Output};

/// Whether the kernel can be asked here; CI has to.
fn available() -> bool {
    let Err(why) = halfopen_sut::linux::available() else { return true };
    assert!(std::env::var_os("CI").is_none(), "CI is to test the kernel: {why}");
    // Past the capture of the test harness: a kernel that was not tested is not to look like one that was.
    let _ = writeln!(std::io::stderr(), "the kernel was NOT tested: {why}");
    false
}

fn diff(words: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_halfopen")).args(["fuzz", "diff"]).args(words).output().expect("the binary");
    let text = String::from_utf8(stdout).expect("text") + &String::from_utf8_lossy(&stderr);
    (status.code().expect("an exit code"), text)
}

fn file(folder: &tempfile::TempDir, events: Vec<Event>) -> String {
    let setup = Setup { profile: Profile::Linux, ..Setup::default() };
    let file = folder.path().join("program.bin");
    std::fs::write(&file, Program { setup, events }.encode()).expect("a writable folder");
    file.to_str().expect("UTF-8").to_owned()
}

#[test]
fn one_program_gives_one_trace_which_is_the_reference_stack_s() {
    if !available() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let at = At::new(0);
    let old = Segment { ack: halfopen_fuzz::program::Ref::Next(9), ..Segment::ack() };
    let file = file(
        &folder,
        vec![
            Event::Open { at },
            Event::Text { at, length: 700 },
            Event::Segment { at, segment: old },
            Event::Receive { at, length: 300, peek: true },
            Event::Send { at, length: 2000, more: false, urgent: false },
            Event::Acknowledge { at, window: 0 },
            Event::Reset { at },
            Event::Receive { at, length: 1, peek: false },
        ],
    );
    let (code, text) = diff(&[&file, "--repeat", "50"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("50 runs on the kernel, 1 canonical trace: "), "{text}");
    assert!(text.ends_with("the reference stack has the same\n"), "{text}");
}

/// The entries are those of `--specs`: with none the same program is a divergence.
#[test]
fn known_difference_is_named_with_its_reason() {
    if !available() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let at = At::new(2);
    let iss = Segment { ack: halfopen_fuzz::program::Ref::First(0), ..Segment::ack() };
    let events = vec![Event::Connect { at }, Event::Syn { at, ack: false }, Event::Segment { at, segment: iss }];
    let file = file(&folder, events);
    let (code, text) = diff(&[&file, "--repeat", "2"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("known, rfc9293/3.10.7.4/syn-received-ack-bad: In a simultaneous open"), "{text}");
    let specs = folder.path().join("specs");
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/../../specs");
    for entry in std::fs::read_dir(ours).expect("specs").flatten() {
        let (rules, copy) = (entry.path().join("rules.toml"), specs.join(entry.file_name()));
        std::fs::create_dir_all(&copy).expect("a writable folder");
        if rules.is_file() {
            std::fs::copy(rules, copy.join("rules.toml")).expect("a writable folder");
        }
    }
    std::fs::write(specs.join("expect/linux.toml"), "").expect("a writable folder");
    let (code, text) = diff(&[&file, "--repeat", "2", "--specs", specs.to_str().expect("UTF-8")]);
    assert_eq!(code, 8, "{text}");
    assert!(text.contains("DIVERGENCE "), "{text}");
}

#[test]
fn what_is_no_program_is_a_usage_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("none.bin");
    std::fs::write(&file, b"no program").expect("a writable folder");
    if available() {
        let (code, text) = diff(&[file.to_str().expect("UTF-8")]);
        assert_eq!(code, 2, "{text}");
        assert!(text.contains("none.bin: "), "{text}");
    }
}
