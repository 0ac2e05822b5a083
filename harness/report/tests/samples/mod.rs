//! A run of three tests: one passes, one fails as style asks a failure to look, one is unsupported.
#![allow(dead_code, reason = "each test file uses a part")]

use halfopen_engine::outcome::{Entry, FieldDiff, Lane, Lateness, Mark, Mismatch, MismatchKind, Outcome, Verdict};
use halfopen_engine::sut::ClockKind;
use halfopen_report::Reporter;
use halfopen_report::record::{FinalVerdict, Record, RunInfo, Summary};
use halfopen_script::ast::Level;
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) fn run() -> RunInfo {
    RunInfo {
        sut: "reference".into(),
        runner: "sim".into(),
        version: String::new(),
        profile: Some("rfc9293".into()),
        clock: ClockKind::Virtual,
        tests: 3,
        seed: 7,
    }
}

fn entry(at: i64, line: Option<u32>, lane: Lane, text: &str, mark: Mark, octets: &[u8]) -> Entry {
    Entry { at, line, file: None, lane, text: text.into(), octets: octets.to_vec(), cited: Vec::new(), mark }
}

pub(crate) fn passing() -> Record {
    Record {
        index: 0,
        test: "rfc9293/3.10.7.4/rst/exact[v4]".into(),
        variant: vec![("family".into(), "v4".into())],
        file: "specs/rfc9293/3.10.7.4/rst/exact.pkt".into(),
        fixtures: BTreeMap::new(),
        rules: vec!["rfc9293/3.10.7.4/rst/exact".into()],
        level: Some(Level::Must),
        sentence: "A reset at RCV.NXT ends the connection.".into(),
        verdict: FinalVerdict::Pass,
        outcome: Outcome {
            verdict: Verdict::Pass,
            mismatch: None,
            reason: None,
            trace: vec![],
            snapshot: Vec::new(),
            elapsed: 240_000_000,
            lateness: Lateness::default(),
        },
        wall: Duration::from_micros(310),
        attempts: 1,
        expectation: None,
        capture: None,
        again: "halfopen run 'rfc9293/3.10.7.4/rst/exact[v4]' -vv".into(),
    }
}

pub(crate) fn failing() -> Record {
    let trace = vec![
        entry(0, Some(3), Lane::Call, "socket(..., SOCK_STREAM, IPPROTO_TCP) = 3", Mark::Ok, &[]),
        entry(12_000, Some(5), Lane::Peer, "R 101:101(0)", Mark::Ok, &[0x45, 0, 0, 40, 1]),
        entry(12_000, Some(6), Lane::Stack, ". 1:1(0) ack 1", Mark::Expected, &[]),
        entry(12_000, None, Lane::Stack, "R 0:0(0)", Mark::Got, &[0x45, 0, 0, 40]),
    ];
    let field = |field: &str, expected: &str, got: &str| FieldDiff {
        field: field.into(),
        expected: expected.into(),
        got: got.into(),
    };
    let mismatch = Mismatch {
        kind: MismatchKind::Segment,
        span: None,
        line: Some(6),
        expected: ". 1:1(0) ack 1".into(),
        got: "R 0:0(0)".into(),
        fields: vec![field("flags", ".", "R"), field("seq", "1", "0")],
        cited: Some("rfc9293/3.10.7.4/rst/in-window"),
        cited_line: Some(5),
        timing: false,
        packetdrill: None,
    };
    let id = "rfc9293/3.10.7.4/rst/in-window[v4,FIN-WAIT-1]";
    Record {
        index: 1,
        test: id.into(),
        variant: vec![("family".into(), "v4".into()), ("state".into(), "FIN-WAIT-1".into())],
        file: "specs/rfc9293/3.10.7.4/rst/in-window.pkt".into(),
        fixtures: BTreeMap::new(),
        rules: vec!["rfc9293/3.10.7.4/rst/in-window".into()],
        level: Some(Level::Must),
        sentence: "A reset inside the window but not at RCV.NXT draws one challenge ACK and leaves the connection up."
            .into(),
        verdict: FinalVerdict::Fail,
        outcome: Outcome {
            verdict: Verdict::Fail,
            mismatch: Some(mismatch),
            reason: None,
            trace,
            snapshot: Vec::new(),
            elapsed: 12_000,
            lateness: Lateness::default(),
        },
        wall: Duration::from_micros(400),
        attempts: 1,
        expectation: None,
        capture: Some("target/halfopen/latest/in-window.pcapng".into()),
        again: format!("halfopen run '{id}' -vv"),
    }
}

pub(crate) fn unsupported() -> Record {
    Record {
        index: 2,
        test: "rfc7413/3.1/cookie[v6]".into(),
        variant: vec![("family".into(), "v6".into())],
        verdict: FinalVerdict::Unsupported,
        outcome: Outcome {
            verdict: Verdict::Unsupported,
            mismatch: None,
            reason: Some("no TCP Fast Open".into()),
            trace: vec![],
            snapshot: Vec::new(),
            elapsed: 0,
            lateness: Lateness::default(),
        },
        level: Some(Level::Should),
        ..passing()
    }
}

pub(crate) fn summary() -> Summary {
    let mut summary = Summary { wall: Duration::from_micros(1_234), exit: 1, ..Summary::default() };
    for record in [passing(), failing(), unsupported()] {
        summary.add(&record);
    }
    summary
}

/// One test for each verdict, in the order of [`FinalVerdict::ALL`], with words that every format has to escape.
pub(crate) fn each() -> Vec<Record> {
    let record = |(index, verdict): (usize, &FinalVerdict)| {
        let differs =
            matches!(verdict, FinalVerdict::Nonstrict | FinalVerdict::Xfail | FinalVerdict::Flaky | FinalVerdict::Fail);
        let mut record = if differs { failing() } else { passing() };
        record.index = index;
        record.verdict = *verdict;
        record.test = format!("rfc9293/3.10/each[v4,{verdict},<a&b>]");
        record.sentence = "A \u{1b}[31mred\u{1b}[0m <word> & a `tick`.".into();
        record.outcome.reason =
            matches!(verdict, FinalVerdict::Unsupported | FinalVerdict::Inconclusive | FinalVerdict::Error)
                .then(|| "no <such> thing # at all".into());
        record.expectation = matches!(verdict, FinalVerdict::Xfail | FinalVerdict::Xpass)
            .then(|| "known & named (RFC 9293 3.10)".into());
        record
    };
    FinalVerdict::ALL.iter().enumerate().map(record).collect()
}

/// What a reporter makes of records; with `stale` an expectation that matches no test.
pub(crate) fn printed(mut reporter: impl Reporter, records: &[Record], stale: bool) {
    let mut summary = Summary { wall: Duration::from_micros(1_234), exit: 1, ..Summary::default() };
    records.iter().for_each(|record| summary.add(record));
    summary.stale.extend(stale.then(|| "expect/a.toml:3 `x<*` matches no test".to_string()));
    reporter.start(&run()).expect("it is written to memory");
    records.iter().rev().for_each(|record| reporter.record(record).expect("it is written to memory"));
    reporter.finish(&summary).expect("it is written to memory");
}
