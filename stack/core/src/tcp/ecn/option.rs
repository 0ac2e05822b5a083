//! When the `AccECN` option goes out and which counters it has (RFC 9768 3.2.3.2, 3.2.3.3).
//!
//! `tcp_ecn_option` has Linux's values: 0 never, 1 when a counter has changed since the last one, 2 on every segment that
//! has room, 3 also after a segment with one was lost.

use super::accurate::Octets;
use crate::seq::SeqNum;
use crate::wire::tcp::AccurateEcn;

/// Options that go out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sending {
    /// The counters as the last option told them.
    told: Octets,
    /// The next segment is to carry one, whatever has changed: it is the first after the handshake, or the first with data.
    first: bool,
    first_data: FirstData,
    /// A segment with an option was lost: the path may drop them.
    given_up: bool,
}

/// The data segment that tests the path (3.2.3.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FirstData {
    NotSent,
    /// It begins here and is about to go out.
    Sending(SeqNum),
    /// It began here and carried an option.
    Tested(SeqNum),
    /// It had no room.
    Untested,
}

impl Sending {
    pub(super) const fn new() -> Self {
        Self { told: Octets::INITIAL, first: true, first_data: FirstData::NotSent, given_up: false }
    }

    /// The option for a segment with `room` octets left for it.
    pub(super) fn option(&mut self, octets: &Octets, mode: u32, room: usize) -> Option<AccurateEcn> {
        let due = match mode {
            0 => false,
            1 => self.first || self.told != *octets,
            _ => true,
        };
        if !due || (self.given_up && mode < 3) {
            return None;
        }
        let option = fitting(octets, &self.told, self.first, room);
        if let FirstData::Sending(seq) = self.first_data {
            self.first_data = if option.is_some() { FirstData::Tested(seq) } else { FirstData::Untested };
        }
        if option.is_some() {
            self.first = false;
            self.told = *octets;
        }
        option
    }

    /// Octets that the next new data is to leave for an option.
    pub(super) fn reserve(&self, mode: u32) -> u32 {
        match self.first_data {
            FirstData::NotSent if mode > 0 && !self.given_up => AccurateEcn::octets_of(3) as u32,
            FirstData::NotSent | FirstData::Sending(_) | FirstData::Tested(_) | FirstData::Untested => 0,
        }
    }

    /// Data from `seq` on goes out, for the first time if `new`.
    pub(super) fn data(&mut self, seq: SeqNum, new: bool) {
        match self.first_data {
            FirstData::NotSent if new => {
                self.first = true;
                self.first_data = FirstData::Sending(seq);
            }
            FirstData::Tested(first) if !new && first == seq => self.given_up = true,
            FirstData::NotSent | FirstData::Sending(_) | FirstData::Tested(_) | FirstData::Untested => {}
        }
    }
}

/// Every counter that ever changed, in the order that needs fewer fields. Less, when the room is short, as long as what has
/// changed since the last option is among it; otherwise none (3.2.3.3).
fn fitting(octets: &Octets, told: &Octets, all: bool, room: usize) -> Option<AccurateEcn> {
    let start = Octets::INITIAL;
    let orders = [[Field::E0b, Field::Ceb, Field::E1b], [Field::E1b, Field::Ceb, Field::E0b]];
    let count = |order: &[Field; 3], since: &Octets| {
        order.iter().rposition(|field| field.of(octets) != field.of(since)).map_or(0, |last| last + 1)
    };
    let best = |since: &Octets| {
        let (first, second) = (count(&orders[0], since), count(&orders[1], since));
        if second < first { (1, second) } else { (0, first) }
    };
    let (order, fields) = if all { (0, 3) } else { best(&start) };
    let candidates = [(order, fields.max(1)), best(told)];
    let fits = |fields: usize| fields > 0 && AccurateEcn::octets_of(fields) <= room;
    let (order, fields) = candidates.into_iter().find(|(_, fields)| fits(*fields))?;
    let values = orders[order].map(|field| field.of(octets));
    Some(if order == 0 { AccurateEcn::e0b_first(&values[..fields]) } else { AccurateEcn::e1b_first(&values[..fields]) })
}

#[derive(Debug, Clone, Copy)]
enum Field {
    E0b,
    Ceb,
    E1b,
}

impl Field {
    const fn of(self, octets: &Octets) -> u32 {
        match self {
            Self::E0b => octets.e0b,
            Self::Ceb => octets.ceb,
            Self::E1b => octets.e1b,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn option_has_what_changed_in_the_order_that_is_shorter() {
        let octets = |e0b, ceb, e1b| Octets { e0b, ceb, e1b };
        let start = Octets::INITIAL;
        // now, as told last, room -> fields (kind 172) or fields (kind 174)
        let table = [
            (octets(1001, 0, 1), start, 40, Some(AccurateEcn::e0b_first(&[1001]))),
            (octets(1001, 500, 1), start, 40, Some(AccurateEcn::e0b_first(&[1001, 500]))),
            (octets(1, 0, 7), start, 40, Some(AccurateEcn::e1b_first(&[7]))),
            (octets(1, 5, 7), start, 40, Some(AccurateEcn::e1b_first(&[7, 5]))),
            (octets(9, 5, 7), start, 40, Some(AccurateEcn::e0b_first(&[9, 5, 7]))),
            (octets(9, 5, 7), octets(8, 5, 7), 11, Some(AccurateEcn::e0b_first(&[9]))),
            (octets(9, 5, 8), octets(9, 5, 7), 8, Some(AccurateEcn::e1b_first(&[8]))),
            (octets(9, 6, 8), octets(9, 5, 8), 8, Some(AccurateEcn::e0b_first(&[9, 6]))),
            (octets(9, 6, 8), octets(8, 5, 7), 8, None),
            (octets(9, 6, 8), octets(9, 6, 8), 3, None),
        ];
        for (octets, told, room, expected) in table {
            assert_eq!(fitting(&octets, &told, false, room), expected, "{octets:?} after {told:?}, room {room}");
        }
        assert_eq!(fitting(&start, &start, true, 12), Some(AccurateEcn::e0b_first(&[1, 0, 1])));
    }
}
