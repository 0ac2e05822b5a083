//! Which rules of the register are decided, by which scripts, and which are not.

use crate::fault::Fault;
use crate::register::{Register, Rule, RuleLevel, toml_fault};
use crate::specs::Specs;
use crate::suite::{Suite, natural};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is known of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A script cites it, or a rule that says the same.
    Tested,
    /// Nothing that a peer or an application sees tells whether it is kept; the register says why.
    NotDecidable,
    /// It speaks to somebody else, or of something that none of the stacks has; the register says why.
    NotApplicable,
    /// It could be decided, and nothing does.
    Missing,
}

impl Status {
    /// In the order of columns.
    pub const ALL: [Self; 4] = [Self::Tested, Self::NotDecidable, Self::NotApplicable, Self::Missing];

    /// As people read it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tested => "tested",
            Self::NotDecidable => "not decidable",
            Self::NotApplicable => "not applicable",
            Self::Missing => "missing",
        }
    }
}

/// A rule and what decides it.
#[derive(Debug, Clone)]
pub struct Covered<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// Derived from the scripts where they cite it, from the register where not.
    pub status: Status,
    /// The register's reason for an exception.
    pub reason: Option<&'a str>,
    /// Ids of the scripts that decide it, in the suite's order.
    pub scripts: Vec<&'a str>,
    /// Tests that these scripts stand for.
    pub tests: usize,
    /// Excepted and tested: one of the two is wrong.
    pub contradicts: bool,
}

impl Covered<'_> {
    /// `rfc9293`
    pub fn rfc(&self) -> &str {
        self.rule.id.split('/').next().unwrap_or_default()
    }
}

/// How many rules have which status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// All of them.
    pub rules: usize,
    /// [`Status::Tested`]
    pub tested: usize,
    /// [`Status::NotDecidable`]
    pub not_decidable: usize,
    /// [`Status::NotApplicable`]
    pub not_applicable: usize,
    /// [`Status::Missing`]
    pub missing: usize,
}

impl Counts {
    /// Counts rules.
    pub fn of<'a>(rules: impl IntoIterator<Item = &'a Covered<'a>>) -> Self {
        let mut counts = Self::default();
        for covered in rules {
            counts.rules += 1;
            match covered.status {
                Status::Tested => counts.tested += 1,
                Status::NotDecidable => counts.not_decidable += 1,
                Status::NotApplicable => counts.not_applicable += 1,
                Status::Missing => counts.missing += 1,
            }
        }
        counts
    }

    /// How many have this status.
    pub fn with(&self, status: Status) -> usize {
        match status {
            Status::Tested => self.tested,
            Status::NotDecidable => self.not_decidable,
            Status::NotApplicable => self.not_applicable,
            Status::Missing => self.missing,
        }
    }
}

/// Every rule, by RFC, section and id as the RFCs count them.
#[derive(Debug, Clone)]
pub struct Coverage<'a> {
    /// The rules.
    pub rules: Vec<Covered<'a>>,
}

impl<'a> Coverage<'a> {
    /// Brings register and scripts together.
    pub fn of(register: &'a Register, suite: &'a Suite) -> Self {
        let mut scripts: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, script) in suite.scripts.iter().enumerate() {
            for rule in script.rules() {
                scripts.entry(rule).or_default().push(index);
            }
        }
        let mut rules: Vec<_> = register.rules().map(|rule| covered(rule, register, suite, &scripts)).collect();
        rules.sort_by_cached_key(|covered| {
            (natural(covered.rfc()), natural(&covered.rule.section), natural(&covered.rule.id))
        });
        Self { rules }
    }

    /// Only the rules that pass.
    pub fn keep(&mut self, keep: impl Fn(&Covered<'_>) -> bool) {
        self.rules.retain(keep);
    }

    /// The rules RFC by RFC.
    pub fn rfcs(&self) -> impl Iterator<Item = &[Covered<'a>]> {
        self.rules.chunk_by(|a, b| a.rfc() == b.rfc())
    }

    /// What stands against the claim that these RFCs are complete: a MUST or MUST NOT that is neither tested nor excepted, a rule
    /// that is both.
    pub fn gaps(&self, complete: &Complete) -> Vec<String> {
        let mut gaps = Vec::new();
        for covered in &self.rules {
            let binding = matches!(covered.rule.level, RuleLevel::Must | RuleLevel::MustNot);
            let id = &covered.rule.id;
            if covered.contradicts {
                gaps.push(format!("{id} is excepted, yet {} asks it", covered.scripts.join(" ")));
            }
            if binding && covered.status == Status::Missing && complete.has(covered.rfc()) {
                let level = covered.rule.level.word();
                gaps.push(format!("{id} ({level}) is neither tested nor excepted, and {} is complete", covered.rfc()));
            }
        }
        gaps
    }
}

fn covered<'a>(
    rule: &'a Rule,
    register: &'a Register,
    suite: &'a Suite,
    scripts: &BTreeMap<&str, Vec<usize>>,
) -> Covered<'a> {
    let own = scripts.get(rule.id.as_str());
    let others = rule.restated_in.iter().filter_map(|other| scripts.get(other.as_str()));
    let mut deciding: Vec<usize> = own.into_iter().chain(others).flatten().copied().collect();
    deciding.sort_unstable();
    deciding.dedup();
    let others: Vec<&Rule> = rule.restated_in.iter().filter_map(|other| register.rule(other)).collect();
    let exceptions: Vec<_> = others.iter().map(|other| excepted(other)).collect();
    // What is said in parts elsewhere is decided when each part is.
    let undecided =
        |(other, exception): (&&Rule, &Option<_>)| exception.is_none() && !scripts.contains_key(other.id.as_str());
    let open = others.iter().zip(&exceptions).any(undecided);
    let exception = excepted(rule).or_else(|| exceptions.iter().copied().flatten().next());
    let (status, reason) = match exception {
        _ if own.is_none() && open => (Status::Missing, None),
        _ if !deciding.is_empty() => (Status::Tested, None),
        Some((status, reason)) => (status, Some(reason)),
        None => (Status::Missing, None),
    };
    Covered {
        rule,
        status,
        reason,
        contradicts: own.is_some() && excepted(rule).is_some(),
        tests: deciding.iter().map(|script| suite.scripts[*script].variants.len()).sum(),
        scripts: deciding.into_iter().map(|script| suite.scripts[script].id.as_str()).collect(),
    }
}

/// The register's exception, with its reason.
fn excepted(rule: &Rule) -> Option<(Status, &str)> {
    match (&rule.not_decidable, &rule.not_applicable) {
        (Some(reason), _) => Some((Status::NotDecidable, reason)),
        (None, Some(reason)) => Some((Status::NotApplicable, reason)),
        (None, None) => None,
    }
}

/// The RFCs of which it is claimed that every MUST is tested or excepted: `coverage.toml` of the specs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Complete {
    /// Their numbers.
    complete: Vec<u32>,
}

impl Complete {
    /// Reads the list; specs without one claim nothing.
    pub fn load(specs: &Specs, register: &Register) -> Result<Self, Fault> {
        let path = "coverage.toml";
        let Some(text) = specs.text(path) else { return Ok(Self::default()) };
        let shown = specs.display(path);
        let list: Self = toml::from_str(text).map_err(|fault| toml_fault(&shown, text, &fault))?;
        match list.complete.iter().find(|rfc| register.title(&format!("rfc{rfc}")).is_none()) {
            Some(unknown) => Err(Fault::Environment(format!("{shown}: there is no register of RFC {unknown}"))),
            None => Ok(list),
        }
    }

    /// `rfc9293` is on the list.
    pub fn has(&self, rfc: &str) -> bool {
        self.complete.iter().any(|number| rfc.strip_prefix("rfc") == Some(&number.to_string()))
    }
}
