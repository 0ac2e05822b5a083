//! A script and one of its variants make a test.

use crate::ast::Script;
use crate::diagnostics::Diagnostic;
use crate::sources::Sources;
use crate::test::{Family, Test};

/// One choice of address family and a label per axis.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Variant {
    /// Address family.
    pub family: Family,
    /// `(axis, label)` in the order of the `vary` lines.
    pub labels: Vec<(String, String)>,
}

/// How `use` finds its files.
pub trait Library {
    /// Name and text of the file that holds a fixture.
    fn fixture(&self, name: &str) -> Option<(String, String)>;
}

/// A library without fixtures.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFixtures;

impl Library for NoFixtures {
    fn fixture(&self, _: &str) -> Option<(String, String)> {
        None
    }
}

/// Every variant of a script: the product of its families and `vary` lines, in order.
pub fn variants(script: &Script) -> Vec<Variant> {
    let _ = script;
    Vec::new()
}

/// Resolves one variant. `params` are the SUT's own names, in microseconds.
pub fn expand(
    path_id: &str,
    script: &Script,
    variant: &Variant,
    sources: &mut Sources,
    library: &dyn Library,
    params: &[(String, i64)],
) -> Result<Test, Vec<Diagnostic>> {
    let _ = (path_id, script, variant, sources, library, params);
    Err(vec![Diagnostic::new("unsupported", "expansion is not written yet", crate::ast::Span::default())])
}

/// Microseconds that the scripted times sum to: about how long the test takes on a real clock.
pub fn duration_hint(test: &Test) -> i64 {
    test.steps.len() as i64
}
