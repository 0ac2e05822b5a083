//! What the grammar cannot say: ranges, sums, what goes with what.
//!
//! A number with a name in it is let pass here; expansion resolves the name and asks again.

mod calls;
mod options;
mod packets;

pub(crate) use calls::{call, call_names};
pub(crate) use options::{option_line, option_names};
pub(crate) use packets::packet;

use crate::ast::{Action, Direction, Event, Micros, Span, Time};
use crate::diagnostics::Diagnostic;

/// A form of time that does not go with what happens then, or runs backwards.
pub(crate) fn time_fits(event: &Event, span: Span) -> Option<Diagnostic> {
    let outbound = matches!(&event.action, Action::Packet(packet) if packet.direction == Direction::Outbound);
    let fault = |message: &str, help: &str| Some(Diagnostic::new("time", message, span).help(help));
    let backwards = |start: &Micros, end: &Micros| {
        let plain = start.name.is_none() && end.name.is_none();
        (plain && end.offset < start.offset).then(|| Diagnostic::new("time", "this time range runs backwards", span))
    };
    match &event.time {
        Time::AnyTime if !outbound => {
            fault("`*` goes with a packet from the SUT only", "give the event a time, e.g. `+0`")
        }
        Time::AbsoluteRange(..) | Time::RelativeRange(..) if !outbound => {
            fault("a time range goes with a packet from the SUT only", "the harness itself acts at one time: give that")
        }
        Time::Blocking { .. } if !matches!(event.action, Action::Call(_)) => {
            fault("`...` and an end go with a system call only", "it says when a blocking call returns")
        }
        Time::AbsoluteRange(start, end) | Time::RelativeRange(start, end) | Time::Blocking { start, end, .. } => {
            backwards(start, end)
        }
        Time::Absolute(_) | Time::Relative(_) | Time::AnyTime => None,
    }
}
