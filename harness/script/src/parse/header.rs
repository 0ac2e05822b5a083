//! The comment lines at the top that say what a script is about: `//=`, the sentence, `//:`.

use crate::ast::{Field, Header, Level, Span, Spanned};
use crate::diagnostics::Diagnostic;
use crate::lexer::Comment;
use crate::sources::FileId;
use crate::suggest::nearest;

/// Keys of `//:` lines, with what they hold.
const KEYS: [(&str, &str); 6] = [
    ("alias", "ids of the same behaviour in other catalogues"),
    ("family", "`v4`, `v6`, `mapped`"),
    ("tags", "words for selection"),
    ("sut", "SUT names"),
    ("profile", "the name of one profile"),
    ("needs", "`NAME` or `NAME>=N`"),
];

/// What a script may need of a SUT, with what it is. Others begin with `x-`: they are between a user's scripts and a user's stack.
const CAPABILITIES: [(&str, &str); 15] = [
    ("accecn", "RFC 9768"),
    ("ecn", "RFC 3168"),
    ("fast-open", "RFC 7413"),
    ("icmp", "TCP acts upon ICMP errors"),
    ("keep-alive", "RFC 9293 3.8.4"),
    ("kernel", "version of the kernel"),
    ("md5", "RFC 2385"),
    ("pmtud", "RFC 1191, RFC 8201"),
    ("rack", "RFC 8985"),
    ("sack", "RFC 2018"),
    ("simultaneous-open", "RFC 9293 3.5, Figure 7"),
    ("syn-cookies", "RFC 4987 3.6"),
    ("timestamps", "RFC 7323 3"),
    ("urgent", "RFC 9293 3.8.5"),
    ("window-scale", "RFC 7323 2"),
];

/// The configurations that rules are written for. Others begin with `x-`: they are those of a user's stack.
const PROFILES: [&str; 3] = ["rfc9293", "rfc793", "linux"];

/// What to do about a line that would be ignored.
const COMMENT: &str = "move it above them; if it is a comment, leave an empty line before it";
const ABOVE: &str = "move it above `vary`, options and whatever else there is but `//` lines";

/// Reads the header; also says at which octet the rest of the file begins.
pub(super) fn header(text: &str, file: FileId, diagnostics: &mut Vec<Diagnostic>) -> (Header, usize) {
    let mut reader = Reader { file, header: Header::default(), diagnostics };
    let mut at = 0;
    let (mut fields, mut sentence_over) = (false, false);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let trimmed = line.trim_end();
        if index == 0 && trimmed.starts_with("//=") {
            reader.rules(at, trimmed);
        } else if trimmed.starts_with("//:") {
            fields = true;
            sentence_over = !reader.header.sentence.is_empty();
            reader.field(at, trimmed);
        } else if let Some(sentence) = trimmed.strip_prefix("//").filter(|rest| !rest.starts_with('=')) {
            // A script that decides no rule has its sentence below its fields, the others have it above them.
            if !fields && reader.header.level.is_none() {
                break;
            }
            if fields && (reader.header.level.is_some() || sentence_over) {
                reader.stray(at, trimmed, "the sentence of a test stands above its `//:` lines", COMMENT);
            }
            reader.sentence(sentence);
        } else {
            break;
        }
        at += line.len();
    }
    reader.repeated_keys();
    (reader.header, at)
}

/// Comments behind the header that look like lines of it, or would once they are printed: they would be ignored.
pub(super) fn below(comments: &[Comment], file: FileId, diagnostics: &mut Vec<Diagnostic>) {
    for comment in comments {
        let fault = comment.lines.iter().find_map(|line| {
            let key = line.strip_prefix(':').and_then(|rest| rest.split_whitespace().next());
            let level = line.strip_prefix('=').and_then(|rest| rest.split_whitespace().next_back());
            if key.is_some_and(|key| KEYS.iter().any(|(known, _)| *known == key)) {
                Some("a `//:` line is read only at the top of a file")
            } else if level.is_some_and(|last| ["MUST", "SHOULD", "MAY"].contains(&last)) {
                Some("a `//=` line is read only as the first line of a file")
            } else {
                None
            }
        });
        if let Some(message) = fault {
            let span = Span { file, start: comment.start, end: comment.end };
            diagnostics.push(Diagnostic::new("header", message, span).help(ABOVE));
        }
    }
}

/// At which octet the header ends.
pub(crate) fn header_end(text: &str) -> usize {
    header(text, 0, &mut Vec::new()).1
}

struct Reader<'a> {
    file: FileId,
    header: Header,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    /// The words behind the three characters of the mark.
    fn words<'t>(&self, at: usize, line: &'t str) -> Vec<Spanned<&'t str>> {
        let words = line[3..].split_whitespace();
        let spanned = words.map(|word| {
            let start = at + (word.as_ptr() as usize - line.as_ptr() as usize);
            Spanned { node: word, span: self.span(start, start + word.len()) }
        });
        spanned.collect()
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span { file: self.file, start: start as u32, end: end as u32 }
    }

    fn rules(&mut self, at: usize, line: &str) {
        let words = self.words(at, line);
        let whole = self.span(at, at + line.len());
        let Some((last, rules)) = words.split_last() else {
            let fault = Diagnostic::new("header", "this line names no rule", whole);
            return self.diagnostics.push(fault.expecting(["`//= RULE-ID... MUST|SHOULD|MAY`"]));
        };
        let level = match last.node {
            "MUST" => Level::Must,
            "SHOULD" => Level::Should,
            "MAY" => Level::May,
            other => {
                let message = format!("`{other}` is not a level");
                let fault = Diagnostic::new("header", message, last.span).expecting(["`MUST`", "`SHOULD`", "`MAY`"]);
                self.diagnostics.push(fault.help("the first line is `//= RULE-ID... LEVEL`"));
                Level::Must
            }
        };
        if rules.is_empty() {
            let fault = Diagnostic::new("header", "no rule stands before the level", whole);
            self.diagnostics.push(fault.expecting(["`//= RULE-ID... MUST|SHOULD|MAY`"]));
        }
        self.header.rules = rules.iter().map(|rule| owned(rule)).collect();
        self.header.level = Some(Spanned { node: level, span: last.span });
    }

    /// A line that would be ignored where it stands.
    fn stray(&mut self, at: usize, line: &str, message: &str, help: &str) {
        let whole = self.span(at, at + line.len());
        self.diagnostics.push(Diagnostic::new("header", message, whole).help(help));
    }

    /// A key of which only the first line would count.
    fn repeated_keys(&mut self) {
        let fields = &self.header.fields;
        let again = fields.iter().enumerate().filter(|(index, field)| {
            field.key.node != "alias" && fields[..*index].iter().any(|before| before.key.node == field.key.node)
        });
        let faults = again.map(|(_, field)| {
            Diagnostic::new("header", format!("`{}` stands in two lines", field.key.node), field.key.span)
                .help("name all words in one line")
        });
        self.diagnostics.extend(faults.collect::<Vec<_>>());
    }

    fn sentence(&mut self, line: &str) {
        for word in line.split_whitespace() {
            if !self.header.sentence.is_empty() {
                self.header.sentence.push(' ');
            }
            self.header.sentence.push_str(word);
        }
    }

    fn field(&mut self, at: usize, line: &str) {
        let words = self.words(at, line);
        let Some((key, words)) = words.split_first() else {
            let whole = self.span(at, at + line.len());
            let fault = Diagnostic::new("header", "this line has no key", whole);
            return self.diagnostics.push(fault.expecting(KEYS.map(|(key, _)| format!("`{key}`"))));
        };
        let Some((_, holds)) = KEYS.iter().find(|(known, _)| *known == key.node) else {
            let mut fault = Diagnostic::new("header", format!("`{}` is not a key of a header", key.node), key.span)
                .expecting(KEYS.map(|(key, _)| format!("`{key}`")));
            fault.help =
                nearest(key.node, KEYS.iter().map(|(key, _)| *key)).map(|near| format!("did you mean `{near}`?"));
            return self.diagnostics.push(fault);
        };
        if let ("profile", [_, second, ..]) = (key.node, words) {
            let fault = Diagnostic::new("header", "a test has one profile", second.span);
            self.diagnostics.push(fault.expecting(["the end of the line"]));
        }
        if words.is_empty() {
            let fault = Diagnostic::new("header", format!("`{}` has no words", key.node), key.span);
            self.diagnostics.push(fault.expecting([format!("`//: {} ` and {holds}", key.node)]));
        }
        let again = words.iter().enumerate().find(|(index, word)| words[..*index].iter().any(|w| w.node == word.node));
        if let Some((_, word)) = again {
            self.diagnostics.push(Diagnostic::new("header", format!("`{}` stands here twice", word.node), word.span));
        }
        for word in words.iter().filter(|word| !well_formed(key.node, word.node)) {
            let message = format!("`{}` does not fit `{}`", word.node, key.node);
            self.diagnostics.push(Diagnostic::new("header", message, word.span).expecting([*holds]));
        }
        if key.node == "needs" {
            words.iter().filter(|word| well_formed("needs", word.node)).for_each(|word| self.capability(word));
        }
        if key.node == "profile" {
            words.iter().take(1).for_each(|word| self.profile(word));
        }
        let field = Field { key: owned(key), words: words.iter().map(|word| owned(word)).collect() };
        self.header.fields.push(field);
    }

    /// No SUT would have a misspelt profile: each would be unsupported.
    fn profile(&mut self, word: &Spanned<&str>) {
        if word.node.starts_with("x-") || PROFILES.contains(&word.node) {
            return;
        }
        let near = nearest(word.node, PROFILES);
        let fault = Diagnostic::new("header", format!("`{}` is not a profile", word.node), word.span);
        let help = near.map_or_else(
            || "one of your own stack begins with `x-`".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        self.diagnostics.push(fault.help(help).expecting(PROFILES.map(|known| format!("`{known}`"))));
    }

    /// A misspelt capability would never be lacked.
    fn capability(&mut self, word: &Spanned<&str>) {
        let name = word.node.split(">=").next().unwrap_or(word.node);
        if name.starts_with("x-") || CAPABILITIES.iter().any(|(known, _)| *known == name) {
            return;
        }
        let near = nearest(name, CAPABILITIES.iter().map(|(known, _)| *known));
        let mut fault = Diagnostic::new("header", format!("`{name}` is not a capability"), word.span);
        fault.help = Some(near.map_or_else(
            || "one of your own stack begins with `x-`".to_owned(),
            |near| format!("did you mean `{near}`?"),
        ));
        self.diagnostics.push(fault.expecting(CAPABILITIES.map(|(known, _)| format!("`{known}`"))));
    }
}

fn owned(word: &Spanned<&str>) -> Spanned<String> {
    Spanned { node: word.node.to_owned(), span: word.span }
}

fn well_formed(key: &str, word: &str) -> bool {
    match key {
        "family" => matches!(word, "v4" | "v6" | "mapped"),
        "needs" => {
            let (name, number) = word.split_once(">=").unwrap_or((word, "0"));
            let named =
                !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
            named && !number.is_empty() && number.split('.').all(|part| part.parse::<u32>().is_ok())
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexer::lex;

    fn faults(text: &str) -> Vec<String> {
        let mut diagnostics = Vec::new();
        let (_, end) = header(text, 0, &mut diagnostics);
        below(&lex(text, 0, end).comments, 0, &mut diagnostics);
        let at = |span: Span| text[..span.start as usize].matches('\n').count() + 1;
        diagnostics.iter().map(|fault| format!("{}: {}", at(fault.span), fault.message)).collect()
    }

    #[test]
    fn lines_that_would_be_ignored_are_faults() {
        let table: [(&str, &[&str]); 11] = [
            ("//= rfc1/2/three MUST\n// Sentence.\n//: tags a b\n\n// A comment.\n", &[]),
            (
                "//= rfc1/2/three MUST\n//: tags a\n// Late.\n",
                &["3: the sentence of a test stands above its `//:` lines"],
            ),
            (
                "//= rfc1/2/three MUST\nvary a: b\n//: sut linux\n",
                &["3: a `//:` line is read only at the top of a file"],
            ),
            ("// First.\n//= rfc1/2/three MUST\n", &["2: a `//=` line is read only as the first line of a file"]),
            ("// First.\n//: sut linux\n", &["2: a `//:` line is read only at the top of a file"]),
            ("//: profile linux\n//: profile rfc793\n", &["2: `profile` stands in two lines"]),
            ("vary a: b //: sut linux\n", &["1: a `//:` line is read only at the top of a file"]),
            ("/* First.\n: sut linux\n*/\n", &["1: a `//:` line is read only at the top of a file"]),
            ("//: alias a\n//: alias b\n", &[]),
            ("//: family v4 v4\n", &["1: `v4` stands here twice"]),
            ("0 < . 1:1(0) win 0\n//=====\n//: of no concern\n", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(faults(text), expected, "{text}");
        }
    }

    #[test]
    fn script_without_a_rule_has_its_sentence_below_its_fields() {
        let (read, _) = header("//: tags tunable\n// What it\n// is about.\n\n// A comment.\n", 0, &mut Vec::new());
        assert_eq!(read.sentence, "What it is about.");
        let text = crate::print::header(&read);
        assert_eq!(header(&text, 0, &mut Vec::new()).0.sentence, read.sentence, "{text}");
    }
}
