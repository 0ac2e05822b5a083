//! Coverage as tables on a terminal.

use crate::coverage::{Complete, Counts, Coverage, Covered, Status};
use crate::register::{Register, RuleLevel};
use anstyle::Style;
use std::io::{self, Write};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// A line for each RFC, or, of chosen ones, a line for each level and each section.
pub(super) fn write(
    out: &mut impl Write,
    coverage: &Coverage<'_>,
    register: &Register,
    complete: &Complete,
    detail: bool,
) -> io::Result<()> {
    if detail {
        for rules in coverage.rfcs() {
            rfc(out, rules, register, complete)?;
        }
    } else {
        heading(out, "", 12)?;
        for rules in coverage.rfcs() {
            let name = rules[0].rfc();
            row(out, name, 12, Counts::of(rules), if complete.has(name) { "complete" } else { "" })?;
        }
    }
    for level in RuleLevel::ALL {
        let counts = Counts::of(coverage.rules.iter().filter(|covered| covered.rule.level == level));
        if !detail && counts.rules > 0 {
            row(out, name(level), 12, counts, "")?;
        }
    }
    row(out, "all", 12, Counts::of(&coverage.rules), "")?;
    if !detail {
        writeln!(
            out,
            "{DIM}per section: --rfc 9293; the ids of what is missing: --missing; what decides a rule: explain ID{DIM:#}"
        )?;
    }
    Ok(())
}

fn rfc(out: &mut impl Write, rules: &[Covered<'_>], register: &Register, complete: &Complete) -> io::Result<()> {
    let name_of = rules[0].rfc();
    let claim = if complete.has(name_of) { "  (complete)" } else { "" };
    writeln!(out, "{BOLD}{}{BOLD:#}{claim}", register.title(name_of).unwrap_or(name_of))?;
    heading(out, "level", 12)?;
    for level in RuleLevel::ALL {
        let counts = Counts::of(rules.iter().filter(|covered| covered.rule.level == level));
        if counts.rules > 0 {
            row(out, name(level), 12, counts, "")?;
        }
    }
    heading(out, "section", 12)?;
    for section in rules.chunk_by(|a, b| a.rule.section == b.rule.section) {
        row(out, &section[0].rule.section, 12, Counts::of(section), "")?;
    }
    writeln!(out)
}

/// A level in a narrow column.
fn name(level: RuleLevel) -> &'static str {
    match level {
        RuleLevel::Spec => "text",
        RuleLevel::Informational => "description",
        RuleLevel::Must | RuleLevel::MustNot | RuleLevel::Should | RuleLevel::ShouldNot | RuleLevel::May => {
            level.word()
        }
    }
}

fn heading(out: &mut impl Write, what: &str, width: usize) -> io::Result<()> {
    write!(out, "{DIM}{what:width$}{:>8}", "rules")?;
    for status in Status::ALL {
        write!(out, "{:>16}", status.word())?;
    }
    writeln!(out, "{DIM:#}")
}

fn row(out: &mut impl Write, name: &str, width: usize, counts: Counts, note: &str) -> io::Result<()> {
    let mut line = format!("{name:width$}{:>8}", counts.rules);
    for status in Status::ALL {
        line += &match counts.with(status) {
            0 => format!("{:>16}", "-"),
            n => format!("{n:>16}"),
        };
    }
    writeln!(out, "{}", format!("{line}  {note}").trim_end())
}
