//! The atoms of set expressions: a name and what stands in its parentheses.

use super::Wrong;
use super::states::STATES;
use halfopen_report::record::FinalVerdict;
use halfopen_script::ast::Level;
use halfopen_script::nearest;
use halfopen_script::test::Family;
use std::ops::Range;
use std::time::Duration;

/// Every atom with what it holds.
pub const ATOMS: [(&str, &str); 21] = [
    ("all", ""),
    ("none", ""),
    ("id", "ID|GLOB|FOLDER"),
    ("rfc", "N[:SECTION]"),
    ("rule", "ID|GLOB"),
    ("must", "N"),
    ("shld", "N"),
    ("may", "N"),
    ("tc8", "ID|GLOB"),
    ("anvl", "ID|GLOB"),
    ("packetimpact", "ID|GLOB"),
    ("alias", "CATALOGUE:ID|GLOB"),
    ("tag", "NAME|GLOB"),
    ("state", "STATE|GLOB"),
    ("family", "v4|v6|mapped"),
    ("level", "must|should|may"),
    ("profile", "NAME|GLOB"),
    ("needs", "NAME|GLOB"),
    ("sut", "NAME|GLOB"),
    ("slow", "[SECONDS]"),
    ("status", "VERDICT"),
];

/// A test is slow whose script takes at least this long.
const SLOW: Duration = Duration::from_secs(10);

/// A set of tests by one property. Texts are names or globs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Atom {
    /// Every test.
    All,
    /// No test.
    None,
    /// Ids of tests or scripts, and folders of ids.
    Id(String),
    /// An RFC, or a section of it with those below: tests in its folder, and those with a rule of it.
    Rfc(u32, Option<String>),
    /// Ids of rules.
    Rule(String),
    /// The RFC's label of a rule, `MUST-10`.
    Label(String),
    /// An id of another catalogue, `tc8:...`.
    Alias(String),
    /// A word of `//: tags`, or a derived one.
    Tag(String),
    /// The state in which the test's own lines meet the connection.
    State(String),
    /// The address family.
    Family(Family),
    /// This level, and no other.
    Level(Level),
    /// The configuration that the test asks about.
    Profile(String),
    /// What the SUT must have.
    Needs(String),
    /// Who alone is asked.
    Sut(String),
    /// At least so long by the script's times.
    Slow(Duration),
    /// What the last run said.
    Status(Status),
}

/// What the last run said of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// This verdict.
    Was(FinalVerdict),
    /// It was not in the run, or did not come to its turn.
    NotRun,
}

impl Atom {
    /// Reads an atom; places are those of the name and of the argument.
    pub(super) fn read(name: &(String, Range<usize>), argument: &(String, Range<usize>)) -> Result<Self, Wrong> {
        let (word, place) = name;
        let Some((_, holds)) = ATOMS.iter().find(|(known, _)| known == word) else {
            return Err(unknown(word, place.clone()));
        };
        let text = argument.0.as_str();
        match (holds.is_empty(), holds.starts_with('['), text.is_empty()) {
            (true, _, false) => {
                return Err(Wrong::new(format!("`{word}` takes no argument"), argument.1.clone()).expecting(["`)`"]));
            }
            (false, false, true) => {
                let fault = Wrong::new(format!("`{word}` says nothing"), place.start..argument.1.end + 1);
                return Err(fault.expecting([format!("`{word}({holds})`")]));
            }
            _ => {}
        }
        Self::fit(word, text).map_err(|(message, help)| {
            let expected = [format!("`{word}({holds})`")];
            Wrong::new(message, argument.1.clone()).expecting(expected).help(help)
        })
    }

    fn fit(word: &str, text: &str) -> Result<Self, (String, Option<String>)> {
        let owned = || text.to_owned();
        Ok(match word {
            "all" => Self::All,
            "none" => Self::None,
            "id" => Self::Id(owned()),
            "rfc" => rfc(text)?,
            "rule" => Self::Rule(owned()),
            "must" => Self::Label(label("MUST", text)?),
            "shld" => Self::Label(label("SHLD", text)?),
            "may" => Self::Label(label("MAY", text)?),
            "tc8" | "anvl" | "packetimpact" => Self::Alias(format!("{word}:{text}")),
            "alias" => Self::Alias(owned()),
            "tag" => Self::Tag(owned()),
            "state" => Self::State(state(text)?),
            "family" => Self::Family(one(text, "address family", &FAMILIES)?),
            "level" => Self::Level(one(text, "level", &LEVELS)?),
            "profile" => Self::Profile(owned()),
            "needs" => Self::Needs(owned()),
            "sut" => Self::Sut(owned()),
            "slow" => Self::Slow(slow(text)?),
            "status" => Self::Status(status(text)?),
            other => unreachable!("{other} is in the table of atoms"),
        })
    }
}

const FAMILIES: [(&str, Family); 3] = [("v4", Family::V4), ("v6", Family::V6), ("mapped", Family::V4Mapped)];
const LEVELS: [(&str, Level); 3] = [("must", Level::Must), ("should", Level::Should), ("may", Level::May)];

type Misfit = (String, Option<String>);

fn unknown(word: &str, place: Range<usize>) -> Wrong {
    let near = nearest(word, ATOMS.iter().map(|(name, _)| *name));
    let names: Vec<_> = ATOMS.iter().map(|(name, _)| format!("`{name}`")).collect();
    let help = match (word, near) {
        ("test", _) => "a test by its id is `id(...)`".to_owned(),
        ("should", _) => "the label SHLD-n is `shld(n)`; the level SHOULD is `level(should)`".to_owned(),
        (_, Some(near)) => format!("did you mean `{near}`?"),
        (_, None) => format!("there are {}", names.join(", ")),
    };
    Wrong::new(format!("there is no set `{word}(...)`"), place).help(Some(help))
}

/// One of a few words, in any case.
fn one<T: Copy>(text: &str, what: &str, known: &[(&str, T)]) -> Result<T, Misfit> {
    let found = known.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let near = nearest(text, known.iter().map(|(word, _)| *word));
        (format!("`{text}` is no {what}"), near.map(|near| format!("did you mean `{near}`?")))
    })
}

fn rfc(text: &str) -> Result<Atom, Misfit> {
    let (number, section) = text.split_once(':').map_or((text, None), |(number, section)| (number, Some(section)));
    let number = number.strip_prefix("rfc").or(number.strip_prefix("RFC")).unwrap_or(number).trim();
    let Ok(number) = number.parse() else {
        return Err((format!("`{number}` is no number of an RFC"), Some("for example `rfc(9293:3.10.7.4)`".into())));
    };
    let section = section.map(|section| section.trim().trim_end_matches('.'));
    if section.is_some_and(|section| section.is_empty() || section.split('.').any(str::is_empty)) {
        let help = "a section with those below it, as in `rfc(9293:3.10.7)`";
        return Err((format!("`{}` is no section", section.unwrap_or_default()), Some(help.into())));
    }
    Ok(Atom::Rfc(number, section.map(str::to_owned)))
}

fn label(kind: &str, text: &str) -> Result<String, Misfit> {
    if text.bytes().all(|byte| byte.is_ascii_digit() || b"*?".contains(&byte)) {
        return Ok(format!("{kind}-{text}"));
    }
    let help = format!("the labels of RFC 9293: `{}(10)` is {kind}-10", kind.to_lowercase());
    Err((format!("`{text}` is no number"), Some(help)))
}

/// The RFC's spelling: states are written in any case here, and with `_` too.
fn state(text: &str) -> Result<String, Misfit> {
    let text = text.to_uppercase().replace('_', "-");
    if text.contains(['*', '?']) {
        return Ok(text);
    }
    let alternative = match text.as_str() {
        "SYN-RCVD" | "SYN-RECV" => Some("SYN-RECEIVED"),
        "FIN-WAIT1" => Some("FIN-WAIT-1"),
        "FIN-WAIT2" => Some("FIN-WAIT-2"),
        _ => None,
    };
    if STATES.contains(&text.as_str()) {
        return Ok(text);
    }
    let near = alternative.or_else(|| nearest(&text, STATES));
    let help = near.map_or_else(|| STATES.join(", "), |near| format!("did you mean `{near}`?"));
    Err((format!("`{text}` is no state of RFC 9293"), Some(help)))
}

fn slow(text: &str) -> Result<Duration, Misfit> {
    if text.is_empty() {
        return Ok(SLOW);
    }
    let seconds = text.strip_suffix('s').unwrap_or(text).trim().parse().ok();
    let seconds = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| (format!("`{text}` is no number of seconds"), None))
}

fn status(text: &str) -> Result<Status, Misfit> {
    let mut known: Vec<(&str, Status)> =
        FinalVerdict::ALL.iter().map(|verdict| (verdict.word(), Status::Was(*verdict))).collect();
    known.push(("not-run", Status::NotRun));
    one(text, "verdict", &known).map_err(|(message, help)| {
        let words: Vec<_> = known.iter().map(|(word, _)| *word).collect();
        (message, help.or(Some(words.join(", "))))
    })
}
