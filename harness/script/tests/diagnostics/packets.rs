//! Packet lines.

use super::says;
use expect_test::expect;

#[test]
fn misspelt_field_is_not_taken_for_a_missing_window() {
    says(
        "0 < . 1:1(0) ack 1 wim 257\n",
        expect![[r#"
        error[syntax]: unknown word `wim`
         --> test.pkt:1:20
          |
        1 | 0 < . 1:1(0) ack 1 wim 257
          |                    ^^^ expected `win N`, `urg N`, `<options>` or the end of the line
          |
          = help: did you mean `win`?"#]],
    );
}

#[test]
fn missing_window() {
    says(
        "0 < S 0:0(0) <mss 1460>\n",
        expect![[r#"
        error[missing-window]: a packet to the SUT needs a window
         --> test.pkt:1:3
          |
        1 | 0 < S 0:0(0) <mss 1460>
          |   ^^^^^^^^^^^^^^^^^^^^^ expected `win N`
          |
          = help: `win` may be left out only of packets from the SUT"#]],
    );
}

#[test]
fn length_and_range_disagree() {
    says(
        "0 > P. 1:1001(999) ack 1\n",
        expect![[r#"
        error[inconsistent-length]: 1 and 999 octets make 1000, not 1001
         --> test.pkt:1:10
          |
        1 | 0 > P. 1:1001(999) ack 1
          |          ^^^^ --- the length
          |
          = help: `1:1001(1000)` or `1:1000(999)`"#]],
    );
}

#[test]
fn two_faults_in_one_file_are_both_reported() {
    says(
        "0 sokcet(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 listen(3, 1) = 0\n+0 < S 0:0(0) win 1000 <mms 1460>\n",
        expect![[r#"
            error[unknown-call]: `sokcet` is not a system call
             --> test.pkt:1:3
              |
            1 | 0 sokcet(..., SOCK_STREAM, IPPROTO_TCP) = 3
              |   ^^^^^^
              |
              = help: did you mean `socket`?

            error[syntax]: unknown word `mms`
             --> test.pkt:3:25
              |
            3 | +0 < S 0:0(0) win 1000 <mms 1460>
              |                         ^^^ expected `mss N`, `nop`, `sackOK`, `wscale N`, `TS val N ecr N`, `sack A:B ...`, `eol`, `FO hex`, `FOEXP hex`, `md5 hex`, `ECN e0b N ...`, `raw KIND hex` or `octets hex`
              |
              = help: did you mean `mss`?"#]],
    );
}

#[test]
fn misaligned_options() {
    says(
        "0 < S 0:0(0) win 1000 <mss 1460,sackOK>\n",
        expect![[r#"
        error[misaligned-options]: these options are 6 octets long, which is no multiple of 4
         --> test.pkt:1:24
          |
        1 | 0 < S 0:0(0) win 1000 <mss 1460,sackOK>
          |                        ^^^^^^^^^^^^^^^
          |
          = help: add 2 `nop` where the stack has them, or `eol` at the end"#]],
    );
}

#[test]
fn options_that_do_not_fit() {
    says(
        "0 < . 1:1(0) ack 1 win 9 <nop,nop,sack 1:2 3:4 5:6 7:8,nop,nop,TS val 1 ecr 2>\n",
        expect![[r#"
        error[options-too-long]: these options are 48 octets long, and a header has room for 40
         --> test.pkt:1:27
          |
        1 | 0 < . 1:1(0) ack 1 win 9 <nop,nop,sack 1:2 3:4 5:6 7:8,nop,nop,TS val 1 ecr 2>
          |                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"#]],
    );
}

#[test]
fn unknown_flag() {
    says(
        "0 < SX 0:0(0) win 1000\n",
        expect![[r#"
        error[flags]: `X` in `SX` is not a TCP flag
         --> test.pkt:1:5
          |
        1 | 0 < SX 0:0(0) win 1000
          |     ^^ expected letters of `.FSRPEWAU`, a digit 0-7 for the ACE field, or `-` alone"#]],
    );
}

#[test]
fn number_out_of_range() {
    says(
        "0 < S 0:0(0) win 65536\n+0 > S. 0:0(0) ack 4294967296 <...>\n",
        expect![[r#"
        error[range]: 65536 is out of range for a window
         --> test.pkt:1:18
          |
        1 | 0 < S 0:0(0) win 65536
          |                  ^^^^^ expected a number from 0 to 65535

        error[range]: 4294967296 is out of range for an acknowledgment number
         --> test.pkt:2:20
          |
        2 | +0 > S. 0:0(0) ack 4294967296 <...>
          |                    ^^^^^^^^^^ expected a number from 0 to 4294967295"#]],
    );
}

#[test]
fn line_ends_too_early() {
    says(
        "0 < S 0:0(0) win\n+0 bind(3, ...,\n",
        expect![[r#"
        error[syntax]: the line ends too early
         --> test.pkt:1:17
          |
        1 | 0 < S 0:0(0) win
          |                 ^ expected a number

        error[syntax]: the file ends too early
         --> test.pkt:2:16
          |
        2 | +0 bind(3, ...,
          |                ^ expected a value"#]],
    );
}

#[test]
fn fields_out_of_order() {
    says(
        "0 < . 1:1(0) win 257 ack 1\n+0 > . 1:1(0) ack 1 ack 2\n",
        expect![[r#"
        error[syntax]: `ack` stands too late
         --> test.pkt:1:22
          |
        1 | 0 < . 1:1(0) win 257 ack 1
          |                      ^^^
          |
          = help: the order is `seq:end(len)`, `ack`, `win`, `urg`, `<options>`

        error[syntax]: `ack` stands here twice
         --> test.pkt:2:21
          |
        2 | +0 > . 1:1(0) ack 1 ack 2
          |                   - ^^^
          |                   |
          |                   first here"#]],
    );
}

#[test]
fn icmp_words() {
    says(
        "//: family v4\n0 < icmp unreachble\n+0 < icmp unreachable port_unreachabl\n",
        expect![[r#"
            error[unknown-icmp]: `unreachble` is unknown to ICMP there
             --> test.pkt:2:10
              |
            2 | 0 < icmp unreachble
              |          ^^^^^^^^^^ expected `echo_reply`, `unreachable`, `source_quench`, `redirect`, `echo_request`, `time_exceeded`, `parameter_problem`, `timestamp_request`, `timestamp_reply`, `information_request`, `information_reply`, `address_mask_request` or `address_mask_reply`
              |
              = help: did you mean `unreachable`?

            error[unknown-icmp]: `port_unreachabl` is unknown to ICMP there
             --> test.pkt:3:23
              |
            3 | +0 < icmp unreachable port_unreachabl
              |                       ^^^^^^^^^^^^^^^ expected `net_unreachable`, `host_unreachable`, `protocol_unreachable`, `port_unreachable`, `frag_needed`, `source_route_failed`, `net_unknown`, `host_unknown`, `source_host_isolated`, `net_prohibited`, `host_prohibited`, `net_unreachable_for_tos`, `host_unreachable_for_tos`, `packet_filtered`, `precedence_violation` or `precedence_cutoff`
              |
              = help: did you mean `port_unreachable`?"#]],
    );
}

#[test]
fn spoilt_headers_are_for_inbound_segments() {
    says(
        "0 > [badsum] . 1:1(0) ack 1\n+0 < [reserved 9] S 0:0(0) win 1\n+0 < [ect01] S 0:0(0) win 1\n",
        expect![[r#"
            error[direction]: this word goes with the innermost header of a packet that the harness sends only
             --> test.pkt:1:6
              |
            1 | 0 > [badsum] . 1:1(0) ack 1
              |      ^^^^^^

            error[range]: 9 is out of range for the three reserved bits
             --> test.pkt:2:16
              |
            2 | +0 < [reserved 9] S 0:0(0) win 1
              |                ^ expected a number from 0 to 7

            error[direction]: `ect01` goes with a packet from the SUT only
             --> test.pkt:3:7
              |
            3 | +0 < [ect01] S 0:0(0) win 1
              |       ^^^^^ expected `ect0` or `ect1`"#]],
    );
}

#[test]
fn addresses_and_ip_options() {
    says(
        "0 < [src everyone] S 0:0(0) win 1\n+0 > [dst own] S. 0:0(0) ack 1\n+0 < [ipopt 9e0400] S 0:0(0) win 1\n",
        expect![[r#"
            error[syntax]: unknown word `everyone`
             --> test.pkt:1:10
              |
            1 | 0 < [src everyone] S 0:0(0) win 1
              |          ^^^^^^^^ expected `unspecified`, `loopback`, `multicast`, `broadcast` or `own`

            error[direction]: this word goes with the innermost header of a packet that the harness sends only
             --> test.pkt:2:7
              |
            2 | +0 > [dst own] S. 0:0(0) ack 1
              |       ^^^^^^^

            error[length]: 3 octets do not fit
             --> test.pkt:3:7
              |
            3 | +0 < [ipopt 9e0400] S 0:0(0) win 1
              |       ^^^^^^^^^^^^ expected a multiple of 4 octets, at most 40"#]],
    );
}

#[test]
fn hexadecimal_octets() {
    says(
        "0 > S 0:0(0) <raw 253 abc>\n+0 > S 0:0(0) <octets xyz>\n",
        expect![[r#"
        error[hex]: `abc` is not octets in hexadecimal
         --> test.pkt:1:23
          |
        1 | 0 > S 0:0(0) <raw 253 abc>
          |                       ^^^ expected two digits for each octet

        error[hex]: `xyz` is not octets in hexadecimal
         --> test.pkt:2:23
          |
        2 | +0 > S 0:0(0) <octets xyz>
          |                       ^^^ expected two digits for each octet"#]],
    );
}

#[test]
fn outer_headers() {
    says(
        "0 < ipv4 192.0.2.1 > 192.0.2.x: . 1:1(0) win 1\n+0 < ipv6 192.0.2.1 > 192.0.2.2: . 1:1(0) win 1\n+0 < ipv4 192.0.2.1 > 192.0.2.2 . 1:1(0) win 1\n+0 > gre flags [kay present], sum 0, off 0, key 1, seq 0: . 1:1(0)\n+0 > gre flags 0, sum 0, of 0, key 1, seq 0: . 1:1(0)\n+0 > mpls (label 1048576, tc 8, [T], ttl 1): . 1:1(0)\n+0 > mpls (label 1048576, tc 8, ttl 256): . 1:1(0)\n",
        expect![[r#"
            error[address]: `192.0.2.x` is not an address
             --> test.pkt:1:22
              |
            1 | 0 < ipv4 192.0.2.1 > 192.0.2.x: . 1:1(0) win 1
              |                      ^^^^^^^^^ expected an IPv4 address

            error[address]: `192.0.2.1` is not an address
             --> test.pkt:2:11
              |
            2 | +0 < ipv6 192.0.2.1 > 192.0.2.2: . 1:1(0) win 1
              |           ^^^^^^^^^ expected an IPv6 address

            error[syntax]: unexpected `.`
             --> test.pkt:3:33
              |
            3 | +0 < ipv4 192.0.2.1 > 192.0.2.2 . 1:1(0) win 1
              |                                 ^ expected `:` at the end of the outer header

            error[syntax]: unknown word `kay`
             --> test.pkt:4:17
              |
            4 | +0 > gre flags [kay present], sum 0, off 0, key 1, seq 0: . 1:1(0)
              |                 ^^^ expected `none`, `checksum present`, `key present` or `sequence# present`
              |
              = help: did you mean `key`?

            error[syntax]: unknown word `of`
             --> test.pkt:5:26
              |
            5 | +0 > gre flags 0, sum 0, of 0, key 1, seq 0: . 1:1(0)
              |                          ^^ expected `off N`
              |
              = help: did you mean `off`?

            error[syntax]: unknown word `T`
             --> test.pkt:6:34
              |
            6 | +0 > mpls (label 1048576, tc 8, [T], ttl 1): . 1:1(0)
              |                                  ^ expected `S`, the bottom of the stack

            error[range]: 1048576 is out of range for a label
             --> test.pkt:7:18
              |
            7 | +0 > mpls (label 1048576, tc 8, ttl 256): . 1:1(0)
              |                  ^^^^^^^ expected a number from 0 to 1048575

            error[range]: 8 is out of range for a traffic class
             --> test.pkt:7:30
              |
            7 | +0 > mpls (label 1048576, tc 8, ttl 256): . 1:1(0)
              |                              ^ expected a number from 0 to 7

            error[range]: 256 is out of range for a time to live
             --> test.pkt:7:37
              |
            7 | +0 > mpls (label 1048576, tc 8, ttl 256): . 1:1(0)
              |                                     ^^^ expected a number from 0 to 255"#]],
    );
}

#[test]
fn segments_in_udp_and_psp() {
    says(
        "0 < . 1:1(0) win 1/udp(1 > 70000)\n+0 < . 1:1(0) win 1 /upd(1 > 2)\n+0 < . 1:1(0) win 1/udp(1)\n+0 < encap psp spy 1 . 1:1(0) win 1\n",
        expect![[r#"
            error[range]: 70000 is out of range for a port
             --> test.pkt:1:28
              |
            1 | 0 < . 1:1(0) win 1/udp(1 > 70000)
              |                            ^^^^^ expected a number from 0 to 65535

            error[syntax]: unknown word `upd`
             --> test.pkt:2:22
              |
            2 | +0 < . 1:1(0) win 1 /upd(1 > 2)
              |                      ^^^ expected `udp(PORT > PORT)`

            error[syntax]: unexpected `)`
             --> test.pkt:3:26
              |
            3 | +0 < . 1:1(0) win 1/udp(1)
              |                          ^ expected `>` and the port of the destination

            error[syntax]: unknown word `spy`
             --> test.pkt:4:16
              |
            4 | +0 < encap psp spy 1 . 1:1(0) win 1
              |                ^^^ expected `spi`
              |
              = help: did you mean `spi`?"#]],
    );
}

#[test]
fn numbers_that_are_not_looked_at() {
    says(
        "0 < . ...(0) win 1\n+0 > . ...0 ack 1\n+0 > . 1:2(0)! ack 1\n+0 > . 1:1(0) ack 1 <nop,nop,TS val .. ecr 5>\n",
        expect![[r#"
            error[direction]: `...` for numbers goes with a packet from the SUT only
             --> test.pkt:1:3
              |
            1 | 0 < . ...(0) win 1
              |   ^^^^^^^^^^^^^^^^
              |
              = help: it means that they are not looked at; write the ones to send

            error[syntax]: unexpected `0`
             --> test.pkt:2:11
              |
            2 | +0 > . ...0 ack 1
              |           ^ expected `(` and the length

            error[inconsistent-length]: 1 and 0 octets make 1, not 2
             --> test.pkt:3:10
              |
            3 | +0 > . 1:2(0)! ack 1
              |          ^ - the length
              |
              = help: `1:2(1)` or `1:1(0)`

            error[syntax]: unexpected `.`
             --> test.pkt:4:37
              |
            4 | +0 > . 1:1(0) ack 1 <nop,nop,TS val .. ecr 5>
              |                                     ^ expected a timestamp"#]],
    );
}

#[test]
fn words_of_the_second_dialect() {
    says(
        "0 < [dscp af14] . 1:1(0) win 1\n+0 < [dscp 64] . 1:1(0) win 1\n+0 < [ecn ect2] . 1:1(0) win 1\n+0 < [hlimit 5] . 1:1(0) win 1\n+0 > . 1:1(0) <exp-tarr 128>\n+0 > . 1:1(0) <exp-FOO 12>\n+0 > . 1:1(0) <gen-256 12>\n+0 > . 1:1(0) <AccECN0 ee1b 5,nop>\n",
        expect![[r#"
            error[dscp]: no code point is called `af14`
             --> test.pkt:1:11
              |
            1 | 0 < [dscp af14] . 1:1(0) win 1
              |           ^^^^ expected a number or a name such as `cs1`, `af11`, `ef`
              |
              = help: did you mean `af11`?

            error[range]: 64 is out of range for a code point
             --> test.pkt:2:12
              |
            2 | +0 < [dscp 64] . 1:1(0) win 1
              |            ^^ expected a number from 0 to 63

            error[syntax]: unknown word `ect2`
             --> test.pkt:3:11
              |
            3 | +0 < [ecn ect2] . 1:1(0) win 1
              |           ^^^^ expected `ect0`, `ect1`, `ect01`, `ce` or `noecn`
              |
              = help: did you mean `ect0`?

            error[syntax]: unknown word `hlimit`
             --> test.pkt:4:7
              |
            4 | +0 < [hlimit 5] . 1:1(0) win 1
              |       ^^^^^^ expected `ect0`, `ect1`, `ect01`, `ce`, `noecn`, `tos N`, `ttl N`, `id N`, `flowlabel N`, `dscp N`, `class N`, `hlim N`, `ecn ect0`, `badsum`, `doff N`, `reserved N`, `src PLACE`, `dst PLACE`, `ipopt hex`, `ext KIND hex`, `frag A:B`, `version N`, `ihl N`, `proto N`, `badipsum`, `iplen N`, `df` or `nodf`
              |
              = help: did you mean `hlim`?

            error[range]: this is no rate
             --> test.pkt:5:25
              |
            5 | +0 > . 1:1(0) <exp-tarr 128>
              |                         ^^^ expected a number from 0 to 127

            error[option]: `exp-FOO` is not an option
             --> test.pkt:6:20
              |
            6 | +0 > . 1:1(0) <exp-FOO 12>
              |                    ^^^ expected `FO`, `AccECN0`, `AccECN1`, `tarr` or up to four hexadecimal digits

            error[range]: `256` is not an option kind
             --> test.pkt:7:20
              |
            7 | +0 > . 1:1(0) <gen-256 12>
              |                    ^^^ expected a number from 0 to 255

            error[syntax]: unknown word `ee1b`
             --> test.pkt:8:24
              |
            8 | +0 > . 1:1(0) <AccECN0 ee1b 5,nop>
              |                        ^^^^ expected `,` or `>`"#]],
    );
}

#[test]
fn what_an_icmp_message_quotes() {
    says(
        "0 < icmp echo_request id 65536\n+0 < icmp unreachable [upd (5)]\n+0 < icmp unreachable [udp 5]\n+0 < icmp unreachable [1:5(3)]\n+0 < icmp unreachable ide 5\n",
        expect![[r#"
            error[range]: 65536 is out of range for an identifier
             --> test.pkt:1:26
              |
            1 | 0 < icmp echo_request id 65536
              |                          ^^^^^ expected a number from 0 to 65535

            error[syntax]: unknown word `upd`
             --> test.pkt:2:24
              |
            2 | +0 < icmp unreachable [upd (5)]
              |                        ^^^ expected `seq:end(len)`, `udp (N)` or `raw (N)`
              |
              = help: did you mean `udp`?

            error[syntax]: unexpected `5`
             --> test.pkt:3:28
              |
            3 | +0 < icmp unreachable [udp 5]
              |                            ^ expected `(` and the length

            error[inconsistent-length]: 1 and 3 octets make 4, not 5
             --> test.pkt:4:26
              |
            4 | +0 < icmp unreachable [1:5(3)]
              |                          ^ - the length
              |
              = help: `1:5(4)` or `1:4(3)`

            error[syntax]: unexpected `5`
             --> test.pkt:5:27
              |
            5 | +0 < icmp unreachable ide 5
              |                           ^ expected `mtu N`, `id N`, `[seq:end(len)]`, `[udp (N)]`, `[raw (N)]` or the end of the line"#]],
    );
}

#[test]
fn conditional_parts() {
    says(
        "#endif\n0 < . 1:1(0) win 1\n#ifdf A\n+0 < . 1:1(0) win 1\n#ifdef A\n#ifdef B\n+0 < . 1:1(0) win 1\n#endif\n#ifdef C\n+0 < . 1:1(0) win 1\n",
        expect![[r#"
            error[ifdef]: this `#endif` has no `#ifdef`
             --> test.pkt:1:1
              |
            1 | #endif
              | ^^^^^^

            error[syntax]: unknown word `ifdf`
             --> test.pkt:3:2
              |
            3 | #ifdf A
              |  ^^^^ expected `#ifdef SYMBOL` or `#endif`

            error[ifdef]: an `#ifdef` stands in another one
             --> test.pkt:6:1
              |
            6 | #ifdef B
              | ^^^^^^

            error[ifdef]: this `#ifdef` has no `#endif`
             --> test.pkt:9:8
              |
            9 | #ifdef C
              |        ^"#]],
    );
}

#[test]
fn character_that_no_script_has() {
    says(
        "0 < S 0:0(0) win 5 \u{20ac}\n+0 ? close(3) = 0\n",
        expect![[r#"
        error[unreadable]: a script has no use for this character
         --> test.pkt:1:20
          |
        1 | 0 < S 0:0(0) win 5 €
          |                    ^
          |
          = help: write it in a comment or string

        error[syntax]: unexpected `?`
         --> test.pkt:2:4
          |
        2 | +0 ? close(3) = 0
          |    ^ expected `<` or `>` and a packet, a system call, `silent`, a command or a code block"#]],
    );
}
