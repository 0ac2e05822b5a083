//! The table of seeded bugs as a page.

use super::{Found, List, Results};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The page. `oracles`: the text of docs/fuzzing.md, which lists them.
pub(super) fn page(list: &List, results: &Results, oracles: &str) -> String {
    let of = |number| results.result.iter().find(|found| found.number == number);
    let tried: Vec<&Found> = list.mutant.iter().filter_map(|mutant| of(mutant.number)).collect();
    let killed = tried.iter().filter(|found| found.is_kill()).count();
    let share = if tried.is_empty() { 0 } else { killed * 100 / tried.len() };
    let mut page = format!(
        "# Seeded bugs\n\n\
         Defects that TCP stacks had, each put into a copy of the reference stack; `cargo ci mutants` builds it and lets the fuzz targets look \
         for it, in turns, for {} s on one core (`--only 1,2`; `--missing` those not found yet). It writes this page. A finding counts only if \
         the same input is clean on the stack without the bug.\n\n\
         **{killed} of {} bugs found ({share} %).** {} more of the list do not apply to this stack: they are below.\n",
        results.seconds,
        tried.len(),
        list.absent.len(),
    );
    let untried: Vec<String> = list
        .mutant
        .iter()
        .filter(|mutant| of(mutant.number).is_none())
        .map(|mutant| mutant.number.to_string())
        .collect();
    if !untried.is_empty() {
        let _ = writeln!(page, "\nNot run yet: {}.", untried.join(", "));
    }
    page += "\n`model`: a target that compares with a model, without a number of its own. `panic`: an assertion of the stack.\n\n\
             | bug | what it does | expected | found by | seconds | target | state | event |\n|---|---|---|---|---|---|---|---|\n";
    for mutant in &list.mutant {
        let Some(found) = of(mutant.number) else { continue };
        let Found { oracle, seconds, target, state, event, .. } = found;
        let by = if found.is_kill() { oracle.as_str() } else { "**not found**" };
        let expected = mutant.oracles.join(", ");
        let (number, name) = (mutant.number, &mutant.name);
        let _ =
            writeln!(page, "| {number} | {name} | {expected} | {by} | {seconds:.1} | {target} | {state} | {event} |");
    }
    page += "\n## What does not apply\n\n| bug | what it does | why not |\n|---|---|---|\n";
    for absent in &list.absent {
        let _ = writeln!(page, "| {} | {} | {} |", absent.number, absent.name, absent.why);
    }
    let mut fired: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for found in &tried {
        if let Some(number) = found.oracle.strip_prefix('O').and_then(|digits| digits.parse().ok()) {
            fired.entry(number).or_default().push(found.number);
        }
    }
    let known: Vec<u32> =
        oracles.lines().filter_map(|line| line.strip_prefix("| O")?.split(' ').next()?.parse().ok()).collect();
    let (seen, unseen): (Vec<u32>, Vec<u32>) = known.into_iter().partition(|oracle| fired.contains_key(oracle));
    let _ = writeln!(
        page,
        "\n## Oracles that were seen to fire\n\n{} of the {} oracles of [fuzzing.md](fuzzing.md) were the first to find one of these bugs:\n\n\
         | oracle | bugs |\n|---|---|",
        seen.len(),
        seen.len() + unseen.len()
    );
    for (oracle, bugs) in fired {
        let bugs: Vec<String> = bugs.iter().map(u32::to_string).collect();
        let _ = writeln!(page, "| O{oracle} | {} |", bugs.join(", "));
    }
    let named = |oracle: &u32| list.mutant.iter().any(|mutant| mutant.oracles.contains(&format!("O{oracle}")));
    let (named, unnamed): (Vec<u32>, Vec<u32>) = unseen.into_iter().partition(|oracle| named(oracle));
    let words = |oracles: &[u32]| oracles.iter().map(|oracle| format!("O{oracle}")).collect::<Vec<_>>().join(", ");
    let _ = writeln!(
        page,
        "\nOf these a bug is expected, and another oracle saw it first: {}.\n\nOf these there is no bug yet: {}.",
        words(&named),
        words(&unnamed)
    );
    page
}
