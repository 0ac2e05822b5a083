//! A random sample of the suite under google/packetdrill: tests that run on this machine's kernel, each written as a plain script by
//! `halfopen expand`, must get packetdrill's verdict, too. The program is no part of this repository.
//!
//! What base grammar cannot say, `expand` says in a comment; such tests are counted and another is drawn in their place.

use super::scripts::fault_of;
use super::{End, conformance};
use crate::step::{self, Fault};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// What is asked for.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Asked {
    /// The program of google/packetdrill
    #[arg(long)]
    packetdrill: PathBuf,
    /// Seed of the draw
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many tests are compared
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=1000))]
    count: u16,
    /// A binary of halfopen; without it one is built
    #[arg(long, value_name = "PROGRAM")]
    halfopen: Option<PathBuf>,
    /// Add the table to a file as Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// What `expand` writes where base grammar has no words: what packetdrill lacks stands behind the first.
const LACKS: &str = "// packetdrill has no ";
/// What it writes above alternatives.
const ALTERNATIVES: &str = "// The first of ";
/// Runs of packetdrill, before a script counts as failed: the time of something may be the machine's fault.
const ATTEMPTS: usize = 3;

/// The object is for packetdrill alone, not for the shell: where a namespace may not choose the congestion control it does so for each
/// socket, as `halfopen run` does.
const SETUP: &str = r#"ip link set lo up; LD_PRELOAD="$0" exec "$@""#;

/// Tests that were drawn and not compared, by the reason.
type PassedOver = BTreeMap<String, Vec<String>>;

/// The other program.
struct Peer {
    program: PathBuf,
    object: PathBuf,
}

/// As much of a JSON line as is needed here.
#[derive(Debug, Deserialize)]
struct Line {
    /// A summary has none.
    test: Option<String>,
    verdict: Option<String>,
}

/// One test under both.
struct Row {
    test: String,
    ours: String,
    /// Why packetdrill fails it.
    theirs: Option<String>,
}

impl Row {
    fn agrees(&self) -> bool {
        (self.ours == "pass") == self.theirs.is_none()
    }
}

/// Draws, runs both, compares.
pub(crate) fn sample(asked: &Asked) -> Result<End, Fault> {
    if let Some(why) = conformance::no_namespaces() {
        return Ok(End::Skipped(why));
    }
    let absolute = |path: &Path| fs::canonicalize(path).map_err(|error| format!("{}: {error}", path.display()));
    step::succeed(&mut step::cargo(&["build", "-p", "halfopen-packetdrill"]))?;
    let object = step::target_dir()?.join("debug/libhalfopen_packetdrill.so");
    let peer = Peer { program: absolute(&asked.packetdrill)?, object };
    let halfopen = asked.halfopen.as_deref().map_or_else(conformance::build, absolute)?;
    let out = step::scratch("sample")?;
    let listed = step::captured(step::command(&halfopen).args(["list", "--sut", "linux", "--format", "ids"]))?;
    let mut ids: Vec<&str> = listed.lines().collect();
    shuffle(&mut ids, asked.seed);
    let mut passed_over = PassedOver::new();
    let mut rows = Vec::new();
    let mut ids = ids.into_iter();
    while rows.len() < usize::from(asked.count) {
        let mut batch = Vec::new();
        for id in ids.by_ref() {
            let script = step::captured(step::command(&halfopen).args(["expand", id]))?;
            match beyond(&script) {
                Some(why) => passed_over.entry(why).or_default().push(id.to_owned()),
                None => batch.push((id, script)),
            }
            if batch.len() + rows.len() >= usize::from(asked.count) {
                break;
            }
        }
        if batch.is_empty() {
            return Err("the suite has not as many tests that packetdrill can express".to_owned());
        }
        let verdicts = verdicts(&halfopen, &batch, &out)?;
        for (id, script) in batch {
            match verdicts.get(id).map_or("none", String::as_str) {
                ours @ ("pass" | "xfail") => {
                    let theirs = runs(&peer, &script, &out)?;
                    let row = Row { test: id.to_owned(), ours: ours.to_owned(), theirs };
                    println!("{}", row.line());
                    rows.push(row);
                }
                "unsupported" => {
                    passed_over.entry("unsupported by this kernel".into()).or_default().push(id.to_owned())
                }
                other => passed_over.entry(format!("verdict {other} here")).or_default().push(id.to_owned()),
            }
        }
    }
    judged(asked, &rows, &passed_over)
}

/// Why base grammar cannot say a test, in the words of `expand`.
fn beyond(script: &str) -> Option<String> {
    script.lines().map(str::trim_start).find_map(|line| match line.strip_prefix(LACKS) {
        Some(rest) => Some(format!("packetdrill has no {}", rest.split(": ").next().unwrap_or(rest))),
        None => line.starts_with(ALTERNATIVES).then(|| "alternatives".to_owned()),
    })
}

/// The verdicts of one run on the kernel.
fn verdicts(halfopen: &Path, batch: &[(&str, String)], out: &Path) -> Result<BTreeMap<String, String>, Fault> {
    let lines = out.join("sample.jsonl");
    let mut command = step::command(halfopen);
    command.args(["run", "--sut", "linux", "--pcap", "never", "--quiet", "--format"]);
    command.arg(format!("jsonl={}", lines.display())).args(batch.iter().map(|(id, _)| id));
    step::status(command.stdout(Stdio::null()))?;
    let text = fs::read_to_string(&lines).map_err(|error| format!("{}: {error}", lines.display()))?;
    let mut found = BTreeMap::new();
    for line in text.lines() {
        let line: Line = serde_json::from_str(line).map_err(|error| format!("JSON lines of halfopen: {error}"))?;
        if let (Some(test), Some(verdict)) = (line.test, line.verdict) {
            found.insert(test, verdict);
        }
    }
    Ok(found)
}

/// The script without its setting of the congestion control, and that: a host may keep an algorithm from namespaces and grant it to a
/// socket that asks, which is how `halfopen run` sets it, too.
fn congestion_control(script: &str) -> (String, String) {
    const SETTING: &str = "net.ipv4.tcp_congestion_control=";
    let Some(at) = script.find(SETTING) else { return (script.to_owned(), "cubic".to_owned()) };
    let name = script[at + SETTING.len()..].split([' ', '`', '\n']).next().unwrap_or_default();
    let word = format!(" {SETTING}{name}");
    // Without a setting the program would be wrong usage.
    (script.replace(&word, "").replace("`sysctl -q`", "`true`"), name.to_owned())
}

/// Why packetdrill fails a script, in a network namespace of its own; `None`: it passes.
fn runs(peer: &Peer, script: &str, out: &Path) -> Result<Option<String>, Fault> {
    let file = out.join("sample.pkt");
    let (script, congestion_control) = congestion_control(script);
    fs::write(&file, script).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut fault = None;
    for _ in 0..ATTEMPTS {
        let mut command = step::command("timeout");
        command.args(["--kill-after=2", "180", "unshare", "--net", "sh", "-c", SETUP]).arg(&peer.object);
        command.arg(&peer.program).arg(&file).env("HALFOPEN_TCP_CONGESTION", &congestion_control);
        let output = command.output().map_err(|error| format!("timeout: {error}"))?;
        fault = fault_of(&output);
        if fault.is_none() {
            break;
        }
    }
    Ok(fault)
}

fn judged(asked: &Asked, rows: &[Row], passed_over: &PassedOver) -> Result<End, Fault> {
    let differ: Vec<&Row> = rows.iter().filter(|row| !row.agrees()).collect();
    let passes = rows.iter().filter(|row| row.ours == "pass").count();
    let mut said = format!("seed {}: {} tests, {passes} pass, {} xfail", asked.seed, rows.len(), rows.len() - passes);
    for (why, tests) in passed_over {
        let _ = write!(said, "; {} drawn and passed over: {why}", tests.len());
    }
    if let Some(path) = &asked.markdown {
        let mut text = fs::read_to_string(path).unwrap_or_default();
        let _ =
            write!(text, "\n## Seed {}\n\n{said}.\n\n| test | halfopen | packetdrill |\n|---|---|---|\n", asked.seed);
        for row in rows {
            let theirs = row.theirs.as_ref().map_or("pass", |_| "fail");
            let _ = writeln!(text, "| `{}` | {} | {theirs} |", row.test, row.ours);
        }
        text += &skipped(passed_over);
        fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    println!("{said}");
    if differ.is_empty() {
        return Ok(End::Good(format!("{said}; packetdrill says the same of each")));
    }
    for row in &differ {
        println!("differs: {}", row.line());
    }
    Ok(End::Differs(format!("{said}; {} differ", differ.len())))
}

/// Which tests were not compared, as Markdown.
fn skipped(passed_over: &PassedOver) -> String {
    if passed_over.is_empty() {
        return String::new();
    }
    let mut text = "\n| drawn and passed over | why |\n|---|---|\n".to_owned();
    for (why, tests) in passed_over {
        for test in tests {
            let _ = writeln!(text, "| `{test}` | {why} |");
        }
    }
    text
}

impl Row {
    fn line(&self) -> String {
        let theirs = self.theirs.as_ref().map_or_else(|| "pass".to_owned(), |why| format!("fail: {why}"));
        format!("{:6} {}  packetdrill {theirs}", self.ours, self.test)
    }
}

/// A shuffle that equal seeds make equal.
fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed;
    // SplitMix64.
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    for last in (1..items.len()).rev() {
        items.swap(last, (next() % (last as u64 + 1)) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_draw_equal_samples() {
        let drawn = |seed| {
            let mut items: Vec<u32> = (0..100).collect();
            shuffle(&mut items, seed);
            items
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        let mut sorted = drawn(3);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<u32>>());
    }

    #[test]
    fn what_packetdrill_lacks_is_named() {
        let why = |script| beyond(script);
        assert_eq!(why("0 < . 1:1(0) win 0\n// A comment.\n"), None);
        assert_eq!(
            why("\n  // packetdrill has no TTL of a test: 0 > . 1:1(0)\n"),
            Some("packetdrill has no TTL of a test".into())
        );
        assert_eq!(why("// The first of 2 alternatives:\n"), Some("alternatives".into()));
        let over = PassedOver::from([("why".into(), vec!["a[v4]".into(), "b[v6]".into()])]);
        assert!(skipped(&over).ends_with("| `a[v4]` | why |\n| `b[v6]` | why |\n"));
    }

    #[test]
    fn the_congestion_control_is_asked_of_the_socket() {
        let alone = congestion_control("`sysctl -q net.ipv4.tcp_congestion_control=reno`\n");
        assert_eq!(alone, ("`true`\n".to_owned(), "reno".to_owned()));
        let first = congestion_control("`sysctl -q net.ipv4.tcp_congestion_control=reno net.ipv4.tcp_ecn=2`\n");
        assert_eq!(first, ("`sysctl -q net.ipv4.tcp_ecn=2`\n".to_owned(), "reno".to_owned()));
        assert_eq!(congestion_control("0 < .\n"), ("0 < .\n".to_owned(), "cubic".to_owned()));
    }

    #[test]
    fn an_expected_failure_agrees_with_a_failure() {
        let row = |ours: &str, theirs: Option<&str>| Row {
            test: String::new(),
            ours: ours.into(),
            theirs: theirs.map(str::to_owned),
        };
        assert!(row("pass", None).agrees() && row("xfail", Some("why")).agrees());
        assert!(!row("pass", Some("why")).agrees() && !row("xfail", None).agrees());
    }
}
