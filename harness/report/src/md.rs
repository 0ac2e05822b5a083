//! Markdown: a page for the summary of a CI job. Totals, a table by specification, then what is not as it should be.

use crate::record::{FinalVerdict, Record, RunInfo, Summary};
use crate::tables::{Notable, Page, who};
use crate::{Reporter, text};
use std::io::{self, Write};

/// Exchanges drawn at most; the others have their line. A job summary of GitHub holds 1 MiB.
const DRAWN: usize = 50;

/// Writes the page when the run is over.
pub struct Markdown<W> {
    out: W,
    page: Page,
}

impl<W: Write> Markdown<W> {
    /// A page to `out`.
    pub fn new(out: W) -> Self {
        Self { out, page: Page::default() }
    }

    fn table(&mut self) -> io::Result<()> {
        let verdicts = self.page.verdicts();
        let heads: String = verdicts.iter().map(|verdict| format!(" {verdict} |")).collect();
        writeln!(self.out, "| specification | tests |{heads}\n|---|--:|{}", "--:|".repeat(verdicts.len()))?;
        for (name, tally) in self.page.rows() {
            let cells: String = verdicts.iter().map(|verdict| format!(" {} |", tally.count(*verdict))).collect();
            writeln!(self.out, "| {name} | {} |{cells}", tally.total())?;
        }
        writeln!(self.out)
    }

    fn notable(&mut self) -> io::Result<()> {
        let found: Vec<&Notable> = self.page.notable.values().collect();
        if found.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "### Not a pass\n")?;
        for (index, Notable { test, verdict, why, drawn }) in found.iter().enumerate() {
            writeln!(self.out, "- **{verdict}** `{test}` {}", escaped(why))?;
            if index < DRAWN && verdict.is_failure() {
                let fence = fence(drawn);
                let drawn = drawn.trim_end().lines().map(|line| format!("  {line}").trim_end().to_string() + "\n");
                let drawn: String = drawn.collect();
                writeln!(
                    self.out,
                    "\n  <details><summary>exchange</summary>\n\n  {fence}\n{drawn}  {fence}\n  </details>\n"
                )?;
            }
        }
        writeln!(self.out)
    }
}

impl<W: Write> Reporter for Markdown<W> {
    fn start(&mut self, run: &RunInfo) -> io::Result<()> {
        self.page.run = Some(run.clone());
        Ok(())
    }

    fn record(&mut self, record: &Record) -> io::Result<()> {
        self.page.add(record);
        Ok(())
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        let who = escaped(&who(self.page.run()));
        let word = if summary.exit == 0 { "as expected" } else { "not as expected" };
        writeln!(self.out, "## halfopen: {word}\n\n{who}\n")?;
        let counts = FinalVerdict::ALL.into_iter().filter(|verdict| summary.count(*verdict) > 0);
        let counts: Vec<_> = counts.map(|verdict| format!("{} {verdict}", summary.count(verdict))).collect();
        let total = text::count(summary.total(), "test");
        let (wall, simulated) = (text::span(summary.wall), text::micros(summary.simulated));
        writeln!(self.out, "**{total}** in {wall}, {simulated} on the SUT's clock: {}", counts.join(", "))?;
        if summary.not_run > 0 {
            writeln!(self.out, "\n{} not run", text::count(summary.not_run, "test"))?;
        }
        writeln!(self.out)?;
        self.table()?;
        self.notable()?;
        for stale in &summary.stale {
            writeln!(self.out, "- **stale expectation** {}", escaped(stale))?;
        }
        for (reason, n) in &summary.unsupported {
            writeln!(self.out, "- unsupported: {n}, {}", escaped(reason.lines().next().unwrap_or_default()))?;
        }
        self.out.flush()
    }
}

/// Text that Markdown would take for markup.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text::plain(text).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '&') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A fence longer than any run of backticks within.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    "`".repeat(longest.max(2) + 1)
}
