//! The register: every rule of the RFCs by its id.

use crate::fault::Fault;
use crate::specs::Specs;
use halfopen_script::ast::Level;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// `rfc9293/3.10.7.1/closed-rst`
    pub id: String,
    /// The RFC's own label (`MUST-12`), or the event of the section that the rule stems from.
    pub label: Option<String>,
    /// `must`, `must-not`, `should`, `should-not`, `may`, `spec`: text without a keyword, a MUST in substance; `informational`.
    pub level: RuleLevel,
    /// Section number.
    pub section: String,
    /// `wire`, `wire+api`, `api`, `internal`.
    pub observable: String,
    /// Branch of the text that holds only with or without an extension.
    pub profile: Option<String>,
    /// The rule, paraphrased.
    pub text: String,
    /// The reason that the RFC gives, paraphrased.
    pub why: Option<String>,
    /// Anything else worth knowing.
    pub note: Option<String>,
    /// Why no stack that is tested here can be asked: the status that cannot be derived from the scripts.
    pub not_applicable: Option<String>,
    /// Why no exchange and no socket call shows whether it is kept.
    pub not_decidable: Option<String>,
    /// Rules, of another RFC as a rule, that say the same: what decides them decides this one.
    #[serde(default)]
    pub restated_in: Vec<String>,
}

impl Rule {
    /// `RFC 9293 3.10.7.1`
    pub fn place(&self) -> String {
        let rfc = self.id.split('/').next().unwrap_or_default();
        format!("RFC {} {}", rfc.strip_prefix("rfc").unwrap_or(rfc), self.section)
    }

    /// What an entry may not say, whatever its text.
    fn fault(&self) -> Option<&'static str> {
        let said = [self.not_applicable.is_some(), self.not_decidable.is_some(), !self.restated_in.is_empty()];
        let blank = |text: &Option<String>| text.as_ref().is_some_and(|text| text.trim().is_empty());
        if said.into_iter().filter(|said| *said).count() > 1 {
            Some("says more than one of `not_applicable`, `not_decidable` and `restated_in`")
        } else if blank(&self.not_applicable) || blank(&self.not_decidable) {
            Some("is excepted without a reason")
        } else {
            None
        }
    }
}

/// How strongly the register says the RFC asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleLevel {
    /// MUST
    Must,
    /// MUST NOT
    MustNot,
    /// SHOULD
    Should,
    /// SHOULD NOT
    ShouldNot,
    /// MAY
    May,
    /// No keyword.
    Spec,
    /// Describes what happens, and asks for nothing.
    Informational,
}

impl RuleLevel {
    /// All, the most binding first.
    pub const ALL: [Self; 7] =
        [Self::Must, Self::MustNot, Self::Spec, Self::Should, Self::ShouldNot, Self::May, Self::Informational];

    /// The level that a script about this rule has.
    pub fn level(self) -> Level {
        match self {
            Self::Must | Self::MustNot | Self::Spec => Level::Must,
            Self::Should | Self::ShouldNot => Level::Should,
            Self::May | Self::Informational => Level::May,
        }
    }

    /// As the RFC writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::MustNot => "MUST NOT",
            Self::Should => "SHOULD",
            Self::ShouldNot => "SHOULD NOT",
            Self::May => "MAY",
            Self::Spec => "MUST (text without a keyword)",
            Self::Informational => "informational",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rfc: u32,
    title: String,
    #[serde(default)]
    rule: Vec<Rule>,
}

/// Every register of the specs.
#[derive(Debug, Clone, Default)]
pub struct Register {
    rules: BTreeMap<String, Rule>,
    /// `rfc9293` to `RFC 9293, Transmission Control Protocol (TCP)`.
    titles: BTreeMap<String, String>,
}

impl Register {
    /// Reads every `rules.toml`.
    pub fn load(specs: &Specs) -> Result<Self, Fault> {
        let mut register = Self::default();
        for (path, text) in specs.registers() {
            let shown = specs.display(path);
            let file: File = toml::from_str(text).map_err(|fault| toml_fault(&shown, text, &fault))?;
            register.titles.insert(format!("rfc{}", file.rfc), format!("RFC {}, {}", file.rfc, file.title));
            for rule in file.rule {
                let id = rule.id.clone();
                if let Some(fault) = rule.fault() {
                    return Err(Fault::Environment(format!("{shown}: rule {id} {fault}")));
                }
                if register.rules.insert(id.clone(), rule).is_some() {
                    return Err(Fault::Environment(format!("{shown}: rule {id} is there twice")));
                }
            }
        }
        register.restatements()?;
        Ok(register)
    }

    /// A restatement leads to a rule that speaks for itself.
    fn restatements(&self) -> Result<(), Fault> {
        for rule in self.rules() {
            for other in &rule.restated_in {
                let fault = match self.rule(other) {
                    None => "which does not exist",
                    Some(other) if !other.restated_in.is_empty() => "which is itself restated elsewhere",
                    Some(_) => continue,
                };
                return Err(Fault::Environment(format!("rule {} is restated in {other}, {fault}", rule.id)));
            }
        }
        Ok(())
    }

    /// A rule by its id.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.get(id)
    }

    /// Every rule, in order of ids.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.values()
    }

    /// Rules by the RFC's own label, in any case.
    pub fn labelled(&self, label: &str) -> Vec<&Rule> {
        self.rules().filter(|rule| rule.label.as_deref().is_some_and(|l| l.eq_ignore_ascii_case(label))).collect()
    }

    /// `RFC 9293, Transmission Control Protocol (TCP)` for any id of that RFC.
    pub fn title(&self, id: &str) -> Option<&str> {
        self.titles.get(id.split('/').next()?).map(String::as_str)
    }

    /// The known id that looks most like a mistyped one.
    pub fn similar(&self, id: &str) -> Option<&str> {
        let folder = id.rsplit_once('/').map_or("", |(folder, _)| folder);
        let near = self.rules.keys().filter(|known| known.rsplit_once('/').is_some_and(|(f, _)| f == folder));
        let near: Vec<_> = near.collect();
        let pool: Vec<_> = if near.is_empty() { self.rules.keys().collect() } else { near };
        pool.into_iter().min_by_key(|known| distance(known, id)).map(String::as_str)
    }
}

/// Edits that turn one word into the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// `file:line: what is wrong`.
pub fn toml_fault(file: &str, text: &str, fault: &toml::de::Error) -> Fault {
    let line = fault.span().map_or(1, |span| line_of(text, span.start));
    Fault::Environment(format!("{file}:{line}: {}", fault.message()))
}

/// 1-based line of an offset.
pub fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|octet| **octet == b'\n').count() + 1
}
