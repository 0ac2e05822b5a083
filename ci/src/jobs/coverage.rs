//! Which lines of the stack its tests and the suite reach: the compiler's own instrumentation, read with LLVM's tools.

use super::End;
use crate::json;
use crate::step::{self, Fault};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What is measured.
const SOURCES: &str = "stack/core/src";
/// Hundredths of the lines that should be reached.
const GOAL: f64 = 95.0;

/// Runs the stack's tests and the suite, then prints each file's lines that nothing reached, and the total.
pub(crate) fn coverage() -> Result<End, Fault> {
    let Some([profdata, cov]) = tools()? else {
        return Ok(End::Skipped("LLVM's tools are not installed: rustup component add llvm-tools".to_owned()));
    };
    let scratch = step::scratch("coverage")?;
    let objects = run(&scratch.join("profiles"))?;
    let merged = scratch.join("merged.profdata");
    let mut command = step::command(profdata);
    command.args(["merge", "--sparse", "--output"]).arg(&merged).arg(scratch.join("profiles"));
    step::succeed(&mut command)?;
    let mut command = step::command(cov);
    command.args(["export", "--format=lcov"]).arg(format!("--instr-profile={}", merged.display()));
    for object in &objects {
        command.arg("--object").arg(object);
    }
    let mut files = lines_of(&step::captured(&mut command)?);
    // Code of other crates is instantiated here too.
    let sources = step::root().join(SOURCES);
    files.retain(|path, _| path.starts_with(&sources));
    report(&files)
}

/// `llvm-profdata` and `llvm-cov` of the compiler in use.
pub(super) fn tools() -> Result<Option<[PathBuf; 2]>, Fault> {
    let sysroot = step::captured(step::command("rustc").args(["--print", "target-libdir"]))?;
    let Some(folder) = Path::new(sysroot.trim()).parent().map(|folder| folder.join("bin")) else { return Ok(None) };
    let tools = ["llvm-profdata", "llvm-cov"].map(|name| folder.join(name));
    let there = || tools.iter().all(|tool| tool.is_file());
    let found = there() || (step::rustup_has(&["llvm-tools"]) && there());
    Ok(found.then_some(tools))
}

/// Runs everything instrumented. Profiles go to the folder; the programs that made them are returned.
fn run(profiles: &Path) -> Result<Vec<PathBuf>, Fault> {
    // A folder of its own: instrumented code is not mixed with what other jobs build.
    let target = step::target_dir()?.join("coverage");
    let instrumented = |words: &[&str]| {
        let mut command = step::cargo(words);
        command.env("RUSTFLAGS", "-C instrument-coverage").env("CARGO_TARGET_DIR", &target);
        command.env("LLVM_PROFILE_FILE", profiles.join("%p-%m.profraw"));
        command
    };
    let tests = ["test", "--package", "halfopen-stack", "--lib", "--tests"];
    let built = step::captured(instrumented(&tests).args(["--no-run", "--message-format=json"]))?;
    let mut objects: Vec<PathBuf> = built.lines().filter_map(executable).map(PathBuf::from).collect();
    step::succeed(&mut instrumented(&tests))?;
    step::succeed(&mut instrumented(&["run", "--package", "halfopen", "--", "run"]))?;
    objects.push(target.join("debug").join("halfopen"));
    Ok(objects)
}

/// The program that a line of cargo's messages tells of.
pub(super) fn executable(line: &str) -> Option<String> {
    let fields = json::fields(line).ok()?;
    let (_, value) = fields.iter().find(|(key, _)| key == "executable")?;
    json::plain_string(value).map(str::to_owned)
}

/// How often each line of a file was reached, by number.
type Lines = BTreeMap<u32, u64>;

/// Reads LCOV's format: `SF:` names a file, `DA:LINE,COUNT` a line of it.
fn lines_of(lcov: &str) -> BTreeMap<PathBuf, Lines> {
    let mut files = BTreeMap::new();
    let mut file = PathBuf::new();
    for line in lcov.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            file = PathBuf::from(path);
        } else if let Some((number, count)) = line.strip_prefix("DA:").and_then(|rest| rest.split_once(','))
            && let (Ok(number), Ok(count)) = (number.parse::<u32>(), count.parse::<u64>())
        {
            *files.entry(file.clone()).or_insert_with(Lines::new).entry(number).or_default() += count;
        }
    }
    files
}

/// Prints the table.
fn report(files: &BTreeMap<PathBuf, Lines>) -> Result<End, Fault> {
    let (mut reached, mut all) = (0, 0);
    println!("\n{:>6} {:>6} {:>7}  lines that nothing reached", "lines", "missed", "reached");
    for (path, lines) in files {
        if path.file_name().is_some_and(|name| name == "tests.rs") {
            continue;
        }
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let lines: Vec<(u32, u64)> = lines.range(..tests_begin(&text)).map(|(line, count)| (*line, *count)).collect();
        let missed: Vec<u32> = lines.iter().filter(|(_, count)| *count == 0).map(|(line, _)| *line).collect();
        let hit = lines.len() - missed.len();
        let shown = path.strip_prefix(step::root()).unwrap_or(path).display();
        println!(
            "{:>6} {:>6} {:>6.1}%  {shown}{}",
            lines.len(),
            missed.len(),
            percent(hit, lines.len()),
            runs(&missed)
        );
        (reached, all) = (reached + hit, all + lines.len());
    }
    if all == 0 {
        return Err(format!("no line of {SOURCES} is in the profiles"));
    }
    let total = percent(reached, all);
    let note = format!("{total:.1} % of {all} lines, goal {GOAL} %");
    println!("{all:>6} {:>6} {total:>6.1}%  {SOURCES}", all - reached);
    if total >= GOAL { Ok(End::Good(note)) } else { Err(note) }
}

/// The line at which a file's own tests begin; they would count as reached whatever they test.
fn tests_begin(text: &str) -> u32 {
    let line = text.lines().position(|line| line == "#[cfg(test)]").map_or(usize::MAX, |index| index + 1);
    u32::try_from(line).unwrap_or(u32::MAX)
}

pub(super) fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 100.0 } else { part as f64 * 100.0 / whole as f64 }
}

/// `: 3-5 9` for 3, 4, 5, 9.
fn runs(lines: &[u32]) -> String {
    let mut text = String::new();
    for run in lines.chunk_by(|a, b| a + 1 == *b) {
        let separator = if text.is_empty() { ": " } else { " " };
        text += separator;
        match run {
            [only] => text += &only.to_string(),
            [first, .., last] => text += &format!("{first}-{last}"),
            [] => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_by_file_and_added_up() {
        let files =
            lines_of("SF:/a.rs\nFN:3,f\nDA:3,2\nDA:4,0\nend_of_record\nSF:/b.rs\nDA:1,0\nDA:1,7\nend_of_record\n");
        let read: Vec<_> = files.into_iter().map(|(path, lines)| (path, Vec::from_iter(lines))).collect();
        assert_eq!(read, [("/a.rs".into(), vec![(3, 2), (4, 0)]), ("/b.rs".into(), vec![(1, 7)])]);
    }

    #[test]
    fn missed_lines_are_shown_as_runs() {
        for (lines, expected) in [(&[][..], ""), (&[7], ": 7"), (&[3, 4, 5, 9], ": 3-5 9"), (&[1, 3, 4], ": 1 3-4")] {
            assert_eq!(runs(lines), expected);
        }
    }

    #[test]
    fn tests_of_a_file_are_left_out() {
        assert_eq!(tests_begin("fn f() {}\n\n#[cfg(test)]\nmod tests {\n"), 3);
        assert_eq!(tests_begin("impl A {\n    #[cfg(test)]\n    fn f() {}\n}\n"), u32::MAX);
    }

    #[test]
    fn programs_are_found_in_cargos_messages() {
        let line = r#"{"reason":"compiler-artifact","filenames":["/t/a"],"executable":"/t/a"}"#;
        assert_eq!(executable(line).as_deref(), Some("/t/a"));
        assert_eq!(executable(r#"{"reason":"compiler-artifact","executable":null}"#), None);
        assert_eq!(executable("Compiling"), None);
    }
}
