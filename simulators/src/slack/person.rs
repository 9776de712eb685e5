//! What a person does in a channel, and the events that tells the product.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Core, events, no_such_message,
    people::bot_user_of,
    types::{
        AuthorKind, ChannelSetup, ChannelType, Delete, Edit, HistoryKind, PersonSetup, React, Revoke, Said, Say,
    },
    world::{Json, Message},
};
use crate::control::ControlError;

impl Core {
    pub(crate) fn say(self: &Arc<Self>, say: Say) -> Said {
        let app_id = self.options().app_id;
        let bot = format!("<@{}>", bot_user_of(&say.team));
        let needs_mention = say.mention && !say.text.contains(&bot);
        let text = if needs_mention { format!("{bot} {}", say.text) } else { say.text };

        let files = self.attach(&say.team, &say.user, &say.files);
        let mut world = self.world();
        let channel = world.channel(&say.team, &say.channel);
        if let Some(kind) = say.channel_type {
            channel.kind = kind;
        }
        if channel.kind == ChannelType::Im {
            channel.person = Some(say.user.clone());
        }
        let message = Message {
            thread_ts: say.thread_ts,
            files: (!files.is_empty()).then(|| Json::of(&files)),
            home: say.user_team.clone(),
            by_other_bot: say.by_bot,
            ..Message::from_person(channel.next_ts(), &say.user, text)
        };
        channel.add(message.clone());
        let (kind, member) = (channel.kind, channel.member);
        if say.user_team.is_some() {
            world.people.entry((say.team.clone(), say.user.clone())).or_default().home = say.user_team;
        }
        world.record_message(HistoryKind::Post, &say.team, &say.channel, &message);

        let rendered = events::render(&say.team, &app_id, &message, true);
        let mut news = vec![events::new_message(&rendered, &say.channel, kind, &message.ts)];
        if kind != ChannelType::Im && message.text.contains(&bot) {
            news.push(events::mention(&rendered, &say.channel, &message.ts));
        }
        // Slack tells an app nothing of channels it is not in.
        news.truncate(if member { news.len() } else { 0 });
        let event_ids = news.iter().map(|event| self.send(&mut world, &say.team, event)).collect();
        Said { thread_ts: message.thread_ts.unwrap_or_else(|| message.ts.clone()), ts: message.ts, event_ids }
    }

    pub(crate) fn edit(self: &Arc<Self>, edit: Edit) -> Result<Vec<String>, ControlError> {
        let app_id = self.options().app_id;
        let mut world = self.world();
        let channel = world.channel(&edit.team, &edit.channel);
        let (event_ts, kind) = (channel.next_ts(), channel.kind);
        let message = channel.messages.get_mut(&edit.ts).ok_or_else(no_such_message)?;
        if message.author_kind == AuthorKind::Bot {
            return Err(no_such_message());
        }
        let before = events::render(&edit.team, &app_id, message, true);
        message.text = edit.text;
        message.edited_ts = Some(event_ts.clone());
        let message = message.clone();
        world.record_message(HistoryKind::Update, &edit.team, &edit.channel, &message);

        let after = events::render(&edit.team, &app_id, &message, true);
        let event = events::changed(&after, &before, &edit.channel, kind, &event_ts);
        Ok(vec![self.send(&mut world, &edit.team, &event)])
    }

    pub(crate) fn delete(self: &Arc<Self>, delete: Delete) -> Result<Vec<String>, ControlError> {
        let app_id = self.options().app_id;
        let mut world = self.world();
        let channel = world.channel(&delete.team, &delete.channel);
        let message = channel.messages.get(&delete.ts).ok_or_else(no_such_message)?.clone();
        if message.author_kind == AuthorKind::Bot {
            return Err(no_such_message());
        }
        channel.messages.remove(&delete.ts);
        let (event_ts, kind) = (channel.next_ts(), channel.kind);
        world.record_message(HistoryKind::Delete, &delete.team, &delete.channel, &message);

        let before = events::render(&delete.team, &app_id, &message, true);
        let event = events::deleted(&before, &delete.channel, kind, &event_ts);
        Ok(vec![self.send(&mut world, &delete.team, &event)])
    }

    pub(crate) fn send_event(self: &Arc<Self>, team: &str, event: &Value) -> String {
        self.send(&mut self.world(), team, event)
    }

    pub(crate) fn revoke(self: &Arc<Self>, revoke: &Revoke) -> Option<String> {
        let mut world = self.world();
        let Some(error) = &revoke.error else {
            world.refused_tokens.remove(&revoke.team);
            return None;
        };
        world.refused_tokens.insert(revoke.team.clone(), error.clone());
        let event =
            json!({ "type": "tokens_revoked", "tokens": { "oauth": [], "bot": [bot_user_of(&revoke.team)] } });
        Some(self.send(&mut world, &revoke.team, &event))
    }

    /// Somebody puts an emoji on a message, or takes it away.
    pub(crate) fn react(self: &Arc<Self>, react: &React) -> Result<Vec<String>, ControlError> {
        let mut world = self.world();
        let channel = world.channel(&react.team, &react.channel);
        let event_ts = channel.next_ts();
        let author = channel.messages.get(&react.ts).ok_or_else(no_such_message)?.author.clone();
        let event = events::reacted(react, &author, &event_ts);
        Ok(vec![self.send(&mut world, &react.team, &event)])
    }

    pub(crate) fn set_person(&self, setup: PersonSetup) {
        let mut world = self.world();
        let person = world.people.entry((setup.team, setup.user)).or_default();
        person.guest = setup.guest.unwrap_or(person.guest);
        person.home = setup.home.or_else(|| person.home.clone());
    }

    pub(crate) fn set_channel(&self, setup: ChannelSetup) {
        let mut world = self.world();
        let channel = world.channel(&setup.team, &setup.channel);
        channel.name = setup.name.unwrap_or_else(|| channel.name.clone());
        channel.kind = setup.channel_type.unwrap_or(channel.kind);
        channel.member = setup.member.unwrap_or(channel.member);
        channel.archived = setup.archived.unwrap_or(channel.archived);
        channel.streams = setup.streams.unwrap_or(channel.streams);
        channel.exists = setup.exists.unwrap_or(channel.exists);
        channel.shared = setup.shared.unwrap_or(channel.shared);
    }
}
