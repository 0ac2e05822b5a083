//! The end of a script for a finding: what the rule asks for in the place of what came.

use super::{Entry, Writer, letters, line_of, seconds, segment};
use crate::datagram::ACK;
use std::fmt::Write;

/// A segment that is due.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owed {
    /// When, microseconds.
    pub at: u64,
    /// Control bits.
    pub flags: u8,
    /// SEG.SEQ
    pub seq: u32,
    /// SEG.ACK
    pub ack: u32,
    /// Octets of text.
    pub text: u32,
    /// The runs that it reports in a SACK option, which then is all that it has of options; `None`: nobody says which.
    pub sacks: Option<Vec<(u32, u32)>>,
}

/// What an oracle waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// These segments to this port of the peer, and no others.
    Segments(u16, Vec<Owed>),
    /// The last call, in these words.
    Call(String),
}

/// An exchange that violated a rule: all up to and with the last stimulus, of which there are `before` entries, and what is due then, where that is known.
#[must_use]
pub fn told(head: &str, entries: &[Entry], before: usize, due: Option<&Due>) -> String {
    let mut writer = Writer::new(head.to_owned(), entries);
    let (first, came) = entries.split_at(before.min(entries.len()));
    if let (Some(Due::Call(words)), Some((call, first))) = (due, first.split_last()) {
        first.iter().for_each(|entry| writer.entry(entry));
        writer.line(call.at(), words);
        came.iter().for_each(|entry| writer.entry(entry));
        return writer.text;
    }
    first.iter().for_each(|entry| writer.entry(entry));
    writer.instead(came);
    let at = came.iter().map(Entry::at).next().or(writer.before).unwrap_or(0);
    match due {
        Some(Due::Segments(port, segments)) if !segments.is_empty() => writer.owed(*port, segments),
        Some(Due::Segments(..) | Due::Call(_)) | None => writer.silence(at),
    }
    writer.text
}

impl Writer {
    /// What came, as a comment.
    fn instead(&mut self, came: &[Entry]) {
        for entry in came {
            if let Entry::Out(_, octets) = entry
                && let Some(seg) = segment(octets)
            {
                let words = self.packet(&seg, octets, false, "");
                let _ = writeln!(self.text, "// Came instead: > {words}");
            }
        }
    }

    fn owed(&mut self, port: u16, segments: &[Owed]) {
        let numbers = self.numbers[line_of(port).unwrap_or(0)];
        for Owed { at, flags, seq, ack, text, sacks } in segments {
            let of = |number: u32, base: Option<u32>| number.wrapping_sub(base.unwrap_or(0));
            let start = of(*seq, numbers.host);
            let ports = if port == self.main { String::new() } else { format!("{} > {port} ", super::LISTENING) };
            let mut words = format!("> {ports}{} {start}:{}({text})", letters(*flags), start.wrapping_add(*text));
            if flags & ACK != 0 {
                let _ = write!(words, " ack {}", of(*ack, numbers.peer));
            }
            words += &match sacks {
                None => " <...>".to_owned(),
                Some(runs) if runs.is_empty() => String::new(),
                Some(runs) => {
                    let edges = runs.iter().map(|(a, b)| format!(" {}:{}", of(*a, numbers.peer), of(*b, numbers.peer)));
                    format!(" <nop,nop,sack{}>", edges.collect::<String>())
                }
            };
            self.line((*at).max(self.before.unwrap_or(0)), &words);
        }
    }

    /// Nothing comes up to this time and a little longer.
    pub(super) fn silence(&mut self, until: u64) {
        let since = until.saturating_sub(self.before.unwrap_or(until)) + 10_000;
        self.before = Some(self.before.unwrap_or(until) + since);
        let _ = writeln!(self.text, "+{} silent", seconds(since));
    }
}
