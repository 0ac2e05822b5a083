//! The quick tests of the suite on the kernel of this machine, through the binary: a user namespace must be entered by
//! a process with one thread, which a test harness never is.

#![cfg(target_os = "linux")]

use halfopen_cli::select::{Filter, select};
use halfopen_cli::specs::Specs;
use halfopen_cli::suite::Suite;
use halfopen_script::duration_hint;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// Tests whose script takes longer than this, in microseconds, are left to `halfopen run --sut linux`.
const QUICK: i64 = 500_000;

#[test]
fn quick_tests_are_as_expected_on_this_kernel() {
    if let Err(why) = halfopen_sut::linux::available() {
        assert!(std::env::var_os("CI").is_none(), "CI is to test the kernel: {why}");
        // Past the capture of the test harness: a kernel that was not tested is not to look like one that was.
        let _ = writeln!(std::io::stderr(), "the kernel was NOT tested: {why}");
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut suite = Suite::load(&Specs::read(&root.join("specs")).expect("the specs are readable"));
    let filter = Filter { sut: Some("linux".into()), ..Filter::default() };
    let cases = select(&mut suite, &[], &filter).expect("there are tests").cases;
    // Only the length of the script is asked for, so any value of the SUT's own names will do.
    let params = [("time_wait".to_string(), 60_000_000)];
    let mut quick = Vec::new();
    for case in &cases {
        let test = suite.expand(case.script, &case.variant, &params);
        let test = test.unwrap_or_else(|faults| panic!("{}", suite.script_fault(faults)));
        if duration_hint(&test) < QUICK {
            quick.push(case.id.clone());
        }
    }
    assert!(!quick.is_empty(), "no test of {} is quick", cases.len());
    let mut command = Command::new(env!("CARGO_BIN_EXE_halfopen"));
    command.current_dir(&root).args(["run", "--sut", "linux", "--pcap", "never", "-q"]).args(&quick);
    let output = command.output().expect("the binary runs");
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    let _ = writeln!(std::io::stderr(), "{} of {} tests are quick\n{stdout}", quick.len(), cases.len());
    assert_eq!(output.status.code(), Some(0), "{stdout}{stderr}");
}
