//! `struct epoll_event`: `{events=EPOLLIN, fd=4}`, with `ptr`, `u32` or `u64` in place of `fd`.
//!
//! What a script stores with a descriptor is opaque to the SUT, so it is the script's own number that goes in and comes back.

use super::args::{elements, int, is_ellipsis, member, members, misfit};
use super::result::{bit_names, leaf};
use crate::outcome::FieldDiff;
use crate::stop::Stop;
use crate::view::diff;
use halfopen_script::ast::Arg;

/// Octets of an event in a reply: events and data.
const SIZE: usize = 12;

/// What an event has to be.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// `None` is not looked at.
    events: Option<u32>,
    /// The member that the script names, its value, and how many bits of the union it is.
    data: Option<(&'static str, u64, u32)>,
}

/// The members of `epoll_data_t` and their bits.
const MEMBERS: [(&str, u32); 4] = [("fd", 32), ("ptr", 64), ("u32", 32), ("u64", 64)];

impl Event {
    fn new(arg: &Arg) -> Result<Self, Stop> {
        let fields = members(arg, "an `epoll_event` structure")?;
        let events = member(fields, "events", 0).ok_or_else(|| misfit(arg, "an event with `events`"))?;
        let events = if is_ellipsis(events) { None } else { Some(int(events)? as u32) };
        let mut data = None;
        for (name, bits) in MEMBERS {
            let Some(value) = member(fields, name, usize::MAX).filter(|value| !is_ellipsis(value)) else { continue };
            data = Some((name, int(value)? as u64 & u64::MAX >> (64 - bits), bits));
        }
        Ok(Self { events, data })
    }

    /// As the SUT would report it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let data = self.data.map_or(0, |(_, value, _)| value);
        [&self.events.unwrap_or(0).to_ne_bytes()[..], &data.to_ne_bytes()].concat()
    }
}

/// What `epoll_ctl` is given.
pub(crate) fn control(arg: &Arg) -> Result<(u32, u64), Stop> {
    let event = Event::new(arg)?;
    Ok((event.events.unwrap_or(0), event.data.map_or(0, |(_, value, _)| value)))
}

/// What `epoll_wait` has to report: one event, or a list of them in order.
pub(crate) fn expected(arg: &Arg) -> Result<Vec<Event>, Stop> {
    if is_ellipsis(arg) { Ok(Vec::new()) } else { elements(arg).iter().map(Event::new).collect() }
}

/// Every difference between the events that a call reported and the script's. As in packetdrill an event that was not reported
/// is all zeros, and those beyond the script's are not looked at.
pub(crate) fn check(expected: &[Event], data: &[u8], fields: &mut Vec<FieldDiff>) {
    for (index, event) in expected.iter().enumerate() {
        let octets = data.chunks_exact(SIZE).nth(index).unwrap_or(&[0; SIZE]);
        let events = u32::from_ne_bytes([octets[0], octets[1], octets[2], octets[3]]);
        let got = u64::from_ne_bytes(octets[4..SIZE].try_into().expect("eight of twelve octets"));
        let name = |field: &str| if expected.len() == 1 { field.to_owned() } else { leaf("event", index, field) };
        if let Some(wanted) = event.events.filter(|wanted| *wanted != events) {
            let show = |bits: u32| bit_names("EPOLL", bits.into());
            fields.push(diff(&name("events"), show(wanted), show(events)));
        }
        if let Some((member, wanted, bits)) = event.data {
            let got = got & u64::MAX >> (64 - bits);
            if wanted != got {
                fields.push(diff(&name(member), wanted, got));
            }
        }
    }
}
