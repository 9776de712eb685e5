//! What makes a bot an agent in Slack's eyes: the status line of a thread, its session, its title and suggested prompts.

use serde_json::{Value, json};

use super::{
    Core,
    args::Args,
    chat::is_ts,
    conversations::{Access, find},
    people::{self, Caller},
    types::{AuthorKind, HistoryEntry, HistoryKind, Session},
    web::{Answer, Refusal},
};
use crate::clock;

const LOADING_MESSAGES_MAX: usize = 10;
const PROMPTS_MAX: usize = 4;
const TITLE_CHARS_MAX: usize = 200;
const NO_STOP: &str = "missing_agent_session_stopped_event_subscription";
const SESSION_STATUSES: [&str; 4] = ["active", "processing", "suspended", "closed"];

pub(crate) fn set_status(core: &Core, caller: &Caller, args: &Args) -> Answer {
    let status = args.text("status").ok_or(Refusal::new("invalid_arguments"))?;
    let loading = args.structured("loading_messages", "invalid_arguments")?;
    let loading_messages = loading.as_ref().and_then(Value::as_array).map_or(0, Vec::len);
    if loading_messages > LOADING_MESSAGES_MAX {
        return Err(Refusal::new("invalid_arguments"));
    }
    let (id, thread_ts) = thread(args)?;
    let mut world = core.world();
    let channel = find(&mut world, &caller.team, &id, Access::Write)?;
    if status.is_empty() {
        channel.statuses.remove(&thread_ts);
    } else {
        channel.statuses.insert(thread_ts.clone(), (status.clone(), clock::now_ms()));
    }
    world.record(entry(caller, "assistant.threads.setStatus", id, thread_ts, status));
    Ok(json!({ "ok": true }))
}

pub(crate) fn set_title(core: &Core, caller: &Caller, args: &Args) -> Answer {
    let title = args.need("title", "invalid_arguments")?;
    let (id, thread_ts) = thread(args)?;
    let mut world = core.world();
    find(&mut world, &caller.team, &id, Access::Write)?;
    world.record(entry(caller, "assistant.threads.setTitle", id, thread_ts, title));
    Ok(json!({ "ok": true }))
}

pub(crate) fn set_suggested_prompts(core: &Core, caller: &Caller, args: &Args) -> Answer {
    let id = args.need("channel_id", "channel_not_found")?;
    let prompts = args.structured("prompts", "invalid_arguments")?;
    let prompts = prompts.as_ref().and_then(Value::as_array).ok_or(Refusal::new("invalid_arguments"))?;
    let filled = |prompt: &Value| prompt["title"].is_string() && prompt["message"].is_string();
    if prompts.is_empty() || prompts.len() > PROMPTS_MAX || !prompts.iter().all(filled) {
        return Err(Refusal::new("invalid_arguments"));
    }
    let titles: Vec<&str> = prompts.iter().filter_map(|prompt| prompt["title"].as_str()).collect();
    let mut world = core.world();
    find(&mut world, &caller.team, &id, Access::Write)?;
    let thread_ts = args.text("thread_ts").unwrap_or_default();
    world.record(entry(caller, "assistant.threads.setSuggestedPrompts", id, thread_ts, titles.join("\n")));
    Ok(json!({ "ok": true }))
}

/// Creates the session if there is none; its title counts only then.
pub(crate) fn set_session(core: &Core, caller: &Caller, args: &Args) -> Answer {
    let status = args.need("status", "invalid_arguments")?;
    let title = args.text("title").filter(|title| !title.is_empty());
    let too_long = title.as_ref().is_some_and(|title| title.chars().count() > TITLE_CHARS_MAX);
    if !SESSION_STATUSES.contains(&status.as_str()) || too_long {
        return Err(Refusal::new("invalid_arguments"));
    }
    let (id, thread_ts) = thread(args)?;
    let mut world = core.world();
    let channel = find(&mut world, &caller.team, &id, Access::Write)?;
    let session =
        channel.sessions.entry(thread_ts.clone()).or_insert_with(|| Session { title, ..Session::default() });
    session.status = status.clone();
    let mut answer = json!({ "ok": true, "status": "ok", "agent_status": status, "title": session.title });
    if !core.options().stop_subscribed {
        answer["warning"] = json!(NO_STOP);
        answer["response_metadata"] = json!({ "warnings": [NO_STOP] });
    }
    world.record(entry(caller, "agents.sessions.setStatus", id, thread_ts, status));
    Ok(answer)
}

pub(crate) fn rename_session(core: &Core, caller: &Caller, args: &Args) -> Answer {
    let title = args.need("title", "invalid_arguments")?;
    if title.chars().count() > TITLE_CHARS_MAX {
        return Err(Refusal::new("invalid_arguments"));
    }
    let (id, thread_ts) = thread(args)?;
    let mut world = core.world();
    let channel = find(&mut world, &caller.team, &id, Access::Write)?;
    let session = channel.sessions.get_mut(&thread_ts).ok_or(Refusal::new("session_not_found"))?;
    session.title = Some(title.clone());
    world.record(entry(caller, "agents.sessions.rename", id, thread_ts, title));
    Ok(json!({ "ok": true }))
}

fn thread(args: &Args) -> Result<(String, String), Refusal> {
    let id = args.need("channel_id", "channel_not_found")?;
    let thread_ts = args.need("thread_ts", "invalid_arguments")?;
    if is_ts(&thread_ts) { Ok((id, thread_ts)) } else { Err(Refusal::new("invalid_thread_ts")) }
}

fn entry(caller: &Caller, method: &str, channel: String, thread_ts: String, text: String) -> HistoryEntry {
    HistoryEntry {
        channel: Some(channel),
        thread_ts: Some(thread_ts),
        author: Some(people::bot_user_of(&caller.team)),
        author_kind: Some(AuthorKind::Bot),
        text: Some(text),
        method: Some(method.to_owned()),
        ..HistoryEntry::new(HistoryKind::Status, &caller.team)
    }
}
