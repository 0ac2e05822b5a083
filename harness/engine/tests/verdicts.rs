//! Every sort of mismatch, seen.

mod common;

use common::{established, fails, fields, pass, play, show};
use halfopen_engine::call::Reply;
use halfopen_engine::fake::{FakeSut, Rules, Tamper};
use halfopen_engine::outcome::{Mark, MismatchKind, Verdict};
use halfopen_engine::packet::{Body, Datagram, Ip, Tcp, tcp::flag};
use halfopen_engine::sut::ClockKind;
use halfopen_engine::{RunOptions, run_caught};

fn real() -> FakeSut {
    FakeSut::new(ClockKind::Real, Rules::default())
}

fn tcp(datagram: &mut Datagram) -> &mut Tcp {
    match &mut datagram.body {
        Body::Tcp(tcp) => tcp,
        Body::Udp(_) | Body::Icmp(_) | Body::Other(_) => panic!("not a segment"),
    }
}

const EXCHANGE: &str = "\
+.01 < P. 1:1001(1000) ack 1 win 65535
+0 > . 1:1(0) ack 1001
+0 read(4, ..., 2000) = 1000
+0 write(4, ..., 500) = 500
+0 > P. 1:501(500) ack 1001 win 65535
+.1 < . 1001:1001(0) ack 501 win 65535
+.5 silent
+0 close(4) = 0
+0 > F. 501:501(0) ack 1001
+.1 < F. 1001:1001(0) ack 502 win 65535
+0 > . 502:502(0) ack 1002";

#[test]
fn a_sut_that_does_what_the_script_says_passes() {
    for mut sut in [FakeSut::passing(), real()] {
        let outcome = play(&established(EXCHANGE), &mut sut);
        pass(&outcome);
        assert!(outcome.trace.iter().all(|entry| entry.mark == Mark::Ok));
        let texts: Vec<&str> = outcome.trace.iter().map(|entry| entry.text.as_str()).collect();
        assert!(texts.contains(&"P. 1:501(500) ack 1001 win 65535"), "{texts:?}");
        assert!(texts.contains(&"S. 0:0(0) ack 1 win 65535 <mss 1460>"), "{texts:?}");
        assert!(outcome.trace.iter().any(|entry| entry.cited == ["rfc9293/fake"]));
    }
}

#[test]
fn every_differing_field_is_named() {
    type Change = fn(&mut Datagram);
    // The second datagram is the ACK of 1000 octets, the third carries 500.
    #[rustfmt::skip]
    let table: Vec<(usize, Change, MismatchKind, Vec<&str>)> = vec![
        (1, |d| { tcp(d).seq += 7; tcp(d).ack -= 1; d.complete() },        MismatchKind::Segment,  vec!["seq 1/8", "ack 1001/1000"]),
        (1, |d| { tcp(d).flags = flag::RST; d.complete() },                MismatchKind::Segment,  vec!["flags ./R", "ack 1001/-"]),
        (1, |d| { tcp(d).flags |= flag::ECE; d.complete() },               MismatchKind::Segment,  vec!["flags ./E."]),
        (1, |d| { tcp(d).reserved = 1; d.complete() },                     MismatchKind::Segment,  vec!["reserved 0/1"]),
        (1, |d| { tcp(d).options = vec![1, 1, 1, 0]; d.complete() },       MismatchKind::Segment,  vec!["options <>/<nop,nop,nop,eol>"]),
        (1, |d| { tcp(d).payload = vec![0]; d.complete() },                MismatchKind::Segment,  vec!["len 0/1", "payload octet 0 of the stream at 0/0x00 for 0xff"]),
        (1, |d| { tcp(d).dst_port += 1; d.complete() },                    MismatchKind::Segment,  vec!["ports those under test/8080 > 54898", "seq 1/805306369"]),
        (1, |d| { tcp(d).checksum ^= 0xff },                               MismatchKind::Checksum, vec!["checksum"]),
        (1, |d| { if let Ip::V4(ip) = &mut d.ip { ip.checksum ^= 1 } },    MismatchKind::Checksum, vec!["ip-checksum"]),
        (1, |d| { if let Ip::V4(ip) = &mut d.ip { ip.src = [10, 0, 0, 1].into() } d.complete() }, MismatchKind::Segment, vec!["src 192.168.0.2/10.0.0.1"]),
        (1, |d| { d.trailer = vec![0; 4] },                                MismatchKind::Segment,  vec!["ip-len 44/40"]),
        (2, |d| { tcp(d).window = 9; d.complete() },                       MismatchKind::Segment,  vec!["win 65535/9"]),
        (2, |d| { tcp(d).payload[7] ^= 1; d.complete() },                  MismatchKind::Payload,  vec!["payload octet 7 of the stream at 7"]),
        (2, |d| { tcp(d).payload.pop(); d.complete() },                    MismatchKind::Segment,  vec!["len 500/499"]),
        (2, |d| { tcp(d).data_offset = 3 },                                MismatchKind::Segment,  vec!["checksum", "doff 5 to 130/3"]),
    ];
    for (index, change, kind, expected) in table {
        let outcome = play(&established(EXCHANGE), &mut FakeSut::passing().tamper(index, Tamper::Change(change)));
        let mismatch = fails(&outcome);
        assert_eq!(mismatch.kind, kind, "{expected:?} {}", show(&outcome));
        let got = fields(mismatch);
        let begins = got.iter().zip(&expected).all(|(got, expected)| got.starts_with(expected));
        assert!(got.len() == expected.len() && begins, "expected {expected:?}, got {got:?}");
        assert_eq!(mismatch.line, Some(if index == 1 { 10 } else { 13 }));
        assert_eq!((mismatch.cited, mismatch.timing), (Some("rfc9293/fake"), false));
        let marks: Vec<Mark> = outcome.trace.iter().rev().take(2).map(|entry| entry.mark).collect();
        assert_eq!(marks, [Mark::Got, Mark::Expected]);
    }
}

#[test]
fn early_late_and_missing_are_told_apart() {
    let second = |tamper| move |sut: FakeSut| sut.tamper(1, tamper);
    #[rustfmt::skip]
    let table = [
        // clock       off by        kind
        ("virtual",           1, Some(MismatchKind::Time)),
        ("virtual",   3_000_000, Some(MismatchKind::Time)),
        ("virtual", 900_000_000, Some(MismatchKind::Missing)),
        ("real",          3_999, None),
        ("real",          4_001, Some(MismatchKind::Time)),
        ("real",      1_900_000, Some(MismatchKind::Time)),
        ("real",      3_000_000, Some(MismatchKind::Missing)),
    ];
    for (clock, by, kind) in table {
        let sut = if clock == "real" { real() } else { FakeSut::passing() };
        let outcome = play(&established(EXCHANGE), &mut second(Tamper::Late(by))(sut));
        let Some(kind) = kind else {
            pass(&outcome);
            continue;
        };
        let mismatch = fails(&outcome);
        assert_eq!((mismatch.kind, mismatch.line), (kind, Some(10)), "{clock} {by}");
        assert_eq!(mismatch.timing, clock == "real" && kind == MismatchKind::Time);
    }
    let outcome = play(&established(EXCHANGE), &mut second(Tamper::Omit)(FakeSut::passing()));
    let mismatch = fails(&outcome);
    assert_eq!((mismatch.kind, mismatch.expected.as_str()), (MismatchKind::Missing, ". 1:1(0) ack 1001"));
    assert!(mismatch.got.starts_with("nothing until 600.1"), "{}", mismatch.got);
    assert_eq!(outcome.trace.last().map(|entry| entry.mark), Some(Mark::Expected));
}

#[test]
fn early_segments_are_caught() {
    let lines = "+1 > R. 1:1(0) ack 1";
    for (mut sut, fails_with) in [
        (FakeSut::passing().tamper(1, Tamper::Late(-500_000)), "time 1.1/0.6"),
        (real().tamper(1, Tamper::Late(-500_000)), "time 1.1 +-0.125/0.6"),
    ] {
        let outcome = play(&established(lines), &mut sut);
        let mismatch = fails(&outcome);
        assert_eq!((mismatch.kind, fields(mismatch)), (MismatchKind::Time, vec![fails_with.to_owned()]));
    }
    pass(&play(&established(lines), &mut real().tamper(1, Tamper::Late(-100_000))));
    // Early, while the harness waits for its own turn: nothing can expect it any more.
    let outcome = play(
        &established("+1 < . 1:1(0) ack 1 win 100\n+0 > . 1:1(0) ack 1"),
        &mut FakeSut::passing().tamper(0, Tamper::Again(600_000)),
    );
    let mismatch = fails(&outcome);
    assert_eq!((mismatch.kind, mismatch.line), (MismatchKind::Unexpected, Some(9)));
    assert!(mismatch.expected.contains("nothing before line 9, which is due at 1.1"), "{}", mismatch.expected);
}

#[test]
fn nothing_may_come_where_nothing_is_expected() {
    // Doubled in the middle: the second one meets the next line. Doubled at the end: after the last line.
    let outcome = play(&established(EXCHANGE), &mut FakeSut::passing().tamper(1, Tamper::Again(0)));
    let mismatch = fails(&outcome);
    assert_eq!((mismatch.kind, mismatch.line), (MismatchKind::Segment, Some(13)));
    let outcome = play(&established(EXCHANGE), &mut FakeSut::passing().tamper(4, Tamper::Again(0)));
    let mismatch = fails(&outcome);
    assert_eq!((mismatch.kind, mismatch.line, mismatch.span), (MismatchKind::Unexpected, None, None));
    assert_eq!(
        (mismatch.expected.as_str(), mismatch.got.as_str()),
        ("nothing after the last line", ". 502:502(0) ack 1002 win 65535")
    );
    // In the middle of silence.
    let outcome = play(&established("+1 silent"), &mut FakeSut::passing().tamper(0, Tamper::Again(700_000)));
    let mismatch = fails(&outcome);
    assert_eq!((mismatch.kind, mismatch.line), (MismatchKind::Unexpected, Some(9)));
    assert_eq!(mismatch.expected, "silence until 1.1");
    // Within 10 ms of the end, and after that.
    for (at, verdict) in [(108_000, Verdict::Fail), (111_000, Verdict::Pass)] {
        let outcome = play(&established(""), &mut FakeSut::passing().tamper(0, Tamper::Again(at)));
        assert_eq!(outcome.verdict, verdict, "{at}");
    }
}

#[test]
fn results_of_calls_are_compared() {
    #[rustfmt::skip]
    let table: Vec<(&str, Reply, MismatchKind, Vec<&str>, &str)> = vec![
        ("+0 write(4, ..., 10) = 10", Reply::value(9),   MismatchKind::Call, vec!["result 10/9"], "write(4, ..., 10) = 9"),
        ("+0 write(4, ..., 10) = 10", Reply::errno(32),  MismatchKind::Call, vec!["result 10/-1", "errno -/EPIPE"], "write(4, ..., 10) = -1 EPIPE (Broken pipe)"),
        ("+0 write(4, ..., 10) = -1 EAGAIN (why)", Reply::errno(32), MismatchKind::Call, vec!["errno EAGAIN/EPIPE"], "write(4, ..., 10) = -1 EPIPE (Broken pipe)"),
        ("+0 write(4, ..., 10) = -1 EAGAIN", Reply::value(10), MismatchKind::Call, vec!["result -1/10", "errno EAGAIN/-"], "write(4, ..., 10) = 10"),
        ("+0 accept(3, ..., ...) = 5", Reply::errno(11), MismatchKind::Call, vec!["result 5/-1", "errno -/EAGAIN"], "accept(3, ..., ...) = -1 EAGAIN (Resource temporarily unavailable)"),
        ("+0 getsockopt(4, SOL_SOCKET, SO_ERROR, [0], [4]) = 0", Reply::Done { value: 0, errno: 0, data: 104i32.to_ne_bytes().to_vec() }, MismatchKind::Call, vec!["value 0/ECONNRESET"], "getsockopt(4, SOL_SOCKET, SO_ERROR, [ECONNRESET], [4]) = 0"),
        ("+0 getsockopt(4, SOL_SOCKET, SO_ERROR, [0], [4]) = 0", Reply::Done { value: 0, errno: 0, data: vec![0] }, MismatchKind::Call, vec!["optlen 4/1"], "getsockopt(4, SOL_SOCKET, SO_ERROR, [0], [4]) = 0"),
        ("+0 getsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=5}, [8]) = 0", Reply::Done { value: 0, errno: 0, data: [1i32, 6].map(i32::to_ne_bytes).concat() }, MismatchKind::Call, vec!["value {onoff=1, linger=5}/"], ""),
        ("+0 getsockopt(4, SOL_TCP, TCP_CONGESTION, \"reno\", [16]) = 0", Reply::Done { value: 0, errno: 0, data: b"cubic\0\0\0\0\0\0\0\0\0\0\0".to_vec() }, MismatchKind::Call, vec!["value reno/cubic"], ""),
        ("+0 ioctl(4, SIOCINQ, [7]) = 0", Reply::Done { value: 0, errno: 0, data: 8i32.to_ne_bytes().to_vec() }, MismatchKind::Call, vec!["value 7/8"], ""),
        ("+0 poll([{fd=4, events=POLLIN|POLLOUT, revents=POLLOUT}], 1, 0) = 1", Reply::Done { value: 1, errno: 0, data: 5i16.to_ne_bytes().to_vec() }, MismatchKind::Call, vec!["revents POLLOUT/POLLIN|POLLOUT"], ""),
        ("+0 read(4, ..., 10) = 10", Reply::data(vec![0; 10]), MismatchKind::Payload, vec!["data 0x9e, octet 1 of the stream, at 1/0x00"], ""),
        ("+0 write(4, ..., 10) = 10", Reply::Pending, MismatchKind::Blocking, vec!["blocking a result at once/blocked at 0.1"], "blocked at 0.1"),
    ];
    for (line, reply, kind, expected, got) in table {
        let text = established(line);
        if kind != MismatchKind::Blocking {
            pass(&play(&text, &mut FakeSut::passing()));
        }
        let outcome = play(&text, &mut FakeSut::passing().reply(5, reply));
        let mismatch = fails(&outcome);
        assert_eq!((mismatch.kind, mismatch.line), (kind, Some(9)), "{line}");
        let seen = fields(mismatch);
        assert!(
            seen.len() == expected.len() && seen.iter().zip(&expected).all(|(a, b)| a.starts_with(b)),
            "{line}: {seen:?}"
        );
        assert!(got.is_empty() || mismatch.got == got, "{line}: {}", mismatch.got);
    }
}

#[test]
fn blocking_calls_return_when_they_are_declared_to() {
    let lines = "+0...0.3 read(4, ..., 1000) = 100\n+.2 < P. 1:101(100) ack 1 win 65535\n+0 > . 1:1(0) ack 101\n+.5 write(4, ..., 1) = 1\n+0 > P. 1:2(1) ack 101";
    let text = established(lines).replace("+0...0.3 read", "+0...+0.2 read").replace("+0...+0.2", "+0...0.2");
    for mut sut in [FakeSut::passing(), real()] {
        pass(&play(&text, &mut sut));
    }
    // It returns at once, it returns something else, it never returns.
    let outcome = play(&text, &mut FakeSut::passing().hasty());
    assert_eq!((fails(&outcome).kind, fields(fails(&outcome))), (MismatchKind::Time, vec!["time 0.3/0.1".to_owned()]));
    let outcome = play(&text, &mut FakeSut::passing().reply(5, Reply::errno(104)));
    assert_eq!((fails(&outcome).kind, fails(&outcome).line), (MismatchKind::Call, Some(9)));
    let outcome = play(&text, &mut FakeSut::passing().reply(5, Reply::Pending));
    assert_eq!((fails(&outcome).kind, fails(&outcome).line), (MismatchKind::Blocking, Some(9)));
    assert_eq!(fields(fails(&outcome)), ["blocking its return at 0.3/blocked at 600.3"]);
}

#[test]
fn a_broken_sut_is_a_verdict() {
    let (test, sources) = common::test(&established(EXCHANGE), "v4");
    let table = [
        ("fail", Verdict::Fail, Some(MismatchKind::Segment)),
        ("hang", Verdict::Fail, Some(MismatchKind::Blocking)),
        ("crash", Verdict::Fail, Some(MismatchKind::Broken)),
        ("panic", Verdict::Fail, Some(MismatchKind::Broken)),
        ("late", Verdict::Fail, Some(MismatchKind::Time)),
        ("lossy", Verdict::Inconclusive, None),
        ("lacks", Verdict::Unsupported, None),
        ("refuses", Verdict::Error, None),
        ("pass", Verdict::Pass, None),
    ];
    for (word, verdict, kind) in table {
        for clock in [ClockKind::Virtual, ClockKind::Real] {
            let mut sut = FakeSut::new(clock, word.parse().unwrap());
            let outcome = run_caught(&test, &sources, &mut sut, &RunOptions::default());
            assert_eq!(
                (outcome.verdict, outcome.mismatch.as_ref().map(|m| m.kind)),
                (verdict, kind),
                "{word} {}",
                show(&outcome)
            );
        }
    }
    let mut flaky = FakeSut::new(ClockKind::Real, "flake".parse().unwrap());
    let first = run_caught(&test, &sources, &mut flaky, &RunOptions::default());
    assert!(first.mismatch.is_some_and(|mismatch| mismatch.timing));
    assert_eq!(run_caught(&test, &sources, &mut flaky, &RunOptions::default()).verdict, Verdict::Pass);
}

#[test]
fn silence_needs_a_sut_that_can_answer() {
    let text = "0 < . 1:1(0) ack 1 win 100\n+.5 silent\n";
    pass(&play(text, &mut FakeSut::passing()));
    let mut deaf = FakeSut::new(ClockKind::Virtual, "hang".parse().unwrap());
    let outcome = play(text, &mut deaf);
    assert_eq!(outcome.verdict, Verdict::Inconclusive);
    assert!(outcome.reason.is_some_and(|why| why.starts_with("control failed")));
    // Without silence the exchange itself is the control.
    let outcome = play("0 < . 1:1(0) ack 1 win 100\n+0 > R 1:1(0)\n", &mut FakeSut::passing());
    pass(&outcome);
    assert!(!outcome.trace.iter().any(|entry| entry.text.starts_with("control")));
}

#[test]
fn a_should_that_is_not_met_is_no_failure() {
    for (level, verdict) in [("MUST", Verdict::Fail), ("SHOULD", Verdict::Nonstrict), ("MAY", Verdict::Nonstrict)] {
        let text = format!("//= rfc9293/x/y {level}\n// It does.\n\n{}", established(EXCHANGE));
        let outcome = play(&text, &mut FakeSut::passing().tamper(1, Tamper::Omit));
        assert_eq!(outcome.verdict, verdict);
    }
}

#[test]
fn two_hours_of_virtual_time_cost_nothing() {
    let lines = "+7200 > . 0:0(0) ack 1\n+.1 < . 1:1(0) ack 1 win 65535\n+7199 silent";
    let outcome = play(&established(lines), &mut FakeSut::passing());
    pass(&outcome);
    assert!(outcome.elapsed > 14_000 * 1_000_000);
    let outcome =
        play(&established("* > . 0:0(0) ack 1"), &mut FakeSut::passing().tamper(1, Tamper::Late(7_200_000_000)));
    pass(&outcome);
}

#[test]
fn what_a_slow_harness_causes_is_not_early() {
    // Two calls at once, each of which takes 20 ms to be made: the segment that the first one causes leaves in between.
    let lines = "+0 write(4, ..., 1) = 1\n+0 getsockopt(4, SOL_SOCKET, SO_ERROR, [0], [4]) = 0\n+0 > P. 1:2(1) ack 1";
    for (slow, kind) in [(Tamper::Late(-30_000), None), (Tamper::Late(-50_000), Some(MismatchKind::Time))] {
        let outcome = play(&established(lines), &mut real().slow_calls(20_000).tamper(1, slow));
        assert_eq!(outcome.mismatch.as_ref().map(|mismatch| mismatch.kind), kind, "{}", show(&outcome));
    }
}
