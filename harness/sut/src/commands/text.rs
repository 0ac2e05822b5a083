//! Lines and words as a shell sees them, as far as no variable and no control flow is in them.

use super::{Join, arithmetic};
use std::iter::Peekable;
use std::str::CharIndices;

/// A word or an operator, and the octets of the text that it spans.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    kind: Kind,
    from: usize,
    to: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// Quotes removed; `None` when only a shell can tell what it stands for.
    Word(Option<String>),
    /// Output that is thrown away; false for any other redirection.
    Redirection(bool),
    /// `;`
    End,
    Newline,
    And,
    Or,
    /// `|` and `&`
    Other,
}

/// A line of commands, continued ones joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line<'t> {
    /// As written.
    pub(super) text: &'t str,
    tokens: Vec<Token>,
}

/// Words that begin something longer than a line, or that change what later lines mean to the shell.
#[rustfmt::skip]
const SHELL_WORDS: [&str; 35] = [
    "if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "select", "function", "!",
    "time", "cd", "export", "set", "unset", "exit", "return", "break", "continue", "shift", "eval", "exec",
    "source", ".", "trap", "umask", "ulimit", "alias", "read", "local",
];

/// Takes a text apart; `None` when it cannot be cut into lines without knowing what a shell would make of it.
pub(super) fn lines(text: &str) -> Option<Vec<Line<'_>>> {
    let mut lines = Vec::new();
    let mut tokens: Vec<Token> = Vec::new();
    for token in tokens_of(text)? {
        let continues = matches!(tokens.last().map(|t| &t.kind), Some(Kind::And | Kind::Or | Kind::Other) | None);
        // `a &` ends at the newline, `a |` goes on; both are for the shell, so nothing is lost by joining.
        match token.kind {
            Kind::Newline if continues => {}
            Kind::Newline => lines.push(line(text, std::mem::take(&mut tokens))),
            Kind::Word(_) | Kind::Redirection(_) | Kind::End | Kind::And | Kind::Or | Kind::Other => tokens.push(token),
        }
    }
    if !tokens.is_empty() {
        lines.push(line(text, tokens));
    }
    Some(lines)
}

fn line(text: &str, tokens: Vec<Token>) -> Line<'_> {
    let (from, to) = (tokens.first().map_or(0, |t| t.from), tokens.last().map_or(0, |t| t.to));
    Line { text: &text[from..to], tokens }
}

impl Line<'_> {
    /// Nothing in it changes what the lines around it mean.
    pub(super) fn stands_alone(&self) -> bool {
        let mut first = true;
        for token in &self.tokens {
            match &token.kind {
                Kind::Word(None) if first => return false,
                Kind::Word(Some(word)) if first => {
                    first = false;
                    let assigns = word.split_once('=').is_some_and(|(name, _)| {
                        name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.is_empty()
                    });
                    if assigns || SHELL_WORDS.contains(&word.as_str()) {
                        return false;
                    }
                }
                Kind::Word(_) | Kind::Redirection(_) => {}
                Kind::End | Kind::Newline | Kind::And | Kind::Or | Kind::Other => first = true,
            }
        }
        true
    }

    /// The commands of the line, each as words; `None` when a word or an operator is for a shell.
    pub(super) fn commands(&self) -> Option<Vec<(Join, Vec<String>)>> {
        let mut commands = vec![(Join::Always, Vec::new())];
        for token in &self.tokens {
            let join = match &token.kind {
                Kind::Word(word) => {
                    commands.last_mut()?.1.push(word.clone()?);
                    continue;
                }
                Kind::Redirection(true) => continue,
                Kind::Redirection(false) | Kind::Other | Kind::Newline => return None,
                Kind::End => Join::Always,
                Kind::And => Join::And,
                Kind::Or => Join::Or,
            };
            if commands.last()?.1.is_empty() {
                return None;
            }
            commands.push((join, Vec::new()));
        }
        // A line may end in `;`.
        commands.pop_if(|(join, words)| *join == Join::Always && words.is_empty());
        commands.iter().all(|(_, words)| !words.is_empty()).then_some(commands)
    }
}

struct Scanner<'t> {
    text: &'t str,
    rest: Peekable<CharIndices<'t>>,
}

fn tokens_of(text: &str) -> Option<Vec<Token>> {
    let mut scanner = Scanner { text, rest: text.char_indices().peekable() };
    let mut tokens = Vec::new();
    while let Some(&(from, c)) = scanner.rest.peek() {
        let kind = match c {
            ' ' | '\t' | '\r' => {
                scanner.rest.next();
                continue;
            }
            '\\' if text[from..].starts_with("\\\n") => {
                scanner.rest.nth(1);
                continue;
            }
            '#' => {
                while scanner.rest.next_if(|(_, c)| *c != '\n').is_some() {}
                continue;
            }
            '\n' | ';' | '&' | '|' | '<' | '>' => scanner.operator()?,
            _ => scanner.word()?,
        };
        tokens.push(Token { kind, from, to: scanner.at() });
    }
    Some(tokens)
}

impl Scanner<'_> {
    fn at(&mut self) -> usize {
        self.rest.peek().map_or(self.text.len(), |(at, _)| *at)
    }

    fn takes(&mut self, c: char) -> bool {
        self.rest.next_if(|(_, next)| *next == c).is_some()
    }

    fn operator(&mut self) -> Option<Kind> {
        let (_, c) = self.rest.next()?;
        Some(match c {
            '\n' => Kind::Newline,
            // `;;` belongs to `case`.
            ';' if self.takes(';') => return None,
            ';' => Kind::End,
            '&' if self.takes('&') => Kind::And,
            '&' if self.takes('>') => self.redirection()?,
            '|' if self.takes('|') => Kind::Or,
            '&' | '|' => Kind::Other,
            // A document in the text.
            '<' if self.takes('<') => return None,
            '>' => self.redirection()?,
            _ => self.redirection().map(|_| Kind::Redirection(false))?,
        })
    }

    /// What stands behind `>`.
    fn redirection(&mut self) -> Option<Kind> {
        while self.rest.next_if(|(_, c)| matches!(c, '>' | ' ' | '\t')).is_some() {}
        if self.takes('&') {
            let known = self.rest.next_if(|(_, c)| matches!(c, '1' | '2')).is_some();
            let ends = self.rest.peek().is_none_or(|(_, c)| matches!(c, ' ' | '\t' | '\n' | ';' | '&' | '|'));
            return Some(Kind::Redirection(known && ends));
        }
        match self.word()? {
            Kind::Word(target) => Some(Kind::Redirection(target.as_deref() == Some("/dev/null"))),
            Kind::Redirection(_) | Kind::End | Kind::Newline | Kind::And | Kind::Or | Kind::Other => None,
        }
    }

    /// A word; `None` when its end cannot be told.
    fn word(&mut self) -> Option<Kind> {
        let (mut word, mut known, mut plain) = (String::new(), true, true);
        while let Some(&(at, c)) = self.rest.peek() {
            match c {
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' => break,
                // `2>` is no word.
                '<' | '>' if plain && matches!(word.as_str(), "1" | "2") => return self.operator(),
                '<' | '>' => break,
                '(' | ')' | '`' => return None,
                '\\' if self.text[at..].starts_with("\\\n") => {
                    self.rest.nth(1);
                    continue;
                }
                '\'' | '"' => {
                    plain = false;
                    self.rest.next();
                    known &= self.quoted(c, &mut word)?;
                    continue;
                }
                '$' => {
                    plain = false;
                    known &= self.expansion(&mut word)?;
                    continue;
                }
                '\\' | '*' | '?' | '[' | '~' | '{' | '}' => known = false,
                _ => {}
            }
            self.rest.next();
            word.push(c);
        }
        Some(Kind::Word(known.then_some(word)))
    }

    /// The rest of a quoted part, and whether it is understood.
    fn quoted(&mut self, quote: char, word: &mut String) -> Option<bool> {
        let mut known = true;
        loop {
            let &(_, c) = self.rest.peek()?;
            match c {
                _ if c == quote => {
                    self.rest.next();
                    return Some(known);
                }
                '$' if quote == '"' => {
                    known &= self.expansion(word)?;
                    continue;
                }
                '`' | '\\' if quote == '"' => return None,
                _ => word.push(c),
            }
            self.rest.next();
        }
    }

    /// What begins with `$`: arithmetic on constants, and the shell's parent, which is left as written.
    fn expansion(&mut self, word: &mut String) -> Option<bool> {
        let (at, _) = self.rest.next()?;
        let rest = &self.text[at..];
        if let Some(inside) = rest.strip_prefix("$((") {
            let (inside, _) = inside.split_once("))")?;
            word.push_str(&arithmetic::value(inside)?.to_string());
            self.rest.nth(inside.chars().count() + 3);
            return Some(true);
        }
        if let Some(parent) = ["${PPID}", "$PPID"].into_iter().find(|parent| rest.starts_with(parent)) {
            word.push_str("${PPID}");
            self.rest.nth(parent.len() - 2);
            return Some(true);
        }
        // Any other variable; a substitution could have anything in it.
        if rest.starts_with("$(") || rest.starts_with("${") { None } else { Some(false) }
    }
}
