//! `halfopen doctor`

use super::filter;
use crate::args::{DoctorArgs, DoctorFormat};
use crate::compat::Foreign;
use crate::doctor::{Demand, diagnose, page};
use crate::fault::Fault;
use crate::select::select;
use crate::specs::Specs;
use crate::suite::Suite;
use halfopen_sut::linux::probe::{self, Host};
use std::fs;
use std::io::Write;
use std::path::Path;

/// Says what this host lacks, and what that makes untestable.
pub fn doctor(args: &DoctorArgs, specs: Option<&Path>) -> Result<u8, Fault> {
    let demand = demand(args, specs)?;
    let host = match &args.probe {
        Some(file) => injected(file)?,
        None => probe::host(&demand.asked()),
    };
    let report = diagnose(&host, &demand);
    let mut out = anstream::stdout().lock();
    match args.format {
        DoctorFormat::Human => out.write_all(page(&report).as_bytes())?,
        DoctorFormat::Json => {
            serde_json::to_writer_pretty(&mut out, &report).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
    }
    out.flush()?;
    Ok(report.exit)
}

/// What the selected tests need. No thread is made: a process with one thread may still enter a user namespace.
fn demand(args: &DoctorArgs, specs: Option<&Path>) -> Result<Demand, Fault> {
    let mut suite = Suite::load(&Specs::locate(specs)?);
    suite.foreign = Foreign::new(&args.select);
    let selection = select(&mut suite, &args.select.select, &filter(&args.select, "linux"))?;
    // The names that a SUT defines are the same for every SUT; only their values differ.
    let reference = halfopen_sut::open("reference", None, None).map_err(|why| Fault::Environment(why.to_string()))?;
    let params = reference.describe().params.clone();
    let mut faults: Vec<_> = selection.broken.iter().flat_map(|script| suite.scripts[*script].faults.clone()).collect();
    let mut tests = Vec::with_capacity(selection.cases.len());
    for case in &selection.cases {
        match suite.expand(case.script, &case.variant, &params) {
            Ok(test) => tests.push((case.id.clone(), test)),
            Err(found) => faults.extend(found),
        }
    }
    if faults.is_empty() { Ok(Demand::new(&tests)) } else { Err(suite.script_fault(faults)) }
}

/// A host as a file describes it.
fn injected(file: &Path) -> Result<Host, Fault> {
    let failed = |why: &dyn std::fmt::Display| Fault::Usage(format!("{}: {why}", file.display()));
    let text = fs::read_to_string(file).map_err(|why| failed(&why))?;
    serde_json::from_str(&text).map_err(|why| failed(&why))
}
