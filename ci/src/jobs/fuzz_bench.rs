//! How fast the fuzz targets are on one core: executions for each second of processor time, so that a busy machine makes nothing slow.
//!
//! Each figure is taken twice. *Alone* is the plain function over the inputs of the example `speed`; *in the engine* is a run of libFuzzer
//! from the committed seeds, with all that costs: mutation, the counters of coverage, the corpus. The goals are those of the function.

use super::End;
use super::compat::cost::Cost;
use crate::step::{self, Fault};
use clap::Args;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The compiler that has sanitizers.
const NIGHTLY: &str = "nightly";
/// Nothing here is unsafe, so that no pointer outlives its frame; looking for one would double the time. A campaign with ASan wants the same.
const ASAN_OPTIONS: (&str, &str) = ("ASAN_OPTIONS", "detect_stack_use_after_return=0");
/// The package of the shells.
const SHELLS: &str = "fuzz/fuzz_targets";

/// What is asked of the job.
#[derive(Debug, Clone, Args)]
pub(crate) struct Asked {
    /// Processor time of each figure
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Not in the engine, which takes two builds more
    #[arg(long)]
    alone: bool,
    /// Only these rows: a target, or `sim`
    #[arg(long, value_delimiter = ',', value_name = "TARGET")]
    only: Vec<String>,
}

/// How the code is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Build {
    /// `--release`
    Plain,
    /// With debug assertions and checks for overflow, each crate in one piece, as cargo-fuzz builds.
    Checked,
    /// With them and the address sanitizer.
    Asan,
}

impl Build {
    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "release",
            Self::Checked => "checked",
            Self::Asan => "asan",
        }
    }

    /// What cargo-fuzz calls it.
    const fn sanitizer(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Checked => Some("none"),
            Self::Asan => Some("address"),
        }
    }
}

/// What is measured, and its goal in executions a second. `sim` is no target of an engine.
const FIGURES: [(&str, Build, Option<u32>); 12] = [
    ("segment_parser", Build::Plain, Some(500_000)),
    ("segment_parser", Build::Checked, None),
    ("segment_parser", Build::Asan, Some(90_000)),
    ("state_machine", Build::Plain, None),
    ("state_machine", Build::Checked, Some(60_000)),
    ("state_machine", Build::Asan, Some(10_000)),
    ("sim", Build::Plain, Some(5_000)),
    ("sim", Build::Checked, None),
    ("endpoint_pair", Build::Checked, None),
    ("reassembly", Build::Checked, None),
    ("retransmission", Build::Checked, None),
    ("script_parser", Build::Checked, None),
];

/// Measures, and prints a table.
pub(crate) fn fuzz_bench(asked: &Asked) -> Result<End, Fault> {
    let scratch = step::scratch("fuzz-bench")?;
    let nightly = step::answers("rustup", &["run", NIGHTLY, "rustc", "--version"]);
    let mut rows = Vec::new();
    let mut met = Vec::new();
    for (target, build, goal) in FIGURES {
        if !asked.only.is_empty() && !asked.only.iter().any(|only| only == target) {
            continue;
        }
        if build == Build::Asan && !nightly {
            rows.push(format!("| {target} | asan | - | - | - | not measured: no {NIGHTLY} compiler |"));
            continue;
        }
        let alone = alone(target, build, asked.seconds)?;
        let engine = match build.sanitizer() {
            Some(sanitizer) if !asked.alone && target != "sim" => engine(target, sanitizer, asked.seconds, &scratch)?,
            _ => "-".to_owned(),
        };
        let goal = goal.map_or_else(
            || "-".to_owned(),
            |goal| {
                met.push(alone.rate >= f64::from(goal));
                format!("{goal}{}", if alone.rate >= f64::from(goal) { "" } else { "  MISSED" })
            },
        );
        rows.push(format!(
            "| {target} | {} | {:.0} | {engine} | {goal} | {} |",
            build.name(),
            alone.rate,
            alone.length
        ));
    }
    println!("\n| target | build | alone, 1/s | in the engine, 1/s | goal | input |\n|---|---|---:|---:|---:|---|");
    for row in &rows {
        println!("{row}");
    }
    if met.is_empty() && rows.is_empty() {
        return Err(format!("no figure of {:?}", asked.only));
    }
    let reached = met.iter().filter(|met| **met).count();
    Ok(End::Good(format!("{reached} of {} goals reached; executions for each second of one core", met.len())))
}

/// A figure of the function alone.
struct Alone {
    rate: f64,
    length: String,
}

fn alone(target: &str, build: Build, seconds: u32) -> Result<Alone, Fault> {
    let words = ["run", "--quiet", "--release", "--package", "halfopen-fuzz", "--example", "speed"];
    let mut command = match build {
        Build::Plain | Build::Checked => step::cargo(&words),
        Build::Asan => {
            let mut command = step::command("rustup");
            // A target of its own, so that build scripts and macros are not sanitized.
            command.args(["run", NIGHTLY, "cargo"]).args(words).args(["--target", &host()?]);
            command.env("RUSTFLAGS", "-Zsanitizer=address").envs([ASAN_OPTIONS]);
            command
        }
    };
    if build != Build::Plain {
        command.envs([
            ("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true"),
            ("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true"),
            ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
        ]);
    }
    // A folder for each build: what other jobs build is not built anew.
    command.env("CARGO_TARGET_DIR", step::target_dir()?.join("fuzz-bench").join(build.name()));
    command.args(["--", target, &seconds.to_string()]);
    let mut figure = None;
    let status = step::stream(&mut command, |line| figure = read(line).or(figure.take()))?;
    figure.filter(|_| status.success()).ok_or_else(|| format!("{target}, {}: {status}, no figure", build.name()))
}

/// Reads `speed: TARGET | RATE | COUNT | SECONDS | LENGTH | BUILD`.
fn read(line: &str) -> Option<Alone> {
    let columns: Vec<&str> = line.strip_prefix("speed: ")?.split('|').map(str::trim).collect();
    let &[_, rate, _, _, length, _] = columns.as_slice() else { return None };
    Some(Alone { rate: rate.parse().ok()?, length: length.to_owned() })
}

/// This machine, as the compiler calls it.
fn host() -> Result<String, Fault> {
    let told = step::captured(step::command("rustc").arg("-vV"))?;
    told.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .ok_or_else(|| "rustc -vV names no host".to_owned())
}

/// A figure of a run of the engine: executions for each second of processor time.
fn engine(target: &str, sanitizer: &str, seconds: u32, scratch: &Path) -> Result<String, Fault> {
    let folder = step::target_dir()?.join("fuzz-bench").join(format!("engine-{sanitizer}"));
    // As `halfopen fuzz run` builds and calls it.
    let words =
        ["fuzz", "build", "--no-trace-compares", "--fuzz-dir", SHELLS, "--sanitizer", sanitizer, "--target-dir"];
    let mut build = if sanitizer == "none" {
        step::cargo(&words)
    } else {
        let mut command = step::command("rustup");
        command.args(["run", NIGHTLY, "cargo"]).args(words);
        command
    };
    step::succeed(build.arg(&folder).arg(target))?;
    let program = folder.join(host()?).join("release").join(target);
    let (learned, log) =
        (scratch.join(format!("{target}-{sanitizer}")), scratch.join(format!("{target}-{sanitizer}.log")));
    let fault = |error: std::io::Error| format!("{}: {error}", log.display());
    fs::create_dir_all(&learned).map_err(fault)?;
    let mut command = Command::new(&program);
    command.envs([ASAN_OPTIONS]).arg(&learned).arg(step::root().join("fuzz/corpus").join(target));
    command.arg(format!("-max_total_time={seconds}")).arg("-print_final_stats=1").args(options(target)?);
    command.arg(format!("-artifact_prefix={}/", scratch.display()));
    command.stderr(fs::File::create(&log).map_err(fault)?);
    let (status, cost) = Cost::of(|| step::status(&mut command))?;
    let said = fs::read(&log).map_err(fault)?;
    let executions = executions(&String::from_utf8_lossy(&said))
        .ok_or_else(|| format!("{target}: {status}, and no count of executions in {}", log.display()))?;
    let rate = executions as f64 / cost.cpu.as_secs_f64().max(0.01);
    Ok(format!("{rate:.0}{}", if status.success() { "" } else { ", until a finding" }))
}

/// What the target asks of the engine, but for its dictionary, as flags.
fn options(target: &str) -> Result<Vec<String>, Fault> {
    let file = step::root().join("fuzz/engine").join(target).with_extension("options");
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let pairs = text.lines().filter_map(|line| line.split_once('=')).map(|(key, value)| (key.trim(), value.trim()));
    Ok(pairs.filter(|(key, _)| *key != "dict").map(|(key, value)| format!("-{key}={value}")).collect())
}

/// What libFuzzer says at its end; at a finding it counts only as far as its last line of progress, `#N`.
fn executions(said: &str) -> Option<u64> {
    let counted = said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    let progress = || said.lines().rev().find_map(|line| line.strip_prefix('#')?.split_whitespace().next());
    counted.or_else(progress)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_the_line_of_speed() {
        let figure =
            read("speed: state_machine | 5123 | 25600 | 5.00 | 24.3 events | debug assertions").expect("a figure");
        assert_eq!((figure.rate, figure.length.as_str()), (5123.0, "24.3 events"));
        assert!(read("2 times: O36").is_none() && read("speed: a | b").is_none());
    }

    #[test]
    fn executions_are_counted_at_the_end_or_as_far_as_known() {
        let ended = "#2048\tNEW cov: 1\n#4096\tDONE\nstat::number_of_executed_units: 4096\n";
        assert_eq!(executions(ended), Some(4096));
        assert_eq!(executions("INFO: a\n#2048\tpulse  cov: 1\nthread panicked\n"), Some(2048));
        assert_eq!(executions("nothing"), None);
    }

    #[test]
    fn every_goal_of_the_page_is_held() {
        let goals = FIGURES.iter().filter_map(|(target, build, goal)| Some((*target, build.name(), (*goal)?)));
        let expected = [
            ("segment_parser", "release", 500_000),
            ("segment_parser", "asan", 90_000),
            ("state_machine", "checked", 60_000),
            ("state_machine", "asan", 10_000),
            ("sim", "release", 5_000),
        ];
        assert_eq!(goals.collect::<Vec<_>>(), expected);
    }
}
