//! A provider of OpenID Connect whose person always agrees at once, and whose tokens can be wrong on cue.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::{
    digest,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use axum::{
    Form, Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::RngCore;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{clock, server::Server};

const CLIENT_ID: &str = "konstruct";
const CLIENT_SECRET: &str = "simulated-client-secret";
const TOKEN_LIVES_SECONDS: u64 = 300;

/// Who signs in.
#[derive(Clone, Debug)]
pub struct OidcPerson {
    pub subject: String,
    pub mail: Option<String>,
    pub mail_verified: bool,
    pub name: String,
    /// How they have shown who they are (RFC 8176); with none, the provider does not say.
    pub methods: Vec<String>,
}

/// What is wrong with the tokens from now on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Twist {
    #[default]
    None,
    OtherAudience,
    /// Ours, and somebody's whom we don't know.
    OneAudienceMore,
    OtherIssuer,
    OtherNonce,
    NoNonce,
    Expired,
    /// `alg: none`, and no signature.
    Unsigned,
    /// HS256, with the client's secret as the key.
    SharedSecret,
    /// Signed by a key that is not published.
    OtherKey,
    /// The published key's id, and another key.
    KeySwap,
    /// The provider has a new key since it was asked.
    NewKey,
    NoSubject,
    NoToken,
    /// Its description is another issuer's.
    OtherDescription,
    /// Its keys are larger than anybody's.
    HugeKeys,
}

/// Runs until dropped.
pub struct OidcSimulator {
    pub addr: SocketAddr,
    core: Arc<Core>,
    _server: Server,
}

struct Core {
    addr: Mutex<Option<SocketAddr>>,
    state: Mutex<Inner>,
}

struct Inner {
    person: OidcPerson,
    twist: Twist,
    key: (String, EcdsaKeyPair),
    /// Code → what was asked for.
    codes: BTreeMap<String, Asked>,
}

#[derive(Clone, Deserialize)]
struct Asked {
    client_id: String,
    redirect_uri: String,
    state: String,
    nonce: String,
    code_challenge: String,
    code_challenge_method: String,
    response_type: String,
    scope: String,
}

#[derive(Deserialize)]
struct Exchange {
    grant_type: String,
    code: String,
    redirect_uri: String,
    code_verifier: String,
}

impl OidcSimulator {
    pub async fn start(bind: SocketAddr, person: OidcPerson) -> io::Result<Self> {
        let state = Inner { person, twist: Twist::None, key: new_key()?, codes: BTreeMap::new() };
        let core = Arc::new(Core { addr: Mutex::default(), state: Mutex::new(state) });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .with_state(Arc::clone(&core));
        let server = Server::start(bind, router).await?;
        *core.addr.lock().unwrap_or_else(PoisonError::into_inner) = Some(server.addr);
        Ok(Self { addr: server.addr, core, _server: server })
    }

    /// What `OIDC_ISSUER` should be.
    pub fn issuer(&self) -> String {
        self.core.issuer()
    }

    pub fn client_id(&self) -> &'static str {
        CLIENT_ID
    }

    pub fn client_secret(&self) -> &'static str {
        CLIENT_SECRET
    }

    /// Somebody else sits at the browser now.
    pub fn becomes(&self, person: OidcPerson) {
        self.core.state().person = person;
    }

    pub fn twist(&self, twist: Twist) {
        self.core.state().twist = twist;
    }
}

impl Core {
    fn state(&self) -> MutexGuard<'_, Inner> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn issuer(&self) -> String {
        let addr = *self.addr.lock().unwrap_or_else(PoisonError::into_inner);
        addr.map(|addr| format!("http://{addr}")).unwrap_or_default()
    }
}

fn new_key() -> io::Result<(String, EcdsaKeyPair)> {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| io::Error::other("no key"))?;
    Ok((random(), key))
}

fn random() -> String {
    let mut bytes = [0_u8; 24];
    rand::rng().fill_bytes(&mut bytes);
    encode(&bytes)
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn hash(text: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, text.as_bytes()).as_ref().to_vec()
}

async fn describe(State(core): State<Arc<Core>>) -> Json<Value> {
    let issuer = core.issuer();
    let said = match core.state().twist {
        Twist::OtherDescription => "https://another.example.com".to_owned(),
        _ => issuer.clone(),
    };
    Json(json!({
        "issuer": said,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }))
}

async fn keys(State(core): State<Arc<Core>>) -> Response {
    let inner = core.state();
    let (id, key) = &inner.key;
    // 0x04, x, y.
    let point = key.public_key().as_ref();
    let mut body = json!({ "keys": [{
        "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": id,
        "x": encode(&point[1..33]), "y": encode(&point[33..65]),
    }] });
    if inner.twist == Twist::HugeKeys {
        body["padding"] = Value::String("x".repeat(1024 * 1024));
    }
    Json(body).into_response()
}

/// The person is known here and agrees.
async fn authorize(State(core): State<Arc<Core>>, Query(asked): Query<Asked>) -> Response {
    let fits = asked.client_id == CLIENT_ID
        && asked.response_type == "code"
        && asked.code_challenge_method == "S256"
        && asked.scope.split(' ').any(|scope| scope == "openid");
    if !fits {
        return (StatusCode::BAD_REQUEST, "invalid_request").into_response();
    }
    let code = random();
    let target = format!("{}?code={code}&state={}", asked.redirect_uri, asked.state);
    core.state().codes.insert(code, asked);
    (StatusCode::FOUND, [(header::LOCATION, target)]).into_response()
}

async fn token(State(core): State<Arc<Core>>, headers: HeaderMap, Form(given): Form<Exchange>) -> Response {
    let expected = format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}")));
    if headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) != Some(&expected) {
        return refusal(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let issuer = core.issuer();
    let mut inner = core.state();
    // A code works once.
    let asked = inner.codes.remove(&given.code).filter(|asked| {
        given.grant_type == "authorization_code"
            && given.redirect_uri == asked.redirect_uri
            && encode(&hash(&given.code_verifier)) == asked.code_challenge
    });
    let Some(asked) = asked else { return refusal(StatusCode::BAD_REQUEST, "invalid_grant") };
    let access = random();
    let mut body = json!({ "access_token": access, "token_type": "Bearer", "expires_in": TOKEN_LIVES_SECONDS });
    if inner.twist == Twist::NewKey
        && let Ok(key) = new_key()
    {
        inner.key = key;
    }
    if inner.twist != Twist::NoToken {
        body["id_token"] = Value::String(sign(&inner, &claims(&inner, &issuer, &asked, &access)));
    }
    Json(body).into_response()
}

fn refusal(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}

fn claims(inner: &Inner, issuer: &str, asked: &Asked, access: &str) -> Value {
    let now = clock::now_micros() / 1_000_000;
    let (person, twist) = (&inner.person, inner.twist);
    let lives = if twist == Twist::Expired { now - 1 } else { now + TOKEN_LIVES_SECONDS };
    let mut claims = json!({
        "iss": issuer, "sub": person.subject, "aud": CLIENT_ID, "exp": lives, "iat": now - 2,
        "nonce": asked.nonce, "name": person.name, "at_hash": encode(&hash(access)[..16]),
    });
    if let Some(mail) = &person.mail {
        claims["email"] = json!(mail);
        claims["email_verified"] = json!(person.mail_verified);
    }
    if !person.methods.is_empty() {
        claims["amr"] = json!(person.methods);
    }
    match twist {
        Twist::OtherAudience => claims["aud"] = json!("another-client"),
        Twist::OneAudienceMore => claims["aud"] = json!([CLIENT_ID, "another-client"]),
        Twist::OtherIssuer => claims["iss"] = json!("https://another.example.com"),
        Twist::OtherNonce => claims["nonce"] = json!("of-another-visit"),
        Twist::NoSubject => claims["sub"] = json!(""),
        Twist::NoNonce => drop(claims.as_object_mut().and_then(|claims| claims.remove("nonce"))),
        _ => {}
    }
    claims
}

fn sign(inner: &Inner, claims: &Value) -> String {
    let (id, key) = &inner.key;
    let head = match inner.twist {
        Twist::Unsigned => json!({ "alg": "none" }),
        Twist::SharedSecret => json!({ "alg": "HS256" }),
        Twist::OtherKey => json!({ "alg": "ES256", "kid": "another" }),
        _ => json!({ "alg": "ES256", "kid": id, "typ": "JWT" }),
    };
    let signed = format!("{}.{}", encode(head.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let random = SystemRandom::new();
    let by = |key: &EcdsaKeyPair| {
        key.sign(&random, signed.as_bytes()).map(|signature| encode(signature.as_ref())).unwrap_or_default()
    };
    let signature = match inner.twist {
        Twist::Unsigned => String::new(),
        Twist::SharedSecret => {
            let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, CLIENT_SECRET.as_bytes());
            encode(aws_lc_rs::hmac::sign(&key, signed.as_bytes()).as_ref())
        }
        Twist::OtherKey | Twist::KeySwap => new_key().map(|(_, key)| by(&key)).unwrap_or_default(),
        _ => by(key),
    };
    format!("{signed}.{signature}")
}
