//! Linux's HyStart: slow start ends before it loses segments, when ACKs of one round trip come in a train as long as the path,
//! or when round trips grow.

use super::Growth;
use crate::seq::SeqNum;
use crate::time::Instant;
use core::time::Duration;

/// Windows below this many segments are left alone.
const LOW_WINDOW: u32 = 16;
/// ACKs with less between them belong to one train.
const TRAIN_GAP: Duration = Duration::from_millis(2);
/// Samples of a round trip before it is compared.
const SAMPLES: u8 = 8;
/// An increase of the round trip by an eighth ends slow start, within these bounds.
const LEAST_DELAY: Duration = Duration::from_millis(4);
const MOST_DELAY: Duration = Duration::from_millis(16);
/// How much longer than the path a train may be, since ACKs may come in groups.
const TRAIN_SLACK: Duration = Duration::from_millis(1);

/// What was measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct HyStart {
    /// Slow start was ended once; it is for losses to end it from here on.
    found: bool,
    /// The shortest round trip of the connection.
    least: Option<Duration>,
    round: Option<Round>,
}

/// A round trip of data: until what was sent at its beginning is acknowledged.
#[derive(Debug, Clone, PartialEq)]
struct Round {
    end: SeqNum,
    start: Instant,
    /// The last ACK of the train.
    train: Instant,
    /// The shortest of the round trips in it.
    least: Duration,
    samples: u8,
}

impl HyStart {
    /// An ACK in slow start. Whether slow start ends with it.
    pub(super) fn ends_slow_start(&mut self, growth: &Growth, cwnd: u32, smss: u32) -> bool {
        let Some(sample) = growth.sample else { return false };
        let least = self.least.map_or(sample, |least| least.min(sample));
        self.least = Some(least);
        if self.found || cwnd < LOW_WINDOW * smss {
            return false;
        }
        let round = match &mut self.round {
            Some(round) if growth.una.le(round.end) => round,
            round => round.insert(Round {
                end: growth.nxt,
                start: growth.now,
                train: growth.now,
                least: Duration::MAX,
                samples: 0,
            }),
        };
        if growth.now.since(round.train) <= TRAIN_GAP {
            round.train = growth.now;
            // Half the path, since ACKs are on it for only half of the round trip.
            self.found |= growth.now.since(round.start) > (least + TRAIN_SLACK) / 2;
        }
        round.least = round.least.min(sample);
        if round.samples < SAMPLES {
            round.samples += 1;
        } else {
            self.found |= round.least > least + (least / 8).clamp(LEAST_DELAY, MOST_DELAY);
        }
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds ACKs of one segment each, `gap` apart, with these round trips in milliseconds: at which slow start ends.
    fn ended_at(gap: Duration, samples: &[u64]) -> Option<usize> {
        let mut hystart = HyStart::default();
        let mut now = Instant(1_000_000);
        let first = Growth {
            acked: 1000,
            now,
            srtt: None,
            sample: Some(Duration::from_millis(100)),
            una: SeqNum(0),
            nxt: SeqNum(1000 * samples.len() as u32),
        };
        assert!(!hystart.ends_slow_start(&Growth { nxt: SeqNum(0), ..first }, 10_000, 1000), "a small window");
        samples.iter().enumerate().position(|(index, sample)| {
            let growth = Growth {
                now,
                sample: Some(Duration::from_millis(*sample)),
                una: SeqNum(1000 * index as u32 + 1000),
                ..first
            };
            now += gap;
            hystart.ends_slow_start(&growth, 20_000, 1000)
        })
    }

    #[test]
    fn round_trips_that_grow_by_an_eighth_end_slow_start() {
        let gap = Duration::from_millis(3);
        assert_eq!(ended_at(gap, &[100; 20]), None);
        assert_eq!(ended_at(gap, &[112; 20]), None);
        assert_eq!(ended_at(gap, &[113; 20]), Some(8), "the ninth sample of the round");
        let mut mixed = [120; 20];
        mixed[4] = 101;
        assert_eq!(ended_at(gap, &mixed), None, "one short round trip shows that the queue is empty");
    }

    #[test]
    fn train_of_acks_as_long_as_half_the_path_ends_slow_start() {
        // 100 ms of path and 1 ms of slack: the 27th ACK, 52 ms after the first, is beyond half of it.
        assert_eq!(ended_at(Duration::from_millis(2), &[100; 40]), Some(26));
        assert_eq!(ended_at(Duration::from_millis(2), &[100; 20]), None, "all there was in flight");
        assert_eq!(ended_at(Duration::from_millis(3), &[100; 40]), None, "no train");
    }
}
