//! What a run has drawn, as a list that can be made shorter and smaller as long as the run ends in the same finding.
//!
//! Inputs of some targets are no programs: octets, or a seed, out of which a run draws its choices ([`crate::dice::Dice`]). Leaving an octet out gives every choice behind it
//! another meaning, and another sum to the generator behind the octets; a list of what was drawn has neither.

/// What was drawn, and before which of it an event begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices {
    /// The choices, in order.
    pub drawn: Vec<u32>,
    /// Places in `drawn`.
    pub events: Vec<usize>,
}

/// What the octets of a list begin with. No input of choices begins so by itself, or once in 2^64.
const MAGIC: &[u8; 8] = b"choices1";

impl Choices {
    /// As an input of the target: seven bits of a choice in an octet, the lowest first, whose eighth says that there are more.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut octets = MAGIC.to_vec();
        for choice in &self.drawn {
            let mut rest = *choice;
            while rest > 0x7f {
                octets.push(rest as u8 | 0x80);
                rest >>= 7;
            }
            octets.push(rest as u8);
        }
        octets
    }

    /// The choices that octets list, if they do.
    #[must_use]
    pub fn decode(octets: &[u8]) -> Option<Vec<u32>> {
        let mut drawn = Vec::new();
        let (mut choice, mut shift) = (0_u32, 0);
        for octet in octets.strip_prefix(MAGIC)? {
            choice |= u32::from(octet & 0x7f).checked_shl(shift).unwrap_or(0);
            shift += 7;
            if octet & 0x80 == 0 {
                drawn.push(choice);
                (choice, shift) = (0, 0);
            }
        }
        Some(drawn)
    }

    /// Places at which pieces of it begin: each event, and all that comes before the first.
    fn pieces(&self) -> Vec<std::ops::Range<usize>> {
        let end = self.drawn.len();
        let starts: Vec<usize> = self.events.iter().copied().filter(|at| *at < end).collect();
        let ends = starts.iter().copied().skip(1).chain([end]);
        starts.iter().copied().zip(ends).map(|(start, end)| start..end).filter(|piece| !piece.is_empty()).collect()
    }
}

/// Makes choices fewer, then smaller. `run` plays a list and tells what it drew, if it ends in the same finding; it is asked `most` times at the most.
#[must_use]
pub fn minimise(first: &Choices, most: u32, run: &mut dyn FnMut(&[u32]) -> Option<Choices>) -> Choices {
    let mut search = Search { best: first.clone(), left: most, run };
    loop {
        let before = search.best.drawn.clone();
        search.fewer_events();
        search.fewer_choices();
        search.zeros();
        search.smaller();
        if search.best.drawn == before || search.left == 0 {
            return search.best;
        }
    }
}

struct Search<'a> {
    best: Choices,
    left: u32,
    run: &'a mut dyn FnMut(&[u32]) -> Option<Choices>,
}

impl Search<'_> {
    /// Takes a simpler list if the finding is the same.
    fn takes(&mut self, drawn: Vec<u32>) -> bool {
        let size = |drawn: &[u32]| (drawn.len(), drawn.iter().map(|choice| u64::from(*choice)).sum::<u64>());
        if size(&drawn) >= size(&self.best.drawn) || self.left == 0 {
            return false;
        }
        self.left -= 1;
        let Some(made) = (self.run)(&drawn) else { return false };
        // As it was drawn: no choice is larger than it counts, and none stands behind the last one.
        let given = drawn.len().min(made.drawn.len());
        self.best = Choices { drawn: made.drawn[..given].to_vec(), events: made.events };
        true
    }

    /// Delta debugging (Zeller and Hildebrandt), from the end: what comes later depends on what came before.
    fn without(&mut self, count: impl Fn(&Choices) -> usize, cut: impl Fn(&Choices, usize, usize) -> Vec<u32>) {
        let mut size = count(&self.best).div_ceil(2).max(1);
        loop {
            let mut end = count(&self.best);
            while end > 0 && self.left > 0 {
                let start = end.saturating_sub(size);
                let shorter = cut(&self.best, start, end);
                end = if self.takes(shorter) { start.min(count(&self.best)) } else { start };
            }
            if size == 1 {
                return;
            }
            size /= 2;
        }
    }

    fn fewer_events(&mut self) {
        let cut = |of: &Choices, start: usize, end: usize| {
            let pieces = of.pieces();
            let (from, until) = (pieces[start].start, pieces[end - 1].end);
            [&of.drawn[..from], &of.drawn[until..]].concat()
        };
        self.without(|of| of.pieces().len(), cut);
    }

    fn fewer_choices(&mut self) {
        let cut = |of: &Choices, start: usize, end: usize| [&of.drawn[..start], &of.drawn[end..]].concat();
        self.without(|of| of.drawn.len(), cut);
    }

    fn zeros(&mut self) {
        let cut = |of: &Choices, start: usize, end: usize| {
            let mut drawn = of.drawn.clone();
            drawn[start..end].fill(0);
            drawn
        };
        self.without(|of| of.drawn.len(), cut);
    }

    fn smaller(&mut self) {
        let mut at = 0;
        while at < self.best.drawn.len() && self.left > 0 {
            let choice = self.best.drawn[at];
            let simpler = [1, choice / 2, choice.saturating_sub(1)].into_iter().filter(|less| *less < choice);
            let taken = simpler.into_iter().any(|less| {
                let mut drawn = self.best.drawn.clone();
                drawn[at] = less;
                self.takes(drawn)
            });
            if !taken {
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    #[test]
    fn octets_list_choices_and_nothing_else_does() {
        let all = Choices { drawn: vec![0, 1, 127, 128, 16_384, u32::MAX, 5], events: Vec::new() };
        assert_eq!(Choices::decode(&all.encode()), Some(all.drawn));
        assert_eq!(Choices::decode(b"choices"), None);
        assert_eq!(Choices::decode(&[b"choices1", &[0xff; 20][..]].concat()), Some(Vec::new()));
    }

    /// Events of a kind and a number, of which two matter: the others go, and the numbers become the least that will do.
    #[test]
    fn what_the_finding_does_not_need_goes() {
        for seed in 0..40 {
            let play = |mut dice: Dice<'_>| {
                let (colour, mut kinds) = (dice.below(9), Vec::new());
                dice.each_event(60, |dice| {
                    let kind = dice.below(4);
                    kinds.push((kind, if kind > 1 { dice.below(1000) } else { 0 }));
                });
                let first = kinds.iter().position(|event| event.0 == 2 && event.1 >= 7)?;
                kinds[first..].iter().any(|event| event.0 == 3 && event.1 >= 4).then(|| (dice.made(), colour))
            };
            let Some((made, _)) = play(Dice::of_seed(seed).kept()) else { continue };
            let mut run = |drawn: &[u32]| play(Dice::of_choices(drawn.to_vec())).map(|found| found.0);
            assert_eq!(minimise(&made, 100_000, &mut run).drawn, [0, 2, 7, 3, 4], "seed {seed}");
        }
    }
}
