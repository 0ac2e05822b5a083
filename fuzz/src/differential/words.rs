//! Events in a line, for findings and for the globs of the allow-list: what is usual is left out.

use crate::oracles::judge::Flags;
use crate::program::{Damage, Event, Odd, Ref, Segment, Stamps};
use std::fmt::Write;

/// An event in a line.
#[must_use]
pub fn words(event: &Event) -> String {
    if let Event::Segment { at, segment } = event {
        return format!("segment {}: {}", at.index(), fields(segment));
    }
    // `Send { at: At(0), length: 1 }` is `send 0 length: 1`.
    let (text, kind) = (format!("{event:?}"), event.kind());
    let rest = text.split_once('{').map_or("", |(_, rest)| rest.trim_end_matches('}').trim());
    let line = match event.at() {
        Some(at) => format!("{kind} {} {}", at.index(), rest.split_once(", ").map_or("", |(_, rest)| rest)),
        None => format!("{kind} {rest}"),
    };
    line.trim_end().to_owned()
}

fn reference(reference: Ref) -> String {
    let (name, offset) = match reference {
        Ref::Next(offset) => ("next", offset),
        Ref::Acknowledged(offset) => ("acknowledged", offset),
        Ref::Edge(offset) => ("edge", offset),
        Ref::First(offset) => ("first", offset),
        Ref::Far(power) if power & 32 == 0 => return format!("next+2^{}", power & 31),
        Ref::Far(power) => return format!("next-2^{}", power & 31),
        Ref::Absolute(number) => return number.to_string(),
    };
    if offset == 0 { name.to_owned() } else { format!("{name}{offset:+}") }
}

fn fields(segment: &Segment) -> String {
    let letters = if segment.flags == 0 { "-".to_owned() } else { Flags(segment.flags).to_string() };
    let mut text =
        format!("{letters} seq {} ack {} len {}", reference(segment.seq), reference(segment.ack), segment.length);
    let _ = write!(text, " win {}", segment.window);
    if segment.flags & crate::datagram::URG != 0 {
        let _ = write!(text, " urg {}", segment.urgent);
    }
    if segment.stamps != Stamps::Negotiated {
        let _ = write!(text, " timestamps {:?}", segment.stamps);
    }
    if segment.odd != Odd::None {
        let _ = write!(text, " option {:?}", segment.odd);
    }
    for sack in segment.sacks.iter().filter(|sack| sack.octets > 0) {
        let _ = write!(text, " sack {:+}({})", sack.from, sack.octets);
    }
    if segment.damage != Damage::None {
        let _ = write!(text, " damage {:?}", segment.damage);
    }
    if segment.ecn != 0 {
        let _ = write!(text, " ecn {}", segment.ecn);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::At;

    #[test]
    fn only_what_is_unusual_is_said() {
        let segment = Segment { seq: Ref::Next(-1), damage: Damage::Checksum, ..Segment::text(9) };
        let table = [
            (
                Event::Segment { at: At::new(2), segment },
                "segment 2: P. seq next-1 ack next len 9 win 65535 damage Checksum",
            ),
            (Event::Text { at: At::new(0), length: 5 }, "text 0 length: 5"),
            (Event::Fin { at: At::new(1) }, "fin 1"),
            (Event::Accept {}, "accept"),
            (Event::Listen { backlog: 3 }, "listen backlog: 3"),
        ];
        for (event, expected) in table {
            assert_eq!(words(&event), expected);
        }
    }
}
