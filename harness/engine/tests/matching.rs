//! What a line expects, and what does for it: the engine runs one script while the fake plays another.

mod common;

use common::{HANDSHAKE, fields, show};
use halfopen_engine::fake::{FakeSut, Tamper};
use halfopen_engine::outcome::{MismatchKind, Verdict};
use halfopen_engine::packet::{Body, Datagram, Icmp, Ip, protocol};
use halfopen_engine::{RunOptions, run};

/// Differences between what a script expects and what a fake does that plays another.
fn differences(family: &str, expected: &str, sent: &str) -> Vec<String> {
    let script = |lines: &str| common::test(&format!("{HANDSHAKE}{lines}\n"), family);
    let ((test, sources), (other, _)) = (script(expected), script(sent));
    let outcome = run(&test, &sources, &mut FakeSut::passing().playing(other), &RunOptions::default());
    match &outcome.mismatch {
        Some(mismatch) => fields(mismatch),
        None => {
            assert_eq!(outcome.verdict, Verdict::Pass, "{expected}: {}", show(&outcome));
            Vec::new()
        }
    }
}

#[test]
fn a_sut_may_lay_its_options_out_as_it_likes() {
    #[rustfmt::skip]
    let table = [
        // expected                                sent                                    in any layout
        ("<nop,nop,TS val 5 ecr 6>",               "<TS val 5 ecr 6,eol,eol>",             ""),
        ("<mss 1000,nop,wscale 0,nop,nop,sackOK>", "<sackOK,wscale 0,mss 1000,eol,eol,eol>", ""),
        ("<mss 1000,sackOK,eol,eol>",              "<mss 1000>",                           "options sackOK/none"),
        ("<mss 1000>",                             "<nop,nop,sackOK,mss 1001>",            "options mss 1000/sackOK,mss 1001"),
        ("<nop,nop,sack 2:3 4:5>",                 "<sack 4:5 2:3,eol,eol>",               "options sack 2:3 4:5/sack 4:5 2:3"),
    ];
    for (expected, sent, found) in table {
        let script = |options: &str| common::test(&format!("{HANDSHAKE}+0 > . 1:1(0) ack 1 {options}\n"), "v4");
        let ((test, sources), (other, _)) = (script(expected), script(sent));
        let run = |mut sut: FakeSut| run(&test, &sources, &mut sut, &RunOptions::default());
        let free = run(FakeSut::passing().playing(other.clone()).own_option_layout());
        assert_eq!(free.mismatch.as_ref().map(fields).unwrap_or_default().join(", "), found, "{expected}");
        let strict = run(FakeSut::passing().playing(other));
        assert_eq!(strict.verdict, Verdict::Fail, "{expected}: for others the layout counts");
    }
}

#[test]
fn what_is_written_is_compared_and_nothing_else() {
    #[rustfmt::skip]
    let table = [
        // expected                   sent                              differences
        (". 1:1(0) ack 1",           ". 1:1(0) ack 1 win 9",           ""),
        (". 1:1(0) ack 1 win 9",     ". 1:1(0) ack 1 win 9",           ""),
        (". 1:1(0) ack 1 win 9",     ". 1:1(0) ack 1 win 8",           "win 9/8"),
        ("U. 1:1(0) ack 1",          "U. 1:1(0) ack 1 urg 4",          ""),
        ("U. 1:1(0) ack 1 urg 3",    "U. 1:1(0) ack 1 urg 4",          "urg 3/4"),
        (". 1:1(0) ack 1 urg 3",     ". 1:1(0) ack 1",                 "urg 3/0"),
        (". 1:1(0) ack 1",           "E. 1:1(0) ack 1",                "flags ./E."),
        ("E. 1:1(0) ack 1",          "W. 1:1(0) ack 1",                "flags E./W."),
        (".5 1:1(0) ack 1",          "EA. 1:1(0) ack 1",               ""),
        (".5 1:1(0) ack 1",          "WA. 1:1(0) ack 1",               "flags .5/.6"),
        ("- 1:1(0)",                 "- 1:1(0)",                       ""),
        ("- 1:1(0)",                 ". 1:1(0) ack 1",                 "flags -/., ack -/1"),
        (". 4294967295:4294967295(0) ack 1", ". 4294967295:4294967295(0) ack 1", ""),
        (". 1:1(0) ack 4294967295",  ". 1:1(0) ack 0",                 "ack 4294967295/0"),
        ("P. 1:3(2) ack 1",          "P. 1:2(1) ack 1",                "len 2/1"),
        ("[ect0] . 1:1(0) ack 1",    "[ect0] . 1:1(0) ack 1",          ""),
        ("[ect0] . 1:1(0) ack 1",    "[ect1] . 1:1(0) ack 1",          "ecn ect0/ect1"),
        ("[ect01] . 1:1(0) ack 1",   "[ect1] . 1:1(0) ack 1",          ""),
        ("[ect01] . 1:1(0) ack 1",   "[ce] . 1:1(0) ack 1",            "ecn ect01/ce"),
        ("[noecn] . 1:1(0) ack 1",   "[ce] . 1:1(0) ack 1",            "ecn noecn/ce"),
        (". 1:1(0) ack 1",           "[ce] . 1:1(0) ack 1",            ""),
        ("[ttl 64] . 1:1(0) ack 1",  "[ttl 63] . 1:1(0) ack 1",        "ttl 64/63"),
    ];
    for family in ["v4", "v6"] {
        for (expected, sent, found) in table {
            let got = differences(family, &format!("+0 > {expected}"), &format!("+0 > {sent}"));
            assert_eq!(got.join(", "), found, "{family} {expected}");
        }
    }
}

#[test]
fn options_are_compared_in_order_and_to_the_octet() {
    #[rustfmt::skip]
    let table = [
        // expected                       sent                             matches
        ("<...>",                         "<mss 1,nop,nop,nop,nop>",       true),
        ("",                              "<nop,nop,nop,nop>",             false),
        ("<nop,nop,sackOK>",              "<sackOK,nop,nop>",              false),
        ("<mss 1460>",                    "<mss 1459>",                    false),
        ("<nop,wscale 7>",                "<nop,wscale 8>",                false),
        ("<nop,nop,sack 1:2>",            "<nop,nop,sack 1:2>",            true),
        ("<nop,nop,sack 1:2>",            "<nop,nop,sack 1:3>",            false),
        ("<nop,nop,sack 1:2>",            "<nop,nop,sack 1:2 3:4>",        false),
        ("<FO abcd1234,nop,nop>",         "<FO abcd1234,nop,nop>",         true),
        ("<FO abcd1234,nop,nop>",         "<FO abcd1235,nop,nop>",         false),
        ("<FOEXP>",                       "<FOEXP>",                       true),
        ("<FOEXP>",                       "<raw 254 f98a>",                false),
        ("<raw 254 f989>",                "<FOEXP>",                       true),
        ("<raw 2 05b4>",                  "<mss 1460>",                    true),
        ("<raw 2 05b4>",                  "<mss 1461>",                    false),
        ("<octets 0402,nop,nop>",         "<sackOK,nop,nop>",              true),
        ("<raw 99 0102>",                 "<raw 99 0103>",                 false),
        ("<ECN e1b 1 ceb 2 e0b 3,nop>",   "<ECN e1b 1 ceb 2 e0b 3,nop>",   true),
        ("<ECN e1b 1 ceb 2 e0b 3,nop>",   "<ECN e0b 3 ceb 2 e1b 1,nop>",   false),
        ("<md5,nop,nop>",                 "<md5 00112233445566778899aabbccddeeff,nop,nop>", true),
        ("<eol,eol,eol,eol>",             "<nop,nop,nop,eol>",             false),
    ];
    for (expected, sent, matches) in table {
        let line = |options: &str| format!("+0 > . 1:1(0) ack 1 {options}");
        let got = differences("v4", &line(expected), &line(sent));
        assert_eq!(got.is_empty(), matches, "{expected} for {sent}: {got:?}");
        assert!(got.iter().all(|field| field.starts_with("options ")), "{got:?}");
    }
}

#[test]
fn flow_labels_are_names() {
    let line = |label: u32, ack: u32| format!("+0 > [flowlabel {label}] . 1:1(0) ack {ack}\n");
    let (same, other) = (line(5, 1) + &line(5, 1), line(5, 1) + &line(6, 1));
    assert_eq!(differences("v6", &same, &same.replace('5', "7")), [""; 0]);
    assert_eq!(differences("v6", &other, &other), [""; 0]);
    assert_eq!(differences("v6", &same, &other), ["flowlabel 0x5/0x106"]);
    assert_eq!(differences("v6", &other, &same), ["flowlabel 0x6/0x105"]);
}

/// Makes an ICMP error out of a segment: about what the harness sent with sequence number 1.
fn unreachable(datagram: &mut Datagram) {
    let mut about = datagram.clone();
    if let (Body::Tcp(tcp), Ip::V4(ip)) = (&mut about.body, &mut about.ip) {
        tcp.seq = 1;
        std::mem::swap(&mut tcp.src_port, &mut tcp.dst_port);
        std::mem::swap(&mut ip.src, &mut ip.dst);
    }
    datagram.body = Body::Icmp(Icmp { kind: 3, code: 3, body: about.encode(), ..Icmp::default() });
    if let Ip::V4(ip) = &mut datagram.ip {
        ip.protocol = protocol::ICMP;
    }
    datagram.complete();
}

#[test]
fn icmp_errors_of_the_sut_are_judged() {
    #[rustfmt::skip]
    let table = [
        ("icmp unreachable port_unreachable",                ""),
        ("icmp unreachable port_unreachable [1:1(0)]",       ""),
        ("icmp unreachable port_unreachable [2:2(0)]",       "echoed 2/1"),
        ("icmp unreachable host_unreachable",                "icmp unreachable host_unreachable/unreachable port_unreachable"),
        ("icmp unreachable frag_needed mtu 1200",            "icmp unreachable frag_needed/unreachable port_unreachable, mtu 1200/0"),
        (". 1:1(0) ack 1",                                   "protocol tcp/icmp"),
    ];
    let (sent, _) = common::test(&format!("{HANDSHAKE}+0 > . 1:1(0) ack 1\n"), "v4");
    for (expected, found) in table {
        let (test, sources) = common::test(&format!("{HANDSHAKE}+0 > {expected}\n"), "v4");
        let mut sut = FakeSut::passing().playing(sent.clone()).tamper(1, Tamper::Change(unreachable));
        let outcome = run(&test, &sources, &mut sut, &RunOptions::default());
        let got = outcome.mismatch.as_ref().map(fields).unwrap_or_default();
        assert_eq!(got.join(", "), found, "{expected}: {}", show(&outcome));
    }
    // Where nothing is expected it is as unexpected as a segment; other messages are no concern of the script.
    let (test, sources) = common::test(HANDSHAKE, "v4");
    for (change, kind) in
        [(Tamper::Change(unreachable), Some(MismatchKind::Unexpected)), (Tamper::Change(discovery), None)]
    {
        let mut sut = FakeSut::passing().playing(sent.clone()).tamper(1, change);
        let outcome = run(&test, &sources, &mut sut, &RunOptions::default());
        assert_eq!(outcome.mismatch.as_ref().map(|mismatch| mismatch.kind), kind, "{}", show(&outcome));
    }
}

/// Makes a router solicitation out of a segment.
fn discovery(datagram: &mut Datagram) {
    unreachable(datagram);
    if let Body::Icmp(icmp) = &mut datagram.body {
        (icmp.kind, icmp.code) = (10, 0);
    }
    datagram.complete();
}
