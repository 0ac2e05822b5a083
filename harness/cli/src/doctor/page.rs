//! The report for people.

use super::{Check, PARTS, Report, State};
use anstyle::{AnsiColor, Style};
use halfopen_report::text::count;
use std::fmt::Write as _;

/// Tests that are named beside a count.
const NAMED: usize = 2;

/// A page that can be read at a glance.
pub fn page(report: &Report<'_>) -> String {
    let host = report.host;
    let bold = Style::new().bold();
    let mut text = format!("{bold}halfopen doctor{bold:#}: Linux {} on {}\n", host.release, host.machine);
    let width = report.checks.iter().map(|check| check.name.chars().count()).max().unwrap_or_default().min(40);
    for part in PARTS {
        let checks: Vec<&Check> = report.checks.iter().filter(|check| check.part == part).collect();
        if checks.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n{bold}{part}{bold:#}");
        for check in checks {
            line(&mut text, check, width);
        }
    }
    closing(&mut text, report);
    text
}

fn line(text: &mut String, check: &Check, width: usize) {
    let (word, style) = match check.state {
        State::Ok => ("ok", Style::new().fg_color(Some(AnsiColor::Green.into()))),
        State::Poor => ("poor", Style::new().fg_color(Some(AnsiColor::Yellow.into()))),
        State::Absent => ("absent", Style::new().fg_color(Some(AnsiColor::Yellow.into()))),
        State::Missing => ("MISSING", Style::new().fg_color(Some(AnsiColor::Red.into())).bold()),
    };
    let Check { name, detail, untestable, state, .. } = check;
    let _ = write!(text, "  {style}{word:<7}{style:#}  {name:<width$}  {detail}");
    if *state == State::Absent {
        let apart = if detail.is_empty() { "" } else { "; " };
        let _ = match untestable.as_slice() {
            [] => write!(text, "{apart}no test of these needs it"),
            tests => {
                let named = tests[..tests.len().min(NAMED)].join(" ");
                let more = if tests.len() > NAMED { " ..." } else { "" };
                write!(text, "{apart}{} cannot run: {named}{more}", count(tests.len(), "test"))
            }
        };
    }
    text.push('\n');
}

fn closing(text: &mut String, report: &Report<'_>) {
    let (selected, testable) = (count(report.selected, "test"), report.testable);
    let _ = match report.exit {
        0 if testable == report.selected => writeln!(text, "\nAll {selected} for --sut linux can run here."),
        0 => {
            writeln!(text, "\n{testable} of {selected} for --sut linux can run here; the others end as `unsupported`.")
        }
        _ => writeln!(
            text,
            "\nNo test of --sut linux can run here, nor --runner tun and veth of the reference stack (exit {}).\n\
             The reference stack in this process needs none of this: halfopen run",
            report.exit
        ),
    };
}
