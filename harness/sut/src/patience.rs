//! Keeps a stack that is busy with itself from hanging the harness.

use halfopen_engine::sut::SutError;

/// Timers that may fire in a row without a datagram, a reply or progress of time.
const MOST_STEPS: u32 = 10_000;
/// Timers that may fire in a row without a datagram or a reply: a week of one a second.
const MOST_TIMERS: u32 = 604_800;

/// Counts timers.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    /// In a row, at one instant.
    at_once: u32,
    timers: u32,
}

impl Patience {
    /// One more timer; `later` says whether time goes on for it.
    pub(crate) fn step(&mut self, later: bool) -> Result<(), SutError> {
        self.at_once = if later { 0 } else { self.at_once + 1 };
        self.timers += 1;
        if self.at_once > MOST_STEPS || self.timers > MOST_TIMERS {
            return Err(SutError::Broken(format!("the stack took {} steps without progress", self.timers)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends() {
        let mut standing = Patience::default();
        let steps = (0..=MOST_STEPS).take_while(|_| standing.step(false).is_ok()).count();
        assert_eq!(steps, MOST_STEPS as usize);
        let mut moving = Patience::default();
        let steps = (0..=MOST_TIMERS).take_while(|n| moving.step(n % 2 == 0).is_ok()).count();
        assert_eq!(steps, MOST_TIMERS as usize);
    }
}
