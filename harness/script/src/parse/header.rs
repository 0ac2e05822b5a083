//! The comment lines at the top that say what a script is about: `//=`, the sentence, `//:`.

use crate::ast::{Field, Header, Level, Span, Spanned};
use crate::diagnostics::Diagnostic;
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

/// Reads the header; also says at which octet the rest of the file begins.
pub(super) fn header(text: &str, file: FileId, diagnostics: &mut Vec<Diagnostic>) -> (Header, usize) {
    let mut reader = Reader { file, header: Header::default(), diagnostics };
    let mut at = 0;
    let mut fields = false;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let trimmed = line.trim_end();
        if index == 0 && trimmed.starts_with("//=") {
            reader.rules(at, trimmed);
        } else if trimmed.starts_with("//:") {
            fields = true;
            reader.field(at, trimmed);
        } else if let Some(sentence) = trimmed.strip_prefix("//")
            && reader.header.level.is_some()
            && !fields
        {
            reader.sentence(sentence);
        } else {
            break;
        }
        at += line.len();
    }
    (reader.header, at)
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
        for word in words.iter().filter(|word| !well_formed(key.node, word.node)) {
            let message = format!("`{}` does not fit `{}`", word.node, key.node);
            self.diagnostics.push(Diagnostic::new("header", message, word.span).expecting([*holds]));
        }
        let field = Field { key: owned(key), words: words.iter().map(|word| owned(word)).collect() };
        self.header.fields.push(field);
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
