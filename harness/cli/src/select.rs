//! What the arguments of `run` and `list` select.

use crate::expression::{Evaluator, Expression, Set};
use crate::fault::Fault;
use crate::partition::Partition;
use crate::specs::walk;
use crate::suite::Suite;
use halfopen_script::Variant;
use halfopen_script::ast::Level;
use halfopen_script::test::Family;
use std::collections::BTreeSet;
use std::path::Path;
use wildmatch::WildMatch;

/// One selected test: a variant of a script.
#[derive(Debug, Clone)]
pub struct Case {
    /// Index into [`Suite::scripts`].
    pub script: usize,
    /// The variant.
    pub variant: Variant,
    /// The test's id.
    pub id: String,
}

/// What narrows a selection.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only tests of at least this level; a script without a header has every level.
    pub level: Option<Level>,
    /// Only these address families.
    pub families: Vec<Family>,
    /// Only scripts that are for this SUT; otherwise those for any.
    pub sut: Option<String>,
    /// Only tests that one of these set expressions stands for; none of them is no condition.
    pub expressions: Vec<String>,
    /// Of what is left, only this part.
    pub partition: Option<Partition>,
}

impl Filter {
    fn keeps(&self, suite: &Suite, case: &Case) -> bool {
        let script = &suite.scripts[case.script];
        let level = match (self.level, script.level()) {
            (Some(least), Some(level)) => level <= least,
            (None, _) | (_, None) => true,
        };
        let family = self.families.is_empty() || self.families.contains(&case.variant.family);
        level && family && self.sut.as_ref().is_none_or(|sut| script.is_for(sut))
    }
}

/// What was selected.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Selected scripts that have no tree, or that name a SUT which does not exist, by index: nothing of the selection can run.
    pub broken: BTreeSet<usize>,
    /// Selected tests in stable order.
    pub cases: Vec<Case>,
    /// Scripts that are no part of the specs are among them.
    pub foreign: bool,
}

/// Applies the arguments, each of which must select something, then the filter. No argument selects the whole suite.
/// Scripts on disk are added to the suite.
pub fn select(suite: &mut Suite, arguments: &[String], filter: &Filter) -> Result<Selection, Fault> {
    let expressions: Vec<Expression> =
        filter.expressions.iter().map(|text| Expression::parse(text)).collect::<Result<_, _>>()?;
    let own = suite.scripts.len();
    let mut chosen = BTreeSet::new();
    for argument in arguments {
        let before = chosen.len();
        let mut found = matches(suite, own, argument);
        if found.is_empty() {
            found = on_disk(suite, own, argument)?;
        }
        if found.is_empty() {
            return Err(Fault::Nothing(nothing(suite, argument)));
        }
        chosen.extend(found);
        debug_assert!(chosen.len() >= before);
    }
    if arguments.is_empty() {
        chosen = (0..own).flat_map(|script| every(suite, script)).collect();
    }
    let within = within(suite, &expressions)?;
    let scripts: BTreeSet<usize> = chosen.iter().map(|(script, _)| *script).collect();
    let broken = scripts.into_iter().filter(|script| !suite.is_for_someone(*script)).collect();
    let mut selection = Selection { broken, ..Selection::default() };
    for (script, variant) in chosen {
        if let (Some(within), Some(variant)) = (&within, variant)
            && !within.contains(&(script, variant))
        {
            continue;
        }
        let file = &suite.scripts[script];
        selection.foreign |= script >= own;
        match variant {
            None => {
                selection.broken.insert(script);
            }
            Some(variant) => {
                let variant = file.variants[variant].clone();
                let case = Case { script, id: file.test_id(&variant), variant };
                if filter.keeps(suite, &case) {
                    selection.cases.push(case);
                }
            }
        }
    }
    if let Some(partition) = filter.partition {
        let mut index = 0;
        selection.cases.retain(|case| {
            index += 1;
            partition.holds(index - 1, &case.id)
        });
    }
    if selection.cases.is_empty() && selection.broken.is_empty() {
        let set =
            if expressions.is_empty() { "level, family and partition" } else { "set, level, family and partition" };
        return Err(Fault::Nothing(match arguments {
            [] => format!("no test is left: the suite has none of this {set} for this SUT"),
            _ => format!("no test is left of {}: none has this {set} for this SUT", arguments.join(" ")),
        }));
    }
    Ok(selection)
}

/// The tests that any of the expressions stands for; `None` without expressions.
fn within(suite: &mut Suite, expressions: &[Expression]) -> Result<Option<Set>, Fault> {
    if expressions.is_empty() {
        return Ok(None);
    }
    let mut evaluator = Evaluator::new(suite)?;
    let mut set = Set::new();
    for expression in expressions {
        set.extend(evaluator.evaluate(expression)?);
    }
    Ok(Some(set))
}

/// `(script, variant)`; no variant stands for a script that does not parse.
type Chosen = BTreeSet<(usize, Option<usize>)>;

fn every(suite: &Suite, script: usize) -> Chosen {
    match &suite.scripts[script].script {
        None => [(script, None)].into(),
        Some(_) => (0..suite.scripts[script].variants.len()).map(|variant| (script, Some(variant))).collect(),
    }
}

/// What an argument selects among the scripts of the specs: ids, globs over ids, folders of ids, rule ids, aliases.
fn matches(suite: &Suite, own: usize, argument: &str) -> Chosen {
    let name = argument.strip_suffix('/').unwrap_or(argument);
    let names = matching(name);
    let mut chosen = Chosen::new();
    for (index, script) in suite.scripts[..own].iter().enumerate() {
        let below = is_below(&script.id, name);
        let rules = script.rules();
        let rule = rules.iter().any(|rule| names(rule) || is_below(rule, name));
        if below || names(&script.id) || rule {
            chosen.extend(every(suite, index));
            continue;
        }
        for (variant, labels) in script.variants.iter().enumerate() {
            if names(&script.test_id(labels)) || script.aliases(labels).into_iter().any(&names) {
                chosen.insert((index, Some(variant)));
            }
        }
    }
    chosen
}

/// Whether a text is the name, or is one that the glob stands for; in a glob `[` is an ordinary character.
pub(crate) fn matching(name: &str) -> impl Fn(&str) -> bool {
    let glob = name.contains(['*', '?']).then(|| WildMatch::new(name));
    let name = name.to_owned();
    move |text| text == name || glob.as_ref().is_some_and(|glob| glob.matches(text))
}

/// `rfc9293/3.10.7.4/x` is below `rfc9293/3.10.7.4`.
pub(crate) fn is_below(id: &str, folder: &str) -> bool {
    id.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// What an argument selects on disk: a script, a folder of scripts, or one variant `path.pkt[v4,...]`.
fn on_disk(suite: &mut Suite, own: usize, argument: &str) -> Result<Chosen, Fault> {
    let bare = argument.ends_with(']').then(|| argument.rsplit_once('[')).flatten().map(|(path, _)| path);
    let path = Path::new(bare.unwrap_or(argument));
    if !path.exists() {
        return Ok(Chosen::new());
    }
    if let Some(id) = suite.specs().id_of(path) {
        let variant = argument.strip_prefix(bare.unwrap_or(argument)).unwrap_or_default();
        return Ok(match id.as_str() {
            "" => (0..own).flat_map(|script| every(suite, script)).collect(),
            id => matches(suite, own, &format!("{id}{variant}")),
        });
    }
    let files = if path.is_dir() {
        let files = walk(path).map_err(|fault| Fault::Usage(format!("cannot read {}: {fault}", path.display())))?;
        let scripts = files.into_iter().filter(|file| file.extension().is_some_and(|e| e == "pkt"));
        // Fixtures are parts of scripts.
        scripts.filter(|file| file.parent().is_none_or(|folder| !folder.ends_with("fixtures"))).collect()
    } else {
        vec![path.to_path_buf()]
    };
    let mut chosen = Chosen::new();
    for file in files {
        let shown = file.display().to_string();
        let known = suite.scripts[own..].iter().position(|script| script.id == shown).map(|index| own + index);
        let script = known.map_or_else(|| suite.add_file(&file), Ok)?;
        let all = every(suite, script);
        let wanted = |variant: &Option<usize>| match variant {
            Some(variant) if bare.is_some() => {
                let script = &suite.scripts[script];
                script.test_id(&script.variants[*variant]) == argument
            }
            Some(_) | None => true,
        };
        chosen.extend(all.into_iter().filter(|(_, variant)| wanted(variant)));
    }
    Ok(chosen)
}

/// Says what an argument could have been.
fn nothing(suite: &Suite, argument: &str) -> String {
    let mut text = format!("`{argument}` selects nothing: no id, glob, folder of ids, rule, alias or path matches it");
    let path = argument.split_once('[').map_or(argument, |(path, _)| path);
    if let Some(script) = suite.scripts.iter().find(|script| script.id == path && !script.variants.is_empty()) {
        let ids: Vec<_> = script.variants.iter().take(3).map(|variant| script.test_id(variant)).collect();
        text += &format!("\n  {path} has {} variants: {} ...", script.variants.len(), ids.join(" "));
    } else if let Some(script) = suite.scripts.iter().find(|s| s.id.contains(path.rsplit('/').next().unwrap_or(path))) {
        text += &format!("\n  nearest: {}", script.id);
    }
    text
}
