//! Words for engines that mangle octets: a record of every event, and numbers that stacks compare with.

use super::random::{self, Random};
use super::{At, Event, Program, edges};
use std::collections::BTreeMap;
use std::fmt::Write;

/// A dictionary in libFuzzer's and AFL's form.
#[must_use]
pub fn text() -> String {
    let mut text = String::from("# Written by `UPDATE_EXPECT=1 cargo test -p halfopen-fuzz`.\n");
    let mut known: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
    let mut random = Random::new(1);
    while known.len() < Event::KINDS.len() {
        let event = random::event(&mut random, At::default());
        let encoded = Program { events: vec![event], ..Program::default() }.encode();
        let bare = Program::default().encode().len();
        known.entry(event.tag()).or_insert_with(|| encoded[bare..].to_vec());
    }
    for (tag, kind) in Event::KINDS {
        line(&mut text, &kind.replace('-', "_"), &known[tag]);
    }
    for window in edges::WINDOWS.iter().skip(1) {
        line(&mut text, &format!("window_{window}"), &window.to_le_bytes());
    }
    for micros in edges::MICROS {
        line(&mut text, &format!("micros_{micros}"), &micros.to_le_bytes());
    }
    text
}

fn line(text: &mut String, name: &str, octets: &[u8]) {
    let hex: String = octets.iter().map(|octet| format!("\\x{octet:02x}")).collect();
    let _ = writeln!(text, "{name}=\"{hex}\"");
}

#[cfg(test)]
mod tests {
    #[test]
    fn committed_dictionary_is_what_this_module_writes() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/state_machine.dict");
        let text = super::text();
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(file, &text).expect("a writable folder");
        }
        assert_eq!(std::fs::read_to_string(file).unwrap_or_default(), text, "run with UPDATE_EXPECT=1");
    }
}
