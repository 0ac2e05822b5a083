//! Every rule that the stack cites stands in a register.

use halfopen_stack::rules;
use std::collections::BTreeSet;

/// Ids of all registers, `specs/rfcNNNN/rules.toml`.
fn registered() -> BTreeSet<String> {
    let specs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../specs");
    let mut ids = BTreeSet::new();
    for folder in std::fs::read_dir(specs).unwrap() {
        let Ok(text) = std::fs::read_to_string(folder.unwrap().path().join("rules.toml")) else { continue };
        let register: toml::Table = text.parse().unwrap();
        ids.extend(register["rule"].as_array().unwrap().iter().map(|rule| rule["id"].as_str().unwrap().to_owned()));
    }
    ids
}

#[test]
fn cited_rules_are_registered() {
    let registered = registered();
    let unknown: Vec<&str> = rules::all().filter(|id| !registered.contains(*id)).collect();
    assert!(unknown.is_empty(), "in no register: {unknown:#?}");
    assert!(rules::all().count() > 150);
}

#[test]
fn no_rule_is_listed_twice() {
    let mut seen = BTreeSet::new();
    for id in rules::all() {
        assert!(seen.insert(id), "{id}");
    }
}
