//! Tree to text, in the canonical layout. Nodes print themselves by [`std::fmt::Display`], in script notation, so that a
//! trace or a failure shows a segment as a script would have it.

mod calls;
pub mod events;
mod packets;
mod plain;

pub use plain::to_packetdrill;

use crate::ast::{Header, Item, Label, OptionLine, Script, Spanned, Value, Variation};
use std::fmt::{Display, Write};

/// Widest line of a wrapped sentence.
const WIDTH: usize = 120;

/// Prints a script. `parse(print(x)) == x`.
pub fn print(script: &Script) -> String {
    let mut parts = vec![header(&script.header), comments(script)];
    parts.push(lines(&script.options));
    parts.push(lines(&script.variations));
    let command =
        |command: &Option<Spanned<String>>| command.as_ref().map_or_else(String::new, |c| format!("`{}`\n", c.node));
    parts.push(command(&script.init));
    let mut body = String::new();
    items(&mut body, &script.items, 0);
    parts.push(body);
    parts.push(command(&script.cleanup));
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

fn lines<T: Display>(nodes: &[T]) -> String {
    nodes.iter().map(|node| format!("{node}\n")).collect()
}

fn comments(script: &Script) -> String {
    let mut text = String::new();
    let none_above = script.header == Header::default();
    if none_above && script.comments.first().is_some_and(|line| line.starts_with(['=', ':'])) {
        // On the first line it would be a header.
        text.push('\n');
    }
    for line in &script.comments {
        text.push_str(&format!("//{line}\n"));
    }
    text
}

pub(crate) fn header(header: &Header) -> String {
    let mut text = String::new();
    if let Some(level) = &header.level {
        text.push_str("//=");
        for rule in &header.rules {
            text.push_str(&format!(" {}", rule.node));
        }
        text.push_str(&format!(" {}\n", level.node));
    }
    if header.level.is_none() {
        fields(&mut text, header);
    }
    let mut line = String::new();
    for word in header.sentence.split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && line.len() + 4 + word.len() > WIDTH {
            text.push_str(&format!("//{line}\n"));
            line.clear();
        }
        line.push(' ');
        line.push_str(word);
    }
    if !line.is_empty() {
        text.push_str(&format!("//{line}\n"));
    }
    if header.level.is_some() {
        fields(&mut text, header);
    }
    text
}

fn fields(text: &mut String, header: &Header) {
    for field in &header.fields {
        let words = field.words.iter().map(|word| word.node.as_str()).collect::<Vec<_>>().join(" ");
        text.push_str(&format!("//: {} {words}\n", field.key.node));
    }
}

fn items(out: &mut String, list: &[Item], depth: usize) {
    let indent = "  ".repeat(depth);
    let mut after_comment = true;
    for item in list {
        let is_comment = matches!(item, Item::Comment(_));
        if is_comment && !after_comment {
            out.push('\n');
        }
        after_comment = is_comment;
        match item {
            Item::Event(event) => line(out, &indent, event),
            Item::Use(used) => {
                let dollar = if used.by_axis { "$" } else { "" };
                line(out, &indent, format_args!("use {dollar}{}", used.name.node));
            }
            Item::Let(name, value) => line(out, &indent, format_args!("let {} = {value}", name.node)),
            Item::IfDefined(symbol, kept) => {
                line(out, &indent, format_args!("#ifdef {}", symbol.node));
                items(out, kept, depth);
                line(out, &indent, "#endif");
            }
            Item::Comment(text) => line(out, &indent, format_args!("//{text}")),
            Item::When(when) => {
                let labels = when.labels.iter().map(|label| label.node.as_str()).collect::<Vec<_>>().join(" ");
                line(out, &indent, format_args!("when {} = {labels} {{", when.axis.node));
                items(out, &when.then, depth + 1);
                if !when.otherwise.is_empty() {
                    line(out, &indent, "} else {");
                    items(out, &when.otherwise, depth + 1);
                }
                line(out, &indent, "}");
            }
            Item::Any(any) => {
                for (index, branch) in any.branches.iter().enumerate() {
                    line(out, &indent, if index == 0 { "any {" } else { "} or {" });
                    items(out, branch, depth + 1);
                }
                line(out, &indent, "}");
            }
        }
    }
}

fn line(out: &mut String, indent: &str, node: impl Display) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{indent}{node}");
}

impl Display for OptionLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "--{}", self.name.node)?;
        let Some(value) = &self.value else { return Ok(()) };
        let spaced = value.node.is_empty() || value.node.contains(char::is_whitespace);
        if spaced && !value.node.contains(['"', '`']) {
            write!(f, "=\"{}\"", value.node)
        } else {
            write!(f, "={}", value.node)
        }
    }
}

impl Display for Variation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "vary {}:", self.axis.node)?;
        self.labels.iter().try_for_each(|label| write!(f, " {label}"))
    }
}

impl Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name.node)?;
        for (index, (name, value)) in self.bindings.iter().enumerate() {
            write!(f, "{}{}={value}", if index == 0 { "(" } else { ", " }, name.node)?;
        }
        if self.bindings.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Num(num) => write!(f, "{num}"),
            Self::Word(word) => f.write_str(&word.node),
        }
    }
}
