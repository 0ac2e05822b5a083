//! System calls and their arguments.

use crate::ast::{Arg, ArgKind, Call, Member};
use std::fmt::{Display, Formatter, Result};

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(&self.name.node)?;
        list(f, "(", &self.args, ")")?;
        write!(f, " = {}", self.result)?;
        if let Some(errno) = &self.errno {
            write!(f, " {}", errno.node)?;
        }
        if let Some(note) = &self.note {
            write!(f, " ({note})")?;
        }
        Ok(())
    }
}

fn list<T: Display>(f: &mut Formatter<'_>, open: &str, nodes: &[T], close: &str) -> Result {
    f.write_str(open)?;
    for (index, node) in nodes.iter().enumerate() {
        write!(f, "{}{node}", if index == 0 { "" } else { ", " })?;
    }
    f.write_str(close)
}

impl Display for Arg {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.kind {
            ArgKind::Ellipsis => f.write_str("..."),
            ArgKind::Num(num) => write!(f, "{num}"),
            ArgKind::Word(word) => f.write_str(word),
            ArgKind::Text(text) => quoted(f, text),
            ArgKind::TextEllipsis(text) => {
                quoted(f, text)?;
                f.write_str("...")
            }
            ArgKind::Or(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    write!(f, "{}{part}", if index == 0 { "" } else { "|" })?;
                }
                Ok(())
            }
            ArgKind::List(args) => list(f, "[", args, "]"),
            ArgKind::Struct(members) => list(f, "{", members, "}"),
            ArgKind::Apply(name, args) => {
                f.write_str(name)?;
                list(f, "(", args, ")")
            }
        }
    }
}

impl Display for Member {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if let Some(name) = &self.name {
            f.write_str(&name.node)?;
            if let Some(length) = &self.length {
                write!(f, "({length})")?;
            }
            f.write_str("=")?;
        }
        write!(f, "{}", self.value)
    }
}

fn quoted(f: &mut Formatter<'_>, text: &str) -> Result {
    f.write_str("\"")?;
    for character in text.chars() {
        match character {
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            '\r' => f.write_str("\\r")?,
            '"' | '\\' => write!(f, "\\{character}")?,
            // One octet, whatever it is.
            '\0'..='\x1f' | '\x7f'..='\u{ff}' => write!(f, "\\x{:02x}", u32::from(character))?,
            _ => write!(f, "{character}")?,
        }
    }
    f.write_str("\"")
}
