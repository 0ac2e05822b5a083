//! `halfopen report`

use crate::args::ReportArgs;
use crate::fault::{AS_EXPECTED, Fault};
use crate::folder::Finished;
use crate::output::{Reports, volume};
use std::io::Write;

/// Prints a run that is over. The exit code says that it was printed, not how the run ended.
pub fn report(args: &ReportArgs) -> Result<u8, Fault> {
    let finished = Finished::read(&args.run)?;
    if finished.run.summary.is_none() {
        let path = finished.path.display();
        writeln!(
            anstream::stderr(),
            "note: {path} ends without a summary: the run broke off, and this is a part of it"
        )?;
    }
    let mut reports = Reports::of(&args.format, volume(args.quiet, args.verbose))?;
    reports.start(&finished.run.info)?;
    for record in &finished.run.records {
        reports.record(record)?;
    }
    reports.finish(&finished.run.totals())?;
    Ok(AS_EXPECTED)
}
