//! Signing in by the installation's provider of OpenID Connect: the way to its page and back, and becoming somebody here.
//!
//! What comes back proves issuer and subject, nothing more. An account with the same mail address is somebody's whom the
//! provider may not know: it is connected once its owner has shown its password. See decision 0123.

use axum::{
    Json,
    extract::{Query, State, rejection::JsonRejection, rejection::QueryRejection},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{AppendHeaders, IntoResponse},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use shared::{
    crypto::{new_token, token_hash},
    db::{
        identities::{self, NewVisit, Refused},
        sessions::{self, Way},
    },
    ids::UserId,
    oidc::{OidcError, Provider, Secrets},
};
use utoipa::ToSchema;

use super::{Session, accounts_of, limits, newcomer, sign_in};
use crate::{
    Gateway,
    auth::OwnPage,
    client::Client,
    cookies,
    error::{ApiError, Problem},
};

/// Which browser a visit belongs to.
const COOKIE: &str = "__Host-konstruct-visit";
const COOKIE_SECONDS: u32 = 15 * 60;
/// Longest code or state in bytes; providers are known to put a whole token into a code.
const PARAMETER_MAX: usize = 4096;

/// How one can sign in here.
#[derive(Serialize, ToSchema)]
pub struct SignInOptions {
    /// Strangers may make themselves an account.
    signup: bool,
    /// Where one may sign in instead of by a password; `null`: nowhere.
    provider: Option<ProviderBody>,
}

#[derive(Serialize, ToSchema)]
pub struct ProviderBody {
    /// For the button.
    #[schema(example = "Acme")]
    name: String,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginVisit {
    /// Of an invitation's link, if one is to be accepted.
    #[schema(value_type = Option<String>)]
    invitation: Option<SecretString>,
}

#[derive(Serialize, ToSchema)]
pub struct ProviderPage {
    /// Where the browser goes next. It comes back to the portal's `signin/provider`.
    url: String,
}

/// What the provider did not say, as far as it is needed; the answer to an earlier try names it.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FinishVisit {
    /// Of the account with the same mail address, to connect it: asked for by `password_required`.
    #[schema(value_type = Option<String>)]
    pub(super) password: Option<SecretString>,
    /// Of the second factor: asked for by `code_required`.
    #[schema(value_type = Option<String>)]
    pub(super) code: Option<SecretString>,
    /// The person's name for a new account, instead of the provider's.
    pub(super) name: Option<String>,
    /// The organization's name for a new account: asked for by `account_required`.
    pub(super) tenant_name: Option<String>,
}

/// How one can sign in.
#[utoipa::path(get, path = "/api/v1/auth/options", security(()), responses((status = 200, body = SignInOptions)))]
pub async fn options(State(gateway): State<Gateway>) -> Json<SignInOptions> {
    let provider = gateway.provider.as_ref().map(|provider| ProviderBody { name: provider.config.name.clone() });
    Json(SignInOptions { signup: gateway.signup, provider })
}

/// The way to the provider's page, for this browser, within 15 minutes.
#[utoipa::path(post, path = "/api/v1/auth/provider", request_body = BeginVisit, security(()),
    responses((status = 200, body = ProviderPage), (status = 400, body = Problem), (status = 403, body = Problem),
              (status = 404, body = Problem), (status = 429, body = Problem), (status = 502, body = Problem)))]
pub async fn begin(
    _page: OwnPage,
    client: Client,
    State(gateway): State<Gateway>,
    body: Result<Json<BeginVisit>, JsonRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let Json(body) = body?;
    limits::visit(&gateway, &client).await?;
    let invitation = body.invitation.map(|token| token_hash(token.expose_secret()));
    visit(&gateway, None, invitation.as_ref()).await
}

/// A visit of its own for this browser.
pub(super) async fn visit(
    gateway: &Gateway,
    user: Option<UserId>,
    invitation: Option<&[u8; 32]>,
) -> Result<impl IntoResponse + use<>, ApiError> {
    let provider = configured(gateway)?;
    let (state, browser) = (new_token(""), new_token("ksb_"));
    let url = provider.page(&secrets(gateway, &state)).await.map_err(no_way)?;
    let hashes = [state.as_str(), browser.as_str()].map(token_hash);
    let new = NewVisit { state: &hashes[0], browser: &hashes[1], user, invitation };
    identities::begin(&accounts_of(gateway), &new).await?;
    Ok((set(&browser, COOKIE_SECONDS), Json(ProviderPage { url: url.into() })))
}

fn configured(gateway: &Gateway) -> Result<&Provider, ApiError> {
    gateway.provider.as_ref().ok_or_else(|| {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "no_provider",
            "One signs in by a password here: this installation has no OIDC_ISSUER.",
        )
    })
}

/// They follow from the state, for whoever has our key: nothing of them is kept.
fn secrets(gateway: &Gateway, state: &str) -> Secrets {
    let of = |what: &str| gateway.fingerprints.token("", &["oidc", what, state]);
    Secrets { state: state.to_owned(), nonce: of("nonce"), verifier: of("verifier") }
}

fn no_way(error: OidcError) -> ApiError {
    tracing::warn!(%error, "The sign-in provider can't be used");
    ApiError::new(
        StatusCode::BAD_GATEWAY,
        "provider_unreachable",
        "The provider does not answer as it should. Try again, or sign in by your password.",
    )
}

/// `Lax`: the provider's page leads back by a link, which must bring it.
fn set(value: &str, seconds: u32) -> AppendHeaders<[(HeaderName, String); 1]> {
    let cookie = format!("{COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={seconds}");
    AppendHeaders([(header::SET_COOKIE, cookie)])
}

/// What the provider sends a person back with.
#[derive(Deserialize)]
pub struct Answer {
    state: String,
    code: Option<String>,
    /// They did not agree, or something is wrong there.
    error: Option<String>,
    /// Who answers (RFC 9207), where it says so.
    iss: Option<String>,
}

/// Takes a person back from the provider's page, and shows them the portal's; how it went is in its address.
pub async fn back(
    State(gateway): State<Gateway>,
    headers: HeaderMap,
    answer: Result<Query<Answer>, QueryRejection>,
) -> impl IntoResponse {
    let page = match answer {
        Ok(Query(answer)) => {
            // Shielded: a code works once, and whoever closes the window now should find it used.
            let (gateway, headers) = (gateway.clone(), headers);
            tokio::spawn(async move { came_back(&gateway, &headers, answer).await })
                .await
                .unwrap_or("signin?provider=failed")
        }
        Err(_) => "signin?provider=unknown",
    };
    let target = format!("{}{page}", gateway.public_url);
    (StatusCode::SEE_OTHER, [(header::LOCATION, target), (header::CACHE_CONTROL, "no-store".to_owned())])
}

async fn came_back(gateway: &Gateway, headers: &HeaderMap, answer: Answer) -> &'static str {
    let Some(browser) = cookies::value(headers, COOKIE) else { return "signin?provider=unknown" };
    if answer.state.len() > PARAMETER_MAX {
        return "signin?provider=unknown";
    }
    let (db, state) = (accounts_of(gateway), token_hash(&answer.state));
    let user = match identities::come_back(&db, &state, &token_hash(browser)).await {
        Ok(Ok(user)) => user,
        Ok(Err(Refused::Unknown)) => return "signin?provider=unknown",
        Ok(Err(Refused::Late)) => return "signin?provider=late",
        Err(error) => return failed(&error),
    };
    let [denied, refused, failing] = match user {
        None => ["signin?provider=denied", "signin?provider=refused", "signin?provider=failed"],
        Some(_) => ["settings?provider=denied", "settings?provider=refused", "settings?provider=failed"],
    };
    if let Some(error) = answer.error {
        return if error == "access_denied" { denied } else { refused };
    }
    let Some(code) = answer.code.filter(|code| !code.is_empty() && code.len() <= PARAMETER_MAX) else {
        return refused;
    };
    let Ok(provider) = configured(gateway) else { return failing };
    if answer.iss.is_some_and(|issuer| issuer != provider.config.issuer) {
        return refused;
    }
    let proof = match provider.prove(&code, &secrets(gateway, &answer.state)).await {
        Ok(proof) => proof,
        Err(error) => {
            tracing::warn!(%error, "Nobody is signed in by the provider");
            return if matches!(error, OidcError::Unusable(_)) { failing } else { refused };
        }
    };
    match user {
        None => match identities::prove(&db, &state, &proof).await {
            Ok(()) => "signin/provider",
            Err(error) => failed(&error),
        },
        Some(user) => connected(gateway, headers, user, &proof).await,
    }
}

/// Only while who began it is still signed in here.
async fn connected(
    gateway: &Gateway,
    headers: &HeaderMap,
    user: UserId,
    proof: &shared::oidc::Proof,
) -> &'static str {
    let db = accounts_of(gateway);
    let Some(access) = cookies::value(headers, cookies::ACCESS) else { return "settings?provider=late" };
    let person = match sessions::find(&db, access).await {
        Ok(Some(person)) if person.user == user => person,
        Ok(_) => return "settings?provider=late",
        Err(error) => return failed(&error),
    };
    match newcomer::connect(gateway, person.tenant.map(|(tenant, _)| tenant), user, proof).await {
        Ok(()) => "settings?provider=connected",
        Err(shared::db::DbError::Conflict(_)) => "settings?provider=taken",
        Err(error) => failed(&error),
    }
}

fn failed(error: &shared::db::DbError) -> &'static str {
    tracing::error!(%error, "A visit to the sign-in provider failed");
    "signin?provider=failed"
}

/// Signs in whoever came back from the provider in this browser. Asked again with what it says is missing.
#[utoipa::path(post, path = "/api/v1/auth/provider/finish", request_body = FinishVisit, security(()),
    responses((status = 200, body = Session), (status = 400, body = Problem), (status = 401, body = Problem),
              (status = 403, body = Problem), (status = 409, body = Problem), (status = 429, body = Problem)))]
pub async fn finish(
    _page: OwnPage,
    client: Client,
    State(gateway): State<Gateway>,
    headers: HeaderMap,
    body: Result<Json<FinishVisit>, JsonRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let Json(body) = body?;
    limits::visit(&gateway, &client).await?;
    let trusts = configured(&gateway)?.config.trusts_second_factor;
    let browser = cookies::value(&headers, COOKIE).map(token_hash).ok_or_else(over)?;
    let db = accounts_of(&gateway);
    let waiting = identities::waiting(&db, &browser).await?.ok_or_else(over)?;
    let (somebody, second) = match identities::find(&db, &waiting.proof).await? {
        Some(account) => {
            // One that is trusted and does not say that it asked for more than a password is asked for ours.
            let suffices = trusts && waiting.proof.is_strong;
            newcomer::known(&gateway, &client, &waiting, account, (&body, suffices)).await?
        }
        None => newcomer::unknown(&gateway, &client, &waiting, &body).await?,
    };
    if !identities::end(&db, &browser).await? {
        return Err(over());
    }
    let signed_in = sign_in(&gateway, &client, &headers, somebody, Way { first: "provider", second }).await?;
    Ok((set("", 0), signed_in))
}

fn over() -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        "visit_over",
        "Nobody came back from the provider in this browser within the last 15 minutes: begin again.",
    )
}
