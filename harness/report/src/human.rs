//! The report for people: progress, failures with their exchange, failures again, a summary last.

use crate::ladder::{self, BOLD, DIM, style};
use crate::record::{FinalVerdict, Record, RunInfo, Summary};
use crate::{Reporter, text};
use halfopen_script::ast::Level;
use std::io::{self, Write};

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Volume {
    /// Failures and the summary.
    Quiet,
    /// On a terminal one rewritten line and what is not as expected; in a pipe one line per test.
    Normal,
    /// One line per test.
    Verbose,
    /// The exchange of every test, with the rules that the SUT cites and, at a failure, its connections.
    Exchanges,
}

/// The narrowest terminal that the rewritten line must fit.
const PROGRESS_WIDTH: usize = 78;

/// Writes the report for people. Escape sequences go out unconditionally: `out` strips them where they are not wanted.
pub struct Human<W> {
    out: W,
    terminal: bool,
    volume: Volume,
    run: Option<RunInfo>,
    done: usize,
    troubles: usize,
    /// Failures, one line each with its place in the stable order, to say again before the summary.
    again: Vec<(usize, String)>,
    /// Characters of the progress line now on the terminal.
    progress: usize,
    /// The last thing printed ends in an empty line.
    gap: bool,
}

impl<W: Write> Human<W> {
    /// A report to `out`; `terminal` when a line can be rewritten there.
    pub fn new(out: W, terminal: bool, volume: Volume) -> Self {
        Self { out, terminal, volume, run: None, done: 0, troubles: 0, again: Vec::new(), progress: 0, gap: false }
    }

    fn run(&self) -> &RunInfo {
        self.run.as_ref().expect("start comes before any record")
    }

    /// Takes the progress line away. Blanks, not an escape sequence: it must also work where those are stripped.
    fn erase(&mut self) -> io::Result<()> {
        if self.progress > 0 {
            write!(self.out, "\r{:1$}\r", "", self.progress)?;
            self.progress = 0;
        }
        Ok(())
    }

    fn show_progress(&mut self, test: &str) -> io::Result<()> {
        if !self.terminal || self.volume == Volume::Quiet {
            return Ok(());
        }
        let troubles = if self.troubles > 0 { format!("  {} not as expected", self.troubles) } else { String::new() };
        let line = format!("  {}/{}{troubles}  {test}", self.done, self.run().tests);
        let line: String = line.chars().take(PROGRESS_WIDTH).collect();
        self.progress = line.chars().count();
        write!(self.out, "{line}")?;
        self.out.flush()
    }

    /// `      PASS  id  [0.2 ms, 240 s]  level`
    fn line(&mut self, record: &Record) -> io::Result<()> {
        let word = record.verdict.word().to_uppercase();
        let style = style(record.verdict);
        let level = match record.level {
            Some(Level::Should) => "  SHOULD",
            Some(Level::May) => "  MAY",
            Some(Level::Must) | None => "",
        };
        let elapsed = text::micros(record.outcome.elapsed);
        write!(self.out, "{style}{word:>12}{style:#}  {}{level}  {DIM}[{elapsed}]{DIM:#}", record.test)?;
        match record.verdict {
            FinalVerdict::Unsupported | FinalVerdict::Inconclusive => {
                if let Some(reason) = &record.outcome.reason {
                    write!(self.out, "  {}", reason.lines().next().unwrap_or_default())?;
                }
            }
            FinalVerdict::Xfail | FinalVerdict::Xpass => {
                if let Some(why) = &record.expectation {
                    write!(self.out, "  {why}")?;
                }
            }
            FinalVerdict::Pass
            | FinalVerdict::Nonstrict
            | FinalVerdict::Flaky
            | FinalVerdict::Fail
            | FinalVerdict::Error => {}
        }
        writeln!(self.out)
    }

    /// A test's line is worth printing at this volume.
    fn wants_line(&self, verdict: FinalVerdict) -> bool {
        let notable = match verdict {
            FinalVerdict::Pass | FinalVerdict::Xfail | FinalVerdict::Unsupported => false,
            FinalVerdict::Nonstrict
            | FinalVerdict::Inconclusive
            | FinalVerdict::Flaky
            | FinalVerdict::Xpass
            | FinalVerdict::Fail
            | FinalVerdict::Error => true,
        };
        match self.volume {
            Volume::Quiet => false,
            Volume::Normal => notable || !self.terminal,
            Volume::Verbose | Volume::Exchanges => true,
        }
    }

    fn counts(&mut self, summary: &Summary) -> io::Result<()> {
        let mut first = true;
        write!(self.out, "         ")?;
        for verdict in FinalVerdict::ALL {
            let n = summary.count(verdict);
            if n > 0 {
                let style = style(verdict);
                write!(self.out, "{}{style}{n} {verdict}{style:#}", if first { "" } else { ", " })?;
                first = false;
            }
        }
        if first {
            write!(self.out, "nothing ran")?;
        }
        if summary.not_run > 0 {
            write!(self.out, ", {} not run", summary.not_run)?;
        }
        writeln!(self.out)
    }
}

impl<W: Write> Reporter for Human<W> {
    fn start(&mut self, run: &RunInfo) -> io::Result<()> {
        if self.volume > Volume::Quiet {
            let version = if run.version.is_empty() { String::new() } else { format!(" {}", run.version) };
            let profile = run.profile.as_ref().map_or(String::new(), |profile| format!(", profile {profile}"));
            writeln!(
                self.out,
                "{BOLD}halfopen{BOLD:#} {} on {}{version} ({}, {}){profile}, seed {}",
                text::count(run.tests, "test"),
                run.sut,
                run.runner,
                text::clock(run.clock),
                run.seed
            )?;
        }
        self.run = Some(run.clone());
        Ok(())
    }

    fn record(&mut self, record: &Record) -> io::Result<()> {
        self.erase()?;
        self.done += 1;
        let failure = record.verdict.is_failure();
        if failure || record.verdict == FinalVerdict::Xpass {
            self.troubles += 1;
        }
        let ladder = failure || self.volume == Volume::Exchanges;
        if self.wants_line(record.verdict) && !ladder {
            self.line(record)?;
            self.gap = false;
        }
        if ladder {
            let text = match self.volume {
                Volume::Exchanges => ladder::detailed(record, self.run()),
                Volume::Quiet | Volume::Normal | Volume::Verbose => ladder::failure(record, self.run()),
            };
            // One empty line before and after, also between two.
            let gap = if self.gap { "" } else { "\n" };
            writeln!(self.out, "{gap}{text}")?;
            self.gap = true;
        }
        if failure || record.verdict == FinalVerdict::Xpass {
            let style = style(record.verdict);
            let word = record.verdict.word().to_uppercase();
            let line = record.outcome.mismatch.as_ref().and_then(|m| m.line);
            let line = line.map_or(String::new(), |line| format!(":{line}"));
            let line = format!("{style}{word:>12}{style:#}  {}  {DIM}{}{line}{DIM:#}", record.test, record.file);
            self.again.push((record.index, line));
        }
        self.show_progress(&record.test)
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        self.erase()?;
        // With one failure its exchange stands right above the summary.
        if self.again.len() > 1 {
            writeln!(self.out, "{}Not as expected:", if self.gap { "" } else { "\n" })?;
            self.again.sort();
            for (_, line) in &self.again {
                writeln!(self.out, "{line}")?;
            }
            writeln!(self.out)?;
        }
        let simulated = text::micros(summary.simulated);
        let total = text::count(summary.total(), "test");
        let wall = text::span(summary.wall);
        let sut = self.run().sut.clone();
        writeln!(self.out, "{BOLD}Summary{BOLD:#}  {total} in {wall}, {simulated} on the clock of {sut}")?;
        self.counts(summary)?;
        for (reason, n) in &summary.unsupported {
            writeln!(self.out, "         unsupported: {n}  {}", reason.lines().next().unwrap_or_default())?;
        }
        let levels = [("MUST", summary.must), ("SHOULD", summary.should)];
        let levels: Vec<_> =
            levels.iter().filter(|(_, (_, of))| *of > 0).map(|(l, (met, of))| format!("{l} {met} of {of}")).collect();
        if !levels.is_empty() {
            writeln!(self.out, "         met: {}", levels.join(", "))?;
        }
        for stale in &summary.stale {
            writeln!(self.out, "         {}stale expectation{:#}: {stale}", ladder::BAD, ladder::BAD)?;
        }
        if let Some(why) = exit_reason(summary) {
            writeln!(self.out, "         {why} (exit {})", summary.exit)?;
        }
        self.out.flush()
    }
}

/// Why the exit code is not 0.
fn exit_reason(summary: &Summary) -> Option<&'static str> {
    match summary.exit {
        0 => None,
        1 => Some("not as expected"),
        2 => Some("a script is at fault"),
        3 => Some("the environment or the harness is at fault"),
        5 => Some("the expectation file no longer holds"),
        6 => Some("inconclusive results stand in the way"),
        _ => Some("not complete"),
    }
}
