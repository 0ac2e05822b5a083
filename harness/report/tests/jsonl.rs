//! JSON lines: the schema, and the order.

mod samples;

use expect_test::expect;
use halfopen_report::Reporter;
use halfopen_report::jsonl::JsonLines;
use halfopen_report::record::Record;

fn print(records: &[Record]) -> String {
    let mut out = Vec::new();
    let mut json = JsonLines::new(&mut out);
    json.start(&samples::run()).unwrap();
    for record in records {
        json.record(record).unwrap();
    }
    json.finish(&samples::summary()).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn one_object_per_test_then_a_summary() {
    let text = print(&[samples::passing(), samples::failing(), samples::unsupported()]);
    expect![[r#"
        {"v":1,"test":"rfc9293/3.10.7.4/rst/exact[v4]","variant":{"family":"v4"},"sut":"reference","runner":"sim","profile":"rfc9293","verdict":"pass","level":"must","rules":["rfc9293/3.10.7.4/rst/exact"],"wall_us":310,"virtual_us":240000000,"attempts":1,"mismatch":null,"reason":null,"expectation":null,"seed":7,"artifacts":{}}
        {"v":1,"test":"rfc9293/3.10.7.4/rst/in-window[v4,FIN-WAIT-1]","variant":{"family":"v4","state":"FIN-WAIT-1"},"sut":"reference","runner":"sim","profile":"rfc9293","verdict":"fail","level":"must","rules":["rfc9293/3.10.7.4/rst/in-window"],"wall_us":400,"virtual_us":12000,"attempts":1,"mismatch":{"kind":"segment","line":6,"expected":". 1:1(0) ack 1","got":"R 0:0(0)","fields":[{"field":"flags","expected":".","got":"R"},{"field":"seq","expected":"1","got":"0"}],"cited":"rfc9293/3.10.7.4/rst/in-window","cited_line":5,"timing":false},"reason":null,"expectation":null,"seed":7,"artifacts":{"pcap":"target/halfopen/latest/in-window.pcapng"},"detail":{"file":"specs/rfc9293/3.10.7.4/rst/in-window.pkt","sentence":"A reset inside the window but not at RCV.NXT draws one challenge ACK and leaves the connection up.","again":"halfopen run 'rfc9293/3.10.7.4/rst/in-window[v4,FIN-WAIT-1]' -vv","exchange":[{"at_us":0,"line":3,"lane":"call","text":"socket(..., SOCK_STREAM, IPPROTO_TCP) = 3"},{"at_us":12000,"line":5,"lane":"peer","text":"R 101:101(0)"},{"at_us":12000,"line":6,"lane":"stack","text":". 1:1(0) ack 1","mark":"expected"},{"at_us":12000,"lane":"stack","text":"R 0:0(0)","mark":"got"}]}}
        {"v":1,"test":"rfc7413/3.1/cookie[v6]","variant":{"family":"v6"},"sut":"reference","runner":"sim","profile":"rfc9293","verdict":"unsupported","level":"should","rules":["rfc9293/3.10.7.4/rst/exact"],"wall_us":310,"virtual_us":0,"attempts":1,"mismatch":null,"reason":"no TCP Fast Open","expectation":null,"seed":7,"artifacts":{}}
        {"v":1,"summary":{"sut":"reference","runner":"sim","version":"","profile":"rfc9293","clock":"virtual","seed":7,"tests":3,"not_run":0,"verdicts":{"error":0,"fail":1,"flaky":0,"inconclusive":0,"nonstrict":0,"pass":1,"unsupported":1,"xfail":0,"xpass":0},"unsupported":{"no TCP Fast Open":1},"stale":[],"wall_us":1234,"virtual_us":240012000,"exit":1}}
    "#]].assert_eq(&text);
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line).expect("every line is JSON");
        assert_eq!(value["v"], 1);
    }
}

#[test]
fn records_wait_for_their_turn() {
    let in_order = print(&[samples::passing(), samples::failing(), samples::unsupported()]);
    let as_finished = print(&[samples::unsupported(), samples::failing(), samples::passing()]);
    assert_eq!(in_order, as_finished);
}

#[test]
fn a_record_that_never_comes_holds_nothing_back() {
    let text = print(&[samples::unsupported()]);
    assert_eq!(text.lines().count(), 2, "{text}");
}
