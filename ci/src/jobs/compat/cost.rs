//! What the passes cost: wall time, and the CPU time of every process that they started.

use crate::now;
use crate::step::Fault;
use std::fs;
use std::time::Duration;

/// One pass over all cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
}

impl Cost {
    /// Does something, and says what it cost.
    pub(crate) fn of<T>(act: impl FnOnce() -> Result<T, Fault>) -> Result<(T, Self), Fault> {
        let (begin, before) = (now(), children()?);
        let done = act()?;
        Ok((done, Self { wall: now() - begin, cpu: children()?.saturating_sub(before) }))
    }
}

/// Prints the passes of both.
pub(super) fn print(packetdrill: Option<&[Cost]>, here: &[Cost], runs: usize) {
    println!("\n{:<12} {:>4} {:>10} {:>10}   {runs} runs", "", "pass", "wall", "CPU");
    for (name, costs) in [("packetdrill", packetdrill.unwrap_or_default()), ("halfopen", here)] {
        for (index, cost) in costs.iter().enumerate() {
            let (wall, cpu) = (cost.wall.as_secs_f64(), cost.cpu.as_secs_f64());
            println!("{name:<12} {:>4} {wall:>8.1} s {cpu:>8.1} s", index + 1);
        }
    }
}

/// CPU time of the processes that ended, so far.
fn children() -> Result<Duration, Fault> {
    let path = "/proc/self/stat";
    let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    ticks(&text).map(|ticks| Duration::from_millis(10 * ticks)).ok_or_else(|| format!("{path}: {text}"))
}

/// `cutime` and `cstime`, the 14th and 15th field behind the name; in hundredths of a second, as everywhere in `/proc`.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(13);
    let mut field = || fields.next()?.parse::<u64>().ok();
    Some(field()? + field()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn the_children_are_found_behind_any_name() {
        let stat = "12 (a ) b) S 1 2 3 4 5 6 7 8 9 10 11 12 130 140 20 0";
        assert_eq!(ticks(stat), Some(270));
        assert_eq!(ticks("12 (a) S 1"), None);
    }

    #[test]
    fn a_busy_child_costs_cpu() {
        let busy = || {
            let words = ["-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"];
            Command::new("sh").args(words).status().map_err(|error| error.to_string())
        };
        let (_, cost) = Cost::of(busy).expect("sh runs");
        assert!(cost.cpu >= Duration::from_millis(20) && cost.wall >= Duration::from_millis(20), "{cost:?}");
    }
}
