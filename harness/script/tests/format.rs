//! The canonical layout: what it sets anew, and what it leaves as it is.

use expect_test::{Expect, expect};
use halfopen_script::{Sources, format};

fn laid_out(text: &str) -> String {
    let mut sources = Sources::new();
    let file = sources.add("t.pkt", text);
    let once = format(&sources, file).unwrap_or_else(|refusal| panic!("{refusal:?}\n{text}"));
    let again = sources.add("once.pkt", &once);
    assert_eq!(once, format(&sources, again).expect("it was a script before"), "the layout is stable");
    once
}

fn check(text: &str, expected: Expect) {
    expected.assert_eq(&laid_out(text));
}

#[test]
fn times_of_a_paragraph_have_a_column() {
    check(
        "   0 socket(..., SOCK_STREAM, IPPROTO_TCP)=3\n +.1   <  S 0:0(0) win 100 <mss 1460, nop , wscale 7>\n\n\n\n    +0 > S. 0:0(0) ack 1 <...>\n +0...0.010 read(3,...,4) = 4\n// of the same paragraph\n +$time_wait-0.5 silent\n  * > R  1:1(0)\n",
        expect![[r#"
            0   socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
            +.1 < S 0:0(0) win 100 <mss 1460,nop,wscale 7>

            +0 > S. 0:0(0) ack 1 <...>
            +0...0.010 read(3, ..., 4) = 4
            // of the same paragraph
            +$time_wait-0.5 silent
            *  > R 1:1(0)
        "#]],
    );
}

#[test]
fn comments_stay_where_they_are() {
    check(
        "\n//= no header, because it is not on the first line\n/* a block\n     of lines */ /* and one more */\n--mss=1000   // beside an option\n\n`init`\n0 < . 1:1(0) /* inside */ ack 1 win 5 // beside\n   // above\n+0 < . 1:1(0) // in the middle\n ack 1 win 500 // at the end\n// last",
        expect![[r#"

            //= no header, because it is not on the first line
            /* a block
                 of lines */
            /* and one more */
            --mss=1000  // beside an option

            `init`
            0  < . 1:1(0) /* inside */ ack 1 win 5  // beside
            // above
            +0 < . 1:1(0) // in the middle
                ack 1 win 500  // at the end
            // last
        "#]],
    );
}

#[test]
fn comments_beside_lines_that_follow_each_other_are_aligned() {
    check(
        "0 < F 1:1(0) win 5 // a\n+0 > . 1:1(0) ack 2 // b\n+0 close(3) = 0\n+0 close(4) = 0 // c\n",
        expect![[r#"
            0  < F 1:1(0) win 5  // a
            +0 > . 1:1(0) ack 2  // b
            +0 close(3) = 0
            +0 close(4) = 0  // c
        "#]],
    );
}

#[test]
fn breaks_inside_calls_are_kept_and_indented_by_brackets() {
    check(
        "0 sendmsg(4, {msg_name(...) = ...,\n msg_iov(2) = [{..., 4},\n{..., 5} ],\n      msg_flags = 0 }, MSG_DONTWAIT | MSG_EOR) = -1 EAGAIN   (Try   again, flags 5)\n+0 epoll_ctl( 5, EPOLL_CTL_ADD, 4, {\nevents=EPOLLIN,\n fd=4\n}) = 0\n",
        expect![[r#"
            0  sendmsg(4, {msg_name(...)=...,
                           msg_iov(2)=[{..., 4},
                                       {..., 5}],
                           msg_flags=0}, MSG_DONTWAIT|MSG_EOR) = -1 EAGAIN (Try again, flags 5)
            +0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {
                 events=EPOLLIN,
                 fd=4
               }) = 0
        "#]],
    );
}

#[test]
fn blocks_are_indented() {
    check(
        "vary   state :  A(x = 1, y=R.)   B\n\n0 < F 1:1(0) win 5\nwhen state=A  B {\n\n any {\n+0 > . 1:1(0) ack 2\n// why\n+.1 silent\n\n}\n or   { // or this\n +0.2   silent\n }\n} else   {\nlet   x=1\n}\nuse $state\n",
        expect![[r#"
            vary state: A(x=1, y=R.) B

            0 < F 1:1(0) win 5
            when state = A B {
              any {
                +0  > . 1:1(0) ack 2
                // why
                +.1 silent
              } or {  // or this
                +0.2 silent
              }
            } else {
              let x = 1
            }
            use $state
        "#]],
    );
}

#[test]
fn conditional_parts_are_not_indented() {
    check(
        "0 < F 1:1(0) win 5\n  #ifdef   A // why\n  +0   close(3) = 0\n\n  # endif\n  +.1 close(4) = 0\n",
        expect![[r#"
            0  < F 1:1(0) win 5
            #ifdef A  // why
            +0 close(3) = 0

            #endif
            +.1 close(4) = 0
        "#]],
    );
}

#[test]
fn commands_and_code_are_as_they_were() {
    check(
        "0 < F 1:1(0) win 5\n+0 `sysctl   -q  a=b\n   two`\n+0 %{assert   x ==  1 }%\n+0 %{\n  x = 1\n    \n}%\n`a   b`\n",
        expect![[r#"
            0  < F 1:1(0) win 5
            +0 `sysctl   -q  a=b
               two`
            +0 %{ assert   x ==  1 }%
            +0 %{
              x = 1
                
            }%
            `a   b`
        "#]],
    );
}

#[test]
fn headers_and_line_ends_are_tidied() {
    check(
        "//=  rfc9293/3.1/a    MUST\r\n// A  sentence.  \r\n//:  family   v4\r\n\r\n0 < F 1:1(0) win 5\t\r\n\r\n\r\n",
        expect![[r#"
            //= rfc9293/3.1/a MUST
            // A  sentence.
            //: family v4

            0 < F 1:1(0) win 5
        "#]],
    );
}

#[test]
fn words_of_packets_are_one_space_apart() {
    check(
        "0 <[ ect0 ,ttl 5 ] 1>2   udp(5)\n+0 < icmp   unreachable  frag_needed  mtu 1200 [ 1:5(4) ]\n+0 <( ce )  8080>80 S. 1:1(0)  ack  1 win 5<md5,FO  aabb ,sack 1:2  3:4>\n+0 < ipv4 192.0.2.1  > 192.0.2.2:   . 1:1(0) ack $a+1 win 5\n+0 <  F  . 1:1(0) win 5 /udp(1 > 2)\n+0 > gre  flags [ none ], sum 0, off 0,key 0, seq 0 : ipv6 ::1 >  ::2: mpls ( label 1 , tc 2, [ S ], ttl 3 ):  S. ...(0) ack 1\n"
            .replace("1>2   udp(5)", "udp 1>2 (5)")
            .as_str(),
        expect![[r#"
            0  < [ect0, ttl 5] udp 1 > 2 (5)
            +0 < icmp unreachable frag_needed mtu 1200 [1:5(4)]
            +0 < (ce) 8080 > 80 S. 1:1(0) ack 1 win 5 <md5,FO aabb,sack 1:2 3:4>
            +0 < ipv4 192.0.2.1 > 192.0.2.2: . 1:1(0) ack $a+1 win 5
            +0 < F. 1:1(0) win 5 /udp(1 > 2)
            +0 > gre flags [none], sum 0, off 0, key 0, seq 0: ipv6 ::1 > ::2: mpls (label 1, tc 2, [S], ttl 3): S. ...(0) ack 1
        "#]],
    );
}

#[test]
fn what_is_no_script_is_not_laid_out() {
    let mut sources = Sources::new();
    let file = sources.add("t.pkt", "0 < S 0:0(0) wim 5\n");
    let refusal = format(&sources, file).expect_err("`wim` is no word");
    assert!(matches!(refusal, halfopen_script::format::Refusal::Faults(faults) if faults.len() == 1));
}

#[test]
fn nothing_is_laid_out_to_nothing() {
    assert_eq!(laid_out(""), "");
    assert_eq!(laid_out("\n\n"), "");
    assert_eq!(laid_out("\n// only this"), "// only this\n");
}
