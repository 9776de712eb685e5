//! Stripe's signature over the time and the raw bytes of a webhook.

use secrecy::{ExposeSecret, SecretString};

use crate::crypto::verify_hmac_hex;

/// Older or newer requests may be replays.
pub const TOLERANCE_SECONDS: i64 = 300;
/// More would only cost time.
const SIGNATURES_MAX: usize = 8;

/// `t=…,v1=…[,v1=…]`: while a secret is replaced, there are several. Other schemes are left aside.
#[derive(Debug, PartialEq, Eq)]
pub struct Signature<'a> {
    timestamp: &'a str,
    hexes: Vec<&'a str>,
}

impl<'a> Signature<'a> {
    /// `None`: malformed, or not of `now`, in seconds since 1970.
    pub fn read(header: &'a str, now: i64) -> Option<Self> {
        let (mut timestamp, mut hexes) = (None, Vec::new());
        for part in header.split(',') {
            match part.trim().split_once('=')? {
                ("t", _) if timestamp.is_some() => return None,
                ("t", value) => timestamp = Some(value),
                ("v1", value) if hexes.len() < SIGNATURES_MAX => hexes.push(value),
                _ => {}
            }
        }
        let timestamp =
            timestamp.filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))?;
        let seconds: i64 = timestamp.parse().ok()?;
        if hexes.is_empty() || now.abs_diff(seconds) > TOLERANCE_SECONDS.unsigned_abs() {
            return None;
        }
        Some(Self { timestamp, hexes })
    }

    /// Whether one of the secrets made one of the signatures.
    pub fn fits(&self, secrets: &[SecretString], raw: &[u8]) -> bool {
        secrets.iter().any(|secret| {
            let secret = secret.expose_secret().trim();
            // A blank secret would make the signature anybody's.
            !secret.is_empty()
                && self.hexes.iter().any(|hex| {
                    verify_hmac_hex(secret.as_bytes(), &[self.timestamp.as_bytes(), b".", raw], hex.as_bytes())
                })
        })
    }
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::Sha256;

    use super::*;

    const NOW: i64 = 1_767_000_000;

    fn signed(secret: &str, at: i64, raw: &str) -> String {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("{at}.{raw}").as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }

    fn is_good(header: &str, secrets: &[&str]) -> bool {
        let secrets: Vec<SecretString> =
            secrets.iter().map(|text| SecretString::from((*text).to_owned())).collect();
        Signature::read(header, NOW).is_some_and(|signature| signature.fits(&secrets, b"{}"))
    }

    #[test]
    fn attack_41_only_our_secret_the_right_scheme_and_a_fresh_time_count() {
        let good = signed("whsec_a", NOW, "{}");
        assert!(is_good(&format!("t={NOW},v1={good}"), &["whsec_a"]));
        assert!(is_good(&format!("t={NOW}, v0=00, v1={good}, v9=x"), &["whsec_a"]));
        for bad in [
            format!("t={NOW},v0={good}"),
            format!("v1={good}"),
            format!("t={NOW},t={NOW},v1={good}"),
            format!("t=+{NOW},v1={good}"),
            format!("t={NOW},v1={}", signed("whsec_a", NOW, "{} ")),
            format!("t={},v1={}", NOW + 1, good),
            String::new(),
            "t=,v1=".into(),
        ] {
            assert!(!is_good(&bad, &["whsec_a"]), "{bad}");
        }
        assert!(!is_good(&format!("t={NOW},v1={good}"), &["whsec_other"]));
        assert!(!is_good(&format!("t={NOW},v1={}", signed("", NOW, "{}")), &["", "  "]));
    }

    #[test]
    fn attack_49_a_bad_and_a_good_signature_together_while_secrets_change() {
        let (old, new) = (signed("whsec_old", NOW, "{}"), signed("whsec_new", NOW, "{}"));
        let header = format!("t={NOW},v1={old},v1={new}");
        assert!(is_good(&header, &["whsec_new"]) && is_good(&header, &["whsec_old"]));
        assert!(is_good(&format!("t={NOW},v1={old}"), &["whsec_new", "whsec_old"]));
        assert!(!is_good(&header, &["whsec_third"]));
    }

    #[test]
    fn attack_162_what_was_signed_too_long_ago_is_refused() {
        for (at, good) in
            [(NOW - 300, true), (NOW + 300, true), (NOW - 301, false), (NOW + 301, false), (NOW - 172_800, false)]
        {
            assert_eq!(is_good(&format!("t={at},v1={}", signed("whsec_a", at, "{}")), &["whsec_a"]), good, "{at}");
        }
    }
}
