//! Typical mistakes and what is said about them.

use expect_test::{Expect, expect};
use halfopen_script::expand::check;
use halfopen_script::{Library, Sources, parse, render};

/// Fixtures of these tests.
struct Fixtures;

impl Library for Fixtures {
    fn fixture(&self, name: &str) -> Option<(String, String)> {
        let text = match name {
            "ESTABLISHED" => {
                "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\nlet fd = 3\nlet rcv.nxt = 1\nlet snd.nxt = 1\n"
            }
            "LOOP" => "use LOOP\n",
            "BROKEN" => "+0 < S 0:0(0)\n",
            _ => return None,
        };
        Some((format!("fixtures/{name}.pkt"), text.to_owned()))
    }

    fn names(&self) -> Vec<String> {
        ["ESTABLISHED", "LOOP", "BROKEN"].map(str::to_owned).into()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`expect!` makes a value")]
fn says(text: &str, expected: Expect) {
    let mut sources = Sources::new();
    let file = sources.add("test.pkt", text);
    let faults = match parse(&sources, file) {
        Ok(script) => check(&script, &mut sources, &Fixtures, &[("time_wait".to_owned(), 60_000_000)]),
        Err(faults) => faults,
    };
    expected.assert_eq(&render(&faults, &sources, false));
}

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
fn range_of_time_for_an_inbound_packet() {
    says(
        "0~1 < S 0:0(0) win 1000\n",
        expect![[r#"
        error[time]: a time range goes with a packet from the SUT only
         --> test.pkt:1:1
          |
        1 | 0~1 < S 0:0(0) win 1000
          | ^^^
          |
          = help: the harness itself acts at one time: give that"#]],
    );
}

#[test]
fn range_of_time_backwards() {
    says(
        "+.2~+.1 > . 1:1(0) ack 1\n",
        expect![[r#"
        error[time]: this time range runs backwards
         --> test.pkt:1:1
          |
        1 | +.2~+.1 > . 1:1(0) ack 1
          | ^^^^^^^"#]],
    );
}

#[test]
fn star_for_a_call() {
    says(
        "* close(3) = 0\n",
        expect![[r#"
        error[time]: `*` goes with a packet from the SUT only
         --> test.pkt:1:1
          |
        1 | * close(3) = 0
          | ^
          |
          = help: give the event a time, e.g. `+0`"#]],
    );
}

#[test]
fn first_event_late() {
    says(
        "+1 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n",
        expect![[r#"
            error[first-time]: the first event is at 1 s
             --> test.pkt:1:1
              |
            1 | +1 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              |
              = help: a test begins at time 0: write `0` or `+0`"#]],
    );
}

#[test]
fn time_backwards() {
    says(
        "0 close(3) = 0\n+.5 close(4) = 0\n.2 close(5) = 0\n",
        expect![[r#"
            error[time-backwards]: time runs backwards: 0.2 s comes after 0.5 s
             --> test.pkt:3:1
              |
            2 | +.5 close(4) = 0
              | ---------------- this is at 0.5 s
            3 | .2 close(5) = 0
              | ^^^^^^^^^^^^^^^
              |
              = help: `+0.5` counts from the previous event, `0.5` from the start"#]],
    );
}

#[test]
fn negative_time() {
    says(
        "-1 close(3) = 0\n",
        expect![[r#"
        error[negative-time]: a time cannot be negative
         --> test.pkt:1:1
          |
        1 | -1 close(3) = 0
          | ^
          |
          = help: `+0.5` counts from the previous event, `0.5` from the start"#]],
    );
}

#[test]
fn unknown_symbol() {
    says(
        "0 setsockopt(3, SOL_SOCKET, SO_REUSEADR, [1], 4) = 0\n",
        expect![[r#"
        error[unknown-symbol]: `SO_REUSEADR` is not defined
         --> test.pkt:1:29
          |
        1 | 0 setsockopt(3, SOL_SOCKET, SO_REUSEADR, [1], 4) = 0
          |                             ^^^^^^^^^^^
          |
          = help: did you mean `SO_REUSEADDR`?"#]],
    );
}

#[test]
fn symbol_of_the_command_line() {
    says(
        "0 > S 0:0(0) <FO TFO_COOKIE,nop,nop>\n",
        expect![[r#"
            error[unknown-name]: `TFO_COOKIE` is not defined here
             --> test.pkt:1:15
              |
            1 | 0 > S 0:0(0) <FO TFO_COOKIE,nop,nop>
              |               ^^^^^^^^^^^^^
              |
              = help: a symbol is defined by `-D TFO_COOKIE=VALUE` or `--define=TFO_COOKIE=VALUE`"#]],
    );
}

#[test]
fn unknown_errno_and_errno_without_minus_one() {
    says(
        "0 close(3) = -1 EBADFD (x)\n+0 close(3) = -1 EBADFF\n+0 close(3) = 0 EBADF\n",
        expect![[r#"
        error[unknown-errno]: `EBADFF` is not an errno
         --> test.pkt:2:18
          |
        2 | +0 close(3) = -1 EBADFF
          |                  ^^^^^^
          |
          = help: did you mean `EBADF`?

        error[errno]: an errno goes with the result -1
         --> test.pkt:3:15
          |
        3 | +0 close(3) = 0 EBADF
          |               ^ ----- the errno
          |               |
          |               expected `-1`"#]],
    );
}

#[test]
fn wrong_number_of_arguments() {
    says(
        "0 listen(3) = 0\n",
        expect![[r#"
            error[arguments]: `listen` takes 2 arguments, not 1
             --> test.pkt:1:3
              |
            1 | 0 listen(3) = 0
              |   ^^^^^^"#]],
    );
}

#[test]
fn unknown_option_line() {
    says(
        "--tolerance_usec=10\n--mss=big\n--ip_version=v6\n0 close(3) = 0\n",
        expect![[r#"
        error[unknown-option]: `--tolerance_usec` is not an option
         --> test.pkt:1:1
          |
        1 | --tolerance_usec=10
          | ^^^^^^^^^^^^^^^^
          |
          = help: did you mean `--tolerance_usecs`?

        error[option-value]: `big` does not fit `--mss`
         --> test.pkt:2:7
          |
        2 | --mss=big
          |       ^^^ expected a number

        error[option-value]: `v6` does not fit `--ip_version`
         --> test.pkt:3:14
          |
        3 | --ip_version=v6
          |              ^^ expected `ipv4`, `ipv6` or `ipv4-mapped-ipv6`"#]],
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
fn something_that_is_no_statement() {
    says(
        "usee ESTABLISHED\n0 close(3) = 0\n%{ print(1) }%\n",
        expect![[r#"
        error[syntax]: `usee` does not begin a line
         --> test.pkt:1:1
          |
        1 | usee ESTABLISHED
          | ^^^^ expected a time, e.g. `+0` or a statement: `use`, `let`, `when`, `any`
          |
          = help: did you mean `use`?

        error[syntax]: this code block has no time
         --> test.pkt:3:1
          |
        3 | %{ print(1) }%
          | ^^^^^^^^^^^^^^ expected a time, e.g. `+0` or a statement: `use`, `let`, `when`, `any`"#]],
    );
}

#[test]
fn unclosed_string_and_block() {
    says(
        "0 write(3, \"abc, 3) = 3\nany {\n+0 > . 1:1(0) ack 1\n} or {\n+1 silent\n",
        expect![[r#"
            error[unreadable]: this string has no closing quote
             --> test.pkt:1:12
              |
            1 | 0 write(3, "abc, 3) = 3
              |            ^^^^^^^^^^^^
              |
              = help: a string ends on its line

            error[unclosed-block]: this block has no `}`
             --> test.pkt:4:6
              |
            4 | } or {
              |      ^"#]],
    );
}

#[test]
fn stray_brace() {
    says(
        "0 close(3) = 0\n}\n",
        expect![[r#"
        error[unopened-block]: this `}` closes nothing
         --> test.pkt:2:1
          |
        2 | }
          | ^"#]],
    );
}

#[test]
fn header_faults() {
    says(
        "//= rfc9293/3.10.7.4/rst must\n//: famly v4\n//: family v5\n//: needs >=2\n0 close(3) = 0\n",
        expect![[r#"
        error[header]: `must` is not a level
         --> test.pkt:1:26
          |
        1 | //= rfc9293/3.10.7.4/rst must
          |                          ^^^^ expected `MUST`, `SHOULD` or `MAY`
          |
          = help: the first line is `//= RULE-ID... LEVEL`

        error[header]: `famly` is not a key of a header
         --> test.pkt:2:5
          |
        2 | //: famly v4
          |     ^^^^^ expected `alias`, `family`, `tags`, `sut` or `needs`
          |
          = help: did you mean `family`?

        error[header]: `v5` does not fit `family`
         --> test.pkt:3:12
          |
        3 | //: family v5
          |            ^^ expected `v4`, `v6`, `mapped`

        error[header]: `>=2` does not fit `needs`
         --> test.pkt:4:11
          |
        4 | //: needs >=2
          |           ^^^ expected `NAME` or `NAME>=N`"#]],
    );
}

#[test]
fn unknown_name() {
    says(
        "use ESTABLISHED\n+0 < . $rcv.nx:$rcv.nx(0) ack $snd.nxt win 257\n",
        expect![[r#"
        error[unknown-name]: `$rcv.nx` is not defined here
         --> test.pkt:2:8
          |
        2 | +0 < . $rcv.nx:$rcv.nx(0) ack $snd.nxt win 257
          |        ^^^^^^^
          |
          = help: did you mean `$rcv.nxt`? defined here: `$family`, `$fd`, `$rcv.nxt`, `$snd.nxt`, `$time_wait`

        error[unknown-name]: `$rcv.nx` is not defined here
         --> test.pkt:2:16
          |
        2 | +0 < . $rcv.nx:$rcv.nx(0) ack $snd.nxt win 257
          |                ^^^^^^^
          |
          = help: did you mean `$rcv.nxt`? defined here: `$family`, `$fd`, `$rcv.nxt`, `$snd.nxt`, `$time_wait`"#]],
    );
}

#[test]
fn length_and_range_disagree_once_names_are_known() {
    says(
        "use ESTABLISHED\n+0 < . $rcv.nxt:$rcv.nxt+10(11) ack $snd.nxt win 257\n",
        expect![[r#"
        error[inconsistent-length]: 1 and 11 octets make 12, not 11
         --> test.pkt:2:17
          |
        2 | +0 < . $rcv.nxt:$rcv.nxt+10(11) ack $snd.nxt win 257
          |                 ^^^^^^^^^^^ -- the length
          |
          = help: `1:11(10)` or `1:12(11)`"#]],
    );
}

#[test]
fn name_of_the_wrong_sort() {
    says(
        "let flags = RX\nlet when = soon\n0 < $flags 1:1(0) win 9\n+$when close(3) = 0\n+0 < . $flags:1(0) win 9\n+0 close($time_wait) = 0\n",
        expect![[r#"
            error[flags]: `$flags`: `X` in `RX` is not a TCP flag
             --> test.pkt:3:5
              |
            3 | 0 < $flags 1:1(0) win 9
              |     ^^^^^^

            error[wrong-name]: `$when` is `soon`, and a time in seconds stands here
             --> test.pkt:4:2
              |
            4 | +$when close(3) = 0
              |  ^^^^^

            error[wrong-name]: `$flags` is the word `RX`, and a number stands here
             --> test.pkt:5:8
              |
            5 | +0 < . $flags:1(0) win 9
              |        ^^^^^^

            error[wrong-name]: `$time_wait` is a time, and a number stands here
             --> test.pkt:6:10
              |
            6 | +0 close($time_wait) = 0
              |          ^^^^^^^^^^"#]],
    );
}

#[test]
fn unknown_fixture_axis_and_label() {
    says(
        "vary state: ESTABLISHED LOOP\nuse ESTABLISHD\nuse $stat\nwhen stat = X {\n}\nwhen state = LOPP {\n}\n",
        expect![[r#"
            error[unknown-fixture]: there is no fixture `ESTABLISHD`
             --> test.pkt:2:5
              |
            2 | use ESTABLISHD
              |     ^^^^^^^^^^
              |
              = help: did you mean `ESTABLISHED`?

            error[unknown-axis]: no axis `stat` varies
             --> test.pkt:3:5
              |
            3 | use $stat
              |     ^^^^^

            error[unknown-axis]: no axis `stat` varies
             --> test.pkt:4:6
              |
            4 | when stat = X {
              |      ^^^^ expected `state` or `family`
              |
              = help: did you mean `state`?

            error[unknown-label]: axis `state` has no label `LOPP`
             --> test.pkt:6:14
              |
            6 | when state = LOPP {
              |              ^^^^ expected `ESTABLISHED` or `LOOP`
              |
              = help: did you mean `LOOP`?"#]],
    );
}

#[test]
fn fixture_that_uses_itself_and_fixture_with_a_fault() {
    says(
        "use LOOP\nuse BROKEN\n",
        expect![[r#"
        error[fixture-cycle]: a fixture uses itself
         --> fixtures/LOOP.pkt:1:5
          |
        1 | use LOOP
          |     ^^^^
          |
          = help: LOOP uses LOOP

        error[missing-window]: a packet to the SUT needs a window
         --> fixtures/BROKEN.pkt:1:4
          |
        1 | +0 < S 0:0(0)
          |    ^^^^^^^^^^ expected `win N`
          |
          = help: `win` may be left out only of packets from the SUT"#]],
    );
}

#[test]
fn any_that_does_not_tell_its_branches_apart() {
    says(
        "any {\n+0 close(3) = 0\n} or {\n}\nany {\n+1 silent\n} or {\n+2 silent\n}\n",
        expect![[r#"
            error[any]: this does not tell the branches of `any` apart
             --> test.pkt:2:1
              |
            2 | +0 close(3) = 0
              | ^^^^^^^^^^^^^^^ expected a packet from the SUT at the beginning of a branch or `silent`

            error[any]: an empty branch does not tell the branches of `any` apart
             --> test.pkt:1:1
              |
            1 | / any {
            2 | | +0 close(3) = 0
            3 | | } or {
            4 | | }
              | |_^ expected a packet from the SUT at the beginning of a branch or `silent`

            error[any]: two branches of this `any` begin with silence
             --> test.pkt:5:1
              |
            5 | / any {
            6 | | +1 silent
            7 | | } or {
            8 | | +2 silent
            9 | | }
              | |_^
              |
              = help: nothing tells them apart"#]],
    );
}

#[test]
fn names_defined_by_themselves() {
    says(
        "vary a: x(p=$q, q=$p+1)\n0 close($p) = 0\n",
        expect![[r#"
        error[name-cycle]: `$q` is defined by itself
         --> test.pkt:2:9
          |
        2 | 0 close($p) = 0
          |         ^^"#]],
    );
}

#[test]
fn code_block_that_is_no_code() {
    says(
        "0 %{ import os }%\n+0 %{\nassert tcpi_state == 1\nassert (1 == 2\n}%\n",
        expect![[r#"
        error[code-block]: line 1 of this block: a block has no `import`: it has `assert`, `print` and assignments
         --> test.pkt:1:1
          |
        1 | 0 %{ import os }%
          | ^^^^^^^^^^^^^^^^^

        error[code-block]: line 4 of this block: expected `)`, and got the end of the block
         --> test.pkt:2:1
          |
        2 | / +0 %{
        3 | | assert tcpi_state == 1
        4 | | assert (1 == 2
        5 | | }%
          | |__^"#]],
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
fn statements_out_of_place() {
    says(
        "0 close(3) = 0\n--mss=1000\nvary a: b\n`cleanup`\n+0 close(4) = 0\n",
        expect![[r#"
        error[option-order]: option lines stand before the first event
         --> test.pkt:2:1
          |
        2 | --mss=1000
          | ^^^^^
          |
          = help: move it to the top of the file

        error[vary-order]: `vary` lines stand before the first event
         --> test.pkt:3:1
          |
        3 | vary a: b
          | ^^^^
          |
          = help: move it to the top of the file, below the option lines

        error[command-order]: a command without a time ends a script
         --> test.pkt:4:1
          |
        4 | `cleanup`
          | ^^^^^^^^^
        5 | +0 close(4) = 0
          | - but this follows
          |
          = help: give it a time: `+0 `...``"#]],
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
fn any_with_one_branch() {
    says(
        "any {\n0 > . 1:1(0) ack 1\n}\n",
        expect![[r#"
        error[any]: an `any` with one branch leaves no choice
         --> test.pkt:1:1
          |
        1 | any {
          | ^^^
          |
          = help: add `or { ... }`"#]],
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
