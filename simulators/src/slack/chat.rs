//! What a bot does in a channel: post, update, delete, react.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Core,
    args::Args,
    blocks,
    conversations::{Access, find},
    events,
    people::{self, Caller},
    types::{AuthorKind, HistoryEntry, HistoryKind, Reaction},
    web::{Answer, Refusal},
    world::{Channel, Json, Message},
};
use crate::clock;

pub(crate) const POST_TEXT_CHARS_MAX: usize = 40_000;
const MARKDOWN_TEXT_CHARS_MAX: usize = 12_000;
const POST_PAUSE_MS: u64 = 1_000;

/// What a message says, already checked.
struct Content {
    text: String,
    blocks: Option<Value>,
    /// `None`: not mentioned. An update keeps the metadata then; `Some(None)` removes it.
    metadata: Option<Option<Value>>,
}

pub(crate) fn post(core: &Arc<Core>, caller: &Caller, args: &Args) -> Answer {
    let mut id = args.need("channel", "channel_not_found")?;
    if people::is_user_id(&id) {
        id = people::direct_channel_of(&id);
    }
    let options = core.options();
    let mut world = core.world();
    let channel = find(&mut world, &caller.team, &id, Access::Write)?;
    let content = read_content(args, POST_TEXT_CHARS_MAX)?;
    let thread_ts = args.text("thread_ts").filter(|ts| !ts.is_empty());
    if thread_ts.as_deref().is_some_and(|ts| !is_ts(ts)) {
        return Err(Refusal::new("invalid_thread_ts"));
    }
    let now_ms = clock::now_ms();
    if options.one_message_per_second && now_ms < channel.last_bot_post_ms + POST_PAUSE_MS {
        return Err(Refusal::rate_limited());
    }
    channel.last_bot_post_ms = now_ms;

    let message = Message {
        thread_ts,
        text: content.text,
        blocks: content.blocks.as_ref().map(Json::of),
        metadata: content.metadata.flatten().as_ref().map(Json::of),
        broadcast: args.flag("reply_broadcast"),
        plain: args.is_off("unfurl_links") && args.is_off("unfurl_media"),
        ..Message::from_bot(channel.next_ts(), &caller.team)
    };
    let kind = channel.kind;
    channel.add(message.clone());
    core.preview(&message);
    world.record_message(HistoryKind::Post, &caller.team, &id, &message);

    let rendered = events::render(&caller.team, &options.app_id, &message, true);
    let event = events::new_message(&rendered, &id, kind, &message.ts);
    core.echo(&mut world, &caller.team, event);
    Ok(json!({ "ok": true, "channel": id, "ts": message.ts, "message": rendered }))
}

pub(crate) fn update(core: &Arc<Core>, caller: &Caller, args: &Args) -> Answer {
    let id = args.need("channel", "channel_not_found")?;
    let options = core.options();
    let mut world = core.world();
    let channel = find(&mut world, &caller.team, &id, Access::Write)?;
    let edited_ts = channel.next_ts();
    let kind = channel.kind;
    let message = own_message(channel, &args.need("ts", "message_not_found")?, "cant_update_message")?;
    if message.is_streaming() {
        return Err(Refusal::new("streaming_state_conflict"));
    }
    let content = read_content(args, options.update_text_max)?;

    let before = message.clone();
    message.text = content.text;
    // Text without blocks removes the blocks, as in Slack.
    message.blocks = content.blocks.as_ref().map(Json::of);
    if let Some(metadata) = content.metadata {
        message.metadata = metadata.as_ref().map(Json::of);
    }
    message.edited_ts = Some(edited_ts.clone());
    let message = message.clone();
    core.preview(&message);
    world.record_message(HistoryKind::Update, &caller.team, &id, &message);

    let rendered = events::render(&caller.team, &options.app_id, &message, true);
    let before = events::render(&caller.team, &options.app_id, &before, true);
    core.echo(&mut world, &caller.team, events::changed(&rendered, &before, &id, kind, &edited_ts));
    Ok(json!({ "ok": true, "channel": id, "ts": message.ts, "text": message.text, "message": rendered }))
}

pub(crate) fn delete(core: &Arc<Core>, caller: &Caller, args: &Args) -> Answer {
    let id = args.need("channel", "channel_not_found")?;
    let ts = args.need("ts", "message_not_found")?;
    let mut world = core.world();
    let channel = find(&mut world, &caller.team, &id, Access::Write)?;
    let message = own_message(channel, &ts, "cant_delete_message")?.clone();
    channel.messages.remove(&ts);
    let (kind, event_ts) = (channel.kind, channel.next_ts());
    world.record_message(HistoryKind::Delete, &caller.team, &id, &message);

    let before = events::render(&caller.team, &core.options().app_id, &message, true);
    core.echo(&mut world, &caller.team, events::deleted(&before, &id, kind, &event_ts));
    Ok(json!({ "ok": true, "channel": id, "ts": ts }))
}

pub(crate) fn permalink(core: &Core, caller: &Caller, args: &Args) -> Answer {
    let id = args.need("channel", "channel_not_found")?;
    let ts = args.need("message_ts", "message_not_found")?;
    let mut world = core.world();
    let channel = find(&mut world, &caller.team, &id, Access::Read)?;
    if !channel.messages.contains_key(&ts) {
        return Err(Refusal::new("message_not_found"));
    }
    let (host, digits) = (caller.team.to_ascii_lowercase(), ts.replace('.', ""));
    Ok(json!({
        "ok": true, "channel": id, "permalink": format!("https://{host}.slack.com/archives/{id}/p{digits}"),
    }))
}

pub(crate) fn react(core: &Core, caller: &Caller, args: &Args, add: bool) -> Answer {
    let id = args.need("channel", "channel_not_found")?;
    let ts = args.need("timestamp", "no_item_specified")?;
    let name = args.need("name", "invalid_name")?;
    let in_name = |letter: char| letter.is_alphanumeric() || "_-+':".contains(letter);
    if !name.chars().all(in_name) {
        return Err(Refusal::new("invalid_name"));
    }
    let bot = people::bot_user_of(&caller.team);
    let mut world = core.world();
    let channel = find(&mut world, &caller.team, &id, Access::Write)?;
    let message = channel.messages.get_mut(&ts).ok_or(Refusal::new("message_not_found"))?;
    change_reaction(&mut message.reactions, &name, &bot, add)?;

    let (thread_ts, method) = (message.thread_ts.clone(), if add { "reactions.add" } else { "reactions.remove" });
    world.record(HistoryEntry {
        channel: Some(id),
        ts: Some(ts),
        thread_ts,
        author: Some(bot),
        author_kind: Some(AuthorKind::Bot),
        text: Some(name),
        method: Some(method.to_owned()),
        ..HistoryEntry::new(HistoryKind::Reaction, &caller.team)
    });
    Ok(json!({ "ok": true }))
}

impl Core {
    /// Slack fetches the links of a new message unless both switches are off. People who tried say that it never looks again;
    /// here it does with every edit of a message that was posted without them.
    pub(crate) fn preview(&self, message: &Message) {
        if !message.plain {
            let blocks: Option<Value> = message.blocks.as_ref().and_then(Json::read);
            let text = format!("{} {}", message.text, blocks.unwrap_or_default());
            self.previews.fetch((&self.runtime, &self.http), &text);
        }
    }
}

fn read_content(args: &Args, text_chars_max: usize) -> Result<Content, Refusal> {
    let text = args.text("text").filter(|text| !text.trim().is_empty());
    let markdown = args.text("markdown_text").filter(|text| !text.trim().is_empty());
    let list = args.structured("blocks", "invalid_blocks_format")?;
    let has_blocks = list.as_ref().and_then(Value::as_array).is_some_and(|list| !list.is_empty());

    if markdown.is_some() && (text.is_some() || has_blocks) {
        return Err(Refusal::new("markdown_text_conflict"));
    }
    if too_long(&text, text_chars_max) || too_long(&markdown, MARKDOWN_TEXT_CHARS_MAX) {
        return Err(Refusal::new("msg_too_long"));
    }
    if let Some(list) = &list {
        blocks::check(list)?;
    }
    let metadata = match args.structured("metadata", "invalid_metadata_format")? {
        None => None,
        Some(Value::Object(fields)) if fields.is_empty() => Some(None),
        Some(metadata) => {
            blocks::check_metadata(&metadata)?;
            Some(Some(metadata))
        }
    };
    if text.is_none() && markdown.is_none() && !has_blocks {
        return Err(Refusal::new("no_text"));
    }
    let text = text.or(markdown).unwrap_or_default();
    Ok(Content { text, blocks: list.filter(|_| has_blocks), metadata })
}

fn too_long(text: &Option<String>, chars_max: usize) -> bool {
    text.as_ref().is_some_and(|text| text.chars().count() > chars_max)
}

pub(crate) fn own_message<'a>(
    channel: &'a mut Channel,
    ts: &str,
    foreign: &str,
) -> Result<&'a mut Message, Refusal> {
    let message = channel.messages.get_mut(ts).ok_or(Refusal::new("message_not_found"))?;
    if message.author_kind == AuthorKind::Bot { Ok(message) } else { Err(Refusal::new(foreign)) }
}

fn change_reaction(reactions: &mut Vec<Reaction>, name: &str, user: &str, add: bool) -> Result<(), Refusal> {
    let has_user = |reaction: &Reaction| reaction.name == name && reaction.users.iter().any(|one| one == user);
    if reactions.iter().any(has_user) == add {
        return Err(Refusal::new(if add { "already_reacted" } else { "no_reaction" }));
    }
    match reactions.iter_mut().find(|reaction| reaction.name == name) {
        Some(reaction) if add => reaction.users.push(user.to_owned()),
        Some(reaction) => reaction.users.retain(|one| one != user),
        None => reactions.push(Reaction { name: name.to_owned(), users: vec![user.to_owned()], count: 1 }),
    }
    reactions.retain(|reaction| !reaction.users.is_empty());
    reactions.iter_mut().for_each(|reaction| reaction.count = reaction.users.len());
    Ok(())
}

/// `1767000000.000100`: seconds, a point, digits.
pub(crate) fn is_ts(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('.').is_some_and(|(seconds, rest)| digits(seconds) && digits(rest))
}
