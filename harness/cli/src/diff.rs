//! What changes between two texts, line by line, with line numbers.

use std::fmt::Write;

/// Longest run of lines compared with each other; a longer difference is shown as a whole.
const LIMIT: usize = 2000;

/// The lines that differ, in the notation of `diff -u` without its context: empty when none does.
pub fn diff(name: &str, before: &str, after: &str) -> String {
    if before == after {
        return String::new();
    }
    let (old, new): (Vec<_>, Vec<_>) = (lines(before), lines(after));
    let mut out = format!("--- {name}\n+++ {name}\n");
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = (&old[head..], &new[head..]);
    let tail = rest.0.iter().rev().zip(rest.1.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    let pairs = if a.len().max(b.len()) > LIMIT { Vec::new() } else { common(a, b) };
    let (mut i, mut j) = (0, 0);
    for (x, y) in pairs.into_iter().chain([(a.len(), b.len())]) {
        if i < x || j < y {
            let (from, to) = (head + i + 1, head + j + 1);
            // Writing to a string cannot fail.
            let _ = writeln!(out, "@@ -{from},{} +{to},{} @@", x - i, y - j);
            a[i..x].iter().for_each(|line| out.push_str(&format!("-{line}\n")));
            b[j..y].iter().for_each(|line| out.push_str(&format!("+{line}\n")));
        }
        (i, j) = (x + 1, y + 1);
    }
    out
}

/// Lines with what ends them, where it is not a line feed alone.
fn lines(text: &str) -> Vec<String> {
    let line = |line: &str| match line.strip_suffix('\n') {
        Some(line) => line.replace('\r', "\\r"),
        None => format!("{line}\\ no line feed at the end"),
    };
    text.split_inclusive('\n').map(line).collect()
}

/// Indices of a longest common subsequence.
fn common(a: &[String], b: &[String]) -> Vec<(usize, usize)> {
    let width = b.len() + 1;
    let mut length = vec![0_u16; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            length[i * width + j] = if a[i] == b[j] {
                length[(i + 1) * width + j + 1] + 1
            } else {
                length[(i + 1) * width + j].max(length[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if length[(i + 1) * width + j] >= length[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::diff;

    #[test]
    fn only_lines_that_differ_are_shown() {
        assert_eq!(diff("x", "a\nb\n", "a\nb\n"), "");
        assert_eq!(
            diff("x", "a\nb\nc\nd\ne\n", "a\nB\nc\nd\nf\ng\n"),
            "--- x\n+++ x\n@@ -2,1 +2,1 @@\n-b\n+B\n@@ -5,1 +5,2 @@\n-e\n+f\n+g\n"
        );
        assert_eq!(
            diff("x", "a\r\nb", "a\nb\n"),
            "--- x\n+++ x\n@@ -1,2 +1,2 @@\n-a\\r\n-b\\ no line feed at the end\n+a\n+b\n"
        );
    }
}
