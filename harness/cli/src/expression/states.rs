//! In which states a test meets its connection.
//!
//! Derived, so that it needs no upkeep: a label of the variant that names a state decides. Otherwise it is the states that the fixtures of the script
//! bring a connection to, and those that its own lines go on to: `listen`, `connect` or a SYN from the SUT, `accept`. A script without any of them asks a closed port.

use crate::specs::Specs;
use crate::suite::ScriptFile;
use halfopen_script::ast::{Action, Any, ArgKind, Body, Direction, Event, Flags, Item, Script, When};
use halfopen_script::{Sources, Variant, parse};
use std::collections::{BTreeMap, BTreeSet};

/// The states of RFC 9293 3.3.2, in its order.
pub(super) const STATES: [&str; 11] = [
    "LISTEN",
    "SYN-SENT",
    "SYN-RECEIVED",
    "ESTABLISHED",
    "FIN-WAIT-1",
    "FIN-WAIT-2",
    "CLOSE-WAIT",
    "CLOSING",
    "LAST-ACK",
    "TIME-WAIT",
    "CLOSED",
];

/// The states of tests; remembers what it knows of fixtures.
#[derive(Debug)]
pub struct States<'a> {
    specs: &'a Specs,
    fixtures: BTreeMap<String, BTreeSet<&'static str>>,
}

impl<'a> States<'a> {
    /// Fixtures are those of the specs.
    pub fn new(specs: &'a Specs) -> Self {
        Self { specs, fixtures: BTreeMap::new() }
    }

    /// The states of a variant.
    pub fn of(&mut self, script: &ScriptFile, variant: &Variant) -> BTreeSet<&'static str> {
        let labels: BTreeSet<_> = variant.labels.iter().filter_map(|(_, label)| named(label)).collect();
        if !labels.is_empty() {
            return labels;
        }
        let Some(tree) = &script.script else { return BTreeSet::new() };
        self.walk(tree, Some(variant))
    }

    fn walk(&mut self, script: &Script, variant: Option<&Variant>) -> BTreeSet<&'static str> {
        let mut walk = Walk { states: self, variant, found: BTreeSet::new(), answered: false };
        walk.items(&script.items);
        if walk.found.is_empty() {
            walk.found.insert("CLOSED");
        }
        walk.found
    }

    /// The state that a fixture is named for, or the last one that it goes to.
    fn fixture(&mut self, name: &str) -> BTreeSet<&'static str> {
        if let Some(state) = named(name) {
            return [state].into();
        }
        if let Some(known) = self.fixtures.get(name) {
            return known.clone();
        }
        // A fixture that uses itself is a fault of the script, which is said elsewhere.
        self.fixtures.insert(name.to_owned(), BTreeSet::new());
        let text = self.specs.text(&format!("fixtures/{name}.pkt")).unwrap_or_default().to_owned();
        let mut sources = Sources::new();
        let file = sources.add(name, text);
        let through = parse(&sources, file).map(|script| self.walk(&script, None)).unwrap_or_default();
        let last = if through.contains("ESTABLISHED") { ["ESTABLISHED"].into() } else { through };
        self.fixtures.insert(name.to_owned(), last.clone());
        last
    }
}

/// The state that a word names: by itself, or with more behind a hyphen (`FIN-WAIT-1-ORPHAN`).
fn named(word: &str) -> Option<&'static str> {
    let names = |state: &str| word.strip_prefix(state).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    STATES.into_iter().find(|state| names(state))
}

struct Walk<'w, 'a> {
    states: &'w mut States<'a>,
    variant: Option<&'w Variant>,
    found: BTreeSet<&'static str>,
    /// The last segment to the SUT was a SYN,ACK.
    answered: bool,
}

impl Walk<'_, '_> {
    fn items(&mut self, items: &[Item]) {
        for item in items {
            match item {
                Item::Event(event) => self.event(event),
                Item::Use(used) => {
                    let name = match (used.by_axis, self.variant) {
                        (true, Some(variant)) => variant.label(&used.name.node).unwrap_or_default().to_owned(),
                        (_, _) => used.name.node.clone(),
                    };
                    let states = self.states.fixture(&name);
                    self.found.extend(states);
                }
                Item::When(when) => self.items(if self.holds(when) { &when.then } else { &when.otherwise }),
                Item::Any(Any { branches, .. }) => branches.iter().for_each(|branch| self.items(branch)),
                Item::IfDefined(_, items) => self.items(items),
                Item::Let(..) | Item::Comment(_) => {}
            }
        }
    }

    fn holds(&self, when: &When) -> bool {
        let Some(variant) = self.variant else { return true };
        let family = variant.family.to_string();
        let chosen = if when.axis.node == "family" { Some(family.as_str()) } else { variant.label(&when.axis.node) };
        when.labels.iter().any(|label| Some(label.node.as_str()) == chosen)
    }

    fn event(&mut self, event: &Event) {
        match &event.action {
            Action::Call(call) => {
                let result = if let ArgKind::Num(number) = &call.result.kind { number.offset } else { 0 };
                match call.name.node.as_str() {
                    "listen" if result == 0 => drop(self.found.insert("LISTEN")),
                    "connect" => drop(self.found.insert("SYN-SENT")),
                    "accept" | "accept4" if result >= 0 => drop(self.found.insert("ESTABLISHED")),
                    _ => {}
                }
            }
            Action::Packet(packet) => {
                let Body::Tcp(tcp) = &packet.body else { return };
                let Flags::Set(flags) = &tcp.flags.node else { return };
                match packet.direction {
                    Direction::Inbound => self.answered = flags.syn && flags.ack,
                    Direction::Outbound if flags.syn && !flags.ack => drop(self.found.insert("SYN-SENT")),
                    // A client that acknowledges a SYN,ACK is established.
                    Direction::Outbound if self.answered && flags.ack && !flags.rst && !flags.syn => {
                        self.answered = false;
                        if self.found.contains("SYN-SENT") {
                            self.found.insert("ESTABLISHED");
                        }
                    }
                    Direction::Outbound => self.answered = false,
                }
            }
            Action::Command(_) | Action::Code(_) | Action::Silent => {}
        }
    }
}
