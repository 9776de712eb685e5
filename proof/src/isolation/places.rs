//! Channels of both tenants, who answers in them, and what becomes of messages there: edits, and files that came along.

use shared::{
    db::{
        bindings::{self, Binding},
        changes::{self, Change, What},
        channels::{self, Described},
        media::{self, Found, Kind},
    },
    message::{Attachment, ChannelKind, InboundMessage},
};
use time::OffsetDateTime;

use super::{
    scene::{AGENT, CONNECTION, CONVERSATION, MEDIA, MESSAGE},
    statements::{Call, calls, said},
};

/// What a platform says of our channel.
fn general() -> Described {
    Described { kind: ChannelKind::Public, name: "general".into(), shared: false, state: channels::State::Open }
}

/// An edit of the message that both have.
fn edit() -> Change {
    Change {
        conversation: CONVERSATION,
        external_id: "1.1".into(),
        changed_at: OffsetDateTime::UNIX_EPOCH,
        what: What::Edited { text: "What did you decide?".into(), mentions_others: false, addressed: true },
        concerns_agent: true,
    }
}

pub fn all() -> Vec<Call> {
    calls! {
        "channels::describe", AllAudiences, |tx, _config| {
            channels::describe(tx, CONNECTION, "C1", &general()).await?
        };
        "channels::list", AllAudiences, |tx, _config| channels::list(tx).await?;
        "bindings::list", AllAudiences, |tx, _config| bindings::list(tx).await?;
        "bindings::replace", AllAudiences, |tx, _config| {
            let binding = Binding { connection: Some(CONNECTION), channel: None, keyword: None, agent: AGENT };
            bindings::replace(tx, &[binding]).await?
        };
        "changes::follow", AllAudiences, |tx, _config| changes::follow(tx, &edit()).await?;
        "changes::catch_up", AllAudiences, |tx, _config| changes::catch_up(tx, CONVERSATION).await?;
        "media::expect", AllAudiences, |tx, _config| {
            let file = Attachment::new("slack-file", "F2", "plan.txt", "text/plain");
            let said = InboundMessage { attachments: file.into_iter().collect(), external_id: "1.0".into(), ..said() };
            media::expect(tx, CONNECTION, CONVERSATION, &[said]).await?
        };
        "media::begin_attempt", AllAudiences, |tx, _config| media::begin_attempt(tx, MEDIA).await?;
        "media::store", AllAudiences, |tx, _config| {
            let found = Found {
                name: "plan.txt",
                kind: Kind::Text,
                content_type: "text/plain",
                size: 5,
                sha256: &[0; 32],
                body: Some("words"),
                reason: None,
            };
            media::store(tx, MEDIA, &found).await?
        };
        "media::give_up", AllAudiences, |tx, _config| media::give_up(tx, MEDIA, media::State::Refused, "no").await?;
        "media::of_messages", AllAudiences, |tx, _config| media::of_messages(tx, &[MESSAGE]).await?;
    }
}
