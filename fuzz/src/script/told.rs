//! The end of a script for a finding: what the rule asks for in the place of what came.

use super::{Entry, Writer, letters, line_of, seconds, segment};
use crate::datagram::{ACK, FIN, SYN, Seg};
use crate::program::Damage;
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
    /// What was sent has to go again.
    Again {
        /// To this port.
        port: u16,
        /// Where it begins.
        seq: u32,
        /// What it acknowledges.
        ack: u32,
        /// After so many microseconds or so.
        after: u64,
    },
    /// Text that was written, and that the window has room for, has to go, with nothing in flight.
    Fresh {
        /// To this port.
        port: u16,
        /// Where it begins.
        seq: u32,
        /// Octets, and whether they are the last.
        text: u32,
        /// They are all that was written.
        last: bool,
    },
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
    if let Some(Due::Again { port, seq, ack, after }) = due
        && let Some(sent) = last_sent(entries, *port, *seq)
    {
        writer.again(entries, sent, *ack, *after);
        return writer.text;
    }
    if let Some(Due::Fresh { port, seq, text, last }) = due
        && let Some(cut) = ready(entries)
    {
        writer.fresh(&entries[..cut], *port, (*seq, *text, *last));
        return writer.text;
    }
    first.iter().for_each(|entry| writer.entry(entry));
    writer.instead(came);
    let at = came.iter().map(Entry::at).next().or(writer.before).unwrap_or(0);
    match due {
        Some(Due::Segments(port, segments)) if !segments.is_empty() => writer.owed(*port, segments),
        Some(Due::Segments(..) | Due::Call(_) | Due::Again { .. } | Due::Fresh { .. }) | None => writer.silence(at),
    }
    writer.text
}

/// Where the last segment stands that went to the port, begins at this number, and takes numbers.
fn last_sent(entries: &[Entry], port: u16, seq: u32) -> Option<usize> {
    let takes = |seg: &Seg<'_>| !seg.payload.is_empty() || seg.has(SYN) || seg.has(FIN);
    entries.iter().rposition(|entry| match entry {
        Entry::Out(_, octets) => {
            segment(octets).is_some_and(|seg| seg.dst_port == port && seg.seq == seq && takes(&seg))
        }
        Entry::In(..) | Entry::Icmp(..) | Entry::Call(..) | Entry::Lost(..) => false,
    })
}

/// How much happens until the last text is written and there is a window for it.
fn ready(entries: &[Entry]) -> Option<usize> {
    let writes =
        |entry: &Entry| matches!(entry, Entry::Call(_, words) if words.starts_with("send(") && !words.contains("= -1"));
    let call = entries.iter().rposition(writes)?;
    let opens = |entry: &Entry| arrived(entry).is_some_and(|seg| seg.window > 0);
    let before = entries[..call].iter().rfind(|entry| arrived(entry).is_some());
    let later = || entries[call..].iter().position(opens).map(|at| call + at + 1);
    if before.is_none_or(opens) { Some(call + 1) } else { later() }
}

fn arrived(entry: &Entry) -> Option<Seg<'_>> {
    if let Entry::In(_, octets, Damage::None) = entry { segment(octets) } else { None }
}

/// How long text that nothing holds back may wait, in seconds: longer than any timer.
const LONGEST_WAIT: &str = "120";

impl Writer {
    /// What happened until text had to go, and that it goes.
    fn fresh(&mut self, entries: &[Entry], port: u16, (seq, text, last): (u32, u32, bool)) {
        entries.iter().for_each(|entry| self.entry(entry));
        let numbers = self.numbers[line_of(port).unwrap_or(0)];
        let start = seq.wrapping_sub(numbers.host.unwrap_or(0));
        let controls = |seg: &Seg<'_>| u32::from(seg.has(SYN)) + u32::from(seg.has(FIN));
        let ends = entries
            .iter()
            .filter_map(arrived)
            .map(|seg| seg.seq.wrapping_add(seg.payload.len() as u32 + controls(&seg)));
        let ack = ends.max_by_key(|end| end.wrapping_sub(numbers.peer.unwrap_or(0))).unwrap_or(0);
        let (end, ack) = (start.wrapping_add(text), ack.wrapping_sub(numbers.peer.unwrap_or(0)));
        let letters = if last { "P." } else { "." };
        let _ = writeln!(self.text, "+0~+{LONGEST_WAIT} > {letters} {start}:{end}({text}) ack {ack} <...>");
    }

    /// What happened until the segment of the entry `sent` had to go again, and that it goes.
    fn again(&mut self, entries: &[Entry], sent: usize, ack: u32, after: u64) {
        let due = entries[sent].at() + after;
        entries
            .iter()
            .enumerate()
            .take_while(|(at, entry)| *at <= sent || entry.at() < due)
            .for_each(|(_, of)| self.entry(of));
        let Entry::Out(_, octets) = &entries[sent] else { return };
        let Some(seg) = segment(octets) else { return };
        let numbers = self.numbers[line_of(seg.dst_port).unwrap_or(0)];
        let start = seg.seq.wrapping_sub(numbers.host.unwrap_or(0));
        let (length, letters) = (seg.payload.len(), letters(seg.flags));
        let words = format!("> {letters} {start}:{}({length})", start.wrapping_add(length as u32));
        let ack =
            if seg.has(ACK) { format!(" ack {}", ack.wrapping_sub(numbers.peer.unwrap_or(0))) } else { String::new() };
        let latest = due + after + 1_000_000 - self.before.unwrap_or(0);
        let _ = writeln!(self.text, "+0~+{} {words}{ack} <...>", seconds(latest));
    }

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
