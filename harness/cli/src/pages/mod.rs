//! The pages of docs/ that are made from the register, the scripts and what stacks do: `cargo ci pages`.

mod headline;
mod rules;
mod textbooks;

use crate::args::SutArgs;
use crate::commands::coverage;
use crate::coverage::{Complete, Coverage};
use crate::fault::Fault;
use crate::observe::observe;
use crate::register::Register;
use crate::select::{Case, Filter, select};
use crate::specs::Specs;
use crate::suite::Suite;
use halfopen_report::record::Record;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Path below docs/.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// The pages that follow from the specs alone: coverage, and a page of rules for each RFC.
pub fn derived(specs: &Specs) -> Result<Vec<Page>, Fault> {
    let register = Register::load(specs)?;
    let suite = Suite::load(specs);
    let complete = Complete::load(specs, &register)?;
    let coverage = Coverage::of(&register, &suite);
    let text = coverage::markdown_page(&coverage, &register, &complete)?;
    let mut pages = vec![Page { path: "coverage.md".into(), text }];
    pages.extend(rules::pages(&coverage, &register));
    Ok(pages)
}

/// The pages that tell what the reference stack and this machine's kernel did.
pub fn observed(specs: &Specs) -> Result<Vec<Page>, Fault> {
    let register = Register::load(specs)?;
    let mut suite = Suite::load(specs);
    let headlines: headline::Headlines = data(specs, "pages/headlines.toml")?;
    let textbooks: textbooks::Textbooks = data(specs, "pages/textbooks.toml")?;
    let named: BTreeSet<&str> = headlines.tests().chain(textbooks.tests()).collect();
    let runs = Runs::of(&mut suite, named)?;
    let mut pages = headlines.pages(&register, &suite, &runs)?;
    pages.push(textbooks.page(&runs));
    Ok(pages)
}

fn data<T: DeserializeOwned>(specs: &Specs, path: &str) -> Result<T, Fault> {
    let shown = specs.display(path);
    let text = specs.text(path).ok_or_else(|| Fault::Environment(format!("{shown} is missing")))?;
    toml::from_str(text).map_err(|fault| crate::register::toml_fault(&shown, text, &fault))
}

/// The data of each page that there is some for can be read.
pub fn readable(specs: &Specs) -> Result<(), Fault> {
    let (headlines, textbooks) = ("pages/headlines.toml", "pages/textbooks.toml");
    if specs.text(headlines).is_some() {
        data::<headline::Headlines>(specs, headlines)?;
    }
    if specs.text(textbooks).is_some() {
        data::<textbooks::Textbooks>(specs, textbooks)?;
    }
    Ok(())
}

/// Every test and rule that the pages name is there; the names of the tests.
pub fn named(specs: &Specs) -> Result<Vec<String>, Fault> {
    let register = Register::load(specs)?;
    let mut suite = Suite::load(specs);
    let headlines: headline::Headlines = data(specs, "pages/headlines.toml")?;
    let textbooks: textbooks::Textbooks = data(specs, "pages/textbooks.toml")?;
    let names: Vec<String> = headlines.tests().chain(textbooks.tests()).map(str::to_string).collect();
    for name in &names {
        select(&mut suite, std::slice::from_ref(name), &Filter::default())?;
    }
    match headlines.rules().find(|rule| register.rule(rule).is_none()) {
        Some(rule) => Err(Fault::Environment(format!("pages/headlines.toml: there is no rule {rule}"))),
        None => Ok(names),
    }
}

/// What both stacks made of the tests that pages name.
#[derive(Debug)]
struct Runs {
    /// Ids by what a page calls them, which may be a glob.
    named: BTreeMap<String, Vec<String>>,
    /// By id: on the reference stack, on the kernel.
    records: BTreeMap<String, (Record, Record)>,
    /// `6.18.44`
    kernel: String,
}

impl Runs {
    fn of(suite: &mut Suite, names: BTreeSet<&str>) -> Result<Self, Fault> {
        let mut named = BTreeMap::new();
        let mut cases: BTreeMap<String, Case> = BTreeMap::new();
        for name in names {
            let found = select(suite, &[name.to_string()], &Filter::default())?.cases;
            named.insert(name.to_string(), found.iter().map(|case| case.id.clone()).collect());
            cases.extend(found.into_iter().map(|case| (case.id.clone(), case)));
        }
        let cases: Vec<Case> = cases.into_values().collect();
        let linux = SutArgs { sut: "linux".into(), ..SutArgs::reference() };
        // The kernel first: getting ready for it wants a process with one thread.
        let kernel = observe(suite, &cases, &linux)?;
        let reference = observe(suite, &cases, &SutArgs::reference())?;
        let pairs = reference.records.into_iter().zip(kernel.records);
        let records = cases.iter().map(|case| case.id.clone()).zip(pairs).collect();
        // What a distributor or a builder appended says nothing here.
        let release = kernel.sut.version.split('-').next().unwrap_or_default().to_string();
        Ok(Self { named, records, kernel: release })
    }

    /// The records of what a page names.
    fn both(&self, name: &str) -> Vec<&(Record, Record)> {
        self.named[name].iter().map(|id| &self.records[id]).collect()
    }
}
