//! `halfopen list`

use super::filter;
use crate::args::{ListArgs, ListFormat};
use crate::compat::Foreign;
use crate::expression::{States, places};
use crate::fault::{AS_EXPECTED, Fault};
use crate::register::Register;
use crate::select::{Case, select};
use crate::specs::Specs;
use crate::suite::{Suite, nominal};
use anstyle::Style;
use halfopen_report::text::count;
use halfopen_script::silences;
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

#[derive(Serialize)]
struct Listed<'a> {
    test: &'a str,
    file: &'a str,
    family: String,
    variant: serde_json::Map<String, serde_json::Value>,
    level: Option<String>,
    rules: Vec<&'a str>,
    aliases: Vec<&'a str>,
    tags: Vec<String>,
    states: BTreeSet<&'static str>,
    profile: Option<&'a str>,
    needs: Vec<&'a str>,
    suts: Vec<&'a str>,
    silences: Vec<Silent>,
    sentence: &'a str,
}

/// A silence that the verdict rests on.
#[derive(Serialize)]
struct Silent {
    kind: &'static str,
    file: String,
    line: u32,
    us: i64,
}

/// Lists the tests of a selection.
pub fn list(args: &ListArgs, specs: Option<&Path>) -> Result<u8, Fault> {
    let mut suite = Suite::load(&Specs::locate(specs)?);
    suite.foreign = Foreign::new(&args.select);
    suite.adapters = args.sut.adapters.clone();
    let selection = select(&mut suite, &args.select.select, &filter(&args.select, &args.sut.sut))?;
    if !selection.broken.is_empty() {
        let faults = selection.broken.iter().flat_map(|script| suite.scripts[*script].faults.clone()).collect();
        return Err(suite.script_fault(faults));
    }
    let mut out = anstream::stdout().lock();
    match args.format {
        ListFormat::Human => human(&mut out, &suite, &selection.cases)?,
        ListFormat::Ids => {
            for case in &selection.cases {
                writeln!(out, "{}", case.id)?;
            }
        }
        ListFormat::Json => json(&mut out, &mut suite, &selection.cases)?,
    }
    out.flush()?;
    Ok(AS_EXPECTED)
}

fn human(out: &mut impl Write, suite: &Suite, cases: &[Case]) -> Result<(), Fault> {
    let bold = Style::new().bold();
    let mut scripts = 0;
    for group in cases.chunk_by(|a, b| a.script == b.script) {
        let script = &suite.scripts[group[0].script];
        scripts += 1;
        let level = script.level().map_or(String::new(), |level| format!("  {level}"));
        writeln!(out, "{bold}{}{bold:#}{level}  {}", script.id, count(group.len(), "test"))?;
        if !script.sentence().is_empty() {
            writeln!(out, "    {}", script.sentence())?;
        }
    }
    writeln!(out, "{} in {}", count(cases.len(), "test"), count(scripts, "script"))?;
    Ok(())
}

fn json(out: &mut impl Write, suite: &mut Suite, cases: &[Case]) -> Result<(), Fault> {
    let quiet: Vec<_> = cases.iter().map(|case| silent(suite, case)).collect::<Result<_, _>>()?;
    let suite = &*suite;
    let register = Register::load(suite.specs())?;
    let mut states = States::new(suite.specs());
    let listed = cases.iter().zip(quiet).map(|(case, silences)| {
        let script = &suite.scripts[case.script];
        let labels = case.variant.labels.iter().map(|(axis, label)| (axis.clone(), label.clone().into()));
        Listed {
            test: &case.id,
            file: &script.shown,
            family: case.variant.family.to_string(),
            variant: std::iter::once(("family".to_string(), case.variant.family.to_string().into()))
                .chain(labels)
                .collect(),
            level: script.level().map(|level| level.to_string().to_lowercase()),
            rules: script.rules(),
            aliases: script.aliases(&case.variant),
            tags: script
                .field("tags")
                .into_iter()
                .map(str::to_owned)
                .chain(places(&script.rules(), &register))
                .collect(),
            states: states.of(script, &case.variant),
            profile: script.field("profile").first().copied(),
            needs: script.field("needs"),
            suts: script.field("sut"),
            silences,
            sentence: script.sentence(),
        }
    });
    let listed: Vec<_> = listed.collect();
    serde_json::to_writer_pretty(&mut *out, &listed).map_err(std::io::Error::from)?;
    writeln!(out)?;
    Ok(())
}

/// The silences of a test.
fn silent(suite: &mut Suite, case: &Case) -> Result<Vec<Silent>, Fault> {
    let test = suite.expand(case.script, &case.variant, &nominal()).map_err(|faults| suite.script_fault(faults))?;
    let silences = silences(&test).into_iter().map(|silence| Silent {
        kind: silence.kind.word(),
        file: suite.sources.name(silence.span.file).to_owned(),
        line: suite.sources.line_col(silence.span).0,
        us: silence.micros,
    });
    Ok(silences.collect())
}
