//! Choices: every field of [`Config`] has a row that shows that its values differ on the wire.
//!
//! A new field needs a row, or `every_field_has_a_row` fails. Put it into the table of its area (one file each, a `ROWS`
//! listed below): the field's name, what is played, and for each value what is to be seen. A play starts from [`plain`] or
//! a base of its own, sets nothing of the field under test, and returns what the peer sees as a string (segments, times,
//! options). All values of a row have to be seen differently; a row that would pass without the mechanism is none.

#[path = "../common/mod.rs"]
mod common;

mod addresses;
mod calls;
mod closing;
mod congestion;
mod ecn;
mod invalid;
mod linux;
mod opening;
mod options;
mod paths;
mod receiving;
mod recovery;
mod retransmission;
mod sending;
mod server;

use common::*;
use halfopen_stack::Config;
use std::collections::BTreeSet;

/// Sets the field under test.
type Set = fn(&mut Config);

/// One field of [`Config`], what is played, and what each value makes of it.
pub(crate) struct Row {
    field: &'static str,
    play: fn(Set) -> String,
    values: &'static [(Set, &'static str)],
}

const TABLES: &[&[Row]] = &[
    addresses::ROWS,
    calls::ROWS,
    closing::ROWS,
    congestion::ROWS,
    ecn::ROWS,
    invalid::ROWS,
    linux::ROWS,
    opening::ROWS,
    options::ROWS,
    paths::ROWS,
    receiving::ROWS,
    recovery::ROWS,
    retransmission::ROWS,
    sending::ROWS,
    server::ROWS,
];

fn rows() -> impl Iterator<Item = &'static Row> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// [`plain`] with the field set.
pub(crate) fn plain_with(set: Set) -> Config {
    let mut config = plain();
    set(&mut config);
    config
}

/// What [`Play::wait`] saw: the seconds alone.
pub(crate) fn times(sent: &[(f64, String)]) -> String {
    sent.iter().map(|(at, _)| format!("{}", (at * 1e4).round() / 1e4)).collect::<Vec<_>>().join(" ")
}

/// Segments in one line.
pub(crate) fn line(sent: &[String]) -> String {
    sent.join(", ")
}

#[test]
fn values_differ_on_the_wire() {
    let mut wrong = String::new();
    for row in rows() {
        for (index, (set, expected)) in row.values.iter().enumerate() {
            let seen = (row.play)(*set);
            if seen != *expected {
                wrong += &format!("{} value {index}:\n  expected {expected:?}\n  got      {seen:?}\n", row.field);
            }
        }
        let different: BTreeSet<_> = row.values.iter().map(|(_, expected)| expected).collect();
        if different.len() < row.values.len() || row.values.len() < 2 {
            wrong += &format!("{}: two values look alike, or there is only one\n", row.field);
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn every_field_has_a_row() {
    let source = include_str!("../../src/config.rs");
    let (_, body) = source.split_once("pub struct Config {").expect("the struct");
    let (body, _) = body.split_once("\n}").expect("its end");
    let fields: BTreeSet<&str> =
        body.lines().filter_map(|line| line.strip_prefix("    pub ")?.split_once(':')).map(|(name, _)| name).collect();
    assert!(fields.len() > 50, "the fields were not found");
    let shown: BTreeSet<&str> = rows().map(|row| row.field).collect();
    let missing: Vec<_> = fields.difference(&shown).collect();
    assert!(missing.is_empty(), "fields of Config without a row in tests/choices/: {missing:?}");
    let unknown: Vec<_> = shown.difference(&fields).collect();
    assert!(unknown.is_empty(), "rows for no field of Config: {unknown:?}");
}
