//! A script and one of its variants make a test: fixtures spliced in, parts chosen, names resolved.

mod order;
mod resolve;
mod scope;
mod variants;

pub use order::duration_hint;
pub use variants::{Variant, families, variants, variants_over};

use crate::ast::{Item, Script, Span, Spanned, Use, When};
use crate::diagnostics::Diagnostic;
use crate::parse::parse;
use crate::sources::Sources;
use crate::suggest::nearest;
use crate::test::{Step, Test, TestId};
use resolve::Resolver;
use scope::Scope;

/// How `use` finds its files.
pub trait Library {
    /// Name and text of the file that holds a fixture.
    fn fixture(&self, name: &str) -> Option<(String, String)>;

    /// Names of the fixtures there are, for suggestions.
    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A library without fixtures.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFixtures;

impl Library for NoFixtures {
    fn fixture(&self, _: &str) -> Option<(String, String)> {
        None
    }
}

/// Resolves one variant. `params` are the SUT's own names and their values in microseconds.
///
/// Errors: everything that is wrong with this variant, in the order of the lines; the script's author is at fault.
pub fn expand(
    path_id: &str,
    script: &Script,
    variant: &Variant,
    sources: &mut Sources,
    library: &dyn Library,
    params: &[(String, i64)],
) -> Result<Test, Vec<Diagnostic>> {
    let scope = Scope::new(script, variant, params);
    let mut expander = Expander {
        script,
        variant,
        sources,
        library,
        resolver: Resolver { scope, faults: Vec::new(), family: variant.family },
        options: options(script),
        using: Vec::new(),
    };
    let mut steps = Vec::new();
    expander.items(&script.items, &mut steps);
    let init = script.init.as_ref().map(|command| expander.command(command));
    let cleanup = script.cleanup.as_ref().map(|command| expander.command(command));
    let Expander { resolver, options, .. } = expander;
    let mut faults = resolver.faults;
    order::check(&steps, &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    let id = TestId { path: path_id.to_owned(), family: variant.family, labels: variant.labels.clone() };
    Ok(Test { id, header: script.header.clone(), options, init, steps, cleanup })
}

/// Everything that is wrong with any variant of a script, each fault once.
pub fn check(
    script: &Script,
    sources: &mut Sources,
    library: &dyn Library,
    params: &[(String, i64)],
) -> Vec<Diagnostic> {
    let mut faults: Vec<Diagnostic> = Vec::new();
    for variant in variants(script) {
        let Err(found) = expand("", script, &variant, sources, library, params) else { continue };
        for fault in found {
            let known = |other: &Diagnostic| {
                let place = |span: Span| (span.file, span.start, span.end);
                other.code == fault.code && place(other.span) == place(fault.span)
            };
            if !faults.iter().any(known) {
                faults.push(fault);
            }
        }
    }
    faults
}

fn options(script: &Script) -> Vec<(String, String)> {
    let value = |value: &Spanned<String>| value.node.clone();
    let lines = script.options.iter();
    lines.map(|line| (line.name.node.clone(), line.value.as_ref().map(value).unwrap_or_default())).collect()
}

struct Expander<'a> {
    script: &'a Script,
    variant: &'a Variant,
    sources: &'a mut Sources,
    library: &'a dyn Library,
    resolver: Resolver,
    options: Vec<(String, String)>,
    /// Fixtures that are being spliced in, outermost first.
    using: Vec<String>,
}

impl Expander<'_> {
    fn fault(&mut self, fault: Diagnostic) {
        self.resolver.faults.push(fault);
    }

    fn command(&self, command: &Spanned<String>) -> Spanned<String> {
        Spanned { node: self.resolver.scope.substitute(&command.node), span: command.span }
    }

    fn items(&mut self, items: &[Item], steps: &mut Vec<Step>) {
        for item in items {
            match item {
                Item::Comment(_) => {}
                Item::Event(event) => {
                    let mut event = event.clone();
                    self.resolver.event(&mut event);
                    steps.push(Step::Event(event));
                }
                Item::Let(name, value) => self.resolver.bind(name, value),
                Item::IfDefined(symbol, kept) => {
                    if self.resolver.scope.definition(&symbol.node).is_some() {
                        self.items(kept, steps);
                    }
                }
                Item::Use(used) => self.fixture(used, steps),
                Item::When(when) => match self.holds(when) {
                    Some(true) => self.items(&when.then, steps),
                    Some(false) => self.items(&when.otherwise, steps),
                    None => {}
                },
                Item::Any(any) => {
                    let mut branches = Vec::new();
                    for branch in &any.branches {
                        // What a branch binds is known in the branch only: another one may be taken.
                        let mark = self.resolver.scope.mark();
                        let mut branch_steps = Vec::new();
                        self.items(branch, &mut branch_steps);
                        self.resolver.scope.release(mark);
                        order::branch(&branch_steps, any.span, &mut self.resolver.faults);
                        branches.push(branch_steps);
                    }
                    order::branches(&branches, any.span, &mut self.resolver.faults);
                    steps.push(Step::Any(branches));
                }
            }
        }
    }

    /// Whether the variant has one of the labels; `None` when the question makes no sense.
    fn holds(&mut self, when: &When) -> Option<bool> {
        let axis = when.axis.node.as_str();
        let family = ["v4", "v6", "mapped"];
        let declared = self.script.variations.iter().find(|variation| variation.axis.node == axis);
        let (chosen, known): (String, Vec<&str>) = match declared {
            _ if axis == "family" => (self.variant.family.to_string(), family.to_vec()),
            Some(variation) => {
                let known = variation.labels.iter().map(|label| label.name.node.as_str()).collect();
                (self.variant.label(axis)?.to_owned(), known)
            }
            None => {
                let axes = self.script.variations.iter().map(|variation| variation.axis.node.as_str());
                let axes: Vec<&str> = axes.chain(["family"]).collect();
                let mut fault = Diagnostic::new("unknown-axis", format!("no axis `{axis}` varies"), when.axis.span);
                fault.help = nearest(axis, axes.iter().copied()).map(|near| format!("did you mean `{near}`?"));
                let fault = fault.expecting(axes.iter().map(|axis| format!("`{axis}`")));
                self.fault(fault);
                return None;
            }
        };
        let unknown = when.labels.iter().filter(|label| !known.contains(&label.node.as_str()));
        let faults = unknown.map(|label| {
            let message = format!("axis `{axis}` has no label `{}`", label.node);
            let mut fault = Diagnostic::new("unknown-label", message, label.span);
            fault.help = nearest(&label.node, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            fault.expecting(known.iter().map(|label| format!("`{label}`")))
        });
        let faults: Vec<_> = faults.collect();
        self.resolver.faults.extend(faults);
        Some(when.labels.iter().any(|label| label.node == chosen))
    }

    /// Splices a fixture in.
    fn fixture(&mut self, used: &Use, steps: &mut Vec<Step>) {
        let span = used.name.span;
        let name = if used.by_axis {
            let Some(label) = self.variant.label(&used.name.node) else {
                let message = format!("no axis `{}` varies", used.name.node);
                return self.fault(Diagnostic::new("unknown-axis", message, span));
            };
            label.to_owned()
        } else {
            used.name.node.clone()
        };
        if self.using.contains(&name) {
            let way = format!("{} uses {name}", self.using.join(" uses "));
            return self.fault(Diagnostic::new("fixture-cycle", "a fixture uses itself", span).help(way));
        }
        let Some((path, text)) = self.library.fixture(&name) else {
            let names = self.library.names();
            let mut fault = Diagnostic::new("unknown-fixture", format!("there is no fixture `{name}`"), span);
            fault.help = nearest(&name, names.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
            return self.fault(fault);
        };
        let file = self.sources.add(path, text);
        let fixture = match parse(self.sources, file) {
            Ok(fixture) => fixture,
            Err(faults) => return self.resolver.faults.extend(faults),
        };
        let bare = fixture.header == crate::ast::Header::default()
            && fixture.variations.is_empty()
            && fixture.init.is_none()
            && fixture.cleanup.is_none();
        if !bare {
            let message = format!("fixture `{name}` has more than option lines, events and names");
            let fault = Diagnostic::new("fixture", message, span);
            return self
                .fault(fault.help("header, `vary` and commands without a time belong to the script that uses it"));
        }
        self.options.splice(0..0, options(&fixture));
        self.using.push(name);
        self.items(&fixture.items, steps);
        self.using.pop();
    }
}
