//! Tokens of a block.

use super::{CodeError, fault};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Int(i128),
    Name,
    Text(String),
    Op(&'static str),
    /// A line's end outside parentheses, or `;`.
    Break,
    End,
}

#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Longer ones first.
const OPERATORS: [&str; 26] = [
    "//", "<<", ">>", "==", "!=", "<=", ">=", "+=", "-=", "*=", "&=", "|=", "+", "-", "*", "/", "%", "&", "|", "^",
    "<", ">", "(", ")", ",", "=",
];

pub(super) fn lex(code: &str) -> Result<Vec<Token>, CodeError> {
    let bytes = code.as_bytes();
    let mut tokens = Vec::new();
    let (mut at, mut depth) = (0, 0_u32);
    while at < bytes.len() {
        let start = at;
        let rest = &code[at..];
        let kind = match bytes[at] {
            b' ' | b'\t' | b'\r' => None,
            b'#' => {
                at += rest.find('\n').unwrap_or(rest.len()).max(1) - 1;
                None
            }
            b'\\' if rest.trim_start_matches('\\').trim_start_matches([' ', '\t', '\r']).starts_with('\n') => {
                at += rest.find('\n').unwrap_or(0);
                None
            }
            b'\n' if depth > 0 => None,
            b'\n' | b';' => Some(Kind::Break),
            b'0'..=b'9' => {
                let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
                at += length - 1;
                Some(Kind::Int(
                    number(&rest[..length])
                        .ok_or_else(|| fault(code, start, format!("`{}` is not an integer", &rest[..length])))?,
                ))
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                at += rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count() - 1;
                Some(Kind::Name)
            }
            quote @ (b'\'' | b'"') => {
                let (text, length) = text(&rest[1..], quote).ok_or_else(|| fault(code, start, "a text without end"))?;
                at += length;
                Some(Kind::Text(text))
            }
            _ => {
                let operator = OPERATORS.iter().find(|operator| rest.starts_with(**operator));
                let Some(operator) = operator else {
                    let character = rest.chars().next().unwrap_or_default();
                    return Err(fault(code, start, format!("a block has no use for `{character}`")));
                };
                depth = match *operator {
                    "(" => depth + 1,
                    ")" => depth.saturating_sub(1),
                    _ => depth,
                };
                at += operator.len() - 1;
                Some(Kind::Op(operator))
            }
        };
        at += 1;
        tokens.extend(kind.map(|kind| Token { kind, start, end: at }));
    }
    tokens.push(Token { kind: Kind::End, start: bytes.len(), end: bytes.len() });
    Ok(tokens)
}

fn number(word: &str) -> Option<i128> {
    let digits = word.replace('_', "");
    match digits.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => i128::from_str_radix(&digits[2..], 16).ok(),
        Some("0o") => i128::from_str_radix(&digits[2..], 8).ok(),
        Some("0b") => i128::from_str_radix(&digits[2..], 2).ok(),
        // Python takes no leading zeros but of zero itself.
        _ if digits.starts_with('0') && digits.bytes().any(|digit| digit != b'0') => None,
        _ => digits.parse().ok(),
    }
}

/// The text up to the quote, and the octets read with it.
fn text(rest: &str, quote: u8) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut characters = rest.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\n' => return None,
            '\\' => match characters.next()?.1 {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                quoted @ ('\\' | '\'' | '"') => text.push(quoted),
                other => text.extend(['\\', other]),
            },
            _ if u32::from(character) == u32::from(quote) => return Some((text, at + 1)),
            _ => text.push(character),
        }
    }
    None
}
