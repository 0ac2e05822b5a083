//! A divergence for people: what both hosts did is said once, and of many lines the first and the last.

use super::{Divergence, Item};
use std::fmt;

/// Lines of one kind in a row that are all shown.
const SHOWN: usize = 8;

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n  event {}: {}", self.key(), self.index, self.what)?;
        let [reference, linux] = self.lines();
        let begin = reference.iter().zip(&linux).take_while(|(one, two)| one == two).count();
        let rest = reference.len().min(linux.len()) - begin;
        let end = reference.iter().rev().zip(linux.iter().rev()).take(rest).take_while(|(one, two)| one == two).count();
        show(f, "both", &reference[..begin])?;
        for (who, lines) in [("reference", &reference), ("linux", &linux)] {
            match &lines[begin..lines.len() - end] {
                [] => writeln!(f, "  {who:<10} nothing")?,
                own => show(f, who, own)?,
            }
        }
        show(f, "both", &reference[reference.len() - end..])
    }
}

impl Divergence {
    /// What each of the two did, and when if the event is a wait; what differs may look the same.
    fn lines(&self) -> [Vec<(String, &Item)>; 2] {
        [(&self.reference, &self.times[0]), (&self.other, &self.times[1])].map(|(items, times)| {
            let time =
                |index| times.get(index).map_or_else(String::new, |time| format!("+{:.3} s ", *time as f64 / 1e6));
            items
                .iter()
                .enumerate()
                .map(|(index, item)| (format!("{}{item}{}", time(index), what_was_read(item)), item))
                .collect()
        })
    }
}

/// Text that was read, as the trace has it.
fn what_was_read(item: &Item) -> String {
    if let Item::Call(_, Ok(1..), hash @ 1..) = item {
        format!(", text with the hash {:08x}", *hash as u32)
    } else {
        String::new()
    }
}

fn show(f: &mut fmt::Formatter<'_>, who: &str, lines: &[(String, &Item)]) -> fmt::Result {
    let left_out = if lines.len() > SHOWN { 1..lines.len() - 1 } else { 0..0 };
    for (index, (line, _)) in lines.iter().enumerate() {
        if index == left_out.start && !left_out.is_empty() {
            writeln!(f, "  {who:<10} ... {} more", left_out.len())?;
        }
        if !left_out.contains(&index) {
            writeln!(f, "  {who:<10} {line}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A divergence of calls that returned these.
    fn divergence(reference: &[i64], other: &[i64]) -> Divergence {
        let items = |results: &[i64]| results.iter().map(|result| Item::Call("send", Ok(*result), 0)).collect();
        Divergence {
            index: 3,
            kind: "call send".to_owned(),
            state: "ESTABLISHED",
            event: "send",
            first: (0, 0),
            what: "send 0 length: 9".to_owned(),
            so_far: Vec::new(),
            reference: items(reference),
            other: items(other),
            beyond: false,
            times: [Vec::new(), Vec::new()],
        }
    }

    fn told(reference: &[i64], other: &[i64]) -> Vec<String> {
        divergence(reference, other).to_string().lines().skip(2).map(str::to_owned).collect()
    }

    #[test]
    fn what_both_did_is_said_once() {
        let expected =
            ["  both       send = 1", "  reference  send = 2", "  linux      send = 3", "  both       send = 4"];
        assert_eq!(told(&[1, 2, 4], &[1, 3, 4]), expected);
        assert_eq!(told(&[], &[7]), ["  reference  nothing", "  linux      send = 7"]);
        assert_eq!(told(&[1, 1], &[1]), ["  both       send = 1", "  reference  send = 1", "  linux      nothing"]);
    }

    #[test]
    fn other_text_of_the_same_length_looks_different() {
        let mut divergence = divergence(&[5], &[5]);
        divergence.reference = vec![Item::Call("recv", Ok(5), 0x1_0000_00ab)];
        divergence.other = vec![Item::Call("recv", Ok(5), 0xcd)];
        let text = divergence.to_string();
        assert!(text.contains("  reference  recv = 5, text with the hash 000000ab\n"), "{text}");
        assert!(text.contains("  linux      recv = 5, text with the hash 000000cd\n"), "{text}");
    }

    #[test]
    fn of_many_lines_the_first_and_the_last_are_shown() {
        let (long, mut other) = ((0..20).collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
        other.push(20);
        let expected =
            ["  both       send = 0", "  both       ... 18 more", "  both       send = 19", "  reference  nothing"];
        assert_eq!(told(&long, &other)[..4], expected);
        assert_eq!(told(&long, &other)[4], "  linux      send = 20");
    }
}
