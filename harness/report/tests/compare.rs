//! What counts as a difference between two runs, and where two exchanges part.

mod samples;

use halfopen_engine::outcome::MismatchKind;
use halfopen_engine::packet::tcp::flag;
use halfopen_engine::packet::{Body, Datagram, Ip, Ipv4, Tcp};
use halfopen_report::compare::{change, compare};
use halfopen_report::pcapng::capture;
use halfopen_report::record::{FinalVerdict, Record};
use halfopen_report::segments::segments;
use std::net::Ipv4Addr;
use std::time::Duration;

fn with(edit: impl Fn(&mut Record)) -> Record {
    let mut record = samples::failing();
    edit(&mut record);
    record
}

fn differs(a: &Record, b: &Record) -> bool {
    change(a, b, |_, _| None).is_some()
}

#[test]
fn verdict_place_and_way_of_failing_count_and_times_do_not() {
    let plain = samples::failing();
    let mismatch = |edit: fn(&mut halfopen_engine::outcome::Mismatch)| {
        with(|record| edit(record.outcome.mismatch.as_mut().expect("it fails")))
    };
    let cases = [
        ("nothing", with(|_| ()), false),
        ("wall time", with(|r| r.wall = Duration::from_secs(9)), false),
        ("time on the SUT's clock", with(|r| r.outcome.elapsed = 99), false),
        ("the capture's path", with(|r| r.capture = None), false),
        ("the verdict", with(|r| r.verdict = FinalVerdict::Xfail), true),
        ("the line", mismatch(|m| m.line = Some(7)), true),
        ("the kind", mismatch(|m| m.kind = MismatchKind::Unexpected), true),
        ("what came", mismatch(|m| m.got = "R 9:9(0)".into()), true),
        ("the fields", mismatch(|m| m.fields.truncate(1)), true),
    ];
    for (what, other, expected) in &cases {
        assert_eq!(differs(&plain, other), *expected, "{what}");
    }
    let late = |got: &str| {
        with(|record| {
            let mismatch = record.outcome.mismatch.as_mut().expect("it fails");
            (mismatch.kind, mismatch.got) = (MismatchKind::Time, got.into());
        })
    };
    let missing = |got: &str| with(|record| record.outcome.mismatch.as_mut().expect("it fails").got = got.into());
    assert!(!differs(&missing("nothing until 2.004372"), &missing("nothing until 2.004255")));
    assert!(differs(&missing("nothing until 2.004372"), &missing("R 0:0(0) at 2.004372")));
    let stamped = |stamps: &str| missing(&format!("S. 0:0(0) ack 1 <mss 1000,sackOK,TS {stamps},nop,wscale 0>"));
    assert!(!differs(&stamped("val 3630861152 ecr 0"), &stamped("val 3538931370 ecr 7")));
    assert!(differs(&stamped("val 3630861152 ecr 0"), &stamped("val 3630861152 ecr 0,eol")));
    assert!(!differs(&late(". 1:1(0) at 0.231"), &late(". 1:1(0) at 0.232")), "by how much is the machine's");
}

#[test]
fn tests_of_one_run_alone_are_told_apart() {
    let found =
        compare(&[samples::passing(), samples::failing()], &[samples::failing(), samples::unsupported()], |_, _| None);
    assert_eq!((found.same, found.changes.len()), (1, 0));
    assert_eq!(found.only, [vec![samples::passing().test], vec![samples::unsupported().test]]);
}

/// A SYN to `port` and a SYN,ACK back, with numbers that differ from run to run.
fn handshake(isn: [u32; 2], ports: [u16; 2], clock: u32, window: u16) -> Record {
    let datagram = |out: bool, tcp: Tcp| {
        let (peer, sut) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2));
        let ip = if out { Ipv4::new(sut, peer, 6) } else { Ipv4::new(peer, sut, 6) };
        let mut datagram = Datagram { ip: Ip::V4(ip), body: Body::Tcp(tcp), trailer: Vec::new(), outer: Vec::new() };
        datagram.complete();
        datagram.encode()
    };
    let [peer, sut] = ports;
    let stamps = |value: u32, echo: u32| {
        let mut option = vec![2, 4, 5, 0xb4, 1, 1, 8, 10];
        option.extend(value.to_be_bytes());
        option.extend(echo.to_be_bytes());
        option
    };
    let syn = Tcp {
        src_port: peer,
        dst_port: sut,
        seq: isn[0],
        flags: flag::SYN,
        window: 65_535,
        options: stamps(clock, 0),
        ..Tcp::default()
    };
    let syn_ack = Tcp {
        src_port: sut,
        dst_port: peer,
        seq: isn[1],
        ack: isn[0].wrapping_add(1),
        flags: flag::SYN | flag::ACK,
        window,
        options: stamps(clock ^ 99, clock),
        ..Tcp::default()
    };
    with(|record| {
        record.outcome.trace[1].octets = datagram(false, syn.clone());
        record.outcome.trace[3].octets = datagram(true, syn_ack.clone());
    })
}

#[test]
fn segments_are_spelled_without_what_differs_from_run_to_run() {
    let read = |record: &Record| segments(&capture(record, &samples::run())).expect("our own capture");
    let one = read(&handshake([0, u32::MAX], [40_000, 80], 5, 1000));
    assert_eq!(one, ["< S 0:0(0) win 65535 <mss 1460,nop,nop,TS>", "> S. 0:0(0) ack 1 win 1000 <mss 1460,nop,nop,TS>"]);
    assert_eq!(read(&handshake([u32::MAX, 7], [50_000, 81], 77, 1000)), one);
    assert_ne!(read(&handshake([0, u32::MAX], [40_000, 80], 5, 1001)), one);
    assert!(segments(b"not a capture at all").is_err());
    let mut short = capture(&handshake([0, 0], [40_000, 80], 5, 1000), &samples::run());
    // A block of 8 octets, four less than every block has.
    short.extend([1, 0, 0, 0, 8, 0, 0, 0]);
    let refused = segments(&short).expect_err("it is too short");
    assert!(refused.contains("has 8 octets, its frame alone has 12"), "{refused}");
}

#[test]
fn the_first_segment_that_differs_is_named() {
    let (a, b) = (handshake([1, 2], [3, 4], 5, 1000), handshake([6, 7], [8, 9], 10, 2000));
    let b = Record { verdict: FinalVerdict::Xfail, ..b };
    let read = |_, record: &Record| segments(&capture(record, &samples::run())).ok();
    let parts = change(&a, &b, read).expect("the verdict").parts.expect("both have captures");
    assert_eq!(parts.segment, 2);
    assert_eq!(parts.was[1].as_deref(), Some("> S. 0:0(0) ack 1 win 2000 <mss 1460,nop,nop,TS>"));
    // Without captures the exchanges in the notation of the script have to do.
    let mut shorter = samples::failing();
    shorter.outcome.trace.truncate(2);
    shorter.verdict = FinalVerdict::Inconclusive;
    let parts =
        change(&samples::failing(), &shorter, |_, _| None).expect("the verdict").parts.expect("both have exchanges");
    assert_eq!((parts.segment, parts.was), (2, [Some("> R 0:0(0)".into()), None]));
}
