//! Expectations: which tests a SUT is known to fail, in which way, and why.
//!
//! `[[xfail]]` is a failure. `[[unsupported]]` is a test that the SUT cannot take although the RFC allows it to be as it is; both say
//! how the test ends. `[[difference]]` is for `fuzz diff`.

mod differences;

pub use differences::Difference;

use crate::fault::Fault;
use crate::register::{line_of, toml_fault};
use halfopen_engine::outcome::{MismatchKind, Outcome, Verdict};
use halfopen_report::record::FinalVerdict;
use serde::Deserialize;
use std::sync::atomic::{AtomicBool, Ordering};
use wildmatch::WildMatch;

/// One `[[xfail]]` or `[[unsupported]]`.
#[derive(Debug)]
pub struct Entry {
    glob: WildMatch,
    /// The glob as written.
    pub test: String,
    /// The way it fails.
    pub kind: MismatchKind,
    /// A part of what came instead.
    pub got: Option<String>,
    /// Why it is as it is.
    pub reason: String,
    /// RFC section or link.
    pub reference: String,
    /// Versions it was seen with.
    pub kernels: Option<String>,
    /// `file:line`
    pub place: String,
    /// The RFC does not ask for it: the SUT lacks what the script needs, and the script has no word for that.
    pub lacks: bool,
    /// It matched a test of the suite.
    used: AtomicBool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    xfail: Vec<toml::Spanned<Raw>>,
    #[serde(default)]
    unsupported: Vec<toml::Spanned<Raw>>,
    #[serde(default)]
    difference: Vec<toml::Spanned<differences::Raw>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    test: Globs,
    kind: String,
    got: Option<String>,
    #[serde(default)]
    reason: String,
    rfc: Option<String>,
    link: Option<String>,
    #[serde(alias = "versions")]
    kernels: Option<String>,
}

/// A glob, or several that have everything else in common.
#[derive(Deserialize)]
#[serde(untagged)]
enum Globs {
    One(String),
    Many(Vec<String>),
}

impl Globs {
    fn all(self) -> Vec<String> {
        match self {
            Self::One(glob) => vec![glob],
            Self::Many(globs) => globs,
        }
    }
}

const KINDS: [MismatchKind; 10] = [
    MismatchKind::Segment,
    MismatchKind::Missing,
    MismatchKind::Unexpected,
    MismatchKind::Time,
    MismatchKind::Call,
    MismatchKind::Blocking,
    MismatchKind::Payload,
    MismatchKind::Checksum,
    MismatchKind::Assertion,
    MismatchKind::Broken,
];

/// The name of a kind in JSON and in expectation files.
pub fn kind_name(kind: MismatchKind) -> String {
    match serde_json::to_value(kind) {
        Ok(serde_json::Value::String(name)) => name,
        other => unreachable!("a unit variant is a string, not {other:?}"),
    }
}

/// The entries of one SUT.
#[derive(Debug, Default)]
pub struct Expectations {
    entries: Vec<Entry>,
    differences: Vec<Difference>,
}

impl Expectations {
    /// Reads a file; `shown` is its name in messages.
    pub fn parse(shown: &str, text: &str) -> Result<Self, Fault> {
        let file: File = toml::from_str(text).map_err(|fault| toml_fault(shown, text, &fault))?;
        let failing = file.xfail.into_iter().map(|raw| (raw, false));
        let lacking = file.unsupported.into_iter().map(|raw| (raw, true));
        let mut entries = Vec::new();
        for (raw, lacks) in failing.chain(lacking) {
            entries.extend(of_one(shown, text, raw, lacks)?);
        }
        let differences = file.difference.into_iter().map(|raw| differences::of_one(shown, text, raw, &entries));
        let differences = differences.collect::<Result<_, _>>()?;
        Ok(Self { entries, differences })
    }

    /// What `fuzz diff` knows, in the order of the file.
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// The entries, in the order of the file.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Entries for one test.
    pub fn of<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| entry.matches(id))
    }

    /// Remembers that a test of this id is in the suite.
    pub fn mark(&self, id: &str) {
        for entry in self.of(id) {
            entry.used.store(true, Ordering::Relaxed);
        }
    }

    /// Entries that matched no marked test, one line each.
    pub fn stale(&self) -> Vec<String> {
        let stale = self.entries.iter().filter(|entry| !entry.used.load(Ordering::Relaxed));
        stale.map(|entry| format!("{} `{}` matches no test", entry.place, entry.test)).collect()
    }

    /// The verdict after expectations, and what to say about it.
    pub fn judge(&self, id: &str, outcome: &Outcome) -> (FinalVerdict, Option<String>) {
        let verdict = FinalVerdict::from(outcome.verdict);
        match outcome.verdict {
            Verdict::Pass => match self.of(id).next() {
                Some(entry) => (FinalVerdict::Xpass, Some(format!("{} says that it fails", entry.place))),
                None => (verdict, None),
            },
            Verdict::Fail | Verdict::Nonstrict => {
                if let Some(entry) = self.of(id).find(|entry| entry.foresees(outcome)) {
                    let why = format!("{} ({})", entry.reason, entry.reference);
                    let verdict = if entry.lacks { FinalVerdict::Unsupported } else { FinalVerdict::Xfail };
                    return (verdict, Some(why));
                }
                let other = self.of(id).next().map(|entry| entry.differs(outcome));
                match other {
                    // A known failure that fails otherwise is news, whatever the level of its rule.
                    Some(why) => (FinalVerdict::Fail, Some(why)),
                    None => (verdict, None),
                }
            }
            Verdict::Inconclusive | Verdict::Unsupported | Verdict::Error => (verdict, None),
        }
    }
}

impl Entry {
    /// It speaks of this test.
    pub fn matches(&self, id: &str) -> bool {
        self.glob.matches(id)
    }

    /// It failed in the way that this entry says.
    fn foresees(&self, outcome: &Outcome) -> bool {
        let Some(mismatch) = &outcome.mismatch else { return false };
        mismatch.kind == self.kind && self.got.as_ref().is_none_or(|got| mismatch.got.contains(got))
    }

    fn differs(&self, outcome: &Outcome) -> String {
        let said = match &self.got {
            Some(got) => format!("{} with `{got}`", kind_name(self.kind)),
            None => kind_name(self.kind),
        };
        let was = outcome.mismatch.as_ref().map_or("no difference".into(), |m| kind_name(m.kind));
        format!("{} says {said}, but it was {was}", self.place)
    }
}

/// The entries of one table of the file: one for each glob.
fn of_one(shown: &str, text: &str, raw: toml::Spanned<Raw>, lacks: bool) -> Result<Vec<Entry>, Fault> {
    let place = format!("{shown}:{}", line_of(text, raw.span().start));
    let raw = raw.into_inner();
    let globs = raw.test.all();
    let named = globs.first().cloned().unwrap_or_default();
    let wrong = |what: &str| Fault::Environment(format!("{place}: {what}"));
    if globs.is_empty() {
        return Err(wrong("`test` names no test"));
    }
    if raw.reason.trim().is_empty() {
        return Err(wrong(&format!("`{named}` needs a `reason`")));
    }
    let reference = raw.rfc.or(raw.link).filter(|reference| !reference.trim().is_empty());
    let reference = reference.ok_or_else(|| wrong(&format!("`{named}` needs `rfc` or `link`")))?;
    let kind = KINDS.into_iter().find(|kind| kind_name(*kind) == raw.kind).ok_or_else(|| {
        let known: Vec<_> = KINDS.into_iter().map(kind_name).collect();
        wrong(&format!("`{}` is no kind of difference; one of {} is", raw.kind, known.join(", ")))
    })?;
    let entry = |test: String| Entry {
        glob: WildMatch::new(&test),
        test,
        kind,
        got: raw.got.clone(),
        reason: raw.reason.clone(),
        reference: reference.clone(),
        kernels: raw.kernels.clone(),
        place: place.clone(),
        lacks,
        used: AtomicBool::new(false),
    };
    Ok(globs.into_iter().map(entry).collect())
}

#[cfg(test)]
mod tests;
