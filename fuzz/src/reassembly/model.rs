//! The receive queue as RFC 9293 3.10.7.4 has it, one slot per octet: as slow as it is plain.
//!
//! Places are octets of the stream from its first one on, so that nothing wraps.

use std::collections::BTreeMap;

/// What a segment came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    /// It lies outside the window, or comes after the end.
    Unacceptable,
    /// It left a gap before it, or filled one, or a part of one.
    OutOfOrder,
    /// It continues the stream, or says nothing new.
    Plain,
}

/// The model.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// What is held, read or not.
    octets: BTreeMap<u64, u8>,
    /// RCV.NXT.
    pub(super) next: u64,
    /// The right edge of the window, as the stack has told.
    pub(super) edge: u64,
    /// Octets that were read.
    pub(super) read: u64,
    fin: Option<u64>,
    /// RCV.NXT has passed the FIN.
    pub(super) ended: bool,
}

impl Model {
    /// A segment of text from `start` on, with FIN behind it. Of octets that come twice the first stand.
    pub(super) fn arrives(&mut self, start: i64, text: &[u8], fin: bool) -> Came {
        let length = text.len() as i64 + i64::from(fin);
        let (next, edge) = (self.next as i64, self.edge as i64);
        let in_window = |place: i64| (next..edge).contains(&place);
        // Table 6, and what begins before the window and ends behind it.
        let acceptable = match (length, edge - next) {
            (0, 0) => start == next,
            (0, _) => in_window(start),
            (_, 0) => false,
            _ => start < edge && start + length > next,
        };
        if !acceptable {
            return Came::Unacceptable;
        }
        if self.ended {
            return Came::Plain;
        }
        let (held, before) = (self.held().next().is_some(), self.next);
        let mut new = false;
        for (place, octet) in (start..).zip(text).filter(|(place, _)| in_window(*place)) {
            self.octets.entry(place as u64).or_insert_with(|| {
                new = true;
                *octet
            });
        }
        let end = start + text.len() as i64;
        if fin && in_window(end) {
            self.fin.get_or_insert(end as u64);
        }
        self.advance();
        let ahead = start > before as i64 && length > 0;
        if ahead || held && self.next > before { Came::OutOfOrder } else { Came::Plain }
    }

    fn advance(&mut self) {
        while !self.ended {
            if self.octets.contains_key(&self.next) {
                self.next += 1;
            } else if self.fin == Some(self.next) {
                self.ended = true;
                self.next += 1;
                self.octets.retain(|place, _| *place < self.next);
            } else {
                return;
            }
        }
    }

    /// Ranges beyond RCV.NXT, start and end.
    pub(super) fn held(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let mut places = self.octets.range(self.next..).map(|(place, _)| *place).peekable();
        std::iter::from_fn(move || {
            let start = places.next()?;
            let mut end = start + 1;
            while places.next_if_eq(&end).is_some() {
                end += 1;
            }
            Some((start, end))
        })
    }

    /// Octets that can be read.
    pub(super) fn readable(&self) -> u64 {
        self.next - u64::from(self.ended) - self.read
    }

    /// Reads up to `most` octets.
    pub(super) fn take(&mut self, most: usize) -> Vec<u8> {
        let end = self.read + self.readable().min(most as u64);
        let taken = (self.read..end).map(|place| self.octets.remove(&place).expect("an octet that arrived")).collect();
        self.read = end;
        taken
    }
}
