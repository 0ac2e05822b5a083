//! KTAP, held against its grammar (the kernel's Documentation/dev-tools/ktap.rst).

mod samples;

use expect_test::expect;
use halfopen_report::ktap::Ktap;
use halfopen_report::record::{FinalVerdict, Record};

fn print(records: &[Record], stale: bool) -> String {
    let mut out = Vec::new();
    samples::printed(Ktap::new(&mut out), records, stale);
    String::from_utf8(out).expect("UTF-8")
}

/// One result line, with those of its subtests.
#[derive(Debug, PartialEq, Eq)]
struct Test {
    ok: bool,
    name: String,
    /// Directive and what follows it.
    remark: String,
    subtests: Vec<Test>,
}

/// Reads a document: version, plan, results numbered from 1 as many as planned, each perhaps behind a document of its own that is
/// indented by two spaces more; diagnostic lines anywhere.
fn read(text: &str) -> Result<Vec<Test>, String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut at = 0;
    let tests = document(&lines, &mut at, "")?;
    if at == lines.len() { Ok(tests) } else { Err(format!("line {}: after the end: {}", at + 1, lines[at])) }
}

fn document(lines: &[&str], at: &mut usize, indent: &str) -> Result<Vec<Test>, String> {
    let line = |at: usize| lines.get(at).and_then(|line| line.strip_prefix(indent));
    if line(*at) != Some("KTAP version 1") {
        return Err(format!("line {}: no version", *at + 1));
    }
    *at += 1;
    diagnostics(lines, at);
    let planned: usize = line(*at)
        .and_then(|plan| plan.strip_prefix("1..")?.parse().ok())
        .ok_or_else(|| format!("line {}: no plan", *at + 1))?;
    *at += 1;
    let (mut tests, mut subtests) = (Vec::new(), Vec::new());
    while tests.len() < planned {
        diagnostics(lines, at);
        let deeper = format!("{indent}  ");
        if lines.get(*at).is_some_and(|line| line.starts_with(&format!("{deeper}KTAP"))) {
            subtests = document(lines, at, &deeper)?;
            continue;
        }
        let text = line(*at).ok_or_else(|| format!("line {}: {} of {planned} results", *at + 1, tests.len()))?;
        tests.push(
            result(text, tests.len() + 1, std::mem::take(&mut subtests))
                .map_err(|f| format!("line {}: {f}", *at + 1))?,
        );
        *at += 1;
    }
    diagnostics(lines, at);
    Ok(tests)
}

fn diagnostics(lines: &[&str], at: &mut usize) {
    while lines.get(*at).is_some_and(|line| line.trim_start().starts_with('#')) {
        *at += 1;
    }
}

fn result(line: &str, number: usize, subtests: Vec<Test>) -> Result<Test, String> {
    let (ok, rest) = match (line.strip_prefix("ok "), line.strip_prefix("not ok ")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return Err(format!("no result: {line}")),
    };
    let rest = rest.strip_prefix(&format!("{number} ")).ok_or(format!("not number {number}: {line}"))?;
    let (name, remark) = rest.split_once(" # ").unwrap_or((rest, ""));
    if name.contains('#') || name.is_empty() {
        return Err(format!("a description with a hash sign, or none: {line}"));
    }
    if !subtests.is_empty() && ok != subtests.iter().all(|subtest| subtest.ok) {
        return Err(format!("says other than its subtests: {line}"));
    }
    Ok(Test { ok, name: name.into(), remark: remark.into(), subtests })
}

#[test]
fn the_document_is_of_the_grammar() {
    let tests = read(&print(&samples::each(), true)).expect("KTAP");
    assert_eq!(tests.len(), 2, "a script, and the expectations");
    let marks = ["", "nonstrict", "XFAIL", "SKIP", "ERROR", "flaky", "xpass", "", "ERROR"];
    assert_eq!(tests[0].subtests.len(), 9);
    for ((subtest, verdict), mark) in tests[0].subtests.iter().zip(FinalVerdict::ALL).zip(marks) {
        assert_eq!(subtest.name, format!("v4,{verdict},<a&b>"));
        assert_eq!(subtest.remark.split(' ').next(), Some(mark), "{verdict}");
        let red = matches!(
            verdict,
            FinalVerdict::Inconclusive
                | FinalVerdict::Flaky
                | FinalVerdict::Xpass
                | FinalVerdict::Fail
                | FinalVerdict::Error
        );
        assert_eq!(subtest.ok, !red, "{verdict}");
    }
    assert!(!tests[1].ok && tests[1].subtests[0].name.contains("matches no test"));
}

#[test]
fn the_check_sees_what_it_is_for() {
    let cases = [
        ("1..1\nok 1 a\n", "no version"),
        ("KTAP version 1\nok 1 a\n", "no plan"),
        ("KTAP version 1\n1..2\nok 1 a\n", "1 of 2 results"),
        ("KTAP version 1\n1..1\nok 2 a\n", "not number 1"),
        ("KTAP version 1\n1..1\nok 1 a\nok 2 b\n", "after the end"),
        ("KTAP version 1\n1..1\nok 1 a#b\n", "hash sign"),
        ("KTAP version 1\n1..1\n  KTAP version 1\n  1..1\n  not ok 1 a\nok 1 b\n", "other than its subtests"),
        ("KTAP version 1\n1..1\nPASS a\n", "no result"),
    ];
    for (text, expected) in cases {
        let fault = read(text).expect_err(text);
        assert!(fault.contains(expected), "{fault}");
    }
}

#[test]
fn a_document_as_it_stands() {
    let mut odd = samples::unsupported();
    odd.test = "mine/a#b.pkt[v4]".into();
    let text = print(&[samples::passing(), samples::failing(), odd], false);
    expect![[r#"
        KTAP version 1
        1..3
          KTAP version 1
          # Subtest: rfc9293/3.10.7.4/rst/exact
          1..1
          ok 1 v4
        ok 1 rfc9293/3.10.7.4/rst/exact
          KTAP version 1
          # Subtest: rfc9293/3.10.7.4/rst/in-window
          1..1
          # FAIL rfc9293/3.10.7.4/rst/in-window[v4,FIN-WAIT-1]  MUST        reference, virtual time
          #      specs/rfc9293/3.10.7.4/rst/in-window.pkt:6
          #      A reset inside the window but not at RCV.NXT draws one challenge ACK and leaves the connection up.
          #
          #       line      time  peer                       stack
          #          3  0.000000                         |   socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
          #          5  0.012000  R 101:101(0)          -->
          #   >      6  0.012000                        <--  . 1:1(0) ack 1        expected
          #          -  0.012000                        <--  R 0:0(0)              got
          #
          #        flags    expected .  got R
          #        seq      expected 1  got 0
          #        line 5: the stack applied rfc9293/3.10.7.4/rst/in-window
          #        capture  target/halfopen/latest/in-window.pcapng
          #        again    halfopen run 'rfc9293/3.10.7.4/rst/in-window[v4,FIN-WAIT-1]' -vv
          not ok 1 v4,FIN-WAIT-1
        not ok 2 rfc9293/3.10.7.4/rst/in-window
          KTAP version 1
          # Subtest: mine/a%23b.pkt
          1..1
          ok 1 v4 # SKIP no TCP Fast Open
        ok 3 mine/a%23b.pkt # SKIP every variant
        # Totals: pass:1 fail:1 xfail:0 xpass:0 skip:1 error:0
    "#]]
    .assert_eq(&text);
}
