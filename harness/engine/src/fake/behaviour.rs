//! What a fake does to which test.

use crate::packet::{Body, Datagram};
use std::str::FromStr;

/// What a fake does to a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Behaviour {
    /// What the script says.
    #[default]
    Pass,
    /// The first datagram is another one.
    Fail,
    /// It sends nothing and returns from no call.
    Hang,
    /// It says that it died.
    Crash,
    /// It panics.
    Panic,
    /// It is late the first time that it runs a test, and passes from then on.
    Flake,
    /// The first datagram comes 0.3 s late.
    Late,
    /// It reports a lost datagram.
    Lossy,
    /// It declares that it lacks something.
    Lacks,
    /// Its environment refuses it.
    Refuses,
}

const WORDS: [(&str, Behaviour); 10] = [
    ("pass", Behaviour::Pass),
    ("fail", Behaviour::Fail),
    ("hang", Behaviour::Hang),
    ("crash", Behaviour::Crash),
    ("panic", Behaviour::Panic),
    ("flake", Behaviour::Flake),
    ("late", Behaviour::Late),
    ("lossy", Behaviour::Lossy),
    ("lacks", Behaviour::Lacks),
    ("refuses", Behaviour::Refuses),
];

/// Which behaviour for which test: the first rule whose text is part of the test's id; none: pass.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules(Vec<(String, Behaviour)>);

/// A word that names no behaviour.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no behaviour of the fake; there are pass, fail, hang, crash, panic, flake, late, lossy, lacks, refuses"
)]
pub struct SpecError(String);

impl Rules {
    /// The behaviour for a test.
    pub fn of(&self, id: &str) -> Behaviour {
        self.0.iter().find(|(part, _)| id.contains(part.as_str())).map_or(Behaviour::Pass, |(_, behaviour)| *behaviour)
    }
}

impl FromStr for Rules {
    type Err = SpecError;

    /// `hang=rst,crash=syn,fail`: words with the part of an id that they apply to, or to every id.
    fn from_str(spec: &str) -> Result<Self, SpecError> {
        let rule = |rule: &str| {
            let (word, part) = rule.split_once('=').unwrap_or((rule, ""));
            let found = WORDS.iter().find(|(known, _)| *known == word.trim());
            found.map(|(_, behaviour)| (part.trim().to_owned(), *behaviour)).ok_or_else(|| SpecError(word.to_owned()))
        };
        spec.split(',').filter(|part| !part.trim().is_empty()).map(rule).collect::<Result<_, _>>().map(Self)
    }
}

/// Turns a segment into one that no line expects: another window, number and flag.
pub(super) fn spoil(datagram: &mut Datagram) {
    if let Body::Tcp(tcp) = &mut datagram.body {
        tcp.seq = tcp.seq.wrapping_add(7);
        tcp.flags ^= crate::packet::tcp::flag::PSH;
    }
    datagram.complete();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_fits_counts() {
        let rules: Rules = "hang=/rst,fail=rfc, crash".parse().unwrap();
        assert_eq!(rules.of("rfc9293/rst[v4]"), Behaviour::Hang);
        assert_eq!(rules.of("rfc9293/syn[v4]"), Behaviour::Fail);
        assert_eq!(rules.of("other[v4]"), Behaviour::Crash);
        assert_eq!(Rules::default().of("x"), Behaviour::Pass);
        assert!("explode".parse::<Rules>().unwrap_err().to_string().contains("`explode`"));
    }
}
