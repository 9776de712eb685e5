//! Installing the app: codes, tokens that run out, refresh tokens that work once, and how an installation ends.
//!
//! | what | lives |
//! |---|---|
//! | a code | ten minutes, once |
//! | an access token of an app with token rotation | twelve hours; of one installation two work at a time |
//! | a refresh token | until it is used |
//!
//! Without token rotation the token is the one that names its workspace, `xoxb-simulated-…`, and lives for ever.

use std::{collections::HashMap, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    Core,
    args::Args,
    people::{self, Caller, bot_user_of},
    web::{Answer, Refusal},
    world::World,
};
use crate::clock;

const CODE_SECONDS: i64 = 600;
const TOKEN_SECONDS: i64 = 12 * 3_600;
const TOKENS_AT_A_TIME: usize = 2;

/// A customer's own app.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AppSetup {
    pub client_id: String,
    pub client_secret: String,
    pub app_id: String,
    #[serde(default)]
    pub token_rotation: bool,
}

/// What a person decides on the consent page.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Decision {
    /// A workspace `T…` or an organization `E…`.
    pub team: String,
    #[serde(default)]
    pub user: String,
    pub allow: bool,
}

/// Somebody removes the app.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Uninstall {
    pub team: String,
}

/// Moves the clock by which codes and tokens expire.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClockMove {
    pub advance_seconds: i64,
}

/// What has been given out. A workspace and an organization are both a `place`: `T…` or `E…`.
#[derive(Default)]
pub(crate) struct OAuth {
    /// Customers' own apps, by client id.
    apps: HashMap<String, AppSetup>,
    codes: HashMap<String, Code>,
    tokens: HashMap<String, Token>,
    refresh_tokens: HashMap<String, RefreshToken>,
    issued: u64,
    clock_offset_seconds: i64,
}

struct Code {
    client_id: String,
    redirect_uri: String,
    scopes: String,
    place: String,
    user: String,
    expires_at: i64,
    used: bool,
}

struct Token {
    place: String,
    client_id: String,
    scopes: String,
    expires_at: Option<i64>,
    revoked: bool,
    number: u64,
}

struct RefreshToken {
    place: String,
    client_id: String,
    scopes: String,
    used: bool,
}

/// What a person agreed to.
pub(crate) struct Consent<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) redirect_uri: &'a str,
    pub(crate) scopes: &'a str,
    pub(crate) place: &'a str,
    pub(crate) user: &'a str,
}

impl OAuth {
    fn now(&self) -> i64 {
        clock::now_seconds() + self.clock_offset_seconds
    }

    fn secret(&mut self, prefix: &str) -> String {
        self.issued += 1;
        let unique = format!("{}-{}", clock::now_micros(), self.issued);
        format!("{prefix}{}", hex::encode(&Sha256::digest(unique)[..16]))
    }

    pub(crate) fn give_code(&mut self, consent: &Consent<'_>) -> String {
        let (code, expires_at) = (self.secret("code."), self.now() + CODE_SECONDS);
        self.codes.insert(
            code.clone(),
            Code {
                client_id: consent.client_id.to_owned(),
                redirect_uri: consent.redirect_uri.to_owned(),
                scopes: consent.scopes.to_owned(),
                place: consent.place.to_owned(),
                user: consent.user.to_owned(),
                expires_at,
                used: false,
            },
        );
        code
    }

    /// Who calls with a token that was given out here; `None` for any other.
    fn caller(&self, token: &str) -> Option<Result<Caller, &'static str>> {
        let known = self.tokens.get(token)?;
        Some(if known.revoked {
            Err("token_revoked")
        } else if known.expires_at.is_some_and(|end| end <= self.now()) {
            Err("token_expired")
        } else {
            Ok(Caller { team: known.place.clone() })
        })
    }

    /// A pair of tokens. The one before the last stops working.
    fn give_pair(&mut self, place: &str, client_id: &str, scopes: &str) -> (String, String) {
        let (access, refresh) = (self.secret("xoxe.xoxb-1-"), self.secret("xoxe-1-"));
        let expires_at = Some(self.now() + TOKEN_SECONDS);
        self.keep(&access, place, client_id, scopes, expires_at);
        let (place, client_id) = (place.to_owned(), client_id.to_owned());
        let known = RefreshToken { place, client_id, scopes: scopes.to_owned(), used: false };
        self.refresh_tokens.insert(refresh.clone(), known);
        (access, refresh)
    }

    fn keep(&mut self, token: &str, place: &str, client_id: &str, scopes: &str, expires_at: Option<i64>) {
        self.issued += 1;
        let known = Token {
            place: place.to_owned(),
            client_id: client_id.to_owned(),
            scopes: scopes.to_owned(),
            expires_at,
            revoked: false,
            number: self.issued,
        };
        self.tokens.insert(token.to_owned(), known);
        let same = |known: &&mut Token| known.place == place && known.client_id == client_id && !known.revoked;
        let mut working: Vec<&mut Token> = self.tokens.values_mut().filter(same).collect();
        working.sort_by_key(|known| known.number);
        let too_many = working.len().saturating_sub(TOKENS_AT_A_TIME);
        working.into_iter().take(too_many).for_each(|known| known.revoked = true);
    }

    fn end(&mut self, place: &str) {
        self.tokens.values_mut().filter(|known| known.place == place).for_each(|known| known.revoked = true);
        self.refresh_tokens.values_mut().filter(|known| known.place == place).for_each(|known| known.used = true);
    }
}

impl World {
    pub(crate) fn caller(&self, token: Option<&str>) -> Result<Caller, &'static str> {
        let given_here = token.and_then(|token| self.oauth.caller(token));
        given_here.unwrap_or_else(|| Caller::from_token(token))
    }
}

impl Core {
    /// What the token was granted.
    pub(crate) fn scopes_of(&self, token: Option<&str>) -> String {
        let granted =
            token.and_then(|token| self.world().oauth.tokens.get(token).map(|known| known.scopes.clone()));
        granted.unwrap_or_else(|| self.options().scopes)
    }

    /// The app of a client id; the one from the options, or a customer's.
    pub(crate) fn app(&self, client_id: &str) -> Option<AppSetup> {
        let options = self.options();
        if client_id == options.client_id {
            return Some(AppSetup {
                client_id: options.client_id,
                client_secret: options.client_secret,
                app_id: options.app_id,
                token_rotation: options.token_rotation,
            });
        }
        self.world().oauth.apps.get(client_id).cloned()
    }

    pub(crate) fn register_app(&self, app: AppSetup) {
        self.world().oauth.apps.insert(app.client_id.clone(), app);
    }

    pub(crate) fn advance_clock(&self, seconds: i64) {
        self.world().oauth.clock_offset_seconds += seconds;
    }

    /// Somebody removes the app from the workspace or organization; returns the events' ids.
    pub(crate) fn uninstall(self: &Arc<Self>, place: &str) -> Vec<String> {
        let mut world = self.world();
        world.oauth.end(place);
        world.refused_tokens.insert(place.to_owned(), "account_inactive".to_owned());
        let revoked = tokens_revoked(place);
        [json!({ "type": "app_uninstalled" }), revoked]
            .iter()
            .map(|event| self.send(&mut world, place, event))
            .collect()
    }
}

fn tokens_revoked(place: &str) -> Value {
    json!({ "type": "tokens_revoked", "tokens": { "oauth": [], "bot": [bot_user_of(place)] } })
}

/// `oauth.v2.access`: for a code, or for a refresh token.
pub(crate) fn access(core: &Core, args: &Args) -> Answer {
    let app = client(core, args)?;
    match args.text("grant_type").as_deref() {
        Some("refresh_token") => refresh(core, &app, &args.need("refresh_token", "invalid_refresh_token")?),
        None | Some("authorization_code") => grant(core, &app, args),
        Some(_) => Err(Refusal::new("invalid_grant_type")),
    }
}

fn client(core: &Core, args: &Args) -> Result<AppSetup, Refusal> {
    let app = core.app(&args.need("client_id", "invalid_client_id")?).ok_or(Refusal::new("invalid_client_id"))?;
    let secret = args.need("client_secret", "bad_client_secret")?;
    if app.client_secret.eq(&secret) { Ok(app) } else { Err(Refusal::new("bad_client_secret")) }
}

fn grant(core: &Core, app: &AppSetup, args: &Args) -> Answer {
    let mut world = core.world();
    let now = world.oauth.now();
    let code =
        world.oauth.codes.get_mut(&args.need("code", "invalid_code")?).ok_or(Refusal::new("invalid_code"))?;
    if code.used {
        return Err(Refusal::new("code_already_used"));
    }
    if code.client_id != app.client_id || code.expires_at <= now {
        return Err(Refusal::new("invalid_code"));
    }
    if args.text("redirect_uri").is_some_and(|given| given != code.redirect_uri) {
        return Err(Refusal::new("bad_redirect_uri"));
    }
    code.used = true;
    let (place, scopes, user) = (code.place.clone(), code.scopes.clone(), code.user.clone());
    world.refused_tokens.remove(&place);

    let organization = place.starts_with('E');
    let named = json!({ "id": place, "name": people::workspace_name(&place) });
    let mut body = json!({
        "ok": true, "token_type": "bot", "scope": scopes, "bot_user_id": bot_user_of(&place), "app_id": app.app_id,
        "team": if organization { Value::Null } else { named.clone() },
        "enterprise": if organization { named } else { Value::Null },
        "is_enterprise_install": organization,
        "authed_user": { "id": user },
    });
    if app.token_rotation {
        let (access, refresh) = world.oauth.give_pair(&place, &app.client_id, &scopes);
        add_pair(&mut body, &access, &refresh);
    } else {
        let token = people::token_of(&place).unwrap_or_else(|| world.oauth.secret("xoxb-"));
        world.oauth.keep(&token, &place, &app.client_id, &scopes, None);
        body["access_token"] = json!(token);
    }
    Ok(body)
}

fn refresh(core: &Core, app: &AppSetup, token: &str) -> Answer {
    let mut world = core.world();
    let known = world.oauth.refresh_tokens.get_mut(token);
    let known = known.filter(|known| !known.used && known.client_id == app.client_id);
    let known = known.ok_or(Refusal::new("invalid_refresh_token"))?;
    known.used = true;
    let (place, scopes) = (known.place.clone(), known.scopes.clone());
    let (access, next) = world.oauth.give_pair(&place, &app.client_id, &scopes);
    let mut body = json!({
        "ok": true, "token_type": "bot", "scope": scopes, "bot_user_id": bot_user_of(&place), "app_id": app.app_id,
    });
    add_pair(&mut body, &access, &next);
    Ok(body)
}

fn add_pair(body: &mut Value, access: &str, refresh: &str) {
    body["access_token"] = json!(access);
    body["refresh_token"] = json!(refresh);
    body["expires_in"] = json!(TOKEN_SECONDS);
}

/// `oauth.v2.exchange`: a token that lives for ever for a pair that does not.
pub(crate) fn exchange(core: &Core, args: &Args) -> Answer {
    let app = client(core, args)?;
    let old = args.need("token", "invalid_token")?;
    let scopes = core.scopes_of(Some(&old));
    let mut world = core.world();
    let place = world.caller(Some(&old)).map_err(Refusal::new)?.team;
    let (access, refresh) = world.oauth.give_pair(&place, &app.client_id, &scopes);
    world.oauth.keep(&old, &place, &app.client_id, &scopes, Some(0));
    let mut body = json!({ "ok": true, "token_type": "bot", "team": { "id": place }, "app_id": app.app_id });
    add_pair(&mut body, &access, &refresh);
    Ok(body)
}

/// `auth.revoke`: this token, and the app is told.
pub(crate) fn revoke(core: &Arc<Core>, caller: &Caller, token: &str, args: &Args) -> Answer {
    if args.flag("test") {
        return Ok(json!({ "ok": true, "revoked": false }));
    }
    let mut world = core.world();
    match world.oauth.tokens.get_mut(token) {
        Some(known) => known.revoked = true,
        None => {
            world.refused_tokens.insert(caller.team.clone(), "token_revoked".to_owned());
        }
    }
    core.send(&mut world, &caller.team, &tokens_revoked(&caller.team));
    Ok(json!({ "ok": true, "revoked": true }))
}

/// `apps.uninstall`: the app removes itself.
pub(crate) fn uninstall(core: &Arc<Core>, caller: &Caller, args: &Args) -> Answer {
    client(core, args)?;
    core.uninstall(&caller.team);
    Ok(json!({ "ok": true }))
}
