//! A page of rules for each RFC, and their index.

use super::Page;
use crate::coverage::{Counts, Coverage, Covered, Status};
use crate::register::Register;
use std::fmt::Write;

const HOW: &str = "Made by `cargo ci pages --write` from `specs/rfcNNNN/rules.toml` and the first lines of the scripts. Paraphrases; the RFC's text decides.";

/// `rules/README.md` and `rules/rfcNNNN.md`.
pub(super) fn pages(coverage: &Coverage<'_>, register: &Register) -> Vec<Page> {
    let mut index = format!(
        "# The rules, RFC by RFC\n\n{HOW}\n[What is decided](../coverage.md) has the counts by level and section.\n\n"
    );
    index += "| RFC | rules | tested | missing |\n|---|--:|--:|--:|\n";
    let mut pages = Vec::new();
    for rules in coverage.rfcs() {
        let (name, counts) = (rules[0].rfc(), Counts::of(rules));
        let title = register.title(name).unwrap_or(name);
        let Counts { rules: all, tested, missing, .. } = counts;
        writeln!(index, "| [{title}]({name}.md) | {all} | {tested} | {missing} |").expect("strings take all");
        pages.push(Page { path: format!("rules/{name}.md"), text: rfc(rules, title) });
    }
    pages.push(Page { path: "rules/README.md".into(), text: index });
    pages
}

fn rfc(rules: &[Covered<'_>], title: &str) -> String {
    let mut text = format!("# {title}\n\n{HOW}\n");
    for section in rules.chunk_by(|a, b| a.rule.section == b.rule.section) {
        write!(text, "\n## {}\n\n", section[0].rule.section).expect("strings take all");
        for covered in section {
            text += &rule(covered);
        }
    }
    text
}

/// One rule as an item of a list, with links to the scripts that decide it.
fn rule(covered: &Covered<'_>) -> String {
    let rule = covered.rule;
    let slug = rule.id.rsplit('/').next().unwrap_or(&rule.id);
    let label = rule.label.as_ref().filter(|label| label.to_lowercase() != slug);
    let label = label.map_or(String::new(), |label| format!(" ({label})"));
    let mut text = format!("- **{slug}**{label} {}: {}\n", rule.level.word(), rule.text);
    if let Some(why) = &rule.why {
        writeln!(text, "  *Why:* {why}").expect("strings take all");
    }
    let what = match (covered.status, covered.reason) {
        (Status::Tested, _) => {
            let scripts = covered.scripts.iter().map(|id| format!("[{id}](../../specs/{id}.pkt)"));
            format!("*Tested by* {}", scripts.collect::<Vec<_>>().join(", "))
        }
        (Status::Missing, _) => "*No test yet*".to_string(),
        (status, reason) => format!("*Not {}*: {}", &status.word()[4..], reason.unwrap_or_default()),
    };
    let same = match rule.restated_in.as_slice() {
        [] => String::new(),
        others => format!(" (as {})", others.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")),
    };
    text + &format!("  {what}{same}\n")
}
