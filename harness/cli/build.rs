//! Puts a copy of `specs/` into the binary, so that an installed `halfopen` works in any directory, and tells it the commit that it is built from.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let specs = here.join("../../specs").canonicalize().expect("the repository has specs/");
    let mut files = Vec::new();
    walk(&specs, &mut files);
    files.sort();
    let mut table = String::from("&[\n");
    for file in &files {
        let name = file.strip_prefix(&specs).expect("found below specs").to_str().expect("spec paths are UTF-8");
        // As literals: the table is whole even if a file goes away before it is compiled.
        let text = fs::read_to_string(file).expect("specs are UTF-8");
        writeln!(table, "    ({name:?}, {text:?}),").expect("writing to a string does not fail");
    }
    table.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("specs.rs"), table).expect("OUT_DIR is writable");
    // A folder is scanned as a whole, for new files too.
    println!("cargo::rerun-if-changed={}", specs.display());
    println!("cargo::rerun-if-changed=build.rs");
    version(&here);
}

/// `0.1.0 (3e2015612ab0)`; without the commit where there is no repository, or another one around this folder.
fn version(here: &Path) {
    let git = |words: &[&str]| {
        let output = Command::new("git").arg("-C").arg(here).args(words).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_string())
    };
    let ours = git(&["ls-files", "--error-unmatch", "build.rs"]).is_some();
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).filter(|_| ours);
    // A commit writes the log of HEAD; a path that is not there would have this program run each time.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"]).map(|path| here.join(path)).filter(|path| path.is_file());
    if let Some(log) = log.filter(|_| ours) {
        println!("cargo::rerun-if-changed={}", log.display());
    }
    let version = env::var("CARGO_PKG_VERSION").expect("cargo sets it");
    let commit = commit.map_or(String::new(), |commit| format!(" ({commit})"));
    println!("cargo::rustc-env=HALFOPEN_VERSION={version}{commit}");
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("specs/ is readable") {
        let path = entry.expect("specs/ is readable").path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|e| e == "pkt" || e == "toml") {
            files.push(path);
        }
    }
}
