//! The channel-neutral forms of a message: what came in, and where an answer goes.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Longest text of one message that is kept, in characters; more is cut with a mark.
pub const TEXT_MAX: usize = 40_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    Public,
    Private,
    Direct,
    GroupDirect,
    /// The platform did not say; treated as private until it does.
    Unknown,
}

impl ChannelKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Direct => "direct",
            Self::GroupDirect => "group_direct",
            Self::Unknown => "unknown",
        }
    }

    pub fn parse(text: &str) -> Self {
        match text {
            "public" => Self::Public,
            "private" => Self::Private,
            "direct" => Self::Direct,
            "group_direct" => Self::GroupDirect,
            _ => Self::Unknown,
        }
    }
}

/// One message of a person, as every part behind the gateway sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboundMessage {
    /// The provider's id of the message: Slack's `ts`.
    pub external_id: String,
    /// The channel it was written in: Slack's `C…`, `D…`, `G…`.
    pub channel: String,
    /// The thread an answer belongs into; `None` in a chat without threads.
    pub thread: Option<String>,
    pub channel_kind: ChannelKind,
    /// The provider's id of the author.
    pub author: String,
    pub text: String,
    /// Speaks to someone else by name; in a thread, that is no question to the agent.
    #[serde(default)]
    pub mentions_others: bool,
    /// People of other companies read along (Slack Connect): what is remembered elsewhere is not for them.
    #[serde(default)]
    pub with_outsiders: bool,
    /// The author's own time, from the provider.
    #[serde(with = "time::serde::rfc3339")]
    pub sent_at: OffsetDateTime,
}

/// Makes text safe to store: `\0` becomes U+FFFD (PostgreSQL's text refuses it) and the length is bounded.
pub fn clean_text(text: &str) -> String {
    let mut clean: String =
        text.chars().take(TEXT_MAX).map(|letter| if letter == '\0' { '\u{fffd}' } else { letter }).collect();
    if text.chars().nth(TEXT_MAX).is_some() {
        clean.push_str(" … (cut)");
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_and_endless_text_become_storable() {
        assert_eq!(clean_text("a\0b"), "a\u{fffd}b");
        let long = clean_text(&"é".repeat(TEXT_MAX + 1));
        assert!(long.ends_with("(cut)") && long.chars().count() < TEXT_MAX + 20);
    }
}
