//! ID tokens: signatures by the provider's keys, and what a token must say to prove anything.
//!
//! Pure: a token, keys and what is expected go in, claims or a refusal come out.

use aws_lc_rs::{
    digest,
    signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::crypto::same_secret;

/// Longest token in bytes; those of large companies have 10 KB.
const TOKEN_MAX: usize = 64 * 1024;
/// Keys that are looked at; providers have two or three.
const KEYS_MAX: usize = 100;
/// What `amr` may hold that a password alone is not: several factors, a code, a key in hardware, a card.
const STRONG: [&str; 4] = ["mfa", "otp", "hwk", "sc"];
/// Longest subject by the specification, in bytes.
const SUBJECT_MAX: usize = 255;
/// How far the provider's clock may be ahead, in seconds.
const AHEAD_MAX: f64 = 120.0;

/// Why a token proves nothing. For logs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrue {
    /// It may be the provider's newest.
    #[error("no known key has signed it")]
    UnknownKey,
    #[error("{0}")]
    Because(&'static str),
}

/// The provider's published keys (RFC 7517). Kinds that are not known here are passed over.
#[derive(Debug, Deserialize)]
pub struct KeySet {
    keys: Vec<Key>,
}

#[derive(Debug, Deserialize)]
struct Key {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default, rename = "use")]
    usage: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    /// Something that must be understood, and is not.
    crit: Option<serde::de::IgnoredAny>,
}

/// What is read of a token. A name that is there twice is an error.
#[derive(Debug, Deserialize)]
pub struct Claims {
    iss: String,
    pub sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: f64,
    iat: Option<f64>,
    nbf: Option<f64>,
    nonce: Option<String>,
    at_hash: Option<String>,
    pub email: Option<String>,
    pub email_verified: Option<Value>,
    pub name: Option<String>,
    /// How they have shown who they are (RFC 8176).
    amr: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// What a token must fit.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub nonce: &'a str,
    pub access_token: &'a str,
    /// Seconds since 1970.
    pub now: i64,
}

/// How signatures are made by a private key. `none`, and those by a shared secret, are not among them.
#[derive(Clone, Copy)]
enum Algorithm {
    Rsa(&'static RsaParameters),
    Curve(&'static str, &'static dyn signature::VerificationAlgorithm),
}

fn algorithm(name: &str) -> Option<(Algorithm, &'static digest::Algorithm)> {
    use Algorithm::{Curve, Rsa};
    Some(match name {
        "RS256" => (Rsa(&signature::RSA_PKCS1_2048_8192_SHA256), &digest::SHA256),
        "RS384" => (Rsa(&signature::RSA_PKCS1_2048_8192_SHA384), &digest::SHA384),
        "RS512" => (Rsa(&signature::RSA_PKCS1_2048_8192_SHA512), &digest::SHA512),
        "PS256" => (Rsa(&signature::RSA_PSS_2048_8192_SHA256), &digest::SHA256),
        "PS384" => (Rsa(&signature::RSA_PSS_2048_8192_SHA384), &digest::SHA384),
        "PS512" => (Rsa(&signature::RSA_PSS_2048_8192_SHA512), &digest::SHA512),
        "ES256" => (Curve("P-256", &signature::ECDSA_P256_SHA256_FIXED), &digest::SHA256),
        "ES384" => (Curve("P-384", &signature::ECDSA_P384_SHA384_FIXED), &digest::SHA384),
        "EdDSA" => (Curve("Ed25519", &signature::ED25519), &digest::SHA512),
        _ => return None,
    })
}

/// The claims of a token that a known key has signed for this client, this visit and this moment.
pub fn verify(token: &str, keys: &KeySet, expected: &Expected<'_>) -> Result<Claims, Untrue> {
    let parts: Vec<&str> = token.split('.').collect();
    let [head, body, signature] = parts[..] else { return Err(Untrue::Because("it has not three parts")) };
    if token.len() > TOKEN_MAX {
        return Err(Untrue::Because("it is too long"));
    }
    let header: Header = decoded(head).ok_or(Untrue::Because("its header can't be read"))?;
    if header.crit.is_some() || header.typ.is_some_and(|kind| !kind.eq_ignore_ascii_case("jwt")) {
        return Err(Untrue::Because("it is of another kind"));
    }
    let (algorithm, hash) = algorithm(&header.alg).ok_or(Untrue::Because("it is not signed by a private key"))?;
    let key = keys.find(&header.alg, algorithm, header.kid.as_deref()).ok_or(Untrue::UnknownKey)?;
    let signature = bytes(signature).ok_or(Untrue::Because("its signature can't be read"))?;
    // What was signed is what was sent, letter by letter.
    let signed = &token.as_bytes()[..=head.len() + body.len()];
    if !key.has_signed(algorithm, signed, &signature) {
        return Err(Untrue::UnknownKey);
    }
    let claims: Claims = decoded(body).ok_or(Untrue::Because("its claims can't be read"))?;
    judge(&claims, expected, hash)?;
    Ok(claims)
}

fn judge(claims: &Claims, expected: &Expected<'_>, hash: &'static digest::Algorithm) -> Result<(), Untrue> {
    let now = expected.now as f64;
    let audience: &[String] = match &claims.aud {
        Audience::One(one) => std::slice::from_ref(one),
        Audience::Several(several) => several,
    };
    // Whoever shares a token with us could show it here for its person.
    let only_ours = !audience.is_empty() && audience.iter().all(|one| one == expected.client_id);
    let subject = &claims.sub;
    let why = if claims.iss != expected.issuer {
        "it is another issuer's"
    } else if !only_ours || claims.azp.as_ref().is_some_and(|party| party != expected.client_id) {
        "it is not for us alone"
    } else if claims.exp <= now {
        "it has expired"
    } else if [claims.iat, claims.nbf].into_iter().flatten().any(|begin| begin > now + AHEAD_MAX) {
        "it is not valid yet"
    } else if !claims.nonce.as_ref().is_some_and(|nonce| same_secret(nonce, expected.nonce)) {
        "it belongs to another visit"
    } else if claims.at_hash.as_ref().is_some_and(|given| *given != half_hash(hash, expected.access_token)) {
        "it came with another access token"
    } else if subject.is_empty() || subject.len() > SUBJECT_MAX || subject.chars().any(char::is_control) {
        "its subject has no or too many letters"
    } else {
        return Ok(());
    };
    Err(Untrue::Because(why))
}

/// As `at_hash` holds it.
fn half_hash(hash: &'static digest::Algorithm, token: &str) -> String {
    let whole = digest::digest(hash, token.as_bytes());
    URL_SAFE_NO_PAD.encode(&whole.as_ref()[..whole.as_ref().len() / 2])
}

impl KeySet {
    /// The one key that may have signed; without a name there must be no doubt.
    fn find(&self, name: &str, algorithm: Algorithm, id: Option<&str>) -> Option<&Key> {
        let mut fitting = self.keys.iter().take(KEYS_MAX).filter(|key| {
            key.fits(algorithm)
                && key.usage.as_deref().is_none_or(|usage| usage == "sig")
                && key.alg.as_deref().is_none_or(|only| only == name)
                && id.is_none_or(|id| key.kid.as_deref() == Some(id))
        });
        let key = fitting.next()?;
        fitting.next().is_none().then_some(key)
    }
}

impl Key {
    fn fits(&self, algorithm: Algorithm) -> bool {
        match algorithm {
            Algorithm::Rsa(_) => self.kty == "RSA",
            Algorithm::Curve(curve, _) => {
                (self.kty == if curve == "Ed25519" { "OKP" } else { "EC" }) && self.crv.as_deref() == Some(curve)
            }
        }
    }

    fn has_signed(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
        let part = |text: &Option<String>| text.as_deref().and_then(bytes);
        match algorithm {
            Algorithm::Rsa(parameters) => {
                let (Some(n), Some(e)) = (part(&self.n), part(&self.e)) else { return false };
                RsaPublicKeyComponents { n, e }.verify(parameters, signed, signature).is_ok()
            }
            Algorithm::Curve(curve, verification) => {
                let (Some(x), y) = (part(&self.x), part(&self.y)) else { return false };
                let point = match (curve, y) {
                    ("Ed25519", _) => x,
                    (_, Some(y)) => [&[4_u8][..], x.as_slice(), y.as_slice()].concat(),
                    (_, None) => return false,
                };
                UnparsedPublicKey::new(verification, point).verify(signed, signature).is_ok()
            }
        }
    }
}

impl Claims {
    /// Whether the provider says that more than a password was asked for. One that says nothing has asked for the least.
    pub fn is_strong(&self) -> bool {
        let methods = self.amr.as_ref().and_then(Value::as_array);
        methods.is_some_and(|methods| {
            methods.iter().any(|method| method.as_str().is_some_and(|method| STRONG.contains(&method)))
        })
    }
}

/// Some providers write the truth in quotes.
pub fn vouches(claim: Option<&Value>) -> bool {
    claim.is_some_and(|claim| *claim == Value::Bool(true) || claim == "true")
}

fn bytes(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}

fn decoded<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&bytes(part)?).ok()
}
