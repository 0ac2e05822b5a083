//! The differences that are understood: `ci/packetdrill-differs.toml`.

use super::{Case, Row, Standing};
use crate::step::Fault;
use serde::Deserialize;
use std::fs;
use std::path::Path;
use wildmatch::WildMatch;

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    #[serde(default)]
    difference: Vec<Difference>,
}

/// Runs that the two decide differently.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    /// Glob over paths of scripts.
    script: String,
    /// Families; all of them when there are none.
    #[serde(default)]
    family: Vec<String>,
    /// What packetdrill makes of it: `pass` or `fail`.
    packetdrill: Word,
    /// In a line, who is wrong and how.
    reason: String,
    /// How to see that.
    proof: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Pass,
    Fail,
}

impl Known {
    pub(super) fn read(file: &Path) -> Result<Self, Fault> {
        let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        Self::parse(&file.display().to_string(), &text)
    }

    pub(super) fn parse(name: &str, text: &str) -> Result<Self, Fault> {
        let known: Self = toml::from_str(text).map_err(|error| format!("{name}: {error}"))?;
        match known.difference.iter().find(|entry| entry.reason.is_empty() || entry.proof.is_empty()) {
            Some(entry) => Err(format!("{name}: {} has no reason or no proof", entry.script)),
            None => Ok(known),
        }
    }

    /// Why this case is decided differently, `passed` being packetdrill's verdict.
    pub(super) fn reason(&self, case: &Case, passed: bool) -> Option<&str> {
        let entry = self.difference.iter().find(|entry| entry.speaks_of(case, passed))?;
        Some(&entry.reason)
    }

    /// Entries that speak of cases here, none of which needs them.
    pub(super) fn unused(&self, rows: &[Row]) -> Vec<&str> {
        let used = |entry: &&Difference| {
            let needs = |row: &&Row| row.packetdrill.decided().is_some_and(|passed| entry.speaks_of(&row.case, passed));
            !rows.iter().filter(needs).any(|row| matches!(row.standing, Standing::Known(_)))
        };
        self.difference.iter().filter(used).map(|entry| entry.script.as_str()).collect()
    }
}

impl Difference {
    fn speaks_of(&self, case: &Case, passed: bool) -> bool {
        let family = self.family.is_empty() || self.family.contains(&case.family.to_string());
        family && (self.packetdrill == Word::Pass) == passed && WildMatch::new(&self.script).matches(&case.script)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::scripts::Family;

    #[test]
    fn an_entry_holds_for_its_scripts_families_and_verdict() {
        let text =
            "[[difference]]\nscript = 'a/*.pkt'\nfamily = ['v6']\npacketdrill = 'pass'\nreason = 'r'\nproof = 'p'\n";
        let known = Known::parse("t", text).expect("well-formed");
        let case = |script: &str, family| Case { script: script.to_owned(), family };
        assert_eq!(known.reason(&case("a/b.pkt", Family::V6), true), Some("r"));
        assert_eq!(known.reason(&case("a/b.pkt", Family::V6), false), None);
        assert_eq!(known.reason(&case("a/b.pkt", Family::V4), true), None);
        assert_eq!(known.reason(&case("b/b.pkt", Family::V6), true), None);
        for broken in [text.replace("'p'", "''"), text.replace("reason", "raison"), text.replace("pass", "flaky")] {
            assert!(Known::parse("t", &broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn the_committed_file_is_well_formed() {
        Known::read(&crate::step::root().join("ci/packetdrill-differs.toml")).expect("well-formed");
    }
}
