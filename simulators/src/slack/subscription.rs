//! Slack tells an app no more whose answers fail: more than 95 % of the deliveries of an hour. It begins again once somebody
//! enters the address anew.

use std::collections::VecDeque;

const HOUR_MS: u64 = 3_600_000;
/// Of fewer deliveries nothing follows.
const DELIVERIES_LEAST: usize = 100;
const FAILED_PERCENT_MAX: usize = 95;

#[derive(Default)]
pub(crate) struct Subscription {
    /// When, and whether it was taken.
    outcomes: VecDeque<(u64, bool)>,
    pub(crate) is_disabled: bool,
}

impl Subscription {
    pub(crate) fn note(&mut self, now_ms: u64, taken: bool) {
        self.outcomes.push_back((now_ms, taken));
        while self.outcomes.front().is_some_and(|(at, _)| at + HOUR_MS < now_ms) {
            self.outcomes.pop_front();
        }
        let failed = self.outcomes.iter().filter(|(_, taken)| !taken).count();
        let many = self.outcomes.len() >= DELIVERIES_LEAST;
        self.is_disabled |= many && failed * 100 > self.outcomes.len() * FAILED_PERCENT_MAX;
    }
}
