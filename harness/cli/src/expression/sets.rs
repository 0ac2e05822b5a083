//! Which tests a set expression stands for.

use super::atom::{Atom, Status};
use super::{Expression, Node, States, last};
use crate::fault::Fault;
use crate::register::Register;
use crate::select::{is_below, matching};
use crate::suite::{Suite, nominal};
use halfopen_report::record::FinalVerdict;
use halfopen_script::{duration_hint, nearest};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;
use wildmatch::WildMatch;

/// Tests: script and variant, by index.
pub type Set = BTreeSet<(usize, usize)>;

/// Evaluates expressions over the tests of a suite.
pub struct Evaluator<'a> {
    suite: &'a mut Suite,
    register: Register,
    all: Set,
    /// The verdicts of the last run, once they were asked for.
    last: Option<BTreeMap<String, FinalVerdict>>,
}

impl<'a> Evaluator<'a> {
    /// Every test of the suite that is there now, scripts from disk too.
    pub fn new(suite: &'a mut Suite) -> Result<Self, Fault> {
        let register = Register::load(suite.specs())?;
        let scripts = suite.scripts.iter().enumerate();
        let all = scripts.flat_map(|(script, file)| (0..file.variants.len()).map(move |variant| (script, variant)));
        let all = all.collect();
        Ok(Self { suite, register, all, last: None })
    }

    /// The tests of an expression. A set that names something which no test has is a fault, as an argument of the kind is.
    pub fn evaluate(&mut self, expression: &Expression) -> Result<Set, Fault> {
        self.node(expression, expression.root())
    }

    fn node(&mut self, expression: &Expression, node: &Node) -> Result<Set, Fault> {
        Ok(match node {
            Node::Atom(atom, place) => self.atom(expression, atom, place)?,
            Node::Not(inner) => &self.all.clone() - &self.node(expression, inner)?,
            Node::And(a, b) => &self.node(expression, a)? & &self.node(expression, b)?,
            Node::Or(a, b) => &self.node(expression, a)? | &self.node(expression, b)?,
            Node::Minus(a, b) => &self.node(expression, a)? - &self.node(expression, b)?,
        })
    }

    fn atom(&mut self, expression: &Expression, atom: &Atom, place: &Range<usize>) -> Result<Set, Fault> {
        let set = match atom {
            Atom::All => return Ok(self.all.clone()),
            Atom::None => return Ok(Set::new()),
            Atom::Family(family) => {
                return Ok(
                    self.keep(|suite, (script, variant)| suite.scripts[script].variants[variant].family == *family)
                );
            }
            Atom::Level(level) => return Ok(self.scripts(|suite, s| suite.scripts[s].level() == Some(*level))),
            Atom::Slow(least) => return self.slow(*least),
            Atom::Status(status) => return self.status(*status),
            Atom::Id(name) => self.id(name),
            Atom::Rfc(number, section) => self.rfc(*number, section.as_deref()),
            Atom::Rule(name) => self.fielded(name, |suite, script| suite.scripts[script].rules()),
            Atom::Label(label) => self.label(label),
            Atom::Alias(name) => {
                let names = matching(name);
                self.keep(|suite, (script, variant)| {
                    let file = &suite.scripts[script];
                    file.aliases(&file.variants[variant]).into_iter().any(&names)
                })
            }
            Atom::Profile(name) => self.fielded(name, |suite, script| suite.scripts[script].field("profile")),
            Atom::Sut(name) => self.fielded(name, |suite, script| suite.scripts[script].field("sut")),
            Atom::Needs(name) => self.fielded(name, |suite, script| {
                let words = suite.scripts[script].field("needs").into_iter();
                words.map(|word| word.split(">=").next().unwrap_or(word)).collect()
            }),
            Atom::Tag(name) => self.tagged(name, true),
            Atom::State(name) => self.tagged(name, false),
        };
        if set.is_empty() {
            let message = "no test of the suite is in this set".to_owned();
            return Err(Fault::NoneInSet(expression.point(message, place.clone(), self.instead(atom))));
        }
        Ok(set)
    }

    fn keep(&self, wanted: impl Fn(&Suite, (usize, usize)) -> bool) -> Set {
        self.all.iter().copied().filter(|test| wanted(self.suite, *test)).collect()
    }

    /// Every variant of some scripts.
    fn scripts(&self, wanted: impl Fn(&Suite, usize) -> bool) -> Set {
        let chosen: Vec<bool> = (0..self.suite.scripts.len()).map(|script| wanted(self.suite, script)).collect();
        self.all.iter().copied().filter(|(script, _)| chosen[*script]).collect()
    }

    /// Scripts that have a word that the name or glob stands for.
    fn fielded(&self, name: &str, words: impl Fn(&Suite, usize) -> Vec<&str>) -> Set {
        let names = matching(name);
        self.scripts(|suite, script| words(suite, script).into_iter().any(&names))
    }

    fn id(&self, name: &str) -> Set {
        let names = matching(name);
        let folder = name.strip_suffix('/').unwrap_or(name);
        let whole = |script: usize| {
            let id = &self.suite.scripts[script].id;
            names(id) || is_below(id, folder)
        };
        let whole: Vec<bool> = (0..self.suite.scripts.len()).map(whole).collect();
        self.keep(|suite, (script, variant)| {
            let file = &suite.scripts[script];
            whole[script] || names(&file.test_id(&file.variants[variant]))
        })
    }

    fn rfc(&self, number: u32, section: Option<&str>) -> Set {
        let rfc = format!("rfc{number}");
        let within = |of: &str| {
            section.is_none_or(|wanted| {
                of.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        self.scripts(|suite, script| {
            let file = &suite.scripts[script];
            let mut ids = std::iter::once(file.id.as_str()).chain(file.rules());
            ids.any(|id| {
                let mut parts = id.split('/');
                let known = self.register.rule(id).map(|rule| rule.section.as_str());
                parts.next() == Some(&rfc) && within(known.or(parts.next()).unwrap_or_default())
            })
        })
    }

    fn label(&self, label: &str) -> Set {
        let names = WildMatch::new(label);
        let labelled = |rule: &str| {
            let rule = self.register.rule(rule);
            rule.and_then(|rule| rule.label.as_deref()).is_some_and(|label| names.matches(label))
        };
        self.scripts(|suite, script| suite.scripts[script].rules().into_iter().any(labelled))
    }

    /// Tests with a tag, or only with a state.
    fn tagged(&self, name: &str, any: bool) -> Set {
        let names = matching(name);
        let mut states = States::new(self.suite.specs());
        let scripts = &self.suite.scripts;
        let has = |(script, variant): &(usize, usize)| {
            let file: &crate::suite::ScriptFile = &scripts[*script];
            let tagged = any && file.field("tags").into_iter().any(&names);
            let placed = any && self.places(*script).iter().any(|place| names(place));
            tagged || placed || states.of(file, &file.variants[*variant]).into_iter().any(&names)
        };
        let mut has = has;
        self.all.iter().copied().filter(|test| has(test)).collect()
    }

    /// The derived tags of a script: `rfc9293`, `rfc9293:3.10.7.4`.
    fn places(&self, script: usize) -> BTreeSet<String> {
        places(&self.suite.scripts[script].rules(), &self.register)
    }

    fn slow(&mut self, least: Duration) -> Result<Set, Fault> {
        let params = nominal();
        let mut slow = Set::new();
        for (script, variant) in self.all.clone() {
            let labels = self.suite.scripts[script].variants[variant].clone();
            // One that cannot be made is said to be wrong when it is run.
            let Ok(test) = self.suite.expand(script, &labels, &params) else { continue };
            if Duration::from_micros(duration_hint(&test).max(0).unsigned_abs()) >= least {
                slow.insert((script, variant));
            }
        }
        Ok(slow)
    }

    fn status(&mut self, status: Status) -> Result<Set, Fault> {
        if self.last.is_none() {
            self.last = Some(last::verdicts()?);
        }
        let last = self.last.as_ref().expect("it was read just now");
        Ok(self.keep(|suite, (script, variant)| {
            let file = &suite.scripts[script];
            let was = last.get(&file.test_id(&file.variants[variant]));
            match status {
                Status::Was(verdict) => was == Some(&verdict),
                Status::NotRun => was.is_none(),
            }
        }))
    }

    /// What a name that no test has could have been.
    fn instead(&self, atom: &Atom) -> Option<String> {
        let scripts = || self.suite.scripts.iter();
        let field = |key: &'static str| scripts().flat_map(move |script| script.field(key)).map(str::to_owned);
        let (name, known): (&str, BTreeSet<String>) = match atom {
            Atom::Id(name) => (name, scripts().map(|script| script.id.clone()).collect()),
            Atom::Rule(name) => (name, scripts().flat_map(|s| s.rules()).map(str::to_owned).collect()),
            Atom::Alias(name) => {
                let bare = |word: String| word.split('[').next().map_or(String::new(), str::to_owned);
                (name, field("alias").map(bare).collect())
            }
            Atom::Tag(name) => (name, field("tags").collect()),
            Atom::Profile(name) => (name, field("profile").collect()),
            Atom::Needs(name) => (name, field("needs").collect()),
            Atom::Sut(name) => (name, field("sut").collect()),
            Atom::Label(label) => return self.unlabelled(label),
            Atom::Rfc(..) => {
                let help = "`halfopen coverage` lists the RFCs, `halfopen coverage --rfc N` their sections";
                return Some(help.to_owned());
            }
            Atom::State(_)
            | Atom::All
            | Atom::None
            | Atom::Family(_)
            | Atom::Level(_)
            | Atom::Slow(_)
            | Atom::Status(_) => return None,
        };
        if let Some(near) = nearest(name, known.iter().map(String::as_str)) {
            return Some(format!("did you mean `{near}`?"));
        }
        match (atom, known.len()) {
            (_, 0) => Some("no test has any".to_owned()),
            (Atom::Alias(name), _) => {
                let catalogue = name.split_once(':').map_or(name.as_str(), |(catalogue, _)| catalogue);
                let any = known.iter().any(|alias| alias.starts_with(&format!("{catalogue}:")));
                (!any).then(|| format!("no test has an id of the catalogue `{catalogue}`"))
            }
            (_, 1..20) => Some(format!("there are {}", known.into_iter().collect::<Vec<_>>().join(", "))),
            (_, _) => None,
        }
    }

    /// A label that no script cites: perhaps the register knows it.
    fn unlabelled(&self, label: &str) -> Option<String> {
        let rules = self.register.labelled(label);
        let rule = rules.first()?;
        Some(format!("{label} is {}, which no test decides: `halfopen explain {label}`", rule.id))
    }
}

/// The tags that follow from rules: RFC, and RFC with section.
pub(crate) fn places(rules: &[&str], register: &Register) -> BTreeSet<String> {
    let mut places = BTreeSet::new();
    for id in rules {
        let mut parts = id.split('/');
        let (Some(rfc), section) = (parts.next(), parts.next()) else { continue };
        let known = register.rule(id).map(|rule| rule.section.as_str());
        places.insert(rfc.to_owned());
        places.extend(known.or(section).map(|section| format!("{rfc}:{section}")));
    }
    places
}
