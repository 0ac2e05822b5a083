//! A TextMate grammar: what VS Code, Sublime Text, IntelliJ and GitHub's highlighter read.

use halfopen_script::keywords::Keywords;
use serde_json::{Value, json};

/// The grammar, as JSON. The first pattern that matches at a place wins.
pub(super) fn grammar(words: &Keywords) -> String {
    let mut patterns = regions();
    patterns.extend(lines(words));
    patterns.extend(tokens(words));
    let grammar = json!({
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "comment": "Written by `cargo ci editors`.",
        "name": "packetdrill",
        "scopeName": "source.packetdrill",
        "fileTypes": ["pkt"],
        "patterns": patterns,
    });
    // Keys come out sorted, so that equal words make an equal file.
    serde_json::to_string_pretty(&grammar).unwrap_or_default() + "\n"
}

fn rule(scope: &str, matches: &str) -> Value {
    json!({ "name": format!("{scope}.packetdrill"), "match": matches })
}

fn alternatives(words: &[&str]) -> String {
    format!("(?:{})", words.join("|"))
}

/// One of some words, whole.
fn words(scope: &str, list: &[&str]) -> Value {
    rule(scope, &format!("(?<![\\w$.-]){}(?![\\w-])", alternatives(list)))
}

/// Comments, strings, code.
fn regions() -> Vec<Value> {
    vec![
        rule("comment.line.documentation", "^//[=:].*$"),
        rule("comment.line.double-slash", "//.*$"),
        json!({ "name": "comment.block.packetdrill", "begin": "/\\*", "end": "\\*/" }),
        json!({
            "begin": "%\\{", "end": "\\}%", "name": "meta.embedded.block.python",
            "beginCaptures": { "0": { "name": "punctuation.section.embedded.begin.packetdrill" } },
            "endCaptures": { "0": { "name": "punctuation.section.embedded.end.packetdrill" } },
            // With one of its own, an editor without Python still knows where a block is.
            "patterns": [rule("keyword.control.flow", "\\b(?:assert|print|and|or|not)\\b"), { "include": "source.python" }],
        }),
        json!({
            "begin": "`", "end": "`", "name": "string.interpolated.shell.packetdrill",
            "patterns": [rule("constant.character.escape", "\\\\."), rule("variable.other", "\\$\\{[\\w.]+\\}")],
        }),
        json!({
            "begin": "\"", "end": "\"|$", "name": "string.quoted.double.packetdrill",
            "patterns": [rule("constant.character.escape", "\\\\(?:x[0-9a-fA-F]{2}|.)")],
        }),
    ]
}

/// What stands at the beginning of a line.
fn lines(words: &Keywords) -> Vec<Value> {
    let captures = |scopes: &[&str]| -> Value {
        let numbered = scopes
            .iter()
            .enumerate()
            .map(|(index, scope)| ((index + 1).to_string(), json!({ "name": format!("{scope}.packetdrill") })));
        Value::Object(numbered.collect())
    };
    let options = alternatives(&words.option_lines);
    vec![
        json!({
            "match": format!("(--{options})(?![\\w])(?:(=)(\\S+))?"),
            "captures": captures(&["keyword.other.option", "keyword.operator.assignment", "string.unquoted"]),
        }),
        json!({
            "match": "^\\s*(#\\s*(?:ifdef|endif))(?:\\s+(\\w+))?",
            "captures": captures(&["keyword.control.directive", "entity.name.constant"]),
        }),
        json!({
            "match": format!("^\\s*({})\\b", alternatives(&words.statements)),
            "captures": captures(&["keyword.control"]),
        }),
        json!({
            "match": format!("(\\}})\\s*({})\\b", alternatives(&words.branches)),
            "captures": captures(&["punctuation.section.block", "keyword.control"]),
        }),
        json!({
            "match": "^\\s*(\\*|\\+?(?:[\\d.]+|\\$[\\w.]+(?:[+-][\\d.]+)?)(?:~\\+?[\\d.]+|\\.\\.\\.[\\d.]+)?)(?=\\s)",
            "captures": captures(&["constant.numeric.time"]),
        }),
    ]
}

/// The words of packets and calls.
fn tokens(keywords: &Keywords) -> Vec<Value> {
    vec![
        words("keyword.control.silent", &["silent"]),
        rule("keyword.operator.direction", "(?<=\\s)[<>](?=[\\s\\[(])"),
        rule("storage.type.flags", "(?<=[\\s])(?:[FSRPUEWA]+\\s*\\.?[0-7]?|\\.[0-7]?|-)(?=\\s+[\\d$A-Z.]+(?::|\\())"),
        rule("variable.other", "\\$[\\w]+(?:\\.\\w+)*"),
        rule("constant.language.ellipsis", "\\.\\.\\."),
        rule("support.function.call", &format!("\\b{}(?=\\s*\\()", alternatives(&keywords.calls))),
        words("support.constant", &keywords.constants),
        words("support.type.option", &keywords.tcp_options),
        words("storage.type.header", &keywords.headers),
        words("keyword.other.field", &keywords.fields),
        words("keyword.other.ip", &keywords.ip_words),
        words("support.constant.icmp", &keywords.icmp),
        rule("constant.numeric", "\\b(?:0x[0-9a-fA-F]+|\\d+(?:\\.\\d+)?)\\b"),
    ]
}
