//! The language of `%{ }%` blocks.

use halfopen_script::code::{CodeError, Interpreter, check};

fn lookup(name: &str) -> Option<i64> {
    match name {
        "tcpi_snd_cwnd" => Some(11),
        "tcpi_state" => Some(1),
        "tcpi_options" => Some(0x25),
        "tcpi_rtt" => Some(-7),
        _ => None,
    }
}

fn run(code: &str) -> Result<Vec<String>, CodeError> {
    Interpreter::new().run(code, &lookup)
}

#[test]
fn expressions_have_pythons_values() {
    let table = [
        ("1 + 2 * 3 - 4", "3"),
        ("(1 + 2) * 3", "9"),
        ("-7 % 3, -7 // 3, 7 % -3, 6 / 3", "(2, -3, -2, 2)"),
        ("1 << 4 | 3 & 2 ^ 1", "19"),
        ("0x1f, 0b11, 1_000", "(31, 3, 1000)"),
        ("not 1 == 2", "True"),
        ("1 < 2 <= 2 != 3", "True"),
        ("1 < 3 < 2", "False"),
        ("0 and nothing or 5", "5"),
        ("tcpi_options & TCPI_OPT_SYN_DATA", "32"),
        ("TCP_CA_Recovery, TCP_ESTABLISHED", "(3, 1)"),
        ("'%d us, %s and %5.%' % (1, 'x', 2)", "error"),
        ("'%d us, %s, %5d|%-3d|%03d|%x %%' % (1, 'x', 2, 3, 4, 255)", "1 us, x,     2|3  |004|ff %"),
        ("'a' 'b' + \"c\"", "abc"),
        ("True + True, (1,)", "(2, (1,))"),
        ("-tcpi_rtt", "7"),
    ];
    for (code, expected) in table {
        let printed = run(&format!("print(({code}))")).map_or_else(|_| "error".to_owned(), |lines| lines.join("\n"));
        assert_eq!(printed, expected, "{code}");
    }
}

#[test]
fn false_assertions_show_the_values() {
    let table = [
        ("assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd", "assertion false: tcpi_snd_cwnd == 10, tcpi_snd_cwnd is 11"),
        ("assert tcpi_snd_cwnd == 10", "assertion false: tcpi_snd_cwnd == 10, tcpi_snd_cwnd is 11"),
        (
            "assert (tcpi_options & TCPI_OPT_SYN_DATA) == 0, 'bad'",
            "assertion false: (tcpi_options & TCPI_OPT_SYN_DATA) == 0, (tcpi_options & TCPI_OPT_SYN_DATA) is 32, \
             tcpi_options is 37, TCPI_OPT_SYN_DATA is 32 (bad)",
        ),
        (
            "assert 20 <= tcpi_rtt \\\n  <= 30, 'rtt=%d' % tcpi_rtt",
            "assertion false: 20 <= tcpi_rtt <= 30, tcpi_rtt is -7 (rtt=-7)",
        ),
        (
            "cwnd = 3; assert cwnd == 3 and tcpi_state == TCP_CLOSE",
            "assertion false: cwnd == 3 and tcpi_state == TCP_CLOSE, cwnd is 3, tcpi_state is 1, TCP_CLOSE is 7",
        ),
        ("assert 1 == 2", "assertion false: 1 == 2"),
    ];
    for (code, message) in table {
        let error = run(code).expect_err(code);
        assert!(error.assertion, "{code}: {error}");
        assert_eq!(error.message, message, "{code}");
    }
}

#[test]
fn faults_of_a_block_are_not_assertions() {
    let table = [
        ("assert tcpi_nothing == 1", "`tcpi_nothing` is not defined", 0),
        ("print(1)\n\nassert (1 == 1, 'x')", "this assert is of a tuple, which cannot fail: drop the parentheses", 2),
        ("x += 1", "`x` has no value yet", 0),
        ("print(7 / 2)", "7 / 2 is not an integer; `//` rounds down", 0),
        ("print(1 // 0)", "division by zero", 0),
        ("print(1 << 200)", "this does not fit 128 bits", 0),
        ("print('%d' % 'x')", "`%d` does not go with 'x'", 0),
        ("print(1 + 'x')", "`+` does not go with 1 and 'x'", 0),
        ("import os", "a block has no `import`: it has `assert`, `print` and assignments", 0),
        ("print 1", "expected `(` after `print`, and got `1`", 0),
        ("assert 1 ==", "expected a value, and got the end of the block", 0),
        ("\nassert 1 2", "expected the end of the statement, and got `2`", 1),
        ("print('x", "a text without end", 0),
        ("print(?)", "a block has no use for `?`", 0),
    ];
    for (code, message, line) in table {
        let error = run(code).expect_err(code);
        assert!(!error.assertion, "{code}: {error}");
        assert_eq!((error.message.as_str(), error.line), (message, line), "{code}");
    }
}

#[test]
fn variables_persist_and_hide_what_is_looked_up() {
    let mut interpreter = Interpreter::new();
    assert_eq!(interpreter.run("cwnd = 10; print(cwnd)", &lookup), Ok(vec!["10".to_owned()]));
    assert_eq!(interpreter.run("cwnd += 1; assert tcpi_snd_cwnd == cwnd, cwnd  # eleven", &lookup), Ok(vec![]));
    assert_eq!(
        interpreter.run("tcpi_state = 5\nprint(tcpi_state, 'x')\nprint()", &lookup),
        Ok(vec!["5 x".to_owned(), String::new()])
    );
    assert!(Interpreter::new().run("print(cwnd)", &lookup).is_err());
}

#[test]
fn a_block_can_be_checked_without_running() {
    assert_eq!(check("assert nothing == 1 / 0"), Ok(()));
    assert!(check("assert (1").is_err());
    assert!(check(&"(".repeat(10_000)).is_err());
    assert!(check(&format!("print({}1)", "-".repeat(10_000))).is_err());
}
