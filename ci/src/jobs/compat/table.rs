//! The table in its forms.

use super::{Case, Cost, Row, Standing, Verdicts};
use crate::jobs::scripts::Family;
use crate::step::Fault;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// How the page of the docs begins.
const OPENING: &str = "# Verdicts under both tools

google/packetdrill and `halfopen run --compat packetdrill` over packetdrill's own TCP scripts, on the same machine and kernel. The page is made by

```
cargo ci compat --packetdrill PROGRAM --scripts gtests/net/tcp --markdown docs/verdicts.md
```

A word alone is the verdict of both, each time that they ran. `fail, here unsupported` says that neither passes, and that halfopen knows what is missing;
`pass/fail` that a tool changed its mind from one time to the next: then packetdrill has decided nothing. Bold is a difference that nobody has explained.
";

/// A row as a line of JSON.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    script: String,
    family: String,
    packetdrill: Vec<String>,
    packetdrill_said: String,
    here: Vec<String>,
    here_said: String,
    /// `same`, `undecided`, `known`, `differs`.
    standing: String,
    /// Of a known difference.
    reason: Option<String>,
}

impl Standing {
    fn word(&self) -> &'static str {
        match self {
            Self::Same(_) => "same",
            Self::Undecided => "undecided",
            Self::Known(_) => "known",
            Self::Differs => "differs",
        }
    }
}

/// A line a run; what differs says why.
pub(super) fn print(rows: &[Row]) {
    println!();
    for Row { case, packetdrill, here, standing } in rows {
        let words = |verdicts: &Verdicts| verdicts.words.join(" ");
        let (theirs, ours) = (words(packetdrill), words(here));
        println!("{:<10} {:<7} {:<58} {theirs:<10} | {ours}", standing.word(), case.family, case.script);
        match standing {
            Standing::Same(_) => {}
            Standing::Known(why) => println!("           {why}"),
            Standing::Undecided | Standing::Differs => {
                for (tool, verdicts) in [("packetdrill", packetdrill), ("halfopen", here)] {
                    if !verdicts.said.is_empty() {
                        println!("           {tool}: {}", verdicts.said);
                    }
                }
            }
        }
    }
}

/// Every row as a line of JSON.
pub(super) fn json(rows: &[Row]) -> String {
    let mut text = String::new();
    for Row { case, packetdrill, here, standing } in rows {
        let line = Line {
            script: case.script.clone(),
            family: case.family.to_string(),
            packetdrill: packetdrill.words.clone(),
            packetdrill_said: packetdrill.said.clone(),
            here: here.words.clone(),
            here_said: here.said.clone(),
            standing: standing.word().to_owned(),
            reason: if let Standing::Known(why) = standing { Some(why.clone()) } else { None },
        };
        text += &serde_json::to_string(&line).expect("plain data");
        text.push('\n');
    }
    text
}

/// packetdrill's verdicts, of a file that [`json`] made.
pub(super) fn read(file: &Path) -> Result<BTreeMap<Case, Verdicts>, Fault> {
    let failed = |why: &dyn std::fmt::Display| format!("{}: {why}", file.display());
    let text = fs::read_to_string(file).map_err(|error| failed(&error))?;
    let row = |line: &str| {
        let line: Line = serde_json::from_str(line).map_err(|error| failed(&error))?;
        let family = Family::named(&line.family).ok_or_else(|| failed(&format!("no family {}", line.family)))?;
        let case = Case { script: line.script, family };
        Ok((case, Verdicts { words: line.packetdrill, said: line.packetdrill_said }))
    };
    text.lines().map(row).collect()
}

/// A row a script, for the docs: what both make of it in each family, and why they differ where they do.
pub(super) fn markdown(rows: &[Row], packetdrill: Option<&[Cost]>, here: &[Cost], summary: &str) -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut text =
        format!("{OPENING}\nLinux {}. {summary}.\n\n| script | v4 | mapped | v6 |\n|---|---|---|---|\n", kernel.trim());
    let mut notes: Vec<String> = Vec::new();
    for group in rows.chunk_by(|a, b| a.case.script == b.case.script) {
        let mut cell = |family: Family| {
            let row = group.iter().find(|row| row.case.family == family);
            row.map_or_else(String::new, |row| cell(row, &mut notes))
        };
        let cells = [cell(Family::V4), cell(Family::Mapped), cell(Family::V6)];
        let _ = writeln!(text, "| `{}` | {} |", group[0].case.script, cells.join(" | "));
    }
    text.push('\n');
    for (index, note) in notes.iter().enumerate() {
        let _ = writeln!(text, "{}. {note}", index + 1);
    }
    let _ = writeln!(text, "\n| {} runs | wall, s | CPU, s |\n|---|---|---|", rows.len());
    for (name, costs) in [("packetdrill", packetdrill.unwrap_or_default()), ("halfopen", here)] {
        let of = |part: fn(&Cost) -> f64| {
            costs.iter().map(|cost| format!("{:.1}", part(cost))).collect::<Vec<_>>().join(", ")
        };
        let _ = writeln!(text, "| {name} | {} | {} |", of(|c| c.wall.as_secs_f64()), of(|c| c.cpu.as_secs_f64()));
    }
    text
}

/// What both say, where it is one word; else both words, and the number of a note.
fn cell(row: &Row, notes: &mut Vec<String>) -> String {
    let word = |verdicts: &Verdicts| match verdicts.decided() {
        Some(true) => "pass".to_owned(),
        Some(false) => verdicts.words[0].clone(),
        None => verdicts.words.join("/"),
    };
    let (theirs, ours) = (word(&row.packetdrill), word(&row.here));
    match &row.standing {
        Standing::Same(true) => "pass".to_owned(),
        Standing::Same(false) if theirs == ours => ours,
        Standing::Same(false) | Standing::Undecided => format!("{theirs}, here {ours}"),
        Standing::Known(why) => {
            let known = notes.iter().position(|note| note == why);
            let number = known.unwrap_or_else(|| {
                notes.push(why.clone());
                notes.len() - 1
            });
            format!("{theirs}, here {ours} ({})", number + 1)
        }
        Standing::Differs => format!("**{theirs}, here {ours}**"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(family: Family, packetdrill: &[&str], here: &[&str], standing: Standing) -> Row {
        let verdicts = |words: &[&str]| Verdicts {
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            said: "\"why\"".to_owned(),
        };
        let case = Case { script: "a/b.pkt".to_owned(), family };
        Row { case, packetdrill: verdicts(packetdrill), here: verdicts(here), standing }
    }

    #[test]
    fn a_row_of_the_docs_has_every_family() {
        let rows = [
            row(Family::V4, &["pass", "pass"], &["pass", "pass"], Standing::Same(true)),
            row(Family::Mapped, &["fail", "fail"], &["unsupported", "unsupported"], Standing::Same(false)),
            row(Family::V6, &["fail", "fail"], &["pass", "pass"], Standing::Known("it is wrong".to_owned())),
        ];
        let text = markdown(&rows, None, &[], "3 runs");
        let line = "| `a/b.pkt` | pass | fail, here unsupported | fail, here pass (1) |";
        assert!(text.contains(line) && text.contains("1. it is wrong"), "{text}");
    }

    #[test]
    fn verdicts_survive_their_file() {
        let rows = [row(Family::V6, &["pass", "fail"], &["pass"], Standing::Undecided)];
        let folder = std::env::temp_dir().join(format!("halfopen-compat-{}", std::process::id()));
        fs::write(&folder, json(&rows)).expect("a scratch file");
        let read = read(&folder);
        fs::remove_file(&folder).expect("it was there");
        let expected = [(rows[0].case.clone(), rows[0].packetdrill.clone())].into();
        assert_eq!(read, Ok(expected));
    }
}
