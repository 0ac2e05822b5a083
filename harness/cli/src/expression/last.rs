//! What the last run said, from its folder.

use crate::fault::Fault;
use halfopen_report::record::FinalVerdict;
use std::collections::BTreeMap;
use std::fs;

/// The JSON lines of the newest run without `--out`.
const RESULTS: &str = "target/halfopen/latest/results.jsonl";

/// Verdict by test.
pub(super) fn verdicts() -> Result<BTreeMap<String, FinalVerdict>, Fault> {
    let text = fs::read_to_string(RESULTS).map_err(|fault| {
        Fault::Usage(format!("`status(...)` asks for the last run, and {RESULTS} cannot be read: {fault}"))
    })?;
    let mut verdicts = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let wrong = |what: &str| Fault::Usage(format!("{RESULTS}:{}: {what}", number + 1));
        let line: serde_json::Value = serde_json::from_str(line).map_err(|fault| wrong(&fault.to_string()))?;
        let (Some(test), Some(said)) = (line["test"].as_str(), line["verdict"].as_str()) else { continue };
        let verdict = FinalVerdict::ALL.into_iter().find(|verdict| verdict.word() == said);
        verdicts.insert(test.to_owned(), verdict.ok_or_else(|| wrong(&format!("`{said}` is no verdict")))?);
    }
    Ok(verdicts)
}
