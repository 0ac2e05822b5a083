//! The report for people, as it stands on the page.

mod samples;

use expect_test::{Expect, expect};
use halfopen_report::Reporter;
use halfopen_report::human::{Human, Volume};

fn print(terminal: bool, volume: Volume) -> String {
    let mut out = Vec::new();
    {
        let plain = anstream::StripStream::new(&mut out);
        let mut human = Human::new(plain, terminal, volume);
        human.start(&samples::run()).unwrap();
        for record in [samples::passing(), samples::failing(), samples::unsupported()] {
            human.record(&record).unwrap();
        }
        human.finish(&samples::summary()).unwrap();
    }
    String::from_utf8(out).unwrap().replace('\r', "<cr>")
}

fn check(actual: &str, expected: Expect) {
    let lines: Vec<_> = actual.lines().map(str::trim_end).collect();
    expected.assert_eq(&(lines.join("\n") + "\n"));
}

#[test]
fn in_a_pipe_each_test_has_a_line_and_a_failure_its_exchange() {
    check(
        &print(false, Volume::Normal),
        expect![[r#"
        halfopen 3 tests on reference (sim, virtual time), profile rfc9293, seed 7
                PASS  rfc9293/3.10.7.4/rst/exact[v4]  [4 min 0 s]

        FAIL rfc9293/3.10.7.4/rst/in-window[v4,FIN-WAIT-1]  MUST        reference, virtual time
             specs/rfc9293/3.10.7.4/rst/in-window.pkt:6
             A reset inside the window but not at RCV.NXT draws one challenge ACK and leaves the connection up.

              line      time  peer                       stack
                 3  0.000000                         |   socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
                 5  0.012000  R 101:101(0)          -->
          >      6  0.012000                        <--  . 1:1(0) ack 1        expected
                 -  0.012000                        <--  R 0:0(0)              got

               flags    expected .  got R
               seq      expected 1  got 0
               line 5: the stack applied rfc9293/3.10.7.4/rst/in-window
               capture  target/halfopen/latest/in-window.pcapng
               again    halfopen run 'rfc9293/3.10.7.4/rst/in-window[v4,FIN-WAIT-1]' -vv

         UNSUPPORTED  rfc7413/3.1/cookie[v6]  SHOULD  [0 us]  no TCP Fast Open
        Summary  3 tests in 1.2 ms, 4 min 0 s on the clock of reference
                 1 pass, 1 unsupported, 1 fail
                 unsupported: 1  no TCP Fast Open
                 met: MUST 1 of 2
                 not as expected (exit 1)
    "#]],
    );
}

#[test]
fn on_a_terminal_one_line_is_rewritten_and_passes_leave_none() {
    check(
        &print(true, Volume::Normal),
        expect![[r#"
        halfopen 3 tests on reference (sim, virtual time), profile rfc9293, seed 7
          1/3  rfc9293/3.10.7.4/rst/exact[v4]<cr>                                     <cr>
        FAIL rfc9293/3.10.7.4/rst/in-window[v4,FIN-WAIT-1]  MUST        reference, virtual time
             specs/rfc9293/3.10.7.4/rst/in-window.pkt:6
             A reset inside the window but not at RCV.NXT draws one challenge ACK and leaves the connection up.

              line      time  peer                       stack
                 3  0.000000                         |   socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
                 5  0.012000  R 101:101(0)          -->
          >      6  0.012000                        <--  . 1:1(0) ack 1        expected
                 -  0.012000                        <--  R 0:0(0)              got

               flags    expected .  got R
               seq      expected 1  got 0
               line 5: the stack applied rfc9293/3.10.7.4/rst/in-window
               capture  target/halfopen/latest/in-window.pcapng
               again    halfopen run 'rfc9293/3.10.7.4/rst/in-window[v4,FIN-WAIT-1]' -vv

          2/3  1 not as expected  rfc9293/3.10.7.4/rst/in-window[v4,FIN-WAIT-1]<cr>                                                                       <cr>  3/3  1 not as expected  rfc7413/3.1/cookie[v6]<cr>                                                <cr>Summary  3 tests in 1.2 ms, 4 min 0 s on the clock of reference
                 1 pass, 1 unsupported, 1 fail
                 unsupported: 1  no TCP Fast Open
                 met: MUST 1 of 2
                 not as expected (exit 1)
    "#]],
    );
}

#[test]
fn quiet_keeps_failures_and_the_summary() {
    check(
        &print(false, Volume::Quiet),
        expect![[r#"

        FAIL rfc9293/3.10.7.4/rst/in-window[v4,FIN-WAIT-1]  MUST        reference, virtual time
             specs/rfc9293/3.10.7.4/rst/in-window.pkt:6
             A reset inside the window but not at RCV.NXT draws one challenge ACK and leaves the connection up.

              line      time  peer                       stack
                 3  0.000000                         |   socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
                 5  0.012000  R 101:101(0)          -->
          >      6  0.012000                        <--  . 1:1(0) ack 1        expected
                 -  0.012000                        <--  R 0:0(0)              got

               flags    expected .  got R
               seq      expected 1  got 0
               line 5: the stack applied rfc9293/3.10.7.4/rst/in-window
               capture  target/halfopen/latest/in-window.pcapng
               again    halfopen run 'rfc9293/3.10.7.4/rst/in-window[v4,FIN-WAIT-1]' -vv

        Summary  3 tests in 1.2 ms, 4 min 0 s on the clock of reference
                 1 pass, 1 unsupported, 1 fail
                 unsupported: 1  no TCP Fast Open
                 met: MUST 1 of 2
                 not as expected (exit 1)
    "#]],
    );
}

#[test]
fn failures_are_said_again_in_the_order_of_the_suite() {
    let mut out = Vec::new();
    let mut human = Human::new(anstream::StripStream::new(&mut out), false, Volume::Quiet);
    human.start(&samples::run()).unwrap();
    for (index, test) in [(1, "b[v4]"), (0, "a[v4]")] {
        human.record(&halfopen_report::record::Record { index, test: test.into(), ..samples::failing() }).unwrap();
    }
    human.finish(&samples::summary()).unwrap();
    drop(human);
    let text = String::from_utf8(out).unwrap();
    let again = text.split_once("Not as expected:\n").expect(&text).1;
    let words: Vec<_> = again.lines().take(2).map(|line| line.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!(words, ["a[v4]", "b[v4]"]);
}

#[test]
fn colour_is_there_until_it_is_stripped() {
    let mut out = Vec::new();
    let mut human = Human::new(&mut out, false, Volume::Normal);
    human.start(&samples::run()).unwrap();
    human.record(&samples::failing()).unwrap();
    assert!(String::from_utf8(out).unwrap().contains("\u{1b}[31mR 0:0(0)"), "the difference is red");
}
