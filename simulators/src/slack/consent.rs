//! `/oauth/v2/authorize`: the page on which a person lets an app into their workspace, or does not.

use std::sync::Arc;

use axum::{
    Form,
    extract::{Query, State},
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use serde::Deserialize;

use super::{
    Core,
    oauth::{Consent, Decision},
    people,
};

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Asked {
    client_id: String,
    #[serde(default)]
    scope: String,
    redirect_uri: String,
    #[serde(default)]
    state: String,
    team: Option<String>,
}

/// What the page sends.
#[derive(Debug, Deserialize)]
pub(crate) struct Decided {
    client_id: String,
    #[serde(default)]
    scope: String,
    redirect_uri: String,
    #[serde(default)]
    state: String,
    team: String,
    #[serde(default)]
    user: String,
    decision: String,
}

pub(super) async fn show(State(core): State<Arc<Core>>, Query(asked): Query<Asked>) -> Response {
    if let Err(word) = core.check(&asked) {
        return (StatusCode::BAD_REQUEST, format!("Slack refuses this: {word}")).into_response();
    }
    let fields = [
        ("client_id", &asked.client_id),
        ("scope", &asked.scope),
        ("redirect_uri", &asked.redirect_uri),
        ("state", &asked.state),
    ];
    let hidden: String = fields
        .iter()
        .map(|(name, value)| format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escaped(value)))
        .collect();
    let people: String =
        people::KNOWN_PEOPLE.iter().map(|(id, name)| format!("<option value=\"{id}\">{name}</option>")).collect();
    let scopes: String = asked.scope.split(',').map(|scope| format!("<li>{}</li>", escaped(scope))).collect();
    let team = escaped(asked.team.as_deref().unwrap_or("TDEMO"));
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Simulated Slack</title>\
         <h1>An app wants to join a workspace</h1><ul>{scopes}</ul>\
         <form method=\"post\" action=\"/oauth/v2/authorize\">{hidden}\
         <p><label>Person <select name=\"user\">{people}</select></label></p>\
         <p><label>Workspace (T…) or organization (E…) <input name=\"team\" value=\"{team}\"></label></p>\
         <p><button name=\"decision\" value=\"allow\">Allow</button> \
         <button name=\"decision\" value=\"deny\">Cancel</button></p></form></html>"
    ))
    .into_response()
}

pub(super) async fn decide(State(core): State<Arc<Core>>, Form(decided): Form<Decided>) -> Response {
    let decision = Decision { team: decided.team, user: decided.user, allow: decided.decision == "allow" };
    let asked = Asked {
        client_id: decided.client_id,
        scope: decided.scope,
        redirect_uri: decided.redirect_uri,
        state: decided.state,
        team: None,
    };
    match core.decide(&asked, &decision) {
        Ok(back) => match HeaderValue::try_from(back) {
            Ok(back) => (StatusCode::FOUND, [(header::LOCATION, back)]).into_response(),
            Err(_) => (StatusCode::BAD_REQUEST, "Slack refuses this: bad_redirect_uri").into_response(),
        },
        Err(word) => (StatusCode::BAD_REQUEST, format!("Slack refuses this: {word}")).into_response(),
    }
}

impl Core {
    fn check(&self, asked: &Asked) -> Result<(), &'static str> {
        if self.app(&asked.client_id).is_none() {
            return Err("invalid_client_id");
        }
        if asked.scope.trim().is_empty() {
            return Err("invalid_scope");
        }
        let redirect = reqwest::Url::parse(&asked.redirect_uri).map_err(|_| "bad_redirect_uri")?;
        if matches!(redirect.scheme(), "http" | "https") { Ok(()) } else { Err("bad_redirect_uri") }
    }

    /// Where the person is sent back to.
    pub(crate) fn decide(&self, asked: &Asked, decision: &Decision) -> Result<String, &'static str> {
        self.check(asked)?;
        let mut back = reqwest::Url::parse(&asked.redirect_uri).map_err(|_| "bad_redirect_uri")?;
        if !decision.allow {
            back.query_pairs_mut().append_pair("error", "access_denied").append_pair("state", &asked.state);
            return Ok(back.into());
        }
        if !people::is_place_id(&decision.team) {
            return Err("invalid_team");
        }
        let code = self.world().oauth.give_code(&Consent {
            client_id: &asked.client_id,
            redirect_uri: &asked.redirect_uri,
            scopes: &asked.scope,
            place: &decision.team,
            user: if decision.user.is_empty() { "UADA" } else { &decision.user },
        });
        back.query_pairs_mut().append_pair("code", &code).append_pair("state", &asked.state);
        Ok(back.into())
    }

    /// The same for somebody who holds the page's address.
    pub(crate) fn decide_at(&self, page: &str, decision: &Decision) -> Result<String, &'static str> {
        let uri = page.parse().map_err(|_| "no address")?;
        let Query(asked) = Query::<Asked>::try_from_uri(&uri).map_err(|_| "invalid_arguments")?;
        self.decide(&asked, decision)
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
