//! How numbers are spelled for people.

use halfopen_engine::sut::{ClockKind, Micros};
use std::time::Duration;

/// Seconds with six decimals, as packetdrill writes times: `0.012000`.
pub fn seconds(at: Micros) -> String {
    let sign = if at < 0 { "-" } else { "" };
    let at = at.unsigned_abs();
    format!("{sign}{}.{:06}", at / 1_000_000, at % 1_000_000)
}

/// A span of time with two units at most: `840 us`, `1.2 ms`, `3.1 s`, `2 min 5 s`, `3 h 12 min`.
pub fn span(time: Duration) -> String {
    let micros = time.as_micros();
    let secs = time.as_secs();
    match micros {
        0..1_000 => format!("{micros} us"),
        1_000..1_000_000 => format!("{:.1} ms", micros as f64 / 1e3),
        1_000_000..60_000_000 => format!("{:.1} s", micros as f64 / 1e6),
        60_000_000..3_600_000_000 => format!("{} min {} s", secs / 60, secs % 60),
        _ => format!("{} h {} min", secs / 3600, secs / 60 % 60),
    }
}

/// A span on the SUT's clock.
pub fn micros(time: Micros) -> String {
    span(Duration::from_micros(time.max(0).unsigned_abs()))
}

/// `virtual time` or `real time`.
pub fn clock(kind: ClockKind) -> &'static str {
    match kind {
        ClockKind::Virtual => "virtual time",
        ClockKind::Real => "real time",
    }
}

/// `1 test`, `2 tests`.
pub fn count(n: usize, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

/// A text without escape sequences, and without the characters that neither XML 1.0 nor a terminal has a use for.
pub fn plain(text: &str) -> String {
    let stripped = anstream::adapter::strip_str(text).to_string();
    stripped.chars().map(|c| if is_printable(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// XML 1.0 2.2, production `Char`.
fn is_printable(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_spelled_with_fitting_units() {
        let cases = [
            (0, "0 us"),
            (999, "999 us"),
            (1_200, "1.2 ms"),
            (3_100_000, "3.1 s"),
            (125_000_000, "2 min 5 s"),
            (11_520_000_000, "3 h 12 min"),
        ];
        for (given, text) in cases {
            assert_eq!(micros(given), text);
        }
        assert_eq!(seconds(12_000), "0.012000");
        assert_eq!(seconds(-1), "-0.000001");
        assert_eq!(seconds(7_200_000_001), "7200.000001");
    }

    #[test]
    fn what_xml_forbids_is_replaced_and_colours_go() {
        assert_eq!(plain("\u{1b}[31mR\u{1b}[0m a\tb\nc\u{0}\u{fffe}\u{1f600}"), "R a\tb\nc\u{fffd}\u{1f600}");
    }
}
