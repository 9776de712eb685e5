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
/// The first bytes of the SHA-256 of each password that is tried first, sorted; made by `scripts/common_passwords.py`.
const COMMON: &[u8] = include_bytes!("common_passwords.bin");
const COMMON_BYTES: usize = 6;
/// What is tried at every account of ours. docs/access.md has the list, with what is added for each account.
const KNOWN_WORDS: [&str; 6] = ["konstruct", "password", "passwort", "passphrase", "kennwort", "letmein"];
/// Shorter words than this may stand in any password.
const WORD_MIN: usize = 4;
/// Letters and digits that a password has beside such words.
const BESIDE_MIN: usize = 8;

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

/// What a new password must be: long enough that nobody guesses it online, and nothing an attacker tries first. `names` are
/// those of its owner and of their organization.
pub fn check_new(password: &SecretString, mail: &str, names: &[&str]) -> Result<(), ApiError> {
    let password = password.expose_secret();
    let length = password.chars().count();
    if !(LENGTH_MIN..=LENGTH_MAX).contains(&length) {
        return Err(ApiError::invalid(format!("`password` must have {LENGTH_MIN} to {LENGTH_MAX} characters.")));
    }
    let lower = password.to_lowercase();
    if is_simple(&lower) {
        return Err(ApiError::invalid("`password` is too easy to guess: take a few unrelated words."));
    }
    if is_common(&lower) {
        return Err(ApiError::invalid(
            "`password` is one that attackers try first, from breaches elsewhere: take a few unrelated words.",
        ));
    }
    if beside_known_words(&lower, mail, names) < BESIDE_MIN {
        return Err(ApiError::invalid(
            "`password` is little more than your name, address or organization, our name or the word password: take a \
             few unrelated words.",
        ));
    }
    Ok(())
}

/// Few different letters, or a row of the alphabet or of digits.
fn is_simple(lower: &str) -> bool {
    let mut letters: Vec<char> = lower.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    letters.len() < 5 || "abcdefghijklmnopqrstuvwxyz0123456789012345678901234567890".contains(lower)
}

/// Whether it is in the list, as it is or without what people put around it.
fn is_common(lower: &str) -> bool {
    let bare = lower.trim_matches(|letter: char| !letter.is_alphanumeric());
    let stem = bare.trim_end_matches(|letter: char| !letter.is_alphabetic());
    [lower, bare, stem].into_iter().any(|word| {
        let hash = shared::crypto::token_hash(word);
        let (listed, _) = COMMON.as_chunks::<COMMON_BYTES>();
        listed.binary_search_by(|one| one.as_slice().cmp(&hash[..COMMON_BYTES])).is_ok()
    })
}

/// Letters and digits that are left without the words anybody would try at this account.
fn beside_known_words(lower: &str, mail: &str, names: &[&str]) -> usize {
    let texts = names.iter().map(|name| name.to_lowercase()).chain([mail.to_lowercase()]);
    let mut words: Vec<String> = texts
        .flat_map(|text| {
            text.split(|letter: char| !letter.is_alphanumeric()).map(str::to_owned).collect::<Vec<_>>()
        })
        .filter(|word| word.chars().count() >= WORD_MIN)
        .chain(KNOWN_WORDS.map(str::to_owned))
        .collect();
    // A word inside another one leaves nothing of it.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let left = words.iter().fold(lower.to_owned(), |left, word| left.replace(word.as_str(), " "));
    left.chars().filter(|letter| letter.is_alphanumeric()).count()
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

    fn refused(password: &str) -> bool {
        check_new(
            &SecretString::from(password),
            "lovelace@analytical.example",
            &["Ada Lovelace", "Engines of Bath"],
        )
        .is_err()
    }

    #[test]
    fn passwords_that_are_tried_first_are_refused() {
        for password in [
            "short",
            "elevenchars",
            "aaaaaaaaaaaaaaaa",
            "1234567890123",
            "1qaz2wsx3edc4rfv",
            "QwertyQwerty",
            "unbelievable",
            "!unbelievable1!",
            "unbelievable2026",
            &"long words ".repeat(20),
        ] {
            assert!(refused(password), "{password}");
        }
        for password in ["correct horse battery", "zwölf Zeichen!", "x9$kQ2mZp#7w"] {
            assert!(!refused(password), "{password}");
        }
    }

    #[test]
    fn words_of_the_account_and_of_the_product_make_no_password() {
        for password in [
            "lovelace@analytical.example",
            "Lovelace2026!",
            "2026AnalyticalLovelace",
            "engines-lovelace",
            "Konstruct#2026",
            "MyKonstructPassword1",
            "Password1234",
            "Passwort fuer Bath",
        ] {
            assert!(refused(password), "{password}");
        }
        // Such a word is allowed where enough stands beside it.
        for password in ["lovelace walks six dogs", "seven engines and a tree"] {
            assert!(!refused(password), "{password}");
        }
    }

    #[test]
    fn the_list_has_thousands_of_passwords_in_order() {
        let (listed, rest) = COMMON.as_chunks::<COMMON_BYTES>();
        assert!(rest.is_empty() && listed.is_sorted(), "a look-up would miss some");
        assert!(listed.len() > 50_000, "{}", listed.len());
    }
}
