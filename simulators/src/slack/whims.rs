//! How deliveries go astray: again though they were accepted, late so that others overtake them, hung up half-way.
//!
//! What befalls an event depends on the seed and on its number among the events that people caused, so that the same
//! script meets the same trouble. A bot's own echoes are spared: when they are sent depends on the product.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};

/// Slack tries four times in all.
pub(super) const ATTEMPTS: usize = 4;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeliveryFaults {
    pub seed: u64,
    /// Of a hundred events, so many come again after they were accepted, as if the answer had been lost: one to three
    /// times, on Slack's own schedule and with its retry headers.
    pub again_percent: u8,
    /// Of a hundred events, so many are held back, up to this long.
    pub late_percent: u8,
    pub late_ms_max: u64,
    /// Of a hundred attempts, so many hang up within this time, whatever the receiver is doing.
    pub hang_up_percent: u8,
    pub hang_up_ms_max: u64,
}

/// What befalls one event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fate {
    pub(super) late: Duration,
    /// Attempts up to this one follow even on success.
    pub(super) again: usize,
    pub(super) hang_up: [Option<Duration>; ATTEMPTS],
}

impl DeliveryFaults {
    pub(super) fn fate_of(&self, number: u64) -> Fate {
        // Neighbouring seeds give unrelated dice; the multiplication keeps two seeds' sequences apart.
        let mut dice = StdRng::seed_from_u64(self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(number));
        let mut befalls = |percent: u8| dice.random_range(0..100) < percent;
        let (is_late, comes_again) = (befalls(self.late_percent), befalls(self.again_percent));
        let hangs_up: [bool; ATTEMPTS] = std::array::from_fn(|_| befalls(self.hang_up_percent));
        let mut up_to = |ms_max: u64| Duration::from_millis(dice.random_range(0..=ms_max));
        Fate {
            late: if is_late { up_to(self.late_ms_max) } else { Duration::ZERO },
            hang_up: hangs_up.map(|hangs_up| hangs_up.then(|| up_to(self.hang_up_ms_max))),
            again: if comes_again { dice.random_range(1..ATTEMPTS) } else { 0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_brings_the_same_fate_and_another_one_does_not() {
        let faults = |seed| DeliveryFaults {
            seed,
            again_percent: 30,
            late_percent: 30,
            late_ms_max: 900,
            hang_up_percent: 10,
            hang_up_ms_max: 20,
        };
        let fates = |seed| (0..200).map(|number| faults(seed).fate_of(number)).collect::<Vec<_>>();
        assert_eq!(fates(7), fates(7));
        assert_ne!(fates(7), fates(8));
        let again = fates(7).iter().filter(|fate| fate.again > 0).count();
        assert!((30..=90).contains(&again), "{again} of 200");
        assert!(fates(7).iter().all(|fate| fate.again < ATTEMPTS && fate.late <= Duration::from_millis(900)));
        assert!((0..200).all(|number| DeliveryFaults::default().fate_of(number) == Fate::default()));
    }
}
