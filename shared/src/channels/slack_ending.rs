//! How Slack says by an event that an installation is over.

use serde::Deserialize;
use time::OffsetDateTime;

/// What ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The app was removed.
    App,
    /// The bot's token was revoked; people's tokens are none of ours.
    Token,
    /// An organization took the app out of one of its workspaces.
    Workspace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    pub what: What,
    /// When it happened, to the second.
    pub at: Option<OffsetDateTime>,
}

#[derive(Deserialize)]
struct Outer {
    event_time: Option<i64>,
    event: Inner,
}

#[derive(Deserialize)]
struct Inner {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    tokens: Tokens,
}

#[derive(Default, Deserialize)]
struct Tokens {
    #[serde(default)]
    bot: Vec<String>,
}

/// Whether an event of this kind may be the end of an installation: most are not, and need not be read again to know it.
pub fn may_be_one(kind: &str) -> bool {
    matches!(kind, "app_uninstalled" | "app_uninstalled_team" | "tokens_revoked")
}

/// Reads an envelope that was delivered for the installation whose bot is `bot_user_id`.
pub fn read(raw: &[u8], bot_user_id: &str) -> Option<Ending> {
    let outer: Outer = serde_json::from_slice(raw).ok()?;
    let what = match outer.event.kind.as_str() {
        "app_uninstalled" => What::App,
        "app_uninstalled_team" => What::Workspace,
        "tokens_revoked" if outer.event.tokens.bot.iter().any(|bot| bot == bot_user_id) => What::Token,
        _ => return None,
    };
    Some(Ending { what, at: outer.event_time.and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok()) })
}

impl What {
    /// As the reason of a dead connection.
    pub fn reason(self) -> &'static str {
        match self {
            Self::App => "app_uninstalled",
            Self::Token => "token_revoked",
            Self::Workspace => "app_uninstalled_team",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(event: &str) -> Option<What> {
        let raw = format!(r#"{{"type":"event_callback","event_time":1767000000,"event":{event}}}"#);
        let ending = read(raw.as_bytes(), "UBOT")?;
        assert!(may_be_one(serde_json::from_str::<Inner>(event).unwrap().kind.as_str()));
        assert_eq!(ending.at.map(OffsetDateTime::unix_timestamp), Some(1_767_000_000));
        assert!(!ending.what.reason().is_empty());
        Some(ending.what)
    }

    #[test]
    fn only_the_end_of_our_own_bot_counts() {
        assert_eq!(what(r#"{"type":"app_uninstalled"}"#), Some(What::App));
        assert_eq!(what(r#"{"type":"app_uninstalled_team"}"#), Some(What::Workspace));
        assert_eq!(what(r#"{"type":"tokens_revoked","tokens":{"oauth":[],"bot":["UBOT"]}}"#), Some(What::Token));
        for other in [
            r#"{"type":"tokens_revoked","tokens":{"oauth":["UADA"],"bot":[]}}"#,
            r#"{"type":"tokens_revoked","tokens":{"oauth":["UBOT"]}}"#,
            r#"{"type":"tokens_revoked","tokens":{"bot":["UOTHER"]}}"#,
            r#"{"type":"tokens_revoked","tokens":null}"#,
            r#"{"type":"tokens_revoked"}"#,
            r#"{"type":"message","text":"app_uninstalled"}"#,
        ] {
            assert_eq!(what(other), None, "{other}");
        }
        assert_eq!(read(b"{", "UBOT"), None);
        assert!(!may_be_one("message") && !may_be_one(""));
    }
}
