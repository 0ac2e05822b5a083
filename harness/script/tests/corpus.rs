//! Scripts of other suites: `HALFOPEN_SCRIPT_CORPUS=DIR[:DIR...] cargo test -p halfopen-script --test corpus`.
//! Every `.pkt` file below the folders must parse, parse to the same tree after printing, and have a stable layout.

use halfopen_script::{Sources, format, parse, print, render};
use std::path::{Path, PathBuf};

fn scripts(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            scripts(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "pkt") {
            found.push(path);
        }
    }
}

/// The parts that are no identity, by file.
fn check(path: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut sources = Sources::new();
    let file = sources.add(path.to_string_lossy(), &text);
    let script = parse(&sources, file).map_err(|faults| render(&faults, &sources, false))?;
    let printed = print(&script);
    let again = sources.add("printed", &printed);
    let reparsed = parse(&sources, again).map_err(|faults| render(&faults, &sources, false))?;
    if script != reparsed {
        return Err(format!("{}: printing changes the script:\n{printed}", path.display()));
    }
    // The layout says the same, and laying it out again changes nothing.
    let laid_out = format(&sources, file).map_err(|refusal| format!("{}: {refusal:?}", path.display()))?;
    let laid = sources.add("laid out", &laid_out);
    let twice = format(&sources, laid).map_err(|refusal| format!("{}: {refusal:?}", path.display()))?;
    if laid_out != twice {
        return Err(format!("{}: the layout is not stable:\n{laid_out}\n-----\n{twice}", path.display()));
    }
    Ok(())
}

#[test]
fn every_script_of_the_corpus_parses_and_prints() {
    let Ok(folders) = std::env::var("HALFOPEN_SCRIPT_CORPUS") else {
        eprintln!("HALFOPEN_SCRIPT_CORPUS is not set: nothing to check");
        return;
    };
    let mut found = Vec::new();
    folders.split(':').for_each(|folder| scripts(Path::new(folder), &mut found));
    assert!(!found.is_empty(), "no scripts below {folders}");
    let faults: Vec<String> = found.iter().filter_map(|path| check(path).err()).collect();
    assert!(faults.is_empty(), "{} of {} scripts:\n{}", faults.len(), found.len(), faults.join("\n\n"));
    eprintln!("{} scripts", found.len());
}
