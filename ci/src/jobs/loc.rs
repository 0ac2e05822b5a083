//! Long files. A report, not a gate: a table of data may be as long as it is. Long functions are a matter of clippy.

use super::End;
use crate::step::{self, Fault};
use std::fs;
use std::io;
use std::path::Path;

/// Lines that a file should not exceed.
const FILE_LINES: usize = 400;

/// Lists them, the longest first.
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
    Ok(End::Good(format!("{} long files", long.len())))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_sources_are_counted() {
        let mut files = Vec::new();
        collect(&step::root(), &step::root().join("ci"), &mut files).unwrap();
        let this = files.iter().find(|(_, path)| path == "ci/src/jobs/loc.rs").unwrap();
        assert_eq!(this.0, include_str!("loc.rs").lines().count());
    }
}
