//! Every rule of RFC 9293 that the stack cites stands in the register.

use halfopen_stack::rules;
use std::collections::BTreeSet;

#[test]
fn cited_rules_are_registered() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../specs/rfc9293/rules.toml");
    let register: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    let registered: BTreeSet<&str> =
        register["rule"].as_array().unwrap().iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    let unknown: Vec<&str> = rules::all().filter(|id| id.starts_with("rfc9293/") && !registered.contains(id)).collect();
    assert!(unknown.is_empty(), "not in the register: {unknown:#?}");
    assert!(rules::all().count() > 150);
}

#[test]
fn no_rule_is_listed_twice() {
    let mut seen = BTreeSet::new();
    for id in rules::all() {
        assert!(seen.insert(id), "{id}");
    }
}
