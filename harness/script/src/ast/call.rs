//! System calls.

use super::{Num, Span, Spanned};

/// A system call with its expected result: `socket(..., SOCK_STREAM, IPPROTO_TCP) = 3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Name.
    pub name: Spanned<String>,
    /// Arguments.
    pub args: Vec<Arg>,
    /// Expected result.
    pub result: Arg,
    /// Expected errno name, for a result of -1.
    pub errno: Option<Spanned<String>>,
    /// Text in parentheses after the errno; never compared.
    pub note: Option<String>,
}

/// An argument, a result, or a part of a structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arg {
    /// What it is.
    pub kind: ArgKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArgKind {
    /// `...`
    Ellipsis,
    /// A number, also `$name`
    Num(Num),
    /// A symbol, e.g. `SOCK_STREAM`
    Word(String),
    /// `"text"`, unescaped; a character up to U+00FF stands for one octet
    Text(String),
    /// `A|B|C`
    Or(Vec<Arg>),
    /// `[a, b]`
    List(Vec<Arg>),
    /// `{a, name=b, name(len)=c}`
    Struct(Vec<Member>),
    /// `f(a, b)`, e.g. `htons(8080)`
    Apply(String, Vec<Arg>),
    /// `"text"...`: the text, repeated to fill
    TextEllipsis(String),
}

/// A member of a structure literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// `name`, when written.
    pub name: Option<Spanned<String>>,
    /// `name(length)`, when written.
    pub length: Option<Arg>,
    /// The value.
    pub value: Arg,
}
