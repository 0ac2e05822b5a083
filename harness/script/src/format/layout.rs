//! Lines to text: indentation, the column of a paragraph, comments beside.

use super::pieces::{Line, Piece};
use super::spacing::{Sort, Spacing, sort};
use crate::lexer::Kind;

/// A time longer than this has no part in the column of its paragraph.
const LONGEST_TIME: usize = 8;
/// Comments beside lines longer than this are not aligned.
const LONGEST_LINE: usize = 100;
const INDENT: usize = 2;

/// The text of a file.
pub(super) fn lay_out(header: &str, lines: &[Line<'_>]) -> String {
    let mut out = String::new();
    for line in header.lines() {
        head(&mut out, line);
    }
    if header.is_empty() && lines.first().is_some_and(|line| is_head(line.body[0].text)) {
        // On the first line of a file it would be a header.
        out.push('\n');
    }
    let times = columns(lines);
    let rendered: Vec<String> = lines.iter().zip(&times).map(|(line, column)| render(line, *column)).collect();
    let beside = beside_columns(lines, &rendered);
    for ((line, text), column) in lines.iter().zip(&rendered).zip(beside) {
        if line.spaced && !out.is_empty() && !out.ends_with("\n\n") {
            out.push('\n');
        }
        out.push_str(text);
        comments_beside(&mut out, line.beside, column, last_width(text));
        out.push('\n');
    }
    out
}

fn is_head(text: &str) -> bool {
    text.starts_with("//=") || text.starts_with("//:")
}

/// A line of the header: words of `//=` and `//:` one space apart, sentences as they are.
fn head(out: &mut String, line: &str) {
    if is_head(line) {
        out.push_str(&line[..3]);
        line[3..].split_whitespace().for_each(|word| out.push_str(&format!(" {word}")));
    } else {
        out.push_str(line.trim_end());
    }
    out.push('\n');
}

fn time_of(line: &Line<'_>) -> String {
    line.time.iter().map(|piece| piece.text).collect()
}

/// Width of the time of each line, with what fills it: that of the longest in its paragraph.
fn columns(lines: &[Line<'_>]) -> Vec<usize> {
    let mut columns = vec![0; lines.len()];
    let mut start = 0;
    while start < lines.len() {
        let same = |line: &&Line<'_>| line.depth == lines[start].depth && !line.spaced;
        let end = start + 1 + lines[start + 1..].iter().take_while(same).count();
        let widths = lines[start..end].iter().map(|line| time_of(line).len());
        columns[start..end].fill(widths.filter(|width| *width <= LONGEST_TIME).max().unwrap_or(0));
        start = end;
    }
    columns
}

/// A line without the comments beside it; it may have breaks inside, where its author set them.
fn render(line: &Line<'_>, column: usize) -> String {
    let mut out = " ".repeat(line.depth * INDENT);
    if !line.time.is_empty() {
        out.push_str(&format!("{:column$} ", time_of(line)));
    }
    let sort = sort(!line.time.is_empty(), line.body);
    let mut spacing = Spacing::new(sort);
    let mut margins = Margins::new(line.depth * INDENT + 2 * INDENT, last_width(&out));
    for (index, piece) in line.body.iter().enumerate() {
        if let Some(before) = index.checked_sub(1).map(|before| &line.body[before]) {
            // Braces of blocks stand at the end of a line, and `} or {` on one.
            let broken = piece.breaks > 0 && (sort != Sort::Other || !(piece.is(b'{') || line.body[0].is(b'}')));
            if broken || before.ends_line() {
                out.truncate(out.trim_end_matches(' ').len());
                out.push('\n');
                out.push_str(&" ".repeat(margins.next_line(spacing.closing(piece))));
            } else if spacing.between(before, piece) {
                out.push(' ');
            }
        }
        write(&mut out, piece);
        spacing.take(piece, index == 0);
        let ends_line = line.body.get(index + 1).is_none_or(|next| next.breaks > 0);
        margins.follow(spacing.depth(), ends_line, last_width(&out));
    }
    out
}

/// Where the lines of a statement begin.
struct Margins {
    /// Of a line that continues the statement outside brackets.
    outside: usize,
    /// Of the present line.
    line: usize,
    /// Of lines inside each open bracket, and of one that begins with what closes it.
    brackets: Vec<(usize, usize)>,
}

impl Margins {
    fn new(outside: usize, line: usize) -> Self {
        Self { outside, line, brackets: Vec::new() }
    }

    fn next_line(&mut self, closing: bool) -> usize {
        self.line = match self.brackets.last() {
            Some((_, outside)) if closing => *outside,
            Some((inside, _)) => *inside,
            None => self.outside,
        };
        self.line
    }

    /// So many brackets are open. What continues one begins behind it, or a step further in when it ends its line.
    fn follow(&mut self, depth: usize, ends_line: bool, column: usize) {
        self.brackets.truncate(depth);
        while self.brackets.len() < depth {
            self.brackets.push(if ends_line { (self.line + INDENT, self.line) } else { (column, column - 1) });
        }
    }
}

fn write(out: &mut String, piece: &Piece<'_>) {
    match piece.kind {
        None => {
            let lines: Vec<_> = piece.text.lines().map(str::trim_end).collect();
            out.push_str(&lines.join("\n"));
        }
        Some(Kind::Code) if !piece.text.contains('\n') => {
            let code = piece.text[2..piece.text.len() - 2].trim_matches([' ', '\t']);
            out.push_str(&format!("%{{ {code} }}%"));
        }
        Some(Kind::OptionValue) => {
            out.push('=');
            out.push_str(piece.text);
        }
        Some(_) => out.push_str(piece.text),
    }
}

/// Columns that the last line of a text takes.
fn last_width(text: &str) -> usize {
    text.rsplit('\n').next().map_or(0, |line| line.chars().count())
}

/// Where the comments beside each line begin: two spaces behind the longest of the lines that follow each other with comments.
fn beside_columns(lines: &[Line<'_>], rendered: &[String]) -> Vec<usize> {
    let mut columns = vec![0; lines.len()];
    let mut start = 0;
    while start < lines.len() {
        let more = |(index, line): (usize, &Line<'_>)| !line.beside.is_empty() && (index == 0 || !line.spaced);
        let end = start + lines[start..].iter().enumerate().take_while(|line| more(*line)).count();
        let widths = rendered[start..end].iter().map(|text| last_width(text));
        let widest = widths.filter(|width| *width <= LONGEST_LINE).max().unwrap_or(0);
        columns[start..end].fill(widest);
        start = end.max(start + 1);
    }
    columns
}

fn comments_beside(out: &mut String, beside: &[Piece<'_>], column: usize, width: usize) {
    for (index, piece) in beside.iter().enumerate() {
        let spaces = if index == 0 { column.saturating_sub(width) + 2 } else { 1 };
        out.push_str(&" ".repeat(spaces));
        write(out, piece);
    }
}
