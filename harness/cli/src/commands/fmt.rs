//! `halfopen fmt`

use crate::args::FmtArgs;
use crate::diff::diff;
use crate::fault::{AS_EXPECTED, FAILED, Fault};
use crate::specs::walk;
use halfopen_report::text::count;
use halfopen_script::format::Refusal;
use halfopen_script::{Sources, format, render};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Puts scripts in the canonical layout, or says what that would change. A file is written only when every file is a script.
pub fn fmt(args: &FmtArgs) -> Result<u8, Fault> {
    if args.files.iter().any(|file| file.as_os_str() == "-") {
        return standard_input(args);
    }
    let files = files(&args.files)?;
    let mut sources = Sources::new();
    let (mut faults, mut changes) = (Vec::new(), Vec::new());
    for path in &files {
        let text = fs::read_to_string(path).map_err(|fault| cannot("read", path, &fault))?;
        let file = sources.add(path.to_string_lossy(), &text);
        match format(&sources, file) {
            Ok(laid_out) if laid_out == text => {}
            Ok(laid_out) => changes.push((path, text, laid_out)),
            Err(Refusal::Faults(found)) => faults.extend(found),
            Err(Refusal::Meaning(_)) => return Err(meaning(&path.to_string_lossy())),
        }
    }
    if !faults.is_empty() {
        return Err(script_fault(&faults, &sources));
    }
    let mut out = anstream::stdout().lock();
    for (path, text, laid_out) in &changes {
        if args.check {
            write!(out, "{}", diff(&path.to_string_lossy(), text, laid_out))?;
        } else {
            replace(path, laid_out).map_err(|fault| cannot("write", path, &fault))?;
            writeln!(out, "{}", path.display())?;
        }
    }
    let verb = if args.check { "would change" } else { "changed" };
    writeln!(out, "{} of {} {verb}", changes.len(), count(files.len(), "script"))?;
    Ok(if args.check && !changes.is_empty() { FAILED } else { AS_EXPECTED })
}

/// Standard input to standard output; with `--check` what would change.
fn standard_input(args: &FmtArgs) -> Result<u8, Fault> {
    if args.files.len() > 1 {
        return Err(Fault::Usage("`-` is standard input, and stands alone".into()));
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).map_err(|fault| cannot("read", Path::new("standard input"), &fault))?;
    let mut sources = Sources::new();
    let file = sources.add("standard input", &text);
    let laid_out = format(&sources, file).map_err(|refusal| match refusal {
        Refusal::Faults(faults) => script_fault(&faults, &sources),
        Refusal::Meaning(_) => meaning("standard input"),
    })?;
    let mut out = anstream::stdout().lock();
    if args.check {
        write!(out, "{}", diff("standard input", &text, &laid_out))?;
        return Ok(if text == laid_out { AS_EXPECTED } else { FAILED });
    }
    out.write_all(laid_out.as_bytes())?;
    out.flush()?;
    Ok(AS_EXPECTED)
}

/// The files named, and every script below the folders named.
fn files(named: &[PathBuf]) -> Result<BTreeSet<PathBuf>, Fault> {
    let mut files = BTreeSet::new();
    for path in named {
        if !path.exists() {
            return Err(Fault::Usage(format!("there is no file `{}`", path.display())));
        }
        if !path.is_dir() {
            files.insert(path.clone());
            continue;
        }
        let below = walk(path).map_err(|fault| cannot("read", path, &fault))?;
        files.extend(below.into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "pkt")));
    }
    if files.is_empty() {
        return Err(Fault::Nothing("no script (.pkt) is there".into()));
    }
    Ok(files)
}

/// Writes a file beside its old self and then puts it in its place: whatever happens, one of the two is whole.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = path.canonicalize()?;
    let mut beside = path.clone().into_os_string();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = PathBuf::from(beside);
    fs::write(&beside, text)
        .and_then(|()| fs::set_permissions(&beside, fs::metadata(&path)?.permissions()))
        .and_then(|()| fs::rename(&beside, &path))
        .inspect_err(|_| drop(fs::remove_file(&beside)))
}

fn script_fault(faults: &[halfopen_script::Diagnostic], sources: &Sources) -> Fault {
    Fault::Script { rendered: render(faults, sources, true), count: count(faults.len(), "fault") }
}

fn meaning(name: &str) -> Fault {
    let what = "laying it out would change what it says, so it is left as it is; this is a fault of `halfopen fmt`";
    Fault::Environment(format!("{name}: {what}"))
}

fn cannot(verb: &str, path: &Path, fault: &dyn std::fmt::Display) -> Fault {
    Fault::Environment(format!("cannot {verb} {}: {fault}", path.display()))
}
