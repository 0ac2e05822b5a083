//! KTAP, version 1, as the kernel's `Documentation/dev-tools/ktap.rst` defines it and its own tools read it.
//!
//! A script is a test, its variants are its subtests: `ok 3 v6,FIN-WAIT-1` below `ok 17 rfc9293/3.10.7.4/rst/exact`. Diagnostic lines with the
//! exchange stand before the result that they explain.
//!
//! | verdict | result line |
//! |---|---|
//! | `pass` | `ok` |
//! | `nonstrict` | `ok ... # nonstrict WHY` |
//! | `xfail` | `ok ... # XFAIL WHY`, as kselftest prints it |
//! | `unsupported` | `ok ... # SKIP WHY` |
//! | `fail` | `not ok`, with the exchange |
//! | `flaky`, `xpass` | `not ok ... # flaky WHY` |
//! | `inconclusive`, `error` | `not ok ... # ERROR WHY` |
//!
//! An expectation that matches no test is a failing subtest of a last test, `expectations`.

use crate::record::{FinalVerdict, Record, RunInfo, Summary};
use crate::text::plain;
use crate::{Reporter, ladder};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Writes the document when the run is over: its plan counts the tests.
pub struct Ktap<W> {
    out: W,
    run: Option<RunInfo>,
    results: BTreeMap<usize, Subtest>,
}

struct Subtest {
    script: String,
    /// Description of the result line.
    name: String,
    ok: bool,
    /// What follows the hash sign.
    remark: String,
    /// Diagnostic lines.
    lines: Vec<String>,
}

impl Subtest {
    fn new(record: &Record, run: &RunInfo) -> Self {
        let remark = match record.verdict {
            FinalVerdict::Pass | FinalVerdict::Fail => String::new(),
            FinalVerdict::Nonstrict => format!("nonstrict {}", record.why()),
            FinalVerdict::Xfail => format!("XFAIL {}", record.why()),
            FinalVerdict::Unsupported => format!("SKIP {}", record.why()),
            FinalVerdict::Inconclusive => format!("ERROR inconclusive: {}", record.why()),
            FinalVerdict::Error => format!("ERROR {}", record.why()),
            FinalVerdict::Flaky => format!("flaky {}", record.why()),
            FinalVerdict::Xpass => format!("xpass {}", record.why()),
        };
        let lines = match record.verdict.is_failure() {
            true => plain(&ladder::failure(record, run)).lines().map(str::to_owned).collect(),
            false => Vec::new(),
        };
        let script = record.script();
        let variant = record.test[script.len()..].trim_start_matches('[').trim_end_matches(']');
        Self {
            script: script.to_string(),
            name: if variant.is_empty() { script.to_string() } else { variant.to_string() },
            ok: is_ok(record.verdict),
            remark,
            lines,
        }
    }

    fn stale(line: &str) -> Self {
        Self { script: String::new(), name: line.to_string(), ok: false, remark: String::new(), lines: Vec::new() }
    }
}

/// Whether the line says `ok`: exactly when the verdict alone leaves the exit code at 0.
fn is_ok(verdict: FinalVerdict) -> bool {
    match verdict {
        FinalVerdict::Pass | FinalVerdict::Nonstrict | FinalVerdict::Xfail | FinalVerdict::Unsupported => true,
        FinalVerdict::Inconclusive
        | FinalVerdict::Flaky
        | FinalVerdict::Xpass
        | FinalVerdict::Fail
        | FinalVerdict::Error => false,
    }
}

impl<W: Write> Ktap<W> {
    /// A document to `out`.
    pub fn new(out: W) -> Self {
        Self { out, run: None, results: BTreeMap::new() }
    }

    fn test(&mut self, number: usize, name: &str, subtests: &[Subtest]) -> io::Result<()> {
        let name = description(name);
        writeln!(self.out, "  KTAP version 1\n  # Subtest: {name}\n  1..{}", subtests.len())?;
        for (index, subtest) in subtests.iter().enumerate() {
            for line in &subtest.lines {
                writeln!(self.out, "{}", format!("  # {line}").trim_end())?;
            }
            let remark = one_line(&subtest.remark);
            let remark = if remark.is_empty() { remark } else { format!(" # {remark}") };
            let name = description(&subtest.name);
            writeln!(self.out, "  {} {} {name}{remark}", result(subtest.ok), index + 1)?;
        }
        let all = |directive: &str| subtests.iter().all(|subtest| subtest.remark.starts_with(directive));
        let remark = if all("SKIP ") { " # SKIP every variant" } else { "" };
        writeln!(self.out, "{} {number} {name}{remark}", result(subtests.iter().all(|subtest| subtest.ok)))
    }
}

impl<W: Write> Reporter for Ktap<W> {
    fn start(&mut self, run: &RunInfo) -> io::Result<()> {
        self.run = Some(run.clone());
        Ok(())
    }

    fn record(&mut self, record: &Record) -> io::Result<()> {
        let run = self.run.as_ref().expect("start comes before any record");
        self.results.insert(record.index, Subtest::new(record, run));
        Ok(())
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        let results: Vec<Subtest> = std::mem::take(&mut self.results).into_values().collect();
        let scripts: Vec<&[Subtest]> = results.chunk_by(|a, b| a.script == b.script).collect();
        let stale: Vec<Subtest> = summary.stale.iter().map(|line| Subtest::stale(line)).collect();
        let tests = scripts.len() + usize::from(!stale.is_empty());
        writeln!(self.out, "KTAP version 1\n1..{tests}")?;
        for (index, subtests) in scripts.iter().enumerate() {
            self.test(index + 1, &subtests[0].script, subtests)?;
        }
        if !stale.is_empty() {
            self.test(tests, "expectations", &stale)?;
        }
        let count = |verdicts: &[FinalVerdict]| verdicts.iter().map(|v| summary.count(*v)).sum::<usize>();
        writeln!(
            self.out,
            "# Totals: pass:{} fail:{} xfail:{} xpass:{} skip:{} error:{}",
            count(&[FinalVerdict::Pass, FinalVerdict::Nonstrict]),
            count(&[FinalVerdict::Fail, FinalVerdict::Flaky]),
            count(&[FinalVerdict::Xfail]),
            count(&[FinalVerdict::Xpass]),
            count(&[FinalVerdict::Unsupported]),
            count(&[FinalVerdict::Inconclusive, FinalVerdict::Error]),
        )?;
        self.out.flush()
    }
}

fn result(ok: bool) -> &'static str {
    if ok { "ok" } else { "not ok" }
}

/// A description must not hold a hash sign: what follows one is a directive.
fn description(text: &str) -> String {
    one_line(text).replace('#', "%23")
}

fn one_line(text: &str) -> String {
    plain(text).split_whitespace().collect::<Vec<_>>().join(" ")
}
