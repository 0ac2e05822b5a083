//! The files in ci/examples, which users copy, and docs/ci.md: this binary takes every command in them.

use clap::Parser;
use halfopen_cli::args::Cli;
use std::fs;
use std::path::Path;

fn text(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

/// Words in the shell's quotes, up to where the command ends, with values in the place of variables.
fn words(command: &str) -> Vec<String> {
    let command = command.replace("${{ matrix.part }}", "1").replace("\"$SUT\"", "linux");
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in command.chars() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if c == open => quote = None,
            (None, ' ') => words.push(String::new()),
            (_, _) => words.last_mut().expect("there is one").push(c),
        }
    }
    let words = words.into_iter().filter(|word| !word.is_empty());
    words.take_while(|word| !matches!(word.as_str(), ">" | ">>" | "|" | "||" | "&&" | ";" | "#")).collect()
}

fn takes(command: &str) {
    let words = words(command);
    if let Err(fault) = Cli::try_parse_from(&words) {
        panic!("{command}\n{words:?}\n{fault}");
    }
}

/// What a line of a file has the shell run, when that is halfopen.
fn command(line: &str) -> Option<&str> {
    let line = line.trim().trim_start_matches("- ");
    let line = line.strip_prefix("run: ").unwrap_or(line);
    let line = line.strip_prefix("$ ").unwrap_or(line);
    line.starts_with("halfopen ").then_some(line)
}

#[test]
fn the_workflow_runs_commands_that_there_are() {
    let workflow = text("ci/examples/github-workflow.yml");
    let commands: Vec<_> = workflow.lines().filter_map(command).collect();
    assert_eq!(commands.len(), 3, "{commands:?}");
    commands.into_iter().for_each(takes);
    // Each part of the suite has a job, and each job a part.
    let list = workflow.lines().find_map(|line| line.trim().strip_prefix("part: [")).expect("a matrix");
    let parts: Vec<_> = list.trim_end_matches(']').split(", ").collect();
    let expected: Vec<_> = (1..=parts.len()).map(|part| part.to_string()).collect();
    assert_eq!(parts, expected);
    assert!(workflow.contains(&format!("--partition hash:${{{{ matrix.part }}}}/{} ", parts.len())));
}

#[test]
fn the_container_starts_with_a_command_that_there_is() {
    let file = text("ci/examples/Containerfile");
    let list = |key: &str| -> Vec<String> {
        let line = file.lines().find_map(|line| line.strip_prefix(key)).expect(key);
        serde_json::from_str(line).expect(line)
    };
    takes(&[list("ENTRYPOINT "), list("CMD ")].concat().join(" "));
    let examples: Vec<_> = file.lines().filter_map(|line| line.split_once(" halfopen run")).collect();
    assert_eq!(examples.len(), 2);
    for (_, rest) in examples {
        takes(&format!("halfopen run{rest}"));
    }
}

#[test]
fn the_page_names_commands_that_there_are() {
    let page = text("docs/ci.md");
    let mut inside = false;
    let mut commands = 0;
    for line in page.lines() {
        if line.starts_with("```") {
            inside = !inside;
        } else if let (true, Some(command)) = (inside, command(line)) {
            takes(command);
            commands += 1;
        }
    }
    assert!(commands > 0, "docs/ci.md shows no command");
}
