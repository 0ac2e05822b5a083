//! What is wrong with a script, where, and what would have been right.

use crate::ast::Span;
use crate::sources::Sources;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

/// One fault of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable word for the sort of fault, e.g. `inconsistent-length`.
    pub code: &'static str,
    /// What is wrong, in a clause without a full stop.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What would have been accepted there; printed beside the caret.
    pub expected: Vec<String>,
    /// What to do about it.
    pub help: Option<String>,
    /// Other places that matter, with a word on each.
    pub secondary: Vec<(Span, String)>,
}

impl Diagnostic {
    /// A fault with nothing but its place.
    pub fn new(code: &'static str, message: impl Into<String>, span: Span) -> Self {
        Self { code, message: message.into(), span, expected: Vec::new(), help: None, secondary: Vec::new() }
    }

    /// Says what would have been accepted.
    #[must_use]
    pub fn expecting<T: Into<String>>(mut self, expected: impl IntoIterator<Item = T>) -> Self {
        self.expected = expected.into_iter().map(Into::into).collect();
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Points at another place that matters.
    #[must_use]
    pub fn also(mut self, span: Span, label: impl Into<String>) -> Self {
        self.secondary.push((span, label.into()));
        self
    }

    /// The text beside the caret.
    fn label(&self) -> Option<String> {
        match self.expected.as_slice() {
            [] => None,
            [one] => Some(format!("expected {one}")),
            [init @ .., last] => Some(format!("expected {} or {last}", init.join(", "))),
        }
    }
}

/// Prints diagnostics as a person reads them: `file:line:column`, the line, a caret, what would have been accepted.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let reports = diagnostics.iter().map(|diagnostic| renderer.render(&report(diagnostic, sources)));
    reports.collect::<Vec<_>>().join("\n\n")
}

fn report<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Vec<Group<'a>> {
    let file = diagnostic.span.file;
    let primary = AnnotationKind::Primary.span(clamp(diagnostic.span, sources)).label(diagnostic.label());
    let here = diagnostic.secondary.iter().filter(|(span, _)| span.file == file);
    let notes = here.map(|(span, label)| context(*span, label, sources));
    let snippet = Snippet::source(sources.text(file)).path(sources.name(file)).annotation(primary).annotations(notes);
    let mut group = Level::ERROR.primary_title(&diagnostic.message).id(diagnostic.code).element(snippet);
    for (span, label) in diagnostic.secondary.iter().filter(|(span, _)| span.file != file) {
        let elsewhere = Snippet::source(sources.text(span.file)).path(sources.name(span.file));
        group = group.element(elsewhere.annotation(context(*span, label, sources)));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help));
    }
    vec![group]
}

fn context<'a>(span: Span, label: &'a str, sources: &Sources) -> Annotation<'a> {
    AnnotationKind::Context.span(clamp(span, sources)).label(label)
}

/// The span as the renderer wants it: inside the text, on character boundaries.
fn clamp(span: Span, sources: &Sources) -> std::ops::Range<usize> {
    let text = sources.text(span.file);
    let start = text.floor_char_boundary(span.start as usize);
    start..text.ceil_char_boundary((span.end as usize).max(start)).min(text.len())
}
