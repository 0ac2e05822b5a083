//! What the suite covers, then the suite on the reference stack, on smoltcp and on the kernel of this machine.

use super::End;
use crate::step::{self, Fault};
use crate::tally::{self, Tally};
use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Runs the suite on each stack, also when one before it fails.
pub(crate) fn conformance(tally: &mut Tally) -> Result<End, Fault> {
    let program = build()?;
    step::succeed(step::command(&program).args(["coverage", "--check"]))?;
    let out = step::scratch("conformance")?;
    let reference = run(&program, "reference", &out, tally);
    let smoltcp = run(&program, "smoltcp", &out, tally);
    let linux = match no_namespaces() {
        None => run(&program, "linux", &out, tally),
        Some(why) if must_have_namespaces() => Err(format!("linux: {why}")),
        Some(why) => Ok(format!("linux: not run, {why}")),
    };
    println!();
    let results = [reference, smoltcp, linux];
    for result in &results {
        println!("{}", result.as_ref().unwrap_or_else(|fault| fault));
    }
    let (good, faults): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let joined = |lines: Vec<Result<String, Fault>>| -> Vec<String> {
        lines.into_iter().map(|line| line.unwrap_or_else(|fault| fault)).collect()
    };
    if faults.is_empty() { Ok(End::Good(joined(good).join("; "))) } else { Err(joined(faults).join("; ")) }
}

/// Builds `halfopen` as users run it, and says where it is.
pub(crate) fn build() -> Result<PathBuf, Fault> {
    step::succeed(&mut step::cargo(&["build", "--release", "--package", "halfopen"]))?;
    Ok(step::target_dir()?.join("release").join("halfopen"))
}

/// One run of the whole suite; returns the line for the closing list.
fn run(program: &Path, sut: &str, out: &Path, tally: &mut Tally) -> Result<String, Fault> {
    let lines = out.join(format!("{sut}.jsonl"));
    let mut command = step::command(program);
    command.args(["run", "--sut", sut, "--format", "human", "--format"]);
    command.arg(format!("jsonl={}", lines.display())).arg("--out").arg(out.join(sut));
    let status = step::status(&mut command)?;
    // Without lines there was no run; the exit code says why.
    let Ok(text) = fs::read_to_string(&lines) else {
        return Err(format!("{sut}: {status} ({}), and no JSON lines", status.code().map_or("by a signal", meaning)));
    };
    let read = tally::conformance(&text).map_err(|fault| format!("{sut}: {}: {fault}", lines.display()))?;
    *tally += read.tally;
    judged(sut, status.code(), &read)
}

/// Exit code, counts and summary have to tell one story.
fn judged(sut: &str, code: Option<i32>, read: &tally::Conformance) -> Result<String, Fault> {
    let counts = read.tally;
    match (code, &read.summary) {
        (Some(0), None) => Err(format!("{sut}: exit code 0, but the run has no summary")),
        (Some(0), Some(_)) if counts.failed > 0 => Err(format!("{sut}: exit code 0, but {counts}")),
        (Some(0), Some(_)) if counts.passed == 0 => Err(format!("{sut}: exit code 0, but no test passed")),
        (Some(0), Some(_)) => Ok(format!("{sut}: {counts}")),
        (Some(code), _) => Err(format!("{sut}: exit code {code} ({}); {counts}", meaning(code))),
        (None, _) => Err(format!("{sut}: ended by a signal; {counts}")),
    }
}

/// What an exit code of `halfopen run` says.
fn meaning(code: i32) -> &'static str {
    match code {
        0 => "as expected",
        1 => "unexpected failure or flaky test",
        2 => "usage or script error",
        3 => "environment or harness error",
        4 => "nothing selected",
        5 => "expectations have drifted",
        6 => "only inconclusive tests",
        _ => "not a code of `halfopen run`",
    }
}

/// Why a kernel test cannot have a network namespace here; `None` when it can.
///
/// Asked of util-linux, not of our own program: what a kernel forbids and what our adapter does wrong are not to be
/// mistaken for each other. Where `unshare` is not installed, the adapter is the one to find out.
pub(crate) fn no_namespaces() -> Option<String> {
    if let Err(error) = fs::File::options().read(true).write(true).open("/dev/net/tun") {
        return Some(format!("/dev/net/tun: {error}"));
    }
    if !step::answers("unshare", &["--version"]) {
        return None;
    }
    let words: &[&str] = if is_root() { &["--net", "true"] } else { &["--user", "--map-root-user", "--net", "true"] };
    (!step::answers("unshare", words)).then(|| format!("`unshare {}` is not permitted", words.join(" ")))
}

/// Whether the absence of namespaces is a fault: for root and in CI the kernel half may not silently go missing.
pub(crate) fn must_have_namespaces() -> bool {
    is_root() || env::var_os("CI").is_some_and(|value| value == "true")
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|of| of.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Conformance;

    #[test]
    fn exit_code_counts_and_summary_have_to_agree() {
        let read = |passed, failed, summary: Option<&str>| Conformance {
            tally: Tally { passed, failed, skipped: 0 },
            summary: summary.map(str::to_owned),
        };
        let whole = Some("{}");
        //  code      passed, failed, summary  ->  good
        let cases = [
            (Some(0), read(3, 0, whole), true),
            (Some(0), read(3, 0, None), false),
            (Some(0), read(0, 0, whole), false),
            (Some(0), read(3, 1, whole), false),
            (Some(1), read(3, 1, whole), false),
            (Some(5), read(3, 0, whole), false),
            (None, read(3, 0, whole), false),
        ];
        for (code, read, good) in cases {
            assert_eq!(judged("reference", code, &read).is_ok(), good, "{code:?} {read:?}");
        }
    }
}
