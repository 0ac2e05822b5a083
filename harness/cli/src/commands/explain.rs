//! `halfopen explain`

use crate::args::{ExplainArgs, SutArgs};
use crate::coverage::{Coverage, Covered, Status};
use crate::expect::{Entry, Expectations, kind_name};
use crate::fault::{AS_EXPECTED, Fault};
use crate::observe::observe;
use crate::register::{Register, Rule};
use crate::select::{Case, Filter, select};
use crate::specs::Specs;
use crate::suite::{ScriptFile, Suite, nominal};
use anstyle::Style;
use halfopen_report::ladder;
use halfopen_report::record::FinalVerdict;
use halfopen_report::text::count;
use halfopen_script::print::events::seconds;
use halfopen_script::{SilenceKind, silences};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::Path;

const BOLD: Style = Style::new().bold();

/// Ids of tests that are listed of one script; the others are counted.
const LISTED: usize = 6;

/// Columns of running text.
const WIDTH: usize = 110;

/// Says what there is to know about a rule, a script or a test.
pub fn explain(args: &ExplainArgs, specs: Option<&Path>) -> Result<u8, Fault> {
    let specs = Specs::locate(specs)?;
    let register = Register::load(&specs)?;
    let mut suite = Suite::load(&specs);
    let named = named_rules(&register, &args.id);
    let mut arguments: Vec<String> = named.iter().map(|rule| rule.id.clone()).collect();
    if arguments.is_empty() {
        arguments.push(args.id.clone());
    }
    let mut cases = Vec::new();
    for argument in &arguments {
        match select(&mut suite, std::slice::from_ref(argument), &Filter::default()) {
            Ok(selection) => cases.extend(selection.cases),
            Err(Fault::Nothing(_)) if !named.is_empty() => {}
            Err(fault) => return Err(fault),
        }
    }
    let mut out = anstream::stdout().lock();
    let scripts: BTreeSet<usize> = cases.iter().map(|case| case.script).collect();
    let mut rules: Vec<&Rule> = named;
    if rules.is_empty() {
        let ids: BTreeSet<_> = scripts.iter().flat_map(|script| suite.scripts[*script].rules()).collect();
        rules = ids.into_iter().filter_map(|id| register.rule(id)).collect();
    }
    let coverage = Coverage::of(&register, &suite);
    for rule in &rules {
        let covered = coverage.rules.iter().find(|covered| covered.rule.id == rule.id);
        explain_rule(&mut out, &register, rule, covered.expect("every rule is covered in some way"))?;
    }
    drop(coverage);
    for script in scripts {
        let of_script: Vec<&Case> = cases.iter().filter(|case| case.script == script).collect();
        explain_script(&mut out, &suite, &suite.scripts[script], &of_script)?;
        let first = of_script[0].clone();
        quiet(&mut out, &mut suite, &first)?;
        exchange(&mut out, &mut suite, first)?;
    }
    deviations(&mut out, &specs, &cases)?;
    out.flush()?;
    Ok(AS_EXPECTED)
}

/// The rules that an id or a label of the RFC names.
fn named_rules<'a>(register: &'a Register, id: &str) -> Vec<&'a Rule> {
    match register.rule(id) {
        Some(rule) => vec![rule],
        None => register.labelled(id),
    }
}

fn explain_rule(out: &mut impl Write, register: &Register, rule: &Rule, covered: &Covered<'_>) -> io::Result<()> {
    let label = rule.label.as_ref().map_or(String::new(), |label| format!("  {label}"));
    writeln!(out, "{BOLD}{}{BOLD:#}  {}{label}", rule.id, rule.level.word())?;
    paragraph(out, "", &rule.text)?;
    if let Some(why) = &rule.why {
        paragraph(out, "why: ", why)?;
    }
    let title = register.title(&rule.id).unwrap_or_default();
    writeln!(out, "    {title}, section {}; observable: {}", rule.section, rule.observable)?;
    if let Some(profile) = &rule.profile {
        writeln!(out, "    holds with: {profile}")?;
    }
    if let Some(note) = &rule.note {
        paragraph(out, "note: ", note)?;
    }
    if !rule.restated_in.is_empty() {
        paragraph(out, "restated in: ", &rule.restated_in.join(" "))?;
    }
    match (covered.status, covered.reason) {
        (Status::Tested, _) => {
            let (tests, scripts) = (count(covered.tests, "test"), count(covered.scripts.len(), "script"));
            writeln!(out, "    tested by {tests} of {scripts}")?;
            if !rule.restated_in.is_empty() {
                // These are not shown below: they cite the other rules.
                paragraph(out, "scripts: ", &covered.scripts.join(" "))?;
            }
        }
        (Status::Missing, _) => writeln!(out, "    no test asks this yet")?,
        (status, reason) => paragraph(out, &format!("{}: ", status.word()), reason.unwrap_or_default())?,
    }
    writeln!(out)
}

/// Indented lines that begin with a word and go on below it.
fn paragraph(out: &mut impl Write, first: &str, text: &str) -> io::Result<()> {
    for (n, line) in ladder::wrap(text, WIDTH - first.len()).iter().enumerate() {
        let lead = if n == 0 { first } else { "" };
        writeln!(out, "    {lead:width$}{line}", width = first.len())?;
    }
    Ok(())
}

/// Which silences the verdict rests on, and what shows that they are no deafness.
fn quiet(out: &mut impl Write, suite: &mut Suite, case: &Case) -> Result<(), Fault> {
    let test = suite.expand(case.script, &case.variant, &nominal()).map_err(|faults| suite.script_fault(faults))?;
    let silences = silences(&test);
    if silences.is_empty() {
        return Ok(());
    }
    let shown = silences.iter().map(|silence| {
        let file = Path::new(suite.sources.name(silence.span.file));
        let fixture = silence.span.file != suite.scripts[case.script].file;
        let stem = file.file_stem().filter(|_| fixture).map(|stem| format!("{}:", stem.to_string_lossy()));
        let line = format!("line {}{}", stem.unwrap_or_default(), suite.sources.line_col(silence.span).0);
        let length = seconds(silence.micros);
        match silence.kind {
            SilenceKind::Said => format!("{length} s at {line}"),
            SilenceKind::Either => format!("{length} s at {line}, if it is taken"),
            SilenceKind::Gap | SilenceKind::Until => format!("{length} s before {line}"),
            SilenceKind::End => format!("after {line}, to the end"),
        }
    });
    let shown = shown.collect::<Vec<_>>().join("; ");
    let control = silences.iter().any(|silence| silence.kind.needs_control());
    let control =
        if control { "a control shows that the SUT was there" } else { "what ends it shows that the SUT was there" };
    writeln!(out, "    {BOLD}Silence{BOLD:#} that the verdict rests on ({}); {control}", case.id)?;
    paragraph(out, "", &shown)?;
    Ok(writeln!(out)?)
}

/// How the exchange goes where all is well: a run of the test on the reference stack.
fn exchange(out: &mut impl Write, suite: &mut Suite, case: Case) -> Result<(), Fault> {
    let reference = SutArgs::reference();
    if !suite.scripts[case.script].is_for(&reference.sut) {
        return Ok(writeln!(out, "    (not for the reference stack: no exchange to show)\n")?);
    }
    let observed = observe(suite, std::slice::from_ref(&case), &reference)?;
    let record = &observed.records[0];
    if record.verdict == FinalVerdict::Pass {
        writeln!(out, "    {BOLD}The exchange{BOLD:#} on the reference stack: {}", case.id)?;
    } else {
        let reason = record.outcome.reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
        writeln!(out, "    On the reference stack {} comes to {}{reason}", case.id, record.verdict)?;
    }
    if !record.outcome.trace.is_empty() {
        write!(out, "{}", ladder::lanes(record, false))?;
    }
    Ok(writeln!(out)?)
}

fn explain_script(out: &mut impl Write, suite: &Suite, script: &ScriptFile, cases: &[&Case]) -> io::Result<()> {
    let level = script.level().map_or(String::new(), |level| format!("  {level}"));
    writeln!(out, "{BOLD}{}{BOLD:#}{level}  {}", script.id, count(cases.len(), "test"))?;
    writeln!(out, "    {}", script.shown)?;
    let aliases = script.field("alias");
    if !aliases.is_empty() {
        writeln!(out, "    aliases: {}", aliases.join(" "))?;
    }
    for case in cases.iter().take(LISTED) {
        writeln!(out, "    {}", case.id)?;
    }
    if let Some(more) = cases.len().checked_sub(LISTED).filter(|more| *more > 0) {
        writeln!(out, "    and {more} more: halfopen list --format ids {}", script.id)?;
    }
    writeln!(out)?;
    for line in suite.sources.text(script.file).lines() {
        writeln!(out, "    | {line}")?;
    }
    writeln!(out)
}

/// Entries of every expectation file that speak of these tests.
fn deviations(out: &mut impl Write, specs: &Specs, cases: &[Case]) -> Result<(), Fault> {
    let mut heading = Some("Known deviations");
    for (sut, path) in specs.expectations() {
        let text = specs.text(path).expect("the path is from the specs");
        let expectations = Expectations::parse(&specs.display(path), text)?;
        let mut by_entry: BTreeMap<&str, (&Entry, usize)> = BTreeMap::new();
        for entry in expectations.entries() {
            let n = cases.iter().filter(|case| entry.matches(&case.id)).count();
            if n > 0 {
                // A table of the file may have several globs.
                by_entry.entry(&entry.place).or_insert((entry, 0)).1 += n;
            }
        }
        for (entry, n) in by_entry.values() {
            if let Some(heading) = heading.take() {
                writeln!(out, "{BOLD}{heading}{BOLD:#}")?;
            }
            let kernels = entry.kernels.as_ref().map_or(String::new(), |kernels| format!(" {kernels}"));
            let got = entry.got.as_ref().map_or(String::new(), |got| format!(", `{got}`"));
            let lacks = if entry.lacks { "unsupported, " } else { "" };
            writeln!(out, "    {sut}{kernels}: {lacks}{}{got}, {}", kind_name(entry.kind), count(*n, "test"))?;
            writeln!(out, "        {} ({})", entry.reason, entry.reference)?;
            writeln!(out, "        {}", entry.place)?;
        }
    }
    Ok(())
}
