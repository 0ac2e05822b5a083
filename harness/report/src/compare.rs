//! Two runs side by side: tests that came to another verdict, tests that fail in another way, tests that only one of them has.
//!
//! What differs from run to run without meaning anything is left out: how long a test took, by how much a time was missed, and in
//! captures what [`crate::segments`] leaves out.

use crate::record::{FinalVerdict, Record};
use halfopen_engine::outcome::{Lane, MismatchKind};
use serde::Serialize;
use std::collections::BTreeMap;

/// What differs between two runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Tests that both have and that came to the same.
    pub same: usize,
    /// Tests that did not, in the order of the first run.
    pub changes: Vec<Change>,
    /// Tests that only the first or only the second has.
    pub only: [Vec<String>; 2],
}

/// A test that came to something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its id.
    pub test: String,
    /// Its verdicts.
    pub verdicts: [FinalVerdict; 2],
    /// Why, in a line each; empty for a pass.
    pub why: [String; 2],
    /// Where the exchanges part, when both are known.
    pub parts: Option<Parting>,
}

/// The first place where two exchanges differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Parting {
    /// Which segment, from 1.
    pub segment: usize,
    /// What it is in each; `None` where the exchange is over.
    pub was: [Option<String>; 2],
}

/// Compares two runs; `segments` gives the segments of a record's capture, when it has one.
pub fn compare(
    a: &[Record],
    b: &[Record],
    mut segments: impl FnMut(usize, &Record) -> Option<Vec<String>>,
) -> Comparison {
    let others: BTreeMap<&str, &Record> = b.iter().map(|record| (record.test.as_str(), record)).collect();
    let mut found = Comparison::default();
    for one in a {
        match others.get(one.test.as_str()) {
            None => found.only[0].push(one.test.clone()),
            Some(other) => match change(one, other, &mut segments) {
                Some(change) => found.changes.push(change),
                None => found.same += 1,
            },
        }
    }
    let known: BTreeMap<&str, ()> = a.iter().map(|record| (record.test.as_str(), ())).collect();
    found.only[1] =
        b.iter().map(|record| &record.test).filter(|test| !known.contains_key(test.as_str())).cloned().collect();
    found
}

/// How a test came to something else, if it did.
pub fn change(
    a: &Record,
    b: &Record,
    mut segments: impl FnMut(usize, &Record) -> Option<Vec<String>>,
) -> Option<Change> {
    if a.verdict == b.verdict && way(a) == way(b) {
        return None;
    }
    let parts = match (segments(0, a), segments(1, b)) {
        (Some(a), Some(b)) => parting(&a, &b),
        (_, _) => match (exchange(a), exchange(b)) {
            (Some(a), Some(b)) => parting(&a, &b),
            (_, _) => None,
        },
    };
    Some(Change { test: a.test.clone(), verdicts: [a.verdict, b.verdict], why: [a.why(), b.why()], parts })
}

/// The way in which a test fails: kind, place, the fields that differ, and what came instead. Of a time only that it is missed: by
/// how much is the machine's.
fn way(record: &Record) -> Option<(MismatchKind, Option<u32>, Vec<&str>, String)> {
    let mismatch = record.outcome.mismatch.as_ref()?;
    let fields = mismatch.fields.iter().map(|field| field.field.as_str()).collect();
    let timed = mismatch.kind == MismatchKind::Time || mismatch.timing;
    Some((mismatch.kind, mismatch.line, fields, if timed { String::new() } else { timeless(&mismatch.got) }))
}

/// `nothing until 2.004372` without the time, which alone has a point in its number; `TS val 3630861152 ecr 7` without the values.
fn timeless(text: &str) -> String {
    let mut before = "";
    let words = text.split(' ').map(|word| {
        let is_stamp = matches!(before, "val" | "ecr");
        before = word;
        match word {
            _ if is_stamp => format!("N{}", word.trim_start_matches(|c: char| c.is_ascii_digit())),
            _ if word.contains('.') && word.parse::<f64>().is_ok() => "TIME".to_string(),
            _ => word.to_string(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The segments that were sent, in the notation of the script, whose numbers are relative already.
fn exchange(record: &Record) -> Option<Vec<String>> {
    let trace = &record.outcome.trace;
    let sent = trace.iter().filter(|entry| entry.mark != halfopen_engine::outcome::Mark::Expected);
    let sent = sent.filter_map(|entry| match entry.lane {
        Lane::Peer => Some(format!("< {}", timeless(&entry.text))),
        Lane::Stack => Some(format!("> {}", timeless(&entry.text))),
        Lane::Call | Lane::Note => None,
    });
    (!trace.is_empty()).then(|| sent.collect())
}

fn parting(a: &[String], b: &[String]) -> Option<Parting> {
    let at = (0..a.len().max(b.len())).find(|at| a.get(*at) != b.get(*at))?;
    Some(Parting { segment: at + 1, was: [a.get(at).cloned(), b.get(at).cloned()] })
}
