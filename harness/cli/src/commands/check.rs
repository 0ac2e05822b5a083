//! `halfopen check`

use crate::args::{CheckArgs, SutArgs};
use crate::compat::Foreign;
use crate::fault::{AS_EXPECTED, Fault};
use crate::register::Register;
use crate::select::{Case, Filter, select};
use crate::specs::Specs;
use crate::suite::{ScriptFile, Suite};
use crate::sut::Opener;
use halfopen_report::text::count;
use halfopen_script::{Diagnostic, Sources, nearest};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

/// Finds every fault of the scripts: grammar, header, fixtures, expansion of every variant.
pub fn check(args: &CheckArgs, specs: Option<&Path>) -> Result<u8, Fault> {
    let specs = Specs::locate(specs)?;
    let register = Register::load(&specs)?;
    let mut suite = Suite::load(&specs);
    suite.foreign = Foreign::symbols(args.compat, &args.define);
    suite.adapters = args.adapters.clone();
    let selection = select(&mut suite, &args.files, &Filter::default())?;
    // The names that a SUT defines are the same for every SUT; only their values differ.
    let params = Opener::new(&SutArgs::reference())?.describe()?.params;
    let mut scripts: BTreeSet<usize> = selection.broken.clone();
    scripts.extend(selection.cases.iter().map(|case| case.script));
    let mut faults = Vec::new();
    for script in &scripts {
        let file = &suite.scripts[*script];
        faults.extend(file.faults.clone());
        faults.extend(header(file, &register));
    }
    let mut undefined = BTreeSet::new();
    for Case { script, variant, .. } in &selection.cases {
        let Err(found) = suite.expand(*script, variant, &params) else { continue };
        // A script of another suite counts on a command line; only what does not depend on that is a fault of its own.
        let ours = suite.scripts[*script].script.as_ref().is_some_and(|script| script.header.level.is_some());
        for fault in found {
            match symbol(&fault, &suite.sources) {
                Some(name) if !ours => drop(undefined.insert(name)),
                Some(_) | None => faults.push(fault),
            }
        }
    }
    if !faults.is_empty() {
        return Err(suite.script_fault(faults));
    }
    let mut out = anstream::stdout().lock();
    writeln!(out, "{} and {} are well", count(scripts.len(), "script"), count(selection.cases.len(), "test"))?;
    if !undefined.is_empty() {
        let names = undefined.into_iter().collect::<Vec<_>>().join(", ");
        writeln!(out, "Not defined here: {names} (-D SYMBOL=VALUE, or --compat packetdrill)")?;
    }
    Ok(AS_EXPECTED)
}

/// The symbol that a fault is about, when it may be one that a command line defines: a word in capitals that resembles no known one.
fn symbol(fault: &Diagnostic, sources: &Sources) -> Option<String> {
    let name = sources.snippet(fault.span);
    let capitals = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    let fits = match fault.code {
        "unknown-symbol" | "unknown-name" => fault.help.as_ref().is_some_and(|help| help.contains("`-D ")),
        "unknown-icmp" => capitals,
        _ => false,
    };
    // Of an option with a symbol in it the symbol stands last.
    let name = name.rsplit(' ').next().unwrap_or(name);
    fits.then(|| name.to_owned())
}

/// Labels of `//: alias ID[LABEL]` that no variant has.
fn aliased(file: &ScriptFile) -> Vec<Diagnostic> {
    let Some(script) = &file.script else { return Vec::new() };
    let axes = script.variations.iter().flat_map(|variation| &variation.labels).map(|label| label.name.node.as_str());
    let known: Vec<&str> = axes.chain(["v4", "v6", "mapped"]).collect();
    let fields = script.header.fields.iter().filter(|field| field.key.node == "alias");
    let mut faults = Vec::new();
    for word in fields.flat_map(|field| &field.words) {
        let labels = word.node.strip_suffix(']').and_then(|word| word.split_once('[')).map_or("", |(_, labels)| labels);
        for label in labels.split(',').filter(|label| !label.is_empty() && !known.contains(label)) {
            let mut fault = Diagnostic::new("unknown-label", format!("no axis has a label `{label}`"), word.span);
            fault.help = nearest(label, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            faults.push(fault);
        }
    }
    faults
}

/// What is wrong between a header and the register.
fn header(file: &ScriptFile, register: &Register) -> Vec<Diagnostic> {
    let Some(script) = &file.script else { return Vec::new() };
    let header = &script.header;
    let mut faults = Vec::new();
    let mut levels = Vec::new();
    for id in &header.rules {
        match register.rule(&id.node) {
            Some(rule) => levels.push((rule.level, &rule.id)),
            None => {
                let mut fault = Diagnostic::new("unknown-rule", format!("no register has rule `{}`", id.node), id.span);
                if let Some(similar) = register.similar(&id.node) {
                    fault = fault.help(format!("a rule there is `{similar}`"));
                }
                faults.push(fault);
            }
        }
    }
    faults.extend(aliased(file));
    let Some(level) = &header.level else { return faults };
    if faults.is_empty() && !levels.is_empty() && !levels.iter().any(|(rule, _)| rule.level() == level.node) {
        let said: Vec<_> = levels.iter().map(|(rule, id)| format!("{id} is {}", rule.word())).collect();
        let message = format!("the level is not that of any rule named: {}", said.join(", "));
        faults.push(Diagnostic::new("level", message, level.span).expecting([levels[0].0.level().to_string()]));
    }
    faults
}
