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
        error[direction]: this word spoils a TCP segment that the harness sends; it goes with nothing else
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

            error[direction]: this word spoils a TCP segment that the harness sends; it goes with nothing else
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
fn what_is_not_supported_says_so() {
    says(
        "0 < icmp echo_request id 5\n+0 < icmp unreachable [udp(5)]\n",
        expect![[r#"
        error[unsupported]: `id` of an ICMP echo is not supported
         --> test.pkt:1:23
          |
        1 | 0 < icmp echo_request id 5
          |                       ^^

        error[unsupported]: only an echoed TCP segment is supported
         --> test.pkt:2:24
          |
        2 | +0 < icmp unreachable [udp(5)]
          |                        ^^^ expected `seq:end(len)`"#]],
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
