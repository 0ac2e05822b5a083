//! Every script of the suite: it has the canonical layout, prints to the same tree, and each of its variants expands.

use halfopen_script::{Library, Sources, expand, format, parse, print, render, to_packetdrill, variants};
use rstest::rstest;
use std::path::{Path, PathBuf};

/// The fixtures of the suite.
struct Fixtures(PathBuf);

impl Library for Fixtures {
    fn fixture(&self, name: &str) -> Option<(String, String)> {
        let path = self.0.join(format!("{name}.pkt"));
        let text = std::fs::read_to_string(&path).ok()?;
        Some((path.to_string_lossy().into_owned(), text))
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[rstest]
fn script_parses_prints_and_expands(#[files("../../specs/**/*.pkt")] path: PathBuf) {
    let mut sources = Sources::new();
    let file = sources.add(path.to_string_lossy(), read(&path));
    let script = parse(&sources, file).unwrap_or_else(|faults| panic!("{}", render(&faults, &sources, false)));
    let printed = sources.add("printed", print(&script));
    let again = parse(&sources, printed).unwrap_or_else(|faults| panic!("{}", render(&faults, &sources, false)));
    assert_eq!(script, again, "printing changes the script");
    // `format` itself compares what the layout says.
    let laid_out = format(&sources, file).unwrap_or_else(|refusal| panic!("{refusal:?}"));
    assert_eq!(laid_out, read(&path), "not as `halfopen fmt specs` has it");
    if path.parent().is_some_and(|folder| folder.ends_with("fixtures")) {
        return;
    }
    let specs = path.ancestors().find(|folder| folder.ends_with("specs")).expect("a script of the suite");
    let library = Fixtures(specs.join("fixtures"));
    let params = ["time_wait", "user_timeout", "answer_interval"].map(|name| (name.to_owned(), 60_000_000));
    for variant in variants(&script) {
        let test = expand("id", &script, &variant, &mut sources, &library, &params)
            .unwrap_or_else(|faults| panic!("{variant:?}\n{}", render(&faults, &sources, false)));
        // What `halfopen expand` writes is a script, and no name and no statement of ours is left in it.
        let plain = sources.add("expanded", to_packetdrill(&test));
        let reparsed = parse(&sources, plain).unwrap_or_else(|faults| panic!("{}", render(&faults, &sources, false)));
        assert_eq!(variants(&reparsed).len(), 1);
        assert!(reparsed.variations.is_empty());
    }
}
