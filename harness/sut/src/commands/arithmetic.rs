//! `$((...))` of constants, as a shell computes it.

/// Deepest nesting of parentheses and signs.
const MOST_DEPTH: u32 = 64;

/// The value; `None` for what is no expression of constants, or overflows.
pub(crate) fn value(text: &str) -> Option<i64> {
    let mut rest = text.trim_start();
    let value = sum(&mut rest, 0)?;
    rest.is_empty().then_some(value)
}

fn takes(rest: &mut &str, operator: &str) -> bool {
    let Some(after) = rest.strip_prefix(operator) else { return false };
    *rest = after.trim_start();
    true
}

fn sum(rest: &mut &str, depth: u32) -> Option<i64> {
    let mut value = product(rest, depth)?;
    loop {
        value = match () {
            () if takes(rest, "+") => value.checked_add(product(rest, depth)?)?,
            () if takes(rest, "-") => value.checked_sub(product(rest, depth)?)?,
            () => return Some(value),
        };
    }
}

fn product(rest: &mut &str, depth: u32) -> Option<i64> {
    let mut value = factor(rest, depth)?;
    loop {
        value = match () {
            () if takes(rest, "*") => value.checked_mul(factor(rest, depth)?)?,
            () if takes(rest, "/") => value.checked_div(factor(rest, depth)?)?,
            () if takes(rest, "%") => value.checked_rem(factor(rest, depth)?)?,
            () => return Some(value),
        };
    }
}

fn factor(rest: &mut &str, depth: u32) -> Option<i64> {
    if depth > MOST_DEPTH {
        return None;
    }
    if takes(rest, "-") {
        return factor(rest, depth + 1)?.checked_neg();
    }
    if takes(rest, "(") {
        let value = sum(rest, depth + 1)?;
        return takes(rest, ")").then_some(value);
    }
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    let (digits, after) = rest.split_at(end);
    *rest = after.trim_start();
    match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None if digits.len() > 1 && digits.starts_with('0') => i64::from_str_radix(digits, 8).ok(),
        None => digits.parse().ok(),
    }
}
