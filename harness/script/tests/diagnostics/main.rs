//! Typical mistakes and what is said about them.

mod lines;
mod names;
mod packets;

use expect_test::Expect;
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
pub(crate) fn says(text: &str, expected: Expect) {
    let mut sources = Sources::new();
    let file = sources.add("test.pkt", text);
    let faults = match parse(&sources, file) {
        Ok(script) => check(&script, &mut sources, &Fixtures, &[("time_wait".to_owned(), 60_000_000)]),
        Err(faults) => faults,
    };
    expected.assert_eq(&render(&faults, &sources, false));
}
