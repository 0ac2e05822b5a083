//! JUnit XML, as the schema of Jenkins's xUnit plugin (`junit-10.xsd`) has it: the strictest of those that consumers hold files against.
//! GitLab and the actions of GitHub read the same elements and ignore what they do not know.
//!
//! One `testsuite` per specification (the first part of the id), one `testcase` per test. Its `name` is the id, so that it can be pasted
//! behind `halfopen run`; its `classname` is the script, spelled as Jenkins splits packages (at dots), e.g. `rfc9293.3_10_7_4.rst.exact`.
//!
//! | verdict | element |
//! |---|---|
//! | `pass` | none |
//! | `nonstrict` | none; `system-out` says what was not met |
//! | `xfail`, `unsupported` | `skipped`, with the verdict as `type` |
//! | `fail`, `flaky`, `xpass` | `failure` |
//! | `inconclusive`, `error` | `error` |
//!
//! So a file is red exactly when the exit code is not 0: an expectation that matches no test is a failing testcase of the suite
//! `expectations`. Not `flakyFailure`: consumers count a testcase with that one as passed.

use crate::record::{FinalVerdict, Record, RunInfo, Summary};
use crate::tables::specification;
use crate::text::plain;
use crate::{Reporter, ladder};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

/// Writes the document when the run is over: its head counts the tests.
pub struct Junit<W> {
    out: W,
    run: Option<RunInfo>,
    cases: BTreeMap<usize, Case>,
}

/// What an element says about a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    None,
    Skipped,
    Failure,
    Error,
}

impl Element {
    fn of(verdict: FinalVerdict) -> Self {
        match verdict {
            FinalVerdict::Pass | FinalVerdict::Nonstrict => Self::None,
            FinalVerdict::Xfail | FinalVerdict::Unsupported => Self::Skipped,
            FinalVerdict::Fail | FinalVerdict::Flaky | FinalVerdict::Xpass => Self::Failure,
            FinalVerdict::Inconclusive | FinalVerdict::Error => Self::Error,
        }
    }

    fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Skipped => Some("skipped"),
            Self::Failure => Some("failure"),
            Self::Error => Some("error"),
        }
    }
}

struct Case {
    suite: String,
    class: String,
    name: String,
    time: Duration,
    element: Element,
    /// Verdict.
    kind: &'static str,
    /// One line.
    message: String,
    /// The exchange; empty where it is not worth a look.
    text: String,
}

impl Case {
    fn new(record: &Record, run: &RunInfo) -> Self {
        let element = Element::of(record.verdict);
        let text = match record.verdict {
            FinalVerdict::Pass | FinalVerdict::Unsupported | FinalVerdict::Xfail => String::new(),
            FinalVerdict::Nonstrict
            | FinalVerdict::Inconclusive
            | FinalVerdict::Flaky
            | FinalVerdict::Xpass
            | FinalVerdict::Fail
            | FinalVerdict::Error => plain(&ladder::failure(record, run)),
        };
        Self {
            suite: specification(&record.test).to_string(),
            class: class(record.script()),
            name: plain(&record.test),
            // As it is stored, so that a sum of them is the same later.
            time: Duration::from_micros(record.wall.as_micros() as u64),
            element,
            kind: record.verdict.word(),
            message: plain(&record.why()),
            text,
        }
    }

    /// An expectation that matched no test.
    fn stale(line: &str) -> Self {
        Self {
            suite: "expectations".into(),
            class: "expectations".into(),
            name: plain(line),
            time: Duration::ZERO,
            element: Element::Failure,
            kind: "stale",
            message: "matches no test: mend the entry, or take it away".into(),
            text: String::new(),
        }
    }

    fn write<W: Write>(&self, xml: &mut Writer<W>) -> io::Result<()> {
        let time = seconds(self.time);
        let case = xml.create_element("testcase").with_attributes([
            ("name", self.name.as_str()),
            ("classname", &self.class),
            ("time", &time),
        ]);
        let Some(element) = self.element.name() else {
            if self.text.is_empty() {
                return case.write_empty().map(drop);
            }
            return case.write_inner_content(|xml| text(xml, "system-out", &self.text)).map(drop);
        };
        let inner = |xml: &mut Writer<W>| {
            let element =
                xml.create_element(element).with_attributes([("type", self.kind), ("message", self.message.as_str())]);
            match self.text.is_empty() {
                true => element.write_empty().map(drop),
                false => element.write_text_content(BytesText::new(&self.text)).map(drop),
            }
        };
        case.write_inner_content(inner).map(drop)
    }
}

impl<W: Write> Junit<W> {
    /// A document to `out`.
    pub fn new(out: W) -> Self {
        Self { out, run: None, cases: BTreeMap::new() }
    }

    fn run(&self) -> &RunInfo {
        self.run.as_ref().expect("start comes before any record")
    }
}

impl<W: Write> Reporter for Junit<W> {
    fn start(&mut self, run: &RunInfo) -> io::Result<()> {
        self.run = Some(run.clone());
        Ok(())
    }

    fn record(&mut self, record: &Record) -> io::Result<()> {
        let case = Case::new(record, self.run());
        self.cases.insert(record.index, case);
        Ok(())
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        let cases: Vec<Case> =
            std::mem::take(&mut self.cases).into_values().chain(summary.stale.iter().map(|l| Case::stale(l))).collect();
        let mut suites: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
        cases.iter().for_each(|case| suites.entry(&case.suite).or_default().push(case));
        let run = self.run().clone();
        let mut xml = Writer::new_with_indent(&mut self.out, b' ', 1);
        xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        let [tests, failures, errors, _] = counts(&cases.iter().collect::<Vec<_>>());
        let time = seconds(summary.wall);
        let root = xml.create_element("testsuites").with_attributes([
            ("name", "halfopen"),
            ("tests", &tests),
            ("failures", &failures),
            ("errors", &errors),
            ("time", &time),
        ]);
        root.write_inner_content(|xml| {
            suites.iter().try_for_each(|(name, cases)| write_suite(xml, name, cases, &run))
        })?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}

fn write_suite<W: Write>(xml: &mut Writer<W>, name: &str, cases: &[&Case], run: &RunInfo) -> io::Result<()> {
    let [tests, failures, errors, skipped] = counts(cases);
    let time = seconds(cases.iter().map(|case| case.time).sum());
    let name = plain(name);
    let suite = xml.create_element("testsuite").with_attributes([
        ("name", name.as_str()),
        ("tests", &tests),
        ("failures", &failures),
        ("errors", &errors),
        ("skipped", &skipped),
        ("time", &time),
    ]);
    let seed = run.seed.to_string();
    let properties = [
        ("sut", run.sut.as_str()),
        ("runner", &run.runner),
        ("version", &run.version),
        ("profile", run.profile.as_deref().unwrap_or_default()),
        ("seed", &seed),
    ];
    let inner = |xml: &mut Writer<W>| {
        xml.create_element("properties").write_inner_content(|xml| {
            properties.iter().filter(|(_, value)| !value.is_empty()).try_for_each(|(name, value)| {
                let value = plain(value);
                xml.create_element("property")
                    .with_attributes([("name", *name), ("value", &value)])
                    .write_empty()
                    .map(drop)
            })
        })?;
        cases.iter().try_for_each(|case| case.write(xml))
    };
    suite.write_inner_content(inner).map(drop)
}

fn text<W: Write>(xml: &mut Writer<W>, element: &str, text: &str) -> io::Result<()> {
    xml.create_element(element).write_text_content(BytesText::new(text)).map(drop)
}

/// Tests, failures, errors, skipped ones.
fn counts(cases: &[&Case]) -> [String; 4] {
    let count = |element| cases.iter().filter(|case| case.element == element).count();
    [cases.len(), count(Element::Failure), count(Element::Error), count(Element::Skipped)].map(|n| n.to_string())
}

/// Jenkins takes what stands before the last dot for the package.
fn class(script: &str) -> String {
    plain(script).replace('.', "_").replace('/', ".")
}

/// Seconds to the microsecond: most tests take less than a millisecond.
fn seconds(time: Duration) -> String {
    format!("{}.{:06}", time.as_secs(), time.subsec_micros())
}
