//! Text as each of the TOML files that the tool reads: a register of rules, expectations of a SUT, the list of complete RFCs, the data of
//! pages.
//!
//! Oracles: nothing panics; a refusal names the file; what is read stands for itself: each rule is found by its id, each expectation
//! by a test of its own name.

use crate::coverage::Complete;
use crate::expect::Expectations;
use crate::fault::Fault;
use crate::pages;
use crate::register::Register;
use crate::specs::Specs;

/// Longest text that is tried.
const MOST_OCTETS: usize = 1 << 14;
/// Where the text stands as each kind of file.
const PLACES: [&str; 4] = ["rfc1/rules.toml", "coverage.toml", "pages/headlines.toml", "pages/textbooks.toml"];

/// Feeds text to the readers.
///
/// # Panics
/// When an oracle is violated.
pub(super) fn run(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(&octets[..octets.len().min(MOST_OCTETS)]) else { return };
    match Expectations::parse("expect/fuzz.toml", text) {
        Ok(expectations) => {
            for entry in expectations.entries() {
                expectations.mark(&entry.test);
                assert!(entry.place.starts_with("expect/fuzz.toml:"), "{}", entry.place);
            }
            assert!(expectations.stale().len() <= expectations.entries().len());
        }
        Err(fault) => told(&fault, "expect/fuzz.toml:"),
    }
    let specs = |place: &str| Specs::of([(place.to_owned(), text.to_owned())]);
    let [rules, complete, rest @ ..] = PLACES;
    match Register::load(&specs(rules)) {
        Ok(register) => {
            for rule in register.rules() {
                assert_eq!(register.rule(&rule.id).map(|found| &found.id), Some(&rule.id));
                rule.place();
            }
            register.similar("rfc1/1/x");
        }
        Err(fault) => told(&fault, "r"),
    }
    if let Err(fault) = Complete::load(&specs(complete), &Register::default()) {
        told(&fault, "specs/coverage.toml");
    }
    for place in rest {
        if let Err(fault) = pages::readable(&specs(place)) {
            told(&fault, "specs/pages/");
        }
    }
}

/// A refusal begins with the file.
fn told(fault: &Fault, place: &str) {
    let text = fault.to_string();
    assert!(text.contains(place), "`{text}` does not name `{place}`");
}
