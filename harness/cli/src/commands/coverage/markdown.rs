//! Coverage as Markdown: the page `docs/coverage.md`.

use crate::coverage::{Complete, Counts, Coverage, Covered, Status};
use crate::register::{Register, RuleLevel};
use std::io::{self, Write};

/// A table over all RFCs, then what is missing and what is excepted, with reasons.
pub(super) fn write(
    out: &mut impl Write,
    coverage: &Coverage<'_>,
    register: &Register,
    complete: &Complete,
) -> io::Result<()> {
    writeln!(out, "# Which rules are decided")?;
    writeln!(out)?;
    writeln!(
        out,
        "Printed by `halfopen coverage --format md`. *Tested*: a script cites the rule, or one that says the same, on its first line. *Not decidable*: no"
    )?;
    writeln!(
        out,
        "segment and no socket call shows it. *Not applicable*: it speaks to somebody else, or of what neither stack has."
    )?;
    writeln!(
        out,
        "*Missing*: a test could decide it, and there is none yet. A *complete* RFC has no MUST or MUST NOT missing, and CI holds it so."
    )?;
    writeln!(out)?;
    heading(out, "RFC")?;
    for rules in coverage.rfcs() {
        let name = rules[0].rfc();
        let title = register.title(name).unwrap_or(name);
        let mark = if complete.has(name) { " (complete)" } else { "" };
        row(out, &format!("{title}{mark}"), Counts::of(rules))?;
    }
    row(out, "**all**", Counts::of(&coverage.rules))?;
    writeln!(out)?;
    heading(out, "Level")?;
    for level in RuleLevel::ALL {
        let counts = Counts::of(coverage.rules.iter().filter(|covered| covered.rule.level == level));
        if counts.rules > 0 {
            row(out, level.word(), counts)?;
        }
    }
    for rules in coverage.rfcs() {
        rfc(out, rules, register)?;
    }
    Ok(())
}

fn rfc(out: &mut impl Write, rules: &[Covered<'_>], register: &Register) -> io::Result<()> {
    let undecided: Vec<_> = rules.iter().filter(|covered| covered.status != Status::Tested).collect();
    if undecided.is_empty() {
        return Ok(());
    }
    let name = rules[0].rfc();
    writeln!(out, "\n## {}\n", register.title(name).unwrap_or(name))?;
    heading(out, "Section")?;
    for section in rules.chunk_by(|a, b| a.rule.section == b.rule.section) {
        row(out, &section[0].rule.section, Counts::of(section))?;
    }
    for status in [Status::Missing, Status::NotDecidable, Status::NotApplicable] {
        let of: Vec<_> = undecided.iter().filter(|covered| covered.status == status).collect();
        if of.is_empty() {
            continue;
        }
        let word = status.word();
        writeln!(out, "\n{}{}:\n", word[..1].to_uppercase(), &word[1..])?;
        for covered in of {
            let reason = covered.reason.map_or(String::new(), |reason| format!(": {reason}"));
            writeln!(out, "- `{}` {}{reason}", covered.rule.id, covered.rule.level.word())?;
        }
    }
    Ok(())
}

fn heading(out: &mut impl Write, what: &str) -> io::Result<()> {
    let words: Vec<_> = Status::ALL.into_iter().map(Status::word).collect();
    writeln!(out, "| {what} | rules | {} |\n|---|--:|--:|--:|--:|--:|", words.join(" | "))
}

fn row(out: &mut impl Write, name: &str, counts: Counts) -> io::Result<()> {
    let cells: Vec<_> = Status::ALL.into_iter().map(|status| counts.with(status).to_string()).collect();
    writeln!(out, "| {name} | {} | {} |", counts.rules, cells.join(" | "))
}
