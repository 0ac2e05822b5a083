//! `halfopen fuzz replay` and `min`: what inputs of the stack's targets violate, and each as a small input, a script and a capture.

use crate::args::{MinArgs, ReplayArgs};
use crate::campaign::shells;
use crate::fault::{AS_EXPECTED, CRASH, FINDING, Fault};
use crate::simulation;
use halfopen_engine::outcome::{Entry, Lane, Mark};
use halfopen_fuzz::choices::Choices;
use halfopen_fuzz::endpoint_pair;
use halfopen_fuzz::minimise::minimise;
use halfopen_fuzz::oracles::Violation;
use halfopen_fuzz::program::Program;
use halfopen_fuzz::told::{Found, TELLERS, Teller, Told, teller};
use halfopen_fuzz::{script, state_machine};
use halfopen_report::pcapng;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The target whose inputs are programs.
const PROGRAMS: &str = "state_machine";
/// Runs that a finding is made smaller with at the most.
const TRIES: u32 = 20_000;
/// Lines of a script that a person reads.
const READABLE: usize = 200;

/// What makes findings one: oracle, state, event.
type Key = (String, &'static str, &'static str);

/// Runs each input and says what it violates; findings with the same oracle, state and event are one.
pub(super) fn replay(args: &ReplayArgs) -> Result<u8, Fault> {
    simulation::expect_panics();
    let mut out = anstream::stdout().lock();
    let (mut found, mut crash): (BTreeMap<Key, (String, Vec<&Path>)>, bool) = (BTreeMap::new(), false);
    for file in &args.files {
        let one = match of_target(args.target.as_deref(), file)? {
            Some(teller) => teller.tell(&octets(file)?).found.map(|found| {
                crash |= found.oracle.is_none();
                (found.key(), said(&found))
            }),
            None => state_machine::violation(&read(file)?).map(|violation| {
                let (oracle, state, event) = violation.key();
                ((format!("O{oracle}"), state, event), violation.to_string())
            }),
        };
        if let Some((key, text)) = one {
            found.entry(key).or_insert_with(|| (text, Vec::new())).1.push(file);
        }
    }
    for (text, files) in found.values() {
        writeln!(out, "{}{}\n{text}\n", files[0].display(), others(files.len() - 1))?;
    }
    writeln!(out, "{} inputs, {} findings", args.files.len(), found.len())?;
    Ok(if crash {
        CRASH
    } else if found.is_empty() {
        AS_EXPECTED
    } else {
        FINDING
    })
}

fn others(count: usize) -> String {
    if count == 0 { String::new() } else { format!(" and {count} more with the same oracle, state and event") }
}

/// What a run of choices has violated, as [`Violation`] says it.
fn said(found: &Found) -> String {
    let Found { oracle, text, state, event } = found;
    match oracle {
        Some(oracle) => {
            format!("O{} ({}) in {state} at {event}: {text}\n  {}", oracle.number, oracle.rule, oracle.name)
        }
        None => format!("The stack panics in {state} at {event}: {text}"),
    }
}

/// The target that was asked for, or that the path names: a folder in it, or what the file's name begins with. `None`: the one of programs.
fn of_target(asked: Option<&str>, file: &Path) -> Result<Option<Teller>, Fault> {
    if let Some(name) = asked {
        let known = TELLERS.map(|teller| teller.target).join(", ");
        return match teller(name) {
            None if name != PROGRAMS => {
                Err(Fault::Usage(format!("of `{name}` no script is made; of these: {PROGRAMS}, {known}")))
            }
            teller => Ok(teller),
        };
    }
    let named = |part: &str| part == PROGRAMS || teller(part).is_some();
    let parts = || file.iter().filter_map(|part| part.to_str()).rev();
    let begins = |part: &str| part.split_once('-').map(|(target, _)| target.to_owned());
    let found = parts().next().and_then(begins).filter(|target| named(target));
    let found = found.or_else(|| parts().find(|part| named(part)).map(str::to_owned));
    Ok(found.and_then(|name| teller(&name)))
}

/// A finding that is small, as it is written.
struct Small {
    target: &'static str,
    input: Vec<u8>,
    script: String,
    entries: Vec<script::Entry>,
    /// Of the files: `O53-established-segment`.
    name: String,
    /// What is violated.
    text: String,
    /// How small it is.
    left: String,
    exit: u8,
}

/// Makes a finding small, and writes it as an input, a script and a capture.
pub(super) fn min(args: &MinArgs) -> Result<u8, Fault> {
    simulation::expect_panics();
    let mut out = anstream::stdout().lock();
    let (what, small) = match (&args.file, args.seed) {
        (Some(file), _) => {
            let small = match of_target(args.target.as_deref(), file)? {
                Some(teller) => of_choices(teller, teller.tell(&octets(file)?)),
                None => of_program(&read(file)?),
            };
            (file.display().to_string(), small)
        }
        (None, seed) => (format!("seed {}", seed.unwrap_or_default()), of_seed(seed.unwrap_or_default())),
    };
    let Some(small) = small else {
        writeln!(out, "{what}: nothing is violated")?;
        return Ok(AS_EXPECTED);
    };
    let trace: Vec<Entry> = small.entries.iter().filter_map(entry).collect();
    let capture = pcapng::exchange("reference", &small.text, &trace);
    if let Some(name) = &args.keep {
        keep(&mut out, name, &small)?;
    }
    let folder = args.out.clone().unwrap_or_else(|| PathBuf::from("."));
    let mut files = Vec::new();
    for (end, octets) in [("bin", &small.input[..]), ("pkt", small.script.as_bytes()), ("pcapng", &capture)] {
        files.push(folder.join(format!("{}.{end}", small.name)));
        fs::create_dir_all(&folder)?;
        put(&files[files.len() - 1], octets)?;
    }
    writeln!(out, "{}\n\n{}", small.text, small.left)?;
    let lines = small.script.lines().count();
    if lines > READABLE {
        writeln!(out, "The script has {lines} lines, more than a person reads.")?;
    }
    writeln!(out)?;
    for file in files {
        writeln!(out, "{}", file.display())?;
    }
    Ok(small.exit)
}

fn of_program(program: &Program) -> Option<Small> {
    let first = state_machine::violation(program)?;
    let (small, violation) = minimise(program, &first, &mut state_machine::violation);
    let (script, entries, _) = script::script(&small);
    let mut left = format!("{} events of {} are left", small.events.len(), program.events.len());
    for event in &small.events {
        left += &format!("\n  {event:?}");
    }
    let (input, name, text) = (small.encode(), name(&violation), violation.to_string());
    Some(Small { target: PROGRAMS, input, script, entries, name, text, left, exit: FINDING })
}

/// A seed of `halfopen fuzz sim`.
fn of_seed(seed: u64) -> Option<Small> {
    let teller = teller("endpoint_pair")?;
    of_choices(teller, teller.tell_dice(endpoint_pair::dice_of(seed), usize::MAX, None))
}

fn of_choices(teller: Teller, first: Told) -> Option<Small> {
    first.found.as_ref()?;
    let input = teller.minimise(&first, TRIES);
    let small = teller.tell(&input);
    let found = small.found.as_ref()?;
    let count = Choices::decode(&input).map_or(0, |choices| choices.len());
    let left = format!("{count} choices of {} are left", first.choices.drawn.len());
    let oracle = found.oracle.map_or_else(|| "panic".to_owned(), |oracle| format!("O{}", oracle.number));
    let name = format!("{}-{oracle}-{}-{}", teller.target, found.state.to_lowercase(), found.event);
    let (script, entries, text) = (small.script(), small.entries(small.host), said(found));
    let exit = if found.oracle.is_some() { FINDING } else { CRASH };
    Some(Small { target: teller.target, input, script, entries, name, text, left, exit })
}

fn put(file: &Path, octets: &[u8]) -> Result<(), Fault> {
    fs::write(file, octets).map_err(|fault| Fault::Environment(format!("{}: {fault}", file.display())))
}

/// Keeps a finding in the source tree by its name in words: the input, and its script, whose first lines stay when the finding is settled and the rest
/// is made anew.
fn keep(out: &mut impl Write, name: &str, small: &Small) -> Result<(), Fault> {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !plain {
        return Err(Fault::Usage(format!("`{name}` is no name: small letters, digits and `-`, for what was found")));
    }
    let folder = shells()?.join("../regressions");
    let input = folder.join(small.target).join(name);
    if input.exists() {
        return Err(Fault::Usage(format!("{} is there already", input.display())));
    }
    let script = folder.join("scripts").join(small.target).join(format!("{name}.pkt"));
    for (file, octets) in [(&input, &small.input[..]), (&script, small.script.as_bytes())] {
        fs::create_dir_all(file.parent().unwrap_or(file))?;
        put(file, octets)?;
        writeln!(out, "{}", file.display())?;
    }
    Ok(())
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

fn octets(file: &Path) -> Result<Vec<u8>, Fault> {
    fs::read(file).map_err(|fault| Fault::Usage(format!("{}: {fault}", file.display())))
}

fn read(file: &Path) -> Result<Program, Fault> {
    Program::decode(&octets(file)?).map_err(|fault| Fault::Usage(format!("{}: {fault}", file.display())))
}
