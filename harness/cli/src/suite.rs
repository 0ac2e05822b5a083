//! Scripts, parsed once, and the tests that they stand for.

use crate::adapter::Adapters;
use crate::compat::Foreign;
use crate::fault::Fault;
use crate::specs::Specs;
use crate::sut;
use halfopen_report::text;
use halfopen_script::ast::{Level, Script};
use halfopen_script::test::{Test, TestId};
use halfopen_script::{Diagnostic, FileId, Library, Sources, Variant, expand, nearest, parse, render, variants};
use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

/// The least time between two answers to segments that a SUT does not take, where a script switches the limit off as far as it can.
const ANSWER_INTERVAL: &str = "answer_interval";

/// One script file.
#[derive(Debug, Clone)]
pub struct ScriptFile {
    /// Its id: the path below the specs folder without `.pkt`, or the path that the user gave.
    pub id: String,
    /// How messages name the file.
    pub shown: String,
    /// Its text in [`Suite::sources`].
    pub file: FileId,
    /// The tree, when the text has one.
    pub script: Option<Script>,
    /// What is wrong with the text.
    pub faults: Vec<Diagnostic>,
    /// The tests it stands for.
    pub variants: Vec<Variant>,
    /// The script's own folder, for a script that is no part of the specs.
    pub folder: Option<PathBuf>,
}

impl ScriptFile {
    /// The id of one variant.
    pub fn test_id(&self, variant: &Variant) -> String {
        TestId { path: self.id.clone(), family: variant.family, labels: variant.labels.clone() }.to_string()
    }

    /// The rules of the header.
    pub fn rules(&self) -> Vec<&str> {
        let header = self.script.iter().flat_map(|script| &script.header.rules);
        header.map(|rule| rule.node.as_str()).collect()
    }

    /// The level of the header.
    pub fn level(&self) -> Option<Level> {
        Some(self.script.as_ref()?.header.level.as_ref()?.node)
    }

    /// The sentence of the header.
    pub fn sentence(&self) -> &str {
        self.script.as_ref().map_or("", |script| &script.header.sentence)
    }

    /// The words of a `//: KEY` field.
    pub fn field(&self, key: &str) -> Vec<&str> {
        let fields = self.script.iter().flat_map(|script| &script.header.fields);
        fields.filter(|f| f.key.node == key).flat_map(|f| &f.words).map(|word| word.node.as_str()).collect()
    }

    /// The ids that other catalogues have for a variant: `NAME` stands for the whole script, `NAME[LABEL,...]` for the variants with these labels.
    pub fn aliases(&self, variant: &Variant) -> Vec<&str> {
        let family = variant.family.to_string();
        let has = |label: &str| label == family || variant.labels.iter().any(|(_, own)| own == label);
        let words = self.field("alias").into_iter();
        let named = words.filter_map(|word| match word.strip_suffix(']').and_then(|word| word.split_once('[')) {
            Some((name, labels)) => labels.split(',').all(has).then_some(name),
            None => Some(word),
        });
        named.collect()
    }

    /// The script is meant for this SUT: it names none, or this one.
    pub fn is_for(&self, sut: &str) -> bool {
        let named = self.field("sut");
        named.is_empty() || named.contains(&sut)
    }
}

/// Scripts in the order of their ids, and the texts that their spans point into.
#[derive(Debug, Clone)]
pub struct Suite {
    /// The scripts.
    pub scripts: Vec<ScriptFile>,
    /// Every text.
    pub sources: Sources,
    /// What the command line says about scripts that are no part of the specs.
    pub foreign: Foreign,
    /// SUTs that scripts may name beside the tool's own.
    pub adapters: Adapters,
    specs: Specs,
}

impl Suite {
    /// Parses every script of the specs.
    pub fn load(specs: &Specs) -> Self {
        Self::some(specs, |_| true)
    }

    /// Parses one script of the specs.
    pub fn only(specs: &Specs, id: &str) -> Self {
        Self::some(specs, |other| other == id)
    }

    fn some(specs: &Specs, wanted: impl Fn(&str) -> bool) -> Self {
        let mut suite = Self {
            scripts: Vec::new(),
            sources: Sources::new(),
            foreign: Foreign::default(),
            adapters: Adapters::default(),
            specs: specs.clone(),
        };
        for (path, text) in specs.scripts() {
            let id = path.strip_suffix(".pkt").expect("scripts end in .pkt");
            if wanted(id) {
                suite.add(id, &specs.display(path), text, None);
            }
        }
        suite.scripts.sort_by_key(|script| natural(&script.id));
        suite
    }

    /// Parses a script from disk that is no part of the specs, under the path as it was given.
    pub fn add_file(&mut self, path: &Path) -> Result<usize, Fault> {
        let shown = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|fault| Fault::Usage(format!("cannot read {shown}: {fault}")))?;
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        self.add(&shown, &shown, &text, Some(folder));
        Ok(self.scripts.len() - 1)
    }

    fn add(&mut self, id: &str, shown: &str, text: &str, folder: Option<PathBuf>) {
        let file = self.sources.add(shown, text);
        let (script, faults) = match parse(&self.sources, file) {
            Ok(script) => (Some(script), Vec::new()),
            Err(faults) => (None, faults),
        };
        let variants = |script| match folder {
            Some(_) => self.foreign.variants(script, shown),
            None => variants(script),
        };
        let variants = script.as_ref().map(variants).unwrap_or_default();
        let (id, shown) = (id.to_string(), shown.to_string());
        self.scripts.push(ScriptFile { id, shown, file, script, faults, variants, folder });
    }

    /// Makes the test of one variant. `params` are the SUT's own names.
    pub fn expand(
        &mut self,
        script: usize,
        variant: &Variant,
        params: &[(String, i64)],
    ) -> Result<Test, Vec<Diagnostic>> {
        let file = &self.scripts[script];
        let Some(tree) = &file.script else { return Err(file.faults.clone()) };
        let library = Fixtures { specs: &self.specs, folder: file.folder.as_deref() };
        let mut tree = Cow::Borrowed(tree);
        if file.folder.is_some() && self.foreign.changes() {
            self.foreign.prepare(tree.to_mut(), variant.family);
        }
        // A SUT that says nothing of a limit has none when a script switches it off.
        let unlimited = params.iter().all(|(name, _)| name != ANSWER_INTERVAL);
        let unlimited = unlimited.then(|| (ANSWER_INTERVAL.to_owned(), 0));
        let params: Vec<_> = params.iter().cloned().chain(unlimited).collect();
        expand(&file.id, &tree, variant, &mut self.sources, &library, &params)
    }

    /// Whether a script can be selected for some SUT; when a word of `//: sut` names none, that is a fault of the script from now on.
    pub fn is_for_someone(&mut self, script: usize) -> bool {
        let file = &mut self.scripts[script];
        let Some(tree) = &file.script else { return true };
        let fields = tree.header.fields.iter().filter(|field| field.key.node == "sut");
        let strange = fields.flat_map(|field| &field.words).filter(|word| !sut::is_known(&word.node, &self.adapters));
        let own = halfopen_sut::names().iter().map(|(name, _)| *name);
        let known: Vec<&str> = own.chain(self.adapters.names()).collect();
        let faults = strange.map(|word| {
            let near = nearest(&word.node, known.iter().copied());
            let help = near.map_or_else(
                || "a stack of your own is known to the tool that its crate builds".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            Diagnostic::new("unknown-sut", format!("`{}` is not a SUT", word.node), word.span)
                .expecting(known.iter().map(|name| format!("`{name}`")))
                .help(help)
        });
        let faults: Vec<Diagnostic> = faults.collect();
        let well = faults.is_empty();
        file.faults.extend(faults);
        well
    }

    /// The faults as one error, each said once although many variants share it. It carries escape sequences.
    pub fn script_fault(&self, faults: Vec<Diagnostic>) -> Fault {
        let mut distinct: Vec<Diagnostic> = Vec::new();
        for fault in faults {
            // Spans compare equal to every other span, so their octets are compared here.
            let same = |a: &Diagnostic| {
                let place = |d: &Diagnostic| (d.span.file, d.span.start, d.span.end);
                place(a) == place(&fault) && a.code == fault.code && a.message == fault.message
            };
            if !distinct.iter().any(same) {
                distinct.push(fault);
            }
        }
        distinct.sort_by_key(|fault| (self.sources.name(fault.span.file).to_string(), fault.span.start));
        let rendered = render(&distinct, &self.sources, true);
        Fault::Script { rendered, count: text::count(distinct.len(), "fault") }
    }

    /// The specs that the suite was loaded from.
    pub fn specs(&self) -> &Specs {
        &self.specs
    }
}

/// The SUT's own times, in microseconds, while no SUT is asked: those of Linux.
pub(crate) fn nominal() -> Vec<(String, i64)> {
    let times =
        [("time_wait", 60_000_000), ("rto_initial", 1_000_000), ("delayed_ack", 40_000), ("fin_timeout", 60_000_000)];
    times.map(|(name, micros)| (name.to_owned(), micros)).into()
}

/// Sorts `3.10.7` after `3.2`: runs of digits count as numbers.
pub(crate) fn natural(id: &str) -> Vec<(u64, String)> {
    let mut parts = Vec::new();
    let mut rest = id;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number = rest[..digits].parse().unwrap_or(u64::from(digits > 0) * u64::MAX);
        rest = &rest[digits..];
        let word = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        parts.push((number, rest[..word].to_string()));
        rest = &rest[word..];
    }
    parts
}

/// Fixtures beside a user's script, then those of the specs.
struct Fixtures<'a> {
    specs: &'a Specs,
    folder: Option<&'a Path>,
}

impl Library for Fixtures<'_> {
    fn fixture(&self, name: &str) -> Option<(String, String)> {
        let beside = self.folder.map(|folder| folder.join("fixtures").join(format!("{name}.pkt")));
        if let Some((path, text)) = beside.and_then(|path| Some((path.clone(), fs::read_to_string(path).ok()?))) {
            return Some((path.display().to_string(), text));
        }
        let path = format!("fixtures/{name}.pkt");
        let text = self.specs.text(&path)?.to_string();
        Some((self.specs.display(&path), text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_sort_as_the_rfc_counts_them() {
        let mut ids = ["rfc9293/3.10.7.4/a", "rfc9293/3.2/b", "rfc9293/3.10.1/a", "rfc793/3.9/x"];
        ids.sort_by_key(|id| natural(id));
        assert_eq!(ids, ["rfc793/3.9/x", "rfc9293/3.2/b", "rfc9293/3.10.1/a", "rfc9293/3.10.7.4/a"]);
    }
}
