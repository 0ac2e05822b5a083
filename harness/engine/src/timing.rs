//! When an event is due, and how far off is still on time.

use crate::outcome::FieldDiff;
use crate::sut::{ClockKind, Micros};
use halfopen_script::ast::Time;
use halfopen_script::print::events::seconds;

/// When an event is due, on the script's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    /// Earliest; the time itself when it is no range.
    pub(crate) from: Micros,
    /// Latest.
    pub(crate) to: Micros,
    /// `*`: any time will do.
    pub(crate) any: bool,
    /// What the tolerance is a fraction of: the time since the previous event.
    pub(crate) interval: Micros,
    /// An absolute time that had passed when the event's turn came.
    pub(crate) overdue: bool,
    /// How long the harness's own turns before it took: what they caused may have come since the first of them began.
    pub(crate) lead: Micros,
}

impl Due {
    /// Resolves a time. Relative times count from `base`, the end of the previous event. For a blocking call it is the start.
    pub(crate) fn new(time: &Time, base: Micros) -> Self {
        let (from, to, any) = match time {
            Time::Absolute(at) => (at.value(), at.value(), false),
            Time::Relative(after) => (base + after.value(), base + after.value(), false),
            Time::AbsoluteRange(from, to) => (from.value(), to.value(), false),
            Time::RelativeRange(from, to) => (base + from.value(), base + to.value(), false),
            Time::AnyTime => (base, base, true),
            Time::Blocking { relative, start, .. } => {
                let start = start.value() + if *relative { base } else { 0 };
                (start, start, false)
            }
        };
        Self { from, to, any, interval: (to - base).max(0), overdue: to < base, lead: 0 }
    }

    /// The same for a packet that the previous event may have caused while it went on.
    pub(crate) fn caused_since(self, began: Micros, base: Micros) -> Self {
        Self { lead: (base - began).max(0), ..self }
    }

    /// The time as it stands in a report.
    pub(crate) fn text(&self) -> String {
        match (self.any, self.from == self.to) {
            (true, _) => "any time".into(),
            (false, true) => seconds(self.from),
            (false, false) => format!("{}~{}", seconds(self.from), seconds(self.to)),
        }
    }

    /// What is wrong with this time of arrival.
    pub(crate) fn judge(&self, at: Micros, tolerance: Tolerance) -> Option<FieldDiff> {
        // packetdrill takes the beginning of a range for its end here.
        let interval = if tolerance.always { self.interval - (self.to - self.from) } else { self.interval };
        let slack = tolerance.of(interval);
        if self.any || (self.from - self.lead - slack..=self.to + slack).contains(&at) {
            return None;
        }
        let slack = if slack > 0 { format!(" +-{}", seconds(slack)) } else { String::new() };
        Some(FieldDiff { field: "time".into(), expected: format!("{}{slack}", self.text()), got: seconds(at) })
    }
}

/// The end of a blocking call, on the script's clock.
pub(crate) fn blocking_end(time: &Time, base: Micros) -> Option<Micros> {
    match time {
        Time::Blocking { relative, end, .. } => Some(end.value() + if *relative { base } else { 0 }),
        Time::Absolute(_) | Time::Relative(_) | Time::AbsoluteRange(..) | Time::RelativeRange(..) | Time::AnyTime => {
            None
        }
    }
}

/// How far off is still on time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tolerance {
    /// Whose clock it is: none at all on a virtual one, unless `always`.
    pub(crate) clock: ClockKind,
    /// On a virtual clock too, as packetdrill has it: scripts that were written on a kernel hold what its ticks made of the time.
    pub(crate) always: bool,
    /// Least tolerance.
    pub(crate) micros: Micros,
    /// Tolerance in thousandths of the interval since the previous event: a timer wheel is late by up to an eighth.
    pub(crate) permille: i64,
}

impl Tolerance {
    /// The tolerance for an event that is due this long after the previous one.
    pub(crate) fn of(self, interval: Micros) -> Micros {
        match self.clock {
            ClockKind::Virtual if !self.always => 0,
            ClockKind::Virtual | ClockKind::Real => self.micros.max(interval * self.permille / 1000),
        }
    }

    /// How long to wait beyond the tolerance, to tell a late segment from a missing one. It costs nothing on a virtual clock.
    pub(crate) fn grace(self) -> Micros {
        match self.clock {
            ClockKind::Virtual => 600_000_000,
            ClockKind::Real => 2_000_000,
        }
    }

    /// How long `*` waits: on a virtual clock longer than the keep-alive's two hours.
    pub(crate) fn any_time(self) -> Micros {
        match self.clock {
            ClockKind::Virtual => 4 * 3600 * 1_000_000,
            ClockKind::Real => 120_000_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use halfopen_script::ast::Micros as M;

    const REAL: Tolerance = Tolerance { clock: ClockKind::Real, always: false, micros: 4000, permille: 125 };
    const VIRTUAL: Tolerance = Tolerance { clock: ClockKind::Virtual, always: false, micros: 4000, permille: 125 };
    const LENIENT: Tolerance = Tolerance { clock: ClockKind::Virtual, always: true, micros: 4000, permille: 125 };

    #[test]
    fn early_and_late_are_told_from_on_time() {
        let (m, base) = (M::literal, 1_000_000);
        let range = || Time::RelativeRange(m(0), m(500_000));
        #[rustfmt::skip]
        let table = [
            // time                        at         virtual real
            (Time::Relative(m(0)),         1_000_000, true,   true),
            (Time::Relative(m(0)),         1_000_001, false,  true),
            (Time::Relative(m(0)),         1_004_000, false,  true),
            (Time::Relative(m(0)),         1_004_001, false,  false),
            (Time::Relative(m(0)),           996_000, false,  true),
            (Time::Relative(m(0)),           995_999, false,  false),
            (Time::Relative(m(800_000)),   1_900_000, false,  true),
            (Time::Relative(m(800_000)),   1_900_001, false,  false),
            (Time::Relative(m(800_000)),   1_699_999, false,  false),
            (Time::Absolute(m(1_000_000)), 1_000_000, true,   true),
            (Time::Absolute(m(1_000_000)), 1_004_001, false,  false),
            (range(),                      1_000_000, true,   true),
            (range(),                      1_500_000, true,   true),
            (range(),                        999_999, false,  true),
            (range(),                      1_500_001, false,  true),
            (range(),                      1_562_501, false,  false),
            (Time::AnyTime,              900_000_000, true,   true),
        ];
        for (time, at, on_virtual, on_real) in table {
            let due = Due::new(&time, base);
            assert_eq!(due.judge(at, VIRTUAL).is_none(), on_virtual, "{time} at {at}, virtual");
            assert_eq!(due.judge(at, REAL).is_none(), on_real, "{time} at {at}, real");
            assert_eq!(due.judge(at, LENIENT).is_none(), on_real, "{time} at {at}, virtual, as packetdrill");
        }
    }

    #[test]
    fn a_blocking_call_ends_relative_to_where_it_starts() {
        let blocking = |relative| Time::Blocking { relative, start: M::literal(100), end: M::literal(300) };
        assert_eq!((Due::new(&blocking(true), 50).from, blocking_end(&blocking(true), 50)), (150, Some(350)));
        assert_eq!((Due::new(&blocking(false), 50).from, blocking_end(&blocking(false), 50)), (100, Some(300)));
    }

    #[test]
    fn what_a_call_causes_may_come_while_it_goes_on() {
        let due = Due::new(&Time::Relative(M::literal(0)), 1_000_000).caused_since(990_000, 1_000_000);
        for (at, on_virtual, on_real) in [(989_999, false, true), (985_999, false, false), (990_000, true, true)] {
            assert_eq!(due.judge(at, VIRTUAL).is_none(), on_virtual, "{at}, virtual");
            assert_eq!(due.judge(at, REAL).is_none(), on_real, "{at}, real");
        }
    }
}
