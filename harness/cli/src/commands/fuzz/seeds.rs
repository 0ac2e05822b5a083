//! `halfopen fuzz seeds`: conformance tests as programs of the target `state_machine`.

use crate::args::{FuzzSeedsArgs, SutArgs};
use crate::fault::{AS_EXPECTED, Fault};
use crate::select::{Case, Filter, select};
use crate::specs::Specs;
use crate::suite::Suite;
use crate::sut::Opener;
use halfopen_engine::outcome::{Entry, Lane, Mark};
use halfopen_engine::{RunOptions, run_caught};
use halfopen_fuzz::recorded::{Recorded, Step, Unfit, program};
use halfopen_fuzz::{datagram, script};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;

/// What has become of the tests.
#[derive(Debug, Default)]
struct Tally {
    converted: usize,
    /// The program draws the same segments from the host.
    alike: usize,
    /// Programs of which calls or commands were left out.
    partial: usize,
    unfit: BTreeMap<Unfit, usize>,
    broken: usize,
}

/// Runs a test of each script on the reference stack and writes what happened as a program.
pub(super) fn seeds(args: &FuzzSeedsArgs, specs: Option<&Path>) -> Result<u8, Fault> {
    let mut suite = Suite::load(&Specs::locate(specs)?);
    let selection = select(&mut suite, &args.select, &Filter { sut: Some("reference".into()), ..Filter::default() })?;
    let mut seen = BTreeSet::new();
    let cases = selection.cases.into_iter().filter(|case| args.all || seen.insert(case.script));
    let opener = Opener::new(&SutArgs::reference())?;
    let params = opener.describe()?.params;
    fs::create_dir_all(&args.out).map_err(|fault| Fault::Environment(format!("{}: {fault}", args.out.display())))?;
    let mut tally = Tally::default();
    for case in cases {
        let Some(trace) = trace(&mut suite, &case, &opener, &params)? else {
            tally.broken += 1;
            continue;
        };
        match program(&steps(&trace)) {
            Ok(recorded) => {
                let file = args.out.join(name(&case.id));
                fs::write(&file, recorded.program.encode())
                    .map_err(|fault| Fault::Environment(format!("{}: {fault}", file.display())))?;
                tally.converted += 1;
                tally.partial += usize::from(recorded.left_out > 0);
                tally.alike += usize::from(is_alike(&recorded, &trace));
            }
            Err(unfit) => *tally.unfit.entry(unfit).or_default() += 1,
        }
    }
    tell(&tally, &args.out)?;
    Ok(AS_EXPECTED)
}

/// The exchange of a test; `None` when the reference stack cannot run it.
fn trace(
    suite: &mut Suite,
    case: &Case,
    opener: &Opener,
    params: &[(String, i64)],
) -> Result<Option<Vec<Entry>>, Fault> {
    let Ok(test) = suite.expand(case.script, &case.variant, params) else { return Ok(None) };
    let mut sut = opener.open().map_err(|fault| Fault::Environment(fault.to_string()))?;
    let outcome = run_caught(&test, &suite.sources, sut.as_mut(), &RunOptions::default());
    Ok(Some(outcome.trace).filter(|trace| !trace.is_empty()))
}

fn steps(trace: &[Entry]) -> Vec<(i64, Step<'_>)> {
    trace
        .iter()
        .filter(|entry| entry.mark != Mark::Expected)
        .filter_map(|entry| {
            let step = match entry.lane {
                Lane::Peer if !entry.octets.is_empty() => Step::In(&entry.octets),
                Lane::Stack if !entry.octets.is_empty() => Step::Out(&entry.octets),
                Lane::Call => Step::Call(&entry.text),
                Lane::Peer | Lane::Stack | Lane::Note => return None,
            };
            Some((entry.at, step))
        })
        .collect()
}

/// Whether the host sends the same segments, by control bits and text, as far as the test went.
fn is_alike(recorded: &Recorded, trace: &[Entry]) -> bool {
    let of = |octets: &[u8]| match datagram::read(octets) {
        datagram::Content::Segment(seg) => Some((seg.flags, seg.payload.len())),
        datagram::Content::Icmp | datagram::Content::Fault(_) => None,
    };
    let sent = trace.iter().filter(|entry| entry.lane == Lane::Stack && entry.mark != Mark::Expected);
    let sent: Vec<_> = sent.filter_map(|entry| of(&entry.octets)).collect();
    let (_, entries, _) = script::script(&recorded.program);
    let again = entries.iter().filter_map(|entry| match entry {
        script::Entry::Out(_, octets) => of(octets),
        script::Entry::In(..) | script::Entry::Icmp(..) | script::Entry::Call(..) | script::Entry::Lost(..) => None,
    });
    again.take(sent.len()).eq(sent.iter().copied())
}

/// An id as a file name.
fn name(id: &str) -> String {
    id.chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' })
        .collect::<String>()
        .trim_end_matches('-')
        .into()
}

fn tell(tally: &Tally, folder: &Path) -> Result<(), Fault> {
    let mut out = anstream::stdout().lock();
    let Tally { converted, alike, partial, unfit, broken } = tally;
    let all = converted + broken + unfit.values().sum::<usize>();
    writeln!(out, "{converted} of {all} tests are programs in {}", folder.display())?;
    writeln!(out, "{alike} of them draw the same segments from the host; {partial} leave out calls or commands")?;
    for (why, count) in unfit {
        writeln!(out, "{count:>6}  {why}")?;
    }
    if *broken > 0 {
        writeln!(out, "{broken:>6}  the reference stack has nothing to show of them")?;
    }
    Ok(())
}
