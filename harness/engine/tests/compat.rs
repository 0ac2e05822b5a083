//! packetdrill's laxness: what passes with it passes nowhere else, and a failure that is due to strictness alone says so.

mod common;

use common::{established, fails, pass, show};
use halfopen_engine::call::Reply;
use halfopen_engine::fake::{FakeSut, Tamper};
use halfopen_engine::outcome::{Outcome, Verdict};
use halfopen_engine::packet::{Body, Datagram};
use halfopen_engine::{RunOptions, run};
use halfopen_script::test::Test;

/// What a script comes to with a SUT, strictly and as packetdrill judges.
fn both(text: &str, sut: impl Fn() -> FakeSut) -> (Outcome, Outcome) {
    let (test, sources) = common::test(text, "v4");
    let lenient = RunOptions { lenient: true, ..RunOptions::default() };
    (run(&test, &sources, &mut sut(), &RunOptions::default()), run(&test, &sources, &mut sut(), &lenient))
}

/// The reason that a strict failure gives.
#[track_caller]
fn reason(strict: &Outcome) -> Option<&'static str> {
    fails(strict).packetdrill
}

fn playing(lines: &str) -> Test {
    common::test(&established(lines), "v4").0
}

#[test]
fn segments_are_put_together_as_packetdrill_does() {
    const MERGES: Option<&str> = Some("it merges an ACK without text into the segment that follows");
    const JOINS: Option<&str> = Some("it puts segments together until they have the length of the line");
    #[rustfmt::skip]
    let table: [(&[&str], Option<&str>); 11] = [
        // What the stack sends for `P. 1:1001(1000) ack 1`
        (&[". 1:1(0) ack 1", "P. 1:1001(1000) ack 1"], MERGES),
        (&[". 1:1(0) ack 1", ". 1:1(0) ack 1", "P. 1:1001(1000) ack 1"], MERGES),
        (&[". 1:501(500) ack 1", "P. 501:1001(500) ack 1"], JOINS),
        // The last part may have any length, and those before it the same.
        (&[". 1:401(400) ack 1", "P. 401:1001(600) ack 1"], JOINS),
        (&[". 1:601(600) ack 1", ". 601:901(300) ack 1", "P. 901:1001(100) ack 1"], None),
        (&[". 1:1(0) ack 1", ". 1:501(500) ack 1", "P. 501:1001(500) ack 1"], None),
        // PSH is the last part's; the acknowledgment number and the window are those of all.
        (&["P. 1:501(500) ack 1", ". 501:1001(500) ack 1"], None),
        (&[". 1:501(500) ack 1", "P. 501:1001(500) ack 2"], None),
        (&[". 1:1(0) ack 1 win 100", "P. 1:1001(1000) ack 1 win 200"], None),
        (&[". 1:501(500) ack 1", "P. 601:1101(500) ack 1"], None),
        (&[". 1:501(500) ack 1", "P. 501:1101(600) ack 1"], None),
    ];
    let call = "+0 write(4, ..., 1000) = 1000\n";
    for (segments, expected) in table {
        let sent: String = segments.iter().map(|segment| format!("+0 > {segment}\n")).collect();
        let sut = || FakeSut::passing().playing(playing(&format!("{call}{sent}")));
        let text = established(&format!("{call}+0 > P. 1:1001(1000) ack 1"));
        let (strict, lenient) = both(&text, sut);
        assert_eq!(reason(&strict), expected, "{segments:?}: {}", show(&strict));
        assert_eq!(lenient.verdict == Verdict::Pass, expected.is_some(), "{segments:?}: {}", show(&lenient));
        let (strict, lenient) = both(&format!("--strict_segments\n{text}"), sut);
        assert_eq!((reason(&strict), lenient.verdict), (None, Verdict::Fail), "{segments:?}");
    }
}

#[test]
fn nothing_is_looked_at_after_the_last_line() {
    let text = established("+0 > . 1:1(0) ack 1");
    let (strict, lenient) = both(&text, || FakeSut::passing().tamper(1, Tamper::Again(0)));
    assert_eq!(reason(&strict), Some("it looks at nothing after the last line"));
    pass(&lenient);
}

#[test]
fn checksums_and_echoed_timestamps_are_not_looked_at() {
    let checksum = |datagram: &mut Datagram| {
        if let Body::Tcp(tcp) = &mut datagram.body {
            tcp.checksum ^= 1;
        }
    };
    let text = established("+0 > . 1:1(0) ack 1");
    let (strict, lenient) = both(&text, || FakeSut::passing().tamper(1, Tamper::Change(checksum)));
    assert_eq!(reason(&strict), Some("it does not verify TCP checksums"), "{}", show(&strict));
    pass(&lenient);
    let text = |ecr: u32| format!("+0 > . 1:1(0) ack 1 <nop,nop,TS val 5 ecr {ecr}>");
    let (strict, lenient) = both(&established(&text(7)), || FakeSut::passing().playing(playing(&text(8))));
    assert_eq!(reason(&strict), Some("it does not compare TSecr"), "{}", show(&strict));
    pass(&lenient);
    // The sequence number is wrong too.
    let wrong = |datagram: &mut Datagram| {
        if let Body::Tcp(tcp) = &mut datagram.body {
            (tcp.seq, tcp.checksum) = (tcp.seq + 1, 0);
        }
    };
    let text = established("+0 > . 1:1(0) ack 1");
    let (strict, lenient) = both(&text, || FakeSut::passing().tamper(1, Tamper::Change(wrong)));
    assert_eq!((reason(&strict), lenient.verdict), (None, Verdict::Fail), "{}", show(&lenient));
}

#[test]
fn lateness_is_tolerated_on_a_virtual_clock_too() {
    let text = established("+.1 > . 1:1(0) ack 1");
    for (late, expected) in
        [(12_500, Some("it tolerates 4 ms or an eighth of the interval on any clock")), (12_501, None)]
    {
        let (strict, lenient) = both(&text, || FakeSut::passing().tamper(1, Tamper::Late(late)));
        assert_eq!(reason(&strict), expected, "{}", show(&strict));
        assert_eq!(lenient.verdict == Verdict::Pass, expected.is_some(), "{}", show(&lenient));
    }
    // Of a range the beginning counts: 4 ms, not an eighth of half a second.
    let text = established("+0~+.5 > . 1:1(0) ack 1");
    for (late, verdict) in [(504_000, Verdict::Pass), (504_001, Verdict::Fail)] {
        let (_, lenient) = both(&text, || FakeSut::passing().tamper(1, Tamper::Late(late)));
        assert_eq!(lenient.verdict, verdict, "{}", show(&lenient));
    }
}

#[test]
fn octets_that_are_read_are_counted_only() {
    let text = established("+0 < P. 1:11(10) ack 1 win 100\n+0 > . 1:1(0) ack 11\n+0 read(4, ..., 10) = 10");
    let sut = |octets: usize| move || FakeSut::passing().reply(5, Reply::data(vec![0; octets]));
    let (strict, lenient) = both(&text, sut(10));
    assert_eq!(reason(&strict), Some("it does not look at the octets that are read"), "{}", show(&strict));
    pass(&lenient);
    let (strict, lenient) = both(&text, sut(9));
    assert_eq!((reason(&strict), lenient.verdict), (None, Verdict::Fail), "{}", show(&lenient));
}

#[test]
fn an_absolute_time_that_has_passed_is_the_harness_s_lateness() {
    let text = |at: &str| {
        let write = "write(4, ..., 10) = 10";
        established(&format!("+.1 {write}\n+0 > P. 1:11(10) ack 1\n{at} {write}\n+0 > P. 11:21(10) ack 1"))
    };
    let table = [
        // time of the second write, how long a call takes
        ("0.21", 0, Verdict::Pass),
        ("+0", 200_000, Verdict::Pass),
        ("0.21", 200_000, Verdict::Inconclusive),
    ];
    for (at, slow, verdict) in table {
        let (test, sources) = common::test(&text(at), "v4");
        let mut sut = FakeSut::new(halfopen_engine::sut::ClockKind::Real, halfopen_engine::fake::Rules::default());
        sut = sut.slow_calls(slow);
        let outcome = run(&test, &sources, &mut sut, &RunOptions::default());
        assert_eq!(outcome.verdict, verdict, "{at}: {}", show(&outcome));
    }
}
