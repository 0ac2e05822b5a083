//! Long files and long functions. A report, not a gate: a table of data may be as long as it is.

use super::End;
use crate::step::{self, Fault};
use std::fs;
use std::io;
use std::path::Path;

/// Lines that a file should not exceed.
const FILE_LINES: usize = 400;

/// Lists both, longest files first.
pub(crate) fn loc() -> Result<End, Fault> {
    let root = step::root();
    let mut files = Vec::new();
    collect(&root, &root, &mut files).map_err(|error| format!("{}: {error}", root.display()))?;
    if files.is_empty() {
        return Err(format!("no Rust source below {}", root.display()));
    }
    let lines: usize = files.iter().map(|(lines, _)| lines).sum();
    files.sort_by(|a, b| b.cmp(a));
    let long: Vec<_> = files.iter().filter(|(lines, _)| *lines > FILE_LINES).collect();
    println!("{} files, {lines} lines; {} files above {FILE_LINES} lines:", files.len(), long.len());
    for (lines, path) in &long {
        println!("{lines:>6}  {path}");
    }
    let functions = long_functions()?;
    println!("{} functions above the limit in clippy.toml:", functions.len());
    for function in &functions {
        println!("        {function}");
    }
    Ok(End::Good(format!("{} long files, {} long functions", long.len(), functions.len())))
}

/// Every Rust file below a folder, with its number of lines; build output and hidden folders left out.
fn collect(root: &Path, folder: &Path, into: &mut Vec<(usize, String)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            if name != "target" && !name.starts_with('.') {
                collect(root, &path, into)?;
            }
        } else if name.ends_with(".rs") {
            let shown = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            into.push((fs::read_to_string(&path)?.lines().count(), shown));
        }
    }
    Ok(())
}

/// `file:line (lines)` of every function that clippy finds too long, in the order of the files.
fn long_functions() -> Result<Vec<String>, Fault> {
    let mut command = step::cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--message-format=short"]);
    command.args(["--", "-A", "warnings", "-W", "clippy::too_many_lines"]);
    let output = command.output().map_err(|error| format!("cargo clippy: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("cargo clippy: {}: {}", output.status, text.lines().last().unwrap_or_default()));
    }
    let mut found: Vec<String> = text.lines().filter_map(long_function).collect();
    found.sort();
    found.dedup();
    Ok(found)
}

/// Reads one short message of clippy.
fn long_function(line: &str) -> Option<String> {
    let (place, message) = line.split_once(": warning: ")?;
    let counts = message.strip_prefix("this function has too many lines (")?;
    let (lines, _limit) = counts.split_once('/')?;
    let (place, _column) = place.rsplit_once(':')?;
    Some(format!("{place} ({lines} lines)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_functions_are_read_from_short_messages() {
        let cases = [
            (
                "stack/core/src/ip.rs:12:1: warning: this function has too many lines (92/70)",
                Some("stack/core/src/ip.rs:12 (92 lines)"),
            ),
            ("stack/core/src/ip.rs:12:1: warning: unused variable: `x`", None),
            ("warning: `halfopen` (lib) generated 1 warning", None),
            ("", None),
        ];
        for (line, expected) in cases {
            assert_eq!(long_function(line).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn own_sources_are_counted() {
        let mut files = Vec::new();
        collect(&step::root(), &step::root().join("ci"), &mut files).unwrap();
        let this = files.iter().find(|(_, path)| path == "ci/src/jobs/loc.rs").unwrap();
        assert_eq!(this.0, include_str!("loc.rs").lines().count());
    }
}
