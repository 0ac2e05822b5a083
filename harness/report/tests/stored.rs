//! Runs read back: nothing that a report shows is lost.

mod samples;

use halfopen_report::Reporter;
use halfopen_report::jsonl::JsonLines;
use halfopen_report::ladder;
use halfopen_report::record::Record;
use halfopen_report::stored::StoredRun;

fn lines(records: &[Record]) -> String {
    let mut out = Vec::new();
    samples::printed(JsonLines::new(&mut out), records, true);
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn a_run_read_back_is_written_the_same() {
    let mut records = samples::each();
    records[7].fixtures.insert(3, "LISTEN".into());
    records[7].outcome.trace[0].file = Some(3);
    records[7].outcome.trace[1].cited = vec!["rfc9293/3.10.7.4/rst/in-window"];
    records[7].outcome.snapshot = vec!["tcb".into()];
    let text = lines(&records);
    let stored = StoredRun::parse(&text).expect("our own lines");
    let mut again = Vec::new();
    let mut json = JsonLines::new(&mut again);
    json.start(&stored.info).unwrap();
    stored.records.iter().for_each(|record| json.record(record).unwrap());
    json.finish(&stored.totals()).unwrap();
    assert_eq!(String::from_utf8(again).unwrap(), text);
    assert_eq!(stored.info, halfopen_report::record::RunInfo { tests: 9, ..samples::run() });
    // And drawn the same, fixture, citation and snapshot included.
    let drawn = |record: &Record| ladder::detailed(record, &samples::run());
    assert!(drawn(&records[7]).contains("LISTEN:3") && drawn(&records[7]).contains("tcb"));
    assert_eq!(drawn(&stored.records[7]), drawn(&records[7]));
}

#[test]
fn a_run_that_broke_off_is_read_as_far_as_it_came() {
    let text = lines(&samples::each());
    let whole: Vec<&str> = text.lines().collect();
    let cut = format!("{}\n{}\n{}", whole[0], whole[1], &whole[2][..40]);
    let stored = StoredRun::parse(&cut).expect("two whole lines");
    assert_eq!((stored.records.len(), stored.summary.is_none()), (2, true));
    assert_eq!(stored.totals().total(), 2);
    assert_eq!((stored.info.sut.as_str(), stored.info.seed), ("reference", 7));
}

#[test]
fn what_is_no_run_is_refused_with_its_line() {
    let good = lines(&[samples::passing()]);
    let first = good.lines().next().unwrap();
    let cases = [
        (String::new(), "line 1: no test and no summary"),
        ("{}\n".into(), "line 1: missing field `v`"),
        (format!("{first}\nnonsense\n"), "line 2: expected ident"),
        (first.replace("\"v\":1", "\"v\":2") + "\n", "line 1: schema 2 is not known here, only 1"),
        (first.replace("\"pass\"", "\"well\"") + "\n", "line 1: unknown variant `well`"),
    ];
    for (text, expected) in cases {
        let fault = StoredRun::parse(&text).expect_err(&text).to_string();
        assert!(fault.starts_with(expected), "{fault}");
    }
}
