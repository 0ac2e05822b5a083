//! Puts a copy of `specs/` into the binary, so that an installed `halfopen` works in any directory.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
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
