//! Tokens and comments of a file, gathered into the lines that a layout consists of.

use crate::lexer::{Kind, Lexed};
use crate::parse::Mark;

/// A token or a comment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    /// As it stands in the file.
    pub(super) text: &'a str,
    /// What sort of token; none for a comment.
    pub(super) kind: Option<Kind>,
    /// It touches the piece before it.
    pub(super) glued: bool,
    /// Line breaks before it.
    pub(super) breaks: usize,
    mark: Option<Mark>,
}

impl Piece<'_> {
    pub(super) fn is(&self, punct: u8) -> bool {
        self.kind == Some(Kind::Punct(punct))
    }

    pub(super) fn is_comment(&self) -> bool {
        self.kind.is_none()
    }

    /// The rest of its line is part of it.
    pub(super) fn ends_line(&self) -> bool {
        self.is_comment() && self.text.starts_with("//")
    }

    fn ends_statement(&self) -> bool {
        matches!(self.mark, Some(Mark::Statement | Mark::Close))
    }
}

/// A statement, a brace with what surrounds it, or a comment with a line of its own.
#[derive(Debug)]
pub(super) struct Line<'a> {
    /// How many blocks it is in.
    pub(super) depth: usize,
    /// A blank line stands above it.
    pub(super) spaced: bool,
    /// The time of an event.
    pub(super) time: &'a [Piece<'a>],
    /// What else it says, or the comment that it is.
    pub(super) body: &'a [Piece<'a>],
    /// Comments beside it.
    pub(super) beside: &'a [Piece<'a>],
}

/// Tokens and comments in the order of the file, without its end.
pub(super) fn pieces<'a>(text: &'a str, from: usize, lexed: &Lexed, marks: &[(usize, Mark)]) -> Vec<Piece<'a>> {
    let mut marks = marks.iter().peekable();
    let mut comments = lexed.comments.iter().peekable();
    let mut pieces: Vec<Piece<'a>> = Vec::with_capacity(lexed.tokens.len() + lexed.comments.len());
    let mut end = from as u32;
    let mut push = |start: u32, stop: u32, kind: Option<Kind>, mark: Option<Mark>| {
        let mut breaks = text[end as usize..start as usize].matches('\n').count();
        if end as usize == from {
            // Above the first is the header with its line break, or nothing.
            breaks = if from > 0 { breaks + 1 } else { 1 };
        }
        let text = text[start as usize..stop as usize].trim_end();
        pieces.push(Piece { text, kind, glued: start == end, breaks, mark });
        end = stop;
    };
    for (index, token) in lexed.tokens.iter().enumerate() {
        while let Some(comment) = comments.next_if(|comment| comment.start < token.start) {
            push(comment.start, comment.end, None, None);
        }
        let mut mark = None;
        while let Some((_, next)) = marks.next_if(|(at, _)| *at <= index) {
            mark = Some(*next);
        }
        if token.kind != Kind::End {
            push(token.start, token.end, Some(token.kind), mark);
        }
    }
    pieces
}

/// Gathers the pieces into lines.
pub(super) fn lines<'a>(pieces: &'a [Piece<'a>]) -> Vec<Line<'a>> {
    let mut lines: Vec<Line<'a>> = Vec::new();
    let (mut at, mut depth) = (0, 0_usize);
    let mut opened = false;
    while let Some(first) = pieces.get(at) {
        let closes = first.mark == Some(Mark::Close);
        depth -= usize::from(closes);
        let spaced = first.breaks > 1 && !opened && !closes && at > 0 || at == 0 && first.breaks > 1;
        if first.is_comment() {
            lines.push(Line { depth, spaced, time: &[], body: &pieces[at..=at], beside: &[] });
            (at, opened) = (at + 1, false);
            continue;
        }
        let rest = &pieces[at..];
        let open = rest.iter().position(|piece| piece.mark == Some(Mark::Open));
        let next = rest[1..].iter().position(Piece::ends_statement).map_or(rest.len(), |after| after + 1);
        opened = open.is_some_and(|open| open < next);
        let limit = if opened { open.unwrap_or_default() + 1 } else { next };
        let end = rest[..limit].iter().rposition(|piece| !piece.is_comment()).map_or(1, |last| last + 1);
        let beside = rest[end..].iter().take_while(|piece| piece.is_comment() && piece.breaks == 0).count();
        let action = rest[..end].iter().position(|piece| piece.mark == Some(Mark::Action) || piece.is_comment());
        let timed = rest[..end].iter().any(|piece| piece.mark == Some(Mark::Action));
        let (time, body) = rest[..end].split_at(if timed { action.unwrap_or_default() } else { 0 });
        lines.push(Line { depth, spaced, time, body, beside: &rest[end..end + beside] });
        depth += usize::from(opened);
        at += end + beside;
    }
    lines
}
