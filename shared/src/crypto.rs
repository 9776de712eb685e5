//! Sealed secrets (AES-256-GCM bound to their place), signatures and token hashes.
//!
//! A value sealed under a master key is `version | algorithm | key id length | key id | nonce (12) | ciphertext`. Its
//! associated data names version, tenant, table, column and row, so a value copied to another place does not open. Tenants'
//! secrets are sealed under a data key of the tenant's own ([`DataKey`]), and that under a master key.

mod data_keys;

use aes_gcm::{
    Aes256Gcm, KeyInit as _,
    aead::{Aead, Payload},
};
use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use rand::RngCore as _;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::ids::TenantId;
pub use data_keys::{DataKey, data_key_of};

const VERSION: u8 = 1;
const AES_256_GCM: u8 = 1;
const NONCE_LENGTH: usize = 12;
/// Shorter than any 32 bytes in base64.
const QUOTED_ID_MAX: usize = 32;

/// Where a sealed value lives. All of it is authenticated with the value.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub tenant: Option<TenantId>,
    pub table: &'static str,
    pub column: &'static str,
    pub row: Uuid,
}

impl Place {
    fn associated_data(&self, version: u8) -> Vec<u8> {
        let tenant = self.tenant.map_or(Uuid::nil(), TenantId::uuid);
        let mut data = vec![version];
        for part in [tenant.as_bytes(), self.table.as_bytes(), self.column.as_bytes(), self.row.as_bytes()] {
            data.extend_from_slice(&(part.len() as u64).to_be_bytes());
            data.extend_from_slice(part);
        }
        data
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SealError {
    #[error("the sealed value is damaged, or belongs to another place")]
    Damaged,
    #[error("the sealed value uses version {0}, which this build does not know")]
    UnknownVersion(u8),
    #[error("the sealed value needs master key `{0}`, which KONSTRUCT_MASTER_KEYS does not contain")]
    UnknownKey(String),
}

/// A master key as configured: `id:base64 of 32 bytes`.
#[derive(Clone)]
pub struct MasterKey {
    pub id: String,
    key: Zeroizing<[u8; 32]>,
}

/// The master keys: the first one encrypts, all decrypt. Clones share the data keys that were opened last.
#[derive(Clone)]
pub struct Keyring {
    masters: Vec<MasterKey>,
    kept: data_keys::Kept,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.masters.iter().map(|key| &key.id)).finish()
    }
}

impl Keyring {
    /// Reads `id:base64[,id:base64…]`. The error is a sentence for the person who wrote the variable.
    pub fn parse(text: &str) -> Result<Self, String> {
        let masters = text.split(',').map(parse_master_key).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { masters, kept: data_keys::Kept::default() })
    }

    /// Keys that were generated for development; production refuses them.
    pub fn is_generated(&self) -> bool {
        self.masters.iter().any(|key| key.id.starts_with("dev-"))
    }

    /// What belongs to no tenant. Tenants' secrets are sealed under their data keys: see `db::data_keys`.
    pub fn seal(&self, place: &Place, secret: &[u8]) -> Vec<u8> {
        let master = &self.masters[0];
        let mut sealed = vec![VERSION, AES_256_GCM, u8::try_from(master.id.len()).expect("ids are ≤ 64 bytes")];
        sealed.extend_from_slice(master.id.as_bytes());
        encrypt(&master.key, &place.associated_data(VERSION), secret, &mut sealed);
        sealed
    }

    pub fn open(&self, place: &Place, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let [version, algorithm, id_length, rest @ ..] = sealed else {
            return Err(SealError::Damaged);
        };
        if (*version, *algorithm) != (VERSION, AES_256_GCM) {
            return Err(SealError::UnknownVersion(*version));
        }
        let (id, rest) = rest.split_at_checked(usize::from(*id_length)).ok_or(SealError::Damaged)?;
        let id = std::str::from_utf8(id).map_err(|_| SealError::Damaged)?;
        let master = self.masters.iter().find(|key| key.id == id);
        let master = master.ok_or_else(|| SealError::UnknownKey(id.to_owned()))?;
        decrypt(&master.key, &place.associated_data(VERSION), rest)
    }

    /// Whether this was sealed as [`Keyring::seal`] would: in the newest form, under the first key.
    pub fn seals_like(&self, sealed: &[u8]) -> bool {
        let [version, algorithm, id_length, rest @ ..] = sealed else { return false };
        (*version, *algorithm) == (VERSION, AES_256_GCM)
            && rest.get(..usize::from(*id_length)) == Some(self.masters[0].id.as_bytes())
    }
}

/// Appends nonce and ciphertext.
fn encrypt(key: &[u8; 32], aad: &[u8], secret: &[u8], sealed: &mut Vec<u8>) {
    let nonce: [u8; NONCE_LENGTH] = random_bytes();
    let ciphertext = Aes256Gcm::new(key.into())
        .encrypt((&nonce).into(), Payload { msg: secret, aad })
        .expect("AES-GCM refuses only messages beyond 64 GiB");
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&ciphertext);
}

/// Opens nonce and ciphertext.
fn decrypt(key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LENGTH>().ok_or(SealError::Damaged)?;
    Aes256Gcm::new(key.into())
        .decrypt(nonce.into(), Payload { msg: ciphertext, aad })
        .map(Zeroizing::new)
        .map_err(|_| SealError::Damaged)
}

/// A secret that is text, such as a token.
pub fn as_text(secret: &[u8]) -> Result<secrecy::SecretString, SealError> {
    let text = std::str::from_utf8(secret).map_err(|_| SealError::Damaged)?;
    Ok(secrecy::SecretString::from(text.to_owned()))
}

fn parse_master_key(text: &str) -> Result<MasterKey, String> {
    let (id, encoded) =
        text.trim().split_once(':').ok_or("KONSTRUCT_MASTER_KEYS must be written as `id:base64[,id:base64…]`.")?;
    if id.is_empty() || id.len() > 64 {
        return Err("A key id in KONSTRUCT_MASTER_KEYS must have 1 to 64 characters.".into());
    }
    // Who writes id and key the wrong way round must not find the key in a log.
    let name = if id.len() <= QUOTED_ID_MAX { format!("Key `{id}`") } else { "A key with a long id".to_owned() };
    let bytes = Zeroizing::new(
        STANDARD.decode(encoded).map_err(|_| format!("{name} in KONSTRUCT_MASTER_KEYS is not valid base64."))?,
    );
    let key: [u8; 32] = bytes
        .as_slice()
        .try_into()
        .map_err(|_| format!("{name} in KONSTRUCT_MASTER_KEYS has {} bytes; it needs 32.", bytes.len()))?;
    Ok(MasterKey { id: id.to_owned(), key: Zeroizing::new(key) })
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac
}

/// HMAC-SHA256 over the concatenated parts.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    mac(key, parts).finalize().into_bytes().into()
}

/// Compares a hexadecimal HMAC-SHA256 in constant time.
pub fn verify_hmac_hex(key: &[u8], parts: &[&[u8]], given: &[u8]) -> bool {
    let mut given_bytes = [0_u8; 32];
    hex::decode_to_slice(given, &mut given_bytes).is_ok() && hmac_sha256(key, parts).ct_eq(&given_bytes).into()
}

/// Compares two secrets without telling by the time it takes how much of them is the same.
pub fn same_secret(one: &str, other: &str) -> bool {
    token_hash(one).ct_eq(&token_hash(other)).into()
}

/// A keyed hash of provider ids: the same for ever, meaningless without the key. Parts are length-prefixed.
#[derive(Clone)]
pub struct FingerprintKey(Zeroizing<[u8; 32]>);

impl FingerprintKey {
    pub fn new(key: [u8; 32]) -> Self {
        Self(Zeroizing::new(key))
    }

    /// 128 bits: as good as no chance that two are the same, and half the index.
    pub fn fingerprint(&self, parts: &[&str]) -> Uuid {
        let mut mac = mac(self.0.as_slice(), &[]);
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        let mut half = [0; 16];
        half.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        Uuid::from_bytes(half)
    }

    /// A token that follows from the parts, for whoever has the key.
    pub fn token(&self, prefix: &str, parts: &[&str]) -> String {
        let mut mac = mac(self.0.as_slice(), &[b"token"]);
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        format!("{prefix}{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    /// Whether this is the token of the parts; in constant time.
    pub fn is_token(&self, given: &str, prefix: &str, parts: &[&str]) -> bool {
        self.token(prefix, parts).as_bytes().ct_eq(given.as_bytes()).into()
    }
}

pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

/// A new bearer token: `prefix` and 32 random bytes. Store only [`token_hash`] of it.
pub fn new_token(prefix: &str) -> String {
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(random_bytes::<32>()))
}

/// SHA-256 over the concatenated parts, to know something again by.
pub fn content_hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
    }
    digest.finalize().into()
}

pub fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring(id: &str) -> Keyring {
        Keyring::parse(&format!("{id}:{}", STANDARD.encode([7_u8; 32]))).unwrap()
    }

    fn place() -> Place {
        Place { tenant: Some(TenantId::new()), table: "t", column: "c", row: Uuid::now_v7() }
    }

    #[test]
    fn attack_109_a_sealed_value_opens_only_in_its_place() {
        let (keys, here) = (keyring("a"), place());
        let sealed = keys.seal(&here, b"xoxb-secret");
        assert_eq!(&**keys.open(&here, &sealed).unwrap(), b"xoxb-secret");
        let elsewhere = [
            Place { tenant: Some(TenantId::new()), ..here },
            Place { table: "u", ..here },
            Place { column: "d", ..here },
            Place { row: Uuid::now_v7(), ..here },
        ];
        for other in elsewhere {
            assert_eq!(keys.open(&other, &sealed).unwrap_err(), SealError::Damaged, "{other:?}");
        }
    }

    /// Attack case 110: every flipped bit and every length is a clean error.
    #[test]
    fn attack_110_damage_is_a_clean_error() {
        let (keys, here) = (keyring("a"), place());
        let sealed = keys.seal(&here, b"xoxb-secret");
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(keys.open(&here, &flipped).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(keys.open(&here, &sealed[..length]).is_err(), "length {length}");
        }
    }

    #[test]
    fn the_first_key_seals_and_all_open() {
        let here = place();
        let old = keyring("old");
        let sealed = old.seal(&here, b"x");
        let both =
            Keyring::parse(&format!("new:{},old:{}", STANDARD.encode([9; 32]), STANDARD.encode([7; 32]))).unwrap();
        assert!(both.open(&here, &sealed).is_ok());
        let unknown = keyring("new").open(&here, &sealed).unwrap_err();
        assert_eq!(unknown, SealError::UnknownKey("old".into()));
    }

    #[test]
    fn a_short_key_is_refused_with_a_sentence() {
        let error = Keyring::parse("k:c2hvcnQ=").unwrap_err();
        assert_eq!(error, "Key `k` in KONSTRUCT_MASTER_KEYS has 5 bytes; it needs 32.");
    }

    #[test]
    fn a_key_in_the_place_of_its_id_is_not_repeated() {
        let key = STANDARD.encode([7; 32]);
        let sentence = Keyring::parse(&format!("{key}:prod-1")).unwrap_err();
        assert!(sentence.contains("KONSTRUCT_MASTER_KEYS") && !sentence.contains(&key), "{sentence}");
    }

    #[test]
    fn a_signature_of_any_other_length_or_case_is_judged_by_its_bytes() {
        let good = hex::encode(hmac_sha256(b"k", &[b"a", b"b"]));
        assert!(verify_hmac_hex(b"k", &[b"ab"], good.as_bytes()));
        for bad in [&good[..63], &format!("{good}0"), "", "zz", &"0".repeat(64)] {
            assert!(!verify_hmac_hex(b"k", &[b"ab"], bad.as_bytes()), "{bad}");
        }
    }
}
