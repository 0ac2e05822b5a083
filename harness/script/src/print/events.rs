//! Numbers, times, events.

use crate::ast::{Action, Event, Micros, Num, Time};
use crate::parse::is_symbol;
use std::fmt::{Display, Formatter, Result};

/// The alternate form `{:#}` is for packets, where a word in capitals needs no dollar.
impl Display for Num {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if let ([symbol], 0, true) = (self.names.as_slice(), self.offset, f.alternate())
            && is_symbol(symbol)
        {
            return f.write_str(symbol);
        }
        for (index, name) in self.names.iter().enumerate() {
            write!(f, "{}${name}", if index == 0 { "" } else { "+" })?;
        }
        match (self.names.is_empty(), self.offset) {
            (true, offset) if self.hex => write!(f, "{offset:#x}"),
            (true, offset) => write!(f, "{offset}"),
            (false, 0) => Ok(()),
            (false, offset) => write!(f, "{offset:+}"),
        }
    }
}

impl Display for Micros {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Some(name) = &self.name else { return f.write_str(&seconds(self.offset)) };
        write!(f, "${name}")?;
        match self.offset {
            0 => Ok(()),
            offset if offset < 0 => write!(f, "-{}", seconds(-offset)),
            offset => write!(f, "+{}", seconds(offset)),
        }
    }
}

/// Microseconds as seconds, without needless zeros: `0.1`, `2`, `0.000012`.
pub fn seconds(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.unsigned_abs();
    let (whole, fraction) = (micros / 1_000_000, micros % 1_000_000);
    if fraction == 0 {
        return format!("{sign}{whole}");
    }
    let fraction = format!("{fraction:06}");
    format!("{sign}{whole}.{}", fraction.trim_end_matches('0'))
}

impl Display for Time {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Absolute(at) => write!(f, "{at}"),
            Self::Relative(after) => write!(f, "+{after}"),
            Self::AbsoluteRange(from, to) => write!(f, "{from}~{to}"),
            Self::RelativeRange(from, to) => write!(f, "+{from}~+{to}"),
            Self::AnyTime => f.write_str("*"),
            Self::Blocking { relative, start, end } => write!(f, "{}{start}...{end}", if *relative { "+" } else { "" }),
        }
    }
}

impl Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} {}", self.time, self.action)
    }
}

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Packet(packet) => write!(f, "{packet}"),
            Self::Call(call) => write!(f, "{call}"),
            Self::Command(command) => write!(f, "`{command}`"),
            Self::Code(code) if code.contains('\n') => write!(f, "%{{{code}}}%"),
            Self::Code(code) => write!(f, "%{{ {code} }}%"),
            Self::Silent => f.write_str("silent"),
        }
    }
}
