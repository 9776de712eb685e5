//! Streamed messages: started, appended to, stopped; closed by Slack itself when they last or rest too long.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Core, SlackOptions,
    args::Args,
    blocks,
    chat::{is_ts, own_message},
    conversations::{Access, find},
    events,
    people::Caller,
    types::{ChannelType, HistoryKind, Stop, StreamState},
    web::{Answer, Refusal},
    world::{Channel, Json, Message, Stream},
};
use crate::clock;

const MARKDOWN_TEXT_CHARS_MAX: usize = 12_000;
const CHUNKS_MAX: usize = 100;

pub(crate) fn start(core: &Arc<Core>, caller: &Caller, args: &Args) -> Answer {
    let id = args.need("channel", "channel_not_found")?;
    let options = core.options();
    let mut world = core.world();
    let channel = find(&mut world, &caller.team, &id, Access::Write)?;
    if !channel.streams {
        return Err(Refusal::new("channel_type_not_supported"));
    }
    let thread_ts = args.text("thread_ts").filter(|ts| !ts.is_empty());
    let thread_ts = thread_ts.ok_or_else(|| missing("thread_ts"))?;
    if !is_ts(&thread_ts) {
        return Err(Refusal::new("invalid_thread_ts"));
    }
    if channel.kind != ChannelType::Im {
        args.need("recipient_user_id", "missing_recipient_user_id")?;
        args.need("recipient_team_id", "missing_recipient_team_id")?;
    }
    let text = read_text(args)?;
    within_cap(&text, &options)?;
    let now = clock::now_ms();
    let mut message = Message {
        thread_ts: Some(thread_ts),
        text,
        stream: Some(Stream { state: StreamState::InProgress, begun_ms: now, touched_ms: now }),
        ..Message::from_bot(channel.next_ts(), &caller.team)
    };
    // A stream has no switches. What it begins with is a new message's text; what is appended is an edit.
    core.preview(&message);
    message.plain = true;
    let kind = channel.kind;
    channel.add(message.clone());
    world.record_call(HistoryKind::Post, "chat.startStream", &caller.team, &id, &message);
    let rendered = events::render(&caller.team, &options.app_id, &message, true);
    core.echo(&mut world, &caller.team, events::new_message(&rendered, &id, kind, &message.ts));
    Ok(json!({ "ok": true, "channel": id, "ts": message.ts }))
}

pub(crate) fn append(core: &Arc<Core>, caller: &Caller, args: &Args) -> Answer {
    let id = args.need("channel", "channel_not_found")?;
    let options = core.options();
    let mut world = core.world();
    let channel = find(&mut world, &caller.team, &id, Access::Write)?;
    let message = streaming(channel, args, &options)?;
    let text = read_text(args)?;
    if text.is_empty() {
        return Err(Refusal::new("no_text"));
    }
    extend(message, &text, &options)?;
    let message = message.clone();
    world.record_call(HistoryKind::Update, "chat.appendStream", &caller.team, &id, &message);
    Ok(json!({ "ok": true, "channel": id, "ts": message.ts }))
}

pub(crate) fn stop(core: &Arc<Core>, caller: &Caller, args: &Args) -> Answer {
    let id = args.need("channel", "channel_not_found")?;
    let options = core.options();
    let mut world = core.world();
    let channel = find(&mut world, &caller.team, &id, Access::Write)?;
    let (kind, edited_ts) = (channel.kind, channel.next_ts());
    let message = streaming(channel, args, &options)?;
    let before = events::render(&caller.team, &options.app_id, message, true);
    let list = args.structured("blocks", "invalid_blocks_format")?;
    if let Some(list) = &list {
        blocks::check(list)?;
    }
    let metadata = args.structured("metadata", "invalid_metadata_format")?;
    if let Some(metadata) = &metadata {
        blocks::check_metadata(metadata)?;
    }
    let text = read_text(args)?;
    extend(message, &text, &options)?;
    message.blocks = list.as_ref().map(Json::of);
    message.metadata = metadata.as_ref().map(Json::of).or(message.metadata.take());
    message.close(StreamState::Completed);
    let message = message.clone();
    world.record_call(HistoryKind::Update, "chat.stopStream", &caller.team, &id, &message);
    let rendered = events::render(&caller.team, &options.app_id, &message, true);
    core.echo(&mut world, &caller.team, events::changed(&rendered, &before, &id, kind, &edited_ts));
    Ok(json!({ "ok": true, "channel": id, "ts": message.ts, "message": rendered }))
}

impl Core {
    /// A person presses Stop: Slack ends the thread's streams by itself and tells the app. Returns the event's id.
    pub(crate) fn stop_session(self: &Arc<Self>, stop: &Stop) -> String {
        let mut world = self.world();
        let channel = world.channel(&stop.team, &stop.channel);
        let event_ts = channel.next_ts();
        let mut stopped = Vec::new();
        for message in channel.messages.values_mut() {
            if message.is_streaming() && message.belongs_to(&stop.thread_ts) {
                message.close(StreamState::Completed);
                stopped.push(message.ts.clone());
            }
        }
        let event = json!({
            "type": "agent_session_stopped", "channel": stop.channel, "thread_ts": stop.thread_ts,
            "user": stop.user, "streaming_message_ts": stopped, "event_ts": event_ts,
        });
        self.send(&mut world, &stop.team, &event)
    }

    /// Closes every stream of a channel, as Slack does with those that last too long; how many there were.
    pub(crate) fn expire_streams(&self, team: &str, channel: &str) -> usize {
        let mut world = self.world();
        let messages = world.channel(team, channel).messages.values_mut();
        let open: Vec<&mut Message> = messages.filter(|message| message.is_streaming()).collect();
        let count = open.len();
        open.into_iter().for_each(|message| message.close(StreamState::Errored));
        count
    }
}

/// A message of the bot's that still streams. One that rested or lasted too long is found closed.
fn streaming<'a>(
    channel: &'a mut Channel,
    args: &Args,
    options: &SlackOptions,
) -> Result<&'a mut Message, Refusal> {
    let ts = args.need("ts", "message_not_found")?;
    let message = own_message(channel, &ts, "message_not_owned_by_app")?;
    let now = clock::now_ms();
    let over = |stream: &Stream| {
        now > stream.begun_ms + options.stream_total_ms || now > stream.touched_ms + options.stream_idle_ms
    };
    if message.stream.as_ref().is_some_and(over) {
        message.close(StreamState::Errored);
    }
    if message.is_streaming() { Ok(message) } else { Err(Refusal::new("message_not_in_streaming_state")) }
}

fn extend(message: &mut Message, text: &str, options: &SlackOptions) -> Result<(), Refusal> {
    let all = format!("{}{text}", message.text);
    within_cap(&all, options)?;
    message.text = all;
    if let Some(stream) = &mut message.stream {
        stream.touched_ms = clock::now_ms();
    }
    Ok(())
}

fn within_cap(text: &str, options: &SlackOptions) -> Result<(), Refusal> {
    if text.chars().count() > options.stream_text_max { Err(Refusal::new("msg_too_long")) } else { Ok(()) }
}

/// `markdown_text`, or the text of the chunks.
fn read_text(args: &Args) -> Result<String, Refusal> {
    let markdown = args.text("markdown_text").unwrap_or_default();
    let chunks = args.structured("chunks", "invalid_chunks")?;
    let Some(chunks) = chunks else {
        return if markdown.chars().count() > MARKDOWN_TEXT_CHARS_MAX {
            Err(Refusal::new("msg_too_long"))
        } else {
            Ok(markdown)
        };
    };
    let list = chunks.as_array().filter(|list| list.len() <= CHUNKS_MAX && markdown.is_empty());
    let list = list.ok_or_else(|| Refusal::new("invalid_chunks"))?;
    let mut text = String::new();
    for chunk in list {
        match chunk["type"].as_str() {
            Some("markdown_text") => {
                text.push_str(chunk["text"].as_str().ok_or_else(|| Refusal::new("invalid_chunks"))?);
            }
            Some("task_update") if chunk["id"].is_string() && chunk["title"].is_string() => {}
            Some("plan_update") if chunk["title"].is_string() => {}
            Some("blocks") => blocks::check(&chunk["blocks"])?,
            _ => return Err(Refusal::new("invalid_chunks")),
        }
    }
    Ok(text)
}

fn missing(field: &str) -> Refusal {
    let messages = vec![format!("[ERROR] missing required field: {field}")];
    Refusal { messages, ..Refusal::new("invalid_arguments") }
}

/// What a reader of the API is told of a stream.
pub(crate) fn describe(message: &Message, json: &mut Value) {
    if let Some(stream) = &message.stream {
        json["subtype"] = json!("bot_message");
        json["streaming_state"] = json!(stream.state);
    }
}
