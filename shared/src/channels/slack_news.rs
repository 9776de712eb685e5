//! What Slack tells that is no message: thumbs under answers, and what changed about channels and people.

use time::OffsetDateTime;

use super::{
    slack_event::Envelope,
    slack_ids::{is_id, sent_at},
};
use crate::db::{
    feedback::{Opinion, Reaction, Verdict},
    system::Route,
};

/// News of a kind that is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Its name, who reads it, or whether the agent can be talked to there.
    OfChannel(String),
    /// Their name, or what they are to the workspace.
    OfPerson(String),
    Reaction(Reaction),
    /// Of nobody's concern.
    Nothing,
}

/// `None`: it is something else.
pub fn read(envelope: &Envelope, route: &Route, now: OffsetDateTime) -> Option<News> {
    let event = envelope.event.as_ref()?;
    let of_channel = || event.channel.clone().filter(|id| is_id(id)).map_or(News::Nothing, News::OfChannel);
    Some(match (event.kind.as_str(), event.subtype.as_deref()) {
        ("reaction_added" | "reaction_removed", _) => {
            reaction(envelope, route, now).map_or(News::Nothing, News::Reaction)
        }
        (
            "channel_archive" | "channel_unarchive" | "channel_rename" | "channel_deleted" | "channel_left"
            | "channel_shared" | "channel_unshared",
            _,
        )
        | ("message", Some("channel_convert_to_private" | "channel_convert_to_public")) => of_channel(),
        // Only the agent itself; whoever else comes and goes is nobody's concern.
        ("member_joined_channel", _) if event.user.as_deref() == Some(&route.bot_user_id) => of_channel(),
        ("member_joined_channel", _) => News::Nothing,
        ("user_change", _) => event.user.clone().filter(|id| is_id(id)).map_or(News::Nothing, News::OfPerson),
        _ => return None,
    })
}

/// A thumb on a message. The agent's own reactions are none.
fn reaction(envelope: &Envelope, route: &Route, now: OffsetDateTime) -> Option<Reaction> {
    let event = envelope.event.as_ref()?;
    let item = event.item.as_ref().filter(|item| item.kind == "message")?;
    let id = |text: &Option<String>| text.clone().filter(|text| is_id(text));
    let user = id(&event.user).filter(|user| *user != route.bot_user_id)?;
    let verdict = verdict(event.reaction.as_deref()?)?;
    Some(Reaction {
        channel: id(&item.channel)?,
        message: id(&item.ts)?,
        user,
        opinion: if event.kind == "reaction_removed" { Opinion::NoLonger(verdict) } else { Opinion::Is(verdict) },
        at: sent_at(event.event_ts.as_deref().unwrap_or_default(), envelope.event_time, now),
    })
}

/// Thumbs in any colour; every other emoji means too many things.
fn verdict(emoji: &str) -> Option<Verdict> {
    match emoji.split("::").next()? {
        "+1" | "thumbsup" => Some(Verdict::Good),
        "-1" | "thumbsdown" => Some(Verdict::Bad),
        _ => None,
    }
}
