//! Counts of tests, and where they are read from: libtest's closing lines and our own JSON lines.

use crate::json;
use std::fmt;
use std::ops::AddAssign;

/// How many tests ended how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    /// Did what they should.
    pub(crate) passed: u64,
    /// Make the run fail.
    pub(crate) failed: u64,
    /// Neither: ignored, unsupported by the stack, or a known deviation.
    pub(crate) skipped: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

/// Reads one line of `cargo test`: `test result: ok. 3 passed; 0 failed; 1 ignored; ...`.
///
/// `None` for every other line. The word after the colon may be coloured, so it is not looked at.
pub(crate) fn libtest_line(line: &str) -> Option<Tally> {
    let counts = line.trim_start().strip_prefix("test result: ")?;
    let mut tally = Tally::default();
    let mut seen = 0;
    for part in counts.split(';') {
        let mut words = part.split_whitespace().rev();
        let (Some(word), Some(Ok(number))) = (words.next(), words.next().map(str::parse::<u64>)) else { continue };
        let slot = match word {
            "passed" => &mut tally.passed,
            "failed" => &mut tally.failed,
            "ignored" => &mut tally.skipped,
            _ => continue,
        };
        *slot = number;
        seen += 1;
    }
    (seen == 3).then_some(tally)
}

/// What the JSON lines of one `halfopen run` say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Conformance {
    /// Tests, as they count in the closing line.
    pub(crate) tally: Tally,
    /// The object of the summary line, as written; `None` when the run broke off before it.
    pub(crate) summary: Option<String>,
}

/// Reads the JSON lines of one run.
///
/// A deviation that the expectation file names (`xfail`) and a SHOULD not met (`nonstrict`) are no passes, and what the
/// stack declares absent (`unsupported`) says nothing: all three count as skipped. A flaky test, an inconclusive one, and
/// any verdict that this function does not know count as failed.
///
/// # Errors
/// A line that is no object, or that is neither a test nor the summary; the message names the line.
pub(crate) fn conformance(text: &str) -> Result<Conformance, String> {
    let mut read = Conformance::default();
    for (index, line) in text.lines().enumerate() {
        let fields = json::fields(line).map_err(|fault| format!("line {}: {fault}", index + 1))?;
        let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| *value);
        match (field("verdict"), field("summary")) {
            (Some("\"pass\""), _) => read.tally.passed += 1,
            (Some("\"xfail\"" | "\"nonstrict\"" | "\"unsupported\""), _) => read.tally.skipped += 1,
            (Some(_), _) => read.tally.failed += 1,
            (None, Some(summary)) => read.summary = Some(summary.to_owned()),
            (None, None) => return Err(format!("line {}: neither a test nor a summary", index + 1)),
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libtest_lines_are_counted_and_others_are_not() {
        let counted = |passed, failed, skipped| Some(Tally { passed, failed, skipped });
        let cases = [
            (
                "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.02s",
                counted(12, 0, 1),
            ),
            (
                "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0s",
                counted(3, 2, 0),
            ),
            (
                "test result: \x1b[32mok\x1b[m. 7 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out",
                counted(7, 0, 0),
            ),
            ("test seq::tests::wraps ... ok", None),
            ("running 12 tests", None),
            ("test result: ok. 12 passed", None),
            ("the test result: ok. 1 passed; 0 failed; 0 ignored", None),
            ("", None),
        ];
        for (line, expected) in cases {
            assert_eq!(libtest_line(line), expected, "{line}");
        }
    }

    #[test]
    fn verdicts_fall_into_three_heaps() {
        let cases = [
            ("pass", (1, 0, 0)),
            ("fail", (0, 1, 0)),
            ("xpass", (0, 1, 0)),
            ("error", (0, 1, 0)),
            ("flaky", (0, 1, 0)),
            ("inconclusive", (0, 1, 0)),
            ("some-new-verdict", (0, 1, 0)),
            ("xfail", (0, 0, 1)),
            ("nonstrict", (0, 0, 1)),
            ("unsupported", (0, 0, 1)),
        ];
        for (verdict, (passed, failed, skipped)) in cases {
            let line = format!(r#"{{"v":1,"test":"a[v4]","verdict":"{verdict}","mismatch":{{"verdict":"pass"}}}}"#);
            let read = conformance(&line).unwrap();
            assert_eq!(read.tally, Tally { passed, failed, skipped }, "{verdict}");
            assert_eq!(read.summary, None, "{verdict}");
        }
    }

    #[test]
    fn summary_is_kept_and_not_counted() {
        let read = conformance("{\"test\":\"a\",\"verdict\":\"pass\"}\n{\"v\":1,\"summary\":{\"pass\":1}}\n").unwrap();
        assert_eq!(read.summary.as_deref(), Some("{\"pass\":1}"));
        assert_eq!(read.tally, Tally { passed: 1, failed: 0, skipped: 0 });
    }

    #[test]
    fn broken_lines_are_named() {
        for (text, expected) in [
            ("{\"verdict\":\"pass\"}\n{\"verdict\":\"pa", "line 2: "),
            ("{\"v\":1}", "line 1: neither a test nor a summary"),
            ("\n", "line 1: "),
        ] {
            let fault = conformance(text).unwrap_err();
            assert!(fault.starts_with(expected), "{text:?}: {fault}");
        }
    }

    #[test]
    fn closing_line_is_the_one_that_services_read() {
        assert_eq!(Tally { passed: 3, failed: 0, skipped: 0 }.to_string(), "3 passed, 0 failed");
        assert_eq!(Tally { passed: 3, failed: 1, skipped: 2 }.to_string(), "3 passed, 1 failed, 2 skipped");
    }
}
