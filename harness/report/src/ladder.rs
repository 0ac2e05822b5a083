//! A failure as a reader with the RFC open would draw it: the exchange in two lanes, what differs, what the stack cited.

use crate::record::{FinalVerdict, Record, RunInfo};
use crate::text;
use anstyle::{AnsiColor, Style};
use halfopen_engine::outcome::{Entry, Lane, Mark, Mismatch};
use std::fmt::{self, Write};

/// Style of verdict words that mean trouble.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// Style of verdict words that mean all is well, and of what was expected.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Style of verdict words in between.
pub const DUBIOUS: Style = AnsiColor::Yellow.on_default();
/// Style of text that the eye may skip.
pub const DIM: Style = Style::new().dimmed();
/// Style of headings.
pub const BOLD: Style = Style::new().bold();

/// Peer texts longer than this push their arrow to the right instead of widening the lane for all.
const LANE: std::ops::RangeInclusive<usize> = 20..=48;

/// The style of a verdict's word.
pub fn style(verdict: FinalVerdict) -> Style {
    match verdict {
        FinalVerdict::Pass | FinalVerdict::Xfail => GOOD,
        FinalVerdict::Nonstrict | FinalVerdict::Unsupported | FinalVerdict::Inconclusive => DUBIOUS,
        FinalVerdict::Fail | FinalVerdict::Error | FinalVerdict::Flaky | FinalVerdict::Xpass => BAD,
    }
}

/// Everything about one test, ending in a line feed. Escape sequences included: whoever prints strips them where needed.
pub fn failure(record: &Record, run: &RunInfo) -> String {
    drawn(record, run, false)
}

/// As [`failure`], with the rules that the SUT cited at each step and its connections at the first difference.
pub fn detailed(record: &Record, run: &RunInfo) -> String {
    drawn(record, run, true)
}

/// The exchange alone, in two lanes; the rules that the SUT cited on request.
pub fn lanes(record: &Record, detail: bool) -> String {
    let mut out = String::new();
    exchange(&mut out, record, detail).expect("writing to a string does not fail");
    out
}

fn drawn(record: &Record, run: &RunInfo, detail: bool) -> String {
    let mut out = String::new();
    write_failure(&mut out, record, run, detail).expect("writing to a string does not fail");
    out
}

fn write_failure(out: &mut String, record: &Record, run: &RunInfo, detail: bool) -> fmt::Result {
    heading(out, record, run)?;
    if !record.outcome.trace.is_empty() {
        out.push('\n');
        exchange(out, record, detail)?;
    }
    out.push('\n');
    if let Some(mismatch) = &record.outcome.mismatch {
        // A script that cites rules asks what packetdrill never looks at.
        differences(out, mismatch, record.rules.is_empty())?;
    }
    if detail {
        for line in &record.outcome.snapshot {
            writeln!(out, "       {DIM}{line}{DIM:#}")?;
        }
    }
    if let Some(reason) = &record.outcome.reason {
        for line in reason.lines() {
            writeln!(out, "       {line}")?;
        }
    }
    if let Some(why) = &record.expectation {
        writeln!(out, "       expectation  {why}")?;
    }
    if record.attempts > 1 {
        writeln!(out, "       attempts {}", record.attempts)?;
    }
    if let Some(path) = &record.capture {
        writeln!(out, "       capture  {path}")?;
    }
    writeln!(out, "       again    {}", record.again)
}

/// Verdict, id, level, SUT and clock; file and line; the sentence.
fn heading(out: &mut String, record: &Record, run: &RunInfo) -> fmt::Result {
    let (style, verdict) = (style(record.verdict), record.verdict.word().to_uppercase());
    let level = record.level.map_or(String::new(), |level| format!("  {level}"));
    let who = format!("{}, {}", run.sut, text::clock(run.clock));
    let left = format!("{verdict} {}{level}", record.test);
    // The SUT stands at the right where there is room, so that ids line up on the left.
    let gap = 64usize.saturating_sub(left.chars().count()).max(2);
    writeln!(out, "{style}{verdict}{style:#} {BOLD}{}{BOLD:#}{level}{:gap$}{who}", record.test, "")?;
    let line = record.outcome.mismatch.as_ref().and_then(|m| m.line);
    match line {
        Some(line) => writeln!(out, "     {}:{line}", record.file)?,
        None => writeln!(out, "     {}", record.file)?,
    }
    if !record.sentence.is_empty() {
        for line in wrap(&record.sentence, 110) {
            writeln!(out, "     {line}")?;
        }
    }
    Ok(())
}

/// The two lanes.
fn exchange(out: &mut String, record: &Record, detail: bool) -> fmt::Result {
    let trace = &record.outcome.trace;
    let lines: Vec<String> = trace.iter().map(|entry| line(entry, record)).collect();
    let first = lines.iter().map(|line| line.chars().count()).max().unwrap_or_default().max(4);
    let longest = trace
        .iter()
        .filter(|entry| matches!(entry.lane, Lane::Peer))
        .map(|entry| entry.text.chars().count())
        .filter(|n| n <= LANE.end())
        .max()
        .unwrap_or_default();
    let lane = longest.max(*LANE.start());
    let right = trace
        .iter()
        .filter(|entry| entry.mark != Mark::Ok)
        .map(|entry| entry.text.chars().count())
        .max()
        .unwrap_or_default()
        .max(20);
    writeln!(out, "      {DIM}{:>first$} {:>9}  {:lane$}       stack{DIM:#}", "line", "time", "peer")?;
    for (entry, line) in trace.iter().zip(lines) {
        row(out, entry, &format!("{line:>first$}"), lane, right)?;
        if detail {
            cited(out, entry, first + 18)?;
        }
    }
    Ok(())
}

/// The line that an entry belongs to, with the fixture's name when it is in one.
fn line(entry: &Entry, record: &Record) -> String {
    let Some(line) = entry.line else { return "-".into() };
    match entry.file.and_then(|file| record.fixtures.get(&file)) {
        Some(fixture) => format!("{fixture}:{line}"),
        None => line.to_string(),
    }
}

fn row(out: &mut String, entry: &Entry, line: &str, lane: usize, right: usize) -> fmt::Result {
    // The arrow head shows where the script stood when the difference came.
    let head = if entry.mark == Mark::Expected { '>' } else { ' ' };
    write!(out, "  {head}   {line} {:>9}  ", text::seconds(entry.at))?;
    match entry.lane {
        Lane::Peer => write!(out, "{:lane$}  -->", entry.text)?,
        Lane::Stack => write!(out, "{:lane$}  <--  ", "")?,
        Lane::Call => write!(out, "{:lane$}   |   ", "")?,
        Lane::Note => write!(out, "{DIM}{}{DIM:#}", entry.text)?,
    }
    match entry.lane {
        Lane::Stack | Lane::Call => match entry.mark {
            Mark::Ok => out.push_str(&entry.text),
            Mark::Expected => write!(out, "{GOOD}{:right$}  expected{GOOD:#}", entry.text)?,
            Mark::Got => write!(out, "{BAD}{:right$}  got{BAD:#}", entry.text)?,
        },
        Lane::Peer | Lane::Note => match entry.mark {
            Mark::Ok => {}
            Mark::Expected => write!(out, "  {GOOD}expected{GOOD:#}")?,
            Mark::Got => write!(out, "  {BAD}got{BAD:#}")?,
        },
    }
    out.push('\n');
    Ok(())
}

/// The rules that the SUT cited for an entry, those that follow each other counted.
fn cited(out: &mut String, entry: &Entry, indent: usize) -> fmt::Result {
    for same in entry.cited.chunk_by(|a, b| a == b) {
        let times = if same.len() > 1 { format!(" x{}", same.len()) } else { String::new() };
        writeln!(out, "{:indent$}{DIM}{}{times}{DIM:#}", "", same[0])?;
    }
    Ok(())
}

/// Every differing field, then the rule.
fn differences(out: &mut String, mismatch: &Mismatch, foreign: bool) -> fmt::Result {
    let name = mismatch.fields.iter().map(|f| f.field.chars().count()).max().unwrap_or_default().max(8);
    let width = mismatch.fields.iter().map(|f| f.expected.chars().count()).max().unwrap_or_default();
    for diff in &mismatch.fields {
        let (field, expected) = (&diff.field, &diff.expected);
        writeln!(out, "       {field:name$} expected {GOOD}{expected:width$}{GOOD:#}  got {BAD}{}{BAD:#}", diff.got)?;
    }
    if mismatch.fields.is_empty() {
        writeln!(out, "       expected {GOOD}{}{GOOD:#}", mismatch.expected)?;
        writeln!(out, "       got      {BAD}{}{BAD:#}", mismatch.got)?;
    }
    if let Some(rule) = mismatch.cited {
        let at = mismatch.cited_line.map_or(String::new(), |line| format!("line {line}: "));
        writeln!(out, "       {at}the stack applied {rule}")?;
    }
    if let Some(why) = mismatch.packetdrill.filter(|_| foreign) {
        writeln!(out, "       packetdrill would let this pass: {why}; run with --compat packetdrill to judge so")?;
    }
    Ok(())
}

/// Lines of at most `width` characters, broken at spaces.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("there is always a line");
        if !last.is_empty() && last.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_string());
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}
