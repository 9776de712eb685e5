//! Who wrote a Slack message: we ourselves, another bot, a colleague, or somebody from outside.

use super::slack_event::{Envelope, Event};
use crate::db::system::Route;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Author {
    /// The agent itself, or Slack.
    Own,
    OtherBot,
    Person,
}

pub(super) fn author(envelope: &Envelope, event: &Event, route: &Route) -> Author {
    let user = event.user.as_deref().unwrap_or_default();
    let bot = event.bot_id.as_deref().filter(|id| !id.is_empty());
    let own = |id: Option<&str>, ours: &str| id.is_some_and(|id| !id.is_empty() && id == ours);
    let same_app = envelope.app_id().is_some() && event.app_id.as_deref() == envelope.app_id();
    if own(Some(user), &route.bot_user_id) || own(bot, &route.bot_id) || (bot.is_some() && same_app) {
        return Author::Own;
    }
    match bot {
        _ if user == "USLACKBOT" || user == "USLACK" => Author::Own,
        Some(_) => Author::OtherBot,
        None => Author::Person,
    }
}

/// A guest, or someone of another company. A team that the event does not name is taken for ours; in an installation for a
/// whole organization, teams say nothing.
pub(super) fn is_outsider(envelope: &Envelope, event: &Event) -> bool {
    let profile = event.user_profile.as_ref();
    if profile.is_some_and(|user| user.is_restricted || user.is_ultra_restricted || user.is_stranger) {
        return true;
    }
    let team =
        event.user_team.as_deref().or(event.team.as_deref()).or(profile.and_then(|user| user.team.as_deref()));
    match (envelope.workspace(), team) {
        (Some(ours), Some(team)) => team != ours,
        _ => false,
    }
}
