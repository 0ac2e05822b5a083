//! All bugs in one build: each function that has one gets a twin with it, and calls the twin while the bug is switched on.
//!
//! This reads Rust as `rustfmt` lays it out, and no more of it than the stack needs: a function begins on a line of its own, its parameters have
//! names, its braces match.

use super::Mutant;
use crate::step::Fault;

/// What the stack's crate gets: the number of the bug that is on.
pub(super) const SWITCH: &str = "
/// The seeded bug that is on.
pub static SEEDED: core::sync::atomic::AtomicU32 = core::sync::atomic::AtomicU32::new(0);

pub(crate) fn seeded(number: u32) -> bool {
    SEEDED.load(core::sync::atomic::Ordering::Relaxed) == number
}
";

/// As the example `hunt` has it, and as it is in the copy.
pub(super) const SETTER: [&str; 2] = [
    "fn switch_on(_bug: u32) {}",
    "fn switch_on(bug: u32) { halfopen_stack::SEEDED.store(bug, std::sync::atomic::Ordering::Relaxed) }",
];

/// A file with all of its bugs.
pub(super) fn switched(text: &str, bugs: &[&Mutant]) -> Result<String, Fault> {
    // What is put in, or taken out, and where.
    let mut edits: Vec<(usize, usize, String)> = Vec::new();
    for bug in bugs {
        let number = bug.number;
        let at = text.find(&bug.find).ok_or_else(|| format!("bug {number}: its text is not in {}", bug.file))?;
        let function = Function::around(text, at).ok_or_else(|| format!("bug {number}: no function is around it"))?;
        if at + bug.find.len() > function.end {
            return Err(format!("bug {number}: its text goes beyond a function"));
        }
        let twin = format!("{}_with_bug_{number}", function.name);
        let head = text[function.start..function.name_at].replace("const fn", "fn");
        let rest = text[function.name_at + function.name.len()..function.end].replacen(&bug.find, &bug.replace, 1);
        edits.push((function.end, 0, format!("\n\n{head}{twin}{rest}")));
        let call = format!("\nif crate::seeded({number}) {{ return {}; }}\n", function.call(&twin));
        edits.push((function.body, 0, call));
        if let Some(constant) = text[function.start..function.name_at].find("const fn") {
            let edit = (function.start + constant, "const ".len(), String::new());
            if !edits.contains(&edit) {
                edits.push(edit);
            }
        }
    }
    // From the end on, so that places stay.
    edits.sort_by_key(|(at, ..)| *at);
    let mut whole = text.to_owned();
    for (at, cut, put) in edits.iter().rev() {
        whole.replace_range(*at..at + cut, put);
    }
    Ok(whole)
}

/// A function in a text.
struct Function<'a> {
    /// Where its line begins, and where its name does.
    start: usize,
    name_at: usize,
    name: &'a str,
    /// Behind the brace that opens its body, and behind the one that closes it.
    body: usize,
    end: usize,
    /// What its parameters are called.
    parameters: Vec<&'a str>,
    /// It is inside an `impl`.
    is_associated: bool,
}

impl<'a> Function<'a> {
    /// The innermost one whose body has this place.
    fn around(text: &'a str, at: usize) -> Option<Self> {
        let mut before = at;
        loop {
            let keyword = text[..before].rfind("fn ")?;
            before = keyword;
            let start = text[..keyword].rfind('\n').map_or(0, |line| line + 1);
            let qualified =
                text[start..keyword].split_whitespace().all(|word| word == "const" || word.starts_with("pub"));
            if !qualified {
                continue;
            }
            let function = Self::at(text, start, keyword + "fn ".len());
            if let Some(function) = function.filter(|function| (function.body..function.end).contains(&at)) {
                return Some(function);
            }
        }
    }

    fn at(text: &'a str, start: usize, name_at: usize) -> Option<Self> {
        let rest = &text[name_at..];
        let name = &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_')?];
        let open = name_at + rest.find('(')?;
        let close = open + matching(&text[open..], '(', ')')?;
        let brace = close + text[close..].find('{')?;
        let end = brace + matching(&text[brace..], '{', '}')?;
        let parameters: Option<Vec<&str>> = parts(&text[open + 1..close - 1]).into_iter().map(called).collect();
        let is_associated = text[start..].starts_with(' ');
        Some(Self { start, name_at, name, body: brace + 1, end, parameters: parameters?, is_associated })
    }

    /// The call of its twin.
    fn call(&self, twin: &str) -> String {
        let others: Vec<&str> = self.parameters.iter().copied().filter(|name| *name != "self").collect();
        let own = match (self.parameters.contains(&"self"), self.is_associated) {
            (true, _) => "self.",
            (false, true) => "Self::",
            (false, false) => "",
        };
        format!("{own}{twin}({})", others.join(", "))
    }
}

/// Octets up to and with the bracket that closes the first one.
fn matching(text: &str, open: char, close: char) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        depth += i32::from(c == open) - i32::from(c == close);
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// What stands between commas that are in no bracket.
fn parts(list: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, c) in list.char_indices() {
        match c {
            '(' | '<' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '>' if !list[..at].ends_with('-') => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[from..]);
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// The name of a parameter.
fn called(parameter: &str) -> Option<&str> {
    let name = parameter.split(':').next()?.trim();
    let name = name.rsplit([' ', '&']).next()?;
    name.chars().all(|c| c.is_alphanumeric() || c == '_').then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_with_a_bug_gets_a_twin() {
        let text = "impl A {\n    /// It adds.\n    pub(crate) const fn add(&mut self, mut a: u32, of: impl Fn(u32) -> u32) -> u32 {\n        a + 1\n    }\n}\n";
        let bug = Mutant {
            number: 7,
            name: String::new(),
            oracles: Vec::new(),
            file: "a.rs".to_owned(),
            find: "a + 1".to_owned(),
            replace: "a + 2".to_owned(),
        };
        let expected = "impl A {\n    /// It adds.\n    pub(crate) fn add(&mut self, mut a: u32, of: impl Fn(u32) -> u32) -> u32 {\n\
             if crate::seeded(7) { return self.add_with_bug_7(a, of); }\n\n        a + 1\n    }\n\n    pub(crate) fn \
             add_with_bug_7(&mut self, mut a: u32, of: impl Fn(u32) -> u32) -> u32 {\n        a + 2\n    }\n}\n";
        assert_eq!(switched(text, &[&bug]).unwrap(), expected);
    }
}
