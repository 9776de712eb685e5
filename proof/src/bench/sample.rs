//! Measured values and their percentiles.

use std::time::{Duration, Instant};

/// Values of one quantity, in the order they were measured.
#[derive(Clone, Debug, Default)]
pub struct Sample(Vec<f64>);

impl Sample {
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    pub fn push_ms(&mut self, time: Duration) {
        self.push(ms(time));
    }

    pub fn extend(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn median(&self) -> f64 {
        self.percentile(50.0)
    }

    /// The smallest value that `percent` of the values do not exceed; 0 without values.
    pub fn percentile(&self, percent: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (percent / 100.0 * sorted.len() as f64).ceil().max(1.0);
        sorted.get(rank as usize - 1).copied().unwrap_or_default()
    }
}

impl FromIterator<f64> for Sample {
    fn from_iter<T: IntoIterator<Item = f64>>(values: T) -> Self {
        Self(values.into_iter().collect())
    }
}

pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// A value, and how long it took in milliseconds.
pub async fn timed<T>(work: impl Future<Output = T>) -> (T, f64) {
    let began = Instant::now();
    let value = work.await;
    (value, ms(began.elapsed()))
}

/// The same small numbers at every run: benchmarks must not differ by their data.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// Between 0 and `below`, which is excluded.
    pub fn below(&mut self, below: usize) -> usize {
        (self.next() % below.max(1) as u64) as usize
    }

    /// Between −1 and 1, roughly bell-shaped.
    pub fn noise(&mut self) -> f32 {
        let part = |bits: u64| (bits & 0xffff) as f32 / 65_535.0;
        let bits = self.next();
        part(bits) + part(bits >> 16) + part(bits >> 32) - 1.5
    }

    /// xorshift64*.
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let sample: Sample = (1..=100).rev().map(f64::from).collect();
        assert_eq!((sample.median(), sample.percentile(95.0), sample.percentile(100.0)), (50.0, 95.0, 100.0));
        assert_eq!(Sample::default().median(), 0.0);
    }
}
