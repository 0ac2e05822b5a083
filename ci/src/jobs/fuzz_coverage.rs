//! What the committed seeds and regressions of all fuzz targets reach: lines of the stack, and which event met which state of a connection.
//!
//! The stable compiler counts regions, which end where control flow branches, and no branches; where a compiler counts those, they are shown.

use super::End;
use super::coverage::{executable, percent, tools};
use crate::step::{self, Fault};
use clap::Args;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

/// What is measured.
const SOURCES: &str = "stack/core/src";
/// Where the figures are kept.
const PAGE: &str = "docs/fuzz-coverage.md";
/// The tests that run every target over what is committed.
const REPLAYS: [&str; 2] = ["replay::seeds_violate_no_oracle", "replay::what_was_found_once_stays_fixed"];

/// What is asked of the job.
#[derive(Debug, Clone, Args)]
pub(crate) struct Asked {
    /// Write the figures to docs/fuzz-coverage.md
    #[arg(long)]
    write: bool,
    /// Programs of the matrix that are drawn, beside those that are kept
    #[arg(long, default_value_t = 2000)]
    drawn: u32,
}

/// Runs the targets instrumented, and prints files and matrix.
pub(crate) fn fuzz_coverage(asked: &Asked) -> Result<End, Fault> {
    let Some([profdata, cov]) = tools()? else {
        return Ok(End::Skipped("LLVM's tools are not installed: rustup component add llvm-tools".to_owned()));
    };
    let scratch = step::scratch("fuzz-coverage")?;
    let program = replay(&scratch.join("profiles"))?;
    let converted = convert(&scratch)?;
    let merged = scratch.join("merged.profdata");
    let mut command = step::command(profdata);
    command.args(["merge", "--sparse", "--output"]).arg(&merged).arg(scratch.join("profiles"));
    step::succeed(&mut command)?;
    let mut command = step::command(cov);
    command.args(["export", "--summary-only"]).arg(format!("--instr-profile={}", merged.display())).arg(program);
    command.arg("--object").arg(converted);
    let files = files_of(&step::captured(&mut command)?)?;
    let (table, note) = table(&files)?;
    let mut matrix = instrumented(
        &["run", "--quiet", "--package", "halfopen-fuzz", "--example", "matrix", "--"],
        &scratch.join("matrix"),
    )?;
    let matrix = step::captured(matrix.arg(asked.drawn.to_string()))?;
    println!("\n{table}\n{matrix}");
    if asked.write {
        let page = step::root().join(PAGE);
        fs::write(&page, text(&table, &matrix)).map_err(|error| format!("{}: {error}", page.display()))?;
    }
    Ok(End::Good(note))
}

/// A command of cargo in the folder of instrumented builds, which others are not mixed with.
fn instrumented(words: &[&str], profiles: &Path) -> Result<std::process::Command, Fault> {
    let mut command = step::cargo(words);
    command.env("RUSTFLAGS", "-C instrument-coverage");
    command.env("CARGO_TARGET_DIR", step::target_dir()?.join("coverage"));
    command.env("LLVM_PROFILE_FILE", profiles.join("%p-%m.profraw"));
    Ok(command)
}

/// Runs the targets over what is committed. Profiles go to the folder; the program that made them is returned.
fn replay(profiles: &Path) -> Result<PathBuf, Fault> {
    let tests = ["test", "--package", "halfopen-fuzz", "--lib"];
    let built = step::captured(instrumented(&tests, profiles)?.args(["--no-run", "--message-format=json"]))?;
    let program = built.lines().filter_map(executable).next_back().ok_or("cargo built no test")?;
    step::succeed(instrumented(&tests, profiles)?.arg("--").args(REPLAYS))?;
    Ok(program.into())
}

/// Has the conformance scripts made programs of `state_machine`, and runs these. The program that did is returned.
fn convert(scratch: &Path) -> Result<PathBuf, Fault> {
    let inputs = scratch.join("inputs");
    let mut seeds = step::cargo(&["run", "--quiet", "--package", "halfopen", "--", "fuzz", "seeds", "--out"]);
    step::succeed(seeds.arg(inputs.join("state_machine")))?;
    let words = ["run", "--quiet", "--package", "halfopen-fuzz", "--example", "replay", "--"];
    let committed = ["fuzz/corpus", "fuzz/regressions"].map(|folder| step::root().join(folder));
    step::succeed(instrumented(&words, &scratch.join("profiles"))?.arg(&inputs).args(committed))?;
    Ok(step::target_dir()?.join("coverage/debug/examples/replay"))
}

/// `llvm-cov export --summary-only`, as far as it is read.
#[derive(Debug, Deserialize)]
struct Export {
    data: Vec<Data>,
}

#[derive(Debug, Deserialize)]
struct Data {
    files: Vec<File>,
}

#[derive(Debug, Deserialize)]
struct File {
    filename: PathBuf,
    summary: Summary,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Summary {
    lines: Count,
    regions: Count,
    #[serde(default)]
    branches: Count,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Count {
    count: usize,
    covered: usize,
}

impl Count {
    fn add(&mut self, other: Self) {
        (self.count, self.covered) = (self.count + other.count, self.covered + other.covered);
    }

    fn percent(self) -> String {
        if self.count == 0 { "-".to_owned() } else { format!("{:.1} %", percent(self.covered, self.count)) }
    }
}

/// The files of the stack.
fn files_of(json: &str) -> Result<Vec<File>, Fault> {
    let export: Export = serde_json::from_str(json).map_err(|error| format!("llvm-cov export: {error}"))?;
    let sources = step::root().join(SOURCES);
    let mut files: Vec<File> = export.data.into_iter().flat_map(|data| data.files).collect();
    files.retain(|file| file.filename.starts_with(&sources));
    files.sort_by(|a, b| a.filename.cmp(&b.filename));
    Ok(files)
}

/// The table, and the total in a line.
fn table(files: &[File]) -> Result<(String, String), Fault> {
    let mut text = "| file | lines | reached | regions | branches |\n|---|---:|---:|---:|---:|\n".to_owned();
    let mut total = Summary::default();
    let mut row = |name: &str, summary: Summary| {
        let Summary { lines, regions, branches } = summary;
        let [reached, regions, branches] = [lines, regions, branches].map(Count::percent);
        text += &format!("| {name} | {} | {reached} | {regions} | {branches} |\n", lines.count);
    };
    for File { filename, summary } in files {
        let name = filename.strip_prefix(step::root().join(SOURCES)).unwrap_or(filename);
        row(&name.display().to_string(), *summary);
        total.lines.add(summary.lines);
        total.regions.add(summary.regions);
        total.branches.add(summary.branches);
    }
    if total.lines.count == 0 {
        return Err(format!("no line of {SOURCES} is in the profiles"));
    }
    row("**total**", total);
    let (lines, regions) = (total.lines.percent(), total.regions.percent());
    Ok((text, format!("{lines} of {} lines of {SOURCES}, {regions} of its regions", total.lines.count)))
}

/// What the figures do not say.
const UNREACHED: &str = "Little of these is reached, and what for there are other tests:\n\n\
    | file | why |\n|---|---|\n\
    | `stack/options.rs`, `stack/calls.rs`, `stack/bind.rs`, `stack/observe.rs`, `socket/snapshot.rs`, `stack/sizes.rs` | calls that no program makes: options that are read, \
    `sendmsg` and the error queue, ports and addresses in every combination, what is shown to people. Scripts of the suite and tests of the stack make them |\n\
    | `config/sysctl.rs` | names of tunables, which scripts set |\n\
    | `tcp/path_mtu.rs` | the search for the path's size, which begins where a path swallows what is too big without a word; none of the targets has such a path |\n\
    | `tcp/fast_open.rs`, `stack/fast_open.rs` | cookies: a second connection to the same server; two endpoints open one, without a cookie |\n\
    | `tcp/congestion/cubic.rs` | CUBIC in octets; the `linux` profile counts segments, and a run long enough for its growth is rare |\n\
    | `stack/queued.rs` | datagrams that have waited together; programs hand them in one by one |\n";

fn text(table: &str, matrix: &str) -> String {
    format!(
        "# What the corpus reaches\n\n\
         This page is made by `cargo ci fuzz-coverage --write`: figures of the day on which it was run. It runs the seeds (`fuzz/corpus`) and regressions\n\
         (`fuzz/regressions`) of every target, and the programs of `state_machine` that `halfopen fuzz seeds` makes of the conformance scripts, which campaigns begin with\n\
         too; not what a campaign has learnt on top of them. Programs are played on the host of the target and on that of `halfopen fuzz diff`.\n\n\
         ## Lines of the stack\n\n\
         A region ends where control flow branches. Branches themselves are counted by nightly compilers only, if at all.\n\n\
         {table}\n\
         {UNREACHED}\n\
         ## State x event\n\n\
         Of the target `state_machine`. Columns are states of the connection before the step; below, where each state was left for. The list of cells that stay\n\
         empty is part of `fuzz/src/coverage.rs`, and `cargo test -p halfopen-fuzz` fails when one of them is reached.\n\n\
         ```\n{}\n```\n",
        matrix.trim_end()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_stack_are_read_and_summed() {
        let root = step::root();
        let file = |path: &str, covered: usize| {
            let name = root.join(path).display().to_string();
            format!(
                r#"{{"filename":"{name}","summary":{{"lines":{{"count":10,"covered":{covered},"percent":1}},"regions":{{"count":4,"covered":1}},"functions":{{"count":1,"covered":1}}}}}}"#
            )
        };
        let json = format!(
            r#"{{"data":[{{"files":[{},{},{}],"totals":{{}}}}],"type":"x","version":"1"}}"#,
            file("stack/core/src/b.rs", 5),
            file("harness/engine/src/a.rs", 1),
            file("stack/core/src/a.rs", 10)
        );
        let (table, note) = table(&files_of(&json).unwrap()).unwrap();
        let rows: Vec<&str> = table.lines().skip(2).collect();
        let expected = [
            "| a.rs | 10 | 100.0 % | 25.0 % | - |",
            "| b.rs | 10 | 50.0 % | 25.0 % | - |",
            "| **total** | 20 | 75.0 % | 25.0 % | - |",
        ];
        assert_eq!(rows, expected);
        assert_eq!(note, "75.0 % of 20 lines of stack/core/src, 25.0 % of its regions");
    }

    #[test]
    fn no_line_is_a_fault() {
        assert!(table(&files_of(r#"{"data":[{"files":[]}]}"#).unwrap()).is_err());
        assert!(files_of("{").is_err());
    }
}
