//! Values as text: `repr`, and `'...' % values`.

use super::eval::{MOST_OCTETS, TOO_LONG, Value};

/// As Python's `repr`: a text with its quotes.
pub(super) fn repr(value: &Value) -> String {
    let Value::Text(text) = value else { return value.to_string() };
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            _ if character == quote => out.extend(['\\', character]),
            _ => out.push(character),
        }
    }
    out.push(quote);
    out
}

/// `text % values`: `%d %i %u %x %X %o %s %r %%`, with `-`, `0` and a width.
pub(super) fn format(text: &str, values: &Value) -> Result<String, String> {
    let mut values = match values {
        Value::Tuple(parts) => parts.iter(),
        one @ (Value::Int(_) | Value::Bool(_) | Value::Text(_)) => std::slice::from_ref(one).iter(),
    };
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let spec = &rest[at + 1..];
        let flags = spec.len() - spec.trim_start_matches(['-', '0']).len();
        let digits = spec[flags..].bytes().take_while(u8::is_ascii_digit).count();
        let width = spec[flags..flags + digits].parse().unwrap_or(0).min(200);
        let Some(kind) = spec[flags + digits..].chars().next() else {
            return Err("the text ends in `%`".to_owned());
        };
        rest = &spec[flags + digits + kind.len_utf8()..];
        if kind == '%' {
            out.push('%');
            continue;
        }
        let value = values.next().ok_or("the text wants more values than there are")?;
        out.push_str(&pad(&one(kind, value)?, &spec[..flags], width, kind));
        if out.len() > MOST_OCTETS {
            return Err(TOO_LONG.to_owned());
        }
    }
    out.push_str(rest);
    if values.next().is_some() {
        return Err("the text wants fewer values than there are".to_owned());
    }
    Ok(out)
}

fn one(kind: char, value: &Value) -> Result<String, String> {
    if matches!(kind, 's' | 'r') {
        return Ok(if kind == 's' { value.to_string() } else { repr(value) });
    }
    let Some(number) = value.int() else { return Err(format!("`%{kind}` does not go with {}", repr(value))) };
    let (sign, size) = (if number < 0 { "-" } else { "" }, number.unsigned_abs());
    match kind {
        'd' | 'i' | 'u' => Ok(number.to_string()),
        'x' => Ok(format!("{sign}{size:x}")),
        'X' => Ok(format!("{sign}{size:X}")),
        'o' => Ok(format!("{sign}{size:o}")),
        _ => Err(format!("`%{kind}` is not a format")),
    }
}

fn pad(text: &str, flags: &str, width: usize, kind: char) -> String {
    if flags.contains('-') {
        return format!("{text:<width$}");
    }
    if flags.contains('0') && !matches!(kind, 's' | 'r') {
        let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
        return format!("{sign}{digits:0>fill$}", fill = width.saturating_sub(sign.len()));
    }
    format!("{text:>width$}")
}
