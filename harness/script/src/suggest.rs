//! "Did you mean": the known word that is nearest to an unknown one.

/// The nearest of some words, if it is near enough to be a slip: a third of its letters may differ.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.len() / 3).max(1);
    let scored = known.into_iter().filter(|other| other.len().abs_diff(word.len()) <= limit);
    let best = scored.map(|other| (distance(word.as_bytes(), other.as_bytes()), other)).min_by_key(|(score, _)| *score);
    best.filter(|(score, other)| *score <= limit && *score < other.len()).map(|(_, other)| other)
}

/// Letters to insert, delete, replace, or swap with their neighbour, to make one word of the other.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let same = usize::from(!x.eq_ignore_ascii_case(y));
            let mut best = (rows[i][j] + same).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i - 1] == *y && *x == b[j - 1] {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let known = ["win", "ack", "urg", "setsockopt", "getsockopt", "socket"];
        let table =
            [("wim", Some("win")), ("akc", Some("ack")), ("setsokopt", Some("setsockopt")), ("mtu", None), ("x", None)];
        for (word, near) in table {
            assert_eq!(nearest(word, known), near, "{word}");
        }
    }
}
