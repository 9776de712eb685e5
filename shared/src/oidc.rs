//! Signing in by a provider of OpenID Connect: the address of its page, and what its answer proves.
//!
//! The provider's own origin is trusted, since it is configured; whatever other address its documents name is judged like a
//! tenant's. What a token must say stands in [`token`]. See decision 0123.

mod token;

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use moka::future::Cache;
use reqwest::{RequestBuilder, StatusCode, header};
use secrecy::ExposeSecret;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use url::{Url, form_urlencoded::byte_serialize};

use crate::{
    clock::Clock,
    config::OidcConfig,
    crypto::content_hash,
    egress::{self, Guard},
};
use token::{Claims, Expected, KeySet, Untrue};

/// One call; signing in makes up to five.
const TIMEOUT: Duration = Duration::from_secs(4);
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// How long the provider's description and keys are kept. A token by an unknown key makes us look at once.
const DESCRIPTION_KEPT: Duration = Duration::from_secs(3600);
const SCOPES: &str = "openid email profile";
/// Where a person comes back to; stands at the provider.
pub const RETURN_PATH: &str = "oauth/oidc/callback";

/// Why nobody is signed in. What it says is for logs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    #[error("the provider can't be used: {0}")]
    Unusable(String),
    /// The code is unknown, used or too old, or we are not its client.
    #[error("the provider takes no such code: {0}")]
    Refused(String),
    #[error("the provider's token proves nothing: {0}")]
    Unproved(#[from] Untrue),
}

/// Who somebody is to the provider. Only issuer and subject identify: addresses and names change hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    pub issuer: String,
    pub subject: String,
    pub mail: Option<String>,
    /// The provider says that the address is theirs.
    pub is_mail_proved: bool,
    pub name: Option<String>,
    /// It says that it asked for more than a password.
    pub is_strong: bool,
}

/// What belongs to one visit and must come back with it, none of it twice.
pub struct Secrets {
    pub state: String,
    pub nonce: String,
    /// 43 letters or more; the provider gets its hash first, and itself with the code.
    pub verifier: String,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Provider {
    pub config: OidcConfig,
    origin: url::Origin,
    redirect: String,
    http: reqwest::Client,
    guard: Guard,
    clock: Clock,
    described: Cache<(), Arc<Described>>,
}

/// What the provider says of itself, as far as it is used.
#[derive(Debug, Deserialize)]
struct Description {
    issuer: String,
    #[serde(deserialize_with = "address")]
    authorization_endpoint: Url,
    #[serde(deserialize_with = "address")]
    token_endpoint: Url,
    #[serde(deserialize_with = "address")]
    jwks_uri: Url,
    /// Parsed when it is needed.
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

struct Described {
    about: Description,
    keys: KeySet,
}

#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    id_token: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

/// What its user info may add.
#[derive(Deserialize)]
struct About {
    sub: String,
    email: Option<String>,
    email_verified: Option<serde_json::Value>,
    name: Option<String>,
}

impl Provider {
    pub fn new(config: &OidcConfig, public_url: &Url, guard: &Guard, clock: &Clock) -> Result<Self, String> {
        let issuer: Url = config.issuer.parse().map_err(|error| format!("OIDC_ISSUER: {error}"))?;
        Ok(Self {
            config: config.clone(),
            origin: issuer.origin(),
            redirect: format!("{public_url}{RETURN_PATH}"),
            http: egress::provider_client(Some(TIMEOUT)),
            guard: guard.clone(),
            clock: clock.clone(),
            described: Cache::builder().max_capacity(1).time_to_live(DESCRIPTION_KEPT).build(),
        })
    }

    /// The page where a person signs in, for one visit.
    pub async fn page(&self, secrets: &Secrets) -> Result<Url, OidcError> {
        let mut page = self.describe().await?.about.authorization_endpoint.clone();
        // A person's browser goes there; any other scheme would be somebody else's program.
        if page.scheme() != "https" && page.origin() != self.origin {
            return Err(unusable("its page is not reached by https"));
        }
        let challenge = URL_SAFE_NO_PAD.encode(content_hash(&[secrets.verifier.as_bytes()]));
        page.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.config.client_id)
            .append_pair("redirect_uri", &self.redirect)
            .append_pair("scope", SCOPES)
            .append_pair("state", &secrets.state)
            .append_pair("nonce", &secrets.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(page)
    }

    /// Exchanges the code, and reads who came. Never inside a transaction.
    pub async fn prove(&self, code: &str, secrets: &Secrets) -> Result<Proof, OidcError> {
        let described = self.describe().await?;
        let tokens = self.exchange(&described.about, code, secrets).await?;
        let claims = match self.verify(&described.keys, &tokens, &secrets.nonce) {
            // It may have new keys since we looked.
            Err(Untrue::UnknownKey) => {
                self.described.invalidate(&()).await;
                self.verify(&self.describe().await?.keys, &tokens, &secrets.nonce)
            }
            verified => verified,
        }?;
        let mut proof = Proof {
            issuer: self.config.issuer.clone(),
            is_strong: claims.is_strong(),
            subject: claims.sub,
            mail: claims.email,
            is_mail_proved: token::vouches(claims.email_verified.as_ref()),
            name: claims.name,
        };
        if let (None, Some(endpoint)) = (&proof.mail, &described.about.userinfo_endpoint) {
            let endpoint = endpoint.parse().map_err(|_| unusable("its user info has no address"))?;
            self.ask_more(&endpoint, &tokens.access_token, &mut proof).await?;
        }
        Ok(proof)
    }

    async fn describe(&self) -> Result<Arc<Described>, OidcError> {
        let looking = async {
            let address = format!("{}/.well-known/openid-configuration", self.config.issuer.trim_end_matches('/'));
            let address: Url = address.parse().map_err(|_| unusable("its issuer is no address"))?;
            let about: Description = self.get(&address, None).await?;
            if about.issuer != self.config.issuer {
                return Err(OidcError::Unusable(format!("it calls itself {:?}", about.issuer)));
            }
            let keys = self.get(&about.jwks_uri, None).await?;
            Ok::<_, OidcError>(Arc::new(Described { about, keys }))
        };
        self.described.try_get_with((), looking).await.map_err(|error| (*error).clone())
    }

    async fn exchange(&self, about: &Description, code: &str, secrets: &Secrets) -> Result<Tokens, OidcError> {
        let (id, secret) = (self.config.client_id.as_str(), self.config.client_secret.expose_secret());
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect.as_str()),
            ("code_verifier", secrets.verifier.as_str()),
        ];
        let methods = about.token_endpoint_auth_methods_supported.as_deref().unwrap_or_default();
        let takes = |method: &str| methods.iter().any(|known| known == method);
        let mut request = self.client(&about.token_endpoint)?.post(about.token_endpoint.clone());
        if takes("client_secret_post") && !takes("client_secret_basic") {
            form.extend([("client_id", id), ("client_secret", secret)]);
        } else {
            // Written like a form's before they become a header (RFC 6749, 2.3.1).
            let written = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            request = request.basic_auth(written(id), Some(written(secret)));
        }
        let (status, body) = self.send(request.form(&form)).await?;
        match status {
            StatusCode::OK => read(&body),
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED => {
                Err(OidcError::Refused(read::<Refusal>(&body)?.error))
            }
            status => Err(OidcError::Unusable(format!("its tokens answer with {status}"))),
        }
    }

    fn verify(&self, keys: &KeySet, tokens: &Tokens, nonce: &str) -> Result<Claims, Untrue> {
        let token = tokens.id_token.as_deref().ok_or(Untrue::Because("there is none"))?;
        let expected = Expected {
            issuer: &self.config.issuer,
            client_id: &self.config.client_id,
            nonce,
            access_token: &tokens.access_token,
            now: self.clock.now().unix_timestamp(),
        };
        token::verify(token, keys, &expected)
    }

    /// Address and name, where the token leaves them out.
    async fn ask_more(&self, endpoint: &Url, access_token: &str, proof: &mut Proof) -> Result<(), OidcError> {
        let about: About = self.get(endpoint, Some(access_token)).await?;
        if about.sub != proof.subject {
            return Err(Untrue::Because("its user info is somebody else's").into());
        }
        proof.mail = about.email;
        proof.is_mail_proved = token::vouches(about.email_verified.as_ref());
        proof.name = proof.name.take().or(about.name);
        Ok(())
    }

    async fn get<T: DeserializeOwned>(&self, url: &Url, bearer: Option<&str>) -> Result<T, OidcError> {
        let mut request = self.client(url)?.get(url.clone());
        if let Some(token) = bearer {
            request = request.bearer_auth(token);
        }
        match self.send(request).await? {
            (StatusCode::OK, body) => read(&body),
            (status, _) => Err(OidcError::Unusable(format!("{} answers with {status}", url.path()))),
        }
    }

    fn client(&self, url: &Url) -> Result<&reqwest::Client, OidcError> {
        if url.origin() == self.origin {
            return Ok(&self.http);
        }
        self.guard.client(url).map_err(|refusal| OidcError::Unusable(format!("{url}: {refusal}")))
    }

    /// No redirects, and an end to time and size.
    async fn send(&self, request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), OidcError> {
        let request = request.header(header::ACCEPT, "application/json").timeout(TIMEOUT);
        let failed = |error: reqwest::Error| OidcError::Unusable(error.without_url().to_string());
        let mut response = request.send().await.map_err(failed)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(unusable("an answer is too large"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok((response.status(), bytes))
    }
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

fn unusable(why: &str) -> OidcError {
    OidcError::Unusable(why.to_owned())
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, OidcError> {
    serde_json::from_slice(body).map_err(|error| OidcError::Unusable(format!("an answer can't be read: {error}")))
}
