//! The benchmarks, and the figures among them that have a target.
//!
//! A benchmark states a goal of its own in a line `goal: WHAT | MEASURED | GOAL | met` (or `MISSED`); the goals of all
//! benchmarks are repeated at the end. The figures of divan's tables have theirs here.

use super::End;
use crate::step::{self, Fault};

/// A benchmark whose median has a target.
struct Figure {
    /// What it measures, for the list.
    what: &'static str,
    /// Bench target that holds it.
    bench: &'static str,
    /// Its function.
    name: &'static str,
    /// The target, in nanoseconds.
    at_most: f64,
}

/// The named figures.
const FIGURES: [Figure; 4] = [
    Figure {
        what: "the harness's cost of a test on the virtual clock",
        bench: "harness",
        name: "virtual_time_test",
        at_most: 200e3,
    },
    Figure { what: "a script with 7,200 s of idle time", bench: "harness", name: "idle_7200_s", at_most: 5e6 },
    Figure {
        what: "the fixed cost of a test on the kernel",
        bench: "linux",
        name: "fixed_cost_of_a_test",
        at_most: 5e6,
    },
    Figure { what: "SYN to RST, in-process", bench: "stack", name: "syn_to_rst", at_most: 500.0 },
];

/// Runs all of them, then prints the figures next to their targets.
pub(crate) fn bench() -> Result<End, Fault> {
    let mut bench = String::new();
    let mut medians = Vec::new();
    let mut goals = Vec::new();
    let mut command = step::cargo(&["bench", "--workspace", "--no-fail-fast", "--bench", "*"]);
    let status = step::stream(&mut command, |line| {
        if let Some(name) = table_of(line) {
            bench = name.to_owned();
        } else if let Some((name, nanos)) = median(line) {
            medians.push((bench.clone(), name, nanos));
        } else if let Some(goal) = goal(line) {
            goals.push(goal);
        }
    })?;
    let mut faults = Vec::new();
    if !status.success() {
        faults.push(format!("cargo bench: {status}"));
    }
    println!("\n{:>12} {:>12}  median of", "measured", "target");
    for Figure { what, bench, name, at_most } in FIGURES {
        let Some((_, _, nanos)) = medians.iter().find(|(of, function, _)| of == bench && function == name) else {
            faults.push(format!("no benchmark `{name}` in `{bench}`"));
            continue;
        };
        let met = *nanos <= at_most;
        let word = if met { "" } else { "  MISSED" };
        println!("{:>12} {:>12}  {what}{word}", spoken(*nanos), spoken(at_most));
        if !met {
            faults.push(format!("{name}: {} > {}", spoken(*nanos), spoken(at_most)));
        }
    }
    println!("\n{:>12} {:>12}  goal of", "measured", "goal");
    for Goal { what, measured, at_most, met } in goals {
        println!("{measured:>12} {at_most:>12}  {what}{}", if met { "" } else { "  MISSED" });
        if !met {
            faults.push(format!("{what}: {measured}, goal {at_most}"));
        }
    }
    if faults.is_empty() { Ok(End::good()) } else { Err(faults.join("; ")) }
}

/// A goal that a benchmark states itself.
#[derive(Debug, PartialEq, Eq)]
struct Goal {
    what: String,
    measured: String,
    at_most: String,
    met: bool,
}

/// Reads one line `goal: WHAT | MEASURED | GOAL | met`. Any other last word than `met` means that it was missed.
fn goal(line: &str) -> Option<Goal> {
    let columns: Vec<&str> = line.strip_prefix("goal: ")?.split('|').map(str::trim).collect();
    let &[what, measured, at_most, word] = columns.as_slice() else { return None };
    let [what, measured, at_most] = [what, measured, at_most].map(str::to_owned);
    Some(Goal { what, measured, at_most, met: word == "met" })
}

/// The bench target whose table begins here, if one does.
fn table_of(line: &str) -> Option<&str> {
    let columns: Vec<&str> = line.split('│').map(str::trim).collect();
    let &[first, "slowest", "median", ..] = columns.as_slice() else { return None };
    first.strip_suffix("fastest").map(str::trim_end)
}

/// Reads one line of divan's table: name, and median in nanoseconds.
///
/// The columns are `name fastest | slowest | median | mean | samples | iters`, the name behind the lines of a tree. An
/// outer node has a name and no figures.
fn median(line: &str) -> Option<(String, f64)> {
    let columns: Vec<&str> = line.split('│').collect();
    // Nested nodes carry further bars of the tree in front, so count from the end.
    let (head, figures) = columns.split_at(columns.len().checked_sub(5)?);
    let name = head.last()?.trim_start_matches([' ', '├', '╰', '─']).split_whitespace().next()?;
    Some((name.to_owned(), nanos(figures.get(1)?)?))
}

/// `1.25 µs` in nanoseconds.
fn nanos(text: &str) -> Option<f64> {
    let (number, unit) = text.trim().split_once(' ')?;
    let scale = match unit.trim() {
        "ps" => 1e-3,
        "ns" => 1.0,
        "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * scale)
}

/// Nanoseconds as a person reads them.
fn spoken(nanos: f64) -> String {
    let (number, unit) = match nanos {
        n if n < 1e3 => (n, "ns"),
        n if n < 1e6 => (n / 1e3, "µs"),
        n if n < 1e9 => (n / 1e6, "ms"),
        n => (n / 1e9, "s"),
    };
    format!("{} {unit}", (number * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_known_by_their_head() {
        let head = "stack           fastest       │ slowest       │ median        │ mean          │ samples │ iters";
        assert_eq!(table_of(head), Some("stack"));
        assert_eq!(
            table_of("├─ syn_to_rst   310 ns        │ 1.2 µs        │ 321 ns        │ 333 ns        │ 100     │ 1600"),
            None
        );
        assert_eq!(table_of("Timer precision: 12 ns"), None);
    }

    #[test]
    fn medians_are_read_from_the_table() {
        let cases = [
            ("stack           fastest       │ slowest       │ median        │ mean          │ samples │ iters", None),
            (
                "├─ syn_to_rst   310.2 ns      │ 1.219 µs      │ 321.9 ns      │ 333 ns        │ 100     │ 1600",
                Some(("syn_to_rst", 321.9)),
            ),
            (
                "│  ╰─ parse     1.1 µs        │ 2 µs          │ 1.25 µs       │ 1.3 µs        │ 100     │ 100",
                Some(("parse", 1250.0)),
            ),
            ("├─ group                      │               │               │               │         │", None),
            ("│                1.2 GB/s      │ 1 GB/s        │ 1 GB/s        │ 1 GB/s        │         │", None),
            ("Timer precision: 12 ns", None),
            ("", None),
        ];
        for (line, expected) in cases {
            let got = median(line);
            assert_eq!(got.as_ref().map(|(name, nanos)| (name.as_str(), *nanos)), expected, "{line}");
        }
    }

    #[test]
    fn goals_are_read_from_their_lines() {
        let read = |met| {
            let [what, measured, at_most] = ["SYN to RST, next to smoltcp", "0.64", "1.00"].map(str::to_owned);
            Some(Goal { what, measured, at_most, met })
        };
        let cases = [
            ("goal: SYN to RST, next to smoltcp | 0.64 | 1.00 | met", read(true)),
            ("goal: SYN to RST, next to smoltcp | 0.64 | 1.00 | MISSED", read(false)),
            ("goal: SYN to RST | 0.64", None),
            ("SYN to RST  260.1 ns  smoltcp  466.8 ns  0.64", None),
        ];
        for (line, expected) in cases {
            assert_eq!(goal(line), expected, "{line}");
        }
    }

    #[test]
    fn units_are_scaled() {
        let cases = [("250 ps", 0.25), ("2 ns", 2.0), ("1.5 µs", 1500.0), (" 2 ms ", 2e6), ("3 s", 3e9)];
        for (text, expected) in cases {
            assert_eq!(nanos(text), Some(expected), "{text}");
        }
        assert_eq!(nanos("1.2 GB/s"), None);
        assert_eq!(nanos("100"), None);
    }

    #[test]
    fn figures_are_spoken_in_their_unit() {
        for (nanos, expected) in [(321.94, "321.9 ns"), (200e3, "200 µs"), (5e6, "5 ms"), (1.5e9, "1.5 s")] {
            assert_eq!(spoken(nanos), expected);
        }
    }
}
