//! Which silences a test relies on.

use halfopen_script::{NoFixtures, Sources, expand, parse, render, silences, variants};

/// `kind line micros`, in order; the script's clock begins with a SYN to a listener.
fn found(lines: &str) -> Vec<String> {
    let mut sources = Sources::new();
    let text = format!("//: family v4\n0 < S 0:0(0) win 1000\n+0 > S. 0:0(0) ack 1\n{lines}");
    let file = sources.add("test.pkt", text);
    let script = parse(&sources, file).unwrap_or_else(|faults| panic!("{}", render(&faults, &sources, false)));
    let test = expand("test", &script, &variants(&script)[0], &mut sources, &NoFixtures, &[]);
    let test = test.unwrap_or_else(|faults| panic!("{}", render(&faults, &sources, false)));
    let line = |silence: &halfopen_script::Silence| sources.line_col(silence.span).0;
    silences(&test).iter().map(|s| format!("{} {} {}", s.kind.word(), line(s), s.micros)).collect()
}

#[test]
fn silences_follow_from_the_lines() {
    let ack = "+0 < . 1:1(0) ack 1 win 1000\n";
    let text = "> P. 1:101(100) ack 1\n";
    #[rustfmt::skip]
    let table: &[(String, &[&str])] = &[
        (String::new(),                                            &[]),
        (ack.into(),                                               &["end 4 0"]),
        (format!("{ack}+0 {text}"),                                &[]),
        (format!("{ack}+2 {text}"),                                &["until 5 2000000"]),
        (format!("{ack}+1~+3 {text}"),                             &["until 5 1000000"]),
        (format!("{ack}* {text}"),                                 &[]),
        (format!("{ack}3 {text}"),                                 &["until 5 3000000"]),
        (format!("+.5{}+0 {text}", &ack[2..]),                     &["gap 4 500000"]),
        ("+.5 %{ assert True }%\n".into(),                         &["gap 4 500000"]),
        ("+1 silent\n".into(),                                     &["silent 4 1000000"]),
        (format!("{ack}+1 silent\n+1 silent\n"),                   &["silent 5 1000000", "silent 6 1000000", "end 4 0"]),
        // A call that cannot make the stack send anything.
        ("+0 getsockopt(3, SOL_TCP, TCP_INFO, ..., ...) = 0\n".into(), &[]),
        ("+0 close(3) = 0\n".into(),                               &["end 4 0"]),
        // Either branch: the wait of the one that begins with silence is not known beforehand.
        (format!("{ack}any {{\n  +0 {text}}} or {{\n  +1 silent\n}}\n"), &["either 8 1000000", "end 4 0"]),
        (format!("{ack}any {{\n  +0 {text}}} or {{\n  +0 > R 1:1(0)\n}}\n"), &[]),
        (format!("{ack}any {{\n  +0 {text}  {ack}}} or {{\n  +0 > R 1:1(0)\n}}\n"), &["end 7 0"]),
    ];
    for (lines, expected) in table {
        assert_eq!(found(lines), *expected, "{lines}");
    }
}
