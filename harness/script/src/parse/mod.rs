//! Text to tree: recursive descent, one function per rule of the grammar.
//!
//! A broken line is reported and skipped up to the next line that can begin a statement, so that a file with two faults
//! shows both.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a rule names the tokens that it takes; every other token is the same mistake"
)]

mod call;
mod cursor;
mod events;
mod header;
mod icmp;
mod ip;
mod numbers;
mod options;
mod outer;
mod packet;
mod statements;

pub(crate) use events::STATEMENTS;
pub(crate) use header::header_end;
pub(crate) use ip::IP_WORDS;
pub(crate) use numbers::{is_symbol, parse_seconds};
pub(crate) use options::{OPTION_WORDS, OPTIONS, parse_hex};
pub(crate) use outer::HEADERS;
pub(crate) use packet::{FIELDS, parse_flags};
pub(crate) use statements::BRANCHES;

use crate::ast::{Item, OptionLine, Script, Span, Spanned};
use crate::checks;
use crate::diagnostics::Diagnostic;
use crate::lexer::{Kind, Lexed, Token, lex};
use crate::sources::{FileId, Sources};

/// A rule's result; the fault is boxed because it is rare and large.
type Parsed<T> = Result<T, Box<Diagnostic>>;

/// Deepest nesting of blocks, lists and structures.
const MAX_DEPTH: u32 = 32;

/// Parses a file. Every broken line of it is reported, not only the first.
pub fn parse(sources: &Sources, file: FileId) -> Result<Script, Vec<Diagnostic>> {
    parse_with_marks(sources, file).map(|(script, _)| script)
}

/// Where a token stands in the grammar, as far as a layout has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It begins a statement.
    Statement,
    /// It begins what happens at a time.
    Action,
    /// It is the brace that opens a block.
    Open,
    /// It is the brace that closes a block.
    Close,
}

/// The tokens of a file that the grammar marks, by index, in order.
pub(crate) type Marks = Vec<(usize, Mark)>;

/// Parses a file, and says where its statements begin.
pub(crate) fn parse_with_marks(sources: &Sources, file: FileId) -> Result<(Script, Marks), Vec<Diagnostic>> {
    let text = sources.text(file);
    let mut diagnostics = Vec::new();
    let (header, start) = header::header(text, file, &mut diagnostics);
    let Lexed { tokens, comments, diagnostics: unreadable } = lex(text, file, start);
    diagnostics.extend(unreadable);
    header::below(&comments, file, &mut diagnostics);
    let script = Script { header, ..Script::default() };
    let mut parser = Parser {
        text,
        file,
        tokens,
        at: 0,
        comments: comments.into(),
        diagnostics,
        script,
        marks: Vec::new(),
        depth: 0,
        in_ifdef: false,
    };
    let anything = parser.preamble();
    let items = parser.items(None);
    let mut script = parser.script;
    script.items = items;
    if !anything {
        // A comment behind the first event moves above it, where comments are the file's.
        let above = script.items.iter().take_while(|item| matches!(item, Item::Comment(_))).count();
        let comments = script.items.drain(..above).filter_map(|item| match item {
            Item::Comment(line) => Some(line),
            Item::Event(_) | Item::Use(_) | Item::Let(..) | Item::When(_) | Item::Any(_) | Item::IfDefined(..) => None,
        });
        script.comments.extend(comments);
    }
    let mut diagnostics = parser.diagnostics;
    if diagnostics.is_empty() {
        return Ok((script, parser.marks));
    }
    diagnostics.sort_by_key(|fault| fault.span.start);
    diagnostics.dedup_by_key(|fault| (fault.code, fault.span.start));
    Err(diagnostics)
}

struct Parser<'a> {
    text: &'a str,
    file: FileId,
    tokens: Vec<Token>,
    at: usize,
    comments: std::collections::VecDeque<crate::lexer::Comment>,
    diagnostics: Vec<Diagnostic>,
    /// The parts above the items, as they are found.
    script: Script,
    marks: Marks,
    depth: u32,
    /// Between `#ifdef` and `#endif`.
    in_ifdef: bool,
}

impl Parser<'_> {
    /// Option lines, `vary` lines and the first command. Whether there is any.
    fn preamble(&mut self) -> bool {
        loop {
            let start = self.at;
            let token = self.peek();
            self.mark(Mark::Statement);
            let parsed = match token.kind {
                Kind::Option => self.option_line(),
                Kind::Word if token.first && self.word_of(token) == "vary" => self.variation(),
                Kind::Command => self.first_command(),
                _ => {
                    self.marks.pop();
                    break;
                }
            };
            if let Err(fault) = parsed {
                self.report(*fault);
                self.recover(start);
            }
        }
        let anything =
            self.script.init.is_some() || !self.script.options.is_empty() || !self.script.variations.is_empty();
        // With nothing between the top of the file and the first event, the comments there are the file's.
        let limit = if anything { self.line_end(self.previous_end()) } else { self.peek().start };
        while self.comments.front().is_some_and(|comment| comment.start < limit) {
            let comment = self.comments.pop_front();
            self.script.comments.extend(comment.into_iter().flat_map(|comment| comment.lines));
        }
        anything
    }

    fn mark(&mut self, mark: Mark) {
        self.marks.push((self.at, mark));
    }

    fn first_command(&mut self) -> Parsed<()> {
        let token = self.bump();
        if self.script.init.is_some() {
            let fault = self.fault("command-order", "a second command without a time before the first event", token);
            return Err(Box::new(fault.help("join the two, or give the second a time: `+0 `...``")));
        }
        self.script.init = Some(self.inside(token, 1));
        Ok(())
    }

    /// What stands in the token between marks of some octets.
    fn inside(&self, token: Token, mark: u32) -> Spanned<String> {
        let text = self.slice(token.start + mark, token.end - mark).to_owned();
        Spanned { node: text, span: self.span_of(token) }
    }

    fn option_line(&mut self) -> Parsed<()> {
        let token = self.bump();
        let name = &self.slice(token.start, token.end)[2..];
        let name = Spanned { node: name.to_owned(), span: self.span_of(token) };
        let value = (self.peek().kind == Kind::OptionValue).then(|| {
            let token = self.bump();
            let text = self.word_of(token);
            let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
            Spanned { node: bare.to_owned(), span: self.span_of(token) }
        });
        if let Some(fault) = checks::option_line(&name, value.as_ref()) {
            self.diagnostics.push(fault);
        }
        self.script.options.push(OptionLine { name, value });
        Ok(())
    }

    /// Items up to the end of the file, or up to the brace that closes the block opened at `open`.
    fn items(&mut self, open: Option<Span>) -> Vec<Item> {
        let mut items = Vec::new();
        loop {
            let token = self.peek();
            self.comments_before(token.start, &mut items);
            match (token.kind, open) {
                (Kind::End, None) => return items,
                (Kind::End, Some(open)) => {
                    let fault = Diagnostic::new("unclosed-block", "this block has no `}`", open);
                    self.diagnostics.push(fault);
                    return items;
                }
                (Kind::Punct(b'}'), Some(_)) => return items,
                (Kind::Punct(b'#'), _) if self.is_endif() && self.in_ifdef => return items,
                (Kind::Punct(b'}'), None) => {
                    self.bump();
                    // After another fault this may be the end of a block whose beginning was not understood.
                    if self.diagnostics.is_empty() {
                        self.diagnostics.push(self.fault("unopened-block", "this `}` closes nothing", token));
                    }
                }
                _ => self.one_item(&mut items),
            }
        }
    }

    fn one_item(&mut self, items: &mut Vec<Item>) {
        let start = self.at;
        self.mark(Mark::Statement);
        match self.item() {
            Ok(item) => {
                let end = self.previous_end();
                self.comments_before(end, items);
                while self
                    .comments
                    .front()
                    .is_some_and(|next| next.trailing && !self.slice(end, next.start).contains('\n'))
                {
                    let comment = self.comments.pop_front();
                    items.extend(comment.into_iter().flat_map(|comment| comment.lines).map(Item::Comment));
                }
                items.extend(item);
            }
            Err(fault) => {
                self.report(*fault);
                self.recover(start);
            }
        }
    }

    fn comments_before(&mut self, limit: u32, items: &mut Vec<Item>) {
        while self.comments.front().is_some_and(|comment| comment.start < limit) {
            let comment = self.comments.pop_front();
            items.extend(comment.into_iter().flat_map(|comment| comment.lines).map(Item::Comment));
        }
    }

    /// One item; none for the last command, which is no item.
    fn item(&mut self) -> Parsed<Option<Item>> {
        let token = self.peek();
        if let (Some(command), false) = (&self.script.cleanup, token.kind == Kind::End) {
            let fault = Diagnostic::new("command-order", "a command without a time ends a script", command.span)
                .help("give it a time: `+0 `...``")
                .also(self.span_of(token), "but this follows");
            let first = self.diagnostics.iter().all(|known| known.code != fault.code);
            self.script.cleanup = None;
            if first {
                self.diagnostics.push(fault);
            }
        }
        match token.kind {
            Kind::Command if self.depth == 0 && !self.in_ifdef => {
                self.bump();
                self.script.cleanup = Some(self.inside(token, 1));
                Ok(None)
            }
            Kind::Option => {
                self.option_line()?;
                let fault = self.fault("option-order", "option lines stand before the first event", token);
                Err(Box::new(fault.help("move it to the top of the file")))
            }
            Kind::Punct(b'#') if token.first => self.if_defined().map(Some),
            Kind::Word if token.first => match self.word_of(token) {
                "use" => self.use_statement().map(Some),
                "let" => self.let_statement().map(Some),
                "when" => self.when_statement().map(Some),
                "any" => self.any_statement().map(Some),
                "vary" => {
                    self.variation()?;
                    let fault = self.fault("vary-order", "`vary` lines stand before the first event", token);
                    Err(Box::new(fault.help("move it to the top of the file, below the option lines")))
                }
                _ => self.event().map(|event| Some(Item::Event(event))),
            },
            _ => self.event().map(|event| Some(Item::Event(event))),
        }
    }
}
