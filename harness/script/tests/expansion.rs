//! Scripts and the tests that they stand for.

use expect_test::{Expect, expect};
use halfopen_script::ast::{Action, ArgKind, Time};
use halfopen_script::test::{Step, Test};
use halfopen_script::{
    Library, Sources, Variant, duration_hint, expand, parse, print, render, to_packetdrill, variants,
};

/// Fixtures of these tests.
struct Fixtures;

impl Library for Fixtures {
    fn fixture(&self, name: &str) -> Option<(String, String)> {
        let text = match name {
            "ESTABLISHED" => {
                "--tcp_ts_tick_usecs=1000\n0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\nlet fd = 3\nlet rcv.nxt = 1\nlet snd.nxt = 1\nlet rcv.wnd = 1000\n"
            }
            "FIN-WAIT-1" => {
                "use ESTABLISHED\n+0 shutdown($fd, SHUT_WR) = 0\n+0 > F. $snd.nxt:$snd.nxt(0) ack $rcv.nxt\nlet snd.nxt = $snd.nxt+1\n"
            }
            _ => return None,
        };
        Some((format!("fixtures/{name}.pkt"), text.to_owned()))
    }
}

fn tests(text: &str) -> Vec<Test> {
    let mut sources = Sources::new();
    let file = sources.add("test.pkt", text);
    let script = parse(&sources, file).unwrap_or_else(|faults| panic!("{}", render(&faults, &sources, false)));
    let params = [("time_wait".to_owned(), 60_000_000)];
    let one = |variant: Variant| {
        let test = expand("path/test", &script, &variant, &mut sources, &Fixtures, &params);
        test.unwrap_or_else(|faults| panic!("{}", render(&faults, &sources, false)))
    };
    variants(&script).into_iter().map(one).collect()
}

fn ids(text: &str) -> Vec<String> {
    tests(text).iter().map(|test| test.id.to_string()).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "`expect!` makes a value")]
fn plain(text: &str, expected: Expect) {
    expected.assert_eq(&tests(text).iter().map(to_packetdrill).collect::<Vec<_>>().join("----\n"));
}

/// The steps of the only test, in script notation.
fn steps(text: &str) -> Vec<String> {
    let tests = tests(&format!("//: family v4\n{text}"));
    assert_eq!(tests.len(), 1);
    let line = |step: &Step| match step {
        Step::Event(event) => event.to_string(),
        Step::Any(branches) => format!("any of {}", branches.len()),
    };
    tests[0].steps.iter().map(line).collect()
}

#[test]
fn families_and_axes_multiply_in_order() {
    assert_eq!(
        ids("vary state: ESTABLISHED FIN-WAIT-1\nvary at: a b\n0 close(3) = 0\n"),
        [
            "path/test[v4,ESTABLISHED,a]",
            "path/test[v4,ESTABLISHED,b]",
            "path/test[v4,FIN-WAIT-1,a]",
            "path/test[v4,FIN-WAIT-1,b]",
            "path/test[v6,ESTABLISHED,a]",
            "path/test[v6,ESTABLISHED,b]",
            "path/test[v6,FIN-WAIT-1,a]",
            "path/test[v6,FIN-WAIT-1,b]",
        ]
    );
}

#[test]
fn families_come_from_the_header_then_from_option_lines() {
    let table: [(&str, &[&str]); 6] = [
        ("", &["path/test[v4]", "path/test[v6]"]),
        ("//: family mapped\n", &["path/test[mapped]"]),
        ("//= a/b MUST\n// S.\n//: family v6 v4\n--ip_version=ipv4\n", &["path/test[v6]", "path/test[v4]"]),
        ("--ip_version=ipv6\n", &["path/test[v6]"]),
        ("--local_ip=192.0.2.1\n", &["path/test[v4]"]),
        ("--local_ip=fd3d::1\n", &["path/test[v6]"]),
    ];
    for (head, expected) in table {
        assert_eq!(ids(&format!("{head}0 close(3) = 0\n")), expected, "{head}");
    }
}

#[test]
fn fixtures_parts_and_names_become_a_plain_script() {
    plain(
        "//= rfc9293/3.10.7.4/other-rst-in-window MUST\n// A reset inside the window draws one challenge ACK.\n//: family v4\n//: tags reset\n\
         vary state: ESTABLISHED FIN-WAIT-1\nvary at: next(seq=$rcv.nxt+1) last(seq=$rcv.nxt+$rcv.wnd-1)\n`init ${state} ${HOME}`\n\
         use $state\n+.1 < R $seq:$seq(0) win 0\n\
         when state = ESTABLISHED {\n+0 > . $snd.nxt:$snd.nxt(0) ack $rcv.nxt\n} else {\n+0 > F. $snd.nxt-1:$snd.nxt-1(0) ack $rcv.nxt\n}\n\
         +.2 silent\n+$time_wait-0.5 `echo ${rcv.nxt}`\n",
        expect![[r#"
            //= rfc9293/3.10.7.4/other-rst-in-window MUST
            // A reset inside the window draws one challenge ACK.
            //: tags reset
            //: family v4

            // path/test[v4,ESTABLISHED,next]

            --ip_version=ipv4
            --tcp_ts_tick_usecs=1000

            `init ESTABLISHED ${HOME}`

            0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
            +0.1 < R 2:2(0) win 0
            +0 > . 1:1(0) ack 1
            // +0.2 silent
            +59.7 `echo 1`
            ----
            //= rfc9293/3.10.7.4/other-rst-in-window MUST
            // A reset inside the window draws one challenge ACK.
            //: tags reset
            //: family v4

            // path/test[v4,ESTABLISHED,last]

            --ip_version=ipv4
            --tcp_ts_tick_usecs=1000

            `init ESTABLISHED ${HOME}`

            0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
            +0.1 < R 1000:1000(0) win 0
            +0 > . 1:1(0) ack 1
            // +0.2 silent
            +59.7 `echo 1`
            ----
            //= rfc9293/3.10.7.4/other-rst-in-window MUST
            // A reset inside the window draws one challenge ACK.
            //: tags reset
            //: family v4

            // path/test[v4,FIN-WAIT-1,next]

            --ip_version=ipv4
            --tcp_ts_tick_usecs=1000

            `init FIN-WAIT-1 ${HOME}`

            0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
            +0 shutdown(3, SHUT_WR) = 0
            +0 > F. 1:1(0) ack 1
            +0.1 < R 2:2(0) win 0
            +0 > F. 1:1(0) ack 1
            // +0.2 silent
            +59.7 `echo 1`
            ----
            //= rfc9293/3.10.7.4/other-rst-in-window MUST
            // A reset inside the window draws one challenge ACK.
            //: tags reset
            //: family v4

            // path/test[v4,FIN-WAIT-1,last]

            --ip_version=ipv4
            --tcp_ts_tick_usecs=1000

            `init FIN-WAIT-1 ${HOME}`

            0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
            +0 shutdown(3, SHUT_WR) = 0
            +0 > F. 1:1(0) ack 1
            +0.1 < R 1000:1000(0) win 0
            +0 > F. 1:1(0) ack 1
            // +0.2 silent
            +59.7 `echo 1`
        "#]],
    );
}

#[test]
fn silence_is_added_to_what_follows() {
    plain(
        "//: family v4\n0 close(3) = 0\n+1 silent\n+.5 silent\n+.25 > . 1:1(0) ack 1\n5 silent\n+1~+2 > . 1:1(0) ack 1\n\
         +1 silent\n+0...1 connect(3, ..., ...) = 0\n8 silent\n+1 close(4) = 0\n+1 silent\n* > . 1:1(0) ack 1\n+1 silent\n",
        expect![[r#"
            //: family v4

            // path/test[v4]

            --ip_version=ipv4

            0 close(3) = 0
            // +1 silent
            // +0.5 silent
            +1.75 > . 1:1(0) ack 1
            // 5 silent
            6~7 > . 1:1(0) ack 1
            // +1 silent
            +1...2 connect(3, ..., ...) = 0
            // 8 silent
            9 close(4) = 0
            // +1 silent
            * > . 1:1(0) ack 1
            // +1 silent
        "#]],
    );
}

#[test]
fn what_packetdrill_lacks_becomes_a_comment() {
    plain(
        "//: family v6\n0 < [badsum] S 0:0(0) win 9\n+0 < S 0:0(0) win 9 <raw 253 0102,octets 00000000>\n\
         any {\n+0 > . 1:1(0) ack 1\n+0 close(3) = 0\n} or {\n+1 silent\n}\n+0 < icmp unreachable frag_needed mtu 1300 [1:11(10)]\n`cleanup`\n",
        expect![[r#"
            //: family v6

            // path/test[v6]

            --ip_version=ipv6

            // packetdrill has no such IP headers: 0 < [badsum] S 0:0(0) win 9
            // packetdrill has no options as octets: +0 < S 0:0(0) win 9 <raw 253 0102,octets 00000000>
            // The first of 2 alternatives:
            +0 > . 1:1(0) ack 1
            +0 close(3) = 0
            +0 < icmp packet_too_big mtu 1300 [1:11(10)]

            `cleanup`
        "#]],
    );
}

#[test]
fn let_takes_the_value_of_its_line_and_a_label_the_value_where_it_is_used() {
    let text = "vary a: x(later=$n+1)\nlet n = 1\nlet kept = $n\n0 close($later) = $kept\nlet n = 5\n+0 close($later) = $kept\n";
    assert_eq!(steps(text), ["0 close(2) = 1", "+0 close(6) = 1"]);
}

#[test]
fn names_of_a_branch_stay_in_the_branch_and_names_of_a_part_do_not() {
    let text = "let n = 1\nwhen family = v4 {\nlet n = 2\n}\n\
                any {\n0 > . 1:1(0) ack 1\nlet n = 3\n} or {\n0 silent\n}\n+0 close($n) = 0\n";
    assert_eq!(steps(text), ["any of 2", "+0 close(2) = 0"]);
}

#[test]
fn an_axis_is_a_name_too() {
    let text = "vary opt: TCP_NODELAY\nvary n: 7\nvary flags: R.\nvary family-of: x\n\
                0 setsockopt(3, SOL_TCP, $opt, [$n], 4) = -1 $err\n";
    let text = text.replace("0 set", "let err = EINVAL\n0 set") + "+0 < $flags 1:1(0) ack 1 win $n\n+$n close(3) = 0\n";
    assert_eq!(
        steps(&text),
        ["0 setsockopt(3, SOL_TCP, TCP_NODELAY, [7], 4) = -1 EINVAL", "+0 < R. 1:1(0) ack 1 win 7", "+7 close(3) = 0"]
    );
}

#[test]
fn sums_of_sequence_numbers_wrap() {
    let text = "let isn = 4294967295\nlet zero = 0\n0 > S. $isn:$isn(0) ack $isn+1 <...>\n\
                +0 < . $isn:$isn+10(10) ack $zero-1 win 9 <nop,nop,sack $isn+1:$isn+2>\n";
    assert_eq!(
        steps(text),
        [
            "0 > S. 4294967295:4294967295(0) ack 0 <...>",
            "+0 < . 4294967295:9(10) ack 4294967295 win 9 <nop,nop,sack 0:1>"
        ]
    );
}

#[test]
fn times_take_parameters_numbers_and_decimal_words() {
    let text = "let n = 2\nlet d = 0.25\n0 close(3) = 0\n+$time_wait-0.5 close(3) = 0\n+$n+.5 close(3) = 0\n+$d close(3) = 0\n+$d~+$n > . 1:1(0) ack 1\n";
    assert_eq!(
        steps(text),
        [
            "0 close(3) = 0",
            "+59.5 close(3) = 0",
            "+2.5 close(3) = 0",
            "+0.25 close(3) = 0",
            "+0.25~+2 > . 1:1(0) ack 1"
        ]
    );
}

#[test]
fn definitions_stand_for_bare_words() {
    let text = "--define=COOKIE=01020304\n--define=LEVEL=SOL_IP\n--define=KEY=\"ab\"\n--define=N=0x10\n--define=MSS=1460\n\
                0 > S 0:0(0) <mss MSS,FO COOKIE,nop,nop>\n+0 setsockopt(3, LEVEL, N, KEY, 2) = 0\n";
    assert_eq!(
        steps(text),
        ["0 > S 0:0(0) <mss 1460,FO 01020304,nop,nop>", "+0 setsockopt(3, SOL_IP, 16, \"ab\", 2) = 0"]
    );
}

#[test]
fn icmp_words_follow_the_family() {
    let text =
        "0 < icmp unreachable frag_needed mtu 1300\n+0 < icmp unreachable host_unreachable\n+0 < icmp type_9 code_1\n";
    let found: Vec<Vec<String>> = tests(text)
        .iter()
        .map(|test| {
            test.steps
                .iter()
                .map(|step| match step {
                    Step::Event(event) => event.action.to_string(),
                    Step::Any(_) => String::new(),
                })
                .collect()
        })
        .collect();
    assert_eq!(found[0][..2], ["< icmp unreachable frag_needed mtu 1300", "< icmp unreachable host_unreachable"]);
    assert_eq!(found[1][..2], ["< icmp packet_too_big mtu 1300", "< icmp unreachable address_unreachable"]);
    assert_eq!(found[0][2], found[1][2]);
}

#[test]
fn options_of_a_fixture_come_first() {
    let tests = tests("--mss=1000\n--strict_segments\nuse ESTABLISHED\n");
    let options: Vec<(&str, &str)> =
        tests[0].options.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(options, [("tcp_ts_tick_usecs", "1000"), ("mss", "1000"), ("strict_segments", "")]);
}

#[test]
fn duration_is_the_sum_of_the_latest_times() {
    let table = [
        ("0 close(3) = 0\n", 0),
        ("0 close(3) = 0\n+1 close(3) = 0\n+.5 silent\n", 1_500_000),
        ("0 close(3) = 0\n+1~+2 > . 1:1(0) ack 1\n* > . 1:1(0) ack 1\n", 2_000_000),
        ("0 close(3) = 0\n4 close(3) = 0\n+0...1 connect(3, ..., ...) = 0\n", 5_000_000),
        ("0 close(3) = 0\nany {\n+1 > . 1:1(0) ack 1\n+1 silent\n} or {\n+5 silent\n}\n+1 close(3) = 0\n", 6_000_000),
    ];
    for (text, micros) in table {
        assert_eq!(duration_hint(&tests(text)[0]), micros, "{text}");
    }
}

#[test]
fn base_grammar_of_every_sort_is_read() {
    let text = "--tolerance_usecs=10000 --strict_segments // two\n`init`\n/* a\n b */\n0.000 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3 // c\n\
        +0 recvmsg(4, {msg_name(...)=...,\n  msg_iov(1)=[{..., 5}],\n  msg_flags=MSG_ERRQUEUE|0x10,\n  msg_control=[{cmsg_level=SOL_IP, cmsg_type=IP_RECVERR, cmsg_data={ee_errno=0, ee_info=2}}]}, MSG_ERRQUEUE) = 0\n\
        +0 poll([{fd=4, events=POLLIN, revents=POLLIN}], 1, 0) = 1\n\
        +.1...0.2 connect(3, {sa_family = AF_INET, sin_port = htons(8080), sin_addr = inet_addr(\"192.0.2.1\")}, ...) = -1 EINPROGRESS (Operation now in progress)\n\
        +0 > [ect01, flowlabel 0x10] SEWA 1:2(1)\n  win 5 <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 8>\n\
        +0 < 80 > 8080 SA5. 0:0(0) ack 1 win 9\n";
    let error = parse(
        &{
            let mut sources = Sources::new();
            sources.add("x", text);
            sources
        },
        0,
    )
    .expect_err("an ACE digit and a letter");
    assert_eq!(error.len(), 1);
    assert_eq!(error[0].code, "flags");
    let test = &tests(&text.replace("SA5.", "S5."))[0];
    assert_eq!(test.steps.len(), 6);
    let Step::Event(event) = &test.steps[3] else { panic!("an event") };
    let Action::Call(call) = &event.action else { panic!("a call") };
    assert!(matches!(event.time, Time::Blocking { relative: true, .. }));
    assert_eq!(call.note.as_deref(), Some("Operation now in progress"));
    assert!(matches!(&call.args[1].kind, ArgKind::Struct(members) if members.len() == 3));
    let Step::Event(event) = &test.steps[4] else { panic!("an event") };
    assert_eq!(
        event.action.to_string(),
        "> [ect01, flowlabel 0x10] SEWA 1:2(1) win 5 <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 8>"
    );
    let Step::Event(event) = &test.steps[5] else { panic!("an event") };
    assert_eq!(event.action.to_string(), "< 80 > 8080 S.5 0:0(0) ack 1 win 9");
}

#[test]
fn comments_stay_and_layout_becomes_canonical() {
    let text = "//= a/b SHOULD\n//  One.\n// Two.\n//: family   v4\n\n// Above.\n--mss=5\nvary state: A   B( x = 1,y=R. )\n\
        // Between.\n`init`\n\n// First\n  0.0   close( 3 )=0 // trailing\nwhen state=A B{ // why\n\
        +.10 > P. 1:11(10) ack 1<nop,nop,nop,nop>\n}\n/* old\n * style */\n`end`\n";
    let mut sources = Sources::new();
    let file = sources.add("test.pkt", text);
    let script = parse(&sources, file).unwrap_or_else(|faults| panic!("{}", render(&faults, &sources, false)));
    expect![[r#"
        //= a/b SHOULD
        // One. Two.
        //: family v4

        // Above.
        // Between.

        --mss=5

        vary state: A B(x=1, y=R.)

        `init`

        // First
        // trailing
        0 close(3) = 0
        when state = A B {
          // why
          +0.1 > P. 1:11(10) ack 1 <nop,nop,nop,nop>
        }

        // old
        // * style

        `end`
    "#]]
    .assert_eq(&print(&script));
}

#[test]
fn words_that_packetdrill_has_not_are_told() {
    let table = [
        ("0 < [ttl 3] . 1:1(0) ack 1 win 9\n", None),
        ("0 < [id 3] . 1:1(0) ack 1 win 9\n", Some("such IP headers")),
        ("0 > [dscp 3] . 1:1(0) ack 1\n", Some("such IP headers")),
        ("0 ioctl(4, SIOCINQ, [1]) = 0\n", None),
        ("0 ioctl(4, SIOCATMARK, [1]) = 0\n", Some("such constant")),
    ];
    for (text, lacks) in table {
        let plain = to_packetdrill(&tests(text)[0]);
        let told = plain.lines().find_map(|line| line.strip_prefix("// packetdrill has no "));
        assert_eq!(told.and_then(|told| told.split(": ").next()), lacks, "{plain}");
    }
}

#[test]
fn numbers_that_packetdrill_counts_otherwise_are_told() {
    let opened = "0 < S 0:0(0) win 9\n+0 > S. 0:0(0) ack 1\n+0 < . 1:1(0) ack 1 win 9\n";
    let table: [(&str, Option<&str>); 8] = [
        (opened, None),
        ("0 < . 1:1(0) ack 1 win 9\n+0 < S 0:0(0) win 9\n", Some("a SYN after segments of no connection")),
        ("0 < S. 0:0(0) ack 1 win 9\n+0 < S 0:0(0) win 9\n", Some("a SYN after a SYN,ACK of no connection")),
        ("0 > S 0:0(0)\n+0 < S 0:0(0) win 9\n+0 < S. 7:7(0) ack 1 win 9\n", Some("a SYN,ACK after crossing SYNs")),
        // The SYN again, of the same connection.
        ("OPENED+0 < S 0:0(0) win 9\n+0 > S. 0:0(0) ack 1\n", None),
        // A SYN that draws no SYN,ACK.
        ("OPENED+0 < S 90:90(0) win 9\n+0 > . 1:1(0) ack 1\n", None),
        ("OPENED+0 < S 90:90(0) win 9\n+0 > S. 0:0(0) ack 91\n", Some("a second connection of the same ports")),
        (
            "OPENED+0 < R. 1:1(0) ack 1 win 0\n+0 < S 0:0(0) win 9\n+0 > S. 0:0(0) ack 1\n",
            Some("a second connection of the same ports"),
        ),
    ];
    for (text, lacks) in table {
        let plain = to_packetdrill(&tests(&text.replace("OPENED", opened))[0]);
        let told = plain.lines().find_map(|line| line.strip_prefix("// packetdrill has no numbers for "));
        assert_eq!(told.and_then(|told| told.split(": ").next()), lacks, "{plain}");
    }
}
