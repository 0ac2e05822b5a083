//! Parses and expands every script below the folders given and prints what that costs per script and per test:
//! `cargo run --release -p halfopen-script --example measure -- FOLDER... [-D SYMBOL=VALUE ...]`.
//! A `use NAME` is looked up as `fixtures/NAME.pkt` below the folders. What does not expand is printed.

use halfopen_script::{Library, Sources, expand, parse, render, variants};
use std::path::{Path, PathBuf};

fn scripts(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            scripts(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "pkt") {
            found.push(path);
        }
    }
    found.sort();
}

struct Fixtures(Vec<(String, String, String)>);

impl Library for Fixtures {
    fn fixture(&self, name: &str) -> Option<(String, String)> {
        self.0.iter().find(|(known, _, _)| known == name).map(|(_, path, text)| (path.clone(), text.clone()))
    }
}

#[expect(clippy::disallowed_methods, reason = "a measurement of wall-clock time")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut defines = Vec::new();
    while let Some(at) = arguments.iter().position(|argument| argument == "-D") {
        defines.extend(arguments.drain(at..(at + 2).min(arguments.len())).skip(1));
    }
    let mut paths = Vec::new();
    arguments.iter().for_each(|folder| scripts(Path::new(folder), &mut paths));
    let read = |path: &PathBuf| Some((path.clone(), std::fs::read_to_string(path).ok()?));
    let (fixtures, files): (Vec<_>, Vec<_>) = paths
        .iter()
        .filter_map(read)
        .partition(|(path, _)| path.components().any(|part| part.as_os_str() == "fixtures"));
    let named = fixtures.into_iter().map(|(path, text)| {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        (stem, path.to_string_lossy().into_owned(), text)
    });
    let library = Fixtures(named.collect());
    let params = [("time_wait".to_owned(), 60_000_000)];

    let mut sources = Sources::new();
    let (mut parsing, mut expanding, mut tests, mut failed) = (0, 0, 0, 0);
    for (path, text) in &files {
        let file = sources.add(path.to_string_lossy(), text);
        let start = now();
        let parsed = parse(&sources, file);
        parsing += start.elapsed().as_nanos();
        let Ok(mut script) = parsed.map_err(|faults| println!("{}", render(&faults, &sources, false))) else {
            failed += 1;
            continue;
        };
        defines.iter().for_each(|definition| script.define(definition));
        let start = now();
        let variants = variants(&script);
        let results: Vec<_> =
            variants.iter().map(|variant| expand("", &script, variant, &mut sources, &library, &params)).collect();
        expanding += start.elapsed().as_nanos();
        tests += results.len();
        for faults in results.iter().filter_map(|result| result.as_ref().err()) {
            failed += 1;
            println!("{}", render(faults, &sources, false));
        }
    }
    let micros = |nanos: u128, count: usize| nanos as f64 / 1000.0 / count.max(1) as f64;
    println!("{} scripts, {tests} tests, {failed} faulty", files.len());
    println!("parse   {:8.1} us per script", micros(parsing, files.len()));
    println!("expand  {:8.1} us per test", micros(expanding, tests));
    println!("both    {:8.1} us per test", micros(parsing + expanding, tests));
}
