//! JUnit, held against Jenkins's schema and read back by a consumer.

mod samples;

use expect_test::expect;
use halfopen_report::junit::Junit;
use halfopen_report::record::{FinalVerdict, Record};
use quick_junit::TestCaseStatus;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

fn print(records: &[Record], stale: bool) -> String {
    let mut out = Vec::new();
    samples::printed(Junit::new(&mut out), records, stale);
    String::from_utf8(out).expect("UTF-8")
}

/// What `junit-10.xsd` of Jenkins's xUnit plugin allows: element, where, attributes that must be there, attributes that may.
type Allowed = (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str]);

/// Every element that we write.
const SCHEMA: [Allowed; 9] = [
    ("testsuites", &[""], &[], &["name", "time", "tests", "failures", "errors"]),
    (
        "testsuite",
        &["testsuites"],
        &["name", "tests", "failures", "errors"],
        &["group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"],
    ),
    ("properties", &["testsuite"], &[], &[]),
    ("property", &["properties"], &["name", "value"], &[]),
    ("testcase", &["testsuite"], &["name"], &["time", "classname", "group"]),
    ("skipped", &["testcase"], &[], &["type", "message"]),
    ("failure", &["testcase"], &[], &["type", "message"]),
    ("error", &["testcase"], &[], &["type", "message"]),
    ("system-out", &["testcase", "testsuite"], &[], &[]),
];

/// What in a document is against the schema.
fn violations(text: &str) -> Vec<String> {
    let mut reader = Reader::from_str(text);
    let (mut open, mut found) = (vec![String::new()], Vec::new());
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                found.extend(element(&start, open.last().expect("the root")));
                open.push(String::from_utf8_lossy(start.name().as_ref()).into_owned());
            }
            Ok(Event::Empty(start)) => found.extend(element(&start, open.last().expect("the root"))),
            Ok(Event::End(_)) => drop(open.pop()),
            Ok(Event::Eof) => return found,
            Ok(_) => {}
            Err(fault) => return vec![fault.to_string()],
        }
    }
}

fn element(start: &BytesStart<'_>, inside: &str) -> Vec<String> {
    let name = String::from_utf8_lossy(start.name().as_ref()).into_owned();
    let Some((_, places, must, may)) = SCHEMA.iter().find(|(known, ..)| *known == name) else {
        return vec![format!("<{name}> is not known")];
    };
    let attributes = start.attributes().map(|a| a.expect("an attribute"));
    let attributes: Vec<_> = attributes.map(|a| String::from_utf8_lossy(a.key.as_ref()).into_owned()).collect();
    let mut found = Vec::new();
    if !places.contains(&inside) {
        found.push(format!("<{name}> inside <{inside}>"));
    }
    found.extend(must.iter().filter(|m| !attributes.contains(&m.to_string())).map(|m| format!("<{name}> without {m}")));
    let known = |a: &&String| must.contains(&a.as_str()) || may.contains(&a.as_str());
    found.extend(attributes.iter().filter(|a| !known(a)).map(|a| format!("<{name} {a}>")));
    found
}

#[test]
fn the_document_is_of_the_schema() {
    assert_eq!(violations(&print(&samples::each(), true)), [""; 0]);
    // The check sees what it is for.
    let bad = "<testsuites><testsuite name='a' tests='1' failures='0' errors='0' disabled='0'><failure/></testsuite></testsuites>";
    assert_eq!(violations(bad), ["<testsuite disabled>", "<failure> inside <testsuite>"]);
    assert_eq!(
        violations("<testsuites><testcase/></testsuites>"),
        ["<testcase> inside <testsuites>", "<testcase> without name"]
    );
    assert!(!violations("<testsuites><testsuite></testsuites>").is_empty());
}

#[test]
fn a_consumer_reads_the_verdicts_back() {
    let text = print(&samples::each(), true);
    let report = quick_junit::Report::deserialize_from_str(&text).expect("a JUnit report");
    let suite = |name: &str| report.test_suites.iter().find(|suite| suite.name.as_str() == name).expect("a suite");
    assert_eq!((suite("rfc9293").tests, suite("rfc9293").failures, suite("rfc9293").errors), (9, 3, 2));
    let word = |status: &TestCaseStatus| match status {
        TestCaseStatus::Success { .. } => "",
        TestCaseStatus::NonSuccess { kind: quick_junit::NonSuccessKind::Failure, .. } => "failure",
        TestCaseStatus::NonSuccess { kind: quick_junit::NonSuccessKind::Error, .. } => "error",
        TestCaseStatus::Skipped { .. } => "skipped",
    };
    let read: Vec<_> =
        suite("rfc9293").test_cases.iter().map(|case| (case.name.to_string(), word(&case.status))).collect();
    let expected = ["", "", "skipped", "skipped", "error", "failure", "failure", "failure", "error"];
    for ((name, element), (verdict, wanted)) in read.iter().zip(FinalVerdict::ALL.iter().zip(expected)) {
        assert_eq!(*name, format!("rfc9293/3.10/each[v4,{verdict},<a&b>]"), "the id as `halfopen run` takes it");
        assert_eq!(*element, wanted, "{verdict}");
    }
    assert_eq!(word(&suite("expectations").test_cases[0].status), "failure");
    let [fail] = [&suite("rfc9293").test_cases[7].status];
    let TestCaseStatus::NonSuccess { message, description, .. } = fail else { panic!("{fail:?}") };
    assert_eq!(message.as_ref().expect("a message").as_str(), "line 6: flags expected ., got R; seq expected 1, got 0");
    let text = description.as_ref().expect("the exchange").as_str();
    assert!(text.contains("<--  R 0:0(0)              got") && text.contains("A red <word> & a `tick`."), "{text}");
}

#[test]
fn a_document_as_it_stands() {
    let text = print(&[samples::passing(), samples::unsupported()], false);
    expect![[r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="halfopen" tests="2" failures="0" errors="0" time="0.001234">
         <testsuite name="rfc7413" tests="1" failures="0" errors="0" skipped="1" time="0.000310">
          <properties>
           <property name="sut" value="reference"/>
           <property name="runner" value="sim"/>
           <property name="profile" value="rfc9293"/>
           <property name="seed" value="7"/>
          </properties>
          <testcase name="rfc7413/3.1/cookie[v6]" classname="rfc7413.3_1.cookie" time="0.000310">
           <skipped type="unsupported" message="no TCP Fast Open"/>
          </testcase>
         </testsuite>
         <testsuite name="rfc9293" tests="1" failures="0" errors="0" skipped="0" time="0.000310">
          <properties>
           <property name="sut" value="reference"/>
           <property name="runner" value="sim"/>
           <property name="profile" value="rfc9293"/>
           <property name="seed" value="7"/>
          </properties>
          <testcase name="rfc9293/3.10.7.4/rst/exact[v4]" classname="rfc9293.3_10_7_4.rst.exact" time="0.000310"/>
         </testsuite>
        </testsuites>
    "#]]
    .assert_eq(&text);
}
