//! Lines of other sorts, and their order.

use super::says;
use expect_test::expect;

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
        "//= rfc9293/3.10.7.4/rst must\n//: famly v4\n//: family v5\n//: needs >=2 snack\n//: profile rfc793 linux\n0 close(3) = 0\n",
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
              |     ^^^^^ expected `alias`, `family`, `tags`, `sut`, `profile` or `needs`
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
            4 | //: needs >=2 snack
              |           ^^^ expected `NAME` or `NAME>=N`

            error[header]: `snack` is not a capability
             --> test.pkt:4:15
              |
            4 | //: needs >=2 snack
              |               ^^^^^ expected `accecn`, `ecn`, `fast-open`, `icmp`, `keep-alive`, `kernel`, `md5`, `pmtud`, `rack`, `sack`, `simultaneous-open`, `syn-cookies`, `timestamps`, `urgent` or `window-scale`
              |
              = help: did you mean `sack`?

            error[header]: a test has one profile
             --> test.pkt:5:20
              |
            5 | //: profile rfc793 linux
              |                    ^^^^^ expected the end of the line"#]],
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
