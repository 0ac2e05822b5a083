//! The tree of a script file, as written: variables unresolved, fixtures not yet spliced in.
//!
//! Every node that can be wrong carries a [`Span`]. Spans take no part in equality, so that `parse(print(ast)) == ast`
//! says what it seems to say.

mod call;
mod packet;

pub use call::{Arg, ArgKind, Call, Member};
pub use packet::{
    AccEcnField, Body, Cookie, Direction, Echoed, Ecn, FlagSet, Flags, Gre, Icmp, IpWord, MplsEntry, Numbers, Options,
    Outer, Packet, Place, Tcp, TcpOption,
};

use std::fmt;

/// Octet range in one source file. Compares equal to every other span.
#[derive(Debug, Clone, Copy, Default, Eq)]
pub struct Span {
    /// Index into [`crate::Sources`].
    pub file: u16,
    /// First octet.
    pub start: u32,
    /// One past the last octet.
    pub end: u32,
}

impl PartialEq for Span {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A value with the place it was written at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub node: T,
    /// Where it stands.
    pub span: Span,
}

/// A whole file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    /// The `//=` and `//:` comment lines; empty for a plain packetdrill script.
    pub header: Header,
    /// Comment lines that stand before the first event, text after `//`.
    pub comments: Vec<String>,
    /// `--name=value` lines.
    pub options: Vec<OptionLine>,
    /// `vary` lines, in order.
    pub variations: Vec<Variation>,
    /// Backtick command before the first event.
    pub init: Option<Spanned<String>>,
    /// Everything timed, and the statements of ours.
    pub items: Vec<Item>,
    /// Backtick command after the last event; it runs also when the script failed.
    pub cleanup: Option<Spanned<String>>,
}

impl Script {
    /// Adds a `--define` line, `SYMBOL=VALUE`, as `-D` on the command line does. It counts before those of the file.
    pub fn define(&mut self, definition: &str) {
        let plain = |text: &str| Spanned { node: text.to_owned(), span: Span::default() };
        self.options.push(OptionLine { name: plain("define"), value: Some(plain(definition)) });
    }
}

/// What a script says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// Rule ids of the first line, e.g. `rfc9293/3.10.7.1/closed-rst`.
    pub rules: Vec<Spanned<String>>,
    /// Level word of the first line.
    pub level: Option<Spanned<Level>>,
    /// The comment lines directly under the first line, joined by a space: the expected behaviour in a sentence.
    pub sentence: String,
    /// `//: KEY WORD...` lines (`alias`, `family`, `tags`, `sut`, `profile`, `needs`).
    pub fields: Vec<Field>,
}

/// One `//: KEY WORD...` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The key.
    pub key: Spanned<String>,
    /// Its words.
    pub words: Vec<Spanned<String>>,
}

/// How strongly the RFC asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// MUST, MUST NOT, and un-keyworded behaviour that the RFC specifies.
    Must,
    /// SHOULD, SHOULD NOT.
    Should,
    /// MAY.
    May,
}

/// `--name=value`, or `--name` alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionLine {
    /// Name without the dashes.
    pub name: Spanned<String>,
    /// Text after `=`.
    pub value: Option<Spanned<String>>,
}

/// `vary NAME: LABEL LABEL(name=number, ...) ...`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variation {
    /// Axis, e.g. `state`.
    pub axis: Spanned<String>,
    /// Its labels, in order; each becomes a part of the variant id.
    pub labels: Vec<Label>,
    /// The whole line.
    pub span: Span,
}

/// One label of a variation, with the names it binds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// As it stands in the variant id.
    pub name: Spanned<String>,
    /// Names bound when this label is chosen; evaluated where they are used.
    pub bindings: Vec<(Spanned<String>, Value)>,
}

/// What a name can be bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A number or a sum with a name in it.
    Num(Num),
    /// A word, e.g. TCP flags `R.`.
    Word(Spanned<String>),
}

/// A number as written: a sum of names and a constant, e.g. `$rcv.nxt+$rcv.wnd-1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Num {
    /// The names, without the dollar; they are added.
    pub names: Vec<String>,
    /// Constant part.
    pub offset: i64,
    /// The constant was written in hexadecimal.
    pub hex: bool,
    /// Where it stands.
    pub span: Span,
}

impl Num {
    /// A plain number.
    pub fn literal(value: i64) -> Self {
        Self { names: Vec::new(), offset: value, hex: false, span: Span::default() }
    }

    /// The value.
    ///
    /// # Panics
    /// When a name is left: expansion resolves every name before a script runs.
    pub fn value(&self) -> i64 {
        assert!(self.names.is_empty(), "expansion left {:?} unresolved", self.names);
        self.offset
    }
}

/// Microseconds, `[$name][+-]seconds` as written. A name stands for a number of seconds or a SUT parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Micros {
    /// `$name`, without the dollar.
    pub name: Option<String>,
    /// Constant part, in microseconds.
    pub offset: i64,
    /// Where it stands.
    pub span: Span,
}

impl Micros {
    /// A plain time, in microseconds.
    pub fn literal(micros: i64) -> Self {
        Self { name: None, offset: micros, span: Span::default() }
    }

    /// The value in microseconds.
    ///
    /// # Panics
    /// When a name is left: expansion resolves every name before a script runs.
    pub fn value(&self) -> i64 {
        assert!(self.name.is_none(), "expansion left ${} unresolved", self.name.as_deref().unwrap_or_default());
        self.offset
    }
}

/// One thing in the body of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly every item is an event")]
pub enum Item {
    /// A timed event.
    Event(Event),
    /// `use NAME`: splice a fixture in; `use $axis` takes the chosen label of that axis.
    Use(Use),
    /// `let NAME = VALUE`
    Let(Spanned<String>, Value),
    /// `when AXIS = LABEL... { } else { }`: kept or dropped at expansion.
    When(When),
    /// `any { } or { }`: the SUT may do either; the first that matches is taken.
    Any(Any),
    /// `#ifdef SYMBOL` ... `#endif`: kept when the symbol is defined.
    IfDefined(Spanned<String>, Vec<Item>),
    /// A comment line, text after `//`; nothing to a test.
    Comment(String),
}

/// `use NAME` or `use $axis`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// Fixture name, or the axis when `by_axis`.
    pub name: Spanned<String>,
    /// Written with a dollar.
    pub by_axis: bool,
}

/// `when AXIS = LABEL... { ... } else { ... }`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    /// The axis asked about.
    pub axis: Spanned<String>,
    /// Labels for which `then` is taken.
    pub labels: Vec<Spanned<String>>,
    /// Items if so.
    pub then: Vec<Item>,
    /// Items if not.
    pub otherwise: Vec<Item>,
}

/// `any { ... } or { ... }`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Any {
    /// At least two; each begins with an outbound packet or `silent`, at most one with `silent`.
    pub branches: Vec<Vec<Item>>,
    /// The whole block.
    pub span: Span,
}

/// A time and what happens then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub time: Time,
    /// What.
    pub action: Action,
    /// The whole line.
    pub span: Span,
}

/// When an event happens. Relative times count from the end of the previous event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Time {
    /// `1.5`
    Absolute(Micros),
    /// `+1.5`
    Relative(Micros),
    /// `1~2`
    AbsoluteRange(Micros, Micros),
    /// `+1~+2`
    RelativeRange(Micros, Micros),
    /// `*`
    AnyTime,
    /// `1...2` or `+1...2`: start and end of a blocking call; relative when the start is.
    Blocking {
        /// Written with a plus.
        relative: bool,
        /// Start.
        start: Micros,
        /// End; absolute, or relative to the same origin as the start.
        end: Micros,
    },
}

/// What happens at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly every action is a packet")]
pub enum Action {
    /// A packet to the SUT (`<`) or from it (`>`).
    Packet(Packet),
    /// A system call.
    Call(Call),
    /// `` `command` ``, text between the backticks.
    Command(String),
    /// `%{ code }%`, text between the marks.
    Code(String),
    /// `silent`: nothing may come up to this time.
    Silent,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::May => "MAY",
        })
    }
}
