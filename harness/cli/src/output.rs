//! The reports of a run: which formats, and where each goes.

use crate::args::{Format, RunArgs, Style, on_stdout};
use crate::fault::Fault;
use anstream::{AutoStream, StripStream};
use halfopen_report::Reporter;
use halfopen_report::html::Html;
use halfopen_report::human::{Human, Volume};
use halfopen_report::json::Json;
use halfopen_report::jsonl::JsonLines;
use halfopen_report::junit::Junit;
use halfopen_report::ktap::Ktap;
use halfopen_report::md::Markdown;
use halfopen_report::record::{Record, RunInfo, Summary};
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};

/// Every report of a run. One whose reader is gone is dropped: the run is still judged.
pub struct Reports {
    live: Vec<Box<dyn Reporter>>,
}

impl Reports {
    /// Opens every report that the arguments ask for.
    pub fn open(args: &RunArgs) -> Result<Self, Fault> {
        Self::of(&args.format, volume(args.quiet, args.verbose))
    }

    /// Opens reports; without any, and beside files alone, the one for people.
    pub fn of(formats: &[Format], volume: Volume) -> Result<Self, Fault> {
        let mut reports = Self { live: Vec::new() };
        let aside = on_stdout(formats).map_err(Fault::Usage)?.is_some();
        let is_human = |format: &Format| format.style == Style::Human && format.file.is_none();
        if formats.iter().any(is_human) || !aside {
            reports.live.push(human(volume, aside));
        }
        for format in formats.iter().filter(|format| !is_human(format)) {
            reports.live.push(match &format.file {
                None => written(format.style, BufWriter::new(io::stdout()), volume),
                Some(path) => {
                    // JSON lines are written as the run goes: each line is whole, and the summary line says that all are there.
                    let file = File::create(path);
                    let shown = path.display();
                    let file = file.map_err(|fault| Fault::Environment(format!("cannot write {shown}: {fault}")))?;
                    written(format.style, BufWriter::new(file), volume)
                }
            });
        }
        Ok(reports)
    }

    /// One more.
    pub fn push(&mut self, reporter: Box<dyn Reporter>) {
        self.live.push(reporter);
    }

    fn each(&mut self, mut tell: impl FnMut(&mut dyn Reporter) -> io::Result<()>) -> io::Result<()> {
        let mut fault = None;
        self.live.retain_mut(|reporter| match tell(reporter.as_mut()) {
            Ok(()) => true,
            Err(gone) if gone.kind() == io::ErrorKind::BrokenPipe => false,
            Err(other) => {
                fault = Some(other);
                false
            }
        });
        fault.map_or(Ok(()), Err)
    }

    /// Before the first test.
    pub fn start(&mut self, run: &RunInfo) -> io::Result<()> {
        self.each(|reporter| reporter.start(run))
    }

    /// One test has its final verdict.
    pub fn record(&mut self, record: &Record) -> io::Result<()> {
        self.each(|reporter| reporter.record(record))
    }

    /// All is said.
    pub fn finish(mut self, summary: &Summary) -> io::Result<()> {
        self.each(|reporter| reporter.finish(summary))
    }
}

/// What `-q` and `-v` ask for.
pub fn volume(quiet: bool, verbose: u8) -> Volume {
    match (quiet, verbose) {
        (true, _) => Volume::Quiet,
        (false, 0) => Volume::Normal,
        (false, 1) => Volume::Verbose,
        (false, _) => Volume::Exchanges,
    }
}

/// A report that a file or another program gets.
fn written(style: Style, out: impl Write + 'static, volume: Volume) -> Box<dyn Reporter> {
    match style {
        Style::Human => Box::new(Human::new(StripStream::new(Box::new(out) as Box<dyn Write>), false, volume)),
        Style::JsonLines => Box::new(JsonLines::new(out)),
        Style::Junit => Box::new(Junit::new(out)),
        Style::Ktap => Box::new(Ktap::new(out)),
        Style::Markdown => Box::new(Markdown::new(out)),
        Style::Html => Box::new(Html::new(out)),
        Style::Json => Box::new(Json::new(out)),
    }
}

/// The report for people on standard output, or on standard error when a program reads the former.
fn human(volume: Volume, aside: bool) -> Box<dyn Reporter> {
    if aside {
        let terminal = io::stderr().is_terminal();
        Box::new(Human::new(AutoStream::auto(io::stderr()), terminal, volume))
    } else {
        let terminal = io::stdout().is_terminal();
        Box::new(Human::new(AutoStream::auto(io::stdout()), terminal, volume))
    }
}
