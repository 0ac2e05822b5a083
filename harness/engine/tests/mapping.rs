//! Script numbers and ports, and the live ones that they stand for.

mod common;

use common::{HANDSHAKE, established, fails, fields, pass, play, show};
use halfopen_engine::fake::{FakeSut, Tamper};
use halfopen_engine::outcome::{Lane, MismatchKind, Verdict};
use halfopen_engine::packet::{Body, Datagram, Tcp, tcp::flag};
use halfopen_engine::{RunOptions, run};

/// First ISN of the fake; the next one is twice that.
const ISN: u32 = 0x3000_0000;
/// Remote port that the default seed comes to.
const PORT: u16 = 54897;

fn injected(sut: &FakeSut) -> Vec<Tcp> {
    let segments = sut.injected().iter().map(|octets| match Datagram::decode(octets).unwrap().body {
        Body::Tcp(tcp) => tcp,
        Body::Udp(_) | Body::Icmp(_) | Body::Other(_) => panic!("not a segment"),
    });
    segments.collect()
}

/// `(flags, seq, ack)` of every segment that was injected.
fn numbers(sut: &FakeSut) -> Vec<(u16, u32, u32)> {
    injected(sut).iter().map(|tcp| (tcp.flags, tcp.seq, tcp.ack)).collect()
}

#[test]
fn numbers_are_relative_to_the_isn_of_their_side() {
    let text = established("+.1 < P. 1:11(10) ack 1 win 100 <sack 3:5,nop,nop>\n+0 > . 1:1(0) ack 11 <nop,nop,sack 21:31>\n+0 < R 4294967295:4294967295(0) win 0")
        .replace("S 0:0(0)", "S 1000:1000(0)")
        .replace("S. 0:0(0) ack 1 ", "S. 0:0(0) ack 1001 ");
    let mut sut = FakeSut::passing();
    pass(&play(&text, &mut sut));
    assert_eq!(
        numbers(&sut),
        [(flag::SYN, 1000, 0), (flag::ACK, 1001, ISN + 1), (flag::PSH | flag::ACK, 1001, ISN + 1), (flag::RST, 999, 0),]
    );
    let tcp = &injected(&sut)[2];
    assert_eq!((tcp.src_port, tcp.dst_port, tcp.window), (PORT, 8080, 100));
    assert_eq!(tcp.options, [&[5, 10][..], &(ISN + 3).to_be_bytes(), &(ISN + 5).to_be_bytes(), &[1, 1]].concat());
}

#[test]
fn numbers_are_literal_while_no_isn_is_known() {
    let text = "\
0 < . 500:500(0) ack 777 win 100
+0 > R 777:777(0) win 65535
+0 < S 3000:3010(10) win 100
+0 > R. 0:0(0) ack 11 win 65535
+0 < F 20:20(0) win 100
+0 > R. 0:0(0) ack 21 win 65535
";
    let mut sut = FakeSut::passing();
    let outcome = play(text, &mut sut);
    pass(&outcome);
    // A SYN is absolute, and later segments count from it.
    assert_eq!(numbers(&sut), [(flag::ACK, 500, 777), (flag::SYN, 3000, 0), (flag::FIN, 3020, 0)]);
    let sent: Vec<_> =
        outcome.trace.iter().filter(|e| e.lane == Lane::Stack).map(|e| Datagram::decode(&e.octets).unwrap()).collect();
    let sent: Vec<_> =
        sent.iter().map(|d| if let Body::Tcp(tcp) = &d.body { (tcp.seq, tcp.ack) } else { panic!() }).collect();
    assert_eq!(sent, [(777, 0), (0, 3011), (0, 3021)]);
    let outcome = play(
        text,
        &mut FakeSut::passing().tamper(
            0,
            Tamper::Change(|d| {
                if let Body::Tcp(tcp) = &mut d.body {
                    tcp.seq = 776
                }
                d.complete();
            }),
        ),
    );
    assert_eq!(fields(fails(&outcome)), ["seq 777/776"]);
}

#[test]
fn a_syn_that_is_answered_with_a_new_isn_begins_a_new_incarnation() {
    let text = established(
        "\
+0 close(4) = 0
+0 > F. 1:1(0) ack 1
+0 < F. 1:1(0) ack 2 win 100
+0 > . 2:2(0) ack 2
+0 < S 1000:1000(0) win 100
+0 > . 2:2(0) ack 2
+0 < S 5000:5000(0) win 100
+0 > S. 0:0(0) ack 5001
+0 < . 1:1(0) ack 1 win 100
+0 < P. 1:3(2) ack 1 win 100
+0 > . 1:1(0) ack 3",
    );
    // The fake answers the first SYN with a bare ACK of the old incarnation, numbers and all.
    let mut sut = FakeSut::passing();
    let outcome = play(&text, &mut sut);
    pass(&outcome);
    let tail: Vec<_> = numbers(&sut).split_off(3);
    assert_eq!(
        tail,
        [
            (flag::SYN, 1000, 0),
            (flag::SYN, 5000, 0),
            (flag::ACK, 5001, 2 * ISN + 1),
            (flag::PSH | flag::ACK, 5001, 2 * ISN + 1)
        ]
    );
    let challenge = outcome.trace.iter().rfind(|entry| entry.line == Some(14)).unwrap();
    let Body::Tcp(tcp) = Datagram::decode(&challenge.octets).unwrap().body else { panic!() };
    assert_eq!((tcp.seq, tcp.ack), (ISN + 2, 2));
}

#[test]
fn a_repeated_syn_ack_with_another_isn_is_a_fault() {
    let text = "\
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 65535 <mss 1460>
+0 > S. 0:0(0) ack 1 <...>
+.1 < S 0:0(0) win 65535 <mss 1460>
+0 > S. 0:0(0) ack 1 <...>
";
    pass(&play(text, &mut FakeSut::passing()));
    let change = Tamper::Change(|d| {
        if let Body::Tcp(tcp) = &mut d.body {
            tcp.seq += 9;
        }
        d.complete();
    });
    let outcome = play(text, &mut FakeSut::passing().tamper(1, change));
    assert_eq!((fails(&outcome).line, fields(fails(&outcome))), (Some(7), vec!["seq 0/9".to_owned()]));
}

#[test]
fn active_connections_are_learned_from_their_syn() {
    let text = "\
0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3
+0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
+0 > S 100:100(0) <...>
+0 < S. 7:7(0) ack 101 win 100
+0 > . 1:1(0) ack 1
+0 %{ assert tcpi_state == TCP_ESTABLISHED }%
";
    let mut sut = FakeSut::passing().info(&[("tcpi_state", 1)]);
    pass(&play(text, &mut sut));
    let tcp = &injected(&sut)[0];
    assert_eq!((tcp.src_port, tcp.dst_port, tcp.seq, tcp.ack), (8080, 40001, 7, ISN + 1));
    // A wrong S. first: the number that the SUT acknowledges is the one that counts.
    let text = text.replace(
        "+0 < S. 7:7(0) ack 101 win 100",
        "+0 < S. 40:40(0) ack 999 win 100\n+0 > R 999:999(0)\n+0 < S. 7:7(0) ack 101 win 100",
    );
    let text = text.replace("R 999:999(0)", "R 899:899(0)");
    let mut sut = FakeSut::passing().info(&[("tcpi_state", 1)]);
    let outcome = play(&text, &mut sut);
    assert_eq!(numbers(&sut).first(), Some(&(flag::SYN | flag::ACK, 40, ISN + 899)), "{}", show(&outcome));
}

#[test]
fn explicit_ports_are_connections_of_their_own() {
    let text = "\
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 8) = 0
+0 < S 0:0(0) win 65535
+0 > S. 0:0(0) ack 1
+0 < 40000 > 8080 S 50:50(0) win 65535
+0 > 8080 > 40000 S. 0:0(0) ack 51
+0 < 40000 > 9999 S 50:50(0) win 65535
+0 > 9999 > 40000 R. 0:0(0) ack 1
";
    // The fake knows one connection only; its numbers for the second are made right here.
    let mut sut = FakeSut::passing().tamper(
        1,
        Tamper::Change(|d| {
            if let Body::Tcp(tcp) = &mut d.body {
                tcp.seq = 123;
            }
            d.complete();
        }),
    );
    let outcome = play(text, &mut sut);
    pass(&outcome);
    let ports: Vec<_> = injected(&sut).iter().map(|tcp| (tcp.src_port, tcp.dst_port)).collect();
    assert_eq!(ports, [(PORT, 8080), (40000, 8080), (40000, 9999)]);
    assert!(
        outcome.trace.iter().any(|entry| entry.text == "8080 > 40000 S. 0:0(0) ack 51 win 65535"),
        "{}",
        show(&outcome)
    );
    // On the wrong connection.
    let outcome = play(
        &text.replace("> 8080 > 40000 S.", "> S."),
        &mut FakeSut::passing().tamper(
            1,
            Tamper::Change(|d| {
                if let Body::Tcp(tcp) = &mut d.body {
                    tcp.dst_port = 40000;
                }
                d.complete();
            }),
        ),
    );
    let seen = fields(fails(&outcome));
    assert_eq!(seen[0], "ports those under test/8080 > 40000");
}

#[test]
fn timestamps_are_mapped_both_ways() {
    let text = |ecr: u32, option: &str| {
        format!("{option}\n{}", established(&format!(
            "+.1 < P. 1:11(10) ack 1 win 100 <nop,nop,TS val 50 ecr {ecr}>\n+0 > . 1:1(0) ack 11 <nop,nop,TS val 300 ecr 50>"
        )))
        .replace("win 65535 <mss 1460>", "win 65535 <mss 1460,sackOK,TS val 40 ecr 0>")
        .replace("ack 1 <...>", "ack 1 <mss 1460,sackOK,TS val 100 ecr 40>")
        .replace("+.1 < . 1:1(0) ack 1 win 65535", "+.1 < . 1:1(0) ack 1 win 65535 <nop,nop,TS val 45 ecr 100>")
    };
    let mut sut = FakeSut::passing();
    pass(&play(&text(100, ""), &mut sut));
    assert_eq!(injected(&sut)[2].options[4..], [&50u32.to_be_bytes()[..], &7_000_100u32.to_be_bytes()].concat());
    let outcome = play(&text(150, ""), &mut FakeSut::passing());
    assert_eq!(outcome.verdict, Verdict::Error);
    assert!(outcome.reason.as_ref().is_some_and(|why| why.contains("ecr 150 is no TSval")), "{}", show(&outcome));
    let mut sut = FakeSut::passing();
    pass(&play(&text(150, "--tcp_ts_ecr_scaled"), &mut sut));
    assert_eq!(injected(&sut)[2].options[8..], 7_000_150u32.to_be_bytes());
    // TSval itself is checked when the script says how fast it ticks: 0.1 s later it is 200 ticks further, not 100.
    let outcome = play(&text(100, "--tcp_ts_tick_usecs=1000"), &mut FakeSut::passing());
    pass(&outcome);
    let shift = Tamper::Change(|d| {
        if let Body::Tcp(tcp) = &mut d.body {
            tcp.options[7] = tcp.options[7].wrapping_add(2);
        }
        d.complete();
    });
    pass(&play(&text(100, ""), &mut FakeSut::passing().tamper(1, shift)));
    let outcome = play(&text(100, "--tcp_ts_tick_usecs=1000"), &mut FakeSut::passing().tamper(1, shift));
    assert_eq!(fields(fails(&outcome)), ["options TS val 300 ecr 50/TS val 302 ecr 50"]);
    // An echo is checked always.
    let echo = Tamper::Change(|d| {
        if let Body::Tcp(tcp) = &mut d.body {
            tcp.options[11] -= 1;
        }
        d.complete();
    });
    let outcome = play(&text(100, ""), &mut FakeSut::passing().tamper(1, echo));
    assert_eq!(fields(fails(&outcome)), ["options TS val 300 ecr 50/TS val 300 ecr 49"]);
}

#[test]
fn spoiled_segments_are_spoiled_as_asked_and_nowhere_else() {
    #[rustfmt::skip]
    let table = [
        // word           doff reserved sum right
        ("",                5, 0, true),
        ("[badsum] ",       5, 0, false),
        ("[doff 3] ",       3, 0, true),
        ("[reserved 5] ",   5, 5, true),
    ];
    for (word, data_offset, reserved, right) in table {
        let mut sut = FakeSut::passing();
        pass(&play(&established(&format!("+.1 < {word}P. 1:11(10) ack 1 win 100\n+0 > . 1:1(0) ack 11")), &mut sut));
        let octets = sut.injected().last().unwrap();
        let datagram = Datagram::decode(octets).unwrap();
        let Body::Tcp(tcp) = &datagram.body else { panic!() };
        assert_eq!((tcp.data_offset, tcp.reserved), (data_offset, reserved), "{word}");
        assert_eq!(datagram.checksum() == datagram.computed(), right, "{word}");
    }
    let mut sut = FakeSut::passing();
    pass(&play(
        &established(
            "+.1 < [ce, ttl 3] . 1:1(0) ack 1 win 100 <octets 0800,nop,eol>\n+0 > [ect0, ttl 9] . 1:1(0) ack 1",
        ),
        &mut sut,
    ));
    let datagram = Datagram::decode(sut.injected().last().unwrap()).unwrap();
    assert_eq!((datagram.ip.tos(), datagram.ip.ttl()), (3, 3));
    assert!(matches!(datagram.body, Body::Tcp(tcp) if tcp.options == [8, 0, 1, 0]));
    let wrong = Tamper::Change(|d| {
        if let halfopen_engine::packet::Ip::V4(ip) = &mut d.ip {
            (ip.tos, ip.ttl) = (0, 64);
        }
        d.complete();
    });
    let outcome = play(&established("+0 > [ect0, ttl 9] . 1:1(0) ack 1"), &mut FakeSut::passing().tamper(1, wrong));
    assert_eq!(fields(fails(&outcome)), ["ecn ect0/noecn", "ttl 9/64"]);
}

#[test]
fn icmp_errors_quote_the_connection_under_test() {
    for (family, words, kind, code, header) in [
        ("v4", "unreachable frag_needed mtu 1200", 3, 4, 20),
        ("v6", "packet_too_big mtu 1200", 2, 0, 40),
        ("mapped", "unreachable host_unreachable", 3, 1, 20),
    ] {
        let text = established(&format!("+.1 < icmp {words} [1:1001(1000)]"));
        let (test, sources) = common::test(&text, family);
        let mut sut = FakeSut::passing();
        pass(&run(&test, &sources, &mut sut, &RunOptions::default()));
        let datagram = Datagram::decode(sut.injected().last().unwrap()).unwrap();
        assert_eq!(datagram.checksum(), datagram.computed());
        let Body::Icmp(icmp) = datagram.body else { panic!("{datagram:?}") };
        assert_eq!((icmp.kind, icmp.code, icmp.body.len()), (kind, code, header + 8));
        assert_eq!(icmp.rest, if words.contains("mtu") { 1200 } else { 0 });
        let quoted = icmp.quoted().unwrap();
        assert_eq!((quoted.src_port, quoted.dst_port, quoted.seq), (8080, PORT, Some(ISN + 1)));
    }
}

#[test]
fn every_family_and_seed_works() {
    let lines = "+.1 < P. 1:11(10) ack 1 win 100\n+0 > . 1:1(0) ack 11\n+0 read(4, ..., 100) = 10";
    for family in ["v4", "v6"] {
        for seed in 0..20 {
            let (test, sources) = common::test(&established(lines), family);
            let mut sut = FakeSut::passing();
            pass(&run(&test, &sources, &mut sut, &RunOptions { seed, ..RunOptions::default() }));
            assert!((50_000..60_000).contains(&injected(&sut)[0].src_port));
        }
    }
}

#[test]
fn long_lines_may_come_in_parts() {
    // 3000 octets fit into no datagram: a stack without offload sends three.
    let lines = "+0 write(4, ..., 3000) = 3000\n+0 > P. 1:3001(3000) ack 1";
    let text = |last: &str| {
        established(&format!(
            "+0 write(4, ..., 3000) = 3000\n+0 > . 1:1461(1460) ack 1\n+0 > . 1461:2921(1460) ack 1\n+0 > P. 2921:3001(80) ack {last}"
        ))
    };
    pass(&play(&established(lines), &mut FakeSut::passing()));
    // The fake plays the script in parts, the engine runs the one with the long line.
    let (long, sources) = common::test(&established(lines), "v4");
    for (ack, kind) in [("1", None), ("2", Some(MismatchKind::Segment))] {
        let (parts, _) = common::test(&text(ack), "v4");
        let mut sut = FakeSut::passing().playing(parts);
        let outcome = run(&long, &sources, &mut sut, &RunOptions::default());
        assert_eq!(outcome.mismatch.as_ref().map(|mismatch| mismatch.kind), kind, "{}", show(&outcome));
        let strict = common::test(&format!("--strict_segments\n{}", established(lines)), "v4");
        let outcome = run(&strict.0, &strict.1, &mut sut, &RunOptions::default());
        assert_eq!(fields(fails(&outcome)), ["flags P./.", "len 3000/1460"]);
    }
}

#[test]
fn another_listener_serves_another_connection() {
    let again =
        HANDSHAKE.replace("0 socket", "+0 socket").replace("= 3", "= 5").replace("= 4", "= 6").replace("(3,", "(5,");
    let text = established(&format!("+0 close(3) = 0\n{again}+0 < P. 1:3(2) ack 1 win 100\n+0 > . 1:1(0) ack 3"));
    let mut sut = FakeSut::passing();
    pass(&play(&text, &mut sut));
    let ports: Vec<_> = injected(&sut).iter().map(|tcp| tcp.src_port).collect();
    assert_eq!(ports, [PORT, PORT, PORT + 2, PORT + 2, PORT + 2]);
}

#[test]
fn a_syn_ack_may_acknowledge_text_and_begin_an_incarnation() {
    let lines = "+0 < R 1:1(0) win 0\n+0 < S 0:10(10) win 100\n+0 > S. 0:0(0) ack 11\n+0 > . 1:1(0) ack 11";
    pass(&play(&established(lines), &mut FakeSut::passing()));
}
