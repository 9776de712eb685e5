//! Sealed values, and the keys they are sealed with.

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::STANDARD};
use shared::crypto::{DataKey, Keyring, Place};
use uuid::Uuid;

const PLACE: Place = Place { tenant: None, table: "fuzz", column: "sealed", row: Uuid::nil() };
const HEADER: usize = 2;

static KEYS: LazyLock<Keyring> = LazyLock::new(|| {
    let text = format!("new:{},old:{}", STANDARD.encode([9; 32]), STANDARD.encode([7; 32]));
    Keyring::parse(&text).expect("two good keys")
});

static DATA_KEY: LazyLock<DataKey> = LazyLock::new(DataKey::random);

/// Bytes that nobody sealed do not open; bytes that were do, but not after any change.
pub fn sealed(input: &[u8]) {
    assert!(KEYS.open(&PLACE, input).is_err() && DATA_KEY.open(&PLACE, input).is_err());
    let under = DATA_KEY.seal(&PLACE, input);
    assert_eq!(DATA_KEY.open(&PLACE, &under).expect("it was sealed here").as_slice(), input);
    let Some(([low, high], secret)) = input.split_first_chunk::<HEADER>() else { return };
    let mut sealed = KEYS.seal(&PLACE, secret);
    assert_eq!(KEYS.open(&PLACE, &sealed).expect("it was sealed here").as_slice(), secret);
    let bit = usize::from(u16::from_le_bytes([*low, *high])) % (sealed.len() * 8);
    sealed[bit / 8] ^= 1 << (bit % 8);
    assert!(KEYS.open(&PLACE, &sealed).is_err(), "bit {bit} may be changed");
}

/// What stands before a colon is printed.
fn ids(text: &str) -> Vec<&str> {
    text.split(',').filter_map(|key| Some(key.trim().split_once(':')?.0)).collect()
}

/// `KONSTRUCT_MASTER_KEYS`: keys that are taken can be used; a refusal names no key material.
pub fn master_keys(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match Keyring::parse(&text) {
        Ok(keys) => {
            let sealed = keys.seal(&PLACE, b"secret");
            assert_eq!(keys.open(&PLACE, &sealed).expect("the first key seals and opens").as_slice(), b"secret");
            let (ids, shown) = (ids(&text), format!("{keys:?}"));
            let material = text
                .split([':', ','])
                .map(str::trim)
                .filter(|part| part.len() >= 40 && !ids.iter().any(|id| id.contains(part)));
            material.for_each(|part| assert!(!shown.contains(part), "{shown}"));
        }
        Err(sentence) => {
            assert!(sentence.contains("KONSTRUCT_MASTER_KEYS"), "{sentence}");
            let material = text.split([':', ',']).filter(|part| part.len() >= 40 && STANDARD.decode(part).is_ok());
            material.for_each(|part| assert!(!sentence.contains(part), "{sentence}"));
        }
    }
}
