//! `halfopen coverage`

mod human;
mod json;
mod markdown;

use crate::args::{CoverageArgs, CoverageFormat};
use crate::coverage::{Complete, Coverage, Status};
use crate::fault::{AS_EXPECTED, FAILED, Fault};
use crate::register::Register;
use crate::specs::Specs;
use crate::suite::Suite;
use std::io::{self, Write};
use std::path::Path;

/// The report as a page of docs/.
pub fn markdown_page(coverage: &Coverage<'_>, register: &Register, complete: &Complete) -> io::Result<String> {
    let mut page = Vec::new();
    markdown::write(&mut page, coverage, register, complete)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// Says which rules are decided, and by what.
pub fn coverage(args: &CoverageArgs, specs: Option<&Path>) -> Result<u8, Fault> {
    let specs = Specs::locate(specs)?;
    let register = Register::load(&specs)?;
    let suite = Suite::load(&specs);
    let faults: Vec<_> = suite.scripts.iter().flat_map(|script| script.faults.clone()).collect();
    if !faults.is_empty() {
        // A script without a tree cites nothing: the counts would be too low without a word.
        return Err(suite.script_fault(faults));
    }
    let complete = Complete::load(&specs, &register)?;
    let mut coverage = Coverage::of(&register, &suite);
    if !args.rfc.is_empty() {
        for rfc in &args.rfc {
            let known = register.title(&format!("rfc{rfc}")).is_some();
            known.then_some(()).ok_or_else(|| Fault::Nothing(format!("there is no register of RFC {rfc}")))?;
        }
        coverage.keep(|covered| args.rfc.iter().any(|rfc| covered.rfc() == format!("rfc{rfc}")));
    }
    if let Some(level) = args.level {
        coverage.keep(|covered| covered.rule.level.level() <= level.into());
    }
    let gaps = coverage.gaps(&complete);
    let mut out = anstream::stdout().lock();
    if args.missing {
        coverage.keep(|covered| covered.status == Status::Missing);
    }
    match args.format {
        CoverageFormat::Human if args.missing => {
            for covered in &coverage.rules {
                writeln!(out, "{}", covered.rule.id)?;
            }
        }
        CoverageFormat::Human => human::write(&mut out, &coverage, &register, &complete, !args.rfc.is_empty())?,
        CoverageFormat::Md => markdown::write(&mut out, &coverage, &register, &complete)?,
        CoverageFormat::Json => json::write(&mut out, &coverage, &register, &complete)?,
    }
    out.flush()?;
    if !args.check || gaps.is_empty() {
        return Ok(AS_EXPECTED);
    }
    let mut err = anstream::stderr().lock();
    for gap in &gaps {
        writeln!(err, "{gap}")?;
    }
    Ok(FAILED)
}
