//! The reference stack in a process of its own, tested from outside through the binary: a short version of
//! `halfopen run --runner tun` and `--runner veth`, and what a host that is killed comes to.

#![cfg(target_os = "linux")]

mod world;

use rstest::rstest;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use world::World;

/// Tests whose script takes longer, in seconds, are left to `halfopen run --runner tun`.
const QUICK: &str = "0.2";

/// Whether namespaces can be had; CI must have them.
fn available() -> bool {
    let Err(why) = halfopen_sut::linux::available() else { return true };
    assert!(std::env::var_os("CI").is_none(), "CI is to test the host: {why}");
    eprintln!("the host was NOT tested: {why}");
    false
}

#[rstest]
#[case("tun")]
#[case("veth")]
fn quick_tests_pass_from_outside(#[case] runner: &str) {
    if !available() {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = Command::new(env!("CARGO_BIN_EXE_halfopen"));
    command.current_dir(&root).args([
        "run",
        "--runner",
        runner,
        "--longest",
        QUICK,
        "--retries",
        "2",
        "--pcap",
        "never",
        "-q",
    ]);
    let output = command.args(["rfc9293/3.10.7.1", "rfc9293/3.10.7.2", "rfc5961"]).output().expect("the binary runs");
    let text = String::from_utf8_lossy(&output.stdout);
    // A machine that tests everything at once makes some late: they may be flaky, but none may fail again when it is alone.
    let verdicts = text.lines().find(|line| line.contains(" pass")).unwrap_or_default();
    let good = !verdicts.contains(" fail") && !verdicts.contains(" error") && output.status.code() != Some(3);
    assert!(good, "{text}{}", String::from_utf8_lossy(&output.stderr));
    let passed = text.lines().find_map(|line| line.trim().split_once(" pass")?.0.parse::<u32>().ok());
    assert!(passed.is_some_and(|passed| passed >= 50), "{text}");
}

#[test]
fn host_that_is_killed_fails_its_test_and_the_next_one_gets_another() {
    if !available() {
        return;
    }
    let world = World::new(&[]);
    // Whether the next host answers is what is asked, not how late a machine that tests everything at once lets it.
    let exchange = "0 < S 0:0(0) win 65535\n+0~+1 > R. 0:0(0) ack 1\n";
    world.write("long.pkt", &format!("{exchange}+20 < S 0:0(0) win 65535\n+0~+1 > R. 0:0(0) ack 1\n"));
    world.write("short.pkt", exchange);
    let words = ["run", "--runner", "tun", "--family", "v4", "-j", "1", "-v", "long.pkt", "short.pkt"];
    let run = world.command(&words).stdout(Stdio::piped()).spawn().expect("the binary runs");
    let host = (0..300).find_map(|_| {
        pause();
        host_of(run.id())
    });
    // The first exchange is over long before this.
    (0..10).for_each(|_| pause());
    let killed = Command::new("kill").args(["-9", &host.expect("a host").to_string()]).status().expect("kill");
    assert!(killed.success());
    let output = run.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("the host ended (signal: 9"), "{text}");
    assert!(text.contains("PASS  short.pkt"), "{text}");
}

/// The process that has the device, among the descendants of a run.
fn host_of(run: u32) -> Option<u32> {
    let tasks = fs::read_dir(format!("/proc/{run}/task")).ok()?;
    let children = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let children: Vec<u32> =
        children.flat_map(|text| text.split(' ').map(str::parse).collect::<Vec<_>>()).flatten().collect();
    let is_host = |child: &u32| {
        fs::read(format!("/proc/{child}/cmdline")).is_ok_and(|line| line.windows(7).any(|word| word == b"--calls"))
    };
    children.into_iter().find(is_host)
}

#[expect(clippy::disallowed_methods, reason = "a real process on a real clock")]
fn pause() {
    std::thread::sleep(Duration::from_millis(100));
}
