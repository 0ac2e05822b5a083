//! `[[difference]]`: what `halfopen fuzz diff` knows the SUT to do otherwise than the reference stack.

use super::{Entry, Fault, line_of};
use halfopen_fuzz::differential::Divergence;
use serde::Deserialize;
use wildmatch::WildMatch;

/// One `[[difference]]`.
#[derive(Debug)]
pub struct Difference {
    /// The rule that the two keep differently.
    pub rule: String,
    kinds: Vec<WildMatch>,
    states: Vec<String>,
    events: Vec<WildMatch>,
    linux: Option<WildMatch>,
    reference: Option<WildMatch>,
    /// What this event or an earlier one has to have been.
    after: Vec<WildMatch>,
    /// Whether the first thing that differs has to be a segment with text.
    text: bool,
    /// Whether a segment of the event has to reach beyond the window that was offered.
    beyond: bool,
    /// Why it is as it is: its own words, or those of the `[[xfail]]` that it names.
    pub reason: String,
    /// `file:line`
    pub place: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    rule: String,
    kind: Vec<String>,
    #[serde(default)]
    state: Vec<String>,
    #[serde(default)]
    event: Vec<String>,
    linux: Option<String>,
    reference: Option<String>,
    #[serde(default)]
    after: Vec<String>,
    #[serde(default)]
    text: bool,
    #[serde(default)]
    beyond: bool,
    reason: Option<String>,
    xfail: Option<String>,
}

impl Difference {
    /// Whether it explains this one.
    #[must_use]
    pub fn explains(&self, found: &Divergence) -> bool {
        let any = |globs: &[WildMatch], text: &str| globs.is_empty() || globs.iter().any(|glob| glob.matches(text));
        let first = |glob: &Option<WildMatch>, item: &str| glob.as_ref().is_none_or(|glob| glob.matches(item));
        let (reference, linux) = found.first();
        any(&self.kinds, &found.kind)
            && (self.states.is_empty() || self.states.iter().any(|state| state == found.state))
            && any(&self.events, &found.what)
            && (self.after.is_empty()
                || self.after.iter().any(|glob| found.so_far.iter().any(|event| glob.matches(event))))
            && (!self.text || found.is_about_text())
            && (!self.beyond || found.beyond)
            && first(&self.linux, &linux)
            && first(&self.reference, &reference)
    }
}

/// Reads one. `entries` are those whose reasons may be named.
pub(super) fn of_one(shown: &str, text: &str, raw: toml::Spanned<Raw>, entries: &[Entry]) -> Result<Difference, Fault> {
    let place = format!("{shown}:{}", line_of(text, raw.span().start));
    let raw = raw.into_inner();
    let wrong = |what: &str| Fault::Environment(format!("{place}: {what}"));
    let reason = match (raw.reason, raw.xfail) {
        (Some(reason), None) if !reason.trim().is_empty() => reason,
        (None, Some(test)) => {
            let named = entries.iter().find(|entry| entry.test == test);
            named.ok_or_else(|| wrong(&format!("no [[xfail]] has the test `{test}`")))?.reason.clone()
        }
        _ => return Err(wrong("a [[difference]] needs a `reason`, or `xfail`, the test of an entry that has one")),
    };
    if raw.kind.is_empty() {
        return Err(wrong("`kind` names no kind of difference"));
    }
    let globs = |patterns: &[String]| patterns.iter().map(|pattern| WildMatch::new(pattern)).collect();
    Ok(Difference {
        kinds: globs(&raw.kind),
        events: globs(&raw.event),
        after: globs(&raw.after),
        text: raw.text,
        beyond: raw.beyond,
        linux: raw.linux.as_deref().map(WildMatch::new),
        reference: raw.reference.as_deref().map(WildMatch::new),
        rule: raw.rule,
        states: raw.state,
        reason,
        place,
    })
}

#[cfg(test)]
mod tests {
    use super::super::Expectations;
    use halfopen_fuzz::datagram::{ACK, Seg};
    use halfopen_fuzz::differential::trace::Segment;
    use halfopen_fuzz::differential::{Divergence, Item};

    const FILE: &str = r#"
[[xfail]]
test = "rfc9293/a*"
kind = "missing"
reason = "It is a mini socket."
rfc = "RFC 9293 3.10.7.4"

[[difference]]
rule = "rfc9293/a"
kind = ["missing"]
state = ["TIME-WAIT"]
event = ["segment ?: *R*"]
xfail = "rfc9293/a*"
"#;

    const LATER: &str = r#"
[[difference]]
rule = "rfc9293/a"
kind = ["missing"]
after = ["icmp ? error: TooBig*"]
text = true
reason = "Of a smaller path."
"#;

    fn found(kind: &str, state: &'static str, what: &str) -> Divergence {
        Divergence {
            index: 1,
            first: (0, 0),
            kind: kind.to_owned(),
            state,
            event: "segment",
            what: what.to_owned(),
            so_far: vec!["open 0".to_owned(), what.to_owned()],
            reference: vec![Item::State(1)],
            other: vec![Item::State(7)],
            beyond: false,
            times: [Vec::new(), Vec::new()],
        }
    }

    #[test]
    fn kind_state_and_event_have_to_fit_and_the_reason_is_the_xfail_s() {
        let expectations = Expectations::parse("linux.toml", FILE).unwrap();
        let [difference] = expectations.differences() else { panic!("one") };
        assert_eq!((difference.reason.as_str(), difference.place.as_str()), ("It is a mini socket.", "linux.toml:8"));
        assert!(difference.explains(&found("missing", "TIME-WAIT", "segment 0: R seq next")));
        for other in [
            found("extra", "TIME-WAIT", "segment 0: R seq next"),
            found("missing", "CLOSED", "segment 0: R seq next"),
            found("missing", "TIME-WAIT", "segment 0: . seq next"),
        ] {
            assert!(!difference.explains(&other), "{other}");
        }
    }

    #[test]
    fn what_came_before_and_whether_it_is_text_may_count() {
        let expectations = Expectations::parse("linux.toml", LATER).unwrap();
        let [difference] = expectations.differences() else { panic!("one") };
        let mut found = found("missing", "ESTABLISHED", "text 0 length: 1");
        let text = Seg { flags: ACK, payload: b"text", ..Seg::default() };
        found.other = vec![Item::Segment(Segment::of(&text, 0, 0, None, None))];
        assert!(!difference.explains(&found), "nothing came before");
        found.so_far.insert(0, "icmp 0 error: TooBig(600), quoted: 0, forged: false".to_owned());
        assert!(difference.explains(&found));
        found.other = vec![Item::State(7)];
        assert!(!difference.explains(&found), "no text");
    }

    #[test]
    fn a_segment_beyond_the_window_may_be_asked_for() {
        let text = LATER.replace("text = true", "beyond = true").replace("after = [\"icmp ? error: TooBig*\"]\n", "");
        let expectations = Expectations::parse("linux.toml", &text).unwrap();
        let [difference] = expectations.differences() else { panic!("one") };
        let mut found = found("missing", "ESTABLISHED", "text 0 length: 1");
        assert!(!difference.explains(&found));
        found.beyond = true;
        assert!(difference.explains(&found));
    }

    #[test]
    fn an_entry_without_a_reason_is_refused() {
        let none = FILE.replace("xfail = \"rfc9293/a*\"", "");
        let other = FILE.replace("xfail = \"rfc9293/a*\"", "xfail = \"b\"");
        for text in [none, other] {
            let fault = Expectations::parse("f", &text).unwrap_err();
            assert!(fault.to_string().starts_with("f:8: "), "{fault}");
        }
    }
}
