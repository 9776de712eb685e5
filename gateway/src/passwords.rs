//! Passwords: hashed with Argon2id, a few at a time.
//!
//! One hash takes 19 MiB and some 30 ms of a core (OWASP's first recommendation). The places bound the memory, however many
//! people sign in at once; the others wait.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::error::ApiError;

/// Hashes at the same time: 76 MiB.
const PLACES: usize = 4;
const LENGTH_MIN: usize = 12;
const LENGTH_MAX: usize = 200;

#[derive(Clone)]
pub struct Passwords {
    places: Arc<Semaphore>,
    /// Of a password that nobody knows: checked for people who don't exist, so that it takes as long.
    nobody: Arc<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Wrong,
    Right,
    /// Right, but stored with less effort than today's.
    RightButWeak,
}

impl Passwords {
    pub fn new() -> Result<Self, String> {
        let nobody = hash(&shared::crypto::random_bytes::<32>())?;
        Ok(Self { places: Arc::new(Semaphore::new(PLACES)), nobody: nobody.into() })
    }

    pub async fn hash(&self, password: &SecretString) -> Result<String, ApiError> {
        let password = password.clone();
        self.work(move || hash(password.expose_secret().as_bytes())).await
    }

    /// Compares with what is stored; `None`, nobody's, takes as long and is wrong.
    pub async fn verify(&self, password: &SecretString, stored: Option<&str>) -> Result<Verdict, ApiError> {
        let (password, exists) = (password.clone(), stored.is_some());
        let stored = stored.unwrap_or(&self.nobody).to_owned();
        let verdict = self.work(move || verify(password.expose_secret().as_bytes(), &stored)).await?;
        Ok(if exists { verdict } else { Verdict::Wrong })
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> Result<T, ApiError> {
        let place = self.places.clone().acquire_owned().await.map_err(|_| ApiError::internal())?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(place);
            done
        });
        done.await.map_err(|error| error.to_string()).and_then(|done| done).map_err(|error| {
            tracing::error!(%error, "A password could not be hashed");
            ApiError::internal()
        })
    }
}

fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

fn hash(password: &[u8]) -> Result<String, String> {
    let hash: PasswordHash = argon2().hash_password(password).map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

fn verify(password: &[u8], stored: &str) -> Result<Verdict, String> {
    let stored = PasswordHash::new(stored).map_err(|error| error.to_string())?;
    if argon2().verify_password(password, &stored).is_err() {
        return Ok(Verdict::Wrong);
    }
    let used = Params::try_from(&stored).map_err(|error| error.to_string())?;
    let weak = stored.algorithm.as_str() != "argon2id"
        || used.m_cost() < Params::DEFAULT_M_COST
        || used.t_cost() < Params::DEFAULT_T_COST;
    Ok(if weak { Verdict::RightButWeak } else { Verdict::Right })
}

/// What a new password must be: long enough that nobody guesses it online, and nothing an attacker tries first.
pub fn check_new(password: &SecretString, mail: &str) -> Result<(), ApiError> {
    let password = password.expose_secret();
    let length = password.chars().count();
    if !(LENGTH_MIN..=LENGTH_MAX).contains(&length) {
        return Err(ApiError::invalid(format!("`password` must have {LENGTH_MIN} to {LENGTH_MAX} characters.")));
    }
    let lower = password.to_lowercase();
    let local = mail.split('@').next().unwrap_or_default();
    let mut letters: Vec<char> = lower.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    let known = lower == mail || (local.len() >= 4 && lower.starts_with(local)) || lower.starts_with("password");
    if letters.len() < 5 || known || "abcdefghijklmnopqrstuvwxyz0123456789012345678901234567890".contains(&lower) {
        return Err(ApiError::invalid("`password` is too easy to guess: take a few unrelated words."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weaker_hash_is_right_and_said_to_be_weak() {
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8 * 1024, 1, 1, None).unwrap());
        let stored: PasswordHash = weak.hash_password(b"correct horse").unwrap();
        assert_eq!(verify(b"correct horse", &stored.to_string()), Ok(Verdict::RightButWeak));
        assert_eq!(verify(b"correct horst", &stored.to_string()), Ok(Verdict::Wrong));
        assert_eq!(verify(b"correct horse", &hash(b"correct horse").unwrap()), Ok(Verdict::Right));
    }

    #[test]
    fn passwords_that_are_tried_first_are_refused() {
        let refused = |password: &str| check_new(&SecretString::from(password), "lovelace@example.com").is_err();
        for password in [
            "short",
            "elevenchars",
            "lovelace@example.com",
            "Lovelace2026!",
            "aaaaaaaaaaaaaaaa",
            "1234567890123",
            "Password1234",
            &"long words ".repeat(20),
        ] {
            assert!(refused(password), "{password}");
        }
        for password in ["correct horse battery", "zwölf Zeichen!", "x9$kQ2mZp#7w"] {
            assert!(!refused(password), "{password}");
        }
    }
}
