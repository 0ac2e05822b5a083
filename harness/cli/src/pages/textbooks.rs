//! docs/textbooks.md: what the textbooks say, and what this kernel and the reference stack do.

use super::{Page, Runs};
use halfopen_report::record::{FinalVerdict, Record};
use halfopen_report::text::count;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt::Write;

/// `pages/textbooks.toml`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Textbooks {
    claim: Vec<Claim>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    number: u32,
    claim: String,
    #[serde(default)]
    tests: Vec<String>,
    /// What it means when the tests pass.
    #[serde(default)]
    verdict: Meaning,
    says: Option<String>,
    shown: Option<String>,
}

/// What tests that pass say about a claim.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Meaning {
    /// It is so.
    #[default]
    Holds,
    /// It is so under the setting that the tests make.
    Setting,
    /// It was so.
    Outdated,
}

impl Meaning {
    fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Setting => "holds under a setting",
            Self::Outdated => "no longer holds",
        }
    }
}

impl Textbooks {
    pub(super) fn tests(&self) -> impl Iterator<Item = &str> {
        self.claim.iter().flat_map(|claim| &claim.tests).map(String::as_str)
    }

    pub(super) fn page(&self, runs: &Runs) -> Page {
        let (shown, open): (Vec<&Claim>, Vec<&Claim>) = self.claim.iter().partition(|claim| !claim.tests.is_empty());
        let mut text = String::from("# What the textbooks say, and what this kernel does\n\n");
        let (n, all) = (shown.len(), count(self.claim.len(), "claim"));
        writeln!(text, "{n} of {all} about the life of a connection, each asked of the reference stack and of Linux {} by tests of this repository.", runs.kernel).expect("strings take all");
        text += "Made by `cargo ci pages --write` from `specs/pages/textbooks.toml`, which runs them. *Holds*, *holds under a setting*, *no longer holds*: what the tests show\n";
        text += "when they pass; *does not hold* when the stack does otherwise.\n\n";
        writeln!(text, "| | the claim | reference stack | Linux {} | tests |\n|--:|---|---|---|---|", runs.kernel)
            .expect("strings take all");
        for claim in &shown {
            text += &claim.row(runs);
        }
        if !open.is_empty() {
            text += "\n## Claims without a test\n\n";
            for claim in open {
                let says = claim.says.as_deref().unwrap_or("No test yet.");
                writeln!(text, "- {}. {} *{says}*", claim.number, claim.claim).expect("strings take all");
            }
        }
        Page { path: "textbooks.md".into(), text }
    }
}

impl Claim {
    fn row(&self, runs: &Runs) -> String {
        let both: Vec<&(Record, Record)> = self.tests.iter().flat_map(|name| runs.both(name)).collect();
        let reference = self.came(both.iter().map(|(reference, _)| reference));
        let kernel = self.came(both.iter().map(|(_, kernel)| kernel));
        let mut claim = self.claim.clone();
        if let Some(says) = &self.says {
            write!(claim, " *{says}*").expect("strings take all");
        }
        if let Some(shown) = &self.shown {
            write!(claim, " (Shown: {shown}.)").expect("strings take all");
        }
        // A script once, however many of its tests are named.
        let scripts: BTreeSet<&str> = both.iter().filter_map(|(one, _)| one.test.split('[').next()).collect();
        let links = scripts.iter().map(|id| format!("[{id}](../specs/{id}.pkt)"));
        let links = links.collect::<Vec<_>>().join(", ");
        format!("| {} | {claim} | {reference} | {kernel} | {links} |\n", self.number)
    }

    /// What one stack's results say.
    fn came<'a>(&self, records: impl Iterator<Item = &'a Record>) -> String {
        for record in records {
            match record.verdict {
                FinalVerdict::Pass | FinalVerdict::Xpass => {}
                FinalVerdict::Unsupported | FinalVerdict::Inconclusive | FinalVerdict::Error => {
                    let reason = record.outcome.reason.as_deref().unwrap_or_default();
                    return format!("{}: {reason}", record.verdict);
                }
                FinalVerdict::Fail | FinalVerdict::Nonstrict | FinalVerdict::Xfail | FinalVerdict::Flaky => {
                    let got = record.outcome.mismatch.as_ref().map_or("", |mismatch| &mismatch.got);
                    let why = record.expectation.clone().unwrap_or_else(|| format!("got `{got}`"));
                    return match self.verdict {
                        Meaning::Holds | Meaning::Setting => format!("does not hold: {why}"),
                        Meaning::Outdated => format!("otherwise: {why}"),
                    };
                }
            }
        }
        self.verdict.word().into()
    }
}
