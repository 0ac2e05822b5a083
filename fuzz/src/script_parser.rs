//! Any text through the parser of scripts.
//!
//! Oracles: nothing panics; what parses prints as text that parses to the same tree; printing is a fixed point; a refusal
//! has at least one diagnostic, and every diagnostic points into the text.

use halfopen_script::ast::Script;
use halfopen_script::expand::expand;
use halfopen_script::parse::parse;
use halfopen_script::print::print;
use halfopen_script::{Diagnostic, FileId, NoFixtures, Sources, render, variants};

/// Variants of one script that are expanded; a script can have many more.
const MOST_VARIANTS: usize = 8;

/// Feeds octets, when they are text, to the parser.
///
/// # Panics
/// When an oracle is violated.
pub fn run(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let mut sources = Sources::new();
    let file = sources.add("fuzz.pkt", text);
    match parse(&sources, file) {
        Ok(script) => {
            round_trip(&script);
            expansions(&script, &mut sources);
        }
        Err(diagnostics) => {
            well_founded(&diagnostics, &sources, file);
            // Rendering takes fifty times as long as parsing: one input in 64 has to do, chosen by its octets.
            if octets.iter().fold(0_u8, |sum, octet| sum.wrapping_add(*octet)).is_multiple_of(64) {
                assert!(!render(&diagnostics, &sources, false).is_empty());
            }
        }
    }
}

/// Printing and parsing again gives the same tree, and printing that gives the same text.
fn round_trip(script: &Script) {
    let printed = print(script);
    let mut sources = Sources::new();
    let file = sources.add("printed.pkt", &printed);
    let again = match parse(&sources, file) {
        Ok(again) => again,
        Err(diagnostics) => panic!("printed text is refused:\n{printed}\n{}", render(&diagnostics, &sources, false)),
    };
    assert_eq!(&again, script, "printed text means something else:\n{printed}");
    assert_eq!(print(&again), printed, "printing is no fixed point");
}

/// Expansion of whatever parses ends, with a test or with diagnostics.
fn expansions(script: &Script, sources: &mut Sources) {
    // The product of the axes is the author's to keep small; a fuzzer's are not.
    let product: usize = script.variations.iter().map(|axis| axis.labels.len()).fold(1, usize::saturating_mul);
    if product > 1000 {
        return;
    }
    for variant in variants(script).iter().take(MOST_VARIANTS) {
        if let Err(diagnostics) = expand("fuzz", script, variant, sources, &NoFixtures, &[]) {
            assert!(!diagnostics.is_empty(), "refused without a word");
        }
    }
}

fn well_founded(diagnostics: &[Diagnostic], sources: &Sources, file: FileId) {
    assert!(!diagnostics.is_empty(), "refused without a word");
    let octets = sources.text(file).len();
    for diagnostic in diagnostics {
        let (start, end) = (diagnostic.span.start as usize, diagnostic.span.end as usize);
        assert!(start <= end && end <= octets, "{diagnostic:?} points outside of {octets} octets");
    }
}
