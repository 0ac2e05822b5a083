//! `halfopen pages`: for this repository's own docs, and in no help text.

use crate::args::PagesArgs;
use crate::fault::{AS_EXPECTED, FAILED, Fault};
use crate::pages::{Page, derived, observed};
use crate::specs::Specs;
use std::fs;
use std::path::Path;

/// Writes the pages, or says which are out of date.
pub fn pages(args: &PagesArgs, specs: Option<&Path>) -> Result<u8, Fault> {
    let specs = Specs::locate(specs)?;
    // First, as it wants a process with one thread.
    let mut pages = if args.observed { observed(&specs)? } else { Vec::new() };
    pages.extend(derived(&specs)?);
    if args.check {
        let stale: Vec<&Page> = pages.iter().filter(|page| !is_fresh(page, &args.folder)).collect();
        for page in &stale {
            anstream::eprintln!("{} is out of date", args.folder.join(&page.path).display());
        }
        return Ok(if stale.is_empty() { AS_EXPECTED } else { FAILED });
    }
    for page in &pages {
        let path = args.folder.join(&page.path);
        let folder = path.parent().unwrap_or(&args.folder);
        fs::create_dir_all(folder).and_then(|()| fs::write(&path, &page.text))?;
    }
    Ok(AS_EXPECTED)
}

fn is_fresh(page: &Page, folder: &Path) -> bool {
    fs::read_to_string(folder.join(&page.path)).is_ok_and(|text| text == page.text)
}
