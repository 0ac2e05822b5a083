//! What is known only when a script is expanded.

use super::says;
use expect_test::expect;

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
fn more_variants_than_anybody_reads() {
    let axis = |name: &str| format!("vary {name}: 0 1 2 3 4 5 6 7 8 9\n");
    let axes = ["a", "b", "c", "d", "e"].map(axis).concat();
    says(
        &format!("{axes}0 close(3) = 0\n"),
        expect![[r#"
        error[too-many-variants]: this axis makes 100000 variants of the script, and 10000 are allowed
         --> test.pkt:5:1
          |
        5 | vary e: 0 1 2 3 4 5 6 7 8 9
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^"#]],
    );
}
