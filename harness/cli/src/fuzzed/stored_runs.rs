//! Text as the JSON lines of a stored run, as `compare`, `report` and `replay` read it, as a run's parameters, and as the log of a campaign.
//!
//! Oracles: nothing panics; a fault names a line of the text; every report of what was read is made; its JSON lines are read again and
//! say the same; a run compared with itself is the same.

use crate::campaign::log::{Entry, Progress};
use crate::folder::Parameters;
use halfopen_report::Reporter;
use halfopen_report::compare::compare;
use halfopen_report::html::Html;
use halfopen_report::human::{Human, Volume};
use halfopen_report::json::Json;
use halfopen_report::jsonl::JsonLines;
use halfopen_report::junit::Junit;
use halfopen_report::ktap::Ktap;
use halfopen_report::md::Markdown;
use halfopen_report::stored::StoredRun;
use std::io;

/// Longest text that is tried: a hundred tests or so.
const MOST_OCTETS: usize = 1 << 16;

/// Feeds text to the readers.
///
/// # Panics
/// When an oracle is violated.
pub(super) fn run(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(&octets[..octets.len().min(MOST_OCTETS)]) else { return };
    if let Err(fault) = serde_json::from_str::<Parameters>(text) {
        assert!(!fault.to_string().is_empty(), "refused without a word");
    }
    for line in text.lines() {
        log_line(line);
    }
    match StoredRun::parse(text) {
        Ok(run) => stored(&run),
        Err(fault) => {
            let lines = text.lines().count().max(1);
            assert!((1..=lines).contains(&fault.line), "a fault on line {} of {lines}", fault.line);
            assert!(!fault.fault.is_empty(), "refused without a word");
        }
    }
}

/// A line of a campaign's log says the same again; one of the engine's is progress or nothing.
fn log_line(line: &str) {
    Progress::parse(line);
    if let Ok(entry) = serde_json::from_str::<Entry>(line) {
        let text = serde_json::to_string(&entry).expect("an entry of a log");
        assert_eq!(serde_json::from_str::<Entry>(&text).ok(), Some(entry), "{text}");
    }
}

fn stored(run: &StoredRun) {
    let mut sink = Vec::new();
    told(run, &mut Human::new(&mut sink, false, Volume::Exchanges));
    told(run, &mut Junit::new(&mut sink));
    told(run, &mut Ktap::new(&mut sink));
    told(run, &mut Markdown::new(&mut sink));
    told(run, &mut Html::new(&mut sink));
    told(run, &mut Json::new(&mut sink));
    let first = lines(run);
    let again = StoredRun::parse(&first).unwrap_or_else(|fault| panic!("our own lines: {fault}\n{first}"));
    assert_eq!(lines(&again), first, "what was read and written again says something else");
    let found = compare(&run.records, &run.records, |_, _| None);
    let twice =
        run.records.iter().enumerate().any(|(at, one)| run.records[..at].iter().any(|other| other.test == one.test));
    assert!(twice || found.changes.is_empty(), "a run differs from itself: {found:?}");
}

fn lines(run: &StoredRun) -> String {
    let mut octets = Vec::new();
    told(run, &mut JsonLines::new(&mut octets));
    String::from_utf8(octets).expect("JSON is text")
}

fn told(run: &StoredRun, reporter: &mut dyn Reporter) {
    let all = || -> io::Result<()> {
        reporter.start(&run.info)?;
        for record in &run.records {
            reporter.record(record)?;
        }
        reporter.finish(&run.totals())
    };
    let mut all = all;
    all().expect("nothing fails in memory");
}
