//! What our Slack app is: the scopes and events it needs, and the manifest that creates it.
//!
//! These lists are the only ones. The install link asks for the scopes, `konstruct doctor --live` compares them with what a
//! token was granted, and the manifest tells Slack which events to send.

use serde_json::{Value, json};
use url::Url;

/// What the bot may do, in the order of the alphabet.
pub const BOT_SCOPES: [&str; 15] = [
    "app_mentions:read",
    "assistant:write",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "im:history",
    "metadata.message:read",
    "mpim:history",
    "reactions:read",
    "reactions:write",
    "users:read",
];

/// What Slack tells us, in the order of the alphabet.
pub const BOT_EVENTS: [&str; 22] = [
    "agent_session_stopped",
    "app_context_changed",
    "app_home_opened",
    "app_mention",
    "app_uninstalled",
    "app_uninstalled_team",
    "channel_archive",
    "channel_deleted",
    "channel_left",
    "channel_rename",
    "channel_shared",
    "channel_unarchive",
    "channel_unshared",
    "member_joined_channel",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
    "reaction_added",
    "reaction_removed",
    "tokens_revoked",
    "user_change",
];

/// What to do about a warning of Slack's, if it is about the app's set-up.
pub fn advice(warning: &str) -> Option<&'static str> {
    Some(match warning {
        "missing_agent_session_stopped_event_subscription" => {
            "the Stop button does nothing: subscribe to agent_session_stopped at api.slack.com/apps → Event Subscriptions → \
             Subscribe to bot events"
        }
        _ => return None,
    })
}

/// Below the public URL.
pub const EVENTS_PATH: &str = "webhooks/slack/events";
pub const INTERACTIONS_PATH: &str = "webhooks/slack/interactions";
pub const COMMANDS_PATH: &str = "webhooks/slack/commands";
pub const INSTALL_PATH: &str = "oauth/slack/install";
pub const CALLBACK_PATH: &str = "oauth/slack/callback";

pub const COMMAND: &str = "/konstruct";
/// The shortcut in a message's menu.
pub const ASK_SHORTCUT: &str = "ask_konstruct";

/// Where Slack sends a person back to after the consent page. The same words at the authorization and at the exchange.
pub fn redirect_url(public: &Url) -> String {
    format!("{public}{CALLBACK_PATH}")
}

/// The scopes as Slack's addresses write them.
pub fn scope_list() -> String {
    BOT_SCOPES.join(",")
}

/// The needed scopes that are not among the granted ones, which are separated by commas.
pub fn missing_scopes(granted: &str) -> Vec<&'static str> {
    let granted: Vec<&str> = granted.split(',').map(str::trim).collect();
    BOT_SCOPES.into_iter().filter(|scope| !granted.contains(scope)).collect()
}

/// The app's manifest, to be pasted under *Create New App → From a manifest*.
pub fn manifest(public: &Url) -> Value {
    json!({
        "display_information": {
            "name": "Konstruct",
            "description": "AI employees in the channels your team already uses.",
            "long_description": "Konstruct puts an AI employee into your workspace. Mention it in a channel or write to it \
                                 directly: it answers from what your team told it, remembers what was said where it was \
                                 said, and hands over to a person when it should.",
            "background_color": "#1f2430",
        },
        "features": {
            "agent_view": {
                "agent_description": "Answers questions, remembers what your team told it, and hands over to a person.",
            },
            "app_home": {
                "home_tab_enabled": true,
                "messages_tab_enabled": true,
                "messages_tab_read_only_enabled": false,
            },
            "bot_user": { "display_name": "Konstruct", "always_online": true },
            "shortcuts": [{
                "name": "Ask Konstruct",
                "type": "message",
                "callback_id": ASK_SHORTCUT,
                "description": "Have the AI employee answer this message.",
            }],
            "slash_commands": [{
                "command": COMMAND,
                "url": format!("{public}{COMMANDS_PATH}"),
                "description": "Ask your AI employee, or see what it can do.",
                "usage_hint": "help",
                "should_escape": true,
            }],
        },
        "oauth_config": {
            "redirect_urls": [redirect_url(public)],
            "scopes": { "bot": BOT_SCOPES },
        },
        "settings": {
            "event_subscriptions": { "request_url": format!("{public}{EVENTS_PATH}"), "bot_events": BOT_EVENTS },
            "interactivity": { "is_enabled": true, "request_url": format!("{public}{INTERACTIONS_PATH}") },
            "org_deploy_enabled": true,
            "socket_mode_enabled": false,
            "token_rotation_enabled": true,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_asks_for_exactly_the_codes_own_lists() {
        let manifest = manifest(&"https://konstruct.example.com/".parse().unwrap());
        assert_eq!(manifest["oauth_config"]["scopes"]["bot"], json!(BOT_SCOPES));
        assert_eq!(manifest["settings"]["event_subscriptions"]["bot_events"], json!(BOT_EVENTS));
        for (list, name) in [(&BOT_SCOPES[..], "scopes"), (&BOT_EVENTS[..], "events")] {
            assert!(list.is_sorted_by(|one, other| one < other), "{name} are sorted, none is named twice");
        }
    }

    /// Each event needs a scope, or Slack refuses the manifest.
    #[test]
    fn every_event_has_the_scope_it_needs() {
        for event in BOT_EVENTS {
            let needed = match event {
                "app_mention" => "app_mentions:read",
                "message.channels" => "channels:history",
                "message.groups" => "groups:history",
                "message.im" => "im:history",
                "message.mpim" => "mpim:history",
                "reaction_added" | "reaction_removed" => "reactions:read",
                "user_change" => "users:read",
                "agent_session_stopped" | "app_context_changed" => "assistant:write",
                name if name.starts_with("channel_") || name == "member_joined_channel" => "channels:read",
                _ => continue,
            };
            assert!(BOT_SCOPES.contains(&needed), "{event} needs {needed}");
        }
    }

    #[test]
    fn every_address_lies_below_the_public_one_and_limits_are_kept() {
        let manifest = manifest(&"https://konstruct.example.com/".parse().unwrap());
        let addresses = [
            (&manifest["oauth_config"]["redirect_urls"][0], "oauth/slack/callback"),
            (&manifest["settings"]["event_subscriptions"]["request_url"], "webhooks/slack/events"),
            (&manifest["settings"]["interactivity"]["request_url"], "webhooks/slack/interactions"),
            (&manifest["features"]["slash_commands"][0]["url"], "webhooks/slack/commands"),
        ];
        for (address, path) in addresses {
            assert_eq!(*address, json!(format!("https://konstruct.example.com/{path}")));
        }
        let letters = |value: &Value| value.as_str().map_or(usize::MAX, |text| text.chars().count());
        assert!(letters(&manifest["features"]["agent_view"]["agent_description"]) <= 300);
        assert!(letters(&manifest["display_information"]["description"]) <= 140);
        assert!(letters(&manifest["display_information"]["long_description"]) >= 174, "Slack wants at least 174");
        assert_eq!(manifest["settings"]["token_rotation_enabled"], json!(true));
    }

    #[test]
    fn missing_scopes_are_named() {
        assert!(missing_scopes(&scope_list()).is_empty());
        let without = scope_list().replace("chat:write,", "").replace("commands", " commands ");
        assert_eq!(missing_scopes(&without), ["chat:write"]);
        assert_eq!(missing_scopes("").len(), BOT_SCOPES.len());
    }
}
