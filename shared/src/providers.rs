//! How providers answer this process: counted where they are called, told with its heartbeat, and kept for who looks after the
//! platform. Counts only: whose call it was is not known here.
//!
//! A provider that refuses has answered. It has failed if it could not be reached, broke off, or said that something of its own
//! is broken.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::channels::CallError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    Slack,
    WhatsApp,
    Stripe,
    /// The mail server.
    Mail,
    /// Of the platform's models.
    Model,
    /// Of the models that tenants pay by keys of their own.
    OwnModel,
}

impl Provider {
    pub const ALL: [Self; 6] =
        [Self::Model, Self::OwnModel, Self::Slack, Self::WhatsApp, Self::Stripe, Self::Mail];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::WhatsApp => "whatsapp",
            Self::Stripe => "stripe",
            Self::Mail => "mail",
            Self::Model => "model",
            Self::OwnModel => "own_model",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.as_str() == text)
    }
}

/// What a provider did since it was last told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    pub provider: Provider,
    pub answered: i64,
    pub failed: i64,
}

/// One of a process: whoever calls a provider counts here.
static COUNTED: Tallies = Tallies::new();

/// A provider was called.
pub fn note(provider: Provider, has_answered: bool) {
    COUNTED.note(provider, has_answered);
}

/// The same of a call to a platform.
pub(crate) fn note_call<T>(provider: Provider, outcome: &Result<T, CallError>) {
    note(provider, !matches!(outcome, Err(CallError::Unreachable(_) | CallError::Ambiguous(_))));
}

/// What was counted since the last time; it is told by whoever takes it.
pub(crate) fn take() -> Vec<Tally> {
    COUNTED.take()
}

/// It could not be told: it is counted again.
pub(crate) fn put_back(tallies: &[Tally]) {
    COUNTED.put_back(tallies);
}

struct Tallies([(AtomicI64, AtomicI64); Provider::ALL.len()]);

impl Tallies {
    const fn new() -> Self {
        Self([const { (AtomicI64::new(0), AtomicI64::new(0)) }; Provider::ALL.len()])
    }

    fn of(&self, provider: Provider) -> &(AtomicI64, AtomicI64) {
        &self.0[provider as usize]
    }

    fn note(&self, provider: Provider, has_answered: bool) {
        let (answered, failed) = self.of(provider);
        (if has_answered { answered } else { failed }).fetch_add(1, Ordering::Relaxed);
    }

    fn take(&self) -> Vec<Tally> {
        let taken = Provider::ALL.into_iter().map(|provider| {
            let (answered, failed) = self.of(provider);
            let (answered, failed) = (answered.swap(0, Ordering::Relaxed), failed.swap(0, Ordering::Relaxed));
            Tally { provider, answered, failed }
        });
        taken.filter(|tally| tally.answered + tally.failed > 0).collect()
    }

    fn put_back(&self, tallies: &[Tally]) {
        for tally in tallies {
            let (answered, failed) = self.of(tally.provider);
            answered.fetch_add(tally.answered, Ordering::Relaxed);
            failed.fetch_add(tally.failed, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_told_once_and_what_is_put_back_again() {
        let tallies = Tallies::new();
        assert_eq!(tallies.take(), []);
        for has_answered in [true, true, false] {
            tallies.note(Provider::Mail, has_answered);
        }
        tallies.note(Provider::Slack, true);
        let taken = tallies.take();
        let [slack, mail] = [(Provider::Slack, 1, 0), (Provider::Mail, 2, 1)]
            .map(|(provider, answered, failed)| Tally { provider, answered, failed });
        assert_eq!(taken, [slack, mail]);
        assert_eq!(tallies.take(), []);
        tallies.put_back(&taken);
        tallies.note(Provider::Slack, false);
        assert_eq!(tallies.take(), [Tally { failed: 1, ..slack }, mail]);
    }

    #[test]
    fn a_name_is_read_as_it_is_written() {
        for provider in Provider::ALL {
            assert_eq!(Provider::parse(provider.as_str()), Some(provider));
        }
    }
}
