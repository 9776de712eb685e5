//! A tenant's data key: what its secrets are sealed under, and itself sealed under a master key.
//!
//! A value sealed under one is `version | algorithm | data key id (16) | nonce (12) | ciphertext`.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use uuid::Uuid;
use zeroize::Zeroizing;

use super::{AES_256_GCM, Keyring, Place, SealError, decrypt, encrypt, random_bytes};
use crate::ids::TenantId;

const VERSION: u8 = 2;
/// Some 100 bytes each.
const KEPT_MAX: usize = 10_000;
/// As long as a process can still open what was sealed under a data key that is gone.
const KEPT_FOR: Duration = Duration::from_mins(5);

/// Opened.
pub struct DataKey {
    pub id: Uuid,
    key: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({})", self.id)
    }
}

impl DataKey {
    /// A new one, of random bytes.
    pub fn random() -> Self {
        Self { id: Uuid::now_v7(), key: Zeroizing::new(random_bytes()) }
    }

    pub fn seal(&self, place: &Place, secret: &[u8]) -> Vec<u8> {
        let mut sealed = vec![VERSION, AES_256_GCM];
        sealed.extend_from_slice(self.id.as_bytes());
        encrypt(&self.key, &place.associated_data(VERSION), secret, &mut sealed);
        sealed
    }

    pub fn open(&self, place: &Place, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (id, encrypted) = parts(sealed)?;
        if id != self.id {
            return Err(SealError::Damaged);
        }
        decrypt(&self.key, &place.associated_data(VERSION), encrypted)
    }
}

fn parts(sealed: &[u8]) -> Result<(Uuid, &[u8]), SealError> {
    let [version, algorithm, rest @ ..] = sealed else { return Err(SealError::Damaged) };
    if (*version, *algorithm) != (VERSION, AES_256_GCM) {
        return Err(SealError::UnknownVersion(*version));
    }
    let (id, encrypted) = rest.split_first_chunk().ok_or(SealError::Damaged)?;
    Ok((Uuid::from_bytes(*id), encrypted))
}

/// Which data key a value is sealed under; `None`: under a master key, or none.
pub fn data_key_of(sealed: &[u8]) -> Option<Uuid> {
    parts(sealed).ok().map(|(id, _)| id)
}

fn place(tenant: TenantId, id: Uuid) -> Place {
    Place { tenant: Some(tenant), table: "data_keys", column: "sealed", row: id }
}

impl Keyring {
    /// A data key as its row holds it.
    pub fn wrap(&self, tenant: TenantId, key: &DataKey) -> Vec<u8> {
        self.seal(&place(tenant, key.id), key.key.as_slice())
    }

    /// Opens a data key as its row holds it, and keeps it at hand.
    pub fn unwrap_key(&self, tenant: TenantId, id: Uuid, sealed: &[u8]) -> Result<Arc<DataKey>, SealError> {
        if let Some(key) = self.at_hand(tenant, id) {
            return Ok(key);
        }
        let bytes = self.open(&place(tenant, id), sealed)?;
        let key = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| SealError::Damaged)?;
        let key = Arc::new(DataKey { id, key: Zeroizing::new(key) });
        self.kept.keep(tenant, key.clone());
        Ok(key)
    }

    /// A data key that was opened a moment ago.
    pub fn at_hand(&self, tenant: TenantId, id: Uuid) -> Option<Arc<DataKey>> {
        self.kept.find(tenant, id)
    }
}

/// Opened data keys, for a while: whoever opens a secret asks the database for its key once in five minutes.
#[derive(Clone, Default)]
pub(super) struct Kept(Arc<Mutex<HashMap<(TenantId, Uuid), Since>>>);

type Since = (Arc<DataKey>, Instant);

impl Kept {
    fn find(&self, tenant: TenantId, id: Uuid) -> Option<Arc<DataKey>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, since) = kept.get(&(tenant, id))?;
        (since.elapsed() < KEPT_FOR).then(|| key.clone())
    }

    fn keep(&self, tenant: TenantId, key: Arc<DataKey>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.retain(|_, (_, since)| since.elapsed() < KEPT_FOR);
        }
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert((tenant, key.id), (key, Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn keyring() -> Keyring {
        Keyring::parse("k:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=").unwrap()
    }

    fn somewhere() -> Place {
        Place { tenant: Some(TenantId::new()), table: "t", column: "c", row: Uuid::now_v7() }
    }

    #[test]
    fn attack_109_a_data_key_opens_only_where_it_belongs_and_what_it_sealed() {
        let (keys, tenant, key, here) = (keyring(), TenantId::new(), DataKey::random(), somewhere());
        let wrapped = keys.wrap(tenant, &key);
        let fresh = keyring();
        assert!(fresh.unwrap_key(TenantId::new(), key.id, &wrapped).is_err(), "another tenant's");
        assert!(fresh.unwrap_key(tenant, Uuid::now_v7(), &wrapped).is_err(), "another row's");
        let sealed = fresh.unwrap_key(tenant, key.id, &wrapped).unwrap().seal(&here, b"sk-secret");
        assert_eq!(data_key_of(&sealed), Some(key.id));
        assert_eq!(key.open(&here, &sealed).unwrap().as_slice(), b"sk-secret");
        let elsewhere = [
            Place { tenant: Some(TenantId::new()), ..here },
            Place { table: "u", ..here },
            Place { column: "d", ..here },
            Place { row: Uuid::now_v7(), ..here },
        ];
        for other in elsewhere {
            assert_eq!(key.open(&other, &sealed).unwrap_err(), SealError::Damaged, "{other:?}");
        }
        assert!(DataKey::random().open(&here, &sealed).is_err(), "another key");
        assert!(keys.open(&here, &sealed).is_err(), "no master key opens it");
    }

    #[test]
    fn attack_110_damage_below_a_data_key_is_a_clean_error() {
        let (key, here) = (DataKey::random(), somewhere());
        let sealed = key.seal(&here, b"sk-secret");
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(key.open(&here, &flipped).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(key.open(&here, &sealed[..length]).is_err(), "length {length}");
        }
        assert!(key.open(&here, &[7; 1 << 20]).is_err());
    }

    #[test]
    fn attack_111_no_nonce_comes_twice() {
        let (key, here) = (DataKey::random(), somewhere());
        let mut seen = HashSet::new();
        for n in 0..100_000 {
            let sealed = key.seal(&here, b"");
            assert!(seen.insert(sealed[18..30].to_vec()), "seal {n}");
        }
    }

    #[test]
    fn attack_113_a_version_or_an_algorithm_nobody_knows_is_named() {
        let (keys, key, here) = (keyring(), DataKey::random(), somewhere());
        for mut sealed in [key.seal(&here, b"x"), keys.seal(&here, b"x")] {
            sealed[0] = 9;
            assert_eq!(key.open(&here, &sealed).unwrap_err(), SealError::UnknownVersion(9));
            assert_eq!(keys.open(&here, &sealed).unwrap_err(), SealError::UnknownVersion(9));
        }
        for mut sealed in [key.seal(&here, b"x"), keys.seal(&here, b"x")] {
            sealed[1] = 9;
            assert!(matches!(key.open(&here, &sealed), Err(SealError::UnknownVersion(_))));
            assert!(matches!(keys.open(&here, &sealed), Err(SealError::UnknownVersion(_))));
        }
    }

    #[test]
    fn no_more_data_keys_are_kept_than_there_is_room_for() {
        let (keys, tenant) = (keyring(), TenantId::new());
        for _ in 0..=KEPT_MAX {
            keys.kept.keep(tenant, Arc::new(DataKey::random()));
        }
        assert!(keys.kept.0.lock().unwrap().len() <= KEPT_MAX);
    }

    #[test]
    fn attack_117_neither_key_shows_itself() {
        let key = DataKey::random();
        let shown = format!("{:?} {key:?}", keyring());
        assert!(!shown.contains("BwcH") && !shown.contains(&hex::encode(key.key.as_slice())), "{shown}");
    }
}
