//! Where the committed seeds come from. `UPDATE_EXPECT=1 cargo test -p halfopen-fuzz` writes them.

mod endpoint_pair;
mod reassembly;
mod script_parser;
mod segment_parser;
mod state_machine;

use std::path::Path;
use std::{env, fs};

/// A seed: its name and its octets.
pub(crate) type Seed = (&'static str, Vec<u8>);

fn seeds() -> [(&'static str, Vec<Seed>); 9] {
    [
        ("endpoint_pair", endpoint_pair::seeds()),
        ("listener", drawn(200)),
        // A few programs: what is asked is their form.
        ("program_codec", state_machine::seeds().into_iter().step_by(6).collect()),
        ("reassembly", reassembly::seeds()),
        // Set-up, and three choices for each event.
        ("retransmission", drawn(200)),
        ("round_trip", drawn(400)),
        ("script_parser", script_parser::seeds()),
        ("segment_parser", segment_parser::seeds()),
        ("state_machine", state_machine::seeds()),
    ]
}

/// Octets as a generator draws them, for targets whose input is a list of choices: long enough that an engine can change each.
fn drawn(octets: usize) -> Vec<Seed> {
    const NAMES: [&str; 12] = [
        "drawn-one",
        "drawn-two",
        "drawn-three",
        "drawn-four",
        "drawn-five",
        "drawn-six",
        "drawn-seven",
        "drawn-eight",
        "drawn-nine",
        "drawn-ten",
        "drawn-eleven",
        "drawn-twelve",
    ];
    NAMES
        .into_iter()
        .zip(1..)
        .map(|(name, seed)| (name, self::octets(octets, seed)))
        .chain([("quiet", vec![0; octets])])
        .collect()
}

/// So many octets of a seed.
fn octets(count: usize, seed: u64) -> Vec<u8> {
    let mut dice = crate::dice::Dice::of_seed(seed);
    (0..count).map(|_| dice.below(256) as u8).collect()
}

#[test]
fn committed_seeds_are_what_this_crate_makes() {
    let update = env::var_os("UPDATE_EXPECT").is_some();
    for (target, seeds) in seeds() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        for (name, octets) in seeds {
            let file = folder.join(name);
            if update {
                fs::create_dir_all(&folder).expect("a writable folder");
                fs::write(&file, &octets).expect("a writable folder");
            }
            let committed = fs::read(&file).unwrap_or_default();
            assert!(committed == octets, "{} is out of date: run with UPDATE_EXPECT=1", file.display());
        }
    }
}

/// A seed that the codecs refuse at the first octet teaches an engine nothing; each must reach its target's inside.
#[test]
fn seeds_of_the_segment_parser_are_datagrams() {
    for (name, octets) in segment_parser::seeds() {
        assert!(halfopen_engine::packet::Datagram::decode(&octets).is_ok(), "{name}");
    }
}

/// A seed that is refused shows the engine one error path; each must show a part of the language.
#[test]
fn seeds_of_the_script_parser_parse() {
    let mut refused = String::new();
    for (name, octets) in script_parser::seeds() {
        let mut sources = halfopen_script::Sources::new();
        let file = sources.add(name, String::from_utf8(octets).expect("text"));
        if let Err(diagnostics) = halfopen_script::parse::parse(&sources, file) {
            refused += &halfopen_script::render(&diagnostics, &sources, false);
        }
    }
    assert!(refused.is_empty(), "{refused}");
}
