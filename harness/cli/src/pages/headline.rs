//! docs/headline: rule, script, what both stacks do, and why they differ.

use super::{Page, Runs};
use crate::fault::Fault;
use crate::register::Register;
use crate::suite::Suite;
use halfopen_engine::sut::Micros;
use halfopen_report::ladder;
use halfopen_report::record::{FinalVerdict, Record};
use serde::Deserialize;
use std::fmt::Write;

/// `pages/headlines.toml`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Headlines {
    page: Vec<Headline>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Headline {
    slug: String,
    title: String,
    intro: String,
    step: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    title: String,
    text: String,
    rule: String,
    test: String,
    /// Why the stacks differ, where the expectation file has no entry that says so.
    differs: Option<String>,
}

/// Times of a real clock are drawn as multiples of this: what is below differs from run to run.
const REAL_CLOCK_STEP: Micros = 10_000;

impl Headlines {
    pub(super) fn tests(&self) -> impl Iterator<Item = &str> {
        self.page.iter().flat_map(|page| &page.step).map(|step| step.test.as_str())
    }

    pub(super) fn rules(&self) -> impl Iterator<Item = &str> {
        self.page.iter().flat_map(|page| &page.step).map(|step| step.rule.as_str())
    }

    pub(super) fn pages(&self, register: &Register, suite: &Suite, runs: &Runs) -> Result<Vec<Page>, Fault> {
        self.page.iter().map(|page| page.page(register, suite, runs)).collect()
    }
}

impl Headline {
    fn page(&self, register: &Register, suite: &Suite, runs: &Runs) -> Result<Page, Fault> {
        let mut text = format!("# {}\n\n{}\n\n", self.title, self.intro.trim());
        writeln!(text, "Made by `cargo ci pages --write`, which runs each test on the reference stack (virtual time) and on Linux {} (real time,", runs.kernel).expect("strings take all");
        writeln!(text, "here to the nearest 10 ms). `halfopen run ID` and `halfopen run ID --sut linux` repeat it.")
            .expect("strings take all");
        for step in &self.step {
            text += &step.section(register, suite, runs)?;
        }
        Ok(Page { path: format!("headline/{}.md", self.slug), text })
    }
}

impl Step {
    fn section(&self, register: &Register, suite: &Suite, runs: &Runs) -> Result<String, Fault> {
        let unknown = |what: &str| Fault::Environment(format!("pages/headlines.toml: there is no {what}"));
        let rule = register.rule(&self.rule).ok_or_else(|| unknown(&format!("rule {}", self.rule)))?;
        let both = runs.both(&self.test);
        let [(reference, kernel)] = both.as_slice() else {
            return Err(unknown(&format!("one test {}", self.test)));
        };
        let path = self.test.split('[').next().unwrap_or_default();
        let script = suite.scripts.iter().find(|script| script.id == path).ok_or_else(|| unknown(path))?;
        let mut text = format!("\n## {}\n\n{}\n\n", self.title, self.text);
        let (place, level) = (rule.place(), rule.level.word());
        write!(text, "**The rule** ({place}, {level}; `{}`): {}", rule.id, rule.text).expect("strings take all");
        text += &rule.why.as_ref().map_or(String::new(), |why| format!("\n*Why:* {why}"));
        let source = suite.sources.text(script.file).trim_end();
        write!(text, "\n\n**The script**, [{path}](../../specs/{path}.pkt):\n\n```\n{source}\n```\n\n")
            .expect("strings take all");
        write!(text, "**The reference stack**, `{}`: {}\n\n{}", self.test, said(reference), drawn(reference, 1))
            .expect("strings take all");
        write!(text, "\n**Linux {}**: {}\n\n{}", runs.kernel, said(kernel), drawn(kernel, REAL_CLOCK_STEP))
            .expect("strings take all");
        write!(text, "\n{}\n", self.comparison(reference, kernel)).expect("strings take all");
        Ok(text)
    }

    /// Whether they differ, and why.
    fn comparison(&self, reference: &Record, kernel: &Record) -> String {
        if reference.outcome.verdict == kernel.outcome.verdict {
            return "Both do what the rule asks for.".into();
        }
        let why = kernel.expectation.as_ref().or(self.differs.as_ref());
        format!("**Why they differ**: {}", why.map_or("not known yet.", String::as_str))
    }
}

/// The verdict as a sentence.
fn said(record: &Record) -> String {
    let reason = record.outcome.reason.as_ref().map_or(String::new(), |reason| format!(" ({reason})"));
    match record.verdict {
        FinalVerdict::Pass | FinalVerdict::Xpass => "as the script says.".into(),
        FinalVerdict::Xfail | FinalVerdict::Fail | FinalVerdict::Nonstrict | FinalVerdict::Flaky => {
            let (expected, got) = record.outcome.mismatch.as_ref().map_or(("", ""), |m| (&m.expected, &m.got));
            format!("not as the script says: expected `{expected}`, got `{}`.", rounded(got))
        }
        FinalVerdict::Unsupported | FinalVerdict::Inconclusive | FinalVerdict::Error => {
            format!("{}{reason}.", record.verdict)
        }
    }
}

/// The exchange in two lanes, without colours.
fn drawn(record: &Record, step: Micros) -> String {
    let mut record = record.clone();
    for entry in &mut record.outcome.trace {
        entry.at = (entry.at + step / 2) / step * step;
        entry.text = if step > 1 { rounded(&entry.text) } else { entry.text.clone() };
    }
    let lanes = ladder::lanes(&record, false);
    let plain = anstream::adapter::strip_str(&lanes).to_string();
    let lines: Vec<_> = plain.lines().map(str::trim_end).collect();
    format!("```\n{}\n```\n", lines.join("\n"))
}

/// Times with six decimals, as the engine writes them, with two.
fn rounded(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_inclusive(' ') {
        let bare = word.trim_end();
        let time = bare.split_once('.').filter(|(_, decimals)| decimals.len() == 6);
        match time.and_then(|_| bare.parse::<f64>().ok()) {
            Some(seconds) => out += &format!("{seconds:.2}{}", &word[bare.len()..]),
            None => out += word,
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_lose_what_differs_from_run_to_run() {
        let cases = [
            ("silent until 8.023738", "silent until 8.02"),
            ("nothing until 69.390812", "nothing until 69.39"),
            ("S. 0:0(0) ack 1 win 4000", "S. 0:0(0) ack 1 win 4000"),
            ("192.0.2.1 at 1.000000 s", "192.0.2.1 at 1.00 s"),
        ];
        for (given, expected) in cases {
            assert_eq!(rounded(given), expected);
        }
    }
}
