//! The benchmarks, and the figures among them that have a target.

use super::End;
use crate::step::{self, Fault};

/// A benchmark whose median has a target.
struct Figure {
    /// What it measures, for the list.
    what: &'static str,
    /// Package and bench target that hold it.
    bench: (&'static str, &'static str),
    /// Its function.
    name: &'static str,
    /// The target, in nanoseconds.
    at_most: f64,
}

/// The named figures.
const FIGURES: [Figure; 3] = [
    Figure {
        what: "the harness's cost of a test on the virtual clock",
        bench: ("halfopen", "harness"),
        name: "virtual_time_test",
        at_most: 200e3,
    },
    Figure {
        what: "a script with 7,200 s of idle time",
        bench: ("halfopen", "harness"),
        name: "idle_7200_s",
        at_most: 5e6,
    },
    Figure { what: "SYN to RST, in-process", bench: ("halfopen-stack", "stack"), name: "syn_to_rst", at_most: 500.0 },
];

/// Every bench target.
const BENCHES: [(&str, &str); 3] = [("halfopen-stack", "wire"), ("halfopen-stack", "stack"), ("halfopen", "harness")];

/// Runs all of them, then prints the figures next to their targets.
pub(crate) fn bench() -> Result<End, Fault> {
    let mut medians = Vec::new();
    for bench in BENCHES {
        let (package, target) = bench;
        let status = step::stream(&mut step::cargo(&["bench", "--package", package, "--bench", target]), |line| {
            medians.extend(median(line).map(|(name, nanos)| (bench, name, nanos)));
        })?;
        if !status.success() {
            return Err(format!("cargo bench --package {package} --bench {target}: {status}"));
        }
    }
    let mut missed = Vec::new();
    println!("\n{:>12} {:>12}  median of", "measured", "target");
    for figure in &FIGURES {
        let of_figure = |(bench, name, _): &&((&str, &str), String, f64)| *bench == figure.bench && name == figure.name;
        let Some((_, _, nanos)) = medians.iter().find(of_figure) else {
            return Err(format!("no benchmark `{}` in {}", figure.name, figure.bench.1));
        };
        let word = if *nanos <= figure.at_most { "" } else { "  MISSED" };
        println!("{:>12} {:>12}  {}{word}", spoken(*nanos), spoken(figure.at_most), figure.what);
        if *nanos > figure.at_most {
            missed.push(format!("{}: {} > {}", figure.name, spoken(*nanos), spoken(figure.at_most)));
        }
    }
    if missed.is_empty() { Ok(End::good()) } else { Err(missed.join("; ")) }
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
    fn figures_are_spoken_in_their_unit() {
        for (nanos, expected) in [(321.94, "321.9 ns"), (200e3, "200 µs"), (5e6, "5 ms"), (1.5e9, "1.5 s")] {
            assert_eq!(spoken(nanos), expected);
        }
    }
}
