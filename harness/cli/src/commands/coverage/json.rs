//! Coverage for programs.

use crate::coverage::{Complete, Counts, Coverage, Covered, Status};
use crate::register::{Register, RuleLevel};
use serde::Serialize;
use std::io::{self, Write};

#[derive(Serialize)]
struct Report<'a> {
    v: u32,
    counts: Counts,
    rfcs: Vec<Rfc<'a>>,
}

#[derive(Serialize)]
struct Rfc<'a> {
    rfc: &'a str,
    title: &'a str,
    complete: bool,
    counts: Counts,
    levels: Vec<Level>,
    sections: Vec<Section<'a>>,
}

#[derive(Serialize)]
struct Level {
    level: RuleLevel,
    #[serde(flatten)]
    counts: Counts,
}

#[derive(Serialize)]
struct Section<'a> {
    section: &'a str,
    counts: Counts,
    rules: Vec<One<'a>>,
}

#[derive(Serialize)]
struct One<'a> {
    id: &'a str,
    label: Option<&'a str>,
    level: RuleLevel,
    observable: &'a str,
    text: &'a str,
    status: Status,
    reason: Option<&'a str>,
    tests: usize,
    scripts: &'a [&'a str],
}

/// One object: counts, then RFCs, their sections, their rules.
pub(super) fn write(
    out: &mut impl Write,
    coverage: &Coverage<'_>,
    register: &Register,
    complete: &Complete,
) -> io::Result<()> {
    let rfcs = coverage.rfcs().map(|rules| rfc(rules, register, complete)).collect();
    let report = Report { v: 1, counts: Counts::of(&coverage.rules), rfcs };
    serde_json::to_writer_pretty(&mut *out, &report).map_err(io::Error::from)?;
    writeln!(out)
}

fn rfc<'a>(rules: &'a [Covered<'a>], register: &'a Register, complete: &Complete) -> Rfc<'a> {
    let name = rules[0].rfc();
    let levels = RuleLevel::ALL
        .into_iter()
        .map(|level| Level { level, counts: Counts::of(rules.iter().filter(|covered| covered.rule.level == level)) });
    let sections = rules.chunk_by(|a, b| a.rule.section == b.rule.section).map(|rules| Section {
        section: &rules[0].rule.section,
        counts: Counts::of(rules),
        rules: rules.iter().map(one).collect(),
    });
    Rfc {
        rfc: name,
        title: register.title(name).unwrap_or_default(),
        complete: complete.has(name),
        counts: Counts::of(rules),
        levels: levels.filter(|level| level.counts.rules > 0).collect(),
        sections: sections.collect(),
    }
}

fn one<'a>(covered: &'a Covered<'a>) -> One<'a> {
    let rule = covered.rule;
    One {
        id: &rule.id,
        label: rule.label.as_deref(),
        level: rule.level,
        observable: &rule.observable,
        text: &rule.text,
        status: covered.status,
        reason: covered.reason,
        tests: covered.tests,
        scripts: &covered.scripts,
    }
}
