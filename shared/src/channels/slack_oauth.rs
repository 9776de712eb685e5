//! Slack as an OAuth provider: the consent page's address, codes and refresh tokens for tokens, and what a token may do.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{
    CallError,
    slack::{Identity, SlackApi},
    slack_app,
};

/// An app as an OAuth client.
#[derive(Clone, Debug)]
pub struct SlackClient {
    pub id: String,
    pub secret: SecretString,
}

/// A new pair of tokens. The refresh token works once.
#[derive(Clone, Debug)]
pub struct Rotation {
    pub refresh_token: SecretString,
    /// Seconds that the access token lives.
    pub expires_in: u32,
}

/// What an installation was granted.
#[derive(Clone, Debug)]
pub struct Grant {
    pub app_id: String,
    pub bot_token: SecretString,
    pub bot_user_id: String,
    /// Separated by commas.
    pub scopes: String,
    /// The workspace's id, or the organization's.
    pub workspace_id: String,
    pub workspace_name: String,
    pub org_wide: bool,
    pub rotation: Option<Rotation>,
}

/// What a refresh token was exchanged for.
#[derive(Clone, Debug)]
pub struct Refreshed {
    pub access_token: SecretString,
    pub rotation: Rotation,
}

#[derive(Deserialize)]
struct Access {
    access_token: SecretString,
    #[serde(default)]
    token_type: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    bot_user_id: String,
    #[serde(default)]
    app_id: String,
    team: Option<Named>,
    enterprise: Option<Named>,
    #[serde(default)]
    is_enterprise_install: bool,
    refresh_token: Option<SecretString>,
    expires_in: Option<u32>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
    #[serde(default)]
    name: Option<String>,
}

impl SlackApi {
    /// Slack's consent page. `workspace`: preselected, for an installation that is to be renewed.
    pub fn authorize_url(&self, client_id: &str, redirect: &str, state: &str, workspace: Option<&str>) -> Url {
        let mut url = self.base.clone();
        // Beside the API: https://slack.com/api/ → https://slack.com/oauth/v2/authorize.
        let below = url.path().trim_end_matches('/').trim_end_matches("api").to_owned();
        url.set_path(&format!("{below}oauth/v2/authorize"));
        url.query_pairs_mut()
            .append_pair("client_id", client_id)
            .append_pair("scope", &slack_app::scope_list())
            .append_pair("user_scope", "")
            .append_pair("redirect_uri", redirect)
            .append_pair("state", state)
            .extend_pairs(workspace.map(|team| ("team", team)));
        url
    }

    /// Exchanges the code that Slack sent a person back with. A code works once.
    pub async fn exchange_code(
        &self,
        client: &SlackClient,
        code: &str,
        redirect: &str,
    ) -> Result<Grant, CallError> {
        let access = self.access(client, json!({ "code": code, "redirect_uri": redirect })).await?;
        let workspace = if access.is_enterprise_install { access.enterprise } else { access.team };
        let workspace = workspace.filter(|named| !named.id.is_empty());
        let Some(workspace) = workspace.filter(|_| access.token_type == "bot" && !access.bot_user_id.is_empty())
        else {
            return Err(CallError::Refused("the grant names no bot and workspace".into()));
        };
        Ok(Grant {
            app_id: access.app_id,
            bot_token: access.access_token,
            bot_user_id: access.bot_user_id,
            scopes: access.scope,
            workspace_name: workspace.name.unwrap_or_else(|| workspace.id.clone()),
            workspace_id: workspace.id,
            org_wide: access.is_enterprise_install,
            rotation: rotation(access.refresh_token, access.expires_in),
        })
    }

    /// Uses a refresh token up. [`CallError::Refused`] with `invalid_refresh_token`: it was used before.
    pub async fn refresh(
        &self,
        client: &SlackClient,
        refresh_token: &SecretString,
    ) -> Result<Refreshed, CallError> {
        let body = json!({ "grant_type": "refresh_token", "refresh_token": refresh_token.expose_secret() });
        let access = self.access(client, body).await?;
        let rotation = rotation(access.refresh_token, access.expires_in)
            .ok_or_else(|| CallError::Ambiguous("the answer lacks the next refresh token".into()))?;
        Ok(Refreshed { access_token: access.access_token, rotation })
    }

    /// Who a token belongs to, and the scopes it was granted, separated by commas.
    pub async fn auth_test_with_scopes(&self, token: &SecretString) -> Result<(Identity, String), CallError> {
        self.call_with_scopes(token, "auth.test", json!({})).await
    }

    async fn access(&self, client: &SlackClient, mut body: Value) -> Result<Access, CallError> {
        body["client_id"] = json!(client.id);
        body["client_secret"] = json!(client.secret.expose_secret());
        self.call_as_client("oauth.v2.access", &body).await
    }
}

fn rotation(refresh_token: Option<SecretString>, expires_in: Option<u32>) -> Option<Rotation> {
    Some(Rotation { refresh_token: refresh_token?, expires_in: expires_in? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_consent_page_lies_beside_the_api() {
        for (api, page) in [
            ("https://slack.com/api/", "https://slack.com/oauth/v2/authorize"),
            ("http://127.0.0.1:9100/api/", "http://127.0.0.1:9100/oauth/v2/authorize"),
            ("http://127.0.0.1:9100/api", "http://127.0.0.1:9100/oauth/v2/authorize"),
            ("https://proxy.example/slack/api/", "https://proxy.example/slack/oauth/v2/authorize"),
        ] {
            let slack = SlackApi::new(&api.parse().unwrap());
            let url = slack.authorize_url("1.2", "https://k.example/oauth/slack/callback", "a&b", Some("T1"));
            let (before, query) = url.as_str().split_once('?').unwrap();
            assert_eq!(before, page);
            assert!(
                query.contains("&state=a%26b&team=T1") && query.contains("scope=app_mentions%3Aread%2C"),
                "{query}"
            );
        }
    }
}
