//! What stands between two pieces of a statement.

use super::pieces::Piece;
use crate::lexer::Kind;

/// Which grammar a statement follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// `<` or `>` and a packet.
    Packet,
    /// A system call.
    Call,
    /// Everything else.
    Other,
}

/// The sort of a statement.
pub(super) fn sort(timed: bool, body: &[Piece<'_>]) -> Sort {
    match body.iter().find(|piece| !piece.is_comment()) {
        Some(first) if timed && (first.is(b'<') || first.is(b'>')) => Sort::Packet,
        Some(first) if timed && first.kind == Some(Kind::Word) && body.iter().any(|piece| piece.is(b'(')) => Sort::Call,
        _ => Sort::Other,
    }
}

/// Follows the brackets of a statement, and says where there is a space.
#[derive(Debug)]
pub(super) struct Spacing {
    sort: Sort,
    /// Closing characters of the brackets that are open.
    open: Vec<u8>,
    /// The result of a call was reached.
    result: bool,
    /// The text of an errno has begun, which is no grammar.
    note: bool,
}

impl Spacing {
    /// Before the first piece of a statement.
    pub(super) fn new(sort: Sort) -> Self {
        Self { sort, open: Vec::new(), result: false, note: false }
    }

    /// Brackets that are open.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Whether a space stands between two pieces, the second of which comes next.
    pub(super) fn between(&self, before: &Piece<'_>, next: &Piece<'_>) -> bool {
        if before.is_comment() || next.is_comment() {
            return true;
        }
        match self.sort {
            Sort::Packet => self.in_packet(before, next),
            Sort::Call if self.note => !next.glued,
            Sort::Call => self.in_call(before, next),
            Sort::Other => self.elsewhere(before, next),
        }
    }

    fn opens(before: &Piece<'_>) -> bool {
        matches!(before.kind, Some(Kind::Punct(b'(' | b'[' | b'{' | b'<')))
    }

    /// The next piece closes the innermost bracket.
    pub(super) fn closing(&self, next: &Piece<'_>) -> bool {
        self.open.last().is_some_and(|close| next.is(*close))
    }

    fn in_packet(&self, before: &Piece<'_>, next: &Piece<'_>) -> bool {
        let inside = !self.open.is_empty();
        let in_options = self.open.last() == Some(&b'>');
        if inside && (self.closing(next) || next.is(b',') || Self::opens(before)) {
            return false;
        }
        if before.is(b',') {
            // Options are packed, words of IP are not.
            return !in_options;
        }
        if !inside && before.kind == Some(Kind::Word) && before.text != "ipv6" && (next.is(b'.') || next.is(b':')) {
            // `F .` are the flags `F.`; a colon ends an outer header.
            return false;
        }
        if !inside && (next.is(b'<') || next.is(b'>') || before.is(b'>') || before.is(b'<')) {
            return true;
        }
        !next.glued
    }

    fn in_call(&self, before: &Piece<'_>, next: &Piece<'_>) -> bool {
        let inside = !self.open.is_empty();
        if next.is(b'=') || before.is(b'=') {
            return !inside;
        }
        if next.is(b'|') || before.is(b'|') || next.is(b',') || self.closing(next) {
            return false;
        }
        if before.is(b',') {
            return true;
        }
        if next.is(b'(') && !inside && !self.result {
            return false;
        }
        if inside && Self::opens(before) || next.kind == Some(Kind::Ellipsis) && before.kind == Some(Kind::Text) {
            return false;
        }
        !next.glued
    }

    fn elsewhere(&self, before: &Piece<'_>, next: &Piece<'_>) -> bool {
        let inside = !self.open.is_empty();
        if before.is(b'#') {
            return false;
        }
        if next.is(b'{') || before.is(b'}') {
            return true;
        }
        if next.is(b'=') || before.is(b'=') {
            return !inside;
        }
        if next.kind == Some(Kind::OptionValue)
            || next.is(b',')
            || next.is(b':')
            || self.closing(next)
            || inside && Self::opens(before)
        {
            return false;
        }
        if before.is(b',') {
            return true;
        }
        !next.glued
    }

    /// Takes a piece that is written.
    pub(super) fn take(&mut self, piece: &Piece<'_>, first: bool) {
        let Some(Kind::Punct(punct)) = piece.kind else { return };
        if self.closing(piece) {
            self.open.pop();
            return;
        }
        let close = match punct {
            b'(' => b')',
            b'[' => b']',
            b'{' if self.sort == Sort::Call => b'}',
            b'<' if self.sort == Sort::Packet && !first => b'>',
            b'=' if self.open.is_empty() => {
                self.result = true;
                return;
            }
            _ => return,
        };
        self.note |= self.sort == Sort::Call && self.result && self.open.is_empty() && punct == b'(';
        self.open.push(close);
    }
}
