//! `halfopen fuzz replay` and `min`: programs of the target `state_machine` as findings.

use crate::args::{MinArgs, ReplayArgs};
use crate::campaign::shells;
use crate::fault::{AS_EXPECTED, FINDING, Fault};
use halfopen_engine::outcome::{Entry, Lane, Mark};
use halfopen_fuzz::minimise::minimise;
use halfopen_fuzz::oracles::Violation;
use halfopen_fuzz::program::Program;
use halfopen_fuzz::{script, state_machine};
use halfopen_report::pcapng;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Runs each program and says what it violates; findings with the same oracle, state and event are one.
pub(super) fn replay(args: &ReplayArgs) -> Result<u8, Fault> {
    let mut out = anstream::stdout().lock();
    let mut found: BTreeMap<_, (Violation, Vec<&Path>)> = BTreeMap::new();
    for file in &args.files {
        if let Some(violation) = state_machine::violation(&read(file)?) {
            found.entry(violation.key()).or_insert_with(|| (violation, Vec::new())).1.push(file);
        }
    }
    for (violation, files) in found.values() {
        writeln!(out, "{}{}\n{violation}\n", files[0].display(), others(files.len() - 1))?;
    }
    writeln!(out, "{} programs, {} findings", args.files.len(), found.len())?;
    Ok(if found.is_empty() { AS_EXPECTED } else { FINDING })
}

fn others(count: usize) -> String {
    if count == 0 { String::new() } else { format!(" and {count} more with the same oracle, state and event") }
}

/// Makes a finding small, and writes it as a program, a script and a capture.
pub(super) fn min(args: &MinArgs) -> Result<u8, Fault> {
    let mut out = anstream::stdout().lock();
    let program = read(&args.file)?;
    let Some(first) = state_machine::violation(&program) else {
        writeln!(out, "{}: nothing is violated", args.file.display())?;
        return Ok(AS_EXPECTED);
    };
    let (small, violation) = minimise(&program, &first, &mut state_machine::violation);
    let folder = args.out.clone().unwrap_or_else(|| PathBuf::from("."));
    let name = name(&violation);
    let write = |end: &str, octets: &[u8]| -> Result<PathBuf, Fault> {
        let file = folder.join(format!("{name}.{end}"));
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&file, octets))
            .map_err(|fault| Fault::Environment(format!("{}: {fault}", file.display())))?;
        Ok(file)
    };
    let (text, entries, _) = script::script(&small);
    let trace: Vec<Entry> = entries.iter().filter_map(entry).collect();
    let comment = violation.to_string();
    let capture = pcapng::exchange("reference", &comment, &trace);
    if let Some(name) = &args.keep {
        let kept = regression(name)?;
        fs::write(&kept, small.encode()).map_err(|fault| Fault::Environment(format!("{}: {fault}", kept.display())))?;
        writeln!(out, "{}", kept.display())?;
        // Its first lines stay when the finding is settled and the rest is made anew.
        let kept = kept.with_file_name(format!("../scripts/state_machine/{name}.pkt"));
        fs::write(&kept, &text).map_err(|fault| Fault::Environment(format!("{}: {fault}", kept.display())))?;
        writeln!(out, "{}", kept.display())?;
    }
    let files = [write("bin", &small.encode())?, write("pkt", text.as_bytes())?, write("pcapng", &capture)?];
    writeln!(out, "{violation}\n\n{} events of {} are left", small.events.len(), program.events.len())?;
    for event in &small.events {
        writeln!(out, "  {event:?}")?;
    }
    writeln!(out)?;
    for file in files {
        writeln!(out, "{}", file.display())?;
    }
    Ok(FINDING)
}

/// Where the source tree keeps a program that violated an oracle, by its name in words.
fn regression(name: &str) -> Result<PathBuf, Fault> {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !plain {
        return Err(Fault::Usage(format!("`{name}` is no name: small letters, digits and `-`, for what was found")));
    }
    let folder = shells()?.join("../regressions/state_machine");
    fs::create_dir_all(&folder).map_err(|fault| Fault::Environment(format!("{}: {fault}", folder.display())))?;
    let file = folder.join(name);
    if file.exists() {
        return Err(Fault::Usage(format!("{} is there already", file.display())));
    }
    Ok(file)
}

/// `O53-established-segment`
fn name(violation: &Violation) -> String {
    format!("O{}-{}-{}", violation.oracle, violation.state.to_lowercase().replace(' ', "-"), violation.event)
}

pub(super) fn entry(entry: &script::Entry) -> Option<Entry> {
    let (at, lane, octets) = match entry {
        script::Entry::In(at, octets, _) | script::Entry::Icmp(at, octets, _) => (*at, Lane::Peer, octets.clone()),
        script::Entry::Out(at, octets) => (*at, Lane::Stack, octets.clone()),
        script::Entry::Call(..) | script::Entry::Lost(..) => return None,
    };
    let at = i64::try_from(at).unwrap_or(i64::MAX);
    Some(Entry { at, line: None, file: None, lane, text: String::new(), octets, cited: Vec::new(), mark: Mark::Ok })
}

fn read(file: &Path) -> Result<Program, Fault> {
    let octets = fs::read(file).map_err(|fault| Fault::Usage(format!("{}: {fault}", file.display())))?;
    Program::decode(&octets).map_err(|fault| Fault::Usage(format!("{}: {fault}", file.display())))
}
