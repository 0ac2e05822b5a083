//! Random choices: the octets of an input as long as there are any, then a generator that they seed.
//!
//! So one function is fuzzed, where an engine learns which octet decides what, and simulated, where a seed is all there is.
//! Small octets choose what comes first and lets everything go well: an input of zeros is the quiet run.
//!
//! What was drawn can be kept ([`Dice::kept`]), and drawn again ([`Choices`]): so a finding is made small, whether it came from octets or of a seed.

use crate::choices::Choices;
use std::cell::RefCell;
use std::rc::Rc;

/// SplitMix64's increment.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A source of choices.
#[derive(Debug, Clone)]
pub struct Dice<'a> {
    octets: &'a [u8],
    state: u64,
    list: Option<Rc<RefCell<List>>>,
}

/// Choices that are kept; with `given`, those that are to be made, and 0 behind them.
#[derive(Debug, Default)]
struct List {
    given: Option<Vec<u32>>,
    made: Choices,
}

impl List {
    /// The next one of those that are given.
    fn next(&self, below: u32) -> Option<u32> {
        let given = self.given.as_ref()?;
        Some(given.get(self.made.drawn.len()).map_or(0, |choice| (*choice).min(below - 1)))
    }
}

impl<'a> Dice<'a> {
    /// Choices that depend on the seed alone.
    #[must_use]
    pub const fn of_seed(seed: u64) -> Self {
        Self { octets: &[], state: seed.wrapping_mul(STEP) ^ 0x5851_f42d_4c95_7f2d, list: None }
    }

    /// Choices of these octets, and of their sum once they are used up; or those that the octets list.
    #[must_use]
    pub fn of_octets(octets: &'a [u8]) -> Self {
        if let Some(drawn) = Choices::decode(octets) {
            return Self::of_choices(drawn);
        }
        let sum = octets.iter().fold(0_u64, |sum, octet| (sum ^ u64::from(*octet)).wrapping_mul(0x100_0000_01b3));
        Self { octets, state: sum, list: None }
    }

    /// These, and 0 behind them.
    #[must_use]
    pub fn of_choices(drawn: Vec<u32>) -> Self {
        let list = List { given: Some(drawn), made: Choices::default() };
        Self { octets: &[], state: 0, list: Some(Rc::new(RefCell::new(list))) }
    }

    /// From here on what is drawn is kept.
    #[must_use]
    pub fn kept(mut self) -> Self {
        self.list.get_or_insert_default();
        self
    }

    /// What was drawn since it is kept.
    #[must_use]
    pub fn made(&self) -> Choices {
        self.list.as_ref().map(|list| list.borrow().made.clone()).unwrap_or_default()
    }

    /// What is drawn from here on decides another event. Whether there is one: of listed choices the last may have been made.
    pub fn event(&mut self) -> bool {
        let Some(list) = &self.list else { return true };
        let mut list = list.borrow_mut();
        let at = list.made.drawn.len();
        list.made.events.push(at);
        list.given.as_ref().is_none_or(|given| at < given.len())
    }

    /// Decides up to `most` events, one by one.
    pub fn each_event(&mut self, most: usize, mut decide: impl FnMut(&mut Self)) {
        for _ in 0..most {
            if !self.event() {
                break;
            }
            decide(self);
        }
    }

    /// Draws what `from` would have drawn before this one did: an input may say two things with the same octets. Listed choices go on.
    #[must_use]
    pub fn again(self, from: Self) -> Self {
        if self.list.is_some() { Self { list: self.list, ..from } } else { from }
    }

    /// A number below `below` of the octets that the next choice takes. Listed, it is a choice of its own.
    pub fn ahead(&mut self, below: u32) -> u32 {
        let Some(list) = self.list.clone() else { return self.clone().plain(below) };
        let drawn = list.borrow().next(below);
        let drawn = drawn.unwrap_or_else(|| self.clone().plain(below));
        list.borrow_mut().made.drawn.push(drawn);
        drawn
    }

    fn octet(&mut self) -> Option<u8> {
        let (first, rest) = self.octets.split_first()?;
        self.octets = rest;
        Some(*first)
    }

    fn generate(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `below`, which is not zero. Of an input this takes an octet, or two when one is too few.
    pub fn below(&mut self, below: u32) -> u32 {
        if self.list.is_some() { self.listed(below) } else { self.plain(below) }
    }

    #[cold]
    fn listed(&mut self, below: u32) -> u32 {
        let next = self.list.as_ref().and_then(|list| list.borrow().next(below));
        let drawn = next.unwrap_or_else(|| self.plain(below));
        if let Some(list) = &self.list {
            list.borrow_mut().made.drawn.push(drawn);
        }
        drawn
    }

    fn plain(&mut self, below: u32) -> u32 {
        let Some(first) = self.octet() else {
            return (((self.generate() >> 32) * u64::from(below)) >> 32) as u32;
        };
        if below <= 256 {
            return (u32::from(first) * below) >> 8;
        }
        let word = u32::from(first) << 8 | u32::from(self.octet().unwrap_or(0));
        ((u64::from(word) * u64::from(below)) >> 16) as u32
    }

    /// True so many times in a thousand.
    pub fn chance(&mut self, per_mille: u32) -> bool {
        per_mille > 0 && self.below(1000) >= 1000 - per_mille.min(1000)
    }

    /// One of several.
    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u32) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_choose_the_first_and_no_accident() {
        let mut dice = Dice::of_octets(&[0; 8]);
        assert_eq!((dice.below(7), dice.one(&[5, 6]), dice.chance(500), dice.below(1000)), (0, 5, false, 0));
    }

    /// Whatever the choices came from: drawn again from the list of them, and from its octets, they are the same.
    #[test]
    fn what_was_drawn_can_be_listed_and_drawn_again() {
        let draw = |dice: &mut Dice<'_>| -> Vec<u32> {
            let numbers = [2, 7, 256, 1000, 70_000, u32::MAX];
            let mut drawn: Vec<u32> = numbers.iter().map(|below| dice.below(*below)).collect();
            let ahead = dice.ahead(9);
            drawn.extend([ahead, dice.below(5), u32::from(dice.chance(500)), dice.one(&[4, 5, 6])]);
            drawn
        };
        for seed in 0..200 {
            let octets: Vec<u8> = (0..seed as u8 % 20).map(|octet| octet.wrapping_mul(37) ^ seed as u8).collect();
            for dice in [Dice::of_seed(seed), Dice::of_octets(&octets)] {
                let (first, mut kept) = (draw(&mut dice.clone()), dice.kept());
                assert_eq!(draw(&mut kept), first);
                let made = kept.made();
                assert_eq!(draw(&mut Dice::of_choices(made.drawn.clone())), first);
                assert_eq!(draw(&mut Dice::of_octets(&made.encode())), first);
            }
        }
        // Behind the list everything is 0, the first of several, and no accident.
        assert_eq!(draw(&mut Dice::of_choices(vec![1]))[..], [1, 0, 0, 0, 0, 0, 0, 0, 0, 4]);
    }

    #[test]
    fn every_number_below_the_bound_and_none_else() {
        for below in [1, 2, 7, 256, 300] {
            let mut dice = Dice::of_seed(3);
            let drawn: std::collections::BTreeSet<u32> = (0..20_000).map(|_| dice.below(below)).collect();
            assert_eq!(drawn, (0..below).collect(), "below {below}");
        }
        let octets: Vec<u8> = (0..=255).collect();
        let mut dice = Dice::of_octets(&octets);
        assert!((0..256).all(|number| dice.below(256) == number));
    }

    #[test]
    fn chances_are_what_they_say() {
        let mut dice = Dice::of_seed(1);
        let hits = (0..100_000).filter(|_| dice.chance(200)).count();
        assert!((19_000..21_000).contains(&hits), "{hits}");
        assert!(!(0..1000).any(|_| dice.chance(0)) && (0..1000).all(|_| dice.chance(1000)));
    }
}
