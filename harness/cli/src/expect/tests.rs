use super::*;
use halfopen_engine::outcome::{Lateness, Mismatch};

const FILE: &str = r#"
[[xfail]]
test = "rfc9293/3.10.7.1/*[v6*"
kind = "missing"
got = "nothing"
reason = "drops silently"
rfc = "RFC 5961 3.2"
"#;

fn failed(kind: MismatchKind, got: &str) -> Outcome {
    let mismatch = Mismatch {
        kind,
        span: None,
        line: Some(3),
        expected: "R. 0:0(0) ack 1".into(),
        got: got.into(),
        fields: Vec::new(),
        cited: None,
        cited_line: None,
        timing: false,
        packetdrill: None,
    };
    Outcome {
        verdict: Verdict::Fail,
        mismatch: Some(mismatch),
        reason: None,
        trace: Vec::new(),
        snapshot: Vec::new(),
        elapsed: 0,
        lateness: Lateness::default(),
    }
}

fn passed() -> Outcome {
    Outcome {
        verdict: Verdict::Pass,
        mismatch: None,
        reason: None,
        trace: Vec::new(),
        snapshot: Vec::new(),
        elapsed: 0,
        lateness: Lateness::default(),
    }
}

#[test]
fn a_failure_is_expected_only_for_its_test_and_in_its_way() {
    let expectations = Expectations::parse("linux.toml", FILE).unwrap();
    let v6 = "rfc9293/3.10.7.1/closed-rst[v6,next]";
    let v4 = "rfc9293/3.10.7.1/closed-rst[v4,next]";
    //  id  outcome                                     ->  verdict
    let cases = [
        (v6, failed(MismatchKind::Missing, "nothing for 1 s"), FinalVerdict::Xfail),
        (v6, failed(MismatchKind::Missing, "silence"), FinalVerdict::Fail),
        (v6, failed(MismatchKind::Segment, "nothing"), FinalVerdict::Fail),
        (v6, Outcome { verdict: Verdict::Nonstrict, ..failed(MismatchKind::Segment, "R") }, FinalVerdict::Fail),
        (v6, passed(), FinalVerdict::Xpass),
        (v6, Outcome { verdict: Verdict::Unsupported, ..passed() }, FinalVerdict::Unsupported),
        (v4, failed(MismatchKind::Missing, "nothing"), FinalVerdict::Fail),
        (v4, Outcome { verdict: Verdict::Nonstrict, ..failed(MismatchKind::Segment, "R") }, FinalVerdict::Nonstrict),
        (v4, passed(), FinalVerdict::Pass),
    ];
    for (id, outcome, verdict) in cases {
        assert_eq!(expectations.judge(id, &outcome).0, verdict, "{id} {outcome:?}");
    }
}

#[test]
fn an_entry_that_no_test_uses_is_stale() {
    let expectations = Expectations::parse("linux.toml", FILE).unwrap();
    expectations.mark("rfc9293/3.10.7.1/closed-rst[v4]");
    assert_eq!(expectations.stale(), ["linux.toml:2 `rfc9293/3.10.7.1/*[v6*` matches no test"]);
    expectations.mark("rfc9293/3.10.7.1/closed-rst[v6]");
    assert!(expectations.stale().is_empty());
}

#[test]
fn a_file_says_what_is_wrong_with_it_and_where() {
    let cases = [
        ("[[xfail]]\ntest = \"a\"\nkind = \"missing\"\nrfc = \"x\"", "f:1: `a` needs a `reason`"),
        ("\n[[xfail]]\ntest = \"a\"\nkind = \"missing\"\nreason = \"r\"", "f:2: `a` needs `rfc` or `link`"),
        (
            "[[xfail]]\ntest = \"a\"\nkind = \"late\"\nreason = \"r\"\nrfc = \"x\"",
            "f:1: `late` is no kind of difference",
        ),
        ("[[xfail]]\ntest = \"a\"\nkid = \"late\"", "f:3: unknown field `kid`"),
        ("[[xfail]]\ntest = ", "f:2: "),
    ];
    for (text, message) in cases {
        let fault = Expectations::parse("f", text).unwrap_err();
        assert!(fault.to_string().starts_with(message), "{fault}");
        assert_eq!(fault.exit(), 3);
    }
}

#[test]
fn what_a_sut_lacks_is_no_failure_and_no_pass() {
    let file = FILE.replace("xfail", "unsupported");
    let expectations = Expectations::parse("linux.toml", &file).unwrap();
    let v6 = "rfc9293/3.10.7.1/closed-rst[v6,next]";
    let judged = |outcome| expectations.judge(v6, &outcome);
    let (verdict, why) = judged(failed(MismatchKind::Missing, "nothing"));
    assert_eq!((verdict, why.as_deref()), (FinalVerdict::Unsupported, Some("drops silently (RFC 5961 3.2)")));
    assert_eq!(judged(failed(MismatchKind::Segment, "R")).0, FinalVerdict::Fail, "it fails otherwise");
    assert_eq!(judged(passed()).0, FinalVerdict::Xpass);
}

#[test]
fn an_entry_may_name_several_globs() {
    let file = FILE.replace("\"rfc9293/3.10.7.1/*[v6*\"", "[\"*[v6*\", \"rfc9293/3.2/*\"]");
    let expectations = Expectations::parse("linux.toml", &file).unwrap();
    assert_eq!(expectations.of("rfc9293/3.2/x[v4]").count(), 1);
    assert_eq!(expectations.of("rfc9293/3.3/x[v6]").count(), 1);
    assert_eq!(expectations.of("rfc9293/3.3/x[v4]").count(), 0);
    expectations.mark("rfc9293/3.3/x[v6]");
    assert_eq!(expectations.stale(), ["linux.toml:2 `rfc9293/3.2/*` matches no test"], "each has to match one");
    let none = FILE.replace("\"rfc9293/3.10.7.1/*[v6*\"", "[]");
    assert!(Expectations::parse("linux.toml", &none).is_err());
}
