//! `docs/failures.md`: what packetdrill and halfopen say of the same failures, side by side, on this machine's kernel.
//!
//! The scripts are `ci/failures/*.pkt`. Without packetdrill its half of the page stays as it is.

use super::End;
use super::scripts;
use crate::step::{self, Fault};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

/// What is asked for.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Asked {
    /// The program of google/packetdrill
    #[arg(long)]
    packetdrill: Option<PathBuf>,
    /// A binary of halfopen; without it one is built
    #[arg(long, value_name = "PROGRAM")]
    halfopen: Option<PathBuf>,
    /// Write nothing: the page must be as it would be made now, but for numbers
    #[arg(long)]
    check: bool,
}

const PAGE: &str = "docs/failures.md";
const OPENING: &str = "# Failures, side by side

What google/packetdrill and `halfopen run --sut linux --family v4` say when a script fails, on the same kernel. The page is made by `cargo ci failures --packetdrill
PROGRAM` from the scripts in `ci/failures`; `cargo ci failures --check` holds our half of it against what the program says now.
";
/// Begins packetdrill's half of an example.
const THEIRS: &str = "packetdrill:";

/// One script and what was said of it.
struct Example {
    title: String,
    script: String,
    theirs: String,
    ours: String,
}

/// Makes the page anew.
pub(crate) fn failures(asked: &Asked) -> Result<End, Fault> {
    let folder = step::root().join("ci/failures");
    let page = step::root().join(PAGE);
    let before = fs::read_to_string(&page).unwrap_or_default();
    let program = asked.halfopen.clone().map_or_else(super::conformance::build, Ok)?;
    let mut examples = Vec::new();
    for script in scripts::find(&folder, "")? {
        let text = fs::read_to_string(&script).map_err(|error| format!("{}: {error}", script.display()))?;
        let (title, lines) = text.split_once('\n').ok_or_else(|| format!("{} is empty", script.display()))?;
        let title = title.trim_start_matches("// ").to_owned();
        let name = script.file_name().unwrap_or_default();
        let theirs = match &asked.packetdrill {
            Some(packetdrill) => said(&packetdrill_says(packetdrill, &folder, Path::new(name))?),
            None => half_of(&before, &title).ok_or_else(|| format!("{PAGE} has no `{title}`: give --packetdrill"))?,
        };
        let ours = said(&halfopen_says(&program, &folder, Path::new(name))?);
        examples.push(Example { title, script: lines.trim_end().to_owned(), theirs, ours });
    }
    let made = drawn(&examples);
    if asked.check {
        return match masked(&before) == masked(&made) {
            true => Ok(End::Good(format!("{} examples", examples.len()))),
            false => {
                Err(format!("{PAGE} is not what is said now: cargo ci failures; first at `{}`", first(&before, &made)))
            }
        };
    }
    fs::write(&page, made).map_err(|error| format!("{}: {error}", page.display()))?;
    Ok(End::Good(format!("{} examples in {PAGE}", examples.len())))
}

fn packetdrill_says(program: &Path, folder: &Path, script: &Path) -> Result<Output, Fault> {
    let program = fs::canonicalize(program).map_err(|error| format!("{}: {error}", program.display()))?;
    let mut command = step::command("timeout");
    command.args(["30", "unshare", "--net", "sh", "-c", r#"ip link set lo up; exec "$0" "$@""#]);
    command.arg(program).arg("--ip_version=ipv4").arg(script).current_dir(folder);
    command.output().map_err(|error| format!("timeout: {error}"))
}

fn halfopen_says(program: &Path, folder: &Path, script: &Path) -> Result<Output, Fault> {
    let program = fs::canonicalize(program).map_err(|error| format!("{}: {error}", program.display()))?;
    let mut command = step::command(program);
    command.args(["run", "--sut", "linux", "--family", "v4", "--pcap", "never"]).arg(script).current_dir(folder);
    command.output().map_err(|error| format!("halfopen: {error}"))
}

/// Both outputs and the exit code, without what frames a run of one test.
fn said(output: &Output) -> String {
    let text = [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat();
    let framing = |line: &&str| {
        let run = line.starts_with("halfopen 1 test") || line.starts_with("Summary");
        // How often a time was tried depends on the moment.
        let attempts = line.starts_with("       attempts");
        run || attempts
            || line.starts_with("         ") && line.trim_start().starts_with("1 ")
            || line.contains("(exit ")
    };
    let lines: Vec<&str> = text.lines().filter(|line| !framing(line)).map(str::trim_end).collect();
    let body = lines.join("\n");
    let code = output.status.code().map_or_else(|| output.status.to_string(), |code| format!("exit code {code}"));
    let body = body.trim_matches('\n');
    if body.is_empty() { format!("({code})") } else { format!("{body}\n({code})") }
}

fn drawn(examples: &[Example]) -> String {
    let mut page = OPENING.to_owned();
    for (index, Example { title, script, theirs, ours }) in examples.iter().enumerate() {
        let _ = write!(page, "\n## {}. {title}\n\n```\n{script}\n```\n\n{THEIRS}\n\n```\n{theirs}\n```\n", index + 1);
        let _ = write!(page, "\nhalfopen:\n\n```\n{ours}\n```\n");
    }
    page
}

/// The first line that is another one.
fn first(before: &str, made: &str) -> String {
    let differs = made.lines().zip(before.lines()).find(|(made, before)| masked(made) != masked(before));
    differs.map_or("the end", |(made, _)| made).trim().to_owned()
}

/// packetdrill's half of an example, from a page.
fn half_of(page: &str, title: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!(". {title}\n"))?;
    let (_, rest) = rest.split_once(&format!("{THEIRS}\n\n```\n"))?;
    rest.split_once("\n```\n").map(|(half, _)| half.to_owned())
}

/// A page without what is another number each time, and without the blanks that make room for it.
fn masked(page: &str) -> String {
    let mut masked = String::with_capacity(page.len());
    for c in page.chars() {
        match c {
            '0'..='9' | '.' if masked.ends_with('#') => {}
            '0'..='9' => masked.push('#'),
            ' ' | '-' if masked.ends_with(c) => {}
            _ => masked.push(c),
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_is_found_again() {
        let example = |title: &str, theirs: &str| Example {
            title: title.to_owned(),
            script: "0 < . 1:1(0)".to_owned(),
            theirs: theirs.to_owned(),
            ours: "FAIL".to_owned(),
        };
        let page = drawn(&[example("One", "a.pkt:1: no\n(exit code 1)"), example("Two", "(exit code 0)")]);
        assert_eq!(half_of(&page, "One").as_deref(), Some("a.pkt:1: no\n(exit code 1)"));
        assert_eq!(half_of(&page, "Two").as_deref(), Some("(exit code 0)"));
        assert_eq!(half_of(&page, "Three"), None);
    }

    #[test]
    fn pages_are_alike_but_for_numbers() {
        assert_eq!(masked("at 0.100360 sec  --> 12"), masked("at 0.2 sec --> 7"));
        assert_ne!(masked("expected 1"), masked("got 1"));
    }

    #[test]
    fn every_example_is_in_the_docs() {
        let page = fs::read_to_string(step::root().join(PAGE)).expect("the page is there");
        let scripts = scripts::find(&step::root().join("ci/failures"), "").expect("there are examples");
        for script in scripts {
            let text = fs::read_to_string(&script).expect("readable");
            let (title, lines) = text.split_once('\n').expect("a title");
            let title = title.trim_start_matches("// ");
            assert!(half_of(&page, title).is_some(), "{title}");
            assert!(page.contains(lines.trim_end()), "the script of {title} is another one by now");
        }
    }
}
