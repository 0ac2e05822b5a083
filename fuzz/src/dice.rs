//! Random choices: the octets of an input as long as there are any, then a generator that they seed.
//!
//! So one function is fuzzed, where an engine learns which octet decides what, and simulated, where a seed is all there is.
//! Small octets choose what comes first and lets everything go well: an input of zeros is the quiet run.

/// SplitMix64's increment.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A source of choices.
#[derive(Debug, Clone)]
pub struct Dice<'a> {
    octets: &'a [u8],
    state: u64,
}

impl<'a> Dice<'a> {
    /// Choices that depend on the seed alone.
    #[must_use]
    pub const fn of_seed(seed: u64) -> Self {
        Self { octets: &[], state: seed.wrapping_mul(STEP) ^ 0x5851_f42d_4c95_7f2d }
    }

    /// Choices of these octets, and of their sum once they are used up.
    #[must_use]
    pub fn of_octets(octets: &'a [u8]) -> Self {
        let sum = octets.iter().fold(0_u64, |sum, octet| (sum ^ u64::from(*octet)).wrapping_mul(0x100_0000_01b3));
        Self { octets, state: sum }
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
