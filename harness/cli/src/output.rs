//! The reports of a run: which formats, and where each goes.

use crate::args::{Format, RunArgs};
use crate::fault::Fault;
use anstream::AutoStream;
use halfopen_report::Reporter;
use halfopen_report::human::{Human, Volume};
use halfopen_report::jsonl::JsonLines;
use halfopen_report::record::{Record, RunInfo, Summary};
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal};

/// Every report of a run. One whose reader is gone is dropped: the run is still judged.
pub struct Reports {
    live: Vec<Box<dyn Reporter>>,
}

impl Reports {
    /// Opens every report that the arguments ask for.
    pub fn open(args: &RunArgs) -> Result<Self, Fault> {
        let mut reports = Self { live: Vec::new() };
        let on_stdout = args.format.contains(&Format::JsonLines(None));
        if args.format.contains(&Format::Human) || !on_stdout {
            reports.live.push(human(volume(args), on_stdout));
        }
        for format in &args.format {
            match format {
                Format::Human => {}
                Format::JsonLines(None) => reports.live.push(Box::new(JsonLines::new(BufWriter::new(io::stdout())))),
                Format::JsonLines(Some(path)) => {
                    // Written as the run goes: each line is whole, and the summary line says that all are there.
                    let file = File::create(path);
                    let shown = path.display();
                    let file = file.map_err(|fault| Fault::Environment(format!("cannot write {shown}: {fault}")))?;
                    reports.live.push(Box::new(JsonLines::new(BufWriter::new(file))));
                }
            }
        }
        Ok(reports)
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

fn volume(args: &RunArgs) -> Volume {
    match (args.quiet, args.verbose) {
        (true, _) => Volume::Quiet,
        (false, 0) => Volume::Normal,
        (false, 1) => Volume::Verbose,
        (false, _) => Volume::Exchanges,
    }
}

/// The report for people on standard output, or on standard error when JSON lines have the former.
fn human(volume: Volume, aside: bool) -> Box<dyn Reporter> {
    if aside {
        let terminal = io::stderr().is_terminal();
        Box::new(Human::new(AutoStream::auto(io::stderr()), terminal, volume))
    } else {
        let terminal = io::stdout().is_terminal();
        Box::new(Human::new(AutoStream::auto(io::stdout()), terminal, volume))
    }
}
