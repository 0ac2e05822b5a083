//! Scripts on this machine's kernel, several times in a row: what each run costs, whether the verdicts stay, and what a test costs that does
//! nothing. With `--busy`, while programs keep cores busy; with `--packetdrill`, that program's cost beside it.

use super::compat::cost::Cost;
use super::{End, conformance};
use crate::step::{self, Fault};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

/// What is asked for.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Asked {
    /// Folder of packetdrill scripts; without it, the suite
    #[arg(long, value_name = "DIR")]
    scripts: Option<PathBuf>,
    /// How often
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    times: u16,
    /// So many other programs keep a core busy meanwhile
    #[arg(long, default_value_t = 0)]
    busy: u16,
    /// The program of google/packetdrill, for the cost of a script that does nothing
    #[arg(long, value_name = "PROGRAM")]
    packetdrill: Option<PathBuf>,
    /// A binary of halfopen; without it one is built
    #[arg(long, value_name = "PROGRAM")]
    halfopen: Option<PathBuf>,
}

/// As much of a line as is needed here.
#[derive(Debug, Deserialize)]
struct Line {
    /// A summary has none.
    test: Option<String>,
    #[serde(default)]
    verdict: String,
    #[serde(default)]
    attempts: u32,
    lateness: Option<Lateness>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Lateness {
    turns_us: i64,
    sight_us: i64,
    #[serde(default)]
    machine_us: i64,
    #[serde(default)]
    ticks_us: i64,
}

/// What became of a test in one run.
#[derive(Debug, Clone)]
struct Came {
    verdict: String,
    attempts: u32,
    lateness: Lateness,
}

type Run = BTreeMap<String, Came>;

/// A test that does nothing, and how many of it tell what one costs.
const NOTHING: &str = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 close(3) = 0\n";
const MANY: u32 = 200;
/// Of packetdrill, where each takes longer.
const SOME: u32 = 20;

/// Runs them, prints what they cost, and compares.
pub(crate) fn realtime(asked: &Asked) -> Result<End, Fault> {
    let program = match &asked.halfopen {
        None => conformance::build()?,
        Some(path) => fs::canonicalize(path).map_err(|error| format!("{}: {error}", path.display()))?,
    };
    let out = step::scratch("realtime")?;
    nothing(asked, &program, &out)?;
    let _busy = (0..asked.busy).map(|_| Busy::start()).collect::<Result<Vec<Busy>, Fault>>()?;
    let mut runs = Vec::new();
    for number in 1..=asked.times {
        let lines = out.join(format!("{number}.jsonl"));
        let ((), cost) = Cost::of(|| once(asked, &program, &lines))?;
        let text = fs::read_to_string(&lines).map_err(|error| format!("{}: {error}", lines.display()))?;
        let run = read(&text)?;
        println!("{}", row(number, cost, &run));
        runs.push(run);
    }
    let changed = changed(&runs);
    for (test, verdicts) in &changed {
        println!("changes: {test}: {}", verdicts.join(", "));
    }
    let tests = runs.first().map_or(0, BTreeMap::len);
    let busy = if asked.busy == 0 { String::new() } else { format!(", {} busy programs beside them", asked.busy) };
    let note = format!("{tests} tests, {} runs{busy}: {} change their verdict", asked.times, changed.len());
    if changed.is_empty() { Ok(End::Good(note)) } else { Ok(End::Differs(note)) }
}

/// One run over everything. Its exit code is no matter: the lines tell.
fn once(asked: &Asked, program: &Path, lines: &Path) -> Result<(), Fault> {
    let mut command = step::command(program);
    command.args(["run", "--sut", "linux", "--pcap", "never", "--quiet", "--format"]);
    command.arg(format!("jsonl={}", lines.display()));
    if let Some(scripts) = &asked.scripts {
        command.args(["--compat", "packetdrill"]).arg(scripts);
    }
    step::status(command.stdout(Stdio::null())).map(|_| ())
}

fn read(text: &str) -> Result<Run, Fault> {
    let mut run = Run::new();
    for line in text.lines() {
        let Line { test, verdict, attempts, lateness } =
            serde_json::from_str(line).map_err(|error| format!("JSON lines of halfopen: {error}"))?;
        let Some(test) = test else { continue };
        run.insert(test, Came { verdict, attempts, lateness: lateness.unwrap_or_default() });
    }
    Ok(run)
}

/// One run in a line: cost, verdicts, repetitions, lateness.
fn row(number: u16, cost: Cost, run: &Run) -> String {
    let mut verdicts: BTreeMap<&str, usize> = BTreeMap::new();
    run.values().for_each(|came| *verdicts.entry(&came.verdict).or_default() += 1);
    let verdicts: Vec<String> = verdicts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
    let repeated = run.values().filter(|came| came.attempts > 1).count();
    let late = |of: fn(&Lateness) -> i64| {
        let mut all: Vec<i64> = run.values().map(|came| of(&came.lateness)).collect();
        all.sort_unstable();
        let at = |permille: usize| all.get(all.len().saturating_sub(1) * permille / 1000).copied().unwrap_or(0);
        format!("{} {} {}", at(500), at(900), at(990))
    };
    format!(
        "run {number}: {:.1} s wall, {:.1} s CPU; {}; {repeated} repeated; late (us, 50 90 99 % of tests): turns {}, sight {}, machine {}, ticks {}",
        cost.wall.as_secs_f64(),
        cost.cpu.as_secs_f64(),
        verdicts.join(", "),
        late(|lateness| lateness.turns_us),
        late(|lateness| lateness.sight_us),
        late(|lateness| lateness.machine_us),
        late(|lateness| lateness.ticks_us),
    )
}

/// Tests that did not come to the same in each run.
fn changed(runs: &[Run]) -> Vec<(String, Vec<String>)> {
    let tests: BTreeSet<&String> = runs.iter().flat_map(BTreeMap::keys).collect();
    let verdicts = |test: &String| -> Vec<String> {
        runs.iter().map(|run| run.get(test).map_or_else(|| "none".to_owned(), |came| came.verdict.clone())).collect()
    };
    let all = tests.into_iter().map(|test| (test.clone(), verdicts(test)));
    all.filter(|(_, verdicts)| verdicts.windows(2).any(|pair| pair[0] != pair[1])).collect()
}

/// What a test costs that does nothing, one after the other.
fn nothing(asked: &Asked, program: &Path, out: &Path) -> Result<(), Fault> {
    let folder = out.join("nothing");
    let write = |name: String| {
        let path = folder.join(name);
        fs::write(&path, NOTHING).map_err(|error| format!("{}: {error}", path.display()))
    };
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    (0..MANY).try_for_each(|number| write(format!("{number}.pkt")))?;
    let run = |what: &Path| {
        let mut command = step::command(program);
        command.args(["run", "--sut", "linux", "--compat", "packetdrill", "--family", "v4", "-j", "1", "--quiet"]);
        command.arg(what);
        Cost::of(|| step::succeed(command.stdout(Stdio::null()))).map(|((), cost)| cost)
    };
    let (one, all) = (run(&folder.join("0.pkt"))?, run(&folder)?);
    let each = |all: f64, one: f64, number: u32| 1e3 * (all - one) / f64::from(number);
    let wall = each(all.wall.as_secs_f64(), one.wall.as_secs_f64(), MANY - 1);
    let cpu = each(all.cpu.as_secs_f64(), one.cpu.as_secs_f64(), MANY - 1);
    println!("halfopen: a test that does nothing costs {wall:.1} ms wall, {cpu:.1} ms CPU (of {MANY} in a row)");
    let Some(packetdrill) = &asked.packetdrill else { return Ok(()) };
    let script = folder.join("0.pkt");
    let (_, cost) = Cost::of(|| {
        (0..SOME).try_for_each(|_| {
            let mut command = step::command("unshare");
            step::succeed(command.args(["--net"]).arg(packetdrill).arg(&script).stdout(Stdio::null()))
        })
    })?;
    let (wall, cpu) = (each(cost.wall.as_secs_f64(), 0.0, SOME), each(cost.cpu.as_secs_f64(), 0.0, SOME));
    println!("packetdrill: a test that does nothing costs {wall:.1} ms wall, {cpu:.1} ms CPU (of {SOME} in a row)");
    Ok(())
}

/// A program that keeps a core busy, for half an hour at most.
struct Busy(Child);

impl Busy {
    fn start() -> Result<Self, Fault> {
        let mut command = step::command("timeout");
        command.args(["1800", "sh", "-c", "while :; do :; done"]);
        command.spawn().map(Self).map_err(|error| format!("timeout: {error}"))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // `timeout` hands it on to what it started, which SIGKILL would leave behind.
        let _ = step::command("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_that_changes_is_found() {
        let line = |test: &str, verdict: &str| format!(r#"{{"test":"{test}","verdict":"{verdict}","attempts":1}}"#);
        let run = |a: &str, b: &str| read(&[line("a", a), line("b", b), r#"{"summary":{}}"#.into()].join("\n"));
        let runs = [run("pass", "fail").unwrap(), run("pass", "pass").unwrap(), run("pass", "fail").unwrap()];
        assert_eq!(changed(&runs), [("b".to_owned(), vec!["fail".to_owned(), "pass".to_owned(), "fail".to_owned()])]);
        assert!(changed(&runs[..1]).is_empty());
        let mut short = runs[0].clone();
        short.remove("a");
        assert_eq!(changed(&[short, runs[0].clone()])[0].1, ["none", "pass"]);
        assert!(read("{").is_err());
    }

    #[test]
    fn a_run_in_a_line_tells_cost_verdicts_and_lateness() {
        let text = concat!(
            r#"{"test":"a","verdict":"pass","attempts":2,"lateness":{"turns_us":70,"sight_us":40,"machine_us":9,"ticks_us":3}}"#,
            "\n",
            r#"{"test":"b","verdict":"fail","attempts":1,"lateness":{"turns_us":90,"sight_us":50,"machine_us":12}}"#,
        );
        let cost = Cost { wall: std::time::Duration::from_millis(1500), cpu: std::time::Duration::from_millis(200) };
        let said = row(3, cost, &read(text).unwrap());
        assert!(said.starts_with("run 3: 1.5 s wall, 0.2 s CPU; 1 fail, 1 pass; 1 repeated; late"), "{said}");
        assert!(said.ends_with("turns 70 70 70, sight 40 40 40, machine 9 9 9, ticks 0 0 0"), "{said}");
    }
}
