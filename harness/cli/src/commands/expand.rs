//! `halfopen expand`

use crate::args::ExpandArgs;
use crate::fault::{AS_EXPECTED, Fault};
use crate::select::{Filter, select};
use crate::specs::Specs;
use crate::suite::Suite;
use crate::sut::Opener;
use halfopen_script::to_packetdrill;
use std::io::Write;
use std::path::Path;

/// Prints one test as a plain packetdrill script.
pub fn expand(args: &ExpandArgs, specs: Option<&Path>) -> Result<u8, Fault> {
    let mut suite = Suite::load(&Specs::locate(specs)?);
    suite.adapters = args.sut.adapters.clone();
    let selection = select(&mut suite, std::slice::from_ref(&args.id), &Filter::default())?;
    if let Some(script) = selection.broken.first() {
        let faults = suite.scripts[*script].faults.clone();
        return Err(suite.script_fault(faults));
    }
    let [case] = selection.cases.as_slice() else {
        let ids: Vec<_> = selection.cases.iter().take(4).map(|case| format!("  {}", case.id)).collect();
        let n = selection.cases.len();
        return Err(Fault::Usage(format!("`{}` selects {n} tests; name one of them:\n{}", args.id, ids.join("\n"))));
    };
    let params = Opener::new(&args.sut)?.describe()?.params;
    let test = suite.expand(case.script, &case.variant, &params).map_err(|faults| suite.script_fault(faults))?;
    let mut out = anstream::stdout().lock();
    out.write_all(to_packetdrill(&test).as_bytes())?;
    out.flush()?;
    Ok(AS_EXPECTED)
}
